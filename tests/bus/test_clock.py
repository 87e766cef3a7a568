"""Pace: schedules that never burst, whatever the machine's clock or scheduler does."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.clock import FakeClock, MachineClock, Pacer, Stopwatch, parse_pace, wall_time_utc
from bus.errors import UserError

TICK_NS = 1_000_000_000


@pytest.mark.parametrize(("text", "speed"), [("free", None), ("realtime", 1.0), ("x60", 60.0), ("x0.5", 0.5)])
def test_paces(text: str, speed: float | None) -> None:
    assert parse_pace(text) == speed


@pytest.mark.parametrize("text", ["", "fast", "60", "x", "x0", "x-1", "x1e9", "xnan", "x10000000"])
def test_paces_that_are_none(text: str) -> None:
    with pytest.raises(UserError, match="unknown pace"):
        parse_pace(text)


async def test_free_running_waits_for_nothing() -> None:
    clock = FakeClock()
    pacer = Pacer(TICK_NS, None, clock)
    for _ in range(100):
        await pacer.next_tick()
    assert clock.waits == [] and not pacer.paced


async def test_paced_ticks_keep_their_schedule_without_drift() -> None:
    clock = FakeClock(now=17)
    pacer = Pacer(TICK_NS, 10.0, clock)
    for _ in range(11):
        await pacer.next_tick()
        clock.jump(TICK_NS // 40)  # each tick costs a quarter of its period
    assert clock.waits == [17 + TICK_NS // 10 * k for k in range(1, 11)]
    assert pacer.slips == 0


async def test_a_long_pause_of_the_process_releases_no_burst() -> None:
    clock = FakeClock()
    pacer = Pacer(TICK_NS, 1.0, clock)
    for _ in range(3):
        await pacer.next_tick()
    clock.jump(30 * TICK_NS)
    times = []
    for _ in range(4):
        await pacer.next_tick()
        times.append(clock.now)
    assert [b - a for a, b in itertools.pairwise(times)] == [TICK_NS] * 3
    assert pacer.slips == 29


@given(st.lists(st.integers(0, 5 * TICK_NS), min_size=1, max_size=60))
def test_whatever_delays_there_are_at_most_one_tick_follows_early(delays: list[int]) -> None:
    async def run() -> list[int]:
        clock = FakeClock()
        pacer = Pacer(TICK_NS, 1.0, clock)
        times = []
        for delay in delays:
            await pacer.next_tick()
            times.append(clock.now)
            clock.jump(delay)
        return times

    times = asyncio.run(run())
    assert times == sorted(times)
    for first, third in zip(times, times[2:], strict=False):
        assert third - first >= TICK_NS  # never more than two ticks in one period: no catch-up burst


async def test_paused_means_no_tick_until_resumed_and_then_no_backlog() -> None:
    clock = FakeClock()
    pacer = Pacer(TICK_NS, 1.0, clock)
    await pacer.next_tick()
    pacer.pause()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(pacer.next_tick())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done() and pacer.paused
        clock.jump(100 * TICK_NS)
        pacer.resume()
    before = clock.now
    await pacer.next_tick()
    assert clock.now - before == TICK_NS
    assert pacer.slips == 0


async def test_the_machine_clock_goes_on_and_waits() -> None:
    clock = MachineClock()
    start = clock.now_ns()
    await clock.until(start + 20_000_000)
    assert clock.now_ns() >= start + 20_000_000
    await clock.until(start)  # long past: returns at once


def test_a_stopwatch_reads_its_clock() -> None:
    clock = FakeClock()
    watch = Stopwatch(clock)
    clock.jump(2_500_000_000)
    assert watch.seconds == 2.5


def test_wall_time_is_written_in_utc() -> None:
    assert wall_time_utc().endswith("Z") and len(wall_time_utc()) == 20
