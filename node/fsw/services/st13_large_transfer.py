"""Large packets, service 13: what is larger than a packet goes down in parts, and comes up in parts.

Down: a report of memory that is too large. All its parts are in the packet store at once, so contacts, losses and
reboots are the store's matter, and the ground's acknowledgement is that of every packet. Up: the application data of
a load of memory, TC[6,2]; its parts may come in any order, and it is carried out when the last one is there. Parts of
an upload are in RAM: a boot forgets them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bus.dictionary import OnBoardParameter
from bus.large_packets import (
    ADDRESS_BYTES,
    MOST_BYTES,
    UPLINK_BYTES,
    VALUE_BYTES,
    Assembly,
    checksum,
    downlink_parts,
    to_values,
)
from bus.pus import Code, Service, Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, Report, function, telecommand, telemetered
from node.fsw.services.packets import DOWNLINK_PARTS
from node.fsw.services.st15_storage import Storage

MOST_UPLOADS = 4
"""Under way at a time [A]."""
MOST_PARTS = 512
"""Of an upload [A]: 64 KiB."""
PACKET_BYTES = 64
"""Of a part besides its data, in the store: head and six values."""
REASONS = ("timeout", "wrong_checksum", "wrong_part", "refused")
_TRANSACTION = Arg("transaction", "int", "number of the large packet, as the ground counts", low=0, high=2**31)
_PART = Arg("part", "int", "place of this part, from 1", low=1, high=MOST_PARTS)
_DATA = Arg("part_data", "hex", f"hexadecimal digits, at most {UPLINK_BYTES} bytes", low=1, high=UPLINK_BYTES)


def _part(prefix: str) -> tuple[Arg, ...]:
    return (
        Arg(f"{prefix}_transaction", "int", "Number of the large packet in this boot"),
        Arg(f"{prefix}_part", "int", "Place of this part, from 1"),
        Arg(f"{prefix}_parts", "int", "Parts that it has"),
        Arg(f"{prefix}_size_bytes", "int", "Bytes of all of it", "B"),
        Arg(f"{prefix}_crc", "int", "CRC-16 of all of it"),
        Arg(f"{prefix}_address", "int", "Number of the first word of memory that it tells"),
    )


@dataclass(slots=True)
class Upload:
    """A large packet that comes up, and when its last part came."""

    assembly: Assembly
    heard_ns: int


@dataclass(slots=True)
class State:
    """Uploads under way, by their numbers."""

    large_packets_sent: int = telemetered("int", "Large packets that were put into the store, in parts")
    uploads_carried_out: int = telemetered("int", "Large packets that came up and were carried out")
    uploads_aborted: int = telemetered("int", "Large packets that came up and were given up")
    uploads: dict[int, Upload] = field(default_factory=dict)


class LargeTransfer(Component):
    """Cuts and joins."""

    name = "large_transfer"
    state: State

    FIRST = Report(DOWNLINK_PARTS[0], "large_packet_first", Service.LARGE_TRANSFER, 1, _part("first"))
    INTERMEDIATE = Report(DOWNLINK_PARTS[1], "large_packet_part", Service.LARGE_TRANSFER, 2, _part("next"))
    LAST = Report(DOWNLINK_PARTS[2], "large_packet_last", Service.LARGE_TRANSFER, 3, _part("last"))
    ABORTED = Report(
        1316, "upload_aborted", Service.LARGE_TRANSFER, 16,
        (
            Arg("aborted_transaction", "int", "Number of the large packet that was given up"),
            Arg("aborted_reason", "enum", "Why", labels=REASONS),
            Arg("aborted_parts", "int", "Parts that had come"),
        ),
    )  # fmt: skip
    GIVEN_UP = Event(
        93, "upload_aborted", Severity.LOW, "A large packet that came up in parts was given up",
        (_TRANSACTION, Arg("reason", "enum", "why", labels=REASONS)),
    )  # fmt: skip
    TIMEOUT = OnBoardParameter(
        name="transfer.timeout_s", unit="s", description="How long the next part of an upload is waited for",
        default=43_200.0, low=10.0, high=604_800.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, storage: Storage) -> None:
        super().__init__(on_board, State())
        self._storage = storage
        self.load: Callable[[int, list[int]], Failure] = lambda address, words: None

    def send(self, address: int, data: bytes) -> Failure:
        """A report of memory from this word on, in parts."""
        parts = downlink_parts(data)
        packets = 8 * (len(data) // VALUE_BYTES + len(parts)) + PACKET_BYTES * len(parts)
        if len(data) > MOST_BYTES:
            return Code.FULL, f"{len(data)} B; a large packet has at most {MOST_BYTES} B"
        if not self._storage.store.fits(Service.LARGE_TRANSFER, packets):
            return Code.FULL, "the store of large packets has no room; it has when the ground has heard others"
        self.state.large_packets_sent += 1
        number, crc = self.state.large_packets_sent, checksum(data)
        for place, part in enumerate(parts, start=1):
            report = self.FIRST if place == 1 else self.LAST if place == len(parts) else self.INTERMEDIATE
            self._storage.report(report, number, place, len(parts), len(data), crc, address, *to_values(part))
        return Code.NONE, f"large packet {number}, {len(parts)} parts"

    @function("transfer.abort", 121, "Send no more of the large packets that wait; what has not been heard is lost")
    def abort(self) -> Failure:
        """The standard ends a downlink by itself only. Parts that the ground has not acknowledged are dropped."""
        later_ns = self.on_board.state.obt_ns + self.on_board.cycle_ns
        return Code.NONE, f"{self._storage.store.delete(Service.LARGE_TRANSFER, later_ns)} parts"

    # ---- up -----------------------------------------------------------------------------------------------------

    def cycle(self) -> None:
        """Give up what nothing comes of any more."""
        if self.state.uploads:
            now_ns, timeout_ns = self.on_board.time_ns, self.on_board.span_ns(self.TIMEOUT)
            for number, upload in list(self.state.uploads.items()):
                if now_ns - upload.heard_ns > timeout_ns:
                    self._give_up(number, "timeout")

    @telecommand(
        "transfer.first", Service.LARGE_TRANSFER, 9, "The first part of a load of memory", _TRANSACTION, _PART, _DATA,
        hazardous=True,
    )  # fmt: skip
    def first(self, transaction: int, part: int, part_data: str) -> Failure:
        """TC[13,9] uplink the first part."""
        if transaction in self.state.uploads:
            return Code.REFUSED_BY_STATE, f"large packet {transaction} has begun already"
        if part != 1:
            return Code.WRONG_ARGUMENT, f"part {part}; the first one is 1"
        if len(self.state.uploads) >= MOST_UPLOADS:
            return Code.FULL, f"{MOST_UPLOADS} large packets are under way"
        held = {1: bytes.fromhex(part_data)}
        self.state.uploads[transaction] = Upload(Assembly(held=held), self.on_board.time_ns)
        return None

    @telecommand(
        "transfer.part", Service.LARGE_TRANSFER, 10, "A further part of a load of memory", _TRANSACTION, _PART, _DATA,
        hazardous=True,
    )  # fmt: skip
    def part(self, transaction: int, part: int, part_data: str) -> Failure:
        """TC[13,10] uplink an intermediate part."""
        return self._take(transaction, part, part_data, None)

    @telecommand(
        "transfer.last", Service.LARGE_TRANSFER, 11, "The last part of a load of memory, which carries it out",
        _TRANSACTION, _PART, Arg("crc", "int", "CRC-16 of all of it", low=0, high=0xFFFF), _DATA, hazardous=True,
    )  # fmt: skip
    def last(self, transaction: int, part: int, crc: int, part_data: str) -> Failure:
        """TC[13,11] uplink the last part."""
        return self._take(transaction, part, part_data, crc)

    def _take(self, number: int, part: int, digits: str, crc: int | None) -> Failure:
        upload = self.state.uploads.get(number)
        if upload is None:
            under_way = ", ".join(map(str, self.state.uploads)) or "none"
            return Code.NO_SUCH_ENTRY, f"large packet {number}; under way: {under_way}"
        assembly = upload.assembly
        if part in assembly.held or (assembly.parts and part > assembly.parts):
            self._give_up(number, "wrong_part")
            return Code.WRONG_ARGUMENT, f"part {part} is there already, or behind the last; the upload is given up"
        assembly.held[part] = bytes.fromhex(digits)
        upload.heard_ns = self.on_board.time_ns
        if crc is not None:
            if max(assembly.held) > part:
                self._give_up(number, "wrong_part")
                return Code.WRONG_ARGUMENT, f"part {part} is not the last; the upload is given up"
            assembly.parts, assembly.crc = part, crc
        if not assembly.parts or assembly.missing:
            return None
        return self._carry_out(number, assembly)

    def _carry_out(self, number: int, assembly: Assembly) -> Failure:
        content = assembly.joined()
        if content is None:
            self._give_up(number, "wrong_checksum")
            return Code.WRONG_CHECKSUM, "of all parts together; the upload is given up"
        words = content[ADDRESS_BYTES:]
        if not words or len(words) % 8:
            self._give_up(number, "refused")
            return Code.WRONG_ARGUMENT, f"{len(words)} B of words; allowed: 8 B a word"
        address = int.from_bytes(content[:ADDRESS_BYTES], "big")
        refusal = self.load(address, [int.from_bytes(words[at : at + 8], "big") for at in range(0, len(words), 8)])
        if refusal is not None:
            self._give_up(number, "refused")
            return refusal
        del self.state.uploads[number]
        self.state.uploads_carried_out += 1
        return Code.NONE, f"{len(words) // 8} words from {address}"

    def _give_up(self, number: int, reason: str) -> None:
        """TM[13,16]."""
        upload = self.state.uploads.pop(number)
        self.state.uploads_aborted += 1
        self._storage.report(self.ABORTED, number, REASONS.index(reason), len(upload.assembly.held))
        self.event(self.GIVEN_UP, number, REASONS.index(reason))
