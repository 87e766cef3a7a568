"""The ordered record of a run: a length-prefixed binary log and its hash.

A file is the magic, then blocks of [type: 1 byte][length: 4 bytes big endian][payload][CRC-32 of all before]. Types: H
header, T one complete tick, E end. Whatever was written before a crash can be read up to the last complete block.
The end block closes a run that ended in order: how many tick blocks there are, and their hash. A file without one, or
with one that does not fit, is not whole.

A tick block's payload is [length of covered: 4 bytes][covered][tails]. `covered` is a msgpack array [tick, closing,
mail without authentication, answers] and is all that the trace hash (blake2b-256 over the covered parts in order)
sees; `tails` is a msgpack array with the rest of each mail frame.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple
from zlib import crc32

import msgpack

from bus.errors import EnvironmentFault
from bus.files import open_regular
from bus.wire.codec import Header

MAGIC = b"SKYTRACE\x00\x02"
HEADER, TICK, END = b"H", b"T", b"E"
HASH_BYTES = 32
_packb = msgpack.Packer(use_bin_type=True).pack


@dataclass(frozen=True, slots=True)
class Traced:
    """One participant as the header names it. `signals`: its truth signals, in the order of `Tock.truth`."""

    id: str
    role: str
    peers: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """What a trace must say about itself. `cpu`: see `cpu_digest`; `versions`: of everything that decides bits."""

    scenario_digest: str
    seed: int
    tick_ns: int
    ticks: int
    participants: tuple[Traced, ...]
    versions: dict[str, str] = field(default_factory=dict)
    cpu: str = ""


def cpu_digest() -> str:
    """16 hex digits that name this machine's CPU features: bits are promised for one image and one feature set."""
    flags = ""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("flags", "Features")):
                flags = " ".join(sorted(line.partition(":")[2].split()))
                break
    except OSError:  # not Linux: the machine's name has to do
        flags = platform.processor()
    return hashlib.blake2b(f"{platform.machine()} {flags}".encode(), digest_size=8).hexdigest()


def write_record(tick: int, closing: bool, mail: Sequence[tuple[Header, bytes]], answers: Sequence[Answer]) -> bytes:
    """The payload of a tick block."""
    parts = [frame[: header.covered] for header, frame in mail]
    tails = [frame[header.covered :] for header, frame in mail]
    covered: bytes = _packb((tick, closing, parts, answers))
    rest: bytes = _packb(tails)
    return len(covered).to_bytes(4, "big") + covered + rest


def covered_part(content: bytes) -> bytes:
    """The part of a tick block's payload that the trace hash covers."""
    return content[4 : 4 + int.from_bytes(content[:4], "big")]


class TraceHash:
    """Trace hash in the making: blake2b-256 over the covered part of each record, in order."""

    def __init__(self) -> None:
        self._state = hashlib.blake2b(digest_size=HASH_BYTES)

    def add(self, content: bytes) -> None:
        """The next record (`instructions.Record.content`)."""
        part = covered_part(content)
        self._state.update(len(part).to_bytes(4, "big"))
        self._state.update(part)

    def copy(self) -> TraceHash:
        """Another one that goes on from here."""
        twin = TraceHash()
        twin._state = self._state.copy()
        return twin

    def hexdigest(self) -> str:
        """The hash so far."""
        return self._state.hexdigest()


class TraceWriter:
    """Writes a trace. Each block reaches the operating system before `append` returns, so that only a power loss, not
    a SIGKILL, can take it. `path` None keeps the hash only.

    Raises EnvironmentFault where the file cannot be made or the disk is full.
    """

    def __init__(self, path: Path | None, header: TraceHeader) -> None:
        self.path = path
        self.records = 0
        self._hash = TraceHash()
        self._descriptor = -1
        if path is not None:
            try:
                self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise EnvironmentFault(
                    f"cannot write the trace {path}: {error.strerror}", hint="choose another --out directory"
                ) from error
            with suppress(OSError):  # a file system without locks: nobody can be told then
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._put(MAGIC)
            head = _packb(_header_map(header))
            self._block(HEADER, head)
            self._body = len(MAGIC) + 9 + len(head)  # where the first record stands

    def fork(self, path: Path, header: TraceHeader) -> TraceWriter:
        """Another trace that begins with the records of this one. Needs one that is written to a file."""
        twin = TraceWriter(path, header)
        assert self.path is not None
        twin._put(self.path.read_bytes()[self._body :])
        twin.records, twin._hash = self.records, self._hash.copy()
        return twin

    def append(self, content: bytes) -> None:
        """One complete tick (`instructions.Record.content`)."""
        self._hash.add(content)
        self.records += 1
        self._block(TICK, content)

    @property
    def trace_hash(self) -> str:
        """Hex digest over everything appended so far."""
        return self._hash.hexdigest()

    def close(self, *, complete: bool, reason: str, mail: Sequence[bytes] = ()) -> None:
        """Writes the end block (`mail`: final accounts) and closes. Harmless when called again."""
        if self._descriptor < 0:
            return
        try:
            self._block(END, _packb([complete, reason[:1000], list(mail), self.trace_hash, self.records]))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Closes the file without an end block, as a crash would leave it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.abandon()

    def _block(self, kind: bytes, payload: bytes) -> None:
        if self._descriptor < 0:
            return
        head = kind + len(payload).to_bytes(4, "big")
        self._put(b"".join((head, payload, crc32(payload, crc32(head)).to_bytes(4, "big"))))

    def _put(self, block: bytes) -> None:
        view = memoryview(block)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise EnvironmentFault(
                f"cannot write the trace {self.path}: {error.strerror}",
                hint="the trace is readable up to the last complete tick; free some space and run again",
            ) from error


def is_being_written(path: Path) -> bool:
    """Whether somebody on this machine, in a container or not, has this trace open to write it. OSError where there is
    none to look at."""
    with open_regular(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return False


def _header_map(header: TraceHeader) -> dict[str, object]:
    return {
        "scenario_digest": header.scenario_digest,
        "seed": header.seed,
        "tick_ns": header.tick_ns,
        "ticks": header.ticks,
        "participants": [[p.id, p.role, p.peers, p.signals] for p in header.participants],
        "versions": header.versions,
        "cpu": header.cpu,
    }


class Answer(NamedTuple):
    """One participant's answer to one tick, as the trace records it. `digest` is empty where no answer came in time;
    `late` is true for an answer to an earlier tick than the record's."""

    id: str
    tick: int
    host_up: bool
    late: bool
    digest: bytes
    beacon: bytes
    truth: bytes
