"""Alarms and procedures as tables of the report: by exception, each alarm with its why, each procedure as on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bus.text.times import clock
from faults.recording.operations import Operations
from faults.report.html import badge, table

MAX_ROWS = 400
"""Rows shown of a table; what is left out is said below it."""
_PLAY_BACK = {
    "alarm": "raises alarms of its own, marked late",
    "log": "is logged, and nobody has to answer",
    "ignore": "is archived and not judged",
}
_UNKNOWN = "<p class='soft'>Unknown: there is no archive that tells.</p>"


def alarms(operations: Operations, play_back: str) -> str:
    """One row an alarm. `play_back`: what telemetry that was played back did."""
    if operations.alarms is None:
        return _UNKNOWN
    rows = [
        [
            clock(row["raised_s"]) + (" <span class='soft'>late</span>" if row["late"] else ""),
            escape(row["spacecraft"]),
            f"<code>{escape(row['subject'])}</code>",
            badge(row["level"]),
            escape(row["state"].lower()),
            f"{row['times']:,}",
            _why(row),
        ]
        for row in operations.alarms[:MAX_ROWS]
    ]
    heads = ["Raised #", "Spacecraft", "Alarm", "Level", "State", "Times #", "Why"]
    said = f"<p class='soft'>Telemetry that was played back: {_PLAY_BACK[play_back]}.</p>"
    return table(heads, rows, empty="No alarm was raised.") + _left_out(len(operations.alarms)) + said


def procedures(operations: Operations) -> str:
    """One row a line of each run's log."""
    if operations.procedures is None:
        return _UNKNOWN
    rows = []
    for run in operations.procedures:
        detail = f" <span class='soft'>{escape(run['detail'])}</span>" if run["detail"] else ""
        whom = f"<b>{escape(run['name'])}</b> on {escape(', '.join(run['spacecraft']))}"
        state = badge(run["state"].lower()) + detail
        rows.append([clock(run["started_s"]), str(run["run"]), whom + _given(run["arguments"]), state])
        rows += [[clock(line["at_s"]), "", escape(line["step"]), escape(line["outcome"])] for line in run["log"]]
    heads = ["Begun #", "Run", "Step", "Outcome"]
    return table(heads, rows[:MAX_ROWS], empty="No procedure was run.") + _left_out(len(rows))


def _why(row: Mapping[str, Any]) -> str:
    parts = [escape(row["because"])]
    if row["readings"]:
        parts.append("readings " + ", ".join(f"{value:.6g}" for _, _, value in row["readings"]))
    parts += [f"{clock(at)} {escape(text)}" for at, text in _last(row["modes"], row["telecommands"])]
    if row["procedure"]:
        parts.append(f"answered by <code>{escape(row['procedure'])}</code>")
    return parts[0] + "".join(f"<br><span class='soft'>{part}</span>" for part in parts[1:])


def _last(modes: Sequence[tuple[float, str]], telecommands: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    return sorted((at, text) for at, text in [*modes, *telecommands])


def _given(arguments: Mapping[str, object]) -> str:
    given = ", ".join(f"{name}={value}" for name, value in arguments.items())
    return f" <span class='soft'>{escape(given)}</span>" if given else ""


def _left_out(count: int) -> str:
    return f"<p class='soft'>{count - MAX_ROWS:,} more are in the archive.</p>" if count > MAX_ROWS else ""
