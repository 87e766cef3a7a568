"""The gateway in virtual time: what a device does wrong is seen, counted, and costs no more than its time-out."""

from __future__ import annotations

import pytest

from bus.errors import EnvironmentFault
from bus.participant import Moment
from bus.wire.messages import Message
from bus.wire.outside import DeviceSample
from node.devices.device import Channel, DeviceForm
from node.hil.gateway import START_NS
from node.hil.language import Bye, Hello, Language, Measured, Order, Reading, Sample, Tick, Word
from node.hil.party import SILENT_MISSES
from tests.kits.hil_kit import MS, Bench, Board

FORM = DeviceForm(
    "pcdu",
    (
        Channel("main_bus_voltage_v", "V", "float", "Main bus voltage", "main_bus_voltage_v"),
        Channel("own_count", "", "int", "Made by the device itself"),
    ),
    (("lcl", "lcl_command"),),
)
TIMEOUT_NS = 100 * MS


def ready(board: Board, *, paced: bool = False, **words: object) -> Bench:
    bench = Bench(board, FORM, paced=paced, **words)
    bench.gateway.open()
    return bench


def test_a_tick_goes_there_and_back() -> None:
    board = Board(FORM)
    bench = ready(board)
    body = bench.step((28.0, None), ("lcl", 3, 1.0))
    assert body is not None
    assert (body.tick, body.values, body.measured) == (0, (28.0, 0.0), ())
    hello, order, sample, tick = board.heard
    assert isinstance(hello, Hello) and (hello.device, hello.spacecraft) == ("pcdu", "sc-1")
    assert (order, tick) == (Order(0, "lcl", 3, 1.0), Tick(0, 1_000_000_000))
    assert isinstance(sample, Sample) and sample.values[0] == 28.0 and sample.values[1] != sample.values[1]
    assert bench.time.now == 2 * MS, "one answer to hello, one to the tick, and not a moment more"
    assert bench.close() == {
        "readings": 1, "misses": 0, "connects": 1, "cuts": 0, "superseded": 0, "bad_frames": 0, "refused": 0,
        "unsent_orders": 0, "dropped": 0, "garbage_bytes": 0,
    }  # fmt: skip
    assert board.heard[-1] == Bye("the run is over")


def test_unplugged_and_plugged_in_again() -> None:
    board = Board(FORM)
    bench = ready(board)
    assert bench.step((28.0, None))
    bench.line.unplug()
    before_ns = bench.time.now
    assert bench.step((28.0, None), ("lcl", 0, 0.0)) is None
    assert bench.time.now == before_ns, "nobody waits for a line that is down"
    assert bench.step((28.0, None)) is None
    bench.line.plugged = True
    bench.time.now += 1_000 * MS
    bench.step((28.0, None))
    bench.time.now += 10 * MS
    body = bench.step((28.5, None))
    assert body is not None and body.values[0] == 28.5
    counts = bench.close()
    assert (counts["connects"], counts["cuts"], counts["unsent_orders"]) == (2, 1, 1)
    assert counts["misses"] == 3


def test_attempts_to_open_a_dead_line_are_bounded_by_real_time() -> None:
    bench = ready(Board(FORM))
    bench.line.unplug()
    opened = bench.line.opened
    for _ in range(1000):
        bench.step((28.0, None))
    assert bench.line.opened - opened <= 1, "no real time has passed"


def test_late_is_a_miss_and_the_late_reading_keeps_its_tick() -> None:
    class Slow(Board):
        def hear(self, data: bytes) -> list[tuple[int, bytes]]:
            answer = super().hear(data)
            slow = self.heard[-1] == Tick(1, 2_000_000_000)
            return [(TIMEOUT_NS + 5 * MS if slow else after, said) for after, said in answer]

    bench = ready(Slow(FORM))
    assert bench.step((1.0, None))
    before_ns = bench.time.now
    assert bench.step((2.0, None)) is None
    assert bench.time.now - before_ns == TIMEOUT_NS
    bench.time.now += 20 * MS
    body = bench.step((3.0, None))
    assert body is not None and (body.tick, body.values[0]) == (2, 3.0)
    counts = bench.close()
    assert (counts["misses"], counts["superseded"], counts["cuts"]) == (1, 1, 0)


