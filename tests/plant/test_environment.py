"""Sun, shadow, the Earth's heat, geodesy, magnetic field and atmosphere against erfa, closed forms and known
seasons.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import erfa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from bus.constants import EARTH_RADIUS_M, Epoch
from node.plant.environment.environment import (
    fill_environment,
    geodetic,
    illumination,
    solar_level,
    step_environment,
    step_sky,
    view_factor,
)
from node.plant.environment.geophysics import density_kg_m3, dipole_field, dipole_shell
from node.plant.link.setup import station_frame
from node.plant.orbit.setup import Elements
from tests.kits.flight_records import craft, fly, history, new_sky, sso

AU_M = 149597870700.0
ORACLES = Path(__file__).parents[1] / "oracles"


def test_sun_direction_against_erfa() -> None:
    """Almanac series against the heliocentric Earth of erfa, mean equator and equinox of date, over 1957 to 2056."""
    worst = 0.0
    sky = new_sky(Epoch.of("1957-01-01T00:00:00Z"), 0.0)
    for day in range(0, 36500, 37):
        step_sky(sky[0], day * 86400.0)
        tt1, tt2 = 2435839.5, day + 69.184 / 86400.0
        helio, _ = erfa.epv00(tt1, tt2)
        to_sun = -np.asarray(helio["p"])
        light_days = np.linalg.norm(to_sun) * 499.004784 / 86400.0
        apparent = to_sun + np.asarray(helio["v"]) * light_days  # aberration: the Sun as the moving Earth sees it
        apparent = erfa.pmat06(tt1, tt2) @ (apparent / np.linalg.norm(apparent))
        ours = sky[0]["sun_direction_teme"]
        worst = max(worst, math.degrees(math.atan2(np.linalg.norm(np.cross(ours, apparent)), ours @ apparent)))
        assert sky[0]["sun_distance_m"] / AU_M == pytest.approx(np.linalg.norm(to_sun), abs=2e-4)
    assert worst < 0.004


def test_sidereal_time_against_erfa() -> None:
    sky = new_sky(Epoch.of("2026-01-01T00:00:00Z"), 0.0)
    for t in (0.0, 12345.678, 86399.0, 40 * 86400.0 + 1.0, 300 * 86400.0 + 50000.0):
        step_sky(sky[0], t)
        expected = erfa.gmst82(2461041.5, t / 86400.0)
        difference = (sky[0]["gmst_rad"] - expected + math.pi) % (2.0 * math.pi) - math.pi
        assert abs(difference) < 1e-9


def test_solar_flux_follows_the_distance() -> None:
    sky = new_sky(Epoch.of("2026-01-03T00:00:00Z"), 0.0)
    assert sky[0]["solar_flux_w_m2"] == pytest.approx(1407.0, abs=2.0)
    step_sky(sky[0], 184 * 86400.0)
    assert sky[0]["solar_flux_w_m2"] == pytest.approx(1316.0, abs=2.0)


@njit(error_model="numpy")
def _shadow_minutes(
    altitude_m: float, beta_rad: float, radius_m: float, sun_m: float, steps: int
) -> tuple[float, float, float]:
    """Minutes of (integral of the shadow, umbra, umbra and penumbra) in one circular orbit."""
    a = 6378137.0 + altitude_m
    dark = 0.0
    umbra = 0
    any_shadow = 0
    for k in range(steps):
        u = 2.0 * math.pi * k / steps
        light = illumination(
            a * math.cos(u), a * math.sin(u), 0.0, math.cos(beta_rad), 0.0, math.sin(beta_rad), sun_m, radius_m
        )
        dark += 1.0 - light
        umbra += light == 0.0
        any_shadow += light < 1.0
    minute = 2.0 * math.pi * math.sqrt(a * a * a / 3.986004418e14) / 60.0 / steps
    return dark * minute, umbra * minute, any_shadow * minute


@pytest.mark.parametrize(
    ("altitude_km", "minutes", "tolerance"),
    [
        (420, 36.03, 0.02),
        (500, 35.75, 0.02),
        (650, 35.38, 0.02),
        (1200, 34.84, 0.02),
        (700, 35.3, 0.1),
        (35786, 69.4, 0.2),
    ],
)
def test_eclipse_at_beta_zero(altitude_km: float, minutes: float, tolerance: float) -> None:
    dark, _, _ = _shadow_minutes(altitude_km * 1e3, 0.0, EARTH_RADIUS_M, AU_M, 400_000)
    assert dark == pytest.approx(minutes, abs=tolerance)


def test_umbra_and_penumbra_at_beta_60() -> None:
    _, umbra, both = _shadow_minutes(500e3, math.radians(60.0), EARTH_RADIUS_M, AU_M, 400_000)
    assert umbra == pytest.approx(21.49, abs=0.1)
    assert both == pytest.approx(22.27, abs=0.1)


def test_dawn_dusk_season_at_650_km() -> None:
    """Eclipse season of 91 days around the June solstice, at most 19.73 min, 96.0 % of the year in sunlight."""
    c = craft(sso(650e3, epoch="2026-01-01T00:00:00Z"), epoch="2026-01-01T00:00:00Z")
    step = 20.0
    year = history(c, int(365 * 86400 / step), step)
    light, beta = year["illumination"], np.degrees(year["beta"])
    assert light.mean() == pytest.approx(0.960, abs=0.001)
    assert abs(beta).min() == pytest.approx(58.57, abs=0.15) and abs(beta).max() == pytest.approx(86.9, abs=0.4)
    days = np.array([chunk.min() < 0.5 for chunk in np.array_split(light, 365)])
    first, last = np.flatnonzero(days)[[0, -1]]
    assert last - first + 1 == pytest.approx(91, abs=1) and days[first : last + 1].all()
    assert first == pytest.approx(126, abs=1)  # 7 May
    longest = max(_eclipses(light, step))
    assert longest / 60.0 == pytest.approx(19.73, abs=2.5 * step / 60.0)


def _eclipses(light: np.ndarray, step_s: float) -> list[float]:
    """Lengths (s) of the shadows in a history: the integral of what is missing."""
    dark = light < 1.0
    runs = np.split(1.0 - light, np.flatnonzero(np.diff(dark.astype(int))) + 1)
    return [float(run.sum()) * step_s for run in runs if run.sum() > 0.0]


def test_longest_eclipse_of_the_season_to_a_second() -> None:
    """19.73 min is for a circle; J2 carries the orbit of the same mean axis 3 km higher where the shadow is."""
    c = craft(sso(650e3))
    light = history(c, 3 * 5864, 1.0)["illumination"]
    assert max(_eclipses(light, 1.0)) / 60.0 == pytest.approx(19.65, abs=0.03)
    c.f["orbit_j2_m2"] = 0.0
    light = history(c, 3 * 5864, 1.0)["illumination"]
    assert max(_eclipses(light, 1.0)) / 60.0 == pytest.approx(19.73, abs=0.05)


def test_full_sun_and_polar_night_have_no_edges() -> None:
    sun = craft().sky["sun_direction_teme"]
    sunward = math.atan2(sun[1], sun[0])
    polar = math.radians(90.0)
    bright = craft(Elements(EARTH_RADIUS_M + 1900e3, 0.0, polar, sunward + math.pi / 2, 0.0, 0.0))
    assert history(bright, 7000, 1.0)["illumination"].min() == 1.0
    assert abs(math.degrees(bright.s["beta_rad"])) == pytest.approx(66.56, abs=0.05)
    noon = craft(Elements(EARTH_RADIUS_M + 650e3, 0.0, polar, sunward, 0.0, 0.0))
    light = history(noon, 5864, 1.0)["illumination"]
    assert light.min() == 0.0 and 0.6 < light.mean() < 0.7
    behind = illumination(-7e6, 0.0, 0.0, 1.0, 0.0, 0.0, AU_M, EARTH_RADIUS_M)
    assert behind == 0.0


@pytest.mark.parametrize("beta_deg", [0.0, 90.0, -90.0])
def test_beta_is_right_at_its_extremes(beta_deg: float) -> None:
    c = craft()
    sun = np.array(c.sky["sun_direction_teme"])
    across = np.cross(sun, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    h = sun * math.copysign(1.0, beta_deg) if beta_deg else across
    r = across if beta_deg else sun
    c.s["position_teme_m"] = r * 7e6
    c.s["velocity_teme_m_s"] = np.cross(h, r) * 7500.0
    step_environment(c.s, c.p, c.sky)
    assert math.degrees(c.s["beta_rad"]) == pytest.approx(beta_deg, abs=1e-4)


@settings(max_examples=300)
@given(
    st.floats(min_value=6.5e6, max_value=5e7),
    st.floats(min_value=0.0, max_value=math.pi),
    st.floats(min_value=0.98, max_value=1.02),
)
def test_illumination_is_a_fraction_and_falls_towards_the_axis(r: float, angle: float, au: float) -> None:
    light = illumination(r * math.cos(angle), r * math.sin(angle), 0.0, 1.0, 0.0, 0.0, au * AU_M, EARTH_RADIUS_M)
    nearer = min(math.pi, angle + 1e-3)
    darker = illumination(r * math.cos(nearer), r * math.sin(nearer), 0.0, 1.0, 0.0, 0.0, au * AU_M, EARTH_RADIUS_M)
    assert 0.0 <= darker <= light + 1e-12 <= 1.0 + 1e-12


def test_view_factors_at_650_km() -> None:
    ratio = EARTH_RADIUS_M / (EARTH_RADIUS_M + 650e3)
    assert view_factor(0.0, ratio) == pytest.approx(0.241, abs=5e-4)
    assert view_factor(1.0, ratio) == pytest.approx(0.824, abs=5e-4)
    assert view_factor(-1.0, ratio) == 0.0


@pytest.mark.parametrize("tilt_deg", [0.0, 15.0, 35.0, 60.0, 80.0, 90.0, 110.0, 140.0, 155.0, 170.0])
def test_view_factor_is_the_integral_over_the_disc(tilt_deg: float) -> None:
    """Cosine-weighted solid angle of the Earth, integrated over its cap."""
    ratio = 0.9
    rho = math.asin(ratio)
    tilt = math.radians(tilt_deg)
    thetas = (np.arange(1500) + 0.5) * rho / 1500
    phis = (np.arange(1500) + 0.5) * 2.0 * math.pi / 1500
    theta, phi = np.meshgrid(thetas, phis)
    cosine = np.cos(theta) * math.cos(tilt) + np.sin(theta) * np.cos(phi) * math.sin(tilt)
    total = (np.maximum(cosine, 0.0) * np.sin(theta)).sum() * (rho / 1500) * (2.0 * math.pi / 1500) / math.pi
    assert view_factor(math.cos(tilt), ratio) == pytest.approx(total, abs=2e-4)


@settings(max_examples=200)
@given(st.floats(min_value=-1.0, max_value=1.0), st.floats(min_value=0.1, max_value=1.0))
def test_both_faces_of_a_plate_see_less_than_everything(cosine: float, ratio: float) -> None:
    front, back = view_factor(cosine, ratio), view_factor(-cosine, ratio)
    assert 0.0 <= front <= 1.0 and front + back <= 1.0 + 1e-12


@settings(max_examples=200)
@given(
    st.floats(min_value=-math.pi / 2, max_value=math.pi / 2),
    st.floats(min_value=-math.pi, max_value=math.pi),
    st.floats(min_value=-1e3, max_value=3e7),
)
def test_geodetic_coordinates_come_back(latitude: float, longitude: float, altitude: float) -> None:
    x, y, z = station_frame(latitude, longitude, altitude)[:3]
    back, height = geodetic(x, y, z)
    assert back == pytest.approx(latitude, abs=2e-9)
    assert height == pytest.approx(altitude, abs=0.05)


def test_geodetic_against_erfa() -> None:
    for x, y, z in [(6.9e6, 1e5, 1e6), (-1e6, 3e6, 6.2e6), (1.0, -2.0, -6.9e6), (4.2e7, 1.0, 0.0)]:
        _, latitude, height = erfa.gc2gd(1, [x, y, z])
        ours = geodetic(x, y, z)
        assert ours[0] == pytest.approx(latitude, abs=1e-9) and ours[1] == pytest.approx(height, abs=0.01)


def test_ground_track_of_a_known_moment() -> None:
    """A point on the x axis of TEME lies at minus sidereal time."""
    c = craft()
    c.s["position_teme_m"] = (7e6, 0.0, 0.0)
    c.s["velocity_teme_m_s"] = (0.0, 7500.0, 0.0)
    step_environment(c.s, c.p, c.sky)
    assert c.s["latitude_rad"] == 0.0
    assert math.sin(c.s["longitude_rad"] + c.sky["gmst_rad"]) == pytest.approx(0.0, abs=1e-12)
    assert c.s["altitude_m"] == pytest.approx(7e6 - 6378137.0)


def test_magnetic_shells_at_650_km() -> None:
    """Reference figures: a sun-synchronous orbit at 650 km spends 29 % of its time above L = 5 and 20 % above 8."""
    c = craft()
    shells = history(c, 8640 * 2, 10.0, models=4)["l_shell"]
    assert (shells > 5.0).mean() == pytest.approx(0.29, abs=0.03)
    assert (shells > 8.0).mean() == pytest.approx(0.20, abs=0.03)
    assert shells.min() >= 1.0


def test_dipole_field_strength() -> None:
    """60 microtesla at the magnetic poles, 30 at the equator, on the ground; inverse cube with height."""
    pole = np.array([0.04743, -0.15288, 0.98711]) * 6371200.0
    assert np.linalg.norm(dipole_field(*pole)) == pytest.approx(59.5e-6, rel=0.01)
    side = np.cross(pole, [1.0, 0.0, 0.0])
    side *= 6371200.0 / np.linalg.norm(side)
    assert np.linalg.norm(dipole_field(*side)) == pytest.approx(29.7e-6, rel=0.01)
    assert np.linalg.norm(dipole_field(*(2.0 * side))) == pytest.approx(29.7e-6 / 8.0, rel=0.01)
    assert dipole_shell(*(1.1 * pole)) > 30.0


def test_density_by_the_table_and_between() -> None:
    assert density_kg_m3(400e3, 0.0) == pytest.approx(7.32e-13, rel=1e-6)
    assert density_kg_m3(400e3, 1.0) == pytest.approx(7.55e-12, rel=1e-6)
    assert density_kg_m3(425e3, 0.0) == pytest.approx(math.sqrt(7.32e-13 * 2.47e-13), rel=1e-6)
    values = [density_kg_m3(h * 1e3, 0.5) for h in range(100, 1501, 10)]
    assert all(b < a for a, b in pairwise(values))


def test_density_against_nrlmsise() -> None:
    """Within a factor of 1.6 of NRLMSISE-00's global means (fixture by tests/oracles/msis/build_density.py)."""
    fixture = json.loads((ORACLES / "density.json").read_text())
    for row in fixture["rows"]:
        ratio = density_kg_m3(row["altitude_km"] * 1e3, row["solar_maximum"]) / row["density_kg_m3"]
        assert 1 / 1.6 < ratio < 1.6, row


