"""How a circular orbit lies to the Sun over a year: beta angle, longest eclipse, sunlight on faces. For audits only.

J2-secular node, mean Sun with the equation of centre, cylindrical shadow of a spherical Earth: good to a few seconds of
eclipse, which is what a margin needs. Truth has its own models in `node/plant`; nothing flies from here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bus.constants import EARTH_J2, EARTH_MU_M3_S2, EARTH_RADIUS_M, J2000_JD, SOLAR_CONSTANT_W_M2
from bus.orbits import constellations as orbits
from bus.orbits.elements import satellite
from bus.scenario.model import KeplerOrbit, Orbit

DAYS = 366
OBLIQUITY_RAD = math.radians(23.4393)  # Astronomical Almanac, J2000
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Circle:
    """A circular orbit: radius, inclination, node at an epoch. `eccentricity` is only remembered, to be warned of."""

    radius_m: float
    inclination_rad: float
    raan_rad: float
    epoch: datetime
    eccentricity: float = 0.0

    @property
    def period_s(self) -> float:
        """Keplerian period."""
        return orbits.period_s(self.radius_m)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of an orbit: where the Sun stands to it, how long its shadow is, how strong sunlight is."""

    at: datetime
    beta_rad: float
    eclipse_s: float
    sunlight_w_m2: float


def circle(orbit: Orbit, epoch_utc: str) -> Circle:
    """The circle of the same mean semi-major axis."""
    if isinstance(orbit, KeplerOrbit):
        a, inclination, raan = orbit.semi_major_axis_m, orbit.inclination_rad, orbit.raan_rad
        return Circle(a, inclination, raan, datetime.fromisoformat(epoch_utc), orbit.eccentricity)
    published = satellite(orbit)
    period_s = orbits.TWO_PI / published.no_kozai * 60.0
    a = (EARTH_MU_M3_S2 * (period_s / orbits.TWO_PI) ** 2) ** (1.0 / 3.0)
    days = (published.jdsatepoch - J2000_JD) + published.jdsatepochF
    epoch = datetime(2000, 1, 1, 12, tzinfo=UTC) + timedelta(days=days)
    return Circle(a, published.inclo, published.nodeo, epoch, published.ecco)


def node_rate_rad_s(radius_m: float, inclination_rad: float) -> float:
    """Drift of the node under J2: -(3/2) n J2 (Re/a)^2 cos i."""
    motion = orbits.TWO_PI / orbits.period_s(radius_m)
    return -1.5 * motion * EARTH_J2 * (EARTH_RADIUS_M / radius_m) ** 2 * math.cos(inclination_rad)


def sun(at: datetime) -> tuple[Vector, float]:
    """Direction of the Sun in the equator's frame and its distance in astronomical units (Astronomical Almanac)."""
    days = (at - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86400.0
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = orbits.mean_sun_right_ascension_rad(at) + math.radians(
        1.915 * math.sin(anomaly) + 0.020 * math.sin(2.0 * anomaly)
    )
    x, y = math.cos(longitude), math.sin(longitude)
    distance = 1.00014 - 0.01671 * math.cos(anomaly) - 0.00014 * math.cos(2.0 * anomaly)
    return (x, y * math.cos(OBLIQUITY_RAD), y * math.sin(OBLIQUITY_RAD)), distance


def eclipse_s(radius_m: float, beta_rad: float) -> float:
    """Length of the shadow's passage: T / pi acos(sqrt(1 - (Re/r)^2) / cos beta)."""
    ratio = EARTH_RADIUS_M / radius_m
    cosine = math.sqrt(max(0.0, 1.0 - ratio * ratio)) / max(1e-12, math.cos(beta_rad))
    return orbits.period_s(radius_m) / math.pi * math.acos(cosine) if cosine < 1.0 else 0.0


def day(orbit: Circle, at: datetime) -> Day:
    """The orbit on one day."""
    drift = node_rate_rad_s(orbit.radius_m, orbit.inclination_rad) * (at - orbit.epoch).total_seconds()
    raan, i = orbit.raan_rad + drift, orbit.inclination_rad
    normal = (math.sin(raan) * math.sin(i), -math.cos(raan) * math.sin(i), math.cos(i))
    towards, distance = sun(at)
    beta = math.asin(max(-1.0, min(1.0, sum(a * b for a, b in zip(normal, towards, strict=True)))))
    return Day(at, beta, eclipse_s(orbit.radius_m, beta), SOLAR_CONSTANT_W_M2 / distance**2)


def year(orbit: Circle, start: datetime) -> list[Day]:
    """Every day of the year that begins at `start`."""
    return [day(orbit, start + timedelta(days=n)) for n in range(DAYS)]


def body_nadirs(beta_rad: float, samples: int = 36) -> list[tuple[Vector, float]]:
    """Nadir over one orbit for a body whose +z is towards the Sun and +y towards the orbit normal, as seen in those
    axes; and the cosine between zenith and the Sun, for the light that the Earth reflects."""
    found = []
    for n in range(samples):
        angle = orbits.TWO_PI * (n + 0.5) / samples  # from the point of the orbit below the Sun
        along = math.cos(beta_rad) * math.cos(angle)
        across = math.sin(angle)
        up = -math.sin(beta_rad) * math.cos(angle)
        found.append(((-across, -up, -along), along))
    return found


def turned(direction: Vector, sun_axis: Sequence[float], second_axis: Sequence[float]) -> Vector:
    """A vector in the axes of `body_nadirs` -> body axes of a design with these sun axes."""
    z = tuple(sun_axis)
    along = sum(a * b for a, b in zip(second_axis, z, strict=True))
    y = [b - along * a for a, b in zip(z, second_axis, strict=True)]
    length = math.sqrt(sum(v * v for v in y)) or 1.0
    y = [v / length for v in y]
    x = (y[1] * z[2] - y[2] * z[1], y[2] * z[0] - y[0] * z[2], y[0] * z[1] - y[1] * z[0])
    a, b, c = direction
    return (a * x[0] + b * y[0] + c * z[0], a * x[1] + b * y[1] + c * z[1], a * x[2] + b * y[2] + c * z[2])
