# ruff: noqa: PLR0917 - kernels take records by position
"""Jobs on the accelerators: their state, parameters and orders, and the load they put on each group. Once per tick.

Work is counted in seconds at full speed of the job's chips. Jobs of the scenario have chips of their own; jobs of a
cluster log wait in a queue and get free chips in the order of their submission.
"""

from __future__ import annotations

import math

from node.plant.compute.gangs import allot, release
from node.plant.compute.serving import serve
from node.plant.compute.training import train
from node.plant.kernel.capacity import Capacity
from node.plant.kernel.fields import Field, Record, shaped
from node.plant.kernel.kernel import inlined, kernel

NONE, TRAINING, INFERENCE, BATCH = range(4)
"""s.job_kind."""
WAITING, RUNNING, CHECKPOINT, RESTART, DONE, PAUSED = range(6)
"""s.job_state."""
GUEST = (
    "kind", "chips", "length_s", "saved_s", "interval_s", "checkpoint_s", "restart_s", "detect_s", "efficiency",
)  # fmt: skip
"""What a job is wherever it runs, beside its slot."""
STREAM = 0x10B
"""Stream id of arrivals and detections."""


def state_fields(cap: Capacity) -> list[Field]:
    """Per job slot; `job_load` and `job_progress_s` are what others look at."""
    n = cap.jobs
    return [
        shaped("job_load", "f8", cap.accelerator_groups),  # share of the ordered utilisation that jobs have work for
        ("job_progress_s", "f8"),  # useful work of all jobs, lost work taken away
        ("job_lost_total_s", "f8"),  # work done and lost again, all jobs
        ("jobs_active", "i4"),  # running, starting, writing a checkpoint
        ("jobs_done", "i4"),
        ("jobs_started", "i4"),  # of the queue
        ("jobs_dropped", "i4"),  # refused because the queue was full
        ("guests_taken", "i4"),  # number of the last guest that has a slot
        ("jobs_given", "i4"),  # number of the last order to give a job away that was obeyed
        ("job_queue_length", "i4"),
        shaped("job_usable", "f8", n),  # working chips in its groups, to notice that one has gone
        shaped("job_taken", "i4", n * cap.accelerator_groups),  # chips of each group, job by job
        shaped("job_chips", "i4", n),
        shaped("job_kind", "i4", n),
        shaped("job_row", "i4", n),  # line of the cluster log, from 1; 0: a job of the scenario
        shaped("job_length_s", "f8", n),  # 0: endless
        shaped("job_interval_s", "f8", n),  # work between two checkpoints; 0: it takes none
        shaped("job_efficiency", "f8", n),  # share of a step that computes; the rest communicates
        shaped("job_checkpoint_s", "f8", n),  # what a checkpoint takes
        shaped("job_restart_s", "f8", n),  # from having its chips to the first useful second
        shaped("job_detect_s", "f8", n),  # mean time until a latent error is found; 0: never
        shaped("job_work_s", "f8", n),
        shaped("job_saved_s", "f8", n),
        shaped("job_lost_s", "f8", n),  # done and lost again
        shaped("job_timer_s", "f8", n),
        shaped("job_corrupt_at_s", "f8", n),  # work at which a latent error came in; -1: none
        shaped("job_checkpoints_s", "f8", n * cap.checkpoints),
        shaped("job_offered", "f8", n),  # requests that came
        shaped("job_served", "f8", n),  # of these, answered; the rest waits
        shaped("job_late", "f8", n),  # of these, later than the objective
        shaped("job_wrong", "f8", n),  # wrong answers given
        shaped("job_wait_s", "f8", n),  # mean wait of a request that comes now
        shaped("job_p50_s", "f8", n),  # median of its latency: wait and service
        shaped("job_p99_s", "f8", n),
        shaped("job_surge", "f8", n),  # 1 / (1 - load), as the queue has come to feel it
        shaped("job_excess_s", "f8", n),  # chip-seconds that came beyond what the chips could do
        shaped("job_inflow", "f8", n),  # chip-seconds a second, of a log
        shaped("job_state", "i4", n),
        shaped("job_crashes", "i4", n),
        shaped("job_rollbacks", "i4", n),
        shaped("job_checkpoint_count", "i4", n),
        shaped("job_life", "i4", n),  # counts up whenever what runs has to begin again from a checkpoint
        shaped("job_strikes", "i4", n),  # silent errors that met the job at work
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """What the jobs are. Slots from `job_fixed` to `job_count` are for jobs of the queue, on the groups of `job_pool`
    (a bit each)."""
    n = cap.jobs
    return [
        ("job_pool", "i8"),
        ("job_count", "i4"),
        ("job_fixed", "i4"),
        ("job_stride", "i4"),  # groups that `job_taken` has room for
        ("checkpoint_room", "i4"),
        ("queue_checkpoint_s", "f8"),  # of every job of the queue
        ("queue_restart_s", "f8"),
        ("queue_detect_s", "f8"),
        ("queue_efficiency", "f8"),
        shaped("job_start_s", "f8", n),
        shaped("job_arrivals_s", "f8", n),  # mean requests per second
        shaped("job_request_s", "f8", n),  # mean chip-seconds of a request
        shaped("job_request_exponential", "i4", n),  # 1: an exponential service time, else a lognormal one
        shaped("job_request_spread", "f8", n),  # sigma of the logarithm of a lognormal service time; 0: it is fixed
        shaped("job_objective_s", "f8", n),
        shaped("job_use", "f8", n),  # share of its chips' full load that the job is; 0 as 1
        shaped("job_mode", "i4", n),  # power mode that it runs in, counted from 1; 0: any
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Orders: 0 run, 1 take a checkpoint, 2 hold; `job_refused`: kinds that are not admitted, a bit each at the kind's
    number, which is a hold for all jobs of such a kind. Work of a log that arrives in this tick, and the queue's first
    job (`queue_chips` 0: nothing waits). A guest is a job of a peer, at its checkpoint: it gets a slot when
    `guest_number` is higher than that of the last one. `give_number` likewise clears `give_slot`.
    Of a job whose work a process of the user's does (`own_outside`): the life, plus 1, that it is ready for; number of
    its last checkpoint, and work in it (below zero: it could not); what happened to it (see `training`); work that it
    confirms; work that it may be behind."""
    n = cap.jobs
    outside = ("outside", "ready", "kept", "event")  # of a process of the user's that does the work
    return [
        *((f"guest_{name}", "f8") for name in GUEST),
        *(shaped(f"job_own_{name}", "i4", n) for name in outside),
        *(shaped(f"job_own_{name}_s", "f8", n) for name in ("confirmed", "kept", "window")),
        ("guest_number", "f8"),
        ("give_slot", "f8"),
        ("give_number", "f8"),
        ("job_refused", "i4"),
        ("queue_work_s", "f8"),
        ("queue_interval_s", "f8"),
        ("queue_chips", "i4"),
        ("queue_kind", "i4"),
        ("queue_row", "i4"),
        shaped("job_command", "i4", n),
        shaped("job_rollback", "i4", n),  # go back to the last checkpoint but so many less one; used up by it
        shaped("job_trace", "i4", n),  # 1: arrivals come from a log
        shaped("job_arrived_work_s", "f8", n),
    ]


@kernel
def young_s(checkpoint_s: float, mtbf_s: float) -> float:
    """Best time between checkpoints, first order (Young 1974): sqrt(2 C M)."""
    return math.sqrt(2.0 * checkpoint_s * mtbf_s)


@kernel
def daly_s(checkpoint_s: float, mtbf_s: float) -> float:
    """Best time between checkpoints, higher order (Daly 2006), for C < 2 M."""
    ratio = checkpoint_s / (2.0 * mtbf_s)
    return math.sqrt(2.0 * checkpoint_s * mtbf_s) * (1.0 + math.sqrt(ratio) / 3.0 + ratio / 9.0) - checkpoint_s


@kernel
def all_reduce_s(members: int, size_bytes: float, bandwidth_bytes_s: float, latency_s: float) -> float:
    """Ring all-reduce: 2 (n - 1) / n S / B + 2 (n - 1) alpha."""
    return 2.0 * (members - 1) / members * size_bytes / bandwidth_bytes_s + 2.0 * (members - 1) * latency_s


@kernel
def _start_next(s: Record, p: Record, u: Record) -> None:
    """The queue's first job starts if its kind is admitted and there is a slot and chips enough: one a tick."""
    if (u.job_refused >> u.queue_kind) & 1 == 1:
        return
    for j in range(p.job_fixed, p.job_count):
        if s.job_kind[j] != 0 and s.job_state[j] != 4:
            continue
        if not allot(s, p, j, u.queue_chips):
            return
        s.job_chips[j] = u.queue_chips
        s.job_kind[j] = u.queue_kind
        s.job_row[j] = u.queue_row
        s.job_length_s[j] = u.queue_work_s
        s.job_interval_s[j] = u.queue_interval_s
        s.job_checkpoint_s[j] = p.queue_checkpoint_s
        s.job_restart_s[j] = p.queue_restart_s
        s.job_detect_s[j] = p.queue_detect_s
        s.job_efficiency[j] = p.queue_efficiency
        s.job_work_s[j] = 0.0
        s.job_saved_s[j] = 0.0
        s.job_lost_s[j] = 0.0
        s.job_corrupt_at_s[j] = -1.0
        s.job_checkpoint_count[j] = 0
        s.job_crashes[j] = 0
        s.job_rollbacks[j] = 0
        s.job_state[j] = 0
        s.jobs_started += 1
        s.job_queue_length -= 1
        u.queue_chips = 0
        return


@kernel
def _clear(s: Record, p: Record, j: int) -> None:
    """Slot j has no job any more: its chips are free."""
    release(s, p, j)
    s.job_kind[j] = 0
    s.job_row[j] = 0
    s.job_chips[j] = 0
    s.job_state[j] = 0
    s.job_length_s[j] = 0.0
    s.job_work_s[j] = 0.0
    s.job_saved_s[j] = 0.0
    s.job_lost_s[j] = 0.0
    s.job_timer_s[j] = 0.0
    s.job_usable[j] = 0.0
    s.job_corrupt_at_s[j] = -1.0
    s.job_checkpoint_count[j] = 0
    s.job_crashes[j] = 0
    s.job_rollbacks[j] = 0


@kernel
def _take_guest(s: Record, p: Record, u: Record) -> None:
    """The guest waits in the first free slot at its checkpoint; it has no chips yet."""
    for j in range(p.job_fixed, p.job_count):
        if s.job_kind[j] != 0 and s.job_state[j] != 4:
            continue
        _clear(s, p, j)
        s.job_kind[j] = int(u.guest_kind)
        s.job_chips[j] = int(u.guest_chips)
        s.job_length_s[j] = u.guest_length_s
        s.job_work_s[j] = u.guest_saved_s
        s.job_saved_s[j] = u.guest_saved_s
        s.job_interval_s[j] = u.guest_interval_s
        s.job_checkpoint_s[j] = u.guest_checkpoint_s
        s.job_restart_s[j] = u.guest_restart_s
        s.job_detect_s[j] = u.guest_detect_s
        s.job_efficiency[j] = u.guest_efficiency
        if u.guest_saved_s > 0.0:
            s.job_checkpoints_s[j * p.checkpoint_room] = u.guest_saved_s
            s.job_checkpoint_count[j] = 1
        s.guests_taken = int(u.guest_number)
        return


@kernel
def _give(s: Record, p: Record, u: Record) -> None:
    """A job that a peer has now leaves its slot; the work that was done here stays in the books."""
    j = int(u.give_slot)
    if 0 <= j < p.job_count:
        _clear(s, p, j)
    s.jobs_given = int(u.give_number)


@inlined
def step_jobs(s: Record, p: Record, f: Record, u: Record, w: Record, tick: int, dt_s: float) -> None:
    """Every job, then the load that each group sees. Where there are no jobs at all, groups follow their orders."""
    if p.job_count == 0:
        rate = 0.0
        count = 0.0
        for g in range(p.accelerator_count):
            rate += s.accelerator_rate[g]
            count += p.chip_count[g]
        if count > 0.0:
            s.job_progress_s += rate / count * dt_s
        return
    for g in range(p.accelerator_count):
        s.job_load[g] = 0.0
        w.job_mode_now[g] = 0
    active = 0
    for j in range(p.job_count):
        kind = s.job_kind[j]
        if kind == 0:
            continue
        load = serve(s, p, f, u, w, tick, j, dt_s) if kind == 2 else train(s, p, f, u, w, tick, j, dt_s)
        if p.job_use[j] > 0.0:
            load *= p.job_use[j]
        for g in range(p.accelerator_count):
            taken = s.job_taken[j * p.job_stride + g]
            if taken > 0:
                s.job_load[g] = min(1.0, s.job_load[g] + load * taken / p.chip_count[g])
                if p.job_mode[j] > 0 and 1 <= s.job_state[j] <= 3:
                    w.job_mode_now[g] = max(w.job_mode_now[g], p.job_mode[j])
        if 1 <= s.job_state[j] <= 3:
            active += 1
    s.jobs_active = active
    if u.give_number > s.jobs_given:
        _give(s, p, u)
    if u.guest_number > s.guests_taken:
        _take_guest(s, p, u)
    if u.queue_chips > 0:
        _start_next(s, p, u)
