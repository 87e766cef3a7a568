"""The thermal network and the coolant loop: closed forms, published radiators, conservation, the second law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.designs.elimination import minimum_degree
from node.designs.load import load_design
from node.designs.network import network_parameters, network_state
from node.plant.setup import fill
from node.plant.thermal.loop import assemble_loop, pump_flow, step_loop
from node.plant.thermal.thermal import advance, assemble, light_faces, look_out, solve, step_heaters
from tests.kits.plant_kit import bare, fly, plant

SIGMA = 5.670374419e-8


def network(
    capacities: list[float], links: list[tuple[int, int, int, float]] | None = None
) -> tuple[Any, Any, Any, Any]:
    """Nodes and conductors (a, b, kind, value) with nothing outside."""
    links = links or []
    s, p, u, w = bare()
    order = minimum_degree(len(capacities), [(a, b) for a, b, _, _ in links])
    fill(
        p,
        {
            "node_count": len(capacities),
            "node_capacity_j_k": capacities,
            "conductor_count": len(links),
            "conductor_a": [a for a, _, _, _ in links],
            "conductor_b": [b for _, b, _, _ in links],
            "conductor_kind": [kind for _, _, kind, _ in links],
            "conductor_value": [value for _, _, _, value in links],
            "conductor_limit_w": [1e9] * len(links),
            "stefan_boltzmann_w_m2_k4": SIGMA,
            "space_k": 2.7,
            **order.fields(),
        },
    )
    s["conductor_health"] = s["face_health"] = s["radiator_health"] = 1.0
    s["earth_radius_ratio"] = 6378.137 / 7028.137
    return s, p, u, w


def step(s: Any, p: Any, w: Any, dt_s: float) -> None:
    """One thermal step without coolant and chips."""
    assemble(s, p, w, dt_s)
    solve(p, w)
    advance(s, p, w, dt_s)


def plate(*faces: tuple[str, float, float, float]) -> tuple[Any, Any, Any, Any]:
    """One node with faces (direction "sun" or "away", area, absorptivity, emissivity) in full sun, no Earth."""
    s, p, u, w = network([1000.0])
    p["face_count"] = len(faces)
    p["direction_count"] = 1
    p["direction_normal"][:3] = (0.0, 0.0, 1.0)
    p["face_radiator"] = -1
    for i, (side, area, alpha, epsilon) in enumerate(faces):
        p["face_sign"][i] = 1.0 if side == "sun" else -1.0
        p["face_area_m2"][i], p["face_absorptivity"][i], p["face_emissivity"][i] = area, alpha, epsilon
    s["sun_direction_body"] = (0.0, 0.0, 1.0)
    s["nadir_direction_body"] = (1.0, 0.0, 0.0)
    s["solar_flux_w_m2"], s["illumination_fraction"] = 1361.0, 1.0
    s["thermal_temperature_k"] = 300.0
    return s, p, u, w


def settle(s: Any, p: Any, w: Any) -> float:
    """The steady temperature of node 0, by steps of a month: any step is stable."""
    for _ in range(200):
        step(s, p, w, 3e6)
    return float(s["thermal_temperature_k"][0])


def test_radiative_cooling() -> None:
    # closed form: T = (T0^-3 + 3 sigma eA t / C)^(-1/3): 50 kJ/K, 0.9 m2, 300 K, 3600 s give 275.05 K
    s, p, _, w = network([50e3])
    p["space_k"] = 0.0
    s["thermal_temperature_k"][0] = 300.0
    w["node_emitting_m2"][0] = 0.9
    for _ in range(36000):
        step(s, p, w, 0.1)
    exact = (300.0**-3 + 3.0 * SIGMA * 0.9 * 3600.0 / 50e3) ** (-1.0 / 3.0)
    assert exact == pytest.approx(275.05, abs=0.01)
    assert float(s["thermal_temperature_k"][0]) == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize(
    ("faces", "kelvin"),
    [
        ([("sun", 1.0, 1.0, 1.0), ("away", 3.0, 1.0, 1.0)], 278.3),  # a sphere: four times the cross-section emits
        ([("sun", 1.0, 1.0, 1.0)], 393.6),  # a plate insulated behind
        ([("sun", 1.0, 1.0, 1.0), ("away", 1.0, 1.0, 1.0)], 331.0),  # a plate that radiates from both faces
    ],
)
def test_spheres_and_plates(faces: list[tuple[str, float, float, float]], kelvin: float) -> None:
    s, p, _, w = plate(*faces)
    look_out(s, p)
    light_faces(s, p, w)
    assert settle(s, p, w) == pytest.approx(kelvin, abs=0.1)


def test_starcloud_radiator() -> None:
    # white paper: 770 W/m2 emitted by two faces at 20 degC, 137 absorbed, 633 net (emissivity 0.92 reproduces it)
    s, p, _, w = network([1000.0])
    s["thermal_temperature_k"][0] = 293.15
    w["node_emitting_m2"][0] = 2.0 * 0.92
    assemble(s, p, w, 1.0)
    assert float(w["to_space_w"]) == pytest.approx(770.5, abs=1.0)
    assert float(w["to_space_w"]) - 137.0 == pytest.approx(633.5, abs=1.0)


def test_ai1_radiator() -> None:
    # SpaceX draft: 1,400 W/m2 from 110 m2, both faces; 154 kW at emissivity 0.9 with 150 W/m2 absorbed: 77.9 degC
    s, p, _, w = network([1e5])
    s["thermal_temperature_k"][0] = 300.0
    w["node_emitting_m2"][0] = 110.0 * 2.0 * 0.9
    w["node_heat_w"][0] = 154e3 + 110.0 * 150.0
    assert settle(s, p, w) - 273.15 == pytest.approx(77.9, abs=0.5)


def test_earth_on_a_plate_at_650_km() -> None:
    # view factors 0.824 (nadir face) and 0.241 (vertical plate, each face)
    s, p, _, w = plate(("sun", 1.0, 1.0, 1.0), ("away", 1.0, 1.0, 1.0))
    s["illumination_fraction"], s["earth_ir_w_m2"] = 0.0, 237.0
    look_out(s, p)
    light_faces(s, p, w)
    assert float(s["thermal_absorbed_w"]) / 237.0 == pytest.approx(2 * 0.241, abs=0.002)
    s["nadir_direction_body"] = (0.0, 0.0, 1.0)
    look_out(s, p)
    light_faces(s, p, w)
    assert float(s["thermal_absorbed_w"]) / 237.0 == pytest.approx(0.824, abs=0.002)


def random_network(seed: int, count: int) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    links = [
        (i, int(rng.integers(i)), int(rng.integers(2)), float(10.0 ** rng.uniform(-3, 2))) for i in range(1, count)
    ]
    links += [
        (int(rng.integers(count)), int(rng.integers(count)), 0, float(rng.uniform(0, 5))) for _ in range(count // 2)
    ]
    links = [link for link in links if link[0] != link[1]]
    s, p, u, w = network([float(10.0 ** rng.uniform(1, 5)) for _ in range(count)], links)
    s["thermal_temperature_k"][:count] = rng.uniform(3.0, 500.0, count)
    return s, p, u, w


@given(seed=st.integers(0, 10**6), count=st.integers(2, 24), dt_s=st.sampled_from((0.1, 1.0, 100.0, 1e6)))
@settings(max_examples=120)
def test_heat_flows_downhill_and_is_conserved(seed: int, count: int, dt_s: float) -> None:
    s, p, _, w = random_network(seed, count)
    capacities = np.array(p["node_capacity_j_k"][:count])
    for _ in range(5):
        before = np.array(s["thermal_temperature_k"][:count])
        step(s, p, w, dt_s)
        after = np.array(s["thermal_temperature_k"][:count])
        assert np.all(np.isfinite(after))
        assert np.all(after > 0.0)
        energy = float(np.dot(capacities, before))
        assert float(np.dot(capacities, after)) == pytest.approx(energy, rel=1e-9)
        assert after.max() <= before.max() * (1.0 + 1e-9)
        assert after.min() >= before.min() * (1.0 - 1e-9)


def test_implicit_and_explicit_agree_at_small_steps() -> None:
    s, p, _, w = random_network(7, 8)
    p["node_capacity_j_k"] = np.maximum(p["node_capacity_j_k"], 2000.0)
    count = 8
    w["node_heat_w"][:count] = np.linspace(0.0, 300.0, count)
    w["node_emitting_m2"][:count] = 0.3
    kelvin = np.array(s["thermal_temperature_k"][:count])
    dt_s = 1e-4
    for _ in range(3000):
        flow = np.array(w["node_heat_w"][:count]) - SIGMA * 0.3 * (kelvin**4 - 2.7**4)
        for c in range(int(p["conductor_count"])):
            a, b, value = int(p["conductor_a"][c]), int(p["conductor_b"][c]), float(p["conductor_value"][c])
            q = (
                value * (kelvin[a] - kelvin[b])
                if p["conductor_kind"][c] == 0
                else SIGMA * value * (kelvin[a] ** 4 - kelvin[b] ** 4)
            )
            flow[a] -= q
            flow[b] += q
        kelvin = kelvin + dt_s * flow / np.array(p["node_capacity_j_k"][:count])
        step(s, p, w, dt_s)
    assert np.array(s["thermal_temperature_k"][:count]) == pytest.approx(kelvin, abs=1e-4)


def test_heat_pipes_dry_out() -> None:
    s, p, _, w = network([1e9, 1e9], [(0, 1, 2, 100.0)])
    p["conductor_limit_w"][0] = 500.0
    s["thermal_temperature_k"][:2] = (330.0, 300.0)
    step(s, p, w, 1.0)
    assert float(w["stored_j"]) == pytest.approx(0.0, abs=1e-6)
    assert (330.0 - float(s["thermal_temperature_k"][0])) * 1e9 == pytest.approx(500.0, rel=1e-3)
    s["conductor_health"][0] = 0.0
    s["thermal_temperature_k"][:2] = (330.0, 300.0)
    step(s, p, w, 1.0)
    assert float(s["thermal_temperature_k"][0]) == 330.0


def test_thermostats_have_hysteresis() -> None:
    s, p, u, w = network([1000.0])
    fill(p, {"heater_count": 1, "heater_w": [50.0], "heater_on_k": [278.15], "heater_off_k": [283.15]})
    s["heater_health"][0] = 1.0
    u["heater_command"] = 2
    seen = []
    for kelvin in (290.0, 280.0, 278.0, 280.0, 283.0, 284.0, 280.0):
        s["thermal_temperature_k"][0] = kelvin
        w["lcl_demand_w"] = 0.0
        step_heaters(s, p, u, w)
        seen.append(int(s["heater_state"][0]))
    assert seen == [0, 0, 1, 1, 1, 0, 0]
    s["heater_stuck_on"][0] = 1.0
    step_heaters(s, p, u, w)
    assert s["heater_state"][0] == 1
    s["heater_health"][0] = 0.0
    w["lcl_demand_w"] = 0.0
    step_heaters(s, p, u, w)
    assert w["lcl_demand_w"][0] == 0.0


def test_coating_and_punctured_panels() -> None:
    subject = plant("formation")
    fly(subject, 30)
    fresh = subject.read("thermal_absorbed_w")
    subject.state["coating_age_fraction"] = 1.0
    fly(subject, 1, 30)
    assert subject.read("thermal_absorbed_w") > fresh
    heat = subject.read("radiator_heat_w")
    subject.state["radiator_health"][0][0] = 0.0
    fly(subject, 1, 31)
    assert subject.read("radiator_heat_w") == pytest.approx(0.75 * heat, rel=0.05)


@pytest.mark.parametrize("design", ["pathfinder", "formation", "ai1-june", "sc3", "fleet"])
def test_energy_is_audited_every_step(design: str) -> None:
    subject = plant(design)
    for tick in range(300):
        subject.step(tick, 1.0, {})
        size = abs(subject.read("thermal_emitted_w")) + subject.read("load_power_w")
        single = 1e-6 if design == "fleet" else 1e-9  # a fleet keeps the residual in single precision
        assert abs(subject.read("thermal_residual_j")) <= single * size
        assert abs(subject.read("power_balance_residual_w")) <= single * max(1.0, subject.read("load_power_w"))


def loop_records(design: str = "ai1-june") -> tuple[Any, Any, Any, Any]:
    s, p, u, w = bare()
    fill(p, network_parameters(load_design(design)))
    fill(s, network_state(load_design(design)))
    p["bus_voltage_v"] = 400.0
    s["main_bus_voltage_v"] = 400.0
    s["lcl_state"] = 1
    u["pump_speed_command_fraction"], u["valve_command_fraction"] = 1.0, 1.0
    return s, p, u, w


def test_the_pump_meets_its_working_point_and_follows_its_speed() -> None:
    _, p, _, _ = loop_records()
    nominal = float(p["pump_flow_kg_s"])
    assert pump_flow(p, 1.0, 1.0, 1.0) == pytest.approx(nominal, rel=1e-6)
    assert pump_flow(p, 0.5, 1.0, 1.0) == pytest.approx(
        0.5 * nominal, rel=0.08
    )  # Q^1.75 lines: not quite in proportion
    assert pump_flow(p, 1.0, 1.0, 4.0) < 0.75 * nominal
    assert pump_flow(p, 0.0, 1.0, 1.0) == 0.0
    assert pump_flow(p, 1.0, 0.0, 1.0) == 0.0


def test_water_glycol_flow_for_132_kw() -> None:
    # Reference: 132 kW needs about 1.8 kg/s of water-glycol at a rise of 20 K
    _, p, _, _ = loop_records()
    assert 132e3 / (float(p["coolant_heat_j_kg_k"]) * 20.0) == pytest.approx(1.8, rel=0.05)


def test_coolant_carries_heat_with_delay_and_without_loss() -> None:
    s, p, u, w = loop_records()
    count, first = int(p["node_count"]), int(p["loop_first"])
    cells = 2 * int(p["loop_cells"])
    p["exchanger_w_k"] = 0.0
    p["conductor_count"] = 0
    s["thermal_temperature_k"][:count] = 300.0
    s["thermal_temperature_k"][first] = 320.0
    energy = float(np.dot(p["node_capacity_j_k"][:count], s["thermal_temperature_k"][:count]))
    arrival = []
    for _ in range(600):
        step_loop(s, p, u, w, 0.1)
        assemble(s, p, w, 0.1)
        assemble_loop(s, p, w)
        solve(p, w)
        advance(s, p, w, 0.1)
        arrival.append(float(s["thermal_temperature_k"][first + cells - 1]))
    now = float(np.dot(p["node_capacity_j_k"][:count], s["thermal_temperature_k"][:count]))
    assert now == pytest.approx(energy, rel=1e-12)
    per_cell_s = float(p["node_capacity_j_k"][first]) / float(w["coolant_w_k"])
    peak_s = 0.1 * int(np.argmax(arrival))
    assert peak_s == pytest.approx((cells - 1) * per_cell_s, rel=0.1)  # the mode of a cascade of stirred cells


def test_exchangers_follow_their_effectiveness() -> None:
    s, p, u, w = loop_records()
    step_loop(s, p, u, w, 0.1)
    rate = float(w["coolant_w_k"]) * float(p["exchanger_share"][0])
    expected = rate * (1.0 - math.exp(-float(p["exchanger_w_k"][0]) / rate))
    assert float(w["exchange_w_k"][0]) == pytest.approx(expected, rel=1e-12)


def test_a_leak_empties_the_accumulator_then_the_pump_cavitates() -> None:
    s, p, u, w = loop_records()
    s["coolant_leak_kg_s"] = 0.05
    flows = []
    for _ in range(400):
        step_loop(s, p, u, w, 1.0)
        flows.append((float(s["accumulator_fraction"]), float(s["coolant_flow_kg_s"])))
    full = [flow for fraction, flow in flows if fraction > 0.0]
    assert min(full) > 0.99 * max(full)
    assert flows[-1][0] == 0.0
    assert flows[-1][1] == 0.0


def test_frozen_and_stuck() -> None:
    s, p, u, w = loop_records()
    s["thermal_temperature_k"][int(p["loop_first"]) + 1] = float(p["coolant_freezing_k"]) - 1.0
    step_loop(s, p, u, w, 1.0)
    assert s["coolant_flow_kg_s"] == 0.0
    s["valve_health"] = 0.0
    u["valve_command_fraction"] = 0.0
    before = float(s["valve_fraction"])
    step_loop(s, p, u, w, 100.0)
    assert float(s["valve_fraction"]) == before


def test_pump_b_takes_over() -> None:
    s, p, u, w = loop_records()
    s["pump_health"] = 0.0
    for _ in range(60):
        step_loop(s, p, u, w, 1.0)
    assert s["coolant_flow_kg_s"] == 0.0
    u["pump_select"] = 1
    for _ in range(60):
        step_loop(s, p, u, w, 1.0)
    assert float(s["coolant_flow_kg_s"]) == pytest.approx(float(p["pump_flow_kg_s"]), rel=0.01)


def test_two_phase_boiling_ends_in_dry_out() -> None:
    s, p, u, w = loop_records("sc3")
    s["coolant_quality"] = 0.5
    step_loop(s, p, u, w, 1.0)
    wet = float(w["phase_w_k"][0])
    s["coolant_quality"] = 0.95
    step_loop(s, p, u, w, 1.0)
    assert float(w["phase_w_k"][0]) < 0.35 * wet


def test_two_phase_pump_needs_subcooling() -> None:
    s, p, u, w = loop_records("sc3")
    first = int(p["loop_first"])
    s["thermal_temperature_k"][first] = float(p["coolant_set_k"]) - 10.0
    for _ in range(30):
        step_loop(s, p, u, w, 1.0)
    assert float(s["coolant_flow_kg_s"]) == pytest.approx(0.40, rel=0.01)
    s["thermal_temperature_k"][first] = float(p["coolant_set_k"]) - 1.0
    step_loop(s, p, u, w, 1.0)
    assert float(s["coolant_flow_kg_s"]) < 0.30


def test_pump_dead_at_full_load_ends_in_throttle_and_shutdown() -> None:
    # a die without flow heats by about 2 K/s; plates and coolant by 0.4 K/s: throttle, then shutdown in seconds
    subject = plant("ai1-june", initial={"battery_soc": 0.9})
    fly(subject, 400)
    subject.state["pump_health"] = 0.0
    history = []
    for tick in range(400, 700):
        subject.step(tick, 1.0, {})
        die, clock = (
            subject.read("accelerator_temperature_k[tray_5]"),
            subject.read("accelerator_clock_fraction[tray_5]"),
        )
        history.append((die, clock))
    limit = 92.0 + 273.15
    throttled = next(k for k, (_, clock) in enumerate(history) if clock <= 0.5)
    stopped = next(k for k, (_, clock) in enumerate(history) if clock == 0.0)
    assert throttled < stopped < 200
    assert max(kelvin for kelvin, _ in history) < limit + 1.0
    assert subject.read("payload_power_w") == 0.0


def test_a_die_at_full_load_is_as_warm_as_its_resistances_say() -> None:
    """Supply, the plate's rise over it Q / (m cp (1 - exp(-UA / m cp))), then the die's own power over its resistance.

    ai1-june: 14.4 kW a tray into 0.1022 of 4 kg/s of 3.6 kJ/kg K over 3,500 W/K are 10.8 K, 1,470 W over 0.016 K/W are
    23.5 K. So dies at rated power are at their throttle (87 degC) from 52.7 degC of supply, at shutdown from 57.7.
    """
    subject = plant("ai1-june", initial={"battery_soc": 0.9})
    fly(subject, 500)  # half a kelvin below the throttle, and warming up by 0.01 K/s
    chips = 8.0
    drawn_w = subject.read("accelerator_power_w[tray_5]") / chips * 0.93
    clock = subject.read("accelerator_clock_fraction[tray_5]")
    assert drawn_w == pytest.approx(1800.0, rel=1e-3)  # the cap of the part
    flow_w_k = subject.read("coolant_flow_kg_s") * 3600.0 * 0.102222222
    plate_k = chips * drawn_w / (flow_w_k * (1.0 - math.exp(-3500.0 / flow_w_k)))
    die_k = (drawn_w - 330.0 * clock) * 0.016
    assert (plate_k, die_k) == (pytest.approx(10.8, abs=0.1), pytest.approx(23.8, abs=0.2))
    rise_k = subject.read("accelerator_temperature_k[tray_5]") - subject.read("coolant_supply_temperature_k")
    assert rise_k == pytest.approx(plate_k + die_k, abs=0.5)
