"""Attitude: pointing laws, quaternions, torque-free motion, wheels, torquers, and what a broken actuator costs."""

# ruff: noqa: PLR0917  (property tests and kernels take many values)

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.plant.attitude.attitude import NADIR, SAFE_SPIN, SUN, TUMBLE, rotate, step_attitude
from node.plant.attitude.quaternions import product, quaternion_of
from node.plant.attitude.rigid_body import gravity_gradient, pushes
from node.plant.attitude.setup import DAMP, DIRECT, OWN_LAW, AttitudeFigures, fill_attitude, for_mass
from tests.kits.attitude_kit import Steered
from tests.kits.flight_records import Craft, craft, fly, sso

angles = st.floats(min_value=-math.pi, max_value=math.pi)


def _matrix(q: Any) -> np.ndarray:
    x, y, z, w = (float(v) for v in q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _turn(axis: int, angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    m = np.eye(3)
    m[i, i] = m[j, j] = c
    m[i, j], m[j, i] = -s, s
    return m


@settings(max_examples=200)
@given(angles, angles, angles)
def test_quaternion_of_a_matrix_and_back(a: float, b: float, c: float) -> None:
    m = _turn(2, a) @ _turn(1, b) @ _turn(0, c)
    q = quaternion_of(*m.ravel())
    assert np.linalg.norm(q) == pytest.approx(1.0, abs=1e-12)
    assert np.allclose(_matrix(q), m, atol=1e-12)


def test_product_is_the_product_of_matrices() -> None:
    a, b = quaternion_of(*_turn(0, 1.0).ravel()), quaternion_of(*_turn(2, 2.0).ravel())
    assert np.allclose(_matrix(product(*a, *b)), _turn(0, 1.0) @ _turn(2, 2.0), atol=1e-12)


def _settled(mode: int, control: int = 0, figures: AttitudeFigures | None = None, ticks: int = 900) -> Craft:
    c = craft(figures=figures)
    c.u["attitude_mode"] = mode
    c.u["attitude_control"] = control
    fly(c, ticks, models=1)
    return c


@pytest.mark.parametrize("control", [0, OWN_LAW])
def test_sun_mode_points_the_axis_at_the_sun(control: int) -> None:
    c = _settled(SUN, control, ticks=2000)
    assert c.s["sun_error_rad"] < 2e-3
    assert c.s["sun_direction_body"] @ c.p["sun_axis_body"] == pytest.approx(1.0, abs=1e-5)
    m = _matrix(c.s["quaternion_body_from_teme"])
    assert np.allclose(m @ c.s["sun_direction_teme"], c.s["sun_direction_body"], atol=1e-12)
    normal = np.cross(c.s["position_teme_m"], c.s["velocity_teme_m_s"])
    assert m @ normal @ np.array([0.0, 1.0, 0.0]) > 0.0


@pytest.mark.parametrize("control", [0, OWN_LAW])
def test_nadir_mode_points_down_and_along(control: int) -> None:
    c = _settled(NADIR, control, ticks=2000)
    assert c.s["nadir_direction_body"][2] == pytest.approx(1.0, abs=1e-4)
    assert c.s["velocity_direction_body"][0] == pytest.approx(1.0, abs=1e-4)
    rate = 2.0 * math.pi / float(c.s["orbit_period_s"])
    assert c.s["body_rate_rad_s"] == pytest.approx([0.0, -rate, 0.0], abs=1e-4)


@pytest.mark.parametrize("control", [0, OWN_LAW])
def test_safe_spin_turns_about_the_sun(control: int) -> None:
    c = _settled(SAFE_SPIN, control, ticks=2500)
    assert c.s["sun_error_rad"] < 0.02
    assert c.s["body_rate_rad_s"][2] == pytest.approx(float(c.p["safe_spin_rate_rad_s"]), rel=0.05)


def test_a_slew_is_no_faster_than_its_rate() -> None:
    c = craft()
    fly(c, 900, models=1)
    c.u["attitude_mode"] = NADIR
    before = _matrix(c.s["quaternion_body_from_teme"])
    for k in range(900, 960):
        fly(c, 1, first=k, models=1)
        now = _matrix(c.s["quaternion_body_from_teme"])
        angle = math.acos(min(1.0, (np.trace(now @ before.T) - 1.0) / 2.0))
        assert angle <= c.p["slew_rate_rad_s"] * (1.0 + 1e-6)
        assert np.linalg.norm(c.s["body_rate_rad_s"]) <= c.p["slew_rate_rad_s"] * (1.0 + 1e-6)
        before = now
    assert c.s["pointing_error_rad"] > 0.0


def test_rate_is_the_rate_of_the_quaternion() -> None:
    """dR/dt = -[w]x R, by central difference in a tumble."""
    c = craft()
    c.u["attitude_mode"] = TUMBLE
    c.s["body_rate_rad_s"] = (0.01, -0.02, 0.015)
    fly(c, 1, 0.1, models=1)
    a = _matrix(c.s["quaternion_body_from_teme"])
    fly(c, 1, 0.1, first=1, models=1)
    b = _matrix(c.s["quaternion_body_from_teme"])
    w = c.s["body_rate_rad_s"]
    skew = np.array([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]])
    assert np.allclose((b - a) / 0.1, -skew @ (a + b) / 2.0, atol=5e-5)


def test_torque_free_tumble_keeps_energy_and_momentum() -> None:
    figures = AttitudeFigures(inertia_kg_m2=(1000.0, 1500.0, 2200.0), wheel_axes=(), drag_area_m2=0.0, sun_area_m2=0.0)
    c = craft(sso(1900e3), figures=figures)
    c.u["attitude_mode"] = TUMBLE
    c.s["body_rate_rad_s"] = (0.02, 0.03, -0.05)
    inertia = c.p["inertia_kg_m2"].copy()

    def invariants() -> tuple[float, np.ndarray]:
        w = c.s["body_rate_rad_s"]
        momentum = _matrix(c.s["quaternion_body_from_teme"]).T @ (inertia * w)
        return float(0.5 * (inertia * w * w).sum()), momentum

    energy, momentum = invariants()
    fly(c, 600, models=1)
    later, turned = invariants()
    assert later == pytest.approx(energy, rel=2e-3)
    assert np.linalg.norm(turned - momentum) < 0.01 * np.linalg.norm(momentum)


def test_wheels_and_body_exchange_momentum_and_lose_none() -> None:
    c = craft(sso(1900e3), figures=AttitudeFigures(drag_area_m2=0.0, sun_area_m2=0.0, torquer_a_m2=0.0))
    c.u["attitude_control"] = DIRECT
    c.u["wheel_torque_command_n_m"] = (0.1, -0.05, 0.02, 0.0)
    axes = c.p["wheel_axis_body"].reshape(4, 3)

    def total() -> np.ndarray:
        body = c.p["inertia_kg_m2"] * c.s["body_rate_rad_s"] + c.s["wheel_momentum_n_m_s"] @ axes
        return _matrix(c.s["quaternion_body_from_teme"]).T @ body

    start = total()
    fly(c, 60, models=1)
    assert np.linalg.norm(c.s["wheel_momentum_n_m_s"]) > 1.0
    gravity = 60.0 * 3e-3  # what the gravity gradient may add in a minute
    assert np.linalg.norm(total() - start) < gravity


def test_wheels_saturate() -> None:
    c = craft()
    c.u["attitude_control"] = DIRECT
    c.u["wheel_torque_command_n_m"] = (10.0, 0.0, 0.0, 0.0)
    fly(c, 200, models=1)
    assert c.s["wheel_momentum_n_m_s"][0] == pytest.approx(float(c.p["wheel_momentum_limit_n_m_s"]), rel=1e-2)


def test_a_stuck_wheel_costs_pointing_until_it_is_switched_out() -> None:
    c = _settled(SUN, OWN_LAW, ticks=1500)
    c.s["wheel_momentum_n_m_s"] = (8.0, 8.0, 8.0, 8.0)
    c.s["wheel_friction_factor"][0] = 1e6  # seizes: its momentum goes into the body at once
    worst = 0.0
    for k in range(1500, 1800):
        fly(c, 1, first=k, models=1)
        worst = max(worst, float(c.s["sun_error_rad"]))
    assert worst > 0.02
    c.u["wheel_enable"][0] = 0
    fly(c, 3000, first=1800, models=1)
    assert c.s["sun_error_rad"] < 0.02


def test_two_dead_wheels_end_ideal_pointing() -> None:
    c = _settled(SUN)
    c.s["wheel_health"][:2] = 0.0
    c.s["disturbance_torque_n_m"] = (0.05, 0.0, 0.02)
    fly(c, 1200, first=900, models=1)
    assert c.s["sun_error_rad"] > 0.1
    three = _settled(SUN)
    three.s["wheel_health"][0] = 0.0
    fly(three, 600, first=900, models=1)
    assert three.s["sun_error_rad"] < 1e-6


def test_an_offset_is_a_pointing_error_of_that_size() -> None:
    c = _settled(SUN)
    c.s["pointing_offset_rad"] = (0.3, 0.0, 0.0)
    fly(c, 300, first=900, models=1)
    assert c.s["sun_error_rad"] == pytest.approx(0.3, abs=1e-9)


def _momentum(c: Craft) -> np.ndarray:
    """Of body and wheels, TEME (N m s)."""
    axes = np.array(c.p["wheel_axis_body"]).reshape(-1, 3)
    inside = c.p["inertia_kg_m2"] * c.s["body_rate_rad_s"] + c.s["wheel_momentum_n_m_s"][: len(axes)] @ axes
    return _matrix(c.s["quaternion_body_from_teme"]).T @ inside  # type: ignore[no-any-return]


def _outside_torques(c: Craft, form: Any) -> np.ndarray:
    """Gravity gradient, drag and sunlight in TEME (N m), from the formulas (Wertz 1978, 17.2), not from our code."""
    turn, r, v = (
        _matrix(c.s["quaternion_body_from_teme"]),
        np.array(c.s["position_teme_m"]),
        np.array(c.s["velocity_teme_m_s"]),
    )
    inertia, arm, far = np.array(form.inertia), np.array(c.p["pressure_centre_m"]), float(np.linalg.norm(r))
    up = turn @ r / far
    gradient = 3.0 * 3.986004418e14 / far**3 * np.cross(up, inertia * up)
    drag = -0.5 * float(c.s["neutral_density_kg_m3"]) * float(np.linalg.norm(v)) * 2.2 * form.drag_area * (turn @ v)
    light = float(c.s["solar_flux_w_m2"]) * float(c.s["illumination_fraction"]) / 299_792_458.0
    pressure = -light * 1.3 * form.sun_area * (turn @ np.array(c.s["sun_direction_teme"]))
    return turn.T @ (gradient + np.cross(arm, drag + pressure))  # type: ignore[no-any-return]


@pytest.mark.parametrize(("design", "mode"), [("pathfinder", SUN), ("ai1-june", SUN), ("ai1-june", NADIR)])
def test_wheels_take_up_the_integral_of_the_outer_torques(design: str, mode: int) -> None:
    """Without torquers momentum can go nowhere else: half an hour of drag (pathfinder) or gravity gradient (ai1).
    A body that follows nadir feels next to none: were its axis a tick behind (1.1 mrad), it would be 1.3e-4 N m."""
    steered = Steered(design, 3)
    c = steered.craft
    c.u["momentum_unload"] = 0
    c.u["attitude_mode"] = mode
    fly(c, 3000, first=1, models=1)
    begin, taken = _momentum(c), np.zeros(3)
    before = _outside_torques(c, steered.form)
    for k in range(1800):
        fly(c, 1, first=3001 + k, models=1)
        after = _outside_torques(c, steered.form)
        taken += 0.5 * (before + after)
        before = after
    assert c.s["pointing_error_rad"] < 1e-3 and np.linalg.norm(taken) > 1e-2
    assert _momentum(c) - begin == pytest.approx(taken, abs=max(2e-3 * float(np.linalg.norm(taken)), 2e-3))


def test_torquers_bleed_the_wheels() -> None:
    c = _settled(SUN, OWN_LAW, ticks=600)
    c.s["wheel_momentum_n_m_s"] = (10.0, -5.0, 6.0, 2.0)
    axes = c.p["wheel_axis_body"].reshape(4, 3)
    before = np.linalg.norm(c.s["wheel_momentum_n_m_s"] @ axes)
    fly(c, 5000, first=600, models=1)
    assert np.linalg.norm(c.s["wheel_momentum_n_m_s"] @ axes) < 0.5 * before
    assert c.s["sun_error_rad"] < 0.01


def test_gravity_gradient_is_the_closed_form() -> None:
    """3 mu / r^3 n x (I n), at 45 deg between two axes: 1.5 mu / r^3 (Iz - Iy)."""
    c = craft(figures=AttitudeFigures(drag_area_m2=0.0, sun_area_m2=0.0, inertia_kg_m2=(1000.0, 1000.0, 3000.0)))
    fly(c, 1, models=0)
    r = float(np.linalg.norm(c.s["position_teme_m"]))  # that of the orbit that flies, not of its mean circle
    expected = 1.5 * 3.986004418e14 / r**3 * 2000.0
    found = gravity_gradient(c.s, c.p, 0.0, math.sqrt(0.5), math.sqrt(0.5))
    assert found == pytest.approx((expected, 0.0, 0.0), rel=1e-9)


def test_sunlight_pushes_off_the_centre() -> None:
    """4.5 micronewton a square metre at one astronomical unit, on the arm of the pressure centre."""
    figures = AttitudeFigures(
        drag_area_m2=0.0, sun_area_m2=100.0, pressure_centre_m=(1.0, 0.0, 0.0), inertia_kg_m2=(1.0, 1.0, 1.0)
    )
    c = craft(figures=figures)
    fly(c, 900, models=1)
    assert c.s["illumination_fraction"] == 1.0
    torque = np.array(pushes(c.s, c.p))
    assert np.linalg.norm(torque) == pytest.approx(float(c.s["solar_flux_w_m2"]) / 299792458.0 * 100.0, rel=1e-6)


def test_magnetic_field_in_the_body_keeps_its_length() -> None:
    c = _settled(NADIR)
    assert 18e-6 < np.linalg.norm(c.s["magnetic_field_body_t"]) < 55e-6


@settings(max_examples=80)
@given(
    st.sampled_from([SUN, NADIR, SAFE_SPIN, TUMBLE, 7, -1]),
    st.sampled_from([0, OWN_LAW, DIRECT]),
    st.lists(st.floats(min_value=-50.0, max_value=50.0), min_size=3, max_size=3),
    st.lists(st.floats(min_value=0.0, max_value=1e9), min_size=4, max_size=4),
    st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=4, max_size=4),
    st.floats(min_value=0.01, max_value=60.0),
)
def test_nothing_is_ever_nan(
    mode: int, control: int, rate: list[float], friction: list[float], command: list[float], dt_s: float
) -> None:
    c = craft(sites=())
    c.u["attitude_mode"], c.u["attitude_control"] = mode, control
    c.s["body_rate_rad_s"] = rate
    c.s["wheel_friction_factor"] = friction
    c.u["wheel_torque_command_n_m"] = command
    c.u["torquer_command_a_m2"] = command[:3]
    fly(c, 5, dt_s, models=1)
    for field in c.state.dtype.names:
        assert np.isfinite(np.asarray(c.s[field], dtype=float)).all(), field
    assert np.linalg.norm(c.s["quaternion_body_from_teme"]) == pytest.approx(1.0, abs=1e-9)


