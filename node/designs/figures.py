"""Figures of a design file: `[105 m2, "arXiv 2511.19468, table 1"]` -> an SI number that keeps its source.

Units are products and quotients of the names below ("W/K", "kg/s", "m2 K/W"). No design is known here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator

from bus.text.units import FACTORS

Dimension = tuple[int, int, int, int, int, int]
"""Powers of metre, kilogram, second, ampere, kelvin, and of things counted as such (bit)."""

_NONE: Dimension = (0, 0, 0, 0, 0, 0)
_DIMENSIONS: dict[Dimension, str] = {
    (1, 0, 0, 0, 0, 0): "m km cm mm um nm",
    (2, 0, 0, 0, 0, 0): "m2 cm2",
    (3, 0, 0, 0, 0, 0): "m3 litre",
    (0, 1, 0, 0, 0, 0): "kg g t",
    (0, 0, 1, 0, 0, 0): "s ms us min h d year",
    (0, 0, -1, 0, 0, 0): "Hz MHz GHz",
    (0, 0, 0, 1, 0, 0): "A mA",
    (0, 0, 1, 1, 0, 0): "Ah C",
    (0, 0, 0, 0, 1, 0): "K",
    (1, 1, -2, 0, 0, 0): "N mN",
    (-1, 1, -2, 0, 0, 0): "Pa kPa bar",
    (2, 1, -3, 0, 0, 0): "W kW mW uW MW",
    (2, 1, -2, 0, 0, 0): "J kJ MJ Wh kWh eV",
    (2, 1, -3, -1, 0, 0): "V mV",
    (2, 1, -3, -2, 0, 0): "ohm mohm",
    (-2, -1, 4, 2, 0, 0): "F mF uF",
    (0, 1, -2, -1, 0, 0): "T",
    (2, 0, -2, 0, 0, 0): "Gy rad(Si) krad(Si)",
    (0, 0, 0, 0, 0, 1): "bit kbit Mbit Gbit Tbit B MB GB TB",
    _NONE: "rad mrad urad deg % 1",
}
_DECIBELS = ("dB", "dBi", "dBW", "dB/K", "dBHz")

UNITS: dict[str, tuple[float, Dimension]] = {
    **{unit: (float(FACTORS[unit]), powers) for powers, names in _DIMENSIONS.items() for unit in names.split()},
    **dict.fromkeys(_DECIBELS, (1.0, _NONE)),
}
"""Unit -> factor to SI and dimension. Decibels stay decibels. degC is shifted (see `read_figure`)."""

YEAR_S = float(FACTORS["year"])

_FIGURE = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*", re.DOTALL)
_TERM = re.compile(r"[^\s*/]+(?:\([^)]*\))?|/")


class FigureError(ValueError):
    """A figure that is none; the message says what was found and what is allowed."""


def _dimension(text: str) -> tuple[float, Dimension]:
    if text in UNITS:
        return UNITS[text]
    factor, powers, sign = 1.0, [0] * 6, 1
    for term in _TERM.findall(text):
        if term == "/":
            if sign < 0:
                raise FigureError(f"unit '{text}' has two '/'")
            sign = -1
            continue
        if term not in UNITS:
            raise FigureError(f"unit '{term}' is unknown")
        scale, dimension = UNITS[term]
        factor *= scale**sign
        powers = [p + sign * d for p, d in zip(powers, dimension, strict=True)]
    return factor, (powers[0], powers[1], powers[2], powers[3], powers[4], powers[5])


def read_text(text: object, unit: str) -> float:
    """A quantity such as "45 degC" in SI, given the SI unit that is wanted."""
    if unit == "1" and isinstance(text, (int, float)) and not isinstance(text, bool):
        value = float(text)
        if not math.isfinite(value):
            raise FigureError(f"found {value}; allowed: a finite number")
        return value
    match = _FIGURE.fullmatch(text) if isinstance(text, str) and len(text) <= 60 else None
    if match is None:
        raise FigureError(f"found {text!r}; allowed: a number and a unit convertible to {unit}")
    number, written = float(match[1]), match[2]
    if unit != "1" and not written:
        raise FigureError(f"found {text!r} without a unit; allowed: a number and a unit convertible to {unit}")
    if written == "degC" and unit == "K":
        return number + 273.15
    factor, dimension = _dimension(written) if written else (1.0, _NONE)
    if dimension != _dimension(unit)[1] or ("dB" in unit) != ("dB" in written):
        raise FigureError(f"found unit '{written}'; allowed: a unit convertible to {unit}")
    value = number * factor
    if not math.isfinite(value) or abs(value) > 1e30:
        raise FigureError(f"found {text!r}; allowed: a finite number")
    return value


def read_figure(value: object, unit: str) -> float:
    """`[quantity, source]` -> SI. The source may be the word `assumption`, but it may not be missing."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise FigureError(f'found {_short(value)}; allowed: ["a quantity in {unit}", "its source or: assumption"]')
    if not isinstance(value[1], str) or not value[1].strip():
        raise FigureError("found no source; allowed: where the figure comes from, or the word assumption")
    return read_text(value[0], unit)


def read_curve(value: object, unit: str) -> tuple[float, ...]:
    """`[[3.00, 3.45, ...], unit, source]` -> SI values."""
    if not isinstance(value, (list, tuple)) or len(value) != 3 or not isinstance(value[0], (list, tuple)):
        raise FigureError(f'found {_short(value)}; allowed: [[values], "a unit convertible to {unit}", "source"]')
    if not isinstance(value[2], str) or not value[2].strip():
        raise FigureError("found no source; allowed: where the curve comes from, or the word assumption")
    return tuple(read_text(f"{v} {value[1]}" if value[1] != "1" else v, unit) for v in value[0])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _at_least(unit: str, low: float, strict: bool) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        number = read_figure(value, unit)
        if number < low or (strict and number == low):
            raise FigureError(f"found {value[0]}; allowed: {'above' if strict else 'at least'} {low:g}")
        return number

    return read


def _between(low: float, high: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        number = read_figure(value, "1")
        if not low <= number <= high:
            raise FigureError(f"found {value[0]}; allowed: {low:g} to {high:g}")
        return number

    return read


def positive(unit: str) -> BeforeValidator:
    """A figure above zero."""
    return BeforeValidator(_at_least(unit, 0.0, True))


def not_negative(unit: str) -> BeforeValidator:
    """A figure of zero or more."""
    return BeforeValidator(_at_least(unit, 0.0, False))


def any_sign(unit: str) -> BeforeValidator:
    """A figure of any sign."""
    return BeforeValidator(lambda value: read_figure(value, unit))


def curve(unit: str) -> BeforeValidator:
    """A list of values with one unit and one source."""
    return BeforeValidator(lambda value: read_curve(value, unit))


Fraction = Annotated[float, BeforeValidator(_between(0.0, 1.0))]
Number = Annotated[float, not_negative("1")]
Watt = Annotated[float, not_negative("W")]
Kelvin = Annotated[float, positive("K")]
KelvinStep = Annotated[float, not_negative("K")]
Volt = Annotated[float, positive("V")]
Ampere = Annotated[float, positive("A")]
Ohm = Annotated[float, positive("ohm")]
SquareMetre = Annotated[float, not_negative("m2")]
HeatCapacity = Annotated[float, positive("J/K")]
Conductance = Annotated[float, not_negative("W/K")]
Second = Annotated[float, positive("s")]
Kilogram = Annotated[float, positive("kg")]
Decibel = Annotated[float, any_sign("dB")]
