"""Jobs in the plant: checkpoints and what a crash costs, queues and latency, silent errors, logs, restarts."""

# ruff: noqa: PLR0917  (kernels take records by position)

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numba import njit

from bus.scenario.model import KeplerOrbit, Spacecraft
from bus.scenario.workload import Checks, Job, JobLog
from node.designs.jobs import job_orders, job_parameters, job_state, slot_names, workload
from node.designs.load import load_design
from node.devices.equipment import JOB_KINDS
from node.plant.compute.jobs import BATCH, INFERENCE, NONE, TRAINING, daly_s, step_jobs, young_s
from node.plant.kernel.capacity import FULL
from node.plant.kernel.draws import unit
from node.plant.plant import Plant
from node.plant.state import layout
from tests.kits.plant_kit import setup

CHECKS = Checks(restart_s=30.0, detect_s=0.0, efficiency=1.0)
ORBIT = KeplerOrbit(semi_major_axis_m=7028137.0, eccentricity=0.0, inclination_rad=1.71, raan_rad=3.14,
                    argument_of_perigee_rad=0.0, mean_anomaly_rad=0.0)  # fmt: skip
GROUPS = {f"tpu_{i}": 8 for i in range(1, 9)}
RUNNING, CHECKPOINT, DONE, PAUSED = 1, 2, 4, 5


def training(chips: dict[str, int] | None = None, **figures: Any) -> Job:
    values = {"work_s": 0.0, "checkpoint_every_s": 600.0, "checkpoint_s": 60.0, **figures}
    checks = values.pop("checks", CHECKS)
    return Job(id="llm", kind="training", chips=chips or GROUPS, start_s=0.0, checks=checks, **values)


def log(rows: list[tuple[float, float, int]], **figures: Any) -> JobLog:
    submit, work, chips = zip(*rows, strict=True)
    values: dict[str, Any] = {
        "id": "log", "file": "log.csv", "digest": "", "queue": True, "chips": GROUPS, "checks": CHECKS,
        "checkpoint_every_s": 0.0, "checkpoint_s": 0.0, "queue_limit": 100, "service_spread": 0.01,
        "objective_p99_s": 0.0, "line": range(2, len(rows) + 2), "submit_s": submit, "work_s": work,
        "accelerators": chips, "kind": [1] * len(rows), **figures,
    }  # fmt: skip
    return JobLog(**values)


class Sensors:
    """Jobs alone on groups that are up and at full clock: the kernel without the rest of the plant."""

    def __init__(self, *jobs: Job, logs: tuple[JobLog, ...] = ()) -> None:
        design = load_design("formation")
        craft = Spacecraft(id="rack-1", design="formation", orbit=ORBIT, jobs=jobs, logs=logs)
        shape = layout("full")
        kinds = (shape.state, shape.param, shape.flight, shape.order, shape.work)
        self.arrays = [np.zeros(1, kind) for kind in kinds]
        self.s, self.p, self.f, self.u, self.w = (array[0] for array in self.arrays)
        for record, values in (
            (self.p, job_parameters(design, craft)),
            (self.s, job_state(design, craft)),
            (self.u, job_orders(craft)),
        ):
            for name, value in values.items():
                if np.ndim(value):
                    record[name][: len(value)] = value
                else:
                    record[name] = value
        self.p["accelerator_count"] = 8
        self.p["chip_count"][:8] = 8.0
        self.s["accelerator_state"][:8] = 3
        self.s["accelerator_clock_fraction"][:8] = 1.0
        self.s["accelerator_health"][:8] = 1.0
        self.u["accelerator_utilisation"][:8] = 1.0
        self.f["draw_seed"], self.f["draw_spacecraft"] = 5, 6
        self.tick = 0
        self.names = slot_names(design, craft)

    def fly(self, ticks: int) -> None:
        _fly(*self.arrays, self.tick, ticks)
        self.tick += ticks

    def until(self, state: int, most: int = 5000) -> int:
        for ticks in range(most):
            if self.s["job_state"][0] == state:
                return ticks
            self.fly(1)
        raise AssertionError(f"job 0 is in state {self.s['job_state'][0]}")

    def crash(self, group: int = 0) -> None:
        self.w["accelerator_crash"][group] = 1
        self.fly(1)
        self.w["accelerator_crash"][group] = 0


@njit
def _fly(s: Any, p: Any, f: Any, u: Any, w: Any, first: int, ticks: int) -> None:
    for tick in range(first, first + ticks):
        step_jobs(s[0], p[0], f[0], u[0], w[0], tick, 1.0)


