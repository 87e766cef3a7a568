"""A cluster log as the plant's kernels meet it: what arrives in a tick, and which job waits first in the queue.

This is the seam where jobs are started: the executor here is emulated; one that is a real process would take the same
offers. Nothing is decided by chance here, and no numba is imported.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.plant.kernel.fields import Record

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Log:
    """Jobs that wait for free chips, in the order of submission. `limit`: so many may wait, more are refused.

    rows: line of the log's file; interval_s: work between two checkpoints, 0 for a job that takes none.
    """

    submit_s: Sequence[float]
    work_s: Sequence[float]
    chips: Sequence[int]
    kind: Sequence[int]
    interval_s: Sequence[float]
    rows: Sequence[int]
    limit: int


@dataclass(frozen=True)
class Arrivals:
    """Requests that come to the service in `slot`: when, in ascending order, and their chip-seconds."""

    slot: int
    submit_s: Sequence[float]
    work_s: Sequence[float]


@dataclass(frozen=True)
class Workload:
    """Everything that comes from logs."""

    log: Log | None = None
    arrivals: tuple[Arrivals, ...] = ()


class Feeder:
    """Tells the plant's inputs before each tick what comes in it."""

    def __init__(self, workload: Workload) -> None:
        self._log = workload.log
        self._submit: Numbers = np.array(() if self._log is None else self._log.submit_s, dtype=np.float64)
        self._waiting: deque[int] = deque()
        self._next = 0
        self._started = 0
        self._streams: list[tuple[int, Numbers, Numbers]] = []
        for stream in workload.arrivals:
            total = np.concatenate(([0.0], np.cumsum(np.array(stream.work_s, dtype=np.float64))))
            self._streams.append((stream.slot, np.array(stream.submit_s, dtype=np.float64), total))

    def step(self, tick: int, tick_s: float, state: Record, inputs: Record) -> None:
        """What arrives in [tick, tick + 1) * tick_s, and who is first in the queue."""
        start_s, end_s = tick * tick_s, (tick + 1) * tick_s
        for slot, submit, total in self._streams:
            first, last = np.searchsorted(submit, (start_s, end_s))
            inputs["job_arrived_work_s"][slot] = total[last] - total[first]
        if self._log is not None:
            self._offer(self._log, end_s, state, inputs)

    def _offer(self, log: Log, end_s: float, state: Record, inputs: Record) -> None:
        if int(state["jobs_started"]) > self._started:
            self._started += 1
            self._waiting.popleft()
        while self._next < len(self._submit) and self._submit[self._next] < end_s:
            if len(self._waiting) < log.limit:
                self._waiting.append(self._next)
            else:
                state["jobs_dropped"] += 1
            self._next += 1
        state["job_queue_length"] = len(self._waiting)
        if not self._waiting:
            inputs["queue_chips"] = 0
            return
        first = self._waiting[0]
        inputs["queue_chips"] = log.chips[first]
        inputs["queue_work_s"] = log.work_s[first]
        inputs["queue_kind"] = log.kind[first]
        inputs["queue_interval_s"] = log.interval_s[first]
        inputs["queue_row"] = log.rows[first]

    def save(self) -> bytes:
        """The queue."""
        return np.array([self._next, self._started, *self._waiting], dtype="<i8").tobytes()

    def restore(self, snapshot: bytes) -> None:
        """Take over what `save` gave. Raises ValueError for anything else."""
        numbers = np.frombuffer(snapshot, "<i8").tolist() if len(snapshot) % 8 == 0 else []
        if len(numbers) < 2:
            raise ValueError("snapshot without the queue of jobs")
        self._next, self._started, *waiting = numbers
        self._waiting = deque(waiting)
