# ruff: noqa: PLR0917 - kernels take records by position and compare integers one by one
"""Inference, and batch work that can be cut in pieces: requests by a Poisson law or from a log, and their answers.

The books are of requests: offered less answered is what waits, and nothing is lost (what a crash interrupts is asked
again). A silent error leaves a chip that answers wrongly until a check finds it; then the service is loaded again.
"""

from __future__ import annotations

import math

from node.plant.compute.gangs import gang
from node.plant.compute.training import held
from node.plant.compute.waiting import follow_rate, wait_law
from node.plant.kernel.draws import poisson, prefix, unit
from node.plant.kernel.fields import Record
from node.plant.kernel.kernel import kernel


@kernel
def _arrive(p: Record, f: Record, u: Record, tick: int, j: int, dt_s: float) -> float:
    """Chip-seconds of work that arrive in this tick: of a law, a whole number of requests of mean size."""
    if u.job_trace[j] == 1:
        return float(u.job_arrived_work_s[j])
    if p.job_arrivals_s[j] <= 0.0:
        return 0.0
    head = prefix(f.draw_seed, 0x10B, f.draw_spacecraft)
    return float(poisson(p.job_arrivals_s[j] * dt_s, unit(head, tick, 8 * j + 1)) * p.job_request_s[j])


@kernel
def _check(s: Record, p: Record, f: Record, tick: int, j: int, dt_s: float) -> None:
    """A check may find the chip that answers wrongly; then the service is loaded again."""
    if s.job_corrupt_at_s[j] < 0.0 or s.job_detect_s[j] <= 0.0:
        return
    head = prefix(f.draw_seed, 0x10B, f.draw_spacecraft)
    if unit(head, tick, 8 * j) < 1.0 - math.exp(-dt_s / s.job_detect_s[j]):
        s.job_rollbacks[j] += 1
        s.job_corrupt_at_s[j] = -1.0
        s.job_state[j] = 3
        s.job_timer_s[j] = s.job_restart_s[j]


@kernel
def _state(s: Record, p: Record, u: Record, j: int, rate: float, dt_s: float) -> bool:
    """Whether it serves in this tick: held, loading, or without a chip it does not."""
    if rate <= 0.0:
        if s.job_state[j] == 1 or s.job_state[j] == 3:
            s.job_crashes[j] += 1
        s.job_state[j] = 0
        return False
    if held(s, u, j):
        s.job_state[j] = 5
        return False
    if u.job_command[j] == 1:  # it has nothing to save
        u.job_command[j] = 0
    if s.job_state[j] == 0:
        s.job_state[j] = 3
        s.job_timer_s[j] = s.job_restart_s[j]
    if s.job_state[j] == 3:
        s.job_timer_s[j] -= dt_s
        if s.job_timer_s[j] > 0.0:
            return False
    s.job_state[j] = 1
    return True


@kernel
def serve(s: Record, p: Record, f: Record, u: Record, w: Record, tick: int, j: int, dt_s: float) -> float:
    """One tick of a queue: arrivals, what is served, latency; returns the load on its chips."""
    if tick * dt_s < p.job_start_s[j] or p.job_request_s[j] <= 0.0:
        return 0.0
    _, crashed, corrupted, chips, _, rate, servers = gang(s, p, f, u, w, tick, j)
    arrived = _arrive(p, f, u, tick, j, dt_s)
    inflow = follow_rate(s, p, u, j, arrived, dt_s)
    s.job_offered[j] += arrived / p.job_request_s[j]
    rate *= s.job_efficiency[j]
    if not _state(s, p, u, j, rate, dt_s):
        s.job_excess_s[j] += inflow * dt_s
        return 0.05
    if corrupted and s.job_corrupt_at_s[j] < 0.0:
        s.job_corrupt_at_s[j] = s.job_work_s[j]
    room = rate * dt_s
    waiting = (s.job_offered[j] - s.job_served[j]) * p.job_request_s[j]
    done = min(waiting, room)
    if crashed:  # what ran on the crashed chip is asked again: half a request on average
        done *= 1.0 - 0.5 / chips
    share = done / chips
    s.job_work_s[j] += share
    s.job_progress_s += share
    answered = done / p.job_request_s[j]
    s.job_served[j] = min(s.job_offered[j], s.job_served[j] + answered)
    if s.job_corrupt_at_s[j] >= 0.0:
        s.job_wrong[j] += answered / chips
    _check(s, p, f, tick, j, dt_s)
    s.job_late[j] += answered * wait_law(s, p, j, inflow, rate, servers, dt_s)
    return float(min(1.0, waiting / room))
