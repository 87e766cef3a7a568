"""The packet store, service 15 in small: telemetry waits in non-volatile memory until the ground has it.

Packets are numbered per (boot, stream) from 0 without gaps. The ground's acknowledgement releases them; in contact,
what stays unacknowledged too long is sent again from the first (go back N). Each stream has its share of bytes; when
it is full the oldest packets of that stream are dropped and counted, and the ground learns of it from the store report.
No radio and no message form is known here: `take` hands out (boot, stream, sequence, bytes).
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Mapping
from typing import Any

from node.devices.nvm import NonVolatileMemory

SHARES_BYTES = {1: 256 * 1024, 3: 4 * 1024 * 1024, 5: 512 * 1024, 17: 16 * 1024, 20: 64 * 1024}
"""Bytes of the store by stream: half a day of housekeeping at the default intervals [A]."""
SEND_ORDER = (1, 5, 17, 20, 3)
"""Verification and events go first; housekeeping fills what is left of the contact."""
FRAME_BYTES = 64
"""What a packet costs on the link beyond its own bytes: envelope and framing, rounded up."""
MAX_PACKETS_PER_CYCLE = 256
MAX_REPORT_ROWS = 1024
_ROW = struct.Struct("<QQQ")

Outgoing = tuple[int, int, int, bytes]
Key = tuple[int, int]


class _Stream:
    """One (boot, stream). `cursor` is the next to send, `waited` the contact cycles without progress: RAM only."""

    __slots__ = ("acked", "boot", "bytes", "cursor", "first", "packets", "stream", "waited")

    def __init__(self, boot: int, stream: int, first: int = 0, acked: int = 0) -> None:
        self.boot = boot
        self.stream = stream
        self.first = first
        self.acked = acked
        self.cursor = first
        self.waited = 0
        self.bytes = 0
        self.packets: deque[bytes] = deque()

    @property
    def next(self) -> int:
        return self.first + len(self.packets)


class PacketStore:
    """The store of one spacecraft; everything but the sending cursors is in non-volatile memory."""

    def __init__(self, nvm: NonVolatileMemory, boot: int, shares_bytes: Mapping[int, int] = SHARES_BYTES) -> None:
        self._nvm = nvm
        self._share = shares_bytes
        self._boot = boot
        self._streams: dict[Key, _Stream] = {}
        self._full: list[_Stream] = []  # those that hold packets, in order of sending
        self._used: dict[int, int] = dict.fromkeys(shares_bytes, 0)
        self.generated = 0
        self.packets = 0
        self.dropped = 0
        self.retransmissions = 0
        self._read_back()

    @property
    def held_bytes(self) -> int:
        """Bytes held."""
        return sum(self._used.values())

    def append(self, stream: int, packet: bytes) -> int:
        """Number a packet and keep it. Returns how many old ones had to go for it."""
        entry = self._streams.get((self._boot, stream))
        if entry is None:
            entry = self._streams[(self._boot, stream)] = _Stream(self._boot, stream)
            self._write_row(entry)
        sequence = entry.first + len(entry.packets)
        self._nvm.put(f"tm.{self._boot}.{stream}.{sequence}", packet)
        if not entry.packets:
            entry.packets.append(packet)
            self._sort()
        else:
            entry.packets.append(packet)
        entry.bytes += len(packet)
        self._used[stream] += len(packet)
        self.generated += 1
        self.packets += 1
        return self._make_room(stream) if self._used[stream] > self._share[stream] else 0

    def acknowledge(self, boot: int, stream: int, below: int) -> int:
        """The ground has everything of (boot, stream) below this. Returns how many packets went."""
        entry = self._streams.get((boot, stream))
        if entry is None or below <= entry.acked or below > entry.next:
            return 0
        released = 0
        while entry.packets and entry.first < below:
            self._drop_first(entry)
            released += 1
        entry.acked = below
        entry.cursor = max(entry.cursor, entry.first)
        entry.waited = 0
        self._write_row(entry)
        if not entry.packets:
            self._sort()
        return released

    def take(self, budget_bytes: float, retransmit_after: int) -> list[Outgoing]:
        """What to send in this cycle of contact, within the link's budget. Call it once per cycle in contact."""
        out: list[Outgoing] = []
        for entry in self._full:
            if entry.cursor > entry.first:
                entry.waited += 1
                if entry.waited >= retransmit_after:
                    self.retransmissions += entry.cursor - entry.first
                    entry.cursor, entry.waited = entry.first, 0
            packets, offset = entry.packets, entry.cursor - entry.first
            while offset < len(packets) and len(out) < MAX_PACKETS_PER_CYCLE:
                packet = packets[offset]
                budget_bytes -= len(packet) + FRAME_BYTES
                if budget_bytes < 0.0:
                    return out
                out.append((entry.boot, entry.stream, entry.cursor, packet))
                entry.cursor += 1
                offset += 1
        return out

    def report_rows(self) -> list[tuple[int, int, int, int]]:
        """(boot, stream, first in the store, next to be generated) of what the ground does not have to the end."""
        rows = [(e.boot, e.stream, e.first, e.next) for e in self._streams.values() if e.acked < e.next]
        rows.sort()
        return rows[:MAX_REPORT_ROWS]

    def account_rows(self) -> list[tuple[int, int, int, int]]:
        """(boot, stream, generated, first on board) of everything there ever was."""
        return sorted((e.boot, e.stream, e.next, e.first) for e in self._streams.values())

    def state(self) -> Any:
        """What is in RAM only."""
        cursors = [[e.boot, e.stream, e.cursor, e.waited] for e in self._streams.values()]
        return [cursors, self.dropped, self.retransmissions]

    def load(self, state: Any) -> None:
        """Take over what `state` gave."""
        cursors, self.dropped, self.retransmissions = state
        for boot, stream, cursor, waited in cursors:
            entry = self._streams[(boot, stream)]
            entry.cursor, entry.waited = cursor, waited

    def _make_room(self, stream: int) -> int:
        """Drop the oldest packets of a stream, oldest boot first, until its share fits."""
        dropped = 0
        while self._used[stream] > self._share[stream]:
            oldest = min((e for e in self._full if e.stream == stream), key=lambda e: e.boot)
            self._drop_first(oldest)
            oldest.cursor = max(oldest.cursor, oldest.first)
            dropped += 1
            if not oldest.packets:
                self._write_row(oldest)
                self._sort()
        self.dropped += dropped
        return dropped

    def _drop_first(self, entry: _Stream) -> None:
        packet = entry.packets.popleft()
        self._nvm.delete(f"tm.{entry.boot}.{entry.stream}.{entry.first}")
        entry.first += 1
        entry.bytes -= len(packet)
        self._used[entry.stream] -= len(packet)
        self.packets -= 1

    def _sort(self) -> None:
        self._full = [e for e in self._streams.values() if e.packets]
        self._full.sort(key=lambda e: (SEND_ORDER.index(e.stream), e.boot))

    def _write_row(self, entry: _Stream) -> None:
        self._nvm.put(f"tmrow.{entry.boot}.{entry.stream}", _ROW.pack(entry.first, entry.next, entry.acked))

    def _read_back(self) -> None:
        """Rebuild the lists from non-volatile memory, after a boot."""
        nexts: dict[Key, int] = {}
        for name in self._nvm.names("tmrow."):
            boot, stream = (int(part) for part in name.split(".")[1:])
            first, following, acked = _ROW.unpack(self._nvm.get(name) or bytes(_ROW.size))
            self._streams[(boot, stream)] = _Stream(boot, stream, first, acked)
            nexts[(boot, stream)] = following
        held: dict[Key, list[int]] = {}
        for name in self._nvm.names("tm."):
            boot, stream, sequence = (int(part) for part in name.split(".")[1:])
            held.setdefault((boot, stream), []).append(sequence)
        for key, entry in self._streams.items():
            sequences = sorted(held.get(key, ()))
            entry.first = sequences[0] if sequences else nexts[key]
            entry.cursor = entry.first
            for sequence in sequences:
                packet = self._nvm.get(f"tm.{entry.boot}.{entry.stream}.{sequence}") or b""
                entry.packets.append(packet)
                entry.bytes += len(packet)
            self._used[entry.stream] += entry.bytes
            self.generated += entry.next
            self.packets += len(entry.packets)
        self._sort()
