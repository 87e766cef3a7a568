"""Non-volatile memory: what a spacecraft remembers over a reboot, as records of bytes under names.

Writes are remembered until the node hands them to its outbox; the shell commits them before anybody hears of the step.
No file is touched here.
"""

from __future__ import annotations


class NonVolatileMemory:
    """Records by name. A write is in force at once, and on its way to the shell."""

    def __init__(self, records: dict[str, bytes] | None = None) -> None:
        self._records: dict[str, bytes] = dict(records or {})
        self._writes: list[tuple[str, bytes | None]] = []

    def get(self, name: str) -> bytes | None:
        """The record of this name, or None."""
        return self._records.get(name)

    def put(self, name: str, record: bytes) -> None:
        """Write a record."""
        self._records[name] = record
        self._writes.append((name, record))

    def delete(self, name: str) -> None:
        """Remove a record; one that is not there stays so."""
        if self._records.pop(name, None) is not None:
            self._writes.append((name, None))

    def names(self, prefix: str) -> list[str]:
        """Names that start so, in the order of their first writing."""
        return [name for name in self._records if name.startswith(prefix)]

    def take_writes(self) -> list[tuple[str, bytes | None]]:
        """Writes since the last call, oldest first."""
        writes, self._writes = self._writes, []
        return writes

    def records(self) -> dict[str, bytes]:
        """A copy of everything."""
        return dict(self._records)

    def load(self, records: dict[str, bytes]) -> None:
        """Replace everything by what was saved or committed; nothing is on its way to the shell then."""
        self._records = dict(records)
        self._writes = []
