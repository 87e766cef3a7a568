"""Who gets an antenna: one spacecraft per station and one station per spacecraft, conflicts solved by priority.

Contacts in, changes of allocation out. No orbits, no messages. Rules: a free antenna turns to the spacecraft in view
with the least priority number, then to the one served longest ago, then to the first in the scenario. A better priority
takes over at once, an equal one after `dwell_s`. Nothing that happens in the run has a say in it, so that what was
planned (`contacts.plan`) is what is flown.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from groundstation.contacts.prediction import Contact

FAR_NS = 2**62


@dataclass(frozen=True, slots=True)
class Change:
    """An antenna turns to a spacecraft, or away from it (positions in the scenario)."""

    station: int
    spacecraft: int
    on: bool
    since_ns: int


@dataclass(slots=True)
class AntennaState:
    """All state. serving, since_ns: per station (-1: nobody). served_ns: per spacecraft, end of the last service or -1.
    serves: per spacecraft, its station or -1. next_ns: nothing changes before."""

    upcoming: list[Contact] = field(default_factory=list)
    in_view: list[Contact] = field(default_factory=list)
    serving: list[int] = field(default_factory=list)
    since_ns: list[int] = field(default_factory=list)
    served_ns: list[int] = field(default_factory=list)
    serves: list[int] = field(default_factory=list)
    next_ns: int = 0


class Antennas:
    """The allocation of every antenna over time."""

    def __init__(self, stations: int, priorities: tuple[int, ...], dwell_s: float) -> None:
        self._priorities = priorities
        self._dwell_ns = round(dwell_s * 1e9)
        many = len(priorities)
        self.state = AntennaState([], [], [-1] * stations, [0] * stations, [-1] * many, [-1] * many, 0)

    def plan(self, contacts: list[Contact]) -> None:
        """Take note of contacts ahead."""
        self.state.upcoming = sorted([*self.state.upcoming, *contacts])
        for contact in contacts:
            self.state.next_ns = min(self.state.next_ns, contact.aos_ns)

    def station_of(self, spacecraft: int) -> int:
        """Which station serves a spacecraft now; -1 for none."""
        return self.state.serves[spacecraft]

    def step(self, now_ns: int) -> list[Change]:
        """Allocations from `now_ns` on."""
        state = self.state
        if now_ns < state.next_ns:
            return []
        started = 0
        while started < len(state.upcoming) and state.upcoming[started].aos_ns <= now_ns:
            started += 1
        state.in_view += state.upcoming[:started]
        del state.upcoming[:started]
        state.in_view = [contact for contact in state.in_view if contact.los_ns > now_ns]
        changes: list[Change] = []
        views: list[list[int]] = [[] for _ in state.serving]
        for contact in state.in_view:
            views[contact.station].append(contact.spacecraft)
        for station, spacecraft in enumerate(state.serving):
            if spacecraft >= 0 and spacecraft not in views[station]:
                self._release(station, now_ns, changes)
        for station, view in enumerate(views):
            self._choose(station, view, now_ns, changes)
        state.next_ns = self._next(views)
        return changes

    def _release(self, station: int, now_ns: int, changes: list[Change]) -> None:
        state = self.state
        spacecraft = state.serving[station]
        changes.append(Change(station, spacecraft, False, state.since_ns[station]))
        state.serving[station] = -1
        state.serves[spacecraft] = -1
        state.served_ns[spacecraft] = now_ns

    def _choose(self, station: int, view: list[int], now_ns: int, changes: list[Change]) -> None:
        state = self.state
        candidates = [spacecraft for spacecraft in view if state.serves[spacecraft] < 0]
        if not candidates:
            return
        best = min(candidates, key=lambda craft: (self._priorities[craft], state.served_ns[craft], craft))
        now = state.serving[station]
        if now >= 0:
            better = self._priorities[best] < self._priorities[now]
            turn = self._priorities[best] == self._priorities[now] and (
                now_ns - state.since_ns[station] >= self._dwell_ns
            )
            if not better and not turn:
                return
            self._release(station, now_ns, changes)
        state.serving[station] = best
        state.serves[best] = station
        state.since_ns[station] = now_ns
        changes.append(Change(station, best, True, now_ns))

    def _next(self, views: list[list[int]]) -> int:
        """When the picture can change next."""
        state = self.state
        when = state.upcoming[0].aos_ns if state.upcoming else FAR_NS
        for contact in state.in_view:
            when = min(when, contact.los_ns)
        for station, spacecraft in enumerate(state.serving):
            waiting = [other for other in views[station] if state.serves[other] < 0]
            if spacecraft < 0 and waiting:
                return 0  # another antenna let go of it just now: look again in the next tick
            if any(self._priorities[other] < self._priorities[spacecraft] for other in waiting):
                return 0  # the same, and it goes before the one that is served
            if any(self._priorities[other] == self._priorities[spacecraft] for other in waiting):
                when = min(when, state.since_ns[station] + self._dwell_ns)
        return when
