"""What the ground's people had to do with: alarms and procedures, as the archive holds them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bus.errors import EnvironmentFault
from groundstation.archive.reader import ArchiveReader

MAX_ROWS = 1000
"""Alarms, and procedures, told of one run; the archive has all of them."""
LEVELS = ("normal", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Operations:
    """Rows for summary and report; None where the archive does not tell."""

    alarms: list[dict[str, Any]] | None = None
    procedures: list[dict[str, Any]] | None = None


def read_operations(archive: ArchiveReader) -> Operations:
    """Alarms and procedures of a run, in their order."""
    try:
        return Operations(read_alarms(archive)[:MAX_ROWS], _procedures(archive))
    except (EnvironmentFault, ValueError, TypeError, KeyError, AttributeError):
        return Operations()


def read_alarms(archive: ArchiveReader) -> list[dict[str, Any]]:
    """Every alarm, each with its why."""
    return [_alarm(row) for row in archive.alarms()]


def _alarm(row: dict[str, Any]) -> dict[str, Any]:
    why = json.loads(row["why"])
    return {
        "alarm": row["alarm"],
        "spacecraft": row["spacecraft"],
        "subject": row["subject"],
        "level": LEVELS[row["level"]],
        "state": row["state"],
        "late": bool(row["late"]),
        "raised_s": row["raised_ns"] / 1e9,
        "times": row["times"],
        "because": why["because"],
        "readings": why["readings"],
        "telecommands": why["telecommands"],
        "modes": why["modes"],
        "procedure": why["procedure"],
    }


def _procedures(archive: ArchiveReader) -> list[dict[str, Any]]:
    lines: dict[Any, list[dict[str, Any]]] = {}
    for run, _, began_ns, _, step, outcome in archive.procedure_log():
        line = {"at_s": began_ns / 1e9, "step": step, "outcome": outcome}  # type: ignore[operator]
        lines.setdefault(run, []).append(line)
    rows: list[dict[str, Any]] = []
    for row in archive.procedures()[:MAX_ROWS]:
        found: dict[str, Any] = dict(row)
        rows.append(
            {
                "run": found["run"],
                "name": found["name"],
                "spacecraft": json.loads(found["spacecraft"]),
                "arguments": json.loads(found["arguments"]),
                "origin": found["origin"],
                "state": found["state"],
                "started_s": found["started_ns"] / 1e9,
                "ended_s": found["changed_ns"] / 1e9,
                "detail": found["detail"],
                "log": lines.get(found["run"], []),
            }
        )
    return rows
