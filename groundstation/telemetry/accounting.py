"""Accounts of telemetry: per (spacecraft, boot, stream) what is archived, lost, and may be acknowledged.

Sequence numbers run from 0 without gaps, so every number below `below` is archived or declared lost. Bounded: too many
holes at once and a packet is refused (it is not acknowledged, so it comes again), too many losses and the oldest range
is forgotten for late arrivals (its count stays). Both are counted. What the spacecraft has settled and forgotten is
forgotten here too: a total stays, and of each stream the boot below which every packet is an old one. No messages and
no SQL here.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import IntEnum

MAX_RANGES_AHEAD = 1024
MAX_RANGES_LOST = 1024
MAX_STREAMS = 4096

Range = tuple[int, int]
"""Sequence numbers from the first to before the second."""


class Outcome(IntEnum):
    """What became of a sequence number."""

    NEW = 0
    DUPLICATE = 1
    RECOVERED = 2  # was declared lost and came after all
    REFUSED = 3  # no room in the account; it has to come again


@dataclass(slots=True)
class Stream:
    """One (spacecraft, boot, stream). `ahead`: archived ranges above `below`. `lost`: ranges declared lost."""

    below: int = 0
    archived: int = 0
    declared_lost: int = 0
    ahead: list[Range] = field(default_factory=list)
    lost: list[Range] = field(default_factory=list)

    def take(self, sequence: int) -> Outcome:
        """A packet of this number has arrived."""
        if sequence == self.below:  # the ordinary case first
            if not self.ahead:
                self.below = sequence + 1
            else:
                self._advance(sequence + 1)
            self.archived += 1
            return Outcome.NEW
        if sequence < self.below:
            return self._late(sequence)
        place = bisect_right(self.ahead, (sequence, 2**62))
        if place and sequence < self.ahead[place - 1][1]:
            return Outcome.DUPLICATE
        joins_left = bool(place) and self.ahead[place - 1][1] == sequence
        joins_right = place < len(self.ahead) and self.ahead[place][0] == sequence + 1
        if not joins_left and not joins_right and len(self.ahead) >= MAX_RANGES_AHEAD:
            return Outcome.REFUSED
        first = self.ahead[place - 1][0] if joins_left else sequence
        end = self.ahead[place][1] if joins_right else sequence + 1
        self.ahead[place - joins_left : place + joins_right] = [(first, end)]
        self.archived += 1
        return Outcome.NEW

    def declare_below(self, first: int) -> list[Range]:
        """The store begins at `first`: what is below it and not archived is lost. Returns the new losses."""
        losses: list[Range] = []
        position = self.below
        for start, end in self.ahead:
            if start >= first:
                break
            losses.append((position, start))
            position = end
        if position < first:
            losses.append((position, first))
        if losses:
            self.declared_lost += sum(end - start for start, end in losses)
            self.lost = (self.lost + losses)[-MAX_RANGES_LOST:]
            self._advance(max(first, self.below))
        return losses

    def _late(self, sequence: int) -> Outcome:
        place = bisect_right(self.lost, (sequence, 2**62)) - 1
        if place < 0 or sequence >= self.lost[place][1]:
            return Outcome.DUPLICATE
        first, end = self.lost[place]
        pieces = [piece for piece in ((first, sequence), (sequence + 1, end)) if piece[0] < piece[1]]
        if len(self.lost) + len(pieces) - 1 > MAX_RANGES_LOST:
            return Outcome.DUPLICATE  # it stays declared lost
        self.lost[place : place + 1] = pieces
        self.declared_lost -= 1
        self.archived += 1
        return Outcome.RECOVERED

    def _advance(self, below: int) -> None:
        """Everything below this is settled; swallow the ranges that now join."""
        used = 0
        for start, end in self.ahead:
            if start > below:
                break
            below = max(below, end)
            used += 1
        del self.ahead[:used]
        self.below = below


@dataclass(slots=True)
class StreamAccounts:
    """One spacecraft's streams by (boot, stream), what had to be refused or came twice, and how many verification
    packets were ever declared lost (those that came after all included: it only rises). settled_below: of a stream, the
    first boot that is not settled; settled, settled_archived, settled_lost: streams forgotten, and what was in them."""

    streams: dict[tuple[int, int], Stream] = field(default_factory=dict)
    duplicates: int = 0
    refused: int = 0
    reports_lost: int = 0
    settled_below: dict[int, int] = field(default_factory=dict)
    settled: int = 0
    settled_archived: int = 0
    settled_lost: int = 0

    def is_settled(self, boot: int, stream: int) -> bool:
        """Whether it is forgotten: all that still comes of it is old."""
        return boot < self.settled_below.get(stream, 0)

    def settle(self, below: int, stream: int) -> None:
        """The spacecraft has forgotten every boot of this stream below this one. Reports overtake each other: what was
        once settled stays so."""
        if below <= self.settled_below.get(stream, 0):
            return
        self.settled_below[stream] = below
        for key in [key for key in self.streams if key[1] == stream and key[0] < below]:
            gone = self.streams.pop(key)
            self.settled += 1
            self.settled_archived += gone.archived
            self.settled_lost += gone.declared_lost

    def stream(self, boot: int, stream: int) -> Stream | None:
        """The stream, opened on first sight; None (counted) when there are too many."""
        found = self.streams.get((boot, stream))
        if found is None:
            if len(self.streams) >= MAX_STREAMS:
                self.refused += 1
                return None
            found = self.streams[boot, stream] = Stream()
        return found

    @property
    def archived(self) -> int:
        """Packets archived, all streams."""
        return self.settled_archived + sum(stream.archived for stream in self.streams.values())

    @property
    def declared_lost(self) -> int:
        """Packets declared lost, all streams."""
        return self.settled_lost + sum(stream.declared_lost for stream in self.streams.values())
