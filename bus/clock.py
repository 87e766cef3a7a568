"""The only file that reads the machine's clock, and the pace of a run: free-running, paced, paused.

Only the monotonic clock is read for pacing, so a step of the wall clock moves nothing. A pause of the process (SIGSTOP,
a suspended laptop) never releases a burst of ticks: what was missed is dropped from the schedule and counted as a slip.
Mission time is never derived from here; it is ticks times tick length.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from bus.errors import UserError

MAX_SPEED = 1_000_000.0


class Clock(Protocol):
    """Monotonic nanoseconds, and waiting until some."""

    def now_ns(self) -> int:
        """Nanoseconds since some fixed moment; never goes back."""
        ...

    async def until(self, moment_ns: int) -> None:
        """Return at or after that moment."""
        ...


class MachineClock:
    """The real thing."""

    def now_ns(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    async def until(self, moment_ns: int) -> None:
        """Sleep in the loop; a timer that fires early sleeps again."""
        while (left_ns := moment_ns - time.monotonic_ns()) > 0:  # noqa: ASYNC110 - a deadline, not a condition
            await asyncio.sleep(left_ns / 1e9)


@dataclass
class FakeClock:
    """A clock for tests: time passes only when somebody waits for it, or by `jump`. `waits` is what was waited for."""

    now: int = 0
    waits: list[int] = field(default_factory=list)

    def now_ns(self) -> int:
        """The time set."""
        return self.now

    async def until(self, moment_ns: int) -> None:
        """Be there at once."""
        self.waits.append(moment_ns)
        self.now = max(self.now, moment_ns)
        await asyncio.sleep(0)

    def jump(self, by_ns: int) -> None:
        """What a SIGSTOP looks like from inside."""
        self.now += by_ns


def wall_time_utc() -> str:
    """Wall clock, for reports and logs only: ISO 8601 to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Stopwatch:
    """Seconds of real time since it was made; for reports and benchmarks, never for the run itself."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or MachineClock()
        self._start_ns = self._clock.now_ns()

    @property
    def seconds(self) -> float:
        """So far."""
        return (self._clock.now_ns() - self._start_ns) / 1e9


def parse_pace(text: str) -> float | None:
    """Speed from `free` (None: as fast as the slowest), `realtime` (1.0) or `x60` (60.0). UserError otherwise."""
    if text == "free":
        return None
    if text == "realtime":
        return 1.0
    match = re.fullmatch(r"x(\d+(?:\.\d+)?)", text)
    speed = float(match[1]) if match else 0.0
    if not 0.0 < speed <= MAX_SPEED:
        raise UserError(f"unknown pace '{text}'", hint="use free, realtime, or a factor such as x60 or x0.5")
    return speed


class Pacer:
    """When each tick may begin. With speed None: at once, unless paused."""

    def __init__(self, tick_ns: int, speed: float | None, clock: Clock | None = None) -> None:
        self._clock = clock or MachineClock()
        self.period_ns = 0 if speed is None else max(1, round(tick_ns / speed))
        self._due_ns: int | None = None
        self._running = asyncio.Event()
        self._running.set()
        self._steps = 0
        self.slips = 0  # ticks that the schedule gave up because the machine was late or paused

    @property
    def paced(self) -> bool:
        """Whether ticks follow the clock (and not the slowest participant)."""
        return self.period_ns > 0

    @property
    def began_ns(self) -> int:
        """When the tick that `next_tick` last let begin was to begin by the schedule; now, before the first."""
        return self._clock.now_ns() if self._due_ns is None else self._due_ns - self.period_ns

    @property
    def paused(self) -> bool:
        """Whether `pause` holds the run."""
        return not self._running.is_set()

    def pause(self) -> None:
        """No further tick begins until `resume` or `step`."""
        self._steps = 0
        self._running.clear()

    def resume(self) -> None:
        """Go on, from now: a pause is no backlog."""
        self._steps = 0
        self._due_ns = None
        self._running.set()

    def step(self, ticks: int) -> None:
        """Let so many ticks begin, then pause."""
        self.resume()
        self._steps = ticks

    @property
    def steps(self) -> int:
        """Ticks that may still begin before it pauses; 0 where nobody asked for steps."""
        return self._steps

    def change_speed(self, tick_ns: int, speed: float | None) -> None:
        """Mission seconds in a second, from now on; None: no schedule."""
        self.period_ns = 0 if speed is None else max(1, round(tick_ns / speed))
        self._due_ns = None

    async def next_tick(self) -> None:
        """Return when the next tick may begin. More than one period late: the schedule starts anew from now."""
        await self._running.wait()
        if self.paced:
            await self._keep_schedule()
        if self._steps:
            self._steps -= 1
            if not self._steps:
                self._running.clear()

    async def _keep_schedule(self) -> None:
        now_ns = self._clock.now_ns()
        if self._due_ns is None:
            self._due_ns = now_ns
        elif now_ns - self._due_ns > self.period_ns:
            self.slips += (now_ns - self._due_ns) // self.period_ns
            self._due_ns = now_ns
        else:
            await self._clock.until(self._due_ns)
            await self._running.wait()
            self._due_ns = self._due_ns or self._clock.now_ns()
        self._due_ns += self.period_ns
