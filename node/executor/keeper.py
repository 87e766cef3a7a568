"""Keeps one program of a user's, in a process between it and the range: starts it under its limits, writes its log,
passes signals on, and leaves nothing of it behind, however the range ends.

Executed as a script by the executor, which tells it all through standard input: a JSON line on what to run, then a word
a line. The end of that input is the end of the range. It says in JSON lines on standard output what became of it. What
the program starts, and what that starts, belongs to it: on Linux all of it comes back to the keeper, who is its reaper.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

LOOK_S = 0.2
"""How often the processes of a program are counted."""
TERM_S = 1.0
"""From being asked to end to being killed."""
ROUNDS = 1000
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_WORDS = {"stop": signal.SIGSTOP, "go": signal.SIGCONT, "checkpoint": signal.SIGUSR1}


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in task.read_text(encoding="ascii").split()]
    return found


def _family() -> list[int]:
    """Every process below this one."""
    found, ahead = [], _children(os.getpid())
    while ahead:
        pid = ahead.pop()
        found.append(pid)
        ahead += _children(pid)
    return found


class Keeper:
    """See the module."""

    def __init__(self, what: dict[str, Any]) -> None:
        self._what = what
        self._log = Path(what["log"]).open("ab", buffering=0)  # noqa: SIM115 - open as long as this process
        self._room = what["log_bytes"] - self._log.tell()
        self._dropped = 0
        self._status: int | None = None
        self._why = ""
        self._wake, signalled = os.pipe()
        os.set_blocking(signalled, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
        self._output, self._pid = self._start()

    def _start(self) -> tuple[int, int]:
        limits = self._what["limits"]
        output, written = os.pipe()
        libc = ctypes.CDLL(None)

        def before_it_runs() -> None:
            if sys.platform == "linux":
                libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            for name, value in limits.items():
                number = getattr(resource, name)
                hard = resource.getrlimit(number)[1]
                most = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.setrlimit(number, (most, most))

        try:
            process = subprocess.Popen(
                self._what["argv"], cwd=self._what["folder"], env=self._what["environment"], stdin=subprocess.DEVNULL,
                stdout=written, stderr=written, pass_fds=self._what["descriptors"], start_new_session=True,
                preexec_fn=before_it_runs,  # noqa: PLW1509 - nothing else runs in this process
            )  # fmt: skip
        finally:
            os.close(written)
            for descriptor in self._what["descriptors"]:
                os.close(descriptor)
        process.returncode = 0  # it is reaped here, with all the others
        return output, process.pid

    def keep(self) -> None:
        """Until nothing of it is left."""
        _say({"started": self._pid})
        watched = [0, self._wake, self._output]
        while self._status is None:
            ready, _, _ = select.select(watched, [], [], LOOK_S)
            if self._output in ready and not self._write():
                watched.remove(self._output)
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            if 0 in ready and not self._hear():
                watched.remove(0)
            if self._status is None and len(_family()) > self._what["processes"]:
                self._why = f"more than {self._what['processes']} processes"
                self._kill()
        self._kill()
        while self._output in watched and self._write():
            pass
        if self._dropped:
            self._log.write(f"\n({self._dropped:,} bytes more were not written)\n".encode())
        _say({"ended": self._status, "why": self._why, "log_bytes": self._log.tell(), "log_dropped": self._dropped})

    def _write(self) -> bool:
        """Take what it says, and write what there is room for; False at its end."""
        data = os.read(self._output, 64 * 1024)
        kept = data[: max(0, self._room)]
        with contextlib.suppress(OSError):  # a full disk: it is counted as dropped
            if kept:
                self._log.write(kept)
                self._room -= len(kept)
                self._dropped -= len(kept)
        self._dropped += len(data)
        return bool(data)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._pid:
                    self._status = os.waitstatus_to_exitcode(status)

    def _hear(self) -> bool:
        """Do what is asked; False when nobody asks any more."""
        said = os.read(0, 4096)
        for word in said.decode("ascii", "replace").split():
            if word in _WORDS:
                whom = [self._pid] if word == "checkpoint" else _family()
                for pid in whom:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, _WORDS[word])
            elif word == "end":
                self._ask_to_end()
            elif word == "kill":
                self._kill()
        if not said:
            self._ask_to_end()
        return bool(said)

    def _ask_to_end(self) -> None:
        """SIGTERM, and SIGKILL for whoever does not heed it in time."""
        self._signal_all(signal.SIGTERM)
        self._signal_all(signal.SIGCONT)
        waited = 0.0
        while self._status is None and waited < TERM_S:
            ready, _, _ = select.select([self._wake, self._output], [], [], LOOK_S)
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            elif self._output in ready and self._write():
                continue
            else:
                waited += LOOK_S
        self._kill()

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in _family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _kill(self) -> None:
        """All of it, whatever it starts meanwhile: stopped first, so that nobody starts more."""
        for _ in range(ROUNDS):
            self._signal_all(signal.SIGSTOP)
            self._signal_all(signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
            self._reap()
            if not _family():
                break
            select.select([self._wake], [], [], 0.01)
        self._reap()
        if self._status is None:
            self._status = -signal.SIGKILL


def _say(words: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()


def main() -> int:
    """From standard input to the end of the program."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: None)  # the range says when it is over
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(0, 1)
        if not data:
            return 1
        line += data
    try:
        keeper = Keeper(json.loads(line))
    except OSError as error:
        _say({"refused": error.strerror or str(error)})
        return 1
    keeper.keep()
    return 0


if __name__ == "__main__":
    sys.exit(main())
