"""The margins of an audit as `skyrack check` shows them to people. What a margin is, `node/audit.py` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from node.audit import Margin

MARGINS_TITLE = "margins at full load, beginning of life, worst day of the year"


def margin_rows(margins: Sequence[Margin]) -> list[dict[str, Any]]:
    """What closes and what does not, a row each."""
    return [
        {
            "spacecraft": m.spacecraft,
            "margin": m.name,
            "value": f"{m.value:.4g} {m.unit if m.unit != '1' else ''}",
            "limit": f"{'at least' if m.better == 'above' else 'at most'} {m.limit:.4g}",
            "": "" if m.verdict == "ok" else "WARNING",
        }
        for m in margins
    ]


def margin_warnings(margins: Sequence[Margin]) -> list[str]:
    """What to do about those that do not close. A warning is no mistake: it may be the point of the scenario."""
    return [f"warning: {m.spacecraft}, {m.name}: {m.advice}" for m in margins if m.verdict != "ok"]
