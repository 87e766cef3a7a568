"""Signals at every moment of a run: exit status 130, a word, no process and no half directory left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kits.runs import HOUSE, TINY, command

ENDS_WITHIN_S = 15.0  # 5 s on an idle machine; here others may be at work
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MODES = ("processes", "in-process")


@dataclass
class Trial:
    """One `skyrack run` under way."""

    process: subprocess.Popen[str]
    out: Path

    def when(self, condition: Callable[[], bool]) -> None:
        """Wait for a moment of the run; it must come before the run ends."""
        deadline = time.monotonic() + 120.0
        while not condition():
            assert self.process.poll() is None, f"it ended before: {self.process.communicate()}"
            assert time.monotonic() < deadline, "that moment did not come"
            time.sleep(0.005)

    def cares(self) -> bool:
        """Its own handlers are there: the interpreter has come to our first line."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
        return bool(caught >> (signal.SIGHUP - 1) & 1)

    def flies(self) -> bool:
        try:
            return (self.out / "trace.bin").stat().st_size > 60_000
        except OSError:
            return False

    def compiles(self) -> bool:
        return any("faults.run.warm --here" in words for _, words in family(self.out.parent))

    def state(self, wanted: str) -> bool:
        try:
            return bool(json.loads((self.out / "run.json").read_text())["state"] == wanted)
        except (OSError, ValueError):
            return False


def family(folder: Path) -> list[tuple[int, str]]:
    """Living processes that have this folder in their environment or command line: nothing can hide."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(folder).encode() in words and state != "Z":
            found.append((int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
    return found


def start(folder: Path, mode: str, *, cold: bool = False, duration: str = "10 d") -> Trial:
    scenario = folder / "tiny.yaml"
    scenario.write_text(TINY.replace("duration: 60 s", f"duration: {duration}"))
    out = folder / "run"
    more = ["--in-process"] if mode == "in-process" else []
    process = subprocess.Popen(
        command("run", scenario, "--out", out, *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=HOUSE,
        start_new_session=True,
        env={**os.environ, "TRIAL": str(folder), **({"SKYRACK_CACHE_DIR": str(folder / "cache")} if cold else {})},
    )
    return Trial(process, out)


def interrupt(trial: Trial, number: signal.Signals) -> None:
    """Send it, and look at what is left."""
    try:
        trial.process.send_signal(number)
        _, errors = trial.process.communicate(timeout=ENDS_WITHIN_S)
        assert trial.process.returncode == 130, errors
        assert "interrupted" in errors and "Traceback" not in errors and "Aborted" not in errors
        assert family(trial.out.parent) == []
        left = sorted(path.name for path in trial.out.iterdir()) if trial.out.exists() else []
        assert not left or "summary.json" in left, f"a half directory: {left}"
    finally:
        trial.process.kill()
        trial.process.wait()


MOMENTS: dict[str, Callable[[Trial], bool]] = {
    "importing": Trial.cares,
    "compiling": Trial.compiles,
    "starting": lambda trial: trial.out.exists(),
    "flying": Trial.flies,
    "ending": lambda trial: trial.state("finished"),
}
FEW = {
    ("importing", "in-process", signal.SIGTERM),
    ("compiling", "processes", signal.SIGTERM),
    ("starting", "processes", signal.SIGINT),
    ("flying", "processes", signal.SIGHUP),
}


@pytest.mark.parametrize(
    ("moment", "mode", "number"),
    [
        pytest.param(moment, mode, number, marks=[] if (moment, mode, number) in FEW else pytest.mark.slow)
        for moment in MOMENTS
        for mode in MODES
        for number in SIGNALS
        if (moment, mode) != ("ending", "in-process")  # no file tells that moment from outside
    ],
)
def test_a_signal_at_any_moment_ends_a_run_at_once_and_leaves_nothing_half(
    tmp_path: Path, moment: str, mode: str, number: signal.Signals
) -> None:
    trial = start(tmp_path, mode, cold=moment == "compiling", duration="60 s" if moment == "ending" else "10 d")
    trial.when(lambda: MOMENTS[moment](trial))
    interrupt(trial, number)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("after_s", [0.1 * n for n in range(1, 30)])
def test_a_signal_after_any_time(tmp_path: Path, mode: str, after_s: float) -> None:
    trial = start(tmp_path, mode)
    trial.when(trial.cares)
    time.sleep(after_s)
    interrupt(trial, SIGNALS[round(after_s * 10) % 3])


def test_the_compiler_ends_with_whoever_waits_for_it(tmp_path: Path) -> None:
    trial = start(tmp_path, "in-process", cold=True)
    trial.when(trial.compiles)
    trial.process.kill()
    trial.process.wait()
    deadline = time.monotonic() + ENDS_WITHIN_S
    while family(tmp_path):
        assert time.monotonic() < deadline, family(tmp_path)
        time.sleep(0.01)
