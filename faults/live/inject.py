"""`skyrack inject`: breaking something in a running emulation, or ending what is broken, and waiting for its word.

What enters here is recorded as mail at a tick boundary, so a run with somebody's hands in it replays too.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

from bus.errors import ANSWERED_NO, RangeFailure, Refused, UserError
from bus.scenario.model import Scenario
from bus.text.times import clock
from bus.wire.messages import (
    PROTOCOL_VERSION,
    Hello,
    Injection,
    InjectionReport,
    InjectionState,
    OperatorReply,
    Refusal,
    Scalar,
    Seam,
    Welcome,
)
from faults.catalogue.injection_ids import fault_of, injection_ids, live_id
from faults.live.active import active_ids
from faults.live.connection import connected, design_of, note_waiting, pairs, refused, replies, say, send
from faults.recording.read import read_scenario
from faults.run.director import DIRECTOR_ID, LEAD_TICKS
from faults.run_directory import RunDirectory, live_run
from faults.scenarios.orbits import period_s
from faults.scenarios.own_faults import check_own, faults_of
from faults.scenarios.times import window_length
from faults.scenarios.vocabulary import design_info
from node.designs.load import with_designs

ALL = "all"
"""In place of a fault's id: every one that acts."""


@dataclass(frozen=True, slots=True)
class InjectOptions:
    """What was typed. `clear`: the id of a fault that is to end; then nothing is injected."""

    target: str = ""
    fault: str = ""
    parameters: tuple[str, ...] = ()
    clear: str = ""
    run: Path | None = None
    wait_s: float = 60.0
    as_json: bool = False


def inject_command(options: InjectOptions) -> int:
    """Break something, or end it, and wait for the target's word. Exit status 4 if the target refuses."""
    if options.clear and options.target:
        raise UserError(
            f"--clear {options.clear} ends one fault; it goes without '{options.target}'",
            hint="skyrack inject --clear FAULT_ID",
        )
    if not options.clear and not (options.target and options.fault):
        raise UserError(
            f"which fault? {options.target} alone breaks nothing" if options.target else "nothing to inject",
            hint="skyrack inject dawn-1 string_open string=2, or skyrack inject --clear FAULT_ID",
        )
    directory, _ = live_run(options.run)
    scenario = with_designs(read_scenario(directory))
    if options.clear:
        names = active_ids(directory) if options.clear == ALL else parts_of(options.clear, scenario)
        if not names:
            say("no fault acts", {"state": "COMPLETED", "detail": "no fault acts"}, options.as_json)
            return 0
        clearing = _Clearing(names)
        return asyncio.run(_clear(directory, clearing, options.wait_s, options.as_json))
    return asyncio.run(_inject(directory, _order(options, scenario), options.wait_s, options.as_json))


def _order(options: InjectOptions, scenario: Scenario) -> _Order:
    from faults.catalogue.resolve import resolve_fault  # noqa: PLC0415

    design = design_of(scenario, options.target)
    given = pairs(options.parameters)
    tick_s = scenario.tick_ns / 1e9
    duration_ns = _duration(given.pop("for", None), scenario)
    info, known = design_info(design, tuple(one.id for one in scenario.stations)), faults_of(scenario)
    resolved = resolve_fault(options.fault, info, given, tick_s=tick_s, has_end=duration_ns > 0, faults=known)
    check_own(options.fault, resolved.primitives, info)
    injections = tuple(
        Injection(injection="-", seam=seam, place=place, primitive=primitive, parameters=values, start_ns=0, end_ns=0)
        for seam, place, primitive, values in resolved.primitives
    )
    return _Order(options.target, options.fault, injections, duration_ns, scenario.tick_ns)


@dataclass(slots=True)
class _Order:
    """A fault on its way into a run, and what its target said of it so far."""

    target: str
    fault: str
    injections: tuple[Injection, ...]
    duration_ns: int
    tick_ns: int
    token: str = field(default_factory=lambda: f"{os.getpid():x}")
    """Two people may break the same thing in the same tick: their injections need ids of their own."""
    waiting: list[str] = field(default_factory=list)
    refused: bool = False

    def stamped(self, next_tick: int) -> list[Injection]:
        """The injections with an id of their own, starting soon."""
        start_ns = (next_tick + LEAD_TICKS) * self.tick_ns
        name = live_id(self.fault, next_tick, self.token)
        names = _numbered(name, len(self.injections))
        self.waiting = list(names)
        end_ns = start_ns + self.duration_ns if self.duration_ns else 0
        return [
            injection.model_copy(update={"injection": name, "start_ns": start_ns, "end_ns": end_ns})
            for injection, name in zip(self.injections, names, strict=True)
        ]

    def heard(self, report: InjectionReport, as_json: bool) -> bool:
        """Print a report of the target's. True when all has been said."""
        if report.injection not in self.waiting:
            return False
        self.waiting.remove(report.injection)
        self.refused = self.refused or report.state == InjectionState.REFUSED
        _say_report(self.target, report, as_json)
        return not self.waiting


