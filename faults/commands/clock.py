"""`skyrack clock`: a live run's clock in hand: pause, step, resume, another speed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from faults.commands.procedure import Json, LiveRun

EPILOG = "Example: skyrack clock pause | skyrack clock step 10 | skyrack clock speed x60 | skyrack clock resume"


class Verb(StrEnum):
    """What can be asked of it."""

    ASK = "ask"
    PAUSE = "pause"
    RESUME = "resume"
    STEP = "step"
    SPEED = "speed"


def clock(
    verb: Annotated[Verb, typer.Argument(help="ask changes nothing.")],
    value: Annotated[str, typer.Argument(help="step: how many ticks; speed: free, realtime, or such as x60.")] = "",
    *,
    run: LiveRun = None,
    wait: Annotated[float, typer.Option("--wait", min=0.1, help="Seconds of real time to wait for the answer.")] = 60.0,
    json: Json = False,
) -> None:
    """Hold a live run, step it, let it go on, or change its speed.

    For runs that were started with --pace. What it changes is when things happen, never what: it is not recorded.
    """
    from bus.clock import parse_pace  # noqa: PLC0415
    from bus.errors import UserError  # noqa: PLC0415
    from bus.wire.pace import MOST_STEPS, ClockOrder  # noqa: PLC0415
    from faults.live.clock import clock_command  # noqa: PLC0415

    if value and verb not in (Verb.STEP, Verb.SPEED):
        raise UserError(f"{verb} takes no value, found {value}", hint=EPILOG)
    if verb is Verb.STEP:
        if value and not (value.isdecimal() and 1 <= int(value) <= MOST_STEPS):
            raise UserError(f"step {value}: not a number of ticks from 1 to {MOST_STEPS}", hint="skyrack clock step 10")
        order = ClockOrder(verb="step", steps=int(value or 1))
    elif verb is Verb.SPEED:
        if not value:
            raise UserError("speed: which?", hint="skyrack clock speed x60, or realtime, or free")
        speed = parse_pace(value)
        order = ClockOrder(verb="free") if speed is None else ClockOrder(verb="speed", speed=speed)
    else:
        order = ClockOrder(verb=verb.value)
    raise typer.Exit(clock_command(order, run, wait_s=wait, as_json=json))
