"""`skyrack command`: telecommands into a running emulation, through its ground, followed to their end.

What enters here is recorded as mail at a tick boundary, so a run with an operator in it replays too.
"""

from __future__ import annotations

import asyncio
import getpass
import platform
from dataclasses import dataclass
from pathlib import Path

from bus.errors import ANSWERED_NO, NoAnswerYet, UserError
from bus.wire.messages import OperatorReply, Refusal
from bus.wire.stacks import CommandStep, OperatorConfirmation, OperatorStack
from faults.live.connection import connected, pairs, refused, replies, say, send
from faults.live.stack import fleet_of, read_stack
from faults.recording.read import read_dictionaries, read_scenario
from faults.run_directory import RunDirectory, live_run
from groundstation.commanding.wishes import Fleet, Wish

STACK, WORD = 1, 2
"""Tokens of what is asked for and of its confirmation."""


@dataclass(frozen=True, slots=True)
class Options:
    """What goes beyond one telecommand, as the command line has it; see `Wish`. stack: a file instead of the rest."""

    canary: str = ""
    condition: str = ""
    precondition: str = ""
    release: str = "now"
    confirm: bool = False
    stack: Path | None = None


PLAIN = Options()


def telecommand_command(
    target: str, name: str, arguments: tuple[str, ...], run: Path | None, *, wait_s: float, as_json: bool,
    options: Options = PLAIN,
) -> int:  # fmt: skip
    """Ask the ground for telecommands and follow them. Exit status 0 if all completed, 4 if not."""
    if options.stack is not None and (target or options != Options(stack=options.stack, confirm=options.confirm)):
        raise UserError("--stack goes without a telecommand and its options", hint="write them into the file")
    if options.stack is None and not (target and name):
        raise UserError("which telecommand?", hint="skyrack command SPACECRAFT NAME, or --stack FILE")
    directory, _ = live_run(run)
    fleet = fleet_of(read_scenario(directory), read_dictionaries(directory))
    if options.stack is not None:
        steps, stop = read_stack(options.stack, fleet)
    else:
        wish = Wish(
            target, name, pairs(arguments), options.canary, options.condition, options.precondition, options.release
        )
        steps, stop = (fleet.step(wish),), True
    return ask(directory, fleet, steps, stop=stop, confirm=options.confirm, wait_s=wait_s, as_json=as_json)


def ask(
    directory: RunDirectory, fleet: Fleet, steps: tuple[CommandStep, ...], *, stop: bool, confirm: bool, wait_s: float,
    as_json: bool,
) -> int:  # fmt: skip
    """Ask for these steps, and follow them. Exit status as above."""
    hazards = fleet.hazards(steps)
    if hazards and not confirm:
        raise UserError(f"{', '.join(hazards)}: hazardous", hint="if you mean it, say it a second time with --confirm")
    order = OperatorStack(
        token=STACK, steps=steps, stop=stop, asked_by=getpass.getuser()[:64], asked_from=platform.node()[:64]
    )
    return asyncio.run(_follow(directory, order, wait_s, as_json))


async def _follow(run: RunDirectory, order: OperatorStack, wait_s: float, as_json: bool) -> int:
    states: dict[int, str] = {}
    alone = len(order.steps) == 1 and len(order.steps[0].spacecraft) == 1
    async with connected(run, "operator", "ground", wait_s) as port:
        await send(port, "operator", "ground", order)
        try:
            async with asyncio.timeout(wait_s):
                confirmed = False
                async for message in replies(run, port):
                    reply = message.body
                    if isinstance(reply, Refusal):
                        raise refused(reply, "`skyrack list telecommands` has all of them")
                    if not isinstance(reply, OperatorReply) or reply.token != STACK:
                        continue
                    states[reply.request] = reply.state
                    _tell(order.steps[0], reply, as_json, alone=alone)
                    if reply.state == "HELD" and "confirm request" in reply.detail and not confirmed:
                        confirmed = True
                        await send(port, "operator", "ground", OperatorConfirmation(token=WORD, request=reply.request))
                    if reply.final:
                        return 0 if all(state == "COMPLETED" for state in states.values()) else ANSWERED_NO
        except TimeoutError:
            raise NoAnswerYet(_so_far(order, states, wait_s), hint=_GOES_ON) from None
    raise AssertionError("replies never end")


_GOES_ON = "the ground goes on with it; wait longer with --wait"


def _tell(step: CommandStep, reply: OperatorReply, as_json: bool, *, alone: bool) -> None:
    spacecraft, name = reply.spacecraft or step.spacecraft[0], reply.name or step.name
    row = {
        "spacecraft": spacecraft, "telecommand": name, "request": reply.request, "state": reply.state,
        "detail": reply.detail, "final": reply.final,
    }  # fmt: skip
    number = "" if alone else f" [{reply.request}]"
    say(f"{spacecraft} {name}{number}: {reply.state} {reply.detail}".rstrip(), row, as_json)


def _so_far(order: OperatorStack, states: dict[int, str], wait_s: float) -> str:
    """What is known when nobody waits any longer."""
    if len(states) <= 1:
        return f"{order.steps[0].name} is {next(iter(states.values()), 'asked for')} after {wait_s:g} s"
    counted = [f"{list(states.values()).count(state)} {state}" for state in dict.fromkeys(states.values())]
    return f"after {wait_s:g} s: {', '.join(counted)}"
