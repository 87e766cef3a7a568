"""Reading an archive: counts, latest values, histories, gaps. Opens the file read-only and never takes the write lock.

A run that ended in order leaves one file, which opens also where nothing may be written. While it flies, and after a
crash, the newest part is in the write-ahead log beside it. Whatever is in the files, a reader raises EnvironmentFault.

Each call is one short read; nothing here keeps a reader open, because an open reader keeps the write-ahead log growing.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.dictionary import Dictionary, Structure, read_dictionary
from bus.errors import EnvironmentFault
from bus.files import open_regular
from bus.own_structures import SUBTYPES, OwnStructures
from bus.pus import Service
from bus.wire.messages import Kind
from groundstation.archive.dating import Dating
from groundstation.archive.schema import check_version
from groundstation.config import AlarmRules

LOOK_BACK = 10_000
"""How many packets `latest` looks back for a structure that is no longer reported."""

LIVE_NS = round(AlarmRules.live_within_s * 1e9)
_REPORT = "boot, stream, sequence, obt_ns, received_ns, number, payload"
_HOUSEKEEPING = (
    "SELECT number, obt_ns, payload FROM packets WHERE spacecraft = ? AND kind = ? AND stream = 3 AND dictionary = ?"
)
_BY_BOOT = "SELECT boot, COUNT(*) FROM packets WHERE spacecraft = ? AND stream = ? GROUP BY boot"


def unpack_values(payload: bytes) -> tuple[float, ...]:
    """Values of a packet's payload: little-endian float64, by position of the structure."""
    return struct.unpack_from(f"<{len(payload) // 8}d", payload)


_WAL_VERSION = b"\x02\x02"  # at byte 18 of a database that needs its log (sqlite.org/fileformat2.html, 1.3.3)
_BARRED = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


@dataclass(frozen=True, slots=True)
class StreamAccount:
    """What became of everything one (spacecraft, boot, stream) generated. The last four add up to `generated`, unless
    the spacecraft's account is false."""

    spacecraft: str
    boot: int
    stream: int
    generated: int
    archived: int
    declared_lost: int
    on_board: int
    retired: int = 0


@dataclass(frozen=True, slots=True)
class RetiredStream:
    """What retention has deleted of one (spacecraft, boot, stream): all that was received up to `until_ns`, but for
    reports that tell a structure. below: above every sequence number deleted; at_ns: when it was last done."""

    spacecraft: str
    boot: int
    stream: int
    packets: int
    bytes: int
    below: int
    until_ns: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Report:
    """A telemetry packet as it came, and what it holds."""

    boot: int
    stream: int
    sequence: int
    obt_ns: int
    received_ns: int
    structure: Structure
    values: tuple[float, ...]

    @property
    def place(self) -> tuple[int, int, int]:
        """What a packet of a spacecraft is told apart by."""
        return self.boot, self.stream, self.sequence

    def named(self) -> Iterator[tuple[str, float]]:
        """Parameters with their values."""
        return zip(self.structure.parameters, self.values, strict=False)


