"""The FDIR table of a design as rows for people: `skyrack list fdir DESIGN` and the reference page.

No rule is here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bus.dictionary import Dictionary, Parameter
from bus.pus import Severity
from bus.text.times import span
from node.assembly import dictionary, equipment
from node.designs.load import load_design
from node.devices.equipment import FdirRow


def table_rows(design: str) -> list[dict[str, Any]]:
    """Every row of the table, in its order."""
    words = dictionary(design)
    rows = equipment(load_design(design)).fdir
    return [row_cells(row, words, rows) for row in rows]


def row_cells(row: FdirRow, words: Dictionary, rows: Sequence[FdirRow]) -> dict[str, Any]:
    """One row. `rows`: the whole table."""
    looks = bool(row.reading)
    stays = looks or bool(row.of)
    return {
        "monitor": row.monitor,
        "reading": row.reading or "-",
        "wrong": limits(row, words.parameter[row.reading]) if looks else _without_reading(row, rows),
        "repetition": row.repetition if looks else "-",
        "interval": span(row.interval_s) if looks else "-",
        "confirmation": span(row.confirmation_s) if looks else "-",
        "event": row.event or row.monitor,
        "severity": Severity(row.severity).name.lower() if not row.event else "-",
        "action": action(row.telecommand, row.arguments) or "-",
        "again": f"after {span(row.again_s)}, {row.at_most} in all" if row.telecommand and stays else "-",
        "deadline": span(row.deadline_s) if stays else "-",
        "level": row.level,
        "then": _then(row),
        "modes": ", ".join(row.modes) or "all",
        "masks": f"{', '.join(row.masks)} for {span(row.mask_s)}" if row.masks else "-",
        "criticality": "unknown" if row.criticality_s is None else span(row.criticality_s),
        "enabled": row.enabled,
        "meaning": row.text,
    }


def brief_cells(row: dict[str, Any]) -> dict[str, Any]:
    """What a terminal has room for."""
    looks = "-" if row["interval"] == "-" else f"{row['repetition']} x {row['interval']} = {row['confirmation']}"
    shown = {"monitor and event": row["monitor"], "reading": row["reading"], "wrong": row["wrong"], "looks": looks}
    more = {name: row[name] for name in ("severity", "action", "again", "then", "deadline", "level")}
    return {**shown, **more, "critical in": row["criticality"]}


def _without_reading(row: FdirRow, rows: Sequence[FdirRow]) -> str:
    if row.event:
        return f"on event {row.event}"
    if row.of:
        return f"at least {row.at_least} of {', '.join(row.of)}"
    return f"after {', '.join(other.monitor for other in rows if other.escalate_to == row.monitor) or 'nothing'}"


def _then(row: FdirRow) -> str:
    """The row above it, and after how many times."""
    if not row.escalate_to:
        return "-"
    times = "once" if row.escalate_after == 1 else f"{row.escalate_after} times"
    return f"{row.escalate_to} after {times} in {span(row.escalate_within_s)}"


def limits(row: FdirRow, parameter: Parameter) -> str:
    """When a reading is wrong, in its unit."""
    if row.check == "expected":
        return f"not {_value(row.low, parameter)}"
    words = ("falls by over", "rises by over") if row.check == "delta" else ("below", "above")
    sides = []
    if row.low > -math.inf:
        sides.append(f"{words[0]} {_value(-row.low if row.check == 'delta' else row.low, parameter)}")
    if row.high < math.inf:
        sides.append(f"{words[1]} {_value(row.high, parameter)}")
    return " or ".join(sides) or "never"


def action(telecommand: str, arguments: Sequence[tuple[str, object]]) -> str:
    """A stored telecommand as one types it."""
    return " ".join((telecommand, *(f"{name}={_plain(value)}" for name, value in arguments)))


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _value(number: float, parameter: Parameter) -> str:
    unit = "" if parameter.unit in ("", "1") else f" {parameter.unit}"
    return parameter.label(number) or f"{number:g}{unit}"
