"""summary.json: the figures of a run under stable keys, as `docs/reference/summary.md` documents them.

A key once published keeps its meaning; new ones may be added. Takes a recording, reads no files.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from faults.oracle.judge import Judgement
from faults.recording.recording import Ledger, Recording

TELECOMMAND_STATES = ("sent", "completed", "failed", "rejected", "expired", "indeterminate")
_PACKAGES = ("numpy", "numba", "sgp4", "msgpack", "pydantic", "pyzmq")
VERSION = "0.1.0"
"""Skyrack's own; the same as in pyproject.toml (a test compares them)."""


_HOUSE = Path(__file__).resolve().parents[2]
_SOURCES = ("bus", "node", "groundstation", "faults")


@lru_cache(maxsize=1)
def sources_digest() -> str:
    """16 hex digits that name this very Skyrack: its program files and its data, by content."""
    digest = hashlib.blake2b(digest_size=8)
    for room in _SOURCES:
        for path in sorted((_HOUSE / room).rglob("*")):
            if (
                path.is_file()
                and "__pycache__" not in path.parts
                and not (path.suffix == ".yaml" and path.parent.name == "scenarios")
            ):
                content = path.read_bytes()
                digest.update(f"{path.relative_to(_HOUSE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Everything that decides bits, by name."""
    found = {"skyrack": VERSION, "sources": sources_digest(), "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def summarise(
    recording: Recording,
    judgements: Sequence[Judgement],
    *,
    mode: str,
    pace: str,
    wall_s: float,
    error: str = "",
    restarts: int = 0,
    refused: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The content of summary.json. `error` is what the range failed of, empty if it did not; `restarts` counts
    processes that died and came back."""
    scenario = recording.scenario
    node_steps = recording.ticks * len(scenario.spacecraft)
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "mode": mode,
        "pace": pace,
        "ticks": recording.ticks,
        "spacecraft": [spacecraft.id for spacecraft in scenario.spacecraft],
        "sim_s": recording.end_s,
        "wall_s": round(wall_s, 3),
        "node_steps_per_s": round(node_steps / wall_s, 1) if wall_s > 0 else None,
        "late_ticks": recording.late_ticks,
        "complete": recording.complete,
        "error": error,
        "restarts": restarts,
        "refused": [dict(row) for row in refused],
        "trace_hash": recording.trace_hash,
        "telecommands": {state: int(recording.ground_counters.get(f"tc_{state}", 0)) for state in TELECOMMAND_STATES},
        "telemetry": {
            "total": _row(_total(list(recording.ledgers.values()))),
            "spacecraft": {spacecraft: _row(ledger) for spacecraft, ledger in recording.ledgers.items()},
        },
        "faults": [
            {
                "id": fault.id,
                "fault": fault.fault,
                "target": fault.target,
                "seam": fault.seam,
                "at_s": fault.at_s,
                "cleared_s": fault.cleared_s,
                "refused": fault.refused,
            }
            for fault in recording.faults
        ],
        "expectations": [
            {
                "text": judgement.text,
                "verdict": judgement.verdict,
                "robustness": judgement.robustness,
                "first_violation_s": judgement.first_violation_s,
                "reason": judgement.reason,
            }
            for judgement in judgements
        ],
        "versions": dict(recording.versions),
    }


def to_json(summary: dict[str, Any]) -> str:
    """As it is written: keys in their documented order, no NaN."""
    return json.dumps(summary, indent=2, allow_nan=False) + "\n"


def exit_status(summary: dict[str, Any]) -> int:
    """0 if all is as expected, 1 if an expectation does not hold or could not be judged or a ledger does not close,
    3 if the range failed."""
    if summary["error"] or not summary["complete"]:
        return 3
    as_expected = all(row["verdict"] == "PASS" for row in summary["expectations"])
    closed = all(row["unaccounted"] == 0 for row in summary["telemetry"]["spacecraft"].values())
    return 0 if as_expected and closed else 1


def _total(ledgers: Sequence[Ledger]) -> Ledger:
    return Ledger(
        sum(ledger.generated for ledger in ledgers),
        sum(ledger.archived for ledger in ledgers),
        sum(ledger.declared_lost for ledger in ledgers),
        sum(ledger.on_board for ledger in ledgers),
    )


def _row(ledger: Ledger) -> dict[str, int]:
    return {
        "generated": ledger.generated,
        "archived": ledger.archived,
        "declared_lost": ledger.declared_lost,
        "on_board": ledger.on_board,
        "unaccounted": ledger.unaccounted,
    }
