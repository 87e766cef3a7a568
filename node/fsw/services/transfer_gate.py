"""Which transfers begin in a planned contact: those that end before it does.

A transfer is a large packet in its parts, or what was asked for of one store by a range of time. It is looked at once
in a contact, when its turn comes: it begins if the link carries all that is left of it until the contact ends, else it
waits, and what comes behind it goes. One that is longer than any contact of the plan begins all the same, since to wait
would not help it; it goes on in the next one. Nothing is known of telecommands or of the plan itself.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from node.fsw.services.packet_streams import Key

Wanted = tuple[int, int, int]
"""(boot, stream, sequence) of a packet that was asked for."""
ASKED_FOR = 0
"""Stands where the boot would for what was asked for by a range of time."""
MOST_UNTOLD = 64
"""Sizes of transfers that wait, until somebody takes them."""


class Window(NamedTuple):
    """A contact as it is planned. number: which one, 0 where none is planned now. left_bytes: what the link carries
    until transfers must be over. longest_bytes: what it carries in the longest contact of the plan."""

    number: int
    left_bytes: float
    longest_bytes: float


@dataclass(slots=True)
class Gate:
    """verdicts: of each stream the transfer that was looked at last, and whether it began. parked: what was asked for
    and waits. held_bytes: sizes of those that were made to wait, until they are told."""

    number: int | None = None
    verdicts: dict[Key, tuple[int, bool]] = field(default_factory=dict)
    parked: deque[Wanted] = field(default_factory=deque)
    held: int = 0
    held_bytes: list[float] = field(default_factory=list)

    def enter(self, window: Window | None) -> list[Wanted]:
        """The contact of this cycle. In another one than before all is looked at anew; gives what was parked."""
        number = None if window is None else window.number
        if number == self.number:
            return []
        self.number = number
        return self.reopen()

    def reopen(self) -> list[Wanted]:
        """Look at all of them anew; gives what was parked."""
        self.verdicts.clear()
        back = list(self.parked)
        self.parked.clear()
        return back

    def verdict(self, key: Key, transfer: int) -> bool | None:
        """Whether it began; None: it was not looked at yet."""
        known = self.verdicts.get(key)
        return known[1] if known is not None and known[0] == transfer else None

    def decide(self, key: Key, transfer: int, size_bytes: float, window: Window, spent_bytes: float) -> bool:
        """Look at a transfer of which so much is left. `spent_bytes`: what this cycle has sent before it."""
        fits = size_bytes <= window.left_bytes - spent_bytes
        begins = fits or size_bytes > window.longest_bytes
        self.verdicts[key] = transfer, begins
        if not begins:
            self.held += 1
            self.held_bytes = [*self.held_bytes, size_bytes][:MOST_UNTOLD]
        return begins

    def take_held(self) -> list[float]:
        """Sizes of those that were made to wait since the last call."""
        told, self.held_bytes = self.held_bytes, []
        return told
