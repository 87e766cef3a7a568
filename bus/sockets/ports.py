"""The ports of the bus: ROUTER and DEALER for ticks and mail, XPUB and SUB for observers, each closed by key and plane.

Receiving is one await, then a non-blocking drain. CURVE alone admits any key that knows the server's public key, so
nothing binds without the ZAP handler (`Network` starts it first), and a routing id counts only if it belongs to the
key that speaks. No zmq here, no decoding, no clock.
"""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from bus.errors import HandshakeRefused, RangeFailure
from bus.sockets import access, zeromq
from bus.sockets.access import Grants, Keypair, Peer
from bus.sockets.refusals import Refusals
from bus.sockets.zeromq import Context, Socket
from bus.wire.messages import MAX_PIECE_BYTES

DRAIN = 512  # messages taken before the loop gets its turn
OBSERVER_HIGH_WATER = 256  # tick records by which an observer may lag before it loses some
SELF_TEST_S = 5
_NUMBER = struct.Struct(">Q")
_P = TypeVar("_P", bound=Socket)


class Network:
    """One process's ports, with its ZAP handler. Close it, or use it as a context manager."""

    def __init__(self, grants: Grants | None = None) -> None:
        """grants: public key (Z85) -> Grant; for whoever binds. Each plane admits its roles (`access.PLANES`)."""
        self._context = zeromq.new_context()
        self._ports: list[Socket] = []
        self.refused = Refusals()
        self._gatekeeper = None if grants is None else self._add(_Gatekeeper(self._context, grants, self.refused))

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every port. Returns soon, whatever is still queued."""
        for port in reversed(self._ports):
            port.close()
        self._context.destroy(linger=zeromq.LINGER_MS)

    def _add(self, port: _P) -> _P:
        self._ports.append(port)
        return port

    @property
    def counters(self) -> Counter[str]:
        """Everything sent, received, dropped, refused and admitted, over all ports."""
        total: Counter[str] = Counter()
        for port in self._ports:
            total.update(port.counters)
        return total

    def router(self, endpoint: str, key: Keypair, plane: str) -> RouterPort:
        """A bound ROUTER for the keys granted on `plane`. Port 0 takes a free one; see `RouterPort.endpoint`."""
        return self._add(RouterPort(self._context, endpoint, key, plane, self._open(plane), self.refused))

    def publisher(self, endpoint: str, key: Keypair, plane: str) -> PublisherPort:
        """A bound XPUB for the keys granted on `plane`."""
        self._open(plane)
        return self._add(PublisherPort(self._context, endpoint, key, plane, self.refused))

    def dealer(self, endpoint: str, key: Keypair, server: bytes, routing: bytes) -> DealerPort:
        """A DEALER that connects to `endpoint`, whose owner must hold the secret of the public key `server`."""
        return self._add(DealerPort(self._context, endpoint, key, server, routing))

    def subscriber(self, endpoint: str, key: Keypair, server: bytes) -> SubscriberPort:
        """A SUB that connects to a PublisherPort."""
        return self._add(SubscriberPort(self._context, endpoint, key, server))

    def _open(self, plane: str) -> dict[str, str]:
        if self._gatekeeper is None:
            raise RangeFailure(f"plane {plane} cannot be opened without an allow-list of keys")
        return self._gatekeeper.open(plane)

    async def prove_closed(self, endpoint: str, server: bytes) -> None:
        """Knock at `endpoint` with a key nobody granted; RangeFailure unless it is turned away."""
        pair = zeromq.new_keypair()
        if self._gatekeeper is not None:
            self._gatekeeper.ours = pair.public
        knock = DealerPort(self._context, endpoint, pair, server, b"self-test")
        try:
            async with asyncio.timeout(SELF_TEST_S):
                await knock.opened()
        except HandshakeRefused:
            return
        except TimeoutError:
            pass
        finally:
            knock.close()
        raise RangeFailure(f"{endpoint} did not turn away an unknown key", hint="the ZAP handler does not work; stop")


def _note_stranger(event: str, plane: str, refused: Refusals) -> None:
    """Somebody connected that does not speak our protocol, or not with a key: libzmq tells no more of it."""
    if event == "refused_handshake":
        refused.count(plane, "connection without CURVE", "a stranger")


class _Gatekeeper(Socket):
    """The ZAP handler: answers libzmq's question about each connection."""

    def __init__(self, context: Context, grants: Grants, refused: Refusals) -> None:
        super().__init__(context, zeromq.REP)
        self._grants, self._refused = grants, refused
        self.ours = b""  # the key that the self-test knocks with: being turned away is what it is for
        self._planes: dict[str, Grants] = {}
        self.bind_plain("inproc://zeromq.zap.01")
        self.on_readable(self._serve)

    def open(self, plane: str) -> dict[str, str]:
        """From now on admit the keys of `plane`; gives their roles by identity."""
        self._planes[plane] = admitted = access.admits(plane, self._grants)
        return {grant.identity: grant.role for grant in admitted.values()}

    def _serve(self) -> None:
        while (request := self.take()) is not None:
            own = len(request) == 7 and self.ours == access.z85(request[6])
            refused = Refusals() if own else self._refused
            self.push(access.answer(request, self._planes, self.counters, self._grants, refused))


