"""When Ticks leave in a paced run, and how long silence may last: on a clock that only moves when somebody waits."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.clock import FakeClock
from bus.errors import Refused
from bus.lockstep.instructions import SendTick
from bus.lockstep.sessions import ParticipantPlan
from bus.process.pacing import LEAST_GAP_NS, SPREAD, Pacing, turns
from bus.process.plan import BusPlan
from bus.wire.messages import Plane
from bus.wire.pace import ClockOrder

SECOND_NS = 1_000_000_000
IDS = ["range", "sat-d", "sat-b", "ground", "sat-a", "sat-c"]
TURN_NS = {"sat-a": 0, "sat-b": SECOND_NS // 8, "sat-c": SECOND_NS // 4, "sat-d": 3 * SECOND_NS // 8}


class Over(Exception):
    """Enough of it."""


class Range:
    """Stands for conductor and server: opens a tick for everybody whenever the last one is over; nobody answers."""

    def __init__(self, ticks: int, speed: float | None = 1.0, ids: list[str] | None = None) -> None:
        self.clock = FakeClock(now=1000)
        self.tick, self.ticks = -1, ticks
        self.waiting: list[str] = []
        self.late: dict[str, int] = {}
        self.told: list[tuple[str, int]] = []
        self.given_up: list[tuple[str, str]] = []
        self.sent: list[tuple[int, int, str]] = []
        self.ends: list[tuple[int, int]] = []
        self.before_sending: Callable[[str], None] = lambda id: None
        self.everybody = sorted(ids or IDS)
        sessions = tuple(ParticipantPlan(id, frozenset({Plane.TIME})) for id in self.everybody)
        plan = BusPlan(sessions, ticks, SECOND_NS, b"", speed=speed, tock_timeout_s=30.0, start_timeout_s=120.0)
        self.keeper = Pacing(
            plan,
            self.clock,
            self,
            self.overdue,
            self.send,
            late=lambda id, ticks: self.told.append((id, ticks)),
            give_up=lambda id, reason: self.given_up.append((id, reason)),
        )

    @property
    def closing(self) -> bool:
        return self.tick == self.ticks

    def open(self, tick: int) -> None:
        self.tick = tick
        for id in self.everybody:
            order = SendTick(id, tick, [])
            if not self.keeper.hold(order):
                self.send(order)

    def overdue(self, tick: int) -> None:
        self.ends.append((self.clock.now - 1000, tick))
        if self.closing or tick < 0:
            raise Over
        self.open(tick + 1)

    def send(self, order: SendTick) -> None:
        self.before_sending(order.id)
        self.keeper.moved()
        self.sent.append((self.clock.now - 1000, order.tick, order.id))

    async def fly(self) -> None:
        with pytest.raises(Over):
            await self.keeper.keep()

    def times(self, tick: int) -> dict[str, int]:
        return {id: at_ns - tick * SECOND_NS for at_ns, sent, id in self.sent if sent == tick}


async def test_ticks_leave_in_turn_over_half_of_the_period_and_end_on_schedule() -> None:
    run = Range(ticks=3)
    run.open(0)
    await run.fly()
    for tick in (0, 1, 2):
        assert run.times(tick) == {"ground": 0, "range": 0, **TURN_NS}
    assert [entry[2] for entry in run.sent if entry[1] == 1] == ["ground", "range", "sat-a", "sat-b", "sat-c", "sat-d"]
    assert run.ends[:3] == [(k * SECOND_NS, k - 1) for k in (1, 2, 3)]
    assert run.keeper.slips == 0


async def test_the_closing_tick_leaves_at_once_and_is_waited_for() -> None:
    run = Range(ticks=2)
    run.open(0)
    await run.fly()
    assert set(run.times(2).values()) == {0}
    assert run.ends[-1] == (2 * SECOND_NS + 30 * SECOND_NS, 2), "the last answers have the range's patience"


async def test_in_lockstep_everything_leaves_at_once() -> None:
    run = Range(ticks=2, speed=None)
    run.open(0)
    assert set(run.times(0).values()) == {0}
    await run.fly()
    assert run.ends[0] == (30 * SECOND_NS, 0)


async def test_a_paced_run_that_never_begins_is_given_up_too() -> None:
    run = Range(ticks=2)
    await run.fly()
    assert run.ends == [(120 * SECOND_NS, -1)]


async def test_who_left_or_came_back_gets_nothing_that_was_held() -> None:
    run = Range(ticks=2)

    def leave(id: str) -> None:
        if id == "sat-b" and run.tick == 1:
            run.keeper.forget("sat-c")

    run.before_sending = leave
    run.open(0)
    await run.fly()
    assert set(run.times(1)) == {*IDS} - {"sat-c"}
    assert set(run.times(2)) == {*IDS}


async def test_a_tick_for_somebody_who_is_back_does_not_wait() -> None:
    run = Range(ticks=2)
    held: list[bool] = []

    def come_back(id: str) -> None:
        if id == "sat-b" and run.tick == 1:
            held.append(run.keeper.hold(SendTick("sat-d", 1, [])))

    run.before_sending = come_back
    run.open(0)
    await run.fly()
    assert held == [False]


async def test_a_machine_that_stood_still_sends_what_is_due_in_order_and_before_the_next_tick() -> None:
    run = Range(ticks=4)

    def stand_still(id: str) -> None:
        if id == "sat-b" and run.tick == 1:
            run.clock.jump(5 * SECOND_NS)

    run.before_sending = stand_still
    run.open(0)
    await run.fly()
    assert [(tick, id) for _, tick, id in run.sent] == [(tick, id) for tick in range(5) for id in sorted(IDS)]
    assert run.keeper.slips == 4
    begin = run.times(2)["ground"]
    assert {id: at - begin for id, at in run.times(2).items()} == {"ground": 0, "range": 0, **TURN_NS}


@given(st.lists(st.sampled_from([f"s{n}" for n in range(300)]), unique=True), st.integers(1, 60 * SECOND_NS))
def test_turns_are_even_in_order_and_never_closer_than_a_timer_can_tell(ids: list[str], period_ns: int) -> None:
    found = turns([*ids, "ground", "range"], period_ns)
    assert found["ground"] == found["range"] == 0
    in_order = [found[id] for id in sorted(ids)]
    assert in_order == sorted(in_order)
    assert all(0 <= turn < max(1, period_ns * SPREAD) for turn in in_order)
    distinct = sorted(set(in_order))
    gaps = [later - sooner for sooner, later in itertools.pairwise(distinct)]
    assert all(gap >= LEAST_GAP_NS for gap in gaps)
    assert not gaps or max(gaps) - min(gaps) <= 1
    sizes = [in_order.count(turn) for turn in distinct]
    assert not sizes or max(sizes) - min(sizes) <= 1


def test_nobody_is_a_case_too() -> None:
    assert turns([], SECOND_NS) == {}
    assert turns(["ground"], SECOND_NS) == {"ground": 0}


async def watch(run: Range, for_s: float) -> None:
    """Let the keeper look after who is late, for so long on the run's own clock."""
    end_ns = run.clock.now + round(for_s * SECOND_NS)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run.keeper.watch_over_late())
        while run.clock.now < end_ns:  # noqa: ASYNC110 - the clock moves because the keeper waits for it
            await asyncio.sleep(0)
        task.cancel()


