"""Quantities as people write them ("650 km", "80 %", "1 h 30 min") -> plain numbers in SI, and nothing silent.

A number without a unit is refused wherever a unit is needed. Decimal arithmetic throughout, so that "0.1 s" is exactly
100,000,000 ns. No file, no scenario: only text and numbers.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

_PI = Fraction(math.pi)

FACTORS: dict[str, Fraction] = {
    "": Fraction(1), "1": Fraction(1), "%": Fraction(1, 100),
    "m": Fraction(1), "km": Fraction(1000), "cm": Fraction(1, 100), "mm": Fraction(1, 1000), "um": Fraction(1, 10**6),
    "nm": Fraction(1, 10**9), "m2": Fraction(1), "cm2": Fraction(1, 10**4), "m3": Fraction(1),
    "litre": Fraction(1, 1000), "kg": Fraction(1), "g": Fraction(1, 1000), "t": Fraction(1000),
    "s": Fraction(1), "ms": Fraction(1, 1000), "us": Fraction(1, 10**6), "min": Fraction(60), "h": Fraction(3600),
    "d": Fraction(86400), "year": Fraction(31557600),
    "Hz": Fraction(1), "kHz": Fraction(1000), "MHz": Fraction(10**6), "GHz": Fraction(10**9),
    "rad": Fraction(1), "mrad": Fraction(1, 1000), "urad": Fraction(1, 10**6), "deg": _PI / 180, "arcmin": _PI / 10800,
    "deg/s": _PI / 180, "rad/s": Fraction(1), "m/s": Fraction(1), "km/s": Fraction(1000),
    "N": Fraction(1), "mN": Fraction(1, 1000), "Pa": Fraction(1), "kPa": Fraction(1000), "bar": Fraction(10**5),
    "N m": Fraction(1), "mN m": Fraction(1, 1000), "N m s": Fraction(1),
    "W": Fraction(1), "kW": Fraction(1000), "MW": Fraction(10**6), "mW": Fraction(1, 1000), "uW": Fraction(1, 10**6),
    "J": Fraction(1), "kJ": Fraction(1000), "MJ": Fraction(10**6), "Wh": Fraction(3600), "kWh": Fraction(3600000),
    "eV": Fraction("1.602176634e-19"), "K": Fraction(1), "degC": Fraction(1),
    "V": Fraction(1), "kV": Fraction(1000), "mV": Fraction(1, 1000), "A": Fraction(1), "mA": Fraction(1, 1000),
    "C": Fraction(1), "Ah": Fraction(3600), "ohm": Fraction(1), "mohm": Fraction(1, 1000),
    "F": Fraction(1), "mF": Fraction(1, 1000), "uF": Fraction(1, 10**6), "T": Fraction(1),
    "bit": Fraction(1), "kbit": Fraction(1000), "Mbit": Fraction(10**6), "Gbit": Fraction(10**9),
    "Tbit": Fraction(10**12), "B": Fraction(8), "MB": Fraction(8 * 10**6), "GB": Fraction(8 * 10**9),
    "TB": Fraction(8 * 10**12),
    "bit/s": Fraction(1), "kbit/s": Fraction(1000), "Mbit/s": Fraction(10**6), "Gbit/s": Fraction(10**9),
    "Tbit/s": Fraction(10**12), "bps": Fraction(1), "kbps": Fraction(1000), "Mbps": Fraction(10**6),
    "Gbps": Fraction(10**9),
    "Gy": Fraction(1), "rad(Si)": Fraction(1, 100), "krad(Si)": Fraction(10), "Gy/s": Fraction(1),
    "A m2": Fraction(1), "1/cm2/s": Fraction(1), "W/m2": Fraction(1), "GV": Fraction(1),
}  # fmt: skip
"""Unit -> factor to SI, for scenarios and designs alike. Temperatures in degC are shifted, not scaled (see `parse`);
fluxes per cm2 and rigidities in GV stay as they are, because that is how their models and their names count."""


def _dimension(*units: str) -> dict[str, Fraction]:
    return {unit: FACTORS[unit] for unit in units}


DIMENSIONS: dict[str, dict[str, Fraction]] = {
    "length": _dimension("m", "km", "mm", "cm"),
    "area": _dimension("m2", "cm2"),
    "time": _dimension("s", "ms", "min", "h", "d"),
    "angle": _dimension("deg", "rad", "mrad", "arcmin"),
    "angular rate": _dimension("deg/s", "rad/s"),
    "speed": _dimension("m/s", "km/s"),
    "fraction": _dimension("%", ""),
    "power": _dimension("W", "kW", "MW", "mW"),
    "energy": _dimension("J", "kJ", "Wh", "kWh"),
    "temperature": _dimension("K", "degC"),
    "temperature difference": _dimension("K"),
    "voltage": _dimension("V", "kV", "mV"),
    "current": _dimension("A", "mA"),
    "charge": _dimension("C", "Ah"),
    "mass": _dimension("kg", "t", "g"),
    "bit rate": _dimension("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", "bps", "kbps", "Mbps", "Gbps"),
    "frequency": _dimension("Hz", "kHz", "MHz", "GHz"),
    "dose": _dimension("Gy", "rad(Si)"),
    "angular momentum": _dimension("N m s"),
    "magnetic moment": _dimension("A m2"),
    "dose rate": _dimension("Gy/s"),
    "flux": _dimension("1/cm2/s"),
    "irradiance": _dimension("W/m2"),
    "rigidity": _dimension("GV"),
    "torque": _dimension("N m", "mN m"),
    "number": _dimension(""),
}
"""What a user may write, per dimension, in the order that mistakes show."""

_SUFFIXES = (
    ("_gy_s", "dose rate"),
    ("_cm2_s", "flux"),
    ("_w_m2", "irradiance"),
    ("_a_m2", "magnetic moment"),
    ("_gv", "rigidity"),
    ("_dbhz", "number"),
    ("_rad_s", "angular rate"),
    ("_n_m_s", "angular momentum"),
    ("_m_s", "speed"),
    ("_n_m", "torque"),
    ("_fraction", "fraction"),
    ("_soc", "fraction"),
    ("_health", "fraction"),
    ("_bps", "bit rate"),
    ("_rad", "angle"),
    ("_gy", "dose"),
    ("_hz", "frequency"),
    ("_kg", "mass"),
    ("_m2", "area"),
    ("_m", "length"),
    ("_k", "temperature"),
    ("_s", "time"),
    ("_w", "power"),
    ("_j", "energy"),
    ("_v", "voltage"),
    ("_a", "current"),
    ("_c", "charge"),
)

MAX_MAGNITUDE = 1e30

_NUMBER = r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][+-]?\d{1,2})?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*(.*?)\s*", re.ASCII | re.DOTALL)
_TERM = re.compile(rf"\s*({_NUMBER})\s*([a-z]+)", re.ASCII)


class UnitError(ValueError):
    """A quantity that is none; `found` and `allowed` are ready to be shown."""

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__(f"found {found}; allowed: {allowed}")
        self.found = found
        self.allowed = allowed


def allowed_units(dimension: str, *, orbits: bool = False) -> str:
    """The units of a dimension as a sentence for a mistake."""
    units = [unit or "a plain number" for unit in DIMENSIONS[dimension]]
    if orbits:
        units.append("orbits")
    return f"a {dimension} in {', '.join(units)}" if dimension != "number" else "a number"


def dimension_of_name(name: str) -> str:
    """The dimension a name ends in: "radiator_temperature_k[3]" and "lcl_current_a.payload" have one, "mode" has none
    ("number"). What stands in brackets or behind a dot picks a member."""
    stem = name.split("[", 1)[0].split(".", 1)[0]
    for suffix, dimension in _SUFFIXES:
        if stem.endswith(suffix):
            return dimension
    return "number"


def parse(value: object, dimension: str) -> float:
    """A quantity in SI (radians, kelvin, seconds). Raises UnitError for anything else, and for a missing unit."""
    return _to_float(exact(value, dimension))


def parse_duration_ns(value: object, *, orbit_s: float | None = None) -> int:
    """A duration in whole nanoseconds. Terms may be summed ("1 h 30 min"); "orbits" needs the period of one orbit."""
    seconds = _duration(value, orbit_s)
    return round(seconds * 10**9)


def parse_as(value: object, unit: str) -> float:
    """A quantity in a given unit, whatever unit it was written in ("5 kW" as "W" is 5000.0).

    A plain number is refused if the unit is known, so that nobody guesses; unknown units take plain numbers only.
    """
    for dimension, units in DIMENSIONS.items():
        if unit and unit in units:
            if unit == "degC":
                return _to_float(exact(value, dimension) - _ZERO_C)
            return _to_float(exact(value, dimension) / units[unit])
    return parse(value, "number")


_ZERO_C = Fraction(27315, 100)


def exact(value: object, dimension: str) -> Fraction:
    """As `parse`, without rounding."""
    if dimension == "time":
        return _duration(value, None)
    units = DIMENSIONS[dimension]
    number, unit = _split(value, allowed_units(dimension))
    if unit not in units:
        raise UnitError(show(value), allowed_units(dimension))
    return number + _ZERO_C if unit == "degC" else number * units[unit]


def show(value: object) -> str:
    """A found value for a mistake: short, quoted, with its kind."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the plain number {str(value)[:40]}"
    text = value if isinstance(value, str) else type(value).__name__
    return ascii(text if len(text) <= 60 else text[:57] + "...")


