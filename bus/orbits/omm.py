"""One OMM (CCSDS 502.0-B, orbit mean-elements message) as keywords and values -> an element set, to the last digit.

Each value that is not what the standard allows is named by its keyword. A record that carries two-line elements only
(some catalogues are made so) is read as those.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime

from bus.errors import Refused
from bus.orbits.elements import Elements, printable, satellite, sgp4_failure
from bus.orbits.tle import TleError, parse_tle
from bus.scenario.model import OmmOrbit
from bus.text.instants import FIRST_YEAR, LAST_YEAR, in_range, parse_instant
from bus.text.tables import is_nothing
from bus.text.units import show

NUMBERS: dict[str, tuple[str, float, float, str]] = {
    "MEAN_MOTION": ("mean_motion_rev_day", 0.05, 17.5, "a number from 0.05 to 17.5 (revolutions a day)"),
    "ECCENTRICITY": ("eccentricity", 0.0, 0.99999999, "a number from 0 to less than 1"),
    "INCLINATION": ("inclination_deg", 0.0, 180.0, "a number from 0 to 180 (deg)"),
    "RA_OF_ASC_NODE": ("raan_deg", -360.0, 360.0, "a number from -360 to 360 (deg)"),
    "ARG_OF_PERICENTER": ("argument_of_perigee_deg", -360.0, 360.0, "a number from -360 to 360 (deg)"),
    "MEAN_ANOMALY": ("mean_anomaly_deg", -360.0, 360.0, "a number from -360 to 360 (deg)"),
    "BSTAR": ("bstar", -1e9, 1e9, "a number of 1/Earth radii, such as 5e-5"),
    "MEAN_MOTION_DOT": ("mean_motion_dot_rev_day2", -1e3, 1e3, "a number of revolutions a day squared"),
    "MEAN_MOTION_DDOT": ("mean_motion_ddot_rev_day3", -1e3, 1e3, "a number of revolutions a day cubed"),
}
"""Keyword -> our field, least, largest, and what is allowed in words."""
KEYWORDS = ("NORAD_CAT_ID", "EPOCH", *NUMBERS)
MAX_NUMBER = 999_999_999
"""CCSDS 502.0-B leaves room for nine digits."""
_WORDS = {
    "CENTER_NAME": ("EARTH",),
    "REF_FRAME": ("TEME",),
    "TIME_SYSTEM": ("UTC",),
    "MEAN_ELEMENT_THEORY": ("SGP4", "SGP/SGP4"),
    "EPHEMERIS_TYPE": ("0", "2"),
}
"""What SGP4 needs of the rest, where a record says it. Ephemeris type 4 is SGP4-XP."""
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_SAME_EPOCH_S = 0.002
_SAME = 4e-6
"""A two-line set beside the numbers may differ by its last digit: 1e-8 d, 1e-4 deg."""


class OmmError(Refused):
    """A record that is no element set: which keyword, what is there, what would be right."""

    def __init__(self, keyword: str, found: str, allowed: str) -> None:
        super().__init__(found, allowed)
        self.keyword = keyword

    def __str__(self) -> str:
        return f"{self.keyword}: {super().__str__()}"


def parse_omm(record: Mapping[str, object], line: int = 0) -> Elements:
    """The set of a record whose keywords are in capitals. Raises OmmError and nothing else."""
    name = name_of(record)
    lines = [_text(record, keyword) for keyword in ("TLE_LINE1", "TLE_LINE2")]
    if all(lines) and all(_is_nothing(record.get(keyword)) for keyword in NUMBERS):
        return _from_lines(lines, name, line)
    for keyword, words in _WORDS.items():
        value = record.get(keyword)
        if not _is_nothing(value) and _plain(value).upper() not in words:
            raise OmmError(keyword, _found(value), " or ".join(words))
    number = _whole(record, "NORAD_CAT_ID", MAX_NUMBER)
    epoch = _epoch(record)
    numbers = {field: _number(record, keyword) for keyword, (field, *_) in NUMBERS.items()}
    head = {"name": name, "catalogue_number": number, "epoch_utc": f"{epoch:%Y-%m-%dT%H:%M:%S.%f}Z"}
    orbit = OmmOrbit.model_validate({**head, **numbers, "source": "", "propagator": "sgp4"})
    failure = sgp4_failure(orbit, epoch)
    if failure:
        raise OmmError("MEAN_MOTION", f"elements that SGP4 rejects at their epoch ({failure})", "elements of an orbit")
    if all(lines):
        _compare(orbit, epoch, lines)
    return Elements(name, number, epoch, 86400.0 / orbit.mean_motion_rev_day, orbit, line)


def record_of(orbit: OmmOrbit) -> dict[str, str | int | float]:
    """The keywords and values that give this orbit again, to the last digit."""
    head: dict[str, str | int | float] = {
        "OBJECT_NAME": orbit.name,
        "NORAD_CAT_ID": orbit.catalogue_number,
        "EPOCH": orbit.epoch_utc,
    }
    return head | {keyword: float(getattr(orbit, field)) for keyword, (field, *_) in NUMBERS.items()}


def name_of(record: Mapping[str, object]) -> str:
    """What the object is called, "" if it is not. Raises OmmError for what is no text."""
    return printable(_text(record, "OBJECT_NAME") or _text(record, "NAME"))


def _from_lines(lines: list[str], name: str, line: int) -> Elements:
    try:
        return parse_tle(lines[0], lines[1], name, line)
    except TleError as error:
        raise OmmError(f"TLE_LINE{error.line}", error.found, error.allowed) from None


def _compare(orbit: OmmOrbit, epoch: datetime, lines: list[str]) -> None:
    """Refuse lines that tell of another orbit than the numbers beside them. Lines that are none count for nothing."""
    try:
        other = parse_tle(lines[0], lines[1])
    except TleError:
        return
    ours, theirs = satellite(orbit), satellite(other.orbit)
    turn = 2.0 * math.pi
    apart = [
        abs((a - b + math.pi) % turn - math.pi)
        for a, b in (
            (ours.nodeo, theirs.nodeo),
            (ours.argpo, theirs.argpo),
            (ours.mo, theirs.mo),
            (ours.inclo, theirs.inclo),
        )
    ]
    apart += [abs(ours.ecco - theirs.ecco), abs(ours.no_kozai - theirs.no_kozai)]
    if max(apart) > _SAME or abs((epoch - other.epoch).total_seconds()) > _SAME_EPOCH_S:
        raise OmmError("TLE_LINE1", "lines of another orbit or epoch than the numbers beside them", "either alone")


def _epoch(record: Mapping[str, object]) -> datetime:
    value = record.get("EPOCH")
    if not isinstance(value, str) or _is_nothing(value):
        raise OmmError("EPOCH", _found(value), "a UTC time such as 2026-08-12T00:00:00.000000")
    try:
        epoch = parse_instant(value)
    except Refused as error:
        raise OmmError("EPOCH", error.found, error.allowed) from None
    if not in_range(epoch):
        raise OmmError("EPOCH", show(value), f"a time from {FIRST_YEAR} to {LAST_YEAR}")
    return epoch


def _number(record: Mapping[str, object], keyword: str) -> float:
    value = record.get(keyword)
    _, low, high, allowed = NUMBERS[keyword]
    number = math.nan
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        number = float(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value) if abs(value) <= 1e300 else math.inf
    if not low <= number <= high:
        raise OmmError(keyword, _found(value), allowed)
    return number


def _whole(record: Mapping[str, object], keyword: str, largest: int) -> int:
    value = record.get(keyword)
    text = _plain(value).strip()
    match = re.fullmatch(r"(\d{1,20})(?:\.0{0,20})?", text, re.ASCII)
    if match is None or int(match[1]) > largest:
        raise OmmError(keyword, _found(value), f"a whole number from 0 to {largest}")
    return int(match[1])


def _text(record: Mapping[str, object], keyword: str) -> str:
    value = record.get(keyword)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise OmmError(keyword, _found(value), "a text")
    return "" if is_nothing(value) else value


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and is_nothing(value))


def _plain(value: object) -> str:
    """A text or a number as text; anything else as nothing that would fit."""
    if isinstance(value, str):
        return value.strip()
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _found(value: object) -> str:
    """What stands there, in a user's words."""
    if isinstance(value, float) and not math.isfinite(value):
        return "no number (NaN)" if math.isnan(value) else "an infinite number"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str) and is_nothing(value):
        return f"{show(value)}, which stands for nothing" if value.strip() else "nothing"
    return show(value)
