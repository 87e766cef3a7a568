"""The scalar rules of flight software: by hand where they bend, by law everywhere else, and under numba."""

from __future__ import annotations

import itertools
import math

import numba
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.fsw import rules

SECOND_NS = 10**9


# ---- groups, one at a time --------------------------------------------------------------------------------------


def shedding(socs: list[float], groups: int, budget: int = 1) -> list[int]:
    """How many groups are shed after each second; 30 % to 22 %, back 20 % higher, dwell 3 s, back 6 s and then 2 s."""
    shed, held_ns = 0, 0
    found = []
    for soc in socs:
        shed, held_ns = rules.groups_shed(
            shed, held_ns, groups, soc, budget, 0.30, 0.08, 0.20, 3 * SECOND_NS, 6 * SECOND_NS, 2 * SECOND_NS, SECOND_NS
        )  # fmt: skip
        found.append(shed)
    return found


def test_groups_go_one_at_a_time_each_at_its_own_charge() -> None:
    """Five groups: below 30, 28, 26, 24, 22 %."""
    assert shedding([0.31] * 4 + [0.29] * 8, 5) == [0] * 6 + [1] * 6
    for groups, soc in enumerate((0.301, 0.281, 0.261, 0.241, 0.221, 0.219)):
        assert shedding([soc] * 100, 5)[-1] == groups
    assert shedding([0.25] * 12, 5) == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    assert shedding([0.10] * 18, 5)[-1] == 5


def test_a_charge_that_recovers_for_a_moment_starts_the_dwell_again() -> None:
    assert shedding([0.29, 0.29, 0.31, 0.29, 0.29, 0.31] * 3, 5) == [0] * 18


def test_groups_come_back_in_reverse_the_first_after_the_dwell_the_others_after_a_step() -> None:
    """Three are shed at 25 %; above 46 % the third comes back, above 48 % the second, above 50 % the first."""
    down = [0.25] * 9
    assert shedding(down + [0.45] * 20, 5)[-1] == 3
    assert shedding(down + [0.49] * 12, 5)[9:] == [3, 3, 3, 3, 3, 2, 2, 1, 1, 1, 1, 1]
    assert shedding(down + [0.51] * 12, 5)[9:] == [3, 3, 3, 3, 3, 2, 2, 1, 1, 0, 0, 0]


def test_a_budget_that_is_short_sheds_at_any_charge_and_one_that_just_fits_restores_nothing() -> None:
    assert shedding([0.9] * 7, 3, budget=-1) == [0, 0, 1, 1, 1, 2, 2]
    shed, held = rules.groups_shed(2, 0, 3, 0.9, 0, 0.3, 0.08, 0.2, 1, 1, 1, 10)
    assert (shed, held) == (2, 0)


def test_one_group_is_shed_as_a_payload_of_one_was() -> None:
    assert shedding([0.29] * 4, 1) == [0, 0, 1, 1]
    assert shedding([0.29] * 3 + [0.499] * 9, 1)[-1] == 1
    assert shedding([0.29] * 3 + [0.501] * 6, 1)[-2:] == [1, 0]


@given(
    shed=st.integers(0, 9), held=st.integers(-50, 50), groups=st.integers(1, 9), soc=st.floats(allow_nan=True),
    budget=st.integers(-1, 1), below=st.floats(0.2, 1), gap=st.floats(0.01, 0.5), dwell=st.integers(1, 20),
    cycle=st.integers(1, 30),
)  # fmt: skip
def test_shedding_moves_by_one_and_only_when_called_for(  # noqa: PLR0917
    shed: int, held: int, groups: int, soc: float, budget: int, below: float, gap: float, dwell: int, cycle: int
) -> None:
    shed = min(shed, groups)
    after, waited = rules.groups_shed(shed, held, groups, soc, budget, below, 0.08, gap, dwell, dwell, 0, cycle)
    assert 0 <= after <= groups and abs(after - shed) <= 1
    if after > shed:
        assert max(held, 0) + cycle >= dwell
        assert budget < 0 or soc < below
    elif after < shed:
        assert max(-held, 0) + cycle >= dwell
        assert budget > 0 and soc > below - 0.08 + gap - 1e-9
    if math.isnan(soc) and budget >= 0:
        assert (after, waited) == (shed, 0)


