"""Mean elements of named constellations: sun-synchronous orbits, Walker patterns, planes and slots, lattices.

Design-time geometry only, J2-secular theory; flying them is the plant's business. Angles in radians, lengths in
metres, frame TEME of date at the scenario's epoch. Every spacecraft comes out as a `KeplerOrbit`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from bus.constants import DAY_S, EARTH_J2, EARTH_MU_M3_S2, EARTH_RADIUS_M, TROPICAL_YEAR_S
from bus.scenario.model import KeplerOrbit

SUN_SYNCHRONOUS_RAD_S = 2.0 * math.pi / TROPICAL_YEAR_S
TWO_PI = 2.0 * math.pi

LATTICE_STEPS = 5
"""Lattice points with i^2 + j^2 <= 25 are the 81 spacecraft of Suncatcher's illustration (arXiv 2511.19468, fig. 2)."""


def period_s(semi_major_axis_m: float) -> float:
    """Keplerian period of an orbit."""
    return TWO_PI * math.sqrt(semi_major_axis_m**3 / EARTH_MU_M3_S2)


def sun_synchronous_inclination_rad(semi_major_axis_m: float, eccentricity: float = 0.0) -> float:
    """The inclination whose J2 node rate is one turn a tropical year. ValueError if no inclination does it."""
    mean_motion = math.sqrt(EARTH_MU_M3_S2 / semi_major_axis_m**3)
    p = semi_major_axis_m * (1.0 - eccentricity**2)
    cosine = -SUN_SYNCHRONOUS_RAD_S / (1.5 * mean_motion * EARTH_J2 * (EARTH_RADIUS_M / p) ** 2)
    if cosine < -1.0:
        raise ValueError("no sun-synchronous orbit is that high")
    return math.acos(cosine)


def mean_sun_right_ascension_rad(epoch: datetime) -> float:
    """Mean longitude of the Sun, which is the right ascension of the mean Sun (Astronomical Almanac, low precision).

    `epoch` is UTC; the difference to TT moves it by 1e-5 rad at most.
    """
    j2000 = datetime(2000, 1, 1, 12, tzinfo=epoch.tzinfo)
    days = (epoch - j2000).total_seconds() / DAY_S
    return math.radians((280.460 + 0.9856474 * days) % 360.0)


def raan_of_ltan_rad(epoch: datetime, ltan_h: float) -> float:
    """Right ascension of the ascending node for a local (mean solar) time of the ascending node in hours."""
    return (mean_sun_right_ascension_rad(epoch) + math.radians((ltan_h - 12.0) * 15.0)) % TWO_PI


def circular(
    altitude_m: float, inclination_rad: float, raan_rad: float, argument_of_latitude_rad: float
) -> KeplerOrbit:
    """A circular orbit at a mean altitude over the equatorial radius."""
    return KeplerOrbit(
        semi_major_axis_m=EARTH_RADIUS_M + altitude_m,
        eccentricity=0.0,
        inclination_rad=inclination_rad,
        raan_rad=raan_rad % TWO_PI,
        argument_of_perigee_rad=0.0,
        mean_anomaly_rad=argument_of_latitude_rad % TWO_PI,
    )


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a constellation: its label (appended to the id), its orbit, the labels of its neighbours."""

    label: str
    orbit: KeplerOrbit
    neighbours: tuple[str, ...]


def walker(
    *,
    inclination_rad: float,
    total: int,
    planes: int,
    phasing: int,
    altitude_m: float,
    raan_rad: float,
    argument_of_latitude_rad: float,
    spread_rad: float = TWO_PI,
) -> list[Slot]:
    """Walker pattern i:t/p/f (Walker 1984): p planes over `spread_rad` of node (2 pi: delta, pi: star), t/p
    spacecraft evenly in each, neighbouring planes shifted by f 2 pi / t."""
    raans = [raan_rad + spread_rad * plane / planes for plane in range(planes)]
    return planes_and_slots(
        altitude_m=altitude_m,
        inclinations_rad=[inclination_rad] * planes,
        raans_rad=raans,
        slots=total // planes,
        phase_rad=TWO_PI * phasing / total,
        argument_of_latitude_rad=argument_of_latitude_rad,
    )


def planes_and_slots(
    *,
    altitude_m: float,
    inclinations_rad: list[float],
    raans_rad: list[float],
    slots: int,
    phase_rad: float,
    argument_of_latitude_rad: float,
) -> list[Slot]:
    """Planes with the same number of evenly spaced slots. Neighbours are the slots ahead and behind in the plane."""
    plane_digits, slot_digits = len(str(len(raans_rad))), len(str(slots))

    def label(plane: int, slot: int) -> str:
        return f"{plane + 1:0{plane_digits}d}-{slot % slots + 1:0{slot_digits}d}"

    places = []
    for plane, (inclination, raan) in enumerate(zip(inclinations_rad, raans_rad, strict=True)):
        for slot in range(slots):
            u = argument_of_latitude_rad + TWO_PI * slot / slots + phase_rad * plane
            around = dict.fromkeys((label(plane, slot + 1), label(plane, slot - 1)))
            around.pop(label(plane, slot), None)
            places.append(Slot(label(plane, slot), circular(altitude_m, inclination, raan, u), tuple(around)))
    return places


def suncatcher81(
    altitude_m: float, inclination_rad: float, raan_rad: float, argument_of_latitude_rad: float, radius_m: float
) -> list[Slot]:
    """81 spacecraft in one plane, bounded under J2 without control.

    All share a, i, node and mean argument of latitude u; they differ in the eccentricity vector (e cos w, e sin w) =
    (i, j) radius / (10 a). To first order spacecraft (i, j) is then at radial -(i cos u + j sin u) radius / 10 and
    along-track 2 (i sin u - j cos u) radius / 10 of the centre: an ellipse of +-radius/2 by +-radius per orbit, in
    which lattice neighbours stay radius/10 to radius/5 apart. Neighbours are the four lattice neighbours.
    """
    a = EARTH_RADIUS_M + altitude_m
    step = radius_m / (2 * LATTICE_STEPS)
    points = [
        (i, j)
        for i in range(-LATTICE_STEPS, LATTICE_STEPS + 1)
        for j in range(-LATTICE_STEPS, LATTICE_STEPS + 1)
        if i * i + j * j <= LATTICE_STEPS * LATTICE_STEPS
    ]
    labels = {point: f"{number + 1:02d}" for number, point in enumerate(points)}
    places = []
    for i, j in points:
        perigee = math.atan2(j, i) % TWO_PI
        orbit = KeplerOrbit(
            semi_major_axis_m=a,
            eccentricity=step * math.hypot(i, j) / a,
            inclination_rad=inclination_rad,
            raan_rad=raan_rad % TWO_PI,
            argument_of_perigee_rad=perigee,
            mean_anomaly_rad=(argument_of_latitude_rad - perigee) % TWO_PI,
        )
        around = ((i + 1, j), (i, j + 1), (i - 1, j), (i, j - 1))
        places.append(Slot(labels[i, j], orbit, tuple(labels[p] for p in around if p in labels)))
    return places
