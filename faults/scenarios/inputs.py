"""The `inputs:` of a spacecraft: a log that drives a plant that flies alone, instead of its own laws and orders.

Each entry names what is driven (an order, a limiter's load, a group's power, the attitude) and the columns that say it.
The rows travel in the resolved scenario.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bus.errors import Refused, ScenarioError, UnknownNameError
from bus.scenario.model import Measured
from bus.text import tables, units
from bus.text.forms import Form, says
from bus.text.instants import parse_instant
from bus.text.leaves import duration, quantity, text
from bus.text.near import nearest, one_of
from bus.text.reader import Item
from faults.scenarios.orders import MODE, check_order, find_order
from node.designs.load import load_design
from node.devices.order_limits import WORDS

LOAD, POWER = "lcl_load_w", "accelerator_power_w"
OFFSET, QUATERNION = "pointing_offset_rad", "quaternion_body_from_teme"
STATES = {OFFSET: 3, QUATERNION: 4}
"""True quantities that a log may drive, with their elements; the attitude."""
MOST_DRIVEN, MOST_TERMS, MOST_ROWS = 32, 8, 200_000
_YEAR_NS = 400 * 86_400 * 10**9
_SECONDS = {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0}
_COLUMN = text(longest=128, shape="the name of a column of the table")
_NUMBER = quantity("number", -1e12, 1e12, "-1e12 to 1e12")


class Term(Form):
    """(cell * scale + offset) * cell of `times`, if there is one."""

    column: Annotated[str, _COLUMN]
    scale: Annotated[float, _NUMBER] = 1.0
    offset: Annotated[float, _NUMBER] = 0.0
    times: Annotated[str, text(longest=128, empty=True)] = says("another column that it is multiplied by", "")


class DriveForm(Term):
    """What one entry says: a term, and more that are added to it, in `unit`."""

    unit: Annotated[str, text(longest=32, empty=True)] = says("unit of what the columns come to", "")
    plus: Annotated[tuple[Term, ...], Field(max_length=MOST_TERMS)] = says("terms that are added", ())
    missing: Annotated[tuple[Annotated[float, quantity("number", -1e30, 1e30)], ...], Field(max_length=20)] = says(
        "cells that stand for no value", ()
    )
    between: Literal["hold", "line"] = says("rows: each holds to the next, or straight lines", "hold")


class LogTime(Form):
    """The table's times: seconds since the epoch of the scenario, or instants in UTC."""

    column: Annotated[str, _COLUMN]
    unit: Literal["s", "ms", "min", "h", "utc"] = "s"


class InputsForm(Form):
    """A table beside the scenario, and what of it drives the plant."""

    csv: Annotated[str, text(longest=1000)]
    time: LogTime
    shift: Annotated[int, duration(-_YEAR_NS, _YEAR_NS, "at most 400 days either way")] = says(
        "what is added to the table's times", 0
    )
    drive: Annotated[dict[Annotated[str, text(longest=128)], DriveForm], Field(min_length=1, max_length=MOST_DRIVEN)]


def read_inputs(item: Item, design: str, epoch: datetime, span_s: float | None) -> tuple[Measured, ...]:
    """What a log says, by what it drives. What is wrong is noted with its line, in the scenario or in the table;
    a log that says nothing of the flight is a warning."""
    mark = item.sheet.mark()
    form = item.read(InputsForm)
    if form is None:
        return ()
    for name, drive in form.drive.items():
        _check(item.below("drive").place((name,)), name, drive, design)
    _check_attitude(item, [name for name in form.drive if name.partition("[")[0] == QUATERNION])
    if not item.sheet.clean_since(mark):
        return ()
    path = Path(item.sheet.file).parent / form.csv
    try:
        measured = _read(form, path, epoch, design)
        begin, end = min(one.times_s[0] for one in measured), max(one.times_s[-1] for one in measured)
        if span_s is not None and (end < 0.0 or begin >= span_s):
            item.below("csv").warn(
                f"{units.show(form.csv)}, of {begin:g} s to {end:g} s after the epoch",
                f"rows within the flight (0 s to {span_s:g} s), or it drives nothing: `time` and `shift` place it",
            )
        return measured
    except ScenarioError as error:
        for mistake in error.mistakes:
            if mistake.line:
                item.sheet.mistakes.append(mistake)
            else:
                item.below("csv").refuse(f"{units.show(form.csv)}: {mistake.found}", mistake.allowed)
        return ()


def _check(item: Item, name: str, drive: DriveForm, design: str) -> None:
    """The name is one that can be driven, and the unit fits it."""
    stem, _, rest = name.partition("[")
    form, part = load_design(design), rest.removesuffix("]")
    try:
        if stem in (LOAD, POWER):
            parts = form.lcls if stem == LOAD else form.accelerators
            if part not in parts or not name.endswith("]"):
                raise UnknownNameError(
                    "part", name, [f"{stem}[{near}]" for near in nearest(part, parts)], hint=one_of(parts, part)
                )
        elif stem in STATES:
            if part not in {str(place) for place in range(STATES[stem])}:
                raise Refused(units.show(name), f"{stem}[0] to {stem}[{STATES[stem] - 1}]")
        else:
            find_order(design, name)
            if drive.between == "line" and stem in (MODE, *WORDS):
                raise Refused("between: line", "hold: it goes from one word to the next, with nothing between")
        if drive.unit not in units.DIMENSIONS[units.dimension_of_name(stem)]:
            raise Refused(
                units.show(drive.unit) if drive.unit else "no unit",
                "no unit"
                if "" in (allowed := units.DIMENSIONS[units.dimension_of_name(stem)]) and len(allowed) == 1
                else units.allowed_units(units.dimension_of_name(stem)),
            )
    except UnknownNameError as error:
        item.adopt(error)
    except Refused as error:
        item.refuse(error.found, error.allowed)


