"""Telemetry comes in: each packet once into the archive's records, the ledger kept, acknowledgements made.

No antennas and no telecommands here. An acknowledgement covers only what has left as a record in the same outbox or an
earlier one.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from bus.correlation import dated_ns, shown_ns
from bus.dictionary import Dictionary
from bus.pus import Service
from bus.wire.messages import Event, Kind, Packet, StoreReport, Telemetry, TelemetryAck, Verification
from groundstation.telemetry.accounting import Outcome, StreamAccounts
from groundstation.telemetry.correlation import Track, correlate

VERIFICATION_STREAM = 1
MAX_ROWS = 1024
"""Of one store report, by its schema."""

Records = list[tuple[object, ...]]


@dataclass(slots=True)
class IntakeState:
    """All state: a accounts per spacecraft, and the streams whose acknowledgement is due."""

    books: dict[str, StreamAccounts] = field(default_factory=dict)
    due: list[tuple[str, int, int]] = field(default_factory=list)
    foreign_dictionary: int = 0
    senseless_rows: int = 0
    clocks: dict[str, Track] = field(default_factory=dict)


class Intake:
    """Takes packets and store reports of all spacecraft. `delay_ns`: the shortest way of a packet to the ground."""

    def __init__(self, dictionaries: Mapping[str, Dictionary], delay_ns: int) -> None:
        self._dictionaries = dictionaries
        self._delay_ns = delay_ns
        self._versions = {name: bytes.fromhex(d.version) for name, d in dictionaries.items()}
        self.state = IntakeState(books={name: StreamAccounts() for name in dictionaries})

    def packet(
        self, spacecraft: str, body: Telemetry | Event | Verification, station: str, now_ns: int, records: Records
    ) -> bool:
        """A packet has come. True if it was new; then it is in the records and in the ledger."""
        accounts = self.state.books[spacecraft]
        if accounts.is_settled(body.boot, body.stream):
            accounts.duplicates += 1
            return False
        stream = accounts.stream(body.boot, body.stream)
        if stream is None:
            return False
        outcome = stream.take(body.sequence)
        if outcome is Outcome.REFUSED:
            accounts.refused += 1
            return False
        self._owe(spacecraft, body.boot, body.stream)
        if outcome is Outcome.DUPLICATE:
            accounts.duplicates += 1
            return False
        if outcome is Outcome.RECOVERED:
            self._reopen(spacecraft, body, now_ns, records)
        self._record(spacecraft, body, station, now_ns, records)
        return True

    def store_report(self, spacecraft: str, body: StoreReport, now_ns: int, records: Records) -> bool:
        """What the spacecraft still holds. Declares losses. True if every verification packet generated so far is
        settled, i.e. archived or declared lost."""
        accounts = self.state.books[spacecraft]
        for boot, number in body.settled:
            accounts.settle(boot, number)
        complete = len(body.rows) < MAX_ROWS or body.rows[-1][1] != VERIFICATION_STREAM  # else more may be left out
        for boot, number, first, following in body.rows:
            if first > following or not 0 <= number <= 255:
                self.state.senseless_rows += 1
                continue
            if accounts.is_settled(boot, number):
                continue  # a newer report came first
            stream = accounts.stream(boot, number)
            if stream is None:
                complete = False
                continue
            for start, end in stream.declare_below(first):
                records.append(("gaps", spacecraft, boot, number, start, end - 1, now_ns))
                accounts.reports_lost += (end - start) if number == VERIFICATION_STREAM else 0
            if stream.below > first:
                self._owe(spacecraft, boot, number)  # it keeps what is archived: an acknowledgement was lost
            if number == VERIFICATION_STREAM and stream.below < following:
                complete = False
        return complete

    def acknowledgements(self) -> list[tuple[str, TelemetryAck]]:
        """What is due since the last call, one per stream."""
        if not self.state.due:
            return []
        due, self.state.due = self.state.due, []
        result = []
        for spacecraft, boot, number in dict.fromkeys(due):
            stream = self.state.books[spacecraft].streams.get((boot, number))
            if stream is not None and stream.below:
                result.append((spacecraft, TelemetryAck(boot=boot, stream=number, below=stream.below)))
        return result

    def made_ns(self, spacecraft: str, obt_ns: int) -> int:
        """When something was made that bears this stamp: by time correlation, by the stamp itself before the first time
        report has come."""
        track = self.state.clocks.get(spacecraft)
        return dated_ns(track.line, obt_ns) if track and track.line else obt_ns

    def shown_ns(self, spacecraft: str, at_ns: int) -> int:
        """What its clock shows then, as far as is known."""
        track = self.state.clocks.get(spacecraft)
        return shown_ns(track.line, at_ns) if track and track.line else at_ns

    def lost_reports(self, spacecraft: str) -> int:
        """Verification packets ever declared lost."""
        return self.state.books[spacecraft].reports_lost

    def counters(self) -> dict[str, float]:
        """For the final account."""
        books = self.state.books
        totals: dict[str, float] = {
            "archived": sum(accounts.archived for accounts in books.values()),
            "declared_lost": sum(accounts.declared_lost for accounts in books.values()),
            "duplicates": sum(accounts.duplicates for accounts in books.values()),
            "refused": sum(accounts.refused for accounts in books.values()),
            "streams": sum(len(accounts.streams) for accounts in books.values()),
            "streams_settled": sum(accounts.settled for accounts in books.values()),
            "foreign_dictionary": self.state.foreign_dictionary,
            "senseless_rows": self.state.senseless_rows,
        }
        for name, accounts in books.items():
            totals[f"{name}.archived"] = accounts.archived
            totals[f"{name}.declared_lost"] = accounts.declared_lost
        return totals

    def _owe(self, spacecraft: str, boot: int, stream: int) -> None:
        row = (spacecraft, boot, stream)
        if not self.state.due or self.state.due[-1] != row:
            self.state.due.append(row)

    def _reopen(self, spacecraft: str, body: Packet, now_ns: int, records: Records) -> None:
        """A packet declared lost has come: the gap it was in shrinks or splits."""
        boot, number, sequence = body.boot, body.stream, body.sequence
        stream = self.state.books[spacecraft].streams[boot, number]
        left = next((row for row in stream.lost if row[1] == sequence), None)
        right = next((row for row in stream.lost if row[0] == sequence + 1), None)
        records.append(("gap_closed", spacecraft, boot, number, left[0] if left else sequence))
        for piece in (left, right):
            if piece is not None:
                records.append(("gaps", spacecraft, boot, number, piece[0], piece[1] - 1, now_ns))

    def _correlate(self, spacecraft: str, body: Telemetry, now_ns: int, records: Records) -> None:
        track = self.state.clocks.setdefault(spacecraft, Track())
        estimate = correlate(track, body.boot, body.sequence, body.obt_ns, now_ns, self._delay_ns)
        if estimate is not None:
            figures = (estimate.offset_s, estimate.drift, estimate.reports)
            records.append(("time_correlation", spacecraft, now_ns, body.boot, *figures))

    def _record(
        self, spacecraft: str, body: Telemetry | Event | Verification, station: str, now_ns: int, records: Records
    ) -> None:
        key = (spacecraft, body.boot, body.stream, body.sequence)
        if isinstance(body, Telemetry):
            if body.dictionary != self._versions[spacecraft]:
                self.state.foreign_dictionary += 1
            payload = struct.pack(f"<{len(body.values)}d", *body.values)
            records.append((
                "packets", *key, int(Kind.TELEMETRY), body.obt_ns, now_ns, station, body.structure, 0, body.dictionary,
                payload,
            ))  # fmt: skip
            if body.stream == Service.TIME:
                self._correlate(spacecraft, body, now_ns, records)
        elif isinstance(body, Event):
            payload = struct.pack(f"<{len(body.arguments)}d", *body.arguments)
            records.append((
                "packets", *key, int(Kind.EVENT), body.obt_ns, now_ns, station, body.event, body.severity, None,
                payload,
            ))  # fmt: skip
            form = self._dictionaries[spacecraft].event.get(body.event)
            named = form.named(body.arguments) if form else {f"argument_{i}": a for i, a in enumerate(body.arguments)}
            records.append((
                "events", *key, body.event, form.name if form else f"event_{body.event}", body.severity, body.obt_ns,
                now_ns, json.dumps(named),
            ))  # fmt: skip
        else:
            records.append((
                "packets", *key, int(Kind.VERIFICATION), body.obt_ns, now_ns, station, body.request,
                body.stage * 65536 + body.code, None, body.detail.encode(),
            ))  # fmt: skip
