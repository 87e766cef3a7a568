"""Participants and conductors small enough to see through, for the tests of the bus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from bus.lockstep.sessions import ParticipantPlan
from bus.participant import Moment, Outbox
from bus.snapshot.pack import pack, restore
from bus.wire.messages import Event, InjectionReport, Message, Plane, Telecommand

TICK_NS = 1_000_000_000
SPACE = frozenset({Plane.TIME, Plane.SPACE})
RANGE = frozenset({Plane.TIME, Plane.RANGE})


@dataclass
class FakeState:
    seq: int = 0
    memory: bytes = b""
    seen: list[int] = field(default_factory=list)
    down_ticks: int = 0


class Fake:
    """Its memory is a hash over everything it ever received, and everything it sends depends on its memory: any
    difference in order or content anywhere shows in the trace."""

    def __init__(self, id: str, others: Sequence[str], authentication: bytes = b"") -> None:
        self.id = id
        self.others = list(others)
        self.authentication = authentication
        self.state = FakeState()

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        state = self.state
        mix = blake2b(state.memory, digest_size=16)
        for message in inbox:
            mix.update(repr(message[:5]).encode())
        mix.update(repr((moment.tick, sorted(moment.beacons.items()))).encode())
        state.memory = mix.digest()
        state.seen.append(moment.tick)
        out = Outbox(beacon=state.memory[:8] * 4, truth=state.memory + state.memory)
        if not moment.host_up:
            state.down_ticks += 1
            return out
        for index in range(state.memory[0] % 4):
            state.seq += 1
            to = self.others[state.memory[index] % len(self.others)]
            body = Event(
                boot=0, stream=5, sequence=state.seq, obt_ns=moment.end_ns, event=index, severity=1,
                arguments=(float(state.memory[1]),),
            )  # fmt: skip
            out.messages.append(Message(moment.end_ns, self.id, state.seq, to, body, self.authentication))
        return out

    def save(self) -> bytes:
        return pack(self.state)

    def restore(self, snapshot: bytes) -> None:
        restore(self.state, snapshot)


IDS = ("ground", "sat-a", "sat-b", "sat-c")
SHELTERED = ("sat-d", "sat-e")
"""Spacecraft without peers, that hear only the ground and one another spacecraft."""


def plans(ids: Sequence[str] = IDS) -> list[ParticipantPlan]:
    peers = {"sat-a": ("sat-b",), "sat-b": ("sat-a", "sat-c")}
    near = {"sat-d": frozenset({"ground"}), "sat-e": frozenset({"ground", "sat-b"})}
    return [
        ParticipantPlan(
            id, SPACE, peers=peers.get(id, ()), forwards="operator" if id == "ground" else "", sources=near.get(id)
        )
        for id in ids
    ]


def fakes(ids: Sequence[str] = IDS, authentication: bytes = b"") -> list[Fake]:
    return [Fake(id, [*[other for other in ids if other != id], "operator"], authentication) for id in ids]


def event(source: str, destination: str, sent_ns: int, seq: int = 0) -> Message:
    body = Event(boot=0, stream=5, sequence=seq, obt_ns=0, event=1, severity=1, arguments=())
    return Message(sent_ns, source, seq, destination, body)


def telecommand(source: str, destination: str, sent_ns: int, seq: int = 0) -> Message:
    body = Telecommand(
        ground_boot=0, request=seq, station="svalbard", name="ping", arguments={}, dictionary="", expires_ns=0
    )
    return Message(sent_ns, source, seq, destination, body)


def report(source: str, destination: str, sent_ns: int, seq: int = 0) -> Message:
    return Message(sent_ns, source, seq, destination, InjectionReport(injection="x", state=1, at_ns=0))
