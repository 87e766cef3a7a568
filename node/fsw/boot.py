"""The boot record in non-volatile memory: how often, why, and how often in a row without proving itself."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from bus.snapshot.pack import pack, unpack
from node.devices.nvm import NonVolatileMemory

KEY = "boot"
"""Of its record in non-volatile memory."""


class BootReason(IntEnum):
    """Why the computer starts."""

    FIRST_START = 0
    TELECOMMAND = 1
    RESET = 2
    WATCHDOG = 3
    POWER_LOSS = 4
    CRASH = 5
    RANGE = 6


INTENDED = (BootReason.FIRST_START, BootReason.TELECOMMAND, BootReason.RANGE)
"""Boots that do not count towards a safe mode."""


class BootRecord(NamedTuple):
    """The present boot (from 1), why it happened, and unintended boots in a row."""

    boot: int
    reason: int
    in_a_row: int

    @classmethod
    def read(cls, nvm: NonVolatileMemory) -> BootRecord:
        """The record as it stands; boot 0 where there never was one. Raises DecodeError for one of another release."""
        record = nvm.get(KEY)
        return cls(0, 0, 0) if record is None else unpack(cls, record)

    @classmethod
    def begin(cls, nvm: NonVolatileMemory, reason: BootReason) -> BootRecord:
        """Count a boot. Done by the boot loader, before flight software runs."""
        last = cls.read(nvm)
        return cls(last.boot + 1, int(reason), last.in_a_row + (reason not in INTENDED))._kept(nvm)

    def proven(self, nvm: NonVolatileMemory) -> BootRecord:
        """This boot has run long enough: the row is broken."""
        return self._replace(in_a_row=0)._kept(nvm)

    def _kept(self, nvm: NonVolatileMemory) -> BootRecord:
        nvm.put(KEY, pack(self))
        return self
