"""The attitude's phases: the Sun is found from any attitude and rate, wheels are bled, three wheels are enough."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bus.participant import Moment
from bus.pus import Code, Severity
from node.assembly import wire
from node.designs.load import SHIPPED
from node.fsw import rules
from node.fsw.managers.attitude import LOST_NS, PHASES
from node.fsw.modes import AttitudeMode
from node.node import Node
from tests.kits.attitude_kit import Steered
from tests.kits.fake_spacecraft import config

BEST_RATES = np.geomspace(0.1, 7.0, 8)
"""Momentum of the body at separation over what one wheel holds: what wheels catch at once, and far beyond."""
ERROR_RAD = 2e-3
"""The stated bound on the error while the Sun is held."""
WORST_FIELD_T = 1e-5
"""For the stated bound on the time: the mean of what of the field is of use, over any orbit and tumble."""


def momentum_n_m_s(steered: Steered) -> float:
    return float(np.linalg.norm(np.array(steered.form.inertia) * steered.craft.s["body_rate_rad_s"]))


def bound_s(steered: Steered) -> float:
    """Two half turns, a quarter of an hour, and what the torquers need for all of the momentum."""
    torque_n_m = steered.form.torquer * WORST_FIELD_T
    return 2.0 * math.pi / steered.form.slew_rate + 900.0 + momentum_n_m_s(steered) / torque_n_m


def separated(design: str, seed: int, wheels_full: float, cycle_s: int = 10) -> Steered:
    """A body with that momentum, whatever it turns about."""
    steered = Steered(design, seed, 1e-3, cycle_s)
    factor = wheels_full * steered.form.wheel_momentum / momentum_n_m_s(steered)
    steered.craft.s["body_rate_rad_s"] *= factor
    return steered


def finds_the_sun(steered: Steered) -> None:
    limit_s = bound_s(steered)
    assert steered.until("sun_acquisition", limit_s) + steered.until("hold", limit_s) <= limit_s
    steered.fly(600)
    worst = 0.0
    for _ in range(60):
        steered.step()
        worst = max(worst, float(steered.craft.s["sun_error_rad"]))
    assert worst < ERROR_RAD and steered.phase == "hold"
    assert not [name for name, _, _ in steered.told.events if name == "attitude_late"]


@pytest.mark.parametrize("design", SHIPPED)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_sun_is_found_from_any_attitude_and_rate(design: str, seed: int) -> None:
    finds_the_sun(separated(design, seed, float(BEST_RATES[(3 * seed - 2) % 8])))


@pytest.mark.slow
@pytest.mark.parametrize("design", SHIPPED)
def test_the_sun_is_found_from_very_many_attitudes_and_rates(design: str) -> None:
    for seed in range(100, 140):
        finds_the_sun(separated(design, seed, float(BEST_RATES[seed % 8])))


def test_a_fast_body_is_not_left_to_the_wheels() -> None:
    """What the detumble is for: without it the wheels are driven to their limit, and FDIR takes them out one by one."""
    fullest = []
    for detumble in (True, False):
        steered = separated("pathfinder", 1, 7.0)
        if not detumble:
            steered.manager._stop_above = math.inf
        share = 0.0
        for _ in range(100):
            steered.step()
            share = max(share, steered.manager.state.wheel_share)
        fullest.append(share)
    assert fullest[0] < 0.8 and fullest[1] > 0.99


def test_a_fast_body_goes_through_all_phases_to_the_nadir() -> None:
    steered = separated("pathfinder", 5, 4.0)
    steered.manager.hold(AttitudeMode.NADIR)
    steered.fly(60)
    assert steered.phase == "detumble"
    assert steered.until("sun_acquisition", 40_000) + steered.until("hold", 40_000) < 40_000
    assert steered.phases()[-4:] == ["detumble", "sun_acquisition", "slew", "hold"]
    steered.fly(600)
    assert steered.phase == "hold" and float(steered.craft.s["pointing_error_rad"]) < 1e-2
    assert float(steered.craft.s["nadir_direction_body"] @ steered.craft.p["nadir_frame_body"][:3]) > 0.9999


def held(design: str = "pathfinder", cycle_s: int = 1) -> Steered:
    """At the Sun, at rest."""
    steered = Steered(design, 3, 0.0, cycle_s)
    assert steered.until("sun_acquisition", 100) + steered.until("hold", 4000) < 4000
    steered.fly(300)
    steered.told.events.clear()
    return steered


def test_an_order_of_the_ground_is_followed_and_told_without_alarm() -> None:
    steered = held()
    for mode, end in (
        (AttitudeMode.NADIR, "slew"),
        (AttitudeMode.SAFE_SPIN, "slew"),
        (AttitudeMode.SUN, "sun_acquisition"),
    ):
        steered.manager.hold(mode)
        assert steered.phase == end
        assert steered.until("hold", 1500) < 1500
    assert {severity for _, _, severity in steered.told.events} == {Severity.INFORMATIVE}


def test_safe_spin_turns_about_the_sun_axis_no_faster_than_the_design_turns() -> None:
    for design in ("pathfinder", "sc3"):
        steered = held(design, 10)
        steered.manager.hold(AttitudeMode.SAFE_SPIN)
        assert steered.until("hold", 8000) < 8000
        steered.fly(4000)
        rate = steered.craft.s["body_rate_rad_s"] @ steered.craft.p["sun_axis_body"]
        assert rate == pytest.approx(min(math.radians(0.5), steered.form.slew_rate), rel=0.02)
        assert steered.phase == "hold" and float(steered.craft.s["sun_error_rad"]) < 0.02


def test_a_tumble_is_only_what_the_ground_wants_and_ends_when_it_says_so() -> None:
    steered = held()
    steered.manager.hold(AttitudeMode.TUMBLE)
    steered.craft.s["body_rate_rad_s"] = (0.02, -0.02, 0.02)
    steered.fly(600)
    assert steered.phase == "free" and np.linalg.norm(steered.craft.s["body_rate_rad_s"]) > 0.02
    assert steered.manager.acquire() == (Code.REFUSED_BY_STATE, "the attitude is not held; attitude.set first")
    steered.manager.hold(AttitudeMode.SUN)
    assert steered.until("hold", 4000) < 4000


def test_an_attitude_that_is_lost_is_found_again_with_an_alarm() -> None:
    steered = held()
    steered.craft.s["quaternion_body_from_teme"] = (0.6, 0.0, 0.8, 0.0)
    steered.craft.u["wheel_enable"] = 0  # it stays there: no wheel acts
    steered.fly(LOST_NS / 1e9 - 2)
    assert steered.phase == "hold" and not steered.told.events
    steered.fly(3)
    assert steered.told.events[0][0] == "attitude_phase" and steered.told.events[0][2] == Severity.MEDIUM
    steered.craft.u["wheel_enable"] = 1
    assert steered.until("hold", 3000) < 3000


def test_a_glance_away_is_no_loss() -> None:
    """A reading that is wrong for less than the dwell leads nowhere."""
    steered = held()
    before = steered.craft.s["quaternion_body_from_teme"].copy()
    steered.craft.s["quaternion_body_from_teme"] = (0.6, 0.0, 0.8, 0.0)
    steered.fly(5)
    steered.craft.s["quaternion_body_from_teme"] = before
    steered.craft.s["body_rate_rad_s"] = 0.0
    steered.fly(200)
    assert steered.phase == "hold" and not [e for e in steered.told.events if e[0] == "attitude_phase"]


def test_a_turn_that_does_not_end_is_told_and_begins_anew() -> None:
    steered = held()
    steered.craft.s["wheel_health"] = 0.0
    steered.manager.hold(AttitudeMode.NADIR)
    steered.fly(2.0 * math.pi / steered.form.slew_rate + 910.0)
    assert [e[0] for e in steered.told.events] == ["attitude_phase", "attitude_late", "attitude_phase"]
    assert steered.phase == "sun_acquisition"
    steered.fly(2.0 * math.pi / steered.form.slew_rate + 910.0)
    assert steered.phases()[-2:] == ["detumble", "sun_acquisition"] or steered.phase == "detumble"


@pytest.mark.parametrize("dead", range(4))
def test_three_wheels_find_and_hold_the_sun(dead: int) -> None:
    steered = Steered("pathfinder", 20 + dead, 0.02)
    steered.craft.s["wheel_health"][dead] = 0.0
    assert steered.manager.wheel(wheel=dead, on=False) is None
    finds_the_sun(steered)
    other = (dead + 1) % 4
    assert steered.manager.wheel(wheel=other, on=False) == (Code.REFUSED_BY_STATE, "only 3 take part")
    assert steered.manager.wheels_in_use() == 3 and steered.craft.u["wheel_enable"][other] == 1


def test_a_seized_wheel_that_is_taken_out_of_the_set_costs_no_pointing() -> None:
    steered = held()
    steered.craft.s["wheel_friction_factor"][2] = 1e4
    steered.manager.wheel(wheel=2, on=False)
    steered.fly(900)
    assert steered.phase == "hold" and float(steered.craft.s["sun_error_rad"]) < ERROR_RAD


def test_phase_and_wheels_survive_a_reboot() -> None:
    steered = held()
    steered.manager.hold(AttitudeMode.NADIR)
    assert steered.until("hold", 1500) < 1500
    steered.manager.wheel(wheel=1, on=False)
    steered.craft.u["wheel_enable"] = 1  # as a unit that was switched off and on
    steered.told.events.clear()
    steered.boot()
    assert steered.craft.u["wheel_enable"].tolist() == [1, 0, 1, 1]
    steered.fly(300)
    assert steered.phase == "hold" and not steered.told.events


@pytest.mark.parametrize("design", ["pathfinder", "sc3"])
def test_wheels_are_bled_from_one_share_down_to_another_while_the_sun_is_held(design: str) -> None:
    steered = held(design, 10)
    bias = 0.5 * steered.form.wheel_momentum
    steered.craft.s["wheel_momentum_n_m_s"] = (bias, -bias, -bias, bias)  # of no torque to the body
    steered.craft.s["wheel_momentum_n_m_s"] += 0.2 * steered.form.wheel_momentum
    steered.fly(20)
    assert [(e[0], e[1][0]) for e in steered.told.events] == [("wheels_unload", 1)]
    assert steered.manager.state.wheel_share > 0.5 and steered.craft.u["momentum_unload"] == 1
    worst = 0.0
    for _ in range(8640):
        steered.step()
        worst = max(worst, float(steered.craft.s["sun_error_rad"]))
        if len(steered.told.events) > 1:
            break
    assert worst < ERROR_RAD
    assert [e[1][0] for e in steered.told.events] == [1, 0] and steered.manager.state.wheel_share < 0.1


def test_without_torquers_there_is_no_detumble() -> None:
    steered = Steered("pathfinder", 1, 0.0)
    assert rules.attitude_phase(rules.HOLD, 1, 1e9, 1e9, math.inf, 1.0, 0.0, 0.05, 0.35, 9.0, 1.0) == rules.HOLD
    assert rules.attitude_phase(rules.HOLD, 1, 1e9, 1e9, 1.0, 1.0, 0.0, 0.05, 0.35, 9.0, 1.0) == rules.DETUMBLE
    assert math.isfinite(steered.manager._stop_above)


def test_the_rules_compile_say_the_same_and_keep_what_they_had_without_a_number() -> None:
    """The fleet runs these same functions under numba."""
    numba = pytest.importorskip("numba")
    phase, unload = numba.njit(rules.attitude_phase), numba.njit(rules.unloads)
    for before in range(len(PHASES)):
        for body in (0.1, 5.0, math.nan):
            for error in (0.01, 0.2, 1.0, math.nan):
                for to_sun in (0, 1):
                    arguments = (before, to_sun, body, body, 1.0, 0.5, error, 0.05, 0.35, 0.001, 0.01)
                    assert phase(*arguments) == rules.attitude_phase(*arguments)
                    if math.isnan(body) and math.isnan(error):
                        assert rules.attitude_phase(*arguments) == before
    for share in (0.0, 0.1, 0.2, 0.3):
        for on in (0, 1):
            assert unload(on, share, 0.25, 0.1) == rules.unloads(on, share, 0.25, 0.1)
    assert [rules.unloads(0, 0.2, 0.25, 0.1), rules.unloads(1, 0.2, 0.25, 0.1)] == [0, 1]


def test_a_whole_spacecraft_that_is_separated_tumbling_finds_the_sun() -> None:
    rates = {f"body_rate_rad_s[{i}]": value for i, value in enumerate((0.03, -0.02, 0.04))}
    settings = config(initial=rates)
    node = Node(settings, wire(settings))
    plant = node.parts.plant
    for tick in range(900):
        node.step(Moment(tick, tick * 10**9, (tick + 1) * 10**9), [])
        if tick == 0:
            assert plant.read("body_rate_rad_s[2]") == pytest.approx(0.04, abs=5e-3)  # wheels, no magic
    assert plant.read("sun_error_rad") < ERROR_RAD
    assert node.software is not None and node.software.attitude.state.attitude_phase == rules.HOLD