def test_storm_density_reaches_the_state() -> None:
    c = craft()
    fly(c, 1, models=0)
    calm = float(c.s["neutral_density_kg_m3"])
    c.s["neutral_density_factor"] = 1.5
    step_environment(c.s, c.p, c.sky)
    assert c.s["neutral_density_kg_m3"] == pytest.approx(1.5 * calm)


def test_what_is_no_earth_is_refused() -> None:
    c = craft()
    with pytest.raises(ValueError):
        fill_environment(c.s, c.p, storm_density_factor=0.0)
    with pytest.raises(ValueError):
        fill_environment(c.s, c.p, earth_albedo=1.5)
    with pytest.raises(ValueError):
        new_sky(Epoch.of("2026-01-01"), 2.0)


def test_shadow_against_basilisk() -> None:
    """Fixture by tests/oracles/basilisk/build_shadow.py: sunlit fractions along orbits from Basilisk's eclipse
    module.
    """
    fixture = json.loads((ORACLES / "shadow.json").read_text())
    for row in fixture["rows"]:
        x, y, z = row["position_m"]
        sx, sy, sz = row["sun_direction"]
        light = illumination(x, y, z, sx, sy, sz, row["sun_distance_m"], row["earth_radius_m"])
        assert light == pytest.approx(row["illumination"], abs=2e-3), row


def test_solar_numbers_lie_where_the_words_do() -> None:
    assert solar_level(65.8, 15.0) == pytest.approx(0.0, abs=1e-12)
    assert solar_level(189.0, 15.0) == pytest.approx(1.0, abs=1e-12)
    levels = [solar_level(f107, 15.0) for f107 in range(60, 301, 10)]
    assert levels == sorted(levels)
    storms = [solar_level(120.0, ap) for ap in (0.0, 4.0, 15.0, 48.0, 132.0, 400.0)]
    assert storms == sorted(storms)
    new_sky(Epoch.of("2026-01-01"), solar_level(300.0, 400.0))
    new_sky(Epoch.of("2026-01-01"), solar_level(60.0, 0.0))
    with pytest.raises(ValueError, match="allowed"):
        solar_level(500.0, 15.0)
