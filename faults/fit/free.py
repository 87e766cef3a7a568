"""What may be varied: figures of a design, elements of an orbit, initial values, the clock of the telemetry, the zero
of one of its columns.

Written `battery.cell.resistance=10..400 mohm`: a path, the least and the greatest value, their unit.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from bus.errors import Refused, ScenarioError, UnknownNameError, UserError
from bus.scenario.model import KeplerOrbit, Spacecraft
from bus.text import units
from bus.text.near import nearest
from bus.text.units import show
from faults.compare.form import Map
from faults.scenarios.orbits import check_elements
from faults.scenarios.vocabulary import first_value
from node.designs.load import Design, Figure, plain_text, read_design

SHAPE = "PATH=LEAST..GREATEST UNIT, such as battery.cell.resistance=10..400 mohm"
_WRITTEN = re.compile(r"\s*([^=\s]+)\s*=\s*(\S+?)\s*\.\.\s*(\S+?)(?:\s+(\S.*?))?\s*")
_NUMBER_UNIT = re.compile(r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)(.*)")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_POINT = re.compile(r"(.+)\[\d+\]")
_NO_FIGURE = Figure("", "", "", "", 0)
ORBIT, INITIAL, CLOCK, OFFSET = "orbit.", "initial.", "clock", "offset."
_ELEMENTS = tuple(name for name in KeplerOrbit.model_fields if name != "kind")
"""Fields of the resolved orbit, each ending in its unit."""


@dataclass(frozen=True, slots=True)
class Free:
    """One free figure. low, high: in `unit`, which is SI but for a design's figure and a column's zero. first: where
    the search begins. own: what it was, where that lies outside the bounds. run: the only one that it is of, empty for
    all."""

    path: str
    of: Literal["design", "orbit", "initial", "clock", "offset"]
    low: float
    high: float
    unit: str
    first: float
    own: float | None = None
    run: str = ""

    @property
    def name(self) -> str:
        """Without what it is of and the run."""
        return self.path.partition("@")[0].partition(".")[2]

    def written(self, value: float, digits: int = 10) -> str:
        """A value as it stands in a file."""
        return f"{value:.{digits}g} {self.unit}".strip()


def read_free(
    texts: Sequence[str], design: Design, spacecraft: Sequence[Spacecraft], plans: Sequence[Map] = (),
    names: Sequence[str] = (),
) -> list[Free]:  # fmt: skip
    """What `--free` says, each path once. `plans`: maps, whose columns may have a free zero; `names`: of the runs, one
    of which a figure may be of. Raises UserError with what is allowed."""
    found = [_read(text, design, _Runs(spacecraft, plans, names)) for text in texts]
    paths = [one.path for one in found]
    for path in paths:
        if paths.count(path) > 1:
            raise UserError(f"--free: {path} stands {paths.count(path)} times", hint="each path once")
    for one in found:
        if one.of == "design":
            for end in (one.low, one.high):
                _try(design, one, end)
    return found


class _Runs(NamedTuple):
    """What is known of the runs of a fit."""

    spacecraft: Sequence[Spacecraft]
    plans: Sequence[Map]
    names: Sequence[str]

    def only(self, run: str) -> _Runs:
        """One of them."""
        place = self.names.index(run)
        return _Runs(self.spacecraft[place : place + 1], self.plans[place : place + 1], (run,))


def _read(text: str, design: Design, runs: _Runs) -> Free:
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise UserError(f"--free: found {show(text)}; allowed: {SHAPE}")
    low, high, unit = match[2], match[3], match[4] or ""
    path, at, run = match[1].partition("@")
    if at and not (path == CLOCK or path.startswith((ORBIT, INITIAL, OFFSET))):
        raise UserError(f"--free {match[1]}: a figure of the design is that of all runs", hint=f"--free {path}=...")
    if at and run not in runs.names:
        raise UnknownNameError("run", run, nearest(run, runs.names), hint=f"runs: {', '.join(runs.names)}")
    if at:
        one = _read(text.replace(f"@{run}", "", 1), design, runs.only(run))
        return replace(one, path=f"{one.path}@{run}", run=run)
    spacecraft, plans = runs.spacecraft, runs.plans
    tail = _NUMBER_UNIT.fullmatch(high)
    if not unit and tail is not None and tail[2]:  # 10..400mohm
        high, unit = tail[1], tail[2]
    try:
        ends = float(low), float(high)
    except ValueError:
        raise UserError(f"--free {path}: found {show(f'{low}..{high}')}; allowed: {SHAPE}") from None
    if not (math.isfinite(ends[0]) and math.isfinite(ends[1]) and ends[0] < ends[1]):
        raise UserError(f"--free {path}: found {show(f'{low}..{high}')}; allowed: two numbers, the lesser first")
    if path == CLOCK:
        scale = _factor(path, unit, "time")
        return _begun(Free(path, "clock", ends[0] * scale, ends[1] * scale, "s", 0.0))
    if path.startswith(OFFSET):
        return _offset(path, ends, unit, plans)
    if path.startswith(ORBIT):
        return _orbit(path, ends, unit, spacecraft)
    if path.startswith(INITIAL):
        return _initial(path, ends, unit, spacecraft)
    return _figure(path, ends, unit, design)


def _begun(one: Free) -> Free:
    """The search begins within the bounds; where the figure itself is outside, that is remembered, to be told."""
    first = min(max(one.first, one.low), one.high)
    return one if first == one.first else replace(one, first=first, own=one.first)


def _offset(path: str, ends: tuple[float, float], unit: str, plans: Sequence[Map]) -> Free:
    """The zero of a column: what is added to its values, in its unit."""
    name = path.removeprefix(OFFSET)
    columns = [column for plan in plans for column in plan.columns if column.name == name]
    if not columns:
        known = list(dict.fromkeys(column.name for plan in plans for column in plan.columns))
        raise UnknownNameError("column", name, nearest(name, known), hint=f"of the maps: {', '.join(known)}")
    column = columns[0]
    if any(other.unit != column.unit for other in columns):
        raise UserError(f"--free {path}: the maps give the column different units", hint="one unit")
    kind = units.dimension_of_name(column.signal)
    scale = (
        1.0 if kind == "number" else _factor(path, unit, "temperature difference" if kind == "temperature" else kind)
    )
    scale /= column.factor if kind != "number" else 1.0
    return _begun(Free(path, "offset", ends[0] * scale, ends[1] * scale, column.unit, 0.0))


def _factor(path: str, unit: str, kind: str) -> float:
    known = units.DIMENSIONS[kind]
    if unit not in known:
        raise UserError(f"--free {path}: found {unit or 'no unit'!r}", hint=f"allowed: {units.allowed_units(kind)}")
    return float(known[unit])


def _orbit(path: str, ends: tuple[float, float], unit: str, spacecraft: Sequence[Spacecraft]) -> Free:
    short = {_short(name): name for name in _ELEMENTS}
    name = short.get(path.removeprefix(ORBIT), path.removeprefix(ORBIT))
    if name not in _ELEMENTS:
        raise UnknownNameError("orbital element", name, nearest(name, short), hint=", ".join(short))
    if not all(isinstance(one.orbit, KeplerOrbit) for one in spacecraft):
        raise UserError(f"--free {path}: the orbit is a published element set", hint="elements: kepler, circular, sso")
    kind = units.dimension_of_name(name)
    scale = 1.0 if kind == "number" and not unit else _factor(path, unit, kind)
    first = float(getattr(spacecraft[0].orbit, name))
    found = Free(ORBIT + name, "orbit", ends[0] * scale, ends[1] * scale, units.unit_of_name(name), first)
    for one in spacecraft:
        for end in (found.low, found.high):
            try:
                check_elements(one.orbit.model_copy(update={name: end}))  # type: ignore[arg-type]
            except ScenarioError as error:
                wrong = error.mistakes[0]
                raise UserError(f"--free {path}: {wrong.found}", hint=f"allowed: {wrong.allowed}") from None
    return _begun(found)


def _short(name: str) -> str:
    return re.sub(r"_(rad|m)$", "", name)


def _initial(path: str, ends: tuple[float, float], unit: str, spacecraft: Sequence[Spacecraft]) -> Free:
    name = path.removeprefix(INITIAL)
    kind = units.dimension_of_name(name)
    try:
        low, high = (units.parse(f"{end} {unit}".strip(), kind) for end in ends)
    except Refused as error:
        raise UserError(f"--free {path}: found {error.found}", hint=f"allowed: {error.allowed}") from None
    if name not in spacecraft[0].initial:
        known = spacecraft[0].initial
        given = f"of the scenario: {', '.join(known) or 'none is given'}"
        raise UnknownNameError("initial value", name, nearest(name, known), hint=given)
    for end in ends:
        try:
            first_value(spacecraft[0].design, name, f"{end} {unit}" if unit else end)
        except Refused as error:
            raise UserError(f"--free {path}: found {error.found}", hint=f"allowed: {error.allowed}") from None
    return _begun(Free(path, "initial", low, high, units.unit_of_name(name), float(spacecraft[0].initial[name])))


def _figure(path: str, ends: tuple[float, float], unit: str, design: Design) -> Free:
    figures = {figure.path: figure for figure in design.figures}
    point = _POINT.fullmatch(path)
    if (
        path not in figures
        and point is not None
        and figures.get(point[1], _NO_FIGURE).text.partition(" ")[2][:6] == "points"
    ):
        return _point(path, ends, unit, design)
    if path not in figures:
        hint = "the path of a figure in the design's file, as it is nested there; or orbit.NAME, initial.NAME, clock, "
        hint += "offset.COLUMN"
        raise UnknownNameError("figure", path, nearest(path, figures), hint=hint)
    written = re.fullmatch(r"\s*([-+0-9.eE]+)\s*(.*?)\s*", figures[path].text)
    if written is None:
        raise UserError(f"--free {path}: {figures[path].text} is no single number", hint="a figure of one number")
    own, own_unit = float(written[1]), written[2]
    if own_unit and not unit:
        raise UserError(f"--free {path}: found no unit", hint=f"such as {own_unit}: {SHAPE}")
    first = own
    if own_unit != unit:
        try:
            scale, powers = units.compound(unit or "1")
            own_scale, own_powers = units.compound(own_unit or "1")
        except Refused as error:
            raise UserError(f"--free {path}: found {error.found}", hint=f"allowed: {error.allowed}") from None
        if powers != own_powers or "degC" in (unit, own_unit):
            raise UserError(f"--free {path}: found unit {unit!r}", hint=f"as in the design, or convertible: {own_unit}")
        first = own * float(own_scale / scale)
    return _begun(Free(path, "design", ends[0], ends[1], unit, first))


def _point(path: str, ends: tuple[float, float], unit: str, design: Design) -> Free:
    """One point of a curve, by its place from 0; of a pair its second number."""
    *way, place = steps_of(path)
    at: Any = json.loads(_written(design.name))
    for step in way:
        at = at.get(step) if isinstance(at, dict) else at[step]
        if at is None:
            raise UserError(f"--free {path}: the curve is a part's", hint="write it into the design's file first")
    if not 0 <= place < len(at[0]):
        raise UserError(f"--free {path}: found place {place}", hint=f"allowed: 0 to {len(at[0]) - 1}")
    if unit != at[1]:
        raise UserError(f"--free {path}: found unit {unit!r}", hint=f"as the curve's: {at[1]}")
    point = at[0][place]
    return _begun(Free(path, "design", ends[0], ends[1], unit, float(point[1] if isinstance(point, list) else point)))


def _try(design: Design, one: Free, value: float) -> None:
    """A design with this value must be one."""
    try:
        with_figures(design, {one.path: (one.written(value), "tried")})
    except ScenarioError as error:
        first = error.mistakes[0]
        raise UserError(f"--free {one.path}: found {one.written(value)}", hint=f"allowed: {first.allowed}") from None


def with_figures(design: Design, values: dict[str, tuple[str, str]]) -> Design:
    """The design with other figures: by path, what is written and its source. Raises ScenarioError."""
    return read_design(json.dumps(_changed(design, values)), f"{design.name}.yaml", design.name)


def text_with(design: Design, values: dict[str, tuple[str, str]]) -> str:
    """The text of such a design, for people."""
    import yaml  # noqa: PLC0415 - only where a design is written

    text: str = yaml.safe_dump(_changed(design, values), sort_keys=False, allow_unicode=True, width=10_000)
    return text


def _changed(design: Design, values: dict[str, tuple[str, str]]) -> dict[str, Any]:
    root: dict[str, Any] = json.loads(_written(design.name))
    for path, (value, source) in values.items():
        _put(root, path, [value, source])
    return root


@lru_cache(maxsize=4)
def _written(name: str) -> str:
    """A design's text as JSON, which is quickly read again."""
    return json.dumps(plain_text(name))


def _put(root: dict[str, Any], path: str, value: list[str]) -> None:
    """Set what stands at a path; what a part gives so far is overruled by an entry beside it."""
    steps = steps_of(path)
    at: Any = root
    for step in steps[:-1]:
        at = at.setdefault(step, {}) if isinstance(at, dict) else at[step]
    last = steps[-1]
    if isinstance(at, list) and len(at) == 3 and isinstance(at[0], list):  # a curve: [values or pairs, unit, source]
        number = float(value[0].partition(" ")[0])
        if isinstance(at[0][last], list):
            at[0][last][1] = number
        else:
            at[0][last] = number
        at[2] = value[1]
        return
    if isinstance(at, dict) and isinstance(at.get(last), list) and len(at[last]) == 3:
        value = [*_split(value[0]), value[1]]
    at[last] = value


def steps_of(path: str) -> list[Any]:
    """Keys and places on the way."""
    return [name if name else int(index) for name, index in _STEP.findall(path)]


def _split(text: str) -> list[str]:
    number, _, unit = text.partition(" ")
    return [number, unit]
