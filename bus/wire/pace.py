"""Whoever rehearses has the run's clock in hand: pause, step, resume, another speed. It decides when, never what."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bus.wire.messages import Body, Count, Kind

MOST_STEPS = 1_000_000
MOST_SPEED = 1_000_000.0


class ClockOrder(Body):
    """To the bus, on the range plane. `ask` changes nothing. steps: ticks to fly and then pause; speed: mission seconds
    in a second; `free`: as fast as everybody answers."""

    kind = Kind.CLOCK_ORDER
    verb: Annotated[str, Field(pattern="^(ask|pause|resume|step|speed|free)$")]
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)] = 1
    speed: Annotated[float, Field(gt=0.0, le=MOST_SPEED)] = 1.0


class ClockState(Body):
    """How it stands then. tick: the open one; speed: mission seconds in a second, 0 as fast as everybody answers;
    steps: ticks still to fly before it pauses, 0 where it does not."""

    kind = Kind.CLOCK_STATE
    tick: Count
    paused: bool
    speed: Annotated[float, Field(ge=0.0, le=2.0 * MOST_SPEED)]
    steps: Count

    def __str__(self) -> str:
        """In words."""
        return f"{'paused' if self.paused else 'flies'} {f'at x{self.speed:g}' if self.speed else 'as fast as it can'}"
