"""State to bytes: exact, strict, and refused where it comes from another build."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import DecodeError
from bus.snapshot.pack import pack, restore, unpack
from bus.wire.messages import Body, Bye, Event, Message
from tests.kits.busfakes import event


class Mode(IntEnum):
    SAFE = 2
    NOMINAL = 1


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Pair(NamedTuple):
    left: int
    right: float


@dataclass(frozen=True, slots=True)
class Inner:
    name: str
    parts: tuple[Inner, ...] = ()


@dataclass
class Everything:
    flag: bool
    count: int
    value: float
    text: str
    raw: bytes
    mode: Mode
    colour: Colour
    pair: Pair
    inner: Inner
    maybe: Inner | None
    either: int | str | None
    numbers: list[float]
    fixed: tuple[int, str, float]
    many: tuple[int, ...]
    table: dict[tuple[int, int], list[Pair]]
    window: deque[int]
    names: set[str]
    frozen: frozenset[Mode]
    plain: Any
    mail: list[Message]
    body: Body
    array: np.ndarray
    buffer: bytearray = field(default_factory=bytearray)
    cache: dict[str, object] = field(default_factory=dict, metadata={"state": False})


def everything() -> Everything:
    record = np.zeros(2, dtype=[("soc", "<f8"), ("temperature_k", "<f4", (3,)), ("n", "<i4")])
    record["soc"] = [0.1, math.nan]
    return Everything(
        True, -(2**200), -0.0, "ü", b"\x00", Mode.SAFE, Colour.BLUE, Pair(1, 5e-324), Inner("a", (Inner("b"),)), None,
        "x", [1.0, math.inf, -math.inf], (2**64, "", 0.0), (2**63, -(2**63), -(2**63) - 1),
        {(2, 1): [Pair(0, 0.0)], (1, 2): []}, deque([1, 2, 3], maxlen=3), {"b", "a"}, frozenset(Mode),
        {"k": [1, 2.5, (None, True)], 3: b"x", "array": np.arange(3)},
        [event("sat-a", "ground", 5)], Bye(reason="x"), record, bytearray(b"ab"), {"left": "out"},
    )  # fmt: skip


def test_everything_comes_back_the_same() -> None:
    state = everything()
    again = unpack(Everything, pack(state))
    for name, value in vars(state).items():
        if name in ("array", "cache", "plain"):
            continue
        assert getattr(again, name) == value, name
        assert type(getattr(again, name)) is type(value), name
    assert math.copysign(1.0, again.value) == -1.0
    assert again.array.dtype == state.array.dtype and again.array.tobytes() == state.array.tobytes()
    again.array["soc"] = 1.0  # writable, not a view into the bytes
    assert again.plain["array"].tolist() == [0, 1, 2] and list(again.plain)[:2] == ["k", 3]
    assert again.plain["k"] == [1, 2.5, (None, True)]
    assert again.window.maxlen == 3 and list(again.table) == [(2, 1), (1, 2)]
    assert again.cache == {}
    assert pack(again)[:-1] and pack(unpack(Everything, pack(again))) == pack(again)


def test_restore_keeps_the_object_others_hold() -> None:
    state, other = everything(), everything()
    other.count, other.cache = 7, {"kept": 1}
    other_id = id(other)
    restore(other, pack(state))
    assert id(other) == other_id and other.count == -(2**200) and other.cache == {"kept": 1}
    with pytest.raises(TypeError):
        restore(Everything, pack(state))


@given(st.binary(min_size=8, max_size=8))
def test_floats_are_exact_to_the_bit(data: bytes) -> None:
    (value,) = struct.unpack("<d", data)
    assert math.isnan(value) or struct.pack("<d", unpack(float, pack(value))) == data


@given(st.integers())
def test_integers_have_any_size(value: int) -> None:
    again = unpack(int, pack(value))
    assert again == value and type(again) is int


Plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.lists(inner).map(tuple),
    max_leaves=20,
)


@given(Plain)
@settings(max_examples=200)
def test_plain_values_of_any_shape(value: object) -> None:
    assert repr(unpack(object, pack(value, object))) == repr(value)


@given(st.binary(max_size=200), st.integers(0, 5000), st.integers(0, 255))
@settings(max_examples=400)
def test_no_bytes_but_decode_error(data: bytes, position: int, value: int) -> None:
    from zlib import crc32  # noqa: PLC0415

    good = pack(everything())
    flipped = bytearray(good[:-4])
    flipped[position % len(flipped)] = value
    summed = bytes(flipped) + crc32(bytes(flipped)).to_bytes(4, "big")
    headed = good[:8] + data
    for each in (data, summed, headed + crc32(headed).to_bytes(4, "big")):
        try:
            unpack(Everything, each)
        except DecodeError:
            continue


def test_another_layout_is_refused() -> None:
    @dataclass
    class State:
        a: int = 1

    first = State
    packed = pack(first())

    @dataclass
    class State:  # type: ignore[no-redef]
        a: float = 1.0

    with pytest.raises(DecodeError, match="not of this build"):
        unpack(State, packed)
    with pytest.raises(DecodeError, match="damaged"):
        unpack(first, packed[:-1])


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, True), (int, 1.0), (bool, 1), (float, "1"), (float, True), (str, b""), (list[int], (1,)),
        (tuple[int, int], (1,)), (Mode, 2), (Pair, (1, 2.0)), (dict[str, int], {1: 1}), (Event, Bye(reason="")),
        (np.ndarray, [1]), (Message, "x"), (object, {1, 2}), (object, object()), (deque[int], [1]), (set[int], [1]),
    ],
)  # fmt: skip
def test_what_is_not_as_declared_is_refused(hint: Any, value: object) -> None:
    with pytest.raises(TypeError):
        pack(value, hint)


def test_errors_name_the_field() -> None:
    state = everything()
    state.numbers = [1.0, "two"]  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"Everything\.numbers"):
        pack(state)

    @dataclass
    class Unstorable:
        call: type

    with pytest.raises(TypeError, match=r"Unstorable\.call.*'state': False"):
        pack(Unstorable(int))


def test_equal_sets_have_equal_bytes() -> None:
    names = [f"name-{n}" for n in range(50)]
    first, second = set[str](), set[str]()
    for name in names:
        first.add(name)
    for name in reversed(names):
        second.add(name)
    assert pack(first, set[str]) == pack(second, set[str])


def test_who_has_no_arrays_does_not_load_numpy() -> None:
    code = (
        "import sys; from dataclasses import dataclass; from bus.snapshot.pack import pack, unpack\n"
        "import bus.lockstep.conductor, bus.lockstep.in_process, bus.trace.writer, bus.trace.reader\n"
        "assert unpack(dict[str, list[int]], pack({'a': [1]}, dict[str, list[int]])) == {'a': [1]}\n"
        "assert 'numpy' not in sys.modules and 'numba' not in sys.modules and 'zmq' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
