"""Reads a trace back: records, inboxes, truth, and what one participant stepped with.

A trace that was cut off or damaged is read up to its last good block, and `TraceReader.damage` says what is wrong with
it. Nothing in a file is believed: DecodeError, and nothing else, where it is no trace or holds what no trace holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import msgpack

from bus.errors import DecodeError, EnvironmentFault, NoTrace
from bus.files import open_regular
from bus.participant import Moment
from bus.trace.writer import END, HEADER, MAGIC, TICK, Answer, Traced, TraceHash, TraceHeader
from bus.wire.codec import Header, decode, peek
from bus.wire.messages import Message

if TYPE_CHECKING:
    import numpy as np

MAX_BLOCK_BYTES = 256 * 1024 * 1024
_LIMITS: dict[str, Any] = {
    "raw": False,
    "use_list": False,
    "strict_map_key": True,
    "max_str_len": 65536,
    "max_bin_len": MAX_BLOCK_BYTES,
    "max_array_len": 1_000_000,
    "max_map_len": 4096,
    "max_ext_len": 0,
}


class TickRecord(NamedTuple):
    """One complete tick. `mail` was delivered with it, in order; `answers` are those that came in during it."""

    tick: int
    closing: bool
    mail: tuple[bytes, ...]
    answers: tuple[Answer, ...]

    def headers(self) -> list[Header]:
        """Envelopes of the mail."""
        return [peek(frame) for frame in self.mail]

    def inbox(self, participant: str) -> list[bytes]:
        """Frames delivered to one participant with this tick."""
        return [frame for frame in self.mail if peek(frame).destination == participant]


@dataclass(frozen=True, slots=True)
class TraceEnd:
    """How the run ended. `mail`: what was sent in the closing tick, the final accounts among it. `records`: how many
    ticks come before."""

    complete: bool
    reason: str
    mail: tuple[bytes, ...]
    trace_hash: str
    records: int


class Stepped(NamedTuple):
    """What a participant stepped with, and the recorded answer (None where none ever came)."""

    moment: Moment
    inbox: list[Message]
    answer: Answer | None


def read_record(content: bytes) -> TickRecord:
    """A tick block's payload, as in `instructions.Record.content`. Raises DecodeError."""
    try:
        size = int.from_bytes(content[:4], "big")
        tick, closing, parts, answers = msgpack.unpackb(content[4 : 4 + size], **_LIMITS)
        tails = msgpack.unpackb(content[4 + size :], **_LIMITS)
        mail = tuple([part + tail for part, tail in zip(parts, tails, strict=True)])
        given = tuple([Answer(*answer) for answer in answers])
        if type(tick) is not int or type(closing) is not bool or not all(map(_is_answer, given)):
            raise TypeError("a field of another type")
        return TickRecord(tick, closing, mail, given)
    except Exception as error:  # whatever is wrong with the bytes, callers see one error
        raise DecodeError(f"not a tick record: {type(error).__name__}: {str(error)[:200]}") from error


def _is_answer(answer: Answer) -> bool:
    kinds = tuple(map(type, answer))
    return kinds == (str, int, bool, bool, bytes, bytes, bytes) and answer.tick >= 0


