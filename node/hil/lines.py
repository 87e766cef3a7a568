"""Lines to devices: TCP, UDP and serial, never waiting, and the bench where they end.

A line that breaks is down, whatever broke it; who holds it opens it again.
"""

from __future__ import annotations

import errno
import os
import re
import select
import socket
import termios
import tty
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from bus.clock import MachineClock
from bus.errors import Refused
from node.hil.party import Line

TAKE_BYTES = 65_536
"""At a time."""
MAX_UNSENT_BYTES = 1024 * 1024
"""What a line may owe its other end; more means that nobody reads there."""
BAUDS = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
SHAPE = "tcp://HOST:PORT, udp://HOST:PORT or serial:///dev/NAME?baud=115200"
_NETWORK = re.compile(r"(tcp|udp)://(\[[0-9a-fA-F:]{2,39}\]|[A-Za-z0-9][A-Za-z0-9.-]{0,253}):(\d{1,5})")
_SERIAL = re.compile(r"serial://(/[^?\0]{1,200})(?:\?baud=(\d{1,7}))?")


class Endpoint(NamedTuple):
    """Where a device answers. kind: tcp, udp, serial; port: of a serial line its baud rate."""

    kind: str
    place: str
    port: int


def parse_endpoint(text: str) -> Endpoint:
    """Raises Refused."""
    if found := _NETWORK.fullmatch(text):
        if 1 <= int(found[3]) <= 65_535:
            return Endpoint(found[1], found[2].strip("[]"), int(found[3]))
        raise Refused(f"port {found[3]}", "1 to 65535")
    if found := _SERIAL.fullmatch(text):
        baud = int(found[2] or 115_200)
        if baud in BAUDS:
            return Endpoint("serial", found[1], baud)
        raise Refused(f"baud={baud}", ", ".join(map(str, BAUDS)))
    raise Refused(repr(text[:80]), SHAPE)


def line_to(endpoint: str) -> FileLine:
    """A line there, not yet opened. Raises Refused."""
    found = parse_endpoint(endpoint)
    return SerialLine(found) if found.kind == "serial" else SocketLine(found)


class FileLine(Line, ABC):
    """What all lines have in common: a descriptor that never blocks, and what it still owes."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.trouble = ""
        self._unsent = b""

    @property
    @abstractmethod
    def descriptor(self) -> int:
        """For polling; -1 while the line is down."""

    @property
    def unsent_bytes(self) -> int:
        """Not yet taken by the other end's buffers."""
        return len(self._unsent)

    @abstractmethod
    def _write(self, data: bytes) -> int: ...

    @abstractmethod
    def _read(self) -> bytes: ...

    def send(self, data: bytes) -> None:
        """Send it, or keep it for when there is room; a line that owes too much is cut."""
        if not self.up:
            return
        self._unsent += data
        try:
            while self._unsent:
                self._unsent = self._unsent[self._write(self._unsent) :]
        except BlockingIOError:
            if len(self._unsent) > MAX_UNSENT_BYTES:
                self.close()
        except OSError as error:
            self._fail(error.errno)

    def _fail(self, number: int | None) -> None:
        """It broke."""
        self.trouble = os.strerror(number) if number else "it does not take these settings"
        self.close()

    def receive(self) -> bytes:
        """What has come."""
        if not self.up:
            return b""
        if self._unsent:
            self.send(b"")
        try:
            data = self._read() if self.up else b""
        except BlockingIOError:
            return b""
        except OSError as error:
            self._fail(error.errno)
            return b""
        return data


