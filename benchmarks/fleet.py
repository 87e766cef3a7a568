"""How many spacecraft fly in a second: the fleet class, all models on, on all cores.

    python benchmarks/fleet.py [--spacecraft N] [--ticks N] [--json]

The baseline copies the same states from memory to memory in the same run, so the ratio says how far the physics is
from doing nothing but touching them.
"""

from __future__ import annotations

import argparse
import json
import math
import time

import numpy as np
from numba import get_num_threads

from bus.scenario.model import Environment, KeplerOrbit, Spacecraft
from node.designs.load import load_design
from node.designs.setup import plant_setup
from node.fleet import BLOCK_TICKS, Fleet

LIMIT_S, LIMIT_BYTES = 0.250, 1500


def build(count: int) -> Fleet:
    """A dawn-dusk ring of `count` spacecraft at 650 km at the June solstice."""
    orbit = KeplerOrbit(
        semi_major_axis_m=7028137.0,
        eccentricity=0.0,
        inclination_rad=math.radians(97.986),
        raan_rad=math.radians(180.0),
        argument_of_perigee_rad=0.0,
        mean_anomaly_rad=0.0,
    )
    setup = plant_setup(
        load_design("fleet"),
        Spacecraft(id="fleet", design="fleet", orbit=orbit),
        stations=[],
        environment=Environment(
            solar_activity="minimum", storm_density_factor=1.0, solar_event="", solar_event_at_s=0.0
        ),
        epoch_utc="2026-06-21T00:00:00Z",
        seed=1,
    )
    return Fleet.spread(setup, count)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--spacecraft", type=int, default=1_000_000)
    parser.add_argument("--ticks", type=int, default=2 * BLOCK_TICKS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    fleet = build(options.spacecraft)
    fleet.step(0, 1.0, BLOCK_TICKS)  # compiles, or loads from the cache
    start = time.perf_counter()
    fleet.step(BLOCK_TICKS, 1.0, options.ticks)
    seconds = (time.perf_counter() - start) / options.ticks
    raw = fleet.states.view(np.uint8)
    copy = raw.copy()
    start = time.perf_counter()
    copy[:] = raw
    baseline = time.perf_counter() - start
    per_million = seconds * 1e6 / len(fleet)
    figures = {
        "spacecraft": len(fleet),
        "threads": get_num_threads(),
        "satellite_steps_per_s": len(fleet) / seconds,
        "tick_s_per_million": per_million,
        "state_bytes": fleet.state_bytes,
        "copy_s": baseline,
        "ratio_to_copy": seconds / baseline,
        "limit_tick_s_per_million": LIMIT_S,
        "limit_state_bytes": LIMIT_BYTES,
        "ok": per_million <= LIMIT_S and fleet.state_bytes <= LIMIT_BYTES,
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{len(fleet):,} spacecraft, {get_num_threads()} threads: {figures['satellite_steps_per_s']:,.0f} steps/s")
    print(f"a million take {per_million * 1e3:.0f} ms a tick (limit {LIMIT_S * 1e3:.0f} ms on two cores)")
    print(f"{fleet.state_bytes} bytes of state each (limit {LIMIT_BYTES})")
    print(f"{figures['ratio_to_copy']:.1f} times the copying of the same states")


if __name__ == "__main__":
    main()
