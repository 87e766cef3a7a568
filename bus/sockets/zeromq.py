"""The only file that imports zmq: one guarded socket in an asyncio loop.

A socket belongs to one loop. Every queue has a high-water mark, every frame a length limit, every close a bounded
linger, and whatever is dropped is counted in `counters`. Nothing here knows what a message means or who may enter.

Traps of libzmq that this file answers, each seen in a measurement: a high-water mark of 0 is unbounded; LINGER -1
hangs at exit; MAXMSGSIZE is unlimited by default; a ROUTER drops silently unless it is mandatory, and with
ROUTER_HANDOVER another valid key can take over a routing id; the FD of a socket is edge-triggered and a send may
swallow its edge (hence `nudge`); with IMMEDIATE a broken connection takes mail with it that had already arrived.
"""

from __future__ import annotations

import asyncio
import errno
import resource
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from bus.errors import EnvironmentFault
from bus.sockets.access import Keypair
from bus.wire.messages import MAX_MESSAGE_BYTES

LEAST_DESCRIPTORS = 40  # a process with a port of its own has 28 open, and some come and go
LEAST_LIBZMQ = (4, 3, 5)  # below it: CVE-2019-13132, CVE-2020-15166
HIGH_WATER = 4608  # messages per peer: a snapshot in 4096 pieces (Piece.of) still fits
LINGER_MS = 500
MOST_SOCKETS = 3200  # a process with 1,000 participants: each has a socket, and a pair that watches over it
BRIEF_BLOCK_MS = 100  # the longest a signal waits for its handler; see Socket.take
MAX_PARTS = 65_537  # Tick.count <= 65,535, plus the header
MAX_MULTIPART_BYTES = 32 * 1024 * 1024  # bound of one Tick or Tock; 500 full-size messages
Context = zmq.Context[zmq.Socket[bytes]]
ROUTER, DEALER, XPUB, SUB, REP = zmq.ROUTER, zmq.DEALER, zmq.XPUB, zmq.SUB, zmq.REP

_EVENTS = {
    int(zmq.EVENT_HANDSHAKE_SUCCEEDED): "succeeded",
    int(zmq.EVENT_HANDSHAKE_FAILED_AUTH): "refused_key",
    int(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL): "refused_handshake",
    int(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL): "refused_handshake",
    int(zmq.EVENT_DISCONNECTED): "disconnected",
}
_WHY_NOT = {
    errno.EADDRINUSE: "the port is in use",
    errno.EACCES: "this user may not use that port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.ENODEV: "this machine has no such address",
}


def new_keypair() -> Keypair:
    """A fresh random CURVE key pair."""
    return Keypair(*zmq.curve_keypair())


def new_context() -> Context:
    """This process's context; never carried over a fork. EnvironmentFault if libzmq is too old or lacks CURVE."""
    if zmq.zmq_version_info() < LEAST_LIBZMQ or not zmq.has("curve"):
        raise EnvironmentFault(
            f"libzmq {zmq.zmq_version()} cannot be used: 4.3.5 or newer with CURVE is needed",
            hint="install the pyzmq wheel that the lock file names (make install)",
        )
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed < LEAST_DESCRIPTORS:  # libzmq would abort the process where an event descriptor is missing
        raise EnvironmentFault(
            f"{LEAST_DESCRIPTORS} file descriptors are needed, {allowed} are allowed (ulimit -n)",
            hint=f"ulimit -n {4 * LEAST_DESCRIPTORS}, and start again",
        )
    context: Context = zmq.Context()
    context.max_sockets = MOST_SOCKETS
    return context


