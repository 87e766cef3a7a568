"""The way from the range's API to the bus: what is asked of the clock, what is to break, and what its targets say.

One connection for everybody who uses the API. The bus answers requests in their order, with reports of injections in
between; so answers are told apart by their turn.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from pathlib import Path

from bus.clock import Clock
from bus.errors import UserError
from bus.process.standing import StandingLink
from bus.wire.messages import (
    PROTOCOL_VERSION,
    Body,
    Hello,
    InjectionReport,
    Message,
    Refusal,
    Welcome,
)
from bus.wire.pace import ClockOrder, ClockState
from faults.live.orders import FaultOrder, ending

MOST_OPEN = 256
"""Requests whose answers are awaited; who comes when there are as many is refused."""
MOST_REPORTS = 4096
"""Words of targets that are kept for who waits for them; the oldest is forgotten."""
ANSWERS_WITHIN_S = 10.0


Struck = tuple[str, str]
"""An injection and its target: one fault may strike several."""


class RangeLink(StandingLink):
    """See the module. `clock_state`: how the run's clock stood when it was last asked, None where that is not known;
    `paced`: whether it has one that can be held, None until it has said so."""

    def __init__(self, keys: Path, where: Callable[[], str], clock: Clock) -> None:
        super().__init__(keys, where, clock, identity="range", server="bus")
        self.clock_state: ClockState | None = None
        self.paced: bool | None = None
        self._turns: deque[asyncio.Future[Body]] = deque()
        self._sending = asyncio.Lock()
        self._reports: OrderedDict[Struck, InjectionReport] = OrderedDict()
        self._more = asyncio.Event()

    def newest(self, name: str, target: str) -> InjectionReport | None:
        """The last word of a target on an injection, where it came here: the trace has it a tick later."""
        return self._reports.get((name, target))

    async def order(self, order: ClockOrder) -> ClockState:
        """Something of the clock; gives how it stands then. Raises UserError where it has none, ConnectionError."""
        state = _said(await self._asked(order), "skyrack run SCENARIO --pace x10")
        if not isinstance(state, ClockState):
            raise ConnectionError("the bus does not say how its clock stands: it is of another release")
        self.clock_state = state
        return state

    async def inject(self, order: FaultOrder) -> list[Struck]:
        """Break something; gives its injections. Raises UserError for a refusal, ConnectionError."""
        welcome = await self._asked(Hello(protocol=PROTOCOL_VERSION, role="range", dictionary="", versions={}))
        injections = order.stamped(welcome.next_tick if isinstance(welcome, Welcome) else 0)
        for injection in injections:
            _said(await self._asked(injection, order.target), "GET /faults has all of them")
        return [(injection.injection, order.target) for injection in injections]

    async def clear(self, struck: Sequence[Struck]) -> list[Struck]:
        """End these; gives those whose target is told to. Raises UserError where that is none, ConnectionError."""
        told: list[Struck] = []
        answer: Body | None = None
        for name, target in struck:
            self._reports.pop((name, target), None)
            answer = await self._asked(ending(name), target)
            if not isinstance(answer, Refusal):
                told.append((name, target))
        if isinstance(answer, Refusal) and not told:
            _said(answer, "GET /injections?active=true lists what acts")
        return told

    async def words(self, struck: Sequence[Struck], until: frozenset[int], wait_s: float) -> list[InjectionReport]:
        """The newest report of each that has one; waits until all have come to one of these states, or so long."""

        def come() -> bool:
            return all(each in self._reports and self._reports[each].state in until for each in struck)

        try:
            async with asyncio.timeout(wait_s):
                while not come():
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            pass
        return [self._reports[each] for each in struck if each in self._reports]

    async def look(self) -> None:
        """Ask how the clock stands; the answer is kept when it comes."""
        (await self._sent(ClockOrder(verb="ask"), "bus")).add_done_callback(self._keep)

    def hear(self, message: Message) -> None:
        """A report, or the answer to the oldest request."""
        body = message.body
        if isinstance(body, InjectionReport):
            self._reports[body.injection, message.source] = body
            if len(self._reports) > MOST_REPORTS:
                self._reports.popitem(last=False)
            self._more.set()
        elif self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(body)

    def lost(self) -> None:
        """Whoever waits for an answer will get none."""
        self.clock_state = self.paced = None
        while self._turns:
            self._turns.popleft().cancel()

    async def _asked(self, body: Body, target: str = "bus") -> Body:
        """The answer to a request."""
        if not self.open:
            raise ConnectionError("the bus does not answer: the run is over, or it has not begun")
        turn = await self._sent(body, target)
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                return await asyncio.shield(turn)
        except TimeoutError:
            raise ConnectionError("the bus has taken it and not answered yet; look at GET /injections") from None
        except asyncio.CancelledError:
            if not turn.cancelled():
                raise
            raise ConnectionError("the connection to the bus broke; ask again in a moment") from None

    async def _sent(self, body: Body, target: str) -> asyncio.Future[Body]:
        if len(self._turns) >= MOST_OPEN:
            raise ConnectionError("too many requests are open; ask again in a moment")
        async with self._sending:  # turns are in the order in which requests left
            turn: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
            self._turns.append(turn)
            await self.send(body, target)
        return turn

    def _keep(self, turn: asyncio.Future[Body]) -> None:
        if not turn.cancelled():
            body = turn.result()
            self.clock_state = body if isinstance(body, ClockState) else None
            self.paced = self.clock_state is not None


def _said(body: Body, hint: str) -> Body:
    if isinstance(body, Refusal):
        raise UserError(body.reason, hint=hint)
    return body
