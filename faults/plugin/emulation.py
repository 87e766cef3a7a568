"""A run in one's hands: fly some time, look, command, break something, wait for what comes. For tests and notebooks.

Everything happens in virtual time: whoever waits makes the run go on until what is waited for has come, or its deadline
has passed. What enters from here is mail from outside like an operator's and an injector's, so the trace holds it.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from bus.dictionary import Dictionary
from bus.errors import DecodeError, SkyrackError, UnknownNameError, UserError
from bus.lockstep.in_process import InProcess
from bus.lockstep.instructions import Finished
from bus.pus import Service
from bus.scenario.model import Scenario
from bus.text.near import nearest
from bus.text.times import clock
from bus.text.units import parse_duration_ns
from bus.trace.reader import read_record
from bus.trace.writer import TraceWriter
from bus.wire.codec import decode, encode, peek
from bus.wire.messages import (
    Body,
    Event,
    Injection,
    InjectionReport,
    InjectionState,
    Kind,
    Message,
    OperatorReply,
    Scalar,
    Seam,
    Telemetry,
)
from bus.wire.stacks import OperatorConfirmation, OperatorStack
from faults.catalogue.resolve import resolve_fault
from faults.plugin.handles import Fault, Spacecraft
from faults.plugin.heard import KEPT, Command, Heard, Report, Sample, TooLate
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run.director import DIRECTOR_ID
from faults.run.outside import hang_up, keep_timing
from faults.run.warm import warm_up
from faults.run_directory import RunDirectory
from faults.scenarios.orbits import period_s
from faults.scenarios.own_faults import check_own, faults_of
from faults.scenarios.vocabulary import design_info
from groundstation.archive.writer import Archive
from groundstation.commanding.wishes import Fleet, Wish
from groundstation.config import GROUND_ID

_HEARD = frozenset({Kind.TELEMETRY, Kind.EVENT, Kind.INJECTION_REPORT})


class Emulation:
    """One run. `async with Emulation(scenario, directory) as run`, or `close` it."""

    def __init__(self, scenario: Scenario, directory: Path) -> None:
        self.scenario = scenario
        self.directory = RunDirectory(directory)
        self.directory.path.mkdir(parents=True, exist_ok=True)
        warm_up(scenario, lambda text: None)
        root.prepare(self.directory, scenario, None)
        self._dictionaries = root.dictionaries(scenario)
        self._design = {one.id: one.design for one in scenario.spacecraft}
        self.heard = {one: Heard() for one in self._design}
        self._reports: dict[str, InjectionReport] = {}
        self._asked: dict[int, list[Command]] = {}
        self._confirm: set[int] = set()
        self._numbers: Iterator[int] = itertools.count(1)
        self._fault_numbers: Iterator[int] = itertools.count(1)
        self._archive = Archive(self.directory.archive, durable=False)
        self._trace = TraceWriter(self.directory.trace, root.trace_header(scenario))
        self._everybody = root.build_all(scenario)
        self._session = InProcess(
            root.conductor_of(scenario, history=False), self._everybody, scenario.tick_ns, self._trace,
            commit={GROUND_ID: lambda outbox: self._archive.write(outbox.records)}, on_outside=self._replied,
        )  # fmt: skip
        self._session.begin()
        self._finished: Finished | None = None
        self.ticks = 0

    # ---- time ---------------------------------------------------------------------------------------------------

    @property
    def time_s(self) -> float:
        """Mission time: the end of the last tick flown."""
        return self.ticks * self.scenario.tick_ns / 1e9

    @property
    def over(self) -> bool:
        """It has flown to its end."""
        return self._finished is not None

    async def run_for(self, time: str | float) -> None:
        """Fly so long ("10 min", "2 orbits", or seconds). TooLate where the scenario ends before."""
        end_ns = self.ticks * self.scenario.tick_ns + self._ns(time)
        while self.ticks * self.scenario.tick_ns < end_ns:
            await self._next(f"flying {time}")

    async def until(self, condition: Callable[[], Any], within: str | float, what: str = "a condition") -> Any:
        """Fly until `condition()` is true, and give what it gave. TooLate where it is not within that time."""
        end_ns = self.ticks * self.scenario.tick_ns + self._ns(within)
        while True:
            found = condition()
            if found:
                return found
            if self.ticks * self.scenario.tick_ns >= end_ns:
                raise TooLate(f"{what}: not within {within} (it is {clock(self.time_s)})")
            await self._next(what)

    def close(self) -> dict[str, object]:
        """End the run in order where it has not ended, judge its expectations, write summary and report; gives the
        summary."""
        while self._finished is None:
            self._session.stop("the test was over")
            self._fly_a_tick()
        self._archive.close()
        if root.has_outside(self.scenario):
            keep_timing(self.directory, self._everybody)
        flown = root.Flown(self._finished, 0.0)
        return conclude(self.directory, flown, mode="in-process", pace="free")

    def abandon(self) -> None:
        """Leave it as it is: what was recorded can be read."""
        if root.has_outside(self.scenario):
            hang_up(self._everybody, "the test was over")
        self._trace.abandon()
        with suppress(SkyrackError):
            self._archive.close()

    async def __aenter__(self) -> Emulation:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.abandon()

    # ---- whom there is ------------------------------------------------------------------------------------------

    def spacecraft(self, id: str = "") -> Spacecraft:
        """One of them; the only one without a name. UnknownNameError with the nearest ids."""
        if not id and len(self._design) == 1:
            id = next(iter(self._design))
        if id not in self._design:
            hint = f"flying: {', '.join(self._design)}"
            raise UnknownNameError("spacecraft", id, nearest(id, self._design), hint=hint)
        return Spacecraft(self, id)

    def dictionary(self, spacecraft: str) -> Dictionary:
        """What it says and understands."""
        return self._dictionaries[self._design[spacecraft]]

    # ---- faults -------------------------------------------------------------------------------------------------

    def inject(self, target: str, fault: str, *, duration: str | float | None = None, **parameters: Scalar) -> Fault:
        """Break something from the tick after the next on, for a while or until it is cleared. Parameters as in
        scenario files. Raises the same mistakes as `skyrack inject`."""
        spacecraft = self.spacecraft(target).id
        info, known = design_info(self._design[spacecraft]), faults_of(self.scenario)
        tick_s = self.scenario.tick_ns / 1e9
        resolved = resolve_fault(fault, info, parameters, tick_s=tick_s, has_end=duration is not None, faults=known)
        check_own(fault, resolved.primitives, info)
        start_ns = (self.ticks + 2) * self.scenario.tick_ns
        end_ns = 0 if duration is None else start_ns + max(self._ns(duration), self.scenario.tick_ns)
        name = f"{fault}~{next(self._fault_numbers)}"
        count = len(resolved.primitives)
        parts = [name] if count == 1 else [f"{name}.{index}" for index in range(count)]
        for part, (seam, place, primitive, values) in zip(parts, resolved.primitives, strict=True):
            injection = Injection(
                injection=part, seam=seam, place=place, primitive=primitive, parameters=values, start_ns=start_ns,
                end_ns=end_ns,
            )  # fmt: skip
            self._send(DIRECTOR_ID, spacecraft, injection)
        marks = {one: self.spacecraft(one).marks() for one in self._design}
        return Fault(self, spacecraft, name, tuple(parts), marks)

    def end(self, target: str, injections: tuple[str, ...]) -> None:
        """Clear these injections of a spacecraft, from the next tick on."""
        for each in injections:
            clear = Injection(
                injection=each, seam=Seam.PLANT, place="", primitive="", parameters={}, start_ns=0, end_ns=0, clear=True
            )
            self._send(DIRECTOR_ID, target, clear)

    def state_of(self, injection: str) -> InjectionReport | None:
        """What a target said last of an injection."""
        return self._reports.get(injection)

    # ---- commanding ---------------------------------------------------------------------------------------------

    def ask(self, wish: Wish, *, confirm: bool = False) -> list[Command]:
        """Ask the ground for telecommands as an operator would; gives one Command for each spacecraft. Raises what
        `skyrack command` would say."""
        fleet = Fleet(self._design, self._dictionaries.__getitem__, period_s(self.scenario.spacecraft[0].orbit))
        step = fleet.step(wish)
        hazards = fleet.hazards((step,))
        if hazards and not confirm:
            raise UserError(f"{', '.join(hazards)}: hazardous", hint="say it a second time: confirm=True")
        token = next(self._numbers)
        if confirm:
            self._confirm.add(token)
        found = [Command(one, step.name) for one in step.spacecraft]
        self._asked[token] = found
        stack = OperatorStack(token=token, steps=(step,), stop=True, asked_by="test", asked_from="")
        self._send("operator", GROUND_ID, stack)
        return found

    # ---- inside -------------------------------------------------------------------------------------------------

    def _ns(self, time: str | float) -> int:
        return parse_duration_ns(
            f"{time} s" if isinstance(time, int | float) else time, orbit_s=period_s(self.scenario.spacecraft[0].orbit)
        )

    def _send(self, source: str, destination: str, body: Body) -> None:
        self._session.inject([encode(Message(0, source, 0, destination, body))])

    async def _next(self, what: str) -> None:
        if self.over:
            raise TooLate(f"{what}: the scenario ended at {clock(self.time_s)}")
        self._fly_a_tick()
        await asyncio.sleep(0)  # others of this test wait too

    def _fly_a_tick(self) -> None:
        passed = self._session.advance()
        if isinstance(passed, Finished):
            self._finished = passed
            return
        record = read_record(passed.content)
        if not record.closing:
            self.ticks = record.tick + 1
        for answer in record.answers:
            names = self.scenario.truth_signals.get(answer.id, ())
            if answer.id in self.heard and len(answer.truth) == 8 * len(names):
                values = struct.unpack(f"<{len(names)}d", answer.truth)
                self.heard[answer.id].truth = dict(zip(names, values, strict=True))
        for frame in record.mail:
            if peek(frame).kind in _HEARD:
                with suppress(DecodeError):
                    self._hear(decode(frame))

    def _hear(self, message: Message) -> None:
        body = message.body
        heard = self.heard.get(message.source)
        if isinstance(body, InjectionReport):
            self._reports[body.injection] = body
        elif heard is None:
            return
        elif isinstance(body, Telemetry) and body.stream == Service.HOUSEKEEPING:
            self._values(message.source, heard, body)
        elif isinstance(body, Event):
            form = self.dictionary(message.source).event.get(body.event)
            if form is not None:
                report = Report(
                    self.time_s, body.obt_ns / 1e9, form.name, body.severity, form.named(body.arguments),
                    (body.boot, body.sequence),
                )  # fmt: skip
                heard.events.append(report)

    def _values(self, spacecraft: str, heard: Heard, body: Telemetry) -> None:
        dictionary = self.dictionary(spacecraft)
        structure = dictionary.structure.get(body.structure)
        if structure is None or len(structure.parameters) != len(body.values):
            return
        for name, value in zip(structure.parameters, body.values, strict=True):
            samples = heard.telemetry.setdefault(name, deque(maxlen=KEPT))
            label = dictionary.parameter[name].label(value)
            samples.append(Sample(self.time_s, body.obt_ns / 1e9, value, label, (body.boot, body.sequence)))

    def _replied(self, frames: tuple[bytes, ...]) -> None:
        for frame in frames:
            reply = decode(frame).body
            if not isinstance(reply, OperatorReply):
                continue
            found = self._asked.get(reply.token, [])
            mine = next((one for one in found if one.spacecraft == (reply.spacecraft or one.spacecraft)), None)
            if mine is not None:
                mine.state, mine.detail = reply.state, reply.detail
                mine.history.append((self.time_s, reply.state))
            if reply.state == "HELD" and "confirm request" in reply.detail and reply.token in self._confirm:
                self._confirm.discard(reply.token)
                word = OperatorConfirmation(token=next(self._numbers), request=reply.request)
                self._send("operator", GROUND_ID, word)

    def story(self, events: int = 12) -> str:
        """Where it stands, for a test that failed: seed, time, the last events, the last telemetry of each."""
        name, seed, path = self.scenario.name, self.scenario.seed, self.directory.path
        lines = [f"{name}, seed {seed}, at {clock(self.time_s)}; recorded in {path}"]
        for id, heard in self.heard.items():
            mode, soc = self.spacecraft(id).latest("mode"), self.spacecraft(id).latest("battery_soc")
            state = ", ".join(
                f"{name} {sample.label or f'{sample.value:.6g}'} received at {clock(sample.received_s)}"
                for name, sample in (("mode", mode), ("battery_soc", soc))
                if sample is not None
            )
            lines.append(f"{id}: {state or 'nothing received'}")
            lines += [
                f"  {clock(e.received_s)} {e.name} {', '.join(f'{k} {v}' for k, v in e.arguments.items())}".rstrip()
                for e in list(heard.events)[-events:]
            ]
        for name, report in self._reports.items():
            state = InjectionState(report.state).name.lower()
            lines.append(f"fault {name}: {state} {clock(report.at_ns / 1e9)} {report.reason}".rstrip())
        return "\n".join(lines)
