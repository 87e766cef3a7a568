# ruff: noqa: PLR0917, PLR1714, SIM109 - kernels take records by position and compare integers one by one
"""Accelerators: power by clock, voltage and temperature; throttling and shutdown; dies and memories as thermal lumps.

A group holds equal chips on one cold plate behind one limiter. P = idle + dynamic u f V(f)^2 + leakage exp((T - T0)/s)
+ memory x u f, through a supply of given efficiency. A chip with power modes has idle, dynamic and memory of the one it
is in; one with clock steps runs at the highest that is allowed. A log may say the power instead: die and memory are as
warm as the law makes them, and what is more than that heats the board at the limiter's node.
"""

from __future__ import annotations

import math

import numpy as np

from node.plant.kernel.capacity import Capacity
from node.plant.kernel.fields import Field, Record, shaped
from node.plant.kernel.kernel import inlined
from node.plant.power.limiters import feeds

OFF, BOOT, IDLE, RUN, THROTTLED, ECC_PENDING, FAILED, QUARANTINED = range(8)


def state_fields(cap: Capacity) -> list[Field]:
    """Groups of accelerators. Powers are of the whole group, temperatures those of each of its chips."""
    n = cap.accelerator_groups
    return [
        shaped("accelerator_state", "i4", n),
        shaped("accelerator_power_w", "f8", n),  # at the limiter, supply loss included
        shaped("accelerator_temperature_k", "f8", n),
        shaped("hbm_temperature_k", "f8", n),
        shaped("accelerator_clock_fraction", "f8", n),
        shaped("accelerator_thermal_clock_fraction", "f8", n),  # what the software throttle allows
        shaped("accelerator_limiter", "i4", n),  # 0 none, 1 power cap, 2 software, 3 hardware throttle
        shaped("accelerator_slowdown", "i4", n),
        shaped("accelerator_tripped", "i4", n),  # thermal shutdown, until switched off and on
        shaped("accelerator_timer_s", "f8", n),
        shaped("accelerator_rate", "f8", n),  # work done, in chips at full clock
        shaped("accelerator_health", "f8", n),  # speed: a straggler is below 1
        shaped("accelerator_lost", "f8", n),  # chips that have left the bus, until a power cycle
        shaped("accelerator_resistance_factor", "f8", n),  # thermal interface pumped out: above 1
        shaped("accelerator_leakage_factor", "f8", n),
        ("payload_power_w", "f8"),
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Figures of the chips of each group."""
    n = cap.accelerator_groups
    names = (
        "count", "idle_w", "dynamic_w", "leakage_w", "leakage_k", "leakage_per_k", "leakage_growth_gy", "memory_w",
        "voltage_floor", "voltage_slope", "cap_lowest_w", "cap_highest_w", "efficiency", "supply_factor", "die_j_k",
        "die_w_k", "memory_j_k", "memory_w_k", "throttle_k", "slowdown_k", "shutdown_k", "memory_limit_k",
        "hysteresis_k", "boot_s", "throttle_gain_k_s", "slowdown_clock", "lowest_clock",
    )  # fmt: skip
    fields = [shaped(f"chip_{name}", "f8", n) for name in names]
    return [
        ("accelerator_count", "i4"),
        shaped("accelerator_node", "u4", n),
        shaped("accelerator_lcl", "u4", n),
        *fields,
        shaped("chip_modes", "i4", n),  # 0: it has none but its own figures
        ("mode_room", "i4"),
        shaped("mode_idle_w", "f8", n * cap.modes),
        shaped("mode_dynamic_w", "f8", n * cap.modes),
        shaped("mode_memory_w", "f8", n * cap.modes),
        shaped("mode_throughput", "f8", n * cap.modes),  # work a second over that of the chip's own figures
        shaped("chip_steps", "i4", n),  # 0: the clock is continuous
        ("step_room", "i4"),
        shaped("clock_step", "f8", n * cap.clock_steps),  # rising
        shaped("accelerator_given", "i4", n),  # 1: its power is what the next field says
        shaped("accelerator_given_w", "f8", n),  # of the group, at the limiter
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Orders. enable: 0 off, 1 on, 2 quarantined. The cap is of the whole group, at the limiter; 0: none. The mode is
    the one that holds unless a job that runs asks for another."""
    n = cap.accelerator_groups
    return [
        shaped("accelerator_enable", "i4", n),
        shaped("accelerator_power_cap_w", "f8", n),
        shaped("accelerator_utilisation", "f8", n),
        shaped("accelerator_mode", "i4", n),
    ]


def work_fields(cap: Capacity) -> list[Field]:
    """Power of dies and memories, and their eliminated equations."""
    n = cap.accelerator_groups
    return [
        shaped("die_w", "f8", n),
        shaped("memory_w", "f8", n),
        shaped("die_change_k", "f8", n),
        shaped("die_follows", "f8", n),
        shaped("memory_change_k", "f8", n),
        shaped("memory_follows", "f8", n),
        shaped("job_mode_now", "i4", n),  # power mode that a running job asks for, counted from 1; 0: none does
    ]


@inlined
def core_volts(p: Record, g: int, clock: float) -> float:
    """Core voltage over that at the highest clock: linear in clock, down to a floor."""
    return float(max(p.chip_voltage_floor[g], 1.0 - p.chip_voltage_slope[g] * (1.0 - clock)))


@inlined
def core_power_w(p: Record, g: int, dynamic_w: float, clock: float, load: float) -> float:
    """Switching power of one chip: dynamic u f V(f)^2."""
    volts = core_volts(p, g, clock)
    return float(dynamic_w * load * clock * volts * volts)


@inlined
def step_below(p: Record, g: int, clock: float) -> float:
    """The highest clock step that is allowed; the lowest of them where none is."""
    steps = p.chip_steps[g]
    if steps == 0:
        return clock
    found = p.clock_step[g * p.step_room]
    for i in range(1, steps):
        if p.clock_step[g * p.step_room + i] <= clock + 1e-9:
            found = p.clock_step[g * p.step_room + i]
    return float(found)


@inlined
def clock_for_power(p: Record, g: int, dynamic_w: float, chip_memory_w: float, power_w: float, load: float) -> float:
    """The clock at which switching and memory take `power_w`: a chip that computes slower also reads its memory
    slower. Newton from 1: the law is convex, so it never falls below."""
    memory_w = chip_memory_w * load
    if load <= 0.0 or core_power_w(p, g, dynamic_w, 1.0, load) + memory_w <= power_w:
        return 1.0
    clock = 1.0
    for _ in range(6):
        volts = core_volts(p, g, clock)
        bend = p.chip_voltage_slope[g] if volts > p.chip_voltage_floor[g] else 0.0
        excess = dynamic_w * load * clock * volts * volts + memory_w * clock - power_w
        slope = dynamic_w * load * volts * (volts + 2.0 * clock * bend) + memory_w
        clock = max(0.1, clock - excess / slope)
    return clock


@inlined
def _next_state(s: Record, p: Record, u: Record, g: int, dt_s: float) -> int:
    """OFF -> BOOT -> IDLE <-> RUN <-> THROTTLED; ECC_PENDING keeps running until it is reset."""
    state = s.accelerator_state[g]
    powered = feeds(s, p.accelerator_lcl[g]) and s.main_bus_voltage_v > 0.5 * p.bus_voltage_v
    if u.accelerator_enable[g] == 0:
        s.accelerator_tripped[g] = 0
    if u.accelerator_enable[g] == 2:
        return QUARANTINED
    if not powered or u.accelerator_enable[g] == 0 or s.accelerator_tripped[g] == 1:
        return OFF
    if s.accelerator_lost[g] + s.accelerator_quarantined[g] >= p.chip_count[g]:
        return FAILED
    if state == OFF or state == FAILED or state == QUARANTINED:
        s.accelerator_timer_s[g] = p.chip_boot_s[g]
        return BOOT
    if state == BOOT:
        s.accelerator_timer_s[g] -= dt_s
        return BOOT if s.accelerator_timer_s[g] > 0.0 else IDLE
    if state == ECC_PENDING:
        return ECC_PENDING
    if u.accelerator_utilisation[g] * s.job_load[g] <= 0.0:
        return IDLE
    return THROTTLED if s.accelerator_limiter[g] >= 2 else RUN


@inlined
def step_accelerators(s: Record, p: Record, u: Record, w: Record, dt_s: float) -> None:
    """State, throttle, clock and power of every group; puts the power on its limiter's demand."""
    for g in range(p.accelerator_count):
        die = s.accelerator_temperature_k[g]
        memory = s.hbm_temperature_k[g]
        hysteresis = p.chip_hysteresis_k[g]
        state = _next_state(s, p, u, g, dt_s)
        if state != OFF and state != QUARANTINED and die >= p.chip_shutdown_k[g]:
            s.accelerator_tripped[g] = 1
            state = OFF
        s.accelerator_state[g] = state
        if die >= p.chip_slowdown_k[g] or memory >= p.chip_memory_limit_k[g]:
            s.accelerator_slowdown[g] = 1
        elif die < p.chip_slowdown_k[g] - hysteresis and memory < p.chip_memory_limit_k[g] - hysteresis:
            s.accelerator_slowdown[g] = 0
        allowed = s.accelerator_thermal_clock_fraction[g]
        if die > p.chip_throttle_k[g]:
            allowed -= p.chip_throttle_gain_k_s[g] * (die - p.chip_throttle_k[g]) * dt_s
        elif die < p.chip_throttle_k[g] - hysteresis:
            allowed += p.chip_throttle_gain_k_s[g] * hysteresis * dt_s
        s.accelerator_thermal_clock_fraction[g] = min(1.0, max(p.chip_lowest_clock[g], allowed))
        if state == OFF:
            s.accelerator_lost[g] = 0.0
        chips = max(0.0, p.chip_count[g] - s.accelerator_lost[g] - s.accelerator_quarantined[g])
        s.accelerator_power_w[g] = 0.0
        s.accelerator_rate[g] = 0.0
        s.accelerator_clock_fraction[g] = 0.0
        w.die_w[g] = 0.0
        w.memory_w[g] = 0.0
        if state == OFF or state == FAILED or state == QUARANTINED:
            continue
        load = 0.0
        if state != BOOT and state != IDLE:
            load = min(1.0, max(0.0, u.accelerator_utilisation[g] * s.job_load[g]))
        _run(s, p, u, w, g, chips, load)
        w.lcl_demand_w[p.accelerator_lcl[g]] += s.accelerator_power_w[g]


@inlined
def _run(s: Record, p: Record, u: Record, w: Record, g: int, chips: float, load: float) -> None:
    """Clock under cap and throttles, and what it costs."""
    idle_w = p.chip_idle_w[g]
    dynamic_w = p.chip_dynamic_w[g]
    memory_w = p.chip_memory_w[g]
    speed = 1.0
    if p.chip_modes[g] > 0:
        wanted = w.job_mode_now[g] - 1 if w.job_mode_now[g] > 0 else u.accelerator_mode[g]
        m = g * p.mode_room + min(p.chip_modes[g] - 1, max(0, wanted))
        idle_w = p.mode_idle_w[m]
        dynamic_w = p.mode_dynamic_w[m]
        memory_w = p.mode_memory_w[m]
        speed = p.mode_throughput[m]
    limiter = 0
    clock = s.accelerator_thermal_clock_fraction[g]
    if clock < 1.0:
        limiter = 2
    if s.accelerator_slowdown[g] == 1:
        clock = min(clock, p.chip_slowdown_clock[g])
        limiter = 3
    warm = min(6.0, (s.accelerator_temperature_k[g] - p.chip_leakage_k[g]) * p.chip_leakage_per_k[g])
    leakage = p.chip_leakage_w[g] * math.exp(warm) * s.accelerator_leakage_factor[g]
    leakage *= 1.0 + p.chip_leakage_growth_gy[g] * s.dose_gy
    cap = p.chip_cap_highest_w[g]
    if u.accelerator_power_cap_w[g] > 0.0 and chips > 0.0:
        wanted = u.accelerator_power_cap_w[g] * p.chip_efficiency[g] / chips
        cap = min(cap, max(p.chip_cap_lowest_w[g], wanted))
    capped = clock_for_power(p, g, dynamic_w, memory_w, max(0.0, cap - idle_w - leakage), load)
    if capped < clock:
        clock = capped
        limiter = 1 if limiter == 0 else limiter
    clock = step_below(p, g, clock)
    core = idle_w + core_power_w(p, g, dynamic_w, clock, load) + leakage
    memory = memory_w * load * clock
    s.accelerator_limiter[g] = limiter
    s.accelerator_clock_fraction[g] = clock
    s.accelerator_rate[g] = chips * load * clock * s.accelerator_health[g] * speed
    w.die_w[g] = chips * core
    w.memory_w[g] = chips * memory
    s.accelerator_power_w[g] = chips * (core + memory) * p.chip_supply_factor[g]
    if p.accelerator_given[g] == 1:
        law_w = s.accelerator_power_w[g]
        if law_w > p.accelerator_given_w[g]:
            w.die_w[g] *= p.accelerator_given_w[g] / law_w
            w.memory_w[g] *= p.accelerator_given_w[g] / law_w
        s.accelerator_power_w[g] = p.accelerator_given_w[g]


@inlined
def heat_accelerators(s: Record, p: Record, w: Record) -> None:
    """What the groups were really given, as heat: supply loss beside the limiter, the rest in die and memory."""
    total = 0.0
    for g in range(p.accelerator_count):
        lcl = p.accelerator_lcl[g]
        served = w.lcl_served[lcl]
        power = s.accelerator_power_w[g] * served
        w.die_w[g] *= served
        w.memory_w[g] *= served
        w.node_heat_w[p.lcl_node[lcl]] += power - w.die_w[g] - w.memory_w[g]
        s.accelerator_power_w[g] = power
        s.accelerator_rate[g] *= served
        total += power
    s.payload_power_w = total


@inlined
def assemble_chips(s: Record, p: Record, w: Record, dt_s: float) -> None:
    """Dies and memories are leaves of the network: eliminate them into the plate's equation."""
    n = np.uint64(p.node_count)
    per_s = 1.0 / dt_s
    for g in range(p.accelerator_count):
        plate = p.accelerator_node[g]
        kelvin = s.thermal_temperature_k[plate]
        count = p.chip_count[g]
        conducts = count / s.accelerator_resistance_factor[g]
        path = conducts * p.chip_die_w_k[g]
        mass = count * p.chip_die_j_k[g] * per_s
        flow = path * (s.accelerator_temperature_k[g] - kelvin)
        share = 1.0 / (mass + path)
        w.die_follows[g] = path * share
        w.die_change_k[g] = (w.die_w[g] - flow) * share
        right = flow + path * w.die_change_k[g]
        own = mass * w.die_follows[g]
        path = conducts * p.chip_memory_w_k[g]
        mass = count * p.chip_memory_j_k[g] * per_s
        flow = path * (s.hbm_temperature_k[g] - kelvin)
        share = 1.0 / (mass + path)
        w.memory_follows[g] = path * share
        w.memory_change_k[g] = (w.memory_w[g] - flow) * share
        w.right[plate] += right + flow + path * w.memory_change_k[g]
        w.matrix[plate * n + plate] += own + mass * w.memory_follows[g]


@inlined
def advance_chips(s: Record, p: Record, w: Record, dt_s: float) -> None:
    """Temperatures of dies and memories after the plate has moved; then the books of the whole network."""
    stored = 0.0
    internal = 0.0
    for g in range(p.accelerator_count):
        plate = w.change_k[p.accelerator_node[g]]
        change = w.die_change_k[g] + w.die_follows[g] * plate
        s.accelerator_temperature_k[g] += change
        stored += p.chip_count[g] * p.chip_die_j_k[g] * change
        change = w.memory_change_k[g] + w.memory_follows[g] * plate
        s.hbm_temperature_k[g] += change
        stored += p.chip_count[g] * p.chip_memory_j_k[g] * change
        internal += w.die_w[g] + w.memory_w[g]
    stored += w.stored_j
    internal += w.internal_w
    w.stored_j = stored
    w.internal_w = internal
    s.thermal_emitted_w = w.to_space_w
    s.thermal_residual_j = stored - (internal + w.absorbed_w - w.to_space_w) * dt_s
