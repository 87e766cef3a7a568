"""Real lines on loopback: TCP, UDP and a pseudo-terminal. One thread has both ends, so that nothing is slept for."""

from __future__ import annotations

import os
import pty
import socket
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress

import pytest

from bus.errors import EnvironmentFault, Refused
from node.hil import gateway as module
from node.hil.device_party import DeviceParty
from node.hil.gateway import Gateway
from node.hil.lines import MAX_UNSENT_BYTES, FileLine, MachineBench, line_to, parse_endpoint
from node.hil.party import Line
from tests.hil.test_gateway import FORM
from tests.kits.hil_kit import TICK_NS, Bench, Board, outside


class Far:
    """The other end: a board behind a listening socket, a datagram socket or a pseudo-terminal."""

    def __init__(self, board: Board) -> None:
        self.board = board

    endpoint: str

    def pump(self) -> None:
        """Take what has come, answer."""


class TcpFar(Far):
    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.endpoint = f"tcp://127.0.0.1:{self.listening.getsockname()[1]}"
        self.connection: socket.socket | None = None
        self.deaf = False

    def pump(self) -> None:
        try:
            connection, _ = self.listening.accept()
            connection.setblocking(False)
            self.cut()
            self.board.restart()
            self.connection = connection
        except BlockingIOError:
            pass
        if self.connection is None or self.deaf:
            return
        try:
            data = self.connection.recv(65536)
        except BlockingIOError:
            return
        for _, said in self.board.hear(data):
            try:
                self.connection.sendall(said)
            except (BrokenPipeError, ConnectionResetError):
                self.cut()
                return

    def cut(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def close(self) -> None:
        self.cut()
        self.listening.close()


class UdpFar(Far):
    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.endpoint = f"udp://127.0.0.1:{self.socket.getsockname()[1]}"

    def pump(self) -> None:
        try:
            data, where = self.socket.recvfrom(65536)
        except BlockingIOError:
            return
        for _, said in self.board.hear(data):
            self.socket.sendto(said, where)

    def close(self) -> None:
        self.socket.close()


class SerialFar(Far):
    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self.file, self._device = pty.openpty()
        tty.setraw(self._device)
        os.set_blocking(self.file, False)
        self.endpoint = f"serial://{os.ttyname(self._device)}?baud=115200"

    def pump(self) -> None:
        try:
            data = os.read(self.file, 65536)
        except (BlockingIOError, OSError):
            return
        for _, said in self.board.hear(data):
            os.write(self.file, said)

    def close(self) -> None:
        for file in (self.file, self._device):
            with suppress(OSError):
                os.close(file)


class Pumped(MachineBench):
    """Before anybody waits, the other ends have their turn."""

    def __init__(self, fars: Sequence[Far]) -> None:
        super().__init__()
        self.fars = fars

    def wait(self, lines: Sequence[Line], until_ns: int) -> Sequence[Line]:
        for far in self.fars:
            far.pump()
        return super().wait(lines, min(until_ns, self.now_ns() + 2_000_000))


def real(far: Far, **words: object) -> Bench:
    """A gateway with one real line; `step` as in virtual time."""
    bench = Bench(None, FORM, **words)
    line = line_to(far.endpoint)
    bench.party = DeviceParty("sc-1", FORM, outside(endpoint=far.endpoint, **words), line, tick_ns=TICK_NS)
    bench.gateway = Gateway([bench.party], Pumped([far]))
    bench.gateway.open()
    return bench


FARS: list[Callable[[Board], Far]] = [TcpFar, UdpFar, SerialFar]


@pytest.fixture(params=FARS, ids=["tcp", "udp", "serial"])
def far(request: pytest.FixtureRequest) -> Iterator[Far]:
    with closing(request.param(Board(FORM, "fixed"))) as made:
        yield made


def test_ticks_go_there_and_back(far: Far) -> None:
    bench = real(far, layout="fixed", timeout_s=5.0)
    for tick in range(50):
        body = bench.step((float(tick), None), ("lcl", 1, 0.0))
        assert body is not None and body.values == (float(tick), 0.0)
    counts = bench.close()
    assert (counts["readings"], counts["misses"], counts["connects"]) == (50, 0, 1)
    far.pump()
    assert type(far.board.heard[-1]).__name__ in ("Bye", "Tick")


def test_a_cut_connection_is_opened_again() -> None:
    with closing(TcpFar(Board(FORM))) as far:
        bench = real(far, timeout_s=5.0)
        assert bench.step((1.0, None))
        far.cut()
        assert bench.step((2.0, None)) is None
        bench.gateway.open()
        assert bench.step((3.0, None))
        counts = bench.close()
        assert (counts["connects"], counts["cuts"], counts["misses"]) == (2, 1, 1)


def test_a_half_open_connection_is_cut_and_opened_again() -> None:
    """The other side holds the connection and reads nothing more, as after a pulled cable."""
    with closing(TcpFar(Board(FORM))) as far:
        bench = real(far, timeout_s=0.3)
        assert bench.step((1.0, None))
        far.deaf = True
        assert [bench.step((2.0, None)) for _ in range(3)] == [None] * 3
        assert bench.party.counts.cuts == 1
        far.deaf = False
        bench.gateway.open()
        assert bench.step((3.0, None))
        bench.close()


def test_whoever_reads_nothing_is_cut_before_memory_fills() -> None:
    with closing(TcpFar(Board(FORM))) as far:
        line = line_to(far.endpoint)
        line.open()
        far.pump()
        for _ in range(1000):
            line.send(bytes(65536))
            assert line.unsent_bytes <= MAX_UNSENT_BYTES + 65536
            if not line.up:
                break
        assert not line.up


def test_a_serial_line_whose_other_end_is_gone_is_down_and_stays_so() -> None:
    far = SerialFar(Board(FORM))
    bench = real(far, timeout_s=5.0)
    assert bench.step((1.0, None))
    far.close()
    assert [bench.step((2.0, None)) for _ in range(3)] == [None] * 3
    assert not bench.line.up
    assert bench.close()["cuts"] >= 1


def test_a_serial_line_is_raw_and_has_its_speed() -> None:
    with closing(SerialFar(Board(FORM))) as far:
        line = line_to(far.endpoint)
        line.open()
        settings = termios.tcgetattr(line.descriptor)
        assert settings[5] == termios.B115200
        assert not settings[3] & (termios.ICANON | termios.ECHO)
        line.close()


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("tcp://127.0.0.1:{port}", "Connection refused"),
        ("udp://127.0.0.1:{port}", ""),
        ("serial:///dev/none", "No such file or directory"),
        ("serial:///dev/null", "Inappropriate ioctl for device"),
    ],
)
def test_nobody_there_is_an_error_of_the_users_with_place_and_cause(
    endpoint: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_NS", 50_000_000)
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))  # taken, and nobody listens
        place = endpoint.format(port=bound.getsockname()[1])
        gateway = Gateway(
            [DeviceParty("sc-1", FORM, outside(endpoint=place), line_to(place), tick_ns=1)], MachineBench()
        )
        with pytest.raises(EnvironmentFault, match=r"pcdu of sc-1 at .*: nobody answered") as raised:
            gateway.open()
        assert raised.value.message.endswith(f"({why})" if why else " s")


@pytest.mark.parametrize(
    "wrong", ["", "tcp://", "tcp://h", "tcp://h:0", "udp://h:99999", "serial://dev/tty", "x://h:1"]
)
def test_what_is_no_endpoint_is_refused(wrong: str) -> None:
    with pytest.raises(Refused):
        parse_endpoint(wrong)


def test_endpoints() -> None:
    assert parse_endpoint("tcp://[::1]:5601") == ("tcp", "::1", 5601)
    assert parse_endpoint("udp://bench-2.lab:1") == ("udp", "bench-2.lab", 1)
    assert parse_endpoint("serial:///dev/ttyUSB0") == ("serial", "/dev/ttyUSB0", 115200)
    assert isinstance(line_to("serial:///dev/ttyUSB0?baud=9600"), FileLine)
