"""Words about a device, in both layouts: to bytes and back, and never anything but DecodeError for what is none."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import DecodeError
from node.assembly import outside_forms
from node.devices.device import Channel, DeviceForm
from node.hil.frames import Frame, Splitter, frame
from node.hil.header import c_header
from node.hil.language import (
    Bye,
    Hello,
    Language,
    Layout,
    Measured,
    Order,
    Reading,
    Sample,
    Tick,
    Word,
    dictionary_of,
)
from tests.kits.runs import HOUSE

FORM = DeviceForm(
    "pcdu",
    (
        Channel("main_bus_voltage_v", "V", "float", "Main bus voltage", "main_bus_voltage_v"),
        Channel("own_count", "", "int", "Made by the device itself"),
    ),
    (("lcl", "lcl_command"),),
)
LAYOUTS = pytest.mark.parametrize("layout", get_args(Layout))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TICKS, ELEMENTS = st.integers(0, 2**53), st.integers(0, 2**32 - 1)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True)
WORDS: st.SearchStrategy[Word] = st.one_of(
    st.builds(Hello, NAMES, NAMES, st.from_regex(r"[0-9a-f]{16}", fullmatch=True), TICKS, st.booleans()),
    st.builds(Tick, TICKS, TICKS),
    st.builds(Sample, TICKS, st.tuples(NUMBERS, NUMBERS)),
    st.builds(Reading, TICKS, st.tuples(NUMBERS, NUMBERS)),
    st.builds(Order, TICKS, st.sampled_from(["lcl", "reset", "side"]), ELEMENTS, NUMBERS),
    st.builds(Measured, TICKS, st.sampled_from(["lcl", "load_w"]), ELEMENTS, NUMBERS),
    st.builds(Bye, st.from_regex(r"[ -~]{0,63}", fullmatch=True)),
)


def through(language: Language, word: Word) -> Word:
    (found,) = Splitter().feed(language.write(word))
    return language.read(found)


@LAYOUTS
@given(word=WORDS)
def test_a_word_comes_back_as_it_was(layout: Layout, word: Word) -> None:
    assert through(Language(FORM, layout), word) == word


@LAYOUTS
def test_what_the_device_makes_itself_has_no_number_in_a_sample(layout: Layout) -> None:
    back = through(Language(FORM, layout), Sample(7, (28.5, math.nan)))
    assert isinstance(back, Sample)
    assert back.values[0] == 28.5
    assert math.isnan(back.values[1])


@LAYOUTS
@given(kind=st.integers(0, 127), payload=st.binary(max_size=120))
@settings(max_examples=300)
def test_any_payload_is_a_word_or_a_decode_error(layout: Layout, kind: int, payload: bytes) -> None:
    language = Language(FORM, layout)
    try:
        word = language.read(Frame(1, kind, layout == "fixed", payload))
    except DecodeError:
        return
    assert through(language, word) == word or any(v != v for v in getattr(word, "values", ()))  # noqa: PLR0124 - NaN


@given(kind=st.integers(1, 7), content=st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=20),
    lambda inner: st.dictionaries(st.sampled_from(
        ["tick", "values", "what", "element", "value", "reason", "device", "spacecraft", "dictionary", "tick_ns",
         "answers_ticks", "time_ns", "main_bus_voltage_v", "own_count"]), inner, max_size=6),
    max_leaves=20,
))  # fmt: skip
@settings(max_examples=300)
def test_any_map_is_a_word_or_a_decode_error(kind: int, content: object) -> None:
    try:
        Language(FORM).read(Frame(1, kind, False, msgpack.packb(content)))
    except DecodeError:
        return


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
@LAYOUTS
def test_a_reading_that_is_no_number_is_refused(layout: Layout, wrong: float) -> None:
    language = Language(FORM, layout)
    with pytest.raises(DecodeError):
        through(language, Reading(1, (28.0, wrong)))


@LAYOUTS
@pytest.mark.parametrize("beyond", [2**53 + 1, 2**63])
def test_a_tick_or_an_element_beyond_what_the_bus_takes_is_refused(layout: Layout, beyond: int) -> None:
    language = Language(FORM, layout)
    words: list[Word] = [Reading(beyond, (28.0, 0.0)), Measured(beyond, "load_w", 0, 1.0)]
    if layout == "names":  # an element has 32 bits in the other
        words.append(Measured(0, "load_w", beyond, 1.0))
    for word in words:
        with pytest.raises(DecodeError, match=str(beyond)):
            through(language, word)


def test_a_reading_without_a_channel_is_refused() -> None:
    part = msgpack.packb({"tick": 1, "values": {"own_count": 3}})
    with pytest.raises(DecodeError):
        Language(FORM).read(Frame(1, 4, False, part))


def test_the_other_layout_and_another_version_are_refused_by_name() -> None:
    (found,) = Splitter().feed(Language(FORM, "fixed").write(Tick(1, 2)))
    with pytest.raises(DecodeError, match="other layout, this is names"):
        Language(FORM, "names").read(found)
    with pytest.raises(DecodeError, match="protocol version 2, this is version 1"):
        Language(FORM, "fixed").read(found._replace(version=2))


def test_the_dictionary_differs_where_the_device_does() -> None:
    other = DeviceForm("pcdu", FORM.channels[:1], FORM.orders)
    assert dictionary_of(FORM) != dictionary_of(other)
    renamed = DeviceForm("pcdu", FORM.channels, (("lcl", "heater_command"),))  # what it acts on is not the device's
    assert dictionary_of(FORM) == dictionary_of(renamed)


def test_the_frame_on_the_page_is_what_is_sent() -> None:
    """docs/hil.md shows frames in hex, so that a stranger can check their own."""
    page = (HOUSE / "docs" / "hil.md").read_text(encoding="utf-8")
    shown = [bytes.fromhex(block) for block in re.findall(r"(?ms)^```text\n((?:[0-9a-f]{2}[ \n])+)```$", page)]
    assert shown[::-1] == [
        Language(FORM, "fixed").write(Tick(41, 42_000_000_000)),
        Language(FORM, "names").write(Tick(41, 42_000_000_000)),
    ]
    assert shown[1] == frame(2, bytes.fromhex("2900000000000000" + "002465c709000000"), fixed=True)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here")
@pytest.mark.parametrize("design", ["pathfinder", "formation"])
def test_a_c_compiler_takes_the_header_and_agrees_about_every_size(design: str, tmp_path: Path) -> None:
    (tmp_path / "skyrack_hil.h").write_text(c_header(design, outside_forms(design)), encoding="ascii")
    (tmp_path / "main.c").write_text('#include "skyrack_hil.h"\nint main(void) { return 0; }\n', encoding="ascii")
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "main.c"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_header_says_the_hash_that_a_hello_brings() -> None:
    text = c_header("pathfinder", outside_forms("pathfinder"))
    for form in outside_forms("pathfinder"):
        octets = ", ".join(f"0x{octet:02x}" for octet in bytes.fromhex(dictionary_of(form)))
        assert f"_DICTIONARY {{{octets}}}" in text
