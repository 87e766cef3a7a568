"""Array and battery against Basilisk, the textbook's sizing, and closed forms of a Thevenin cell."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.designs.load import load_design
from node.designs.plant import plant_parameters, plant_state
from node.plant.power.power import step_array
from node.plant.setup import fill
from node.plant.state import layout
from tests.kits.truth_kernels import run_battery, run_bus

PANEL = json.loads((Path(__file__).parents[1] / "oracles" / "panel.json").read_text())
AU_W_M2 = 1361.0


def records(design: str = "pathfinder") -> tuple[Any, Any, Any, Any]:
    """One-element arrays of a design at the reference temperature, nothing but limiter 0 switched on."""
    shape = layout("full")
    state, param, order, work = (np.zeros(1, t) for t in (shape.state, shape.param, shape.order, shape.work))
    fill(param[0], plant_parameters(load_design(design)))
    fill(state[0], plant_state(load_design(design)))
    state["lcl_state"] = 0
    state["lcl_state"][0, 0] = 1
    param["lcl_load_w"] = 0.0
    state["battery_temperature_k"] = param["battery_reference_k"]
    state["array_temperature_k"] = param["cell_reference_k"]
    order["battery_charge_enable"] = 1
    return state, param, order, work


def ideal_cells(state: Any, param: Any) -> None:
    """A battery that loses nothing, at one voltage."""
    param["battery_open_circuit_v"] = 3.7
    param["battery_resistance_ohm"] = 1e-7
    param["battery_polarisation_ohm"] = 1e-12
    param["battery_coulomb_efficiency"] = 1.0
    param["battery_self_discharge_s"] = 0.0
    param["battery_charge_rate_s"] = 1.0
    state["battery_group_soc"] = 0.7


def test_panels_of_basilisk() -> None:
    """Basilisk 2.12.1 simpleSolarPanel, 10 m2 of 30 %: 90 cases of angle, distance and shadow; 3535.98 W at 30 deg."""
    state, param, order, _ = records()
    s, p = state[0], param[0]
    watts = PANEL["area_m2"] * PANEL["efficiency"] * AU_W_M2
    p["string_count"], p["cell_first_loss"], p["cell_yearly_loss_s"] = 1, 0.0, 0.0
    p["string_power_point_v"], p["string_open_circuit_v"] = 100.0, 115.0
    p["string_power_point_a"], p["string_short_circuit_a"] = watts / 100.0, watts / 94.0
    for row in PANEL["rows"]:
        angle = math.radians(row["angle_deg"])
        s["sun_direction_body"] = (math.sin(angle), 0.0, math.cos(angle))
        s["solar_flux_w_m2"] = AU_W_M2 / row["distance_au"] ** 2
        s["illumination_fraction"] = row["illumination"]
        step_array(s, p, order[0], 0.0)
        assert float(s["array_available_w"]) == pytest.approx(row["power_w"], abs=0.01), row
        if (row["angle_deg"], row["distance_au"], row["illumination"]) == (30, 1.0, 1.0):
            assert float(s["array_available_w"]) == pytest.approx(3535.98, abs=0.01)


@pytest.mark.parametrize(("path_eclipse", "path_day", "watts"), [(0.6, 0.8, 239.4), (0.65, 0.85, 223.5)])
def test_array_that_just_closes_an_orbit(path_eclipse: float, path_day: float, watts: float) -> None:
    """SMAD, table 11-34: 110 W, 35.3 min of eclipse, 63.5 min of day; path efficiencies give the array's power.

    Flown: the array power at which the battery comes back to where it was, found between two trials, +-0.2 W.
    """
    minutes = [0.0] * 353 + [1.0] * 635  # steps of 6 s
    left = []
    for trial in (0.98 * watts, 1.02 * watts):
        state, param, order, work = records()
        ideal_cells(state, param)
        param["lcl_load_w"][0, 0] = 110.0
        param["lcl_limit_a"] = 100.0
        param["array_efficiency"] = path_day
        param["bus_charge_efficiency"] = param["bus_discharge_efficiency"] = math.sqrt(path_eclipse / path_day)
        before = float(state["battery_group_soc"][0, 0])
        # what goes through the battery pays for the bus twice: the textbook's X_e counts from array to load
        run_bus(state, param, order, work, np.array(minutes) * trial, 6.0)
        left.append(float(state["battery_group_soc"][0, 0]) - before)
    assert left[0] < 0.0 < left[1]
    closes = (0.98 + 0.04 * -left[0] / (left[1] - left[0])) * watts
    assert closes == pytest.approx(watts, abs=0.2)


@pytest.mark.parametrize("design", ["pathfinder", "formation"])
@pytest.mark.parametrize("shorted", [0.0, 2.0, 7.6])
def test_a_group_with_shorted_cells_drains_its_neighbour(design: str, shorted: float) -> None:
    """The good group feeds the bad one too: the bus gets what is left, and the balance closes all the same."""
    state, param, order, work = records(design)
    param["lcl_load_w"][0, 0], param["lcl_limit_a"] = 60e3, 1e5
    state["battery_group_soc"][0, :2] = 0.0, 1.0
    state["battery_group_connected"][0, 2:] = 0.0
    state["battery_group_shorted_cells"][0, 0] = shorted
    assert run_bus(state, param, order, work, np.zeros(1), 0.1) <= 1e-9 * 60e3
    assert 0.0 <= float(state["power_served_fraction"][0]) < 1.0
    assert float(state["battery_power_w"][0]) >= 0.0


def cells(soc: float) -> tuple[Any, Any, Any, Any]:
    """One group of cells without losses by the side."""
    state, param, order, work = records()
    param["battery_count"] = 1
    param["battery_coulomb_efficiency"], param["battery_self_discharge_s"] = 1.0, 0.0
    param["battery_entropic_v_k"] = 0.0
    state["battery_group_soc"] = soc
    return state, param, order, work


def test_a_load_step_on_a_thevenin_cell() -> None:
    """Closed form: V = OCV - I R0 - I R1 (1 - exp(-t / R1 C1)), on a flat curve; 10 ms steps, 1 mV."""
    state, param, order, work = cells(0.7)
    param["battery_open_circuit_v"] = 3.8
    p = param[0]
    emf, ohm = 3.8 * float(p["battery_series"]), float(p["battery_resistance_ohm"])
    polar, tau = float(p["battery_polarisation_ohm"]), float(p["battery_polarisation_s"])
    amps, dt_s = 20.0, 0.01
    times = dt_s * np.arange(12000)
    volts = emf - amps * ohm - amps * polar * (1.0 - np.exp(-times / tau))
    out = np.zeros((len(times), 4))
    run_battery(state, param, order, work, amps * volts, dt_s, out)
    assert out[:, 2] == pytest.approx(volts, abs=1e-3)
    assert out[:, 1] == pytest.approx(np.full(len(times), amps * dt_s), rel=1e-4)


@settings(max_examples=40)
@given(
    st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=12),
    st.floats(0.0, 1.0),
    st.sampled_from((0.05, 0.1, 1.0, 10.0)),
    st.floats(260.0, 330.0),
)
def test_a_battery_gives_back_no_more_than_it_holds(rates: list[float], soc: float, dt_s: float, kelvin: float) -> None:
    """Charge: what has flowed is what is missing. Energy: the cells pay terminals and heat, 0.1 % a second of step."""
    state, param, order, work = cells(soc)
    state["battery_temperature_k"] = kelvin
    s, p = state[0], param[0]
    full_c = float(p["battery_charge_c"])
    volts = np.interp(np.linspace(0, 1, 1001), np.linspace(0, 1, 11), p["battery_open_circuit_v"])
    held_j = np.concatenate(([0.0], np.cumsum(0.5 * (volts[1:] + volts[:-1])) / 1000.0))
    scale = float(p["battery_series"]) * full_c

    def energy() -> float:
        cell = np.interp(float(s["battery_group_soc"][0]), np.linspace(0, 1, 1001), held_j) * scale
        farad = float(p["battery_polarisation_s"]) / float(p["battery_polarisation_ohm"])
        return float(cell + 0.5 * farad * float(s["battery_group_polarisation_v"][0]) ** 2)

    nominal_w = 3.7 * float(p["battery_series"]) * full_c / 3600.0
    power = np.repeat(np.array(rates) * nominal_w, max(1, int(60.0 / dt_s)))
    out = np.zeros((len(power), 4))
    before, start = energy(), float(s["battery_group_soc"][0])
    run_battery(state, param, order, work, power, dt_s, out)
    assert np.all(np.isfinite(out))
    moved = np.abs(out[:, 1]).sum()
    assert float(s["battery_group_soc"][0]) == pytest.approx(
        start - out[:, 1].sum() / full_c, abs=1e-9 + 1e-6 * moved / full_c
    )
    turned = np.abs(out[:, 0]).sum() * dt_s
    paid = before - energy() - (out[:, 0].sum() + out[:, 3].sum()) * dt_s
    assert abs(paid) <= (1e-3 + 1e-3 * dt_s) * turned + 1e-6 * scale
    assert np.all(out[:, 3] >= -1e-9)
