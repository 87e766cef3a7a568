"""Every fault by name, and how a fault with its parameters becomes primitives of its seam.

Nothing here knows a running spacecraft.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bus.errors import Mistake, Refused, ScenarioError, UnknownNameError
from bus.text import units
from bus.text.near import nearest, one_of
from bus.wire.messages import Scalar, Seam
from faults.catalogue.form import (
    DesignInfo,
    FaultForm,
    ParameterForm,
    Primitive,
    PrimitiveForm,
    ResolvedFault,
    read_catalogue,
)

__all__ = ["FAULTS", "DesignInfo", "FaultForm", "ParameterForm", "find_fault", "resolve_fault"]

FAULTS: Mapping[str, FaultForm] = MappingProxyType(read_catalogue())


def find_fault(name: str, faults: Mapping[str, FaultForm] = FAULTS) -> FaultForm:
    """The entry of a fault. Raises UnknownNameError with the nearest names."""
    form = faults.get(name)
    if form is None:
        near = nearest(name, faults)
        raise UnknownNameError(
            "fault", name, near, hint=f"`skyrack list faults` shows all {len(FAULTS)}" if not near else ""
        )
    return form


def resolve_fault(
    name: str,
    design: DesignInfo,
    parameters: Mapping[str, Scalar],
    *,
    tick_s: float,
    has_end: bool = False,
    faults: Mapping[str, FaultForm] = FAULTS,
) -> ResolvedFault:
    """Primitives of a fault on a design; parameters as a user writes them ("30 %", "20 K").

    Raises UnknownNameError for an unknown fault, ScenarioError with every mistake of its parameters (fields
    "parameters.<name>") and for a window that the fault cannot have (field "for").
    """
    form = find_fault(name, faults)
    mistakes: list[Mistake] = []
    if has_end and form.window == "instant":
        mistakes.append(_mistake("for", "a window", f"neither for nor until: {name} is over at once"))
    mistakes += [
        _mistake(f"parameters.{key}", "an unknown parameter", one_of(form.parameters, key))
        for key in parameters
        if key not in form.parameters
    ]
    values: dict[str, Scalar] = {}
    for key, parameter in form.parameters.items():
        raw = parameters.get(key, parameter.default)
        if raw is None:
            if parameter.required:
                mistakes.append(_mistake(f"parameters.{key}", "nothing", _allowed(parameter, design)))
            continue
        if parameter.kind in {"reading", "reading rate"} and "sensor" not in values:
            continue  # The sensor itself is a mistake already; without it there is no unit to check.
        try:
            values[key] = _value(parameter, raw, design, values)
        except Refused as error:
            mistakes.append(_mistake(f"parameters.{key}", error.found, error.allowed))
    if mistakes:
        raise ScenarioError(mistakes)
    return ResolvedFault(values, tuple(_resolve(form.seam, one, values, tick_s) for one in form.primitives))


def _mistake(path: str, found: str, allowed: str) -> Mistake:
    return Mistake("", 0, 0, path, found, allowed)


def _value(form: ParameterForm, raw: Scalar, design: DesignInfo, known: Mapping[str, Scalar]) -> Scalar:
    """A parameter's value in SI. Raises Refused."""
    match form.kind:
        case "member":
            return _member(form, raw, design)
        case "choice":
            if raw not in form.choices:
                raise Refused(units.show(raw), one_of(form.choices, str(raw)))
            return raw
        case "integer":
            if isinstance(raw, bool) or not isinstance(raw, int) or not _whole(form.low) <= raw <= _whole(form.high):
                raise Refused(units.show(raw), f"a whole number from {form.low} to {form.high}")
            return raw
        case "sensor":
            return _sensor(form, raw, design)
        case "device":
            return _device(form, raw, design)
        case "reading":
            return units.parse(raw, _reading_dimension(known, difference=form.difference))
        case "reading rate":
            return _rate(raw, _reading_dimension(known, difference=True))
        case "probability":
            return _within(raw, "fraction", 0.0, 1.0, "0 to 100 %")
        case "duration":
            return _within(raw, "time", *_limits(form, "time"), f"{form.low} to {form.high}")
        case _:
            return _within(raw, form.dimension, *_limits(form, form.dimension), f"{form.low} to {form.high}")


