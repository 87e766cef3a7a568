"""Draws the plots of power, thermal and compute from the same kernels and fixtures as the tests.

    python docs/models/make_inside_plots.py

Run it from anywhere with the project's environment; it writes SVG files beside itself.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

import numpy as np  # noqa: E402
from svg_plot import Plot  # noqa: E402

from node.plant.compute.jobs import daly_s  # noqa: E402
from node.plant.power.power import step_array  # noqa: E402
from tests.kits.truth_kernels import run_battery  # noqa: E402
from tests.plant import test_thermal as thermal_tests  # noqa: E402
from tests.plant import test_truth_compute as compute_tests  # noqa: E402
from tests.plant import test_truth_power as power_tests  # noqa: E402


def panel() -> None:
    """A flat panel against Basilisk."""
    rows = power_tests.PANEL["rows"]
    state, param, order, _ = power_tests.records()
    s, p = state[0], param[0]
    watts = power_tests.PANEL["area_m2"] * power_tests.PANEL["efficiency"] * power_tests.AU_W_M2
    p["string_count"], p["cell_first_loss"], p["cell_yearly_loss_s"] = 1, 0.0, 0.0
    p["string_power_point_v"], p["string_open_circuit_v"] = 100.0, 115.0
    p["string_power_point_a"], p["string_short_circuit_a"] = watts / 100.0, watts / 94.0
    plot = Plot("A panel of 10 m2 and 30 %", "angle to the Sun, degrees", "W")
    degrees = np.arange(0.0, 181.0, 1.0)
    s["solar_flux_w_m2"] = power_tests.AU_W_M2
    for light in (1.0, 0.4):
        s["illumination_fraction"] = light
        given = []
        for angle in np.radians(degrees):
            s["sun_direction_body"] = (math.sin(angle), 0.0, math.cos(angle))
            step_array(s, p, order[0], 0.0)
            given.append(float(s["array_available_w"]))
        plot.line(f"model, {light * 100:.0f} % of the Sun", degrees, given)
        chosen = [row for row in rows if row["illumination"] == light and row["distance_au"] == 1.0]
        plot.points(
            f"Basilisk, {light * 100:.0f} %", [row["angle_deg"] for row in chosen], [row["power_w"] for row in chosen]
        )
    plot.write(HERE / "power-panel.svg")


def cell() -> None:
    """A load step on a cell against the closed form."""
    state, param, order, work = power_tests.cells(0.7)
    param["battery_open_circuit_v"] = 3.8
    p = param[0]
    series = float(p["battery_series"])
    ohm, polar = float(p["battery_resistance_ohm"]), float(p["battery_polarisation_ohm"])
    tau, amps = float(p["battery_polarisation_s"]), 20.0
    times = 0.1 * np.arange(1500)
    volts = 3.8 * series - amps * ohm - amps * polar * (1.0 - np.exp(-times / tau))
    out = np.zeros((len(times), 4))
    run_battery(state, param, order, work, amps * volts, 0.1, out)
    plot = Plot("Terminals after 20 A are switched on", "seconds", "V")
    plot.line("model, steps of 0.1 s", times, out[:, 2])
    plot.points("closed form", times[::100], volts[::100])
    plot.write(HERE / "power-cell.svg")


def cooling() -> None:
    """A body that radiates into nothing."""
    s, p, _, w = thermal_tests.network([50e3])
    p["space_k"] = 0.0
    w["node_emitting_m2"][0] = 0.9
    plot = Plot("50 kJ/K, 0.9 m2, from 300 K", "hours", "K")
    for step_s in (1.0, 600.0):
        s["thermal_temperature_k"][0] = 300.0
        kelvin = [300.0]
        for _ in range(round(36000.0 / step_s)):
            thermal_tests.step(s, p, w, step_s)
            kelvin.append(float(s["thermal_temperature_k"][0]))
        plot.line(f"model, steps of {step_s:.0f} s", step_s / 3600.0 * np.arange(len(kelvin)), kelvin)
    hours = np.arange(0.0, 10.1, 1.0)
    exact = (300.0**-3 + 3.0 * thermal_tests.SIGMA * 0.9 * hours * 3600.0 / 50e3) ** (-1.0 / 3.0)
    plot.points("closed form", hours, exact)
    plot.write(HERE / "thermal-cooling.svg")


def checkpoints() -> None:
    """Flown jobs against Daly's formula."""
    c, m = 60.0, 3 * 3600.0
    best = daly_s(c, m)
    plot = Plot("Training with 60 s checkpoints, a failure each 3 h", "time between checkpoints, s", "useful share")
    factors = np.geomspace(0.15, 6.0, 60)
    plot.line("Daly 2006", best * factors, [compute_tests.daly_share(c, m, best * f, 120.0) for f in factors])
    flown = np.geomspace(0.15, 6.0, 12)
    shares = [compute_tests.trained(c, m, best * f, 120.0, 100.0)[0] for f in flown]
    plot.points("flown, 100 days each", best * flown, shares)
    plot.write(HERE / "compute-checkpoints.svg")


def caps() -> None:
    """Clock under a power cap."""
    plot = Plot("Clock under a power cap, die at 60 degC", "cap, share of full power", "clock")
    shares = np.linspace(0.35, 1.0, 14)
    for design, chip in (("pathfinder", "H100 class"), ("formation", "Trillium class")):
        plot.line(chip, shares, [compute_tests.settled(design, float(share))[0] for share in shares])
    plot.points("rule of thumb: 85 % of throughput at 70 %", [0.7], [0.85])
    plot.write(HERE / "compute-caps.svg")


def main() -> int:
    """All plots."""
    for draw in (panel, cell, cooling, checkpoints, caps):
        draw()
    return 0


if __name__ == "__main__":
    sys.exit(main())
