"""Holding the payload's jobs: at the ground's wish, and for a while before the payload is switched off.

A job that is held takes a checkpoint first. Which accelerators run is the payload manager's decision.
"""

from __future__ import annotations

import struct
from typing import Any

from node.devices.device import Order
from node.devices.equipment import ALL, Equipment
from node.devices.nvm import NonVolatileMemory

RUN, CHECKPOINT, HOLD = range(3)
"""Orders of the job manager on the hosts."""
_KEY = "jobs"
_HEAD = struct.Struct("<Q")


class JobManager:
    """`held`: a bit per job that the ground holds; survives a reboot. `suspended`: all are held for a shedding."""

    def __init__(self, equipment: Equipment, nvm: NonVolatileMemory, orders: list[Order]) -> None:
        self._slots = equipment.job_slots
        self._nvm = nvm
        self._orders = orders
        record = nvm.get(_KEY)
        self.held = 0 if record is None else _HEAD.unpack(record)[0]
        self.suspended = False
        self._waited = 0

    @property
    def everything_held(self) -> bool:
        """No job may run."""
        return self.suspended or self.held == (1 << self._slots) - 1

    def hold(self, job: str, *, on: bool) -> None:
        """The ground holds a job or all of them, or lets them run again."""
        mask = (1 << self._slots) - 1 if job == ALL else 1 << int(job)
        self.held = self.held | mask if on else self.held & ~mask
        self._nvm.put(_KEY, _HEAD.pack(self.held))
        self.order_all()

    def checkpoint(self, job: str) -> None:
        """One checkpoint now, of those that are not held (they have one)."""
        for slot in range(self._slots):
            if job in {ALL, str(slot)} and not self._stands(slot):
                self._orders.append(Order("jobs", "job", slot, CHECKPOINT))

    def order_all(self) -> None:
        """Tell every job what it may do."""
        for slot in range(self._slots):
            self._orders.append(Order("jobs", "job", slot, HOLD if self._stands(slot) else RUN))

    def may_switch_off(self, active: float, patience: int) -> bool:
        """Before the payload goes off: hold all jobs, and wait for their checkpoints for at most `patience` cycles."""
        if active <= 0.0 or self._waited >= patience:
            return True
        if not self.suspended:
            self.suspended = True
            self.order_all()
        self._waited += 1
        return False

    def go_on(self) -> None:
        """The payload runs (again)."""
        self._waited = 0
        if self.suspended:
            self.suspended = False
            self.order_all()

    def _stands(self, slot: int) -> bool:
        return self.suspended or bool(self.held >> slot & 1)

    def state(self) -> Any:
        """What is in RAM only."""
        return [self.suspended, self._waited]

    def load(self, state: Any) -> None:
        """Take over what `state` gave."""
        self.suspended, self._waited = state
