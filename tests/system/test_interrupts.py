"""Signals at every moment of a run: exit status 130, a word, no process and no half directory left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bus.trace.reader import TraceReader
from tests.kits.runs import HOUSE, TINY, command

ENDS_WITHIN_S = 15.0  # 5 s on an idle machine; here others may be at work
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MODES = ("processes", "in-process")
ANY = "tcp://127.0.0.1:0"


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


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_while_the_interpreter_ends_does_not_change_the_status(number: signal.Signals) -> None:
    late = f"class Late:\n    def __del__(self, kill=os.kill, me=os.getpid()):\n        kill(me, {int(number)})\n"
    program = f"import os, sys, skyrack\n{late}skyrack.leave_at_once()\nlate = Late()\nsys.exit(130)\n"
    ended = subprocess.run([sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("after_s", [0.1 * n for n in range(1, 30)])
def test_a_signal_after_any_time(tmp_path: Path, mode: str, after_s: float) -> None:
    trial = start(tmp_path, mode)
    trial.when(trial.cares)
    time.sleep(after_s)
    interrupt(trial, SIGNALS[round(after_s * 10) % 3])


class ByHand:
    """Bus, spacecraft and ground, each started for itself, as containers are. They end with the test."""

    def __init__(self, folder: Path, *, cold: bool = False) -> None:
        self.folder, self.out = folder, folder / "run"
        self._environment = {"TRIAL": str(folder), **({"SKYRACK_CACHE_DIR": str(folder / "cache")} if cold else {})}
        self._started: list[subprocess.Popen[str]] = []
        self._keys = ("--keys", folder / "keys")

    def __enter__(self) -> ByHand:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.kill()
            process.wait()

    def _start(self, *words: object) -> Trial:
        process = subprocess.Popen(
            command(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **self._environment},
        )
        self._started.append(process)
        return Trial(process, self.out)

    def bus(self) -> tuple[Trial, str]:
        """The bus, and where it awaits the others."""
        scenario = self.folder / "tiny.yaml"
        scenario.write_text(TINY.replace("duration: 60 s", "duration: 10 d"))
        binds = [word for plane in ("", "-range", "-observe") for word in (f"--bind{plane}", ANY)]
        trial = self._start("bus", "--scenario", scenario, *self._keys, "--out", self.out, *binds)
        assert trial.process.stderr is not None
        return trial, next(line for line in trial.process.stderr if "are awaited at" in line).split()[-1]

    def node(self, connect: str) -> Trial:
        return self._start("node", "--id", "sc-1", "--connect", connect, *self._keys, "--nvm", self.folder / "nvm")

    def ground(self, connect: str) -> Trial:
        archive = ("--archive", self.folder / "ground" / "archive.sqlite", "--bind", ANY)
        return self._start("ground", "--connect", connect, *self._keys, *archive)


def ended(trial: Trial, number: signal.Signals) -> None:
    """A signal ends it at once, with a word and 130."""
    trial.process.send_signal(number)
    _, errors = trial.process.communicate(timeout=ENDS_WITHIN_S)
    assert trial.process.returncode == 130, errors
    assert f"interrupted by {number.name}" in errors or errors.endswith("interrupted\n")
    assert "Traceback" not in errors and "Aborted" not in errors and "error:" not in errors


def closed_in_order(out: Path) -> bool:
    with TraceReader(out / "trace.bin") as trace:
        return trace.end is not None and not trace.end.complete and not trace.damage()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_bus_started_by_hand_closes_its_books_and_lets_the_others_go(tmp_path: Path, number: signal.Signals) -> None:
    with ByHand(tmp_path) as hand:
        bus, at = hand.bus()
        node, ground = hand.node(at), hand.ground(at)
        bus.when(bus.flies)
        ended(bus, number)
        assert (node.process.wait(ENDS_WITHIN_S), ground.process.wait(ENDS_WITHIN_S)) == (0, 0), "the bus said goodbye"
        assert closed_in_order(hand.out)
        summary = json.loads((hand.out / "summary.json").read_text())
        assert number.name in summary["error"] and not summary["complete"] and summary["lost"] == []
        assert json.loads((hand.out / "run.json").read_text())["state"] == "stopped"
        assert family(tmp_path) == []


def test_spacecraft_and_ground_started_by_hand_end_with_a_word(tmp_path: Path) -> None:
    with ByHand(tmp_path) as hand:
        bus, at = hand.bus()
        node, ground = hand.node(at), hand.ground(at)
        bus.when(bus.flies)
        ended(node, signal.SIGTERM)
        ended(ground, signal.SIGINT)
        ended(bus, signal.SIGHUP)
        assert closed_in_order(hand.out)
        assert family(tmp_path) == []


def test_who_waits_for_others_ends_at_once_and_leaves_nothing_half(tmp_path: Path) -> None:
    with ByHand(tmp_path) as hand:
        bus, _ = hand.bus()
        waiting = hand.node("tcp://127.0.0.1:9"), hand.ground("tcp://127.0.0.1:9")  # the discard port: nobody is there
        for trial in waiting:
            trial.when(trial.cares)
            time.sleep(1.0)  # any moment will do: reading, connecting, waiting
            ended(trial, signal.SIGTERM)
        ended(bus, signal.SIGINT)
        assert not hand.out.exists(), "nothing was flown"
        assert family(tmp_path) == []


def test_a_spacecraft_started_by_hand_ends_while_its_physics_is_compiled(tmp_path: Path) -> None:
    with ByHand(tmp_path, cold=True) as hand:
        bus, at = hand.bus()
        node = hand.node(at)
        node.when(node.compiles)
        ended(node, signal.SIGTERM)
        ended(bus, signal.SIGTERM)
        assert family(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("who", ["bus", "node", "ground"])
@pytest.mark.parametrize("after_s", [0.1 * n for n in range(1, 25)])
def test_a_signal_to_one_process_after_any_time(tmp_path: Path, who: str, after_s: float) -> None:
    with ByHand(tmp_path) as hand:
        bus, at = hand.bus()
        trials = {"bus": bus, "node": hand.node(at), "ground": hand.ground(at)}
        trials[who].when(trials[who].cares)
        time.sleep(after_s)
        ended(trials[who], SIGNALS[round(after_s * 10) % 3])
        if who == "bus" and hand.out.exists():
            assert closed_in_order(hand.out) and (hand.out / "summary.json").exists()


def test_the_compiler_ends_with_whoever_waits_for_it(tmp_path: Path) -> None:
    trial = start(tmp_path, "in-process", cold=True)
    trial.when(trial.compiles)
    trial.process.kill()
    trial.process.wait()
    deadline = time.monotonic() + ENDS_WITHIN_S
    while family(tmp_path):
        assert time.monotonic() < deadline, family(tmp_path)
        time.sleep(0.01)
