"""The FDIR table: every row fires on its reading and acts once, every danger is answered, and no row can be missed."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from bus.pus import Code
from node.assembly import equipment
from node.designs.load import SHIPPED, load_design
from node.devices.equipment import FdirRow
from node.fsw.modes import Mode
from tests.kits.fdir_kit import Board, Danger, answered, dangers, fault_free, wrong_value

FAST = ("pathfinder",)
SLOW = tuple(name for name in SHIPPED if name not in FAST)


def table(design: str) -> dict[str, FdirRow]:
    return {row.monitor: row for row in equipment(load_design(design)).fdir}


# ---- the table of each design -----------------------------------------------------------------------------------


@pytest.mark.parametrize("design", SHIPPED)
def test_every_row_fires_on_its_reading_and_does_its_action_once(design: str) -> None:
    rows, board = table(design), Board(design)
    for row in rows.values():
        if not row.reading:
            continue
        board.healthy()
        if row.modes and Mode.NOMINAL.name not in row.modes:
            assert board.command("mode.set", mode=row.modes[0]) is None
        confirmation, interval = round(row.confirmation_s), round(row.interval_s)
        if row.check == "delta":
            board.run(interval)  # a delta begins with a look that only remembers
            board.set(row.reading, row.high + 1.0 if row.high < math.inf else row.low)
        else:
            board.set(row.reading, wrong_value(row))
        before = board.cycles
        board.run(confirmation + interval)
        fired = [cycle for event, cycle in board.events if event == row.monitor]
        assert len(fired) == 1, row
        assert confirmation - interval < fired[0] - before <= confirmation + interval, row
        others = [rows[event] for event, _ in board.events if event in rows]
        assert {other.reading for other in others if other.reading} == {row.reading}, row
        assert board.heard("action_executed") == sum(bool(other.telecommand) for other in others), row
        assert board.software.event_action.state.actions_failed == 0, row


@pytest.mark.parametrize("design", SHIPPED)
def test_every_danger_is_answered(design: str) -> None:
    board = Board(design)
    for danger in dangers(load_design(design)):
        assert answered(board, danger), danger


@pytest.mark.parametrize("design", SHIPPED)
def test_rows_are_confirmed_before_damage_and_have_room_for_their_action(design: str) -> None:
    for row in table(design).values():
        assert row.criticality_s is None or row.confirmation_s < row.criticality_s, row
        assert row.deadline_s > row.confirmation_s, row


def readings_of(row: FdirRow, rows: dict[str, FdirRow]) -> set[str]:
    """What a row looks at, itself or by those that lead to it."""
    if row.reading:
        return {row.reading}
    below = row.of or tuple(other.monitor for other in rows.values() if other.escalate_to == row.monitor)
    return {reading for name in below for reading in readings_of(rows[name], rows)}


def everything_is_answered_without(design: str, monitor: str) -> bool:
    """Whether the dangers to what this monitor looks at are answered although it is gone."""
    rows = table(design)
    readings = readings_of(rows[monitor], rows)
    mine = [danger for danger in dangers(load_design(design)) if danger.reading in readings]
    board = Board(design, without=(monitor,))
    return all(answered(board, danger) for danger in mine)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "design", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)  # fmt: skip
def test_no_row_can_be_taken_out_unnoticed(design: str) -> None:
    unnoticed = [monitor for monitor in table(design) if everything_is_answered_without(design, monitor)]
    assert unnoticed == []


@pytest.mark.parametrize("design", SLOW)
def test_no_row_of_a_sample_can_be_taken_out_unnoticed(design: str) -> None:
    """Every 20th, from another one on in each design; all of them in the slow suite."""
    sample = list(table(design))[SLOW.index(design) * 3 :: 20]
    assert [monitor for monitor in sample if everything_is_answered_without(design, monitor)] == []


FLOWN = tuple(name for name in SHIPPED if name != "fleet")
"""Designs with a reference orbit."""


@pytest.mark.parametrize("design", [*FAST, *(pytest.param(d, marks=pytest.mark.slow) for d in FLOWN if d not in FAST)])
def test_no_monitor_fires_in_two_orbits_without_a_fault(design: str) -> None:
    assert fault_free(design, orbits=2.0) == []


@pytest.mark.parametrize("design", FLOWN)
def test_no_monitor_fires_in_eight_orbits_of_each_design(design: str) -> None:
    """56 node-orbits, with a tick that is long and therefore cheap."""
    assert fault_free(design, orbits=8.0, tick_s=10.0) == []


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize("design", FLOWN)
def test_no_false_alarm_in_a_thousand_node_orbits(design: str) -> None:
    """Of all designs together: nine days each, and each with other luck."""
    fired = [event for seed in range(9) for event in fault_free(design, orbits=16.0, tick_s=10.0, seed=seed)]
    assert fired == []


# ---- service 12 -------------------------------------------------------------------------------------------------

HOT = "accelerator.gpu.hot"
HOT_READING = "accelerator_temperature_k.gpu"


def test_a_finding_counts_only_after_its_repetitions_in_a_row() -> None:
    board = Board("pathfinder").run(3)
    for _ in range(5):
        board.set(HOT_READING, 400.0)
        board.run(1)
        board.set(HOT_READING, 300.0)
        board.run(1)
    assert board.heard(HOT) == 0 and board.software.monitoring.state.monitors_violated == 0
    board.set(HOT_READING, 400.0)
    board.run(2)
    assert board.heard(HOT) == 1 and board.software.monitoring.state.monitors_violated == 1
    board.set(HOT_READING, 300.0)
    board.run(2)
    assert board.software.monitoring.state.monitors_violated == 0


def test_the_event_comes_again_after_longer_and_longer_and_so_often_at_most() -> None:
    board = Board("pathfinder").run(3)
    board.set("lcl_state.payload", 3.0)
    board.run(1200)
    cycles = [cycle for event, cycle in board.events if event == "lcl.payload.open"]
    assert [b - a for a, b in pairwise(cycles)] == [60, 120, 240]
    assert board.heard("fdir_late") == 1


def test_a_reading_that_comes_and_goes_does_not_repeat_the_action() -> None:
    board = Board("pathfinder").run(3)
    for _ in range(10):
        board.set("thermal_temperature_k.host", 400.0)
        board.run(25)
        board.set("thermal_temperature_k.host", 300.0)
        board.run(25)
    assert board.heard("thermal.host.hot") == 1 and board.heard("action_executed") == 1


def test_what_a_stale_device_said_last_is_no_finding() -> None:
    board = Board("pathfinder").run(3)
    board.set("device_age_s.accelerators", 100.0)
    board.set(HOT_READING, 400.0)
    board.run(50)
    assert board.heard("device.accelerators.silent") == 2 and board.heard(HOT) == 0
    board.set("device_age_s.accelerators", 0.0)
    board.run(2)
    assert board.heard(HOT) == 1


def test_a_limit_is_changed_in_flight_and_holds_over_a_reboot() -> None:
    board = Board("pathfinder").run(3)
    monitor = HOT
    board.set(HOT_READING, 330.0)
    board.run(20)
    assert board.heard(HOT) == 0
    assert (
        board.command("monitoring.modify", monitor=monitor, check="limit", low=-1e15, high=320.0, repetition=3) is None
    )
    board.boot()
    board.run(2)
    assert board.heard(HOT) == 0
    board.run(1)
    assert board.heard(HOT) == 1
    assert board.orders[-1][:3] == ("accelerators", "enable", 0) or board.run(1).orders[-1].value == 0.0


def test_disabled_monitors_and_a_disabled_service_find_nothing() -> None:
    for name, arguments in (("monitoring.disable", True), ("monitoring.off", False)):
        board = Board("pathfinder").run(3)
        board.command(name, **({"monitor": HOT} if arguments else {}))
        board.set(HOT_READING, 400.0)
        board.run(20)
        assert board.heard(HOT) == 0
        board.command(name.replace("disable", "enable").replace("off", "on"),
                      **({"monitor": HOT} if arguments else {}))  # fmt: skip
        board.run(3)
        assert board.heard(HOT) == 1


def test_monitors_are_defined_and_deleted_in_flight() -> None:
    board = Board("pathfinder").run(3)
    spare, reading = "spare.1", "main_bus_voltage_v"
    definition = {"reading": reading, "check": "limit", "low": -1e15, "high": 30.0, "repetition": 2, "interval_s": 2.0}
    assert board.command("monitoring.add", monitor=spare, **definition) is None
    taken = board.command("monitoring.add", monitor=spare, **definition)
    assert isinstance(taken, tuple) and taken[0] is Code.REFUSED_BY_STATE
    board.set("main_bus_voltage_v", 31.0)
    board.run(10)
    assert board.heard("spare.1") == 0  # disabled at first
    assert board.command("monitoring.enable", monitor=spare) is None
    refused = board.command("monitoring.delete", monitor=spare)
    assert isinstance(refused, tuple) and refused[0] is Code.REFUSED_BY_STATE
    board.run(4)
    assert board.heard("spare.1") == 1
    board.command("monitoring.disable", monitor=spare)
    assert board.command("monitoring.delete", monitor=spare) is None
    missing = board.command("monitoring.enable", monitor=spare)
    assert isinstance(missing, tuple) and missing[0] is Code.REFUSED_BY_STATE
    assert board.software.monitoring.state.monitors_violated == 0


def test_limits_the_wrong_way_round_are_refused() -> None:
    board = Board("pathfinder").run(1)
    refused = board.command("monitoring.modify", monitor=HOT, check="limit", low=1.0, high=0.5, repetition=1)
    assert isinstance(refused, tuple) and refused[0] is Code.OUT_OF_RANGE


@pytest.mark.parametrize("check", ["limit", "expected", "delta"])
def test_each_check_finds_what_it_is_for(check: str) -> None:
    board = Board("pathfinder").run(3)
    spare, reading = "spare.2", "jobs_done"
    low, high = {"limit": (-1.0, 4.0), "expected": (0.0, 0.0), "delta": (-1e15, 2.0)}[check]
    board.command("monitoring.add", monitor=spare, reading=reading, check=check, low=low, high=high, repetition=1,
                  interval_s=1.0)  # fmt: skip
    board.command("monitoring.enable", monitor=spare)
    board.run(5)
    steps = {"limit": (4.0, 5.0), "expected": (0.0, 1.0), "delta": (2.0, 5.0)}[check]
    board.set("jobs_done", steps[0])
    board.run(3)
    assert board.heard("spare.2") == 0
    board.set("jobs_done", steps[1])
    board.run(3)
    assert board.heard("spare.2") == 1


def test_a_delta_that_is_passed_over_would_have_found_nothing() -> None:
    """Two boards, one of which looks at every delta that is due: the same findings, to the bit, in every cycle."""
    draw = Random(20261127)
    boards = [Board("pathfinder").run(3), Board("pathfinder").run(3)]
    passed_over = looked = 0
    for cycle in range(600):
        change, stale = draw.random() < 0.02, draw.random() < 0.3
        for board in boards:
            if change:
                board.set("lcl_trip_count.storage", float(cycle))
            board.set("device_age_s.pcdu", 99.0 if stale else 0.0)
        thorough = boards[1].software.monitoring._looks
        thorough._doubt = lambda: True
        now_ns = boards[0].software.on_board.time_ns + 10**9
        for board in boards:
            board.run(1)
        if now_ns % (10 * 10**9) == 0:
            looks = boards[0].software.monitoring._looks
            calm = sum(int((~np.isnan(deltas.quiet)).sum()) for deltas in looks._deltas.values())
            passed_over, looked = passed_over + calm, looked + 1
        assert boards[0].software.monitoring.save() == boards[1].software.monitoring.save(), cycle
        assert boards[0].events == boards[1].events
    assert passed_over > looked > 0 and boards[0].heard("lcl.storage.trip") > 0


def test_a_monitor_of_flight_software_s_own_value_sees_it_in_every_cycle() -> None:
    board = Board("pathfinder").run(3)
    spare, reading = "spare.1", "mode"
    board.command("monitoring.add", monitor=spare, reading=reading, check="expected", low=float(Mode.NOMINAL), high=0.0,
                  repetition=2, interval_s=1.0)  # fmt: skip
    board.command("monitoring.enable", monitor=spare)
    board.run(5)
    assert board.heard("spare.1") == 0
    board.command("recovery.mode", mode="SAFE")
    board.run(2)
    assert board.heard("spare.1") == 1


def test_a_snapshot_in_the_middle_of_a_count_goes_on_as_the_original() -> None:
    boards = Board("pathfinder").run(3), Board("pathfinder").run(3)
    for board in boards:
        board.set("battery_group_soc.battery_1", 0.05)
        board.set(HOT_READING, 400.0)
        board.run(1)
    saved = boards[0].software.save()
    boards[0].boot()
    boards[0].software.restore(saved)
    for board in boards:
        board.run(100)
    for name in ("monitoring", "event_action", "recovery", "payload"):
        one, other = (getattr(board.software, name).save() for board in boards)
        assert one == other, name
    assert [e for e in boards[0].events if e[0] != "booted"] == [e for e in boards[1].events if e[0] != "booted"]


# ---- service 19 -------------------------------------------------------------------------------------------------


def test_an_action_is_disabled_deleted_and_stored_anew_in_flight() -> None:
    board = Board("pathfinder").run(3)
    event = HOT
    assert board.command("event_action.disable", cause=event) is None
    board.set(HOT_READING, 400.0)
    board.run(5)
    assert board.heard(HOT) == 1 and board.heard("action_executed") == 0
    assert board.command("event_action.delete", cause=event) is None
    assert board.command("event_action.add", on_event=event, telecommand="recovery.mode", mode="SURVIVAL") is None
    assert board.command("event_action.enable", cause=event) is None
    board.boot()
    board.run(5)
    assert board.heard("action_executed") == 1 and board.software.modes.mode is Mode.SURVIVAL


def test_an_action_acts_while_the_report_of_its_event_is_off() -> None:
    board = Board("pathfinder").run(3)
    board.command("event.disable", event=HOT)
    board.set(HOT_READING, 400.0)
    board.run(5)
    assert board.heard("action_executed") == 1


def test_without_the_service_no_event_acts() -> None:
    board = Board("pathfinder").run(3)
    board.command("event_action.off")
    board.set(HOT_READING, 400.0)
    board.run(5)
    assert board.heard(HOT) == 1 and board.heard("action_executed") == 0


def test_an_action_that_the_mode_forbids_is_told_with_its_code() -> None:
    board = Board("pathfinder", mode=Mode.SAFE).run(3)
    event = HOT
    board.command("event_action.disable", cause=event)
    board.command("event_action.add", on_event=event, telecommand="payload.on")
    board.command("event_action.enable", cause=event)
    board.set(HOT_READING, 400.0)
    board.run(5)
    assert board.software.event_action.state.actions_failed == 1


# ---- limiters in order ------------------------------------------------------------------------------------------


def test_limiters_opened_by_undervoltage_are_closed_in_order_when_the_charge_is_good() -> None:
    board = Board("formation").run(3)
    design = load_design("formation")
    ordinary = [name for name, lcl in design.form.lcls.items() if lcl.kind == "lcl"]
    for name in ordinary:
        board.set(f"lcl_state.{name}", 5.0)
    board.set("battery_soc", 0.22)  # not yet good
    board.run(30)
    assert not [order for order in board.orders if order[:2] == ("pcdu", "lcl")]
    board.set("battery_soc", 0.4)
    closed: list[str] = []
    for _ in range(200):
        known = len(board.orders)
        board.run(1)
        for order in board.orders[known:]:
            if order[:2] == ("pcdu", "lcl") and order.value == 1.0:
                closed.append(design.lcls[order.element])
                board.set(f"lcl_state.{closed[-1]}", 1.0)
    assert closed == sorted(ordinary, key=lambda name: (design.form.lcls[name].priority, design.lcls.index(name)))
    assert board.heard("lcl_rearmed") == len(ordinary)


def test_a_limiter_that_somebody_switched_off_stays_off() -> None:
    board = Board("pathfinder").run(3)
    board.set("battery_soc", 0.2)
    board.set("lcl_state.payload", 5.0)
    board.run(5)
    board.set("lcl_state.payload", 0.0)
    board.set("battery_soc", 0.9)
    board.run(20)
    assert not [order for order in board.orders if order[:2] == ("pcdu", "lcl")]


def test_the_kit_knows_dangers_that_nobody_answers() -> None:
    assert not answered(Board("pathfinder"), Danger("gnss_position_teme_m.x", 1e9, "told"))
