"""Array, limiters, battery, balance: outside numbers first, then what must hold whatever happens."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.designs.load import load_design
from node.designs.plant import plant_parameters, plant_state
from node.plant.power.battery import age_battery, open_circuit_v, prepare_battery, serve_battery
from node.plant.power.limiters import LIMITING, OFF, ON, RETRIGGER, TRIPPED, UNDERVOLTAGE, limited_c, order_lcls
from node.plant.power.power import finish_array, remaining_power, step_array, step_power, string_curve_a
from node.plant.setup import fill
from tests.kits.plant_kit import bare


def records(design: str = "formation") -> tuple[Any, Any, Any, Any]:
    """Records of a design with the Sun straight in front and everything switched on."""
    s, p, u, w = bare()
    fill(p, plant_parameters(load_design(design)))
    fill(s, plant_state(load_design(design)))
    s["sun_direction_body"] = (0.0, 0.0, 1.0)
    s["nadir_direction_body"] = (1.0, 0.0, 0.0)
    s["solar_flux_w_m2"], s["illumination_fraction"] = 1361.0, 1.0
    s["array_temperature_k"] = float(p["cell_reference_k"])
    u["lcl_command"] = 1
    u["battery_charge_enable"] = 1
    return s, p, u, w


def panel(area_m2: float, efficiency: float, packing: float) -> tuple[Any, Any, Any, Any]:
    """One string that gives area x efficiency x packing x 1361 W/m2 at right angles."""
    s, p, u, w = records()
    p["string_count"] = 1
    watts = area_m2 * efficiency * packing * 1361.0
    p["string_power_point_v"], p["string_open_circuit_v"] = 100.0, 115.0
    p["string_power_point_a"], p["string_short_circuit_a"] = watts / 100.0, watts / 94.0
    p["cell_first_loss"] = p["cell_yearly_loss_s"] = 0.0
    return s, p, u, w


def test_panel_at_30_degrees() -> None:
    # Basilisk 2.12.1 simpleSolarPanel: 10 m2, 30 %, 30 deg, 1361 W/m2
    s, p, u, _ = panel(10.0, 0.30, 1.0)
    s["sun_direction_body"] = (0.5, 0.0, math.sqrt(0.75))
    step_array(s, p, u, 1.0)
    assert s["array_available_w"] == pytest.approx(3535.98, abs=0.01)


def test_array_of_a_starlink_class_satellite() -> None:
    # arXiv 2511.19468 v2, table 1: 105 m2, 22 %, packing 0.9 give 28 kW; 28.3 kW by arithmetic
    s, p, u, _ = records("formation")
    step_array(s, p, u, 0.0)
    assert s["array_available_w"] == pytest.approx(28.3e3, rel=0.01)


@pytest.mark.parametrize(("fluence_cm2", "left"), [(5e14, 0.89), (1e15, 0.84)])
def test_cells_after_electrons(fluence_cm2: float, left: float) -> None:
    # Fetzer (PVSC), XTJ lot of 845 cells: remaining power at 1 MeV electrons
    _, p, _, _ = records("pathfinder")
    assert remaining_power(p, fluence_cm2 * 1e4, 0.0) == pytest.approx(left, abs=0.01)


def test_string_curve_passes_through_its_three_points() -> None:
    isc, voc, imp, vmp = 0.520, 2.70, 0.504, 2.41
    assert string_curve_a(0.0, isc, voc, imp, vmp) == pytest.approx(isc, rel=1e-12)
    assert string_curve_a(vmp, isc, voc, imp, vmp) == pytest.approx(imp, rel=1e-3)
    assert string_curve_a(voc, isc, voc, imp, vmp) == pytest.approx(0.0, abs=1e-3 * isc)
    volts = np.linspace(0.0, voc, 60)
    amps = [string_curve_a(v, isc, voc, imp, vmp) for v in volts]
    assert all(b <= a for a, b in itertools.pairwise(amps))


def test_array_sizing_by_hand() -> None:
    # SMAD table 11-34, FireSat: 110 W, 35.3 min of eclipse, 63.5 of day; X 0.6/0.8 gives 239.4 W, 0.65/0.85 223.5 W
    def sized(path_e: float, path_d: float) -> float:
        return (110.0 * 35.3 / path_e + 110.0 * 63.5 / path_d) / 63.5

    assert sized(0.6, 0.8) == pytest.approx(239.4, abs=0.2)
    assert sized(0.65, 0.85) == pytest.approx(223.5, abs=0.2)


def test_energy_of_an_orbit_closes_where_sizing_says() -> None:
    """An array that just closes by the textbook's formula brings the battery back to where it was."""
    s, p, u, w = panel(60.0, 0.22, 1.0)
    u["lcl_command"] = 0
    p["lcl_load_w"] = 0.0
    p["lcl_load_w"][0] = 5000.0
    p["lcl_limit_a"][0] = 1000.0
    p["battery_polarisation_ohm"] = p["battery_resistance_ohm"] = 1e-6
    p["battery_coulomb_efficiency"], p["battery_self_discharge_s"] = 1.0, 0.0
    s["lcl_state"] = 0
    s["lcl_state"][0] = 1
    for group in range(4):
        s["battery_group_soc"][group] = 0.6
    eclipse, day = 2118, 3810
    path = 0.96 * 0.96
    needed = (5000.0 * eclipse / path + 5000.0 * day) / day / float(p["array_efficiency"])
    p["string_power_point_a"] = needed / 100.0
    p["battery_charge_rate_s"] = 1.0
    before = float(s["battery_group_soc"].sum())
    held = []
    for second in range(eclipse + day):
        s["illumination_fraction"] = 0.0 if second < eclipse else 1.0
        step_array(s, p, u, 1.0)
        step_power(s, p, u, w, 1.0)
        held.append(float(s["battery_group_soc"][:4].sum()))
        w["node_heat_w"] = 0.0
        w["lcl_demand_w"] = 0.0
    assert min(held) < before - 0.1
    assert held[-1] == pytest.approx(before, abs=0.012)  # curve voltages differ between charge and discharge


