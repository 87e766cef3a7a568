"""`skyrack procedure run`, `answer` and `abort`: a ground procedure in a running emulation, followed line by line.

What enters here is recorded as mail at a tick boundary, as a telecommand of an operator's is.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from bus.errors import ANSWERED_NO, RangeFailure, UserError
from bus.wire.messages import OperatorAction, OperatorNote, Refusal, Scalar
from faults.live.connection import connected, pairs, refused, replies, say, send
from faults.recording.read import read_scenario
from faults.run_directory import RunDirectory, live_run
from faults.scenarios.procedures import checked
from groundstation.procedures.load import with_own
from node.designs.load import with_designs

_HINTS = {
    "procedure": "`skyrack procedure list` has all of them, the run's report those that are under way",
    "alarm": "`skyrack alarm list RUN --open` has those that wait",
}


def procedure_run_command(
    name: str,
    spacecraft: tuple[str, ...],
    arguments: tuple[str, ...],
    run: Path | None,
    *,
    wait_s: float,
    as_json: bool,
) -> int:
    """Ask the ground for a procedure and follow it. Exit status 0 if it completed."""
    directory, _ = live_run(run)
    scenario = with_designs(read_scenario(directory))
    designs = {each.id: each.design for each in scenario.spacecraft}
    known = with_own(directory.own_procedures)
    values = checked(name, spacecraft, pairs(arguments), designs, known)
    action = OperatorAction(token=1, verb="procedure.run", name=name, spacecraft=spacecraft, arguments=values)
    return asyncio.run(_follow(directory, action, f"{name} on {', '.join(spacecraft)}", wait_s, as_json))


def procedure_tell_command(verb: str, number: int, word: str, run: Path | None, *, wait_s: float, as_json: bool) -> int:
    """Answer a run that asks, or end one."""
    directory, _ = live_run(run)
    arguments: dict[str, Scalar] = {"answer": word} if word else {}
    action = OperatorAction(token=1, verb=f"procedure.{verb}", run=number, arguments=arguments)
    return asyncio.run(_follow(directory, action, f"run {number} {verb}", wait_s, as_json))


def alarm_command(
    verb: str, number: int, arguments: dict[str, Scalar], run: Path | None, *, wait_s: float, as_json: bool
) -> int:
    """Acknowledge or shelve an alarm of a live run."""
    directory, _ = live_run(run)
    action = OperatorAction(token=1, verb=f"alarm.{verb}", run=number, arguments=arguments)
    return asyncio.run(_follow(directory, action, f"alarm {verb}", wait_s, as_json))


async def _follow(run: RunDirectory, action: OperatorAction, what: str, wait_s: float, as_json: bool) -> int:
    state = "asked for"
    async with connected(run, "operator", "ground", wait_s) as port:
        await send(port, "operator", "ground", action)
        try:
            async with asyncio.timeout(wait_s):
                async for message in replies(run, port):
                    note = message.body
                    if isinstance(note, Refusal):
                        raise refused(note, _HINTS[action.verb.partition(".")[0]])
                    if isinstance(note, OperatorNote):
                        state = note.state
                        row = {"run": note.run, "state": state, "text": note.text, "final": note.final}
                        say(f"{what} (run {note.run}): {state} {note.text}".rstrip(), row, as_json)
                        if note.final and state == "REJECTED":
                            raise UserError(
                                f"{what} is refused: {note.text}", hint=_HINTS[action.verb.partition(".")[0]]
                            )
                        if note.final:
                            return 0 if state == "COMPLETED" else ANSWERED_NO
        except TimeoutError:
            raise RangeFailure(
                f"{what} is {state} after {wait_s:g} s", hint="the ground goes on with it; wait longer with --wait"
            ) from None
    raise AssertionError("notes never end")
