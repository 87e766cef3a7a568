"""The archive's tables: the SQL that makes them and the SQL that fills them. `docs/reference/archive.md` explains them.

Every statement may run again with the same row and leave the same table: after a crash the ground repeats the ticks
since its last snapshot and writes the same records once more.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bus.errors import EnvironmentFault

SCHEMA_VERSION = 3

TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dictionaries (version TEXT PRIMARY KEY, design TEXT NOT NULL, content TEXT NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spacecraft (id TEXT PRIMARY KEY, design TEXT NOT NULL, dictionary TEXT NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS packets (
  spacecraft TEXT NOT NULL, boot INTEGER NOT NULL, stream INTEGER NOT NULL, sequence INTEGER NOT NULL,
  kind INTEGER NOT NULL, obt_ns INTEGER NOT NULL, received_ns INTEGER NOT NULL, station TEXT NOT NULL,
  number INTEGER NOT NULL, detail INTEGER NOT NULL, dictionary BLOB, payload BLOB,
  PRIMARY KEY (spacecraft, boot, stream, sequence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  spacecraft TEXT NOT NULL, boot INTEGER NOT NULL, stream INTEGER NOT NULL, sequence INTEGER NOT NULL,
  event INTEGER NOT NULL, name TEXT NOT NULL, severity INTEGER NOT NULL, obt_ns INTEGER NOT NULL,
  received_ns INTEGER NOT NULL, arguments TEXT NOT NULL,
  PRIMARY KEY (spacecraft, boot, stream, sequence)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS packets_received ON packets (received_ns);
CREATE INDEX IF NOT EXISTS events_received ON events (received_ns);
CREATE TABLE IF NOT EXISTS telecommands (
  ground_boot INTEGER NOT NULL, request INTEGER NOT NULL, spacecraft TEXT NOT NULL, name TEXT NOT NULL,
  arguments TEXT NOT NULL, origin TEXT NOT NULL, requested_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL,
  state TEXT NOT NULL, transmissions INTEGER NOT NULL, changed_ns INTEGER NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (ground_boot, request)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS telecommand_log (
  ground_boot INTEGER NOT NULL, request INTEGER NOT NULL, step INTEGER NOT NULL, at_ns INTEGER NOT NULL,
  happening TEXT NOT NULL, state TEXT NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (ground_boot, request, step)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operator_requests (
  token INTEGER PRIMARY KEY, asked_as TEXT NOT NULL, asked_by TEXT NOT NULL, asked_from TEXT NOT NULL,
  asked_utc TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contacts (
  station TEXT NOT NULL, spacecraft TEXT NOT NULL, aos_ns INTEGER NOT NULL, los_ns INTEGER NOT NULL,
  max_ns INTEGER NOT NULL, max_elevation_rad REAL NOT NULL,
  PRIMARY KEY (aos_ns, station, spacecraft)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS allocations (
  station TEXT NOT NULL, on_ns INTEGER NOT NULL, spacecraft TEXT NOT NULL, off_ns INTEGER,
  PRIMARY KEY (station, on_ns)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gaps (
  spacecraft TEXT NOT NULL, boot INTEGER NOT NULL, stream INTEGER NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL, declared_ns INTEGER NOT NULL,
  PRIMARY KEY (spacecraft, boot, stream, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS time_correlation (
  spacecraft TEXT NOT NULL, received_ns INTEGER NOT NULL, boot INTEGER NOT NULL, offset_s REAL NOT NULL, drift REAL,
  reports INTEGER NOT NULL,
  PRIMARY KEY (spacecraft, received_ns, boot)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS retired (
  spacecraft TEXT NOT NULL, boot INTEGER NOT NULL, stream INTEGER NOT NULL, packets INTEGER NOT NULL,
  bytes INTEGER NOT NULL, below INTEGER NOT NULL, until_ns INTEGER NOT NULL, at_ns INTEGER NOT NULL,
  PRIMARY KEY (spacecraft, boot, stream)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarms (
  ground_boot INTEGER NOT NULL, alarm INTEGER NOT NULL, spacecraft TEXT NOT NULL, subject TEXT NOT NULL,
  kind TEXT NOT NULL, level INTEGER NOT NULL, state TEXT NOT NULL, late INTEGER NOT NULL, raised_ns INTEGER NOT NULL,
  obt_ns INTEGER NOT NULL, changed_ns INTEGER NOT NULL, times INTEGER NOT NULL, why TEXT NOT NULL,
  PRIMARY KEY (ground_boot, alarm)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarm_log (
  ground_boot INTEGER NOT NULL, alarm INTEGER NOT NULL, step INTEGER NOT NULL, at_ns INTEGER NOT NULL,
  happening TEXT NOT NULL, state TEXT NOT NULL, level INTEGER NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (ground_boot, alarm, step)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS procedures (
  ground_boot INTEGER NOT NULL, run INTEGER NOT NULL, name TEXT NOT NULL, spacecraft TEXT NOT NULL,
  arguments TEXT NOT NULL, origin TEXT NOT NULL, started_ns INTEGER NOT NULL, state TEXT NOT NULL,
  changed_ns INTEGER NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (ground_boot, run)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS procedure_log (
  ground_boot INTEGER NOT NULL, run INTEGER NOT NULL, line INTEGER NOT NULL, began_ns INTEGER NOT NULL,
  ended_ns INTEGER, step TEXT NOT NULL, outcome TEXT NOT NULL,
  PRIMARY KEY (ground_boot, run, line)) WITHOUT ROWID;
"""