class ArchiveReader:
    """Questions to an archive, also while it is being written. Raises EnvironmentFault if there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(path.name + "-wal")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        address = self._address()
        try:
            with closing(sqlite3.connect(address, uri=True)) as connection:
                connection.execute("PRAGMA busy_timeout = 5000")
                check_version(connection, self._path)
                yield connection
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BARRED and self._log.exists():
                raise EnvironmentFault(
                    f"the archive {self._path} was not closed in order: it can only be read where you may write",
                    hint=f"copy {self._path.name} and {self._log.name} into a directory of your own and read it there",
                ) from error
            raise EnvironmentFault(
                f"the archive {self._path} cannot be read: {error}", hint="it is damaged, or no archive of this release"
            ) from error
        except (TypeError, ValueError, OverflowError, struct.error) as error:
            raise EnvironmentFault(
                f"the archive {self._path} is damaged: it holds a value that no archive holds",
                hint="what the trace says of the run is not touched by this",
            ) from error

    def _address(self) -> str:
        """How to open it. Raises EnvironmentFault for a file that lacks its log, and where there is none."""
        try:
            with open_regular(self._path) as file:
                needs_log = file.read(20)[18:] == _WAL_VERSION
        except OSError as error:
            raise EnvironmentFault(
                f"the archive {self._path} cannot be read: {error.strerror}", hint="name the directory of a run"
            ) from error
        address = f"{self._path.resolve().as_uri()}?mode=ro"
        if not needs_log:
            return address
        try:
            length = self._log.stat().st_size
        except FileNotFoundError:
            raise EnvironmentFault(
                f"the archive {self._path} was not closed in order, and its log {self._log.name} is not beside it: "
                "what came last would be missing",
                hint=f"copy {self._log.name} from where it flew into {self._path.parent}; if there is none, accept the "
                f"loss with: sqlite3 {self._path} 'PRAGMA journal_mode = DELETE'",
            ) from None
        if length == 0 and not os.access(self._path.parent, os.W_OK):
            return f"{address}&immutable=1"  # nothing is in the log, and nobody can add to it
        return address

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self._open() as connection:
            return connection.execute(query, values).fetchall()

    def scenario(self) -> str:
        """Digest of the scenario that it was written in; empty if it does not say."""
        return next((str(value) for (value,) in self._rows("SELECT value FROM meta WHERE key = 'scenario'")), "")

    def counts(self) -> dict[tuple[str, int, int], int]:
        """Packets archived per (spacecraft, boot, stream)."""
        query = "SELECT spacecraft, boot, stream, COUNT(*) FROM packets GROUP BY 1, 2, 3"
        with self._open() as connection:
            return {(s, b, st): n for s, b, st, n in connection.execute(query)}

    def declared_lost(self) -> dict[tuple[str, int, int], int]:
        """Packets declared lost per (spacecraft, boot, stream)."""
        query = "SELECT spacecraft, boot, stream, SUM(last - first + 1) FROM gaps GROUP BY 1, 2, 3"
        with self._open() as connection:
            return {(s, b, st): n for s, b, st, n in connection.execute(query)}

    def retired(self, spacecraft: str = "") -> list[RetiredStream]:
        """What retention has deleted, by spacecraft, boot and stream."""
        query, order = "SELECT * FROM retired", " ORDER BY spacecraft, boot, stream"
        where = (" WHERE spacecraft = ?", spacecraft) if spacecraft else ("",)
        rows = self._rows(query + where[0] + order, *where[1:])
        return [RetiredStream(str(name), *(int(str(figure)) for figure in figures)) for name, *figures in rows]

    def settle(self, spacecraft: str, rows: tuple[tuple[int, int, int, int], ...]) -> list[StreamAccount]:
        """Balance a spacecraft's final account (boot, stream, generated, first on board) against the archive.

        What is neither here, retired nor on board any more is lost; losses the ground had not heard of yet are counted
        with those it declared. On board counts only what is neither archived nor retired as well: below `below` all
        that is on board had come down, because nothing is retired that is not acknowledged. Boot 0 stands for all
        boots of its stream that have no row of their own: the spacecraft has settled and forgotten them.
        """
        own = {row[:2] for row in rows if row[0]}
        inside = "spacecraft = ? AND boot = ? AND stream = ? AND sequence {} ?"
        gone = {(each.boot, each.stream): each for each in self.retired(spacecraft)}
        result = []
        with self._open() as connection:
            for boot, stream, generated, first in sorted(set(rows)):
                if boot == 0 and first == generated:
                    counted = connection.execute(_BY_BOOT, (spacecraft, stream))
                    here = sum(count for each, count in counted if (each, stream) not in own)
                    retired = sum(row.packets for key, row in gone.items() if key[1] == stream and key not in own)
                    lost = max(generated - here - retired, 0)
                    result.append(StreamAccount(spacecraft, boot, stream, generated, here, lost, 0, retired))
                    continue
                place = (spacecraft, boot, stream, first)
                below, above = (
                    connection.execute(f"SELECT COUNT(*) FROM packets WHERE {inside.format(sign)}", place).fetchone()[0]
                    for sign in ("<", ">=")
                )
                retired = held_too = 0
                if (boot, stream) in gone:
                    retired, end = gone[boot, stream].packets, gone[boot, stream].below
                    query = f"SELECT COUNT(*) FROM packets WHERE {inside.format('>=')} AND sequence < ?"
                    held_too = max(0, end - first) - connection.execute(query, (*place, end)).fetchone()[0]
                lost = max(first - below - (retired - held_too), 0)  # a false account stays open
                on_board = max(generated - first - above - held_too, 0)
                account = StreamAccount(spacecraft, boot, stream, generated, below + above, lost, on_board, retired)
                result.append(account)
        return result

    def dictionary(self, spacecraft: str) -> Dictionary:
        """The dictionary a spacecraft was operated with. Raises EnvironmentFault for an unknown spacecraft."""
        rows = self._rows(
            "SELECT content FROM dictionaries JOIN spacecraft ON dictionary = version WHERE id = ?", spacecraft
        )
        if not rows:
            raise EnvironmentFault(f"no spacecraft '{spacecraft}' in the archive {self._path}")
        try:
            return read_dictionary(str(rows[0][0]))
        except ValueError as error:
            raise EnvironmentFault(
                f"the archive {self._path} is damaged: the dictionary of {spacecraft} cannot be read"
            ) from error

    def structures(self, spacecraft: str) -> dict[int, Structure]:
        """What packets of each number hold: those of the dictionary, and those made in flight of which all reports have
        come. What the others hold is not known, and they are not read."""
        dictionary, own = self.dictionary(spacecraft), OwnStructures()
        reports = [s.id for s in dictionary.structures if s.service == Service.HOUSEKEEPING and s.subtype in SUBTYPES]
        query = f"{_HOUSEKEEPING} AND number IN ({','.join('?' * len(reports))}) ORDER BY boot, sequence"
        of = (spacecraft, int(Kind.TELEMETRY), bytes.fromhex(dictionary.version), *reports)
        with self._open() as connection:
            for number, _, payload in connection.execute(query, of):
                own.hear(dictionary, number, unpack_values(payload))
        return own.all(dictionary)

    def reports(self, spacecraft: str, *, holding: frozenset[str] = frozenset()) -> Iterator[Report]:
        """Every telemetry packet that can be read, by boot, stream and sequence: the one way from packets to values.
        `holding`: only structures with one of these parameters. Packets of another dictionary version, and of
        structures of which nobody has told what they hold, are left out: nothing is half-decoded."""
        query = f"SELECT {_REPORT} FROM packets WHERE spacecraft = ? AND kind = ? AND dictionary = ?"
        return self._reports(spacecraft, f"{query} ORDER BY boot, stream, sequence", holding)

    def newest_reports(self, spacecraft: str) -> Iterator[Report]:
        """The newest LOOK_BACK packets of housekeeping, the last one first."""
        query = f"SELECT {_REPORT} FROM packets WHERE spacecraft = ? AND kind = ? AND dictionary = ? AND stream = 3"
        return self._reports(spacecraft, f"{query} ORDER BY boot DESC, sequence DESC LIMIT {LOOK_BACK}", frozenset())

    def _reports(self, spacecraft: str, query: str, holding: frozenset[str]) -> Iterator[Report]:
        version = bytes.fromhex(self.dictionary(spacecraft).version)
        known = {
            number: structure
            for number, structure in self.structures(spacecraft).items()
            if not holding or not holding.isdisjoint(structure.parameters)
        }
        with self._open() as connection:
            for *numbers, payload in connection.execute(query, (spacecraft, int(Kind.TELEMETRY), version)):
                structure = known.get(numbers[-1])
                if structure is None:
                    continue
                if {*map(type, numbers)} != {int} or type(payload) is not bytes:
                    raise TypeError("a packet of another type")
                boot, stream, sequence, obt_ns, received_ns, _ = numbers
                yield Report(boot, stream, sequence, obt_ns, received_ns, structure, unpack_values(payload))

    def columns(self, query: str, of: tuple[object, ...]) -> list[Sequence[Any]]:
        """Five columns of whole numbers and one of payloads. Raises EnvironmentFault where any is something else."""
        with self._open() as connection:
            found: list[Sequence[Any]] = list(zip(*connection.execute(query, of), strict=True)) or [()] * 6
            if any({*map(type, column)} - {bytes if place == 5 else int} for place, column in enumerate(found)):
                raise TypeError("a packet of another type")
        return found

    def dating(self, spacecraft: str) -> Dating:
        """What is known of the clock of a spacecraft."""
        query = (
            "SELECT received_ns, offset_s, drift FROM time_correlation WHERE spacecraft = ? ORDER BY received_ns, boot"
        )
        with self._open() as connection:
            return Dating(connection.execute(query, (spacecraft,)))

    def live_ns(self) -> int:
        """After this time from its making a packet was played back, as the ground that wrote the archive had it."""
        found = self._rows("SELECT value FROM meta WHERE key = 'live_within_s'")
        try:
            return round(float(str(found[0][0])) * 1e9) if found else LIVE_NS
        except (ValueError, OverflowError) as error:
            raise EnvironmentFault(f"the archive {self._path} is damaged: live_within_s is no number") from error

    def latest(self, spacecraft: str) -> dict[str, tuple[float, int]]:
        """Newest value of every telemetered parameter, with the on-board time (ns) it was reported at."""
        values: dict[str, tuple[float, int]] = {}
        for report in self.newest_reports(spacecraft):
            for name, value in report.named():
                values.setdefault(name, (value, report.obt_ns))
        return values

    def series(self, spacecraft: str, parameter: str) -> list[tuple[int, float]]:
        """(on-board time ns, value) of one parameter in housekeeping, by boot and sequence."""
        return [
            (report.obt_ns, value)
            for report in self.reports(spacecraft, holding=frozenset((parameter,)))
            for name, value in report.named()
            if name == parameter and report.stream == Service.HOUSEKEEPING
        ]

    def reported(self, spacecraft: str, parameters: Sequence[str]) -> dict[str, list[tuple[int, int, float]]]:
        """(boot, sequence, value) of each housekeeping packet that holds a parameter, in their order."""
        result: dict[str, list[tuple[int, int, float]]] = {name: [] for name in parameters}
        for report in self.reports(spacecraft, holding=frozenset(parameters)) if parameters else ():
            if report.stream == Service.HOUSEKEEPING:
                for name, value in report.named():
                    if name in result:
                        result[name].append((report.boot, report.sequence, value))
        return result

    def on_board_parameters(self, spacecraft: str) -> list[tuple[int, int, int, str, float, str]]:
        """(boot, sequence, received ns, name, value, unit) of every report of an on-board parameter, as made."""
        dictionary = self.dictionary(spacecraft)
        version = bytes.fromhex(dictionary.version)
        found = []
        query = (
            "SELECT boot, sequence, received_ns, payload FROM packets"
            " WHERE spacecraft = ? AND kind = ? AND stream = ? AND dictionary = ? ORDER BY boot, sequence"
        )
        of = (spacecraft, int(Kind.TELEMETRY), int(Service.PARAMETER), version)
        with self._open() as connection:
            for boot, sequence, received_ns, payload in connection.execute(query, of):
                report = dictionary.reported_parameter(unpack_values(payload))
                if report is not None:
                    found.append((boot, sequence, received_ns, report[0].name, report[1], report[0].unit))
        return found

    def telecommands(self) -> list[dict[str, object]]:
        """Every telecommand asked for, with its present or final state, in order of request."""
        columns = (
            "ground_boot", "request", "spacecraft", "name", "arguments", "origin", "requested_ns", "expires_ns",
            "state", "transmissions", "changed_ns", "detail",
        )  # fmt: skip
        rows = self._rows(f"SELECT {', '.join(columns)} FROM telecommands ORDER BY ground_boot, request")
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def first_sent(self) -> dict[tuple[object, object], int]:
        """By (ground's boot, request): when each telecommand was radiated first (ns)."""
        query = "SELECT ground_boot, request, MIN(at_ns) FROM telecommand_log WHERE state = 'SENT' GROUP BY 1, 2"
        return {(boot, request): int(str(at_ns)) for boot, request, at_ns in self._rows(query)}

    def alarms(self) -> list[dict[str, object]]:
        """Every alarm with its present or final state and why, in order."""
        columns = (
            "ground_boot", "alarm", "spacecraft", "subject", "kind", "level", "state", "late", "raised_ns", "obt_ns",
            "changed_ns", "times", "why",
        )  # fmt: skip
        rows = self._rows(f"SELECT {', '.join(columns)} FROM alarms ORDER BY ground_boot, alarm")
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def procedures(self) -> list[dict[str, object]]:
        """Every run of a procedure, with its present or final state, in order."""
        columns = (
            "ground_boot", "run", "name", "spacecraft", "arguments", "origin", "started_ns", "state", "changed_ns",
            "detail",
        )  # fmt: skip
        rows = self._rows(f"SELECT {', '.join(columns)} FROM procedures ORDER BY ground_boot, run")
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def procedure_log(self) -> list[tuple[object, ...]]:
        """(run, line, began_ns, ended_ns or None, step, outcome) of every step, check and note, as they were done."""
        return self._rows(
            "SELECT run, line, began_ns, ended_ns, step, outcome FROM procedure_log ORDER BY ground_boot, run, line"
        )

    def contacts(self) -> list[tuple[object, ...]]:
        """(station, spacecraft, aos_ns, los_ns, max_ns, max_elevation_rad), by time."""
        return self._rows("SELECT * FROM contacts ORDER BY aos_ns, station, spacecraft")

    def allocations(self) -> list[tuple[object, ...]]:
        """(station, on_ns, spacecraft, off_ns or None): which antenna really pointed where, by time."""
        return self._rows("SELECT * FROM allocations ORDER BY on_ns, station")

    def events(self, spacecraft: str = "") -> list[tuple[object, ...]]:
        """(spacecraft, obt_ns, received_ns, severity, name, arguments as JSON), by time of receipt."""
        query = "SELECT spacecraft, obt_ns, received_ns, severity, name, arguments FROM events"
        order = " ORDER BY received_ns, spacecraft, boot, sequence"
        return (
            self._rows(f"{query} WHERE spacecraft = ?{order}", spacecraft) if spacecraft else self._rows(query + order)
        )

    def gaps(self) -> list[tuple[object, ...]]:
        """(spacecraft, boot, stream, first, last, declared_ns): sequence numbers declared lost."""
        return self._rows("SELECT * FROM gaps ORDER BY spacecraft, boot, stream, first")
