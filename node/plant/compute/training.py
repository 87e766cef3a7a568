# ruff: noqa: PLR0917, PLR1714 - kernels take records by position and compare integers one by one
"""A gang of chips on one piece of work: training with checkpoints, and batch jobs that may have none.

It needs all its chips and runs at the slowest one's speed. A crash throws it back to its last checkpoint; a silent
error stays latent until a check finds it, and then it goes back to the last checkpoint taken before the error. A hold
takes a checkpoint first. States: 0 waiting, 1 running, 2 checkpoint, 3 restart, 4 done, 5 paused.

Where a process of the user's does the work, the books hold what it confirms: work is granted a little ahead of that, a
start waits until it is ready, and a checkpoint counts once it is written. `job_own_event`: 1 it died, 2 it is done,
3 it died for good, 4 it goes back by itself.
"""

from __future__ import annotations

import math

from node.plant.compute.gangs import allot, gang, release
from node.plant.kernel.draws import prefix, unit
from node.plant.kernel.fields import Record
from node.plant.kernel.kernel import kernel

PATIENCE_S = 60.0
"""A checkpoint that a process of the user's has not written so long after its time is given up [A]."""


@kernel
def _fall_back(s: Record, j: int, to_s: float) -> None:
    """Work beyond `to_s` is lost."""
    lost = s.job_work_s[j] - to_s
    s.job_lost_s[j] += lost
    s.job_lost_total_s += lost
    s.job_progress_s -= lost
    s.job_work_s[j] = to_s
    s.job_saved_s[j] = min(s.job_saved_s[j], to_s)
    if s.job_corrupt_at_s[j] >= to_s:
        s.job_corrupt_at_s[j] = -1.0


@kernel
def _clean_checkpoint_s(s: Record, p: Record, j: int) -> float:
    """The latest checkpoint still kept that was taken before the latent error; 0 if none is."""
    best = 0.0
    room = p.checkpoint_room
    for k in range(min(room, s.job_checkpoint_count[j])):
        at = s.job_checkpoints_s[j * room + k]
        if best < at <= s.job_corrupt_at_s[j]:
            best = at
    return best


@kernel
def _begin_again(s: Record, u: Record, j: int) -> None:
    """Whatever ran is gone, and what it said last is old."""
    s.job_life[j] += 1
    u.job_own_kept[j] = 0


@kernel
def _roll_back(s: Record, p: Record, u: Record, j: int, steps: int) -> None:
    """To the last checkpoint (1), the one before (2) and so on, or to the start; the later ones are thrown away."""
    room = p.checkpoint_room
    to_s = s.job_saved_s[j]
    for _ in range(steps - 1):
        before = 0.0
        for k in range(min(room, s.job_checkpoint_count[j])):
            at = s.job_checkpoints_s[j * room + k]
            if before < at < to_s:
                before = at
        to_s = before
    for k in range(min(room, s.job_checkpoint_count[j])):
        if s.job_checkpoints_s[j * room + k] > to_s:
            s.job_checkpoints_s[j * room + k] = 0.0
    s.job_rollbacks[j] += 1
    _fall_back(s, j, to_s)
    _begin_again(s, u, j)


@kernel
def _crash(s: Record, u: Record, j: int) -> None:
    s.job_crashes[j] += 1
    _fall_back(s, j, s.job_saved_s[j])
    s.job_state[j] = 0
    _begin_again(s, u, j)


@kernel
def _happened(s: Record, p: Record, u: Record, j: int) -> bool:
    """What a process outside has come to, if it is over."""
    event = u.job_own_event[j]
    if event != 3:
        u.job_own_event[j] = 0
    if s.job_state[j] == 0:
        return bool(event == 3)
    if event == 0:
        return False
    _settle(s, u, j)
    if event == 2:
        s.job_state[j] = 4
        s.jobs_done += 1
    elif event == 4:
        _roll_back(s, p, u, j, max(1, u.job_rollback[j]))
        u.job_rollback[j] = 0
        s.job_state[j] = 3
        s.job_timer_s[j] = s.job_restart_s[j]
    else:
        _crash(s, u, j)
    return True


@kernel
def _settle(s: Record, u: Record, j: int) -> None:
    """What was granted to a process outside, and not used by it before it ended, is no work."""
    used_s = max(s.job_saved_s[j], u.job_own_confirmed_s[j])
    unused_s = s.job_work_s[j] - used_s
    if unused_s > 0.0:
        s.job_work_s[j] = used_s
        s.job_progress_s -= unused_s


@kernel
def _found(s: Record, p: Record, f: Record, tick: int, j: int, dt_s: float) -> bool:
    """A check (canary, checksum, replica) finds the latent error in this tick; the wait for it is exponential."""
    if s.job_corrupt_at_s[j] < 0.0 or s.job_detect_s[j] <= 0.0:
        return False
    head = prefix(f.draw_seed, 0x10B, f.draw_spacecraft)
    return bool(unit(head, tick, 8 * j) < 1.0 - math.exp(-dt_s / s.job_detect_s[j]))


