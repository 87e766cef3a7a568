"""Checkpoints before it gets dangerous: once ahead of each predicted shadow, once at the edge of each passage through
the anomaly."""

from __future__ import annotations

import pytest

from node.fsw.managers.workload import CHECKPOINT
from tests.kits.fdir_kit import Board
from tests.node.test_power_manager import DARK_S, PERIOD_S, Craft, orbits

QUIET_GY_S, EDGE_GY_S, CORE_GY_S = 1e-9, 2e-7, 2e-6


class Jobs(Craft):
    """The same craft, with jobs that run, counting the checkpoints that they are told to take."""

    def __init__(self, active: float = 3.0) -> None:
        super().__init__(orbits)
        self.wish_w = 50e3
        self.board.set("jobs_active", active)
        self.checkpoints_s: list[int] = []

    def _obey(self, orders: list) -> None:  # type: ignore[type-arg]
        if any(order.device == "jobs" and order.what == "job" and order.value == CHECKPOINT for order in orders):
            self.checkpoints_s.append(self.time_s)
        super()._obey(orders)


def test_a_checkpoint_comes_once_ahead_of_each_predicted_shadow() -> None:
    craft = Jobs().fly(4 * PERIOD_S)
    third, fourth = (n * PERIOD_S - DARK_S for n in (3, 4))  # the first two teach length and period
    assert craft.checkpoints_s == pytest.approx([third - 240, fourth - 240], abs=15)
    assert craft.board.software.workload.state.checkpoints_ordered == 2


def test_the_lead_is_a_parameter_and_none_is_none() -> None:
    craft = Jobs()
    craft.board.command("parameter.set", parameter="workload.shadow_lead_s", value=0.0)
    assert craft.fly(3 * PERIOD_S).checkpoints_s == []
    early = Jobs()
    early.board.command("parameter.set", parameter="workload.shadow_lead_s", value=900.0)
    assert early.fly(3 * PERIOD_S).checkpoints_s == pytest.approx([3 * PERIOD_S - DARK_S - 900], abs=15)


def test_without_a_job_nothing_is_saved() -> None:
    assert Jobs(active=0.0).fly(3 * PERIOD_S).checkpoints_s == []


def orders(board: Board, dose_rates_gy_s: list[float]) -> list[int]:
    """Cycles in which all jobs are told to take a checkpoint."""
    board.set("jobs_active", 1.0)
    found = []
    for cycle, rate in enumerate(dose_rates_gy_s):
        board.set("dose_rate_gy_s", rate)
        board.orders.clear()
        board.run(1)
        if any(order.device == "jobs" and order.value == CHECKPOINT for order in board.orders):
            found.append(cycle)
    return found


def test_a_checkpoint_comes_once_at_the_edge_of_each_passage() -> None:
    passage = [EDGE_GY_S, 6e-8, EDGE_GY_S, CORE_GY_S, EDGE_GY_S, 6e-8, 4e-8]  # between half the limit and the limit
    board = Board("pathfinder").run(3)
    assert orders(board, [QUIET_GY_S] * 5 + passage + [QUIET_GY_S] * 5 + passage) == [5, 17]
    reported = [event for event, _ in board.events if event == "checkpoint_ordered"]
    assert len(reported) == 2


def test_a_dosimeter_that_is_silent_orders_nothing() -> None:
    board = Board("pathfinder").run(3)
    board.command("parameter.set", parameter="workload.radiation_gy_s", value=0.0)
    assert orders(board, [QUIET_GY_S, CORE_GY_S, CORE_GY_S]) == []
