"""Housekeeping, service 3: periodic reports of structures. Enabled or not, re-timed, reported once on request.

The structures of the dictionary are after a boot as declared. Beside them the ground makes its own in flight, of any
parameters of the pool: housekeeping, and diagnostic ones that may come in every cycle. Those survive a reboot. Their
number, their size and the values a second of all of them together are bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bus.pus import Code, Service
from node.devices.device import Values
from node.fsw.component import Arg, Component, Failure, OnBoard, Report, kept, telecommand, telemetered, telemetry
from node.fsw.datapool import Layout
from node.fsw.services.packets import values_packet
from node.fsw.services.st15_storage import Storage

OWN = tuple(f"own.{i + 1}" for i in range(8))
DIAGNOSTIC = tuple(f"diagnostic.{i + 1}" for i in range(4))
MOST_PARAMETERS = 32
"""Of one structure [A]."""
MOST_VALUES_HZ = 256.0
"""Of all structures that the ground made, together [A]: 16 kbit/s, half of an S-band downlink."""
FIRST_NUMBER = 20_000
NUMBERS = 3_500
"""A structure that is made or changed gets a new number, so that what comes of it can never be read by another list:
structure i has those from FIRST_NUMBER + i * NUMBERS on; when they are used up it cannot be made any more."""
_STRUCTURE = Arg("structure", "enum", "housekeeping structure", labels=lambda words: (*words.structures, *OWN))
_OWN = Arg("structure", "enum", "housekeeping structure of the ground's own", labels=OWN)
_DIAGNOSTIC = Arg("structure", "enum", "diagnostic structure", labels=DIAGNOSTIC)
_PARAMETERS = Arg("parameters", "list", "telemetry parameters, with commas between", labels=lambda words: words.pool)

_INTERVAL = Arg("interval_s", "float", "time between two reports, at least one cycle", "s", 0.01, 86_400.0)
_SLOW = Arg("interval_s", "float", "time between two reports", "s", 1.0, 86_400.0)


def _told(prefix: str, names: tuple[str, ...]) -> tuple[Arg, ...]:
    return (
        Arg(f"{prefix}_number", "int", "Number that its packets have"),
        Arg(f"{prefix}_name", "enum", "Which structure", labels=names),
        Arg(f"{prefix}_interval_s", "float", "Time between two reports", "s"),
        Arg(f"{prefix}_enabled", "bool", "It comes by itself"),
        Arg(f"{prefix}_size", "int", "Parameters that it has"),
        Arg(f"{prefix}_place", "int", "Place of the parameter told here, from 1"),
        Arg(f"{prefix}_parameter", "enum", "Parameter at that place", labels=lambda words: words.pool),
    )


@dataclass(slots=True)
class Timing:
    """When one structure comes."""

    interval_ns: int
    due_ns: int
    enabled: bool = True


@dataclass(slots=True)
class Own:
    """A structure that the ground made: pool positions in their order."""

    number: int
    interval_ns: int
    parameters: list[int]
    enabled: bool = False


@dataclass(slots=True)
class State:
    """Timing of each structure of the dictionary, by its position among the periodic ones; of the ground's own, by
    their positions in OWN and DIAGNOSTIC, one behind the other; and what was asked for in this cycle."""

    own_structures: int = telemetered("int", "Structures that the ground made in flight")
    own: dict[int, Own] = kept(dict)
    numbers_used: dict[int, int] = kept(dict)
    timings: list[Timing] = field(default_factory=list)
    own_due_ns: dict[int, int] = field(default_factory=dict)
    wanted: list[int] = field(default_factory=list)
    own_wanted: list[int] = field(default_factory=list)


class Housekeeping(Component):
    """TM[3,25] and TM[3,26] from the data pool."""

    name = "housekeeping"
    state: State

    STRUCTURE = Report(310, "housekeeping_structure", Service.HOUSEKEEPING, 10, _told("structure", OWN))
    DIAGNOSED = Report(312, "diagnostic_structure", Service.HOUSEKEEPING, 12, _told("diagnosed", DIAGNOSTIC))

    def __init__(self, on_board: OnBoard, layout: Layout, storage: Storage) -> None:
        self._periodic = [s for s in layout.structures if s.interval_s]
        spans = [round(structure.interval_s * 1e9) for structure in self._periodic]
        super().__init__(on_board, State(timings=[Timing(span, span) for span in spans]))
        self._storage = storage
        self._positions = [layout.positions(structure) for structure in self._periodic]
        self._next_due = 0  # not above the earliest of the timings: 0 is always right
        state = self.state
        state.own = {slot: own for slot, own in state.own.items() if max(own.parameters) < layout.size}
        state.own_due_ns = {slot: own.interval_ns for slot, own in state.own.items()}
        state.own_structures = len(state.own)

    def due(self) -> bool:
        """Whether anything is to be reported in this cycle (the pool must be complete then)."""
        state = self.state
        return self.on_board.time_ns >= self._next_due or bool(state.wanted) or bool(state.own_wanted)

    def report(self) -> None:
        """Report what is due."""
        state, now_ns, pool = self.state, self.on_board.time_ns, self.on_board.state.pool
        for number, timing in enumerate(state.timings):
            if now_ns >= timing.due_ns:
                timing.due_ns = next_due(timing.due_ns, timing.interval_ns, now_ns)
                if timing.enabled:
                    self._send(number, pool)
        self._next_due = min(timing.due_ns for timing in state.timings)
        for slot, own in state.own.items():
            if own.enabled:
                if now_ns >= state.own_due_ns[slot]:
                    state.own_due_ns[slot] = next_due(state.own_due_ns[slot], own.interval_ns, now_ns)
                    self._send_own(own, pool)
                self._next_due = min(self._next_due, state.own_due_ns[slot])
        for number in state.wanted:
            self._send(number, pool)
        for slot in state.own_wanted:
            if slot in state.own:
                self._send_own(state.own[slot], pool)
        state.wanted.clear()
        state.own_wanted.clear()

    def _send(self, number: int, pool: Values) -> None:
        packet = values_packet(self.on_board.state.obt_ns, self._periodic[number].id, pool[self._positions[number]])
        self._storage.keep_packet(Service.HOUSEKEEPING, packet)

    def _send_own(self, own: Own, pool: Values) -> None:
        packet = values_packet(self.on_board.state.obt_ns, own.number, pool.take(np.array(own.parameters)))
        self._storage.keep_packet(Service.HOUSEKEEPING, packet)

    # ---- housekeeping -------------------------------------------------------------------------------------------

    @telecommand(
        "housekeeping.create", Service.HOUSEKEEPING, 1, "Make a structure of the ground's own, disabled at first", _OWN,
        _SLOW, _PARAMETERS,
    )  # fmt: skip
    def create(self, structure: int, interval_s: float, parameters: list[int]) -> Failure:
        """TC[3,1] create a housekeeping parameter report structure."""
        return self._create(structure, interval_s, parameters)

    @telecommand("housekeeping.delete", Service.HOUSEKEEPING, 3, "Delete a structure of the ground's own", _OWN)
    def delete(self, structure: int) -> Failure:
        """TC[3,3] delete housekeeping parameter report structures, if it is disabled."""
        return self._delete(structure)

    @telecommand("housekeeping.enable", Service.HOUSEKEEPING, 5, "Enable a periodic structure", _STRUCTURE)
    def enable(self, structure: int) -> Failure:
        """TC[3,5] enable periodic generation."""
        return self._enable(structure, enabled=True)

    @telecommand("housekeeping.disable", Service.HOUSEKEEPING, 6, "Disable a periodic structure", _STRUCTURE)
    def disable(self, structure: int) -> Failure:
        """TC[3,6] disable periodic generation."""
        return self._enable(structure, enabled=False)

    @telecommand(
        "housekeeping.describe", Service.HOUSEKEEPING, 9, "Report what a structure of the ground's own holds", _OWN
    )
    def describe(self, structure: int) -> Failure:
        """TC[3,9] report housekeeping parameter report structures: a TM[3,10] for each parameter."""
        return self._describe(structure)

    @telecommand("housekeeping.one_shot", Service.HOUSEKEEPING, 27, "Report a structure once, now", _STRUCTURE)
    def one_shot(self, structure: int) -> Failure:
        """TC[3,27] one-shot report; it comes at the end of this cycle."""
        if structure >= len(self._periodic):
            return self._once(structure - len(self._periodic))
        self.state.wanted.append(structure)
        return None

    @telecommand(
        "housekeeping.append", Service.HOUSEKEEPING, 29, "Add parameters to a structure of the ground's own", _OWN,
        _PARAMETERS,
    )  # fmt: skip
    def append(self, structure: int, parameters: list[int]) -> Failure:
        """TC[3,29] append parameters to a housekeeping parameter report structure."""
        return self._append(structure, parameters)

    @telecommand(
        "housekeeping.interval", Service.HOUSEKEEPING, 31, "Change the interval of a structure", _STRUCTURE, _INTERVAL
    )
    def set_interval(self, structure: int, interval_s: float) -> Failure:
        """TC[3,31] modify the collection interval, counted from now."""
        if structure >= len(self._periodic):
            if interval_s < (_SLOW.low or 0.0):
                return Code.OUT_OF_RANGE, f"{OWN[structure - len(self._periodic)]}: at least {_SLOW.low:g} s"
            return self._retime(structure - len(self._periodic), interval_s)
        timing = self.state.timings[structure]
        timing.interval_ns = round(interval_s * 1e9)
        timing.due_ns = self.on_board.time_ns + timing.interval_ns
        self._next_due = 0
        return None

    # ---- diagnostic ---------------------------------------------------------------------------------------------

    @telecommand(
        "diagnostic.create", Service.HOUSEKEEPING, 2, "Make a diagnostic structure, disabled at first", _DIAGNOSTIC,
        _INTERVAL, _PARAMETERS,
    )  # fmt: skip
    def create_diagnostic(self, structure: int, interval_s: float, parameters: list[int]) -> Failure:
        """TC[3,2] create a diagnostic parameter report structure."""
        return self._create(len(OWN) + structure, interval_s, parameters)

    @telecommand("diagnostic.delete", Service.HOUSEKEEPING, 4, "Delete a diagnostic structure", _DIAGNOSTIC)
    def delete_diagnostic(self, structure: int) -> Failure:
        """TC[3,4] delete diagnostic parameter report structures, if it is disabled."""
        return self._delete(len(OWN) + structure)

    @telecommand("diagnostic.enable", Service.HOUSEKEEPING, 7, "Enable a diagnostic structure", _DIAGNOSTIC)
    def enable_diagnostic(self, structure: int) -> Failure:
        """TC[3,7] enable the periodic generation of diagnostic parameter reports."""
        return self._switch(len(OWN) + structure, enabled=True)

    @telecommand("diagnostic.disable", Service.HOUSEKEEPING, 8, "Disable a diagnostic structure", _DIAGNOSTIC)
    def disable_diagnostic(self, structure: int) -> Failure:
        """TC[3,8] disable the periodic generation of diagnostic parameter reports."""
        return self._switch(len(OWN) + structure, enabled=False)

    @telecommand(
        "diagnostic.describe", Service.HOUSEKEEPING, 11, "Report what a diagnostic structure holds", _DIAGNOSTIC
    )
    def describe_diagnostic(self, structure: int) -> Failure:
        """TC[3,11] report diagnostic parameter report structures: a TM[3,12] for each parameter."""
        return self._describe(len(OWN) + structure)

    @telecommand(
        "diagnostic.one_shot", Service.HOUSEKEEPING, 28, "Report a diagnostic structure once, now", _DIAGNOSTIC
    )
    def one_shot_diagnostic(self, structure: int) -> Failure:
        """TC[3,28] one-shot report; it comes at the end of this cycle."""
        return self._once(len(OWN) + structure)

    @telecommand(
        "diagnostic.append",
        Service.HOUSEKEEPING,
        30,
        "Add parameters to a diagnostic structure",
        _DIAGNOSTIC,
        _PARAMETERS,
    )
    def append_diagnostic(self, structure: int, parameters: list[int]) -> Failure:
        """TC[3,30] append parameters to a diagnostic parameter report structure."""
        return self._append(len(OWN) + structure, parameters)

    @telecommand(
        "diagnostic.interval", Service.HOUSEKEEPING, 32, "Change the interval of a diagnostic structure", _DIAGNOSTIC,
        _INTERVAL,
    )  # fmt: skip
    def diagnostic_interval(self, structure: int, interval_s: float) -> Failure:
        """TC[3,32] modify the collection interval, counted from now."""
        return self._retime(len(OWN) + structure, interval_s)

    # ---- what both have in common -------------------------------------------------------------------------------

    @telemetry("float", "Values a second of the structures that the ground made and enabled", "Hz")
    def own_values_hz(self) -> float:
        """Bounded by MOST_VALUES_HZ."""
        return self._rate_hz(self.state.own)

    def _rate_hz(self, own: dict[int, Own]) -> float:
        return sum(len(o.parameters) / o.interval_ns * 1e9 for o in own.values() if o.enabled)

    def _create(self, slot: int, interval_s: float, parameters: list[int]) -> Failure:
        if slot in self.state.own:
            return Code.REFUSED_BY_STATE, f"{_name(slot)} is there already; delete it, or append to it"
        return self._define(slot, Own(0, round(interval_s * 1e9), parameters))

    def _append(self, slot: int, parameters: list[int]) -> Failure:
        own = self.state.own.get(slot)
        if own is None:
            return _missing(slot)
        return self._define(slot, Own(0, own.interval_ns, own.parameters + parameters, own.enabled))

    def _define(self, slot: int, own: Own) -> Failure:
        """A new list of parameters, under a new number, which is told at once."""
        state, used = self.state, self.state.numbers_used.get(slot, 0)
        if len(set(own.parameters)) < len(own.parameters):
            return Code.WRONG_ARGUMENT, "parameters: one of them is there already"
        if len(own.parameters) > MOST_PARAMETERS:
            return Code.FULL, f"{len(own.parameters)} parameters; a structure has at most {MOST_PARAMETERS}"
        if used >= NUMBERS:
            return Code.FULL, f"{_name(slot)} was changed {NUMBERS} times; take another one"
        own.number = FIRST_NUMBER + slot * NUMBERS + used
        refusal = self._change(slot, own)
        if refusal is None:
            state.numbers_used[slot] = used + 1
            self.keep()
            self._describe(slot)
        return refusal

    def _change(self, slot: int, own: Own) -> Failure:
        """Put a structure in place, unless all of them together would say too much."""
        state = self.state
        changed = {**state.own, slot: own}
        if self._rate_hz(changed) > MOST_VALUES_HZ:
            most = f"at most {MOST_VALUES_HZ:g} of all together"
            return Code.FULL, f"{self._rate_hz(changed):.4g} values a second; {most}"
        state.own = dict(sorted(changed.items()))
        state.own_structures = len(state.own)
        state.own_due_ns[slot] = self.on_board.time_ns + own.interval_ns
        self._next_due = 0
        self.keep()
        return None

    def _delete(self, slot: int) -> Failure:
        state, own = self.state, self.state.own.get(slot)
        if own is None:
            return _missing(slot)
        if own.enabled:
            return Code.REFUSED_BY_STATE, f"{_name(slot)} is enabled; disable it first"
        del state.own[slot], state.own_due_ns[slot]
        state.own_structures = len(state.own)
        self.keep()
        return None

    def _enable(self, structure: int, *, enabled: bool) -> Failure:
        if structure >= len(self._periodic):
            return self._switch(structure - len(self._periodic), enabled=enabled)
        self.state.timings[structure].enabled = enabled
        return None

    def _switch(self, slot: int, *, enabled: bool) -> Failure:
        own = self.state.own.get(slot)
        if own is None:
            return _missing(slot)
        return self._change(slot, Own(own.number, own.interval_ns, own.parameters, enabled))

    def _retime(self, slot: int, interval_s: float) -> Failure:
        own = self.state.own.get(slot)
        if own is None:
            return _missing(slot)
        return self._change(slot, Own(own.number, round(interval_s * 1e9), own.parameters, own.enabled))

    def _once(self, slot: int) -> Failure:
        if slot not in self.state.own:
            return _missing(slot)
        if slot not in self.state.own_wanted:
            self.state.own_wanted.append(slot)
        return None

    def _describe(self, slot: int) -> Failure:
        own = self.state.own.get(slot)
        if own is None:
            return _missing(slot)
        report, name = (self.STRUCTURE, slot) if slot < len(OWN) else (self.DIAGNOSED, slot - len(OWN))
        for place, parameter in enumerate(own.parameters):
            self._storage.report(
                report, own.number, name, own.interval_ns / 1e9, own.enabled, len(own.parameters), place + 1, parameter
            )
        return None


def _name(slot: int) -> str:
    return (OWN + DIAGNOSTIC)[slot]


def _missing(slot: int) -> Failure:
    verb = "housekeeping.create" if slot < len(OWN) else "diagnostic.create"
    return Code.REFUSED_BY_STATE, f"{_name(slot)} is not there; {verb} makes it"


def next_due(due_ns: int, interval_ns: int, now_ns: int) -> int:
    """The first multiple of the interval after the last due time that is still to come: what a cycle is too long for
    is left out, and the phase stays."""
    missed = (now_ns - due_ns) // interval_ns
    return due_ns + (missed + 1) * interval_ns