@njit
def _with_failures(s: Any, p: Any, f: Any, u: Any, w: Any, ticks: int, mtbf_s: float, head: int) -> None:
    for tick in range(ticks):
        w[0].accelerator_crash[0] = 1 if unit(head, tick, 0) < 1.0 / mtbf_s else 0
        step_jobs(s[0], p[0], f[0], u[0], w[0], tick, 1.0)


def test_a_crash_costs_the_work_since_the_last_checkpoint_and_no_more() -> None:
    bench = Sensors(training())
    bench.until(CHECKPOINT)
    assert bench.s["job_work_s"][0] == 600.0 and bench.s["job_saved_s"][0] == 0.0
    assert bench.until(RUNNING) == 60
    assert bench.s["job_saved_s"][0] == 600.0
    bench.fly(100)
    bench.crash(group=3)
    assert (bench.s["job_work_s"][0], bench.s["job_lost_s"][0], bench.s["job_crashes"][0]) == (600.0, 100.0, 1)
    assert bench.s["job_progress_s"] == pytest.approx(600.0) and bench.s["job_lost_total_s"] == 100.0
    bench.fly(31)
    assert bench.s["job_state"][0] == RUNNING


def test_one_chip_less_takes_the_whole_gang_down() -> None:
    bench = Sensors(training())
    bench.until(RUNNING)
    bench.fly(10)
    bench.s["accelerator_lost"][2] = 1.0
    bench.fly(1)
    assert bench.s["job_crashes"][0] == 1
    bench.until(RUNNING)
    before = float(bench.s["job_work_s"][0])
    bench.fly(8)
    assert bench.s["job_work_s"][0] - before == pytest.approx(7.0)  # the weakest group sets the pace


def test_a_hold_takes_a_checkpoint_first_and_survives_a_switch_off() -> None:
    bench = Sensors(training())
    bench.until(RUNNING)
    bench.fly(200)
    bench.u["job_command"][0] = 2
    assert bench.until(PAUSED) == 61
    bench.s["accelerator_state"][:8] = 0
    bench.fly(100)
    bench.s["accelerator_state"][:8] = 2
    bench.u["job_command"][0] = 0
    bench.until(RUNNING)
    assert bench.s["job_lost_s"][0] == 0.0 and bench.s["job_work_s"][0] == 201.0 and bench.s["job_crashes"][0] == 0


def test_an_order_for_a_checkpoint_gives_one() -> None:
    bench = Sensors(training())
    bench.until(RUNNING)
    bench.fly(100)
    bench.u["job_command"][0] = 1
    bench.fly(200)
    assert bench.s["job_checkpoint_count"][0] == 1 and bench.s["job_saved_s"][0] == 101.0
    assert bench.u["job_command"][0] == 0


def test_a_silent_error_is_latent_and_then_costs_all_work_after_it() -> None:
    bench = Sensors(training(checks=Checks(restart_s=30.0, detect_s=3000.0, efficiency=1.0)))
    bench.until(RUNNING)
    bench.fly(1500)
    struck_at = float(bench.s["job_work_s"][0])
    clean = float(bench.s["job_saved_s"][0])
    bench.w["accelerator_corrupted"][1] = 1
    bench.fly(1)
    bench.w["accelerator_corrupted"][1] = 0
    assert bench.s["job_corrupt_at_s"][0] == struck_at
    for _ in range(30000):
        bench.fly(1)
        if bench.s["job_rollbacks"][0]:
            break
    assert bench.s["job_rollbacks"][0] == 1 and bench.s["job_work_s"][0] == clean
    assert bench.s["job_corrupt_at_s"][0] == -1.0


@pytest.mark.parametrize(
    ("cost_s", "mtbf_s", "young", "daly"), [(60, 10800, 1138.4, 1098.8), (300, 86400, 7200, 7001.4)]
)
def test_young_and_daly(cost_s: float, mtbf_s: float, young: float, daly: float) -> None:
    """Young 1974: sqrt(2 C M); Daly 2006, higher order. By hand."""
    assert young_s(cost_s, mtbf_s) == pytest.approx(young, rel=1e-3)
    assert daly_s(cost_s, mtbf_s) == pytest.approx(daly, rel=1e-3)


