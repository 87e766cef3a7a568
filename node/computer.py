"""The on-board computer as hardware: it boots, hangs, is reset by its watchdog, loses power, crashes.

Flight software is what it holds in RAM. Whatever ends it drops the RAM and nothing else: non-volatile memory stays, the
plant flies on. Time is counted in ticks here, by the range.
"""

from __future__ import annotations

from dataclasses import dataclass

from bus.snapshot.pack import Stateful
from node.devices.nvm import NonVolatileMemory
from node.fsw.boot import BootReason, BootRecord
from node.fsw.software import FlightSoftware, SoftwareConfig

BOOT_S = 5.0
"""From a reset to the first cycle [A]; space computers take seconds to a minute."""
WATCHDOG_S = 60.0
"""A computer that no longer serves its watchdog is reset: windows of 1 ... 60 s are the custom."""


@dataclass(slots=True)
class State:
    """RAM while flight software runs, and what the hardware remembers. `hung_since`: a tick, -1 for none."""

    ram: bytes | None = None
    crash_at: int = 0
    up_at_tick: int = 0
    hung_since: int = -1
    reason: BootReason = BootReason.FIRST_START


class Computer(Stateful):
    """Holds flight software while it runs, and knows when it comes back while it does not."""

    state: State

    def __init__(self, config: SoftwareConfig, nvm: NonVolatileMemory) -> None:
        self._config = config
        self._nvm = nvm
        self._boot_ticks = -(-round(BOOT_S * 1e9) // config.cycle_ns)
        self._watchdog_ticks = -(-round(WATCHDOG_S * 1e9) // config.cycle_ns)
        self.fsw: FlightSoftware | None = None
        self.state = State()

    @property
    def hung(self) -> bool:
        """Flight software stands still."""
        return self.state.hung_since >= 0

    def reset(self, tick: int, reason: BootReason, down_ticks: int = 0) -> None:
        """Drop the RAM; boot after `down_ticks` without power, and the time a boot takes."""
        self.fsw = None
        self.state.hung_since = -1
        self.state.reason = reason
        self.state.up_at_tick = max(self.state.up_at_tick, tick + down_ticks + self._boot_ticks)

    def absent(self, tick: int) -> None:
        """The range has no computer for this spacecraft in this tick; it starts as soon as there is one again."""
        self.fsw = None
        self.state.hung_since = -1
        self.state.reason = BootReason.RANGE
        self.state.up_at_tick = max(self.state.up_at_tick, tick + 1)

    def arm(self, point: int) -> None:
        """Crash at this point of the next telecommand; 0 for none."""
        self.state.crash_at = point

    def hang(self, tick: int) -> None:
        """Flight software stops where it is; the watchdog or the end of the fault resets it."""
        if self.fsw is not None and not self.hung:
            self.state.hung_since = tick

    def up(self, tick: int) -> bool:
        """Flight software runs, or begins to in this tick."""
        return not self.hung and (self.fsw is not None or tick >= self.state.up_at_tick)

    def running(self, tick: int, obt_ns: int) -> FlightSoftware | None:
        """Flight software if it has a cycle in this tick, booted first where that is due."""
        if self.state.hung_since >= 0 and tick - self.state.hung_since >= self._watchdog_ticks:
            self.reset(tick, BootReason.WATCHDOG)
        if self.state.hung_since >= 0:
            return None
        if self.fsw is None and tick >= self.state.up_at_tick:
            BootRecord.begin(self._nvm, self.state.reason)
            self.fsw = FlightSoftware(self._config, self._nvm)
            self.fsw.start(obt_ns)
        if self.fsw is not None:
            self.fsw.verification.state.crash_at = self.state.crash_at
        return self.fsw

    def save(self) -> bytes:
        """With the RAM."""
        self.state.ram = None if self.fsw is None else self.fsw.save()
        return super().save()

    def restore(self, data: bytes) -> None:
        """Non-volatile memory must have been loaded before."""
        super().restore(data)
        self.fsw = None
        if self.state.ram is not None:
            self.fsw = FlightSoftware(self._config, self._nvm)
            self.fsw.restore(self.state.ram)
