"""Hypothesis strategies: faults, telecommands and scenarios as people write them in scenario files, in plain values.

    from faults.plugin import strategies

    @given(strategies.faults("pathfinder"))
    def test_any_fault(fault): ...

What they draw passes `skyrack check`: names there are, parameters in range and with units, times before the end. The
first value that a strategy has is the plainest (a default, the begin), so that Hypothesis shrinks to it. Needs
hypothesis (`pip install 'skyrack[search]'`); everything random is Hypothesis's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

from bus.constants import CELSIUS_ZERO_K
from bus.dictionary import Argument, Dictionary, TelecommandForm
from bus.errors import Refused, UnknownNameError
from bus.scenario.model import Scenario
from bus.telecommand_check import carried_labels, check_telecommand, in_units, is_hazardous
from bus.text import units
from bus.text.near import nearest
from bus.wire.messages import Scalar
from faults.catalogue.form import DesignInfo, FaultForm, ParameterForm
from faults.catalogue.resolve import FAULTS, find_fault
from faults.scenarios.vocabulary import design_info, dictionary_of

Entry = dict[str, Any]
"""What stands in a scenario file: a mapping of plain values."""
DESIGNS = ("pathfinder", "formation", "sc3")
"""Designs that `scenarios` flies unless it is told others."""
STATIONS = ("svalbard", "tromso", "hartebeesthoek")
MOST_VALUES = 24
"""Values of one parameter that are tried: its default, its ends, and numbers between [A]."""
_READINGS: Mapping[str, tuple[float, float]] = {
    "fraction": (0.0, 1.0), "temperature": (200.0, 400.0), "temperature difference": (-60.0, 60.0),
    "angle": (-3.0, 3.0), "angular rate": (-0.1, 0.1), "voltage": (-100.0, 100.0), "current": (-100.0, 100.0),
    "power": (-5e3, 5e3), "length": (-1e7, 1e7), "speed": (-1e4, 1e4), "time": (0.0, 600.0),
}  # fmt: skip
"""What a sensor may be made to say, in SI [A]: wider than anything healthy."""
_OTHER_READING = (-10.0, 10.0)
_PER = ("min", "s", "h")


def _text(number: float, unit: str) -> Scalar:
    """Two digits are enough for a number that nobody measured; without a unit it is a plain one."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:g} {unit}" if unit else int(rounded) if rounded.is_integer() else rounded


def _numbers(low: float, high: float, *, default: float | None = None) -> list[float]:
    """Numbers of a range, the plainest first: the default and what is near it, the ends, even steps, and decades."""
    near = [] if default is None else [default, *(default * factor for factor in (2.0, 0.5, 10.0, 0.1, 5.0))]
    even = [low + (high - low) * step / 10 for step in range(11)]
    decades = [high * 10.0**-power for power in range(1, 7)] if low >= 0.0 else []
    found = dict.fromkeys(number for number in (*near, low, high, *even, *decades) if low <= number <= high)
    return list(found)[:MOST_VALUES]


def _quantities(low: Scalar | None, high: Scalar | None, default: Scalar | None, dimension: str) -> list[Scalar]:
    """Quantities as people write them, in the unit of their upper limit."""
    least, most = units.parse(low, dimension), units.parse(high, dimension)
    first = None if default is None else units.parse(default, dimension)
    unit = str(high).strip().partition(" ")[2] or ("%" if dimension == "fraction" else "")
    found: list[Scalar] = [] if default is None else [default]
    for number in _numbers(least, most, default=first):
        written = _written(number, dimension, unit)
        try:
            if least <= units.parse(written, dimension) <= most:
                found.append(written)
        except Refused:  # pragma: no cover - a unit that the table has not
            continue
    return list(dict.fromkeys(found)) or [low or 0]


def _written(number: float, dimension: str, unit: str) -> Scalar:
    """A number in SI with a unit of its dimension."""
    if unit == "degC":
        return _text(number - CELSIUS_ZERO_K, unit)
    return _text(number / float(units.DIMENSIONS[dimension].get(unit, 1)), unit)


def _readings(sensor: str, *, difference: bool) -> list[Scalar]:
    """What a sensor may be made to say."""
    dimension = units.dimension_of_name(sensor.partition(".")[2])
    dimension = "temperature difference" if dimension == "temperature" and difference else dimension
    low, high = _READINGS.get(dimension, _OTHER_READING)
    unit = next(iter(units.DIMENSIONS[dimension]))
    return [_written(number, dimension, unit) for number in _numbers(low, high)]