class RouterPort(Socket):
    """ROUTER: mail to and from peers whose routing id is bound to their key."""

    _full = False  # the last look did not come to the end of the queue

    def __init__(  # noqa: PLR0917 - only a network makes one
        self, context: Context, endpoint: str, key: Keypair, plane: str, roles: dict[str, str], refused: Refusals
    ) -> None:
        super().__init__(context, zeromq.ROUTER)
        self._roles, self._plane, self._refused = roles, plane, refused
        self.watch(lambda event: _note_stranger(event, plane, refused))
        self.endpoint = self.bind(endpoint, key, plane)

    async def receive(self) -> list[tuple[Peer, list[bytes]]]:
        """What has come: at least one message, at most DRAIN. Under a stolen routing id it is dropped and counted."""
        if self._full:  # a flood must not keep the loop from everything else
            await asyncio.sleep(0)
        while True:
            mail: list[tuple[Peer, list[bytes]]] = []
            for _ in range(DRAIN):
                message = self.take_from()
                if message is None:
                    break
                routing, identity, frames = message
                role = self._roles.get(identity)
                if role is None or not access.speaks_for(routing, identity):
                    self.counters["stolen_identity"] += 1
                    self._refused.count(self._plane, "routing id of another", identity)
                elif frames is None:
                    self._refused.count(self._plane, "oversize", identity)
                else:
                    mail.append((Peer(routing, identity, role), frames))
            if mail:
                self._full = message is not None
                self.counters["received"] += len(mail)
                return mail
            if message is None:
                await self.readable()
            else:
                await asyncio.sleep(0)

    def send(self, routing: bytes, frames: Sequence[bytes]) -> bool:
        """Queue for one peer. False, and counted, if it is gone ("unreachable") or lags ("queue_full")."""
        return self.push([routing, *frames])


