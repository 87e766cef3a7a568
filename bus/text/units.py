"""Quantities as people write them ("650 km", "80 %", "1 h 30 min", "3.6 kJ/kg K") -> plain numbers in SI.

One table of units for everything people write. A number without a unit is refused wherever a unit is needed. A kind of
quantity is a dimension of the table below, or an SI unit made of products and quotients ("W/K"). No file, no scenario:
only text and numbers.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

from bus.constants import CELSIUS_ZERO_K, ELECTRONVOLT_J, JULIAN_YEAR_S
from bus.errors import Refused

Powers = tuple[int, int, int, int, int, int]
"""Powers of metre, kilogram, second, ampere, kelvin, and of things counted as such (bit)."""

_PI = Fraction(math.pi)
_MILLI, _MICRO, _NANO = Fraction(1, 10**3), Fraction(1, 10**6), Fraction(1, 10**9)
_KILO, _MEGA, _GIGA, _TERA = Fraction(10**3), Fraction(10**6), Fraction(10**9), Fraction(10**12)
_ONE, _CENTI = Fraction(1), Fraction(1, 100)
_NONE: Powers = (0, 0, 0, 0, 0, 0)

_TABLE: dict[Powers, dict[str, Fraction]] = {
    (1, 0, 0, 0, 0, 0): {"m": _ONE, "km": _KILO, "cm": _CENTI, "mm": _MILLI, "um": _MICRO, "nm": _NANO},
    (2, 0, 0, 0, 0, 0): {"m2": _ONE, "cm2": Fraction(1, 10**4)},
    (3, 0, 0, 0, 0, 0): {"m3": _ONE, "litre": _MILLI, "cm3": _MICRO},
    (0, 1, 0, 0, 0, 0): {"kg": _ONE, "g": _MILLI, "t": _KILO},
    (0, 0, 1, 0, 0, 0): {
        "s": _ONE, "ms": _MILLI, "us": _MICRO, "min": Fraction(60), "h": Fraction(3600), "d": Fraction(86400),
        "year": Fraction(JULIAN_YEAR_S),
    },
    (0, 0, -1, 0, 0, 0): {"Hz": _ONE, "kHz": _KILO, "MHz": _MEGA, "GHz": _GIGA},
    (0, 0, 0, 1, 0, 0): {"A": _ONE, "mA": _MILLI},
    (0, 0, 1, 1, 0, 0): {"Ah": Fraction(3600), "C": _ONE},
    (0, 0, 0, 0, 1, 0): {"K": _ONE},
    (1, 1, -2, 0, 0, 0): {"N": _ONE, "mN": _MILLI},
    (-1, 1, -2, 0, 0, 0): {"Pa": _ONE, "kPa": _KILO, "bar": Fraction(10**5)},
    (2, 1, -3, 0, 0, 0): {"W": _ONE, "kW": _KILO, "mW": _MILLI, "uW": _MICRO, "MW": _MEGA},
    (2, 1, -2, 0, 0, 0): {
        "J": _ONE, "kJ": _KILO, "MJ": _MEGA, "Wh": Fraction(3600), "kWh": Fraction(3600000),
        "eV": Fraction(str(ELECTRONVOLT_J)),
    },
    (2, 1, -3, -1, 0, 0): {"V": _ONE, "mV": _MILLI, "kV": _KILO},
    (2, 1, -3, -2, 0, 0): {"ohm": _ONE, "mohm": _MILLI},
    (-2, -1, 4, 2, 0, 0): {"F": _ONE, "mF": _MILLI, "uF": _MICRO},
    (0, 1, -2, -1, 0, 0): {"T": _ONE},
    (2, 0, -2, 0, 0, 0): {"Gy": _ONE, "rad(Si)": _CENTI, "krad(Si)": Fraction(10)},
    (0, 0, 0, 0, 0, 1): {
        "bit": _ONE, "kbit": _KILO, "Mbit": _MEGA, "Gbit": _GIGA, "Tbit": _TERA, "B": Fraction(8), "kB": 8 * _KILO,
        "MB": 8 * _MEGA, "GB": 8 * _GIGA, "TB": 8 * _TERA,
    },
    (0, 0, -1, 0, 0, 1): {"bps": _ONE, "kbps": _KILO, "Mbps": _MEGA, "Gbps": _GIGA},
    _NONE: {
        "rad": _ONE, "mrad": _MILLI, "urad": _MICRO, "deg": _PI / 180, "arcmin": _PI / 10800, "%": _CENTI, "1": _ONE,
        # Decibels stay decibels, and are mixed with nothing else.
        "dB": _ONE, "dBi": _ONE, "dBW": _ONE, "dB/K": _ONE, "dBHz": _ONE,
    },
}  # fmt: skip

UNITS: dict[str, tuple[Fraction, Powers]] = {
    unit: (factor, powers) for powers, units in _TABLE.items() for unit, factor in units.items()
}
"""Unit -> factor to SI and dimension. Temperatures in degC are shifted, not scaled."""

_SHOWN: dict[str, str] = {
    "length": "m km mm cm",
    "area": "m2 cm2",
    "time": "s ms min h d",
    "angle": "deg rad mrad arcmin",
    "angular rate": "deg/s rad/s",
    "speed": "m/s km/s",
    "fraction": "%",
    "power": "W kW MW mW",
    "energy": "J kJ Wh kWh",
    "temperature": "K",
    "temperature difference": "K",
    "voltage": "V kV mV",
    "current": "A mA",
    "charge": "C Ah",
    "mass": "kg t g",
    "mass flow": "kg/s g/s kg/h g/h kg/d",
    "density": "kg/m3 g/cm3",
    "force": "N mN",
    "fluence": "1/m2 1/cm2",
    "bit rate": "bit/s kbit/s Mbit/s Gbit/s Tbit/s bps kbps Mbps Gbps",
    "data size": "kB MB GB TB",
    "frequency": "Hz kHz MHz GHz",
    "dose": "Gy rad(Si)",
    "magnetic flux density": "T",
    "dose rate": "Gy/s",
    "irradiance": "W/m2",
}
"""What a user may write of a dimension, in the order that mistakes show."""

_SUFFIXES = (
    ("_gy_s", "dose rate"),
    ("_cm2_s", "flux"),
    ("_w_m2", "irradiance"),
    ("_a_m2", "magnetic moment"),
    ("_gv", "rigidity"),
    ("_dbhz", "number"),
    ("_rad_s", "angular rate"),
    ("_n_m_s", "angular momentum"),
    ("_kg_m3", "density"),
    ("_kg_s", "mass flow"),
    ("_m_s", "speed"),
    ("_n_m", "torque"),
    ("_fraction", "fraction"),
    ("_soc", "fraction"),
    ("_health", "fraction"),
    ("_fluence_m2", "fluence"),
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
    ("_n", "force"),
    ("_t", "magnetic flux density"),
)

MAX_MAGNITUDE = 1e30

_NUMBER = r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][+-]?\d{1,2})?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*(.*?)\s*", re.ASCII | re.DOTALL)
_TERM = re.compile(rf"\s*({_NUMBER})\s*([a-z]+)", re.ASCII)
_PART = re.compile(r"[^\s*/]+(?:\([^)]*\))?|/")
_ZERO_C = Fraction(str(CELSIUS_ZERO_K))


def show(value: object) -> str:
    """A found value for a mistake: short, quoted, with its kind."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the plain number {str(value)[:40]}"
    if isinstance(value, (list, tuple, dict)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = value if isinstance(value, str) else type(value).__name__
    return ascii(text if len(text) <= 60 else text[:57] + "...")


def compound(text: str) -> tuple[Fraction, Powers]:
    """Factor and dimension of a unit made of the table's: "m2 K/W". Raises Refused for anything else."""
    if text in UNITS or text == "degC":
        return UNITS.get(text, UNITS["K"])
    factor, powers, sign = _ONE, list(_NONE), 1
    for part in _PART.findall(text):
        if part == "/":
            if sign < 0:
                raise Refused(f"unit {show(text)} with two '/'", "one '/' in a unit")
            sign = -1
            continue
        if part not in UNITS:
            raise Refused(f"unit {show(part)}, which is unknown", f"units such as {', '.join(list(UNITS)[:12])}")
        scale, dimension = UNITS[part]
        factor *= scale**sign
        powers = [p + sign * d for p, d in zip(powers, dimension, strict=True)]
    return factor, (powers[0], powers[1], powers[2], powers[3], powers[4], powers[5])


def _dimensions() -> dict[str, dict[str, Fraction]]:
    known = {name: {unit: compound(unit)[0] for unit in units.split()} for name, units in _SHOWN.items()}
    known["fraction"][""] = _ONE
    known["temperature"]["degC"] = _ONE
    for name, units in (
        ("angular momentum", ("N m s",)),
        ("magnetic moment", ("A m2",)),
        ("torque", ("N m", "mN m")),
    ):
        known[name] = {unit: compound(unit)[0] for unit in units}
    # Fluxes per cm2 and rigidities in GV stay as they are: that is how their models and their names count.
    return {**known, "flux": {"1/cm2/s": _ONE}, "rigidity": {"GV": _ONE}, "number": {"": _ONE}}


DIMENSIONS = _dimensions()
"""Dimension -> its units and their factors."""


def allowed_units(kind: str, *, orbits: bool = False) -> str:
    """The units of a kind as a sentence for a mistake."""
    if kind == "number":
        return "a number"
    if kind not in DIMENSIONS:
        return "a number" if kind == "1" else f"a number and a unit convertible to {kind}"
    units = [unit or "a plain number" for unit in DIMENSIONS[kind]]
    article = "an" if kind[0] in "aei" else "a"
    return f"{article} {kind} in {', '.join([*units, 'orbits'] if orbits else units)}"


_SI = {
    "length": "m", "area": "m2", "time": "s", "angle": "rad", "angular rate": "rad/s", "speed": "m/s", "power": "W",
    "energy": "J", "temperature": "K", "voltage": "V", "current": "A", "charge": "C", "mass": "kg", "mass flow": "kg/s",
    "density": "kg/m3", "force": "N", "fluence": "1/m2", "bit rate": "bit/s", "frequency": "Hz", "dose": "Gy",
    "dose rate": "Gy/s", "irradiance": "W/m2", "magnetic flux density": "T", "torque": "N m", "rigidity": "GV",
    "angular momentum": "N m s", "magnetic moment": "A m2", "flux": "1/(cm2 s)",
}  # fmt: skip
"""What names that end in a unit are in."""


def dimension_of_name(name: str) -> str:
    """The dimension a name ends in: "radiator_temperature_k[3]" and "lcl_current_a.payload" have one, "mode" has none
    ("number"). What stands in brackets or behind a dot picks a member."""
    stem = name.split("[", 1)[0].split(".", 1)[0]
    for suffix, dimension in _SUFFIXES:
        if stem.endswith(suffix):
            return dimension
    return "number"


def unit_of_name(name: str) -> str:
    """The unit of a value of this name, "1" for plain numbers and shares."""
    if name.endswith("_dbhz"):
        return "dB Hz"
    return "dB" if name.endswith("_db") else _SI.get(dimension_of_name(name), "1")


def parse(value: object, kind: str) -> float:
    """A quantity in SI (radians, kelvin, seconds). Raises Refused for anything else, and for a missing unit."""
    return float(exact(value, kind)) if kind in DIMENSIONS else _in_unit(value, kind)


def parse_duration_ns(value: object, *, orbit_s: float | None = None) -> int:
    """A duration in whole nanoseconds. Terms may be summed ("1 h 30 min"); "orbits" needs the period of one orbit."""
    return round(_duration(value, orbit_s) * 10**9)


def parse_as(value: object, unit: str) -> float:
    """A quantity in a given unit, whatever unit it was written in ("5 kW" as "W" is 5000.0).

    A plain number is refused if the unit is known, so that nobody guesses; unknown units take plain numbers only.
    """
    if unit == "1":
        return parse(value, "fraction")
    for dimension, units in DIMENSIONS.items():
        if unit and unit in units:
            if unit == "degC":
                return float(exact(value, dimension) - _ZERO_C)
            return float(exact(value, dimension) / units[unit])
    return parse(value, "number")


def has_unit(unit: str) -> bool:
    """Whether `parse_as` wants a unit beside the number."""
    return unit != "" and any(unit in units for units in DIMENSIONS.values())


def exact(value: object, kind: str) -> Fraction:
    """As `parse` of a dimension, without rounding."""
    if kind == "time":
        return _duration(value, None)
    units = DIMENSIONS[kind]
    number, unit = _split(value, allowed_units(kind))
    if unit not in units:
        raise Refused(show(value), allowed_units(kind))
    return number + _ZERO_C if unit == "degC" else number * units[unit]


def _in_unit(value: object, unit: str) -> float:
    """A quantity in any unit that is convertible to this one."""
    allowed = allowed_units(unit)
    number, written = _split(value, allowed)
    if unit != "1" and not written:
        raise Refused(f"{show(value)} without a unit", allowed)
    if written == "degC" and unit == "K":
        return float(number) + float(_ZERO_C)
    factor, powers = compound(written or "1")
    if powers != compound(unit)[1] or ("dB" in unit) != ("dB" in written):
        raise Refused(f"{show(value)} in unit '{written}'", allowed)
    if abs(number * factor) > MAX_MAGNITUDE:
        raise Refused(show(value), "a finite number")
    return float(number) * float(factor)


def _duration(value: object, orbit_s: float | None) -> Fraction:
    allowed = allowed_units("time", orbits=orbit_s is not None)
    if not isinstance(value, str) or len(value) > 100:
        raise Refused(show(value), allowed)
    units = dict(DIMENSIONS["time"])
    if orbit_s is not None:
        units["orbits"] = units["orbit"] = Fraction(orbit_s)
    total, at = Fraction(0), 0
    text = value.rstrip()
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None or term[2] not in units:
            raise Refused(show(value), allowed)
        total += Fraction(Decimal(term[1])) * units[term[2]]
        at = term.end()
    if at == 0 or abs(total) > MAX_MAGNITUDE:
        raise Refused(show(value), allowed)
    return total


def _split(value: object, allowed: str) -> tuple[Fraction, str]:
    """Number and unit of a quantity."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Refused(show(value), allowed)
    if isinstance(value, (int, float)):
        if not math.isfinite(value) or abs(value) > MAX_MAGNITUDE:
            raise Refused(show(value), allowed)
        return Fraction(str(value)) if isinstance(value, float) else Fraction(value), ""
    match = _QUANTITY.fullmatch(value) if len(value) <= 100 else None
    if match is None:
        raise Refused(show(value), allowed)
    number = Fraction(Decimal(match[1]))
    if abs(number) > MAX_MAGNITUDE:
        raise Refused(show(value), allowed)
    return number, match[2]
