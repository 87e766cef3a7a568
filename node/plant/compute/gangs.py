# ruff: noqa: PLR0917, PLR1714 - kernels take records by position and compare integers one by one
"""Which chips a job has, what became of them in this tick, and how a job of the queue gets some."""

from __future__ import annotations

from node.plant.kernel.draws import prefix, unit
from node.plant.kernel.fields import Record
from node.plant.kernel.kernel import kernel


@kernel
def usable(s: Record, p: Record, g: int) -> float:
    """Chips of a group that are neither lost nor given up."""
    return float(max(0.0, p.chip_count[g] - s.accelerator_lost[g] - s.accelerator_quarantined[g]))


@kernel
def is_up(s: Record, g: int) -> bool:
    """Idle, running, throttled, or with a row remap pending."""
    state = s.accelerator_state[g]
    return bool(state == 2 or state == 3 or state == 4 or state == 5)


@kernel
def gang(
    s: Record, p: Record, f: Record, u: Record, w: Record, tick: int, j: int
) -> tuple[bool, bool, bool, float, float, float, float]:
    """Of job j's chips: all up, one crashed, one corrupted, how many; slowest speed; sum of chip rates, chips at work.

    A chip that has gone since the last tick, for whatever reason, is a crash.

    An error strikes one chip of its group: it is one of the job's with the odds of the job's share of the group.
    """
    up = True
    crashed = False
    corrupted = False
    chips = 0.0
    slowest = 1.0
    rate = 0.0
    present = 0.0
    at_work = 0.0
    for g in range(p.accelerator_count):
        taken = s.job_taken[j * p.job_stride + g]
        if taken == 0:
            continue
        chips += taken
        share = taken / p.chip_count[g]
        if w.accelerator_crash[g] == 1 or w.accelerator_corrupted[g] > 0:
            mine = True
            if share < 1.0:
                head = prefix(f.draw_seed, 0x10B, f.draw_spacecraft)
                mine = unit(head, tick, 4096 + p.job_stride * j + g) < share
            crashed = crashed or (mine and w.accelerator_crash[g] == 1)
            corrupted = corrupted or (mine and w.accelerator_corrupted[g] > 0)
        if not is_up(s, g):
            up = False
            continue
        speed = s.accelerator_clock_fraction[g] * s.accelerator_health[g] * u.accelerator_utilisation[g]
        remaining = usable(s, p, g)
        present += remaining
        working = remaining / p.chip_count[g]
        rate += taken * working * speed
        at_work += taken * working
        slowest = min(slowest, working * speed)
    if present < s.job_usable[j] and up:
        crashed = True
    s.job_usable[j] = present
    return up and chips > 0.0, crashed, corrupted, chips, slowest, rate, at_work


@kernel
def release(s: Record, p: Record, j: int) -> None:
    """Job j has no chips any more."""
    for g in range(p.accelerator_count):
        s.job_taken[j * p.job_stride + g] = 0


@kernel
def allot(s: Record, p: Record, j: int, chips: int) -> bool:
    """Give job j this many free chips of the queue's groups, first come first served; all of them or none."""
    missing = chips
    for g in range(p.accelerator_count):
        if (p.job_pool >> g) & 1 == 0 or not is_up(s, g) or missing == 0:
            continue
        free = int(usable(s, p, g))
        for other in range(p.job_count):
            free -= s.job_taken[other * p.job_stride + g]
        share = min(missing, max(0, free))
        s.job_taken[j * p.job_stride + g] = share
        missing -= share
    if missing > 0:
        release(s, p, j)
        return False
    return True
