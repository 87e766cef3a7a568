"""One job whose work a program does, as the executor knows it: which life it is in, what it was granted, what it said.

No clock, no socket and no process here: a way to start one is given, and moments are told. Everything that is not flown
with is counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from bus.scenario.workload import Job, Program
from bus.wire.executor import MAX_FIGURES, NOT_KEPT, JobEvent, JobOrder, JobReport
from node.executor.child import Child

VERSION = 1
MAX_VAIN = 3
"""Deaths in a row without a new checkpoint, after which a program is not started again."""
SILENT_MISSES = 3
"""Grants in a row that it did not answer in time, after which it counts as hung and is killed."""
HUNG_NS = 60_000_000_000
"""The same where nobody waits for it: so long without an answer."""
MAX_GARBAGE = 100
"""Lines that are no words, in a life; who says more is killed."""
MAX_ROLL_BACK = 8
RUNNING, CHECKPOINT, RESTART = 1, 2, 3
"""States of a job in which a program that follows signals runs."""


@dataclass(slots=True)
class Counts:
    """What became of everything. kills: lives ended because accelerators, memory or a checkpoint were lost; deaths: by
    itself; steps: in the books; steps_lost: done and lost again; strikes: silent errors it was told of, found: those it
    says that it found; misses: ticks at whose end it owed an answer; refused: words with something that has no place
    there; garbage: lines that are no words."""

    starts: int = 0
    kills: int = 0
    deaths: int = 0
    steps: int = 0
    steps_lost: int = 0
    checkpoints: int = 0
    checkpoints_failed: int = 0
    strikes: int = 0
    found: int = 0
    misses: int = 0
    refused: int = 0
    garbage: int = 0


@dataclass(slots=True)
class Life:
    """From one beginning at a checkpoint to the next. asked: tick of the last grant, and what it granted."""

    number: int = -1
    child: Child | None = None
    since_ns: int = 0
    started: bool = False
    ready: bool = False
    hook: bool = False
    begin: int = 0
    steps: int = 0
    told_checkpoint: int = 0
    kept: int = 0
    kept_steps: int = NOT_KEPT
    strikes: int = 0
    event: JobEvent = JobEvent.NONE
    roll_back: int = 0
    asked: int = -1
    asked_steps: int = 0
    asked_checkpoint: int = 0
    asked_ns: int = 0
    answered: int = -1
    garbage: int = 0
    misses: int = 0
    runs: bool = True


@dataclass(slots=True)
class Seat:
    """See the module. start: the program, for this order; draw: the seed of a strike by its number. figures: the last
    it told; why: how it ended last, in words."""

    spacecraft: str
    job: Job
    start: Callable[[JobOrder], Child]
    draw: Callable[[int], int]
    counts: Counts = field(default_factory=Counts)
    life: Life = field(default_factory=Life)
    figures: dict[str, float] = field(default_factory=dict)
    why: str = ""
    log_bytes: int = 0
    log_dropped: int = 0
    vain: int = 0
    waits: bool = True
    now_ns: int = 0
    _sent: JobReport | None = None

    @property
    def program(self) -> Program:
        """How it is run."""
        assert self.job.program is not None
        return self.job.program

    @property
    def steps_by(self) -> bool:
        """It does what it is granted, and says so."""
        return self.program.follows == "steps"

    @property
    def child(self) -> Child | None:
        """Its process, while there is one."""
        return self.life.child

    @property
    def owes(self) -> bool:
        """It is waited for."""
        life = self.life
        return life.child is not None and life.event is JobEvent.NONE and (
            not life.ready or life.answered < life.asked
        )  # fmt: skip

    @property
    def due_ns(self) -> int:
        """Until when."""
        if not self.life.ready:
            return self.life.since_ns + round(1e9 * self.program.start_timeout_s)
        return self.now_ns + round(1e9 * self.program.timeout_s)

    def order(self, order: JobOrder, tick: int, now_ns: int) -> None:
        """What the job manager wants in this tick."""
        self.now_ns = now_ns
        if order.life != self.life.number:
            self._part()
            self.counts.steps_lost += max(0, self.counts.steps - order.begin)
            self.counts.steps = order.begin
            gone = JobEvent.GONE if self.life.event is JobEvent.GONE else JobEvent.NONE
            self.life = Life(order.life, begin=order.begin, steps=order.begin, strikes=order.strikes, event=gone)
        elif not order.up:
            self._part()
        if order.up and not self.life.started and self.life.event is JobEvent.NONE:
            self._begin(order, now_ns)
        life = self.life
        if life.child is None or life.event is not JobEvent.NONE or not life.ready:
            return
        if not self.steps_by:
            self._signal(order)
        elif life.answered >= life.asked:  # one grant at a time is under way
            self._grant(order, tick, now_ns)

    def _begin(self, order: JobOrder, now_ns: int) -> None:
        life = self.life
        life.started, life.since_ns, life.child = True, now_ns, self.start(order)
        self.counts.starts += 1
        life.ready = not self.steps_by

    def _grant(self, order: JobOrder, tick: int, now_ns: int) -> None:
        life = self.life
        asked = order.checkpoint if order.checkpoint not in {0, life.told_checkpoint} else 0
        strikes = [self.draw(number) for number in range(life.strikes, order.strikes)]
        if order.steps <= life.steps and not asked and not strikes:
            return
        life.asked, life.asked_steps, life.asked_ns = tick, max(order.steps, life.steps), now_ns
        life.asked_checkpoint = asked
        life.told_checkpoint, life.strikes = asked or life.told_checkpoint, order.strikes
        if life.hook:
            self.counts.strikes += len(strikes)
        assert life.child is not None
        life.child.say({"tick": tick, "steps": life.asked_steps, "checkpoint": asked, "strikes": strikes})

    def _signal(self, order: JobOrder) -> None:
        """It runs while its job does, in as many ticks as its accelerators' speed leaves it."""
        life, child = self.life, self.life.child
        assert child is not None
        runs = order.state in {CHECKPOINT, RESTART} or (order.state == RUNNING and order.steps > life.steps)
        if runs != life.runs:
            child.tell_keeper("go" if runs else "stop")
            life.runs = runs
        life.steps = max(life.steps, order.steps)
        self.counts.steps = life.steps
        if order.checkpoint not in {0, life.told_checkpoint}:
            life.told_checkpoint = life.kept = order.checkpoint
            if self.job.checkpoint_every_s > 0.0:  # one that writes none would end by the signal
                child.tell_keeper("checkpoint")
                life.kept_steps = life.steps
            self.counts.checkpoints += life.kept_steps >= 0
            self.counts.checkpoints_failed += life.kept_steps < 0

    def listen(self) -> None:
        """Take what has come, a bounded part of it, and see whether it lives."""
        life = self.life
        child = life.child
        if child is None:
            return
        over = self._is_over(child)
        for words in child.take():
            if life.event is JobEvent.NONE:
                self._hear(words)
        garbage = child.garbage - life.garbage
        life.garbage += garbage
        self.counts.garbage += garbage
        if life.garbage > MAX_GARBAGE:
            self._dies(f"it said {life.garbage} lines that are no words")
        elif over or self._is_over(child):
            self._over(child)

    def _is_over(self, child: Child) -> bool:
        """Nothing more will come of it. Whoever follows signals may close the line: it says nothing on it."""
        return child.hung_up if self.steps_by else child.ended is not None

    def _hear(self, words: Mapping[str, Any]) -> None:
        if not self.steps_by:
            self.counts.refused += 1
        elif not self.life.ready:
            self._meet(words)
        else:
            self._answer(words)

    def _meet(self, words: Mapping[str, Any]) -> None:
        life = self.life
        step = _whole(words.get("step"))
        if words.get("hello") != VERSION or step is None:
            self.counts.refused += 1
        elif step != life.begin:
            self._dies(f"it begins at step {step}, and its checkpoint is that of step {life.begin}")
        else:
            life.ready, life.hook = True, words.get("hook") is True

    def _answer(self, words: Mapping[str, Any]) -> None:
        life = self.life
        tick, steps = _whole(words.get("tick")), _whole(words.get("step"))
        if tick != life.asked or life.answered >= life.asked or steps is None:
            self.counts.refused += 1
            return
        if not life.steps <= steps <= life.asked_steps:
            self.counts.refused += 1
            return
        life.answered = life.asked
        life.misses = 0
        life.steps = self.counts.steps = steps
        if life.asked_checkpoint:
            kept = _whole(words.get("kept"))
            life.kept = life.asked_checkpoint
            life.kept_steps = kept if kept is not None and kept <= steps else NOT_KEPT
            self.vain = 0 if life.kept_steps >= 0 else self.vain
            self.counts.checkpoints += life.kept_steps >= 0
            self.counts.checkpoints_failed += life.kept_steps < 0
        self.figures = self._told(words.get("figures")) or self.figures
        self.counts.found += min(_whole(words.get("found")) or 0, 1_000_000)
        back = _whole(words.get("roll_back")) or 0
        if words.get("done") is True:
            life.event = JobEvent.DONE
        elif 0 < back <= MAX_ROLL_BACK:
            life.event, life.roll_back = JobEvent.ROLLS_BACK, back

    def _told(self, figures: object) -> dict[str, float]:
        if figures is None:
            return {}
        if not isinstance(figures, dict) or len(figures) > MAX_FIGURES:
            self.counts.refused += 1
            return {}
        good = {
            name: float(value)
            for name, value in sorted(figures.items())
            if 0 < len(name) <= 64 and name.isprintable() and _is_number(value)
        }
        self.counts.refused += len(good) < len(figures)
        return good

    def _over(self, child: Child) -> None:
        """Its process is gone, or has closed its line."""
        if self.life.event is not JobEvent.NONE:
            return
        child.close()
        ended = child.ended
        self.life.child = None
        if child.refusal:
            self.why, self.life.event = f"it cannot be started: {child.refusal}", JobEvent.GONE
            return
        self._books(child)
        status = -1 if ended is None else ended.status
        if status == 0:
            self.life.event = JobEvent.DONE
        else:
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
            self._died(ended.why if ended is not None and ended.why else f"it ended with {how}")

    def _dies(self, why: str) -> None:
        """It is killed for what it does."""
        child = self.life.child
        assert child is not None
        child.kill()
        self._books(child)
        self.life.child = None
        self._died(why)

    def _died(self, why: str) -> None:
        self.counts.deaths += 1
        self.vain += 1
        self.why = why
        self.life.event = JobEvent.DIED if self.vain < MAX_VAIN else JobEvent.GONE
        if self.life.event is JobEvent.GONE:
            self.why = f"it died {MAX_VAIN} times without a new checkpoint, and is not started again: {why}"

    def judge(self, now_ns: int) -> None:
        """At the end of a tick: whether what it owes is late."""
        life = self.life
        if not self.owes:
            return
        if not life.ready:
            if now_ns >= self.due_ns:
                self._dies(f"it was not ready within {self.program.start_timeout_s:g} s")
            return
        if self.waits:
            self.counts.misses += 1
            life.misses += 1
            if life.misses >= SILENT_MISSES:
                self._dies(f"it did not answer for {SILENT_MISSES} ticks")
        elif now_ns - life.asked_ns > HUNG_NS:
            self._dies(f"it did not answer within {HUNG_NS / 1e9:g} s")

    def report(self) -> JobReport | None:
        """What is new of it; None: nothing."""
        life = self.life
        if life.number < 0 or not life.started:
            return None
        found = JobReport(
            job=self.job.id, life=life.number, ready=life.ready, steps=life.steps, kept=life.kept,
            kept_steps=life.kept_steps, event=int(life.event), roll_back=life.roll_back, figures=self.figures,
        )  # fmt: skip
        if found == self._sent:
            return None
        self._sent = found
        return found

    def _part(self) -> None:
        """This life is over, whatever it was doing; one that is done leaves by itself."""
        child = self.life.child
        if child is None:
            return
        if self.life.event is JobEvent.DONE:
            child.tell_keeper("end")
            child.close()
        else:
            self.counts.kills += self.life.event is JobEvent.NONE
            child.kill()
        self._books(child)
        self.life.child = None

    def _books(self, child: Child) -> None:
        ended = child.ended
        if ended is not None:
            self.log_bytes, self.log_dropped = ended.log_bytes, self.log_dropped + ended.log_dropped

    def end(self) -> None:
        """The run is over: ask it to end. `close` waits for that."""
        if self.life.child is not None:
            self.life.child.tell_keeper("end")

    def close(self) -> None:
        """Nothing of it is left afterwards."""
        child = self.life.child
        if child is not None:
            child.close()
            self._books(child)
            self.life.child = None


def _is_number(value: object) -> TypeGuard[int | float]:
    """One that is finite, as a double too."""
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # whole numbers of JSON have no end
        return False


def _whole(value: object) -> int | None:
    """A count, or nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2**53 else None
