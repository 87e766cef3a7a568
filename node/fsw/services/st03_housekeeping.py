"""Housekeeping, service 3: periodic reports of structures. Enabled or not, re-timed, reported once on request.

After a boot all are as declared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.pus import Service
from node.devices.device import Values
from node.fsw.component import Arg, Component, Failure, OnBoard, telecommand
from node.fsw.datapool import Layout
from node.fsw.services.packets import values_packet
from node.fsw.services.st15_storage import Storage

_STRUCTURE = Arg("structure", "enum", "housekeeping structure", labels=lambda words: words.structures)


@dataclass(slots=True)
class Timing:
    """When one structure comes."""

    interval_ns: int
    due_ns: int
    enabled: bool = True


@dataclass(slots=True)
class State:
    """Timing of each structure, by its position among the periodic ones, and what was asked for in this cycle."""

    timings: list[Timing]
    wanted: list[int] = field(default_factory=list)


class Housekeeping(Component):
    """TM[3,25] from the data pool."""

    name = "housekeeping"
    state: State

    def __init__(self, on_board: OnBoard, layout: Layout, storage: Storage) -> None:
        self._periodic = [s for s in layout.structures if s.interval_s]
        spans = [round(structure.interval_s * 1e9) for structure in self._periodic]
        super().__init__(on_board, State([Timing(span, span) for span in spans]))
        self._storage = storage
        self._positions = [layout.positions(structure) for structure in self._periodic]
        self._next_due = 0  # not above the earliest of the timings: 0 is always right

    def due(self) -> bool:
        """Whether anything is to be reported in this cycle (the pool must be complete then)."""
        return self.on_board.time_ns >= self._next_due or bool(self.state.wanted)

    def report(self) -> None:
        """Report what is due."""
        now_ns, pool = self.on_board.time_ns, self.on_board.state.pool
        for number, timing in enumerate(self.state.timings):
            if now_ns >= timing.due_ns:
                timing.due_ns = next_due(timing.due_ns, timing.interval_ns, now_ns)
                if timing.enabled:
                    self._send(number, pool)
        self._next_due = min(timing.due_ns for timing in self.state.timings)
        for number in self.state.wanted:
            self._send(number, pool)
        self.state.wanted.clear()

    def _send(self, number: int, pool: Values) -> None:
        packet = values_packet(self.on_board.state.obt_ns, self._periodic[number].id, pool[self._positions[number]])
        self._storage.keep_packet(Service.HOUSEKEEPING, packet)

    @telecommand("housekeeping.enable", Service.HOUSEKEEPING, 5, "Enable a periodic structure", _STRUCTURE)
    def enable(self, structure: int) -> Failure:
        """TC[3,5] enable periodic generation."""
        self.state.timings[structure].enabled = True
        return None

    @telecommand("housekeeping.disable", Service.HOUSEKEEPING, 6, "Disable a periodic structure", _STRUCTURE)
    def disable(self, structure: int) -> Failure:
        """TC[3,6] disable periodic generation."""
        self.state.timings[structure].enabled = False
        return None

    @telecommand("housekeeping.one_shot", Service.HOUSEKEEPING, 27, "Report a structure once, now", _STRUCTURE)
    def one_shot(self, structure: int) -> Failure:
        """TC[3,27] one-shot report; it comes at the end of this cycle."""
        self.state.wanted.append(structure)
        return None

    @telecommand(
        "housekeeping.interval", Service.HOUSEKEEPING, 31, "Change the interval of a structure", _STRUCTURE,
        Arg("interval_s", "float", "time between two reports, at least one cycle", "s", 0.01, 86_400.0),
    )  # fmt: skip
    def set_interval(self, structure: int, interval_s: float) -> Failure:
        """TC[3,31] modify the collection interval, counted from now."""
        timing = self.state.timings[structure]
        timing.interval_ns = round(interval_s * 1e9)
        timing.due_ns = self.on_board.time_ns + timing.interval_ns
        self._next_due = 0
        return None


def next_due(due_ns: int, interval_ns: int, now_ns: int) -> int:
    """The first multiple of the interval after the last due time that is still to come: what a cycle is too long for
    is left out, and the phase stays."""
    missed = (now_ns - due_ns) // interval_ns
    return due_ns + (missed + 1) * interval_ns
