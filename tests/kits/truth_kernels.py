"""Kernels of tests: models of the plant one by one over records of their own."""

# ruff: noqa: PLR0917  (kernels take records by position)

from __future__ import annotations

import math
from typing import Any

from numba import njit

from node.plant.compute.jobs import step_jobs
from node.plant.environment.environment import step_sky
from node.plant.kernel.draws import poisson, prefix, unit
from node.plant.power.battery import charge_limit_w, discharge_limit_w, prepare_battery, serve_battery
from node.plant.power.power import step_power
from node.plant.step import inside, one


@njit(cache=True, error_model="numpy")
def fly_inside(
    states: Any, params: Any, flights: Any, orders: Any, works: Any, first: int, ticks: int, tick_s: float, parts: int
) -> None:
    """Everything inside a spacecraft under the surroundings that its state holds."""
    for tick in range(first, first + ticks):
        inside(states[0], params[0], flights[0], orders[0], works[0], tick, tick_s, parts, 1, True)


@njit(cache=True, error_model="numpy")
def run_bus(states: Any, params: Any, orders: Any, works: Any, available_w: Any, dt_s: float) -> float:
    """Limiters, bus and battery under a given array power per step; the largest residual of the power balance."""
    s, p, u, w = states[0], params[0], orders[0], works[0]
    worst = 0.0
    for i in range(available_w.shape[0]):
        s.array_available_w = available_w[i]
        for n in range(p.node_count):
            w.node_heat_w[n] = 0.0
        for k in range(p.lcl_count):
            w.lcl_demand_w[k] = 0.0
        step_power(s, p, u, w, dt_s)
        worst = max(worst, abs(s.power_balance_residual_w))
    return worst


@njit(cache=True, error_model="numpy")
def run_battery(states: Any, params: Any, orders: Any, works: Any, power_w: Any, dt_s: float, out: Any) -> None:
    """The battery under a given terminal power per step (cut to its limits).

    A row of `out` per step: what flowed, charge out, volts, heat.
    """
    s, p, u, w = states[0], params[0], orders[0], works[0]
    for i in range(power_w.shape[0]):
        prepare_battery(s, p, w, u)
        wanted = min(max(power_w[i], -charge_limit_w(s, p, w)), discharge_limit_w(s, p, w))
        before = w.node_heat_w[p.battery_node]
        out[i, 0] = serve_battery(s, p, w, wanted, dt_s)
        out[i, 1] = s.battery_current_a * dt_s
        out[i, 2] = s.battery_voltage_v
        out[i, 3] = w.node_heat_w[p.battery_node] - before


@njit(cache=True, error_model="numpy")
def train(
    states: Any, params: Any, flights: Any, orders: Any, works: Any, ticks: int, dt_s: float, mtbf_s: float, seed: int
) -> int:
    """A training job under exponential failures of the first group; returns how many there were."""
    s, p, f, u, w = states[0], params[0], flights[0], orders[0], works[0]
    head = prefix(seed, 0xC4A5, 1)
    failures = 0
    odds = 1.0 - math.exp(-dt_s / mtbf_s)
    for tick in range(ticks):
        w.accelerator_crash[0] = 1 if unit(head, tick, 0) < odds else 0
        failures += w.accelerator_crash[0]
        step_jobs(s, p, f, u, w, tick, dt_s)
    return failures


@njit(cache=True, error_model="numpy")
def count_failures(seed: int, hours: int, mean_per_hour: float) -> int:
    """Failures of a fleet, hour by hour."""
    head = prefix(seed, 0xC4A6, 1)
    total = 0
    for hour in range(hours):
        total += poisson(mean_per_hour, unit(head, hour, 0))
    return total


@njit(cache=True, error_model="numpy")
def fly_long(
    states: Any, params: Any, flights: Any, orders: Any, works: Any, skies: Any, belt: Any, place: Any, ticks: int,
    tick_s: float, worst: Any,
) -> None:  # fmt: skip
    """A long flight in ticks of one step each, its books followed in every one of them.

    `worst`: residual of the power balance over the load (at least 10 W: two nanowatts are the rounding of a dead bus of
    400 V); residual of heat over what flows; charge (C) of a group beyond
    what its current brought; lowest and highest charge of a group; coldest and hottest node; longest darkness (s);
    share of light; ticks with a number that is none.
    """
    s, p, w = states[0], params[0], works[0]
    dark_s = 0.0
    for tick in range(ticks):
        before = s.battery_group_soc.copy()
        step_sky(skies[0], (tick + 1) * tick_s)
        one(s, p, flights[0], orders[0], w, skies[0], belt, tick, tick_s, 1, 1, True, place)
        worst[0] = max(worst[0], abs(s.power_balance_residual_w) / max(10.0, s.load_power_w))
        flows = (s.load_power_w + s.thermal_emitted_w) * tick_s
        worst[1] = max(worst[1], abs(s.thermal_residual_j) / flows)
        for g in range(p.battery_count):
            brought = max(0.0, -s.battery_group_current_a[g]) * tick_s
            worst[2] = max(worst[2], (s.battery_group_soc[g] - before[g]) * w.group_full_c[g] - brought)
            worst[3] = min(worst[3], s.battery_group_soc[g])
            worst[4] = max(worst[4], s.battery_group_soc[g])
        for n in range(p.node_count):
            worst[5] = min(worst[5], s.thermal_temperature_k[n])
            worst[6] = max(worst[6], s.thermal_temperature_k[n])
            if not math.isfinite(s.thermal_temperature_k[n]):
                worst[9] += 1.0
        dark_s = dark_s + tick_s if s.illumination_fraction < 0.5 else 0.0
        worst[7] = max(worst[7], dark_s)
        worst[8] += s.illumination_fraction / ticks
        if not math.isfinite(s.load_power_w + s.battery_power_w + s.array_power_w + s.main_bus_voltage_v):
            worst[9] += 1.0