# ---- faults -----------------------------------------------------------------------------------------------------


def possible(form: FaultForm, info: DesignInfo) -> bool:
    """Whether a design has what the fault needs: a part of the kind, a reading."""
    needed = [one for one in form.parameters.values() if one.kind in ("member", "sensor", "device")]
    return all(info.groups.get(one.of) if one.kind == "member" else info.sensors for one in needed if one.required)


def faults(
    design: str, *, names: Collection[str] | None = None, stations: Sequence[str] = (),
    catalogue: Mapping[str, FaultForm] = FAULTS,
) -> st.SearchStrategy[Entry]:  # fmt: skip
    """`{fault: ..., parameters: {...}}` of a design: of these names, or whatever can strike it. Give it to `inject`
    as `inject(target, drawn["fault"], **drawn["parameters"])`. UnknownNameError for a name there is not, ValueError
    where none of them can strike the design."""
    info = design_info(design, tuple(stations))
    known = {name: find_fault(name, catalogue) for name in (catalogue if names is None else names)}
    struck = {name: form for name, form in known.items() if possible(form, info)}
    if not struck:
        raise ValueError(f"none of these faults can strike design '{design}'")
    return st.sampled_from(list(struck)).flatmap(lambda name: _fault(name, struck[name], info))


@st.composite
def _fault(draw: st.DrawFn, name: str, form: FaultForm, info: DesignInfo) -> Entry:
    parameters: dict[str, Scalar] = {}
    for key, parameter in form.parameters.items():
        values = _values(parameter, info, parameters)
        if values and (parameter.required or draw(st.booleans())):
            parameters[key] = draw(st.sampled_from(values))
    return {"fault": name, "parameters": parameters}


def _values(form: ParameterForm, info: DesignInfo, known: Mapping[str, Scalar]) -> Sequence[Scalar]:
    """What one parameter may be, the plainest first."""
    match form.kind:
        case "member":
            return info.groups.get(form.of, ())
        case "choice":
            return form.choices
        case "integer":
            low, high = int(form.low or 0), int(form.high or 0)
            default = form.default if isinstance(form.default, int) else None
            return list(dict.fromkeys(round(number) for number in _numbers(low, high, default=default)))
        case "sensor":
            return (*info.sensors, *(_devices(info) if form.whole else ()))
        case "device":
            return _devices(info)
        case "reading":
            return _readings(str(known["sensor"]), difference=form.difference) if "sensor" in known else ()
        case "reading rate":
            values = _readings(str(known["sensor"]), difference=True) if "sensor" in known else ()
            return [f"{value}/{per}" for value in values for per in _PER]
        case "probability":
            return _quantities("0 %", "100 %", form.default, "fraction")
        case "duration":
            return _quantities(form.low, form.high, form.default, "time")
        case _:
            return _quantities(form.low, form.high, form.default, form.dimension)


def _devices(info: DesignInfo) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.partition(".")[0] for one in info.sensors))


# ---- telecommands -----------------------------------------------------------------------------------------------


def telecommands(
    design: str, *, names: Collection[str] | None = None, hazardous: bool = False
) -> st.SearchStrategy[Entry]:
    """`{name: ..., arguments: {...}}` of a design's dictionary. Hazardous ones only where they are asked for; they come
    with `confirmed: true`. UnknownNameError for a name there is not."""
    words = dictionary_of(design)
    known = list(words.telecommand)
    for name in names or ():
        if name not in known:
            raise UnknownNameError("telecommand", name, nearest(name, known))
    wanted = [n for n in (known if names is None else names) if hazardous or not words.telecommand[n].hazardous]
    if not wanted:
        raise ValueError("every one of these telecommands is hazardous")
    drawn = st.sampled_from(wanted).flatmap(lambda name: _telecommand(words, name))
    return drawn if hazardous else drawn.filter(lambda entry: "confirmed" not in entry)


