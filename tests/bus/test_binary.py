"""Every telecommand and every report of a design has a fixed binary form, derived from its declaration."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.binary import form_of, read_report, read_telecommand, report_data, telecommand_data
from bus.dictionary import Argument, TelecommandForm
from bus.errors import DecodeError
from bus.telecommand_check import carried_labels, check_telecommand
from node.assembly import dictionary

WORDS = dictionary("pathfinder")


def value_of(argument: Argument) -> st.SearchStrategy[object]:
    """Any value that the argument takes."""
    if argument.type == "enum":
        return st.sampled_from(argument.labels)
    if argument.type == "telecommand":
        return st.sampled_from(carried_labels(WORDS.telecommand))
    if argument.type == "steps":
        return st.sampled_from(["wait 5 s", "do test.ping; check battery_soc > 20 %"])
    if argument.type == "list":
        return st.lists(st.sampled_from(argument.labels), min_size=1, max_size=3).map(", ".join)
    if argument.type == "str":
        return st.text(max_size=256)
    if argument.type == "hex":
        word, most = int(argument.low or 1), int(argument.high or 1)
        return (
            st.integers(1, most // word)
            .flatmap(lambda many: st.binary(min_size=many * word, max_size=many * word))
            .map(bytes.hex)
        )
    if argument.type == "bool":
        return st.booleans()
    assert argument.low is not None and argument.high is not None
    if argument.type == "int":
        return st.integers(int(argument.low), int(argument.high))
    return st.floats(argument.low, argument.high)


def within(form: TelecommandForm, given_: dict[str, object]) -> dict[str, object]:
    """A range that begins early enough to end where the last of them is, or is shorter."""
    if form.spans is None:
        return given_
    first, extent = form.spans
    begins = next(argument for argument in form.arguments if argument.name == first)
    size, high, low = given_[extent], int(begins.high or 0), int(begins.low or 0)
    many = -(-len(size) // 16) if isinstance(size, str) else int(size)  # type: ignore[call-overload]
    start = max(low, min(int(given_[first]), high - many + 1))  # type: ignore[call-overload]
    return {**given_, first: start}


@given(st.data())
@settings(max_examples=200)
def test_a_telecommand_gives_back_what_was_put_in(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(WORDS.telecommands))
    given_ = within(form, {a.name: data.draw(value_of(a)) for a in form.arguments})
    carried = None
    if form.carrier is not None:
        carried = WORDS.telecommand[str(given_[form.carrier.name])]
        given_ |= within(carried, {a.name: data.draw(value_of(a)) for a in carried.arguments})
    arguments = check_telecommand(WORDS, form.name, given_)  # type: ignore[arg-type]
    packed = telecommand_data(WORDS, form, arguments)
    assert read_telecommand(WORDS, form.service, form.subtype, packed) == (form, arguments)
    fixed = [a for a in form.arguments if a.type not in {"str", "list", "steps", "hex", "telecommand"}]
    if len(fixed) == len(form.arguments):
        assert len(packed) == form_of(form.arguments).size + (2 if form.service == 8 else 0)
    elif carried is not None:
        assert len(packed) == form_of(fixed).size + 2 + len(telecommand_data(WORDS, carried, arguments))
    with pytest.raises(DecodeError):
        read_telecommand(WORDS, form.service, form.subtype, packed + b"\x00")


@given(st.data())
@settings(max_examples=50)
def test_a_report_gives_back_what_was_put_in(data: st.DataObject) -> None:
    structure = data.draw(st.sampled_from(WORDS.structures))
    kinds = [WORDS.parameter[name].type for name in structure.parameters]
    choice = {
        "float": st.floats(allow_nan=False, allow_infinity=False),
        "int": st.integers(-(2**53), 2**53),
        "bool": st.booleans(),
        "enum": st.integers(0, 65535),
    }
    values = tuple(float(data.draw(choice[kind])) for kind in kinds)
    assert read_report(WORDS, structure, report_data(WORDS, structure, values)) == values


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40))
@settings(max_examples=300)
def test_any_bytes_are_a_telecommand_or_one_error(service: int, subtype: int, data: bytes) -> None:
    try:
        form, arguments = read_telecommand(WORDS, service, subtype, data)
    except DecodeError:
        return
    assert set(arguments) == {a.name for a in form.arguments}
