"""When a packet was made, in mission time. The stamp on a packet is the clock's on board, and that clock can be wrong.

Truth samples count, tick by tick, the packets of each service that flight software has made in its present boot. A
packet with sequence number n was made in the tick in which that count passed n. Where no sample says so, nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bus.pus import PACKETS_MADE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class PacketTimes:
    """Mission times of the packets of all spacecraft, from their truth samples."""

    def __init__(self, signals: Mapping[tuple[str, str], Floats], tick_ns: int) -> None:
        self._signals = signals
        self._tick_ns = tick_ns
        self._boots: dict[tuple[str, int, int], tuple[NDArray[np.intp], Floats]] = {}

    def made_s(self, spacecraft: str, boot: int, service: int, sequence: int) -> float | None:
        """The end of the tick in which this packet was made; None where it is not known."""
        boots = self._signals.get((spacecraft, "boot_count"))
        if boots is None or (spacecraft, PACKETS_MADE.get(service, "")) not in self._signals:
            return None
        ticks, counts = self._of_boot(spacecraft, boot, service)
        place = int(np.searchsorted(counts, sequence, side="right"))
        if place == counts.size:
            return None
        tick = int(ticks[place])
        if tick and np.isnan(boots[tick - 1]):
            return None  # no sample just before: it may be older
        return (tick + 1) * self._tick_ns / 1e9

    def _of_boot(self, spacecraft: str, boot: int, service: int) -> tuple[NDArray[np.intp], Floats]:
        """The ticks of a boot that were sampled, and the count at the end of each. None where it does not count."""
        key = (spacecraft, boot, service)
        if key not in self._boots:
            counts = self._signals[spacecraft, PACKETS_MADE[service]]
            ticks = np.flatnonzero((self._signals[spacecraft, "boot_count"] == boot) & ~np.isnan(counts))
            self._boots[key] = (ticks, counts[ticks])
        return self._boots[key]
