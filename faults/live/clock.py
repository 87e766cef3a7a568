"""What is asked of a live run's clock, and how it stands then. Nothing of it is recorded: it moves when, never what."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bus.errors import NoAnswerYet
from bus.text.times import clock
from bus.wire.messages import Refusal
from bus.wire.pace import ClockOrder, ClockState
from faults.live.connection import connected, refused, replies, say, send
from faults.recording.read import read_scenario
from faults.run_directory import RunDirectory, live_run


def clock_command(order: ClockOrder, run: Path | None, *, wait_s: float, as_json: bool) -> int:
    """Ask, and print the answer."""
    directory, _ = live_run(run)
    return asyncio.run(_ask(directory, order, wait_s, as_json))


async def _ask(run: RunDirectory, order: ClockOrder, wait_s: float, as_json: bool) -> int:
    tick_s = read_scenario(run).tick_ns / 1e9
    async with connected(run, "range", "bus", wait_s) as port:
        await send(port, "range", "bus", order)
        try:
            async with asyncio.timeout(wait_s):
                async for message in replies(run, port):
                    body = message.body
                    if isinstance(body, Refusal):
                        raise refused(body, "skyrack run SCENARIO --pace x10")
                    if isinstance(body, ClockState):
                        at_s = body.tick * tick_s
                        row = {
                            "detail": str(body),
                            "mission_s": at_s,
                            "paused": body.paused,
                            "speed": body.speed or None,
                        }
                        say(f"{body}, at {clock(at_s)}", row, as_json)
                        return 0
        except TimeoutError:
            raise NoAnswerYet(f"no answer within {wait_s:g} s", hint="wait longer with --wait") from None
    raise AssertionError("replies never end")
