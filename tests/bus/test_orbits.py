"""Design-time orbits against published numbers: sun-synchronous, periods, patterns, the 81-satellite lattice."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from bus.constants import EARTH_RADIUS_M
from bus.orbits import constellations as orbits
from bus.scenario.model import KeplerOrbit

ALTITUDE_M = 650e3
RADIUS_M = 1000.0


@pytest.mark.parametrize(("altitude_km", "degrees"), [(500, 97.401), (650, 97.986), (800, 98.603), (1200, 100.419)])
def test_sun_synchronous_inclination(altitude_km: float, degrees: float) -> None:
    """J2 theory; RADARSAT flies 798 km at 98.6 deg. Tolerance 0.005 deg."""
    inclination = orbits.sun_synchronous_inclination_rad(EARTH_RADIUS_M + altitude_km * 1e3)
    assert math.degrees(inclination) == pytest.approx(degrees, abs=0.005)


def test_period_at_650_km() -> None:
    """Kepler's third law, by hand: 97.728 min."""
    assert orbits.period_s(EARTH_RADIUS_M + ALTITUDE_M) / 60.0 == pytest.approx(97.728, abs=1e-3)


def test_no_sun_synchronous_orbit_above_its_limit() -> None:
    with pytest.raises(ValueError, match="sun-synchronous"):
        orbits.sun_synchronous_inclination_rad(EARTH_RADIUS_M + 6500e3)


def test_local_time_of_the_node() -> None:
    """The mean Sun's right ascension on 2026-08-12 at 0 h: the mean longitude of the Sun is 280.460 deg at J2000 plus
    360 deg in a tropical year (Astronomical Almanac), 140.5 deg that day."""
    epoch = datetime(2026, 8, 12, tzinfo=UTC)
    assert math.degrees(orbits.mean_sun_right_ascension_rad(epoch)) == pytest.approx(140.5, abs=0.5)
    noon = orbits.raan_of_ltan_rad(epoch, 12.0)
    assert noon == pytest.approx(orbits.mean_sun_right_ascension_rad(epoch))
    assert (orbits.raan_of_ltan_rad(epoch, 18.0) - noon) % orbits.TWO_PI == pytest.approx(math.pi / 2)


def test_walker_pattern_of_galileo() -> None:
    """Galileo's nominal 56:24/3/1: three planes 120 deg apart, 45 deg in plane, 15 deg between planes."""
    slots = orbits.walker(
        inclination_rad=math.radians(56),
        total=24,
        planes=3,
        phasing=1,
        altitude_m=23222e3,
        raan_rad=0.0,
        argument_of_latitude_rad=0.0,
    )
    assert len(slots) == 24
    by_label = {slot.label: slot.orbit for slot in slots}
    assert math.degrees(by_label["2-1"].raan_rad) == pytest.approx(120.0)
    assert math.degrees(by_label["1-2"].mean_anomaly_rad) == pytest.approx(45.0)
    assert math.degrees(by_label["2-1"].mean_anomaly_rad) == pytest.approx(15.0)
    assert slots[0].neighbours == ("1-2", "1-8")


def test_a_plane_with_two_or_one_slots_has_no_double_neighbours() -> None:
    pair = orbits.planes_and_slots(
        altitude_m=5e5, inclinations_rad=[1.0], raans_rad=[0.0], slots=2, phase_rad=0.0, argument_of_latitude_rad=0.0
    )
    assert [slot.neighbours for slot in pair] == [("1-2",), ("1-1",)]
    alone = orbits.planes_and_slots(
        altitude_m=5e5, inclinations_rad=[1.0], raans_rad=[0.0], slots=1, phase_rad=0.0, argument_of_latitude_rad=0.0
    )
    assert alone[0].neighbours == ()


