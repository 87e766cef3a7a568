"""Which unit a signal has, from the end of its name, and numbers converted to it.

Factors are exact by definition (SI brochure, 9th edition; minute, hour, day, degree: table 8).
"""

from __future__ import annotations

import math
import re
from types import MappingProxyType

_DEGREE = math.pi / 180.0
# canonical unit -> (unit as written -> (factor, offset)); value = number * factor + offset
_UNITS: dict[str, dict[str, tuple[float, float]]] = {
    "s": {"s": (1.0, 0.0), "ms": (1e-3, 0.0), "min": (60.0, 0.0), "h": (3600.0, 0.0), "d": (86400.0, 0.0)},
    "k": {"K": (1.0, 0.0), "degC": (1.0, 273.15), "°C": (1.0, 273.15)},
    "w": {"W": (1.0, 0.0), "kW": (1e3, 0.0), "MW": (1e6, 0.0), "mW": (1e-3, 0.0)},
    "j": {"J": (1.0, 0.0), "kJ": (1e3, 0.0), "MJ": (1e6, 0.0), "Wh": (3600.0, 0.0), "kWh": (3.6e6, 0.0)},
    "v": {"V": (1.0, 0.0), "mV": (1e-3, 0.0), "kV": (1e3, 0.0)},
    "a": {"A": (1.0, 0.0), "mA": (1e-3, 0.0)},
    "m": {"m": (1.0, 0.0), "km": (1e3, 0.0)},
    "m_s": {"m/s": (1.0, 0.0), "km/s": (1e3, 0.0)},
    "rad": {"rad": (1.0, 0.0), "mrad": (1e-3, 0.0), "deg": (_DEGREE, 0.0)},
    "rad_s": {"rad/s": (1.0, 0.0), "deg/s": (_DEGREE, 0.0)},
    "gy": {"Gy": (1.0, 0.0), "rad": (0.01, 0.0), "krad": (10.0, 0.0)},
    "gy_s": {"Gy/s": (1.0, 0.0)},
    "gv": {"GV": (1.0, 0.0)},
    "w_m2": {"W/m2": (1.0, 0.0), "W/m^2": (1.0, 0.0)},
    "cm2_s": {"1/cm2/s": (1.0, 0.0)},
    "n_m_s": {"N.m.s": (1.0, 0.0)},
    "n_m": {"N.m": (1.0, 0.0)},
    "dbhz": {"dBHz": (1.0, 0.0), "dB-Hz": (1.0, 0.0)},
    "bps": {"bps": (1.0, 0.0), "kbps": (1e3, 0.0), "Mbps": (1e6, 0.0), "Gbps": (1e9, 0.0)},
    "": {"": (1.0, 0.0), "%": (0.01, 0.0)},
}
UNITS = MappingProxyType(_UNITS)
_SUFFIXES = sorted((suffix for suffix in _UNITS if suffix), key=len, reverse=True)


class UnitMistake(ValueError):
    """A unit that does not fit. `allowed` says what would."""

    def __init__(self, allowed: str) -> None:
        super().__init__(allowed)
        self.allowed = allowed


def unit_of_signal(name: str) -> str:
    """The canonical unit at the end of a signal's name, "" where it has none (fractions, counts, states)."""
    base = re.sub(r"\[.*\]$", "", name)
    return next((suffix for suffix in _SUFFIXES if base.endswith("_" + suffix)), "")


def convert(number: float, written: str, unit: str) -> float:
    """`number` in `written` units as a number in `unit`. A bare number is taken to be in the signal's own unit only
    where that unit is none; everything else wants its unit spelled out. Raises UnitMistake."""
    factors = _UNITS[unit]
    if written not in factors:
        raise UnitMistake("a number with a unit: " + ", ".join(factors) if unit else "a bare number or %")
    factor, offset = factors[written]
    return number * factor + offset
