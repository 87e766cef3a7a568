"""The post office: what each participant may send, in which order mail is delivered, and what is dropped and counted.

All mail has one order, (sent_ns, source, seq), whatever the order of arrival. Reads envelopes, and bodies of
allocations only: which antennas point at a spacecraft is told once, and again to one that comes in without its memory.
No I/O.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from operator import itemgetter

from bus.errors import DecodeError
from bus.lockstep.sessions import Counters, ParticipantPlan, Session
from bus.wire.codec import Header, decode, peek, restamp
from bus.wire.messages import MAX_MAIL, PLANE_OF, Allocation, Kind, Plane

# What a participant owes the range whatever its planes are; accepted only if addressed to the range's own ids.
OWED = (Kind.INJECTION_REPORT, Kind.ACCOUNT, Kind.DEVICE_SAMPLE, Kind.SOFTWARE_CYCLE, Kind.JOB_ORDER)
ANSWERS_TO_RANGE = frozenset(OWED)
RANGE_IDS = ("range", "bus", "hil", "executor")
# Not participants of every run, but legal destinations: their mail leaves the lockstep (`instructions.Outside`).
OUTSIDERS = ("bus", "observer", "operator", "range")
MAX_OUTSIDE_MAIL = 1024  # per tick
MAX_ANTENNAS = 256  # that point at one participant; scenarios have fewer stations
OUTSIDE_SEQ = 2**52  # mail from outside is numbered from here, so that it never meets a participant's numbers

Envelope = tuple[Header, bytes]
_letter_order = itemgetter(0)  # headers compare by (sent_ns, source, seq) first, and these are unique


def _sent_ns(envelope: Envelope) -> int:
    return envelope[0].sent_ns


class Mailroom:
    """Mail of one tick on its way to the next."""

    def __init__(self, plans: Iterable[ParticipantPlan], *, outbox_bytes: int, inbox_bytes: int) -> None:
        self._plans = {plan.id: plan for plan in plans}
        self._outsiders = frozenset(OUTSIDERS) - self._plans.keys()
        self._kinds = {plan.id: _allowed(plan) for plan in self._plans.values()}
        everybody = frozenset(self._plans)
        self._deaf = {id: everybody - plan.sources for id, plan in self._plans.items() if plan.sources is not None}
        self._outbox_bytes = outbox_bytes
        self._inbox_bytes = inbox_bytes
        self._mail: list[Envelope] = []
        self._taken: set[tuple[int, str, int]] = set()  # membership only, never iterated
        self._outside_now = 0
        self._pointing: dict[str, dict[str, bytes]] = {}
        self.outside = Counters()

    def accept(self, plan: ParticipantPlan, counters: Counters, sent_ns: int, mail: list[Envelope]) -> str:
        """Takes the mail of one Tock. Returns what was wrong with the last envelope dropped, or "" if none was."""
        complaint = ""
        kinds = self._kinds[plan.id]
        size = 0
        for envelope in mail:
            header, frame = envelope
            size += len(frame)
            key = header[:3]
            if size > self._outbox_bytes:
                counters.outbox_overflow += 1
                complaint = f"more than {self._outbox_bytes} bytes of mail in one tick"
            elif header.source != plan.id and (header.source != plan.forwards or not plan.forwards):
                counters.mail_foreign_source += 1
                complaint = f"mail with the source {header.source}"
            elif header.kind not in kinds and not (header.kind in ANSWERS_TO_RANGE and header.destination in RANGE_IDS):
                counters.mail_forbidden_kind += 1
                complaint = f"{header.kind.name} to {header.destination}, which its planes do not open"
            elif header.sent_ns != sent_ns:
                counters.mail_mistimed += 1
                complaint = f"mail sent at {header.sent_ns} ns in a tick that ends at {sent_ns} ns"
            elif header.destination not in self._plans and header.destination not in self._outsiders:
                counters.mail_unknown_destination += 1
                complaint = f"mail to {header.destination}, who is not part of this run"
            elif plan.id in self._deaf.get(header.destination, ()):
                counters.mail_not_heard += 1
                complaint = f"mail to {header.destination}, who does not hear {plan.id}"
            elif key in self._taken:
                counters.mail_repeated += 1
                complaint = f"two messages with the sequence number {header.seq} in one tick"
            else:
                self._taken.add(key)
                self._mail.append(envelope)
                counters.mail_sent += 1
                if header.kind is Kind.ALLOCATION:
                    self._note(header.destination, frame)
        return complaint

    def _note(self, destination: str, frame: bytes) -> None:
        """An antenna turns to a participant, or away from it."""
        try:
            body = decode(frame).body
        except DecodeError:
            return  # it will be refused where it is read
        antennas = self._pointing.setdefault(destination, {})
        if isinstance(body, Allocation) and body.on and len(antennas) < MAX_ANTENNAS:
            antennas[body.station] = frame
        elif isinstance(body, Allocation):
            antennas.pop(body.station, None)

    def pointing(self, id: str) -> tuple[bytes, ...]:
        """The newest allocation of each antenna that points at this participant, in the order in which they turned."""
        return tuple(self._pointing.get(id, {}).values())

    def inject(self, frame: bytes, sent_ns: int) -> str:
        """Takes one message from outside, stamped anew. Returns what was wrong with it, or ""."""
        counters = self.outside
        try:
            message = decode(frame)
        except DecodeError as error:
            counters.mail_malformed += 1
            return error.message
        if message.plane is Plane.TIME:
            counters.mail_forbidden_kind += 1
            return "nothing on the time plane is mail"
        if message.destination not in self._plans:
            counters.mail_unknown_destination += 1
            return f"mail to {message.destination}, who is not part of this run"
        if self._outside_now >= MAX_OUTSIDE_MAIL:
            counters.outbox_overflow += 1
            return f"more than {MAX_OUTSIDE_MAIL} messages from outside in one tick"
        stamped = restamp(frame, sent_ns, OUTSIDE_SEQ + counters.mail_sent)
        self._mail.append((peek(stamped), stamped))
        counters.mail_sent += 1
        self._outside_now += 1
        return ""

    def drain(self) -> tuple[bytes, ...]:
        """All mail in order, for nobody's inbox: what was sent in the closing tick."""
        frames = tuple(frame for _, frame in sorted(self._mail, key=_letter_order))
        self._mail = []
        return frames

    def sort(
        self, sessions: dict[str, Session], until_ns: int, only: frozenset[str] = frozenset()
    ) -> tuple[list[Envelope], dict[str, list[Envelope]], list[Envelope]]:
        """Hands out what was sent up to `until_ns`, with `only` what goes to these: (all mail that is delivered or
        leaves, mail per participant, mail to outsiders), each in order. What exceeds an inbox's bounds is dropped and
        counted at the addressee: of those who sent most, and of each from its end, so that nobody floods others out."""
        if not only:
            self._outside_now = 0
        if not self._mail:
            return [], {}, []
        self._mail.sort(key=_letter_order)
        end = bisect_right(self._mail, until_ns, key=_sent_ns)
        due, self._mail = self._mail[:end], self._mail[end:]
        if only:
            self._mail = [envelope for envelope in due if envelope[0].destination not in only] + self._mail
            due = [envelope for envelope in due if envelope[0].destination in only]
        else:
            self._taken = {key for key in self._taken if key[0] > until_ns} if self._mail else set()
        delivered: list[Envelope] = []
        inboxes: dict[str, list[Envelope]] = {}
        outside: list[Envelope] = []
        dropped = self._too_much(due)
        for envelope in due:
            header = envelope[0]
            session = sessions.get(header.destination)
            if session is None:
                outside.append(envelope)
                delivered.append(envelope)
                continue
            if header[:3] in dropped:
                session.counters.inbox_overflow += 1
                continue
            inboxes.setdefault(header.destination, []).append(envelope)
            delivered.append(envelope)
            session.counters.mail_received += 1
        return delivered, inboxes, outside

    def _too_much(self, due: list[Envelope]) -> set[tuple[int, str, int]]:
        """What of this mail its addressees' inboxes have no room for. Nearly always nothing: then it costs a sum."""
        sizes: dict[str, int] = {}
        for header, frame in due:
            sizes[header.destination] = sizes.get(header.destination, 0) + len(frame)
        if max(sizes.values(), default=0) <= self._inbox_bytes and len(due) <= MAX_MAIL:
            return set()
        dropped: set[tuple[int, str, int]] = set()
        for destination in sizes:
            mine: dict[str, list[Envelope]] = {}
            for envelope in due:
                if envelope[0].destination == destination:
                    mine.setdefault(envelope[0].source, []).append(envelope)
            bytes_of = {source: [len(frame) for _, frame in mail] for source, mail in mine.items()}
            room = fair_share({source: sum(each) for source, each in bytes_of.items()}, self._inbox_bytes)
            places = fair_share({source: len(each) for source, each in bytes_of.items()}, MAX_MAIL)
            for source, mail in mine.items():
                used = 0
                for place, (header, frame) in enumerate(mail):
                    used += len(frame)
                    if used > room[source] or place >= places[source]:
                        dropped.add(header[:3])
        return dropped


def fair_share(wanted: dict[str, int], room: int) -> dict[str, int]:
    """Who wants no more than an equal share has all of it, and the others share what is left, again and again."""
    given: dict[str, int] = {}
    for place, (source, amount) in enumerate(sorted(wanted.items(), key=lambda one: (one[1], one[0]))):
        given[source] = min(amount, room // (len(wanted) - place))
        room -= given[source]
    return given


def _allowed(plan: ParticipantPlan) -> frozenset[Kind]:
    """Kinds of mail its planes open. Nothing on the time plane is mail."""
    return frozenset(kind for kind, plane in PLANE_OF.items() if plane in plan.planes and plane is not Plane.TIME)
