"""When things happen on the bus: when a tick is over, when each participant's Tick leaves, how long silence may last.

Lockstep: a tick is over when everybody has answered, and who stays silent for too long is given up. Paced: a tick is
over on schedule, and the Ticks of the spacecraft leave one after the other over the first part of it, always in the
order of their ids, so that a hundred processes on a few cores do not wake at one moment. The ground and whoever lives
in the bus process come first: the ground has most to do in a tick, and none of its mail depends on the others' answers.
Who owes answers to past ticks is late: told after a second, given up when nothing was heard of it for the range's
patience. Where nobody may fall further behind, the tick stays open and the run slows down; that counts as slips.
A paced run that was told to fly as fast as it can ends a tick when everybody has answered.

Decides when, never what; sends nothing itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bus.clock import Clock, Pacer
from bus.errors import Refused
from bus.lockstep.instructions import SendTick
from bus.process.plan import BusPlan
from bus.wire.messages import RESERVED_IDS
from bus.wire.pace import ClockOrder, ClockState

SPREAD = 0.5  # the share of a paced tick over which Ticks leave; the last one to go has the rest of it for an answer
LEAST_GAP_NS = 1_000_000  # below it timers of the loop are noise: then several leave together
MOST_TURNS = 50  # in a tick; more would only wake a process of many once for each of them
LOOK_EVERY_NS = 250_000_000
LOOK_FOR_START_NS = 10_000_000  # a paced schedule begins so soon after the last participant has come
TOLD_AFTER_NS = 1_000_000_000  # who is late for a moment is counted, and not worth a line
FREE_PATIENCE_S = 1.0  # without a schedule a tick is over so long after it began, whoever has not answered
LATE_WAKE_NS = 1_000_000_000  # woken so much too late, this process itself was stopped: nobody else is to blame


class Conducted(Protocol):
    """What is asked of a conductor."""

    @property
    def tick(self) -> int:
        """The open tick, -1 before the start."""
        ...

    @property
    def closing(self) -> bool:
        """The open tick is the closing one."""
        ...

    @property
    def waiting(self) -> Sequence[str]:
        """Whose answer to the open tick is awaited."""
        ...

    @property
    def late(self) -> Mapping[str, int]:
        """Who owes answers to past ticks, and how many; paced only."""
        ...


@dataclass(slots=True)
class _Late:
    """Somebody who is late. `since_ns`: for how long; `heard_ns`: when it last gave an answer, or became late."""

    since_ns: int
    heard_ns: int
    told: bool = False


def turns(ids: Sequence[str], period_ns: int) -> dict[str, int]:
    """How long after a tick's begin each participant's Tick leaves, in ns, evenly over SPREAD of its period."""
    spacecraft = sorted(id for id in ids if id not in RESERVED_IDS)
    span_ns = int(period_ns * SPREAD)
    gaps = max(1, min(len(spacecraft), span_ns // LEAST_GAP_NS, MOST_TURNS))
    turn = {id: (place * gaps // len(spacecraft)) * span_ns // gaps for place, id in enumerate(spacecraft)}
    return {id: turn.get(id, 0) for id in ids}


class Pacing:
    """See the module. `keep` runs beside the sockets of a run until it is cancelled.

    overdue: the time of this tick is over. send: the turn of this Tick has come. late: somebody is late by so many
    ticks, or has caught up (0). give_up: somebody has been silent for too long.
    """

    def __init__(
        self,
        plan: BusPlan,
        clock: Clock,
        conductor: Conducted,
        overdue: Callable[[int], None],
        send: Callable[[SendTick], None],
        *,
        late: Callable[[str, int], None] = lambda id, ticks: None,
        give_up: Callable[[str, str], None] = lambda id, reason: None,
    ) -> None:
        self._plan, self._clock, self._conductor = plan, clock, conductor
        self._overdue, self._send, self._tell_late, self._give_up = overdue, send, late, give_up
        self._late: dict[str, _Late] = {}
        self._waited = 0
        self._pacer = Pacer(plan.tick_ns, plan.speed, clock)
        self._turns = turns([participant.id for participant in plan.participants], self._pacer.period_ns)
        self._held: deque[SendTick] = deque()
        self._opening = True  # Ticks that are made now belong to a tick that opens; others are for somebody who is back
        self._moved_ns = clock.now_ns()
        self._heard = asyncio.Event()

    @property
    def paced(self) -> bool:
        """Whether ticks follow the clock, and nobody is waited for."""
        return self._plan.speed is not None

    @property
    def slips(self) -> int:
        """Ticks that the schedule gave up because the machine or a participant was late; see `clock.Pacer`."""
        return self._pacer.slips + self._waited

    def order(self, order: ClockOrder) -> ClockState:
        """Carry out what was asked of the run's clock; gives how it stands then. Raises Refused where it has none."""
        if not self.paced:
            raise Refused("a run that flies as fast as it can", "one that was started with --pace")
        match order.verb:
            case "pause":
                self._pacer.pause()
            case "resume":
                self._pacer.resume()
            case "step":
                self._pacer.step(order.steps)
            case "speed" | "free":
                self._pacer.change_speed(self._plan.tick_ns, order.speed if order.verb == "speed" else None)
                self._turns = turns([participant.id for participant in self._plan.participants], self._pacer.period_ns)
                self._heard.set()
        speed = self._plan.tick_ns / self._pacer.period_ns if self._pacer.paced else 0.0
        tick = max(0, self._conductor.tick)
        return ClockState(tick=tick, paused=self._pacer.paused, speed=speed, steps=self._pacer.steps)

    def moved(self) -> None:
        """Something went out: silence counts from here."""
        self._moved_ns = self._clock.now_ns()

    def heard(self, id: str) -> None:
        """`id` gave an answer."""
        self._heard.set()
        if id in self._late:
            self._late[id].heard_ns = self._clock.now_ns()

    def hold(self, order: SendTick) -> bool:
        """Whether this Tick waits for its turn; `send` hears of it then. Else it leaves now."""
        if not self._opening or self._conductor.closing or not self._turns[order.id]:
            return False
        self._held.append(order)
        return True

    def forget(self, id: str) -> None:
        """`id` left or came back: what waits for it here is not sent; a return brings its Ticks anew."""
        self._held = deque(order for order in self._held if order.id != id)

    async def keep(self) -> None:
        """The time of a whole run."""
        if self.paced:
            while self._conductor.tick < 0:
                await self._watch(LOOK_FOR_START_NS)
            await self._pace()
        while True:
            await self._watch(LOOK_EVERY_NS)

    async def _pace(self) -> None:
        """End each tick on schedule; who did not answer is late. The closing tick is waited for, as in lockstep."""
        await self._pacer.next_tick()
        while not self._conductor.closing:
            self._opening = False
            await self._take_turns()
            if not self._pacer.paced:
                await self._everybody()
            await self._pacer.next_tick()
            self._opening = True
            tick = self._conductor.tick
            self._overdue(tick)
            self._waited += self._conductor.tick == tick

    async def _everybody(self) -> None:
        """Return when all have answered the open tick, or have had their time, or there is a schedule again."""
        try:
            async with asyncio.timeout(FREE_PATIENCE_S):
                while self._conductor.waiting and not self._pacer.paced:
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            return
        await asyncio.sleep(0)  # where all have answered already, sockets still get their turn

    async def watch_over_late(self) -> None:
        """Beside `keep`, in a paced run: tells who is late, and gives up who stays silent."""
        while self.paced:
            look_ns = self._clock.now_ns() + LOOK_EVERY_NS
            await self._clock.until(look_ns)
            now_ns = self._clock.now_ns()
            if now_ns - look_ns > LATE_WAKE_NS:
                for entry in self._late.values():
                    entry.since_ns = entry.heard_ns = now_ns
            self._look_at_late(now_ns)

    def _look_at_late(self, now_ns: int) -> None:
        late = self._conductor.late
        for id in [id for id in self._late if id not in late]:
            if self._late.pop(id).told:
                self._tell_late(id, 0)
        for id, ticks in late.items():
            entry = self._late.setdefault(id, _Late(now_ns, now_ns))
            if not entry.told and now_ns - entry.since_ns >= TOLD_AFTER_NS:
                entry.told = True
                self._tell_late(id, ticks)
            silent_ns = now_ns - entry.heard_ns
            if silent_ns >= round(1e9 * self._plan.tock_timeout_s):
                self._give_up(id, f"no answer for {silent_ns / 1e9:.1f} s, {ticks} ticks behind")

    async def _take_turns(self) -> None:
        """Send what is held, in its order, each at its time. Nothing is held when this is over."""
        while self._held:
            turn_ns = self._pacer.began_ns + self._turns[self._held[0].id]
            if self._clock.now_ns() < turn_ns:
                await self._clock.until(turn_ns)
            else:
                self._send(self._held.popleft())

    async def _watch(self, for_ns: int) -> None:
        """Look once, so much later at the latest, and give up who has stayed silent for too long."""
        tick = self._conductor.tick
        patience_ns = round(1e9 * (self._plan.tock_timeout_s if tick >= 0 else self._plan.start_timeout_s))
        look_ns = min(self._moved_ns + patience_ns, self._clock.now_ns() + for_ns)
        await self._clock.until(look_ns)
        now_ns = self._clock.now_ns()
        if now_ns - look_ns > LATE_WAKE_NS:
            self._moved_ns = now_ns
        elif tick == self._conductor.tick and now_ns >= self._moved_ns + patience_ns:
            self._moved_ns = now_ns
            self._overdue(tick)
