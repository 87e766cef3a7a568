"""One stream of one boot in the packet store: what it holds, how far it was sent, how far the ground has it."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import NamedTuple

from node.devices.nvm import NonVolatileMemory
from node.fsw.services.packets import large_packet_of

COUNT = struct.Struct("<Q")
ROW = struct.Struct("<QQQ")
"""How a stream, or what is settled of one, stands in non-volatile memory."""
Key = tuple[int, int]
FRAME_BYTES = 64
"""What a packet costs on the link beyond its own bytes: envelope and framing, rounded up."""


@dataclass(slots=True)
class Cursor:
    """How far one (boot, stream) has been sent: the next to send, and the time in contact without progress."""

    next: int = 0
    waited_ns: int = 0


class Settled(NamedTuple):
    """Of one stream: every boot below `boot` is forgotten; of so many boots, which made so many packets."""

    boot: int = 0
    boots: int = 0
    packets: int = 0


class Stream:
    """One (boot, stream)."""

    __slots__ = ("acked", "boot", "bytes", "cursor", "first", "packets", "stream")

    def __init__(self, boot: int, stream: int, first: int = 0, acked: int = 0) -> None:
        self.boot = boot
        self.stream = stream
        self.first = first
        self.acked = acked
        self.cursor = Cursor(first)
        self.bytes = 0
        self.packets: deque[bytes] = deque()

    @property
    def next(self) -> int:
        """Number of the packet that is made next."""
        return self.first + len(self.packets)

    def large_packet_bytes(self, offset: int, number: int) -> int:
        """What is left of a large packet costs on the link, from this place on."""
        left = takewhile(lambda packet: large_packet_of(packet) == number, islice(self.packets, offset, None))
        return sum(len(packet) + FRAME_BYTES for packet in left)


def held(nvm: NonVolatileMemory, stream: int) -> list[tuple[int, int, bytes]]:
    """(boot, sequence, packet) of what a store holds of one stream, in order; whether or not flight software runs."""
    found = []
    for name in nvm.names("tm."):
        boot, of, sequence = (int(part) for part in name.split(".")[1:])
        if of == stream:
            found.append((boot, sequence, nvm.get(name) or b""))
    return sorted(found)


def given_up(nvm: NonVolatileMemory) -> dict[int, int]:
    """By stream, packets that were given up without the ground: it has none of them, or did not say so."""
    return {int(name.split(".")[1]): COUNT.unpack(nvm.get(name) or bytes(8))[0] for name in nvm.names("tmgiven.")}


def add_given_up(nvm: NonVolatileMemory, stream: int, packets: int) -> None:
    """So many more."""
    nvm.put(f"tmgiven.{stream}", COUNT.pack(given_up(nvm).get(stream, 0) + packets))