def test_sun_over_the_orbit_normal_still_has_a_second_axis() -> None:
    c = craft()
    fly(c, 1, models=0)
    sun = c.s["sun_direction_teme"].copy()
    across = np.cross(sun, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    c.s["position_teme_m"] = across * 7e6
    c.s["velocity_teme_m_s"] = np.cross(sun, across) * 7500.0
    for _ in range(900):
        step_attitude(c.s, c.p, c.u, c.sky, 1.0)
    assert c.s["sun_error_rad"] < 1e-6


def test_rotate_is_the_matrix() -> None:
    c = _settled(NADIR, ticks=100)
    v = np.array([1.0, -2.0, 3.0])
    assert np.allclose(rotate(c.s, *v), _matrix(c.s["quaternion_body_from_teme"]) @ v, atol=1e-12)


def test_impossible_designs_are_refused() -> None:
    c = craft()
    for figures in (
        AttitudeFigures(inertia_kg_m2=(0.0, 1.0, 1.0)),
        AttitudeFigures(sun_axis=(0.0, 0.0, 0.0)),
        AttitudeFigures(sun_second_axis=(0.0, 0.0, 1.0)),
        AttitudeFigures(wheel_axes=((1.0, 0.0, 0.0),) * 5),
    ):
        with pytest.raises(ValueError):
            fill_attitude(c.s, c.p, c.u, figures)
    assert for_mass(1150.0, 105.0).wheel_torque_n_m == pytest.approx(0.4)


def _lonely(**more: Any) -> Craft:
    """So high that nothing but its own actuators turns it; no wheels unless told."""
    figures = AttitudeFigures(
        inertia_kg_m2=(1000.0, 1000.0, 1000.0), drag_area_m2=0.0, sun_area_m2=0.0, **{"wheel_axes": (), **more}
    )
    c = craft(sso(1900e3), figures=figures)
    fly(c, 1, models=1)
    c.u["attitude_control"] = DAMP
    return c


def test_torquers_take_momentum_across_the_field_away_at_the_stated_rate() -> None:
    """m = k h x B gives dh/dt = -k h for what is across the field (k = 2e-3 / s): closed form, over half a minute."""
    c = _lonely(torquer_a_m2=1e9)
    field = _matrix(c.s["quaternion_body_from_teme"]).T @ c.s["magnetic_field_body_t"]
    along = field / np.linalg.norm(field)
    across = np.cross(along, (0.3, -0.5, 0.8))
    across /= np.linalg.norm(across)
    turn = _matrix(c.s["quaternion_body_from_teme"])
    c.s["body_rate_rad_s"] = turn @ (1e-3 * across + 1e-3 * along)
    fly(c, 30, first=1, models=1)
    rate = _matrix(c.s["quaternion_body_from_teme"]).T @ c.s["body_rate_rad_s"]
    assert rate @ across == pytest.approx(1e-3 * math.exp(-2e-3 * 30.0), rel=3e-3)
    assert rate @ along == pytest.approx(1e-3, rel=3e-3)


@settings(max_examples=20)
@given(st.integers(0, 2**16), st.floats(0.001, 2.0), st.integers(0, 3))
def test_torquers_never_add_momentum_whatever_the_tumble_and_the_dead_coil(seed: int, speed: float, dead: int) -> None:
    c = _lonely(torquer_a_m2=50.0)
    spin = np.random.default_rng(seed).normal(size=3)
    c.s["body_rate_rad_s"] = spin / np.linalg.norm(spin) * speed
    if dead < 3:
        c.s["torquer_health"][dead] = 0.0
    before = float(np.linalg.norm(c.s["body_rate_rad_s"]))
    for k in range(1, 20):
        fly(c, 1, first=k, models=1)
        after = float(np.linalg.norm(c.s["body_rate_rad_s"]))
        assert after <= before * (1.0 + 1e-9)
        before = after


def test_what_wheels_carry_against_each_other_is_evened_out_and_turns_nothing() -> None:
    c = craft(sso(1900e3), figures=AttitudeFigures(drag_area_m2=0.0, sun_area_m2=0.0, torquer_a_m2=0.0))
    fly(c, 900, models=1)
    c.u["attitude_control"] = OWN_LAW
    c.s["wheel_momentum_n_m_s"] = (10.0, -10.0, -10.0, 10.0)  # axes of a pyramid: no momentum in sum
    fly(c, 200, first=900, models=1)
    assert c.s["wheel_momentum_n_m_s"] == pytest.approx(np.array([10.0, -10.0, -10.0, 10.0]) / math.e, abs=0.5)
    assert c.s["sun_error_rad"] < 1e-3


@pytest.mark.parametrize("offset_rad", [0.0, 1e-7, 2e-5, 5e-4, 0.1, 3.0])
def test_a_pointing_error_is_told_however_small(offset_rad: float) -> None:
    """Against the angle of the rotation matrix, from its antisymmetric part: exact where a cosine sees nothing."""
    c = craft()
    fly(c, 900, models=1)
    c.s["pointing_offset_rad"] = np.array([0.6, 0.0, 0.8]) * offset_rad
    c.u["attitude_control"] = DIRECT  # at rest, without a torque to speak of
    c.s["body_rate_rad_s"] = 0.0
    aim = _matrix(c.s["quaternion_body_from_teme"])
    fly(c, 1, dt_s=1e-3, first=899_999, models=1)  # at the same second
    turn = aim @ _matrix(c.s["quaternion_body_from_teme"]).T
    assert np.allclose(turn, np.eye(3), atol=1e-8)
    assert c.s["pointing_error_rad"] == pytest.approx(offset_rad, rel=1e-6, abs=1e-8)
