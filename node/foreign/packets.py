"""Space packets of foreign flight software, by its dictionary: telecommands for it, and its telemetry as the packet
store keeps it. The data fields have the dictionary's binary form.

Where several structures share a service and a subtype, and in service 3, a report begins with its structure's number in
2 bytes; an event report begins with the event's. A verification report begins with the request's id, failures go on
with a code in 2 bytes and a text.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

import numpy as np

from bus.binary import form_of, read_report, telecommand_data
from bus.dictionary import Dictionary, Structure
from bus.errors import DecodeError
from bus.pus import Service, Severity, Stage
from bus.space_packets import REQUEST_ID_BYTES, Packet, ns_of, telecommand_packet
from bus.wire.messages import Telecommand
from node.fsw.services.packets import event_packet, values_packet, verification_packet
from node.fsw.services.store_shares import SHARES_BYTES

RAW_STRUCTURE = 65_535
"""Number of the structure in which a packet goes down that the dictionary does not have: its length in bytes, then the
bytes, six to a number, big-endian, the last filled up with zeros. No dictionary has it, so nobody decodes it."""
RAW_BYTES = 6
"""In a number: what a float holds exactly."""
_NUMBER = struct.Struct(">H")
_FAILURES = frozenset({Stage.REJECTED, Stage.START_FAILED, Stage.PROGRESS_FAILED, Stage.FAILED})
Request = tuple[int, int]
"""Boot of the ground, and number."""
Stored = tuple[int, bytes]
"""Stream of the packet store, and what it keeps."""


def uplinked(words: Dictionary, said: Telecommand, apid: int, count: int) -> bytes:
    """The packet of a telecommand. Raises DecodeError where this dictionary has none, or not with these arguments."""
    form = words.telecommand.get(said.name)
    if form is None or said.dictionary != words.version:
        raise DecodeError(f"telecommand {said.name} is not in this dictionary")
    try:
        data = telecommand_data(words, form, said.arguments)
    except (KeyError, ValueError, struct.error) as error:
        raise DecodeError(f"telecommand {said.name} with arguments that have no binary form") from error
    return telecommand_packet(Packet(apid, count, form.service, form.subtype, data))


def downlinked(words: Dictionary, packet: Packet, obt_ns: int, asked: Callable[[bytes], Request | None]) -> Stored:
    """A telemetry packet for the store. `asked`: the request of an id. Raises DecodeError for what the dictionary does
    not have."""
    made_ns = ns_of(packet.time, obt_ns)
    if packet.service == Service.VERIFICATION:
        return packet.service, _verification(packet, made_ns, asked)
    if packet.service == Service.EVENT:
        return packet.service, _event(words, packet, made_ns)
    structure, data = _structure(words, packet)
    values = _numbers(read_report(words, structure, data))
    return stream_of(packet.service), values_packet(made_ns, structure.id, np.array(values))


def raw(packet: bytes, obt_ns: int) -> Stored:
    """A packet that nobody here can read, for the store: byte by byte."""
    padded = packet + bytes(-len(packet) % RAW_BYTES)
    words = [int.from_bytes(padded[at : at + RAW_BYTES], "big") for at in range(0, len(padded), RAW_BYTES)]
    return Service.HOUSEKEEPING, values_packet(obt_ns, RAW_STRUCTURE, np.array([len(packet), *words], dtype=np.float64))


def stream_of(service: int) -> int:
    """Where the packets of a service are numbered: the store has no share for one of the mission's own."""
    return service if service in SHARES_BYTES else Service.HOUSEKEEPING


def is_numbered(words: Dictionary, structure: Structure) -> bool:
    """Whether a report begins with its structure's number: its service and subtype alone do not say which it is."""
    alike = (1 for s in words.structures if (s.service, s.subtype) == (structure.service, structure.subtype))
    return structure.service == Service.HOUSEKEEPING or sum(alike) > 1


def _structure(words: Dictionary, packet: Packet) -> tuple[Structure, bytes]:
    alike = [s for s in words.structures if (s.service, s.subtype) == (packet.service, packet.subtype)]
    if not alike:
        raise DecodeError(f"no structure has service {packet.service}, subtype {packet.subtype}")
    if not is_numbered(words, alike[0]):
        return alike[0], packet.data
    number, data = _numbered(packet.data)
    for structure in alike:
        if structure.id == number:
            return structure, data
    raise DecodeError(f"no structure of service {packet.service}, subtype {packet.subtype} has the number {number}")


def _event(words: Dictionary, packet: Packet, made_ns: int) -> bytes:
    number, data = _numbered(packet.data)
    event = words.event.get(number)
    if event is None or packet.subtype not in set(Severity):
        raise DecodeError(f"no event has the number {number}, severity {packet.subtype}")
    try:
        values = form_of(event.arguments).unpack(data)
    except (KeyError, struct.error) as error:
        raise DecodeError(f"{len(data)} bytes of arguments of event {event.name}") from error
    return event_packet(made_ns, number, packet.subtype, _numbers(tuple(map(float, values))))


def _verification(packet: Packet, made_ns: int, asked: Callable[[bytes], Request | None]) -> bytes:
    request, rest = asked(packet.data[:REQUEST_ID_BYTES]), packet.data[REQUEST_ID_BYTES:]
    if packet.subtype not in set(Stage) or request is None:
        raise DecodeError("a verification report on no telecommand that was handed over lately")
    code, detail = 0, ""
    if packet.subtype in _FAILURES:
        code, text = _numbered(rest)
        detail = text.decode(errors="replace")
    elif packet.subtype == Stage.PROGRESS and rest:
        detail = f"step {int.from_bytes(rest[:8], 'big')}"
    return verification_packet(made_ns, request, packet.subtype, code, detail)


def _numbered(data: bytes) -> tuple[int, bytes]:
    if len(data) < _NUMBER.size:
        raise DecodeError(f"{len(data)} bytes, and no number in them")
    return _NUMBER.unpack_from(data)[0], data[_NUMBER.size :]


def _numbers(values: tuple[float, ...]) -> tuple[float, ...]:
    if not all(map(math.isfinite, values)):
        raise DecodeError("a value that is no finite number")
    return values
