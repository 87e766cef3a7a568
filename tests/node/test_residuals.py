"""What the design's figures say against what is read: batteries, heat, chips, links, torques. Each finds its fault,
names the part where it can, and is silent on a good day."""

from __future__ import annotations

import pytest

from node.designs.load import load_design
from node.fsw.managers.heat import BEGUN_S, STUCK_K
from tests.node.test_full_load import fly
from tests.node.test_watch import LOOK, SEEN, listening, rows, watching

SLOW_SEEN = 2 * SEEN
"""Cycles for what is looked at every other time."""

LONG = round(BEGUN_S) + 16 * LOOK
"""Cycles after which everything is judged."""


@pytest.mark.parametrize(
    ("amps", "named"),
    [
        ((10.0, 10.0), []),
        ((-3.0, -3.2), []),
        ((10.0, 0.0), [1]),
        ((-0.5, -1.5), [0]),
        ((2.0, -2.0), [1]),
    ],
)
def test_a_group_that_does_not_share_the_current_is_named(amps: tuple[float, float], named: list[int]) -> None:
    board = watching()
    heard = listening(board)
    for group, current in enumerate(amps, 1):
        board.set(f"battery_group_current_a.battery_{group}", current)
    board.run(SLOW_SEEN)
    assert heard.get("battery_group_apart", []) == named
    assert rows(board) == (["battery.apart"] if named else [])
    assert board.heard("action_executed") == len(named), "work is saved"


def test_a_group_that_was_taken_off_the_bus_need_not_share() -> None:
    board = watching()
    assert board.command("battery.group", group="battery_2", on=False) is None
    board.set("battery_group_current_a.battery_1", 20.0)
    board.run(SLOW_SEEN)
    assert "battery.apart" not in rows(board)


@pytest.mark.parametrize(("share", "found"), [(1.0, False), (2.0, True)])
def test_charge_goes_as_the_current_says_or_cells_are_lost(share: float, found: bool) -> None:
    """10 A out of a group of 600 Wh at 30.06 V (the mean of its curve times eight) are 1/7185 of it a second."""
    board = watching()
    heard = listening(board)
    for group in (1, 2):
        board.set(f"battery_group_current_a.battery_{group}", 10.0)
    full_c = board.equipment.battery_charge_c / 2.0
    mean_v = 8.0 * (0.5 * (3.00 + 4.19) + 3.45 + 3.55 + 3.61 + 3.65 + 3.70 + 3.79 + 3.88 + 3.98 + 4.08) / 10.0
    assert full_c == pytest.approx(600.0 * 3600.0 / mean_v)
    for second in range(200):
        board.set("battery_group_soc.battery_1", 0.9 - 10.0 * second / full_c)
        board.set("battery_group_soc.battery_2", 0.9 - share * 10.0 * second / full_c)
        board.run(1)
    assert heard.get("battery_group_apart", []) == ([1] if found else [])


def test_the_gauge_of_the_whole_is_never_outside_of_its_groups() -> None:
    board = watching()
    board.set("battery_soc", 0.88)
    assert rows(board.run(SLOW_SEEN)) == []
    board.set("battery_soc", 0.80)
    assert rows(board.run(SLOW_SEEN)) == ["battery_soc.apart"]


def test_balances_close_on_the_plant_s_own_heat() -> None:
    """Without light from outside nothing is left of a balance: truth and design agree."""
    state = fly("pathfinder", 900).software.heat.state
    names = load_design("pathfinder").thermal_nodes
    left_w = dict(zip(names, state.slow_w.tolist(), strict=True))
    assert abs(left_w["host"]) < 10.0 and abs(left_w["cold_plate"]) < 15.0
    assert 0.0 < left_w["radiator_1"] < 200.0


def test_a_part_that_warms_without_a_reason_is_named() -> None:
    board = watching()
    heard = listening(board)
    names = load_design("pathfinder").thermal_nodes
    board.run(LONG)
    assert "heat_unbalanced" not in heard
    for second in range(90):
        board.set("thermal_temperature_k.cold_plate", 293.15 + 0.1 * second)
        board.run(1)
    assert names.index("cold_plate") in heard["heat_unbalanced"] and "heat.unbalanced" in rows(board)


def test_the_shadow_and_a_turn_are_no_imbalance() -> None:
    board = watching()
    heard = listening(board)
    board.run(LONG)
    board.set("sun_intensity", 1.0)
    board.run(LOOK)
    for second in range(90):
        board.set("thermal_temperature_k.radiator_1", 293.15 + 0.1 * second)
        board.run(1)
    assert "heat_unbalanced" not in heard