@pytest.mark.parametrize("share", [0.5, 1.0, 2.0])
def test_checkpointing_wastes_what_daly_says(share: float) -> None:
    """Simulated: useful share of the time = tau / (M e^(R/M) (e^((tau + C)/M) - 1)), exact for a memoryless
    crash (Daly 2006, equation 20)."""
    cost, restart, mtbf = 60.0, 30.0, 10800.0
    every = round(share * daly_s(cost, mtbf))
    bench = Sensors(training(checkpoint_every_s=every, checkpoint_s=cost))
    ticks = 40_000_000
    _with_failures(*bench.arrays, ticks, mtbf, np.uint64(77))
    expected = every / (mtbf * math.exp(restart / mtbf) * (math.exp((every + cost) / mtbf) - 1.0))
    assert float(bench.s["job_work_s"][0]) / ticks == pytest.approx(expected, rel=0.02)


def test_a_service_is_as_fast_as_its_law() -> None:
    """Without waiting, the 99th percentile of a lognormal law: mean e^(2.326 sigma - sigma^2 / 2)."""
    sigma, mean = 0.5, 0.6
    service = Job(id="chat", kind="inference", chips={"tpu_1": 8}, start_s=0.0, checks=CHECKS, arrival_rate_hz=5.0,
                  service_s=mean, service_spread=sigma, objective_p99_s=1.5)  # fmt: skip
    bench = Sensors(service)
    bench.fly(20_000)
    assert bench.s["job_p99_s"][0] == pytest.approx(mean * math.exp(2.3263 * sigma - sigma**2 / 2), rel=0.02)
    assert bench.s["job_served"][0] == pytest.approx(100_000, rel=0.02)
    assert bench.s["job_late"][0] / bench.s["job_served"][0] == pytest.approx(0.0186, rel=0.2)
    assert bench.s["job_load"][0] < 1.0 and bench.s["job_load"][1] == 0.0


def test_a_service_that_is_asked_too_much_falls_behind() -> None:
    service = Job(id="chat", kind="inference", chips={"tpu_1": 8}, start_s=0.0, checks=CHECKS, arrival_rate_hz=20.0,
                  service_s=0.6, service_spread=0.5)  # fmt: skip
    bench = Sensors(service)
    bench.fly(2000)
    backlog = float(bench.s["job_offered"][0] - bench.s["job_served"][0]) * 0.6
    assert backlog == pytest.approx(2000 * (20.0 * 0.6 - 8.0) + 30 * 8.0, rel=0.05)
    assert bench.s["job_p99_s"][0] > 100.0


def plant(jobs: tuple[Job, ...] = (), logs: tuple[JobLog, ...] = ()) -> Plant:
    made = setup("formation")
    craft = Spacecraft(id="sc-1", design="formation", orbit=ORBIT, jobs=jobs, logs=logs)
    design = load_design("formation")
    return Plant(
        type(made)(**{
            **{name: getattr(made, name) for name in made.__dataclass_fields__},
            "parameters": {**made.parameters, **job_parameters(design, craft)},
            "state": {**made.state, **job_state(design, craft)},
            "orders": {**made.orders, **job_orders(craft)},
            "names": {**made.names, "job": slot_names(design, craft)},
            "workload": workload(craft),
        })
    )  # fmt: skip


def test_a_log_is_worked_off_in_its_order() -> None:
    rows = [(0.0, 100.0, 64), (1.0, 50.0, 8), (2.0, 50.0, 40), (3.0, 50.0, 60), (4.0, 10.0, 1)]
    subject = plant(logs=(log(rows),))
    order: list[int] = []
    for tick in range(900):
        subject.step(tick, 1.0, {})
        s = subject.state[0]
        order += [int(r) for r, k in zip(s["job_row"], s["job_kind"], strict=True) if k and r not in order]
        taken = s["job_taken"].reshape(FULL.jobs, FULL.accelerator_groups).sum(axis=0)
        assert (taken <= 8).all()
    assert order == [2, 3, 4, 5, 6]
    assert subject.read("jobs_done") == 5 and subject.read("job_queue_length") == 0
    assert subject.read("job_progress_s") == pytest.approx(260.0)


def test_a_full_queue_refuses_and_counts() -> None:
    subject = plant(logs=(log([(0.0, 1e4, 64)] * 10, queue_limit=3),))
    for tick in range(5):
        subject.step(tick, 1.0, {})
    assert subject.read("jobs_dropped") == 7 and subject.read("job_queue_length") == 3


def test_requests_of_a_log_reach_the_service() -> None:
    rows = [(300.0 + i, 4.0, 1) for i in range(100)]
    subject = plant(logs=(log(rows, queue=False, chips={"tpu_1": 8}),))
    for tick in range(450):
        subject.step(tick, 1.0, {})
    assert subject.read("job_served[log]") == pytest.approx(100.0, rel=1e-6)


