"""Functional monitoring, the other half of service 12: a functional monitor combines parameter monitors, and fails
while enough of them find something wrong at once. It stands for a function that several readings tell of together.

Its state is derived from theirs and never stored; what follows when it fails is asked elsewhere (`services/answers`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bus.pus import Code, Service
from node.devices.equipment import FdirRow
from node.fsw.component import Arg, Component, Failure, OnBoard, Report, kept, telecommand, telemetered
from node.fsw.modes import Mode
from node.fsw.monitors import MOST_COMBINED, functional_rows, parameter_rows
from node.fsw.services.answers import Answers
from node.fsw.services.st12_monitoring import Monitoring
from node.fsw.services.st15_storage import Storage

STATES = ("unchecked", "running", "invalid", "failed")
"""As the standard numbers the checking status."""
UNCHECKED, RUNNING, INVALID, FAILED = range(4)
NOBODY = "none"
_FUNCTIONAL = Arg("functional_monitor", "enum", "functional monitor", labels=lambda words: words.functional_monitors)


def _constituent(name: str, text: str, default: str | None = None) -> Arg:
    return Arg(name, "enum", text, labels=lambda words: (NOBODY, *words.monitors), default=default)


@dataclass(slots=True)
class Combination:
    """One functional monitor as it is defined now. `of`: numbers of its monitors, none: it is deleted."""

    of: list[int]
    at_least: int
    enabled: bool
    protected: bool = False


@dataclass(slots=True)
class State:
    """The definitions (kept), and which of them have failed."""

    functional_failed: int = telemetered("int", "Functional monitors that have failed")
    functional_on: bool = telemetered("bool", "Functional monitoring is on", default=True, kept=True)
    combinations: list[Combination] = kept(list)
    failed: set[int] = field(default_factory=set)


class FunctionalMonitoring(Component):
    """The functional monitors of the equipment's FDIR table."""

    name = "functional"
    state: State

    DEFINITION = Report(
        1226, "functional_definition", Service.MONITORING, 26,
        (
            Arg("combined_by", "enum", "Functional monitor", labels=lambda words: words.functional_monitors),
            Arg("combined_at_least", "int", "So many of its monitors must find something wrong"),
            *(_constituent(f"combined_{i + 1}", f"Its monitor {i + 1}") for i in range(MOST_COMBINED)),
            Arg("combined_enabled", "bool", "It is enabled"),
            Arg("combined_protected", "bool", "It cannot be deleted"),
        ),
    )  # fmt: skip
    STATUS = Report(
        1228, "functional_status", Service.MONITORING, 28,
        (
            Arg("functional_name", "enum", "Functional monitor", labels=lambda words: words.functional_monitors),
            Arg("functional_protected", "bool", "It cannot be deleted"),
            Arg("functional_enabled", "bool", "It is enabled"),
            Arg("functional_state", "enum", "What its monitors make of it", labels=STATES),
        ),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, monitoring: Monitoring, answers: Answers, storage: Storage) -> None:
        names = [row.monitor for row in parameter_rows(on_board.equipment)]
        self._rows = functional_rows(on_board.equipment)
        self._first = len(names)
        self._valid = [frozenset(Mode[name] for name in row.modes or Mode.__members__) for row in self._rows]
        self._monitoring, self._answers, self._storage = monitoring, answers, storage
        declared = [_declared(row, names) for row in self._rows]
        super().__init__(on_board, State(combinations=declared))
        if len(self.state.combinations) != len(self._rows):  # another table wrote them
            self.state.combinations = declared
        monitoring.in_use = self._combines

    def _combines(self, monitor: int) -> bool:
        return any(monitor in combination.of for combination in self.state.combinations)

    def cycle(self, mode: Mode) -> None:
        """After the parameter monitors have looked."""
        state = self.state
        if not state.failed and not self._monitoring.state.monitors_violated:
            return
        for place in range(len(self._rows)):
            failed = self.status(place, mode) == FAILED
            if failed != (place in state.failed):
                self._turn(place, failed=failed)
            if failed and not self._answers.masked(self._first + place):
                self._answers.insist(self._first + place, float(self._violated(state.combinations[place])))

    def _turn(self, place: int, *, failed: bool) -> None:
        if failed:
            self.state.failed.add(place)
            self._answers.begin(self._first + place)
        else:
            self.state.failed.discard(place)
            self._answers.end(self._first + place)
        self.state.functional_failed = len(self.state.failed)

    def status(self, place: int, mode: Mode) -> int:
        """A position in `STATES`. One whose monitors cannot tell any more has failed if it had before they could
        not."""
        combination, monitoring = self.state.combinations[place], self._monitoring
        on = self.state.functional_on and monitoring.state.monitoring_on
        if not on or not combination.enabled or not combination.of or mode not in self._valid[place]:
            return UNCHECKED
        if self._violated(combination) >= combination.at_least:
            return FAILED
        looking = sum(monitoring.looks(number) for number in combination.of)
        if not looking:
            return UNCHECKED
        return RUNNING if looking >= combination.at_least else INVALID

    def _violated(self, combination: Combination) -> int:
        return sum(self._monitoring.violated(number) for number in combination.of)

    # ---- the table ----------------------------------------------------------------------------------------------

    def _find(self, place: int) -> Combination | None:
        combination = self.state.combinations[place]
        return combination if combination.of else None

    def _change(self, place: int, combination: Combination) -> Failure:
        """Another definition: that it had failed is forgotten, and the table is kept."""
        if place in self.state.failed:
            self._turn(place, failed=False)
        self._answers.forget(self._first + place)
        self.state.combinations[place] = combination
        self.keep()
        return None

    def _set(self, place: int, *, enabled: bool | None = None, protected: bool | None = None) -> Failure:
        combination = self._find(place)
        if combination is None:
            return self._missing(place)
        if enabled is not None and combination.enabled != enabled:
            return self._change(place, replace(combination, enabled=enabled))
        if protected is not None:
            combination.protected = protected
            self.keep()
        return None

    def _missing(self, place: int) -> Failure:
        return Code.REFUSED_BY_STATE, f"{self._rows[place].monitor} is not defined; functional.add defines it"

    def _switch(self, *, on: bool) -> Failure:
        self.state.functional_on = on
        if not on:
            for place in sorted(self.state.failed):
                self._turn(place, failed=False)
        self.keep()
        return None

    @telecommand("functional.on", Service.MONITORING, 17, "Switch functional monitoring on")
    def switch_on(self) -> Failure:
        """TC[12,17] enable the functional monitoring function."""
        return self._switch(on=True)

    @telecommand("functional.off", Service.MONITORING, 18, "Switch functional monitoring off", hazardous=True)
    def switch_off(self) -> Failure:
        """TC[12,18] disable the functional monitoring function."""
        return self._switch(on=False)

    @telecommand(
        "functional.enable", Service.MONITORING, 19, "Enable a functional monitor; survives a reboot", _FUNCTIONAL
    )
    def enable(self, functional_monitor: int) -> Failure:
        """TC[12,19] enable functional monitoring definitions."""
        return self._set(functional_monitor, enabled=True)

    @telecommand(
        "functional.disable", Service.MONITORING, 20, "Disable a functional monitor; survives a reboot", _FUNCTIONAL,
        hazardous=True,
    )  # fmt: skip
    def disable(self, functional_monitor: int) -> Failure:
        """TC[12,20] disable functional monitoring definitions."""
        return self._set(functional_monitor, enabled=False)

    @telecommand("functional.protect", Service.MONITORING, 21, "Let nobody delete a functional monitor", _FUNCTIONAL)
    def protect(self, functional_monitor: int) -> Failure:
        """TC[12,21] protect functional monitoring definitions."""
        return self._set(functional_monitor, protected=True)

    @telecommand(
        "functional.unprotect", Service.MONITORING, 22, "Let a functional monitor be deleted", _FUNCTIONAL,
        hazardous=True,
    )  # fmt: skip
    def unprotect(self, functional_monitor: int) -> Failure:
        """TC[12,22] unprotect functional monitoring definitions."""
        return self._set(functional_monitor, protected=False)

    @telecommand(
        "functional.add", Service.MONITORING, 23,
        "Define a spare or deleted functional monitor, disabled and unprotected at first", _FUNCTIONAL,
        Arg("at_least", "int", "so many of its monitors must find something wrong", "", 1, MOST_COMBINED),
        _constituent("monitor_1", "its first monitor"),
        *(_constituent(f"monitor_{i + 1}", f"its monitor {i + 1}", NOBODY) for i in range(1, MOST_COMBINED)),
    )  # fmt: skip
    def add(self, functional_monitor: int, at_least: int, **monitors: int) -> Failure:
        """TC[12,23] add functional monitoring definitions. 1 is any of them, their number is all of them."""
        if self._find(functional_monitor) is not None:
            return Code.REFUSED_BY_STATE, f"{self._rows[functional_monitor].monitor} is defined"
        of = sorted({position - 1 for position in monitors.values() if position > 0})
        if len(of) < at_least:
            return Code.OUT_OF_RANGE, f"at least {at_least} of {len(of)} monitors"
        if any(self._monitoring.state.definitions[number].reading < 0 for number in of):
            return Code.REFUSED_BY_STATE, "a monitor that is not defined; monitoring.add defines it"
        return self._change(functional_monitor, Combination(of, at_least, enabled=False))

    @telecommand(
        "functional.delete", Service.MONITORING, 24, "Delete a functional monitor, disabled and unprotected",
        _FUNCTIONAL, hazardous=True,
    )  # fmt: skip
    def delete(self, functional_monitor: int) -> Failure:
        """TC[12,24] delete functional monitoring definitions."""
        combination = self._find(functional_monitor)
        if combination is None:
            return self._missing(functional_monitor)
        if combination.enabled or combination.protected:
            return Code.REFUSED_BY_STATE, "it is enabled or protected; functional.disable or functional.unprotect"
        return self._change(functional_monitor, Combination([], 1, enabled=False))

    @telecommand("functional.report", Service.MONITORING, 25, "Report a functional monitor's definition", _FUNCTIONAL)
    def describe(self, functional_monitor: int) -> Failure:
        """TC[12,25] report functional monitoring definitions: TM[12,26]."""
        combination = self._find(functional_monitor)
        if combination is None:
            return self._missing(functional_monitor)
        of = [number + 1 for number in combination.of] + [0] * (MOST_COMBINED - len(combination.of))
        self._storage.report(
            self.DEFINITION, functional_monitor, combination.at_least, *of, combination.enabled, combination.protected
        )
        return None

    @telecommand("functional.status", Service.MONITORING, 27, "Report the state of every functional monitor")
    def report(self) -> Failure:
        """TC[12,27] report the status of each functional monitoring definition: a TM[12,28] each."""
        mode = Mode(self._monitoring.state.mode)
        for place, combination in enumerate(self.state.combinations):
            if combination.of:
                self._storage.report(
                    self.STATUS, place, combination.protected, combination.enabled, self.status(place, mode)
                )
        return None


def _declared(row: FdirRow, names: list[str]) -> Combination:
    return Combination([names.index(name) for name in row.of if name in names], row.at_least, row.enabled)