async def test_who_is_late_is_told_once_and_its_catching_up_too() -> None:
    run = Range(ticks=100)
    run.tick, run.late = 5, {"sat-a": 3}
    await watch(run, 0.9)
    assert run.told == []
    await watch(run, 2.0)
    assert run.told == [("sat-a", 3)] and run.given_up == []
    run.late = {}
    await watch(run, 0.5)
    assert run.told == [("sat-a", 3), ("sat-a", 0)]


async def test_silence_is_given_up_after_the_patience_of_the_range_and_answers_are_no_silence() -> None:
    run = Range(ticks=100)
    run.tick, run.late = 5, {"sat-a": 3, "sat-b": 3}
    await watch(run, 29.0)
    run.keeper.heard("sat-b")
    await watch(run, 2.0)
    assert [id for id, _ in run.given_up if id == "sat-b"] == []
    assert run.given_up[0][0] == "sat-a" and run.given_up[0][1].startswith("no answer for 30.")


async def test_nobody_is_to_blame_for_a_minute_in_which_the_machine_slept() -> None:
    run = Range(ticks=100)
    run.tick, run.late = 5, {"sat-a": 3}
    await watch(run, 1.0)
    until = run.clock.until

    async def asleep(moment_ns: int) -> None:
        await until(moment_ns)
        if not run.clock.waits[100:]:
            run.clock.jump(60 * SECOND_NS)

    run.clock.until = asleep  # type: ignore[method-assign]
    await watch(run, 59.0)
    assert run.given_up == []


