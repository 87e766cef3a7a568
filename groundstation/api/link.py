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
from bus.errors import DecodeError, SkyrackError
from bus.sockets.keys import load_key, load_public
from bus.sockets.ports import DealerPort, Network
from bus.wire.codec import decode, encode
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

ASK_EVERY_NS = 500_000_000
"""How often the ground is asked for the time."""
SILENT_AFTER_NS = 3_000_000_000
"""Without an answer for so long it counts as silent."""
TRY_AGAIN_NS = 500_000_000
MOST_OPEN = 1024
"""Requests whose answers are awaited; who comes when there are as many is refused."""


@dataclass(slots=True)
class Asked:
    """One request: what was said of it so far, and who waits for more."""

    replies: list[OperatorReply | OperatorNote | Refusal] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)


class GroundLink:
    """See the module. `where`: gives the endpoint of the operator's port, or nothing while there is none (the run has
    not begun, has ended, or its ground is being started again). `serve` until cancelled."""

    def __init__(self, keys: Path, where: Callable[[], str], tick_ns: int, clock: Clock) -> None:
        self._keys, self._where, self._tick_ns, self._clock = keys, where, tick_ns, clock
        self._port: DealerPort | None = None
        self._asked: OrderedDict[int, Asked] = OrderedDict()
        self._token = 0
        self._heard_ns: int | None = None
        self._times: list[tuple[int, int]] = []  # (by our clock, mission time), the newest last
        self.reconnects = 0

    @property
    def answers(self) -> bool:
        """Whether it has been heard of just now."""
        return self._heard_ns is not None and self._clock.now_ns() - self._heard_ns < SILENT_AFTER_NS

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
        if self._port is None or not self.answers:
            raise ConnectionError("the ground does not answer; the run is over, or its ground starts again")
        if len(self._asked) >= MOST_OPEN:
            raise ConnectionError("too many requests are open; ask again in a moment")
        self._token += 1
        token, entry = self._token, Asked()
        self._asked[token] = entry
        try:
            await self._send(body.model_copy(update={"token": token}))
            yield entry
        finally:
            self._asked.pop(token, None)

    async def say(self, body: Body) -> None:
        """Say something whose answer comes under another request."""
        self._token += 1
        await self._send(body.model_copy(update={"token": self._token}))

    async def serve(self) -> None:
        """Keep a connection while there is a ground to connect to."""
        while True:
            endpoint = self._where()
            if not endpoint:
                await self._clock.until(self._clock.now_ns() + TRY_AGAIN_NS)
                continue
            try:
                with Network() as network:
                    await self._talk(network, endpoint)
            except (SkyrackError, OSError):
                self.reconnects += 1
            finally:
                self._port = None
                self._times.clear()
            await self._clock.until(self._clock.now_ns() + TRY_AGAIN_NS)

    async def _talk(self, network: Network, endpoint: str) -> None:
        key, server = load_key(self._keys, "operator"), load_public(self._keys, "ground")
        port = network.dealer(endpoint, key, server, f"operator/api{self.reconnects:x}".encode())
        async with asyncio.timeout(5.0):
            await port.opened()
        self._port, self._heard_ns = port, None
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._ask_for_time(endpoint))
            listening = group.create_task(self._listen(port))
            asking.add_done_callback(lambda _: listening.cancel())

    async def _ask_for_time(self, endpoint: str) -> None:
        """Ends when the ground is somewhere else, or silent for too long: then a new connection is tried."""
        began_ns = self._clock.now_ns()
        while self._where() == endpoint:
            await self._send(Hello(protocol=PROTOCOL_VERSION, role="operator", dictionary="", versions={}))
            await self._clock.until(self._clock.now_ns() + ASK_EVERY_NS)
            heard_ns = self._heard_ns if self._heard_ns is not None else began_ns
            if self._clock.now_ns() - heard_ns > 2 * SILENT_AFTER_NS:
                self.reconnects += 1
                return

    async def _listen(self, port: DealerPort) -> None:
        while True:
            for frames in await port.receive():
                try:
                    self._hear(decode(frames[0]).body)
                except (DecodeError, IndexError):
                    continue

    def _hear(self, body: object) -> None:
        self._heard_ns = self._clock.now_ns()
        if isinstance(body, Welcome):
            self._times.append((self._heard_ns, body.next_tick * self._tick_ns))
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

    async def _send(self, body: Body) -> None:
        if self._port is not None:
            await self._port.send([encode(Message(0, "operator", 0, "ground", body))])