class TraceReader:
    """A trace file, read lazily. `header`, `end` (None where the run did not end in order), `truncated_bytes` (what
    follows the last complete block), `damage()`, and one record per tick by iteration or `record(tick)`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._blocks: list[tuple[int, int]] = []  # offset and length of each tick's payload; the index is the tick
        self.end: TraceEnd | None = None
        try:
            self._file = open_regular(path)
        except OSError as error:
            raise EnvironmentFault(f"cannot read the trace {path}: {error.strerror}") from error
        try:
            self.header = self._scan()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> TraceReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._blocks)

    def __iter__(self) -> Iterator[TickRecord]:
        return map(self._numbered, range(len(self)), self.contents())

    def contents(self) -> Iterator[bytes]:
        """The payloads of the tick blocks, in order."""
        for offset, length in self._blocks:
            self._file.seek(offset)
            yield self._file.read(length)

    def record(self, tick: int) -> TickRecord:
        """The record of one tick. Raises IndexError where the trace does not reach it."""
        if tick < 0:
            raise IndexError(tick)
        offset, length = self._blocks[tick]
        self._file.seek(offset)
        return self._numbered(tick, self._file.read(length))

    def _numbered(self, tick: int, content: bytes) -> TickRecord:
        record = read_record(content)
        if record.tick != tick:
            raise DecodeError(f"{self.path} is no trace: its tick {tick} calls itself {record.tick}")
        return record

    @property
    def flown(self) -> int:
        """How many ticks of flight can be read, without the closing one."""
        return min(len(self), self.header.ticks)

    def damage(self) -> str:
        """Why the file is not whole, and how much of it can be read; empty where nothing is wrong. Reads all of it."""
        if self.end is None and self.truncated_bytes:
            what = f"is damaged or cut off at byte {self._size - self.truncated_bytes:,} of {self._size:,}"
        elif self.end is None:
            what = "has no end mark: the run was cut off, or goes on"
        elif self.truncated_bytes:
            what = f"goes on for {self.truncated_bytes:,} bytes after its end mark"
        elif self.end.records != len(self):
            what = f"is damaged: its end mark counts {self.end.records:,} ticks and it holds {len(self):,}"
        elif self.end.trace_hash != self.trace_hash():
            what = "is damaged: its ticks do not have the hash that its end mark names"
        else:
            return ""
        return f"the trace {self.path} {what}; {self.flown:,} of {self.header.ticks:,} ticks can be read"

    def inbox(self, participant: str, tick: int) -> list[bytes]:
        """Frames delivered to a participant with this tick."""
        return self.record(tick).inbox(participant)

    def trace_hash(self) -> str:
        """The trace hash, computed again from what is in the file."""
        state = TraceHash()
        for content in self.contents():
            state.add(content)
        return state.hexdigest()

    def truth(self, participant: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """(ticks, matrix): the truth samples of a participant, in tick order, one column per signal of its header
        entry. Truth of tick k belongs to time (k + 1) * tick_ns. Ticks without an answer have no row."""
        import numpy as np  # noqa: PLC0415 - the bus does without numpy until somebody asks for a matrix

        columns = len(self.traced(participant).signals)
        rows: dict[int, bytes] = {}
        for record in self:
            for answer in record.answers:
                if answer.id == participant and len(answer.truth) == 8 * columns and answer.digest and columns:
                    rows[answer.tick] = answer.truth
        ticks = sorted(rows)
        matrix = np.frombuffer(b"".join(rows[tick] for tick in ticks), dtype="<f8").reshape(len(ticks), columns)
        return np.array(ticks, dtype=np.int64), matrix

    def traced(self, participant: str) -> Traced:
        """A participant's entry of the header. Raises KeyError."""
        for entry in self.header.participants:
            if entry.id == participant:
                return entry
        raise KeyError(participant)

    def steps(self, participant: str) -> Iterator[Stepped]:
        """Everything a participant stepped with, tick by tick, and what it answered: enough to run it again alone."""
        peers = self.traced(participant).peers
        given = {a.tick: a for record in self for a in record.answers if a.id == participant and a.digest}
        newest: dict[str, Answer] = {}
        tick_ns = self.header.tick_ns
        for record in self:
            tick = record.tick
            beacons = {peer: newest[peer].beacon for peer in peers if peer in newest and newest[peer].beacon}
            answer = given.get(tick)
            host_up = answer is None or answer.host_up
            moment = Moment(tick, tick * tick_ns, (tick + 1) * tick_ns, beacons, host_up, record.closing)
            inbox = []
            for frame in record.inbox(participant):
                try:
                    inbox.append(decode(frame))
                except DecodeError:  # dropped by the participant too
                    continue
            yield Stepped(moment, inbox, answer)
            for a in record.answers:
                if a.digest and (a.id not in newest or newest[a.id].tick < a.tick):
                    newest[a.id] = a

    def _scan(self) -> TraceHeader:
        size = self._size = os.fstat(self._file.fileno()).st_size
        if self._file.read(len(MAGIC)) != MAGIC:
            raise NoTrace(
                f"{self.path} is damaged in its first bytes, or no trace of this release",
                hint="traces are named trace.bin",
            )
        block = self._block(len(MAGIC), size)
        if block is None or block[0] != HEADER:
            raise NoTrace(f"the trace {self.path} has no readable header", hint="nothing of it can be told")
        header = _read_header(block[1])
        self._position = len(MAGIC) + len(block[1]) + 9
        self._go_on(size)
        return header

    def more(self) -> None:
        """Read on, where the run goes on: blocks that have been written since."""
        self._size = os.fstat(self._file.fileno()).st_size
        self._go_on(self._size)

    def _go_on(self, size: int) -> None:
        while self.end is None and (block := self._block(self._position, size)) is not None:
            kind, payload = block
            if kind == TICK:
                self._blocks.append((self._position + 5, len(payload)))
            elif kind == END:
                self.end = _read_end(payload)
            self._position += len(payload) + 9
        self.truncated_bytes = size - self._position

    def _block(self, position: int, size: int) -> tuple[bytes, bytes] | None:
        self._file.seek(position)
        head = self._file.read(5)
        length = int.from_bytes(head[1:], "big")
        if len(head) < 5 or length > MAX_BLOCK_BYTES or position + length + 9 > size:
            return None
        payload = self._file.read(length)
        if crc32(payload, crc32(head)) != int.from_bytes(self._file.read(4), "big"):
            return None
        return head[:1], payload


def _read_header(payload: bytes) -> TraceHeader:
    try:
        fields = msgpack.unpackb(payload, **_LIMITS)
        participants = tuple([Traced(*entry) for entry in fields.pop("participants")])
        header = TraceHeader(participants=participants, **fields)
        numbers = header.seed, header.tick_ns, header.ticks
        names = header.cpu, header.scenario_digest, *header.versions.keys(), *header.versions.values()
        for entry in participants:
            names = *names, entry.id, entry.role, *entry.peers, *entry.signals
        if {*map(type, numbers)} != {int} or {*map(type, names)} != {str} or min(numbers) < 0:
            raise TypeError("a field of another type")
        return header
    except Exception as error:  # as in `read_record`
        raise DecodeError(f"not a trace header: {type(error).__name__}: {str(error)[:200]}") from error


def _read_end(payload: bytes) -> TraceEnd:
    try:
        complete, reason, mail, hashed, records = msgpack.unpackb(payload, **_LIMITS)
        kinds = type(complete), type(reason), type(hashed), type(records), *map(type, mail)
        if kinds != (bool, str, str, int, *(bytes,) * len(mail)):
            raise TypeError("a field of another type")
        return TraceEnd(complete, reason, tuple(mail), hashed, records)
    except Exception as error:  # as in `read_record`
        raise DecodeError(f"not the end of a trace: {type(error).__name__}: {str(error)[:200]}") from error
