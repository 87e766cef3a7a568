"""A device outside: it feels, is ordered, measures, and says what it drives in the plant."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bus.scenario.outside import OutsideDevice
from bus.wire.outside import MAX_ACTS, Act, DeviceReading, DeviceSample
from node.devices.device import DeviceForm
from node.hil.language import Measured, Order, Reading, Sample, Word
from node.hil.party import Counts, Line, Party


class DeviceParty(Party[DeviceSample, Counts]):
    """See the module."""

    def __init__(self, spacecraft: str, form: DeviceForm, outside: OutsideDevice, line: Line, *, tick_ns: int) -> None:
        super().__init__(spacecraft, form, outside, line, Counts(), tick_ns=tick_ns)
        self._reading: Reading | None = None
        self._measured: list[Act] = []

    def _words(self, tick: int, body: DeviceSample) -> Sequence[Word]:
        values = tuple(math.nan if value is None else value for value in body.values)
        return [*(Order(tick, *order) for order in body.orders), Sample(tick, values)]

    def _unheard(self, body: DeviceSample) -> None:
        self.counts.unsent_orders += len(body.orders)

    def _take(self, word: Word) -> bool:
        if isinstance(word, Reading):
            self.counts.superseded += self._reading is not None
            self._reading = word
        elif isinstance(word, Measured):
            if len(self._measured) < MAX_ACTS:
                self._measured.append((word.what, word.element, word.value))
            else:
                self.counts.dropped += 1
        else:
            return False
        return True

    @property
    def _spoke(self) -> bool:
        return self._reading is not None

    def _collected(self, tick: int) -> DeviceReading | None:
        reading, measured = self._reading, tuple(self._measured)
        self._reading, self._measured = None, []
        if reading is None:
            return DeviceReading(device=self.device, measured=measured) if measured else None
        self.counts.readings += 1
        self.timing.aged(tick - reading.tick)
        return DeviceReading(device=self.device, tick=reading.tick, values=reading.values, measured=measured)
