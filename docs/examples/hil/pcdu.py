"""A power unit of design `pathfinder`, as its board would be: one file, no part of Skyrack, in the fixed layout.

    python pcdu.py --tcp 5701            listens on loopback, until it is interrupted
    python pcdu.py --serial ./pcdu.tty   a pseudo-terminal, under this name

It measures what it feels with 12 bits over each channel's range, holds its switches, and says how they stand. Behind
limiter `storage` hangs a real load that draws 12 W when it is on. `--runs 1` ends after so many runs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import struct
import sys
import tty
from pathlib import Path
from zlib import crc32

DICTIONARY = bytes.fromhex("b8497f31474e2ad1")  # skyrack list devices pathfinder
CHANNELS = 44  # skyrack hil header pathfinder
RANGES = (64.0, 4096.0, 4096.0)  # of the first channels: V, W, W
HELLO, TICK, SAMPLE, READING, ORDER, MEASURED, BYE = range(1, 8)
FIXED = 0x80
LCL, LOAD_W = 0, 1  # numbers of what is measured
STORAGE, STORAGE_W = 5, 12.0


def frame(kind: int, payload: bytes) -> bytes:
    """Header, payload, checksum."""
    begin = struct.pack("<2sBBH", b"SK", 1, kind | FIXED, len(payload))
    covered = begin + struct.pack("<H", crc32(begin) & 0xFFFF) + payload
    return covered + struct.pack("<I", crc32(covered))


class Unit:
    """What the board does, byte in, byte out."""

    def __init__(self) -> None:
        self.switches: dict[int, float] = {}
        self.buffer = b""
        self.answer = b""
        self.over = False

    def hear(self, data: bytes) -> bytes:
        """Take bytes from the line; gives what to send."""
        self.buffer += data
        sent = b""
        while (at := self.buffer.find(b"SK")) >= 0 and len(self.buffer) >= at + 8:
            self.buffer = self.buffer[at:]
            size, check = struct.unpack_from("<HH", self.buffer, 4)
            if check != crc32(self.buffer[:6]) & 0xFFFF:
                self.buffer = self.buffer[1:]
                continue
            end = 8 + size + 4
            if len(self.buffer) < end:
                break
            if struct.unpack_from("<I", self.buffer, end - 4)[0] != crc32(self.buffer[: end - 4]):
                self.buffer = self.buffer[1:]
                continue
            sent += self.take(self.buffer[3] & ~FIXED, self.buffer[8 : end - 4])
            self.buffer = self.buffer[end:]
        self.buffer = self.buffer[-65536:]
        return sent

    def take(self, kind: int, payload: bytes) -> bytes:
        """One word."""
        if kind == HELLO:
            _, tick_ns, _, _, _, spacecraft = struct.unpack("<8sQII32s32s", payload)
            return frame(HELLO, struct.pack("<8sQII32s32s", DICTIONARY, tick_ns, 1, 0, b"pcdu", spacecraft))
        if kind == ORDER:
            tick, what, element, value = struct.unpack("<QIId", payload)
            if what == LCL:
                self.switches[element] = value
                self.answer += frame(MEASURED, struct.pack("<QIId", tick, LCL, element, value))
        elif kind == SAMPLE:
            tick, *felt = struct.unpack(f"<Q{CHANNELS}d", payload)
            measured = [self.digitised(place, value) for place, value in enumerate(felt)]
            self.answer += frame(READING, struct.pack(f"<Q{CHANNELS}d", tick, *measured))
            if self.switches.get(STORAGE, 1.0):
                self.answer += frame(MEASURED, struct.pack("<QIId", tick, LOAD_W, STORAGE, STORAGE_W))
        elif kind == TICK:
            said, self.answer = self.answer, b""
            return said + frame(TICK, payload)
        elif kind == BYE:
            self.over = True
        return b""

    @staticmethod
    def digitised(place: int, value: float) -> float:
        """Twelve bits over the range; states and counts are exact."""
        if place >= len(RANGES):
            return value
        step = RANGES[place] / 4096
        return round(value / step) * step


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer on one line until it breaks, or says goodbye; True after a goodbye."""
    unit = Unit()
    while not unit.over and (data := await reader.read(65536)):
        writer.write(unit.hear(data))
        await writer.drain()
    return unit.over


async def serve_tcp(port: int, runs: int) -> None:
    """One caller at a time."""
    left = asyncio.Semaphore(0)

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await talk(reader, writer):
                left.release()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(called, "127.0.0.1", port)
    tell(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        for _ in range(runs or 1_000_000):
            await left.acquire()


def terminal(name: Path) -> int:
    """A pseudo-terminal: gives the board's end; the other one, where Skyrack opens its line, has this name."""
    board, line = os.openpty()
    tty.setraw(line)
    name.unlink(missing_ok=True)
    name.symlink_to(os.ttyname(line))
    tell(f"serial://{name.absolute()}")
    return board


async def serve_serial(board: int, runs: int) -> None:
    """Whoever opens the line."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(board, "rb", 0, closefd=False))
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(os.dup(board), "wb", 0)
    )
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    for _ in range(runs or 1_000_000):
        await talk(reader, writer)


def tell(endpoint: str) -> None:
    """Where it answers."""
    sys.stdout.write(f"pcdu at {endpoint}\n")
    sys.stdout.flush()


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--tcp", type=int, metavar="PORT", help="0: any that is free")
    where.add_argument("--serial", type=Path, metavar="NAME")
    parser.add_argument("--runs", type=int, default=0, help="end after so many; 0: never")
    given = parser.parse_args()
    try:
        if given.serial is not None:
            asyncio.run(serve_serial(terminal(given.serial), given.runs))
        else:
            asyncio.run(serve_tcp(given.tcp, given.runs))
    except KeyboardInterrupt:
        pass
    finally:
        if given.serial is not None:
            given.serial.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
