# ruff: noqa: PLR1714 - kernels take records by position and compare integers one by one
"""Latching current limiters: off, on, limiting, tripped, waiting to try again, opened by undervoltage.

A limiter trips within milliseconds, so its transitions are timed events inside a sub-step: the charge that passes is
exact whatever the step. Essential ones (RLCL) try again by themselves and obey no order to open. ECSS-E-ST-20-20C.
"""

from __future__ import annotations

import math

from node.plant.kernel.capacity import Capacity
from node.plant.kernel.fields import Field, Record, shaped
from node.plant.kernel.kernel import inlined, kernel

OFF, ON, LIMITING, TRIPPED, RETRIGGER, UNDERVOLTAGE = range(6)
"""s.lcl_state."""


def state_fields(cap: Capacity) -> list[Field]:
    """Each limiter."""
    return [
        ("undervoltage_count", "i4"),
        shaped("lcl_state", "i4", cap.lcls),
        shaped("lcl_current_a", "f8", cap.lcls),
        shaped("lcl_power_w", "f8", cap.lcls),
        shaped("lcl_trip_count", "i4", cap.lcls),
        shaped("lcl_timer_s", "f8", cap.lcls),
        shaped("lcl_inrush_c", "f8", cap.lcls),
        shaped("lcl_stuck_on", "f8", cap.lcls),  # 1: fails closed
        shaped("lcl_stuck_off", "f8", cap.lcls),  # 1: fails open
        shaped("lcl_overload_factor", "f8", cap.lcls),  # above 1: the load draws more than it should
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Figures of the limiters and what hangs behind them."""
    return [
        ("lcl_count", "i4"),
        ("lcl_retrigger_s", "f8"),
        shaped("lcl_retriggers", "i4", cap.lcls),  # 1: an essential one (RLCL), which no order opens
        shaped("lcl_limit_a", "f8", cap.lcls),
        shaped("lcl_trip_s", "f8", cap.lcls),
        shaped("lcl_load_w", "f8", cap.lcls),
        shaped("lcl_inrush_full_c", "f8", cap.lcls),
        shaped("lcl_node", "u4", cap.lcls),
        shaped("lcl_cut_off_k", "f8", cap.lcls),  # the load's own thermostat opens it above; 0: there is none
        shaped("lcl_cycle_s", "f8", cap.lcls),  # the load is on and off in turns of this length; 0: it is always on
        shaped("lcl_cycle_on_s", "f8", cap.lcls),  # of each turn
        shaped("lcl_cycle_first_s", "f8", cap.lcls),  # mission time of the first; before it the load is off
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Orders. lcl_command: 0 off (and reset), 1 on; a tripped one needs off, then on."""
    return [shaped("lcl_command", "i4", cap.lcls)]


def work_fields(cap: Capacity) -> list[Field]:
    """Passed on inside one sub-step."""
    return [
        shaped("lcl_demand_w", "f8", cap.lcls),
        shaped("lcl_served", "f8", cap.lcls),  # share of the demand that was met
        shaped("lcl_rests", "i4", cap.lcls),  # 1: the load is in the off part of its cycle
    ]


@inlined
def feeds(s: Record, k: int) -> bool:
    """What hangs behind limiter k has power: it is closed, and it conducts."""
    return bool((s.lcl_state[k] == 1 or s.lcl_state[k] == 2) and s.lcl_stuck_off[k] < 0.5)


@inlined
def own_load_w(p: Record, w: Record, k: int) -> float:
    """What the load behind limiter k takes by itself in this tick."""
    return 0.0 if w.lcl_rests[k] == 1 else float(p.lcl_load_w[k])


@kernel
def cycle_loads(p: Record, w: Record, time_s: float) -> None:
    """Which loads with a cycle rest in the tick that begins at `time_s`."""
    for k in range(p.lcl_count):
        w.lcl_rests[k] = 0
        if p.lcl_cycle_s[k] > 0.0:
            since = time_s - p.lcl_cycle_first_s[k] + 1e-9  # a tick that begins with the cycle is in it
            into = since - math.floor(since / p.lcl_cycle_s[k]) * p.lcl_cycle_s[k]
            if since < 0.0 or into >= p.lcl_cycle_on_s[k]:
                w.lcl_rests[k] = 1


@inlined
def order_lcls(s: Record, p: Record, u: Record) -> None:
    """Take the orders of this tick. A load that is too hot for its thermostat trips its limiter."""
    for k in range(p.lcl_count):
        if u.lcl_command[k] == 0:
            if p.lcl_retriggers[k] == 0:
                s.lcl_state[k] = 0
        elif s.lcl_state[k] == 0 and s.main_bus_voltage_v >= p.bus_recovery_v:
            s.lcl_state[k] = 1
            s.lcl_inrush_c[k] = p.lcl_inrush_full_c[k]
        hot = p.lcl_cut_off_k[k] > 0.0 and s.thermal_temperature_k[p.lcl_node[k]] >= p.lcl_cut_off_k[k]
        if hot and (s.lcl_state[k] == 1 or s.lcl_state[k] == 2) and s.lcl_stuck_on[k] < 0.5:
            s.lcl_state[k] = 3
            s.lcl_trip_count[k] += 1


@kernel
def limited_c(s: Record, p: Record, k: int, amps: float, dt_s: float) -> float:
    """Charge that limiter k lets through in dt, with all its events inside: limiting, tripping, retriggering."""
    if s.lcl_stuck_on[k] > 0.5:
        s.lcl_state[k] = 1
        return amps * dt_s
    left = dt_s
    charge = 0.0
    for _ in range(32):
        state = s.lcl_state[k]
        if left <= 0.0 or state == 0 or state == 3 or state == 5:
            break
        if state == 4:
            wait = min(left, s.lcl_timer_s[k])
            s.lcl_timer_s[k] -= wait
            left -= wait
            if s.lcl_timer_s[k] <= 0.0:
                s.lcl_state[k] = 1
                s.lcl_inrush_c[k] = p.lcl_inrush_full_c[k]
            continue
        spare = p.lcl_limit_a[k] - amps
        if spare >= 0.0 and s.lcl_inrush_c[k] <= 0.0:
            s.lcl_state[k] = 1
            charge += amps * left
            break
        if state == 1:
            s.lcl_state[k] = 2
            s.lcl_timer_s[k] = p.lcl_trip_s[k]
        run = min(left, s.lcl_timer_s[k])
        if spare > 0.0:
            run = min(run, s.lcl_inrush_c[k] / spare)
            s.lcl_inrush_c[k] -= spare * run
            if s.lcl_inrush_c[k] < 1e-9:
                s.lcl_inrush_c[k] = 0.0
        charge += p.lcl_limit_a[k] * run
        left -= run
        s.lcl_timer_s[k] -= run
        if s.lcl_timer_s[k] <= 1e-12 and (spare < 0.0 or s.lcl_inrush_c[k] > 0.0):
            s.lcl_trip_count[k] += 1
            s.lcl_state[k] = 3
            if p.lcl_retriggers[k] == 1:
                s.lcl_state[k] = 4
                s.lcl_timer_s[k] = p.lcl_retrigger_s
    return charge


@kernel
def open_on_undervoltage(s: Record, p: Record) -> None:
    """The bus sags: every limiter that is not essential opens and stays open until it is switched off and on."""
    opened = 0
    for k in range(p.lcl_count):
        if p.lcl_retriggers[k] == 0 and (s.lcl_state[k] == 1 or s.lcl_state[k] == 2) and s.lcl_stuck_on[k] < 0.5:
            s.lcl_state[k] = 5
            opened = 1
    s.undervoltage_count += opened
