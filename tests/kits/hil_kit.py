"""A bench without sockets and without a clock: lines to boards that do as a script says, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bus.participant import Moment, Outbox
from bus.scenario.outside import OutsideDevice
from bus.wire.messages import Message
from bus.wire.outside import Act, DeviceReading, DeviceSample
from node.devices.device import RESET, SIDE, DeviceForm
from node.devices.sensors import Sensors
from node.hil.device_party import DeviceParty
from node.hil.frames import Splitter
from node.hil.gateway import Gateway
from node.hil.language import Hello, Language, Layout, Measured, Order, Reading, Sample, Tick, Word
from node.hil.party import Line

TICK_NS = 1_000_000_000
MS = 1_000_000
Answer = list[tuple[int, bytes]]
"""Bytes, each so many nanoseconds later."""


class Board:
    """A device that answers: hello for hello, `read(sample)` and `act(order)` for each tick. Scripts replace parts."""

    def __init__(self, form: DeviceForm, layout: Layout = "names", *, delay_ns: int = MS, ticks: bool = True) -> None:
        self.form, self.language, self.delay_ns = form, Language(form, layout), delay_ns
        self.hello = Hello(form.name, "", self.language.dictionary, 0, answers_ticks=ticks)
        self.heard: list[Word] = []
        self._splitter = Splitter()
        self._due: list[Word] = []

    def read(self, sample: Sample) -> list[Word]:
        return [Reading(sample.tick, tuple(0.0 if v != v else v for v in sample.values))]  # noqa: PLR0124 - NaN

    def act(self, order: Order) -> list[Word]:
        return []

    def other(self, word: Word) -> list[Word]:
        """What it says to anything else."""
        return []

    def restart(self) -> None:
        """Power comes back."""
        self._splitter, self._due = Splitter(), []

    def hear(self, data: bytes) -> Answer:
        """What it says to these bytes."""
        answer: Answer = []
        for frame in self._splitter.feed(data):
            word = self.language.read(frame)
            self.heard.append(word)
            match word:
                case Hello():
                    answer.append((self.delay_ns, self.language.write(self.hello)))
                case Order():
                    self._due += self.act(word)
                case Sample():
                    self._due += self.read(word)
                case Tick():
                    answer.append((self.delay_ns, self.finish(word, b"".join(map(self.language.write, self._due)))))
                    self._due = []
                case _:
                    self._due += self.other(word)
        return answer

    def finish(self, tick: Tick, said: bytes) -> bytes:
        """All that it says in a tick."""
        return said + (self.language.write(tick) if self.hello.answers_ticks else b"")


class ModelBoard(Board):
    """Serves the very model that Skyrack emulates the device with: noise, bias and steps of its sensors, and orders
    carried out at once."""

    def __init__(self, form: DeviceForm, seed: int, spacecraft: str, layout: Layout = "names") -> None:
        super().__init__(form, layout)
        self._sourced = [channel for channel in form.channels if channel.source]
        assert len(self._sourced) == len(form.channels)
        self._truth = np.zeros(len(self._sourced))
        self._places = {channel.source: place for place, channel in enumerate(self._sourced)}
        self._sensors = Sensors(self, tuple(self._sourced), seed, spacecraft)  # type: ignore[arg-type]

    def locate(self, name: str) -> tuple[NDArray[Any], Any]:
        """As a plant does."""
        return self._truth, self._places[name]

    def read(self, sample: Sample) -> list[Word]:
        self._truth[:] = sample.values
        return [Reading(sample.tick, tuple(self._sensors.sample(sample.tick).tolist()))]

    def act(self, order: Order) -> list[Word]:
        return [] if order.what in (RESET, SIDE) else [Measured(*order)]


@dataclass
class FakeBench:
    """Time passes where somebody waits."""

    now: int = 0

    def now_ns(self) -> int:
        return self.now

    def wait(self, lines: Sequence[Line], until_ns: int) -> Sequence[Line]:
        due = [line.due_ns for line in lines if isinstance(line, FakeLine) and line.due_ns is not None]
        self.now = max(self.now, min([until_ns, *due]))
        return lines


@dataclass
class FakeLine(Line):
    """A line to a board, or to nobody. plugged: whether the other end can be reached; open_: half open: it stands, and
    nothing comes through. A cut loses what is on its way."""

    bench: FakeBench
    board: Board | None = None
    plugged: bool = True
    half_open: bool = False
    standing: bool = False
    opened: int = 0
    coming: list[tuple[int, bytes]] = field(default_factory=list)
    trouble: str = ""

    @property
    def up(self) -> bool:
        return self.standing

    @property
    def due_ns(self) -> int | None:
        return min((at_ns for at_ns, _ in self.coming), default=None)

    def open(self) -> None:
        self.opened += 1
        self.standing = self.plugged
        if self.board is not None:
            self.board.restart()

    def send(self, data: bytes) -> None:
        if self.standing and self.board is not None and not self.half_open:
            self.coming += [(self.bench.now + after, said) for after, said in self.board.hear(data)]

    def receive(self) -> bytes:
        there = [said for at_ns, said in self.coming if at_ns <= self.bench.now and self.standing]
        self.coming = [(at_ns, said) for at_ns, said in self.coming if at_ns > self.bench.now]
        return b"".join(there)

    def close(self) -> None:
        self.standing, self.coming = False, []

    def unplug(self) -> None:
        """The cable is out."""
        self.plugged = False
        self.close()


def outside(**words: Any) -> OutsideDevice:
    """A device outside as a scenario has it, with these words changed."""
    plain = {"endpoint": "tcp://127.0.0.1:5601", "part": "hardware", "layout": "names", "timeout_s": 0.1,
             "answers_ticks": True, "allowed_misses": 0}  # fmt: skip
    return OutsideDevice(**{**plain, **words})


class Bench:
    """A gateway with one device of `sc-1`, stepped by hand."""

    def __init__(self, board: Board | None, form: DeviceForm, *, paced: bool = False, **words: Any) -> None:
        self.time = FakeBench()
        self.line = FakeLine(self.time, board)
        self.form = form
        self.party = DeviceParty("sc-1", form, outside(**words), self.line, tick_ns=TICK_NS)
        self.gateway = Gateway([self.party], self.time, paced=paced)
        self.tick = 0
        self.seq = 0

    def step(self, values: Sequence[float | None], *orders: Act) -> DeviceReading | None:
        """One tick, in which the spacecraft's sample of the tick before has arrived; what comes back for it."""
        self.tick += 1
        self.seq += 1
        start_ns = self.tick * TICK_NS
        body = DeviceSample(device=self.form.name, values=tuple(values), orders=orders)
        sample = Message(start_ns, "sc-1", self.seq, "hil", body)
        outbox = self._step(Moment(self.tick, start_ns, start_ns + TICK_NS), [sample])
        if not outbox.messages:
            return None
        (message,) = outbox.messages
        assert (message.source, message.destination) == ("hil", "sc-1")
        assert isinstance(message.body, DeviceReading)
        return message.body

    def close(self) -> dict[str, float]:
        """The end; gives the account."""
        self.tick += 1
        moment = Moment(self.tick, self.tick * TICK_NS, (self.tick + 1) * TICK_NS, closing=True)
        (message,) = self._step(moment, []).messages
        return {name.removeprefix("sc-1.pcdu."): count for name, count in message.body.counters.items()}

    def _step(self, moment: Moment, inbox: list[Message]) -> Outbox:
        return self.gateway.step(moment, inbox)


Script = Callable[[Bench], None]
