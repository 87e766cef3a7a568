"""Event reporting, service 5: TM[5,1] to TM[5,4] by severity. Any event can be switched off; what is, is counted.

Storm control: every event has a bucket of tokens, and a report costs one. What finds its bucket empty is squelched and
counted, and one event tells afterwards how many were. The two high severities are always reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bus.dictionary import OnBoardParameter
from bus.pus import Service, Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, telecommand, telemetered
from node.fsw.services.packets import event_packet
from node.fsw.services.st15_storage import Storage

OVERFLOW_QUIET_NS = 600 * 10**9
"""A full store says so every ten minutes, not in every cycle [A]; the count of dropped packets is always exact."""
STORM_QUIET_NS = 10 * 10**9
"""How many were squelched is told for so long at a time [A], so that telling it can be no storm itself."""
_EVENT = Arg("event", "enum", "event report", labels=lambda words: words.events)


@dataclass(slots=True)
class Bucket:
    """Tokens of one event: how many there were at `at_ns`; and, of a storm, how many reports it cost so far and when
    that is told."""

    tokens: float
    at_ns: int
    squelched: int = 0
    tell_ns: int = 0


@dataclass(slots=True)
class State:
    """What is switched off, until when each full store is quiet, buckets by event, and who has something to tell."""

    events_reported: int = telemetered("int", "Event reports made")
    events_suppressed: int = telemetered("int", "Event reports suppressed by telecommand")
    suppressed: set[int] = field(default_factory=set)
    events_squelched: int = telemetered("int", "Event reports squelched by storm control")
    quiet_until_ns: dict[int, int] = field(default_factory=dict)
    buckets: dict[int, Bucket] = field(default_factory=dict)
    storms: list[int] = field(default_factory=list)


class Events(Component):
    """Makes event packets for every component."""

    name = "events"
    state: State

    STORE_OVERFLOW = Event(
        12, "store_overflow", Severity.HIGH, "The packet store drops its oldest packets",
        (Arg("stream", "int", "service whose packets are dropped"), Arg("dropped", "int", "packets dropped just now")),
    )  # fmt: skip
    SQUELCHED = Event(
        40, "events_squelched", Severity.LOW, "Reports of one event were squelched: there were too many of them",
        (_EVENT, Arg("squelched", "int", "reports that were not made")),
    )  # fmt: skip
    BURST = OnBoardParameter(
        name="event.burst", unit="", description="Reports of one event that may come at once",
        default=16.0, low=1.0, high=1000.0,
    )  # fmt: skip
    RATE = OnBoardParameter(
        name="event.rate_hz", unit="Hz", description="Reports of one event that may come in the long run",
        default=8.0, low=0.01, high=1000.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, storage: Storage) -> None:
        super().__init__(on_board, State())
        self._storage = storage
        self._ids: tuple[int, ...] = ()
        self.listener: Callable[[int], None] = lambda event: None

    def connect(self, ids: tuple[int, ...]) -> None:
        """The events of all components, in the order of the dictionary."""
        self._ids = ids

    def report(self, event: Event, arguments: tuple[float, ...], severity: int) -> None:
        """Report an event, unless the ground has switched it off; who listens hears it either way."""
        self.listener(event.id)
        if event.id in self.state.suppressed:
            self.state.events_suppressed += 1
            return
        if severity < Severity.MEDIUM and event is not self.SQUELCHED and not self._token(event.id):
            self.state.events_squelched += 1
            return
        self.state.events_reported += 1
        packet = event_packet(self.on_board.state.obt_ns, event.id, severity, arguments)
        self._storage.keep_packet(Service.EVENT, packet)

    def _token(self, event: int) -> bool:
        """Take a token of this event's bucket; without one, count what is squelched."""
        board, state = self.on_board, self.state
        now_ns, burst = board.time_ns, board.sane(self.BURST)
        bucket = state.buckets.get(event)
        if bucket is None:
            bucket = state.buckets[event] = Bucket(burst, now_ns)
        elif now_ns > bucket.at_ns:
            earned = (now_ns - bucket.at_ns) / 1e9 * board.sane(self.RATE)
            bucket.tokens, bucket.at_ns = min(burst, bucket.tokens + earned), now_ns
        if bucket.tokens >= 1.0:
            bucket.tokens -= 1.0
            return True
        if not bucket.squelched:
            bucket.tell_ns = now_ns + STORM_QUIET_NS
            state.storms.append(event)
        bucket.squelched += 1
        return False

    def end_cycle(self) -> None:
        """Say which events were squelched, and which services' shares of the store overflow, each once in a while."""
        if self.state.storms:
            self._tell()
        overflowing = self._storage.take_overflows()
        if not overflowing:
            return
        now_ns, quiet = self.on_board.time_ns, self.state.quiet_until_ns
        for stream, dropped in sorted(overflowing.items()):
            if stream != Service.EVENT and now_ns >= quiet.get(stream, 0):  # a full event store must not feed itself
                quiet[stream] = now_ns + OVERFLOW_QUIET_NS
                self.event(self.STORE_OVERFLOW, stream, dropped)

    def _tell(self) -> None:
        now_ns, buckets, waiting = self.on_board.time_ns, self.state.buckets, []
        for event in self.state.storms:
            bucket = buckets[event]
            if now_ns < bucket.tell_ns:
                waiting.append(event)
            else:
                self.event(self.SQUELCHED, self._ids.index(event), bucket.squelched)
                bucket.squelched = 0
        self.state.storms = waiting

    @telecommand("event.enable", Service.EVENT, 5, "Enable an event report", _EVENT)
    def enable(self, event: int) -> Failure:
        """TC[5,5] enable report generation."""
        self.state.suppressed.discard(self._ids[event])
        return None

    @telecommand("event.disable", Service.EVENT, 6, "Disable an event report", _EVENT)
    def disable(self, event: int) -> Failure:
        """TC[5,6] disable report generation."""
        self.state.suppressed.add(self._ids[event])
        return None
