"""What the commander remembers of telecommands under way, what it is asked for, what it wants done. No decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bus.wire.messages import OperatorReply, Scalar, Telecommand
from bus.wire.stacks import CommandStep
from groundstation.commanding.stacks import Stack
from groundstation.commanding.states import State

FAR_NS = 2**62


@dataclass(slots=True)
class Command:
    """One telecommand under way. token -1: nobody outside waits for it. service_ns: start of the contact in which
    `sent_here` of its transmissions were made. lost_before: lost verification packets known when it was first sent.
    answer: what the spacecraft said in reply, besides verification. told: its arguments, as the history has them.

    While HELD: stack and wave it belongs to (-1: none); not released before `not_before_ns`, before a contact begins
    (`at_contact`), or before it is confirmed (`confirm_by_ns` -1: no word is needed). precondition: judged on readings
    made after `released_ns`, before it is radiated first."""

    request: int
    spacecraft: str
    name: str
    arguments: dict[str, Scalar]
    origin: str
    token: int
    requested_ns: int
    expires_ns: int
    verdict_ns: int
    state: str = State.QUEUED.value
    steps: int = 0
    transmissions: int = 0
    sent_ns: int = 0
    service_ns: int = -1
    sent_here: int = 0
    lost_before: int = 0
    answer: str = ""
    stack: int = -1
    wave: int = 0
    not_before_ns: int = 0
    at_contact: bool = False
    confirm_by_ns: int = -1
    precondition: str = ""
    released_ns: int = 0
    holds: bool = False
    told: str = ""


@dataclass(slots=True)
class CommanderState:
    """All state. `under_way`: by spacecraft, in order of request. totals: terminal states, `sent` (radiated at least
    once), `contradiction` (a report that fits no telecommand or no state), `late` (report after the terminal state).
    counters: by spacecraft, transmissions so far. held: telecommands that are HELD; watched: preconditions that are
    not known to hold; stacks: under way, by the number of their first request."""

    next_request: int = 0
    next_entry: int = 0
    next_stack: int = 0
    next_deadline_ns: int = FAR_NS
    under_way: dict[str, list[Command]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    held: int = 0
    watched: int = 0
    stacks: dict[int, Stack] = field(default_factory=dict)


@dataclass(slots=True)
class Effects:
    """What the commander wants done: telecommands to radiate (spacecraft, telecommand), answers, archive rows; and what
    ended, by request."""

    radiate: list[tuple[str, Telecommand]] = field(default_factory=list)
    replies: list[OperatorReply] = field(default_factory=list)
    records: list[tuple[object, ...]] = field(default_factory=list)
    ended: dict[int, Ended] = field(default_factory=dict)


class Ended(NamedTuple):
    """What became of a telecommand in the end."""

    spacecraft: str
    name: str
    arguments: Mapping[str, Scalar]
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A telecommand somebody asks for. origin: "timeline" or "operator"; token -1: nobody outside waits for it.
    confirmed: the second word that a hazardous one needs was said. refused: why it is not taken, empty if it is. The
    others as in `Command`."""

    spacecraft: str
    name: str
    arguments: Mapping[str, Scalar]
    origin: str
    token: int = -1
    confirmed: bool = True
    not_before_ns: int = 0
    at_contact: bool = False
    precondition: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class WantedStack:
    """Several telecommands somebody asks for, in waves; the fields as in `Wanted`, for all of them. stop: at the first
    that does not complete."""

    steps: tuple[CommandStep, ...]
    stop: bool
    origin: str
    token: int = -1
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Serving:
    """An antenna points at a spacecraft since `since_ns`. lost: verification packets declared lost so far."""

    spacecraft: str
    station: str
    since_ns: int
    lost: int