def test_a_turned_or_stuck_array_loses_the_cosine() -> None:
    s, p, u, _ = records()
    step_array(s, p, u, 0.0)
    full = float(s["array_available_w"])
    u["array_angle_command_rad"] = math.radians(60.0)
    s["array_drive_health"] = 0.0
    step_array(s, p, u, 1000.0)
    assert s["array_angle_rad"] == 0.0
    s["array_drive_health"] = 1.0
    step_array(s, p, u, 1.0)
    assert s["array_angle_rad"] == pytest.approx(float(p["array_rate_rad_s"]))
    step_array(s, p, u, 1000.0)
    assert s["array_available_w"] == pytest.approx(0.5 * full, rel=1e-3)


def test_open_strings_cost_their_share() -> None:
    s, p, u, w = records()
    step_array(s, p, u, 0.0)
    full = float(s["array_available_w"])
    s["string_health"][:6] = 0.0
    step_array(s, p, u, 0.0)
    assert s["array_available_w"] == pytest.approx(full * 18 / 24, rel=1e-9)
    step_power(s, p, u, w, 0.1)
    finish_array(s, p)
    assert np.all(s["string_current_a"][:6] == 0.0)
    assert float(s["string_current_a"].sum() * s["array_voltage_v"]) == pytest.approx(float(s["array_power_w"]))


def test_a_cold_array_gives_more() -> None:
    s, p, u, _ = records()
    step_array(s, p, u, 0.0)
    warm = float(s["array_available_w"])
    s["array_temperature_k"] = float(p["cell_reference_k"]) - 80.0
    step_array(s, p, u, 0.0)
    assert 1.15 < float(s["array_available_w"]) / warm < 1.40


