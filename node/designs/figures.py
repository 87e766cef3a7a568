"""Figures of a design file: `[105 m2, "arXiv 2511.19468, table 1"]` -> an SI number that keeps its source.

No design is known here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from bus.errors import Refused
from bus.text.leaves import Leaf
from bus.text.units import parse, show


def read_figure(value: object, unit: str) -> float:
    """`[quantity, source]` -> SI. The source may be the word `assumption`, but it may not be missing."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise Refused(show(value), f'["a quantity in {unit}", "its source or: assumption"]')
    if not isinstance(value[1], str) or not value[1].strip():
        raise Refused("no source", "where the figure comes from, or the word assumption")
    return parse(value[0], unit)


def read_curve(value: object, unit: str) -> tuple[float, ...]:
    """`[[3.00, 3.45, ...], unit, source]` -> SI values."""
    if not isinstance(value, (list, tuple)) or len(value) != 3 or not isinstance(value[0], (list, tuple)):
        raise Refused(show(value), f'[[values], "a unit convertible to {unit}", "source"]')
    if not isinstance(value[2], str) or not value[2].strip():
        raise Refused("no source", "where the curve comes from, or the word assumption")
    return tuple(parse(f"{v} {value[1]}" if value[1] != "1" else v, unit) for v in value[0])


def _figure(unit: str, low: float, high: float = math.inf, *, strict: bool = False) -> Leaf:
    limits = f"{low:g} to {high:g}" if high < math.inf else f"{'above' if strict else 'at least'} {low:g}"

    def read(value: Any) -> float:
        number = read_figure(value, unit)
        if not low <= number <= high or (strict and number == low):
            raise Refused(show(value[0]), limits)
        return number

    return _leaf(read, unit, f" {limits}" if low > -math.inf else "")


def _leaf(read: Callable[[Any], Any], unit: str, limits: str, *, points: bool = False) -> Leaf:
    """With the shape of a figure for editors: the quantity or the points and their unit, then the source."""
    source = {"type": "string", "minLength": 1, "description": "where it comes from, or: assumption"}
    what = f"a number and a unit convertible to {unit}" if unit != "1" else "a number or a share"
    first: list[dict[str, Any]] = [{"type": ["string", "number"], "description": f"{what}{limits}"}]
    if points:
        first = [{"type": "array", "items": {"type": "number"}}, {"type": ["string", "number"], "description": what}]
    items = [*first, source]
    return Leaf(read, {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)})


def positive(unit: str) -> Leaf:
    """A figure above zero."""
    return _figure(unit, 0.0, strict=True)


def not_negative(unit: str) -> Leaf:
    """A figure of zero or more."""
    return _figure(unit, 0.0)


def any_sign(unit: str) -> Leaf:
    """A figure of any sign."""
    return _figure(unit, -math.inf)


def curve(unit: str, count: int) -> Leaf:
    """A list of so many values with one unit and one source."""

    def read(value: object) -> tuple[float, ...]:
        values = read_curve(value, unit)
        if len(values) != count:
            raise Refused(f"{len(values)} values", f"{count} values")
        return values

    return _leaf(read, unit, "", points=True)


def rising_shares(most: int) -> Leaf:
    """A list of up to so many shares that rise to 1, with one source."""
    shape = f"up to {most} shares that rise to 1"

    def read(value: object) -> tuple[float, ...]:
        if not isinstance(value, (list, tuple)) or len(value) != 2 or not isinstance(value[0], (list, tuple)):
            raise Refused(show(value), f"[[{shape}], its source]")
        if not isinstance(value[1], str) or not value[1].strip():
            raise Refused("no source", "where the shares come from, or the word assumption")
        shares = tuple(parse(share, "fraction") for share in value[0])
        if not 1 <= len(shares) <= most or shares[-1] != 1.0 or any(b <= a for a, b in itertools.pairwise(shares)):
            raise Refused(show(value[0]), shape)
        if shares[0] < 0.1:
            raise Refused(f"a share of {shares[0]:g}", f"{shape}, the first 0.1 or more")
        return shares

    items: list[dict[str, Any]] = [{"type": "array", "description": shape}, {"type": "string", "minLength": 1}]
    return Leaf(read, {"type": "array", "prefixItems": items, "minItems": 2, "maxItems": 2})


class Curve(tuple[float, ...]):
    """Values at equal steps from 0 to 100 %. pairs: the points that it was written as, where it was written so."""

    pairs: tuple[tuple[float, float], ...] = ()


def curve_or_pairs(unit: str, count: int, most: int) -> Leaf:
    """So many values at equal steps, or pairs of a share and a value: two to `most`, the shares rising from 0 to 1."""
    shape = f"{count} values, or up to {most} pairs [share, value] whose shares rise from 0 to 1"

    def read(value: object) -> Curve:
        if not (isinstance(value, (list, tuple)) and len(value) == 3 and isinstance(value[0], (list, tuple))):
            raise Refused(show(value), f'[{shape}, "a unit convertible to {unit}", "source"]')
        points = value[0]
        if not any(isinstance(point, (list, tuple)) for point in points):
            values = read_curve(value, unit)
            if len(values) != count:
                raise Refused(f"{len(values)} values", shape)
            return Curve(values)
        if not 2 <= len(points) <= most or not all(isinstance(p, (list, tuple)) and len(p) == 2 for p in points):
            raise Refused(f"{len(points)} points", shape)
        shares = [parse(point[0], "fraction") for point in points]
        if shares[0] != 0.0 or shares[-1] != 1.0 or any(b <= a for a, b in itertools.pairwise(shares)):
            raise Refused(f"shares {', '.join(f'{share:g}' for share in shares[:6])} ...", shape)
        values = read_curve(([point[1] for point in points], value[1], value[2]), unit)
        pairs = tuple(zip(shares, values, strict=True))
        steps = Curve(_between(pairs, place / (count - 1)) for place in range(count))
        steps.pairs = pairs
        return steps

    items: list[dict[str, Any]] = [
        {"type": "array", "description": shape},
        {"type": "string", "description": f"a unit convertible to {unit}"},
        {"type": "string", "minLength": 1, "description": "where it comes from, or: assumption"},
    ]
    return Leaf(read, {"type": "array", "prefixItems": items, "minItems": 3, "maxItems": 3})


def _between(pairs: Sequence[tuple[float, float]], share: float) -> float:
    """On straight lines."""
    for (x0, y0), (x1, y1) in itertools.pairwise(pairs):
        if share <= x1:
            return y0 + (share - x0) / (x1 - x0) * (y1 - y0)
    return pairs[-1][1]


Fraction = Annotated[float, _figure("1", 0.0, 1.0)]
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
