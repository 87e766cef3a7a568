"""On-board procedures, service 18: short sequences of telecommands with waits and conditions, as data.

Those of the design are loaded at the first start; the ground loads its own into spare ones and unloads any. What is
loaded survives a reboot, what runs does not: after a boot all are loaded and none is active. A step that fails ends
its procedure. Number, steps and time are bounded, and no step can start a procedure, so nothing runs without end. How
steps are written is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from bus.condition import COMPARISONS
from bus.dictionary import Dictionary, OnBoardParameter
from bus.errors import Refused
from bus.on_board_steps import MOST_STEPS, Do, Step, read_step, read_steps
from bus.pus import Code, Service, Severity
from node.devices.equipment import Equipment
from node.fsw.component import (
    Arg,
    Component,
    Event,
    Failure,
    OnBoard,
    Report,
    kept,
    telecommand,
    telemetered,
    telemetry,
)
from node.fsw.datapool import Layout
from node.fsw.modes import Mode
from node.fsw.services.st01_verification import Verification
from node.fsw.services.st15_storage import Storage

SPARES = 4
"""Procedures that the ground can load beside those of the design [A]."""
MOST_ACTIVE = 8
PER_CYCLE = 8
"""Steps that one procedure does in one cycle; the next come in the next [A]."""
STATUSES = ("inactive", "active", "suspended")


def procedure_names(equipment: Equipment) -> tuple[str, ...]:
    """Those of the design, then the spare ones."""
    return (*(name for name, _ in equipment.procedures), *(f"spare.{i + 1}" for i in range(SPARES)))


_PROCEDURE = Arg("procedure", "enum", "on-board procedure", labels=lambda words: procedure_names(words.equipment))


class Status(IntEnum):
    """Positions in `STATUSES`."""

    INACTIVE = 0
    ACTIVE = 1
    SUSPENDED = 2


@dataclass(slots=True)
class Run:
    """A procedure under way: the step that is next or under way, from 0, since when, and what the ground asked for."""

    step: int
    began_ns: int
    since_ns: int
    suspended: bool = False
    stops: bool = False


@dataclass(slots=True)
class State:
    """`programs`: the steps of what is loaded, by the procedure's number (kept). `loaded`: the design's were. `runs`:
    what is under way."""

    procedures_ended: int = telemetered("int", "On-board procedures that came to their end")
    procedures_failed: int = telemetered("int", "On-board procedures that a step ended")
    procedures_engine_on: bool = telemetered("bool", "On-board procedures run", default=True, kept=True)
    loaded: bool = kept(bool)
    programs: dict[int, list[Step]] = kept(dict)
    runs: dict[int, Run] = field(default_factory=dict)


class Procedures(Component):
    """Loads, runs and reports them."""

    name = "procedures"
    state: State

    STARTED = Event(90, "procedure_started", Severity.INFORMATIVE, "An on-board procedure was activated", (_PROCEDURE,))
    ENDED = Event(
        91, "procedure_ended", Severity.INFORMATIVE, "An on-board procedure came to its end",
        (_PROCEDURE, Arg("step", "int", "the last step that it did, from 1; 0: none")),
    )  # fmt: skip
    FAILED = Event(
        92, "procedure_failed", Severity.MEDIUM, "A step ended an on-board procedure",
        (
            _PROCEDURE,
            Arg("step", "int", "the step, from 1"),
            Arg("code", "int", "failure code of its telecommand; 25: its condition does not hold, or took too long"),
        ),
    )  # fmt: skip
    STATUS = Report(
        1809, "procedure_status", Service.PROCEDURE, 9,
        (
            Arg("procedures_loaded", "int", "Procedures that are loaded"),
            Arg("told_procedure", "enum", "The one told here", labels=lambda words: procedure_names(words.equipment)),
            Arg("procedure_state", "enum", "What it does", labels=STATUSES),
            Arg("procedure_step", "int", "The step under way, from 1; 0: none"),
            Arg("procedure_steps", "int", "Steps that it has; 0: nothing is loaded"),
        ),
    )  # fmt: skip
    ABORTED = Report(
        1818, "procedures_aborted", Service.PROCEDURE, 18,
        (
            Arg("procedures_stopped", "int", "Procedures that were under way and were aborted"),
            Arg("aborted_procedure", "enum", "One of them", labels=lambda words: procedure_names(words.equipment)),
            Arg("aborted_step", "int", "The step that was under way, from 1; 0: none was aborted"),
        ),
    )  # fmt: skip
    LONGEST = OnBoardParameter(
        name="procedure.longest_s", unit="s", description="Time after which an on-board procedure is ended",
        default=21_600.0, low=1.0, high=604_800.0,
    )  # fmt: skip

    def __init__(
        self, on_board: OnBoard, layout: Layout, storage: Storage, verification: Verification,
        stale: Callable[[int], bool],
    ) -> None:  # fmt: skip
        """`stale`: whether the device of this number gives no new readings."""
        super().__init__(on_board, State())
        self._layout = layout
        self._storage = storage
        self._verification = verification
        self._stale = stale
        self._device = [i for i, (_, start, stop) in enumerate(layout.devices) for _ in range(stop - start)]
        self._names = procedure_names(on_board.equipment)
        self._own: Sequence[Callable[[], float]] = ()
        self._dictionary: Dictionary | None = None

    def connect(self, dictionary: Dictionary, own: Sequence[Callable[[], float]]) -> None:
        """Every component is built. What nothing was kept of begins with the design's procedures."""
        self._dictionary, self._own = dictionary, own
        if not self.state.loaded:
            self.state.loaded = True
            for number, (_, steps) in enumerate(self.on_board.equipment.procedures):
                self.state.programs[number] = [read_step(dictionary, step) for step in steps]
            self.keep()

    # ---- running ------------------------------------------------------------------------------------------------

    def cycle(self, mode: Callable[[], Mode]) -> None:
        """Let each go on as far as it can."""
        if self.state.runs and self.state.procedures_engine_on:
            for number, run in list(self.state.runs.items()):
                if not run.suspended:
                    self._advance(number, run, mode)

    def _advance(self, number: int, run: Run, mode: Callable[[], Mode]) -> None:
        program, now_ns = self.state.programs[number], self.on_board.time_ns
        if now_ns - run.began_ns > self.on_board.span_ns(self.LONGEST):
            self._fail(number, run, Code.REFUSED_BY_STATE)
            return
        for _ in range(PER_CYCLE):
            if run.step >= len(program):
                self._end(number, run)
                return
            step = program[run.step]
            if step.do is Do.WAIT:
                if now_ns - run.since_ns < round(step.span_s * 1e9):
                    return
            elif step.do is Do.UNTIL:
                if not self._holds(step.condition):
                    if now_ns - run.since_ns >= round(step.span_s * 1e9):
                        self._fail(number, run, Code.REFUSED_BY_STATE)
                    return
            elif step.do is Do.CHECK:
                if not self._holds(step.condition):
                    self._fail(number, run, Code.REFUSED_BY_STATE)
                    return
            elif step.do is Do.STOP_UNLESS:
                if not self._holds(step.condition):
                    run.step += 1
                    self._end(number, run)
                    return
            elif not step.condition or self._holds(step.condition):
                failure = self._verification.carry_out(step.telecommand, step.arguments, mode())
                if failure is not None and failure[0] is not Code.NONE:
                    self._fail(number, run, failure[0])
                    return
            run.step, run.since_ns = run.step + 1, now_ns
            if run.stops:
                self._end(number, run)
                return

    def _holds(self, condition: str) -> bool:
        """What a device that is stale said last holds for nothing."""
        name, comparison, bound = condition.split(" ")
        position = self._layout.index[name]
        if position < len(self._device) and self._stale(self._device[position]):
            return False
        if position >= self._layout.own:
            value = self._own[position - self._layout.own]()
        else:
            value = self.on_board.state.pool.item(position)
        return COMPARISONS[comparison](value, float(bound))

    def _end(self, number: int, run: Run) -> None:
        del self.state.runs[number]
        self.state.procedures_ended += 1
        self.event(self.ENDED, number, run.step)

    def _fail(self, number: int, run: Run, code: Code) -> None:
        del self.state.runs[number]
        self.state.procedures_failed += 1
        self.event(self.FAILED, number, run.step + 1, code)

    @telemetry("int", "On-board procedures under way")
    def procedures_active(self) -> int:
        """Suspended ones too."""
        return len(self.state.runs)

    # ---- telecommands -------------------------------------------------------------------------------------------

    @telecommand(
        "procedure.load", Service.PROCEDURE, 1, "Load steps of an on-board procedure; survives a reboot", _PROCEDURE,
        Arg("part", "int", "1: in place of what was loaded; more: behind it", low=1, high=16, default=1),
        Arg("steps", "steps", "steps with semicolons between"), hazardous=True,
    )  # fmt: skip
    def load(self, procedure: int, part: int, steps: str) -> Failure:
        """TC[18,1] direct-load an on-board control procedure."""
        if procedure in self.state.runs:
            return self._under_way(procedure)
        if part > 1 and procedure not in self.state.programs:
            return self._missing(procedure)
        try:
            read = read_steps(self._dictionary, steps) if self._dictionary is not None else []
        except Refused as error:
            return Code.WRONG_ARGUMENT, f"{error.found}; allowed: {error.allowed}"
        program = (self.state.programs[procedure] if part > 1 else []) + read
        if len(program) > MOST_STEPS:
            return Code.FULL, f"{len(program)} steps; a procedure has at most {MOST_STEPS}"
        self.state.programs = dict(sorted({**self.state.programs, procedure: program}.items()))
        self.keep()
        return Code.NONE, f"{len(program)} steps"

    @telecommand("procedure.unload", Service.PROCEDURE, 2, "Unload an on-board procedure", _PROCEDURE, hazardous=True)
    def unload(self, procedure: int) -> Failure:
        """TC[18,2] unload an on-board control procedure."""
        if procedure in self.state.runs:
            return self._under_way(procedure)
        if procedure not in self.state.programs:
            return self._missing(procedure)
        del self.state.programs[procedure]
        self.keep()
        return None

    @telecommand(
        "procedure.activate", Service.PROCEDURE, 3, "Begin an on-board procedure", _PROCEDURE, hazardous=True,
        raises=(STARTED,),
    )  # fmt: skip
    def activate(self, procedure: int) -> Failure:
        """TC[18,3] activate an on-board control procedure; its first step comes in the next cycle."""
        state, now_ns = self.state, self.on_board.time_ns
        if procedure in state.runs:
            return self._under_way(procedure)
        if procedure not in state.programs:
            return self._missing(procedure)
        if not state.procedures_engine_on:
            return Code.REFUSED_BY_STATE, "on-board procedures are switched off; procedure.on lets them run"
        if len(state.runs) >= MOST_ACTIVE:
            return Code.FULL, f"{MOST_ACTIVE} procedures are under way"
        state.runs[procedure] = Run(0, now_ns, now_ns)
        self.event(self.STARTED, procedure)
        return None

    @telecommand("procedure.stop", Service.PROCEDURE, 4, "End an on-board procedure after its present step", _PROCEDURE)
    def stop(self, procedure: int) -> Failure:
        """TC[18,4] stop an on-board control procedure."""
        run = self.state.runs.get(procedure)
        if run is None:
            return self._not_active(procedure)
        run.stops = True
        return None

    @telecommand("procedure.suspend", Service.PROCEDURE, 5, "Hold an on-board procedure where it is", _PROCEDURE)
    def suspend(self, procedure: int) -> Failure:
        """TC[18,5] suspend an on-board control procedure. Its waits go on."""
        return self._suspend(procedure, suspended=True)

    @telecommand("procedure.resume", Service.PROCEDURE, 6, "Let a suspended on-board procedure go on", _PROCEDURE)
    def resume(self, procedure: int) -> Failure:
        """TC[18,6] resume an on-board control procedure."""
        return self._suspend(procedure, suspended=False)

    @telecommand("procedure.status", Service.PROCEDURE, 8, "Report each loaded on-board procedure, a packet each")
    def report_status(self) -> Failure:
        """TC[18,8] report the execution status of each on-board control procedure: TM[18,9]."""
        state = self.state
        for number, program in state.programs.items():
            run = state.runs.get(number)
            status = Status.INACTIVE if run is None else Status.SUSPENDED if run.suspended else Status.ACTIVE
            step = 0 if run is None else run.step + 1
            self._storage.report(self.STATUS, len(state.programs), number, status, step, len(program))
        if not state.programs:
            self._storage.report(self.STATUS, 0, 0, 0, 0, 0)
        return None

    @telecommand("procedure.abort", Service.PROCEDURE, 12, "End an on-board procedure now", _PROCEDURE)
    def abort(self, procedure: int) -> Failure:
        """TC[18,12] abort an on-board control procedure."""
        run = self.state.runs.get(procedure)
        if run is None:
            return self._not_active(procedure)
        self._end(procedure, run)
        return None

    @telecommand("procedure.abort_all", Service.PROCEDURE, 17, "End all on-board procedures now, and say which")
    def abort_all(self) -> Failure:
        """TC[18,17] abort all on-board control procedures and report: TM[18,18]."""
        runs = dict(self.state.runs)
        for number, run in runs.items():
            self._storage.report(self.ABORTED, len(runs), number, run.step + 1)
            self._end(number, run)
        if not runs:
            self._storage.report(self.ABORTED, 0, 0, 0)
        return None

    @telecommand("procedure.on", Service.PROCEDURE, 21, "Let on-board procedures run")
    def switch_on(self) -> Failure:
        """TC[18,21] start the engine of on-board control procedures."""
        self.state.procedures_engine_on = True
        self.keep()
        return None

    @telecommand(
        "procedure.off", Service.PROCEDURE, 22, "End all on-board procedures, and let none begin", hazardous=True
    )
    def switch_off(self) -> Failure:
        """TC[18,22] stop the engine of on-board control procedures."""
        self.state.procedures_engine_on = False
        self.keep()
        for number, run in list(self.state.runs.items()):
            self._end(number, run)
        return None

    def _suspend(self, number: int, *, suspended: bool) -> Failure:
        run = self.state.runs.get(number)
        if run is None:
            return self._not_active(number)
        if run.suspended == suspended:
            return Code.REFUSED_BY_STATE, f"{self._names[number]} is {STATUSES[1 + suspended]} already"
        run.suspended = suspended
        return None

    def _under_way(self, number: int) -> Failure:
        return Code.REFUSED_BY_STATE, f"{self._names[number]} is under way; procedure.abort ends it"

    def _not_active(self, number: int) -> Failure:
        active = ", ".join(self._names[n] for n in self.state.runs) or "none"
        return Code.REFUSED_BY_STATE, f"{self._names[number]} is not under way; these are: {active}"

    def _missing(self, number: int) -> Failure:
        loaded = ", ".join(self._names[n] for n in self.state.programs) or "none"
        return Code.NO_SUCH_ENTRY, f"{self._names[number]} is not loaded; these are: {loaded}"