def test_a_limiter_trips_after_its_time() -> None:
    s, p, u, _ = records()
    k = 10
    s["lcl_overload_factor"][k] = 50.0
    charge = limited_c(s, p, k, 500.0, 0.1)
    assert s["lcl_state"][k] == TRIPPED
    assert s["lcl_trip_count"][k] == 1
    assert charge == pytest.approx(float(p["lcl_limit_a"][k]) * 0.015, rel=1e-12)
    assert limited_c(s, p, k, 1.0, 0.1) == 0.0
    u["lcl_command"][k] = 1
    order_lcls(s, p, u)
    assert s["lcl_state"][k] == TRIPPED  # an order that was never off does not reset it
    u["lcl_command"][k] = 0
    order_lcls(s, p, u)
    u["lcl_command"][k] = 1
    order_lcls(s, p, u)
    assert s["lcl_state"][k] == ON


def test_a_hot_load_trips_its_limiter_until_it_has_cooled() -> None:
    s, p, u, _ = records()
    k = load_design("formation").lcls.index("storage")
    node, limit = int(p["lcl_node"][k]), float(p["lcl_cut_off_k"][k])
    assert limit == pytest.approx(273.15 + 85.0)
    for kelvin, left in ((limit - 0.1, ON), (limit, TRIPPED), (limit - 50.0, TRIPPED)):
        s["thermal_temperature_k"][node] = kelvin
        order_lcls(s, p, u)
        assert s["lcl_state"][k] == left
    assert s["lcl_trip_count"][k] == 1
    for kelvin, left in ((limit + 1.0, TRIPPED), (limit - 1.0, ON)):  # switched off and on: hot, then cool
        s["thermal_temperature_k"][node] = kelvin
        for command in (0, 1):
            u["lcl_command"][k] = command
            order_lcls(s, p, u)
        assert s["lcl_state"][k] == left
    s["thermal_temperature_k"] = 1000.0
    order_lcls(s, p, u)
    assert s["lcl_state"][0] == ON  # essential ones have no thermostat


def test_an_essential_limiter_tries_again_every_second() -> None:
    s, p, _, _ = records()
    charge = sum(limited_c(s, p, 0, 100.0, 0.1) for _ in range(100))
    assert s["lcl_trip_count"][0] == 10
    assert charge == pytest.approx(10 * 0.015 * float(p["lcl_limit_a"][0]), rel=1e-9)
    for _ in range(20):
        limited_c(s, p, 0, 0.5, 0.1)
    assert s["lcl_state"][0] == ON


@given(amps=st.floats(0.0, 60.0), inrush=st.floats(0.0, 2.0), cuts=st.integers(1, 40))
@settings(max_examples=150)
def test_limiters_do_not_depend_on_the_step(amps: float, inrush: float, cuts: int) -> None:
    whole, parts = records("pathfinder"), records("pathfinder")
    for s, _, _, _ in (whole, parts):
        s["lcl_inrush_c"][6] = inrush
    one = limited_c(whole[0], whole[1], 6, amps, 2.0)
    many = sum(limited_c(parts[0], parts[1], 6, amps, 2.0 / cuts) for _ in range(cuts))
    assert many == pytest.approx(one, abs=1e-6)
    assert whole[0]["lcl_state"][6] == parts[0]["lcl_state"][6]


def test_inrush_passes_through_limiting() -> None:
    s, p, _, _ = records()
    limit = float(p["lcl_limit_a"][10])
    s["lcl_inrush_c"][10] = 0.010 * (limit - 1.0)
    assert limited_c(s, p, 10, 1.0, 0.005) == pytest.approx(0.005 * limit)
    assert s["lcl_state"][10] == LIMITING
    limited_c(s, p, 10, 1.0, 0.1)
    assert s["lcl_state"][10] == ON
    assert s["lcl_trip_count"][10] == 0


def test_essential_limiters_obey_no_order_to_open() -> None:
    s, p, u, _ = records()
    u["lcl_command"] = 0
    order_lcls(s, p, u)
    states = dict(zip(load_design("formation").lcls, s["lcl_state"], strict=False))
    assert states["obc"] == ON
    assert states["payload_1"] == OFF


