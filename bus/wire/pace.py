"""Whoever rehearses has the run's clock in hand: pause, step, resume, another speed. It decides when, never what."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bus.wire.messages import Body, Kind

MOST_STEPS = 1_000_000
MOST_SPEED = 1_000_000.0


class ClockOrder(Body):
    """To the bus, on the range plane. `ask` changes nothing. steps: ticks to fly and then pause; speed: mission seconds
    in a second."""

    kind = Kind.CLOCK_ORDER
    verb: Annotated[str, Field(pattern="^(ask|pause|resume|step|speed)$")]
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)] = 1
    speed: Annotated[float, Field(gt=0.0, le=MOST_SPEED)] = 1.0
