"""The on-board computer as hardware: it boots, hangs, is reset by its watchdog, loses power, crashes.

Flight software is what it holds in RAM, whosever it is. Whatever ends it drops the RAM and nothing else: non-volatile
memory stays, the plant flies on. Time is counted in ticks here, by the range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bus.snapshot.pack import Stateful
from bus.wire.messages import Message
from node.devices.device import Reading
from node.devices.nvm import NonVolatileMemory
from node.fsw.boot import BootReason, BootRecord
from node.fsw.protocol import Cycle, Figures, Rows, Software
from node.harness import Caught, Harness, Stopped

BOOT_S = 5.0
"""From a reset to the first cycle [A]; space computers take seconds to a minute."""
WATCHDOG_S = 60.0
"""A computer that no longer serves its watchdog is reset: windows of 1 ... 60 s are the custom."""


@dataclass(slots=True)
class State:
    """RAM while flight software runs, and what the hardware remembers. `hung_since`: a tick, -1 for none.
    `caught`: what the range has counted of flight software."""

    ram: bytes | None = None
    crash_at: int = 0
    up_at_tick: int = 0
    hung_since: int = -1
    reason: BootReason = BootReason.FIRST_START
    caught: Caught = field(default_factory=Caught)


class Computer(Stateful):
    """Holds flight software while it runs, and knows when it comes back while it does not."""

    state: State

    def __init__(self, harness: Harness, nvm: NonVolatileMemory, cycle_ns: int) -> None:
        self._harness = harness
        self._nvm = nvm
        self._boot_ticks = -(-round(BOOT_S * 1e9) // cycle_ns)
        self._watchdog_ticks = -(-round(WATCHDOG_S * 1e9) // cycle_ns)
        self.fsw: Software | None = None
        self.boot_count = 0
        self.state = State()
        harness.caught = self.state.caught

    def heard_by(self, say: Callable[[str], None]) -> None:
        """Who is told what flight software did wrong; nobody until this is called."""
        self._harness.say = say

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
        if self.fsw is not None:
            self._harness.tell(self.fsw, "arm", point)

    def hang(self, tick: int) -> None:
        """Flight software stops where it is; the watchdog or the end of the fault resets it."""
        if self.fsw is not None and not self.hung:
            self.state.hung_since = tick

    def up(self, tick: int) -> bool:
        """Flight software runs, or begins to in this tick."""
        return not self.hung and (self.fsw is not None or tick >= self.state.up_at_tick)

    def running(self, tick: int, obt_ns: int) -> bool:
        """Whether flight software has a cycle in this tick, booted first where that is due."""
        if self.state.hung_since >= 0 and tick - self.state.hung_since >= self._watchdog_ticks:
            self.reset(tick, BootReason.WATCHDOG)
        if self.state.hung_since >= 0:
            return False
        if self.fsw is None and tick >= self.state.up_at_tick:
            record = BootRecord.begin(self._nvm, self.state.reason)
            self.boot_count = record.boot
            try:
                fsw = self._harness.build(self._nvm, record)
                self._harness.start(fsw, obt_ns)
            except Stopped:
                self.reset(tick, BootReason.CRASH)
                return False
            self.fsw = fsw
            if self.state.crash_at:
                self._harness.tell(fsw, "arm", self.state.crash_at)
        return self.fsw is not None

    def step(
        self, tick: int, obt_ns: int, readings: Sequence[Reading], uplink: Sequence[Message], budget_bytes: float
    ) -> tuple[Cycle | None, Figures]:
        """The cycle of flight software that is running, None where it crashed in it, and what it says of itself."""
        fsw, harness = self.fsw, self._harness
        assert fsw is not None
        try:
            cycle = harness.step(fsw, obt_ns, readings, uplink, budget_bytes)
        except Stopped:
            self.state.crash_at = 0
            self.reset(tick, BootReason.CRASH)
            return None, harness.figures(fsw)
        if cycle.reboot is not None:
            self.reset(tick, cycle.reboot)
        return cycle, harness.figures(fsw)

    def account(self, uplink: Sequence[Message]) -> Rows:
        """What became of every packet, at the end of the run."""
        return self._harness.account(self.fsw, self._nvm, BootRecord.read(self._nvm), uplink)

    @property
    def memory_words(self) -> int:
        """Words of the memory that flight software works with and that can be upset; 0 where it has none."""
        return 0 if self.fsw is None else self._harness.memory_words(self.fsw)

    def flip(self, word: int, bit: int) -> None:
        """An upset in the memory of flight software, where it runs and has one that can be upset."""
        if self.fsw is not None:
            self._harness.tell(self.fsw, "flip", word, bit)

    def save(self) -> bytes:
        """With the RAM."""
        self.state.ram = None if self.fsw is None else self._harness.save(self.fsw)
        return super().save()

    def restore(self, data: bytes) -> None:
        """Non-volatile memory must have been loaded before."""
        super().restore(data)
        self._harness.caught = self.state.caught
        record = BootRecord.read(self._nvm)
        self.boot_count = record.boot
        self.fsw = None if self.state.ram is None else self._harness.restore(self._nvm, record, self.state.ram)
