"""Bytes to frames: whatever is on the line, nothing raises, nothing grows, and the next whole frame is found."""

from __future__ import annotations

from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.hil.frames import HEADER, LEAST_BYTES, MAX_FRAME_BYTES, MAX_PAYLOAD_BYTES, Splitter, frame

FRAMES = st.tuples(st.integers(0, 127), st.binary(max_size=200), st.booleans())


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(1, 40), min_size=1))
def test_frames_come_out_as_they_went_in_however_they_are_cut(
    sent: list[tuple[int, bytes, bool]], cuts: list[int]
) -> None:
    stream = b"".join(frame(kind, payload, fixed=fixed) for kind, payload, fixed in sent)
    splitter, found, at = Splitter(), [], 0
    while at < len(stream):
        size = cuts[at % len(cuts)]
        found += splitter.feed(stream[at : at + size])
        at += size
    assert [(one.kind, one.payload, one.fixed) for one in found] == sent
    assert (splitter.noise.garbage_bytes, splitter.noise.bad_frames, splitter.held_bytes) == (0, 0, 0)


@given(st.lists(st.one_of(st.binary(max_size=300), st.just(b"SK"), st.just(b"SK\x01\x04\x00\x40")), max_size=30))
@settings(max_examples=300)
def test_garbage_never_raises_never_grows_and_every_byte_of_it_is_counted(pieces: list[bytes]) -> None:
    splitter, eaten = Splitter(), 0
    for piece in pieces:
        eaten += sum(LEAST_BYTES + len(one.payload) for one in splitter.feed(piece))
        assert splitter.held_bytes < MAX_FRAME_BYTES
    assert eaten + splitter.noise.garbage_bytes + splitter.held_bytes == sum(map(len, pieces))


@given(st.binary(max_size=100).filter(lambda noise: b"SK" not in noise and noise[-1:] != b"S"))
def test_the_frame_after_garbage_is_found(noise: bytes) -> None:
    splitter = Splitter()
    assert [one.payload for one in splitter.feed(noise + frame(4, b"whole", fixed=False))] == [b"whole"]
    assert splitter.noise.garbage_bytes == len(noise)


@pytest.mark.parametrize("place", range(LEAST_BYTES + 5))
def test_one_wrong_byte_costs_its_own_frame_only(place: int) -> None:
    """In a length, too: the header's check keeps it from swallowing what follows."""
    wrong = bytearray(frame(4, b"wrong", fixed=False))
    wrong[place] ^= 0x55
    splitter = Splitter()
    assert [one.payload for one in splitter.feed(bytes(wrong) + frame(4, b"whole", fixed=False))] == [b"whole"]
    assert splitter.noise.garbage_bytes == len(wrong)


def test_a_datagram_that_ends_early_is_forgotten() -> None:
    splitter = Splitter()
    assert splitter.feed(frame(4, b"cut short", fixed=False)[:-1]) == []
    splitter.forget()
    assert splitter.noise.garbage_bytes == LEAST_BYTES + len(b"cut short") - 1
    assert [one.payload for one in splitter.feed(frame(4, b"whole", fixed=False))] == [b"whole"]


def test_a_length_beyond_the_bound_is_garbage_even_with_a_good_check() -> None:
    begin = b"SK\x01\x04" + (MAX_PAYLOAD_BYTES + 1).to_bytes(2, "little")
    header = begin + (crc32(begin) & 0xFFFF).to_bytes(2, "little")
    assert len(header) == HEADER.size
    splitter = Splitter()
    assert [one.payload for one in splitter.feed(header + frame(4, b"whole", fixed=False))] == [b"whole"]
    with pytest.raises(ValueError, match="at most 32768"):
        frame(4, bytes(MAX_PAYLOAD_BYTES + 1), fixed=False)


def test_a_frame_of_another_version_is_a_frame() -> None:
    """So that whoever speaks it can be told."""
    begin = b"SK\x63\x01\x00\x00"
    other = begin + (crc32(begin) & 0xFFFF).to_bytes(2, "little")
    (found,) = Splitter().feed(other + crc32(other).to_bytes(4, "little"))
    assert (found.version, found.payload) == (0x63, b"")