def test_half_open_a_line_that_stands_and_says_nothing_is_cut_after_three_misses() -> None:
    bench = ready(Board(FORM))
    bench.step((28.0, None))
    bench.line.half_open = True
    before_ns = bench.time.now
    for _ in range(100):
        assert bench.step((28.0, None)) is None
    assert bench.time.now - before_ns == SILENT_MISSES * TIMEOUT_NS, "a dead line does not cost a time-out a tick"
    bench.line.half_open = False
    bench.time.now += 1_000 * MS
    bench.step((28.0, None))
    bench.time.now += 10 * MS
    assert bench.step((28.0, None))
    assert bench.close()["cuts"] >= 1


def test_stale_a_device_that_answers_without_readings_is_in_time_and_gives_nothing() -> None:
    class Mute(Board):
        def read(self, sample: Sample) -> list[Word]:
            return []

    bench = ready(Mute(FORM))
    assert [bench.step((28.0, None)) for _ in range(5)] == [None] * 5
    counts = bench.close()
    assert (counts["misses"], counts["readings"]) == (0, 0)


def test_garbage_between_frames_is_passed_over_and_counted() -> None:
    class Noisy(Board):
        def finish(self, tick: Tick, said: bytes) -> bytes:
            broken = bytearray(Language(FORM).write(Tick(tick.tick, 0)))
            broken[-1] ^= 1
            return b"\x00SK\xff" * 10 + said + bytes(broken) + super().finish(tick, b"")

    bench = ready(Noisy(FORM))
    for _ in range(20):
        assert bench.step((28.0, None))
    counts = bench.close()
    broken = len(Language(FORM).write(Tick(9, 0)))
    assert (counts["misses"], counts["readings"], counts["bad_frames"]) == (0, 20, 20)
    assert 20 * (40 + broken) <= counts["garbage_bytes"] <= 20 * (40 + broken + 8)


def test_words_that_are_none_are_refused_and_counted() -> None:
    class Odd(Board):
        def finish(self, tick: Tick, said: bytes) -> bytes:
            write = self.language.write
            odd = write(Reading(tick.tick, (float("inf"), 0.0))) + write(Order(1, "lcl", 0, 1.0)) + write(Tick(99, 0))
            odd += write(Reading(2**64 - 1, (1.0, 0.0)))  # of memory that was never written
            return odd + super().finish(tick, said)

    bench = ready(Odd(FORM, "fixed"), layout="fixed")
    body = bench.step((28.0, None))
    assert body is not None and body.values == (28.0, 0.0)
    assert bench.close()["refused"] == 4


def test_flood_readings_beyond_one_a_tick_and_acts_beyond_the_bound_are_dropped_and_counted() -> None:
    class Flood(Board):
        def read(self, sample: Sample) -> list[Word]:
            readings: list[Word] = [Reading(sample.tick, (float(i), 0.0)) for i in range(1000)]
            return readings + [Measured(sample.tick, "lcl", 0, 1.0) for _ in range(1000)]

    bench = ready(Flood(FORM, "fixed"), layout="fixed")
    for _ in range(3):
        body = bench.step((28.0, None))
        assert body is not None and body.values == (999.0, 0.0) and len(body.measured) == 256
    counts = bench.close()
    assert (counts["superseded"], counts["dropped"], counts["readings"]) == (3 * 999, 3 * 744, 3)


def test_a_serial_break_costs_the_frame_that_it_falls_into() -> None:
    """A break on a raw line reads as a zero byte, in the middle of whatever was on its way."""

    class Broken(Board):
        def finish(self, tick: Tick, said: bytes) -> bytes:
            return said[:9] + b"\x00" + super().finish(tick, said) if tick.tick == 1 else super().finish(tick, said)

    bench = ready(Broken(FORM))
    assert [bench.step((28.0, None)) is not None for _ in range(3)] == [True, True, True]
    counts = bench.close()
    assert counts["misses"] == 0
    assert counts["garbage_bytes"] == 10


@pytest.mark.parametrize(
    ("hello", "why"),
    [
        ({"dictionary": "0" * 16}, "its dictionary is 0000000000000000, and that of this pcdu"),
        ({"device": "gnss"}, "it says that it is 'gnss'"),
        ({"answers_ticks": False}, "it does not answer ticks, and the scenario says that it does"),
    ],
)
def test_whoever_is_another_one_is_not_flown_with(hello: dict[str, object], why: str) -> None:
    board = Board(FORM)
    board.hello = board.hello._replace(**hello)  # type: ignore[arg-type]
    bench = Bench(board, FORM)
    with pytest.raises(EnvironmentFault, match=rf"pcdu of sc-1 at tcp://127.0.0.1:5601: {why}") as wrong:
        bench.gateway.open()
    assert not bench.line.up
    assert wrong.value.hint == "put the right device there, or fly it emulated: `part: simulated`"


