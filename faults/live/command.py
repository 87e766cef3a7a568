"""`skyrack command`: a telecommand into a running emulation, through its ground, followed to its end.

What enters here is recorded as mail at a tick boundary, so a run with an operator in it replays too.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from bus.errors import ANSWERED_NO, NoAnswerYet
from bus.telecommand_check import check_telecommand
from bus.wire.messages import OperatorReply, OperatorRequest, Refusal
from faults.live.connection import connected, design_of, pairs, refused, replies, say, send
from faults.recording.read import read_dictionaries, read_scenario
from faults.run_directory import RunDirectory, live_run
from faults.scenarios.vocabulary import in_units


def telecommand_command(
    target: str, name: str, arguments: tuple[str, ...], run: Path | None, *, wait_s: float, as_json: bool
) -> int:
    """Ask the ground for a telecommand and follow it. Exit status 0 if it completed, 4 if not."""
    directory, _ = live_run(run)
    scenario, dictionaries = read_scenario(directory), read_dictionaries(directory)
    dictionary = dictionaries[design_of(scenario, target)]
    values = check_telecommand(dictionary, name, in_units(dictionary, name, pairs(arguments)))
    request = OperatorRequest(token=1, spacecraft=target, name=name, arguments=values)
    return asyncio.run(_telecommand(directory, request, wait_s, as_json))


async def _telecommand(run: RunDirectory, request: OperatorRequest, wait_s: float, as_json: bool) -> int:
    state = "asked for"
    async with connected(run, "operator", "ground", wait_s) as port:
        await send(port, "operator", "ground", request)
        try:
            async with asyncio.timeout(wait_s):
                async for message in replies(run, port):
                    reply = message.body
                    if isinstance(reply, Refusal):
                        raise refused(reply, "`skyrack list telecommands` has all of them")
                    if isinstance(reply, OperatorReply):
                        state = reply.state
                        row = {"request": reply.request, "state": state, "detail": reply.detail, "final": reply.final}
                        say(f"{request.spacecraft} {request.name}: {state} {reply.detail}".rstrip(), row, as_json)
                        if reply.final:
                            return 0 if state.upper() == "COMPLETED" else ANSWERED_NO
        except TimeoutError:
            raise NoAnswerYet(
                f"{request.name} is {state} after {wait_s:g} s",
                hint="the ground goes on with it; wait longer with --wait",
            ) from None
    raise AssertionError("replies never end")
