"""Frames of the wire protocol: how bytes become messages again, whatever else is on the line.

A frame is 8 bytes of header, the payload, and a CRC-32 of all before it, little endian throughout:

    0  2  "SK"
    2  1  protocol version
    3  1  kind; bit 7 is set where the payload has the fixed layout
    4  2  bytes of payload
    6  2  low half of the CRC-32 of the six bytes before
    8  n  payload
  8+n  4  CRC-32 of the 8 + n bytes before

The header has a check of its own, so that a damaged length does not swallow what follows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

MAGIC = b"SK"
VERSION = 1
MAX_PAYLOAD_BYTES = 32_768
HEADER = struct.Struct("<2sBBHH")
CRC = struct.Struct("<I")
LEAST_BYTES = HEADER.size + CRC.size
MAX_FRAME_BYTES = LEAST_BYTES + MAX_PAYLOAD_BYTES
FIXED = 0x80
"""Bit of the kind."""


class Frame(NamedTuple):
    """One frame whose checks fit. `kind` without the bit, `fixed`: the bit."""

    version: int
    kind: int
    fixed: bool
    payload: bytes


def frame(kind: int, payload: bytes, *, fixed: bool) -> bytes:
    """The bytes of a frame. Raises ValueError for a payload that is too long."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a payload of {len(payload)} bytes; at most {MAX_PAYLOAD_BYTES}")
    begin = struct.pack("<2sBBH", MAGIC, VERSION, kind | (FIXED if fixed else 0), len(payload))
    covered = begin + struct.pack("<H", crc32(begin) & 0xFFFF) + payload
    return covered + CRC.pack(crc32(covered))


@dataclass(slots=True)
class Noise:
    """What was on the line and is no frame: bytes passed over, and frames whose checksum does not fit."""

    garbage_bytes: int = 0
    bad_frames: int = 0


class Splitter:
    """Cuts a stream of bytes into frames, and finds the next one after whatever is none. Holds less than one frame."""

    def __init__(self) -> None:
        self.noise = Noise()
        self._held = b""

    @property
    def held_bytes(self) -> int:
        """Of a frame that has begun."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that end in these bytes, in order."""
        found: list[Frame] = []
        buffer, at = self._held + data, 0
        while True:
            start = _begin(buffer, at)
            self.noise.garbage_bytes += start - at
            at = start
            if len(buffer) - at < HEADER.size:
                break
            _, version, kind, length, check = HEADER.unpack_from(buffer, at)
            if length > MAX_PAYLOAD_BYTES or check != crc32(buffer[at : at + 6]) & 0xFFFF:
                at = self._pass_over(at)
                continue
            end = at + LEAST_BYTES + length
            if end > len(buffer):
                break
            if CRC.unpack_from(buffer, end - CRC.size)[0] != crc32(buffer[at : end - CRC.size]):
                self.noise.bad_frames += 1
                at = self._pass_over(at)
                continue
            payload = buffer[at + HEADER.size : end - CRC.size]
            found.append(Frame(version, kind & ~FIXED, bool(kind & FIXED), payload))
            at = end
        self._held = buffer[at:]
        return found

    def forget(self) -> None:
        """What has begun will not be continued: a datagram has ended, or the line was cut."""
        self.noise.garbage_bytes += len(self._held)
        self._held = b""

    def _pass_over(self, at: int) -> int:
        self.noise.garbage_bytes += 1
        return at + 1


def _begin(buffer: bytes, at: int) -> int:
    """Where the next frame may begin: a whole magic, or its first byte at the very end."""
    found = buffer.find(MAGIC, at)
    if found >= 0:
        return found
    return len(buffer) - 1 if len(buffer) > at and buffer[-1:] == MAGIC[:1] else len(buffer)
