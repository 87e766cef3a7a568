"""Parameter statistics, service 4: least, greatest, mean and spread of chosen readings, taken in every cycle.

What is chosen, and what was found so far, is in RAM: a boot begins with nothing chosen. Without a choice a cycle costs
nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from bus.pus import Code, Service
from node.fsw.component import Arg, Component, Failure, OnBoard, Report, telecommand
from node.fsw.datapool import Layout
from node.fsw.services.st03_housekeeping import next_due
from node.fsw.services.st15_storage import Storage

CAPACITY = 32
"""Readings that can be chosen [A]."""
_READING = Arg("reading", "enum", "reading of a device", labels=lambda words: words.readings)


@dataclass(slots=True)
class Figures:
    """Of one reading. squares: sum of squared differences from the mean (Welford 1962)."""

    samples: int = 0
    least: float = math.inf
    greatest: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0

    def take(self, value: float) -> None:
        """One more sample."""
        self.samples += 1
        self.least, self.greatest = min(self.least, value), max(self.greatest, value)
        difference = value - self.mean
        self.mean += difference / self.samples
        self.squares += difference * (value - self.mean)


@dataclass(slots=True)
class State:
    """Figures by the reading's number among the labels. interval_ns: 0 where nothing comes by itself."""

    figures: dict[int, Figures] = field(default_factory=dict)
    since_ns: int = 0
    interval_ns: int = 0
    due_ns: int = 0


class Statistics(Component):
    """Samples, and reports TM[4,2], a packet a reading."""

    name = "statistics"
    state: State

    REPORT = Report(
        1004, "statistics_report", Service.STATISTICS, 2,
        (
            Arg("statistics_reading", "enum", "Reading", labels=lambda words: words.readings),
            Arg("statistics_span_s", "float", "Time since the figures were reset", "s"),
            Arg("statistics_samples", "int", "Samples taken"),
            Arg("statistics_least", "float", "Least of them, in the reading's unit"),
            Arg("statistics_greatest", "float", "Greatest of them"),
            Arg("statistics_mean", "float", "Their mean"),
            Arg("statistics_deviation", "float", "Their standard deviation"),
        ),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, storage: Storage, readings: tuple[str, ...]) -> None:
        super().__init__(on_board, State())
        self._storage = storage
        self._positions = [layout.index[name] for name in readings]

    def cycle(self) -> None:
        """Take a sample of what is chosen."""
        state = self.state
        if not state.figures:
            return
        pool, now_ns = self.on_board.state.pool, self.on_board.time_ns
        for reading, figures in state.figures.items():
            figures.take(pool.item(self._positions[reading]))
        if state.interval_ns and now_ns >= state.due_ns:
            state.due_ns = next_due(state.due_ns, state.interval_ns, now_ns)
            self.report_now()

    @telecommand("statistics.report", Service.STATISTICS, 1, "Report the statistics of all chosen readings")
    def report_now(self) -> Failure:
        """TC[4,1] report the parameter statistics."""
        state = self.state
        span_s = (self.on_board.time_ns - state.since_ns) / 1e9
        for reading, figures in state.figures.items():
            if figures.samples:
                deviation = math.sqrt(figures.squares / figures.samples)
                self._storage.report(
                    self.REPORT, reading, span_s, figures.samples, figures.least, figures.greatest, figures.mean,
                    deviation,
                )  # fmt: skip
        return None

    @telecommand("statistics.reset", Service.STATISTICS, 3, "Begin the statistics anew, with the same readings")
    def reset(self) -> Failure:
        """TC[4,3] reset the parameter statistics."""
        self.state.figures = {reading: Figures() for reading in self.state.figures}
        self.state.since_ns = self.on_board.time_ns
        return None

    @telecommand(
        "statistics.enable", Service.STATISTICS, 4, "Report the statistics by themselves",
        Arg("interval_s", "float", "time between two reports", "s", 1.0, 86_400.0),
    )  # fmt: skip
    def enable(self, interval_s: float) -> Failure:
        """TC[4,4] enable the periodic parameter statistics reporting, counted from now."""
        self.state.interval_ns = round(interval_s * 1e9)
        self.state.due_ns = self.on_board.time_ns + self.state.interval_ns
        return None

    @telecommand("statistics.disable", Service.STATISTICS, 5, "Report the statistics on request only")
    def disable(self) -> Failure:
        """TC[4,5] disable the periodic parameter statistics reporting."""
        self.state.interval_ns = 0
        return None

    @telecommand("statistics.add", Service.STATISTICS, 6, "Take statistics of a reading, from now on", _READING)
    def add(self, reading: int) -> Failure:
        """TC[4,6] add or update parameter statistics definitions."""
        if reading not in self.state.figures and len(self.state.figures) >= CAPACITY:
            return Code.FULL, f"{CAPACITY} readings are chosen"
        if not self.state.figures:
            self.state.since_ns = self.on_board.time_ns
        self.state.figures[reading] = Figures()
        return None

    @telecommand("statistics.delete", Service.STATISTICS, 7, "Take no statistics of a reading any more", _READING)
    def delete(self, reading: int) -> Failure:
        """TC[4,7] delete parameter statistics definitions."""
        if self.state.figures.pop(reading, None) is None:
            return Code.NO_SUCH_ENTRY, f"{len(self.state.figures)} readings are chosen, not this one"
        return None
