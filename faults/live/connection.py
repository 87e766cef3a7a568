"""A client's connection to a run that goes on: waiting for its doors to open, hearing replies, noticing its end."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bus.errors import HandshakeRefused, RangeFailure, UnknownNameError, UserError
from bus.scenario.model import Scenario
from bus.sockets.keys import load_key, load_public
from bus.sockets.ports import DealerPort, Network
from bus.wire.codec import decode, encode
from bus.wire.messages import Body, Message, Refusal, Scalar
from faults.oracle.lexer import close_names
from faults.run_directory import RunDirectory, is_alive, read_run

CONNECT_WITHIN_S = 10.0
ENDS_WITHIN_S = 8.0  # from the last word of a run to its run.json
LOOK_EVERY_S = 0.1


@asynccontextmanager
async def connected(run: RunDirectory, identity: str, server: str, wait_s: float) -> AsyncIterator[DealerPort]:
    """A connection to the operator's port of the ground, or to the range plane of the bus. Waits for its opening."""
    try:
        async with asyncio.timeout(wait_s):
            live = await _opened(run, identity)
    except TimeoutError:
        raise RangeFailure(
            f"{_not_begun(run)} after {wait_s:g} s", hint="ask again in a moment, or wait longer with --wait"
        ) from None
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
    said = ""
    while True:
        live = read_run(run)
        if live.get("endpoints", {}).get(identity):
            return live
        if not is_alive(live):
            raise _ended(run)
        if "pids" not in live:
            raise UserError(
                f"run.json names no endpoint for the {identity} plane",
                hint="its processes are started by hand: has `skyrack ground` come? It brings its endpoint along",
            )
        if said != (said := _not_begun(run)):
            note_waiting(run)
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


def note_waiting(run: RunDirectory) -> None:
    """Tell whoever waits that the run has not begun."""
    sys.stderr.write(f"note: {_not_begun(run)}; waiting (Ctrl-C gives up)\n")
    sys.stderr.flush()


def _not_begun(run: RunDirectory) -> str:
    doing = str(read_run(run).get("doing", "")).rstrip(". ")
    return f"the run in {run.path} is still starting" + (f": {doing}" if doing else "")


async def replies(run: RunDirectory, port: DealerPort) -> AsyncIterator[Message]:
    """Messages as they come. The end of the run is raised as RangeFailure."""
    while True:
        try:
            mail = await port.receive()
        except HandshakeRefused:
            raise
        except RangeFailure as error:
            raise await _gone(run, error) from None
        for frames in mail:
            yield decode(frames[0])


def refused(body: Refusal, hint: str) -> UserError:
    """A refusal as the user's mistake that it is."""
    return UserError(f"refused: {body.reason}", hint=hint)


async def send(port: DealerPort, source: str, destination: str, body: Body) -> None:
    """One message. Its sequence number and time are the bus's business."""
    await port.send([encode(Message(0, source, 0, destination, body))])


def design_of(scenario: Scenario, target: str) -> str:
    """The design of a spacecraft of the run. UnknownNameError with the nearest ids."""
    designs = {spacecraft.id: spacecraft.design for spacecraft in scenario.spacecraft}
    if target not in designs:
        raise UnknownNameError("spacecraft", target, close_names(target, designs), hint=f"flying: {', '.join(designs)}")
    return designs[target]


def pairs(arguments: tuple[str, ...]) -> dict[str, Scalar]:
    """`name=value` words as scalars: numbers and true/false where they look like it, else text."""
    values: dict[str, Scalar] = {}
    for word in arguments:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UserError(f"'{word}' is not name=value", hint="for example mode=SAFE, or power_w='12 kW'")
        if name in values:
            raise UserError(f"{name} is given twice", hint="every name once")
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


def say(text: str, row: Mapping[str, Any], as_json: bool) -> None:
    """One line, for people or for programs."""
    sys.stdout.write((json.dumps(row) if as_json else text) + "\n")
    sys.stdout.flush()
