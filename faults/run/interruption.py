"""SIGINT, SIGTERM and SIGHUP at any moment of a command: one word, exit status 130, nothing left behind.

What a signal does depends on what is going on. Before anything flies it unwinds, as Ctrl-C does. While a run flies or
is judged it only asks for the end, so that what was flown is recorded and judged; but not for ever, and a second signal
is not patient. Main thread only. A hang-up that was ignored when the program began (nohup) stays ignored.
"""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from bus.errors import INTERRUPTED

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
UNWIND_WITHIN_S = 4.0
"""An unwinding that takes longer (a library that swallows the exception) ends the process all the same."""


def leave_at_once() -> None:
    """From now on, as long as nothing is begun (or all is done), a signal ends the process with a word and no more."""
    for number in _wanted():
        signal.signal(number, _leave)
    atexit.unregister(_too_late)
    atexit.register(_too_late)


def _too_late() -> None:
    """The interpreter gives every handled signal its default back before it ends, which would change the exit status.
    What it is told to ignore it leaves alone."""
    for number in _wanted():
        signal.signal(number, signal.SIG_IGN)


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


def _wanted() -> list[signal.Signals]:
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [number for number in SIGNALS if number is not signal.SIGHUP or not ignored]


class Interruption:
    """A context in which signals are taken care of. `signal` is the first one's name, empty until one came.

    It may be entered again while it is entered. Where `handled_by` is not in force, a signal raises KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.signal = ""
        self._depth = 0
        self._before: dict[int, Any] = {}
        self._then: Callable[[str], None] | None = None
        self._within_s: float | None = None

    def __enter__(self) -> Interruption:
        if not self._depth:
            self._before = {number: signal.signal(number, self._note) for number in _wanted()}
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._overdue)
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            for number, handler in self._before.items():
                signal.signal(number, handler)

    @contextmanager
    def handled_by(
        self, then: Callable[[str], None] = lambda name: None, *, within_s: float | None = None
    ) -> Iterator[None]:
        """While this is in force a signal is noted and `then` told; it unwinds only where that does not end within so
        many seconds, or on a second signal. Without `within_s` it never unwinds: whoever is told has bounds of its own.
        """
        with self:
            before = self._then, self._within_s
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            self._then, self._within_s = then, within_s
            try:
                yield
            finally:
                self._then, self._within_s = before
                signal.setitimer(signal.ITIMER_REAL, 0.0)

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal came while it was only noted."""
        if self.signal:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        again = bool(self.signal)
        self.signal = self.signal or signal.Signals(number).name
        if self._then is None or (again and self._within_s is not None):
            self._unwind()
        if not again:
            if self._within_s is not None:
                signal.setitimer(signal.ITIMER_REAL, self._within_s)
            if self._then is not None:
                self._then(self.signal)

    def _overdue(self, number: int, frame: FrameType | None) -> None:
        if self._then is None:
            _leave(number, frame)
        self._then = None
        self._unwind()

    @staticmethod
    def _unwind() -> None:
        signal.setitimer(signal.ITIMER_REAL, UNWIND_WITHIN_S)
        raise KeyboardInterrupt