def test_another_version_and_the_other_layout_are_told_at_once() -> None:
    class Newer(Board):
        def hear(self, data: bytes) -> list[tuple[int, bytes]]:
            return [(MS, bytes.fromhex("534b02010000") + check("534b02010000"))]

    bench = Bench(Newer(FORM), FORM)
    with pytest.raises(EnvironmentFault, match="protocol version 2, this is version 1"):
        bench.gateway.open()

    class Fixed(Board):
        def hear(self, data: bytes) -> list[tuple[int, bytes]]:
            return [(MS, Language(FORM, "fixed").write(self.hello))]

    bench = Bench(Fixed(FORM), FORM)
    with pytest.raises(EnvironmentFault, match="written in the other layout, this is names"):
        bench.gateway.open()
    assert bench.time.now < START_NS


def check(begin: str) -> bytes:
    from zlib import crc32  # noqa: PLC0415

    data = bytes.fromhex(begin)
    header = data + (crc32(data) & 0xFFFF).to_bytes(2, "little")
    return header[6:] + crc32(header).to_bytes(4, "little")


def test_another_device_after_a_reconnect_is_refused_and_its_readings_are_not_flown() -> None:
    board = Board(FORM)
    bench = ready(board)
    assert bench.step((28.0, None))
    bench.line.unplug()
    bench.step((28.0, None))
    board.hello = board.hello._replace(dictionary="f" * 16)
    bench.line.plugged = True
    for _ in range(20):
        bench.time.now += 300 * MS
        assert bench.step((28.0, None)) is None
    assert bench.close()["refused"] >= 1


def test_nobody_there_is_said_after_ten_seconds() -> None:
    bench = Bench(None, FORM)
    bench.line.unplug()
    with pytest.raises(EnvironmentFault, match="nobody answered within 10 s") as raised:
        bench.gateway.open()
    assert "part: simulated" in (raised.value.hint or "")
    assert bench.time.now == START_NS
    assert bench.line.opened <= START_NS // (200 * MS) + 1


def test_paced_nobody_is_waited_for_and_an_answer_comes_with_the_next_tick() -> None:
    bench = ready(Board(FORM), paced=True)
    before_ns = bench.time.now
    assert bench.step((1.0, None)) is None
    assert bench.time.now == before_ns
    bench.time.now += 1_000 * MS
    body = bench.step((2.0, None))
    assert body is not None and (body.tick, body.values[0]) == (0, 1.0)
    body = bench.step((3.0, None))  # the machine was late: no time for the device
    assert body is None
    assert bench.close()["misses"] == 1


def test_a_device_that_answers_no_ticks_is_taken_as_it_comes() -> None:
    bench = ready(Board(FORM, ticks=False), paced=True, answers_ticks=False)
    for tick in range(5):
        body = bench.step((float(tick), None))
        bench.time.now += 1_000 * MS
        assert tick == 0 or (body is not None and body.tick == tick - 1)
    assert bench.close()["misses"] == 0


def test_a_gateway_goes_on_from_its_state() -> None:
    bench = ready(Board(FORM))
    bench.step((28.0, None))
    saved = bench.gateway.save()
    other = Bench(Board(FORM), FORM)
    other.gateway.restore(saved)
    assert other.party.counts.readings == 1
    assert other.gateway.state.seq == bench.gateway.state.seq == 1


def test_samples_of_a_spacecraft_that_was_late_are_one_with_all_their_orders() -> None:
    board = Board(FORM)
    bench = ready(board)
    mail = [
        Message(
            (tick + 1) * 10**9, "sc-1", tick, "hil",
            DeviceSample(device="pcdu", values=(float(tick), None), orders=(("lcl", tick, 1.0),)),
        )
        for tick in (3, 4)
    ]  # fmt: skip
    (message,) = bench.gateway.step(Moment(5, 5 * 10**9, 6 * 10**9), mail).messages
    assert (message.body.tick, message.body.values[0]) == (4, 4.0)
    assert [word for word in board.heard if isinstance(word, Order)] == [
        Order(4, "lcl", 3, 1.0),
        Order(4, "lcl", 4, 1.0),
    ]
    assert board.heard[-1] == Tick(4, 5 * 10**9)
