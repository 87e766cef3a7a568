"""The jobs and logs of a spacecraft -> the plant's parameters, first state, first orders and workload.

Slots: the jobs in their order, then a service for each log of requests, then the slots of the queue. No numba here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bus.scenario.model import Spacecraft
from bus.scenario.workload import KINDS, Accelerators, Checks, Job, JobLog, ServiceLaw
from node.designs.load import Design, load_design
from node.plant.compute.workload import Arrivals, Log, Workload

Value = float | int | Sequence[float] | Sequence[int]
_NUMBER = {kind: number for number, kind in enumerate(KINDS, 1)}
_TRAINING = _NUMBER["training"]
_GUEST = Checks(restart_s=0.0, detect_s=0.0, efficiency=1.0)
"""Until one comes, with figures of its own."""


def accelerators(design_name: str) -> Accelerators:
    """What jobs of a design can run on."""
    design = load_design(design_name)
    chips = {name: int(group.count) for name, group in design.form.accelerators.items()}
    modes = {name: tuple(group.chip.modes) for name, group in design.form.accelerators.items() if group.chip.modes}
    return Accelerators(chips, design.capacity.jobs, modes)


def slot_names(design: Design, spacecraft: Spacecraft) -> list[str]:
    """Names of the slots: jobs and services by their ids, the rest by number."""
    named = [job.id for job in spacecraft.jobs] + [log.id for log in spacecraft.logs if not log.queue]
    return named + [str(slot) for slot in range(len(named), design.capacity.jobs)]


@dataclass(frozen=True, slots=True)
class _Slot:
    """One slot's figures."""

    chips: Mapping[str, int]
    checks: Checks
    kind: int = 0
    start_s: float = 0.0
    length_s: float = 0.0
    interval_s: float = 0.0
    checkpoint_s: float = 0.0
    arrivals_hz: float = 0.0
    request_s: float = 0.0
    law: ServiceLaw = "lognormal"
    spread: float = 0.0
    objective_s: float = 0.0
    log: int = 0


def _of_job(job: Job) -> _Slot:
    return _Slot(
        job.chips, job.checks, _NUMBER[job.kind], job.start_s, job.work_s, job.checkpoint_every_s,
        job.checkpoint_s, job.arrival_rate_hz, job.service_s, job.service_law, job.service_spread, job.objective_p99_s,
    )  # fmt: skip


def _of_service(log: JobLog) -> _Slot:
    mean_s = sum(log.work_s) / max(1, len(log.work_s))
    return _Slot(
        log.chips, log.checks, _NUMBER["inference"], request_s=mean_s, law=log.service_law,
        spread=log.service_spread, objective_s=log.objective_p99_s, log=1,
    )  # fmt: skip


def _queue(spacecraft: Spacecraft) -> JobLog | None:
    return next((log for log in spacecraft.logs if log.queue), None)


def _slots(design: Design, spacecraft: Spacecraft, guests: bool) -> tuple[list[_Slot], int]:
    """All slots, and how many of them are not the queue's. With `guests` the free ones are for jobs of peers."""
    slots = [_of_job(job) for job in spacecraft.jobs]
    slots += [_of_service(log) for log in spacecraft.logs if not log.queue]
    fixed = len(slots)
    queue = _queue(spacecraft)
    if queue is not None:
        slots += [_Slot({}, queue.checks, checkpoint_s=queue.checkpoint_s)] * (design.capacity.jobs - fixed)
    elif guests:
        slots += [_Slot({}, _GUEST)] * (design.capacity.jobs - fixed)
    return slots, fixed