def _limits(form: ParameterForm, dimension: str) -> tuple[float, float]:
    return units.parse(form.low, dimension), units.parse(form.high, dimension)


def _within(raw: Scalar, dimension: str, low: float, high: float, limits: str) -> float:
    value = units.parse(raw, dimension)
    if not low <= value <= high:
        raise Refused(units.show(raw), limits)
    return value


def _whole(limit: Scalar | None) -> int:
    return limit if isinstance(limit, int) else 0


def _member(form: ParameterForm, raw: Scalar, design: DesignInfo) -> str:
    """The name of a part, given by name or by index from 0."""
    names = design.groups.get(form.of, ())
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < len(names):
        return names[raw]
    if isinstance(raw, str) and raw in names:
        return raw
    raise Refused(units.show(raw), _allowed(form, design, raw))


def _sensor(form: ParameterForm, raw: Scalar, design: DesignInfo) -> str:
    """A full name (device.reading), a reading's name where it is the only one, or a device where that makes sense."""
    if isinstance(raw, str):
        matches = [one for one in design.sensors if raw in (one, one.partition(".")[2])]
        if len(matches) == 1:
            return matches[0]
        if form.whole and raw in _devices(design):
            return raw
    raise Refused(units.show(raw), _allowed(form, design, raw))


def _device(form: ParameterForm, raw: Scalar, design: DesignInfo) -> str:
    if isinstance(raw, str) and raw in _devices(design):
        return raw
    raise Refused(units.show(raw), _allowed(form, design, raw))


def _devices(design: DesignInfo) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.partition(".")[0] for one in design.sensors))


def _allowed(form: ParameterForm, design: DesignInfo, raw: Scalar | None = None) -> str:
    found = raw if isinstance(raw, str) else ""
    if form.kind == "member":
        names = design.groups.get(form.of, ())
        if not names:
            return f"nothing: design '{design.name}' has no {form.of}"
        return f"{one_of(names, found)}, or an index from 0 to {len(names) - 1}"
    if form.kind == "sensor":
        names = design.sensors
        if form.whole:
            names = (*_devices(design), *names)
        near = nearest(found, [*names, *(one.partition(".")[2] for one in design.sensors)]) if found else []
        return (
            f"{' or '.join(near)}"
            if near
            else f"a reading of design '{design.name}' as device.reading: {one_of(names)}"
        )
    if form.kind == "device":
        return one_of(_devices(design), found)
    return one_of(form.choices) if form.kind == "choice" else form.text


def _reading_dimension(known: Mapping[str, Scalar], *, difference: bool) -> str:
    """The dimension of the sensor's reading, from the end of its name; absolute temperatures may be in degC."""
    dimension = units.dimension_of_name(str(known["sensor"]).partition(".")[2])
    return "temperature difference" if dimension == "temperature" and difference else dimension


def _rate(raw: Scalar, dimension: str) -> float:
    """ "1 K/min" in kelvin per second: a quantity of the reading per s, min, h or d."""
    amount, slash, time = str(raw).rpartition("/")
    allowed = f"{units.allowed_units(dimension)}, per s, min, h or d, such as '1 .../min'"
    if not slash or time.strip() not in {"s", "min", "h", "d"}:
        raise Refused(units.show(raw), allowed)
    return units.parse(amount if dimension != "number" else _number(amount), dimension) / units.parse(
        f"1 {time.strip()}", "time"
    )


def _number(text: str) -> Scalar:
    try:
        return float(text)
    except ValueError:
        return text


def _resolve(seam: Seam, primitive: PrimitiveForm, values: Mapping[str, Scalar], tick_s: float) -> Primitive:
    place = primitive.place
    for key in sorted(values, key=len, reverse=True):
        place = place.replace(f"${key}", str(values[key]))
    parameters: dict[str, Scalar] = {}
    for key, given in primitive.parameters.items():
        if not (isinstance(given, str) and given.startswith("$")):
            parameters[key] = given
            continue
        name, _, ticks = given[1:].partition(".")
        if name in values:  # An optional parameter that was left out leaves its primitive's field out too.
            value = values[name]
            parameters[key] = max(1, round(float(value) / tick_s)) if ticks else value
    return (int(seam), place, primitive.primitive, parameters)
