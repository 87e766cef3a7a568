"""One two-line element set: its format to the column, its checksum, what it says, and whether SGP4 takes it.

Format: NORAD two-line elements as described by CelesTrak (T.S. Kelso, "NORAD Two-Line Element Set Format") with
alpha-5 catalogue numbers. What is wrong is said with its column. Flying them is the plant's.
"""

from __future__ import annotations

import re
from calendar import isleap
from datetime import UTC, datetime, timedelta

from bus.errors import Refused
from bus.orbits.elements import Elements, printable, sgp4_failure
from bus.scenario.model import TleOrbit

_CODES = {
    "d": ("[0-9]", "a digit"),
    "b": ("[ 0-9]", "a digit, or a blank before the number"),
    "n": ("[ 0-9A-HJ-NP-Z]", "a digit, or a capital letter but I and O (alpha-5)"),
    "c": ("[UCS ]", "U, C, S or a blank"),
    "p": ("[ -~]", "a printable ASCII character"),
    "s": ("[ +-]", "a blank, + or -"),
    "e": ("[+-]", "+ or -"),
    "t": ("[ 0-35-9]", "a blank or a digit but 4 (4 is SGP4-XP, which SGP4 cannot fly)"),
    " ": (" ", "a blank"),
    ".": (r"\.", "a point"),
    "1": ("1", "1"),
    "2": ("2", "2"),
}
"""What a column may hold: as a regular expression, and in words."""

_Form = tuple[tuple[str, str], ...]
_LINE1: _Form = (
    ("line number", "1"), ("", " "), ("catalogue number", "nbbbd"), ("classification", "c"), ("", " "),
    ("designator", "pppppppp"), ("", " "), ("year", "dd"), ("day", "bbb.dddddddd"), ("", " "),
    ("first derivative of mean motion", "s.dddddddd"), ("", " "), ("second derivative of mean motion", "sbbbbbed"),
    ("", " "), ("drag term", "sbbbbbed"), ("", " "), ("ephemeris type", "t"), ("", " "), ("element set number", "bbbb"),
    ("checksum", "d"),
)  # fmt: skip
_LINE2: _Form = (
    ("line number", "2"), ("", " "), ("catalogue number", "nbbbd"), ("", " "), ("inclination", "bbb.dddd"), ("", " "),
    ("right ascension of the node", "bbb.dddd"), ("", " "), ("eccentricity", "bbbbbbb"), ("", " "),
    ("argument of perigee", "bbb.dddd"), ("", " "), ("mean anomaly", "bbb.dddd"), ("", " "),
    ("mean motion", "bb.dddddddd"), ("revolution number", "bbbbb"), ("checksum", "d"),
)  # fmt: skip
_FORMS = (_LINE1, _LINE2)
_CODE_LISTS = tuple("".join(codes for _, codes in form) for form in _FORMS)
_PATTERNS = tuple(re.compile("".join(_CODES[code][0] for code in codes)) for codes in _CODE_LISTS)
_MAY = {
    code: frozenset(c for c in map(chr, range(32, 127)) if re.fullmatch(form, c)) for code, (form, _) in _CODES.items()
}
"""What a column may hold, as characters."""
_BLANK_INSIDE = re.compile(r"[0-9](?= )")
COLUMNS = 69
_ALPHA5 = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGIT = re.compile("[0-9]")
_FEWEST_DIGITS = 20
"""A whole line 1 or 2 has over thirty; a line of prose has not."""
_DAMAGED = re.compile(r"[12] [ 0-9A-Z]{3}[ 0-9O]{2}.{13}")
_CENTURY_TURNS = 57
"""Two digits of year from here up are of the 20th century (Sputnik 1 flew in 1957)."""


class TleError(Refused):
    """Lines that are no element set, or one that SGP4 rejects: on which line, in which column (1 where it is the whole
    line), what is there and what would be right."""

    def __init__(self, line: int, column: int, found: str, allowed: str) -> None:
        super().__init__(found, allowed)
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"line {self.line}: {super().__str__()}"


def checksum(line: str) -> int:
    """Modulo-10 sum of the first 68 columns: digits count as themselves, a minus sign as one."""
    return sum(int(c) if c in "0123456789" else c == "-" for c in line[:68]) % 10


def kind_of_line(text: str) -> int:
    """1 or 2 for a text that is that line of a set, damaged perhaps; 0 for any other."""
    if len(text) == COLUMNS and text[:2] in ("1 ", "2 ") and _PATTERNS[int(text[0]) - 1].fullmatch(text):
        return int(text[0])
    if len(text) > 100:
        return 0
    if _DAMAGED.match(text):
        return int(text[0])
    if len(text) < 50 or len(_DIGIT.findall(text)) < _FEWEST_DIGITS:
        return 0
    fits = [sum(there in _MAY[code] for code, there in zip(codes, text, strict=False)) for codes in _CODE_LISTS]
    best = max(fits)
    return fits.index(best) + 1 if best >= 50 else 0


