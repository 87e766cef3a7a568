"""The one decision: whoever takes part is a function `step(tick, inbox) -> outbox`.

Spacecraft, ground and the range's director all have this shape. Nothing that implements it may read a socket, a
clock, a file or a global random number inside `step`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bus.wire.messages import Message


@dataclass(frozen=True, slots=True)
class Moment:
    """One tick as a participant sees it: it covers [start_ns, end_ns); what is sent in it carries sent_ns = end_ns.

    beacons: previous beacon of each declared peer, as in `messages.Tick`. host_up, closing: as in `messages.Tick`.
    """

    tick: int
    start_ns: int
    end_ns: int
    beacons: dict[str, bytes] = field(default_factory=dict)
    host_up: bool = True
    closing: bool = False


@dataclass(slots=True)
class Outbox:
    """What leaves a participant in one tick.

    messages: in order of sending, sequence numbers already given. truth, beacon: as in `messages.Tock`.
    writes: non-volatile memory (key, value); the shell commits them before it sends the Tock. A value of None deletes.
    records: rows for the ground's archive, committed the same way; empty for everybody else.
    """

    messages: list[Message] = field(default_factory=list)
    truth: bytes = b""
    beacon: bytes = b""
    writes: list[tuple[str, bytes | None]] = field(default_factory=list)
    records: list[tuple[object, ...]] = field(default_factory=list)


class Participant(Protocol):
    """A spacecraft, the ground, or the director."""

    @property
    def id(self) -> str:
        """Who it is on the bus."""
        ...

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        """One tick. `inbox` is ordered by (sent_ns, source, seq)."""
        ...

    def save(self) -> bytes:
        """All of its state, so that `restore` on a fresh twin goes on to the bit."""
        ...

    def restore(self, snapshot: bytes) -> None:
        """Take over what `save` gave. Raises DecodeError if it is not from the same build."""
        ...
