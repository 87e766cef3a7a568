"""Counters of the equipment that should not move: looked at now and then, and reported where they did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bus.pus import Severity
from node.fsw.component import Arg, Component, Event, OnBoard
from node.fsw.datapool import Layout

INTERVAL_NS = 10 * 10**9
"""Between two looks [A]."""


@dataclass(slots=True)
class State:
    """What was seen last; nothing before the first look."""

    due_ns: int = INTERVAL_NS
    seen: list[float] | None = None


class Watch(Component):
    """Trips of limiters, errors of accelerators."""

    name = "watch"
    state: State

    LCL_TRIPPED = Event(
        8, "lcl_tripped", Severity.MEDIUM, "A current limiter tripped",
        (
            Arg("lcl", "enum", "current limiter", labels=lambda words: words.equipment.lcls),
            Arg("trips", "int", "trips so far"),
        ),
    )  # fmt: skip
    ACCELERATOR_ERROR = Event(
        9, "accelerator_error", Severity.MEDIUM, "An accelerator group reports an error",
        (
            Arg("group", "enum", "accelerator group", labels=lambda words: words.equipment.accelerator_groups),
            Arg("xid", "int", "the error's number"),
        ),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout) -> None:
        super().__init__(on_board, State())
        trips = [p for p in layout.index if p.startswith("lcl_trip_count.")]
        errors = [p for p in layout.index if p.startswith("accelerator_xid_count.")]
        self._trips = len(trips)
        self._counters = np.array([layout.index[p] for p in (*trips, *errors)], dtype=np.intp)
        self._last_error = [layout.index[p.replace("_count", "")] for p in errors]

    def cycle(self) -> None:
        """Compare with the last look; the first look only remembers."""
        state, memory = self.state, self.on_board.state
        if self.on_board.time_ns < state.due_ns:
            return
        state.due_ns = self.on_board.time_ns + INTERVAL_NS
        now: list[float] = memory.pool[self._counters].tolist()
        seen, state.seen = state.seen, now
        if seen is None or seen == now:
            return
        for i, (before, count) in enumerate(zip(seen, now, strict=True)):
            if count == before:
                continue
            if i < self._trips:
                self.event(self.LCL_TRIPPED, i, count)
            else:
                group = i - self._trips
                self.event(self.ACCELERATOR_ERROR, group, memory.pool.item(self._last_error[group]))
