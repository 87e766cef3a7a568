"""Flight software outside at its line, in virtual time: what it does wrong is seen, counted, and costs its time-out."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import closing

import msgpack
import pytest

from bus.errors import EnvironmentFault
from bus.participant import Moment
from bus.wire.messages import Message
from bus.wire.outside import MAX_ORDERS, MAX_PACKETS, MAX_PACKETS_BYTES, SoftwareAnswer, SoftwareCycle
from node.assembly import software_form
from node.hil.frames import frame
from node.hil.gateway import Gateway
from node.hil.language import Bye, Cycle, Language, Layout, Order, Reading, Telecommand, Telemetry, Tick, Word
from node.hil.lines import line_to
from node.hil.party import SILENT_MISSES
from node.hil.software_party import SoftwareParty
from tests.hil.test_lines import FARS, Far, Pumped
from tests.kits.fsw_kit import Pilot
from tests.kits.hil_kit import MS, TICK_NS, Board, FakeBench, FakeLine, outside

FORM = software_form("pathfinder")
VALUES = (*(float(place) for place in range(len(FORM.channels) - 1)), None)
TIMEOUT_NS = 100 * MS


class Bench:
    """A gateway with the flight software of `sc-1`, stepped by hand."""

    def __init__(self, pilot: Pilot | None, *, paced: bool = False, **words: object) -> None:
        self.time = FakeBench()
        self.line = FakeLine(self.time, pilot)
        self.party = SoftwareParty("sc-1", FORM, outside(**words), self.line, tick_ns=TICK_NS)
        self.gateway = Gateway([self.party], self.time, paced=paced)
        self.tick = 0

    def step(self, *telecommands: bytes, boot: int = 1, asked: bool = True) -> SoftwareAnswer | None:
        """One tick; what comes back for the spacecraft."""
        self.tick += 1
        start_ns = self.tick * TICK_NS
        body = SoftwareCycle(boot=boot, reason=0, obt_ns=start_ns + 5, values=VALUES, telecommands=telecommands)
        mail = [Message(start_ns, "sc-1", self.tick, "hil", body)] if asked else []
        outbox = self.gateway.step(Moment(self.tick, start_ns, start_ns + TICK_NS), mail)
        if not outbox.messages:
            return None
        (message,) = outbox.messages
        assert (message.source, message.destination) == ("hil", "sc-1")
        assert isinstance(message.body, SoftwareAnswer)
        return message.body

    def close(self) -> dict[str, float]:
        """The end; gives the account."""
        self.tick += 1
        moment = Moment(self.tick, self.tick * TICK_NS, (self.tick + 1) * TICK_NS, closing=True)
        (message,) = self.gateway.step(moment, []).messages
        return {name.removeprefix("sc-1.fsw."): count for name, count in message.body.counters.items()}


def ready(pilot: Pilot, *, paced: bool = False, **words: object) -> Bench:
    bench = Bench(pilot, paced=paced, **words)
    bench.gateway.open()
    return bench


class Orders(Pilot):
    """One order and one packet a tick; telecommands are no packets here."""

    def take(self, packet: bytes) -> list[Word]:
        return []

    def step(self, reading: Reading) -> list[Word]:
        return [Order(reading.tick, "pcdu.lcl", 3, 1.0), Telemetry(reading.tick, b"abc")]


@pytest.mark.parametrize("layout", ["names", "fixed"])
def test_a_tick_goes_there_and_back_in_either_layout(layout: Layout) -> None:
    pilot = Orders(layout=layout)
    bench = ready(pilot, layout=layout)
    assert bench.step(b"up") == SoftwareAnswer(
        boot=1, connect=1, orders=(("pcdu.lcl", 3, 1.0),), telemetry=(b"abc",)
    )  # fmt: skip
    hello, cycle, reading, telecommand, tick = pilot.heard
    assert hello == pilot.hello._replace(spacecraft="sc-1", tick_ns=TICK_NS)
    assert cycle == Cycle(0, TICK_NS + 5, 1, 0) and telecommand == Telecommand(0, b"up")
    assert isinstance(reading, Reading) and reading.values[:-1] == VALUES[:-1] and math.isnan(reading.values[-1])
    assert tick == Tick(0, TICK_NS + 5), "the time is on-board time: flight software sees no other"
    assert bench.time.now == 2 * MS
    assert bench.close() == {
        "readings": 1, "misses": 0, "connects": 1, "cuts": 0, "superseded": 0, "bad_frames": 0, "refused": 0,
        "unsent_orders": 0, "dropped": 0, "garbage_bytes": 0, "orders": 1, "packets": 1, "telecommands": 1,
        "unsent_telecommands": 0,
    }  # fmt: skip
    assert pilot.heard[-1] == Bye("the run is over")


def test_an_answer_without_a_word_is_one_and_a_computer_that_is_down_asks_for_none() -> None:
    bench = ready(Pilot())
    assert bench.step() is not None
    answer = bench.step()
    assert answer is not None and (answer.orders, answer.telemetry) == ((), ())
    for _ in range(5):
        assert bench.step(asked=False) is None
    assert bench.close()["misses"] == 0


def test_unplugged_and_plugged_in_again() -> None:
    bench = ready(Orders())
    assert bench.step()
    bench.line.unplug()
    before_ns = bench.time.now
    assert bench.step(b"up") is None and bench.step() is None
    assert bench.time.now == before_ns, "nobody waits for a line that is down"
    bench.line.plugged = True
    bench.time.now += 1_000 * MS
    bench.step()
    bench.time.now += 10 * MS
    answer = bench.step()
    assert answer is not None and answer.connect == 2
    counts = bench.close()
    assert (counts["connects"], counts["cuts"], counts["misses"], counts["unsent_telecommands"]) == (2, 1, 3, 1)


def test_late_is_a_miss_and_what_came_late_leaves_with_the_next_tick() -> None:
    class Slow(Orders):
        def hear(self, data: bytes) -> list[tuple[int, bytes]]:
            answer = super().hear(data)
            slow = isinstance(self.heard[-1], Tick) and self.heard[-1].tick == 1
            return [(TIMEOUT_NS + 5 * MS if slow else after, said) for after, said in answer]

    bench = ready(Slow())
    assert bench.step()
    before_ns = bench.time.now
    assert bench.step() is None
    assert bench.time.now - before_ns == TIMEOUT_NS
    bench.time.now += 20 * MS
    answer = bench.step()
    assert answer is not None and len(answer.orders) == len(answer.telemetry) == 2, "nothing is lost"
    counts = bench.close()
    assert (counts["misses"], counts["cuts"], counts["packets"]) == (1, 0, 3)


def test_half_said_waits_for_the_tick_that_completes_it() -> None:
    class Half(Orders):
        def finish(self, tick: Tick, said: bytes) -> bytes:
            return said if tick.tick == 1 else super().finish(tick, said)

    bench = ready(Half())
    assert bench.step() and bench.step() is None
    answer = bench.step()
    assert answer is not None and len(answer.orders) == 2
    assert bench.close()["misses"] == 1


def test_half_open_a_line_that_stands_and_says_nothing_is_cut_after_three_misses() -> None:
    bench = ready(Orders())
    bench.step()
    bench.line.half_open = True
    before_ns = bench.time.now
    for _ in range(100):
        assert bench.step() is None
    assert bench.time.now - before_ns == SILENT_MISSES * TIMEOUT_NS
    bench.line.half_open = False
    bench.time.now += 1_000 * MS
    bench.step()
    bench.time.now += 10 * MS
    assert bench.step()
    assert bench.close()["misses"] >= 100


def test_stale_one_that_answers_the_same_old_tick_answers_nothing() -> None:
    class Stuck(Orders):
        def finish(self, tick: Tick, said: bytes) -> bytes:
            return super().finish(tick._replace(tick=min(tick.tick, 1)), said)

    bench = ready(Stuck())
    assert bench.step() and bench.step()
    assert [bench.step() for _ in range(3)] == [None] * 3
    assert bench.close()["misses"] == 3


def test_garbage_between_frames_is_passed_over_and_counted() -> None:
    class Noisy(Orders):
        def finish(self, tick: Tick, said: bytes) -> bytes:
            broken = bytearray(Language(FORM).write(Telemetry(tick.tick, b"xyz")))
            broken[-1] ^= 1
            return b"\x00SK\xff" * 10 + said + bytes(broken) + super().finish(tick, b"")

    bench = ready(Noisy())
    assert all(bench.step() for _ in range(20))
    counts = bench.close()
    assert (counts["misses"], counts["packets"], counts["bad_frames"]) == (0, 20, 20)
    assert counts["garbage_bytes"] >= 20 * 40


def test_words_that_have_no_place_here_are_refused_and_counted() -> None:
    class Odd(Pilot):
        def finish(self, tick: Tick, said: bytes) -> bytes:
            write = self.language.write
            odd = write(Reading(tick.tick, (1.0,) * len(FORM.channels))) + write(Telecommand(tick.tick, b"no"))
            odd += write(Order(tick.tick, "pcdu.lcl", 0, float("inf"))) + write(Cycle(1, 1, 1, 1)) + write(Tick(99, 0))
            return odd + super().finish(tick, said)

    bench = ready(Odd(layout="fixed"), layout="fixed")
    assert bench.step()
    assert bench.close()["refused"] == 5


def test_flood_orders_and_packets_beyond_the_bounds_are_dropped_and_counted() -> None:
    class Flood(Pilot):
        def step(self, reading: Reading) -> list[Word]:
            orders: list[Word] = [Order(reading.tick, "pcdu.lcl", 0, 1.0) for _ in range(1000)]
            return orders + [Telemetry(reading.tick, bytes(100)) for _ in range(100)]

    bench = ready(Flood(layout="fixed"), layout="fixed")
    for _ in range(2):
        answer = bench.step()
        assert answer is not None
        assert (len(answer.orders), len(answer.telemetry)) == (MAX_ORDERS, MAX_PACKETS)
    assert bench.close()["dropped"] == 2 * (1000 - MAX_ORDERS + 100 - MAX_PACKETS)

    class Heavy(Pilot):
        def step(self, reading: Reading) -> list[Word]:
            return [Telemetry(reading.tick, bytes(8000)) for _ in range(10)]

    bench = ready(Heavy())
    answer = bench.step()
    assert answer is not None and sum(map(len, answer.telemetry)) <= MAX_PACKETS_BYTES
    assert bench.close()["dropped"] == 10 - len(answer.telemetry) == 7


@pytest.mark.parametrize(
    ("hello", "why"),
    [
        ({"dictionary": "0" * 16}, "its dictionary is 0000000000000000, and that of this fsw"),
        ({"device": "pcdu"}, "it says that it is 'pcdu'"),
        ({"answers_ticks": False}, "it does not answer ticks"),
    ],
)
def test_whoever_is_another_one_is_not_flown_with(hello: dict[str, object], why: str) -> None:
    pilot = Pilot()
    pilot.hello = pilot.hello._replace(**hello)  # type: ignore[arg-type]
    with pytest.raises(EnvironmentFault, match=rf"fsw of sc-1 at tcp://127.0.0.1:5601: {why}") as wrong:
        Bench(pilot).gateway.open()
    assert wrong.value.hint == "put the right flight software there, or fly it emulated: `part: simulated`"


def test_another_version_is_told_at_once() -> None:
    class Newer(Pilot):
        def hear(self, data: bytes) -> list[tuple[int, bytes]]:
            from zlib import crc32  # noqa: PLC0415

            begin = bytes.fromhex("534b02010000")
            header = begin + (crc32(begin) & 0xFFFF).to_bytes(2, "little")
            return [(MS, header + crc32(header).to_bytes(4, "little"))]

    with pytest.raises(EnvironmentFault, match="protocol version 2, this is version 1"):
        Bench(Newer()).gateway.open()


def test_nobody_there_is_said_after_ten_seconds() -> None:
    bench = Bench(None)
    bench.line.unplug()
    with pytest.raises(EnvironmentFault, match="nobody answered within 10 s") as raised:
        bench.gateway.open()
    assert raised.value.hint == "start the flight software first, or fly it emulated: `part: simulated`"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Language(FORM).write(Bye("battery low")), "it said goodbye: 'battery low'"),
        (
            frame(1, msgpack.packb(["fsw"]), fixed=False),
            r"what it said is no hello \([1-9]\d* refused, 0 garbage bytes",
        ),
        (
            frame(1, msgpack.packb({"device": 7}), fixed=False),
            r"what it said is no hello \([1-9]\d* refused, 0 garbage",
        ),
        (b"login: " * 9, r"what it said is no hello \(0 refused, [1-9][\d,]* garbage bytes\)"),
        (b"S", r"what it said is no hello \(0 refused, [1-9]\d* garbage bytes\)"),
    ],
    ids=["bye", "list", "types", "garbage", "half"],
)
def test_what_is_said_where_a_hello_is_due_is_told(said: bytes, why: str) -> None:
    class Other(Pilot):
        def hear(self, data: bytes) -> list[tuple[int, bytes]]:
            return [(MS, said)]

    with pytest.raises(EnvironmentFault, match=why) as raised:
        Bench(Other()).gateway.open()
    assert raised.value.hint.startswith("put the right flight software there")


def test_a_goodbye_from_before_the_hello_is_no_matter() -> None:
    class Late(Pilot):
        def hear(self, data: bytes) -> list[tuple[int, bytes]]:
            return [(0, self.language.write(Bye("the run is over"))), *super().hear(data)]

    assert ready(Late()).party.greeted


def test_while_the_computer_boots_nobody_is_asked_and_nobody_misses_whether_there_or_gone() -> None:
    bench = ready(Orders())
    assert bench.step()
    bench.line.unplug()
    assert bench.step() is None
    for _ in range(5):
        assert bench.step(asked=False) is None
    bench.step(boot=2)
    assert bench.close()["misses"] == 2


def test_paced_nobody_is_waited_for_and_telecommands_of_ticks_that_came_together_are_all_handed_over() -> None:
    pilot = Orders()
    bench = ready(pilot, paced=True)
    assert bench.step() is None
    bench.time.now += 1_000 * MS
    assert bench.step() is not None
    mail = [
        Message((tick + 1) * TICK_NS, "sc-1", tick, "hil", SoftwareCycle(
            boot=1, reason=0, obt_ns=tick, values=VALUES, telecommands=(bytes((tick,)),)))
        for tick in (7, 8)
    ]  # fmt: skip
    bench.gateway.step(Moment(9, 9 * TICK_NS, 10 * TICK_NS), mail)
    assert [word for word in pilot.heard if isinstance(word, Telecommand)] == [
        Telecommand(8, b"\x07"), Telecommand(8, b"\x08"),
    ]  # fmt: skip


def test_what_is_said_to_a_boot_that_is_over_is_dropped_and_counted() -> None:
    class Slow(Orders):
        def hear(self, data: bytes) -> list[tuple[int, bytes]]:
            answer = super().hear(data)
            return answer if len(self.heard) == 1 else [(2_000 * MS, said) for _, said in answer]

    bench = ready(Slow(), paced=True)
    bench.step(boot=1)
    bench.step(boot=2)
    bench.time.now += 2_000 * MS
    answer = bench.step(boot=2)
    assert answer is not None and (answer.boot, len(answer.orders), len(answer.telemetry)) == (2, 1, 1)
    assert bench.close()["dropped"] == 2

    bench = ready(Slow(), paced=True)
    bench.step(boot=1)
    bench.time.now += 2_000 * MS
    answer = bench.step(boot=2)
    assert answer is not None and (answer.boot, len(answer.orders)) == (1, 1), "which the spacecraft leaves out"


def test_a_gateway_goes_on_from_its_state() -> None:
    bench = ready(Orders())
    bench.step()
    other = Bench(Orders())
    other.gateway.restore(bench.gateway.save())
    assert (other.party.counts.packets, other.gateway.state.seq) == (1, 1)


@pytest.mark.parametrize("kind", FARS, ids=["tcp", "udp", "serial"])
def test_over_real_lines_of_every_kind(kind: Callable[[Board], Far]) -> None:
    pilot = Orders(layout="fixed")
    with closing(kind(pilot)) as far:
        bench = Bench(None, layout="fixed")
        words = outside(endpoint=far.endpoint, layout="fixed", timeout_s=5.0)
        bench.party = SoftwareParty("sc-1", FORM, words, line_to(far.endpoint), tick_ns=TICK_NS)
        bench.gateway = Gateway([bench.party], Pumped([far]))
        bench.gateway.open()
        for tick in range(20):
            answer = bench.step(bytes((tick,)) * 100)
            assert answer is not None and (len(answer.orders), answer.telemetry) == (1, (b"abc",))
        counts = bench.close()
    assert (counts["readings"], counts["misses"], counts["connects"], counts["garbage_bytes"]) == (20, 0, 1, 0)
    assert [word.packet for word in pilot.heard if isinstance(word, Telecommand)] == [
        bytes((tick,)) * 100 for tick in range(20)
    ]
