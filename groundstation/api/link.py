"""The way to a live ground: what operators ask for goes to its port, what it answers comes back; and the time it has.

One connection for everybody who uses the API. Where the ground does not answer, nothing waits for it: requests are
refused at once, and the moment is told as unknown.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bus.clock import Clock
from bus.process.standing import SILENT_AFTER_NS, StandingLink
from bus.wire.messages import (
    PROTOCOL_VERSION,
    Body,
    Hello,
    Message,
    OperatorNote,
    OperatorReply,
    Refusal,
    Welcome,
)

MOST_OPEN = 1024
"""Requests whose answers are awaited; who comes when there are as many is refused."""


@dataclass(slots=True)
class Asked:
    """One request: what was said of it so far, and who waits for more."""

    replies: list[OperatorReply | OperatorNote | Refusal] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)


class GroundLink(StandingLink):
    """See the module. `where`: gives the endpoint of the operator's port, or nothing while there is none (the run has
    not begun, has ended, or its ground is being started again)."""

    def __init__(self, keys: Path, where: Callable[[], str], tick_ns: int, clock: Clock) -> None:
        super().__init__(keys, where, clock, identity="operator", server="ground")
        self._tick_ns = tick_ns
        self._asked: OrderedDict[int, Asked] = OrderedDict()
        self._token = 0
        self._times: list[tuple[int, int]] = []  # (by our clock, mission time), the newest last

    def now(self) -> tuple[int | None, float | None]:
        """(mission time in ns, mission seconds in a second); None where they are not known."""
        if not self.answers or not self._times:
            return None, None
        first, last = self._times[0], self._times[-1]
        span_ns = last[0] - first[0]
        rate = (last[1] - first[1]) / span_ns if span_ns > 0 else None
        since_ns = min(self._clock.now_ns() - last[0], SILENT_AFTER_NS)
        return last[1] + round(since_ns * (rate or 0.0)), rate

    @asynccontextmanager
    async def asked(self, body: Body) -> AsyncIterator[Asked]:
        """Ask for something; the answers come while this is entered. Raises ConnectionError where the ground does
        not answer, or too much is open."""
        if not self.open:
            raise ConnectionError("the ground does not answer; the run is over, or its ground starts again")
        if len(self._asked) >= MOST_OPEN:
            raise ConnectionError("too many requests are open; ask again in a moment")
        self._token += 1
        token, entry = self._token, Asked()
        self._asked[token] = entry
        try:
            await self.send(body.model_copy(update={"token": token}))
            yield entry
        finally:
            self._asked.pop(token, None)

    async def say(self, body: Body) -> None:
        """Say something whose answer comes under another request."""
        self._token += 1
        await self.send(body.model_copy(update={"token": self._token}))

    async def look(self) -> None:
        """Ask for the time."""
        await self.send(Hello(protocol=PROTOCOL_VERSION, role="operator", dictionary="", versions={}))

    def lost(self) -> None:
        """What was heard of the time is no good any more."""
        self._times.clear()

    def hear(self, message: Message) -> None:
        """The time, or an answer for whoever asked."""
        body = message.body
        if isinstance(body, Welcome):
            self._times.append((self._clock.now_ns(), body.next_tick * self._tick_ns))
            del self._times[:-5]
        elif isinstance(body, OperatorReply | OperatorNote):
            self._tell(body.token, body)
        elif isinstance(body, Refusal) and self._asked:
            self._tell(next(reversed(self._asked)), body)  # a refusal names nobody; it follows what it refuses

    def _tell(self, token: int, body: OperatorReply | OperatorNote | Refusal) -> None:
        entry = self._asked.get(token)
        if entry is not None:
            entry.replies.append(body)
            entry.more.set()
