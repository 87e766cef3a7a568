"""What came into an archive since one last looked: for whoever follows a run as it flies, or afterwards.

The ground commits all that it received in a tick at once, stamped with the end of that tick, so that "received after"
leaves nothing out. Where nothing was committed, a look costs one read of a counter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bus.dictionary import Structure
from bus.own_structures import SUBTYPES
from bus.wire.messages import Kind
from groundstation.archive.reader import ArchiveReader, Report, unpack_values

MOST_ROWS = 50_000
"""Packets in one look; the next look goes on where this one ended."""
EventRow = tuple[str, int, int, str, int, int, int, str]
"""Spacecraft, boot, sequence, name, severity, on-board time (ns), time of receipt (ns), arguments (JSON)."""
_PACKET = "SELECT spacecraft, boot, stream, sequence, obt_ns, received_ns, number, dictionary, payload FROM packets"
_PACKETS = f"{_PACKET} WHERE received_ns > ? AND kind = ? ORDER BY received_ns LIMIT ?"
_EVENT = "SELECT spacecraft, boot, sequence, name, severity, obt_ns, received_ns, arguments FROM events"
_EVENTS = f"{_EVENT} WHERE received_ns > ? ORDER BY received_ns, spacecraft, boot, sequence LIMIT ?"


@dataclass(frozen=True, slots=True)
class AlarmStep:
    """One thing that happened to an alarm: times are mission time in s."""

    ground_boot: int
    alarm: int
    spacecraft: str
    subject: str
    raised_s: float
    at_s: float
    happening: str
    state: str


@dataclass(slots=True)
class News:
    """What one look found. reports: (spacecraft, report) of telemetry; events: rows as in the archive, by time of
    receipt; until_ns: nothing received until then is missing; more: there was more than fits into one look."""

    reports: list[tuple[str, Report]] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    until_ns: int = -1
    more: bool = False


class Feed(ArchiveReader):
    """Follows one archive. Raises EnvironmentFault as a reader does."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._forms: dict[str, tuple[bytes, dict[int, Structure]]] = {}

    def news(self, after_ns: int) -> News:
        """Everything received after a time, oldest first."""
        with self._open() as connection:
            packets = connection.execute(_PACKETS, (after_ns, int(Kind.TELEMETRY), MOST_ROWS)).fetchall()
            events = connection.execute(_EVENTS, (after_ns, MOST_ROWS)).fetchall()
        news = News(until_ns=after_ns)
        ends = [rows[-1][place] for rows, place in ((packets, 5), (events, 6)) if rows]
        full = [rows[-1][place] for rows, place in ((packets, 5), (events, 6)) if len(rows) == MOST_ROWS]
        if full:  # the last tick may be cut: it is read again with the next look
            last = min(full)
            packets = [row for row in packets if row[5] < last] or packets
            events = [row for row in events if row[6] < last] or events
            ends, news.more = [last - 1], True
        news.until_ns = max(ends, default=after_ns)
        news.reports, news.events = self._read(packets), events
        return news

    def last_received_ns(self) -> int:
        """When the newest packet was received; -1 where there is none."""
        found = self._rows("SELECT MAX(received_ns) FROM packets")[0][0]
        return -1 if found is None else int(str(found))

    def meta(self) -> dict[str, str]:
        """What the ground wrote of itself: scenario's digest, epoch_utc, tick_ns, ground_boot, live_within_s."""
        return {str(key): str(value) for key, value in self._rows("SELECT key, value FROM meta")}

    def fleet(self) -> dict[str, str]:
        """Design by spacecraft, in the order of their ids."""
        return {str(id): str(design) for id, design in self._rows("SELECT id, design FROM spacecraft ORDER BY id")}

    def contacts_between(self, from_ns: int, to_ns: int) -> list[tuple[object, ...]]:
        """Predicted contacts that touch a span, as `contacts` gives them."""
        query = "SELECT * FROM contacts WHERE los_ns >= ? AND aos_ns <= ? ORDER BY aos_ns, station, spacecraft"
        return self._rows(query, from_ns, to_ns)

    def pointing(self) -> list[tuple[object, ...]]:
        """(station, on_ns, spacecraft): whom each antenna points at now."""
        return self._rows("SELECT station, on_ns, spacecraft FROM allocations WHERE off_ns IS NULL ORDER BY station")

    def history(self, ground_boot: int, request: int) -> list[tuple[object, ...]]:
        """(at_ns, happening, state, detail) of a telecommand, as it came."""
        query = (
            "SELECT at_ns, happening, state, detail FROM telecommand_log WHERE ground_boot = ? AND request = ?"
            " ORDER BY step"
        )
        return self._rows(query, ground_boot, request)

    def askers(self) -> dict[str, tuple[str, str, str]]:
        """By token: who asked, from where, and when by the wall clock (UTC)."""
        rows = self._rows("SELECT token, asked_by, asked_from, asked_utc FROM operator_requests")
        return {str(token): (str(by), str(place), str(utc)) for token, by, place, utc in rows}

    def alarm_steps(self) -> list[AlarmStep]:
        """Everything that happened to alarms, by time."""
        query = (
            "SELECT l.ground_boot, l.alarm, a.spacecraft, a.subject, a.raised_ns, l.at_ns, l.happening, l.state"
            " FROM alarm_log l JOIN alarms a USING (ground_boot, alarm)"
            " ORDER BY l.at_ns, l.ground_boot, l.alarm, l.step"
        )
        with self._open() as connection:
            return [
                AlarmStep(boot, alarm, spacecraft, subject, raised / 1e9, at / 1e9, happening, state)
                for boot, alarm, spacecraft, subject, raised, at, happening, state in connection.execute(query)
            ]

    def mark(self, table: str, column: str) -> tuple[object, ...]:
        """What changes whenever a table does whose rows say when they changed."""
        return self._rows(f"SELECT COUNT(*), MAX({column}), SUM({column}) FROM {table}")[0]

    def newest_of(self, spacecraft: str, most: int) -> list[Report]:
        """The newest packets of housekeeping of its last boot that sent any, the last one last."""
        boots = "SELECT MAX(boot) FROM packets WHERE spacecraft = ? AND stream = 3 AND kind = ?"
        query = (
            f"{_PACKET} WHERE spacecraft = ? AND boot = ? AND stream = 3 AND kind = ? ORDER BY sequence DESC LIMIT ?"
        )
        kind = int(Kind.TELEMETRY)
        with self._open() as connection:
            (boot,) = connection.execute(boots, (spacecraft, kind)).fetchone()
            rows = connection.execute(query, (spacecraft, boot, kind, most)).fetchall() if boot is not None else []
        return [report for _, report in self._read(rows[::-1])]

    def of_structures(self, spacecraft: str, names: Sequence[str], most: int) -> list[Report]:
        """The newest packets of these structures, the last received first."""
        numbers = [each.id for each in self.dictionary(spacecraft).structures if each.name in names]
        query = (
            f"{_PACKET} WHERE spacecraft = ? AND kind = ? AND number IN ({','.join('?' * len(numbers))})"
            " ORDER BY received_ns DESC, boot DESC, stream DESC, sequence DESC LIMIT ?"
        )
        with self._open() as connection:
            rows = connection.execute(query, (spacecraft, int(Kind.TELEMETRY), *numbers, most)).fetchall()
        return [report for _, report in self._read(rows)]

    def newest_events(self, spacecraft: str, limit: int) -> list[EventRow]:
        """The last ones received, of one spacecraft or (empty) of all, the last one first; rows as in `News.events`."""
        where = " WHERE spacecraft = ?" if spacecraft else ""
        query = f"{_EVENT}{where} ORDER BY received_ns DESC, spacecraft, boot DESC, sequence DESC LIMIT ?"
        with self._open() as connection:
            return connection.execute(query, (*((spacecraft,) if spacecraft else ()), limit)).fetchall()

    def _read(self, packets: list[tuple[Any, ...]]) -> list[tuple[str, Report]]:
        reports = []
        for spacecraft, boot, stream, sequence, obt_ns, received_ns, number, version, payload in packets:
            structure = self._form(spacecraft, number, version)
            if structure is not None:
                values = unpack_values(payload)
                reports.append((spacecraft, Report(boot, stream, sequence, obt_ns, received_ns, structure, values)))
        return reports

    def _form(self, spacecraft: str, number: int, version: bytes) -> Structure | None:
        """What a packet holds; structures made in flight are looked up when they first come, and again when a report of
        one tells that it has changed."""
        known = self._forms.get(spacecraft)
        if known is None or (number not in known[1] and version == known[0]):
            known = (bytes.fromhex(self.dictionary(spacecraft).version), self.structures(spacecraft))
            self._forms[spacecraft] = known
        structure = known[1].get(number) if version == known[0] else None
        if structure is not None and structure.subtype in SUBTYPES and structure.service == 3:
            del self._forms[spacecraft]
        return structure
