"""A program of the user's while it lives, as the executor holds it: a line of JSON words to it, and to its keeper.

Nothing here waits, but for the end of what was killed. All that is read is bounded.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from bus.clock import MachineClock
from node.executor import keeper

SCRIPT = Path(keeper.__file__)
FD = "SKYRACK_WORKLOAD_FD"
TAKE_BYTES = 256 * 1024
"""Read of a program in one go; the rest waits in its own queue."""
MAX_LINE = 64 * 1024
MAX_WORDS = 1024
"""Words taken in one go."""
KILLED_WITHIN_NS = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: its exit status (below zero: the signal), and why the keeper ended it, if it did."""

    status: int
    why: str = ""
    log_bytes: int = 0
    log_dropped: int = 0


class Child(Protocol):
    """A program in a life of its job. refusal: why it could not be started; garbage: lines that were no words."""

    refusal: str
    garbage: int

    @property
    def ended(self) -> Ended | None:
        """How, once it has."""
        ...

    @property
    def hung_up(self) -> bool:
        """Nothing more will come of it."""
        ...

    @property
    def descriptors(self) -> Sequence[int]:
        """To wait on."""
        ...

    def say(self, words: Mapping[str, Any]) -> None:
        """Tell it; one that does not listen misses it."""
        ...

    def take(self) -> list[dict[str, Any]]:
        """What it has said."""
        ...

    def tell_keeper(self, word: str) -> None:
        """stop, go, checkpoint, end or kill."""
        ...

    def kill(self) -> None:
        """Nothing of it is left afterwards."""
        ...

    def close(self) -> None:
        """It was asked to end: wait for that, and kill it if it does not."""
        ...


class Process:
    """The real one: a process under a keeper."""

    def __init__(  # noqa: PLR0917
        self, argv: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path, limits: Mapping[str, int],
        processes: int, log_bytes: int,
    ) -> None:  # fmt: skip
        self.refusal, self.garbage = "", 0
        self._ended: Ended | None = None
        self._pid = 0
        self._rest, self._report, self._hung_up = b"", b"", False
        self._clock = MachineClock()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._line = ours
        with theirs:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                pass_fds=(theirs.fileno(),), start_new_session=True,
            )  # fmt: skip
            what = {
                "argv": list(argv), "folder": str(folder), "log": str(log), "log_bytes": log_bytes, "limits": limits,
                "environment": {**environment, FD: str(theirs.fileno())}, "descriptors": [theirs.fileno()],
                "processes": processes,
            }  # fmt: skip
            self._tell(json.dumps(what).encode() + b"\n")
        assert self._keeper.stdout is not None
        os.set_blocking(self._keeper.stdout.fileno(), False)

    @property
    def descriptors(self) -> Sequence[int]:
        """Of the line, and of the keeper's reports."""
        assert self._keeper.stdout is not None
        line = () if self._hung_up else (self._line.fileno(),)
        return () if self._ended else (*line, self._keeper.stdout.fileno())

    @property
    def hung_up(self) -> bool:
        """It closed its end, or was ended."""
        return self._hung_up or self._ended is not None

    @property
    def ended(self) -> Ended | None:
        """As its keeper says."""
        if self._ended is None:
            self._listen()
        return self._ended

    def say(self, words: Mapping[str, Any]) -> None:
        """One line. One that is not read by the other end breaks the line: there is never more than one under way."""
        try:
            self._line.sendall(json.dumps(words).encode() + b"\n")
        except OSError:
            self._hung_up = True

    def take(self) -> list[dict[str, Any]]:
        """Whole lines that have come. What is no word of ours is counted; a line without an end breaks it off."""
        size = 0
        while not self._hung_up and size < TAKE_BYTES:
            try:
                data = self._line.recv(64 * 1024)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self._hung_up = not data
            self._rest += data
            size += len(data)
        *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > MAX_LINE or len(lines) > MAX_WORDS:
            self.garbage += 1
            self._hung_up = True
            lines = lines[:MAX_WORDS]
        words = []
        for line in lines:
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                found = None
            if isinstance(found, dict):
                words.append(found)
            else:
                self.garbage += 1
        return words

    def tell_keeper(self, word: str) -> None:
        """A word a line."""
        self._tell(word.encode() + b"\n")

    def _tell(self, data: bytes) -> None:
        assert self._keeper.stdin is not None
        with suppress(OSError, ValueError):  # it has ended: its report says so
            self._keeper.stdin.write(data)
            self._keeper.stdin.flush()

    def _listen(self) -> None:
        assert self._keeper.stdout is not None
        try:
            data = os.read(self._keeper.stdout.fileno(), 64 * 1024)
        except BlockingIOError:
            return
        self._report += data
        *lines, self._report = self._report.split(b"\n")
        for line in lines:
            words = json.loads(line)
            if "started" in words:
                self._pid = int(words["started"])
            elif "refused" in words:
                self.refusal = str(words["refused"])
                self._over(Ended(-1))
            elif "ended" in words:
                self._over(
                    Ended(int(words["ended"]), str(words["why"]), int(words["log_bytes"]), int(words["log_dropped"]))
                )
        if not data and self._ended is None:
            with suppress(ProcessLookupError, PermissionError):
                if self._pid:  # the kernel has killed it with its keeper; this is for what it had started
                    os.killpg(self._pid, signal.SIGKILL)
            self._over(Ended(-1, "its keeper was killed"))

    def _over(self, ended: Ended) -> None:
        self._ended = ended
        assert self._keeper.stdin is not None and self._keeper.stdout is not None
        with suppress(OSError):
            self._keeper.stdin.close()
        self._keeper.wait()
        self._keeper.stdout.close()

    def kill(self) -> None:
        """At once, and wait for it: whoever comes next finds its files as they stay."""
        self.tell_keeper("kill")
        self._wait(KILLED_WITHIN_NS)
        if self._ended is None:
            self._keeper.kill()
            self._over(Ended(-9, "it could not be killed"))
        self._line.close()
        self._hung_up = True

    def close(self) -> None:
        """Its keeper kills what does not heed."""
        self._wait(KILLED_WITHIN_NS)
        heeded = self._ended is not None
        self.kill()
        if not heeded and self._ended is not None and not self._ended.why:
            self._ended = replace(self._ended, why="its line was closed or broken, and it did not end")

    def _wait(self, within_ns: int) -> None:
        until_ns = self._clock.now_ns() + within_ns
        poll = select.poll()
        assert self._keeper.stdout is not None
        if self._ended is None:
            poll.register(self._keeper.stdout.fileno(), select.POLLIN)
        while self._ended is None and (left_ns := until_ns - self._clock.now_ns()) > 0:
            poll.poll(left_ns // 1_000_000 + 1)
            self._listen()