def test_flying_on_from_a_snapshot_is_flying_on() -> None:
    rows = [(3.0 * i, 40.0 + i, 1 + i % 64) for i in range(200)]
    made = (training({"tpu_1": 8}),), (log(rows, chips={f"tpu_{i}": 8 for i in range(2, 9)}),)
    rows[:] = [(t, w, min(n, 56)) for t, w, n in rows]
    one, other = plant(*made), plant(*made)
    for tick in range(400):
        one.step(tick, 1.0, {})
    other.restore(one.save())
    for tick in range(400, 800):
        one.step(tick, 1.0, {})
        other.step(tick, 1.0, {})
    assert one.save() == other.save() and one.read("jobs_done") > 0
    with pytest.raises(ValueError, match="another plant"):
        plant().restore(one.save())


def test_kinds_that_are_not_admitted_save_and_stand_and_the_others_go_on() -> None:
    service = Job(id="chat", kind="inference", chips={"tpu_8": 8}, start_s=0.0, checks=CHECKS, arrival_rate_hz=5.0,
                  service_s=0.5)  # fmt: skip
    bench = Sensors(training({"tpu_1": 8}), service)
    bench.until(RUNNING)
    bench.fly(200)
    work = float(bench.s["job_work_s"][0])
    bench.u["job_refused"] = 1 << TRAINING
    assert bench.until(PAUSED) == 61, "a checkpoint first"
    assert bench.s["job_saved_s"][0] == work + 1.0
    served = float(bench.s["job_served"][1])
    bench.fly(100)
    assert bench.s["job_state"][0] == PAUSED and bench.s["job_served"][1] > served
    bench.u["job_refused"] = 1 << INFERENCE
    bench.fly(2)
    assert (bench.s["job_state"][0], bench.s["job_state"][1]) == (RUNNING, PAUSED)
    bench.u["job_refused"] = 0
    bench.fly(2)
    assert (bench.s["job_state"][0], bench.s["job_state"][1]) == (RUNNING, RUNNING)


def test_the_queue_waits_while_its_first_job_is_not_admitted() -> None:
    subject = plant(logs=(log([(0.0, 50.0, 8)]),))
    subject.inputs["job_refused"] = 1 << TRAINING
    for tick in range(150):
        subject.step(tick, 1.0, {})
    assert subject.read("jobs_started") == 0 and subject.read("job_queue_length") == 1
    subject.inputs["job_refused"] = 1 << INFERENCE
    for tick in range(150, 152):
        subject.step(tick, 1.0, {})
    assert subject.read("jobs_started") == 1


def test_kinds_of_jobs_have_the_numbers_that_flight_software_knows() -> None:
    assert [JOB_KINDS[kind] for kind in (NONE, TRAINING, INFERENCE, BATCH)] == [
        "none",
        "training",
        "inference",
        "batch",
    ]


@pytest.mark.parametrize(("steps", "left"), [(1, 3), (2, 2), (3, 1), (4, 0), (8, 0)])
def test_a_job_is_thrown_back_by_so_many_checkpoints(steps: int, left: int) -> None:
    bench = Sensors(training())
    bench.until(RUNNING)
    taken = []
    for count in range(1, 4):
        while bench.s["job_checkpoint_count"][0] < count:
            bench.fly(1)
        taken.append(float(bench.s["job_saved_s"][0]))
    bench.fly(100)
    done = float(bench.s["job_work_s"][0])
    assert done > taken[-1]
    bench.u["job_rollback"][0] = steps
    bench.fly(1)
    to_s = ([0.0, *taken])[left]
    assert bench.s["job_work_s"][0] == to_s == bench.s["job_saved_s"][0]
    assert (
        bench.s["job_lost_s"][0] == done - to_s and bench.s["job_rollbacks"][0] == 1 and bench.u["job_rollback"][0] == 0
    )
    bench.until(RUNNING, 60)
    bench.fly(10)
    assert bench.s["job_work_s"][0] > to_s
    bench.u["job_rollback"][0] = 2  # what was thrown away is no checkpoint any more
    bench.fly(1)
    assert bench.s["job_work_s"][0] == ([0.0, 0.0, *taken])[left]


def test_a_held_job_is_thrown_back_and_stays_held() -> None:
    bench = Sensors(training())
    bench.until(RUNNING)
    bench.fly(1500)
    bench.u["job_command"][0] = 2
    bench.until(PAUSED)
    bench.u["job_rollback"][0] = 2
    bench.fly(1)
    assert bench.s["job_state"][0] == PAUSED and 0.0 < bench.s["job_work_s"][0] == bench.s["job_saved_s"][0]
