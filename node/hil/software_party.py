"""Flight software outside: it reads what all devices measured, hears telecommands, and gives orders and telemetry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bus.scenario.outside import OutsideDevice
from bus.wire.outside import MAX_ORDERS, MAX_PACKETS, MAX_PACKETS_BYTES, Act, SoftwareAnswer, SoftwareCycle
from node.devices.device import DeviceForm
from node.hil.language import Cycle, Order, Reading, Telecommand, Telemetry, Word
from node.hil.party import Counts, Line, Party


@dataclass(slots=True)
class SoftwareCounts(Counts):
    """Of flight software, besides: `readings` are the ticks that it answered with something or nothing, in time or
    late; orders and packets that it gave; telecommands that it was given, and that came while nobody was there."""

    orders: int = 0
    packets: int = 0
    telecommands: int = 0
    unsent_telecommands: int = 0


class SoftwareParty(Party[SoftwareCycle, SoftwareCounts]):
    """See the module."""

    def __init__(self, spacecraft: str, form: DeviceForm, outside: OutsideDevice, line: Line, *, tick_ns: int) -> None:
        super().__init__(spacecraft, form, outside, line, SoftwareCounts(), tick_ns=tick_ns)
        self._boot = self._earlier_boot = 0
        self._since = self._given = -1
        self._orders: list[Act] = []
        self._packets: list[bytes] = []
        self._bytes = 0

    def _words(self, tick: int, body: SoftwareCycle) -> Sequence[Word]:
        if body.boot != self._boot:
            self._earlier_boot, self._boot, self._since = self._boot, body.boot, tick
        self.counts.telecommands += len(body.telecommands)
        values = tuple(math.nan if value is None else value for value in body.values)
        heard = [Telecommand(tick, packet) for packet in body.telecommands]
        return [Cycle(tick, body.obt_ns, body.boot, body.reason), Reading(tick, values), *heard]

    def _unheard(self, body: SoftwareCycle) -> None:
        self.counts.unsent_telecommands += len(body.telecommands)

    def _take(self, word: Word) -> bool:
        if isinstance(word, Order | Telemetry) and word.tick < self._since:
            self.counts.dropped += 1  # of a boot that is over, whose answer was very late
        elif isinstance(word, Order):
            if len(self._orders) < MAX_ORDERS:
                self._orders.append((word.what, word.element, word.value))
            else:
                self.counts.dropped += 1
        elif isinstance(word, Telemetry):
            if len(self._packets) < MAX_PACKETS and self._bytes + len(word.packet) <= MAX_PACKETS_BYTES:
                self._packets.append(word.packet)
                self._bytes += len(word.packet)
            else:
                self.counts.dropped += 1
        else:
            return False
        return True

    @property
    def _spoke(self) -> bool:
        return self._answered > self._given

    def _collected(self, tick: int) -> SoftwareAnswer | None:
        """What was said is complete with the tick that comes back; what is half said waits for that."""
        if not self._spoke:
            return None
        orders, packets = tuple(self._orders), tuple(self._packets)
        self._orders, self._packets, self._bytes = [], [], 0
        self.counts.readings += 1
        self.counts.orders += len(orders)
        self.counts.packets += len(packets)
        self.timing.aged(tick - self._answered)
        self._given = self._answered
        boot = self._boot if self._answered >= self._since else self._earlier_boot
        return SoftwareAnswer(boot=boot, connect=self.counts.connects, orders=orders, telemetry=packets)
