"""The on-board computer as hardware: it boots, hangs, is reset by its watchdog, loses power, crashes.

Flight software is what it holds in RAM. Whatever ends it drops the RAM and nothing else: non-volatile memory stays, the
plant flies on. Time is counted in ticks here, by the range.
"""

from __future__ import annotations

from typing import Any

from node.devices.nvm import NonVolatileMemory
from node.fsw.boot import BootReason, BootRecord
from node.fsw.managers.mode import initialise
from node.fsw.modes import Mode
from node.fsw.software import FlightSoftware, SoftwareConfig

BOOT_S = 5.0
"""From a reset to the first cycle [A]; space computers take seconds to a minute."""
WATCHDOG_S = 60.0
"""A computer that no longer serves its watchdog is reset: windows of 1 ... 60 s are the custom."""


class Computer:
    """Holds flight software while it runs, and knows when it comes back while it does not."""

    def __init__(self, config: SoftwareConfig, nvm: NonVolatileMemory, initial_mode: Mode) -> None:
        self._config = config
        self._nvm = nvm
        self._boot_ticks = max(1, round(BOOT_S * 1e9 / config.cycle_ns))
        self._watchdog_ticks = max(1, round(WATCHDOG_S * 1e9 / config.cycle_ns))
        self.fsw: FlightSoftware | None = None
        self.crash_at = 0
        self._up_at_tick = 0
        self._hung_since = -1
        self._reason = BootReason.FIRST_START
        if BootRecord.read(nvm).boot == 0:
            initialise(nvm, initial_mode)

    @property
    def hung(self) -> bool:
        """Flight software stands still."""
        return self._hung_since >= 0

    def reset(self, tick: int, reason: BootReason, down_ticks: int = 0) -> None:
        """Drop the RAM; boot after `down_ticks` without power, and the time a boot takes."""
        self.fsw = None
        self._hung_since = -1
        self._reason = reason
        self._up_at_tick = max(self._up_at_tick, tick + down_ticks + self._boot_ticks)

    def absent(self, tick: int) -> None:
        """The range has no computer for this spacecraft in this tick; it starts as soon as there is one again."""
        self.fsw = None
        self._hung_since = -1
        self._reason = BootReason.RANGE
        self._up_at_tick = max(self._up_at_tick, tick + 1)

    def hang(self, tick: int) -> None:
        """Flight software stops where it is; the watchdog or the end of the fault resets it."""
        if self.fsw is not None and not self.hung:
            self._hung_since = tick

    def up(self, tick: int) -> bool:
        """Flight software runs, or begins to in this tick."""
        return not self.hung and (self.fsw is not None or tick >= self._up_at_tick)

    def running(self, tick: int, obt_ns: int) -> FlightSoftware | None:
        """Flight software if it has a cycle in this tick, booted first where that is due."""
        if self._hung_since >= 0 and tick - self._hung_since >= self._watchdog_ticks:
            self.reset(tick, BootReason.WATCHDOG)
        if self._hung_since >= 0:
            return None
        if self.fsw is None and tick >= self._up_at_tick:
            BootRecord.begin(self._nvm, self._reason)
            self.fsw = FlightSoftware(self._config, self._nvm)
            self.fsw.start(obt_ns)
        if self.fsw is not None:
            self.fsw.commanding.crash_at = self.crash_at
        return self.fsw

    def state(self) -> Any:
        """RAM and what the hardware remembers."""
        ram = None if self.fsw is None else self.fsw.state()
        return [ram, self.crash_at, self._up_at_tick, self._hung_since, int(self._reason)]

    def load(self, state: Any) -> None:
        """Take over what `state` gave; non-volatile memory must have been loaded before."""
        ram, self.crash_at, self._up_at_tick, self._hung_since, reason = state
        self._reason = BootReason(reason)
        self.fsw = None
        if ram is not None:
            self.fsw = FlightSoftware(self._config, self._nvm)
            self.fsw.load(ram)
