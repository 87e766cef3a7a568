"""`skyrack command` and `skyrack inject`: acting on a running emulation from outside, and waiting for its word.

What enters here is recorded as mail at a tick boundary, so a run with an operator in it replays too.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bus.codec import decode, encode
from bus.errors import HandshakeRefused, RangeFailure, UnknownNameError, UserError
from bus.keys import load_key, load_public
from bus.messages import (
    PROTOCOL_VERSION,
    Body,
    Hello,
    Injection,
    InjectionReport,
    InjectionState,
    Message,
    OperatorReply,
    OperatorRequest,
    Refusal,
    Scalar,
    Welcome,
)
from bus.ports import DealerPort, Network
from bus.scenario import Scenario
from bus.units import UnitError, parse_duration_ns
from faults.director import live_id
from faults.expectation_words import close_names
from faults.run_directory import RunDirectory, is_alive, live_run, read_run
from faults.svg import clock
from faults.trace_reading import read_dictionaries, read_scenario
from faults.vocabulary import design_info, in_units
from groundstation.operator import check_telecommand

CONNECT_WITHIN_S = 10.0
ENDS_WITHIN_S = 8.0  # from the last word of a run to its run.json, see bus/launch.py
LOOK_EVERY_S = 0.1
LEAD_TICKS = 2
"""An injection starts so many ticks after the one that is open when it is asked for, so that it arrives in time."""


def telecommand_command(
    target: str, name: str, arguments: tuple[str, ...], run: Path | None, *, wait_s: float, as_json: bool
) -> int:
    """Ask the ground for a telecommand and follow it. Exit status 0 if it completed, 1 if not."""
    directory, _ = live_run(run)
    scenario, dictionaries = read_scenario(directory), read_dictionaries(directory)
    dictionary = dictionaries[_design_of(scenario, target)]
    values = check_telecommand(dictionary, name, in_units(dictionary, name, _pairs(arguments)))
    request = OperatorRequest(token=1, spacecraft=target, name=name, arguments=values)
    return asyncio.run(_telecommand(directory, request, wait_s, as_json))


async def _telecommand(run: RunDirectory, request: OperatorRequest, wait_s: float, as_json: bool) -> int:
    state = "asked for"
    async with _connected(run, "operator", "ground", wait_s) as port:
        await _send(port, "operator", "ground", request)
        try:
            async with asyncio.timeout(wait_s):
                async for message in _replies(run, port):
                    reply = message.body
                    if isinstance(reply, OperatorReply):
                        state = reply.state
                        row = {"request": reply.request, "state": state, "detail": reply.detail, "final": reply.final}
                        _say(f"{request.spacecraft} {request.name}: {state} {reply.detail}".rstrip(), row, as_json)
                        if reply.final:
                            return 0 if state.upper() == "COMPLETED" else 1
        except TimeoutError:
            raise RangeFailure(
                f"{request.name} is {state} after {wait_s:g} s",
                hint="the ground goes on with it; wait longer with --wait",
            ) from None
    raise AssertionError("replies never end")


def inject_command(
    target: str, fault: str, parameters: tuple[str, ...], run: Path | None, *, wait_s: float, as_json: bool
) -> int:
    """Break something and wait for the target's word. Exit status 0 if it acts, 1 if the target refuses."""
    from faults.catalogue import resolve_fault  # noqa: PLC0415

    directory, _ = live_run(run)
    scenario = read_scenario(directory)
    design = _design_of(scenario, target)
    given = _pairs(parameters)
    tick_s = scenario.tick_ns / 1e9
    duration_ns = _duration(given.pop("for", None), scenario)
    resolved = resolve_fault(fault, design_info(design), given, tick_s=tick_s, has_end=duration_ns > 0)
    injections = tuple(
        Injection(injection="-", seam=seam, place=place, primitive=primitive, parameters=values, start_ns=0, end_ns=0)
        for seam, place, primitive, values in resolved.primitives
    )
    order = _Order(target, fault, injections, duration_ns, scenario.tick_ns)
    return asyncio.run(_inject(directory, order, wait_s, as_json))


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
        names = [name] if len(self.injections) == 1 else [f"{name}.{i}" for i in range(len(self.injections))]
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
        at_s, state = report.at_ns / 1e9, InjectionState(report.state).name.lower()
        row = {"injection": report.injection, "state": state, "at_s": at_s, "reason": report.reason}
        _say(f"{self.target} {report.injection}: {state} at {clock(at_s)} {report.reason}".rstrip(), row, as_json)
        return not self.waiting


