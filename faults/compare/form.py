"""The map file: which column of a table is which signal, in which unit, how it was measured, how far it may be off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bus.errors import Refused
from bus.text import units
from bus.text.files import read_file
from bus.text.forms import Form, says
from bus.text.leaves import Leaf, duration, quantity, text, whole
from bus.text.reader import Item, Sheet

FORMAT = 1
MOST_COLUMNS, MOST_EVENTS, MOST_MISSING = 200, 50, 20
_DAY_NS = 86_400 * 10**9
_YEAR_NS = 400 * _DAY_NS
_SIGNAL = text(longest=128, shape="the name of a true quantity, such as battery_voltage_v")
_COLUMN = text(longest=128, shape="the name of a column of the table")
BOUNDS = ("mean", "mae", "rms", "p95", "worst")
"""What may be bounded of a column's residuals."""


def _format(value: object) -> int:
    version: int = whole(1, 1_000_000).read(value)
    if version != FORMAT:
        raise Refused(units.show(value), f"{FORMAT}, the map format of this version of Skyrack")
    return version


def _written(value: object) -> object:
    """A quantity whose unit is known only beside the column's."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Refused(units.show(value), "a number and its unit, such as '0.8 K'")
    return value


Written = Annotated[object, Leaf(_written, {"anyOf": [{"type": "string"}, {"type": "number"}]})]


class TimeForm(Form):
    """The table's times: seconds since the epoch of the scenario, or instants in UTC."""

    column: Annotated[str, _COLUMN]
    unit: Literal["s", "ms", "min", "h", "utc"] = "s"


class ClockForm(Form):
    """What is added to the table's times to have mission time, and how far round that a better value is looked for."""

    shift: Annotated[int, duration(-_YEAR_NS, _YEAR_NS, "at most 400 days either way")] = 0
    search: Annotated[int, duration(0, _DAY_NS, "up to a day")] = 0


class BoundForm(Form):
    """The largest residuals that pass, each in a unit of the column; `mean` counts without its sign."""

    mean: Written | None = None
    mae: Written | None = None
    rms: Written | None = None
    p95: Written | None = None
    worst: Written | None = None


class ColumnForm(Form):
    """One column. value in `unit` = cell * scale + offset."""

    signal: Annotated[str, _SIGNAL]
    unit: Annotated[str, text(longest=32, empty=True)] = says("unit of the column", "")
    scale: Annotated[float, quantity("number", -1e12, 1e12)] = 1.0
    offset: Annotated[float, quantity("number", -1e12, 1e12)] = 0.0
    missing: Annotated[
        tuple[Annotated[float, quantity("number", -1e30, 1e30)], ...], Field(max_length=MOST_MISSING)
    ] = says("cells that stand for no value", ())
    resolution: Written | None = says("smallest step of what was measured", None)
    cadence: Annotated[int, duration(0, _DAY_NS, "up to a day")] = says("how long a value is held", 0)
    bound: BoundForm = BoundForm()


class EventForm(Form):
    """Something that happens: the column goes below or above a level, in its own numbers, and the signal of the model
    below or above one, with a unit. Pairs are at most `within` apart."""

    column: Annotated[str, _COLUMN]
    column_below: Annotated[float, quantity("number", -1e30, 1e30)] | None = None
    column_above: Annotated[float, quantity("number", -1e30, 1e30)] | None = None
    signal: Annotated[str, _SIGNAL]
    signal_below: Written | None = None
    signal_above: Written | None = None
    within: Annotated[int, duration(0, _DAY_NS, "up to a day")]
    most_missed: Annotated[int, whole(0, 1_000_000)] | None = None
    most_invented: Annotated[int, whole(0, 1_000_000)] | None = None


class MapForm(Form):
    """A map file."""

    compare: Annotated[int, Leaf(_format, {"const": FORMAT})]
    spacecraft: Annotated[str, text(longest=64, empty=True)] = ""
    time: TimeForm
    clock: ClockForm = ClockForm()
    columns: Annotated[dict[Annotated[str, _COLUMN], ColumnForm], Field(min_length=1, max_length=MOST_COLUMNS)]
    events: Annotated[dict[Annotated[str, text(longest=64)], EventForm], Field(max_length=MOST_EVENTS)] = Field({})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table. Residuals are in its `unit`; of temperatures that is kelvin.

    value in SI = (cell * scale + offset) * factor + zero. resolution in the unit, 0 for none. bounds by name.
    line: of the signal in the map.
    """

    name: str
    signal: str
    unit: str
    factor: float
    zero: float
    scale: float
    offset: float
    missing: tuple[float, ...]
    resolution: float
    cadence_s: float
    bounds: dict[str, float]
    line: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens in the table and in the model. `rising`: above its level; levels as compared."""

    name: str
    column: str
    column_level: float
    column_rising: bool
    signal: str
    signal_level: float
    signal_rising: bool
    within_s: float
    most_missed: int | None
    most_invented: int | None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Map:
    """A map file as read."""

    file: str
    spacecraft: str
    time_column: str
    time_unit: str
    shift_s: float
    search_s: float
    columns: tuple[Column, ...]
    events: tuple[Event, ...]

    @property
    def signals(self) -> dict[str, int]:
        """Every quantity of the model that is needed, with the line that first names it."""
        named: dict[str, int] = {}
        for column in self.columns:
            named.setdefault(column.signal, column.line)
        for event in self.events:
            named.setdefault(event.signal, event.line)
        return named


