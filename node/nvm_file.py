"""Non-volatile memory on disk: an append-only journal of records, each step's writes whole or not at all.

A block is [length: 4 bytes][CRC-32: 4 bytes][msgpack array of (name, record or nil)], one per step. Writing returns
when the operating system has it, which survives a SIGKILL; `durable` also waits for the disk. A torn tail is dropped
when read. The file is rewritten from what it says when it has grown past its limit.
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


class Journal:
    """The writer. One per spacecraft process; call `commit` with a step's writes before its Tock leaves."""

    def __init__(self, path: Path, *, durable: bool = False, limit_bytes: int = LIMIT_BYTES) -> None:
        """Goes on with what is there; `records` holds it. EnvironmentFault if the file cannot be written."""
        self._path = path
        self._durable = durable
        self._limit = self._bound = limit_bytes
        self._descriptor = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.records = read_journal(path)
            self._rewrite()
        except OSError as error:
            raise self._fault(error) from error

    def commit(self, writes: Sequence[tuple[str, bytes | None]]) -> None:
        """All or none of them; None deletes. No writes cost nothing. EnvironmentFault if the disk is full."""
        if not writes:
            return
        for name, record in writes:
            if record is None:
                self.records.pop(name, None)
            else:
                self.records[name] = record
        try:
            self._size += self._append(writes)
            if self._size > self._bound:
                self._rewrite()
        except OSError as error:
            raise self._fault(error) from error

    def replace(self, records: dict[str, bytes]) -> None:
        """Hold these records and no others; the old ones stay until the new ones are whole. EnvironmentFault if it
        cannot be written."""
        if records == self.records:
            return
        self.records = dict(records)
        try:
            self._rewrite()
        except OSError as error:
            raise self._fault(error) from error

    def close(self) -> None:
        """Done."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, writes: Sequence[tuple[str, bytes | None]]) -> int:
        payload = _pack(list(writes))
        block = len(payload).to_bytes(4, "big") + crc32(payload).to_bytes(4, "big") + payload
        view = memoryview(block)
        while view:
            view = view[os.write(self._descriptor, view) :]
        if self._durable:
            os.fdatasync(self._descriptor)
        return len(block)

    def _rewrite(self) -> None:
        draft = self._path.with_suffix(".new")
        self.close()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(draft, flags, 0o644)
        self._size = self._append(list(self.records.items())) if self.records else 0
        self._bound = max(self._limit, 2 * self._size)
        draft.replace(self._path)

    def _fault(self, error: OSError) -> EnvironmentFault:
        return EnvironmentFault(
            f"cannot write the non-volatile memory {self._path}: {error.strerror}",
            hint="free some space, or choose another run directory; it holds the last complete step",
        )


def read_journal(path: Path) -> dict[str, bytes]:
    """Records as the last complete step left them; a torn tail counts as not written. Empty if there is no file."""
    records: dict[str, bytes] = {}
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return records
    at = 0
    while at + _HEAD <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        payload = content[at + _HEAD : at + _HEAD + length]
        if len(payload) < length or crc32(payload) != int.from_bytes(content[at + 4 : at + _HEAD], "big"):
            break
        for name, record in msgpack.unpackb(payload):
            if record is None:
                records.pop(name, None)
            else:
                records[name] = record
        at += _HEAD + length
    return records
