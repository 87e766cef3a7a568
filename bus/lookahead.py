"""Who may be given two Ticks at once: what a participant can still hear decides when its next Tick is known.

Conservative lookahead, as in parallel simulation (Chandy and Misra 1979). Mail sent in tick k arrives with Tick k + 1.
A participant that hears only a few others, none of them hearing so little itself, is sheltered: once these have
answered tick k, its Tick k + 1 is known, whatever the rest still does. So the sheltered are held back until everybody
else has answered, then get Ticks k and k + 1 together. Their processes wake half as often; records are the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from bus.post import Letter
from bus.roster import ParticipantPlan


class Lookahead:
    """Which participants are sheltered, held back now, or a tick ahead. Decides nothing else, and keeps their mail."""

    def __init__(self, plans: Iterable[ParticipantPlan]) -> None:
        self._sheltered = sheltered(plans)
        self._early: list[Letter] = []
        self.held: frozenset[str] = frozenset()
        self.newest = -1  # the newest tick whose Ticks anybody has, or has waiting

    def open(self, tick: int, last: int) -> frozenset[str]:
        """Tick `tick` begins, the closing one is `last`. Gives the sheltered if they already have it; else they are
        held back, unless nothing follows."""
        if self.newest >= tick:
            self.held = frozenset()
            return self._sheltered
        self.newest = tick
        self.held = self._sheltered if tick < last else frozenset()
        return frozenset()

    def release(self, early: list[Letter]) -> None:
        """Those held back get the open Tick and the next, whose mail is `early`."""
        self._early = early
        self.newest += 1
        self.held = frozenset()

    def with_early(self, delivered: list[Letter]) -> list[Letter]:
        """What is delivered with a Tick, and before it what the sheltered got ahead, in the order of all mail."""
        early, self._early = self._early, []
        return sorted(early + delivered) if early else delivered


def sheltered(plans: Iterable[ParticipantPlan]) -> frozenset[str]:
    """Who hears nobody sheltered, neither mail nor beacons, and has no beacon that others follow."""
    plans = list(plans)
    followed = {peer for plan in plans for peer in plan.peers}
    alone = [plan for plan in plans if not plan.peers and plan.id not in followed]
    quiet = {plan.id: plan.hears for plan in alone if plan.hears is not None}
    return frozenset(id for id, hears in quiet.items() if hears.isdisjoint(quiet))
