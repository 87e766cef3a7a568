"""The memory image: emulated 64-bit words with eight check bits each, which correct one error and detect two (SECDED).

A Hamming code over 64 bits with an overall parity bit, as processors for space have it: check bit j covers the code
positions whose number has bit j, and data fill the positions that are no power of two. What a reading gives is worked
out when a word changes, so that reading costs nothing. No telecommand, no time and no decision here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from node.devices.device import Values

WORD_BITS = 64
CODE_BITS = 72
"""Data bits 0 to 63, check bits 64 to 70, parity bit 71."""
_POSITIONS = [position for position in range(1, CODE_BITS) if position & (position - 1)]
_DATA_BIT = {position: bit for bit, position in enumerate(_POSITIONS)}
_PARITY = 1 << 7


def _byte_code(byte: int, value: int) -> int:
    """What one byte of a word adds to its code: positions of its bits in the low bits, their parity in the high one."""
    code = 0
    for bit in range(8):
        if value >> bit & 1:
            code ^= _POSITIONS[8 * byte + bit] | _PARITY
    return code


_CODES = np.array([[_byte_code(byte, value) for value in range(256)] for byte in range(8)], dtype=np.uint8)
_ODD = np.array([value.bit_count() & 1 for value in range(128)], dtype=np.uint8)
_BYTES = np.arange(8)


def check_bits(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """The check bits that belong to these words: the Hamming code, and the parity of word and code."""
    parts = words.astype("<u8").view(np.uint8).reshape(-1, 8)
    code = np.bitwise_xor.reduce(_CODES[_BYTES, parts], axis=1)
    full: NDArray[np.uint8] = code ^ (_ODD[code & 0x7F] << 7)
    return full


def corrected(word: int, check: int) -> int | None:
    """The word that was written, where at most one of its 72 bits is wrong; None where two are. Three or more can look
    like one: then another word comes back, as in hardware."""
    own = int(check_bits(np.array([word], dtype=np.uint64))[0])
    syndrome = (own ^ check) & 0x7F
    if (word.bit_count() + check.bit_count()) & 1 == 0:
        return None if syndrome else word
    if syndrome & (syndrome - 1) == 0:
        return word  # a check bit, or the parity bit
    bit = _DATA_BIT.get(syndrome)
    return None if bit is None else word ^ 1 << bit


@dataclass(slots=True)
class Image:
    """words, check: what the memory holds. readings: what the processor gets, as floating-point numbers (`read` gives
    it as bits). edac: errors are corrected and detected. trapped: words whose reading failed and that nobody has
    answered yet. struck: words that had an upset since they were written; all others are right, so only these need a
    look. known: for whoever works something out of the readings; forgotten with every change of one."""

    words: NDArray[np.uint64]
    check: NDArray[np.uint8]
    readings: Values
    edac: bool = True
    trapped: list[int] = field(default_factory=list)
    struck: set[int] = field(default_factory=set)
    known: dict[str, float] = field(default_factory=dict, metadata={"state": False})

    @classmethod
    def of(cls, values: Sequence[float]) -> Image:
        """An image without errors."""
        readings = np.array(values, dtype=np.float64)
        words = readings.view(np.uint64).copy()
        return cls(words, check_bits(words), readings)

    def append(self, words: Sequence[int]) -> None:
        """More words behind the others."""
        more = np.array(words, dtype=np.uint64)
        self.words = np.concatenate((self.words, more))
        self.check = np.concatenate((self.check, check_bits(more)))
        self.readings = np.concatenate((self.readings, more.view(np.float64)))

    def read(self, first: int, size: int) -> list[int]:
        """What the processor gets of these words."""
        got: list[int] = self.readings.view(np.uint64)[first : first + size].tolist()
        return got

    def write(self, first: int, words: Sequence[int]) -> None:
        """Write words with their check bits."""
        last = first + len(words)
        self.words[first:last] = words
        self.check[first:last] = check_bits(self.words[first:last])
        self.readings.view(np.uint64)[first:last] = self.words[first:last]
        self.known.clear()
        if self.struck:
            self.struck.difference_update(range(first, last))

    def write_value(self, place: int, value: float) -> None:
        """Write one number."""
        self.write(place, [int(np.float64(value).view(np.uint64))])

    def flip(self, place: int, bit: int) -> None:
        """An upset of one of the 72 bits of a word."""
        if bit < WORD_BITS:
            self.words[place] ^= np.uint64(1 << bit)
        else:
            self.check[place] ^= np.uint8(1 << (bit - WORD_BITS))
        self.struck.add(place)
        self._read(place)

    def switch(self, *, edac: bool) -> list[int]:
        """Error correction on or off: readings change where there are errors. Which words have some."""
        self.edac = edac
        wrong = sorted(self.struck)
        for place in wrong:
            self._read(place)
        return wrong

    def scrub(self) -> list[int]:
        """Read all words and write back what was corrected: which these were."""
        mended = []
        for place in sorted(self.struck):
            right = int(check_bits(self.words[place : place + 1])[0]) == int(self.check[place])
            word = corrected(int(self.words[place]), int(self.check[place]))
            if right:
                self.struck.discard(place)  # the same bit was struck twice
            elif word is not None:
                self.write(place, [word])
                mended.append(place)
            elif place not in self.trapped:
                self.trapped.append(place)
        return mended

    def _read(self, place: int) -> None:
        word = int(self.words[place])
        if self.edac:
            right = corrected(word, int(self.check[place]))
            if right is not None:
                word = right
            elif place not in self.trapped:
                self.trapped.append(place)
        self.readings.view(np.uint64)[place] = word
        self.known.clear()