def job_parameters(design: Design, spacecraft: Spacecraft, *, guests: bool = False) -> dict[str, Value]:
    """PARAM fields of the jobs. Guests run on any group, as far as it is free; beside a queue on the queue's."""
    slots, fixed = _slots(design, spacecraft, guests)
    queue = _queue(spacecraft)
    pool = (1 << len(design.accelerators)) - 1 if guests else 0
    if queue is not None:
        pool = sum(1 << g for g, name in enumerate(design.accelerators) if name in queue.chips)
    return {
        "job_pool": pool,
        "job_count": len(slots),
        "job_fixed": fixed,
        "job_stride": design.capacity.accelerator_groups,
        "checkpoint_room": design.capacity.checkpoints,
        "queue_checkpoint_s": 0.0 if queue is None else queue.checkpoint_s,
        "queue_restart_s": 0.0 if queue is None else queue.checks.restart_s,
        "queue_detect_s": 0.0 if queue is None else queue.checks.detect_s,
        "queue_efficiency": 1.0 if queue is None else queue.checks.efficiency,
        "job_start_s": [slot.start_s for slot in slots],
        "job_arrivals_s": [slot.arrivals_hz for slot in slots],
        "job_request_s": [slot.request_s for slot in slots],
        "job_request_exponential": [int(slot.law == "exponential") for slot in slots],
        "job_request_spread": [slot.spread for slot in slots],
        "job_objective_s": [slot.objective_s for slot in slots],
        "job_use": [job.load for job in spacecraft.jobs] + [1.0] * (len(slots) - len(spacecraft.jobs)),
        "job_mode": [_mode(design, job) for job in spacecraft.jobs],
    }


def _mode(design: Design, job: Job) -> int:
    """Place of the power mode that a job names, from 1; 0 for none."""
    group = next(iter(job.chips), "")
    return 1 + list(design.form.accelerators[group].chip.modes).index(job.mode) if job.mode and group else 0


def job_state(design: Design, spacecraft: Spacecraft, *, guests: bool = False) -> dict[str, Value]:
    """First truth of the jobs: all of them wait."""
    slots, _ = _slots(design, spacecraft, guests)
    room = design.capacity.accelerator_groups
    taken = [0] * (len(slots) * room)
    for j, slot in enumerate(slots):
        for g, name in enumerate(design.accelerators):
            taken[j * room + g] = slot.chips.get(name, 0)
    return {
        "job_corrupt_at_s": [-1.0] * design.capacity.jobs,
        "job_kind": [slot.kind for slot in slots],
        "job_taken": taken,
        "job_chips": [sum(slot.chips.values()) for slot in slots],
        "job_efficiency": [slot.checks.efficiency for slot in slots],
        "job_checkpoint_s": [slot.checkpoint_s for slot in slots],
        "job_restart_s": [slot.checks.restart_s for slot in slots],
        "job_detect_s": [slot.checks.detect_s for slot in slots],
        "job_length_s": [slot.length_s for slot in slots],
        "job_interval_s": [slot.interval_s for slot in slots],
    }


def job_orders(spacecraft: Spacecraft) -> dict[str, Value]:
    """First orders: which services hear a log."""
    return {"job_trace": [0] * len(spacecraft.jobs) + [1 for log in spacecraft.logs if not log.queue]}


def workload(spacecraft: Spacecraft) -> Workload:
    """What comes from logs. A job of the queue takes checkpoints if it trains and the log's entry says how."""
    queue = _queue(spacecraft)
    log = None
    if queue is not None:
        every = [queue.checkpoint_every_s if kind == _TRAINING else 0.0 for kind in queue.kind]
        log = Log(queue.submit_s, queue.work_s, queue.accelerators, _gangs(queue.kind), every, queue.line,
                  queue.queue_limit)  # fmt: skip
    services = [one for one in spacecraft.logs if not one.queue]
    first = len(spacecraft.jobs)
    return Workload(log, tuple(Arrivals(first + i, one.submit_s, one.work_s) for i, one in enumerate(services)))


def _gangs(kinds: Sequence[int]) -> list[int]:
    """A service in a queue holds its accelerators for its time as a batch job does."""
    return [_NUMBER["batch"] if kind == _NUMBER["inference"] else kind for kind in kinds]
