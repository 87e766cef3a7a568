"""Answers on their way into the record of a tick: those of the open tick, late ones, and early ones of the next.

No decisions: what counts as an answer is `conductor.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping

from bus.instructions import Answer
from bus.roster import Seat


class Answers:
    """Accepted answers that no record holds yet."""

    def __init__(self) -> None:
        self._kept: list[Answer] = []

    def add(self, answer: Answer) -> None:
        """Keep it until its tick, or for a late one the open tick, is recorded."""
        self._kept.append(answer)

    def close(self, tick: int, seats: Mapping[str, Seat]) -> tuple[Answer, ...]:
        """What belongs into the record of `tick`, in order; with an empty answer of each who gave none, counted."""
        due = [answer for answer in self._kept if answer.tick <= tick]
        self._kept = [answer for answer in self._kept if answer.tick > tick]
        there = {answer.id for answer in due if answer.tick == tick}
        for id, seat in seats.items():
            if id not in there:
                seat.counters.missed_ticks += 1
                due.append(Answer(id, tick, True, False, b"", b"", b""))
        return tuple(sorted(due))
