# ruff: noqa: PLR0917 - kernels take records by position and compare integers one by one
"""Inference, and batch work that can be cut in pieces: a fluid queue with Poisson arrivals, or arrivals of a log.

Latency is waiting time plus a lognormal service time. A silent error leaves a chip that answers wrongly until a check
finds it; then the service is loaded again.
"""

from __future__ import annotations

import math

from node.plant.compute.gangs import gang
from node.plant.kernel.draws import normal, poisson, prefix, unit
from node.plant.kernel.fields import Record
from node.plant.kernel.kernel import kernel


@kernel
def _arrive(s: Record, p: Record, f: Record, u: Record, tick: int, j: int, dt_s: float) -> float:
    """Chip-seconds of work that arrive in this tick."""
    if u.job_trace[j] == 1:
        return float(u.job_arrived_work_s[j])
    if p.job_arrivals_s[j] <= 0.0:
        return 0.0
    head = prefix(f.draw_seed, 0x10B, f.draw_spacecraft)
    arrived = float(poisson(p.job_arrivals_s[j] * dt_s, unit(head, tick, 8 * j + 1)))
    work = arrived * p.job_request_s[j]
    if arrived > 0.0:
        spread = math.sqrt((math.exp(p.job_request_spread[j] * p.job_request_spread[j]) - 1.0) / arrived)
        work *= max(0.1, 1.0 + spread * normal(unit(head, tick, 8 * j + 2), unit(head, tick, 8 * j + 3)))
    return float(work)


@kernel
def _check(s: Record, p: Record, f: Record, tick: int, j: int, dt_s: float) -> None:
    """A check may find the chip that answers wrongly; then the service is loaded again."""
    if s.job_corrupt_at_s[j] < 0.0 or p.job_detect_s[j] <= 0.0:
        return
    head = prefix(f.draw_seed, 0x10B, f.draw_spacecraft)
    if unit(head, tick, 8 * j) < 1.0 - math.exp(-dt_s / p.job_detect_s[j]):
        s.job_rollbacks[j] += 1
        s.job_corrupt_at_s[j] = -1.0
        s.job_state[j] = 3
        s.job_timer_s[j] = p.job_restart_s[j]


@kernel
def _state(s: Record, p: Record, u: Record, j: int, rate: float, dt_s: float) -> bool:
    """Whether it serves in this tick: held, loading, or without a chip it does not."""
    if rate <= 0.0:
        if s.job_state[j] == 1 or s.job_state[j] == 3:
            s.job_crashes[j] += 1
        s.job_state[j] = 0
        return False
    if u.job_command[j] == 2:
        s.job_state[j] = 5
        return False
    if u.job_command[j] == 1:  # it has nothing to save
        u.job_command[j] = 0
    if s.job_state[j] == 0:
        s.job_state[j] = 3
        s.job_timer_s[j] = p.job_restart_s[j]
    if s.job_state[j] == 3:
        s.job_timer_s[j] -= dt_s
        if s.job_timer_s[j] > 0.0:
            return False
    s.job_state[j] = 1
    return True


@kernel
def serve(s: Record, p: Record, f: Record, u: Record, w: Record, tick: int, j: int, dt_s: float) -> float:
    """One tick of a queue: arrivals, what is served, latency; returns the load on its chips."""
    if tick * dt_s < p.job_start_s[j]:
        return 0.0
    _, crashed, corrupted, chips, slowest, rate = gang(s, p, f, u, w, tick, j)
    s.job_backlog_s[j] += _arrive(s, p, f, u, tick, j, dt_s)
    rate *= p.job_efficiency[j]
    if not _state(s, p, u, j, rate, dt_s):
        return 0.05
    if corrupted and s.job_corrupt_at_s[j] < 0.0:
        s.job_corrupt_at_s[j] = s.job_work_s[j]
    room = rate * dt_s
    done = min(s.job_backlog_s[j], room)
    if crashed:  # what ran on the crashed chip is asked again: half a request on average
        done *= 1.0 - 0.5 / chips
    s.job_backlog_s[j] -= done
    share = done / chips
    s.job_work_s[j] += share
    s.job_progress_s += share
    answered = done / p.job_request_s[j] if p.job_request_s[j] > 0.0 else 0.0
    s.job_served[j] += answered
    if s.job_corrupt_at_s[j] >= 0.0:
        s.job_wrong[j] += answered / chips
    _check(s, p, f, tick, j, dt_s)
    if answered > 0.0:
        _latency(s, p, j, answered, rate, max(0.1, slowest), dt_s)
    return float(min(1.0, (done + s.job_backlog_s[j]) / room))


@kernel
def _latency(s: Record, p: Record, j: int, answered: float, rate: float, speed: float, dt_s: float) -> None:
    """Late answers, and the 99th percentile as the level that 1 % of answers exceed, followed over some minutes."""
    waiting = s.job_backlog_s[j] / rate
    sigma = max(0.01, p.job_request_spread[j])
    median = p.job_request_s[j] * math.exp(-0.5 * sigma * sigma) / speed
    root = sigma * math.sqrt(2.0)
    if p.job_objective_s[j] > 0.0:
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