# ---- charge -----------------------------------------------------------------------------------------------------


@given(zone=st.integers(0, 2), soc=st.floats(allow_nan=True))
def test_charge_zone_climbs_only_when_charge_is_good(zone: int, soc: float) -> None:
    after = rules.charge_zone(zone, soc, 0.2, 0.1, 0.25)
    if after < zone:
        assert soc > 0.25 if after == rules.CHARGE_GOOD else soc >= 0.1
    if math.isnan(soc):
        assert after == zone


def test_a_state_follows_after_its_dwell_without_a_break() -> None:
    state, held = 0, 0
    found = []
    for wanted in (1, 1, 0, 1, 1, 1, 1, 0):
        state, held = rules.dwelled(state, wanted, held, 3, 1)
        found.append(state)
    assert found == [0, 0, 0, 0, 0, 1, 1, 1]


# ---- the budget -------------------------------------------------------------------------------------------------


def test_what_a_shadow_lets_the_battery_give_ends_it_at_the_reserve() -> None:
    """90 % to 35 % of 60 kWh in 18.8 min: 0.55 x 216 MJ / 1,128 s = 105.3 kW."""
    assert rules.shadow_power_w(0.90, 0.35, 216e6, 1128.0) == pytest.approx(105_319, abs=1)
    assert rules.shadow_power_w(0.30, 0.35, 216e6, 1128.0) < 0.0


def test_what_must_flow_into_the_battery_in_time() -> None:
    """40 % to 80 % of 12 kWh in 75 min: 3.84 kW; never more than the battery takes; above the aim it may flow out."""
    assert rules.recharge_w(0.40, 0.80, 43.2e6, 4500.0, 1e9) == pytest.approx(3840.0)
    assert rules.recharge_w(0.40, 0.80, 43.2e6, 4500.0, 3000.0) == 3000.0
    assert rules.recharge_w(0.90, 0.80, 43.2e6, 4320.0, 3000.0) == pytest.approx(-1000.0)


def test_the_sun_s_power_is_what_the_payload_takes_and_what_is_left_over() -> None:
    assert rules.sun_power_w(100.0, 80.0, 10.0, 30.0, 4.0) == 60.0  # 20 too little for the battery
    assert rules.sun_power_w(60.0, 60.0, 10.0, 10.0, 4.0) == 60.0  # balanced: it stays
    assert rules.sun_power_w(60.0, 20.0, 30.0, 10.0, 4.0) == 64.0  # the payload idles: up by a step all the same
    assert rules.sun_power_w(60.0, 60.0, 50.0, 10.0, 4.0) == 100.0


def test_a_limit_stands_within_its_band_and_between_its_ends() -> None:
    held = [100.0]
    for wanted in (99.0, 97.9, 98.5, 96.5, 99.7, 120.0, -5.0):
        held.append(rules.held_limit(held[-1], wanted, 2.0, 100.0))
    assert held[1:] == [100.0, 97.9, 97.9, 97.9 if 97.9 - 96.5 <= 2.0 else 96.5, 97.9, 100.0, 0.0]


def test_power_cap_is_shared_by_rated_power() -> None:
    assert rules.group_power_cap_w(300.0, 200.0, 600.0) == 100.0
    assert rules.group_power_cap_w(900.0, 200.0, 600.0) == 200.0
    assert rules.group_power_cap_w(1.0, 0.0, 0.0) == 0.0


# ---- shadow and coolant -----------------------------------------------------------------------------------------


def test_the_shadow_is_seen_from_the_array_s_share_of_the_loads() -> None:
    """A curtailed array carries all loads; twilight in between changes nothing."""
    assert [rules.in_shadow(0, array, 100.0, 0.05, 0.2) for array in (100.0, 10.0, 4.9, 0.0)] == [0, 0, 1, 1]
    assert [rules.in_shadow(1, array, 100.0, 0.05, 0.2) for array in (0.0, 10.0, 20.1, 300.0)] == [1, 1, 0, 0]
    assert rules.in_shadow(0, math.nan, 100.0, 0.05, 0.2) == 0 and rules.in_shadow(0, 0.0, 0.0, 0.05, 0.2) == 0


