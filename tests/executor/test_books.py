"""The books of a job that a program does, and what the program itself did: the same, whatever happens to it and when.

Job manager, mail, executor and program as they fly, without the rest of a spacecraft: accelerators crash, are switched
off, the job is held, thrown back, struck, and the program dies, each at random ticks.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from bus.participant import Moment
from bus.scenario.model import KeplerOrbit, Spacecraft
from bus.scenario.workload import Job
from bus.wire.messages import Message
from node.assembly import equipment
from node.designs.jobs import job_parameters, job_state
from node.designs.load import load_design
from node.devices.definitions import device_forms
from node.executor.executor import Executor
from node.executor.mailbox import OwnJobs
from node.executor.seat import Seat
from node.plant.compute.training import train
from node.plant.state import layout
from tests.kits.executor_kit import Disk, FakeHall, FakePlace, Obedient, job

TICK_NS = 1_000_000_000
ORBIT = KeplerOrbit(semi_major_axis_m=7028137.0, eccentricity=0.0, inclination_rad=1.71, raan_rad=3.14,
                    argument_of_perigee_rad=0.0, mean_anomaly_rad=0.0)  # fmt: skip
WAITING, RUNNING, CHECKPOINT, RESTART, DONE, PAUSED = range(6)
RUN, SAVE, HOLD = range(3)


class Bench:
    """One job on one group of accelerators, and a program that dies in front of the steps `deaths`."""

    def __init__(self, own: Job, *, deaths: tuple[int, ...] = (), total: int = 10**9) -> None:
        design = load_design("formation")
        craft = Spacecraft(id="rack-1", design="formation", orbit=ORBIT, jobs=(own,))
        shape = layout("full")
        kinds = (shape.state, shape.param, shape.flight, shape.order, shape.work)
        self.state, self.params, self.flight, self.inputs, self.work = (np.zeros(1, kind) for kind in kinds)
        for record, values in (
            (self.params[0], job_parameters(design, craft)),
            (self.state[0], job_state(design, craft)),
        ):
            for name, value in values.items():
                if np.ndim(value):
                    record[name][: len(value)] = value
                else:
                    record[name] = value
        self.s, self.u, self.w = self.state[0], self.inputs[0], self.work[0]
        self.params["accelerator_count"], self.params["chip_count"][0][:8] = 8, 8.0
        self.s["accelerator_state"][:8], self.s["accelerator_health"][:8] = 3, 1.0
        self.s["accelerator_clock_fraction"][:8], self.u["accelerator_utilisation"][:8] = 1.0, 1.0
        form = next(form for form in device_forms(equipment(design)) if form.name == "accelerators")
        measured = np.arange(float(len(form.channels)))
        measured[[place for place, channel in enumerate(form.channels) if channel.type == "enum"]] = 3.0
        self.jobs = OwnJobs({0: own}, self, form, measured, 1.0)  # type: ignore[arg-type]
        self.disk, self.deaths, self.total = Disk(), list(deaths), total
        self.children: list[Obedient] = []
        self.place = FakePlace(self._begin)
        self.seat = Seat("rack-1", own, self.place.start, lambda number: number)
        self.executor = Executor([self.seat], [self.place], FakeHall())
        self.tick, self.seq = 0, 0
        self.to_node: list[Message] = []
        self.to_executor: list[Message] = []

    def locate(self, name: str) -> tuple[Any, int]:
        return self.s[name.removesuffix("[0]")], 0

    def _begin(self, order: Any) -> Obedient:
        if self.children and self.children[-1].step in self.deaths:
            self.deaths.remove(self.children[-1].step)
        ahead = [at for at in self.deaths if at >= order.begin]
        child = Obedient(self.disk, order.life, order.begin, total=self.total, die_at=min(ahead, default=-1))
        self.children.append(child)
        return child

    def fly(self, ticks: int = 1) -> None:
        """As the node and the conductor do: what is sent in a tick is there in the next."""
        for _ in range(ticks):
            start_ns = self.tick * TICK_NS
            left = self.jobs.deliver(self.to_node)
            assert not left
            train(self.s, self.params[0], self.flight[0], self.u, self.w, self.tick, 0, 1.0)
            self.w["accelerator_crash"][:8] = 0
            self.w["accelerator_corrupted"][:8] = 0
            moment = Moment(self.tick, start_ns, start_ns + TICK_NS)
            self.to_node = self.executor.step(moment, self.to_executor).messages
            self.to_executor = [Message(moment.end_ns, "rack-1", 0, "executor", order) for order in self.jobs.orders()]
            self.tick += 1

    def until(self, state: int, most: int = 2000) -> None:
        for _ in range(most):
            if self.s["job_state"][0] == state:
                return
            self.fly()
        raise AssertionError(f"job is in state {self.s['job_state'][0]}")

    def settle(self) -> None:
        """Let it run undisturbed until a checkpoint is in the books, and the program is where they are."""
        self.u["job_command"][0] = RUN
        self.s["accelerator_state"][:8] = 3
        self.until(RUNNING)
        self.until(CHECKPOINT)
        self.until(RUNNING)

    def check(self, step_s: float) -> None:
        """Nothing is lost, and nothing counted twice."""
        done = self.disk.done
        work_s, saved_s, lost_s = (float(self.s[f"job_{name}_s"][0]) for name in ("work", "saved", "lost"))
        assert saved_s == pytest.approx(max(self.disk.checkpoints) * step_s)
        assert self.seat.counts.steps == self.seat.life.steps == self.children[-1].step
        assert 0.0 <= work_s - self.seat.counts.steps * step_s < 2.0 * step_s + 2.0
        assert len(done) == self.seat.counts.steps + self.seat.counts.steps_lost + self.disk.untold
        # Every step of the work was done once in the life that kept it, in its order.
        kept = {step for _, step in done}
        assert sorted(kept)[: self.seat.counts.steps] == list(range(self.seat.counts.steps))
        assert self.seat.counts.steps_lost * step_s <= lost_s + 1e-6
        assert lost_s < self.seat.counts.steps_lost * step_s + (step_s + 1e-6) * (1 + int(self.s["job_life"][0]))


STEP_S = 0.75


def test_undisturbed_it_does_what_the_accelerators_could() -> None:
    bench = Bench(job(step_s=STEP_S))
    bench.settle()
    bench.check(STEP_S)
    assert bench.seat.counts.starts == 1 and bench.s["job_lost_s"][0] == 0.0
    assert bench.s["job_work_s"][0] == pytest.approx(20.25, abs=1.0)  # 20 s of work to a checkpoint, in whole steps


def test_a_crash_kills_it_and_it_resumes_from_its_checkpoint() -> None:
    bench = Bench(job(step_s=STEP_S))
    bench.settle()
    saved_s = float(bench.s["job_saved_s"][0])
    bench.fly(10)
    bench.w["accelerator_crash"][0] = 1
    bench.fly(2)
    assert bench.children[0].over is not None and bench.children[0].over.status == -9
    assert bench.s["job_work_s"][0] == saved_s and bench.s["job_lost_s"][0] == pytest.approx(10.0, abs=0.1)
    bench.settle()
    bench.check(STEP_S)
    assert bench.children[1].heard and bench.disk.done.count((1, round(saved_s / STEP_S))) == 1
    assert (bench.seat.counts.kills, bench.seat.counts.deaths, bench.seat.counts.starts) == (1, 0, 2)


def test_a_program_that_dies_by_itself_is_started_again_and_after_three_times_in_vain_it_is_not() -> None:
    bench = Bench(job(step_s=STEP_S), deaths=(40,))
    bench.settle()
    bench.settle()
    bench.check(STEP_S)
    assert (bench.seat.counts.deaths, bench.s["job_crashes"][0], bench.seat.why) == (
        1,
        1,
        "it ended with exit status 1",
    )
    hopeless = Bench(job(step_s=STEP_S), deaths=(4, 4, 4, 4))
    hopeless.fly(200)
    assert hopeless.seat.counts.deaths == 3 and hopeless.s["job_state"][0] == WAITING
    assert hopeless.seat.why.startswith("it died 3 times without a new checkpoint, and is not started again")
    assert hopeless.s["job_work_s"][0] == 0.0


def test_done_is_done() -> None:
    bench = Bench(job(step_s=STEP_S), total=50)
    bench.until(DONE)
    assert bench.s["job_work_s"][0] == pytest.approx(50 * STEP_S) and bench.s["jobs_done"] == 1
    bench.fly(5)
    assert bench.children[0].over is not None and bench.children[0].over.status == 0 and len(bench.children) == 1


def test_held_it_is_granted_nothing_and_switched_off_it_is_gone_and_loses_nothing() -> None:
    bench = Bench(job(step_s=STEP_S))
    bench.settle()
    bench.u["job_command"][0] = HOLD
    bench.until(PAUSED)
    bench.fly(3)
    before = len(bench.disk.done)
    bench.fly(30)
    assert len(bench.disk.done) == before and bench.children[0].over is None
    bench.s["accelerator_state"][:8] = 0
    bench.fly(3)
    assert bench.children[0].over is not None and bench.s["job_lost_s"][0] == 0.0
    bench.settle()
    bench.check(STEP_S)
    assert bench.seat.counts.steps_lost == 0 and len(bench.children) == 2


def test_it_is_told_of_silent_errors_that_met_it_at_work_and_of_no_others() -> None:
    bench = Bench(job(step_s=STEP_S))
    bench.until(RUNNING)
    bench.fly(5)
    bench.w["accelerator_corrupted"][0] = 1
    bench.fly(3)
    assert bench.disk.strikes == [0] and bench.seat.counts.strikes == 1 and bench.s["job_strikes"][0] == 1
    bench.w["accelerator_corrupted"][3] = 1  # a group that is not its own
    bench.fly(3)
    assert bench.disk.strikes == [0]


@pytest.mark.parametrize("seed", range(40))
def test_kills_at_random_ticks_leave_the_books_exact(seed: int) -> None:
    rng = Random(seed)
    step_s = rng.choice((0.3, 0.75, 1.0, 2.5))
    deaths = tuple(sorted(rng.sample(range(200), 2)))
    bench = Bench(
        job(step_s=step_s, checkpoint_every_s=rng.choice((8.0, 20.0)), checkpoint_s=rng.choice((0.0, 1.0, 4.0))),
        deaths=deaths,
    )
    for _ in range(15):
        bench.fly(rng.randrange(1, 25))
        match rng.randrange(6):
            case 0:
                bench.w["accelerator_crash"][0] = 1
            case 1:
                bench.s["accelerator_state"][:8] = rng.choice((0, 3))
            case 2:
                bench.u["job_command"][0] = rng.choice((RUN, SAVE, HOLD))
            case 3:
                bench.u["job_rollback"][0] = rng.randrange(1, 4)
            case 4:
                bench.w["accelerator_corrupted"][0] = 1
            case _:
                bench.s["accelerator_clock_fraction"][:8] = rng.choice((0.3, 0.6, 1.0))
    bench.s["accelerator_clock_fraction"][:8] = 1.0
    bench.settle()
    bench.check(step_s)