def _position_m(orbit: KeplerOrbit, time_s: float) -> np.ndarray:
    """Two-body position in the orbital frame's axes (x to the node), written out independently of the product."""
    n = math.sqrt(398600.4418e9 / orbit.semi_major_axis_m**3)
    mean = orbit.mean_anomaly_rad + n * time_s
    e, eccentric = orbit.eccentricity, mean
    for _ in range(20):
        eccentric -= (eccentric - e * math.sin(eccentric) - mean) / (1 - e * math.cos(eccentric))
    x = orbit.semi_major_axis_m * (math.cos(eccentric) - e)
    y = orbit.semi_major_axis_m * math.sqrt(1 - e * e) * math.sin(eccentric)
    w = orbit.argument_of_perigee_rad
    return np.array([x * math.cos(w) - y * math.sin(w), x * math.sin(w) + y * math.cos(w)])


def _relative_m(slots: list[orbits.Slot], time_s: float) -> np.ndarray:
    """(radial, along-track) of every spacecraft relative to the lattice's centre."""
    a = EARTH_RADIUS_M + ALTITUDE_M
    centre = _position_m(orbits.circular(ALTITUDE_M, 1.0, 0.0, 0.4), time_s)
    radial = centre / a
    along = np.array([-radial[1], radial[0]])
    offsets = np.array([_position_m(slot.orbit, time_s) for slot in slots]) - centre
    return np.stack([offsets @ radial, offsets @ along], axis=1)


def test_the_81_satellite_lattice() -> None:
    """+-R/2 radial and +-R along-track ellipse, neighbours 100 to 200 m, diagonals 141 to 283 m, closed
    after one revolution; tolerance 15 m (Suncatcher, figures 2 and 3)."""
    slots = orbits.suncatcher81(ALTITUDE_M, math.radians(97.986), 0.3, 0.4, RADIUS_M)
    assert len(slots) == 81
    index = {slot.label: i for i, slot in enumerate(slots)}
    pairs = [(index[s.label], index[n]) for s in slots for n in s.neighbours]
    period = orbits.period_s(EARTH_RADIUS_M + ALTITUDE_M)
    distances, outlines = [], []
    for step in range(49):
        relative = _relative_m(slots, period * step / 48)
        outlines.append(np.abs(relative).max(axis=0))
        distances.append([float(np.hypot(*(relative[i] - relative[j]))) for i, j in pairs])
    assert np.min(distances) == pytest.approx(100.0, abs=15)
    assert np.max(distances) == pytest.approx(200.0, abs=15)
    radial, along = np.max(outlines, axis=0)
    assert radial == pytest.approx(RADIUS_M / 2, abs=15)
    assert along == pytest.approx(RADIUS_M, abs=15)
    start, end = _relative_m(slots, 0.0), _relative_m(slots, period)
    assert np.abs(end - start).max() < 0.03


def test_lattice_diagonals_and_the_edge_satellite() -> None:
    """A diagonal pair swings between 141 and 283 m; a satellite at +-R along-track is at R/2 radial later."""
    slots = orbits.suncatcher81(ALTITUDE_M, 1.7, 0.0, 0.0, RADIUS_M)
    edge = max(slots, key=lambda s: (round(s.orbit.eccentricity, 12), s.orbit.argument_of_perigee_rad == 0.0))
    centre = next(s for s in slots if s.orbit.eccentricity == 0.0)
    reach = edge.orbit.eccentricity * edge.orbit.semi_major_axis_m
    assert reach == pytest.approx(RADIUS_M / 2, rel=1e-9)
    assert len(centre.neighbours) == 4
    step = RADIUS_M / 10
    corner = min(slots, key=lambda s: abs(s.orbit.eccentricity * s.orbit.semi_major_axis_m - step * math.sqrt(2)))
    period = orbits.period_s(corner.orbit.semi_major_axis_m)
    swing = []
    for k in range(97):
        gap = _position_m(corner.orbit, period * k / 96) - _position_m(centre.orbit, period * k / 96)
        swing.append(float(np.hypot(*gap)))
    assert min(swing) == pytest.approx(141.4, abs=15)
    assert max(swing) == pytest.approx(282.8, abs=15)
