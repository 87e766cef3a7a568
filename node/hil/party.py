"""Whoever is outside, as the gateway knows them: the line to them, who answers there, and whether in time.

No clock and no socket here: a line is given, and moments are told. Everything that is not flown with is counted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bus.errors import DecodeError
from bus.scenario.outside import OutsideDevice
from bus.wire.messages import Body
from node.devices.device import DeviceForm
from node.hil.frames import VERSION, Frame, Splitter
from node.hil.language import Bye, Hello, Language, Tick, Word
from node.hil.timing import Timing

SILENT_MISSES = 3
"""Misses in a row after which a line counts as dead, whatever its other end says: it is cut and opened again."""
GREET_EVERY_NS = 200_000_000
"""Real time between two attempts to open a line, or two greetings that nobody has answered."""


class Line(Protocol):
    """A line to one of them. Nothing here waits, and nothing raises: a line that breaks is down. trouble: why it was
    last, for people; empty where nothing was wrong."""

    trouble: str

    @property
    def up(self) -> bool:
        """Whether bytes can be sent."""
        ...

    def open(self) -> None:
        """Begin to connect, or go on with it."""
        ...

    def send(self, data: bytes) -> None:
        """Send all of it; a line that cannot take it is cut."""
        ...

    def receive(self) -> bytes:
        """What has come, a bounded part of it; nothing: nothing there."""
        ...

    def close(self) -> None:
        """Cut it."""
        ...


@dataclass(slots=True)
class Counts:
    """What became of everything, by kind. misses: ticks without an answer in time; superseded: readings that another
    one of the same tick replaced; cuts: lines that broke or were given up, after `connects` that stood."""

    readings: int = 0
    misses: int = 0
    connects: int = 0
    cuts: int = 0
    superseded: int = 0
    bad_frames: int = 0
    refused: int = 0
    unsent_orders: int = 0
    dropped: int = 0
    garbage_bytes: int = 0


C = TypeVar("C", bound=Counts)
Asked = TypeVar("Asked", bound=Body)


class Party(ABC, Generic[Asked, C]):
    """See the module. `device`: its name, that of a device or of flight software."""

    def __init__(
        self, spacecraft: str, form: DeviceForm, outside: OutsideDevice, line: Line, counts: C, *, tick_ns: int
    ) -> None:
        self.spacecraft, self.device, self.outside, self.line = spacecraft, form.name, outside, line
        self.counts = counts
        self.greeted = False
        self.refusal = ""
        self._goodbye = ""
        self.silent = 0
        self.timing = Timing()
        self.timed = True
        self._language = Language(form, outside.layout)
        self._hello = Hello(form.name, spacecraft, self._language.dictionary, tick_ns, answers_ticks=True)
        self._splitter = Splitter()
        self._was_up = False
        self._next_ns: int | None = None
        self._asked, self._answered, self._asked_ns = -1, -1, 0
        self._unjudged = False

    @abstractmethod
    def _words(self, tick: int, body: Asked) -> Sequence[Word]:
        """What is said in a tick, before the tick itself."""

    @abstractmethod
    def _unheard(self, body: Asked) -> None:
        """Nobody is there to hear this: count what is lost with it."""

    @abstractmethod
    def _take(self, word: Word) -> bool:
        """Keep what was said until it is collected; False for what has no place here."""

    @property
    @abstractmethod
    def _spoke(self) -> bool:
        """Whether there is something that answers a tick where no ticks are answered."""

    @abstractmethod
    def _collected(self, tick: int) -> Body | None:
        """What was kept, to leave in this tick; None: nothing."""

    @property
    def name(self) -> str:
        """Of whoever it is, for people."""
        return f"{self.device} of {self.spacecraft}"

    @property
    def owes(self) -> bool:
        """It was asked, can answer, and has not."""
        return self.greeted and self.outside.answers_ticks and self._answered < self._asked

    @property
    def said_instead(self) -> str:
        """What it said where a hello was due, for people; empty: nothing at all."""
        counts = self.counts
        garbage_bytes = counts.garbage_bytes + self._splitter.held_bytes
        if self.refusal or self._goodbye:
            return self.refusal or self._goodbye
        if counts.refused or garbage_bytes:
            return f"what it said is no hello ({counts.refused:,} refused, {garbage_bytes:,} garbage bytes)"
        return ""

    def tend(self, now_ns: int) -> None:
        """Take what has come; open the line if it is down, greet who has not answered."""
        self.listen(now_ns)
        due = self._next_ns is None or now_ns >= self._next_ns
        if not self.line.up and due:
            self._next_ns = now_ns + GREET_EVERY_NS
            self.line.open()
        came_up = self._look()
        if came_up or (self.line.up and not self.greeted and due):
            self._next_ns = now_ns + GREET_EVERY_NS
            self.line.send(self._language.write(self._hello))
            self.listen(now_ns)

    def _look(self) -> bool:
        """See whether the line stands; True where it came up since."""
        if self.line.up == self._was_up:
            return False
        self._was_up = not self._was_up
        self._splitter.forget()
        self._note_noise()
        self.greeted = False
        if self._was_up:
            self.counts.connects += 1
        else:
            self.counts.cuts += 1
        return self._was_up

    def ask(self, tick: int, time_ns: int, body: Asked, now_ns: int) -> None:
        """Say what there is to say in this tick."""
        self._asked, self._asked_ns, self._unjudged = tick, now_ns, True
        if not self.greeted:
            self._unheard(body)
            return
        words = (*self._words(tick, body), Tick(tick, time_ns))
        self.line.send(b"".join(map(self._language.write, words)))
        self._look()

    def listen(self, now_ns: int) -> None:
        """Take what has come, a bounded part of it."""
        data = self.line.receive() if self.line.up else b""
        if data:
            for frame in self._splitter.feed(data):
                self._hear(frame, now_ns)
            self._note_noise()
            self._look()

    def _note_noise(self) -> None:
        noise = self._splitter.noise
        self.counts.garbage_bytes += noise.garbage_bytes
        self.counts.bad_frames += noise.bad_frames
        noise.garbage_bytes = noise.bad_frames = 0

    def _hear(self, frame: Frame, now_ns: int) -> None:
        try:
            word = self._language.read(frame)
        except DecodeError as error:
            self.counts.refused += 1
            if frame.version != VERSION or frame.fixed != (self.outside.layout == "fixed"):
                self.refusal = error.message
            return
        match word:
            case Hello():
                self._meet(word)
            case _ if not self.greeted:
                self.counts.refused += 1
                if isinstance(word, Bye):  # no refusal: it may be left over from before, or come back
                    self._goodbye = f"it said goodbye: {word.reason[:64]!r}" if word.reason else "it said goodbye"
            case Tick() if word.tick <= self._asked:
                if word.tick == self._asked and self._answered < word.tick and self.timed:
                    self.timing.answered(now_ns - self._asked_ns)
                self._answered = max(self._answered, word.tick)
            case Bye():
                self.line.close()
            case Tick():  # one that is yet to come
                self.counts.refused += 1
            case _:
                self.counts.refused += not self._take(word)

    def _meet(self, hello: Hello) -> None:
        """Fly with whoever answers, or not."""
        mine = self._language
        if hello.device != self.device:
            self.refusal = f"it says that it is {hello.device!r}"
        elif hello.dictionary != mine.dictionary:
            self.refusal = f"its dictionary is {hello.dictionary}, and that of this {self.device} {mine.dictionary}"
        elif self.outside.answers_ticks and not hello.answers_ticks:
            self.refusal = "it does not answer ticks, and the scenario says that it does"
        else:
            self.refusal, self._goodbye, self.greeted, self.silent = "", "", True, 0
            return
        self.counts.refused += 1
        self.greeted = False

    def collect(self, tick: int) -> Body | None:
        """What it gave since the last call, to leave in this tick; None: nothing."""
        self._judge()
        return self._collected(tick)

    def _judge(self) -> None:
        """Whether the tick that was asked for was answered in time, once: where nobody is asked, nobody misses. Who
        stays silent too often is cut off."""
        if not self._unjudged:
            return
        self._unjudged = False
        answered = self._answered >= self._asked if self.outside.answers_ticks else self._spoke
        self.silent = 0 if answered else self.silent + 1
        self.counts.misses += not answered
        if self.greeted and self.silent >= SILENT_MISSES and self.outside.answers_ticks:
            self.line.close()
            self._look()
            self.greeted = False

    def part(self, reason: str) -> None:
        """Say goodbye and hang up."""
        if self.line.up:
            if self.greeted:
                self.line.send(self._language.write(Bye(reason)))
            self.line.close()
