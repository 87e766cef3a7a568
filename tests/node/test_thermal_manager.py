"""The thermal manager: limits from the coolant, hot groups and a standing pump within seconds, the pump by load."""

from __future__ import annotations

import math

import pytest

from node.designs.load import load_design
from node.fdir.rules import coolant_hot_k
from tests.kits.fdir_kit import Board
from tests.kits.plant_kit import fly, plant

HOT_K = coolant_hot_k(load_design("ai1-june"))
SLOWDOWN_K = 362.15
PUMP = ("thermal-controller", "pump_speed", 0)


def board(design: str = "ai1-june") -> Board:
    made = Board(design).run(3)
    made.orders.clear()
    return made


def total_w(made: Board) -> float:
    return sum(made.equipment.accelerator_group_power_w)


def caps_w(made: Board) -> list[float]:
    found = {order.element: order.value for order in made.orders if order[:2] == ("accelerators", "power_cap")}
    return [found[group] for group in sorted(found)]


def pump_orders(made: Board) -> list[float]:
    return [order.value for order in made.orders if order[:3] == PUMP]


# ---- coolant ----------------------------------------------------------------------------------------------------


def test_hot_coolant_is_the_design_s_own_figure() -> None:
    """92 degC at shutdown, 1,800 W less 330 W of memory over 0.016 K/W; a plate with eight of them at 93 % and 2.5 kW
    of hosts, in a share of 4 kg/s of water-glycol: 13.5 K. Together 55.0 degC. Heat pipes have no coolant."""
    through = 4.0 * 3600.0 * 0.102222222
    plate_k = (8 * 1800.0 / 0.93 + 2500.0) / (through * (1.0 - math.exp(-3500.0 / through)))
    assert pytest.approx(92.0 - 1470.0 * 0.016 - plate_k + 273.15) == HOT_K == pytest.approx(55.0 + 273.15, abs=0.1)
    assert Board("formation").equipment.coolant_hot_k == 0.0


def test_hot_coolant_is_what_the_plant_says() -> None:
    """At rated power the hottest die stands as far over the coolant as it may when that is at its limit. Clocks that
    are below the highest leave more to the die and less to the memory: 0.2 K."""
    flown = fly(plant("sunrise"), 600)
    dies_k = flown.state[0]["accelerator_temperature_k"][: len(load_design("sunrise").form.accelerators)]
    rise_k = float(dies_k.max()) - float(flown.read("coolant_supply_temperature_k"))
    assert coolant_hot_k(load_design("sunrise")) == pytest.approx(92.0 + 273.15 - rise_k, abs=0.4)


@pytest.mark.parametrize(("above_k", "share"), [(-7.5, 1.0), (-7.0, 1.0), (-4.0, 0.65), (-1.0, 0.3), (10.0, 0.3)])
def test_the_limit_falls_in_proportion_over_the_band(above_k: float, share: float) -> None:
    made = board()
    made.set("coolant_supply_temperature_k", HOT_K + above_k)
    made.run(4)
    assert made.software.thermal.state.thermal_limit_w == pytest.approx(share * total_w(made), rel=1e-6)
    if share < 1.0 and above_k < 0.0:
        assert caps_w(made) == pytest.approx([share * w for w in made.equipment.accelerator_group_power_w])


def test_the_limit_does_not_follow_the_noise_of_a_sensor() -> None:
    made = board()
    made.set("coolant_supply_temperature_k", HOT_K - 4.0)
    made.run(4)
    made.orders.clear()
    for cycle in range(200):
        made.set("coolant_supply_temperature_k", HOT_K - 4.0 + (0.15 if cycle % 2 else -0.15))
        made.run(1)
    assert caps_w(made) == []
    made.set("coolant_supply_temperature_k", HOT_K - 20.0)
    made.run(4)
    assert caps_w(made) == [0.0] * 9, "no limit any more"


def test_designs_without_a_loop_have_no_limit_from_a_coolant() -> None:
    made = board("formation")
    made.set("coolant_supply_temperature_k", 400.0)
    made.set("pump_speed_fraction", 0.0)
    made.run(20)
    assert made.software.thermal.state.thermal_limit_w == total_w(made) and not pump_orders(made)


