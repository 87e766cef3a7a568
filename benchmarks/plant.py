# ruff: noqa: PLR0917 - kernels take records by position
"""What one tick of one spacecraft costs: the full class, every model, ten sub-steps.

    python benchmarks/plant.py [--design formation] [--ticks N] [--json]

The baseline is the smallest compiled call on the same arrays in the same run, so the ratio does not depend on the
machine. `compiled_us` is the kernel alone: ticks flown inside one compiled loop.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from typing import Any

import numpy as np
from numba import njit

from bus.scenario.model import Environment, KeplerOrbit, Spacecraft
from node.designs.load import SHIPPED, load_design
from node.designs.setup import plant_setup
from node.plant.environment.environment import step_sky
from node.plant.plant import Plant
from node.plant.step import SUB_STEPS, one

LIMIT_US = 60.0


@njit(error_model="numpy")
def empty_call(states: Any, params: Any, flights: Any, orders: Any, works: Any, skies: Any) -> int:
    """Nothing: what entering compiled code costs."""
    return len(states)


@njit(error_model="numpy")
def fly_ticks(
    states: Any, params: Any, flights: Any, orders: Any, works: Any, skies: Any, belt: Any, first: int, ticks: int,
    sub_steps: int, place: Any,
) -> None:  # fmt: skip
    """Ticks of one second without leaving compiled code."""
    for tick in range(first, first + ticks):
        step_sky(skies[0], tick + 1.0)
        one(
            states[0], params[0], flights[0], orders[0], works[0], skies[0], belt, tick, 1.0, sub_steps, 1, True, place
        )  # fmt: skip


def build(design: str) -> Plant:
    """A dawn-dusk orbit at the June solstice."""
    orbit = KeplerOrbit(
        semi_major_axis_m=7028137.0,
        eccentricity=0.0,
        inclination_rad=math.radians(97.986),
        raan_rad=math.radians(180.0),
        argument_of_perigee_rad=0.0,
        mean_anomaly_rad=0.0,
    )
    return Plant(
        plant_setup(
            load_design(design),
            Spacecraft(id="one", design=design, orbit=orbit),
            stations=[],
            environment=Environment(
                solar_activity="minimum", storm_density_factor=1.0, solar_event="", solar_event_at_s=0.0
            ),
            epoch_utc="2026-06-21T00:00:00Z",
            seed=1,
        )
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--design", default="formation", choices=[n for n in SHIPPED if n != "fleet"])
    parser.add_argument("--ticks", type=int, default=5000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    plant = build(options.design)
    start = time.perf_counter()
    plant.step(0, 1.0, {})
    first_s = time.perf_counter() - start
    records = (plant.state, plant.params, plant.flight, plant.inputs, plant.work, plant.sky)
    empty_call(*records)
    start = time.perf_counter()
    for _ in range(options.ticks):
        empty_call(*records)
    baseline_us = (time.perf_counter() - start) / options.ticks * 1e6
    start = time.perf_counter()
    for tick in range(1, options.ticks + 1):
        plant.step(tick, 1.0, {})
    step_us = (time.perf_counter() - start) / options.ticks * 1e6
    sub_steps, place = SUB_STEPS[plant.setup.capacity_class], np.zeros(6)
    fly_ticks(*records, plant.belt, options.ticks + 1, 1, sub_steps, place)
    start = time.perf_counter()
    fly_ticks(*records, plant.belt, options.ticks + 2, options.ticks, sub_steps, place)
    compiled_us = (time.perf_counter() - start) / options.ticks * 1e6
    figures = {
        "design": options.design,
        "thermal_nodes": int(plant.params["node_count"][0]),
        "sub_steps": sub_steps,
        "ticks": options.ticks,
        "compiled_us": compiled_us,
        "step_us": step_us,
        "first_step_s": first_s,
        "empty_call_us": baseline_us,
        "ratio_to_empty_call": step_us / baseline_us,
        "limit_us": LIMIT_US,
        "ok": compiled_us <= LIMIT_US,
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{options.design}: {figures['thermal_nodes']} thermal nodes, {sub_steps} sub-steps a tick")
    print(f"compiled {compiled_us:.1f} us a tick (limit {LIMIT_US:.0f} us), called from Python {step_us:.1f} us")
    print(f"{figures['ratio_to_empty_call']:.1f} times an empty compiled call ({baseline_us:.2f} us)")


if __name__ == "__main__":
    main()