def _check_attitude(item: Item, named: Sequence[str]) -> None:
    if named and len(named) != STATES[QUATERNION]:
        item.below("drive").refuse(f"{len(named)} elements of {QUATERNION}", "all four, or none")


def _read(form: InputsForm, path: Path, epoch: datetime, design: str) -> tuple[Measured, ...]:
    shown = str(path)
    rows = iter(tables.rows(tables.read_file(path, shown).text, shown))
    header = next(rows, None)
    if header is None:
        raise tables.refused(shown, 1, "file", "an empty table", "a header and at least one row")
    names = [cell.strip().removeprefix("\ufeff") for cell in header.cells]
    terms = {name: (drive, *drive.plus) for name, drive in form.drive.items()}
    wanted = [
        form.time.column,
        *(c for each in terms.values() for term in each for c in (term.column, term.times) if c),
    ]
    for column in wanted:
        if names.count(column) != 1:
            what = f"{names.count(column) or 'no'} column {column!r}"
            raise tables.refused(shown, header.line, "header", what, one_of([n for n in names if n], column))
    places = {column: names.index(column) for column in wanted}
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in form.drive}
    last, count = -math.inf, 0
    for line, row in rows:
        cells = {column: row[place].strip() if place < len(row) else "" for column, place in places.items()}
        moment = _moment(cells[form.time.column], form, epoch, shown, line)
        if moment <= last:
            raise tables.refused(
                shown, line, form.time.column, f"{moment:g} s, not after the row before", "times that rise"
            )
        last, count = moment, count + 1
        if count > MOST_ROWS:
            raise tables.refused(shown, line, "file", "more rows", f"at most {MOST_ROWS}")
        for name, drive in form.drive.items():
            value = _value(terms[name], drive, cells, shown, line)
            if value is None:
                continue
            stem = name.partition("[")[0]
            try:
                si = units.parse(f"{value!r} {drive.unit}".strip(), units.dimension_of_name(stem))
                _allowed(design, name, stem, si)
            except (Refused, ScenarioError) as error:
                allowed = error.allowed if isinstance(error, Refused) else error.mistakes[0].allowed
                raise tables.refused(shown, line, name, f"{value:g} {drive.unit}".strip(), allowed) from None
            found[name][0].append(moment)
            found[name][1].append(si)
        turned = [values[-1] for name, (times, values) in found.items() if name.startswith(QUATERNION) and times]
        if len(turned) == STATES[QUATERNION] and not any(turned):
            raise tables.refused(shown, line, QUATERNION, "four zeros", "a quaternion, which has a length")
    for name, (times, _) in found.items():
        if not times:
            raise tables.refused(shown, header.line, name, "no row with a value", "at least one")
    return tuple(
        Measured(name=name, linear=form.drive[name].between == "line", times_s=tuple(times), values=tuple(values))
        for name, (times, values) in found.items()
    )


def _allowed(design: str, name: str, stem: str, si: float) -> None:
    if stem in (LOAD, POWER):
        if not 0.0 <= si <= 1e9:
            raise Refused(f"{si:g} W", "0 W to 1 GW")
    elif stem not in STATES:
        check_order(design, name, si)


def _moment(cell: str, form: InputsForm, epoch: datetime, shown: str, line: int) -> float:
    try:
        if form.time.unit == "utc":
            return (parse_instant(cell) - epoch).total_seconds() + form.shift / 1e9
        return _number(cell) * _SECONDS[form.time.unit] + form.shift / 1e9
    except Refused as error:
        raise tables.refused(shown, line, form.time.column, error.found, error.allowed) from None


def _number(cell: str) -> float:
    try:
        value = float(cell) if "_" not in cell else math.inf
    except ValueError:
        value = math.inf
    if not math.isfinite(value) or abs(value) > 1e30:
        raise Refused(units.show(cell), "a number")
    return value


def _value(terms: Sequence[Term], drive: DriveForm, cells: Mapping[str, str], shown: str, line: int) -> float | None:
    """The sum of the terms; None where one of their cells says nothing."""
    total = 0.0
    for term in terms:
        factors = []
        for column in (term.column, term.times) if term.times else (term.column,):
            if tables.is_nothing(cells[column]):
                return None
            try:
                factors.append(_number(cells[column]))
            except Refused as error:
                raise tables.refused(shown, line, column, error.found, error.allowed) from None
            if factors[-1] in drive.missing:
                return None
        total += (factors[0] * term.scale + term.offset) * (factors[1] if len(factors) > 1 else 1.0)
    return total
