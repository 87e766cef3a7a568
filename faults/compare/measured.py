"""A table of telemetry as somebody brings it: times that rise, numbers or nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bus.errors import Mistake, Refused, ScenarioError
from bus.text import tables
from bus.text.instants import parse_instant
from bus.text.near import one_of
from bus.text.units import show
from faults.compare.form import Map

Floats = NDArray[np.float64]
MOST = 1e30
"""The largest number of a cell, either sign: its square still is one."""
_SECONDS = {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows of a table. times_s: since the scenario's epoch by the table's own clock. cells: as written, by column, NaN
    for nothing."""

    file: str
    times_s: Floats
    cells: Mapping[str, Floats]

    @property
    def step_s(self) -> float:
        """Median time between rows."""
        return float(np.median(np.diff(self.times_s))) if self.times_s.size > 1 else 0.0

    @property
    def longest_gap_s(self) -> float:
        """Longest time between rows."""
        return float(np.diff(self.times_s).max()) if self.times_s.size > 1 else 0.0


def read_measured(path: Path, plan: Map, epoch: datetime) -> Measured:
    """The columns that the map names. Raises ScenarioError with the line: no such column, no number, times that do not
    rise."""
    shown = str(path)
    rows = iter(tables.rows(tables.read_file(path, shown).text, shown))
    header = next(rows, None)
    if header is None:
        raise _refused(shown, 1, "file", "an empty table", "a header and at least two rows")
    names = [cell.strip().removeprefix("\ufeff") for cell in header.cells]
    wanted = list(dict.fromkeys([*(c.name for c in plan.columns), *(e.column for e in plan.events)]))
    places = {name: _place(names, name, header.line, shown, plan.file) for name in (plan.time_column, *wanted)}
    times: list[float] = []
    cells: dict[str, list[float]] = {name: [] for name in wanted}
    time_at = places[plan.time_column]
    for line, row in rows:
        moment = _moment(_cell(row, time_at), plan, epoch, (shown, line))
        if times and moment <= times[-1]:
            found = f"{show(row[time_at].strip())}, which is not after the row before"
            raise _refused(shown, line, plan.time_column, found, "times that rise from row to row")
        times.append(moment)
        for name in wanted:
            cells[name].append(_number(_cell(row, places[name]), line, shown, name))
    if len(times) < 2:
        raise _refused(shown, header.line, "file", f"{len(times)} rows", "a header and at least two rows")
    return Measured(shown, np.array(times), {name: np.array(values) for name, values in cells.items()})


def _place(names: Sequence[str], name: str, line: int, shown: str, plan: str) -> int:
    found = [i for i, one in enumerate(names) if one == name]
    if len(found) > 1:
        raise _refused(shown, line, "header", f"{len(found)} columns {name!r}, which {plan} names", "one of that name")
    if not found:
        what = f"no column {name!r}, which {plan} names"
        raise _refused(shown, line, "header", what, one_of([n for n in names if n], name))
    return found[0]


def _cell(row: Sequence[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _moment(cell: str, plan: Map, epoch: datetime, place: tuple[str, int]) -> float:
    (shown, line), unit, column = place, plan.time_unit, plan.time_column
    if unit == "utc":
        try:
            return (parse_instant(cell) - epoch).total_seconds()
        except Refused as error:
            raise _refused(shown, line, column, error.found, error.allowed) from None
    moment = _number(cell, line, shown, column)
    if math.isnan(moment):
        raise _refused(shown, line, column, "no time", f"a number of {unit}")
    return moment * _SECONDS[unit]


def _number(cell: str, line: int, shown: str, column: str) -> float:
    if tables.is_nothing(cell):
        return math.nan
    try:
        value = float(cell) if "_" not in cell else math.inf
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise _refused(shown, line, column, show(cell), f"a number, or {tables.NOTHING_SAID}")
    if abs(value) > MOST:
        raise _refused(shown, line, column, show(cell), f"a number from {-MOST:g} to {MOST:g}")
    return value


def _refused(shown: str, line: int, field: str, found: str, allowed: str) -> ScenarioError:
    return ScenarioError([Mistake(shown, line, 1, field, found, allowed)])