def test_undervoltage_opens_what_is_not_essential() -> None:
    s, p, u, w = records("pathfinder")
    s["illumination_fraction"] = 0.0
    s["battery_group_soc"] = 0.0
    s["battery_group_polarisation_v"] = 0.0
    step_array(s, p, u, 1.0)
    for _ in range(5):
        w["lcl_demand_w"] = 0.0
        step_power(s, p, u, w, 0.1)
    states = dict(zip(load_design("pathfinder").lcls, s["lcl_state"], strict=False))
    assert states["payload"] == UNDERVOLTAGE
    assert states["obc"] == ON
    assert s["undervoltage_count"] == 1
    assert s["power_served_fraction"] < 1.0


@given(
    socs=st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4),
    kelvin=st.floats(200.0, 400.0),
    light=st.floats(0.0, 1.0),
    loads=st.lists(st.floats(0.0, 4000.0), min_size=15, max_size=15),
    healths=st.lists(st.sampled_from((0.0, 0.5, 1.0)), min_size=4, max_size=4),
    dt_s=st.sampled_from((0.01, 0.1, 1.0)),
    design=st.sampled_from(("formation", "pathfinder")),
    control=st.floats(0.0, 1.0),
)
@settings(max_examples=300)
def test_the_balance_closes_and_charge_is_never_created(
    *,
    socs: list[float],
    kelvin: float,
    light: float,
    loads: list[float],
    healths: list[float],
    dt_s: float,
    design: str,
    control: float,
) -> None:
    s, p, u, w = records(design)
    groups = int(p["battery_count"])
    s["battery_group_soc"][:groups] = socs[:groups]
    s["battery_group_connected"][:groups] = healths[:groups]
    s["battery_temperature_k"] = kelvin
    s["illumination_fraction"] = light
    s["array_control_health"] = control
    s["lcl_overload_factor"][2] = 30.0 * healths[0]
    step_array(s, p, u, dt_s)
    for _ in range(3):
        w["lcl_demand_w"] = 0.0
        w["lcl_demand_w"][: int(p["lcl_count"])] = loads[: int(p["lcl_count"])]
        w["node_heat_w"] = 0.0
        before = s["battery_group_soc"][:groups].copy()
        step_power(s, p, u, w, dt_s)
        size = max(1.0, float(s["array_power_w"]), float(s["load_power_w"]))
        assert abs(float(s["power_balance_residual_w"])) <= 1e-9 * size
        parts = sum(float(x) for x in s["lcl_power_w"])
        assert parts == pytest.approx(float(s["load_power_w"]), abs=1e-9 * size)
        assert float(s["array_power_w"]) <= float(s["array_available_w"]) * (1.0 + 1e-12)
        assert float(s["power_loss_w"]) >= -1e-9 * size
        gained = (s["battery_group_soc"][:groups] - before) * float(p["battery_charge_c"])
        into = -s["battery_group_current_a"][:groups] * dt_s
        assert np.all(gained <= np.maximum(into, 0.0) + 1e-9)
        assert np.all((s["battery_group_soc"][:groups] >= 0.0) & (s["battery_group_soc"][:groups] <= 1.0))
        if kelvin < 273.15:
            assert np.all(s["battery_group_current_a"][:groups] >= -1e-9)
        heat = float(w["node_heat_w"].sum())
        assert heat <= float(s["array_power_w"]) + 1e6


def test_charging_tapers_at_the_end_of_charge_voltage() -> None:
    s, p, u, w = records()
    s["battery_group_soc"][:4] = 0.85
    u["lcl_command"] = 0
    order_lcls(s, p, u)
    step_array(s, p, u, 1.0)
    for _ in range(20000):
        w["lcl_demand_w"] = 0.0
        step_power(s, p, u, w, 1.0)
        assert float(s["battery_voltage_v"]) <= float(p["battery_charge_v"]) * 1.0001
    assert abs(float(s["battery_current_a"])) < 0.05 * float(p["battery_charge_c"]) / 3600.0
    assert 0.90 < float(s["battery_soc"]) < 0.96  # 4.1 of 4.19 V


def test_cold_batteries_do_not_charge() -> None:
    s, p, u, w = records()
    s["battery_group_soc"][:4] = 0.5
    s["battery_temperature_k"] = 272.0
    step_array(s, p, u, 1.0)
    step_power(s, p, u, w, 0.1)
    assert s["battery_charge_inhibited"] == 1
    assert np.all(s["battery_group_current_a"][:4] >= 0.0)


