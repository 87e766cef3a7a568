"""The trace: what is written comes back, a crash costs at most the last tick, and the hash sees what it should."""

from __future__ import annotations

import struct
from pathlib import Path

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
@settings(max_examples=150, deadline=None)
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
        assert (reader.end is None) == (size < len(whole))


@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_a_flipped_byte_is_noticed(tmp_path_factory: pytest.TempPathFactory, position: int, value: int) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped"
    hashed = written(path)
    data = bytearray(path.read_bytes())
    place = position % len(data)
    changed = data[place] != value
    data[place] = value
    path.write_bytes(data)
    try:
        with TraceReader(path) as reader:
            whole = reader.end is not None and len(list(reader)) == 4 and reader.trace_hash() == hashed
            assert whole != changed
    except DecodeError:
        assert changed


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_record_bytes_but_decode_error(data: bytes) -> None:
    for each in (data, len(data).to_bytes(4, "big") + data + b"\x90"):
        try:
            read_record(each)
        except DecodeError:
            continue


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
