"""Space packets (CCSDS 133.0-B) with the headers of the packet utilisation standard (ECSS-E-ST-70-41C, 7.4): bytes of a
telecommand, and what a telemetry packet says of itself.

All big-endian. Every packet ends with the CRC-16 of the standard's annex B (CCITT polynomial 1021, all ones before).
Times are CUC (CCSDS 301.0-B) of 4 bytes of seconds since the scenario's epoch and 3 bytes of fractions, no P-field.
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from typing import NamedTuple

from bus.errors import DecodeError
from bus.pus import MAX_PACKET_BYTES

PRIMARY = struct.Struct(">HHH")
TELECOMMAND = struct.Struct(">BBBH")
TELEMETRY = struct.Struct(">BBBHH")
CHECK = struct.Struct(">H")
TIME_BYTES = 7
REQUEST_ID_BYTES = 4
"""What a verification report begins with: the first bytes of the telecommand's packet."""
PUS_VERSION = 2
ALL_ACKNOWLEDGED = 0xF
"""Acknowledgement flags: reports of acceptance, start, progress and completion are wanted."""
MAX_APID, IDLE_APID, COUNTS = 2046, 2047, 2**14
_TYPE, _SECONDARY, _WHOLE = 0x1000, 0x0800, 0xC000
_FRACTIONS = 2**24
_WRAP_NS = 2**32 * 1_000_000_000


class Packet(NamedTuple):
    """What a packet says of itself, and its data. time: seconds in units of 2^-24, of telemetry."""

    apid: int
    sequence: int
    service: int
    subtype: int
    data: bytes
    time: int = 0


def check_of(data: bytes) -> int:
    """The CRC-16 of a packet."""
    check: int = crc_hqx(data, 0xFFFF)
    return check


def telecommand_packet(packet: Packet, *, source: int = 0) -> bytes:
    """The bytes of a telecommand."""
    head = TELECOMMAND.pack(PUS_VERSION << 4 | ALL_ACKNOWLEDGED, packet.service, packet.subtype, source)
    return _framed(_TYPE, packet, head + packet.data)


def telemetry_packet(packet: Packet, *, number: int = 0) -> bytes:
    """The bytes of a telemetry packet. `number`: counts the packets of this service and subtype."""
    head = TELEMETRY.pack(PUS_VERSION << 4, packet.service, packet.subtype, number % 2**16, 0)
    return _framed(0, packet, head + packet.time.to_bytes(TIME_BYTES, "big") + packet.data)


def read_telecommand_packet(packet: bytes) -> Packet:
    """What a telecommand says. Raises DecodeError."""
    apid, count, field = _unframed(packet, _TYPE, TELECOMMAND.size)
    version, service, subtype, _ = TELECOMMAND.unpack_from(field)
    if version >> 4 != PUS_VERSION:
        raise DecodeError(f"PUS version {version >> 4}, this is version {PUS_VERSION}")
    return Packet(apid, count, service, subtype, field[TELECOMMAND.size :])


def read_telemetry_packet(packet: bytes) -> Packet:
    """What a telemetry packet says. Raises DecodeError."""
    apid, count, field = _unframed(packet, 0, TELEMETRY.size + TIME_BYTES)
    version, service, subtype, _, _ = TELEMETRY.unpack_from(field)
    if version >> 4 != PUS_VERSION:
        raise DecodeError(f"PUS version {version >> 4}, this is version {PUS_VERSION}")
    time = int.from_bytes(field[TELEMETRY.size : TELEMETRY.size + TIME_BYTES], "big")
    return Packet(apid, count, service, subtype, field[TELEMETRY.size + TIME_BYTES :], time)


def request_id(packet: bytes) -> bytes:
    """Of a telecommand's packet, what reports on it begin with."""
    return packet[:REQUEST_ID_BYTES]


def cuc_of(time_ns: int) -> int:
    """A time as packets carry it, around once in 136 years."""
    return (time_ns * _FRACTIONS // 1_000_000_000) % (1 << 8 * TIME_BYTES)


def ns_of(cuc: int, near_ns: int) -> int:
    """The time that a packet carries, of all that it could be the one nearest to this one."""
    time_ns = cuc * 1_000_000_000 // _FRACTIONS
    return time_ns + round((near_ns - time_ns) / _WRAP_NS) * _WRAP_NS


def _framed(type_: int, packet: Packet, field: bytes) -> bytes:
    size = len(field) + CHECK.size - 1
    head = PRIMARY.pack(type_ | _SECONDARY | packet.apid, _WHOLE | packet.sequence % COUNTS, size)
    return head + field + CHECK.pack(check_of(head + field))


def _unframed(packet: bytes, type_: int, least: int) -> tuple[int, int, bytes]:
    """APID, sequence count and data field without the check."""
    if not PRIMARY.size + least + CHECK.size <= len(packet) <= MAX_PACKET_BYTES:
        least_bytes = PRIMARY.size + least + CHECK.size
        raise DecodeError(f"a packet of {len(packet)} bytes; allowed: {least_bytes} to {MAX_PACKET_BYTES}")
    first, second, size = PRIMARY.unpack_from(packet)
    if size + 1 != len(packet) - PRIMARY.size:
        raise DecodeError(f"a packet length of {size}, of {len(packet)} bytes; allowed: {len(packet) - 7}")
    if first & ~0x07FF != type_ | _SECONDARY:
        raise DecodeError(f"a packet that begins with {first:04x}; allowed: version 0, the other type, with a header")
    if second & _WHOLE != _WHOLE:
        raise DecodeError("a part of a segmented packet; allowed: whole ones")
    if check_of(packet[: -CHECK.size]) != CHECK.unpack(packet[-CHECK.size :])[0]:
        raise DecodeError("a packet whose checksum does not fit")
    return first & 0x07FF, second & ~_WHOLE, packet[PRIMARY.size : -CHECK.size]
