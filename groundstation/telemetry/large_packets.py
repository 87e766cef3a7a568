"""Large packets (service 13) joined from their parts, as the archive has them: in any order, from any contact.

What is not complete, or is not what was sent, is told with the parts that are missing; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bus.dictionary import Dictionary
from bus.large_packets import HEAD_VALUES, MOST_BYTES, PART_BYTES, Assembly, to_bytes
from bus.pus import Service

PARTS = (1, 2, 3)
"""Subtypes of a downlink: first, intermediate, last part."""
MOST_PARTS = MOST_BYTES // PART_BYTES + 2


@dataclass(frozen=True, slots=True)
class LargePacket:
    """One of them. content: None while a part is missing, or if the checksum is another one."""

    boot: int
    number: int
    address: int
    size_bytes: int
    content: bytes | None
    missing: tuple[int, ...]


def joined(known: Dictionary, packets: Iterable[tuple[int, int, Sequence[float]]]) -> Iterator[LargePacket]:
    """`packets`: (boot, structure, values) of telemetry. By boot and number."""
    structures = {s.id for s in known.structures if s.service == Service.LARGE_TRANSFER and s.subtype in PARTS}
    found: dict[tuple[int, int], tuple[int, Assembly]] = {}
    for boot, structure, values in packets:
        if structure not in structures or len(values) <= HEAD_VALUES:
            continue
        number, place, parts, size_bytes, crc, address = (int(value) for value in values[:HEAD_VALUES])
        if not 1 <= place <= parts <= MOST_PARTS:
            continue
        _, assembly = found.setdefault((boot, number), (address, Assembly(parts, size_bytes, crc)))
        try:
            assembly.held[place] = to_bytes(values[HEAD_VALUES:])
        except ValueError:
            continue
    for (boot, number), (address, assembly) in sorted(found.items(), key=lambda item: item[0]):
        missing = tuple(assembly.missing)
        yield LargePacket(boot, number, address, assembly.size_bytes, assembly.joined(), missing)
