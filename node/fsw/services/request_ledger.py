"""The telecommand ledger: which requests were seen and how far they came, in non-volatile memory before any effect.

A request (ground boot, number) executes at most once, over reboots and retransmissions. The ledger is bounded: below a
floor everything counts as seen, so forgetting can refuse a telecommand, never repeat one.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from node.devices.nvm import NonVolatileMemory

WINDOW = 512
"""Requests remembered one by one per ground boot."""
GROUND_BOOTS = 16
"""Ground boots remembered."""
_FLOOR = struct.Struct("<Q")


class Progress(IntEnum):
    """How far a request has come."""

    ACCEPTED = 1
    STARTED = 2
    DONE = 3


class Ledger:
    """What was seen, read back from non-volatile memory at every boot."""

    def __init__(self, nvm: NonVolatileMemory) -> None:
        self._nvm = nvm
        self._seen: dict[int, dict[int, int]] = {}
        self._floor: dict[int, int] = {}
        self._boot_floor = 0
        for name in nvm.names("tcfloor."):
            self._floor[int(name.split(".")[1])] = int(_FLOOR.unpack(nvm.get(name) or bytes(8))[0])
        for name in nvm.names("tc."):
            ground_boot, request = (int(part) for part in name.split(".")[1:])
            self._seen.setdefault(ground_boot, {})[request] = (nvm.get(name) or b"\x03")[0]
        floor = nvm.get("tcboots")
        if floor is not None:
            self._boot_floor = int(_FLOOR.unpack(floor)[0])

    def seen(self, ground_boot: int, request: int) -> bool:
        """Whether this request must not be executed (again)."""
        if ground_boot < self._boot_floor or request < self._floor.get(ground_boot, 0):
            return True
        return request in self._seen.get(ground_boot, ())

    def record(self, ground_boot: int, request: int, progress: Progress) -> None:
        """Write down how far a request has come."""
        requests = self._seen.setdefault(ground_boot, {})
        requests[request] = progress
        self._nvm.put(f"tc.{ground_boot}.{request}", bytes((progress,)))
        if len(requests) > WINDOW:
            self._forget(ground_boot, min(requests))
        if len(self._seen) > GROUND_BOOTS:
            self._forget_boot(min(self._seen))

    def unfinished(self) -> list[tuple[int, int, Progress]]:
        """Requests that a reset interrupted, in order."""
        return [
            (ground_boot, request, Progress(progress))
            for ground_boot, requests in sorted(self._seen.items())
            for request, progress in sorted(requests.items())
            if progress != Progress.DONE
        ]

    def _forget(self, ground_boot: int, request: int) -> None:
        del self._seen[ground_boot][request]
        self._nvm.delete(f"tc.{ground_boot}.{request}")
        self._floor[ground_boot] = request + 1
        self._nvm.put(f"tcfloor.{ground_boot}", _FLOOR.pack(request + 1))

    def _forget_boot(self, ground_boot: int) -> None:
        for request in sorted(self._seen.pop(ground_boot)):
            self._nvm.delete(f"tc.{ground_boot}.{request}")
        self._floor.pop(ground_boot, None)
        self._nvm.delete(f"tcfloor.{ground_boot}")
        self._boot_floor = ground_boot + 1
        self._nvm.put("tcboots", _FLOOR.pack(ground_boot + 1))
