"""The ground as one function: `Ground.step(moment, inbox) -> outbox`.

Nothing here reads a socket, a clock or a file. Archive rows leave as `Outbox.records`; whoever runs the ground commits
them with `archive.Archive` before the Tock leaves, so no acknowledgement ever precedes its record.
"""

from __future__ import annotations

from collections.abc import Sequence

from bus.messages import Message
from bus.participant import Moment, Outbox
from groundstation.config import GROUND_ID, GroundConfig


class Ground:
    """The ground segment; implements `bus.participant.Participant`."""

    def __init__(self, config: GroundConfig) -> None:
        self._config = config

    @property
    def id(self) -> str:
        """Who it is on the bus."""
        return GROUND_ID

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        """One tick. Takes Telemetry, Event, Verification, StoreReport and OperatorRequest."""
        return Outbox()

    def save(self) -> bytes:
        """All of its state."""
        return b""

    def restore(self, snapshot: bytes) -> None:
        """Take over what `save` gave. Raises DecodeError if it is not from the same build."""
