"""Upsets of the on-board computer's memory: what radiation flips in the plant reaches the image that flight software
works with.

The plant says how many bits of the memory were flipped in a tick; each is one of its bits by a draw, and most of them
hold nothing of ours. The bits of one particle lie in different words, as interleaved memories have it, so a word with
two wrong bits is one that was hit twice between two scrubbings, or by a fault.
"""

from __future__ import annotations

from bus.draws import bits, stable_id
from node.computer import Computer
from node.fsw.image import CODE_BITS
from node.truth import PlantLike, place

_STREAM = stable_id("host.upsets")


class MemoryUpsets:
    """Of one spacecraft. `device`: number of its memory among what radiation strikes, None if the design has none;
    `size_bits`: how many bits that has."""

    def __init__(
        self, plant: PlantLike, device: int | None, size_bits: int, computer: Computer, who: tuple[int, str]
    ) -> None:
        self._computer = computer
        self._seed, self._spacecraft = who[0], stable_id(who[1])
        self._flipped = None if device is None else place(plant, f"upset_bits[{device}]")
        self._bits = size_bits

    def strike(self, tick: int) -> None:
        """The plant has moved on by this tick."""
        if self._flipped is None or not self._flipped[0] or self._computer.fsw is None:
            return
        size = CODE_BITS * self._computer.memory_words
        for lane in range(int(self._flipped[0])):
            address = bits(self._seed, _STREAM, self._spacecraft, tick, lane) % self._bits
            if address < size:
                self._computer.flip(address // CODE_BITS, address % CODE_BITS)
