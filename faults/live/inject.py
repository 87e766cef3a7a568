"""`skyrack inject`: breaking something in a running emulation, or ending what is broken, and waiting for its word.

What enters here is recorded as mail at a tick boundary, so a run with somebody's hands in it replays too.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from bus.errors import ANSWERED_NO, RangeFailure, UserError
from bus.text.times import clock
from bus.wire.messages import (
    PROTOCOL_VERSION,
    Hello,
    Injection,
    InjectionReport,
    InjectionState,
    OperatorReply,
    Refusal,
    Welcome,
)
from faults.live.active import active_ids
from faults.live.connection import connected, note_waiting, pairs, refused, replies, say, send
from faults.live.orders import FaultOrder, ending, fault_order, parts_of
from faults.recording.read import read_scenario
from faults.run.director import DIRECTOR_ID
from faults.run_directory import RunDirectory, live_run
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
    order = fault_order(options.target, options.fault, pairs(options.parameters), scenario)
    return asyncio.run(_inject(directory, _Injecting(order), options.wait_s, options.as_json))


@dataclass(slots=True)
class _Injecting:
    """A fault on its way into a run, and what its target said of it so far."""

    order: FaultOrder
    waiting: list[str] = field(default_factory=list)
    refused: bool = False

    def stamped(self, next_tick: int) -> list[Injection]:
        """The injections with an id of their own, starting soon."""
        found = self.order.stamped(next_tick)
        self.waiting = [injection.injection for injection in found]
        return found

    def heard(self, report: InjectionReport, as_json: bool) -> bool:
        """Print a report of the target's. True when all has been said."""
        if report.injection not in self.waiting:
            return False
        self.waiting.remove(report.injection)
        self.refused = self.refused or report.state == InjectionState.REFUSED
        _say_report(self.order.target, report, as_json)
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
        return [ending(name) for name in self.waiting]

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


async def _inject(run: RunDirectory, injecting: _Injecting, wait_s: float, as_json: bool) -> int:
    order = injecting.order
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
                        for injection in injecting.stamped(body.next_tick):
                            await send(port, "range", order.target, injection)
                    elif isinstance(body, OperatorReply):
                        row = {"state": body.state, "detail": body.detail}
                        say(f"{order.target} {order.fault}: {body.detail}", row, as_json)
                    elif isinstance(body, InjectionReport) and injecting.heard(body, as_json):
                        return ANSWERED_NO if injecting.refused else 0
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
