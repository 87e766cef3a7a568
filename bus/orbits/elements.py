"""A published element set as the range keeps it: what it is called, when it holds, and the orbit that flies.

Whether it came as two lines or as an OMM's numbers, SGP4 takes it here, with the constants that element sets are fitted
with (WGS-72: Vallado et al. 2006, "Revisiting Spacetrack Report #3").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sgp4.api import SGP4_ERRORS, WGS72, Satrec

from bus.scenario.model import OmmOrbit, TleOrbit

_SGP4_ZERO = datetime(1949, 12, 31, tzinfo=UTC)
"""Where `sgp4init` counts its days from."""
_JD_ZERO = 2433281.5
_JD_1970 = 2440587.5


@dataclass(frozen=True, slots=True)
class Elements:
    """One element set. catalogue_number: NORAD's. epoch: UTC. line: where it begins in its file, 0 if in none."""

    name: str
    catalogue_number: int
    epoch: datetime
    period_s: float
    orbit: TleOrbit | OmmOrbit
    line: int = 0


def printable(name: str) -> str:
    """A name as it can be shown and written: at most 64 characters, none that controls a terminal."""
    return "".join(c if c.isprintable() else " " for c in name[:64]).strip()


def satellite(orbit: TleOrbit | OmmOrbit) -> Satrec:
    """SGP4's own form of a set. Raises ValueError for one that SGP4 rejects.

    An OMM's numbers go in as they are: the two-line form would cut digits, years and catalogue numbers off.
    """
    try:
        if isinstance(orbit, TleOrbit):
            sat = Satrec.twoline2rv(orbit.line1, orbit.line2, WGS72)
        else:
            sat = Satrec()
            turn = 2.0 * math.pi
            age = datetime.fromisoformat(orbit.epoch_utc) - _SGP4_ZERO
            sat.sgp4init(
                WGS72,
                "i",
                0,  # the catalogue number identifies only, and SGP4 has no room for nine digits
                age / timedelta(days=1),
                orbit.bstar,
                orbit.mean_motion_dot_rev_day2 * turn / 1440.0**2,
                orbit.mean_motion_ddot_rev_day3 * turn / 1440.0**3,
                orbit.eccentricity,
                math.radians(orbit.argument_of_perigee_deg),
                math.radians(orbit.inclination_deg),
                math.radians(orbit.mean_anomaly_deg),
                orbit.mean_motion_rev_day * turn / 1440.0,
                math.radians(orbit.raan_deg),
            )
            sat.jdsatepoch = _JD_ZERO + age.days  # in two parts: the days above are good to half a microsecond only
            sat.jdsatepochF = timedelta(seconds=age.seconds, microseconds=age.microseconds) / timedelta(days=1)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"elements of '{orbit.name}' cannot be read: {error}") from error
    if sat.error:
        raise ValueError(f"SGP4 rejects the elements of '{orbit.name}': {SGP4_ERRORS.get(sat.error, sat.error)}")
    return sat


def sgp4_failure(orbit: TleOrbit | OmmOrbit, at: datetime) -> str:
    """Why SGP4 cannot propagate a set to a time; empty if it can."""
    try:
        sat = satellite(orbit)
    except ValueError as error:
        return str(error)
    unix_days = (at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(days=1)
    whole = math.floor(unix_days)
    code, position, _ = sat.sgp4(_JD_1970 + whole, unix_days - whole)
    if code:
        return str(SGP4_ERRORS.get(code, f"error {code}"))
    return "" if all(math.isfinite(x) for x in position) else "its position is not a number"
