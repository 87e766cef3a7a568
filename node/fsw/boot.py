"""The boot record in non-volatile memory: how often, why, and how often in a row without proving itself."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from node.devices.nvm import NonVolatileMemory
from node.fsw.datapool import BOOT_REASONS

_KEY = "boot"
_FORM = struct.Struct("<QBI")


class BootReason(IntEnum):
    """Why the computer starts; names as in `datapool.BOOT_REASONS`."""

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
        """The record as it stands; boot 0 where there never was one."""
        record = nvm.get(_KEY)
        return cls(0, 0, 0) if record is None else cls(*_FORM.unpack(record))

    @classmethod
    def begin(cls, nvm: NonVolatileMemory, reason: BootReason) -> BootRecord:
        """Count a boot. Done by the boot loader, before flight software runs."""
        last = cls.read(nvm)
        record = cls(last.boot + 1, reason, last.in_a_row + (reason not in INTENDED))
        nvm.put(_KEY, _FORM.pack(*record))
        return record

    def proven(self, nvm: NonVolatileMemory) -> BootRecord:
        """This boot has run long enough: the row is broken."""
        record = self._replace(in_a_row=0)
        nvm.put(_KEY, _FORM.pack(*record))
        return record


assert tuple(reason.name.lower() for reason in BootReason) == BOOT_REASONS
