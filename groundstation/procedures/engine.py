"""Procedures under way: begun by the timeline or an operator, advanced by the ground's steps, logged line by line.

Events in (a tick, a reading, an operator's word), instructions out (telecommands through `Surroundings.ask`, archive
rows, notes). No clock, no event loop: a coroutine moves on when what it awaits has come, in the tick in which it has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bus.dictionary import Dictionary, Parameter, Structure
from bus.errors import Refused, ScenarioError, UnknownNameError
from bus.scenario.model import ProcedureEntry
from bus.snapshot.pack import pack, unpack
from bus.telecommand_check import MAX_TEXT, is_hazardous, refusal_text
from bus.text.near import nearest
from bus.wire.messages import OperatorNote, Scalar, Telemetry
from groundstation.procedures import answers
from groundstation.procedures.coroutine import MAX_LOG, Divergence, Driven
from groundstation.procedures.declaration import Procedure, check_asked
from groundstation.procedures.results import bound_of, command_over, met, outcome, seconds, where
from groundstation.procedures.source_check import CONFIRM
from groundstation.procedures.state import (
    UNDER_WAY,
    LogLine,
    Pending,
    ProcedureEffects,
    ProceduresState,
    Run,
    RunState,
)
from groundstation.procedures.words import Ahead, Command, Contact, ProcedureStop, Question, Reading, Step, Wait

MAX_RUNS = 256
"""Runs under way at once."""
STEPS_A_TICK = 64
"""Steps of one run that may end in one tick; the next ones wait for the next."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the ground lends: telecommands (gives the request's number), what became of one (state and text, None while
    it is under way), the station that points at a spacecraft (empty: none), and when stations will point at it until
    then: from, to, both as its clock shows them, and the station's number."""

    ask: Callable[[str, str, Mapping[str, Scalar], str], int]
    outcome: Callable[[int], tuple[str, str] | None]
    station: Callable[[str], str]
    ahead: Callable[[str, int], list[tuple[int, int, int]]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A procedure somebody wants to be run."""

    name: str
    spacecraft: tuple[str, ...]
    arguments: Mapping[str, Scalar]
    origin: str
    token: int = -1


class Procedures:
    """The runs of procedures. `known`: by name; `live_within_s`: an older reading is played back and answers nobody."""

    def __init__(
        self,
        known: Mapping[str, Procedure],
        dictionaries: Mapping[str, Dictionary],
        entries: tuple[ProcedureEntry, ...],
        *,
        ground_boot: int,
        live_within_s: float,
    ) -> None:
        self._known = known
        self._dictionaries = dictionaries
        self._entries = sorted(entries, key=lambda entry: entry.at_s)
        self._boot = ground_boot
        self._live_ns = round(live_within_s * 1e9)
        self._driven: dict[int, Driven] = {}
        self._held = ProcedureEffects()
        self.state = ProceduresState()

    def save(self) -> bytes:
        """All it remembers."""
        return pack(self.state)

    def restore(self, data: bytes) -> None:
        """Take over what `save` gave."""
        self.take_over(unpack(ProceduresState, data))

    def take_over(self, state: ProceduresState) -> None:
        """Go on from this state: every run's coroutine is made anew and brought to where it was by its log."""
        for driven in self._driven.values():
            driven.close()
        self.state, self._driven = state, {}
        for run in list(state.runs.values()):  # now, not when it is next looked at: mail may come before
            self._drive(run, run.pending.since_ns if run.pending else run.started_ns, self._held)

    @property
    def idle(self) -> bool:
        """Whether a step would do nothing."""
        return not self.state.runs and not self._held.records

    def due(self, start_ns: int, now_ns: int, effects: ProcedureEffects) -> None:
        """The timeline's procedures whose time has come."""
        while self.state.next_entry < len(self._entries):
            entry = self._entries[self.state.next_entry]
            if round(entry.at_s * 1e9) > start_ns:
                return
            self.state.next_entry += 1
            self.begin(Asked(entry.name, entry.spacecraft, entry.arguments, "timeline"), now_ns, effects)

    def begin(self, asked: Asked, now_ns: int, effects: ProcedureEffects) -> None:
        """Somebody wants a procedure: it is under way from the next look on, or REJECTED with what is allowed."""
        run = Run(
            self.state.next_run, asked.name, asked.spacecraft, dict(asked.arguments), asked.origin, asked.token, now_ns
        )
        self.state.next_run += 1
        try:
            run.arguments = check_asked(self._known, self._dictionaries, run.name, run.spacecraft, run.arguments)
        except (UnknownNameError, ScenarioError) as error:
            self._end(run, RunState.REJECTED, refusal_text(error), now_ns, effects)
            return
        if len(self.state.runs) >= MAX_RUNS:
            self._end(run, RunState.REJECTED, f"{MAX_RUNS} procedures are under way already", now_ns, effects)
            return
        self.state.runs[run.number] = run
        self._record(run, now_ns, effects)

    def answer(self, number: int, word: str) -> str:
        """An operator's answer. Gives why it is none, or nothing."""
        run = self.state.runs.get(number)
        if run is None or run.state != RunState.ASKING or run.pending is None:
            return f"procedure run {number} asks nothing"
        step = self._step_of(run)
        if not isinstance(step, Question) or word not in step.options:
            options = " | ".join(step.options) if isinstance(step, Question) else "none"
            return f"found {word!r}; allowed: {options}"
        run.pending.value = word
        return ""

    def abort(self, number: int, now_ns: int, effects: ProcedureEffects) -> str:
        """An operator ends a run; its telecommands under way go on. Gives why not, or nothing."""
        run = self.state.runs.get(number)
        if run is None:
            return f"no procedure run {number} is under way"
        self._end(run, RunState.ABORTED, "by the operator", now_ns, effects)
        return ""

    def heard(self, spacecraft: str, packet: Telemetry, structure: Structure | None, made_ns: int, now_ns: int) -> None:
        """A packet of that form, made at `made_ns`: readings that are awaited, and values that were asked for."""
        if not self.state.runs or now_ns - made_ns > self._live_ns:
            return
        dictionary = self._dictionaries[spacecraft]
        for run in self.state.runs.values():
            step, pending = self._step_of(run), run.pending
            if pending is None or pending.since_ns >= now_ns:
                continue
            if isinstance(step, Reading) and spacecraft == self._whom(run, step)[0]:
                if structure is not None and step.parameter in structure.parameters:
                    place = structure.parameters.index(step.parameter)
                    if place < len(packet.values):
                        self._reading(step, dictionary.parameter[step.parameter], packet.values[place], pending)
            elif isinstance(step, Command) and spacecraft in self._whom(run, step):
                answers.take(dictionary, step, packet, pending)

    def step(self, now_ns: int, around: Surroundings, effects: ProcedureEffects) -> None:
        """Let every run go on as far as it can."""
        if self._held.records:
            effects.records += self._held.records
            effects.notes += self._held.notes
            self._held = ProcedureEffects()
        for run in list(self.state.runs.values()):
            self._advance(run, now_ns, around, effects)

    def close(self, now_ns: int, effects: ProcedureEffects) -> None:
        """The run of the range has ended."""
        for run in list(self.state.runs.values()):
            self._end(run, RunState.ABORTED, "the run has ended", now_ns, effects)

    def _advance(self, run: Run, now_ns: int, around: Surroundings, effects: ProcedureEffects) -> None:
        driven = self._drive(run, now_ns, effects)
        for _ in range(2 * STEPS_A_TICK):  # each begins, and ends
            if driven is None or run.number not in self.state.runs:
                return
            if run.pending is not None:
                line = self._over(run, driven.step, now_ns, around)
                if line is None:
                    return
                self._log(run, len(run.log), line, (run.pending.since_ns, now_ns), effects)
                run.pending, run.state, run.detail = None, RunState.RUNNING.value, ""
                if driven.add(line):
                    self._go_on(run, driven, line, now_ns, effects)
                else:
                    self._end(run, RunState.FAILED, f"it took more than {MAX_LOG:,} steps", now_ns, effects)
            elif driven.step is not None:
                self._begin_step(run, driven.step, now_ns, around, effects)

    def _drive(self, run: Run, now_ns: int, effects: ProcedureEffects) -> Driven | None:
        """The run's coroutine, where it was. A new one is brought there by its log; None if that did not succeed."""
        driven = self._driven.get(run.number)
        if driven is None:
            procedure = self._known.get(run.name)
            if procedure is None:
                self._end(run, RunState.DIVERGED, "this ground has no such procedure", now_ns, effects)
                return None
            driven = self._driven[run.number] = Driven(procedure, run)
            self._go_on(run, driven, None, now_ns, effects)
            if (
                run.pending is not None
                and run.state in UNDER_WAY
                and (driven.step is None or driven.step.text != run.pending.step)
            ):
                now = driven.step.text if driven.step else "its end"
                self._end(
                    run, RunState.DIVERGED, f"'{run.pending.step}' was under way, it says '{now}'", now_ns, effects
                )
        return self._driven.get(run.number)

    def _go_on(self, run: Run, driven: Driven, line: LogLine | None, now_ns: int, effects: ProcedureEffects) -> None:
        """Resume the coroutine; what it says, and its end if it comes to that, is recorded."""
        since = len(run.log)
        try:
            over = driven.go_on(line) is None
            state, detail = RunState.COMPLETED, ""
        except Divergence as error:
            over, state, detail = True, RunState.DIVERGED, str(error)
        except ProcedureStop as stop:
            over, state, detail = True, RunState.FAILED, str(stop)
        except (Exception, SystemExit) as error:  # a procedure is a program: its mistakes end the run, not the ground
            over, state, detail = True, RunState.FAILED, where(error)
        for place in range(since, len(run.log)):  # checks and notes between two steps
            self._log(run, place, run.log[place], (now_ns, now_ns), effects)
        if not over:
            return
        if state is not RunState.DIVERGED and (run.pending is not None or driven.repeating):
            state, detail = RunState.DIVERGED, f"it ended where it did not before: {detail or 'in order'}"
        self._end(run, state, detail, now_ns, effects)

    def _begin_step(self, run: Run, step: Step, now_ns: int, around: Surroundings, effects: ProcedureEffects) -> None:
        run.pending = Pending(step.text, now_ns, now_ns + step.within_ns)
        refusal = self._refusal(run, step)
        if refusal:
            run.pending.ends.append(("", "Misuse", refusal))
        elif isinstance(step, Command):
            for spacecraft in self._whom(run, step):
                request = around.ask(spacecraft, step.name, step.arguments, f"procedure {run.number}")
                run.pending.requests[request] = spacecraft
            self._ends(run.pending, around)  # a refusal is known at once, and only now
        elif isinstance(step, Question):
            run.state = RunState.ASKING.value
            run.detail = f"{step.question} [{' | '.join(step.options)}]"
            self._record(run, now_ns, effects)
        effects.records.append((
            "procedure_log", self._boot, run.number, len(run.log), run.pending.since_ns, None, step.text, "",
        ))  # fmt: skip

    def _refusal(self, run: Run, step: Step) -> str:
        """Why a step cannot be begun: names and values are the dictionary's."""
        for spacecraft in self._whom(run, step):
            dictionary = self._dictionaries.get(spacecraft)
            if dictionary is None:
                return UnknownNameError("spacecraft", spacecraft, nearest(spacecraft, self._dictionaries)).message
            if isinstance(step, Command) and not step.confirmed and step.name in dictionary.telecommand:
                hazardous = is_hazardous(dictionary, step.name, step.arguments)
                if hazardous:
                    return f"{step.name} is hazardous; allowed: {CONFIRM}"
            if isinstance(step, Reading):
                form = dictionary.parameter.get(step.parameter)
                if form is None:
                    near = nearest(step.parameter, dictionary.parameter)
                    return UnknownNameError("parameter", step.parameter, near).message
                try:
                    for bound in step.bounds:
                        bound_of(form, bound)
                except Refused as error:
                    return f"{step.parameter}: {error}"
        return ""

    def _over(self, run: Run, step: Step | None, now_ns: int, around: Surroundings) -> LogLine | None:
        """What the step under way gave, or None while it goes on."""
        pending = run.pending
        assert pending is not None
        if pending.ends and pending.ends[0][1] == "Misuse":
            return LogLine(pending.step, raised="Misuse", text=pending.ends[0][2])
        if isinstance(step, Command):
            self._ends(pending, around)
            whom = self._whom(run, step)
            if answers.complete(self._dictionaries[whom[0]], step, whom, pending):
                return command_over(pending)
        elif isinstance(step, Contact):
            station = around.station(self._whom(run, step)[0])
            if station:
                return LogLine(pending.step, station)
        elif isinstance(step, Ahead):
            spans = around.ahead(self._whom(run, step)[0], now_ns + step.span_ns)
            return LogLine(pending.step, step.told(spans))
        elif isinstance(step, Wait):
            if now_ns >= pending.since_ns + step.for_ns:
                return LogLine(pending.step)
        elif pending.value is not None:
            return LogLine(pending.step, pending.value)
        if now_ns < pending.deadline_ns:
            return None
        if isinstance(step, Question) and step.otherwise:
            return LogLine(pending.step, step.otherwise, text="nobody answered")
        return LogLine(pending.step, raised="NotInTime", text=f"{pending.step}: not within {seconds(pending)}")

    def _ends(self, pending: Pending, around: Surroundings) -> None:
        for request, spacecraft in list(pending.requests.items()):
            end = around.outcome(request)
            if end is not None:
                del pending.requests[request]
                pending.ends.append((spacecraft, *end))

    def _reading(self, step: Reading, form: Parameter, value: float, pending: Pending) -> None:
        if pending.value is None and met(step, form, value):
            pending.value = form.label(value) or (bool(value) if form.type == "bool" else value)

    def _whom(self, run: Run, step: Step) -> tuple[str, ...]:
        return step.whom or run.spacecraft[:1]

    def _step_of(self, run: Run) -> Step | None:
        driven = self._driven.get(run.number)
        return driven.step if driven else None

    def _log(self, run: Run, place: int, line: LogLine, span: tuple[int, int], effects: ProcedureEffects) -> None:
        result = outcome(line)
        effects.records.append((
            "procedure_log", self._boot, run.number, place, *span, line.step, result,
        ))  # fmt: skip
        self._note(run, f"{place + 1}. {line.step}: {result}", effects)

    def _end(self, run: Run, state: RunState, detail: str, now_ns: int, effects: ProcedureEffects) -> None:
        run.state, run.detail = state.value, detail[:MAX_TEXT]
        self.state.totals[state.value] = self.state.totals.get(state.value, 0) + 1
        self.state.runs.pop(run.number, None)
        driven = self._driven.pop(run.number, None)
        if driven is not None:
            driven.close()
        self._record(run, now_ns, effects)

    def _record(self, run: Run, now_ns: int, effects: ProcedureEffects) -> None:
        effects.records.append((
            "procedures", self._boot, run.number, run.name, json.dumps(run.spacecraft),
            json.dumps(run.arguments, sort_keys=True), run.origin, run.started_ns, run.state, now_ns, run.detail,
        ))  # fmt: skip
        self._note(run, run.detail, effects)

    def _note(self, run: Run, text: str, effects: ProcedureEffects) -> None:
        if run.token >= 0:
            final = run.state not in UNDER_WAY
            note = OperatorNote(token=run.token, run=run.number, state=run.state, text=text[:MAX_TEXT], final=final)
            effects.notes.append(note)