class Socket:
    """A ZeroMQ socket, its place in the loop, and its counters."""

    def __init__(self, context: Context, kind: int, high_water: int = HIGH_WATER) -> None:
        self.counters: Counter[str] = Counter()
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._on_event: Callable[[str], None] = lambda event: None
        self._socket: zmq.Socket[bytes] = context.socket(kind)
        self._socket.sndhwm = self._socket.rcvhwm = high_water
        self._socket.linger = LINGER_MS
        self._socket.maxmsgsize = MAX_MESSAGE_BYTES
        self._socket.rcvtimeo = BRIEF_BLOCK_MS
        if kind == ROUTER:
            self._socket.router_mandatory = True  # and never ROUTER_HANDOVER
        elif kind == SUB:
            self._socket.subscribe(b"")
        self._fd: int = self._socket.FD
        self._armed = False

    def connect(self, endpoint: str, key: Keypair, server: bytes, routing: bytes = b"") -> None:
        """Connect with CURVE to the holder of the public key `server`."""
        self._socket.curve_publickey, self._socket.curve_secretkey = key
        self._socket.curve_serverkey = server
        if routing:
            self._socket.routing_id = routing
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            raise EnvironmentFault(f"cannot connect to {endpoint!r}: {error}", hint="use tcp://host:port") from error

    def bind(self, endpoint: str, key: Keypair, plane: str) -> str:
        """Bind as a CURVE server whose ZAP domain is `plane`; gives the endpoint with its real port."""
        self._socket.curve_publickey, self._socket.curve_secretkey = key
        self._socket.curve_server = True
        self._socket.zap_domain = plane.encode()
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            raise EnvironmentFault(
                f"cannot bind {endpoint} for the {plane} plane: {_WHY_NOT.get(error.errno or 0, str(error))}",
                hint="choose another port, or port 0 for any free one; another run may still be live",
            ) from error
        return bytes(self._socket.getsockopt(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode()

    def bind_plain(self, endpoint: str) -> None:
        """Bind inside this process, without CURVE (the ZAP handler's address)."""
        self._socket.bind(endpoint)

    def on_readable(self, callback: Callable[[], None]) -> None:
        """Call this when the socket may have something; it must drain to the end."""
        self._loop.add_reader(self._fd, callback)
        callback()  # a queue signals only after it has once been found empty

    def quiet(self) -> None:
        """Call nobody any more when there is something."""
        self._loop.remove_reader(self._fd)

    def watch(self, on_event: Callable[[str], None]) -> None:
        """Count refused connections, and report "succeeded", "refused_key", "refused_handshake", "disconnected"."""
        self._on_event = on_event
        mask = sum(_EVENTS)
        self._monitor = self._socket.get_monitor_socket(mask)
        self._loop.add_reader(self._monitor.FD, self.read_events)
        self.read_events()  # a queue signals only after it has once been found empty

    def read_events(self) -> None:
        """Report connection events that have not been reported yet."""
        while self._monitor is not None:
            try:
                frames = self._monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            event = _EVENTS.get(int(parse_monitor_message(frames)["event"]), "")
            if event and event != "succeeded":
                self.counters[event] += 1
            self._on_event(event)

    def _edge(self) -> None:
        if self._waiter is None:  # nobody drains just now: do not let the loop spin on a readable FD
            self._loop.remove_reader(self._fd)
            self._armed = False
        self.nudge()

    def nudge(self) -> None:
        """Wake whoever waits in `readable`, perhaps for nothing."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def readable(self) -> None:
        """Until the socket may have something. Only after a drain that came to its end, and by one task only."""
        if not self._armed:
            self._loop.add_reader(self._fd, self._edge)
            self._armed = True
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def take(self, wait: bool = False) -> list[bytes] | None:
        """One message, or None if there is none. Counted and dropped if it exceeds the limits (then []).

        With `wait` it waits inside libzmq, and with it the whole loop, for at most BRIEF_BLOCK_MS.
        """
        if not wait and not int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            return None  # asking first costs a fifth of the exception
        try:
            first = self._socket.recv(0 if wait else zmq.NOBLOCK)
        except zmq.Again:
            return None
        if not self._socket.getsockopt(zmq.RCVMORE):
            return [first]
        parts = self._rest()
        return [] if parts is None else [first, *parts]

    def take_from(self) -> tuple[bytes, str, list[bytes] | None] | None:
        """One message of a ROUTER: routing id, what ZAP says whose key it is, and the parts (None: over the limits)."""
        if not int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            return None
        first: Any = self._socket.recv(zmq.NOBLOCK, copy=False)
        return first.bytes, str(first.get("User-Id")), self._rest()

    def _rest(self) -> list[bytes] | None:
        parts: list[bytes] = []
        size = 0
        while self._socket.getsockopt(zmq.RCVMORE):
            part = self._socket.recv(zmq.NOBLOCK)
            size += len(part)
            if len(parts) < MAX_PARTS and size <= MAX_MULTIPART_BYTES:
                parts.append(part)
        if size > MAX_MULTIPART_BYTES or len(parts) == MAX_PARTS:
            self.counters["oversized"] += 1
            return None
        return parts

    def push(self, frames: Sequence[bytes]) -> bool:
        """Queue without blocking; False, and counted, if the peer is gone or its queue is full."""
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (errno.EAGAIN, errno.EHOSTUNREACH):
                raise
            self.counters["unreachable" if error.errno == errno.EHOSTUNREACH else "queue_full"] += 1
            return False
        finally:
            self.nudge()  # sending may have swallowed the edge of the FD
        self.counters["sent"] += 1
        return True

    def close(self) -> None:
        """Leave the loop and close; what is unsent after LINGER_MS is lost."""
        if self._socket.closed:
            return
        self._loop.remove_reader(self._fd)
        if self._monitor is not None:
            self._loop.remove_reader(self._monitor.FD)
            monitor, self._monitor = self._monitor, None
            self._socket.disable_monitor()
            monitor.close(0)
        self._socket.close()