class SocketLine(FileLine):
    """TCP, or UDP whose datagrams hold whole frames."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._socket: socket.socket | None = None
        self._connecting = False
        self._address: tuple[int, tuple[object, ...]] | None = None

    @property
    def descriptor(self) -> int:
        """For polling."""
        return -1 if self._socket is None else self._socket.fileno()

    @property
    def up(self) -> bool:
        """Connected; a UDP line stands as soon as it is open."""
        if self._connecting and self._socket is not None:
            poll = select.poll()
            poll.register(self._socket, select.POLLOUT)
            if poll.poll(0):
                self._connecting = False
                if error := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    self._fail(error)
        return self._socket is not None and not self._connecting

    def open(self) -> None:
        """Begin to connect; what is under way goes on."""
        if self._socket is not None:
            return
        stream = self.endpoint.kind == "tcp"
        try:
            family, address = self._address or self._resolve(stream)
            self._address = family, address
            self._socket = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            if stream:
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            error = self._socket.connect_ex(address)
        except OSError as error_:
            self.trouble = error_.strerror or str(error_)  # of a name that nobody knows, too
            self.close()
            return
        self._connecting = error == errno.EINPROGRESS
        if error and not self._connecting:
            self._fail(error)

    def _resolve(self, stream: bool) -> tuple[int, tuple[object, ...]]:
        kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
        found = socket.getaddrinfo(self.endpoint.place, self.endpoint.port, type=kind)[0]
        return found[0], found[4]

    def _write(self, data: bytes) -> int:
        assert self._socket is not None
        if self.endpoint.kind == "tcp":
            return self._socket.send(data)
        with suppress(ConnectionRefusedError):  # of an earlier datagram: nobody was there
            self._socket.send(data)
        return len(data)

    def _read(self) -> bytes:
        assert self._socket is not None
        if self.endpoint.kind == "udp":
            with suppress(ConnectionRefusedError):
                return self._socket.recv(TAKE_BYTES)
            return b""
        data = self._socket.recv(TAKE_BYTES)
        if not data:
            self.close()
        return data

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._connecting, self._unsent = None, False, b""


class SerialLine(FileLine):
    """A serial port, or a pseudo-terminal: 8 bits, no parity, no flow control. A break reads as a zero byte."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._file = -1

    @property
    def descriptor(self) -> int:
        """For polling."""
        return self._file

    @property
    def up(self) -> bool:
        """Open."""
        return self._file >= 0

    def open(self) -> None:
        """Open the port and make it raw; where there is none, the line stays down."""
        if self.up:
            return
        try:
            self._file = os.open(self.endpoint.place, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            tty.setraw(self._file)
            settings = termios.tcgetattr(self._file)
            settings[2] |= termios.CLOCAL | termios.CREAD
            settings[4] = settings[5] = getattr(termios, f"B{self.endpoint.port}")
            termios.tcsetattr(self._file, termios.TCSANOW, settings)
        except OSError as error:
            self._fail(error.errno)
        except termios.error as error:
            self._fail(error.args[0] if error.args and isinstance(error.args[0], int) else None)

    def _write(self, data: bytes) -> int:
        return os.write(self._file, data)

    def _read(self) -> bytes:
        data = os.read(self._file, TAKE_BYTES)
        if not data and self._hung_up():
            self.close()
        return data

    def _hung_up(self) -> bool:
        """Whether an empty read was the end, and not just nothing."""
        poll = select.poll()
        poll.register(self._file, select.POLLIN)
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))

    def close(self) -> None:
        """Close the port."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._unsent = -1, b""


class MachineBench:
    """Real time, and real descriptors."""

    def __init__(self) -> None:
        self._clock = MachineClock()

    def now_ns(self) -> int:
        """Monotonic."""
        return self._clock.now_ns()

    def wait(self, lines: Sequence[Line], until_ns: int) -> Sequence[Line]:
        """Return when something came on a line, or one broke, or then; gives these lines."""
        poll = select.poll()
        found: dict[int, Line] = {}
        for line in lines:
            if isinstance(line, FileLine) and line.descriptor >= 0:
                found[line.descriptor] = line
                poll.register(line.descriptor, select.POLLIN | (select.POLLOUT if line.unsent_bytes else 0))
        ready = poll.poll(max(0, until_ns - self._clock.now_ns() + 999_999) // 1_000_000)
        return [found[descriptor] for descriptor, _ in ready]
