# ruff: noqa: PLR0917, PLR1714 - kernels take records by position and compare integers one by one
"""Jobs on the accelerators: training as a gang, inference as a queue, batch work. Rate models, once per tick.

Work is counted in seconds at full speed of the job's groups. Training needs all its groups: it runs at the slowest
one's speed, checkpoints, and falls back to its last checkpoint in a crash. A silent error stays latent until a check
finds it; then the job falls back to the last checkpoint taken before it. Inference is a fluid queue with Poisson
arrivals (drawn by hash) or arrivals of a trace; latency is waiting time plus a lognormal service time.
"""

from __future__ import annotations

import math

from numba import njit

from node.plant.capacity import Capacity
from node.plant.draws import normal, poisson, prefix, unit
from node.plant.fields import Field, Record, shaped

NONE, TRAINING, INFERENCE, BATCH = range(4)
"""p.job_kind."""
WAITING, RUNNING, CHECKPOINT, RESTART, DONE, PAUSED = range(6)
"""s.job_state."""
STREAM = 0x10B
"""Stream id of arrivals and detections."""


def state_fields(cap: Capacity) -> list[Field]:
    """Per job slot; `job_load` and `job_progress_s` are what others look at."""
    n = cap.jobs
    return [
        shaped("job_load", "f8", cap.accelerator_groups),  # share of the ordered utilisation that jobs have work for
        ("job_progress_s", "f8"),  # useful work of all jobs, lost work taken away
        shaped("job_work_s", "f8", n),
        shaped("job_saved_s", "f8", n),
        shaped("job_lost_s", "f8", n),  # done and lost again, all told
        shaped("job_speed", "f8", n),
        shaped("job_timer_s", "f8", n),
        shaped("job_corrupt_at_s", "f8", n),  # work at which a latent error came in; -1: none
        shaped("job_checkpoints_s", "f8", n * cap.checkpoints),
        shaped("job_backlog_s", "f8", n),
        shaped("job_served", "f8", n),  # requests answered
        shaped("job_late", "f8", n),  # of these, later than the objective
        shaped("job_wrong", "f8", n),  # wrong answers given
        shaped("job_p99_s", "f8", n),
        shaped("job_state", "i4", n),
        shaped("job_crashes", "i4", n),
        shaped("job_rollbacks", "i4", n),
        shaped("job_checkpoint_count", "i4", n),
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """What the jobs are. `job_groups` has a bit per accelerator group."""
    n = cap.jobs
    return [
        ("job_count", "i4"),
        ("checkpoint_room", "i4"),
        shaped("job_kind", "i4", n),
        shaped("job_groups", "i8", n),
        shaped("job_length_s", "f8", n),  # 0: endless
        shaped("job_efficiency", "f8", n),  # share of a step that computes; the rest communicates
        shaped("job_checkpoint_every_s", "f8", n),
        shaped("job_checkpoint_s", "f8", n),
        shaped("job_restart_s", "f8", n),
        shaped("job_detect_s", "f8", n),  # mean time until a latent error is found
        shaped("job_arrivals_s", "f8", n),  # mean requests per second
        shaped("job_request_s", "f8", n),  # mean chip-seconds of a request
        shaped("job_request_spread", "f8", n),  # sigma of the logarithm of the service time
        shaped("job_objective_s", "f8", n),
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Orders: 0 run, 1 checkpoint now, 2 pause. Arrivals of a trace: requests of this tick and their chip-seconds."""
    n = cap.jobs
    return [
        shaped("job_command", "i4", n),
        shaped("job_trace", "i4", n),  # 1: arrivals come from a trace
        shaped("job_arrived", "f8", n),
        shaped("job_arrived_work_s", "f8", n),
    ]


@njit(cache=True, error_model="numpy")
def young_s(checkpoint_s: float, mtbf_s: float) -> float:
    """Best time between checkpoints, first order (Young 1974): sqrt(2 C M)."""
    return math.sqrt(2.0 * checkpoint_s * mtbf_s)


@njit(cache=True, error_model="numpy")
def daly_s(checkpoint_s: float, mtbf_s: float) -> float:
    """Best time between checkpoints, higher order (Daly 2006), for C < 2 M."""
    ratio = checkpoint_s / (2.0 * mtbf_s)
    return math.sqrt(2.0 * checkpoint_s * mtbf_s) * (1.0 + math.sqrt(ratio) / 3.0 + ratio / 9.0) - checkpoint_s


@njit(cache=True, error_model="numpy")
def all_reduce_s(members: int, size_bytes: float, bandwidth_bytes_s: float, latency_s: float) -> float:
    """Ring all-reduce: 2 (n - 1) / n S / B + 2 (n - 1) alpha."""
    return 2.0 * (members - 1) / members * size_bytes / bandwidth_bytes_s + 2.0 * (members - 1) * latency_s


@njit(cache=True, error_model="numpy")
def _gang(s: Record, p: Record, u: Record, w: Record, j: int) -> tuple[bool, bool, bool, int, float, float]:
    """Of job j's groups: all up, one crashed, one corrupted, how many; slowest speed; sum of chip rates."""
    up = True
    crashed = False
    corrupted = False
    groups = 0
    slowest = 1.0
    chips = 0.0
    for g in range(p.accelerator_count):
        if (p.job_groups[j] >> g) & 1 == 0:
            continue
        groups += 1
        state = s.accelerator_state[g]
        if w.accelerator_crash[g] == 1:
            crashed = True
        if w.accelerator_corrupted[g] > 0:
            corrupted = True
        if state != 2 and state != 3 and state != 4 and state != 5:
            up = False
            continue
        working = max(0.0, p.chip_count[g] - s.accelerator_lost[g] - s.accelerator_quarantined[g])
        speed = s.accelerator_clock_fraction[g] * s.accelerator_health[g] * u.accelerator_utilisation[g]
        chips += working * speed
        slowest = min(slowest, speed * working / p.chip_count[g])
    return up and groups > 0, crashed, corrupted, groups, slowest, chips


@njit(cache=True, error_model="numpy")
def _fall_back(s: Record, j: int, to_s: float) -> None:
    """Work beyond `to_s` is lost."""
    s.job_lost_s[j] += s.job_work_s[j] - to_s
    s.job_work_s[j] = to_s
    s.job_saved_s[j] = min(s.job_saved_s[j], to_s)
    if s.job_corrupt_at_s[j] >= to_s:
        s.job_corrupt_at_s[j] = -1.0


@njit(cache=True, error_model="numpy")
def _clean_checkpoint_s(s: Record, p: Record, j: int) -> float:
    """The latest checkpoint still kept that was taken before the latent error; 0 if none is."""
    best = 0.0
    room = p.checkpoint_room
    for k in range(min(room, s.job_checkpoint_count[j])):
        at = s.job_checkpoints_s[j * room + k]
        if best < at <= s.job_corrupt_at_s[j]:
            best = at
    return best


@njit(cache=True, error_model="numpy")
def _train(s: Record, p: Record, f: Record, u: Record, w: Record, tick: int, j: int, dt_s: float) -> float:
    """One tick of a training job; returns the load on its groups."""
    up, crashed, corrupted, _, slowest, _ = _gang(s, p, u, w, j)
    state = s.job_state[j]
    s.job_speed[j] = 0.0
    if state == 4:
        return 0.0
    if state != 0 and (crashed or not up):
        s.job_crashes[j] += 1
        _fall_back(s, j, s.job_saved_s[j])
        s.job_state[j] = 0
        return 0.0
    if u.job_command[j] == 2 and state == 1:
        s.job_state[j] = 5
        return 0.0
    if state == 0 or (state == 5 and u.job_command[j] != 2):
        if up:
            s.job_state[j] = 3 if state == 0 else 1
            s.job_timer_s[j] = p.job_restart_s[j]
        return 0.05
    if corrupted and s.job_corrupt_at_s[j] < 0.0:
        s.job_corrupt_at_s[j] = s.job_work_s[j]
    if s.job_corrupt_at_s[j] >= 0.0 and p.job_detect_s[j] > 0.0:
        head = prefix(f.draw_seed, 0x10B, f.draw_spacecraft)
        if unit(head, tick, 8 * j) < 1.0 - math.exp(-dt_s / p.job_detect_s[j]):
            s.job_rollbacks[j] += 1
            _fall_back(s, j, _clean_checkpoint_s(s, p, j))
            s.job_state[j] = 3
            s.job_timer_s[j] = p.job_restart_s[j]
            return 0.05
    if state == 2 or state == 3:
        s.job_timer_s[j] -= dt_s
        if s.job_timer_s[j] <= 0.0:
            s.job_state[j] = 1
            if state == 2:
                s.job_saved_s[j] = s.job_work_s[j]
                slot = j * p.checkpoint_room + s.job_checkpoint_count[j] % p.checkpoint_room
                s.job_checkpoints_s[slot] = s.job_work_s[j]
                s.job_checkpoint_count[j] += 1
        return 0.2
    if state == 1:
        s.job_speed[j] = slowest * p.job_efficiency[j]
        s.job_work_s[j] += s.job_speed[j] * dt_s
        if p.job_length_s[j] > 0.0 and s.job_work_s[j] >= p.job_length_s[j]:
            s.job_work_s[j] = p.job_length_s[j]
            s.job_state[j] = 4
            return 0.0
        due = s.job_work_s[j] - s.job_saved_s[j] >= p.job_checkpoint_every_s[j]
        if due or (u.job_command[j] == 1 and s.job_work_s[j] > s.job_saved_s[j]):
            s.job_state[j] = 2
            s.job_timer_s[j] = p.job_checkpoint_s[j]
        return 1.0
    return 0.0


@njit(cache=True, error_model="numpy")
def _serve(s: Record, p: Record, f: Record, u: Record, w: Record, tick: int, j: int, dt_s: float) -> float:
    """One tick of a queue: arrivals, what is served, latency; returns the load on its groups."""
    _, crashed, corrupted, groups, slowest, chips = _gang(s, p, u, w, j)
    arrived = u.job_arrived[j]
    work = u.job_arrived_work_s[j]
    if u.job_trace[j] == 0 and p.job_arrivals_s[j] > 0.0:
        head = prefix(f.draw_seed, 0x10B, f.draw_spacecraft)
        arrived = float(poisson(p.job_arrivals_s[j] * dt_s, unit(head, tick, 8 * j + 1)))
        work = arrived * p.job_request_s[j]
        if arrived > 0.0:
            spread = math.sqrt((math.exp(p.job_request_spread[j] * p.job_request_spread[j]) - 1.0) / arrived)
            work *= max(0.1, 1.0 + spread * normal(unit(head, tick, 8 * j + 2), unit(head, tick, 8 * j + 3)))
    s.job_backlog_s[j] += work
    room = chips * dt_s
    done = min(s.job_backlog_s[j], room) if u.job_command[j] != 2 else 0.0
    if crashed and groups > 0:  # what ran on the crashed group is asked again: half a request on average
        done *= 1.0 - 0.5 / groups
    s.job_backlog_s[j] -= done
    s.job_work_s[j] += done / max(1.0, chips)
    s.job_speed[j] = done / dt_s
    answered = done / p.job_request_s[j] if p.job_request_s[j] > 0.0 else 0.0
    s.job_served[j] += answered
    if corrupted:
        s.job_wrong[j] += 1.0
    if answered > 0.0 and p.job_kind[j] == 2:
        _latency(s, p, j, answered, chips, max(0.1, slowest), dt_s)
    return min(1.0, (done + s.job_backlog_s[j]) / room) if room > 0.0 else 1.0


@njit(cache=True, error_model="numpy")
def _latency(s: Record, p: Record, j: int, answered: float, chips: float, speed: float, dt_s: float) -> None:
    """Late answers, and the 99th percentile as the level that 1 % of answers exceed, followed over ten minutes."""
    waiting = s.job_backlog_s[j] / chips
    sigma = max(0.01, p.job_request_spread[j])
    median = p.job_request_s[j] * math.exp(-0.5 * sigma * sigma) / speed
    root = sigma * math.sqrt(2.0)
    late = 1.0
    if p.job_objective_s[j] > waiting:
        late = 0.5 * math.erfc(math.log((p.job_objective_s[j] - waiting) / median) / root)
    s.job_late[j] += answered * late
    level = max(s.job_p99_s[j], median)
    above = 1.0
    if level > waiting:
        above = 0.5 * math.erfc(math.log((level - waiting) / median) / root)
    gain = dt_s / (60.0 + dt_s)
    s.job_p99_s[j] = level * (1.0 + gain * (above - 0.01) / (0.01 + above))


@njit(cache=True, error_model="numpy")
def step_jobs(s: Record, p: Record, f: Record, u: Record, w: Record, tick: int, dt_s: float) -> None:
    """Every job, then the load that each group sees. A group without a job follows its orders alone."""
    if p.job_count == 0:
        rate = 0.0
        count = 0.0
        for g in range(p.accelerator_count):
            rate += s.accelerator_rate[g]
            count += p.chip_count[g]
        if count > 0.0:
            s.job_progress_s += rate / count * dt_s
        return
    free = 0
    for j in range(p.job_count):
        free |= p.job_groups[j]
    for g in range(p.accelerator_count):
        s.job_load[g] = 1.0 if (free >> g) & 1 == 0 else 0.0
    progress = 0.0
    for j in range(p.job_count):
        load = _train(s, p, f, u, w, tick, j, dt_s) if p.job_kind[j] == 1 else _serve(s, p, f, u, w, tick, j, dt_s)
        progress += s.job_work_s[j]
        for g in range(p.accelerator_count):
            if (p.job_groups[j] >> g) & 1 == 1:
                s.job_load[g] = min(1.0, s.job_load[g] + load)
    s.job_progress_s = progress
