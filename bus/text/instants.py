"""Instants as people and files write them: ISO 8601 to the second -> UTC. One reader for all files and options.

Read: calendar dates and days of the year, a T or a blank between date and time, fractions after a point or a comma
(kept to the microsecond, rounded), Z, UTC or an offset, in either case. Never guessed: a date or an hour alone is a
part of an instant, and refused. A leap second, hour 24 and week dates are known, and refused by name.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from bus.errors import Refused
from bus.text.units import show

EXAMPLE = "2026-08-12T00:00:00Z"
LONGEST = 64
FIRST_YEAR, LAST_YEAR = 1957, 2056
"""Years of scenarios and element sets: those that the two digits of two-line elements stand for."""

_INSTANT = re.compile(
    r"(?P<year>\d{4})-(?:(?P<month>\d{2})-(?P<day>\d{2})|(?P<yearday>\d{3}))"
    r"[Tt ](?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,18}))?"
    r"(?: ?(?P<zone>Z|UTC|GMT|(?P<sign>[+-])(?P<ahead_h>\d{2}):?(?P<ahead_min>\d{2})?))?",
    re.ASCII | re.IGNORECASE,
)
_PARTS = (
    (re.compile(r"\d{4}", re.ASCII), "a year alone"),
    (re.compile(r"\d{4}-\d{2}", re.ASCII), "a month alone"),
    (re.compile(r"\d{4}-(\d{2}-\d{2}|\d{3})", re.ASCII), "a date without a time"),
    (re.compile(r"\d{4}-(\d{2}-\d{2}|\d{3})[Tt ]\d{2}(?!:).{0,7}", re.ASCII), "a time without minutes and seconds"),
    (re.compile(r"\d{4}-(\d{2}-\d{2}|\d{3})[Tt ]\d{2}:\d{2}(?!:).{0,7}", re.ASCII), "a time without seconds"),
    (re.compile(r"\d{4}-?[Ww]\d{2}.*", re.ASCII), "a week date"),
)
LARGEST_OFFSET = timedelta(hours=14)  # Kiribati; none is larger


def parse_instant(text: str, *, zone_needed: bool = False) -> datetime:
    """The instant in UTC. Without a zone it is UTC already (so say OMM, NOAA's tables and this manual), or, with
    `zone_needed`, refused. Raises Refused and nothing else."""
    shape = f"a UTC time such as {EXAMPLE}" + ("" if zone_needed else ", or one with an offset such as +03:00")
    stripped = text.strip(" \t") if len(text) <= LONGEST else ""
    match = _INSTANT.fullmatch(stripped)
    if match is None:
        what = next((f", {words}" for form, words in _PARTS if form.fullmatch(stripped)), "")
        raise Refused(show(text) + what, shape)
    if zone_needed and match["zone"] is None:
        raise Refused(show(text), f"{shape}, with its Z")
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    if second == 60:
        raise Refused(f"{show(text)}, a leap second", "a second from 0 to 59")
    if hour == 24:
        raise Refused(f"{show(text)}, hour 24", "an hour from 0 to 23 (24:00:00 is 00:00:00 of the next day)")
    try:
        moment = datetime(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1), hour, minute, second)
        if match["yearday"]:
            moment += timedelta(days=int(match["yearday"]) - 1)
            if moment.year != int(match["year"]) or match["yearday"] == "000":
                raise ValueError
        if match["fraction"]:
            moment += timedelta(microseconds=round(int(match["fraction"]) * 1_000_000 / 10 ** len(match["fraction"])))
        if match["sign"]:
            ahead = timedelta(hours=int(match["ahead_h"]), minutes=int(match["ahead_min"] or 0))
            if ahead > LARGEST_OFFSET or int(match["ahead_min"] or 0) > 59:
                raise Refused(f"{show(text)}, an offset that no place has", f"offsets up to 14:00, or {EXAMPLE}")
            moment = moment - ahead if match["sign"] == "+" else moment + ahead
    except Refused:
        raise
    except (ValueError, OverflowError):
        raise Refused(f"{show(text)}, which no calendar or clock has", "a date and time that exist") from None
    return moment.replace(tzinfo=UTC)


def in_range(moment: datetime) -> bool:
    """Within the years that scenarios and element sets cover."""
    return FIRST_YEAR <= moment.year <= LAST_YEAR
