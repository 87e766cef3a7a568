"""The archive's writer: SQLite, one writer, one durable transaction per call.

What arrives here are the records of `Outbox.records`: tuples (table, values...). Reading is `archive_reader.py`'s
business, so that nobody who only reads can ever take the write lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from bus.errors import EnvironmentFault
from groundstation.archive_schema import SCHEMA_VERSION, STATEMENTS, TABLES

BUSY_TIMEOUT_MS = 5000
CHECKPOINT_PAGES = 4096  # 16 MiB of write-ahead log before it is folded back: fewer, longer writes
_TABLE = itemgetter(0)


class Archive:
    """Writes the records of `Outbox.records`. `write` returns when they are on disk; writing again changes nothing.

    durable: True waits for the disk at every commit (survives a power cut); False leaves that to the operating system
    (survives kill -9 of any process, which is all that a run in one process can promise anyway).
    Raises EnvironmentFault if the disk is full, the place is not writable, or the file is something else.
    May be used from one thread at a time, not necessarily the one that made it.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")  # before journal_mode, which takes a lock
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            self._prepare(connection)
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise self._fault(error) from error
        except EnvironmentFault:
            if connection is not None:
                connection.close()
            raise
        self._connection = connection

    def write(self, records: Sequence[tuple[object, ...]]) -> None:
        """Commit the records of one tick, all or none, in their order. An empty list costs nothing.

        Raises EnvironmentFault, KeyError for a table there is not (a programming error).
        """
        if not records:
            return
        connection = self._connection
        if connection is None:
            raise EnvironmentFault(f"the archive {self._path} is closed")
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                for table, rows in groupby(records, _TABLE):
                    connection.executemany(STATEMENTS[str(table)], [row[1:] for row in rows])
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._fault(error) from error

    def close(self) -> None:
        """Fold the write-ahead log into the file and close. Idempotent."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise self._fault(error) from error
        finally:
            connection.close()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, SCHEMA_VERSION):
            raise EnvironmentFault(
                f"the archive {self._path} has schema version {version}, this Skyrack writes {SCHEMA_VERSION}",
                hint="give the run another output directory, or read the archive with the Skyrack that wrote it",
            )
        connection.execute("BEGIN IMMEDIATE")
        for statement in TABLES.split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")

    def _fault(self, error: sqlite3.Error) -> EnvironmentFault:
        """SQLite's word for it, in ours, with the next step."""
        text = str(error)
        if "full" in text:
            hint = "free some space there, or give the run another output directory; what was committed is intact"
        elif "locked" in text:
            hint = "another process writes this archive: give each run its own output directory"
        elif "not a database" in text or "malformed" in text:
            hint = "the file is no archive of Skyrack's, or was damaged: move it away or choose another directory"
        else:
            hint = "check that the directory exists and that you may write there (and its quota)"
        return EnvironmentFault(f"the archive {self._path} cannot be written: {text}", hint=hint)
