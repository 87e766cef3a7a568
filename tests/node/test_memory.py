"""The memory image: its code, what upsets do to it with and without correction, and raw access by service 6."""

from __future__ import annotations

import functools
import itertools
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.dictionary import OnBoardParameter
from bus.large_packets import checksum
from bus.pus import Code, Service, Stage
from bus.wire.messages import Telemetry, Verification
from node.assembly import equipment
from node.designs.load import load_design
from node.devices.nvm import NonVolatileMemory
from node.fsw.boot import BootReason
from node.fsw.image import CODE_BITS, Image, check_bits, corrected
from node.fsw.managers.power import PowerManager
from node.fsw.modes import Mode
from node.fsw.on_board import OnBoard
from node.fsw.software import FlightSoftware
from tests.kits.fake_spacecraft import Flight

HOST = 4
WORDS = st.integers(0, 2**64 - 1)
BITS = st.integers(0, CODE_BITS - 1)


def coded(word: int, *flips: int) -> tuple[int, int]:
    """A word and its check bits, with these of the 72 bits flipped."""
    both = word | int(check_bits(np.array([word], dtype=np.uint64))[0]) << 64
    for bit in flips:
        both ^= 1 << bit
    return both & (2**64 - 1), both >> 64


@given(WORDS, BITS)
def test_any_single_error_is_corrected(word: int, bit: int) -> None:
    assert corrected(*coded(word)) == word
    assert corrected(*coded(word, bit)) == word


@given(WORDS, st.sets(BITS, min_size=2, max_size=2))
def test_any_double_error_is_detected(word: int, bits: set[int]) -> None:
    assert corrected(*coded(word, *sorted(bits))) is None


@pytest.mark.parametrize("word", [0, 2**64 - 1, 0x0123456789ABCDEF])
def test_all_72_single_errors_are_corrected_and_all_2556_double_ones_detected(word: int) -> None:
    assert [corrected(*coded(word, bit)) for bit in range(CODE_BITS)] == [word] * CODE_BITS
    pairs = list(itertools.combinations(range(CODE_BITS), 2))
    assert len(pairs) == 2556 and {corrected(*coded(word, *pair)) for pair in pairs} == {None}


def test_no_three_columns_of_the_parity_check_matrix_add_up_to_nothing() -> None:
    """Which is what a distance of four means, for every word: the code is linear, and its 72 columns are these."""
    columns = [coded(1 << bit)[1] for bit in range(64)] + [1 << bit for bit in range(8)]
    assert len({0, *columns}) == CODE_BITS + 1
    assert not {a ^ b for a, b in itertools.combinations(columns, 2)} & {*columns}
    words = [0x9E3779B97F4A7C15 * k % 2**64 for k in range(1, 50)]
    for word in words:
        sums = [column for bit, column in enumerate(columns[:64]) if word >> bit & 1]
        assert functools.reduce(operator.xor, sums) == coded(word)[1]


