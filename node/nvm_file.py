"""Non-volatile memory on disk: two copies of an append-only journal of records, each step's writes whole or not at all.

A block is [length: 4 bytes][CRC-32: 4 bytes][msgpack: serial number, array of (name, record or nil)], one per step,
written to one copy after the other: while one is being written the other is whole. Reading takes the copy that goes
further; a torn tail counts as not written. Writing returns when the operating system has it, which survives a SIGKILL;
`durable` also waits for the disk. A file is rewritten from what it says when it has grown past its limit.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import msgpack

from bus.errors import EnvironmentFault

LIMIT_BYTES = 16 * 1024 * 1024  # a node's records are some hundred kB: rewriting is rare, and the file stays small
_HEAD = 8
_pack = msgpack.Packer(use_bin_type=True).pack

Writes = Sequence[tuple[str, bytes | None]]


def copies_of(path: Path) -> tuple[Path, Path]:
    """The two files of a memory."""
    return path, path.with_name(path.name + "-2")


class _Copy:
    """One file."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.path = path
        self.descriptor = -1
        self.size = 0
        self._durable = durable

    def append(self, block: bytes) -> None:
        self.size += len(block)
        view = memoryview(block)
        while view:
            view = view[os.write(self.descriptor, view) :]
        if self._durable:
            os.fdatasync(self.descriptor)

    def rewrite(self, block: bytes) -> None:
        """Hold this block and nothing else; the old content stays until the new one is whole."""
        draft = self.path.with_name(self.path.name + ".new")
        self.close()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self.descriptor = os.open(draft, flags, 0o644)
        self.size = 0
        self.append(block)
        draft.replace(self.path)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Journal:
    """The writer. One per spacecraft process; call `commit` with a step's writes before its Tock leaves."""

    def __init__(self, path: Path, *, durable: bool = False, limit_bytes: int = LIMIT_BYTES) -> None:
        """Goes on with what is there; `records` holds it. EnvironmentFault if the file cannot be written."""
        self._path = path
        self._limit = self._bound = limit_bytes
        self._copies = [_Copy(copy, durable=durable) for copy in copies_of(path)]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._serial, self.records = _read_better(path)
            self._rewrite()
        except OSError as error:
            raise self._fault(error) from error

    def commit(self, writes: Writes) -> None:
        """All or none of them; None deletes. No writes cost nothing. EnvironmentFault if the disk is full."""
        if not writes:
            return
        _apply(self.records, writes)
        self._serial += 1
        block = _block(self._serial, writes)
        try:
            for copy in self._copies:
                copy.append(block)
            if self._copies[0].size > self._bound:
                self._rewrite()
        except OSError as error:
            raise self._fault(error) from error

    def replace(self, records: dict[str, bytes]) -> None:
        """Hold these records and no others; the old ones stay until the new ones are whole. EnvironmentFault if it
        cannot be written."""
        if records == self.records:
            return
        self.records = dict(records)
        self._serial += 1
        try:
            self._rewrite()
        except OSError as error:
            raise self._fault(error) from error

    def close(self) -> None:
        """Done."""
        for copy in self._copies:
            copy.close()

    def _rewrite(self) -> None:
        block = _block(self._serial, list(self.records.items()))
        for copy in self._copies:
            copy.rewrite(block)
        self._bound = max(self._limit, 2 * len(block))

    def _fault(self, error: OSError) -> EnvironmentFault:
        hint = "free some space, or choose another run directory; it holds the last complete step"
        if isinstance(error, PermissionError):
            hint = f"the directory must be writable for user {os.getuid()}, who flies here; or choose another"
        return EnvironmentFault(f"cannot write the non-volatile memory {self._path}: {error.strerror}", hint=hint)


def read_journal(path: Path) -> dict[str, bytes]:
    """Records as the last complete step left them. Empty if there is no file."""
    return _read_better(path)[1]


def _read_better(path: Path) -> tuple[int, dict[str, bytes]]:
    """Serial number and records of the copy that goes further."""
    return max((_read(copy) for copy in copies_of(path)), key=lambda found: found[0])


def _block(serial: int, writes: Writes) -> bytes:
    payload: bytes = _pack((serial, list(writes)))
    return len(payload).to_bytes(4, "big") + crc32(payload).to_bytes(4, "big") + payload


def _apply(records: dict[str, bytes], writes: Writes) -> None:
    for name, record in writes:
        if record is None:
            records.pop(name, None)
        else:
            records[name] = record


def _read(path: Path) -> tuple[int, dict[str, bytes]]:
    serial, records = 0, dict[str, bytes]()
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return serial, records
    at = 0
    while at + _HEAD <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        payload = content[at + _HEAD : at + _HEAD + length]
        if len(payload) < length or crc32(payload) != int.from_bytes(content[at + 4 : at + _HEAD], "big"):
            break
        if not payload:
            break  # zeroes, which a checksum of nothing fits
        serial, writes = msgpack.unpackb(payload)
        _apply(records, writes)
        at += _HEAD + length
    return serial, records