def _duration(value: object, orbit_s: float | None) -> Fraction:
    allowed = allowed_units("time", orbits=orbit_s is not None)
    if not isinstance(value, str) or len(value) > 100:
        raise UnitError(show(value), allowed)
    units = dict(DIMENSIONS["time"])
    if orbit_s is not None:
        units["orbits"] = units["orbit"] = Fraction(orbit_s)
    total, at = Fraction(0), 0
    text = value.rstrip()
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None or term[2] not in units:
            raise UnitError(show(value), allowed)
        total += _fraction(term[1]) * units[term[2]]
        at = term.end()
    if at == 0 or abs(total) > MAX_MAGNITUDE:
        raise UnitError(show(value), allowed)
    return total


def _split(value: object, allowed: str) -> tuple[Fraction, str]:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UnitError(show(value), allowed)
    if isinstance(value, (int, float)):
        if not math.isfinite(value) or abs(value) > MAX_MAGNITUDE:
            raise UnitError(show(value), allowed)
        return Fraction(str(value)) if isinstance(value, float) else Fraction(value), ""
    match = _QUANTITY.fullmatch(value) if len(value) <= 100 else None
    if match is None:
        raise UnitError(show(value), allowed)
    number = _fraction(match[1])
    if abs(number) > MAX_MAGNITUDE:
        raise UnitError(show(value), allowed)
    return number, match[2]


def _fraction(text: str) -> Fraction:
    return Fraction(Decimal(text))


def _to_float(value: Fraction) -> float:
    return float(value)
