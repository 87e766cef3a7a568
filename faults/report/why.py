"""The chain behind a state, as a table: cause, truth, reading, monitor, action, effect, each with its latency."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from bus.text.times import clock
from faults.report.html import table


def chain_table(why: Mapping[str, Any]) -> str:
    """One answer as `skyrack why --json` gives it."""
    rows = []
    for link in why["links"]:
        words = escape(link["words"]) or f"<span class='soft'>not known: {escape(link['missing'])}</span>"
        after = link["after_s"]
        rows.append([
            escape(link["kind"]), "-" if link["at_s"] is None else clock(link["at_s"]),
            "" if not after else f"+{after:g} s", words,
        ])  # fmt: skip
    others = "".join(f"<p>also acted: {escape(cause)}</p>" for cause in why["causes"][1:])
    notes = "".join(f"<p class='soft'>{escape(note)}</p>" for note in why["notes"])
    return table(["link", "at #", "after #", "what"], rows, empty="The chain is not known.") + others + notes


def why_section(why: Mapping[str, Any]) -> str:
    """One spacecraft's chain under its head."""
    return f"<h3>Why {escape(why['spacecraft'])} is {escape(why['state'])} at the end</h3>{chain_table(why)}"
