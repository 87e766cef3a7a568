"""Time management, service 9: time reports TM[9,2] for the ground to compare with its own clock, and the clock set.

The standard sets the rate of the reports, TC[9,1], as a power of two, and leaves the setting of time to the mission:
here it is a function. A report that waited in the store would say nothing about now, so they are made in contact only.
"""

from __future__ import annotations

from dataclasses import dataclass

from bus.pus import Service
from node.fsw.component import Arg, Component, Failure, OnBoard, Report, function, telecommand, telemetered
from node.fsw.datapool import Layout
from node.fsw.services.st15_storage import Storage

CLOCK = "clock"
LONGEST_S = 3.2e8
"""Ten years: no mission of ours is longer."""


@dataclass(slots=True)
class State:
    """The rate, and when the next report is due."""

    time_report_rate: int = telemetered("int", "Time reports come every 2 to this power seconds", default=4, kept=True)
    time_reports: int = telemetered("int", "Time reports made")
    due_ns: int = 0


class TimeManagement(Component):
    """The clock as the ground sees it and sets it."""

    name = "time"
    state: State

    REPORT = Report(
        1009, "time_report", Service.TIME, 2,
        (
            Arg("time_report_exponent", "int", "The rate at which these reports come: every 2 to this power seconds"),
            Arg("time_reported_s", "float", "On-board time since the epoch", "s"),
        ),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, storage: Storage) -> None:
        super().__init__(on_board, State())
        self._storage = storage
        self._contact = layout.index["radio_contact"]

    def cycle(self) -> None:
        """Report if it is due, in contact."""
        now_ns, state, memory = self.on_board.time_ns, self.state, self.on_board.state
        if now_ns < state.due_ns:
            return
        interval_ns = 10**9 << state.time_report_rate
        state.due_ns = now_ns - now_ns % interval_ns + interval_ns
        if memory.pool.item(self._contact):
            state.time_reports += 1
            self._storage.report(self.REPORT, state.time_report_rate, memory.obt_ns / 1e9)

    @telecommand(
        "time.report_rate", Service.TIME, 1, "Set how often a time report comes in contact",
        Arg("exponent", "int", "every 2 to this power seconds, at least every cycle", low=0, high=8),
    )  # fmt: skip
    def set_rate(self, exponent: int) -> Failure:
        """TC[9,1] set the time report generation rate; survives a reboot."""
        self.state.time_report_rate = exponent
        self.state.due_ns = 0
        self.keep()
        return None

    @function(
        "time.set", 50, "Set the on-board clock; the schedule and all stamps follow it",
        Arg("time_s", "float", "what it shall show now, since the epoch", "s", 0.0, LONGEST_S), hazardous=True,
    )  # fmt: skip
    def set(self, time_s: float) -> Failure:
        """The clock steps at the end of this cycle; the next one notices and says so."""
        self.on_board.order(CLOCK, "step", 0, time_s - self.on_board.state.obt_ns / 1e9)
        return None
