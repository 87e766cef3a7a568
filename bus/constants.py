"""Facts of nature and of the calendar: each once, its unit last in its name, its source beside it.

No assumption of ours, no setting and no property of a design may live here. The plant's kernels are compiled with these
numbers in them: a change here compiles the physics anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from bus.errors import UserError

SPEED_OF_LIGHT_M_S = 299792458.0  # exact, SI
BOLTZMANN_J_K = 1.380649e-23  # exact, SI 2019
STEFAN_BOLTZMANN_W_M2_K4 = 5.670374419e-8  # CODATA 2018
ELECTRONVOLT_J = 1.602176634e-19  # exact, SI 2019
MEV_PER_G_GY = 1.602176634e-10  # the same as an absorbed dose: 1 MeV in a gram
CELSIUS_ZERO_K = 273.15  # exact, SI

EARTH_MU_M3_S2 = 3.986004418e14  # WGS-84, EGM-96
EARTH_J2 = 1.08262668e-3  # EGM-96
EARTH_RADIUS_M = 6378137.0  # equatorial; WGS-84
EARTH_POLAR_RADIUS_M = 6356752.314245179  # WGS-84
EARTH_FLATTENING = 1.0 / 298.257223563  # WGS-84
EARTH_ECCENTRICITY_SQUARED = 6.69437999014e-3  # of the ellipsoid; WGS-84, as its document prints it
EARTH_ROTATION_RAD_S = 7.292115146706979e-5  # WGS-84, IAU 1982: a turn in a mean sidereal day
GEOMAGNETIC_RADIUS_M = 6371200.0  # to which the coefficients of the IGRF belong
WGS72_MU_M3_S2 = 3.986008e14  # what two-line elements are fitted with (Vallado et al. 2006)

ASTRONOMICAL_UNIT_M = 149597870700.0  # exact, IAU 2012
SOLAR_CONSTANT_W_M2 = 1361.0  # total irradiance at one astronomical unit; Kopp and Lean 2011

DAY_S = 86400.0
JULIAN_YEAR_S = 365.25 * DAY_S
TROPICAL_YEAR_S = 365.2421897 * DAY_S  # mean, at J2000 (Meeus, Astronomical Algorithms, ch. 27)
J2000_JD = 2451545.0


@dataclass(frozen=True, slots=True)
class Epoch:
    """A UTC instant as a Julian date in two parts, so that microseconds survive."""

    jd_whole: float
    jd_fraction: float

    @classmethod
    def of(cls, utc: str) -> Epoch:
        """From ISO 8601 text, e.g. 2026-08-12T00:00:00Z. Without a zone it is UTC. Raises UserError."""
        try:
            moment = datetime.fromisoformat(utc)
        except ValueError as error:
            raise UserError(f"epoch '{utc}' is no ISO 8601 time", hint="write e.g. 2026-08-12T00:00:00Z") from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = moment - datetime(2000, 1, 1, 12, tzinfo=UTC)
        return cls(J2000_JD + since.days, (since.seconds + since.microseconds * 1e-6) / DAY_S)

    @property
    def days_j2000(self) -> float:
        """Days since J2000.0 (UTC taken as UT1; the difference stays below 0.9 s)."""
        return (self.jd_whole - J2000_JD) + self.jd_fraction

    @property
    def year(self) -> float:
        """Decimal year, good to a day."""
        return 2000.0 + (self.days_j2000 + 0.5) / 365.25
