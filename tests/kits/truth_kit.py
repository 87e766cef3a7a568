"""For tests of a whole spacecraft's truth: watched flights, extreme orbits, random states over the whole space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from node.plant.plant import Plant
from tests.kits.plant_kit import plant

SIGMA = 5.670374419e-8
SOLSTICE_DECLINATION_DEG = 23.44


def at_beta(design: str, beta_deg: float, **more: Any) -> Plant:
    """A plant on a circular orbit at 650 km whose plane stands at this angle to the Sun of the June solstice.

    The Sun is at right ascension 90 degrees, so an orbit with its node at 0 and inclination i has beta = 23.44 - i, one
    with its node at 180 degrees 23.44 + i.
    """
    tilt = beta_deg - SOLSTICE_DECLINATION_DEG
    return plant(design, raan_deg=180.0 if tilt > 0.0 else 0.0, inclination_deg=abs(tilt), **more)


def watch(subject: Plant, ticks: int, fields: Sequence[str], first: int = 0, tick_s: float = 1.0) -> Any:
    """Fly on; the watched fields after every tick, sub-arrays as columns."""
    rows = []
    for tick in range(first, first + ticks):
        subject.step(tick, tick_s, {})
        rows.append(np.concatenate([np.ravel(subject.state[name][0]) for name in fields]))
    return np.array(rows)


def broken_fields(record: Any) -> list[str]:
    """Floating-point fields of a record that are not finite throughout."""
    return [
        name
        for name in record.dtype.names
        if record.dtype[name].base.kind == "f" and not np.all(np.isfinite(record[name]))
    ]


def scramble(subject: Plant, seed: int) -> None:
    """Put truth, surroundings and orders anywhere that is physically possible, faults of every kind included."""
    rng = np.random.default_rng(seed)
    s, p, u = subject.state[0], subject.params[0], subject.inputs[0]
    array_faces = np.flatnonzero(p["face_node"][: p["face_count"]] == p["array_node"])

    def some(name: str, low: float, high: float, ends: Sequence[float] = ()) -> None:
        shape = s.dtype[name].shape
        values = rng.uniform(low, high, shape)
        if ends:
            values = np.where(rng.random(shape) < 0.5, rng.choice(ends, shape), values)
        s[name] = values

    for name in s.dtype.names:
        if name.endswith("_health") or name == "battery_group_connected":
            some(name, 0.0, 1.0, (0.0, 1.0))
        elif name.endswith("_stuck_on"):
            some(name, 0.0, 1.0, (0.0, 0.0, 1.0))
    s["face_health"][array_faces] = 1.0  # a wing that is not there gives no electricity either: that is string_health
    for name in ("thermal_temperature_k", "accelerator_temperature_k", "hbm_temperature_k"):
        some(name, 2.7, 480.0, (2.7, 273.15, 300.0, 330.0))
    s["battery_temperature_k"] = s["thermal_temperature_k"][p["battery_node"]]
    s["array_temperature_k"] = s["thermal_temperature_k"][p["array_node"]]
    for name in ("battery_group_soc", "battery_group_turn_soc", "battery_group_peak_soc", "coolant_quality",
                 "condenser_open_fraction", "pump_speed_fraction", "valve_fraction", "coating_age_fraction",
                 "illumination_fraction", "accelerator_thermal_clock_fraction", "job_load"):  # fmt: skip
        some(name, 0.0, 1.0, (0.0, 1.0))
    some("main_bus_voltage_v", 0.0, 1.2 * float(p["bus_voltage_v"]), (0.0, float(p["bus_voltage_v"])))
    some("main_bus_short_w", 0.0, 1e5, (0.0, 0.0))
    some("array_fluence_m2", 0.0, 1e20, (0.0,))
    some("array_age_s", 0.0, 1e9, (0.0,))
    some("array_angle_rad", -7.0, 7.0)
    some("battery_group_resistance_factor", 0.5, 20.0, (1.0,))
    some("battery_group_shorted_cells", 0.0, float(p["battery_series"]), (0.0, 1.0))
    some("battery_group_internal_short_w", 0.0, 500.0, (0.0,))
    some("battery_group_calendar_loss2", 0.0, 0.9, (0.0,))
    some("battery_group_cycle_loss", 0.0, 0.9, (0.0,))
    some("lcl_overload_factor", 0.0, 30.0, (1.0, 1.0))
    some("lcl_inrush_c", 0.0, 2.0, (0.0,))
    some("lcl_timer_s", 0.0, 1.0, (0.0,))
    some("coolant_inventory_kg", 0.0, 2.0 * float(p["coolant_lines_kg"]) + 1.0)
    some("coolant_leak_kg_s", 0.0, 0.2, (0.0,))
    some("loop_blockage_factor", 0.5, 100.0, (1.0,))
    some("accelerator_resistance_factor", 0.5, 50.0, (1.0,))
    some("accelerator_leakage_factor", 0.0, 5.0, (1.0,))
    some("accelerator_lost", 0.0, 8.0, (0.0,))
    some("accelerator_quarantined", 0.0, 8.0, (0.0,))
    some("accelerator_timer_s", 0.0, 100.0, (0.0,))
    some("device_latched_w", 0.0, 500.0, (0.0, 0.0))
    some("dose_gy", 0.0, 1e3, (0.0,))
    some("solar_flux_w_m2", 0.0, 1420.0, (0.0, 1361.0))
    some("earth_ir_w_m2", 0.0, 350.0, (0.0, 237.0))
    some("albedo_factor", 0.0, 0.6, (0.0,))
    some("earth_radius_ratio", 0.1, 0.99)
    for name in ("sun_direction_body", "nadir_direction_body"):
        vector = rng.normal(size=3)
        s[name] = vector / np.linalg.norm(vector)
    s["lcl_state"] = rng.integers(0, 6, s.dtype["lcl_state"].shape)
    s["accelerator_state"] = rng.integers(0, 8, s.dtype["accelerator_state"].shape)
    for name in ("uncorrected_upsets", "interrupts", "silent_errors", "latchups"):
        s[name] = rng.integers(0, 3, s.dtype[name].shape) * rng.integers(0, 2)
    for name in ("lcl_command", "accelerator_enable", "heater_command", "transmitter_on", "battery_charge_enable",
                 "pump_select"):  # fmt: skip
        u[name] = rng.integers(0, 3, u.dtype[name].shape) if name != "transmitter_on" else rng.integers(0, 2)
    u["array_angle_command_rad"] = rng.uniform(-10.0, 10.0)
    u["pump_speed_command_fraction"] = rng.uniform(-1.0, 2.0)
    u["valve_command_fraction"] = rng.uniform(-1.0, 2.0)
    u["accelerator_utilisation"] = rng.uniform(-0.5, 1.5, u.dtype["accelerator_utilisation"].shape)
    u["accelerator_power_cap_w"] = rng.uniform(0.0, 2e4, u.dtype["accelerator_power_cap_w"].shape)
