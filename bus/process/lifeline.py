"""A child's side of "nobody is left behind": die with the supervisor, stop on signals, and never hang while stopping.

A supervised process learns from SKYRACK_SUPERVISOR who started it. It dies with that process three ways: the kernel
kills it (PR_SET_PDEATHSIG, Linux), it notices that its parent is not the recorded one, or its standard input, a pipe
that only the supervisor holds, comes to its end. Reports for the supervisor go to standard output, one JSON a line.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bus.errors import SkyrackError, UserError

SUPERVISOR = "SKYRACK_SUPERVISOR"
STOP_WITHIN_S = 4.0  # then the process ends whatever it is doing: SIGTERM must have worked within 5 s
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def bind_to_supervisor() -> None:
    """Call first thing in a process. Nothing happens in one that nobody supervises (a container, a terminal)."""
    recorded = os.environ.get(SUPERVISOR, "")
    if not recorded:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(recorded):  # the supervisor died between starting us and the line above
        os._exit(1)


class Lifeline:
    """Turns SIGINT, SIGTERM, SIGHUP and the end of the supervisor's pipe into one call of `stop`, in a running loop.

    `stop` hears the reason, `signal` is the first signal's name. From then on a hard deadline runs: after STOP_WITHIN_S
    the process prints its stack and exits. `told` hears what the supervisor says through the pipe, one JSON object a
    line.
    """

    def __init__(
        self, stop: Callable[[str], None], told: Callable[[dict[str, Any]], None] = lambda words: None
    ) -> None:
        self._stop, self._told = stop, told
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        self._supervised = bool(os.environ.get(SUPERVISOR))
        self._before: dict[signal.Signals, Any] = {}
        self.signal = ""
        self._ending = False

    def __enter__(self) -> Lifeline:
        self._take_signals()
        if self._supervised:
            self._loop.add_reader(0, self._pipe)
        return self

    def __exit__(self, *_: object) -> None:
        self._leave_signals()
        if self._supervised:
            self._loop.remove_reader(0)
        faulthandler.cancel_dump_traceback_later()

    def _take_signals(self) -> None:
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if number is signal.SIGHUP and before is signal.SIG_IGN:
                continue  # nohup
            self._before[number] = before
            self._loop.add_signal_handler(number, self._interrupted, number.name)

    def _leave_signals(self) -> None:
        for number, handler in self._before.items():
            self._loop.remove_signal_handler(number)
            signal.signal(number, handler)
        self._before.clear()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While something keeps the loop from running (a compilation), signals do what they did without us."""
        self._leave_signals()
        try:
            yield
        finally:
            self._take_signals()

    def _interrupted(self, name: str) -> None:
        self.signal = self.signal or name
        self._end(f"stopped by {name}")

    def _pipe(self) -> None:
        said = os.read(0, 64 * 1024)
        if not said:
            self._loop.remove_reader(0)
            self._end("the supervisor is gone")
            return
        *lines, self._rest = (self._rest + said).split(b"\n")
        for line in lines:
            self._told(json.loads(line))

    def _end(self, reason: str) -> None:
        if not self._ending:
            self._ending = True
            faulthandler.dump_traceback_later(STOP_WITHIN_S, exit=True)
            self._stop(reason)


def report(kind: str, content: Mapping[str, object]) -> None:
    """Tell the supervisor; nothing if there is none."""
    if os.environ.get(SUPERVISOR):
        sys.stdout.write(json.dumps({"report": kind, **content}) + "\n")
        sys.stdout.flush()


def report_error(error: SkyrackError, *, aloud: bool = True) -> None:
    """Tell the supervisor why this process ends, and standard error where it is to be told aloud."""
    kind = "user" if isinstance(error, UserError) else "range"
    report("error", {"kind": kind, "type": type(error).__name__, "message": error.message, "hint": error.hint})
    if aloud:
        sys.stderr.write(f"error: {error.message}\n" + (f"  next: {error.hint}\n" if error.hint else ""))
        sys.stderr.flush()
