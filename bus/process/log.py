"""A process's log, which is its standard error: bounded, and a log that stops says so.

So many lines a minute; what is left out is counted, and the count is the next line. A full disk stops a log, and not a
run: `stopped` is then told, once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from bus.clock import Clock

LINES = 100
WITHIN_NS = 60_000_000_000


class Log:
    """See the module."""

    def __init__(self, clock: Clock, stopped: Callable[[str], None]) -> None:
        self._clock, self._stopped = clock, stopped
        self._since_ns = clock.now_ns()
        self._lines = 0
        self.left_out = 0
        self.failed = ""

    def write(self, line: str) -> None:
        """One line, if there is room for it."""
        now_ns = self._clock.now_ns()
        if now_ns - self._since_ns >= WITHIN_NS:
            self._since_ns, self._lines = now_ns, 0
        self._lines += 1
        if self._lines <= LINES:
            if self.left_out:
                self._put(f"({self.left_out:,} lines were left out)")
                self.left_out = 0
            self._put(line)
        else:
            if self._lines == LINES + 1:
                self._put(f"({LINES} lines in a minute: the rest of it is counted, not written)")
            self.left_out += 1

    def say(self, line: str) -> None:
        """A line that its author sees to be rare: it does not count."""
        self._put(line)

    def _put(self, line: str) -> None:
        try:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except OSError as error:
            if not self.failed:
                self.failed = error.strerror or type(error).__name__
                self._stopped(self.failed)
