"""Packets that are larger than a message, in parts (service 13): how bytes are cut, carried as numbers, and joined.

A part of a downlink carries six bytes in each of its values, the first one highest: a whole number below 2^48 is exact
in floating point. A part of an uplink carries hexadecimal digits. Nothing is known here of what is inside.
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bus.wire.messages import Scalar

VALUE_BYTES = 6
PART_BYTES = 1_020
"""Of a downlink [A]: 170 values, a packet of some 1.4 KiB."""
UPLINK_BYTES = 128
"""Of an uplink: what the text of a telecommand holds as hexadecimal digits."""
MOST_BYTES = 256 * 1024
"""Of a large packet [A]."""
ADDRESS_BYTES = 4
"""Before the words of a load of memory: the number of the first."""
HEAD_VALUES = 6
"""Before the data of a downlink's part: number of the large packet, place, parts, bytes, CRC-16, address."""


def checksum(data: bytes) -> int:
    """CRC-16 of these bytes, as ECSS-E-ST-70-41C annex B has it: CRC-16-CCITT preset to ones."""
    return crc_hqx(data, 0xFFFF)


def to_values(data: bytes) -> list[float]:
    """Bytes as numbers, filled up with zeros."""
    padded = data + bytes(-len(data) % VALUE_BYTES)
    cut = range(0, len(padded), VALUE_BYTES)
    return [float(int.from_bytes(padded[at : at + VALUE_BYTES], "big")) for at in cut]


def to_bytes(values: Sequence[float]) -> bytes:
    """Numbers as bytes. ValueError for what is no part of anything."""
    try:
        return b"".join(int(value).to_bytes(VALUE_BYTES, "big") for value in values)
    except OverflowError as error:
        raise ValueError("a value that holds no six bytes") from error


def downlink_parts(data: bytes) -> list[bytes]:
    """The parts of a large packet, two at least."""
    size = min(PART_BYTES, -(-len(data) // 2 // VALUE_BYTES) * VALUE_BYTES or VALUE_BYTES)
    return [data[at : at + size] for at in range(0, len(data), size)]


def memory_load(address: int, words: bytes) -> bytes:
    """What a load of memory holds that goes up in parts."""
    return address.to_bytes(ADDRESS_BYTES, "big") + words


def uplink_parts(data: bytes, transaction: int) -> Iterator[tuple[str, Mapping[str, Scalar]]]:
    """The telecommands that carry a large packet up, in their order."""
    half = max(1, -(-len(data) // 2))
    size = min(UPLINK_BYTES, half)
    cut = [data[at : at + size] for at in range(0, len(data), size)]
    for place, part in enumerate(cut, start=1):
        own: dict[str, Scalar] = {"transaction": transaction, "part": place, "part_data": part.hex()}
        if place == len(cut):
            yield "transfer.last", {**own, "crc": checksum(data)}
        else:
            yield "transfer.first" if place == 1 else "transfer.part", own


@dataclass(slots=True)
class Assembly:
    """One large packet as far as it has come. size_bytes, crc: of all of it; parts: how many, 0: not known yet."""

    parts: int = 0
    size_bytes: int = 0
    crc: int = 0
    held: dict[int, bytes] = field(default_factory=dict)

    @property
    def missing(self) -> list[int]:
        """Parts that are not here, as far as it is known how many there are."""
        return [place for place in range(1, self.parts + 1) if place not in self.held]

    def joined(self) -> bytes | None:
        """All of it; None while a part is missing, or if it is not what was sent."""
        if not self.parts or self.missing:
            return None
        data = b"".join(self.held[place] for place in range(1, self.parts + 1))
        data = data[: self.size_bytes] if self.size_bytes else data
        return data if checksum(data) == self.crc else None
