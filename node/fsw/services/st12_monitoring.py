"""On-board monitoring, service 12: readings against limits, an expected value, or limits of their change.

The table of monitors is data: what the design's FDIR table says, until the ground changes it in flight. A finding that
stands for its repetitions is a transition, TM[12,12], and raises the monitor's event, which an event-action may answer.
No answer is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bus.pus import Code, Service, Severity
from node.devices.equipment import FdirRow
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, Report, kept, telecommand, telemetered
from node.fsw.datapool import Layout
from node.fsw.monitors import (
    CHECK_STATES,
    CHECKS,
    GOOD,
    NEVER_NS,
    NO_LIMIT,
    SPARES,
    Check,
    Definition,
    Found,
    Watch,
    look,
    monitor_events,
    monitor_names,
    spare_row,
)
from node.fsw.services.st15_storage import Storage

_MONITOR = Arg("monitor", "enum", "monitor", labels=lambda words: words.monitors)
_CHECK = Arg("check", "enum", "what it does with its reading", labels=CHECKS)
_LOW = Arg("low", "float", "low limit in the reading's unit, or what it expects; -1e15: none", "", -NO_LIMIT, NO_LIMIT)
_HIGH = Arg("high", "float", "high limit in the reading's unit; 1e15: none", "", -NO_LIMIT, NO_LIMIT)
_REPETITION = Arg("repetition", "int", "looks in a row until it counts", "", 1, 10_000)


@dataclass(slots=True)
class State:
    """The definitions (kept), what was found, and the monitors that need a look in every cycle."""

    monitors_violated: int = telemetered("int", "Monitors that find something wrong")
    check_transitions: int = telemetered("int", "Findings of monitors that changed")
    monitoring_on: bool = telemetered("bool", "On-board monitoring is on", default=True, kept=True)
    definitions: list[Definition] = kept(list)
    watches: list[Watch] = field(default_factory=list)
    open: set[int] = field(default_factory=set)


class Monitoring(Component):
    """The monitors of the equipment's FDIR table."""

    name = "monitoring"
    state: State

    LATE = Event(
        30, "fdir_late", Severity.HIGH, "A monitor still finds its reading wrong at the deadline",
        (_MONITOR, Arg("value", "float", "its reading, in the reading's own unit")),
    )  # fmt: skip

    TRANSITION = Report(
        1212, "check_transition", Service.MONITORING, 12,
        (
            Arg("checked_monitor", "enum", "Monitor that found something", labels=lambda words: words.monitors),
            Arg("checked_value", "float", "Its reading, in the reading's own unit (a delta check: its change)"),
            Arg("check_before", "enum", "What it had found until then", labels=CHECK_STATES),
            Arg("check_now", "enum", "What it finds now", labels=CHECK_STATES),
        ),
    )  # fmt: skip
    OUT_OF_LIMITS = Report(
        1211, "out_of_limits", Service.MONITORING, 11,
        (
            Arg("out_monitor", "enum", "Monitor that finds something wrong", labels=lambda words: words.monitors),
            Arg("out_value", "float", "Its reading, in the reading's own unit (a delta check: its change)"),
            Arg("out_finding", "enum", "What it finds", labels=CHECK_STATES),
        ),
    )  # fmt: skip
    DEFINITION = Report(
        1209, "monitor_definition", Service.MONITORING, 9,
        (
            Arg("defined_monitor", "enum", "Monitor that the ground asked for", labels=lambda words: words.monitors),
            Arg("defined_reading", "enum", "Its reading", labels=lambda words: words.pool),
            Arg("defined_check", "enum", "What it does with it", labels=CHECKS),
            Arg("defined_low", "float", "Its low limit, or what it expects, in the reading's own unit"),
            Arg("defined_high", "float", "Its high limit"),
            Arg("defined_repetition", "int", "Looks in a row until it counts"),
            Arg("defined_interval_s", "float", "Time between two looks", "s"),
            Arg("defined_enabled", "bool", "It is enabled"),
        ),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, storage: Storage, stale: Callable[[int], bool]) -> None:
        """`stale`: whether the device of this number gives no new readings."""
        names = monitor_names(on_board.equipment)
        self._names = names
        self._rows = (*on_board.equipment.fdir, *(spare_row(name) for name in names[-SPARES:]))
        self._events = monitor_events(on_board.equipment)
        self._layout = layout
        self._storage = storage
        self._stale = stale
        self._own: Sequence[Callable[[], float]] = ()
        self._device = [i for i, (_, start, stop) in enumerate(layout.devices) for _ in range(stop - start)]
        super().__init__(on_board, State(definitions=[self._declared(row) for row in self._rows]))
        if len(self.state.definitions) != len(names):  # another table wrote them
            self.state.definitions = [self._declared(row) for row in self._rows]
        self.state.watches = [Watch() for _ in names]
        self._build()

    def connect(self, own: Sequence[Callable[[], float]]) -> None:
        """How to read the components' own values, in the order of the pool."""
        self._own = own
        self._build()

    def restore(self, data: bytes) -> None:
        """The table that is looked up in each cycle is made from the definitions."""
        super().restore(data)
        self._build()

    def cycle(self) -> None:
        """A look at every monitor that is due."""
        state, pool = self.state, self.on_board.state.pool
        if not state.monitoring_on:
            return
        for position, read in self._own_values:
            pool[position] = read()
        values = pool.take(self._positions)
        wrong = ((values < self._low) | (values > self._high)).tobytes()
        now_ns, cycle_ns = self.on_board.time_ns, self.on_board.cycle_ns
        if wrong != self._settled:
            for place, (is_wrong, was) in enumerate(zip(wrong, self._settled, strict=True)):
                if is_wrong != was:
                    state.open.add(self._checked[place])
        for interval_ns, deltas in self._deltas.items():
            if now_ns % interval_ns < cycle_ns:
                state.open.update(deltas)
        if state.open:
            for number in sorted(state.open):
                self._look(number, now_ns)

    def _look(self, number: int, now_ns: int) -> None:
        """One monitor: count what it finds, tell what stands, raise its event again while it lasts."""
        state, definition, watch = self.state, self.state.definitions[number], self.state.watches[number]
        position = definition.reading
        if position < len(self._device) and self._stale(self._device[position]):
            watch.count, watch.before = 0, None  # nothing is known: what was found last stands
            return
        if now_ns % definition.interval_ns < self.on_board.cycle_ns:
            finding = look(definition, watch, self.on_board.state.pool.item(position))
            watch.count = watch.count + 1 if finding == watch.finding else 1
            watch.finding = int(finding)
            if finding == watch.found or (finding in GOOD and watch.found in GOOD):
                watch.count = 0
            elif watch.count >= definition.repetition:
                self._turn(number, finding, now_ns)
        if watch.found not in GOOD:
            self._insist(number, now_ns)
        elif watch.count == 0:
            state.open.discard(number)

    def _turn(self, number: int, finding: Found, now_ns: int) -> None:
        state, watch = self.state, self.state.watches[number]
        before, watch.found, watch.count = watch.found, int(finding), 0
        state.check_transitions += 1
        self._storage.report(self.TRANSITION, number, watch.value, before, finding)
        if finding in GOOD:
            state.monitors_violated -= 1
            watch.raised, watch.late_ns = 0, NEVER_NS
        elif before in GOOD:
            state.monitors_violated += 1
            watch.late_ns = now_ns + round(self._rows[number].deadline_s * 1e9)
        self._settle()

    def _insist(self, number: int, now_ns: int) -> None:
        """The event, at once and then again after longer and longer: so long its action is given time."""
        row, watch = self._rows[number], self.state.watches[number]
        if watch.raised < row.at_most and now_ns >= watch.quiet_until_ns:
            watch.quiet_until_ns = now_ns + (round(row.again_s * 1e9) << watch.raised)
            watch.raised += 1
            self.event(self._events[number], watch.value)
        if now_ns >= watch.late_ns:
            watch.late_ns = NEVER_NS
            self.event(self.LATE, number, watch.value)

    # ---- the table ----------------------------------------------------------------------------------------------

    def _declared(self, row: FdirRow) -> Definition:
        return Definition(
            reading=self._layout.index[row.reading] if row.reading else -1, check=CHECKS.index(row.check),
            low=max(row.low, -NO_LIMIT), high=min(row.high, NO_LIMIT), repetition=row.repetition,
            interval_ns=round(row.interval_s * 1e9), enabled=row.enabled,
        )  # fmt: skip

    def _build(self) -> None:
        """Arrays for the look in each cycle. What is slower than that (deltas) is looked at when it is due."""
        active = [(n, d) for n, d in enumerate(self.state.definitions) if d.enabled and d.reading >= 0]
        ranged = [(n, d) for n, d in active if d.check != Check.DELTA]
        self._checked = [n for n, _ in ranged]
        self._positions = np.array([d.reading for _, d in ranged], dtype=np.intp)
        self._low = np.array([d.low for _, d in ranged])
        self._high = np.array([d.low if d.check == Check.EXPECTED else d.high for _, d in ranged])
        self._deltas: dict[int, list[int]] = {}
        for number, definition in active:
            if definition.check == Check.DELTA:
                self._deltas.setdefault(definition.interval_ns, []).append(number)
        first = self._layout.own
        own = sorted({d.reading for _, d in active if d.reading >= first}) if self._own else []
        self._own_values = [(position, self._own[position - first]) for position in own]
        self._settle()

    def _settle(self) -> None:
        watches = self.state.watches
        self._settled = bytes(watches[n].found not in GOOD for n in self._checked)

    def _redefine(self, number: int, definition: Definition) -> None:
        """Another definition: what was found is forgotten, and the table is kept."""
        state = self.state
        if state.watches[number].found not in GOOD:
            state.monitors_violated -= 1
        state.definitions[number], state.watches[number] = definition, Watch()
        state.open.discard(number)
        self.keep()
        self._build()

    def _find(self, number: int) -> Definition | None:
        """A monitor that is not deleted."""
        definition = self.state.definitions[number]
        return None if definition.reading < 0 else definition

    def _missing(self, number: int) -> Failure:
        return Code.REFUSED_BY_STATE, f"{self._names[number]} is not defined; monitoring.add defines it"

    def _enable(self, number: int, *, enabled: bool) -> Failure:
        definition = self._find(number)
        if definition is None:
            return self._missing(number)
        if definition.enabled != enabled:
            self._redefine(number, replace(definition, enabled=enabled))
        return None

    @telecommand("monitoring.enable", Service.MONITORING, 1, "Enable a monitor; survives a reboot", _MONITOR)
    def enable(self, monitor: int) -> Failure:
        """TC[12,1] enable parameter monitoring definitions."""
        return self._enable(monitor, enabled=True)

    @telecommand(
        "monitoring.disable", Service.MONITORING, 2, "Disable a monitor; survives a reboot", _MONITOR, hazardous=True
    )
    def disable(self, monitor: int) -> Failure:
        """TC[12,2] disable parameter monitoring definitions."""
        return self._enable(monitor, enabled=False)

    @telecommand(
        "monitoring.add", Service.MONITORING, 5, "Define a spare or deleted monitor, disabled at first", _MONITOR,
        Arg("reading", "enum", "parameter of the data pool", labels=lambda words: words.pool),
        _CHECK, _LOW, _HIGH, _REPETITION,
        Arg("interval_s", "float", "time between two looks", "s", 0.01, 86_400.0),
    )  # fmt: skip
    def add(  # noqa: PLR0917 (one argument of the telecommand each)
        self, monitor: int, reading: int, check: int, low: float, high: float, repetition: int, interval_s: float
    ) -> Failure:
        """TC[12,5] add parameter monitoring definitions."""
        if self._find(monitor) is not None:
            return Code.REFUSED_BY_STATE, f"{self._names[monitor]} is defined; monitoring.modify changes it"
        definition = Definition(reading, check, low, high, repetition, round(interval_s * 1e9), enabled=False)
        return self._change(monitor, definition)

    @telecommand(
        "monitoring.delete", Service.MONITORING, 6, "Delete a monitor that is disabled", _MONITOR, hazardous=True
    )
    def delete(self, monitor: int) -> Failure:
        """TC[12,6] delete parameter monitoring definitions."""
        definition = self._find(monitor)
        if definition is None:
            return self._missing(monitor)
        if definition.enabled:
            return Code.REFUSED_BY_STATE, f"{self._names[monitor]} is enabled; monitoring.disable comes first"
        self._redefine(monitor, replace(definition, reading=-1))
        return None

    @telecommand(
        "monitoring.modify", Service.MONITORING, 7, "Change what a monitor checks; survives a reboot", _MONITOR,
        _CHECK, _LOW, _HIGH, _REPETITION, hazardous=True,
    )  # fmt: skip
    def modify(self, monitor: int, check: int, low: float, high: float, repetition: int) -> Failure:
        """TC[12,7] modify parameter monitoring definitions."""
        definition = self._find(monitor)
        if definition is None:
            return self._missing(monitor)
        return self._change(
            monitor, replace(definition, check=check, low=low, high=high, repetition=repetition)
        )  # fmt: skip

    def _change(self, number: int, definition: Definition) -> Failure:
        if definition.check != Check.EXPECTED and not definition.low <= definition.high:
            return Code.OUT_OF_RANGE, f"low {definition.low:g} must not be above high {definition.high:g}"
        self._redefine(number, definition)
        self.describe(number)
        return None

    @telecommand("monitoring.report", Service.MONITORING, 8, "Report the definition of a monitor", _MONITOR)
    def describe(self, monitor: int) -> Failure:
        """TC[12,8] report parameter monitoring definitions: TM[12,9]."""
        d = self._find(monitor)
        if d is None:
            return self._missing(monitor)
        self._storage.report(
            self.DEFINITION, monitor, d.reading, d.check, d.low, d.high, d.repetition, d.interval_ns / 1e9, d.enabled,
        )  # fmt: skip
        return None

    @telecommand("monitoring.out_of_limits", Service.MONITORING, 10, "Report every monitor that finds something wrong")
    def out_of_limits(self) -> Failure:
        """TC[12,10] report the out-of-limits: a TM[12,11] each."""
        for number, watch in enumerate(self.state.watches):
            if watch.found not in GOOD:
                self._storage.report(self.OUT_OF_LIMITS, number, watch.value, watch.found)
        return None

    @telecommand("monitoring.on", Service.MONITORING, 15, "Switch on-board monitoring on")
    def switch_on(self) -> Failure:
        """TC[12,15] enable the parameter monitoring function."""
        return self._switch(on=True)

    @telecommand("monitoring.off", Service.MONITORING, 16, "Switch all on-board monitoring off", hazardous=True)
    def switch_off(self) -> Failure:
        """TC[12,16] disable the parameter monitoring function."""
        return self._switch(on=False)

    def _switch(self, *, on: bool) -> Failure:
        self.state.monitoring_on = on
        self.keep()
        return None
