"""How things are written on the console: times, temperatures, levels; each level a sign, a colour and a word.

The colours are of Okabe and Ito's palette, which people who see red and green alike can tell apart; the signs differ in
shape, so that no colour is needed at all.
"""

from __future__ import annotations

from typing import Literal

from bus.constants import CELSIUS_ZERO_K
from groundstation.api import forms

UNKNOWN = "—"
SIGNS: dict[str | None, tuple[str, str]] = {
    "critical": ("✖", "bold #d55e00"),
    "warning": ("▲", "#e69f00"),
    "normal": ("●", "#009e73"),
    None: ("?", "bold #cc79a7"),
}
LIMITS: dict[str, str] = {"hard": "bold #d55e00", "soft": "#e69f00", "inside": "", "none": ""}
SEVERITIES = {1: ("info", ""), 2: ("low", "#56b4e9"), 3: ("medium", "#e69f00"), 4: ("high", "bold #d55e00")}
GROUND: dict[str, str] = {"answers": "#009e73", "silent": "bold #d55e00", "over": "#999999"}
_EIGHTHS = " ▁▂▃▄▅▆▇█"


def span(seconds: float | None) -> str:
    """A length of time in at most seven characters: 42 s, 7:05, 3 h 20, 12 d."""
    if seconds is None:
        return UNKNOWN
    whole = int(abs(seconds))
    sign = "-" if seconds < 0 else ""
    if whole < 60:
        return f"{sign}{whole} s"
    if whole < 3600:
        return f"{sign}{whole // 60}:{whole % 60:02d}"
    if whole < 86_400:
        return f"{sign}{whole // 3600} h {whole % 3600 // 60:02d}"
    return f"{sign}{whole // 86_400} d"


def clock(seconds: float | None) -> str:
    """Mission time: days where there are any, then h:mm:ss."""
    if seconds is None:
        return UNKNOWN
    whole = int(seconds)
    days = f"{whole // 86_400} d " if whole >= 86_400 else ""
    return f"{days}{whole % 86_400 // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def celsius(kelvin: float | None) -> str:
    """Degrees Celsius, whole."""
    return UNKNOWN if kelvin is None else f"{kelvin - CELSIUS_ZERO_K:.0f} °C"


def percent(share: float | None) -> str:
    """A share of one, rounded down, so that 100 % is full."""
    return UNKNOWN if share is None else f"{int(share * 100 + 1e-9)} %"


def power(watts: float | None) -> str:
    """W, kW or MW in at most seven characters."""
    if watts is None:
        return UNKNOWN
    for limit, unit, factor in ((1e3, "W", 1.0), (1e6, "kW", 1e3)):
        if abs(watts) < limit:
            return f"{watts / factor:.0f} {unit}" if factor == 1.0 else f"{watts / factor:.1f} {unit}"
    return f"{watts / 1e6:.2f} MW"


def number(value: float | None) -> str:
    """Six digits at most."""
    return UNKNOWN if value is None else f"{value:.6g}"


def shown(value: forms.Value) -> str:
    """A telemetered value as people read it: an enumeration's word, degrees Celsius, percent."""
    if value.text:
        return value.text
    if value.value is None:
        return "no number"
    if value.unit == "K":
        return f"{value.value - CELSIUS_ZERO_K:.1f} °C"
    return f"{value.value:.6g} {value.unit if value.unit != '1' else ''}".rstrip()


def sparkline(values: list[float | None], width: int) -> str:
    """A row of bars between the least and the greatest; a stretch without a value is a gap."""
    values = values[-width:]
    numbers = [value for value in values if value is not None]
    if not numbers:
        return ""
    least, most = min(numbers), max(numbers)
    step = (most - least) / 7.0
    return "".join(
        _EIGHTHS[0] if value is None else _EIGHTHS[1 + (round((value - least) / step) if step else 0)]
        for value in values
    )


def level_word(level: Literal["normal", "warning", "critical"] | None) -> str:
    """A level as a word; unknown is one of them."""
    return level or "unknown"
