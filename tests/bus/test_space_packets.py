"""Space packets with the headers of the packet utilisation standard, against bytes that others have written."""

from __future__ import annotations

import pytest

from bus.errors import DecodeError
from bus.space_packets import (
    Packet,
    check_of,
    cuc_of,
    ns_of,
    read_telecommand_packet,
    read_telemetry_packet,
    request_id,
    telecommand_packet,
    telemetry_packet,
)

PING = bytes.fromhex("1801c00000062f1101 0000 161d")
"""TC[17,1] to APID 1, as printed in the documentation of spacepackets-py ("Examples", read 27 Nov 2026)."""


def test_a_ping_is_the_one_that_another_library_writes() -> None:
    assert telecommand_packet(Packet(1, 0, 17, 1, b"")) == PING
    assert read_telecommand_packet(PING) == Packet(1, 0, 17, 1, b"")
    assert request_id(PING) == bytes.fromhex("1801c000")


def test_the_checksum_is_the_one_of_the_standard() -> None:
    """ECSS-E-ST-70-41C annex B lists these; the last is the check value of CRC-16/CCITT-FALSE in catalogues of CRCs."""
    for data, check in ((b"\0\0", 0x1D0F), (b"\0\0\0", 0xCC9C), (b"\xab\xcd\xef\x01", 0x04A2), (b"123456789", 0x29B1)):
        assert check_of(data) == check


def test_a_telemetry_packet_comes_back_as_it_was_written() -> None:
    packet = Packet(100, 16_383, 3, 25, b"\x00\x01abc", cuc_of(3_500_000_000))
    content = telemetry_packet(packet, number=70_000)
    assert content[:4] == bytes.fromhex("0864ffff") and content[6:9] == b"\x20\x03\x19"
    assert content[13:20] == bytes.fromhex("00000003800000"), "3.5 s: coarse time, then 2^-24 s"
    assert len(content) == int.from_bytes(content[4:6], "big") + 7
    assert read_telemetry_packet(content) == packet


@pytest.mark.parametrize("time_ns", [0, 1, 10**9 - 1, 86_400 * 10**9, -5 * 10**9, 2**32 * 10**9 + 7])
def test_a_time_is_kept_to_a_60_ns_step_before_the_epoch_and_beyond_its_136_years(time_ns: int) -> None:
    assert -60 <= ns_of(cuc_of(time_ns), time_ns + 10**12) - time_ns <= 0


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (b"", "a packet of 0 bytes"),
        (telemetry_packet(Packet(1, 0, 3, 25, b""))[:-1], "a packet of 21 bytes"),
        (telemetry_packet(Packet(1, 0, 3, 25, b"ab")) + b"\0", "a packet length of 17"),
        (telecommand_packet(Packet(1, 0, 3, 25, bytes(20))), "begins with 1801"),
        (telemetry_packet(Packet(1, 0, 3, 25, bytes(9000))), "a packet of 9022 bytes"),
        (telemetry_packet(Packet(1, 0, 3, 25, b"ab"))[:-1] + b"x", "checksum"),
    ],
)
def test_what_is_no_packet_is_said(packet: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        read_telemetry_packet(packet)


def test_parts_and_other_versions_of_the_standard_are_not_taken() -> None:
    whole = telemetry_packet(Packet(1, 0, 3, 25, b"ab"))
    for place, value, why in ((2, 0x40, "segmented"), (6, 0x10, "PUS version 1, this is version 2")):
        changed = whole[:place] + bytes((value,)) + whole[place + 1 : -2]
        with pytest.raises(DecodeError, match=why):
            read_telemetry_packet(changed + check_of(changed).to_bytes(2, "big"))
