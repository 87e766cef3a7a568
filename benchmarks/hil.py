"""Devices outside over TCP on loopback: how long the seam takes, beside what a bare socket echo takes in the same run.

    python benchmarks/hil.py [--seconds 20] [--json]

`ten_p99_ms`: ten devices at ten ticks a second, from the sample to the tick that comes back, over all devices and ticks
(to a tenth of a decade). `echo_p99_ms`: as many bytes to an echo on ten sockets and back, by the same loop, in the same
seconds. `one_hz`: ticks a second that one device sustains when asked for a hundred; `one_misses` of them late. The
devices are one process, and answer at once in the fixed layout.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import selectors
import socket
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, perf_counter_ns, sleep

HOUSE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOUSE))

from bus.participant import Moment  # noqa: E402
from bus.scenario.outside import OutsideDevice  # noqa: E402
from bus.wire.messages import Message  # noqa: E402
from bus.wire.outside import DeviceSample  # noqa: E402
from node.assembly import outside_forms  # noqa: E402
from node.hil.device_party import DeviceParty  # noqa: E402
from node.hil.frames import Splitter  # noqa: E402
from node.hil.gateway import Gateway  # noqa: E402
from node.hil.language import Hello, Language, Reading, Sample, Tick  # noqa: E402
from node.hil.lines import MachineBench, line_to  # noqa: E402
from node.hil.timing import Timing  # noqa: E402

TARGET_P99_MS = 5.0
TARGET_HZ = 100.0
DEVICES = 10
LATE_S = 0.01
"""Of one device at 100 Hz: an answer after this is a miss."""


def devices(told: Connection) -> None:
    """A process with eleven devices and an echo, each behind a listening socket."""
    (form,) = [form for form in outside_forms("pathfinder") if form.name == "pcdu"]
    language = Language(form, "fixed")
    hello = Hello(form.name, "", language.dictionary, 0, answers_ticks=True)
    looks = selectors.DefaultSelector()
    ports = []
    for number in range(DEVICES + 2):
        listening = socket.create_server(("127.0.0.1", 0))
        looks.register(listening, selectors.EVENT_READ, "echo" if number == DEVICES + 1 else "device")
        ports.append(listening.getsockname()[1])
    told.send(ports)
    splitters: dict[socket.socket, Splitter | None] = {}
    while True:
        for key, _ in looks.select():
            line = key.fileobj
            assert isinstance(line, socket.socket)
            if isinstance(key.data, str):
                connection, _ = line.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                splitters[connection] = None if key.data == "echo" else Splitter()
                looks.register(connection, selectors.EVENT_READ)
                continue
            data = line.recv(65536)
            splitter = splitters[line]
            if not data:
                looks.unregister(line)
                line.close()
            elif splitter is None:
                line.sendall(data)
            else:
                said = []
                for frame in splitter.feed(data):
                    match word := language.read(frame):
                        case Hello():
                            said.append(language.write(hello))
                        case Sample():
                            said.append(language.write(Reading(word.tick, tuple(0.0 * v for v in word.values))))
                        case Tick():
                            said.append(language.write(word))
                        case _:
                            pass
                line.sendall(b"".join(said))


class Range:
    """A gateway with so many devices, and the ticks that it is given."""

    def __init__(self, ports: list[int], tick_ns: int, timeout_s: float) -> None:
        (form,) = [form for form in outside_forms("pathfinder") if form.name == "pcdu"]
        self.parties = []
        for number, port in enumerate(ports):
            place = f"tcp://127.0.0.1:{port}"
            outside = OutsideDevice(
                endpoint=place, part="software", layout="fixed", timeout_s=timeout_s, answers_ticks=True,
                allowed_misses=0,
            )  # fmt: skip
            self.parties.append(DeviceParty(f"sc-{number}", form, outside, line_to(place), tick_ns=tick_ns))
        self.gateway = Gateway(self.parties, MachineBench())
        self.gateway.open()
        self._tick_ns, self._tick = tick_ns, 0
        self._body = DeviceSample(device="pcdu", values=(1.0,) * len(form.channels))

    def step(self) -> None:
        """One tick."""
        self._tick += 1
        start_ns = self._tick * self._tick_ns
        mail = [Message(start_ns, party.spacecraft, self._tick, "hil", self._body) for party in self.parties]
        self.gateway.step(Moment(self._tick, start_ns, start_ns + self._tick_ns), mail)


def main() -> int:
    """Measure, print; 1 where a target is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=devices, args=(theirs,), daemon=True)
    process.start()
    ports = ours.recv()
    try:
        found = {**ten(ports, given.seconds), **one(ports[DEVICES], given.seconds / 4)}
    finally:
        process.kill()
    if given.json:
        print(json.dumps(found, indent=1))
    else:
        for name, value in found.items():
            print(f"{name:16} {value:10.3f}")
    return 0 if found["ten_p99_ms"] <= TARGET_P99_MS and found["one_hz"] >= 0.99 * TARGET_HZ else 1


def ten(ports: list[int], seconds: float) -> dict[str, float]:
    """Ten devices at 10 Hz; in between, an echo of as many bytes."""
    flown = Range(ports[:DEVICES], 10**8, 1.0)
    echoes = [socket.create_connection(("127.0.0.1", ports[DEVICES + 1])) for _ in range(DEVICES)]
    size = 2 * (12 + 16) + 12 + 8 * 45
    echo = Timing()
    begun = perf_counter()
    for tick in range(round(seconds * 10)):
        sleep(max(0.0, begun + tick / 10 - perf_counter()))
        flown.step()
        sleep(max(0.0, begun + (tick + 0.5) / 10 - perf_counter()))
        began_ns = perf_counter_ns()
        for line in echoes:
            line.sendall(bytes(size))
        for line in echoes:
            left = size
            while left:
                left -= len(line.recv(left))
            echo.answered(perf_counter_ns() - began_ns)
    both = Timing()
    for party in flown.parties:
        both.add(party.timing)
    flown.gateway.close("measured")
    return {
        "ten_p50_ms": (both.quantile_us(0.5) or 0.0) / 1000.0,
        "ten_p99_ms": (both.quantile_us(0.99) or 0.0) / 1000.0,
        "echo_p50_ms": (echo.quantile_us(0.5) or 0.0) / 1000.0,
        "echo_p99_ms": (echo.quantile_us(0.99) or 0.0) / 1000.0,
        "ten_misses": float(sum(party.counts.misses for party in flown.parties)),
    }


def one(port: int, seconds: float) -> dict[str, float]:
    """One device at 100 Hz."""
    flown = Range([port], 10**7, LATE_S)
    ticks = round(seconds * TARGET_HZ)
    begun = perf_counter()
    for tick in range(ticks):
        sleep(max(0.0, begun + tick / TARGET_HZ - perf_counter()))
        flown.step()
    took_s = perf_counter() - begun
    flown.gateway.close("measured")
    return {"one_hz": (ticks - 1) / took_s, "one_misses": float(flown.parties[0].counts.misses)}


if __name__ == "__main__":
    sys.exit(main())