@pytest.mark.parametrize("ordered", [False, True])
def test_a_heater_that_stays_on_is_named_unless_it_was_ordered(ordered: bool) -> None:
    board = watching()
    heard = listening(board)
    if ordered:
        assert board.command("thermal.heater", heater="battery_heater", order="on") is None
    off_k = load_design("pathfinder").form.heaters["battery_heater"].off_above
    board.set("heater_state.battery_heater", 1.0)
    board.set("thermal_temperature_k.battery", off_k + 0.5 * STUCK_K)
    board.run(SLOW_SEEN)
    assert "heater_stuck_on" not in heard
    board.set("thermal_temperature_k.battery", off_k + 2.0 * STUCK_K)
    board.run(SLOW_SEEN)
    assert heard.get("heater_stuck_on", []) == ([] if ordered else [0])


@pytest.mark.parametrize(
    ("more_w", "colder_k", "event"),
    [(0.0, 0.0, ""), (20.0, 0.0, "group_wasteful"), (0.0, 8.0, "group_warm")],
)
def test_chips_take_what_their_work_explains_and_are_warm_by_that(more_w: float, colder_k: float, event: str) -> None:
    """Half of an H100's work at 60 degC: 70 + 240 + 55 + 40 W, 350 of them in the die: 14 K over its plate."""
    board = watching()
    heard = listening(board)
    for name, value in {
        "accelerator_state": 3.0, "accelerator_rate": 0.5, "accelerator_clock_fraction": 1.0,
        "accelerator_temperature_k": 333.15, "accelerator_power_w": (405.0 + more_w) / 0.93,
    }.items():  # fmt: skip
        board.set(f"{name}.gpu", value)
    board.set("thermal_temperature_k.cold_plate", 333.15 - 14.0 - colder_k)
    board.run(LONG)
    named = {name: parts for name, parts in heard.items() if name.startswith("group_w")}
    assert named == ({event: [0]} if event else {})


def test_a_link_that_loses_light_or_stands_no_more_is_named() -> None:
    board = watching("formation")
    heard = listening(board)
    board.run(SEEN)
    assert "isl_lost" not in heard, "it never stood"
    board.set("isl_state.fore", 4.0)
    board.set("isl_margin_db.fore", 39.5)  # 5 W less 3 dB over 0.24 mW: 40.2 dB
    board.set("isl_range_m.fore", 1000.0)
    board.run(SEEN)
    board.set("isl_margin_db.fore", 33.5)
    board.set("isl_range_m.fore", 2.0 * board.equipment.isl_near_m)  # twice the range, a quarter of the light
    board.run(SEEN)
    assert heard == {}
    board.set("isl_margin_db.fore", 32.0)
    board.run(SEEN)
    board.set("isl_state.fore", 0.0)
    board.run(SEEN)
    assert (heard["isl_weak"], heard["isl_lost"]) == ([0], [0])
    assert {"isl.weak", "isl.lost"} <= set(rows(board))


def test_a_torque_from_nowhere_shows_in_the_momentum_of_body_and_wheels() -> None:
    board = watching()
    board.run(70)
    axes, before = board.equipment.body.wheel_axes, rows(board)
    for wheel, axis in enumerate(axes):
        board.set(f"wheel_momentum_n_m_s.{wheel}", 0.1 * axis[0])
    board.run(130)
    assert before == [] and "torque.unexplained" in rows(board)


@pytest.mark.parametrize(("light", "found"), [(0.0, ["pointing.loose"]), (1.0, [])])
def test_an_attitude_that_is_held_less_well_is_told_and_another_light_is_not(light: float, found: list[str]) -> None:
    board = watching()
    board.set("pointing_error_rad", 1e-4)
    board.run(LONG)
    board.set("sun_intensity", light)
    board.set("pointing_error_rad", 8e-4)
    board.run(12 * LOOK)
    assert [name for name in rows(board) if name == "pointing.loose"] == found


@pytest.mark.parametrize(("limiter", "named"), [(1.0, [0]), (3.0, None)])
def test_a_group_that_is_off_against_its_orders_is_named(limiter: float, named: list[int] | None) -> None:
    board = watching()
    heard = listening(board)
    board.run(SLOW_SEEN)
    assert "group_shut_down" not in heard
    board.set("accelerator_state.gpu", 0.0)
    board.set("lcl_state.payload", limiter)
    board.run(SLOW_SEEN)
    assert heard.get("group_shut_down") == named


@pytest.mark.parametrize("told", [False, True])
def test_work_that_is_lost_while_no_chip_tells_why_was_lost_by_its_host(told: bool) -> None:
    board = watching()
    board.run(LOOK)
    board.set("job_lost_total_s", 300.0)
    if told:
        board.set("accelerator_xid_count.gpu", 1.0)
    board.run(30)
    assert ("host.crashed" in rows(board)) is not told and "hosts.lost_work" in rows(board)


def test_a_carrier_that_falls_at_once_is_told_and_a_pass_is_not() -> None:
    board = watching()
    board.set("radio_contact", 1.0)
    for look in range(40):
        board.set("radio_uplink_received", float(look))
        board.set("radio_uplink_cn0_dbhz", 70.0 - 0.3 * look)
        board.run(LOOK)
    assert "radio.faded" not in rows(board)
    board.set("radio_uplink_cn0_dbhz", 48.0)
    board.run(SEEN)
    assert "radio.faded" in rows(board)
