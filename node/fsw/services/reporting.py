"""Reports to the ground: verification (1), housekeeping (3), events (5), test (17), parameters (20).

Everything reported goes into the packet store; what leaves the spacecraft is the link's affair.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bus.pus import Stage
from node.devices.device import Values
from node.fsw.datapool import PARAMETER_REPORT, TEST_REPORT, Layout
from node.fsw.events import SEVERITY, EventId
from node.fsw.services.packets import event_packet, values_packet, verification_packet
from node.fsw.services.st15_storage import PacketStore

VERIFICATION, HOUSEKEEPING, EVENT, TEST, PARAMETER = 1, 3, 5, 17, 20
"""Streams: the service's number."""
OVERFLOW_QUIET_CYCLES = 600
"""A full store says so every ten minutes, not in every cycle [A]; the count of dropped packets is always exact."""


@dataclass(slots=True)
class Counters:
    """Figures that count since the boot; each is a parameter in housekeeping under the same name."""

    telecommands_received: int = 0
    telecommands_accepted: int = 0
    telecommands_rejected: int = 0
    telecommands_duplicate: int = 0
    telecommands_dropped: int = 0
    telecommands_completed: int = 0
    telecommands_failed: int = 0
    events_reported: int = 0
    events_suppressed: int = 0
    mode_events_refused: int = 0
    acknowledgements: int = 0
    cycle_overruns: int = 0
    clock_steps: int = 0
    stale_devices: int = 0
    readings_invalid: int = 0
    memory_corrected: int = 0

    def state(self) -> list[int]:
        """The counts, in order of declaration."""
        return [getattr(self, field.name) for field in fields(self)]

    def load(self, state: list[int]) -> None:
        """Take over what `state` gave."""
        for field, value in zip(fields(self), state, strict=True):
            setattr(self, field.name, value)


class Reporter:
    """Makes packets. `obt_ns` is the stamp of the present cycle."""

    def __init__(self, store: PacketStore, counters: Counters) -> None:
        self._store = store
        self._counters = counters
        self.obt_ns = 0
        self.suppressed: set[int] = set()
        self._overflowing: dict[int, int] = {}  # empty between two cycles
        self._quiet_until: dict[int, int] = {}

    def event(self, event: EventId, *arguments: float, severity: int | None = None) -> None:
        """Report an event, unless the ground has switched it off."""
        if event in self.suppressed:
            self._counters.events_suppressed += 1
            return
        self._counters.events_reported += 1
        packet = event_packet(self.obt_ns, event, SEVERITY[event] if severity is None else severity, arguments)
        self._keep(EVENT, packet)

    def verification(self, ground_boot: int, request: int, stage: Stage, code: int = 0, detail: str = "") -> None:
        """Report how far a request has come."""
        self._keep(VERIFICATION, verification_packet(self.obt_ns, (ground_boot, request), stage, code, detail))

    def values(self, stream: int, structure: int, values: Values) -> None:
        """Report a structure's values. What is no number is reported as 0 and was counted when it was read."""
        if not np.isfinite(values).all():
            values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        self._keep(stream, values_packet(self.obt_ns, structure, values.tobytes()))

    def end_cycle(self, cycle: int) -> None:
        """Say which streams overflow, each at most once in `OVERFLOW_QUIET_CYCLES`."""
        overflowing, self._overflowing = self._overflowing, {}
        for stream, dropped in sorted(overflowing.items()):
            if stream != EVENT and cycle >= self._quiet_until.get(stream, 0):  # a full event store must not feed itself
                self._quiet_until[stream] = cycle + OVERFLOW_QUIET_CYCLES
                self.event(EventId.STORE_OVERFLOW, stream, dropped)

    def _keep(self, stream: int, packet: bytes) -> None:
        dropped = self._store.append(stream, packet)
        if dropped:
            self._overflowing[stream] = self._overflowing.get(stream, 0) + dropped

    def state(self) -> Any:
        """What is in RAM only."""
        return [sorted(self.suppressed), sorted(self._quiet_until.items())]

    def load(self, state: Any) -> None:
        """Take over what `state` gave."""
        suppressed, quiet = state
        self.suppressed, self._quiet_until = set(suppressed), dict(quiet)


class Housekeeping:
    """Periodic structures: enabled or not, re-timed, reported once on request. After a boot all are as declared."""

    def __init__(self, layout: Layout, reporter: Reporter) -> None:
        self._reporter = reporter
        self._structures = layout.structures
        self._positions = {
            s.id: layout.positions(s) for s in layout.structures if s.interval_ticks or s.id == TEST_REPORT
        }
        self._interval = {s.id: s.interval_ticks for s in layout.structures if s.interval_ticks}
        self.enabled = dict.fromkeys(self._interval, True)
        self._due = dict(self._interval)
        self._next_due = min(self._due.values())
        self._wanted: list[int] = []

    def due(self, cycle: int) -> bool:
        """Whether anything is to be reported in this cycle (the pool must be complete then)."""
        return cycle >= self._next_due or bool(self._wanted)

    def report(self, cycle: int, pool: Values) -> None:
        """Report what is due."""
        for number, due in self._due.items():
            if cycle >= due:
                self._due[number] = cycle + self._interval[number]
                if self.enabled[number]:
                    self._reporter.values(HOUSEKEEPING, number, pool[self._positions[number]])
        self._next_due = min(self._due.values())
        for number in self._wanted:
            stream = TEST if number == TEST_REPORT else HOUSEKEEPING
            self._reporter.values(stream, number, pool[self._positions[number]])
        self._wanted.clear()

    def one_shot(self, number: int) -> None:
        """Report a structure at the end of this cycle."""
        self._wanted.append(number)

    def parameter_report(self, index: int, value: float) -> None:
        """Answer to parameter.get and parameter.set."""
        self._reporter.values(PARAMETER, PARAMETER_REPORT, np.array([float(index), value]))

    def set_interval(self, number: int, interval: int, cycle: int) -> None:
        """Re-time a structure, counted from now."""
        self._interval[number] = interval
        self._due[number] = cycle + interval
        self._next_due = min(self._due.values())

    def state(self) -> Any:
        """What is in RAM only."""
        rows = [[n, self._interval[n], self.enabled[n], self._due[n]] for n in self._due]
        return [rows, list(self._wanted)]

    def load(self, state: Any) -> None:
        """Take over what `state` gave."""
        rows, wanted = state
        for number, interval, enabled, due in rows:
            self._interval[number], self.enabled[number], self._due[number] = interval, enabled, due
        self._next_due = min(self._due.values())
        self._wanted = list(wanted)
