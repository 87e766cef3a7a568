"""The counts of service levels on board, against sums by hand: rates, groups of unequal size, silence, reboots."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.assembly import equipment
from node.designs.load import load_design
from node.devices.definitions import ACCELERATOR_STATES
from node.fsw.managers.levels import KEPT_EVERY, State
from tests.kits.fdir_kit import Board

OFF, IDLE, RUN, ECC, FAILED = (
    float(ACCELERATOR_STATES.index(word)) for word in ("off", "idle", "run", "ecc_pending", "failed")
)


@pytest.fixture
def board() -> Board:
    """`formation`, its first group with 72 accelerators and the seven others with 8 each: 128 in all."""
    found = Board("formation")
    sizes = (72.0, *(8.0,) * 7)
    found.config = replace(found.config, equipment=replace(found.config.equipment, accelerator_group_chips=sizes))
    found.boot()
    return found


def read(board: Board, rates: dict[str, float], states: dict[str, float], otherwise: float, power_w: float) -> None:
    for name in board.equipment.accelerator_groups:
        board.set(f"accelerator_rate.{name}", rates.get(name, 0.0))
        board.set(f"accelerator_state.{name}", states.get(name, otherwise))
    board.set("payload_power_w", power_w)


def counted(board: Board) -> State:
    return board.software.levels.state


def test_work_energy_and_ready_time_by_hand(board: Board) -> None:
    read(board, {}, {}, OFF, 0.0)
    board.run(100)
    read(board, {"tpu_1": 60.5, "tpu_2": 2.0}, {"tpu_1": RUN}, IDLE, 4000.0)
    board.run(3600)
    read(board, {"tpu_2": 4.0}, {"tpu_1": FAILED}, ECC, 1000.0)
    board.run(1800)
    state = counted(board)
    assert state.levels_counted_s == pytest.approx(5500.0)
    assert state.accelerator_work_s == pytest.approx(62.5 * 3600.0 + 4.0 * 1800.0)
    assert state.payload_energy_j == pytest.approx(4000.0 * 3600.0 + 1000.0 * 1800.0)
    assert state.accelerator_ready_s == pytest.approx(3600.0 + 56.0 / 128.0 * 1800.0)


def test_readings_that_do_not_come_are_not_counted(board: Board) -> None:
    read(board, {"tpu_1": 8.0}, {}, RUN, 4000.0)
    board.run(600)
    device = board.place["payload_power_w"][0]
    fresh = board.readings[device]
    board.readings[device] = replace(fresh, age_ticks=1000)
    board.run(600)
    board.readings[device] = fresh
    board.run(600)
    lost_s = 1800.0 - counted(board).levels_counted_s
    assert 580.0 <= lost_s <= 600.0  # a device is silent for some seconds before it counts as that
    assert counted(board).accelerator_work_s == pytest.approx(8.0 * (1800.0 - lost_s))


def test_a_reboot_costs_at_most_what_was_not_kept(board: Board) -> None:
    read(board, {"tpu_1": 8.0}, {}, RUN, 4000.0)
    board.run(KEPT_EVERY * 10 * 3 + 50)
    before = counted(board).levels_counted_s
    board.boot()
    assert counted(board).levels_counted_s == pytest.approx(KEPT_EVERY * 10 * 3)
    assert counted(board).levels_counted_s < before
    kept_s = counted(board).levels_counted_s
    board.run(100)
    assert counted(board).levels_counted_s == pytest.approx(kept_s + 100)


def test_every_design_says_how_many_accelerators_a_group_has() -> None:
    assert equipment(load_design("sc3")).accelerator_group_chips == (8.0,) * 16
