"""The trace: what is written comes back, a crash costs at most the last tick, and the hash sees what it should."""

from __future__ import annotations

import struct
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import DecodeError, EnvironmentFault
from bus.trace.reader import TraceReader, read_record
from bus.trace.writer import Answer, Traced, TraceHeader, TraceWriter, cpu_digest, write_record
from bus.wire.codec import encode, peek
from tests.kits.busfakes import TICK_NS, event

HEADER = TraceHeader(
    "ab" * 8,
    2**63,
    TICK_NS,
    3,
    (Traced("ground", "ground"), Traced("sat-a", "node", ("sat-b",), ("battery_soc", "mode"))),
    {"python": "3.11", "numpy": "2"},
    cpu_digest(),
)


def content(tick: int, authentication: bytes = b"", *, answered: int | None = None, truth: float = 0.5) -> bytes:
    frames = [
        encode(event("ground", to, tick * TICK_NS, seq)._replace(authentication=authentication))
        for seq, to in enumerate(["sat-a", "sat-a", "ground"])
    ]
    answers = [
        Answer("ground", tick, True, False, b"d" * 16, b"", b""),
        Answer("sat-a", tick if answered is None else answered, True, False, b"d" * 16, b"b" * 80,
               struct.pack("<2d", truth, tick)),
    ]  # fmt: skip
    return write_record(tick, tick == 3, [(peek(frame), frame) for frame in frames], answers)


def written(path: Path, ticks: int = 4) -> str:
    with TraceWriter(path, HEADER) as trace:
        for tick in range(ticks):
            trace.append(content(tick))
        trace.close(complete=True, reason="flown", mail=[b"account"])
        trace.close(complete=False, reason="again")
        return trace.trace_hash


def test_everything_comes_back(tmp_path: Path) -> None:
    hashed = written(tmp_path / "t")
    with TraceReader(tmp_path / "t") as reader:
        assert reader.header == HEADER
        assert reader.end is not None and reader.end.complete and reader.end.mail == (b"account",)
        assert reader.end.trace_hash == hashed == reader.trace_hash()
        assert reader.truncated_bytes == 0
        assert [record.tick for record in reader] == [0, 1, 2, 3] and len(reader) == 4
        assert reader.record(3).closing and not reader.record(2).closing
        assert reader.record(2) == read_record(content(2))
        assert [peek(frame).seq for frame in reader.inbox("sat-a", 2)] == [0, 1]
        assert reader.inbox("sat-b", 2) == []
        for tick in (-1, 4):
            with pytest.raises(IndexError):
                reader.record(tick)
        with pytest.raises(KeyError):
            reader.traced("sat-z")


def test_truth_is_a_matrix_by_tick_even_if_answers_were_late(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "t", HEADER) as trace:
        trace.append(content(0, answered=0))
        trace.append(content(1, answered=5))
        trace.append(content(2, answered=1))
    with TraceReader(tmp_path / "t") as reader:
        ticks, matrix = reader.truth("sat-a")
        assert ticks.tolist() == [0, 1, 5]
        assert np.array_equal(matrix, [[0.5, 0.0], [0.5, 2.0], [0.5, 1.0]])
        assert reader.truth("ground")[1].shape == (0, 0)


def test_the_hash_sees_content_and_not_authentication() -> None:
    def hashed(*contents: bytes) -> str:
        with TraceWriter(None, HEADER) as trace:
            for each in contents:
                trace.append(each)
            return trace.trace_hash

    assert hashed(content(0), content(1)) == hashed(content(0, b"key"), content(1, b"other key"))
    different = {
        hashed(content(0), content(1)), hashed(content(1), content(0)), hashed(content(0)), hashed(),
        hashed(content(0), content(1, truth=0.25)), hashed(content(0), content(1, answered=0)),
    }  # fmt: skip
    assert len(different) == 6


