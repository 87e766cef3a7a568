"""Who may be given two Ticks at once: what a participant can still hear decides when its next Tick is known.

Conservative lookahead, as in parallel simulation (Chandy and Misra 1979). Mail sent in tick k arrives with Tick k + 1.
A participant that hears only a few others, none of them hearing so little itself, is in the lookahead set: once these
have answered tick k, its Tick k + 1 is known, whatever the rest still does. So the lookahead set is held back until
everybody else has answered, then gets Ticks k and k + 1 together. Its processes wake half as often,
and the records are the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from bus.lockstep.mail import Envelope
from bus.lockstep.sessions import ParticipantPlan


class Lookahead:
    """Who is in the lookahead set, held back now, or a tick ahead. Decides nothing else, and keeps their mail."""

    def __init__(self, plans: Iterable[ParticipantPlan]) -> None:
        self._lookahead_set = lookahead_set(plans)
        self._early: list[Envelope] = []
        self.held: frozenset[str] = frozenset()
        self.newest = -1  # the newest tick whose Ticks anybody has, or has waiting

    def open(self, tick: int, last: int) -> frozenset[str]:
        """Tick `tick` begins, the closing one is `last`. Gives the lookahead set if they already have it; else they are
        held back, unless nothing follows."""
        if self.newest >= tick:
            self.held = frozenset()
            return self._lookahead_set
        self.newest = tick
        self.held = self._lookahead_set if tick < last else frozenset()
        return frozenset()

    def release(self, early: list[Envelope]) -> None:
        """Those held back get the open Tick and the next, whose mail is `early`."""
        self._early = early
        self.newest += 1
        self.held = frozenset()

    def with_early(self, delivered: list[Envelope]) -> list[Envelope]:
        """What is delivered with a Tick, and before it what the lookahead set got ahead, in the order of all mail."""
        early, self._early = self._early, []
        return sorted(early + delivered) if early else delivered


def lookahead_set(plans: Iterable[ParticipantPlan]) -> frozenset[str]:
    """Who hears nobody of the lookahead set, neither mail nor beacons, and has no beacon that others follow."""
    plans = list(plans)
    followed = {peer for plan in plans for peer in plan.peers}
    alone = [plan for plan in plans if not plan.peers and plan.id not in followed]
    quiet = {plan.id: plan.sources for plan in alone if plan.sources is not None}
    return frozenset(id for id, sources in quiet.items() if sources.isdisjoint(quiet))