def read_map(path: Path) -> Map:
    """A map file. Raises ScenarioError with every mistake, or EnvironmentFault where it cannot be read."""
    sheet = Sheet(str(path))
    root = sheet.compose(read_file(path, "map", hint="docs/how-to/compare.md shows one"))
    parts = root.parts(MapForm)
    columns = [_column(root.below("columns"), name, one) for name, one in (parts["columns"] or {}).items()]
    events = [_event(root.below("events"), name, one) for name, one in (parts["events"] or {}).items()]
    time, clock = parts["time"], parts["clock"]
    if time is not None and time.column in (parts["columns"] or {}):
        root.below("time.column").refuse(f"{time.column!r}, which is compared", "a column of its own")
    sheet.finish()
    return Map(
        str(path), parts["spacecraft"], time.column, time.unit, clock.shift / 1e9, clock.search / 1e9,
        tuple(c for c in columns if c is not None), tuple(e for e in events if e is not None),
    )  # fmt: skip


def _entry(item: Item, name: str) -> Item:
    """The item under a key that may hold a dot."""
    return item.place((name,))


def _column(columns: Item, name: str, form: ColumnForm) -> Column | None:
    item = _entry(columns, name)
    kind = units.dimension_of_name(form.signal)
    try:
        factor, zero = _unit(form.unit, kind)
    except Refused as error:
        item.below("unit").refuse(error.found, error.allowed)
        return None
    if form.scale == 0.0:
        item.below("scale").refuse("0", "any other number: all values would be one")
    steps: dict[str, float] = {}
    for key, value in {"resolution": form.resolution, **{f"bound.{k}": getattr(form.bound, k) for k in BOUNDS}}.items():
        if value is None:
            continue
        try:
            step = units.parse(value, "temperature difference" if kind == "temperature" else kind) / factor
        except Refused as error:
            item.below(key).refuse(error.found, error.allowed)
            continue
        if step < 0.0 or (key == "resolution" and step == 0.0):
            item.below(key).refuse(units.show(value), "more than zero" if key == "resolution" else "zero or more")
        steps[key] = step
    unit = "K" if form.unit == "degC" else form.unit
    return Column(
        name, form.signal, unit, factor, zero, form.scale, form.offset, form.missing, steps.get("resolution", 0.0),
        form.cadence / 1e9, {k: steps[f"bound.{k}"] for k in BOUNDS if f"bound.{k}" in steps},
        item.below("signal").at.line,
    )  # fmt: skip


def _unit(unit: str, kind: str) -> tuple[float, float]:
    """Factor to SI and zero of a unit for quantities of a kind. Raises Refused for one that does not fit."""
    if kind not in units.DIMENSIONS:
        raise Refused(units.show(unit), units.allowed_units(kind))
    if unit not in units.DIMENSIONS[kind]:
        found = units.show(unit) if unit else "no unit"
        raise Refused(found, f"a unit of {kind}: {', '.join(one or 'none' for one in units.DIMENSIONS[kind])}")
    zero = units.parse("0 degC", "temperature") if unit == "degC" else 0.0
    return float(units.DIMENSIONS[kind][unit]), zero


def _event(events: Item, name: str, form: EventForm) -> Event | None:
    item = _entry(events, name)
    if (form.column_below is None) == (form.column_above is None):
        item.refuse("both or neither of column_below and column_above", "one of the two")
        return None
    if (form.signal_below is None) == (form.signal_above is None):
        item.refuse("both or neither of signal_below and signal_above", "one of the two")
        return None
    key = "signal_below" if form.signal_below is not None else "signal_above"
    try:
        level = units.parse(getattr(form, key), units.dimension_of_name(form.signal))
    except Refused as error:
        item.below(key).refuse(error.found, error.allowed)
        return None
    column_level = form.column_below if form.column_below is not None else form.column_above
    assert column_level is not None
    return Event(
        name, form.column, column_level, form.column_above is not None, form.signal, level, key == "signal_above",
        form.within / 1e9, form.most_missed, form.most_invented, item.below("signal").at.line,
    )  # fmt: skip
