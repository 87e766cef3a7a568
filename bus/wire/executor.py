"""What a spacecraft and the executor of programs that do its jobs say to each other: bodies of messages."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from pydantic import Field

from bus.wire.messages import Body, Count, Kind, Name, Number

EXECUTOR_ID = "executor"
"""Who runs the programs that do the work of jobs: a participant on the bus."""
MAX_FIGURES = 8
"""Figures that a program may tell of its work."""
NOT_KEPT = -1


class JobEvent(IntEnum):
    """What became of a program in this life of its job. The plant knows them by these numbers."""

    NONE = 0
    DIED = 1
    DONE = 2
    GONE = 3
    ROLLS_BACK = 4


class JobOrder(Body):
    """What the job manager wants of a job at the end of a tick.

    life: counts up whenever the work begins again from a checkpoint, with another process. up: it has its accelerators.
    begin: the step it begins from; steps: how many may be done since the job began; checkpoint: number of the one that
    is to be written now, 0 for none; strikes: silent errors that met it so far. groups: its accelerators as their
    sensors have them, in the order of `bus.accelerators.READINGS`.
    """

    kind = Kind.JOB_ORDER
    job: Name
    life: Count
    up: bool
    state: Count
    begin: Count
    steps: Count
    checkpoint: Count
    strikes: Count
    groups: Annotated[
        tuple[tuple[Name, Annotated[tuple[Number, ...], Field(max_length=16)]], ...], Field(max_length=64)
    ]


class JobReport(Body):
    """What the program has come to in this life: whether it has begun, steps done, the last checkpoint it was told to
    write and the step that is in it (`NOT_KEPT`: it could not). roll_back: checkpoints it goes back by itself.
    figures: what it says of its work, such as a loss."""

    kind = Kind.JOB_REPORT
    job: Name
    life: Count
    ready: bool
    steps: Count
    kept: Count = 0
    kept_steps: Annotated[int, Field(ge=NOT_KEPT, le=2**53)] = NOT_KEPT
    event: Annotated[int, Field(ge=0, le=4)] = 0
    roll_back: Annotated[int, Field(ge=0, le=8)] = 0
    figures: Annotated[dict[Name, Number], Field(default_factory=dict, max_length=MAX_FIGURES)]