class DealerPort(Socket):
    """DEALER: the participant's end. One connection is one session: when it breaks, `receive` raises."""

    def __init__(self, context: Context, endpoint: str, key: Keypair, server: bytes, routing: bytes) -> None:
        super().__init__(context, zeromq.DEALER)
        self._endpoint = endpoint
        self._open = False
        self._fault: RangeFailure | None = None
        self.on_fault: Callable[[RangeFailure], None] | None = None
        self.watch(self._connection)
        self.connect(endpoint, key, server, routing)

    def _connection(self, event: str) -> None:
        at, hint = self._endpoint, "use the keys of this run (run.json says where they are)"
        if event == "succeeded":
            self._open = True
        elif event == "refused_key":
            self._fault = HandshakeRefused(f"{at} does not admit this key", hint=hint)
        elif self._open:
            self._fault = RangeFailure(f"the connection to {at} is gone", hint="see the log of the process behind it")
        elif event == "refused_handshake":
            self._fault = HandshakeRefused(f"{at} does not speak for the server key given", hint=hint)
        self._tell()

    def interrupt(self, fault: RangeFailure) -> None:
        """Make whoever waits here raise `fault`."""
        self._fault = fault
        self._tell()

    def _tell(self) -> None:
        self.nudge()
        if self._fault is not None and self.on_fault is not None:
            self.on_fault(self._fault)

    def taken(self) -> list[list[bytes]]:
        """What has come, without waiting; nothing if nothing has. For whoever is called when there may be something
        (`on_readable`); `on_fault` hears of what breaks the connection."""
        mail: list[list[bytes]] = []
        while len(mail) < DRAIN and (message := self.take()) is not None:
            if message:
                mail.append(message)
        self.counters["received"] += len(mail)
        return mail

    def check(self) -> None:
        """Raise what broke the connection, if anything did."""
        self.read_events()
        if self._fault is not None:
            raise self._fault

    async def opened(self) -> None:
        """Until the handshake is through; waits for a peer that is not up yet. HandshakeRefused if turned away."""
        while not self._open:
            self.check()
            await self.readable()

    async def receive(self, block: bool = False, most: int = DRAIN) -> list[list[bytes]]:
        """What has come, at least one message. With `block` the first 100 ms are waited inside libzmq: where this is
        the process's only socket that is far cheaper than the loop (100 processes: 250 against 150 barriers/s)."""
        broken = False
        while True:
            mail: list[list[bytes]] = []
            if block and not broken:
                message = self.take(wait=True)
                if message:
                    mail.append(message)
            while len(mail) < most:
                message = self.take()
                if message is None:
                    break
                if message:
                    mail.append(message)
            if mail:
                self.counters["received"] += len(mail)
                return mail
            self.read_events()
            if self._fault is None:
                await self.readable()
            elif broken:
                raise self._fault
            broken = self._fault is not None  # what came before the break is still read: it may say goodbye

    async def send(self, frames: Sequence[bytes]) -> None:
        """Queue; waits while the queue is full, raises when the connection is gone."""
        while not self.push(frames):
            self.check()
            await asyncio.sleep(0.01)


class PublisherPort(Socket):
    """XPUB for observers: lossy. Messages are numbered, so that each observer knows exactly what it missed."""

    def __init__(self, context: Context, endpoint: str, key: Keypair, plane: str, refused: Refusals) -> None:
        super().__init__(context, zeromq.XPUB, OBSERVER_HIGH_WATER)
        self.subscribers = 0
        self._number = 0
        self.watch(lambda event: _note_stranger(event, plane, refused))
        self.endpoint = self.bind(endpoint, key, plane)
        self.on_readable(self._subscriptions)

    def _subscriptions(self) -> None:
        while (message := self.take()) is not None:
            if message:
                self.subscribers += {b"\1": 1, b"\0": -1}.get(message[0][:1], 0)

    def publish(self, content: bytes) -> None:
        """Send to whoever listens and keeps up; numbered even if nobody does."""
        self._number += 1
        self._subscriptions()
        if self.subscribers > 0:
            pieces = [content[at : at + MAX_PIECE_BYTES] for at in range(0, len(content), MAX_PIECE_BYTES)]
            self.push([_NUMBER.pack(self._number), *pieces])


class SubscriberPort(Socket):
    """SUB: an observer's end. `counters["lost"]` is exactly what it missed since its first message."""

    def __init__(self, context: Context, endpoint: str, key: Keypair, server: bytes) -> None:
        super().__init__(context, zeromq.SUB, OBSERVER_HIGH_WATER)
        self._last = 0
        self._fault: RangeFailure | None = None
        self._endpoint = endpoint
        self.watch(self._connection)
        self.connect(endpoint, key, server)

    def _connection(self, event: str) -> None:
        if event.startswith("refused"):
            self._fault = HandshakeRefused(f"{self._endpoint} does not admit this key", hint="use the observer's key")
        elif event == "disconnected" and self._fault is None:
            self._fault = RangeFailure(f"the connection to {self._endpoint} is gone", hint="the run has ended")
        self.nudge()

    async def receive(self) -> bytes:
        """The next content."""
        while True:
            message = self.take()
            if message is None:
                if self._fault is not None:
                    raise self._fault
                await self.readable()
            elif message and len(message[0]) == _NUMBER.size:
                (number,) = _NUMBER.unpack(message[0])
                if self._last:
                    self.counters["lost"] += number - self._last - 1
                self._last = number
                self.counters["received"] += 1
                return b"".join(message[1:])
