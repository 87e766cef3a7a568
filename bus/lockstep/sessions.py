"""Who takes part, and how far each has come: the plan, the state machine as a table, the session.

No I/O, no clock, and no decisions about mail or ticks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum, auto

from bus.lockstep.ticks import ReceivedTock, write_tick
from bus.trace.writer import Answer
from bus.wire.codec import Header, peek
from bus.wire.messages import RESERVED_IDS, Plane

MAX_SNAPSHOT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ParticipantPlan:
    """One session of the range.

    planes: what its key opens. It may send mail of the kinds of these planes, and answers it owes the range
    (injection reports, accounts) in any case. peers: whose beacons its Ticks carry. forwards: further source that its
    mail may carry (the ground passes on what "operator" asked for). sources: whose mail it can get (None: everybody's);
    other mail to it is refused.
    """

    id: str
    planes: frozenset[Plane]
    peers: tuple[str, ...] = ()
    forwards: str = ""
    sources: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a conductor keeps at most. `history_*`: per participant since its snapshot (0: nobody ever comes back).
    window_ticks: how many unanswered Ticks are on their way to a participant at most; the others wait here.
    behind_ticks: how many a paced participant may have before the run waits for it. `*box_bytes`: mail per tick."""

    history_ticks: int = 4096
    history_bytes: int = 32 * 1024 * 1024
    window_ticks: int = 64
    behind_ticks: int = 2048
    outbox_bytes: int = 4 * 1024 * 1024
    inbox_bytes: int = 8 * 1024 * 1024


BOUNDS = Bounds()


class Phase(Enum):
    """Where a participant stands."""

    ABSENT = auto()  # not here yet
    LIVE = auto()  # gets its Ticks as they are made
    AWAY = auto()  # left, may come back
    REPLAYING = auto()  # came back, goes through the Ticks since its snapshot
    LOST = auto()  # given up


class SessionEvent(Enum):
    """What can happen to a participant."""

    JOINED = auto()
    LEFT = auto()
    CAUGHT_UP = auto()
    GIVEN_UP = auto()


# (phase, event) -> phase. A pair that is not here is refused and counted; it changes nothing.
TRANSITIONS: dict[tuple[Phase, SessionEvent], Phase] = {
    (Phase.ABSENT, SessionEvent.JOINED): Phase.LIVE,
    (Phase.ABSENT, SessionEvent.GIVEN_UP): Phase.LOST,
    (Phase.LIVE, SessionEvent.LEFT): Phase.AWAY,
    (Phase.LIVE, SessionEvent.GIVEN_UP): Phase.LOST,
    (Phase.AWAY, SessionEvent.JOINED): Phase.REPLAYING,
    (Phase.AWAY, SessionEvent.GIVEN_UP): Phase.LOST,
    (Phase.REPLAYING, SessionEvent.CAUGHT_UP): Phase.LIVE,
    (Phase.REPLAYING, SessionEvent.LEFT): Phase.AWAY,
    (Phase.REPLAYING, SessionEvent.GIVEN_UP): Phase.LOST,
    (Phase.LOST, SessionEvent.JOINED): Phase.REPLAYING,
}


@dataclass(slots=True)
class Counters:
    """What happened at one session. Everything that is dropped or ignored has a counter here."""

    tocks: int = 0
    late_tocks: int = 0
    missed_ticks: int = 0
    duplicate_tocks: int = 0
    conflicting_tocks: int = 0
    stale_tocks: int = 0
    malformed_tocks: int = 0
    replayed_ticks: int = 0
    returns: int = 0
    mail_sent: int = 0
    mail_received: int = 0
    mail_malformed: int = 0
    mail_foreign_source: int = 0
    mail_forbidden_kind: int = 0
    mail_mistimed: int = 0
    mail_repeated: int = 0
    mail_unknown_destination: int = 0
    mail_not_heard: int = 0
    outbox_overflow: int = 0
    inbox_overflow: int = 0
    history_overflow: int = 0
    snapshots: int = 0
    snapshots_refused: int = 0


@dataclass(slots=True)
class TickRecord:
    """One Tick of a participant: as sent, and the digest of the accepted answer (None: not answered yet)."""

    tick: int
    frames: list[bytes]
    beacons: dict[str, bytes]
    host_up: bool = True
    digest: bytes | None = None
    size: int = 0

    def turn_down(self, tick_ns: int) -> None:
        """The same Tick with `host_up` false: it was missed, and the computer was not there to see it."""
        if not self.host_up:
            return
        mail = [(peek(frame), frame) for frame in self.frames[1:]]
        self.host_up = False
        self.frames = write_tick(self.tick, tick_ns, mail, self.beacons, host_up=False)


@dataclass(slots=True)
class Session:
    """Everything the conductor remembers of one participant."""

    plan: ParticipantPlan
    phase: Phase = Phase.ABSENT
    counters: Counters = field(default_factory=Counters)
    records: deque[TickRecord] = field(default_factory=deque)  # Ticks since the snapshot, oldest first, without gaps
    bytes_kept: int = 0
    snapshot: bytes | None = None
    snapshot_next: int = 0  # the tick that follows the snapshot
    first_kept: int = 0  # the oldest tick whose record was not forgotten
    pending: tuple[int, bytes] | None = None  # a snapshot whose Tock is still to come
    answered: int = -1  # newest tick whose Tock was accepted
    sent: int = -1  # newest tick whose Tick was sent
    cursor: int = 0  # while REPLAYING: the tick it was sent last
    beacon: bytes = b""
    complaint: str = ""

    def happens(self, event: SessionEvent) -> bool:
        """Takes the transition; False if the table has none."""
        phase = TRANSITIONS.get((self.phase, event))
        if phase is None:
            return False
        self.phase = phase
        return True

    def answered_again(self, record: TickRecord, digest: bytes) -> str:
        """A further answer to a record that has one: dropped and counted. What to complain of, "" if it is the same."""
        if digest == record.digest:
            self.counters.duplicate_tocks += 1
            return ""
        self.counters.conflicting_tocks += 1
        return f"a second answer to tick {record.tick} that differs from its first; the first one counts"

    def record(self, tick: int) -> TickRecord | None:
        """The record of this tick, if it is still kept."""
        if not self.records:
            return None
        index = tick - self.records[0].tick
        return self.records[index] if 0 <= index < len(self.records) else None

    @property
    def present(self) -> bool:
        """It gets Ticks and answers them."""
        return self.phase is Phase.LIVE or self.phase is Phase.REPLAYING

    def come_back(self, tick: int) -> TickRecord | None:
        """From its snapshot on again; gives the record of the open tick."""
        self.counters.returns += 1
        self.complaint = ""
        self.cursor = self.snapshot_next
        self.sent = self.cursor - 1
        return self.record(tick)

    def begin_anew(self, tick: int) -> bool:
        """A spacecraft that was given up and for whose replay too much is forgotten comes in at the open tick, without
        what it had in its working memory; its unanswered ticks stay missed. False where that cannot be."""
        if self.phase is not Phase.LOST or self.plan.id in RESERVED_IDS or self.record(tick) is None:
            return False
        while self.records[0].tick < tick:
            self._forget()
        self.snapshot, self.snapshot_next, self.pending = None, tick, None
        self.answered = max(self.answered, tick - 1)
        return True

    def go_away(self, reason: str) -> None:
        """What it was about to say is worth nothing."""
        self.pending = None
        self.complaint = f"it left ({reason}) and did not come back"

    def accept(self, record: TickRecord, received: ReceivedTock, late: bool) -> None:
        """The first answer to a record, and with it the snapshot that came before."""
        record.digest = received.digest
        self.counters.tocks += 1
        self.counters.late_tocks += late
        if received.tick > self.answered:
            self.answered = received.tick
            self.beacon = received.beacon
        self.commit_snapshot(received.tick)

    def offer(self, tick: int, content: bytes) -> str:
        """A snapshot, valid with the Tock of its tick. Returns why it is not wanted, or ""."""
        if len(content) > MAX_SNAPSHOT_BYTES or self.record(tick) is None:
            self.counters.snapshots_refused += 1
            return f"a snapshot of {len(content)} bytes at tick {tick} is not wanted"
        self.pending = (tick, content)
        return ""

    def next_ticks(self, window_ticks: int) -> list[TickRecord]:
        """The Ticks that it has not been sent yet, as many as may be on their way at once. They count as sent."""
        last = self.answered + window_ticks
        records: list[TickRecord] = []
        while self.sent < last and (record := self.record(self.sent + 1)) is not None:
            records.append(record)
            self.sent += 1
        return records

    def overfull(self, tick: int, bounds: Bounds) -> bool:
        """It has as many Ticks before `tick` unanswered as are kept for anybody."""
        if self.phase is Phase.LOST or not self.records or self.answered >= tick - 1:
            return False
        kept = self.bytes_kept > bounds.history_bytes and self.records[0].digest is None
        return kept or tick - self.answered > bounds.behind_ticks

    @property
    def restorable(self) -> bool:
        """Every Tick since the snapshot is still here."""
        return self.first_kept <= self.snapshot_next

    def keep(self, record: TickRecord, bounds: Bounds) -> None:
        """Adds the newest record and forgets the oldest where there are more than the bounds allow. Unanswered records
        stay as long as an answer may come: the conductor bounds how far anybody may fall behind."""
        self.records.append(record)
        self.bytes_kept += record.size
        while len(self.records) > bounds.history_ticks or self.bytes_kept > bounds.history_bytes:
            if self.phase is not Phase.LOST and self.records[0].digest is None:
                return
            self._forget()
            if bounds.history_ticks > 0:
                self.counters.history_overflow += 1

    def commit_snapshot(self, tick: int) -> None:
        """The Tock of `tick` is in: a snapshot taken after that step is now valid, what led to it can go."""
        if self.pending is None or self.pending[0] != tick:
            return
        self.snapshot, self.snapshot_next, self.pending = self.pending[1], tick + 1, None
        self.counters.snapshots += 1
        while self.records and self.records[0].tick <= tick:
            self._forget()

    def _forget(self) -> None:
        record = self.records.popleft()
        self.bytes_kept -= record.size
        self.first_kept = record.tick + 1


def make_tick_records(  # noqa: PLR0917 - the conductor's own, in the order of the story
    sessions: Mapping[str, Session],
    ids: Iterable[str],
    tick: int,
    tick_ns: int,
    inboxes: Mapping[str, list[tuple[Header, bytes]]],
    bounds: Bounds,
    *,
    closing: bool,
) -> None:
    """Make the Ticks of `ids` and keep them. Those without mail and with the same peers share one header frame."""
    shared: dict[tuple[str, ...], TickRecord] = {}
    for id in ids:
        session = sessions[id]
        peers = session.plan.peers
        mail = inboxes.get(id)
        like = None if mail else shared.get(peers)
        if like is None:
            beacons = {peer: sessions[peer].beacon for peer in peers if peer in sessions and sessions[peer].beacon}
            frames = write_tick(tick, tick_ns, mail or [], beacons, closing=closing)
            like = TickRecord(tick, frames, beacons, size=sum(map(len, frames)))
            if not mail:
                shared[peers] = like
        session.keep(TickRecord(tick, like.frames, like.beacons, size=like.size), bounds)


def counted(sessions: Iterable[Session]) -> dict[str, dict[str, int]]:
    """Counters per participant id, in id order."""
    return {
        session.plan.id: asdict(session.counters) for session in sorted(sessions, key=lambda session: session.plan.id)
    }


class Answers:
    """Accepted answers that no record holds yet."""

    def __init__(self) -> None:
        self._kept: list[Answer] = []

    def add(self, answer: Answer) -> None:
        """Keep it until its tick, or for a late one the open tick, is recorded."""
        self._kept.append(answer)

    def close(self, tick: int, sessions: Mapping[str, Session]) -> tuple[Answer, ...]:
        """What belongs into the record of `tick`, in order; with an empty answer of each who gave none, counted."""
        due = [answer for answer in self._kept if answer.tick <= tick]
        self._kept = [answer for answer in self._kept if answer.tick > tick]
        there = {answer.id for answer in due if answer.tick == tick}
        for id, session in sessions.items():
            if id not in there:
                session.counters.missed_ticks += 1
                due.append(Answer(id, tick, True, False, b"", b"", b""))
        return tuple(sorted(due))
