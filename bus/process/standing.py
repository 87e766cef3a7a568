"""A standing connection to one server of a run, for whoever serves many: it asks how things stand now and then, tells
whether it is answered, and connects again where the run has not begun, has moved, or has fallen silent.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from bus.clock import Clock
from bus.errors import DecodeError, SkyrackError
from bus.sockets.keys import load_key, load_public
from bus.sockets.ports import DealerPort, Network
from bus.wire.codec import decode, encode
from bus.wire.messages import Body, Message

ASK_EVERY_NS = 500_000_000
"""How often it asks how things stand."""
SILENT_AFTER_NS = 3_000_000_000
"""Without an answer for so long the server counts as silent."""
TRY_AGAIN_NS = 500_000_000
OPENS_WITHIN_S = 5.0


class StandingLink(ABC):
    """See the module. `where`: gives the endpoint, or nothing while there is none. `identity` names the key it has,
    `server` whose port it is. `serve` until cancelled."""

    def __init__(self, keys: Path, where: Callable[[], str], clock: Clock, *, identity: str, server: str) -> None:
        self._keys, self._where, self._clock = keys, where, clock
        self._identity, self._server = identity, server
        self._port: DealerPort | None = None
        self._heard_ns: int | None = None
        self.reconnects = 0

    @abstractmethod
    async def look(self) -> None:
        """Ask how things stand."""

    @abstractmethod
    def hear(self, message: Message) -> None:
        """Whatever comes."""

    @abstractmethod
    def lost(self) -> None:
        """The connection is gone, and with it whatever was asked on it."""

    @property
    def answers(self) -> bool:
        """Whether it has been heard of just now."""
        return self._heard_ns is not None and self._clock.now_ns() - self._heard_ns < SILENT_AFTER_NS

    @property
    def open(self) -> bool:
        """Whether there is a connection that somebody answers on."""
        return self._port is not None and self.answers

    async def serve(self) -> None:
        """Keep a connection while there is a server to connect to."""
        while True:
            endpoint = self._where()
            if not endpoint:
                await self._clock.until(self._clock.now_ns() + TRY_AGAIN_NS)
                continue
            try:
                with Network() as network:
                    await self._talk(network, endpoint)
            except (SkyrackError, OSError, ExceptionGroup):
                self.reconnects += 1
            finally:
                self._port = None
                self.lost()
            await self._clock.until(self._clock.now_ns() + TRY_AGAIN_NS)

    async def send(self, body: Body, destination: str = "") -> None:
        """One message, to the server itself unless a destination is given; nothing where there is no connection."""
        if self._port is not None:
            await self._port.send([encode(Message(0, self._identity, 0, destination or self._server, body))])

    async def _talk(self, network: Network, endpoint: str) -> None:
        key, server = load_key(self._keys, self._identity), load_public(self._keys, self._server)
        port = network.dealer(endpoint, key, server, f"{self._identity}/api{self.reconnects:x}".encode())
        async with asyncio.timeout(OPENS_WITHIN_S):
            await port.opened()
        self._port, self._heard_ns = port, None
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._ask(endpoint))
            listening = group.create_task(self._listen(port))
            asking.add_done_callback(lambda _: listening.cancel())

    async def _ask(self, endpoint: str) -> None:
        """Ends when the server is somewhere else, or silent for too long: then a new connection is tried."""
        began_ns = self._clock.now_ns()
        while self._where() == endpoint:
            await self.look()
            await self._clock.until(self._clock.now_ns() + ASK_EVERY_NS)
            heard_ns = self._heard_ns if self._heard_ns is not None else began_ns
            if self._clock.now_ns() - heard_ns > 2 * SILENT_AFTER_NS:
                self.reconnects += 1
                return

    async def _listen(self, port: DealerPort) -> None:
        while True:
            for frames in await port.receive():
                try:
                    message = decode(frames[0])
                except (DecodeError, IndexError):
                    continue
                self._heard_ns = self._clock.now_ns()
                self.hear(message)
