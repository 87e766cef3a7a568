"""Stacks of telecommands: what is asked for together and goes in waves, each when the one before has ended well.

A step of a stack is one telecommand to one spacecraft or a group. A group with canaries is two waves: the canaries, and
the rest, which goes only when every canary has COMPLETED and the condition, if there is one, holds of each of them.
Events in, verdicts out; the telecommands themselves are the commander's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from bus.dictionary import Dictionary, Structure
from bus.wire.messages import Telemetry
from bus.wire.stacks import CommandStep
from groundstation.commanding.conditions import judged

MAX_STACK = 4096
"""Telecommands of one stack."""


@dataclass(slots=True)
class Wave:
    """What goes together. condition: of each spacecraft of the wave, before the next wave goes. requests: by number,
    the spacecraft; ended: by number, whether it completed. held_of: spacecraft of which the condition held."""

    step: int
    canary: bool
    condition: str
    spacecraft: tuple[str, ...]
    requests: dict[int, str] = field(default_factory=dict)
    ended: dict[int, bool] = field(default_factory=dict)
    ended_ns: int = -1
    held_of: dict[str, bool] = field(default_factory=dict)
    reading: str = ""


@dataclass(slots=True)
class Stack:
    """A stack under way. place: the wave that goes now. open: telecommands without a terminal state."""

    stop: bool
    waves: list[Wave]
    open: int
    place: int = 0

    def end(self, wave: int, request: int, completed: bool, now_ns: int) -> None:
        """A telecommand has its terminal state."""
        self.open -= 1
        self.waves[wave].ended[request] = completed
        self.waves[wave].ended_ns = now_ns

    def hear(self, dictionary: Dictionary, spacecraft: str, report: Telemetry, form: Structure | None) -> None:
        """Readings, which say whether the condition of the wave that has ended holds: the first one made after it."""
        wave = self.waves[self.place]
        ended = wave.condition and len(wave.ended) == len(wave.requests) and report.obt_ns > wave.ended_ns
        if ended and spacecraft in wave.requests.values() and spacecraft not in wave.held_of:
            found = judged(dictionary, wave.condition, report, form)
            if found is not None:
                wave.held_of[spacecraft], wave.reading = found


class Turn(Enum):
    """What the wave that goes now says of those after it."""

    WAIT = "not yet"
    NEXT = "the next wave goes"
    SKIP_STEP = "the rest of this step does not go"
    STOP = "nothing more of this stack goes"


def waves_of(steps: Sequence[CommandStep]) -> list[Wave]:
    """The waves of a stack, in order."""
    waves = []
    for number, step in enumerate(steps):
        canaries = tuple(one for one in step.spacecraft if one in step.canary)
        rest = tuple(one for one in step.spacecraft if one not in step.canary)
        if canaries:
            waves.append(Wave(number, True, step.condition, canaries))
        if rest:
            waves.append(Wave(number, False, "" if canaries else step.condition, rest))
    return waves


def turn(stack: Stack) -> tuple[Turn, str]:
    """What comes after the present wave, and why."""
    wave = stack.waves[stack.place]
    if len(wave.ended) < len(wave.requests):
        return Turn.WAIT, ""
    failed = next((number for number, completed in wave.ended.items() if not completed), None)
    why = "" if failed is None else f"request {failed} to {wave.requests[failed]} did not complete"
    if failed is None and wave.condition:
        wrong = next((one for one, holds in wave.held_of.items() if not holds), None)
        if wrong is None and len(wave.held_of) < len(set(wave.requests.values())):
            return Turn.WAIT, ""
        why = "" if wrong is None else f"{wave.condition} does not hold of {wrong}: {wave.reading}"
    if not why:
        return Turn.NEXT, ""
    if wave.canary and not stack.stop:
        return Turn.SKIP_STEP, why
    return (Turn.STOP if stack.stop else Turn.NEXT), why