@st.composite
def _telecommand(draw: st.DrawFn, words: Dictionary, name: str) -> Entry:
    form = words.telecommand[name]
    arguments = draw(_arguments(words, form))
    if form.carrier is not None:
        carried = words.telecommand[str(arguments[form.carrier.name])]
        own = {argument.name for argument in form.arguments}
        arguments |= {key: value for key, value in draw(_arguments(words, carried)).items() if key not in own}
    checked = check_telecommand(words, name, in_units(words, name, arguments))
    entry: Entry = {"name": name, "arguments": arguments}
    return entry | ({"confirmed": True} if is_hazardous(words, name, checked) else {})


@st.composite
def _arguments(draw: st.DrawFn, words: Dictionary, form: TelecommandForm) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for argument in form.arguments:
        if argument.default is not None and not draw(st.booleans()):
            continue
        found[argument.name] = draw(_argument(words, argument))
    if form.spans is not None:  # a range that ends where its last one is
        first, extent = form.spans
        known = {argument.name: argument for argument in form.arguments}
        most = int(known[first].high or 0)
        found[first] = begin = draw(st.integers(0, most))
        many = draw(st.integers(1, min(8, most - begin + 1)))
        found[extent] = "0" * 16 * many if known[extent].type == "hex" else many
    return found


def _argument(words: Dictionary, form: Argument) -> st.SearchStrategy[Scalar]:
    match form.type:
        case "bool":
            return st.booleans()
        case "enum":
            return st.sampled_from(form.labels)
        case "list":
            few = st.lists(st.sampled_from(form.labels), min_size=1, max_size=4, unique=True)
            return few.map(", ".join)
        case "steps":
            return st.sampled_from(("do test.ping", "wait 10 s", "wait 1 min; do test.ping"))
        case "telecommand":
            return st.sampled_from(carried_labels(words.telecommand))
        case "str":
            return st.sampled_from(form.labels or ("00", "ff" * 8))
        case "hex":
            return st.sampled_from(tuple("00" * int(form.low or 1) * many for many in (1, 2)))
        case "int":
            low, high = int(form.low or 0), int(min(1e6, form.high if form.high is not None else 1e6))
            whole = list(dict.fromkeys(round(number) for number in _numbers(low, high)))
            return st.sampled_from([_in_unit(number, form.unit) for number in whole])
        case _:
            low_f, high_f = form.low or 0.0, form.high if form.high is not None else 1e6
            numbers = [float(f"{number:.3g}") for number in _numbers(low_f, high_f)]
            inside = [number for number in numbers if low_f <= number <= high_f]
            return st.sampled_from([_in_unit(number, form.unit) for number in inside or [low_f]])


def _in_unit(number: float, unit: str) -> Scalar:
    return f"{number:g} {unit}" if unit != "1" and units.has_unit(unit) else number


# ---- scenarios --------------------------------------------------------------------------------------------------


def times(begin_s: float, end_s: float, tick_s: float) -> st.SearchStrategy[float]:
    """Seconds on a grid of ticks, of which there are some hundred at most; the begin is the plainest."""
    step = max(1, round((end_s - begin_s) / tick_s / 120))
    count = max(0, int((end_s - begin_s) / tick_s / step))
    return st.integers(0, count).map(lambda place: begin_s + place * step * tick_s)


def seconds(value_s: float) -> str:
    """A time as a scenario has it."""
    return f"{round(value_s, 3):.10g} s"


def timed_faults(
    scenario: Scenario, *, targets: Collection[str] | None = None, names: Collection[str] | None = None,
    window_s: tuple[float, float] | None = None, catalogue: Mapping[str, FaultForm] = FAULTS,
) -> st.SearchStrategy[Entry]:  # fmt: skip
    """Entries of `faults:` but for their ids: `{fault, target, at, for, parameters}`, with or without an end, in a
    window that begins after the first tick and ends before the run does."""
    tick_s, end_s = scenario.tick_ns / 1e9, scenario.duration_ns / 1e9
    begin_s, last_s = window_s or (tick_s, end_s - tick_s)
    stations = tuple(station.id for station in scenario.stations)
    lengths = [s for s in (60.0, 300.0, 900.0, 3600.0) if s % tick_s == 0.0] or [tick_s]

    @st.composite
    def entry(draw: st.DrawFn, target: str, design: str) -> Entry:
        drawn = draw(faults(design, names=names, stations=stations, catalogue=catalogue))
        found = {"fault": drawn["fault"], "target": target, "at": seconds(draw(times(begin_s, last_s, tick_s)))}
        if catalogue[drawn["fault"]].window == "any":
            length_s = draw(st.sampled_from([None, *lengths]))
            found |= {} if length_s is None else {"for": seconds(length_s)}
        return found | ({"parameters": drawn["parameters"]} if drawn["parameters"] else {})

    return _over(scenario, targets, entry)


