"""A device or flight software that is outside, as the resolved scenario has it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class OutsideDevice(BaseModel):
    """Where it answers, and what is asked of it. part: what it is, for the report. timeout_s: real time that
    lockstep waits for its answer to a tick. answers_ticks: without it the run has to be paced. allowed_misses: ticks
    without an answer in time, beyond which the run's timing is INVALID."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    endpoint: str
    part: Literal["software", "hardware"]
    layout: Literal["names", "fixed"]
    timeout_s: float
    answers_ticks: bool
    allowed_misses: int
