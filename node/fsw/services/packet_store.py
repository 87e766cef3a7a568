"""The packet store: telemetry waits in non-volatile memory until the ground has it.

Packets are numbered per (boot, stream) from 0 without gaps. The ground's acknowledgement releases them; in contact,
what stays unacknowledged too long is sent again from the first (go back N). What earlier boots made and the ground has
to the end is forgotten: of each stream a total stays, and the boot below which all is settled. Each stream has its
share of bytes; when it is full its oldest packets are dropped and counted, and the store report says so. What the
ground asks for by a range of time goes first and stays where it is. It decides on the order of the streams, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from bus.pus import Service
from bus.snapshot.pack import Stateful
from node.devices.nvm import NonVolatileMemory
from node.fsw.services.packet_streams import FRAME_BYTES, ROW, Cursor, Key, Settled, Stream, add_given_up
from node.fsw.services.packets import large_packet_of, made_ns
from node.fsw.services.store_shares import SEND_ORDER, SHARES_BYTES
from node.fsw.services.transfer_gate import ASKED_FOR, Gate, Wanted, Window

MAX_PACKETS_PER_CYCLE = 256
MAX_REPORT_ROWS = 1024
MAX_STREAMS = 4096
"""(boot, stream) on the books: hundreds of boots of which the ground has not heard. Beyond, the oldest is given up."""
MAX_ROWS = 8000  # of verification alone: a final account has room for 8,192, settled streams among them
MAX_RETRIEVAL = 8192
"""Packets of a retrieval under way; what is beyond has to be asked for again."""
Outgoing = tuple[int, int, int, bytes]


@dataclass(slots=True)
class StoreState:
    """What a boot forgets: everything else is in non-volatile memory. `suspended`: streams of which only what is asked
    for by a range of time is sent; `priorities`: by stream, the lowest goes first (service 15 keeps what the ground
    said of both); `credit_bytes`: what the link has carried already of the packet that goes next."""

    dropped: int = 0
    credit_bytes: float = 0.0
    retransmissions: int = 0
    cursors: dict[Key, Cursor] = field(default_factory=dict)
    retrieval: deque[Wanted] = field(default_factory=deque)
    suspended: set[int] = field(default_factory=set)
    priorities: dict[int, int] = field(default_factory=dict)
    gate: Gate = field(default_factory=Gate)


class PacketStore(Stateful):
    """The store of one spacecraft; everything but the sending cursors is in non-volatile memory."""

    state: StoreState

    def __init__(self, nvm: NonVolatileMemory, boot: int, shares_bytes: Mapping[int, int] = SHARES_BYTES) -> None:
        self._nvm = nvm
        self.state = StoreState()
        self.share_bytes = dict(shares_bytes)
        self.state.priorities = {int(stream): 10 * place for place, stream in enumerate(SEND_ORDER)}
        self._boot = boot
        self._streams: dict[Key, Stream] = {}
        self._full: list[Stream] = []  # those that hold packets, in order of sending
        self._used: dict[int, int] = dict.fromkeys(shares_bytes, 0)
        self._settled: dict[int, Settled] = {}
        self.generated = 0
        self.packets = 0
        self._read_back()

    @property
    def held_bytes(self) -> int:
        """Bytes held."""
        return sum(self._used.values())

    def made(self, stream: int) -> int:
        """Packets of a stream that this boot has made."""
        return self._streams[self._boot, stream].next if (self._boot, stream) in self._streams else 0

    def append(self, stream: int, packet: bytes) -> int:
        """Number a packet and keep it. Returns how many old ones had to go for it."""
        entry = self._streams.get((self._boot, stream))
        gone = 0
        if entry is None:
            gone = self._give_up() if len(self._streams) >= MAX_STREAMS else 0
            entry = self._new(self._boot, stream)
            self._write_row(entry)
        sequence = entry.first + len(entry.packets)
        self._nvm.put(f"tm.{self._boot}.{stream}.{sequence}", packet)
        entry.packets.append(packet)
        if len(entry.packets) == 1:
            self._sort()
        entry.bytes += len(packet)
        self._used[stream] += len(packet)
        self.generated += 1
        self.packets += 1
        return gone + (self._make_room(stream) if self._used[stream] > self.share_bytes[stream] else 0)

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
        entry.cursor.next = max(entry.cursor.next, entry.first)
        entry.cursor.waited_ns = 0
        self._write_row(entry)
        if not entry.packets:
            self._sort()
            self._settle(stream)
        return released

    def take(
        self, budget_bytes: float, retransmit_after_ns: int, cycle_ns: int, window: Window | None = None
    ) -> list[Outgoing]:
        """What to send in this cycle of contact, within the link's budget; of a larger packet a part is carried. Where
        contacts are planned, only transfers begin that end within their `window`."""
        out: list[Outgoing] = []
        gate = self.state.gate
        self._want(gate.enter(window))
        if window is not None:
            window = window._replace(left_bytes=window.left_bytes + self.state.credit_bytes)
        had_bytes = budget_bytes = budget_bytes + self.state.credit_bytes
        self.state.credit_bytes = 0.0
        while self.state.retrieval and len(out) < MAX_PACKETS_PER_CYCLE:
            boot, stream, sequence = self.state.retrieval[0]
            if window is not None and not self._begins_retrieval(stream, window, had_bytes - budget_bytes):
                continue
            packet = self._packet(boot, stream, sequence)
            if packet is not None:  # else the ground has it by now, or it was dropped
                if budget_bytes < len(packet) + FRAME_BYTES:
                    self.state.credit_bytes = budget_bytes
                    return out
                budget_bytes -= len(packet) + FRAME_BYTES
                out.append((boot, stream, sequence, packet))
            self.state.retrieval.popleft()
        for entry in self._full:
            if entry.stream in self.state.suspended:
                continue
            cursor = entry.cursor
            if cursor.next > entry.first:
                cursor.waited_ns += cycle_ns
                if cursor.waited_ns >= retransmit_after_ns:
                    self.state.retransmissions += cursor.next - entry.first
                    cursor.next, cursor.waited_ns = entry.first, 0
            packets, offset = entry.packets, cursor.next - entry.first
            gated = window if entry.stream == Service.LARGE_TRANSFER else None
            while offset < len(packets) and len(out) < MAX_PACKETS_PER_CYCLE:
                packet = packets[offset]
                if gated is not None and not self._begins(entry, offset, gated, had_bytes - budget_bytes):
                    break
                if budget_bytes < len(packet) + FRAME_BYTES:
                    self.state.credit_bytes = budget_bytes
                    return out
                budget_bytes -= len(packet) + FRAME_BYTES
                out.append((entry.boot, entry.stream, cursor.next, packet))
                cursor.next += 1
                offset += 1
        return out

    def _packet(self, boot: int, stream: int, sequence: int) -> bytes | None:
        entry = self._streams.get((boot, stream))
        return None if entry is None or sequence < entry.first else entry.packets[sequence - entry.first]

    def _begins(self, entry: Stream, offset: int, window: Window, spent_bytes: float) -> bool:
        """Whether the large packet that this one is a part of goes in this contact."""
        number, key = large_packet_of(entry.packets[offset]), (entry.boot, entry.stream)
        known = True if number is None else self.state.gate.verdict(key, number)
        if number is None or known is not None:
            return bool(known)
        return self.state.gate.decide(key, number, entry.large_packet_bytes(offset, number), window, spent_bytes)

    def _begins_retrieval(self, stream: int, window: Window, spent_bytes: float) -> bool:
        """Whether what was asked for of a stream goes in this contact; what does not is parked."""
        gate, key = self.state.gate, (ASKED_FOR, stream)
        known = gate.verdict(key, 0)
        if known is None:
            found = (self._packet(*wanted) for wanted in self.state.retrieval if wanted[1] == stream)
            size = sum(len(packet) + FRAME_BYTES for packet in found if packet is not None)
            known = gate.decide(key, 0, size, window, spent_bytes)
        if not known:
            gate.parked.extend(wanted for wanted in self.state.retrieval if wanted[1] == stream)
            self.state.retrieval = deque(wanted for wanted in self.state.retrieval if wanted[1] != stream)
        return known

    def _want(self, wanted: list[Wanted]) -> None:
        if wanted:
            self.state.retrieval.extend(wanted)
            self._sort()

    def fits(self, stream: int, size: int) -> bool:
        """Whether so many bytes more still fit into a stream's share."""
        return self._used[stream] + size <= self.share_bytes[stream]

    def retrieve(self, stream: int, from_ns: int, to_ns: int) -> int:
        """Send what was made in this time before all else. Returns how many packets that are."""
        self._want(self.state.gate.reopen())
        found = [
            (entry.boot, entry.stream, entry.first + place)
            for entry in self._full
            if entry.stream == stream
            for place, packet in enumerate(entry.packets)
            if from_ns <= made_ns(packet) < to_ns
        ][: max(0, MAX_RETRIEVAL - len(self.state.retrieval))]
        self.state.retrieval.extend(found)
        self._sort()
        return len(found)

    def abort(self, stream: int) -> int:
        """Send what was asked for by a range of time no more. Returns how many packets were still to go."""
        self._want(self.state.gate.reopen())
        before = len(self.state.retrieval)
        self.state.retrieval = deque(wanted for wanted in self.state.retrieval if wanted[1] != stream)
        return before - len(self.state.retrieval)

    def asked_for(self, stream: int) -> int:
        """Packets that are still to go by a range of time."""
        gate = self.state.gate
        return sum(wanted[1] == stream for some in (self.state.retrieval, gate.parked) for wanted in some)

    def prefer(self, stream: int, priority: int) -> None:
        """The lowest goes first; of equals what came first in SEND_ORDER."""
        self.state.priorities[int(stream)] = priority
        self._sort()

    def resize(self, stream: int, size_bytes: int) -> int:
        """Another share. Returns how many of the oldest packets had to go for it."""
        self.share_bytes[int(stream)] = size_bytes
        return self._make_room(stream)

    def used_bytes(self, stream: int) -> int:
        """Bytes held of a stream."""
        return self._used[stream]

    def times_ns(self, stream: int) -> tuple[int, int, int]:
        """How many packets a stream holds, and the on-board times of its first and its last one (0 without any)."""
        held = sorted((entry for entry in self._full if entry.stream == stream), key=lambda entry: entry.boot)
        number = sum(len(entry.packets) for entry in held)
        return (number, made_ns(held[0].packets[0]), made_ns(held[-1].packets[-1])) if held else (0, 0, 0)

    def delete(self, stream: int, to_ns: int) -> int:
        """Drop what was made before this time, in each boot up to the first that was not. Returns how many went."""
        dropped = 0
        for entry in [e for e in self._full if e.stream == stream]:
            before = dropped
            while entry.packets and made_ns(entry.packets[0]) < to_ns:
                self._drop_first(entry)
                dropped += 1
            if dropped > before:
                entry.cursor.next = max(entry.cursor.next, entry.first)
                self._write_row(entry)
        if dropped:
            self.state.dropped += dropped
            self._sort()
        return dropped

    def report_rows(self) -> list[tuple[int, int, int, int]]:
        """(boot, stream, first in the store, next to be generated) of what the ground does not have to the end:
        verification first, since a report that is cut short in it settles no request."""
        rows = [(e.boot, e.stream, e.first, e.next) for e in self._streams.values() if e.acked < e.next]
        rows.sort(key=lambda row: (row[1] != Service.VERIFICATION, row))
        return rows[:MAX_REPORT_ROWS]

    def settled_rows(self) -> list[tuple[int, int]]:
        """(boot, stream): of this stream every boot below this one is settled."""
        return sorted((settled.boot, stream) for stream, settled in self._settled.items())

    def account_rows(self) -> list[tuple[int, int, int, int]]:
        """(boot, stream, generated, first on board) of everything there ever was, what is forgotten under boot 0."""
        rows = [(0, stream, settled.packets, settled.packets) for stream, settled in self._settled.items()]
        return sorted(rows + [(e.boot, e.stream, e.next, e.first) for e in self._streams.values()])

    @property
    def streams(self) -> tuple[int, int]:
        """How many (boot, stream) are on the books, and how many were settled and forgotten."""
        return len(self._streams), sum(settled.boots for settled in self._settled.values())

    def restore(self, data: bytes) -> None:
        """Take over what `save` gave; non-volatile memory must be as it was then."""
        super().restore(data)
        for key, cursor in self.state.cursors.items():
            self._streams[key].cursor = cursor
        self._sort()

    def _new(self, boot: int, stream: int, first: int = 0, acked: int = 0) -> Stream:
        key = boot, int(stream)
        entry = self._streams[key] = Stream(*key, first, acked)
        self.state.cursors[key] = entry.cursor
        return entry

    def _make_room(self, stream: int) -> int:
        """Drop the oldest packets of a stream, oldest boot first, until its share fits."""
        dropped = 0
        while self._used[stream] > self.share_bytes[stream]:
            oldest = min((e for e in self._full if e.stream == stream), key=lambda e: e.boot)
            self._drop_first(oldest)
            oldest.cursor.next = max(oldest.cursor.next, oldest.first)
            dropped += 1
            if not oldest.packets:
                self._write_row(oldest)
                self._sort()
        self.state.dropped += dropped
        return dropped

    def _drop_first(self, entry: Stream) -> None:
        packet = entry.packets.popleft()
        self._nvm.delete(f"tm.{entry.boot}.{entry.stream}.{entry.first}")
        entry.first += 1
        entry.bytes -= len(packet)
        self._used[entry.stream] -= len(packet)
        self.packets -= 1

    def _sort(self) -> None:
        self._full = [e for e in self._streams.values() if e.packets]
        order = {int(stream): (self.state.priorities[stream], place) for place, stream in enumerate(SEND_ORDER)}
        self._full.sort(key=lambda e: (order[e.stream], e.boot))
        if self.state.retrieval:
            self.state.retrieval = deque(sorted(self.state.retrieval, key=lambda wanted: order[wanted[1]]))

    def _give_up(self) -> int:
        """Drop the oldest boot's packets of a stream and settle it without the ground; verification only where the
        final account has no room: without it nobody can tell what became of a telecommand. Returns how many went."""
        old = [e for e in self._streams.values() if e.boot < self._boot]
        other = [e for e in old if e.stream != Service.VERIFICATION]
        old = old if not other and len(self._streams) >= MAX_ROWS else other
        if not old:
            return 0
        entry = min(old, key=lambda e: e.boot)
        dropped = len(entry.packets)
        while entry.packets:
            self._drop_first(entry)
        self.state.dropped += dropped
        add_given_up(self._nvm, entry.stream, entry.next - entry.acked)
        entry.acked = entry.next
        self._write_row(entry)
        self._sort()
        self._settle(entry.stream)
        return dropped

    def _settle(self, stream: int) -> None:
        """Forget what earlier boots made of a stream, up to the first that the ground does not have to the end. The
        total is written before the rows go: a row that is left over by a crash is below it, and counts no more."""
        old = [e for e in self._streams.values() if e.stream == stream and e.boot < self._boot]
        old.sort(key=lambda e: e.boot)
        gone = []
        for entry in old:
            if entry.packets or entry.acked < entry.next:
                break
            gone.append(entry)
        if not gone:
            return
        was = self._settled.get(stream, Settled())
        until = old[len(gone)].boot if len(gone) < len(old) else self._boot
        now = Settled(until, was.boots + len(gone), was.packets + sum(entry.next for entry in gone))
        self._settled[stream] = now
        self._nvm.put(f"tmsettled.{stream}", ROW.pack(*now))
        for entry in gone:
            key = entry.boot, entry.stream
            self._nvm.delete(f"tmrow.{entry.boot}.{entry.stream}")
            del self._streams[key], self.state.cursors[key]

    def _write_row(self, entry: Stream) -> None:
        self._nvm.put(f"tmrow.{entry.boot}.{entry.stream}", ROW.pack(entry.first, entry.next, entry.acked))

    def _read_back(self) -> None:
        """Rebuild the lists from non-volatile memory, after a boot."""
        for name in self._nvm.names("tmsettled."):
            settled = Settled(*ROW.unpack(self._nvm.get(name) or bytes(ROW.size)))
            self._settled[int(name.split(".")[1])] = settled
            self.generated += settled.packets
        nexts: dict[Key, int] = {}
        for name in self._nvm.names("tmrow."):
            boot, stream = (int(part) for part in name.split(".")[1:])
            if boot < self._settled.get(stream, Settled()).boot:
                self._nvm.delete(name)
                continue
            first, following, acked = ROW.unpack(self._nvm.get(name) or bytes(ROW.size))
            self._new(boot, stream, first, acked)
            nexts[(boot, stream)] = following
        held: dict[Key, list[int]] = {}
        for name in self._nvm.names("tm."):
            boot, stream, sequence = (int(part) for part in name.split(".")[1:])
            held.setdefault((boot, stream), []).append(sequence)
        for key, entry in self._streams.items():
            sequences = sorted(held.get(key, ()))
            entry.first = sequences[0] if sequences else nexts[key]
            entry.cursor.next = entry.first
            for sequence in sequences:
                packet = self._nvm.get(f"tm.{entry.boot}.{entry.stream}.{sequence}") or b""
                entry.packets.append(packet)
                entry.bytes += len(packet)
            self._used[entry.stream] += entry.bytes
            self.generated += entry.next
            self.packets += len(entry.packets)
        for stream in sorted({stream for _, stream in self._streams}):
            self._settle(stream)
        self._sort()
