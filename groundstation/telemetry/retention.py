"""Retention: which telemetry the archive may forget, decided in the ground's own step, so that it repeats to the bit.

Packets of one (spacecraft, boot, stream) are remembered in pieces, by their time of receipt. A piece goes when it is
too old, or when all pieces are too much; the oldest first, never before an acknowledgement that covers it has left, and
those of one stream in their order: what was retired of a stream is all that was received up to one time, its watermark.
Reports that tell a structure made in flight always stay: without them later packets could not be read.

Of a stream that the spacecraft has settled nothing comes any more: when its last piece is gone it is forgotten, and a
total stays. So what is remembered is bounded by what is kept and by what the accounts of telemetry have open.

No SQL here: what is to be deleted leaves as records. With `RetentionRules` that keep everything nothing is done at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bus.dictionary import Dictionary
from bus.own_structures import SUBTYPES
from bus.pus import Service
from bus.wire.messages import Packet, Telemetry
from groundstation.config import RetentionRules

Key = tuple[str, int, int]
"""Spacecraft, boot, stream."""
ROW_TABLES = ("packets", "events")


@dataclass(slots=True)
class Piece:
    """Packets of one stream, received up to `until_ns`: their lowest and highest sequence number, their number, and the
    bytes of their rows."""

    key: Key
    first: int
    last: int
    until_ns: int
    packets: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Retired:
    """Of one stream. acknowledged: an acknowledgement below this number has left. pieces: of it that are not deleted.
    packets, bytes: deleted in all. below: above every number deleted. until_ns: all that was received up to then is
    deleted; -1 before the first."""

    acknowledged: int = 0
    pieces: int = 0
    packets: int = 0
    bytes: int = 0
    below: int = 0
    until_ns: int = -1


@dataclass(slots=True)
class RetentionState:
    """All state. open: pieces that still grow; closed: by time; waiting: due, but not acknowledged. settled: by
    spacecraft and stream, the first boot that is not. forgotten: streams, and by spacecraft the packets deleted of
    them."""

    stretch: int = 0
    kept_bytes: int = 0
    open: dict[Key, Piece] = field(default_factory=dict)
    closed: list[Piece] = field(default_factory=list)
    waiting: dict[Key, list[Piece]] = field(default_factory=dict)
    streams: dict[Key, Retired] = field(default_factory=dict)
    settled: dict[tuple[str, int], int] = field(default_factory=dict)
    forgotten: int = 0
    forgotten_packets: dict[str, int] = field(default_factory=dict)


class Retention:
    """Of all spacecraft. Bounded: a piece per `chunk_rows` packets or `chunk_s`, of what is kept."""

    def __init__(self, dictionaries: Mapping[str, Dictionary], rules: RetentionRules) -> None:
        self._rules = rules
        self._age_ns = None if rules.age_s is None else round(rules.age_s * 1e9)
        self._stretch_ns = round(min(rules.chunk_s, (rules.age_s or rules.chunk_s * 64) / 64) * 1e9) or 1
        self._stay = {
            name: frozenset(
                s.id for s in known.structures if s.service == Service.HOUSEKEEPING and s.subtype in SUBTYPES
            )
            for name, known in dictionaries.items()
        }
        self._told = {name: json.dumps(sorted(numbers)) for name, numbers in self._stay.items()}
        self.state = RetentionState()

    def took(self, spacecraft: str, body: Packet, now_ns: int, rows: Sequence[tuple[object, ...]]) -> None:
        """A packet has gone into the archive, as these records."""
        if not self._rules.declared:
            return
        if isinstance(body, Telemetry) and body.structure in self._stay[spacecraft]:
            return
        state, key = self.state, (spacecraft, body.boot, body.stream)
        piece = state.open.get(key)
        if piece is not None and piece.packets >= self._rules.chunk_rows and piece.until_ns < now_ns:
            state.closed.append(piece)  # packets of one tick are never in two pieces
            piece = None
        if piece is None:
            piece = state.open[key] = Piece(key, body.sequence, body.sequence, now_ns)
            state.streams.setdefault(key, Retired()).pieces += 1
        size = sum(map(_bytes, rows))
        piece.first, piece.last = min(piece.first, body.sequence), max(piece.last, body.sequence)
        piece.until_ns = now_ns
        piece.packets += 1
        piece.bytes += size
        state.kept_bytes += size

    def acknowledged(self, spacecraft: str, boot: int, stream: int, below: int) -> None:
        """An acknowledgement leaves."""
        state, key = self.state, (spacecraft, boot, stream)
        if not self._rules.declared or self._is_settled(key):
            return
        account = state.streams.setdefault(key, Retired())
        account.acknowledged = max(account.acknowledged, below)
        if key in state.waiting and state.waiting[key][0].last < account.acknowledged:
            state.closed[:0] = state.waiting.pop(key)

    def settle(self, spacecraft: str, rows: Sequence[tuple[int, int]]) -> None:
        """(boot, stream): the spacecraft has forgotten every boot of this stream below this one."""
        if not self._rules.declared:
            return
        state = self.state
        for below, stream in rows:
            if below <= state.settled.get((spacecraft, stream), 0):
                continue
            state.settled[spacecraft, stream] = below
            for key in [k for k in state.streams if k[0] == spacecraft and k[2] == stream and k[1] < below]:
                state.closed[:0] = state.waiting.pop(key, ())
                self._forget(key)

    def step(self, now_ns: int, records: list[tuple[object, ...]]) -> None:
        """Delete what is due, so much as one tick may. Before this tick's acknowledgements."""
        if not self._rules.declared:
            return
        state = self.state
        if now_ns // self._stretch_ns != state.stretch:
            state.stretch = now_ns // self._stretch_ns
            self._close()
        if self._too_much and not state.closed:
            self._close()
        rows = looks = 0
        while state.closed and rows < self._rules.rows_per_tick and looks < self._rules.looks_per_tick:
            piece = state.closed[0]
            old = self._age_ns is not None and piece.until_ns + self._age_ns <= now_ns
            if not old and not self._too_much:
                break
            del state.closed[0]
            looks += 1
            account = state.streams[piece.key]
            covered = piece.last < account.acknowledged or self._is_settled(piece.key)
            if piece.key in state.waiting or not covered:
                state.waiting.setdefault(piece.key, []).append(piece)
                continue
            rows += piece.packets
            self._retire(piece, account, now_ns, records)

    def counters(self) -> dict[str, float]:
        """For the final account; empty where everything is kept."""
        if not self._rules.declared:
            return {}
        gone = self.state.forgotten_packets
        totals: dict[str, float] = {f"{name}.retired": gone.get(name, 0) for name in self._stay}
        totals["retired"] = sum(gone.values())
        totals["retired_streams"], totals["retired_streams_forgotten"] = len(self.state.streams), self.state.forgotten
        for (spacecraft, _, _), account in self.state.streams.items():
            totals["retired"] += account.packets
            totals[f"{spacecraft}.retired"] += account.packets
        totals["retained_bytes"] = self.state.kept_bytes
        totals["retirement_waits"] = sum(piece.packets for each in self.state.waiting.values() for piece in each)
        return totals

    @property
    def _too_much(self) -> bool:
        return self._rules.size_bytes is not None and self.state.kept_bytes > self._rules.size_bytes

    def _is_settled(self, key: Key) -> bool:
        return key[1] < self.state.settled.get((key[0], key[2]), 0)

    def _forget(self, key: Key) -> None:
        """A settled stream of which nothing is kept."""
        state = self.state
        if not state.streams[key].pieces:
            state.forgotten += 1
            state.forgotten_packets[key[0]] = state.forgotten_packets.get(key[0], 0) + state.streams.pop(key).packets

    def _close(self) -> None:
        self.state.closed += self.state.open.values()
        self.state.open = {}

    def _retire(self, piece: Piece, account: Retired, now_ns: int, records: list[tuple[object, ...]]) -> None:
        account.packets += piece.packets
        account.bytes += piece.bytes
        account.below = max(account.below, piece.last + 1)
        account.until_ns = piece.until_ns
        account.pieces -= 1
        self.state.kept_bytes -= piece.bytes
        place = (*piece.key, piece.first, piece.last, piece.until_ns)
        records += (
            ("retire_events", *place),
            ("retire_packets", *place, self._told[piece.key[0]]),
            ("retired", *piece.key, account.packets, account.bytes, account.below, account.until_ns, now_ns),
        )
        if self._is_settled(piece.key):
            self._forget(piece.key)


def _bytes(record: tuple[object, ...]) -> int:
    """Of a row: texts and blobs as long as they are, a number eight; the rows of other tables stay and do not count."""
    if record[0] not in ROW_TABLES:
        return 0
    return sum(
        len(cell) if isinstance(cell, bytes) else len(cell.encode()) if isinstance(cell, str) else 8
        for cell in record[1:]
    )