def test_the_coolant_takes_power_away_in_proportion() -> None:
    shares = [rules.share_by_temperature(k, 334.0, 8.0, 0.6) for k in (320.0, 326.0, 328.0, 330.0, 334.0, 360.0)]
    assert shares == pytest.approx([1.0, 1.0, 0.9, 0.8, 0.6, 0.6])


def test_the_pump_follows_the_load_up_at_once_and_down_by_whole_steps() -> None:
    speeds = [1.0]
    for load in (0.95, 0.7, 0.65, 0.75, 0.0, 0.05, 1.2):
        speeds.append(rules.pump_speed(speeds[-1], load, 0.5, 0, 0.1))
    assert speeds[1:] == pytest.approx([1.0, 0.85, 0.85, 0.875, 0.5, 0.525, 1.0])
    assert rules.pump_speed(0.5, 0.0, 0.5, 1, 0.1) == 1.0


def test_a_state_between_its_limits_stays() -> None:
    assert [rules.band_state(s, v, 0.8, 0.9) for s in (0, 1) for v in (0.7, 0.85, 0.95)] == [1, 0, 0, 1, 1, 0]


# ---- under numba ------------------------------------------------------------------------------------------------

SAMPLES = [-0.5, 0.0, 0.05, 0.15, 0.2, 0.25, 0.29, 0.3, 0.5, 0.95, math.nan]
CALLS: dict[str, list[tuple[float, ...]]] = {
    "groups_shed": [
        (shed, held, 4, soc, budget, 0.3, 0.08, 0.2, 5, 60, 20, 1)
        for shed, held, soc, budget in itertools.product((0, 1, 4), (-59, 0, 4), SAMPLES, (-1, 0, 1))
    ],
    "charge_zone": [(zone, soc, 0.2, 0.1, 0.25) for zone in range(3) for soc in SAMPLES],
    "dwelled": [(state, wanted, held, 3, 1) for state in (0, 1) for wanted in (0, 1) for held in (0, 2)],
    "in_shadow": [(shadow, value, 1.0, 0.05, 0.2) for shadow in (0, 1) for value in SAMPLES],
    "band_state": [(state, value, 0.2, 0.3) for state in (0, 1) for value in SAMPLES],
    "shadow_power_w": [(soc, 0.35, 216e6, 1100.0) for soc in SAMPLES],
    "recharge_w": [(soc, 0.8, 216e6, 900.0, 3e4) for soc in SAMPLES],
    "sun_power_w": [(100.0, 80.0, 1e3 * x, 30.0, 4.0) for x in SAMPLES],
    "held_limit": [(held, 100.0 * x, 2.0, 50.0) for held in (0.0, 30.0, 50.0) for x in SAMPLES],
    "share_by_temperature": [(330.0 + 10.0 * x, 334.0, 8.0, 0.6) for x in SAMPLES],
    "pump_speed": [(speed, x, 0.5, warm, 0.1) for speed in (0.5, 1.0) for x in SAMPLES for warm in (0, 1)],
    "group_power_cap_w": [(total, 200.0, 600.0) for total in (-1.0, 0.0, 100.0, 600.0, 1e9)],
    "attitude_phase": [
        (phase, to_sun, body, 4.0 * body, 2.0, 3.0, x, 0.1, 0.5, 0.1 * x, 0.02)
        for phase, to_sun, body, x in itertools.product(range(5), (0, 1), (0.1, 0.9, 2.5, math.nan), SAMPLES)
    ],
    "unloads": [(unloading, x, 0.5, 0.2) for unloading in (0, 1) for x in SAMPLES],
    "missed_cycles": [(ns, 10**9) for ns in (0, 10**9, -(10**9), 3_600_000_000_000, 1_499_999_999, 1_500_000_001)],
}


def test_every_rule_is_compared() -> None:
    public = {name for name, value in vars(rules).items() if callable(value) and value.__module__ == rules.__name__}
    assert set(CALLS) == public


@pytest.mark.parametrize("name", sorted(CALLS))
def test_the_rules_compile_and_say_the_same(name: str) -> None:
    """The fleet runs these same functions under numba."""
    plain = getattr(rules, name)
    compiled = numba.njit(plain)
    for arguments in CALLS[name]:
        one, other = compiled(*arguments), plain(*arguments)
        assert one == other or (math.isnan(one) and math.isnan(other)), arguments
