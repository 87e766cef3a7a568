"""How long a fit takes: twelve figures of pathfinder over four runs of 180 minutes at 1 s, beside their bare flights.

    python benchmarks/fit.py [--minutes 180] [--jobs 0] [--json]

The telemetry is made here, with other figures and with noise, every ten seconds. `bare_s` is what one flight of each
run takes without fit, table or residual; `fit_over_bare` is the whole fit over as many flights as it made, one after
the other. The limit is three minutes on two cores. Needs the extra `fit`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from faults.compare.modelled import fly_model
from faults.fit.free import read_free, with_figures
from faults.fit.pool import hands
from faults.fit.problem import Problem
from faults.fit.runs import read_runs
from faults.fit.solve import solve
from node.designs.load import load_design

LIMIT_S = 180.0
EVERY_S = 10
NODES = ("structure", "avionics", "array", "host", "cold_plate", "battery")
SIGNALS = {
    "volts": ("battery_voltage_v", "V", 0.02), "sun": ("array_power_w", "W", 5.0), "load": ("load_power_w", "W", 1.0),
    **{node: (f"thermal_temperature_k[{node}]", "K", 0.2) for node in NODES},
}  # fmt: skip
"""Column: signal, unit, noise."""
FREE = {
    "array.area": (2.0, 6.0, "m2", 3.8), "battery.cell.resistance": (5.0, 60.0, "mohm", 21.0),
    "battery.cell.polarisation_resistance": (2.0, 40.0, "mohm", 13.0), "lcls.payload.load": (20.0, 200.0, "W", 95.0),
    "lcls.aocs.load": (5.0, 60.0, "W", 24.0), "lcls.obc.load": (5.0, 40.0, "W", 15.0),
    "nodes.structure.capacity": (5.0, 60.0, "kJ/K", 21.0), "nodes.avionics.capacity": (1.0, 20.0, "kJ/K", 5.0),
    "nodes.array.capacity": (3.0, 40.0, "kJ/K", 8.0), "nodes.host.capacity": (1.0, 12.0, "kJ/K", 2.5),
    "nodes.cold_plate.capacity": (1.0, 12.0, "kJ/K", 3.8), "nodes.battery.capacity": (2.0, 30.0, "kJ/K", 6.5),
}  # fmt: skip
"""Figure: bounds, unit, what made the telemetry."""
SCENARIO = """
skyrack: 1
name: run-PLACE
epoch: 2026-08-12T00:00:00Z
duration: LENGTH min
tick: 1 s
seed: 5
environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - {id: one, design: pathfinder, orbit: {sso: {altitude: 600 km, ltan: "12:00", argument_of_latitude: PLACE deg}}}
stations: [svalbard]
"""


def prepared(folder: Path, minutes: int) -> tuple[list[str], list[Path], Path]:
    """Four scenarios, tables with headers only, and a map."""
    plan = folder / "map.yaml"
    lines = [f"  {name}: {{signal: '{signal}', unit: {unit}}}\n" for name, (signal, unit, _) in SIGNALS.items()]
    plan.write_text(f"compare: 1\ntime: {{column: t}}\ncolumns:\n{''.join(lines)}")
    names, tables = [], []
    for place in (0, 90, 200, 300):
        scenario, table = folder / f"run-{place}.yaml", folder / f"run-{place}.csv"
        scenario.write_text(SCENARIO.replace("PLACE", str(place)).replace("LENGTH", str(minutes)))
        rows = "".join(f"{t}{',0' * len(SIGNALS)}\n" for t in range(0, 60 * minutes, EVERY_S))
        table.write_text(f"t,{','.join(SIGNALS)}\n{rows}")
        names.append(str(scenario))
        tables.append(table)
    return names, tables, plan


def measure(minutes: int, jobs: int) -> dict[str, float | bool | str]:
    """The figures."""
    with tempfile.TemporaryDirectory() as path:
        names, tables, plan = prepared(Path(path), minutes)
        runs = read_runs(names, tables, [plan], [], [])
        design = load_design("pathfinder")
        true = with_figures(design, {figure: (f"{v} {unit}", "assumption") for figure, (_, _, unit, v) in FREE.items()})
        dice, bare_s = random.Random(1), 0.0
        for run, table in zip(runs, tables, strict=True):
            end_s = float(run.measured.times_s[-1])
            model = fly_model(run.scenario, "one", run.plan, end_s, design=true, sensed=False)
            began = perf_counter()
            fly_model(run.scenario, "one", run.plan, end_s, sensed=False)
            bare_s += perf_counter() - began
            lines = [f"t,{','.join(SIGNALS)}"]
            for t in range(0, 60 * minutes, EVERY_S):
                cells = [model.true[s].values[t] + dice.gauss(0.0, noise) for s, _, noise in SIGNALS.values()]
                lines.append(f"{t},{','.join(f'{cell:.6g}' for cell in cells)}")
            table.write_text("\n".join(lines) + "\n")
        runs = read_runs(names, tables, [plan], [], [])
        free = [f"{figure}={low}..{high} {unit}" for figure, (low, high, unit, _) in FREE.items()]
        problem = Problem(design, read_free(free, design, [run.scenario.spacecraft[0] for run in runs]), runs)
        asked = 0
        with hands(problem, jobs) as who:

            class Counted:
                """Whoever flies, counted."""

                def residuals(self, problem: Problem, many: list[np.ndarray]) -> list[np.ndarray]:
                    """Of a problem at several places."""
                    nonlocal asked
                    asked += len(many) * len(runs)
                    return who.residuals(problem, many)

            began = perf_counter()
            solution = solve(problem, lambda words: print(words, file=sys.stderr, flush=True), Counted())
            fit_s = perf_counter() - began
    off = [abs(one.value - FREE[one.free.path][3]) / one.sigma for one in solution.figures if one.sigma]
    return {
        "runs": len(runs), "minutes": minutes, "free": len(FREE), "jobs": jobs, "fit_s": fit_s,
        "bare_s": bare_s / len(runs), "flights": asked, "fit_over_bare": fit_s / (asked * bare_s / len(runs)),
        "worst_sigmas": max(off), "told": len(off), "limit_s": LIMIT_S, "ok": fit_s <= LIMIT_S,
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=180)
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.minutes, options.jobs or os.cpu_count() or 1)
    if options.json:
        print(json.dumps(found))
    else:
        print(
            f"{found['fit_s']:.0f} s for {found['free']} figures over {found['runs']} runs of {found['minutes']} min "
            f"(limit {LIMIT_S:g}): {found['flights']} flights of {found['bare_s']:.2f} s, "
            f"{found['fit_over_bare']:.2f} of their time one by one\n"
            f"{found['told']} figures told, the worst {found['worst_sigmas']:.1f} standard deviations off"
        )
    sys.exit(0 if found["ok"] else 1)


if __name__ == "__main__":
    main()
