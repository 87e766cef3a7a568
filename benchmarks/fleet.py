"""How many spacecraft fly in a second: the fleet class, all models on, on all cores.

    python benchmarks/fleet.py [--spacecraft N] [--ticks N] [--json]

The baseline copies the same states from memory to memory in the same run, so the ratio says how far the physics is
from doing nothing but touching them. Then the same spacecraft fly as `skyrack fleet` flies them, with a look of flight
software every eighth tick and a row of the tables 60 times an orbit: what that costs over the bare kernels.
"""

from __future__ import annotations

import argparse
import json
import math
import time

import numpy as np
from numba import get_num_threads

from bus.scenario.model import Environment, KeplerOrbit, Spacecraft
from faults.fleet.flight import Block, Wing
from faults.fleet.form import LOOK_TICKS, REPORTS
from faults.fleet.tables import rows
from node.designs.load import load_design
from node.designs.setup import plant_setup
from node.fleet import BLOCK_TICKS, Fleet

LIMIT_S, LIMIT_BYTES = 0.250, 1500
LIMIT_TABLES = 0.10
ORBIT_S, PLANE = 5860, 1000
"""Ticks of an orbit at 650 km, and spacecraft in a plane."""


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


def as_flown(fleet: Fleet, ticks: int) -> tuple[float, float]:
    """Seconds of a tick with flight software, and of a row of the tables."""
    ends = [*range(0, len(fleet), PLANE), len(fleet)]
    blocks = [Block(0, plane, ends[plane], ends[plane + 1]) for plane in range(len(ends) - 1)]
    wing = Wing(load_design("fleet"), fleet, [], blocks)
    first = 1024  # well after what was flown before, and a look's tick
    wing.step(first, 1.0, LOOK_TICKS)  # compiles, or loads from the cache
    rows(wing, 0.0)
    start = time.perf_counter()
    for tick in range(first + LOOK_TICKS, first + LOOK_TICKS + ticks, LOOK_TICKS):
        wing.step(tick, 1.0, LOOK_TICKS)
    flown = time.perf_counter()
    rows(wing, 0.0)
    return (flown - start) / ticks, time.perf_counter() - flown


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
    whole, tables = as_flown(fleet, options.ticks)
    share = tables / (tables + whole * ORBIT_S / REPORTS)
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
        "as_flown_satellite_steps_per_s": len(fleet) / (whole + tables * REPORTS / ORBIT_S),
        "flight_software_ratio": whole / seconds,
        "tables_share": share,
        "limit_tables_share": LIMIT_TABLES,
        "ok": per_million <= LIMIT_S and fleet.state_bytes <= LIMIT_BYTES and share <= LIMIT_TABLES,
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{len(fleet):,} spacecraft, {get_num_threads()} threads: {figures['satellite_steps_per_s']:,.0f} steps/s")
    print(f"a million take {per_million * 1e3:.0f} ms a tick (limit {LIMIT_S * 1e3:.0f} ms on two cores)")
    print(f"{fleet.state_bytes} bytes of state each (limit {LIMIT_BYTES})")
    print(f"{figures['ratio_to_copy']:.1f} times the copying of the same states")
    print(
        f"as `skyrack fleet` flies: {figures['as_flown_satellite_steps_per_s']:,.0f} steps/s; flight software makes a "
        f"tick {whole / seconds:.2f} times as long, tables take {100 * share:.1f} % (limit {100 * LIMIT_TABLES:.0f} %)"
    )


if __name__ == "__main__":
    main()