@kernel
def _save(s: Record, p: Record, j: int, work_s: float) -> None:
    """A checkpoint has been written, with so much work in it."""
    s.job_saved_s[j] = work_s
    slot = j * p.checkpoint_room + s.job_checkpoint_count[j] % p.checkpoint_room
    s.job_checkpoints_s[slot] = work_s
    s.job_checkpoint_count[j] += 1


@kernel
def _written(s: Record, p: Record, u: Record, j: int) -> bool:
    """The time of a checkpoint is over: whether it is written, or given up. A process outside has to say so, and a step
    that it has begun is not in it."""
    if u.job_own_outside[j] == 0:
        _save(s, p, j, s.job_work_s[j])
    elif u.job_own_kept[j] != s.job_checkpoint_count[j] + 1:
        return bool(s.job_timer_s[j] < -PATIENCE_S)
    elif u.job_own_kept_s[j] >= 0.0:
        _settle(s, u, j)
        _save(s, p, j, min(s.job_work_s[j], u.job_own_kept_s[j]))
    else:
        u.job_own_kept[j] = 0
    return True


@kernel
def held(s: Record, u: Record, j: int) -> bool:
    """By an order of its own, or because its kind is not admitted."""
    return bool(u.job_command[j] == 2 or (u.job_refused >> s.job_kind[j]) & 1 == 1)


@kernel
def _run(s: Record, p: Record, u: Record, j: int, speed: float, dt_s: float) -> float:
    """One tick of work; then the end, a checkpoint, or a hold."""
    work = s.job_work_s[j] + speed * dt_s
    if u.job_own_outside[j] == 1:
        ahead = u.job_own_confirmed_s[j] + u.job_own_window_s[j]
        work = max(s.job_work_s[j], min(work, ahead))
    length = s.job_length_s[j]
    if 0.0 < length <= work:
        work = length
        s.job_state[j] = 4
        s.jobs_done += 1
    s.job_progress_s += work - s.job_work_s[j]
    s.job_work_s[j] = work
    unsaved = work - s.job_saved_s[j]
    if s.job_state[j] == 4:
        if j >= p.job_fixed:
            release(s, p, j)
        return 1.0
    keeps = s.job_interval_s[j] > 0.0
    if u.job_command[j] == 1:  # an order for one checkpoint is used up by it
        u.job_command[j] = 0
        if unsaved > 0.0:
            s.job_state[j] = 2
    elif held(s, u, j):
        s.job_state[j] = 2 if keeps and unsaved > 0.0 else 5
    elif keeps and unsaved >= s.job_interval_s[j]:
        s.job_state[j] = 2
    s.job_timer_s[j] = s.job_checkpoint_s[j]
    return 1.0


@kernel
def train(s: Record, p: Record, f: Record, u: Record, w: Record, tick: int, j: int, dt_s: float) -> float:
    """One tick of a gang; returns the load on its chips."""
    state = s.job_state[j]
    if state == 4 or tick * dt_s < p.job_start_s[j]:
        return 0.0
    up, crashed, corrupted, _, slowest, _, _ = gang(s, p, f, u, w, tick, j)
    if u.job_own_event[j] != 0 and _happened(s, p, u, j):
        return 0.0
    if state == 0 and not up and j >= p.job_fixed:  # a job of the queue looks for other chips
        release(s, p, j)
        up = allot(s, p, j, s.job_chips[j])
    if (state == 1 or state == 2 or state == 3) and (crashed or not up):
        _crash(s, u, j)
        return 0.0
    if state == 5 and not up:  # switched off while it was held: what it had saved is safe
        if s.job_work_s[j] > s.job_saved_s[j]:
            _crash(s, u, j)
        else:
            _begin_again(s, u, j)
        s.job_state[j] = 0
        return 0.0
    hold = held(s, u, j)
    if u.job_rollback[j] > 0:
        _roll_back(s, p, u, j, u.job_rollback[j])
        u.job_rollback[j] = 0
        if state == 1 or state == 2 or state == 3:  # one that waits or is held goes on from there when it may
            s.job_state[j] = 3
            s.job_timer_s[j] = s.job_restart_s[j]
            return 0.05
    if state == 0:
        if up and not hold:
            s.job_state[j] = 3
            s.job_timer_s[j] = s.job_restart_s[j]
        return 0.05
    if state == 5:
        if not hold:
            s.job_state[j] = 1
        return 0.02
    if corrupted:
        s.job_strikes[j] += 1
    if corrupted and s.job_corrupt_at_s[j] < 0.0:
        s.job_corrupt_at_s[j] = s.job_work_s[j]
    if _found(s, p, f, tick, j, dt_s):
        s.job_rollbacks[j] += 1
        _fall_back(s, j, _clean_checkpoint_s(s, p, j))
        _begin_again(s, u, j)
        s.job_state[j] = 3
        s.job_timer_s[j] = s.job_restart_s[j]
        return 0.05
    if state == 2 or state == 3:
        s.job_timer_s[j] -= dt_s
        over = s.job_timer_s[j] <= 0.0
        if over and state == 2:
            over = _written(s, p, u, j)
        elif over and u.job_own_outside[j] == 1:
            over = u.job_own_ready[j] == s.job_life[j] + 1
        if over:
            s.job_state[j] = 5 if state == 2 and hold else 1
        return 0.2
    return _run(s, p, u, j, slowest * s.job_efficiency[j], dt_s)