@given(cut=st.integers(0, 10_000))
@settings(max_examples=150)
def test_a_torn_tail_costs_only_what_is_torn(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.getbasetemp() / "torn"
    if not path.exists():
        written(path)
    whole = path.read_bytes()
    size = min(cut, len(whole))
    torn = path.with_suffix(".cut")
    torn.write_bytes(whole[:size])
    try:
        reader = TraceReader(torn)
    except DecodeError:
        assert size < 400
        return
    with reader:
        records = list(reader)
        assert records == [read_record(content(tick)) for tick in range(len(records))]
        assert (reader.end is None) == (size < len(whole)) == bool(reader.damage())
        assert size == len(whole) or f"{min(len(records), 3)} of 3 ticks can be read" in reader.damage()


def test_a_damaged_byte_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    """Every byte of a whole trace, in turn: what can still be read is as it was, and the damage is told."""
    path = tmp_path / "damaged"
    written(path)
    whole = path.read_bytes()
    good = [read_record(content(tick)) for tick in range(4)]
    unreadable = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 + place % 255)]) + whole[place + 1 :])
        try:
            with TraceReader(path) as reader:
                records = list(reader)
                assert records == good[: len(records)]
                assert f"{min(len(records), 3)} of 3 ticks can be read" in reader.damage()
        except DecodeError:
            unreadable += 1
    assert unreadable == whole.index(b"T\x00\x00")  # magic and header; nothing after them costs more than itself


@pytest.mark.parametrize("change", ["a block gone", "a block twice", "blocks exchanged", "bytes after the end"])
def test_blocks_that_are_good_each_are_not_yet_a_trace(change: str, tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "t", HEADER) as trace:
        starts = []
        for tick in range(4):
            starts.append((tmp_path / "t").stat().st_size)
            trace.append(content(tick))
        end = (tmp_path / "t").stat().st_size
        trace.close(complete=True, reason="flown")
    data = (tmp_path / "t").read_bytes()
    with TraceReader(tmp_path / "t") as reader:
        assert reader.damage() == ""
    first, second, rest = data[: starts[1]], data[starts[1] : starts[2]], data[starts[2] :]
    changed = {
        "a block gone": first + rest,
        "a block twice": first + second + second + rest,
        "blocks exchanged": data[: starts[2]] + data[starts[3] : end] + data[starts[2] : starts[3]] + data[end:],
        "bytes after the end": data + b"x",
    }[change]
    (tmp_path / "t").write_bytes(changed)
    with TraceReader(tmp_path / "t") as reader:
        assert reader.damage()
        if change != "bytes after the end":
            with pytest.raises(DecodeError, match="calls itself"):
                list(reader)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_no_record_bytes_but_decode_error(data: bytes) -> None:
    for each in (data, len(data).to_bytes(4, "big") + data + b"\x90"):
        try:
            read_record(each)
        except DecodeError:
            continue


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.binary(max_size=8),
        lambda inner: st.lists(inner, max_size=8),
        max_leaves=12,
    )
)
@settings(max_examples=300)
def test_no_content_of_a_record_but_decode_error(content: object) -> None:
    packed: bytes = msgpack.packb(content)
    try:
        record = read_record(len(packed).to_bytes(4, "big") + packed + b"\x90")
    except DecodeError:
        return
    assert type(record.tick) is int and type(record.closing) is bool


def test_no_trace_and_no_file_say_so(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"SKYTRACE but not really")
    with pytest.raises(DecodeError, match="no trace"):
        TraceReader(tmp_path / "x")
    with pytest.raises(EnvironmentFault):
        TraceReader(tmp_path / "none")
    with pytest.raises(EnvironmentFault, match="cannot write"):
        TraceWriter(tmp_path / "no" / "directory", HEADER)


def test_a_full_disk_says_what_to_do() -> None:
    with pytest.raises(EnvironmentFault, match="No space left") as caught:
        TraceWriter(Path("/dev/full"), HEADER)
    assert "free some space" in caught.value.hint
