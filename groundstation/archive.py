"""The archive's writer: SQLite, one writer, one durable transaction per call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class Archive:
    """Writes the records of `Outbox.records`. `write` returns when they are on disk; writing them again changes nothing.

    Raises EnvironmentFault if the disk is full or the place is not writable.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, records: Sequence[tuple[object, ...]]) -> None:
        """Commit the records of one tick. An empty list costs nothing."""

    def close(self) -> None:
        """Commit, fold the write-ahead log into the file and close. Idempotent."""
