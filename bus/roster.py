"""Who takes part, and how far each has come: the plan, the state machine as a table, the seat.

No I/O, no clock, and no decisions about mail (`post.py`) or ticks (`conductor.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum, auto

from bus.codec import Header, peek
from bus.exchange import ReceivedTock, write_tick
from bus.messages import Plane

MAX_SNAPSHOT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ParticipantPlan:
    """One seat of the range.

    planes: what its key opens. It may send mail of the kinds of these planes, and answers it owes the range
    (injection reports, accounts) in any case. peers: whose beacons its Ticks carry. forwards: further source that its
    mail may carry (the ground passes on what "operator" asked for). hears: whose mail it can get (None: everybody's);
    other mail to it is refused.
    """

    id: str
    planes: frozenset[Plane]
    peers: tuple[str, ...] = ()
    forwards: str = ""
    hears: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a conductor keeps at most. `history_*`: per participant since its snapshot (0: nobody ever comes back).
    behind_ticks: how many unanswered Ticks a paced participant may have before it is lost. `*box_bytes`: mail per
    tick."""

    history_ticks: int = 4096
    history_bytes: int = 32 * 1024 * 1024
    behind_ticks: int = 64
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


class Happening(Enum):
    """What can happen to a participant."""

    JOINED = auto()
    LEFT = auto()
    CAUGHT_UP = auto()
    GIVEN_UP = auto()


# (phase, happening) -> phase. A pair that is not here is refused and counted; it changes nothing.
TRANSITIONS: dict[tuple[Phase, Happening], Phase] = {
    (Phase.ABSENT, Happening.JOINED): Phase.LIVE,
    (Phase.ABSENT, Happening.GIVEN_UP): Phase.LOST,
    (Phase.LIVE, Happening.LEFT): Phase.AWAY,
    (Phase.LIVE, Happening.GIVEN_UP): Phase.LOST,
    (Phase.AWAY, Happening.JOINED): Phase.REPLAYING,
    (Phase.AWAY, Happening.GIVEN_UP): Phase.LOST,
    (Phase.REPLAYING, Happening.CAUGHT_UP): Phase.LIVE,
    (Phase.REPLAYING, Happening.LEFT): Phase.AWAY,
    (Phase.REPLAYING, Happening.GIVEN_UP): Phase.LOST,
    (Phase.LOST, Happening.JOINED): Phase.REPLAYING,
}


@dataclass(slots=True)
class Counters:
    """What happened at one seat. Everything that is dropped or ignored has a counter here."""

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
class Page:
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
class Seat:
    """Everything the conductor remembers of one participant."""

    plan: ParticipantPlan
    phase: Phase = Phase.ABSENT
    counters: Counters = field(default_factory=Counters)
    pages: deque[Page] = field(default_factory=deque)  # Ticks since the snapshot, oldest first, without gaps
    bytes_kept: int = 0
    snapshot: bytes | None = None
    snapshot_next: int = 0  # the tick that follows the snapshot
    first_kept: int = 0  # the oldest tick whose page was not forgotten
    pending: tuple[int, bytes] | None = None  # a snapshot whose Tock is still to come
    answered: int = -1  # newest tick whose Tock was accepted
    cursor: int = 0  # while REPLAYING: the tick it was sent last
    beacon: bytes = b""
    complaint: str = ""

    def happens(self, happening: Happening) -> bool:
        """Takes the transition; False if the table has none."""
        phase = TRANSITIONS.get((self.phase, happening))
        if phase is None:
            return False
        self.phase = phase
        return True

    def answered_again(self, page: Page, digest: bytes) -> str:
        """A further answer to a page that has one: dropped and counted. What to complain of, "" if it is the same."""
        if digest == page.digest:
            self.counters.duplicate_tocks += 1
            return ""
        self.counters.conflicting_tocks += 1
        return f"a second answer to tick {page.tick} that differs from its first; the first one counts"

    def page(self, tick: int) -> Page | None:
        """The page of this tick, if it is still kept."""
        if not self.pages:
            return None
        index = tick - self.pages[0].tick
        return self.pages[index] if 0 <= index < len(self.pages) else None

    @property
    def present(self) -> bool:
        """It gets Ticks and answers them."""
        return self.phase is Phase.LIVE or self.phase is Phase.REPLAYING

    def come_back(self, tick: int) -> Page | None:
        """From its snapshot on again; gives the page of the open tick."""
        self.counters.returns += 1
        self.complaint = ""
        self.cursor = self.snapshot_next
        return self.page(tick)

    def go_away(self, reason: str) -> None:
        """What it was about to say is worth nothing."""
        self.pending = None
        self.complaint = f"it left ({reason}) and did not come back"

    def accept(self, page: Page, received: ReceivedTock, late: bool) -> None:
        """The first answer to a page, and with it the snapshot that came before."""
        page.digest = received.digest
        self.counters.tocks += 1
        self.counters.late_tocks += late
        if received.tick > self.answered:
            self.answered = received.tick
            self.beacon = received.beacon
        self.commit_snapshot(received.tick)

    def offer(self, tick: int, content: bytes) -> str:
        """A snapshot, valid with the Tock of its tick. Returns why it is not wanted, or ""."""
        if len(content) > MAX_SNAPSHOT_BYTES or self.page(tick) is None:
            self.counters.snapshots_refused += 1
            return f"a snapshot of {len(content)} bytes at tick {tick} is not wanted"
        self.pending = (tick, content)
        return ""

    @property
    def restorable(self) -> bool:
        """Every Tick since the snapshot is still here."""
        return self.first_kept <= self.snapshot_next

    def keep(self, page: Page, bounds: Bounds) -> None:
        """Adds the newest page and forgets the oldest where there are more than the bounds allow. A live participant's
        unanswered pages stay: the conductor bounds how far it may fall behind."""
        self.pages.append(page)
        self.bytes_kept += page.size
        while len(self.pages) > bounds.history_ticks or self.bytes_kept > bounds.history_bytes:
            if self.phase is Phase.LIVE and self.pages[0].digest is None:
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
        while self.pages and self.pages[0].tick <= tick:
            self._forget()

    def _forget(self) -> None:
        page = self.pages.popleft()
        self.bytes_kept -= page.size
        self.first_kept = page.tick + 1


def make_pages(  # noqa: PLR0917 - the conductor's own, in the order of the story
    seats: Mapping[str, Seat],
    ids: Iterable[str],
    tick: int,
    tick_ns: int,
    inboxes: Mapping[str, list[tuple[Header, bytes]]],
    bounds: Bounds,
    *,
    closing: bool,
) -> None:
    """Make the Ticks of `ids` and keep them. Those without mail and with the same peers share one header frame."""
    shared: dict[tuple[str, ...], Page] = {}
    for id in ids:
        seat = seats[id]
        peers = seat.plan.peers
        mail = inboxes.get(id)
        like = None if mail else shared.get(peers)
        if like is None:
            beacons = {peer: seats[peer].beacon for peer in peers if peer in seats and seats[peer].beacon}
            frames = write_tick(tick, tick_ns, mail or [], beacons, closing=closing)
            like = Page(tick, frames, beacons, size=sum(map(len, frames)))
            if not mail:
                shared[peers] = like
        seat.keep(Page(tick, like.frames, like.beacons, size=like.size), bounds)


def counted(seats: Iterable[Seat]) -> dict[str, dict[str, int]]:
    """Counters per participant id, in id order."""
    return {seat.plan.id: asdict(seat.counters) for seat in sorted(seats, key=lambda seat: seat.plan.id)}
