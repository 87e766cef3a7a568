"""Service 13: a dump that is larger than a packet comes down in parts, a load that is larger goes up in parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bus.errors import ScenarioError
from bus.large_packets import (
    MOST_BYTES,
    PART_BYTES,
    UPLINK_BYTES,
    checksum,
    downlink_parts,
    memory_load,
    to_bytes,
    to_values,
    uplink_parts,
)
from bus.pus import Code, Service, Stage
from bus.telecommand_check import check_telecommand
from bus.wire.messages import Event, Telemetry, Verification
from groundstation.archive.reader import ArchiveReader
from groundstation.telemetry.large_packets import LargePacket, joined
from node.fsw.services.st06_memory import WORD_BY_WORD
from node.fsw.software import FlightSoftware
from tests.kits.fake_spacecraft import Flight
from tests.kits.runs import TINY, fly, skyrack

HOST, LINK = 4, 3
Words = NDArray[np.uint64]


@pytest.fixture
def flight() -> Flight:
    flight = Flight(contact=True)
    flight.fly(3)
    return flight


def board(flight: Flight) -> FlightSoftware:
    software = flight.node.software
    assert software is not None
    return software


def image(flight: Flight) -> bytes:
    return board(flight).on_board.state.image.words.astype(">u8").tobytes()


def codes(flight: Flight) -> list[Code]:
    last = {v.request: Code(v.code) for v in flight.bodies(Verification) if v.stage in (Stage.REJECTED, 7, 8)}
    return [last[request] for request in sorted(last)]


def heard(flight: Flight) -> list[LargePacket]:
    return list(joined(flight.dictionary, [(t.boot, t.structure, t.values) for t in flight.bodies(Telemetry)]))


def aborted(flight: Flight) -> list[tuple[float, ...]]:
    number = next(s.id for s in flight.dictionary.structures if s.name == "upload_aborted")
    return [t.values for t in flight.bodies(Telemetry) if t.structure == number]


# ---- bytes, parts, numbers --------------------------------------------------------------------------------------


@given(st.binary(min_size=8, max_size=4 * PART_BYTES))
def test_parts_join_to_what_was_cut(data: bytes) -> None:
    parts = downlink_parts(data)
    assert len(parts) >= 2 and all(len(part) <= PART_BYTES for part in parts)
    assert b"".join(to_bytes(to_values(part)) for part in parts)[: len(data)] == data
    up = list(uplink_parts(data, 7))
    assert [name for name, _ in up] == ["transfer.first", *["transfer.part"] * (len(up) - 2), "transfer.last"]
    assert "".join(str(a["part_data"]) for _, a in up) == data.hex() and all(
        len(str(a["part_data"])) <= 2 * UPLINK_BYTES for _, a in up
    )


def test_the_checksum_is_that_of_the_standard() -> None:
    assert checksum(b"\x00\x00\x00") == 0xCC9C  # ECSS-E-ST-70-41C, annex B: compliance values


# ---- down -------------------------------------------------------------------------------------------------------


def test_a_dump_of_the_whole_image_comes_in_parts_of_the_three_subtypes(flight: Flight) -> None:
    size = len(board(flight).on_board.state.image.words)
    flight.command("memory.dump", address=0, length=size)
    flight.fly(4)
    (packet,) = heard(flight)
    assert packet.content == image(flight) and (packet.boot, packet.number, packet.address) == (1, 1, 0)
    subtypes = [s.subtype for t in flight.bodies(Telemetry) if t.stream == Service.LARGE_TRANSFER
                for s in [flight.dictionary.structure[t.structure]]]  # fmt: skip
    assert subtypes == [1, *[2] * (len(subtypes) - 2), 3] and len(subtypes) == -(-8 * size // PART_BYTES)


def test_losses_and_contacts_only_delay_it(flight: Flight) -> None:
    flight.inject(LINK, "downlink", "loss", probability=0.4)
    flight.command("memory.dump", address=10, length=300)
    words = image(flight)[80:2480]
    flight.fly(2)
    flight.point(on=False)
    flight.fly(20)
    assert not heard(flight) or heard(flight)[0].content is None
    flight.inject(HOST, "computer", "reboot")
    flight.fly(20)
    flight.point()
    flight.fly(200)
    assert [(p.content, p.missing) for p in heard(flight)] == [(words, ())]


def test_a_part_that_is_missing_is_named_and_a_wrong_one_is_not_taken(flight: Flight) -> None:
    flight.command("memory.dump", address=0, length=400)
    flight.fly(4)
    rows = [(t.boot, t.structure, t.values) for t in flight.bodies(Telemetry) if t.stream == Service.LARGE_TRANSFER]
    (packet,) = joined(flight.dictionary, [row for place, row in enumerate(rows) if place != 1])
    assert packet.content is None and packet.missing == (2,)
    boot, structure, values = rows[1]
    (packet,) = joined(flight.dictionary, [rows[0], (boot, structure, (*values[:-1], values[-1] + 1.0)), *rows[2:]])
    assert packet.content is None and packet.missing == ()
    assert (
        list(joined(flight.dictionary, [(1, structure, values[:3]), (1, structure, (9.0, 8.0, 2.0, *values[3:]))]))
        == []
    )


def test_an_abort_drops_what_was_not_heard_and_the_ground_is_told(flight: Flight) -> None:
    flight.acknowledge = False
    flight.point(rate_bps=8000.0)
    flight.command("memory.dump", address=0, length=500)
    flight.fly(2)
    flight.command("transfer.abort")
    flight.fly(5)
    assert board(flight).storage.store.used_bytes(Service.LARGE_TRANSFER) == 0
    assert flight.bodies(Verification)[-1].detail.endswith("parts") and codes(flight) == [Code.NONE, Code.NONE]
    assert board(flight).storage.store.state.dropped >= 3


def test_what_the_store_has_no_room_for_is_refused_whole(flight: Flight) -> None:
    flight.point(on=False)
    transfer, sent = board(flight).large_transfer, 0
    while transfer.send(0, bytes(MOST_BYTES // 8))[0] is Code.NONE:  # type: ignore[index]
        sent += 1
    assert sent > 4 and board(flight).storage.store.state.dropped == 0
    assert transfer.send(0, bytes(MOST_BYTES + 1))[0] is Code.FULL  # type: ignore[index]


# ---- up ---------------------------------------------------------------------------------------------------------


def load(flight: Flight, words: Words, address: int = 0, transaction: int = 1) -> list[tuple[str, dict[str, Any]]]:
    data = memory_load(address, words.astype(">u8").tobytes())
    return [(name, dict(arguments)) for name, arguments in uplink_parts(data, transaction)]


def patch(flight: Flight) -> Words:
    words = board(flight).on_board.state.image.words.copy()
    words[-200:-100] = 0x0123456789ABCDEF  # behind the last action: nobody works with these
    return words[-250:-50]


def test_a_load_in_parts_is_carried_out_when_all_are_there_in_any_order(flight: Flight) -> None:
    words, start = patch(flight), len(image(flight)) // 8 - 250
    parts = load(flight, words, start)
    assert len(parts) > 10
    order = [parts[0], *reversed(parts[1:-1]), parts[-1]]
    late = order.pop(3)
    for name, arguments in (*order, late):
        flight.command(name, **arguments)
        flight.fly(1)
        before = board(flight).large_transfer.state.uploads_carried_out
        assert before == 0 or (name, arguments) == late
    flight.fly(2)
    assert set(codes(flight)) == {Code.NONE} and board(flight).large_transfer.state.uploads_carried_out == 1
    assert image(flight)[8 * start : 8 * start + 1600] == words.astype(">u8").tobytes()
    flight.command("memory.check", address=start, length=200)
    flight.fly(2)
    crc = [t.values for t in flight.bodies(Telemetry) if t.stream == Service.MEMORY][-1][2]
    assert crc == checksum(words.astype(">u8").tobytes())


def test_what_is_wrong_gives_an_upload_up_and_changes_nothing(flight: Flight) -> None:
    words, before = patch(flight), image(flight)
    good = load(flight, words, 0, 1)
    spoilt = load(flight, words, 0, 2)
    spoilt[1][1]["part_data"] = "00" * UPLINK_BYTES
    outside = load(flight, words, len(before) // 8 - 10, 3)
    twice = [*load(flight, words, 0, 4)[:2], load(flight, words, 0, 4)[1]]
    for name, arguments in (*spoilt, *outside, *twice, good[1], ("transfer.first", good[1][1])):
        flight.command(name, **arguments)
        flight.fly(1)
    flight.fly(2)
    failed = [code for code in codes(flight) if code is not Code.NONE]
    assert failed == [
        Code.WRONG_CHECKSUM, Code.OUTSIDE_IMAGE, Code.WRONG_ARGUMENT, Code.NO_SUCH_ENTRY, Code.WRONG_ARGUMENT,
    ]  # fmt: skip
    assert [(number, reason) for number, reason, _ in aborted(flight)] == [(2, 1), (3, 3), (4, 2)]
    assert image(flight) == before and not board(flight).large_transfer.state.uploads
    assert len([e for e in flight.bodies(Event) if e.event == 93]) == 3


def test_uploads_are_bounded_in_number_and_time_and_forgotten_by_a_boot(flight: Flight) -> None:
    flight.command("parameter.set", parameter="transfer.timeout_s", value=20.0)
    for number in range(5):
        name, arguments = load(flight, patch(flight), 0, number)[0]
        flight.command(name, **arguments)
        flight.fly(1)
    flight.fly(1)
    assert codes(flight)[-1] is Code.FULL
    saved = board(flight).save()
    board(flight).restore(saved)
    assert len(board(flight).large_transfer.state.uploads) == 4
    flight.fly(25)
    assert [reason for _, reason, _ in aborted(flight)] == [0] * 4
    name, arguments = load(flight, patch(flight), 0, 9)[0]
    flight.command(name, **arguments)
    flight.fly(2)
    flight.inject(HOST, "computer", "reboot")
    flight.fly(10)
    assert not board(flight).large_transfer.state.uploads


@pytest.mark.parametrize(
    ("name", "field", "digits"),
    [
        ("transfer.first", "part_data", "zz"), ("transfer.first", "part_data", "0"),
        ("transfer.first", "part_data", ""), ("transfer.first", "part_data", "00 11"),
        ("memory.load", "data", "00" * 7), ("memory.load", "data", "0x" + "0" * 14),
    ],
)  # fmt: skip
def test_what_is_no_bytes_is_refused_on_the_ground_and_on_board(
    flight: Flight, name: str, field: str, digits: str
) -> None:
    given = {"address": 0, "crc": 0} if name == "memory.load" else {"transaction": 1, "part": 1}
    with pytest.raises(ScenarioError) as caught:
        check_telecommand(flight.dictionary, name, {**given, field: digits})
    assert [mistake.field for mistake in caught.value.mistakes] == [f"arguments.{field}"]
    assert "hexadecimal digits" in caught.value.mistakes[0].allowed
    flight.command(name, **given, **{field: digits})
    flight.fly(2)
    assert codes(flight) == [Code.WRONG_ARGUMENT]


# ---- a range outside the image -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("memory.dump", {"address": 10**6, "length": 1}, "arguments.address"),
        ("memory.dump", {"address": -1, "length": 2}, "arguments.length"),
        ("memory.check", {"address": -2, "length": 3}, "arguments.length"),
        ("memory.load", {"address": -1, "data": "0" * 32, "crc": 0}, "arguments.data"),
    ],
)
def test_the_ground_refuses_a_range_that_is_not_inside(
    flight: Flight, name: str, arguments: dict[str, object], field: str
) -> None:
    size = len(board(flight).on_board.state.image.words)
    if int(str(arguments["address"])) < 0:
        arguments = arguments | {"address": size + int(str(arguments["address"]))}  # counted from the end
    with pytest.raises(ScenarioError) as caught:
        check_telecommand(flight.dictionary, name, arguments)  # type: ignore[arg-type]
    assert [mistake.field for mistake in caught.value.mistakes] == [field]
    assert str(size - 1) in caught.value.mistakes[0].allowed
    fits = (
        arguments | {"address": size - 4, "length": 4} if "length" in arguments else arguments | {"address": size - 2}
    )
    assert check_telecommand(flight.dictionary, name, fits)  # type: ignore[arg-type]
    assert size > WORD_BY_WORD


def test_it_is_joined_from_the_archive_of_a_run(tmp_path: Path) -> None:
    scenario = tmp_path / "dump.yaml"
    dump = "{to: sc-1, name: memory.dump, arguments: {address: 0, length: 500}}"
    scenario.write_text(f"{TINY}timeline:\n  - {{at: 5 s, telecommand: {dump}}}\n")
    fly(tmp_path / "out", scenario, "--in-process")
    told = skyrack("archive", "dumps", tmp_path / "out", "sc-1", "--write", tmp_path / "dump.bin", "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == [
        {"boot": 1, "number": 1, "address": 0, "bytes": 4000, "complete": True, "missing": []}
    ]
    content = (tmp_path / "dump.bin").read_bytes()
    parameters = ArchiveReader(tmp_path / "out" / "archive.sqlite").dictionary("sc-1").on_board_parameters
    assert np.frombuffer(content, dtype=">f8")[: len(parameters)].tolist() == [p.default for p in parameters]
