"""What stands in the computer for flight software that is outside: it hands on what is read and heard, carries out what
is answered, and keeps the packets until the ground has them.

The parts that speak the house's own language are here, where a spacecraft has hardware for them: the authentication of
the uplink, the packet store with its acknowledgements, and the watchdog that a cycle without an answer does not serve.
Everything lost on the way is counted, in non-volatile memory, because a reset must not take the counts with it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from bus.dictionary import Dictionary
from bus.errors import DecodeError
from bus.pus import CODE_TEXTS, PACKETS_MADE
from bus.snapshot.pack import pack, unpack
from bus.space_packets import COUNTS, IDLE_APID, read_telemetry_packet
from bus.wire.authentication import authentic, fresh
from bus.wire.crosslink import IslFrame
from bus.wire.messages import Message, StoreReport, Telecommand, TelemetryAck
from bus.wire.outside import MAX_PACKETS, MAX_PACKETS_BYTES, SoftwareAnswer, SoftwareCycle
from node.computer import WATCHDOG_S
from node.devices.device import DeviceForm, Order, Reading
from node.devices.equipment import Equipment
from node.devices.nvm import NonVolatileMemory
from node.devices.remote import LATENCY_TICKS
from node.foreign.packets import Request, downlinked, raw, uplinked
from node.fsw.boot import BootReason, BootRecord
from node.fsw.protocol import Board, Cycle, Figures, Packet, Rows, Software
from node.fsw.services.packet_store import PacketStore
from node.fsw.services.packets import body

REPORT_EVERY_S = RETRANSMIT_AFTER_S = 10.0
"""Store reports in contact, and what the ground has not acknowledged again: as the reference does by default."""
MAX_REQUESTS = 256
"""Telecommands handed over whose reports are still known; older ones the ground has settled long ago."""
_COUNTS, _UPLINK = "foreign.counts", "foreign.uplink"
Counts = dict[str, int]


@dataclass(slots=True)
class Uplink:
    """Kept over a reset: the anti-replay window, the next sequence count, and which request has which."""

    counter: int = 0
    seen: int = 1
    next: int = 0
    requests: dict[Request, int] = field(default_factory=dict)


@dataclass(slots=True)
class Ram:
    """Of this boot. silent: cycles since the last answer; connect: which connection that came through; expected: the
    sequence count that each APID has next; report_in: cycles until the next store report."""

    silent: int = 0
    connect: int = -1
    expected: dict[int, int] = field(default_factory=dict)
    report_in: int = 0
    store: bytes = b""


def note(nvm: NonVolatileMemory, found: Counts) -> None:
    """Count what was lost, or made no sense."""
    if any(found.values()):
        counts = Counter(counters_of(nvm))
        counts.update({what: number for what, number in found.items() if number})
        nvm.put(_COUNTS, pack(dict(counts), Counts))


def counters_of(nvm: NonVolatileMemory) -> Counts:
    """All that was counted in this run."""
    kept = nvm.get(_COUNTS)
    return {} if kept is None else unpack(Counts, kept)


class ForeignSoftware(Software):
    """See the module. `apids`: whose telemetry is read; telecommands go to the first."""

    apids: ClassVar[tuple[int, ...]] = (1,)

    def __init__(self, board: Board, nvm: NonVolatileMemory, boot: BootRecord) -> None:
        self._board, self._nvm, self._boot = board, nvm, boot
        self._store = PacketStore(nvm, boot.boot)
        kept = nvm.get(_UPLINK)
        self._uplink = Uplink() if kept is None else unpack(Uplink, kept)
        self._written, self._seen = self._uplink.counter, self._uplink.seen
        self._ram = Ram()
        self._noted: Counter[str] = Counter()
        self._patience = LATENCY_TICKS + self._cycles(WATCHDOG_S)
        self._version = bytes.fromhex(board.dictionary.version)
        at = {c.name: (i, j) for i, form in enumerate(board.devices) for j, c in enumerate(form.channels)}
        self._contact, self._budget = at["radio_contact"], at["radio_downlink_budget_bytes"]
        self.outgoing: SoftwareCycle | None = None

    @staticmethod
    def declare(equipment: Equipment, devices: tuple[DeviceForm, ...]) -> Dictionary:
        """Its dictionary is the scenario's to say: of itself it says nothing."""
        return Dictionary(
            design=equipment.design, parameters=(), structures=(), events=(), telecommands=(), codes=CODE_TEXTS
        )

    def step(self, obt_ns: int, readings: Sequence[Reading], uplink: Sequence[Message]) -> Cycle:
        """Carry out what was answered; `outgoing` is what is asked next."""
        ram = self._ram
        ram.silent += 1
        orders: list[Order] = []
        for said in uplink:
            if isinstance(said.body, SoftwareAnswer):
                orders += self._answered(obt_ns, said.body)
        packets = self._heard(obt_ns, uplink)
        values = [v if math.isfinite(v) else None for reading in readings for v in reading.values.tolist()]
        ages = [float(reading.age_ticks) for reading in readings]
        self.outgoing = SoftwareCycle(
            boot=self._boot.boot, reason=self._boot.reason, obt_ns=obt_ns, values=(*values, *ages),
            telecommands=tuple(packets),
        )  # fmt: skip
        reboot = BootReason.WATCHDOG if ram.silent > self._patience else None
        self._noted["watchdog_resets"] += reboot is not None
        self._write()
        return Cycle(orders, self._downlink(readings), reboot)

    def figures(self) -> Figures:
        """Of its packets the store knows; mode and payload are its own affair."""
        made = {service: self._store.made(service) for service in PACKETS_MADE}
        return Figures(None, None, self._store.generated, self._store.packets, made)

    def account(self, uplink: Sequence[Message]) -> Rows:
        """What was on its way in the last tick is kept, too; telecommands come too late."""
        for said in uplink:
            if isinstance(said.body, SoftwareAnswer):
                self._answered(0, said.body)
        too_late = len(self._heard(0, uplink))
        self._noted["telecommands_dropped"] += too_late
        self._write()
        return self._store.account_rows()

    def save(self) -> bytes:
        """The RAM; the rest is in non-volatile memory."""
        self._ram.store = self._store.save()
        return pack(self._ram)

    def restore(self, data: bytes) -> None:
        """Take over what `save` gave."""
        self._ram = unpack(Ram, data)
        self._store.restore(self._ram.store)

    def _write(self) -> None:
        """What must survive a reset goes into non-volatile memory, once in a cycle."""
        note(self._nvm, self._noted)
        self._noted.clear()
        if self._uplink.counter != self._written or self._uplink.seen != self._seen:
            self._nvm.put(_UPLINK, pack(self._uplink))
            self._written, self._seen = self._uplink.counter, self._uplink.seen

    def _cycles(self, time_s: float) -> int:
        return -(-round(time_s * 1e9) // self._board.cycle_ns)

    def _answered(self, obt_ns: int, answer: SoftwareAnswer) -> list[Order]:
        """Keep its packets; gives its orders. What was asked of an earlier boot is answered too late."""
        if answer.boot != self._boot.boot:
            self._noted["answers_dropped"] += 1
            self._noted["packets_dropped"] += len(answer.telemetry)
            return []
        self._ram.silent = 0
        if answer.connect != self._ram.connect:
            self._ram.connect = answer.connect
            self._ram.expected.clear()  # it may have begun anew
        for packet in answer.telemetry:
            self._keep(packet, obt_ns)
        return [Order(*what.partition(".")[::2], element, value) for what, element, value in answer.orders]

    def _keep(self, packet: bytes, obt_ns: int) -> None:
        """A telemetry packet goes into the store, read or raw; what is no packet does not."""
        try:
            found = read_telemetry_packet(packet)
        except DecodeError:
            self._noted["no_packets"] += 1
            return
        if found.apid == IDLE_APID:
            self._noted["idle_packets"] += 1
            return
        expected = self._ram.expected.get(found.apid, found.sequence)
        self._noted["packets_missing"] += (found.sequence - expected) % COUNTS
        self._ram.expected[found.apid] = (found.sequence + 1) % COUNTS
        try:
            if found.apid not in self.apids:
                raise DecodeError(f"APID {found.apid} is not in the dictionary")
            stream, stored = downlinked(self._board.dictionary, found, obt_ns, self._request)
        except DecodeError:
            self._noted["not_in_the_dictionary"] += 1
            stream, stored = raw(packet, obt_ns)
        self._store.append(stream, stored)

    def _request(self, wanted: bytes) -> Request | None:
        """The request whose packet begins like this."""
        apid, count = (int.from_bytes(part, "big") for part in (wanted[:2], wanted[2:]))
        known = ((request, at) for request, at in self._uplink.requests.items() if at == count & (COUNTS - 1))
        found = next(known, None)
        return None if found is None or apid & 0x07FF != self.apids[0] else found[0]

    def _heard(self, obt_ns: int, uplink: Sequence[Message]) -> list[bytes]:
        """Acknowledgements release packets; telecommands become packets."""
        packets: list[bytes] = []
        for said in uplink:
            if isinstance(said.body, IslFrame):
                self._noted["crosslink_frames_dropped"] += 1  # no word of the protocol carries them
            if not isinstance(said.body, Telecommand | TelemetryAck):
                continue
            counter = authentic(said, self._board.telecommand_key)
            if counter < 0:
                self._noted["uplink_not_authentic"] += 1
            elif isinstance(said.body, TelemetryAck):
                self._store.acknowledge(said.body.boot, said.body.stream, said.body.below)
            else:
                self._take(said.body, counter, obt_ns, packets)
        return packets

    def _take(self, said: Telecommand, counter: int, obt_ns: int, packets: list[bytes]) -> None:
        """A telecommand, fresh or not. The same request sent again has the same sequence count again."""
        uplink = self._uplink
        window = fresh(uplink.counter, uplink.seen, counter)
        if window is None:
            self._noted["telecommands_replayed"] += 1
            return
        uplink.counter, uplink.seen = window
        request = said.ground_boot, said.request
        count = uplink.requests.get(request, uplink.next)
        try:
            if obt_ns >= said.expires_ns:
                raise DecodeError("too late")
            packet = uplinked(self._board.dictionary, said, self.apids[0], count)
            if len(packets) >= MAX_PACKETS or sum(map(len, packets)) + len(packet) > MAX_PACKETS_BYTES:
                raise DecodeError("too many in one cycle")
            packets.append(packet)
        except DecodeError:
            self._noted["telecommands_dropped"] += 1
        else:
            if request not in uplink.requests:
                uplink.next = (uplink.next + 1) % COUNTS
                uplink.requests[request] = count
                while len(uplink.requests) > MAX_REQUESTS:
                    del uplink.requests[next(iter(uplink.requests))]

    def _downlink(self, readings: Sequence[Reading]) -> list[Packet | StoreReport]:
        """In contact, what the link carries of the store."""
        contact, budget_bytes = (float(readings[i].values[j]) for i, j in (self._contact, self._budget))
        ram, cycle_ns = self._ram, self._board.cycle_ns
        if not contact:
            ram.report_in = 0
            return []
        sent: list[Packet | StoreReport] = []
        if ram.report_in <= 0:
            ram.report_in = self._cycles(REPORT_EVERY_S)
            store = self._store
            sent.append(StoreReport(rows=tuple(store.report_rows()), settled=tuple(store.settled_rows())))
        ram.report_in -= 1
        taken = self._store.take(budget_bytes, round(RETRANSMIT_AFTER_S * 1e9), cycle_ns)
        return [*sent, *(body(*each, self._version) for each in taken)]


def foreign_software(apids: tuple[int, ...]) -> type[ForeignSoftware]:
    """The class for flight software with these APIDs."""
    return type("ForeignSoftware", (ForeignSoftware,), {"apids": apids, "__module__": __name__})