def test_a_hundred_words_are_as_one_by_one() -> None:
    words = np.arange(100, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert check_bits(words).tolist() == [coded(int(word))[1] for word in words]


def test_the_image_reads_what_was_written_and_what_correction_makes_of_errors() -> None:
    image = Image.of([0.25, 1.5, -3.0])
    image.flip(1, 63)
    image.flip(2, 70)
    assert image.readings.tolist() == [0.25, 1.5, -3.0] and not image.trapped
    image.switch(edac=False)
    assert image.readings.tolist() == [0.25, -1.5, -3.0]
    image.switch(edac=True)
    assert image.scrub() == [1, 2] and image.scrub() == []
    image.flip(0, 63)
    image.flip(0, 1)
    assert image.trapped == [0] and image.scrub() == []


@given(st.lists(st.tuples(st.integers(0, 4), BITS), max_size=12), st.booleans())
def test_looking_at_what_was_struck_finds_what_looking_at_all_does(flips: list[tuple[int, int]], edac: bool) -> None:
    image = Image.of([0.5, -2.0, 1e9, 0.0, 7.0])
    image.switch(edac=edac)
    for place, bit in flips:
        image.flip(place, bit)
    wrong = np.flatnonzero(check_bits(image.words) != image.check).tolist()
    assert set(wrong) <= image.struck
    image.switch(edac=True)
    mended = image.scrub()
    assert set(mended) | set(image.trapped) >= set(wrong) and set(mended) <= set(wrong)
    left = np.flatnonzero(check_bits(image.words) != image.check).tolist()
    assert left == sorted(set(wrong) - set(mended)) and set(left) <= set(image.trapped)


def test_a_parameter_is_what_the_image_holds_at_every_reading() -> None:
    parameter = OnBoardParameter(name="p.x", unit="1", description="", default=0.8, low=0.0, high=1.0)
    on_board = OnBoard(equipment(load_design("pathfinder")), 10**9, NonVolatileMemory(), (parameter,), 1)
    image = on_board.state.image
    seen = [on_board.sane(parameter)]
    on_board.store(parameter, 0.5)
    seen += [on_board.sane(parameter), on_board.sane(parameter)]
    on_board.flip(0, 63)  # the sign
    seen.append(on_board.sane(parameter))
    image.switch(edac=False)
    seen.append(on_board.sane(parameter))
    on_board.flip(0, 63)
    seen.append(on_board.sane(parameter))
    on_board.flip(0, 52)  # twice as much
    seen.append(on_board.sane(parameter))
    saved = on_board.save()
    on_board.reload(0)
    seen.append(on_board.sane(parameter))
    on_board.restore(saved)
    seen.append(on_board.sane(parameter))
    assert seen == [0.8, 0.5, 0.5, 0.5, 0.8, 0.5, 1.0, 0.5, 1.0]


# ---- flown ------------------------------------------------------------------------------------------------------


@pytest.fixture
def flight() -> Flight:
    flight = Flight(contact=True, signals=("mode", "payload_shed"))
    flight.fly(3)
    return flight


def board(flight: Flight) -> FlightSoftware:
    software = flight.node.software
    assert software is not None
    return software


def flip(flight: Flight, word: int, bit: int) -> None:
    flight.inject(HOST, "computer", "bitflip", word=word, bit=bit, name=f"f{flight.tick}-{bit}")


def verdicts(flight: Flight) -> list[tuple[Stage, Code]]:
    last = {v.request: (Stage(v.stage), Code(v.code)) for v in flight.bodies(Verification)}
    return [last[request] for request in sorted(last)]


def test_an_upset_is_corrected_at_every_reading_and_counted_by_the_scrubber(flight: Flight) -> None:
    for count, bit in enumerate((62, 71)):  # the exponent's top bit: 0.3 would become huge; and a parity bit
        flip(flight, 0, bit)
        flight.fly(10)
        assert board(flight).on_board.value(PowerManager.SHED_BELOW) == 0.30
        assert board(flight).memory.state.memory_corrected == count
        flight.fly(60)
    assert board(flight).memory.state.memory_corrected == 2
    assert flight.truth()[1] == 0.0 and flight.events().count("memory_corrected") == 2


def test_without_correction_an_upset_acts_and_stays(flight: Flight) -> None:
    flight.command("memory.edac", on=False)
    flight.fly(2)
    flip(flight, 0, 62)
    flight.fly(200)
    assert board(flight).on_board.value(PowerManager.SHED_BELOW) > 1e100
    assert flight.truth()[1] == 1.0 and board(flight).memory.state.memory_corrected == 0  # shed, the battery is full
    flight.command("memory.edac", on=True)
    flight.fly(140)
    assert flight.truth()[1] == 0.0 and board(flight).memory.state.memory_corrected == 1


def test_a_double_error_is_loaded_again_and_one_that_recurs_resets_the_computer(flight: Flight) -> None:
    flight.command("parameter.set", parameter="power.shed_below_soc", value=0.35)
    flight.fly(2)
    flip(flight, 0, 62)
    flip(flight, 0, 3)
    flight.fly(2)
    assert board(flight).on_board.value(PowerManager.SHED_BELOW) == 0.35
    assert board(flight).memory.state.memory_uncorrected == 1 and board(flight).computer.boot.boot == 1
    flip(flight, 4, 9)
    flip(flight, 4, 10)
    flight.fly(20)
    assert (board(flight).computer.boot.boot, board(flight).computer.boot.reason) == (2, BootReason.RESET)
    assert flight.events().count("memory_uncorrected") >= 2  # one may be sent again after the boot
    assert board(flight).on_board.value(PowerManager.SHED_BELOW) == 0.35


def test_double_errors_far_apart_do_not_reset(flight: Flight) -> None:
    flight.command("parameter.set", parameter="memory.recur_s", value=10.0)
    for _ in range(2):
        flip(flight, 4, 9)
        flip(flight, 4, 10)
        flight.fly(20)
    assert board(flight).computer.boot.boot == 1 and board(flight).memory.state.memory_uncorrected == 2


def test_errors_survive_saving_and_restoring(flight: Flight) -> None:
    twin = Flight(contact=True)
    twin.fly(3)
    board(flight).on_board.flip(0, 62)
    board(flight).on_board.flip(3, 1)
    board(flight).on_board.flip(3, 2)
    board(twin).restore(board(flight).save())
    image = board(twin).on_board.state.image
    assert image.trapped == [3] and image.scrub() == [0]


# ---- what components have there ----------------------------------------------------------------------------------


def word_of(flight: Flight, part: str, place: int = 0) -> int:
    first, size = board(flight).on_board.regions[part]
    assert place < size
    return first + place


def unprotected(flight: Flight) -> None:
    flight.command("memory.edac", on=False)
    flight.fly(2)


def test_the_image_holds_mode_schedule_monitors_and_actions_and_agrees_with_them(flight: Flight) -> None:
    software = board(flight)
    assert list(software.on_board.regions) == ["mode", "schedule", "monitoring", "event_action"]
    flight.command("schedule.insert", at=500.0, sub_schedule=3, schedule_group=0, telecommand="mode.set", mode="SAFE")
    flight.command("monitoring.modify", monitor="wheel.0.full", check="limit", low=-1.0, high=2.5, repetition=7)
    flight.command("event_action.disable", cause="wheel.0.full")
    flight.command("mode.set", mode="SAFE")
    flight.fly(3)
    for part in software.components:
        if part.name in software.on_board.regions:
            first, size = software.on_board.regions[part.name]
            words = software.on_board.state.image.read(first, size)
            assert words == part.image_words(), part.name
            before = part.save()
            part.take_image(words)  # reading it gives what was written
            assert part.save() == before, part.name
    assert (check_bits(software.on_board.state.image.words) == software.on_board.state.image.check).all()


@pytest.mark.parametrize("protected", [True, False])
def test_a_flipped_mode_acts_only_without_correction(flight: Flight, protected: bool) -> None:
    if not protected:
        unprotected(flight)
    flip(flight, word_of(flight, "mode"), 1)  # NOMINAL is 1, SURVIVAL 3
    flight.fly(3)
    assert flight.truth()[0] == (Mode.NOMINAL if protected else Mode.SURVIVAL)
    assert "mode_changed" not in flight.events()  # nobody asked for it


@pytest.mark.parametrize("protected", [True, False])
def test_a_flipped_time_of_release_acts_only_without_correction(flight: Flight, protected: bool) -> None:
    flight.command("schedule.insert", at=300.0, sub_schedule=0, schedule_group=0, telecommand="mode.set", mode="SAFE")
    flight.fly(2)
    if not protected:
        unprotected(flight)
    flip(flight, word_of(flight, "schedule"), 38)  # 275 s earlier: 300 s has bits 38 and 37 of a nanosecond
    flight.fly(40)
    assert flight.truth()[0] == (Mode.NOMINAL if protected else Mode.SAFE)


@pytest.mark.parametrize("protected", [True, False])
def test_a_flipped_limit_of_a_monitor_acts_only_without_correction(flight: Flight, protected: bool) -> None:
    if not protected:
        unprotected(flight)
    names = flight.dictionary.telecommand["monitoring.enable"].arguments[0].labels
    number = names.index("thermal.host.hot")
    flip(flight, word_of(flight, "monitoring", 4 * number + 1), 62)  # the high limit becomes tiny
    flight.fly(40)
    assert ("thermal.host.hot" in flight.events()) is not protected
    assert board(flight).monitoring.state.monitors_violated == (0 if protected else 1)


def test_a_flipped_bit_silences_an_action_and_correction_brings_it_back(flight: Flight) -> None:
    actions = board(flight).event_action.state.actions
    event = next(iter(actions))
    unprotected(flight)
    flip(flight, word_of(flight, "event_action"), 0)
    flight.fly(2)
    assert not board(flight).event_action.state.actions[event].enabled
    flight.command("memory.edac", on=True)
    flight.fly(2)
    assert board(flight).event_action.state.actions[event].enabled


def test_a_double_error_of_a_component_is_loaded_again_before_it_acts(flight: Flight) -> None:
    flight.command("monitoring.modify", monitor="wheel.0.full", check="limit", low=-1.0, high=2.5, repetition=7)
    flight.command("schedule.insert", at=900.0, sub_schedule=0, schedule_group=0, telecommand="test.ping")
    flight.command("parameter.set", parameter="memory.recur_s", value=0.0)
    flight.fly(2)
    kept = {part.name: part.image_words() for part in board(flight).components}
    for part in ("mode", "schedule", "monitoring", "event_action"):
        for bit in (3, 40):
            flip(flight, word_of(flight, part), bit)
        flight.fly(3)
        assert {p.name: p.image_words() for p in board(flight).components} == kept, part
    assert board(flight).memory.state.memory_uncorrected == 4 and board(flight).computer.boot.boot == 1
    image = board(flight).on_board.state.image
    assert not image.trapped and (check_bits(image.words) == image.check).all()


def test_a_patch_of_the_mode_word_acts_at_once(flight: Flight) -> None:
    data = (2).to_bytes(8, "big").hex()
    place = word_of(flight, "mode")
    flight.command("memory.load", address=place, data=data, crc=checksum(bytes.fromhex(data)))
    flight.command("memory.check", address=place, length=1)
    flight.command("memory.dump", address=place, length=1)
    flight.fly(3)
    assert flight.truth()[0] == Mode.SAFE and verdicts(flight) == [(Stage.COMPLETED, Code.NONE)] * 3
    check, dump = [t.values for t in flight.bodies(Telemetry) if t.stream == Service.MEMORY]
    assert check == (place, 1, checksum(bytes.fromhex(data))) and dump[:3] == (place, 0, 2)


def test_errors_of_a_component_survive_saving_and_restoring(flight: Flight) -> None:
    unprotected(flight)
    flip(flight, word_of(flight, "mode"), 1)
    flight.fly(2)
    twin = Flight(contact=True)
    twin.node.restore(flight.node.save())
    assert board(twin).modes.state.mode is Mode.SURVIVAL
    board(twin).memory.edac(on=True)
    assert board(twin).modes.state.mode is Mode.NOMINAL


# ---- upsets from the plant --------------------------------------------------------------------------------------


def memory_of(flight: Flight) -> str:
    form = flight.config.design.form
    return f"upset_bits[{len(form.accelerators) + list(form.devices).index('obc_memory')}]"


def test_upsets_of_the_plant_reach_the_image_in_proportion_to_its_size() -> None:
    wrong, expected = 0, 0.0
    for seed in range(1, 9):
        flight = Flight(seed=seed)
        flight.fly(8)
        flight.plant.set(memory_of(flight), 2_000)
        flight.fly(4)  # few enough that hardly any word is hit twice
        flight.plant.set(memory_of(flight), 0)
        image = board(flight).on_board.state.image
        wrong += int((check_bits(image.words) != image.check).sum())
        size_bits = flight.config.design.form.devices["obc_memory"].amount
        expected += 4 * 2_000 * CODE_BITS * len(image.words) / size_bits
        before = board(flight).memory.state.memory_corrected
        flight.fly(61)
        assert board(flight).memory.state.memory_corrected > before
    assert 0.7 * expected < wrong < 1.3 * expected  # a hundred of them: three sigma


def test_the_same_seed_has_the_same_upsets(flight: Flight) -> None:
    twin = Flight(contact=True, signals=("mode", "payload_shed"))
    twin.fly(3)
    for one in (flight, twin):
        one.plant.set(memory_of(one), 2_000)
        one.fly(5)
    image = board(flight).on_board.state.image
    assert (image.words == board(twin).on_board.state.image.words).all() and (
        check_bits(image.words) != image.check
    ).any()
    assert flight.node.save() == twin.node.save()


# ---- service 6 --------------------------------------------------------------------------------------------------


def data_of(*values: float) -> str:
    return np.array(values, dtype=">f8").tobytes().hex()


def test_words_are_loaded_dumped_and_checked(flight: Flight) -> None:
    data = data_of(0.4, 0.6)
    flight.command("memory.load", address=0, data=data, crc=checksum(bytes.fromhex(data)))
    flight.command("memory.dump", address=0, length=2)
    flight.command("memory.check", address=0, length=2)
    flight.fly(3)
    assert verdicts(flight) == [(Stage.COMPLETED, Code.NONE)] * 3
    assert board(flight).on_board.value(PowerManager.SHED_BELOW) == 0.4
    *words, check = [t.values for t in flight.bodies(Telemetry) if t.stream == Service.MEMORY]
    assert [(int(h) << 32 | int(low)).to_bytes(8, "big").hex() for _, h, low, _ in words] == [data[:16], data[16:]]
    assert check == (0, 2, checksum(bytes.fromhex(data)))
    flight.inject(HOST, "computer", "reboot")
    flight.fly(10)
    assert board(flight).on_board.value(PowerManager.SHED_BELOW) == 0.3


def test_a_patch_outside_the_image_or_damaged_is_refused_whole(flight: Flight) -> None:
    before = board(flight).on_board.state.image.words.copy()
    last, good = len(before) - 1, data_of(1.0, 2.0)
    crc = checksum(bytes.fromhex(good))
    for address, data, sum_ in (
        (last, good, crc), (0, good, crc ^ 1), (0, good[:-1] + "x", crc), (0, good[:-2], crc), (0, "", 0xFFFF),
    ):  # fmt: skip
        flight.command("memory.load", address=address, data=data, crc=sum_)
    flight.command("memory.dump", address=last, length=2)
    flight.command("memory.check", address=last + 1, length=1)
    flight.fly(4)
    assert [code for _, code in verdicts(flight)] == [
        Code.OUTSIDE_IMAGE, Code.WRONG_CHECKSUM, Code.WRONG_ARGUMENT, Code.WRONG_ARGUMENT, Code.WRONG_ARGUMENT,
        Code.OUTSIDE_IMAGE, Code.OUT_OF_RANGE,
    ]  # fmt: skip
    assert (board(flight).on_board.state.image.words == before).all()


@pytest.mark.parametrize(
    ("data", "value"), [("0000", 0x1D0F), ("000000", 0xCC9C), ("abcdef01", 0x04A2), ("1456f89a0001", 0x7FD5)]
)
def test_the_checksum_is_that_of_the_standard(data: str, value: int) -> None:
    """ECSS-E-ST-70-41C, annex B: compliance values; and by long division, x^16 + x^12 + x^5 + 1 preset to ones."""
    rest = 0xFFFF
    for bit in f"{int(data, 16):0{4 * len(data)}b}":
        rest = rest << 1 ^ (0x1021 if rest >> 15 ^ int(bit) else 0)
        rest &= 0xFFFF
    assert checksum(bytes.fromhex(data)) == value == rest
