"""Non-volatile memory as somebody's own flight software has it: bounded, and without the boot loader's record."""

from __future__ import annotations

from node.devices.nvm import NonVolatileMemory
from node.fsw.boot import KEY

MAX_RECORD_NAME, MAX_RECORD_BYTES, MAX_MEMORY_BYTES = 64, 64 * 1024, 16 * 1024 * 1024
"""Of somebody's own non-volatile memory; the last as its file is rewritten at [A]."""


class OwnMemory(NonVolatileMemory):
    """The memory of the spacecraft behind a guard. ValueError for what it does not take."""

    def __init__(self, memory: NonVolatileMemory) -> None:
        self._memory = memory
        self._bytes = sum(len(record) for record in memory.records().values())

    def get(self, name: str) -> bytes | None:
        """The record of this name, or None."""
        return self._memory.get(name)

    def put(self, name: str, record: bytes) -> None:
        """Write a record."""
        if type(name) is not str or not 0 < len(name) <= MAX_RECORD_NAME or name == KEY:
            raise ValueError(f"a record's name is a text of 1 to {MAX_RECORD_NAME} characters, and not {KEY!r}")
        if type(record) is not bytes or len(record) > MAX_RECORD_BYTES:
            raise ValueError(f"record {name!r} is not bytes, or more than {MAX_RECORD_BYTES} of them")
        grown = self._bytes + len(record) - len(self._memory.get(name) or b"")
        if grown > MAX_MEMORY_BYTES:
            raise ValueError(f"non-volatile memory is full: it has {MAX_MEMORY_BYTES} bytes")
        self._bytes = grown
        self._memory.put(name, record)

    def delete(self, name: str) -> None:
        """Remove a record; one that is not there stays so."""
        if name == KEY:
            raise ValueError(f"record {KEY!r} is the boot loader's")
        self._bytes -= len(self._memory.get(name) or b"")
        self._memory.delete(name)

    def names(self, prefix: str) -> list[str]:
        """Names that start so, in the order of their first writing."""
        return self._memory.names(prefix)
