"""The operator's port of the ground: requests from people and programs outside, and what became of them.

A client with the operator's key sends one frame a message: OperatorRequest or OperatorAction, source "operator",
destination "ground". The port checks it, gives it a token of its own, and hands it to the bus, where it enters at a
tick boundary and is recorded; the replies come back through the record and go to whoever asked, under the token that
was asked with. A Hello is answered at once by a Welcome: its `next_tick` is the time that the ground has.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path

from bus.clock import MachineClock, wall_time_utc
from bus.errors import DecodeError, SkyrackError
from bus.process import lifeline
from bus.process.log import Log
from bus.process.participant import Shell
from bus.process.rate_limit import RateLimit
from bus.process.watchman import Watchman, kind_of
from bus.sockets.keys import load_grants, load_key
from bus.sockets.ports import Network, RouterPort
from bus.wire.codec import decode, encode
from bus.wire.messages import (
    OPERATOR_MAIL,
    Body,
    Hello,
    Message,
    OperatorNote,
    OperatorReply,
    Refusal,
    Welcome,
)
from bus.wire.stacks import OperatorStack

MAX_IN_TICK = 512  # half of what the bus takes from outside in a tick; the other half is the range's
MAX_OPEN_REQUESTS = 4096  # whose replies are still passed on; the oldest is forgotten first


class OperatorPort:
    """See the module. It is bound when it is made, within a running loop; `endpoint` has its real port. `serve` runs
    beside the ground's loop; `answer` takes the replies."""

    def __init__(self, keys: Path, endpoint: str) -> None:
        self._key = load_key(keys, "ground")
        self._network = Network(load_grants(keys))
        clock = MachineClock()
        self._limit = RateLimit(clock)
        log = Log(clock, lambda reason: lifeline.report("log_stopped", {"id": "ground", "reason": reason}))
        self._watchman = Watchman(self._network.refused, clock, lifeline.report, log.say)
        self._tick, self._in_tick = -1, 0
        try:
            self._port: RouterPort | None = self._network.router(endpoint, self._key, "operator")
        except SkyrackError:
            self._network.close()
            raise
        self.endpoint = self._port.endpoint
        self._asked: OrderedDict[int, tuple[bytes, int]] = OrderedDict()
        self._token = 0
        self._prefix = 0
        self._noted: list[tuple[object, ...]] = []

    async def serve(self, shell: Shell) -> None:
        """Until cancelled."""
        port = self._port
        assert port is not None, "it is closed"
        try:
            await self._network.prove_closed(port.endpoint, self._key.public)
            lifeline.report("ready", {"endpoints": {"operator": port.endpoint}})
            async with asyncio.TaskGroup() as group:
                beside = group.create_task(self._watchman.keep())
                try:
                    await self._listen(port, shell)
                finally:
                    beside.cancel()
        finally:
            self._watchman.look()
            self.close()

    async def _listen(self, port: RouterPort, shell: Shell) -> None:
        while True:
            for peer, frames in await port.receive():
                kind, refusal = self._hear(shell, peer.routing, peer.identity, frames)
                if refusal:
                    self._watchman.refused.count("operator", kind, peer.identity)
                    port.send(peer.routing, [_frame(Refusal(reason=refusal[:1000]))])

    def close(self) -> None:
        """Close the port. Harmless when called again."""
        self._port = None
        self._network.close()

    def answer(self, message: Message) -> None:
        """Pass a reply on to whoever asked."""
        reply = message.body
        if not isinstance(reply, OperatorReply | OperatorNote) or self._port is None:
            return
        asked = self._asked.get(reply.token)
        if asked is None:
            return
        routing, token = asked
        if reply.final:
            del self._asked[reply.token]
        self._port.send(routing, [_frame(reply.model_copy(update={"token": token}))])

    def noted(self) -> list[tuple[object, ...]]:
        """Who asked for what, from where and when by the wall clock, since the last call: rows of the archive. They are
        of the world outside, so no step sees them and no trace holds them."""
        noted, self._noted = self._noted, []
        return noted

    def _note(self, token: int, identity: str, body: Body) -> None:
        by, place = (body.asked_by, body.asked_from) if isinstance(body, OperatorStack) else ("", "")
        self._noted.append(("operator_requests", token, identity, by, place, wall_time_utc()))

    def _hear(self, shell: Shell, routing: bytes, identity: str, frames: list[bytes]) -> tuple[str, str]:
        """Hands a request on; gives the kind of refusal and the reason if it will not."""
        too_many = self._limit.refusal(routing) or self._too_many_in_tick(shell)
        if too_many:  # before it is decoded: a flood must cost less than what it is kept from
            return "too many requests", too_many
        try:
            if len(frames) != 1:
                raise DecodeError(f"a request is one frame, not {len(frames)}")
            message = decode(frames[0])
        except DecodeError as error:
            return kind_of(error), error.message
        if isinstance(message.body, Hello):
            assert self._port is not None, "it listens"
            self._port.send(routing, [_frame(Welcome(scenario=(), snapshot=(), next_tick=max(0, shell.tick + 1)))])
            return "", ""
        if message.kind not in OPERATOR_MAIL or message.source != "operator":
            return "wrong plane", f"{message.kind.name} from {message.source} has no business on the operator's port"
        self._token += 1
        token = self._base(shell) + self._token
        body = message.body.model_copy(update={"token": token})
        self._asked[token] = (routing, message.body.token)
        self._note(token, identity, message.body)
        if len(self._asked) > MAX_OPEN_REQUESTS:
            self._asked.popitem(last=False)
        if not shell.forward(encode(Message(0, "operator", 0, "ground", body))):
            return "bus that does not keep up", "the bus does not keep up; ask again"
        return "", ""

    def _too_many_in_tick(self, shell: Shell) -> str:
        """What the bus would drop, because too much comes from outside in one tick, is refused here."""
        if shell.tick != self._tick:
            self._tick, self._in_tick = shell.tick, 0
        self._in_tick += 1
        return "too many requests, try again in the next tick" if self._in_tick > MAX_IN_TICK else ""

    def _base(self, shell: Shell) -> int:
        """Tokens of a restarted ground must not meet those of its predecessor: they begin at the tick it is in."""
        if not self._prefix:
            self._prefix = (max(0, shell.tick) + 1) << 20
        return self._prefix


def _frame(body: Refusal | OperatorReply | OperatorNote | Welcome) -> bytes:
    return encode(Message(0, "ground", 0, "operator", body))
