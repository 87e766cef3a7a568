"""One spacecraft as a function: `Node.step(moment, inbox) -> outbox`, in the seven steps of the architecture.

State has three parts: truth (plant and devices), non-volatile memory, volatile (flight software's RAM). Nothing here
reads a socket, a clock, a file or a global random number.
"""

from __future__ import annotations

from collections.abc import Sequence

from bus.dictionary import Dictionary
from bus.messages import Message
from bus.participant import Moment, Outbox
from node.config import NodeConfig


class Node:
    """A spacecraft; implements `bus.participant.Participant`."""

    def __init__(self, config: NodeConfig) -> None:
        self._config = config

    @property
    def id(self) -> str:
        """Who it is on the bus."""
        return self._config.id

    @property
    def dictionary(self) -> Dictionary:
        """The telemetry and telecommand dictionary of its design."""
        raise NotImplementedError

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        """One tick."""
        raise NotImplementedError

    def save(self) -> bytes:
        """All three parts of the state."""
        raise NotImplementedError

    def restore(self, snapshot: bytes) -> None:
        """Take over what `save` gave. Raises DecodeError if it is not from the same build."""
        raise NotImplementedError
