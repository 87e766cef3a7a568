"""The archive's writer: SQLite, one writer, one durable transaction per call.

What arrives here are the records of `Outbox.records`: tuples (table, values...). Reading has a module of
its own, so that nobody who only reads can ever take the write lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from bus.errors import EnvironmentFault
from groundstation.archive.schema import SCHEMA_VERSION, STATEMENTS, TABLES

BUSY_TIMEOUT_MS = (
    20_000  # somebody else's lock is waited for; shorter than the 30 s after which the ground counts as lost
)
CLOSING_TIMEOUT_MS = 1000  # at the end of a run: who reads then may keep the log
CHECKPOINT_PAGES = 4096  # 16 MiB of write-ahead log before it is folded back: fewer, longer writes
_TABLE = itemgetter(0)
_RECEIVED = {"packets": 6, "events": 8}
"""Where `received_ns` stands in a row."""
_HINTS = {
    sqlite3.SQLITE_FULL: "free some space there, or choose another output directory; what was committed is intact",
    sqlite3.SQLITE_BUSY: "another process writes this archive: give each run its own output directory",
    sqlite3.SQLITE_LOCKED: "another process writes this archive: give each run its own output directory",
    sqlite3.SQLITE_NOTADB: "the file is no archive of Skyrack's: move it away or choose another output directory",
    sqlite3.SQLITE_CORRUPT: "the file was damaged: move it away or choose another output directory",
    sqlite3.SQLITE_CANTOPEN: "check that the directory exists and that you may write there",
    sqlite3.SQLITE_READONLY: "check that you may write there",
    sqlite3.SQLITE_PERM: "check that you may write there",
    sqlite3.SQLITE_IOERR: "the disk refused; check its space, your quota, `ulimit -f` and its health",
}
"""What the machine can do to an archive, and the next step; every other error of SQLite's is ours."""


class Archive:
    """Writes the records of `Outbox.records`. `write` returns when they are on disk; writing again changes nothing.

    durable: True waits for the disk at every commit (survives a power cut); False leaves that to the operating system
    (survives kill -9 of any process, which is all that a run in one process can promise anyway).
    Raises EnvironmentFault if the disk is full, the place is not writable, or the file is something else.
    May be used from one thread at a time, not necessarily the one that made it.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._path = path
        self._retired: dict[tuple[object, ...], int] = {}
        self._connection: sqlite3.Connection | None = None
        with self._named():
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                connection.execute(
                    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}"
                )  # before journal_mode, which takes a lock
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        self._connection = connection

    def write(self, records: Sequence[tuple[object, ...]]) -> None:
        """Commit the records of one tick, all or none, in their order. An empty list costs nothing.

        Raises EnvironmentFault; KeyError or sqlite3.Error only for records that fit no table (a programming error).
        """
        if not records:
            return
        connection = self._connection
        if connection is None:
            raise EnvironmentFault(f"the archive {self._path} is closed")
        with self._named():
            connection.execute("BEGIN IMMEDIATE")
            try:
                for table, rows in groupby(records, _TABLE):
                    values = [row[1:] for row in rows]
                    if self._retired and table in _RECEIVED:
                        values = self._not_retired(values, _RECEIVED[str(table)])
                    if table == "meta":
                        self._same_run(connection, values)
                    connection.executemany(STATEMENTS[str(table)], values)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        for record in records:
            if record[0] == "retired":
                key = record[1:4]
                self._retired[key] = max(self._retired.get(key, -1), record[7])  # type: ignore[call-overload]

    def close(self) -> None:
        """Fold the write-ahead log into the file, so that one file is left which opens anywhere, and close. A reader
        that holds the archive open keeps the log: nothing is lost by that. Idempotent."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            with self._named():
                connection.execute(f"PRAGMA busy_timeout = {CLOSING_TIMEOUT_MS}")
                connection.execute("PRAGMA journal_mode = DELETE")
        except EnvironmentFault as error:
            cause = error.__cause__
            if getattr(cause, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
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
        for *key, until_ns in connection.execute("SELECT spacecraft, boot, stream, until_ns FROM retired"):
            self._retired[tuple(key)] = until_ns

    def _not_retired(self, values: list[tuple[object, ...]], place: int) -> list[tuple[object, ...]]:
        """A ground that repeats its ticks writes again what it has retired since: that stays deleted."""
        return [row for row in values if row[place] > self._retired.get(row[:3], -1)]  # type: ignore[operator]

    def _same_run(self, connection: sqlite3.Connection, facts: list[tuple[object, ...]]) -> None:
        """Two runs in one archive would be neither: another scenario's archive is refused."""
        before = connection.execute("SELECT value FROM meta WHERE key = 'scenario'").fetchone()
        now = dict(fact for fact in facts if len(fact) == 2).get("scenario")
        if before is not None and now is not None and before[0] != now:
            raise EnvironmentFault(
                f"the archive {self._path} belongs to another scenario ({before[0]})",
                hint="give the run an output directory of its own",
            )

    @contextmanager
    def _named(self) -> Iterator[None]:
        """SQLite's word for what the machine does, in ours and with the next step."""
        try:
            yield
        except sqlite3.Error as error:
            hint = _HINTS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
            if hint is None:
                raise
            raise EnvironmentFault(f"the archive {self._path} cannot be written: {error}", hint=hint) from error
