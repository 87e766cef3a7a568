"""One two-line element set: its format to the column, its checksum, what it says, and whether SGP4 takes it.

Format: NORAD two-line elements as described by CelesTrak (T.S. Kelso, "NORAD Two-Line Element Set Format") with
alpha-5 catalogue numbers. Flying them is the plant's.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_LINE1 = re.compile(
    r"1 (?P<number>[ 0-9A-HJ-NP-Z][ 0-9]{3}[0-9])[UCS ] (?P<designator>[ -~]{8}) "
    r"(?P<year>[0-9]{2})(?P<day>[ 0-9]{3}\.[0-9]{8}) (?P<ndot>[ +-]\.[0-9]{8}) "
    r"(?P<nddot>[ +-][ 0-9]{5}[+-][0-9]) (?P<bstar>[ +-][ 0-9]{5}[+-][0-9]) [0-9 ] [ 0-9]{4}[0-9]"
)
_LINE2 = re.compile(
    r"2 (?P<number>[ 0-9A-HJ-NP-Z][ 0-9]{3}[0-9]) (?P<inclination>[ 0-9]{3}\.[0-9]{4}) (?P<raan>[ 0-9]{3}\.[0-9]{4}) "
    r"(?P<eccentricity>[ 0-9]{7}) (?P<perigee>[ 0-9]{3}\.[0-9]{4}) (?P<anomaly>[ 0-9]{3}\.[0-9]{4}) "
    r"(?P<motion>[ 0-9]{2}\.[0-9]{8})[ 0-9]{5}[0-9]"
)
_ALPHA5 = "ABCDEFGHJKLMNPQRSTUVWXYZ"


class TleError(ValueError):
    """Lines that are no element set, or one that SGP4 rejects. `allowed` says what would be right."""

    def __init__(self, line: int, found: str, allowed: str) -> None:
        super().__init__(f"line {line}: found {found}; allowed: {allowed}")
        self.line = line
        self.found = found
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Elements:
    """Mean elements as their source gives them: the lines fly, the rest is for choosing and checking.

    catalogue_number: NORAD number. epoch: UTC. line: where the set begins in its file, 0 if it came from elsewhere.
    """

    name: str
    catalogue_number: int
    line1: str
    line2: str
    epoch: datetime
    period_s: float
    line: int = 0


def checksum(line: str) -> int:
    """Modulo-10 sum of the first 68 columns: digits count as themselves, a minus sign as one."""
    return sum(int(c) if c in "0123456789" else c == "-" for c in line[:68]) % 10


def parse_tle(line1: str, line2: str, name: str = "", line: int = 0) -> Elements:
    """Check both lines column by column and with SGP4 at their epoch. Raises TleError and nothing else."""
    line1, line2 = line1.rstrip(), line2.rstrip()
    for number, text, form in ((1, line1, _LINE1), (2, line2, _LINE2)):
        if len(text) != 69:
            raise TleError(number, f"{len(text)} columns", "69 columns")
        if text[0] != str(number):
            raise TleError(number, f"a line that begins with {text[:2]!a}", f"'{number} '")
        if text[68] != str(checksum(text)):
            raise TleError(number, f"checksum {text[68]!a}", f"{checksum(text)} (the sum of the line's digits)")
        if form.fullmatch(text) is None:
            raise TleError(number, ascii(text), "the columns of the two-line format (see CelesTrak's description)")
    if line1[2:7] != line2[2:7]:
        raise TleError(2, f"catalogue number {line2[2:7]!r}", f"that of line 1, {line1[2:7]!r}")
    first, second = _LINE1.fullmatch(line1), _LINE2.fullmatch(line2)
    assert first is not None
    assert second is not None
    try:
        day, motion = float(first["day"]), float(second["motion"])
        inclination, angles = float(second["inclination"]), [float(second[k]) for k in ("raan", "perigee", "anomaly")]
        catalogue_number = number_of(line1[2:7])
    except ValueError:
        raise TleError(1, "a blank within a number", "digits") from None
    if not 1.0 <= day < 367.0:
        raise TleError(1, f"day {day}", "a day of the year, 1 to 366")
    if not (0.0 <= inclination <= 180.0 and all(0.0 <= angle <= 360.0 for angle in angles)):
        raise TleError(2, "an angle out of range", "inclination to 180 deg, other angles to 360 deg")
    if not 0.05 <= motion <= 17.5:
        raise TleError(2, f"mean motion {motion}", "0.05 to 17.5 revolutions a day")
    year = int(first["year"])
    epoch = datetime(year + (2000 if year < 57 else 1900), 1, 1, tzinfo=UTC) + timedelta(days=day - 1.0)
    failure = sgp4_failure(line1, line2, epoch)
    if failure:
        raise TleError(1, f"elements that SGP4 rejects at their epoch ({failure})", "elements of an orbit")
    return Elements(name.strip(), catalogue_number, line1, line2, epoch, 86400.0 / motion, line)


def sgp4_failure(line1: str, line2: str, at: datetime) -> str:
    """Why SGP4 cannot propagate these lines to a time; empty if it can."""
    from sgp4.api import SGP4_ERRORS, Satrec  # noqa: PLC0415 - only scenarios with element sets pay for it

    satellite = Satrec.twoline2rv(line1, line2)
    unix_days = (at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(days=1)
    whole = math.floor(unix_days)
    error, position, _ = satellite.sgp4(2440587.5 + whole, unix_days - whole)
    if error:
        return str(SGP4_ERRORS.get(error, f"error {error}"))
    return "" if all(math.isfinite(x) for x in position) else "its position is not a number"


def number_of(field: str) -> int:
    """Catalogue number of the five columns, alpha-5 included (A0000 is 100000). ValueError if it is none."""
    field = field.strip()
    if field[:1] in _ALPHA5 and len(field) == 5:
        return (_ALPHA5.index(field[0]) + 10) * 10000 + int(field[1:])
    return int(field)


def alpha5(number: int) -> str:
    """Five columns for a catalogue number. ValueError above 339999, where the format ends."""
    if not 0 <= number <= 339_999:
        raise ValueError(f"catalogue number {number} does not fit the two-line format (0 to 339999)")
    return f"{number:05d}" if number < 100_000 else f"{_ALPHA5[number // 10000 - 10]}{number % 10000:04d}"


def write_tle(
    *,
    catalogue_number: int,
    designator: str,
    epoch: datetime,
    mean_motion_rev_day: float,
    eccentricity: float,
    inclination_deg: float,
    raan_deg: float,
    argument_of_perigee_deg: float,
    mean_anomaly_deg: float,
    bstar: float,
    mean_motion_dot: float,
    mean_motion_ddot: float,
) -> tuple[str, str]:
    """Both lines for mean elements (an OMM's numbers and units). ValueError if a number does not fit its columns."""
    number = alpha5(catalogue_number)
    start = datetime(epoch.year, 1, 1, tzinfo=UTC)
    day = (epoch - start) / timedelta(days=1) + 1.0
    first = (
        f"1 {number}U {designator[:8]:<8} {epoch.year % 100:02d}{day:012.8f} {_small(mean_motion_dot)} "
        f"{_exponent(mean_motion_ddot)} {_exponent(bstar)} 0  999"
    )
    second = (
        f"2 {number} {inclination_deg:8.4f} {raan_deg % 360.0:8.4f} {_seven(eccentricity)} "
        f"{argument_of_perigee_deg % 360.0:8.4f} {mean_anomaly_deg % 360.0:8.4f} {mean_motion_rev_day:11.8f}    0"
    )
    return f"{first}{checksum(first)}", f"{second}{checksum(second)}"


def _small(value: float) -> str:
    if not abs(value) < 0.999999995:
        raise ValueError(f"mean motion derivative {value} does not fit the two-line format")
    return f"{'-' if value < 0 else ' '}{abs(value):.8f}".replace("0.", ".", 1)


def _seven(eccentricity: float) -> str:
    if not 0.0 <= eccentricity < 0.99999995:
        raise ValueError(f"eccentricity {eccentricity} is not that of an ellipse")
    return f"{round(eccentricity * 1e7):07d}"


def _exponent(value: float) -> str:
    """Five digits after an implied point and a power of ten: 1.5e-4 is ' 15000-3'."""
    if value == 0.0:
        return " 00000+0"
    power = math.floor(math.log10(abs(value))) + 1
    digits = round(abs(value) / 10.0**power * 1e5)
    if digits == 100_000:
        digits, power = 10_000, power + 1
    if power < -9:
        return " 00000+0"
    if power > 9:
        raise ValueError(f"{value} does not fit the two-line format")
    return f"{'-' if value < 0 else ' '}{digits:05d}{'-' if power < 0 else '+'}{abs(power)}"
