"""Holds the mode: asks the table, writes to non-volatile memory, then gives the orders that belong to the mode."""

from __future__ import annotations

from typing import NamedTuple

from bus.pus import Severity
from node.devices.device import Order
from node.devices.nvm import NonVolatileMemory
from node.fsw.events import EventId
from node.fsw.modes import Mode, ModeEvent, next_mode
from node.fsw.services.reporting import Counters, Reporter

SUN, NADIR, SAFE_SPIN, TUMBLE = range(4)
_KEY = "mode"
_GROUND = (ModeEvent.GROUND_LEOP, ModeEvent.GROUND_NOMINAL, ModeEvent.GROUND_SAFE, ModeEvent.GROUND_SURVIVAL)


class Profile(NamedTuple):
    """What a mode means on board."""

    attitude: int
    payload: bool


PROFILES: dict[Mode, Profile] = {
    Mode.LEOP: Profile(attitude=SUN, payload=False),
    Mode.NOMINAL: Profile(attitude=SUN, payload=True),
    Mode.SAFE: Profile(attitude=SUN, payload=False),
    Mode.SURVIVAL: Profile(attitude=SAFE_SPIN, payload=False),
}


class ModeManager:
    """The mode in force, and why it was entered."""

    def __init__(self, nvm: NonVolatileMemory, reporter: Reporter, counters: Counters, orders: list[Order]) -> None:
        self._nvm = nvm
        self._reporter = reporter
        self._counters = counters
        self._orders = orders
        self._read_back()

    def _read_back(self) -> None:
        record = self._nvm.get(_KEY)
        if record is None:
            raise ValueError("non-volatile memory holds no mode: it was never initialised")
        self.mode = Mode(record[0])
        self.cause = ModeEvent(record[1])
        self.attitude = record[2]

    def request(self, event: ModeEvent) -> bool:
        """An event that may change the mode. False where the table has no such pair: refused, counted, reported."""
        following = next_mode(self.mode, event)
        if following is None:
            self._counters.mode_events_refused += 1
            self._reporter.event(EventId.MODE_EVENT_REFUSED, self.mode, event)
            return False
        if following is not self.mode:
            before = self.mode
            self._keep(following, event, PROFILES[following].attitude)
            self.order_attitude()
            severity = Severity.INFORMATIVE if event in _GROUND else None
            self._reporter.event(EventId.MODE_CHANGED, before, following, event, severity=severity)
        return True

    def set_attitude(self, attitude: int) -> None:
        """Another attitude mode within the mode; the next mode change brings its own."""
        self._keep(self.mode, self.cause, attitude)
        self.order_attitude()

    def order_attitude(self) -> None:
        """Tell the attitude unit what is in force."""
        self._orders.append(Order("attitude", "mode", 0, self.attitude))

    def _keep(self, mode: Mode, cause: ModeEvent, attitude: int) -> None:
        self._nvm.put(_KEY, bytes((mode, cause, attitude)))
        self.mode, self.cause, self.attitude = mode, cause, attitude


def initialise(nvm: NonVolatileMemory, mode: Mode) -> None:
    """What the factory writes: the mode that the first boot finds."""
    nvm.put(_KEY, bytes((mode, ModeEvent.GROUND_SAFE, PROFILES[mode].attitude)))
