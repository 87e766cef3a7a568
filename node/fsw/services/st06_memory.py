"""Memory management, service 6: load, dump and check raw words of the memory image, by address.

An address is a word's number; data are hexadecimal, 16 digits a word, the most significant first. What is loaded acts
at once and until the next reboot: non-volatile memory is not touched. A range that is not inside the image is refused.
"""

from __future__ import annotations

from bus.large_packets import UPLINK_BYTES, checksum
from bus.pus import Code, Service
from node.fsw.component import Arg, Component, Failure, OnBoard, Report, Stateless, Words, telecommand
from node.fsw.services.st11_scheduling import CAPACITY
from node.fsw.services.st13_large_transfer import LargeTransfer
from node.fsw.services.st15_storage import Storage
from node.fsw.services.st19_event_action import IMAGE_ACTIONS

WORD_BYTES = 8
WORD_BY_WORD = 64
"""A dump of so many words is a packet a word; a larger one is a large packet."""


def image_words(words: Words) -> int:
    """How many words the image has: parameters, mode, schedule, monitors, actions."""
    return len(words.parameters) + 1 + 2 * CAPACITY + 4 * len(words.monitors) + IMAGE_ACTIONS


_ADDRESS = Arg("address", "int", "number of the first word", low=0, high=lambda words: image_words(words) - 1)
_LENGTH = Arg("length", "int", "how many words", low=1, high=image_words)


class MemoryAccess(Component):
    """Raw access; whoever uses it knows what lies where (`parameter.get` and `parameter.set` do it by name)."""

    name = "memory_access"
    state: Stateless

    DUMP = Report(
        1006, "memory_dump", Service.MEMORY, 6,
        (
            Arg("dumped_address", "int", "Number of the word"),
            Arg("dumped_high", "int", "Its upper 32 bits"),
            Arg("dumped_low", "int", "Its lower 32 bits"),
            Arg("dumped_check", "int", "Its check bits"),
        ),
    )  # fmt: skip
    CHECKED = Report(
        1010, "memory_check", Service.MEMORY, 10,
        (
            Arg("checked_address", "int", "Number of the first word"),
            Arg("checked_length", "int", "How many words"),
            Arg("checked_crc", "int", "CRC-16 of their bytes, the most significant first"),
        ),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, storage: Storage, transfer: LargeTransfer) -> None:
        super().__init__(on_board, Stateless())
        self._storage = storage
        self._transfer = transfer
        transfer.load = self.write

    @telecommand(
        "memory.load", Service.MEMORY, 2, "Load words into the memory image, until the next reboot", _ADDRESS,
        Arg("crc", "int", "CRC-16 (CCITT, preset to ones) of the data's bytes", low=0, high=0xFFFF),
        Arg("data", "hex", "the words, 16 hexadecimal digits each", low=WORD_BYTES, high=UPLINK_BYTES),
        hazardous=True, spans=("address", "data"),
    )  # fmt: skip
    def load(self, address: int, crc: int, data: str) -> Failure:
        """TC[6,2] load raw memory data areas."""
        content = bytes.fromhex(data)
        if checksum(content) != crc:
            return Code.WRONG_CHECKSUM, f"of what arrived: {checksum(content)}, of what was sent: {crc}"
        words = [int.from_bytes(content[at : at + WORD_BYTES], "big") for at in range(0, len(content), WORD_BYTES)]
        return self.write(address, words)

    def write(self, address: int, words: list[int]) -> Failure:
        """Put words into the image; what they belong to works with them from now on."""
        outside = self._outside(address, len(words))
        if outside is None:
            self.on_board.state.image.write(address, words)
            self.on_board.reread(range(address, address + len(words)))
        return outside

    @telecommand(
        "memory.dump", Service.MEMORY, 5, "Report words of the memory image: up to 64 a packet each, more in parts",
        _ADDRESS, _LENGTH, spans=("address", "length"),
    )  # fmt: skip
    def dump(self, address: int, length: int) -> Failure:
        """TC[6,5] dump raw memory data."""
        outside = self._outside(address, length)
        if outside is None:
            image = self.on_board.state.image
            if length > WORD_BY_WORD:
                return self._transfer.send(address, image.words[address : address + length].astype(">u8").tobytes())
            for place in range(address, address + length):
                word = int(image.words[place])
                self._storage.report(self.DUMP, place, word >> 32, word & 0xFFFFFFFF, int(image.check[place]))
        return outside

    @telecommand(
        "memory.check", Service.MEMORY, 9, "Report the checksum of a range", _ADDRESS, _LENGTH,
        spans=("address", "length"),
    )  # fmt: skip
    def check(self, address: int, length: int) -> Failure:
        """TC[6,9] check raw memory data."""
        outside = self._outside(address, length)
        if outside is None:
            words = self.on_board.state.image.words[address : address + length]
            self._storage.report(self.CHECKED, address, length, checksum(words.astype(">u8").tobytes()))
        return outside

    def _outside(self, address: int, length: int) -> Failure:
        size = len(self.on_board.state.image.words)
        if address + length <= size:
            return None
        return Code.OUTSIDE_IMAGE, f"words {address} to {address + length - 1}; the image has 0 to {size - 1}"