async def _inject(run: RunDirectory, order: _Order, wait_s: float, as_json: bool) -> int:
    async with _connected(run, "range", "bus", wait_s) as port:
        await _send(port, "range", "bus", _hello())
        try:
            async with asyncio.timeout(wait_s):
                async for message in _replies(run, port):
                    body = message.body
                    if isinstance(body, Welcome):
                        if body.next_tick == 0:
                            _note_waiting(run)
                        for injection in order.stamped(body.next_tick):
                            await _send(port, "range", order.target, injection)
                    elif isinstance(body, OperatorReply):
                        row = {"state": body.state, "detail": body.detail}
                        _say(f"{order.target} {order.fault}: {body.detail}", row, as_json)
                    elif isinstance(body, InjectionReport) and order.heard(body, as_json):
                        return 1 if order.refused else 0
        except TimeoutError:
            raise RangeFailure(
                f"{order.target} said nothing of {order.fault} in {wait_s:g} s",
                hint="is the run paused or very slow? wait longer with --wait",
            ) from None
    raise AssertionError("replies never end")


def _hello() -> Hello:
    return Hello(protocol=PROTOCOL_VERSION, role="range", dictionary="", versions={})


@asynccontextmanager
async def _connected(run: RunDirectory, identity: str, server: str, wait_s: float) -> AsyncIterator[DealerPort]:
    """A connection to the operator's port of the ground, or to the range plane of the bus. Waits for its opening."""
    try:
        async with asyncio.timeout(wait_s):
            live = await _opened(run, identity)
    except TimeoutError:
        raise RangeFailure(f"the run has not begun within {wait_s:g} s", hint="wait longer with --wait") from None
    endpoint = live["endpoints"][identity]
    keys = Path(str(live.get("keys", "keys")))
    with Network() as network:
        routing = f"{identity}/{os.getpid():x}".encode()
        port = network.dealer(endpoint, load_key(keys, identity), load_public(keys, server), routing)
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await port.opened()
        except TimeoutError:
            raise await _gone(run, RangeFailure(f"nobody answers at {endpoint}")) from None
        yield port


async def _opened(run: RunDirectory, identity: str) -> dict[str, Any]:
    """The content of run.json, once it names the endpoint of that plane."""
    said = False
    while True:
        live = read_run(run)
        if live.get("endpoints", {}).get(identity):
            return live
        if not is_alive(live):
            raise _ended(run)
        if "pids" not in live:
            raise UserError(
                f"run.json names no endpoint for the {identity} plane",
                hint=f"a run whose processes are started by hand: add it to the endpoints in {run.run}",
            )
        if not said:
            _note_waiting(run)
        said = True
        await asyncio.sleep(LOOK_EVERY_S)


async def _gone(run: RunDirectory, error: RangeFailure) -> RangeFailure:
    """What a broken connection means: that the run has ended, which run.json says in a moment, or only what it says."""
    for _ in range(round(ENDS_WITHIN_S / LOOK_EVERY_S)):
        if not is_alive(read_run(run)):
            return _ended(run)
        await asyncio.sleep(LOOK_EVERY_S)
    return RangeFailure(error.message, hint=f"the run goes on: ask again, or see {run.path / 'log'}")


def _ended(run: RunDirectory) -> RangeFailure:
    return RangeFailure("the run has ended before the answer came", hint=f"what became of it is in {run.summary}")


def _note_waiting(run: RunDirectory) -> None:
    sys.stderr.write(f"note: {run.path} has not begun yet; waiting\n")


async def _replies(run: RunDirectory, port: DealerPort) -> AsyncIterator[Message]:
    """Messages as they come. A refusal is raised as UserError, the end of the run as RangeFailure."""
    while True:
        try:
            mail = await port.receive()
        except HandshakeRefused:
            raise
        except RangeFailure as error:
            raise await _gone(run, error) from None
        for frames in mail:
            message = decode(frames[0])
            if isinstance(message.body, Refusal):
                raise UserError(
                    f"refused: {message.body.reason}", hint="skyrack list telecommands, skyrack list faults"
                )
            yield message


async def _send(port: DealerPort, source: str, destination: str, body: Body) -> None:
    await port.send([encode(Message(0, source, 0, destination, body))])


def _design_of(scenario: Scenario, target: str) -> str:
    designs = {spacecraft.id: spacecraft.design for spacecraft in scenario.spacecraft}
    if target not in designs:
        raise UnknownNameError("spacecraft", target, close_names(target, designs), hint=f"flying: {', '.join(designs)}")
    return designs[target]


def _pairs(arguments: tuple[str, ...]) -> dict[str, Scalar]:
    """`name=value` words as scalars: numbers and true/false where they look like it, else text."""
    values: dict[str, Scalar] = {}
    for word in arguments:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UserError(f"'{word}' is not name=value", hint="for example mode=SAFE, or power_w='12 kW'")
        values[name] = _scalar(text)
    return values


def _scalar(text: str) -> Scalar:
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _duration(value: Scalar | None, scenario: Scenario) -> int:
    """Nanoseconds of a `for=...`, 0 where there is none."""
    if value is None:
        return 0
    try:
        duration_ns = parse_duration_ns(value)
    except UnitError as error:
        raise UserError(f"for={value}: found {error.found}; allowed: {error.allowed}") from error
    return max(duration_ns, scenario.tick_ns)


def _say(text: str, row: dict[str, Any], as_json: bool) -> None:
    sys.stdout.write((json.dumps(row) if as_json else text) + "\n")
    sys.stdout.flush()
