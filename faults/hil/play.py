"""`skyrack hil play`: answers from a record in a device's place, over TCP on loopback, in whichever layout is asked."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bus.errors import DecodeError, EnvironmentFault
from faults.hil.record import Record, read_record
from node.devices.device import Channel, DeviceForm
from node.hil.frames import Splitter
from node.hil.language import Bye, Hello, Language, Tick

TAKE_BYTES = 65_536


def play_command(path: Path, port: int, runs: int) -> int:
    """Serve until interrupted, or until so many runs have said goodbye."""
    record = read_record(path)
    try:
        asyncio.run(_serve(record, port, runs))
    except OSError as error:
        raise EnvironmentFault(
            f"cannot listen at port {port}: {error.strerror}", hint="choose another --port"
        ) from error
    return 0


async def _serve(record: Record, port: int, runs: int) -> None:
    goodbyes = asyncio.Semaphore(0)

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        player = Player(record)
        try:
            while not player.over and (data := await reader.read(TAKE_BYTES)):
                writer.write(player.hear(data))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
        if player.over:
            goodbyes.release()

    server = await asyncio.start_server(called, "127.0.0.1", port)
    place = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"{record.device} of {len(record.said):,} ticks at tcp://127.0.0.1:{place}\n")
    sys.stdout.flush()
    async with server:
        left = runs
        while left or not runs:
            await goodbyes.acquire()
            left -= 1


class Player:
    """One conversation: bytes in, bytes out. A tick that the record does not have is answered without a reading."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._splitter = Splitter()
        channels = zip(record.head["channels"], record.head["sourced"], strict=True)
        self._form = DeviceForm(
            record.device,
            tuple(Channel(str(name), "", "float", "", "x" if sourced else "") for name, sourced in channels),
            tuple((str(name), "") for name in record.head["orders"]),
        )
        self.over = False

    def hear(self, data: bytes) -> bytes:
        """What it says to these bytes."""
        said = []
        for frame in self._splitter.feed(data):
            language = Language(self._form, "fixed" if frame.fixed else "names")
            try:
                word = language.read(frame)
            except DecodeError:
                continue
            match word:
                case Hello():
                    mine = word._replace(device=self._form.name, dictionary=str(self._record.head["dictionary"]))
                    said.append(language.write(mine._replace(answers_ticks=True)))
                case Tick():
                    said += [language.write(each) for each in self._record.said.get(word.tick, ())]
                    said.append(language.write(word))
                case Bye():
                    self.over = True
                case _:
                    pass
        return b"".join(said)