@dataclass(slots=True)
class _Clearing:
    """The injections of a fault that are to end, and what was said of it so far."""

    waiting: list[str]
    unknown: int = 0
    heard_any: bool = False
    refused: bool = False

    def requests(self) -> list[Injection]:
        """One for each; the bus knows where each of them is active."""
        return [
            Injection(
                injection=name, seam=Seam.PLANT, place="", primitive="", parameters={}, start_ns=0, end_ns=0, clear=True
            )
            for name in self.waiting
        ]

    def turned_down(self, body: Refusal) -> bool:
        """One of them is not active. True when all has been said. Raises UserError if none of them is."""
        self.unknown += 1
        if self.unknown == len(self.waiting) and not self.heard_any:
            raise refused(body, "an id is what `skyrack inject` printed, or a fault's id in the scenario")
        return self.unknown == len(self.waiting)

    def heard(self, source: str, report: InjectionReport, as_json: bool) -> bool:
        """Print a report of the target's. True when all has been said."""
        if report.injection in self.waiting and report.state != InjectionState.ACTIVE:
            self.waiting.remove(report.injection)
            self.heard_any = True
            self.refused = self.refused or report.state == InjectionState.REFUSED
            _say_report(source, report, as_json)
        return self.unknown == len(self.waiting)


def parts_of(name: str, scenario: Scenario) -> list[str]:
    """Ids of the injections that a fault's id stands for: one, or a numbered one for each primitive."""
    planned = {fault.id: injection_ids(fault) for fault in scenario.faults}
    if name in planned:
        return list(planned[name])
    form = faults_of(scenario).get(fault_of(name))
    head, dot, number = name.rpartition(".")
    if form is None or (dot and head and number.isdigit()):
        return [name]
    return _numbered(name, len(form.primitives))


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}.{index}" for index in range(count)]


async def _inject(run: RunDirectory, order: _Order, wait_s: float, as_json: bool) -> int:
    async with connected(run, "range", "bus", wait_s) as port:
        await send(port, "range", "bus", _hello())
        try:
            async with asyncio.timeout(wait_s):
                async for message in replies(run, port):
                    body = message.body
                    if isinstance(body, Refusal):
                        raise refused(body, "`skyrack list faults` has all of them")
                    if isinstance(body, Welcome):
                        if body.next_tick == 0:
                            note_waiting(run)
                        for injection in order.stamped(body.next_tick):
                            await send(port, "range", order.target, injection)
                    elif isinstance(body, OperatorReply):
                        row = {"state": body.state, "detail": body.detail}
                        say(f"{order.target} {order.fault}: {body.detail}", row, as_json)
                    elif isinstance(body, InjectionReport) and order.heard(body, as_json):
                        return ANSWERED_NO if order.refused else 0
        except TimeoutError:
            raise _silence(order.target, order.fault, wait_s) from None
    raise AssertionError("replies never end")


async def _clear(run: RunDirectory, clearing: _Clearing, wait_s: float, as_json: bool) -> int:
    name = clearing.waiting[0]
    async with connected(run, "range", "bus", wait_s) as port:
        for request in clearing.requests():
            await send(port, "range", DIRECTOR_ID, request)
        try:
            async with asyncio.timeout(wait_s):
                async for message in replies(run, port):
                    body, over = message.body, False
                    if isinstance(body, Refusal):
                        over = clearing.turned_down(body)
                    elif isinstance(body, OperatorReply):
                        say(body.detail, {"state": body.state, "detail": body.detail}, as_json)
                    elif isinstance(body, InjectionReport):
                        over = clearing.heard(message.source, body, as_json)
                    if over:
                        return ANSWERED_NO if clearing.refused else 0
        except TimeoutError:
            raise _silence("the spacecraft", name, wait_s) from None
    raise AssertionError("replies never end")


def _hello() -> Hello:
    return Hello(protocol=PROTOCOL_VERSION, role="range", dictionary="", versions={})


def _silence(target: str, what: str, wait_s: float) -> RangeFailure:
    return RangeFailure(
        f"{target} said nothing of {what} in {wait_s:g} s",
        hint="is the run paused or very slow? wait longer with --wait",
    )


def _say_report(source: str, report: InjectionReport, as_json: bool) -> None:
    at_s, state = report.at_ns / 1e9, InjectionState(report.state).name.lower()
    row = {"injection": report.injection, "state": state, "at_s": at_s, "reason": report.reason}
    say(f"{source} {report.injection}: {state} at {clock(at_s)} {report.reason}".rstrip(), row, as_json)


def _duration(value: Scalar | None, scenario: Scenario) -> int:
    """Nanoseconds of a `for=...`, by the rule of scenario files; 0 where there is none."""
    if value is None:
        return 0
    try:
        return int(window_length(scenario.tick_ns, period_s(scenario.spacecraft[0].orbit)).read(value))
    except Refused as error:
        raise UserError(f"for={value}: found {error.found}; allowed: {error.allowed}") from error
