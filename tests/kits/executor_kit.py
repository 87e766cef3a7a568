"""A hall without processes and without a clock: programs that do as a script says, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bus.scenario.workload import Checks, Job, Program
from bus.wire.executor import JobOrder
from node.executor.child import Child, Ended

MS = 1_000_000


def program(**words: Any) -> Program:
    """How a program is run, with these words changed."""
    plain = {
        "argv": ("python", "train.py"), "follows": "steps", "step_s": 1.0, "timeout_s": 1.0, "start_timeout_s": 5.0,
        "allowed_misses": 0, "memory_bytes": 10**9, "cpu_s": 60.0, "file_bytes": 10**6, "processes": 8,
        "log_bytes": 10**4,
    }  # fmt: skip
    return Program(**{**plain, **words})


def job(**words: Any) -> Job:
    """A job that a program does; `chips` and so on of the job, the rest of the program."""
    own = {
        name: words.pop(name) for name in ("chips", "checkpoint_every_s", "checkpoint_s", "restart_s") if name in words
    }
    checks = Checks(restart_s=own.pop("restart_s", 3.0), detect_s=0.0, efficiency=1.0)
    plain = {"chips": {"tpu_1": 8}, "checkpoint_every_s": 20.0, "checkpoint_s": 4.0, **own}
    return Job(id="mine", kind="training", start_s=0.0, checks=checks, program=program(**words), **plain)


def order(**words: Any) -> JobOrder:
    """What the job manager wants, with these words changed."""
    plain = {"job": "mine", "life": 0, "up": True, "state": 1, "begin": 0, "steps": 0, "checkpoint": 0, "strikes": 0,
             "groups": ()}  # fmt: skip
    return JobOrder(**{**plain, **words})


@dataclass
class Disk:
    """What outlives a process: its checkpoints, every step that was ever done, by life, and how many of these it could
    not tell of any more before it died."""

    checkpoints: set[int] = field(default_factory=lambda: {0})
    done: list[tuple[int, int]] = field(default_factory=list)
    strikes: list[int] = field(default_factory=list)
    untold: int = 0


class Obedient(Child):
    """A program that does what it is granted. die_at: it ends with status 1 in front of this step; total: its end."""

    def __init__(self, disk: Disk, life: int, begin: int, *, total: int = 10**9, die_at: int = -1) -> None:
        self.refusal, self.garbage, self.words_to_keeper = "", 0, []  # type: ignore[var-annotated]
        self.disk, self.life, self.step = disk, life, begin
        self.total, self.die_at = total, die_at
        self.said: list[dict[str, Any]] = []
        self.over: Ended | None = None
        self.heard: list[Mapping[str, Any]] = []
        if begin in disk.checkpoints:
            disk.checkpoints = {step for step in disk.checkpoints if step <= begin}
            self.said.append({"hello": 1, "step": begin, "hook": True})
        else:
            self.over = Ended(3)

    @property
    def ended(self) -> Ended | None:
        return self.over

    @property
    def hung_up(self) -> bool:
        return self.over is not None

    @property
    def descriptors(self) -> Sequence[int]:
        return ()

    def say(self, words: Mapping[str, Any]) -> None:
        self.heard.append(words)
        if self.over is not None:
            return
        self.disk.strikes += words["strikes"]
        begin = self.step
        while self.step < min(words["steps"], self.total):
            if self.step == self.die_at:
                self.over = Ended(1)
                self.disk.untold += self.step - begin
                return
            self.disk.done.append((self.life, self.step))
            self.step += 1
        kept = None
        if words["checkpoint"]:
            kept = self.step
            self.disk.checkpoints.add(kept)
        self.said.append({"tick": words["tick"], "step": self.step, "kept": kept, "done": self.step >= self.total})

    def take(self) -> list[dict[str, Any]]:
        said, self.said = self.said, []
        return said

    def tell_keeper(self, word: str) -> None:
        self.words_to_keeper.append(word)

    def kill(self) -> None:
        self.over = self.over or Ended(-9)

    def close(self) -> None:
        self.over = self.over or Ended(0)


@dataclass
class FakeHall:
    """Time passes where somebody waits."""

    now: int = 0
    waits: int = 0

    def now_ns(self) -> int:
        return self.now

    def wait(self, children: Sequence[Child], until_ns: int) -> None:
        self.waits += 1
        self.now = max(self.now, until_ns)


@dataclass
class FakePlace:
    """Starts what it is given a way to start."""

    begin: Callable[[JobOrder], Child]
    written: list[JobOrder] = field(default_factory=list)

    def write(self, order: JobOrder, time_s: float) -> None:
        self.written.append(order)

    def start(self, order: JobOrder) -> Child:
        return self.begin(order)