_KEEP = "INSERT OR IGNORE INTO"
_TAKE = "INSERT OR REPLACE INTO"


def _into(verb: str, table: str, columns: int) -> str:
    return f"{verb} {table} VALUES ({','.join('?' * columns)})"


_PIECE = "spacecraft = ? AND boot = ? AND stream = ? AND sequence BETWEEN ? AND ? AND received_ns <= ?"

STATEMENTS: dict[str, str] = {
    "meta": _into(_TAKE, "meta", 2),
    "dictionaries": _into(_TAKE, "dictionaries", 3),
    "spacecraft": _into(_TAKE, "spacecraft", 3),
    "packets": _into(_KEEP, "packets", 12),
    "events": _into(_KEEP, "events", 10),
    "telecommands": _into(_TAKE, "telecommands", 12),
    "telecommand_log": _into(_TAKE, "telecommand_log", 7),
    "operator_requests": _into(_TAKE, "operator_requests", 5),
    "contacts": _into(_TAKE, "contacts", 6),
    "allocations": _into(_TAKE, "allocations", 4),
    "gaps": _into(_TAKE, "gaps", 6),
    "time_correlation": _into(_TAKE, "time_correlation", 6),
    "alarms": _into(_TAKE, "alarms", 13),
    "alarm_log": _into(_TAKE, "alarm_log", 8),
    "procedures": _into(_TAKE, "procedures", 10),
    "procedure_log": _into(_TAKE, "procedure_log", 7),
    "gap_closed": "DELETE FROM gaps WHERE spacecraft = ? AND boot = ? AND stream = ? AND first = ?",
    "retire_events": f"DELETE FROM events WHERE {_PIECE}",
    "retire_packets": f"DELETE FROM packets WHERE {_PIECE}"
    " AND NOT (kind = 21 AND number IN (SELECT value FROM json_each(?)))",
    "retired": f"{_into('INSERT INTO', 'retired', 8)} ON CONFLICT DO UPDATE SET packets = excluded.packets,"
    " bytes = excluded.bytes, below = excluded.below, until_ns = excluded.until_ns, at_ns = excluded.at_ns"
    " WHERE excluded.until_ns > until_ns",
}
"""By the first element of a record; the rest of the record are the values."""


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """For who reads. Raises EnvironmentFault for a file of another release; one without tables was never begun."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION and connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone() != (0,):
        raise EnvironmentFault(
            f"the archive {path} has schema version {version}, this Skyrack reads {SCHEMA_VERSION}",
            hint="read it with the Skyrack that flew the run, or fly the run's scenario.yaml again",
        )
