"""On-board monitoring, service 12: readings against limits, an expected value, or limits of their change.

The table of monitors is data: what the design's FDIR table says, until the ground changes it in flight. A finding that
stands for its repetitions is a transition, TM[12,12]. What follows from it is asked elsewhere (`services/answers`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bus.pus import Code, Service
from node.fsw.component import Arg, Component, Failure, OnBoard, Report, kept, telecommand, telemetered
from node.fsw.datapool import Layout
from node.fsw.looks import Looks
from node.fsw.modes import Mode
from node.fsw.monitors import (
    CHECK_STATES,
    CHECKS,
    GOOD,
    NO_LIMIT,
    Check,
    Definition,
    Found,
    Transition,
    Watch,
    declared,
    look,
    parameter_rows,
    take_words,
    words_of,
)
from node.fsw.services.answers import Answers
from node.fsw.services.st15_storage import Storage

_MONITOR = Arg("monitor", "enum", "monitor", labels=lambda words: words.monitors)
_CHECK = Arg("check", "enum", "what it does with its reading", labels=CHECKS)
_LOW = Arg("low", "float", "low limit in the reading's unit, or what it expects; -1e15: none", "", -NO_LIMIT, NO_LIMIT)
_HIGH = Arg("high", "float", "high limit in the reading's unit; 1e15: none", "", -NO_LIMIT, NO_LIMIT)
_REPETITION = Arg("repetition", "int", "looks in a row until it counts", "", 1, 10_000)
MOST_HELD = 64
"""Transitions that wait for their reports; one more sends them all [A]."""


@dataclass(slots=True)
class State:
    """The definitions (kept), what was found, the monitors that need a look in every cycle, and transitions that are
    not reported yet. `mode`: that the table of looks was made for, none at first."""

    monitors_violated: int = telemetered("int", "Monitors that find something wrong")
    check_transitions: int = telemetered("int", "Findings of monitors that changed")
    monitoring_on: bool = telemetered("bool", "On-board monitoring is on", default=True, kept=True)
    transition_delay_s: float = telemetered(
        "float", "A transition is reported after so long at most", "s", default=0.0, kept=True
    )  # fmt: skip
    definitions: list[Definition] = kept(list)
    watches: list[Watch] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    held: list[Transition] = field(default_factory=list)
    mode: int = -1


class Monitoring(Component):
    """The monitors of the equipment's FDIR table."""

    name = "monitoring"
    state: State

    TRANSITION = Report(
        1212, "check_transition", Service.MONITORING, 12,
        (
            Arg("checked_monitor", "enum", "Monitor that found something", labels=lambda words: words.monitors),
            Arg("checked_value", "float", "Its reading, in the reading's own unit (a delta check: its change)"),
            Arg("check_before", "enum", "What it had found until then", labels=CHECK_STATES),
            Arg("check_now", "enum", "What it finds now", labels=CHECK_STATES),
            Arg("checked_obt_s", "float", "On-board time at which it changed", "s"),
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
    STATUS = Report(
        1214, "monitor_status", Service.MONITORING, 14,
        (
            Arg("status_monitor", "enum", "Monitor that is defined", labels=lambda words: words.monitors),
            Arg("status_enabled", "bool", "It is enabled"),
            Arg("status_finding", "enum", "What it finds", labels=CHECK_STATES),
            Arg("status_masked", "bool", "It does not look while an action is given time"),
        ),
    )  # fmt: skip

    def __init__(
        self, on_board: OnBoard, layout: Layout, storage: Storage, stale: Callable[[int], bool], answers: Answers
    ) -> None:
        """`stale`: whether the device of this number gives no new readings."""
        self._rows = parameter_rows(on_board.equipment)
        self._valid = [frozenset(Mode[name] for name in row.modes or Mode.__members__) for row in self._rows]
        self._layout = layout
        self._storage = storage
        self._stale = stale
        self._answers = answers
        self.in_use: Callable[[int], bool] = lambda number: False
        self._own: Sequence[Callable[[], float]] = ()
        self._device = [i for i, (_, start, stop) in enumerate(layout.devices) for _ in range(stop - start)]
        super().__init__(on_board, State(definitions=[declared(row, layout.index) for row in self._rows]))
        if len(self.state.definitions) != len(self._rows):  # another table wrote them
            self.state.definitions = [declared(row, layout.index) for row in self._rows]
        self.state.watches = [Watch() for _ in self._rows]
        self._build()

    def connect(self, own: Sequence[Callable[[], float]]) -> None:
        """How to read the components' own values, in the order of the pool."""
        self._own = own
        self._build()

    def restore(self, data: bytes) -> None:
        """The looks are made from the definitions."""
        super().restore(data)
        self._build()

    def image_words(self) -> list[int]:
        """Four words for each monitor."""
        return [word for definition in self.state.definitions for word in words_of(definition)]

    def take_image(self, words: list[int]) -> None:
        """Monitors look at what their words say now."""
        for number, definition in enumerate(self.state.definitions):
            take_words(definition, words[4 * number : 4 * number + 4], self._layout.size)
        self._build()

    def cycle(self, mode: Mode) -> None:
        """A look at every monitor that is due."""
        state, pool = self.state, self.on_board.state.pool
        if mode != state.mode:
            self._change_mode(mode)
        if state.held and self.on_board.time_ns >= state.held[0].at_ns + round(state.transition_delay_s * 1e9):
            self._report()
        if not state.monitoring_on:
            return
        now_ns = self.on_board.time_ns
        state.open.update(self._looks.due(pool, now_ns, self.on_board.cycle_ns))
        for number in sorted(state.open):
            self._look(number, now_ns)

    def _look(self, number: int, now_ns: int) -> None:
        """One monitor: count what it finds, tell what stands, raise its event again while it lasts."""
        state, definition, watch = self.state, self.state.definitions[number], self.state.watches[number]
        if self._answers.masked(number) or self.blind(number):
            watch.count, watch.before = 0, None  # nothing is known: what was found last stands
            return
        if now_ns % definition.interval_ns < self.on_board.cycle_ns:
            finding = look(definition, watch, self.on_board.state.pool.item(definition.reading))
            watch.count = watch.count + 1 if finding == watch.finding else 1
            watch.finding = int(finding)
            if finding == watch.found or (finding in GOOD and watch.found in GOOD):
                watch.count = 0
            elif watch.count >= definition.repetition:
                self._turn(number, finding)
        if watch.found not in GOOD:
            self._answers.insist(number, watch.value)
        elif watch.count == 0:
            state.open.discard(number)

    def _turn(self, number: int, finding: Found) -> None:
        state, board, watch = self.state, self.on_board, self.state.watches[number]
        before, watch.found, watch.count = watch.found, int(finding), 0
        state.check_transitions += 1
        state.held.append(Transition(number, watch.value, before, int(finding), board.state.obt_ns, board.time_ns))
        if not state.transition_delay_s or len(state.held) > MOST_HELD:
            self._report()
        if finding in GOOD:
            state.monitors_violated -= 1
            self._answers.end(number)
        elif before in GOOD:
            state.monitors_violated += 1
            self._answers.begin(number)
        self._looks.settle(self.violated)

    def _report(self) -> None:
        for t in self.state.held:
            self._storage.report(self.TRANSITION, t.number, t.value, t.before, t.now, t.obt_ns / 1e9)
        self.state.held.clear()

    def _change_mode(self, mode: Mode) -> None:
        """What does not look in this mode forgets what it found."""
        self.state.mode = int(mode)
        for number, valid in enumerate(self._valid):
            if mode not in valid:
                self._forget(number)
        self._build()

    def blind(self, number: int) -> bool:
        """Whether the device of its reading gives no new ones."""
        position = self.state.definitions[number].reading
        return position < len(self._device) and self._stale(self._device[position])

    def looks(self, number: int) -> bool:
        """Whether a monitor finds anything now."""
        return self._active(number) and not self._answers.masked(number) and not self.blind(number)

    def violated(self, number: int) -> bool:
        """Whether it finds something wrong."""
        return self.state.watches[number].found not in GOOD

    # ---- the table ----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        active = [(n, d) for n, d in enumerate(self.state.definitions) if self._active(n)]
        self._looks = Looks(active, self._layout.own, self._own, self.state.watches, self._doubt)
        self._looks.settle(self.violated)

    def _doubt(self) -> bool:
        return bool(self._answers.state.masked) or any(map(self._stale, range(len(self._layout.devices))))

    def _active(self, number: int) -> bool:
        """Whether it is defined, enabled, and looks in this mode."""
        definition, mode = self.state.definitions[number], self.state.mode
        return definition.enabled and definition.reading >= 0 and mode in self._valid[number]

    def _redefine(self, number: int, definition: Definition) -> None:
        """Another definition: what was found is forgotten, and the table is kept."""
        self._forget(number)
        self._answers.forget(number)
        self.state.definitions[number] = definition
        self.keep()
        self._build()

    def _forget(self, number: int) -> None:
        """What was found."""
        state = self.state
        if self.violated(number):
            state.monitors_violated -= 1
            self._answers.end(number)
        state.watches[number] = Watch()
        state.open.discard(number)

    def _find(self, number: int) -> Definition | None:
        """A monitor that is not deleted."""
        definition = self.state.definitions[number]
        return None if definition.reading < 0 else definition

    def _missing(self, number: int) -> Failure:
        return Code.REFUSED_BY_STATE, f"{self._rows[number].monitor} is not defined; monitoring.add defines it"

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
        "monitoring.transition_delay", Service.MONITORING, 3, "Set how long a transition may wait for its report",
        Arg("delay_s", "float", "so long at most; 0: reported at once", "s", 0.0, 3600.0),
    )  # fmt: skip
    def transition_delay(self, delay_s: float) -> Failure:
        """TC[12,3] change the maximum transition reporting delay."""
        self.state.transition_delay_s = float(delay_s)
        self.keep()
        return None

    @telecommand(
        "monitoring.delete_all", Service.MONITORING, 4, "Delete all monitors while monitoring is off", hazardous=True
    )
    def delete_all(self) -> Failure:
        """TC[12,4] delete all parameter monitoring definitions."""
        if self.state.monitoring_on:
            return Code.REFUSED_BY_STATE, "monitoring is on; monitoring.off comes first"
        used = next((row.monitor for number, row in enumerate(self._rows) if self.in_use(number)), None)
        if used is not None:
            return Code.REFUSED_BY_STATE, f"a functional monitor combines {used}; functional.delete comes first"
        for number, definition in enumerate(self.state.definitions):
            self._forget(number)
            self.state.definitions[number] = replace(definition, reading=-1, enabled=False)
        self.keep()
        self._build()
        return None

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
            return Code.REFUSED_BY_STATE, f"{self._rows[monitor].monitor} is defined; monitoring.modify changes it"
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
            return Code.REFUSED_BY_STATE, f"{self._rows[monitor].monitor} is enabled; monitoring.disable comes first"
        if self.in_use(monitor):
            return Code.REFUSED_BY_STATE, f"a functional monitor combines {self._rows[monitor].monitor}"
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
        changed = replace(definition, check=check, low=low, high=high, repetition=repetition)
        return self._change(monitor, changed)

    def _change(self, number: int, definition: Definition) -> Failure:
        if definition.check != Check.EXPECTED and not definition.low <= definition.high:
            return Code.OUT_OF_RANGE, f"low {definition.low:g} must not be above high {definition.high:g}"
        self._redefine(number, definition)
        return self.describe(number)

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

    @telecommand("monitoring.status", Service.MONITORING, 13, "Report what every monitor does and finds")
    def status(self) -> Failure:
        """TC[12,13] report the status of each parameter monitoring definition: a TM[12,14] each."""
        for number, (d, watch) in enumerate(zip(self.state.definitions, self.state.watches, strict=True)):
            if d.reading >= 0:
                self._storage.report(self.STATUS, number, d.enabled, watch.found, self._answers.masked(number))
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
