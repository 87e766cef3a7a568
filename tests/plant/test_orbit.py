"""Orbits against Vallado's SGP4 numbers, closed forms, SGP4 itself, and a formation that must close."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from sgp4.api import WGS72, Satrec

from bus.constants import EARTH_MU_M3_S2, EARTH_RADIUS_M, WGS72_MU_M3_S2, Epoch
from node.plant.environment.environment import step_environment
from node.plant.orbit.orbit import eccentric_anomaly, place_orbit, step_orbit
from node.plant.orbit.setup import (
    Elements,
    Sgp4,
    altitude_span_m,
    fill_kepler,
    fill_sgp4,
    secular_rates,
    sun_synchronous_inclination_rad,
)
from tests.kits.flight_records import craft, fly, sso

VANGUARD = (
    "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753",
    "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667",
)
"""Verification case of Vallado et al. 2006."""
SENTINEL = (
    "1 39634U 14016A   24100.50000000  .00000500  00000-0  11500-3 0  9993",
    "2 39634  98.1810 107.0000 0001300  80.0000 280.0000 14.59198000530005",
)
"""A sun-synchronous orbit at 693 km (made up after Sentinel-1A's mean elements)."""


def _satellite(lines: tuple[str, str]) -> Satrec:
    return Satrec.twoline2rv(*lines, WGS72)


def _epoch_of(lines: tuple[str, str]) -> Epoch:
    """The element set's own epoch."""
    year, day = 2000 + int(lines[0][18:20]), float(lines[0][20:32])
    start = Epoch.of(f"{year}-01-01T00:00:00Z")
    return Epoch(start.jd_whole, start.jd_fraction + day - 1.0)


def test_sgp4_gives_the_published_positions() -> None:
    sgp4 = Sgp4(_satellite(VANGUARD), _epoch_of(VANGUARD))
    r0, _ = sgp4.at(0.0)
    r1, _ = sgp4.at(4320.0 * 60.0)
    assert np.allclose(r0, (7022465.3, -1400083.0, 40.0), atol=1.0)
    assert np.allclose(r1, (-9060473.7, 4658709.5, 813686.7), atol=1.0)


def test_lines_that_sgp4_rejects_are_refused_with_its_reason() -> None:
    with pytest.raises(ValueError, match="SGP4 rejects"):
        sunk = VANGUARD[1].replace("1859667", "9959667").replace("10.82419157", "16.82419157")
        Sgp4(_satellite((VANGUARD[0], sunk)), Epoch.of("2000-06-28"))


def test_period_and_speed_at_650_km() -> None:
    c = craft(sso(650e3))
    fly(c, 1, models=0)
    assert c.s["orbit_period_s"] / 60.0 == pytest.approx(97.728, abs=1e-3)
    a = EARTH_RADIUS_M + 650e3
    assert 2.0 * math.pi * a / c.s["orbit_period_s"] == pytest.approx(7530.93, abs=0.01)
    c.f["orbit_j2_m2"] = 0.0
    fly(c, 1, models=0)
    assert np.linalg.norm(c.s["velocity_teme_m_s"]) == pytest.approx(7530.93, abs=0.01)  # without J2


@njit
def pull(x: Any) -> Any:
    """Acceleration by the Earth's centre and J2 (Vallado, section 8.7), from the formula, not from our code."""
    r2 = x[0] * x[0] + x[1] * x[1] + x[2] * x[2]
    k = -3.986004418e14 / (r2 * math.sqrt(r2))
    j = 1.5 * 1.08262668e-3 * 6378137.0 * 6378137.0 / r2
    z = 5.0 * x[2] * x[2] / r2
    return np.array([k * x[0] * (1 + j * (1 - z)), k * x[1] * (1 + j * (1 - z)), k * x[2] * (1 + j * (3 - z))])


@njit
def integrated(x: Any, v: Any, duration_s: float, steps: int) -> Any:
    """Where a body of this place and velocity is later: Runge and Kutta, fourth order."""
    h = duration_s / steps
    for _ in range(steps):
        a1 = pull(x)
        v2 = v + 0.5 * h * a1
        a2 = pull(x + 0.5 * h * v)
        v3 = v + 0.5 * h * a2
        a3 = pull(x + 0.5 * h * v2)
        v4 = v + h * a3
        a4 = pull(x + h * v3)
        x = x + h / 6.0 * (v + 2.0 * v2 + 2.0 * v3 + v4)
        v = v + h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
    return x


@pytest.mark.parametrize(
    ("e", "one_m", "ten_m"), [(0.0, 60, 600), (0.001, 60, 600), (0.1, 250, 2500), (0.7, 250, 2500)]
)
@pytest.mark.parametrize("perigee_km", [350, 650, 1200])
@pytest.mark.parametrize("degrees", [0.0, 28.5, 63.43, 97.986, 178.0])
def test_an_outside_propagator_agrees_from_any_fix(
    degrees: float, perigee_km: int, e: float, one_m: int, ten_m: int
) -> None:
    """The state is osculating: integrated under J2 from it, the orbit is ours after one turn and after ten."""
    a = (EARTH_RADIUS_M + perigee_km * 1e3) / (1.0 - e)
    c = craft()
    fill_kepler(c.f, Elements(a, e, math.radians(degrees), 1.0, 2.0, 0.5))
    period = 2.0 * math.pi * math.sqrt(a**3 / EARTH_MU_M3_S2)
    for start in (0.0, 0.3 * period, 0.7 * period):
        step_orbit(c.s, c.f, c.u, start, 1.0)
        fix = c.s["position_teme_m"].copy(), c.s["velocity_teme_m_s"].copy()
        for turns, bound_m in ((1, one_m), (10, ten_m)):
            step_orbit(c.s, c.f, c.u, start + turns * period, 1.0)
            outside = integrated(*fix, turns * period, 4000 * turns)
            assert np.linalg.norm(outside - c.s["position_teme_m"]) < bound_m


def test_the_osculating_axis_is_near_the_mean_one() -> None:
    """The axis that a fix tells of a 650 km orbit swings about 7028 km; without short-period terms it told 7010 km."""
    c = craft(sso(650e3))
    axes = []
    for k in range(0, 5900, 100):
        step_orbit(c.s, c.f, c.u, float(k), 1.0)
        r, v = np.linalg.norm(c.s["position_teme_m"]), np.linalg.norm(c.s["velocity_teme_m_s"])
        axes.append(1.0 / (2.0 / r - v * v / EARTH_MU_M3_S2))
    assert np.mean(axes) == pytest.approx(EARTH_RADIUS_M + 650e3, abs=500.0)
    assert max(axes) - min(axes) < 20e3


@pytest.mark.parametrize(("altitude_km", "degrees"), [(500, 97.401), (650, 97.986), (800, 98.603), (1200, 100.419)])
def test_sun_synchronous_inclination(altitude_km: float, degrees: float) -> None:
    inclination = sun_synchronous_inclination_rad(EARTH_RADIUS_M + altitude_km * 1e3)
    assert math.degrees(inclination) == pytest.approx(degrees, abs=0.005)


def test_no_sun_synchronous_orbit_very_high_up() -> None:
    with pytest.raises(ValueError, match="no sun-synchronous"):
        sun_synchronous_inclination_rad(EARTH_RADIUS_M + 7000e3)


def test_node_follows_the_mean_sun() -> None:
    a = EARTH_RADIUS_M + 650e3
    rate, _, _ = secular_rates(a, 0.0, sun_synchronous_inclination_rad(a))
    # the inclination is that of J2's first order; what flies has the second order too, 1.2 minutes of local time a year
    assert math.degrees(rate) * 86400.0 == pytest.approx(0.98565 - 0.00080, abs=1e-4)


@settings(max_examples=200)
@given(st.floats(min_value=0.0, max_value=6.2831853), st.floats(min_value=0.0, max_value=0.98))
def test_kepler_equation_is_solved(mean_anomaly: float, eccentricity: float) -> None:
    e = eccentric_anomaly(mean_anomaly, eccentricity)
    assert e - eccentricity * math.sin(e) == pytest.approx(mean_anomaly, abs=1e-11)


@settings(max_examples=100)
@given(
    st.floats(min_value=200e3, max_value=2000e3),
    st.floats(min_value=0.0, max_value=0.7),
    st.floats(min_value=0.0, max_value=math.pi),
    st.floats(min_value=-1e7, max_value=1e7),
)
def test_velocity_is_the_derivative_of_the_position(perigee_m: float, e: float, inclination: float, t: float) -> None:
    a = (EARTH_RADIUS_M + perigee_m) / (1.0 - e)
    c = craft()
    fill_kepler(c.f, Elements(a, e, inclination, 1.0, 2.0, 3.0))
    places = []
    for moment in (t - 0.5, t + 0.5, t):
        step_orbit(c.s, c.f, c.u, moment, 1.0)
        places.append(c.s["position_teme_m"].copy())
    r, v = places[2], c.s["velocity_teme_m_s"]
    assert np.linalg.norm(places[1] - places[0] - v) < 0.05
    assert np.linalg.norm(r) >= a * (1.0 - e) - 12e3
    energy = 0.5 * v @ v - EARTH_MU_M3_S2 / np.linalg.norm(r)
    assert energy == pytest.approx(-0.5 * EARTH_MU_M3_S2 / a, rel=2e-2)
    h = np.cross(r, v)
    assert h[2] / np.linalg.norm(h) == pytest.approx(math.cos(inclination), abs=2e-3)


def test_mean_elements_follow_sgp4_for_a_day() -> None:
    """Mean elements under J2 against SGP4: J3, J4 and a day of drag are what differs."""
    epoch = _epoch_of(SENTINEL)
    sgp4 = Sgp4(_satellite(SENTINEL), epoch)
    c = craft()
    fill_kepler(c.f, sgp4.mean_elements(), WGS72_MU_M3_S2)
    for t in np.linspace(0.0, 86400.0, 97):
        step_orbit(c.s, c.f, c.u, t, 1.0)
        r, _ = sgp4.at(float(t))
        assert np.linalg.norm(c.s["position_teme_m"] - r) < 25e3


def test_elements_are_carried_to_another_epoch() -> None:
    own = _epoch_of(SENTINEL)
    later = Epoch(own.jd_whole, own.jd_fraction + 2.0)
    sgp4 = Sgp4(_satellite(SENTINEL), later)
    assert sgp4.age_s == pytest.approx(2.0 * 86400.0, abs=1e-3)
    c = craft()
    fill_kepler(c.f, sgp4.mean_elements(), WGS72_MU_M3_S2)
    step_orbit(c.s, c.f, c.u, 0.0, 1.0)
    assert np.linalg.norm(c.s["position_teme_m"] - sgp4.at(0.0)[0]) < 40e3


def test_a_position_given_is_taken_as_it_is() -> None:
    c = craft()
    sgp4 = Sgp4(_satellite(SENTINEL), _epoch_of(SENTINEL))
    fill_sgp4(c.f, sgp4)
    r, v = sgp4.at(100.0)
    place_orbit(c.s, c.f, c.u, 100.0, 1.0, *r, *v)
    assert tuple(c.s["position_teme_m"]) == r and tuple(c.s["velocity_teme_m_s"]) == v
    assert c.s["time_s"] == 100.0


def test_drag_lowers_the_orbit_as_the_closed_form_says() -> None:
    c = craft(sso(500e3), drag_m2=100.0)
    fly(c, 5400, models=0)
    a = EARTH_RADIUS_M + 500e3
    area = 2.2 * 100.0 / 575.0
    expected = c.s["neutral_density_kg_m3"] * area * math.sqrt(EARTH_MU_M3_S2 * a) * 5400.0
    assert c.s["orbit_decay_m"] == pytest.approx(expected, rel=0.2)
    ahead = 0.75 * math.sqrt(EARTH_MU_M3_S2 / a**3) / a * c.s["orbit_decay_m"] * 5400.0
    assert c.s["orbit_advance_rad"] == pytest.approx(ahead, rel=0.02)


def test_a_storm_multiplies_drag_and_sgp4_takes_only_the_excess() -> None:
    calm, storm = craft(sso(500e3), drag_m2=100.0), craft(sso(500e3), drag_m2=100.0)
    storm.s["neutral_density_factor"] = 1.5
    fly(calm, 600, models=0)
    fly(storm, 600, models=0)
    assert storm.s["orbit_decay_m"] / calm.s["orbit_decay_m"] == pytest.approx(1.5, rel=0.01)
    for each in (calm, storm):
        each.s["orbit_decay_m"] = each.s["orbit_advance_rad"] = 0.0
        each.f["orbit_kind"] = 1
        r, v = tuple(each.s["position_teme_m"]), tuple(each.s["velocity_teme_m_s"])
        place_orbit(each.s, each.f, each.u, 601.0, 600.0, *r, *v)
    assert calm.s["orbit_decay_m"] == 0.0 and storm.s["orbit_decay_m"] > 0.0


def test_thrust_raises_the_orbit() -> None:
    c = craft()
    c.u["thrust_command_n"] = 0.05
    fly(c, 3600, models=0)
    a = c.f["orbit_semi_major_axis_m"]
    assert -c.s["orbit_decay_m"] == pytest.approx(
        2.0 * a * math.sqrt(a / EARTH_MU_M3_S2) * 0.05 / 575.0 * 3600.0, rel=1e-3
    )
    c.s["thruster_health"] = 0.0
    before = float(c.s["orbit_decay_m"])
    fly(c, 10, first=3600, models=0)
    assert c.s["orbit_decay_m"] == before


def test_a_day_at_once_is_a_day_in_pieces() -> None:
    whole, pieces = craft(drag_m2=10.0), craft(drag_m2=10.0)
    fly(whole, 3000)
    for first in range(0, 3000, 100):
        fly(pieces, 100, first=first)
    assert whole.state.tobytes() == pieces.state.tobytes()


def test_suncatcher_lattice_closes_and_keeps_its_distances() -> None:
    """81 spacecraft, eccentricity vectors differing, all else shared (arXiv 2511.19468, fig. 2 and 3)."""
    a, spacing = EARTH_RADIUS_M + 650e3, 200.0
    base = sso(650e3)
    c = craft(base)
    period = 2.0 * math.pi / float(c.f["orbit_anomaly_rate_rad_s"] + c.f["orbit_perigee_rate_rad_s"])
    points = [(i, j) for i in range(-5, 6) for j in range(-5, 6) if i * i + j * j <= 25]
    assert len(points) == 81

    def positions(t: float) -> np.ndarray:
        rows = []
        for i, j in points:
            along, radial = i * spacing, j * spacing / 2.0
            # Hill's frame: x = -A cos(u - w), y = 2 A sin(u - w) with A = a e
            x0, y0 = radial, along / 2.0
            size = math.hypot(x0, y0)
            phase = math.atan2(y0, -x0)
            w = -phase
            # first order in e: the true latitude is M + w + 2 e sin(M); keep the mean latitude of the group
            fill_kepler(c.f, Elements(a, size / a, base.inclination_rad, base.raan_rad, w, -w))
            step_orbit(c.s, c.f, c.u, t, 1.0)
            rows.append(np.concatenate([c.s["position_teme_m"], c.s["velocity_teme_m_s"]]))
        centre = rows[points.index((0, 0))]
        r, v = centre[:3], centre[3:]
        radial_axis = r / np.linalg.norm(r)
        normal = np.cross(r, v) / np.linalg.norm(np.cross(r, v))
        along_axis = np.cross(normal, radial_axis)
        return np.array([[(row[:3] - r) @ radial_axis, (row[:3] - r) @ along_axis] for row in rows])

    start, quarter, end = positions(0.0), positions(period / 4.0), positions(period)
    assert np.abs(end - start).max() < 15.0
    edge = points.index((5, 0))
    assert abs(start[edge, 1]) == pytest.approx(1000.0, abs=15.0)
    assert abs(quarter[edge, 0]) == pytest.approx(500.0, abs=15.0)
    neighbour = points.index((0, 1))
    distances = [np.linalg.norm(positions(period * k / 16.0)[neighbour]) for k in range(16)]
    assert min(distances) == pytest.approx(100.0, abs=15.0) and max(distances) == pytest.approx(200.0, abs=15.0)


@pytest.mark.parametrize(
    "elements",
    [
        Elements(6.4e6, 0.0, 1.0, 0.0, 0.0, 0.0),
        Elements(7e6, 1.0, 1.0, 0.0, 0.0, 0.0),
        Elements(7e6, -0.1, 1.0, 0.0, 0.0, 0.0),
        Elements(math.nan, 0.0, 1.0, 0.0, 0.0, 0.0),
        Elements(7e6, 0.0, 4.0, 0.0, 0.0, 0.0),
    ],
)
def test_what_is_no_orbit_is_refused(elements: Elements) -> None:
    with pytest.raises(ValueError):
        fill_kepler(craft().f, elements)


def test_altitudes_stay_within_the_span_that_the_parameters_promise() -> None:
    c = craft(Elements(EARTH_RADIUS_M + 700e3, 0.01, math.radians(80.0), 1.0, 1.0, 0.0))
    low, high = altitude_span_m(c.f)
    seen = []
    for k in range(0, 86400, 97):
        step_orbit(c.s, c.f, c.u, float(k), 1.0)
        step_environment(c.s, c.p, c.sky)
        seen.append(float(c.s["altitude_m"]))
    assert low < min(seen) < low + 40e3 and high - 60e3 < max(seen) < high