def parse_tle(line1: str, line2: str, name: str = "", line: int = 0) -> Elements:
    """Check both lines column by column and with SGP4 at their epoch. Raises TleError and nothing else."""
    line1, line2 = line1.rstrip(" \r\n"), line2.rstrip(" \r\n")
    _check_columns(1, line1)
    _check_columns(2, line2)
    if line1[2:7] != line2[2:7]:
        raise TleError(2, 3, f"catalogue number {line2[2:7]!r} in columns 3 to 7", f"that of line 1, {line1[2:7]!r}")
    _range(line2, "inclination", 0.0, 180.0, "0 to 180 deg")
    for angle in ("right ascension of the node", "argument of perigee", "mean anomaly"):
        _range(line2, angle, 0.0, 360.0, "0 to 360 deg")
    motion = _range(line2, "mean motion", 0.05, 17.5, "0.05 to 17.5 revolutions a day")
    epoch = _epoch(line1)
    orbit = TleOrbit(line1=line1, line2=line2, name=printable(name), source="", propagator="sgp4")
    failure = sgp4_failure(orbit, epoch)
    if failure:
        raise TleError(2, 1, f"elements that SGP4 rejects at their epoch ({failure})", "elements of an orbit")
    return Elements(orbit.name, number_of(line1[2:7]), epoch, 86400.0 / motion, orbit, line)


def _check_columns(number: int, text: str) -> None:
    if text[:2] in {"1 ", "2 "} and text[0] != str(number):
        raise TleError(number, 1, f"a line that begins with {text[:2]!a} in column 1", f"'{number} '")
    form, codes = _FORMS[number - 1], _CODE_LISTS[number - 1]
    wrong = None
    if _PATTERNS[number - 1].fullmatch(text) is None:
        wrong = next((k for k, (c, t) in enumerate(zip(codes, text, strict=False)) if t not in _MAY[c]), None)
    else:
        start = 0
        for _, part in form:
            inside = _BLANK_INSIDE.search(text, start, start + len(part)) if "b" in part or "n" in part else None
            if inside:
                wrong = inside.end()
                break
            start += len(part)
    if len(text) != COLUMNS:
        where = f", the first wrong one is {text[wrong]!a} in column {wrong + 1}" if wrong is not None else ""
        raise TleError(number, (wrong or 0) + 1, f"{len(text)} columns{where}", f"{COLUMNS} columns")
    if wrong is not None:
        allowed = _CODES[codes[wrong]][1] if text[wrong] != " " or codes[wrong] != "b" else "a digit"
        raise TleError(number, wrong + 1, f"{text[wrong]!a} in column {wrong + 1}{_place(form, wrong)}", allowed)
    if text[68] != str(checksum(text)):
        raise TleError(
            number, 69, f"checksum {text[68]!a}", f"{checksum(text)} in column 69, the sum of the line's digits"
        )


def _place(form: _Form, column: int) -> str:
    """What a column, counted from 0, belongs to, in words."""
    start = 0
    for name, part in form:
        if start <= column < start + len(part):
            if not name:
                return ", between two values"
            return f" ({name}, columns {start + 1} to {start + len(part)})" if len(part) > 1 else f" ({name})"
        start += len(part)
    raise AssertionError(column)


def _value(text: str, wanted: str) -> tuple[float, int]:
    """A number of a line, and the index of its first column."""
    start = 0
    for name, part in _FORMS[int(text[0]) - 1]:
        if name == wanted:
            return float(text[start : start + len(part)]), start
        start += len(part)
    raise AssertionError(wanted)


def _range(text: str, name: str, low: float, high: float, allowed: str) -> float:
    value, start = _value(text, name)
    if not low <= value <= high:
        raise TleError(int(text[0]), start + 1, f"{name} {value:g} from column {start + 1}", allowed)
    return value


def _epoch(line1: str) -> datetime:
    two = int(_value(line1, "year")[0])
    year = two + (1900 if two >= _CENTURY_TURNS else 2000)
    day, start = _value(line1, "day")
    last = 366 if isleap(year) else 365
    if not 1.0 <= day < last + 1:
        allowed = f"a day of {year}, from 1 to {last}.99999999"
        raise TleError(1, start + 1, f"day {line1[20:32].strip()} in columns 21 to 32", allowed)
    return datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day - 1.0)


def number_of(field: str) -> int:
    """Catalogue number of the five columns, alpha-5 included (A0000 is 100000). ValueError if it is none."""
    field = field.strip()
    if field[:1] in _ALPHA5 and len(field) == 5:
        return (_ALPHA5.index(field[0]) + 10) * 10000 + int(field[1:])
    return int(field)