def timed_telecommands(
    scenario: Scenario, *, targets: Collection[str] | None = None, names: Collection[str] | None = None,
    window_s: tuple[float, float] | None = None, hazardous: bool = False,
) -> st.SearchStrategy[Entry]:  # fmt: skip
    """Entries of `timeline:`: `{at, telecommand: {to, name, arguments}}`."""
    tick_s, end_s = scenario.tick_ns / 1e9, scenario.duration_ns / 1e9
    begin_s, last_s = window_s or (0.0, end_s - tick_s)

    @st.composite
    def entry(draw: st.DrawFn, target: str, design: str) -> Entry:
        wanted = draw(telecommands(design, names=names, hazardous=hazardous))
        at = seconds(draw(times(begin_s, last_s, tick_s)))
        return {"at": at, "telecommand": {"to": target, **{k: v for k, v in wanted.items() if v != {}}}}

    return _over(scenario, targets, entry)


def _over(
    scenario: Scenario, targets: Collection[str] | None, entry: Callable[[str, str], st.SearchStrategy[Entry]]
) -> st.SearchStrategy[Entry]:
    flying = {one.id: one.design for one in scenario.spacecraft}
    for target in targets or ():
        if target not in flying:
            raise UnknownNameError("spacecraft", target, nearest(target, flying))
    return st.sampled_from(list(targets or flying)).flatmap(lambda target: entry(target, flying[target]))


@lru_cache(maxsize=64)
def _frame(design: str, minutes: int) -> Scenario:
    """A scenario without events, for what may happen in it."""
    from faults.scenarios.load import load_text  # noqa: PLC0415 - loads the physics

    return load_text(json.dumps(_quiet(design, minutes, stations=["svalbard"])))


def _quiet(
    design: str, minutes: int, *, seed: int = 7, altitude_km: int = 500, latitude_deg: int = 0, stations: Sequence[str]
) -> Entry:
    circular = {
        "altitude": f"{altitude_km} km", "inclination": "97.5 deg", "raan": "0 deg",
        "argument_of_latitude": f"{latitude_deg} deg",
    }  # fmt: skip
    return {
        "skyrack": 1, "name": "drawn", "epoch": "2026-08-12T00:00:00Z", "duration": f"{minutes} min", "tick": "1 s",
        "seed": seed,
        "environment": {"solar_activity": "maximum", "storm_density_factor": 1.0, "solar_event": "none"},
        "stations": list(stations), "spacecraft": [{"id": "sc-1", "design": design, "orbit": {"circular": circular}}],
    }  # fmt: skip


@st.composite
def scenarios(draw: st.DrawFn, designs: Sequence[str] = DESIGNS, *, most: int = 3, hazardous: bool = False) -> Entry:
    """A whole scenario of one spacecraft: orbit, stations, seed, and up to `most` faults and telecommands each. It is
    a mapping; `json.dumps` of it is a scenario file, since JSON is YAML."""
    design, minutes = draw(st.sampled_from(designs)), draw(st.sampled_from((5, 10, 20)))
    where = draw(st.lists(st.sampled_from(STATIONS), max_size=1))
    base = _quiet(
        design, minutes, seed=draw(st.integers(0, 1000)), altitude_km=draw(st.integers(400, 900)),
        latitude_deg=draw(st.integers(0, 359)), stations=where,
    )  # fmt: skip
    frame = _frame(design, minutes)
    struck = draw(st.lists(timed_faults(frame, names=_anywhere(design)), max_size=most))
    asked = draw(st.lists(timed_telecommands(frame, hazardous=hazardous), max_size=most if where else 0))
    numbered = [{"id": f"fault-{place + 1}", **entry} for place, entry in enumerate(struck)]
    return {**base, **({"faults": numbered} if numbered else {}), **({"timeline": asked} if asked else {})}


@lru_cache(maxsize=64)
def _anywhere(design: str) -> tuple[str, ...]:
    """Faults that strike without a station."""
    info = design_info(design)
    return tuple(name for name, form in FAULTS.items() if possible(form, info))