def test_open_circuit_curve_and_cold_resistance() -> None:
    s, p, u, w = records()
    assert open_circuit_v(p, 0.0) == pytest.approx(3.00)
    assert open_circuit_v(p, 0.55) == pytest.approx(3.745)
    assert open_circuit_v(p, 1.0) == pytest.approx(4.19)
    s["battery_temperature_k"] = float(p["battery_reference_k"])
    prepare_battery(s, p, w, u)
    warm = float(w["group_ohm"][0])
    s["battery_temperature_k"] = float(p["battery_reference_k"]) - 20.0
    prepare_battery(s, p, w, u)
    assert float(w["group_ohm"][0]) == pytest.approx(2.0 * warm, rel=1e-9)


def test_coulomb_counting() -> None:
    s, p, u, w = records()
    p["battery_self_discharge_s"] = 0.0
    s["battery_group_soc"][:4] = 0.8
    for _ in range(3600):
        prepare_battery(s, p, w, u)
        serve_battery(s, p, w, 2000.0, 1.0)
    drawn = 4.0 * float(p["battery_charge_c"]) * (0.8 - float(s["battery_soc"]))
    assert drawn == pytest.approx(2000.0 * 3600.0 / 92.0, rel=0.05)  # about 92 V on the way down


@pytest.mark.parametrize(("depth", "cycles"), [(0.30, 35_000), (0.60, 8_000)])
def test_cycle_life(depth: float, cycles: int) -> None:
    # textbook cycle lives: 35,000 at 30 %, 8,000 at 60 %
    s, p, _, _ = records()
    for _ in range(20):
        for part in [*np.linspace(0.9, 0.9 - depth, 31), *np.linspace(0.9 - depth, 0.9, 31)]:
            s["battery_group_soc"][0] = part
            age_battery(s, p, 1.0)
    used = float(s["battery_group_cycle_loss"][0]) / float(p["battery_cycle_share"])
    assert used == pytest.approx(20.0 / cycles, rel=0.08)


def test_calendar_loss_grows_with_the_root_of_time() -> None:
    s, p, _, _ = records()
    s["battery_temperature_k"] = float(p["battery_reference_k"])
    year = 365.25 * 86400.0
    age_battery(s, p, year)
    assert math.sqrt(float(s["battery_group_calendar_loss2"][0])) == pytest.approx(0.02, rel=1e-9)
    age_battery(s, p, 3.0 * year)
    assert math.sqrt(float(s["battery_group_calendar_loss2"][0])) == pytest.approx(0.04, rel=1e-9)


def test_a_dead_tracker_leaves_the_battery_alone() -> None:
    s, p, u, w = records()
    s["array_control_health"] = 0.0
    step_array(s, p, u, 1.0)
    step_power(s, p, u, w, 0.1)
    assert s["array_power_w"] == 0.0
    assert float(s["battery_power_w"]) > 0.0
    assert RETRIGGER not in s["lcl_state"]


def test_terminals_show_open_circuit_when_no_group_may_act() -> None:
    s, p, u, w = records()
    s["battery_temperature_k"] = float(p["battery_charge_lowest_k"]) - 5.0  # too cold to charge
    s["battery_group_soc"] = 0.02
    s["battery_group_cut_off"] = 1  # and cut off: resumes only above the resume voltage
    p["battery_resume_v"] = 1e3
    prepare_battery(s, p, w, u)
    flowed = serve_battery(s, p, w, 0.0, 1.0)
    open_v = open_circuit_v(p, 0.02) * float(p["battery_series"])
    assert flowed == 0.0 and s["battery_current_a"] == 0.0
    assert s["battery_voltage_v"] == pytest.approx(open_v, rel=1e-9)
    assert w["battery_linked"] == 0
    s["battery_group_connected"] = 0.0
    prepare_battery(s, p, w, u)
    serve_battery(s, p, w, 0.0, 1.0)
    assert s["battery_voltage_v"] == 0.0
