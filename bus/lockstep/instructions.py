"""What the conductor tells its surroundings to do. Frozen values only: no behaviour, no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from bus.trace.writer import Answer


@dataclass(frozen=True, slots=True)
class Admit:
    """`id` takes its session: welcome it, give it `snapshot` (None: start fresh), its next Tick is `next_tick`.

    `replaying` is true where it has been here before; what follows are then the Ticks since the snapshot.
    """

    id: str
    next_tick: int
    snapshot: bytes | None
    replaying: bool


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not let `id` in; `reason` is for its operator to read."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class SendTick:
    """Send these frames (Tick header, then mail) to `id`."""

    id: str
    tick: int
    frames: list[bytes]


@dataclass(frozen=True, slots=True)
class Record:
    """A tick is complete: `content` goes to the trace and to observers. `answers` is the same, already parsed."""

    tick: int
    content: bytes
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Outside:
    """Mail to somebody who is no participant (operator, observer); it is in the trace as well. Ordered."""

    frames: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """`id` sent something that was dropped. For the log; the counters have it already."""

    id: str
    tick: int
    reason: str


@dataclass(frozen=True, slots=True)
class Away:
    """`id` left in the middle of the run. Lockstep waits for its return until `overdue` says otherwise: restart it."""

    id: str
    tick: int
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """`id` is given up at this tick. Close its session. Under policy "stop" a `Finished` follows."""

    id: str
    tick: int
    reason: str


@dataclass(frozen=True, slots=True)
class Divergence:
    """While replaying, `id` gave another digest than the recorded one (both in hex). It is Lost as well."""

    id: str
    tick: int
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over: say Bye to everybody and close the trace with `mail`.

    complete: every tick was flown and everybody still there gave its account. A run that was asked to stop is not
    complete, though its accounts are: `reason` is what it was stopped with, `ticks` how many it flew.
    mail: what was sent in the closing tick, the final accounts among it, in mail order. counters: per participant id.
    """

    ticks: int
    complete: bool
    reason: str
    mail: tuple[bytes, ...]
    counters: dict[str, dict[str, int]]


Instruction = Admit | Refuse | SendTick | Record | Outside | Complaint | Away | Lost | Divergence | Finished