async def test_a_tick_that_stays_open_for_the_sake_of_somebody_late_is_a_slip() -> None:
    run = Range(ticks=3)
    over = run.overdue
    stays = [True, True, False]

    def overdue(tick: int) -> None:
        if tick == 1 and stays.pop(0):
            return
        over(tick)

    run.keeper._overdue = overdue
    run.open(0)
    await run.fly()
    assert run.keeper.slips == 2


async def test_a_run_is_paused_stepped_resumed_and_given_another_speed() -> None:
    run = Range(ticks=12)
    said: list[str] = []

    def order(verb: str, **more: float) -> None:
        state = run.keeper.order(ClockOrder(verb=verb, **more))  # type: ignore[arg-type]
        assert state.tick == run.tick
        said.append(str(state))

    def hand(id: str) -> None:
        if (id, run.tick) == ("sat-d", 2):
            order("pause")
        elif (id, run.tick) == ("sat-d", 6):
            order("speed", speed=4.0)

    run.before_sending = hand
    run.open(0)
    flight = asyncio.ensure_future(run.fly())

    async def stands() -> int:
        for _ in range(200):
            await asyncio.sleep(0)
        return run.tick

    assert await stands() == 2 and said == ["paused at x1"]
    run.clock.jump(3600 * SECOND_NS)
    order("step", steps=3)
    assert await stands() == 5, "three ticks, and no backlog of the hour"
    order("ask")
    order("resume")
    await flight
    assert said[1:] == ["flies at x1", "paused at x1", "flies at x1", "flies at x4"]
    assert run.ends[-2][0] - run.ends[-3][0] == SECOND_NS // 4
    assert run.keeper.slips == 0, "a pause that was asked for is no lateness"


async def test_told_to_fly_as_fast_as_it_can_it_waits_for_everybody_and_holds_where_it_is_told_to() -> None:
    run = Range(ticks=9)

    def hand(id: str) -> None:
        if (id, run.tick) == ("sat-d", 2):
            run.keeper.order(ClockOrder(verb="pause"))
        elif run.tick == 6:
            run.waiting.append(id)

    run.before_sending = hand
    run.open(0)
    assert str(run.keeper.order(ClockOrder(verb="free"))) == "flies as fast as it can"
    flight = asyncio.ensure_future(run.fly())

    async def stands() -> int:
        for _ in range(200):
            await asyncio.sleep(0)
        return run.tick

    assert await stands() == 2 and run.clock.now == 1000, "no schedule to wait for"
    assert run.keeper.order(ClockOrder(verb="step", steps=2)).steps == 2
    assert await stands() == 4
    run.keeper.order(ClockOrder(verb="resume"))
    assert await stands() == 6, "somebody has not answered"
    run.waiting.clear()
    run.keeper.heard("sat-a")
    assert await stands() == 9 and run.keeper.slips == 0
    flight.cancel()


def test_a_run_in_lockstep_has_no_clock_to_hold() -> None:
    with pytest.raises(Refused, match="--pace"):
        Range(ticks=1, speed=None).keeper.order(ClockOrder(verb="pause"))
