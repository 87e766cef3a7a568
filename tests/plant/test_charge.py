"""Charge is never made: capacity that goes and comes back, overlapping faults, books of every step."""

from __future__ import annotations

import itertools
import math

import pytest

from node.plant.plant import Plant
from tests.kits.plant_kit import plant


def pathfinder(soc: float = 0.30) -> Plant:
    return plant("pathfinder", initial={"battery_soc": soc}, raan_deg=0.0)


def held(subject: Plant) -> float:
    """Charge that working cells hold, as a share of what they held new and full."""
    s, p = subject.state[0], subject.params[0]
    aged = 1.0 - math.sqrt(float(s["battery_group_calendar_loss2"][0])) - float(s["battery_group_cycle_loss"][0])
    assert p["battery_charge_c"] > 0
    return float(s["battery_group_soc"][0]) * float(s["battery_group_health"][0]) * aged


def step(subject: Plant, tick: int) -> None:
    """One tick; the books of charge close in it."""
    subject.step(tick, 1.0, {})
    assert abs(subject.read("battery_charge_residual_c")) < 1e-9 * subject.read("battery_held_c")


def test_the_end_of_a_capacity_fault_makes_no_charge() -> None:
    subject = pathfinder()
    for tick in range(300):
        step(subject, tick)
    before = held(subject)
    subject.state["battery_group_health"][0, 0] = 0.05
    step(subject, 300)
    assert held(subject) == pytest.approx(0.05 * before, rel=0.02)
    for tick in range(301, 1800):
        step(subject, tick)
    working = held(subject)
    subject.state["battery_group_health"][0, 0] = 1.0
    step(subject, 1800)
    assert held(subject) == pytest.approx(working + 0.95 * before, abs=2e-3)
    for tick in range(1801, 1860):
        step(subject, tick)


@pytest.mark.parametrize("order", list(itertools.permutations((0.5, 0.2, 0.9))))
def test_charge_never_rises_whatever_the_order_of_faults(order: tuple[float, ...]) -> None:
    subject = pathfinder(0.6)
    step(subject, 0)
    tick, before = 1, held(subject)
    for health in (*order, 1.0, *order[::-1], 0.01, 1.0):
        total = subject.read("battery_held_c")
        subject.state["battery_group_health"][0, 0] = health
        step(subject, tick)
        into = max(0.0, -subject.read("battery_current_a"))
        assert subject.read("battery_held_c") <= total + into + 1e-6 * total
        assert 0.0 <= subject.read("battery_group_soc[0]") <= 1.0
        tick += 1
    assert held(subject) == pytest.approx(before, abs=5e-3)  # all cells are back with what they held


def test_a_fault_before_the_first_step_takes_charge_away_and_brings_it_back() -> None:
    subject = pathfinder(0.5)
    subject.state["battery_group_health"][0, 0] = 0.5
    step(subject, 0)
    assert held(subject) == pytest.approx(0.25, abs=0.01)
    subject.state["battery_group_health"][0, 0] = 1.0
    step(subject, 1)
    assert held(subject) == pytest.approx(0.5, abs=0.01)


def test_a_battery_that_begins_worn_gains_nothing_when_it_is_mended() -> None:
    subject = plant("pathfinder", initial={"battery_soc": 0.5, "battery_group_health[0]": 0.8}, raan_deg=0.0)
    step(subject, 0)
    before = held(subject)
    subject.state["battery_group_health"][0, 0] = 1.0
    step(subject, 1)
    assert held(subject) == pytest.approx(before, abs=0.005)


def test_a_changed_capacity_is_no_cycle() -> None:
    subject = pathfinder(0.9)
    step(subject, 0)
    wear = subject.read("battery_group_cycle_loss[0]")
    for tick in range(1, 60):
        subject.state["battery_group_health"][0, 0] = 0.05 if tick % 2 else 1.0
        step(subject, tick)
    assert subject.read("battery_group_cycle_loss[0]") - wear < 1e-3


@pytest.mark.parametrize("how", ["order", "fault"])
def test_the_state_of_charge_is_that_of_what_is_on_the_bus(how: str) -> None:
    """A full group off the bus helps nobody: half of 0.9 and half of 0.3 is 0.6, without the first it is 0.3."""
    subject = pathfinder()
    subject.state["battery_group_soc"][0, :2] = (0.9, 0.3)
    step(subject, 0)
    assert subject.read("battery_soc") == pytest.approx(0.6, abs=1e-3)
    if how == "fault":
        subject.state["battery_group_connected"][0, 0] = 0.0
    else:
        subject.inputs["battery_group_open"][0, 0] = 1
    step(subject, 1)
    assert subject.read("battery_soc") == pytest.approx(0.3, abs=1e-3)
    assert subject.read("battery_group_soc[0]") == pytest.approx(0.9, abs=1e-3)
    if how == "fault":
        subject.state["battery_group_connected"][0, 1] = 0.0
        step(subject, 2)
        assert subject.read("battery_soc") == pytest.approx(0.6, abs=1e-3)  # nothing is on the bus: of all