def test_a_stale_controller_leaves_limit_and_pump_as_they_are() -> None:
    made = board()
    made.set("coolant_supply_temperature_k", HOT_K - 4.0)
    made.run(4)
    limit_w = made.software.thermal.state.thermal_limit_w
    reading = made.readings[made.software.acquisition.number("thermal-controller")]
    reading.age_ticks = 1000
    made.set("coolant_supply_temperature_k", HOT_K - 20.0)
    made.run(20)
    assert made.software.thermal.state.thermal_limit_w == limit_w < total_w(made)


# ---- within seconds ---------------------------------------------------------------------------------------------


def test_a_pump_that_stands_leaves_the_payload_its_least_within_seconds() -> None:
    made = board()
    made.set("pump_speed_fraction", 0.05)
    made.run(8)
    lowest_w = made.equipment.accelerator_group_lowest_w
    assert made.software.thermal.state.pump_stands == 1
    assert made.software.thermal.state.thermal_limit_w == pytest.approx(sum(lowest_w))
    assert caps_w(made) == pytest.approx(list(lowest_w))
    made.set("pump_speed_fraction", 1.0)
    made.run(8)
    assert made.software.thermal.state.thermal_limit_w == total_w(made)


@pytest.mark.parametrize("reading", ["accelerator_temperature_k.tpu_3", "hbm_temperature_k.tpu_3"])
def test_a_group_that_is_too_hot_gets_its_least_power_within_two_looks(reading: str) -> None:
    made = board("formation")
    limit_k = SLOWDOWN_K if reading.startswith("accelerator") else 368.15
    made.set(reading, limit_k - 0.6)
    made.run(10)
    assert made.heard("group_hot") == 0
    made.set(reading, limit_k - 0.4)
    made.run(3)
    assert made.heard("group_hot") == 1 and made.software.thermal.state.hot_groups == 0b100
    assert caps_w(made) == [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert made.heard("accelerator.tpu_3.hot") == 0, "before FDIR"
    made.set(reading, limit_k - 4.9)
    made.run(100)
    assert made.software.thermal.state.hot_groups == 0b100, "not cool enough"
    made.set(reading, limit_k - 5.1)
    made.run(25)
    assert made.software.thermal.state.hot_groups == 0b100, "not long enough"
    made.run(10)
    assert made.heard("groups_cool") == 1 and caps_w(made) == [0.0] * 8


# ---- the pump ---------------------------------------------------------------------------------------------------


def test_the_pump_s_speed_follows_the_payload() -> None:
    made = board()
    for share, speed in ((0.0, 0.5), (0.5, 0.75), (1.0, 1.0), (0.85, 1.0), (0.7, 0.85)):
        made.set("payload_power_w", share * total_w(made))
        made.run(3)
        assert made.software.thermal.state.pump_ordered == pytest.approx(speed), share
    made.set("coolant_supply_temperature_k", HOT_K - 6.5)
    made.run(3)
    assert made.software.thermal.state.pump_ordered == 1.0, "warm: all of it"
    made.set("coolant_supply_temperature_k", HOT_K - 12.0)
    made.run(3)
    assert made.software.thermal.state.pump_ordered == 1.0
    made.set("coolant_supply_temperature_k", HOT_K - 13.5)
    made.run(3)
    assert made.software.thermal.state.pump_ordered == pytest.approx(0.85)


def test_the_ground_sets_the_pump_until_it_leaves_it_to_the_load_again() -> None:
    made = board()
    assert made.command("thermal.pump", speed_fraction=0.3) is None
    made.set("payload_power_w", total_w(made))
    made.run(10)
    assert pump_orders(made)[-1] == 0.3
    made.boot()
    made.orders.clear()
    made.run(10)
    assert pump_orders(made) == [0.3], "it survives a reboot"
    assert made.command("thermal.pump_by_load") is None
    made.run(3)
    assert pump_orders(made)[-1] == 1.0


def test_heaters_are_left_to_their_thermostats_unless_they_are_ordered() -> None:
    made = board()
    for node in made.equipment.thermal_nodes:
        made.set(f"thermal_temperature_k.{node}", 290.0)
    made.run(50)
    assert not [order for order in made.orders if order.what == "heater"]
