"""What small satellites need of the plant: power modes, clock steps, unequal panels, trackers, cycles, slow cells."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bus.errors import ScenarioError
from faults.commands.look import cycle_warnings
from faults.scenarios.choose import load_named
from faults.scenarios.orders import check_order, give_orders
from faults.truth.flight import craft
from faults.truth.flight import fly as fly_truth
from node.designs.load import adopt, load_design, plain_text
from node.designs.plant import plant_parameters, plant_state
from node.plant.compute.compute import step_below
from node.plant.kernel.kernel import kernel
from node.plant.plant import Plant
from node.plant.power.battery import open_circuit_v
from node.plant.power.limiters import cycle_loads
from node.plant.power.tracker import voltage_of_share
from node.plant.setup import fill
from node.plant.state import layout
from tests.kits.plant_kit import bare, fly, setup
from tests.kits.truth_kernels import run_battery

Edit = Callable[[dict[str, Any]], None]
SOURCE = "assumption"
MODES = {
    "low": {"idle": ["2 W", SOURCE], "dynamic": ["1 W", SOURCE]},
    "full": {
        "idle": ["3 W", SOURCE], "dynamic": ["4 W", SOURCE], "memory": ["0.5 W", SOURCE], "throughput": [2, SOURCE]
    },
}  # fmt: skip


def variant(edit: Edit) -> str:
    """The name of a Pathfinder with something else in it."""
    root = copy.deepcopy(plain_text("pathfinder"))
    edit(root)
    return adopt(json.dumps(root), "variant.yaml")


def board(root: dict[str, Any]) -> None:
    """A small board with two power modes, whose leakage is nothing."""
    group = next(iter(root["accelerators"].values()))
    group["chip"] |= {
        "modes": MODES, "leakage": ["0 W", SOURCE], "memory": ["0.2 W", SOURCE], "cap_lowest": ["0.1 W", SOURCE],
        "cap_highest": ["20 W", SOURCE], "supply_efficiency": [0.8, SOURCE], "boot_time": ["1 s", SOURCE],
    }  # fmt: skip
    group["count"] = [1, SOURCE]


def flown(name: str, ticks: int = 5, **orders: Any) -> Plant:
    """After some ticks under orders."""
    subject = Plant(setup(name))
    for field, value in orders.items():
        subject.inputs[field] = value
    return fly(subject, ticks)


@pytest.mark.parametrize(
    ("mode", "load", "expected_w", "rate"),
    [
        (0, 0.0, 2.0 / 0.8, 0.0), (0, 1.0, 3.2 / 0.8, 1.0), (1, 1.0, 7.5 / 0.8, 2.0), (1, 0.5, 5.25 / 0.8, 1.0),
    ],
)  # fmt: skip
def test_a_mode_is_its_idle_and_dynamic_power(mode: int, load: float, expected_w: float, rate: float) -> None:
    """By hand: (idle + load (dynamic + memory)) / efficiency; work a second by the mode's throughput; 1e-9."""
    plant = flown(variant(board), accelerator_mode=mode, accelerator_utilisation=load)
    assert plant.state["accelerator_power_w"][0][0] == pytest.approx(expected_w, rel=1e-9)
    assert plant.state["accelerator_rate"][0][0] == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize(("given_w", "die_w", "memory_w"), [(5.0, 3.0, 0.2), (2.0, 1.5, 0.1), (0.0, 0.0, 0.0)])
def test_a_logs_power_stands_for_the_law(given_w: float, die_w: float, memory_w: float) -> None:
    """The law takes 4 W at the limiter, 3.2 W of them in die and memory. What a log says beyond that heats the board,
    what it says below takes from both; the books of heat close."""
    plant = Plant(setup(variant(board)))
    plant.params["accelerator_given"][0][0], plant.params["accelerator_given_w"][0][0] = 1, given_w
    fly(plant, 5)
    assert plant.state["accelerator_power_w"][0][0] == pytest.approx(given_w, rel=1e-12)
    assert abs(plant.read("thermal_residual_j")) < 1e-6
    assert abs(plant.read("power_balance_residual_w")) < 1e-9
    assert plant.work["die_w"][0][0] == pytest.approx(die_w, rel=1e-9)
    assert plant.work["memory_w"][0][0] == pytest.approx(memory_w, rel=1e-9)


def test_a_clock_with_steps_takes_the_highest_that_is_allowed() -> None:
    def edit(root: dict[str, Any]) -> None:
        board(root)
        next(iter(root["accelerators"].values()))["chip"]["clocks"] = [[0.25, 0.5, 0.8, 1], SOURCE]

    p = bare()[1]
    fill(p, plant_parameters(load_design(variant(edit))))
    below = kernel(lambda p, clock: step_below(p, 0, clock))
    assert [below(p, clock) for clock in (0.1, 0.25, 0.49, 0.5, 0.79, 0.95, 1.0)] == [
        0.25, 0.25, 0.25, 0.5, 0.5, 0.8, 1.0
    ]  # fmt: skip


def test_where_the_hardware_cuts_the_clock_is_a_figure_of_the_chip() -> None:
    """A die above its slowdown temperature runs at `slowdown_clock`: power by the chip's law, voltage at its floor."""

    def edit(root: dict[str, Any]) -> None:
        board(root)
        chip = next(iter(root["accelerators"].values()))["chip"]
        chip |= {"slowdown_clock": [0.3, SOURCE], "voltage_floor": [0.7, SOURCE], "voltage_slope": [1, SOURCE]}
        chip |= {"throttle_gain": ["0 1/s K", SOURCE], "hysteresis": ["30 K", SOURCE]}

    plant = Plant(setup(variant(edit)))
    fly(plant, 3)
    plant.state["accelerator_temperature_k"][0][0] = 90.5 + 273.15
    fly(plant, 1, first=3)
    assert plant.state["accelerator_clock_fraction"][0][0] == pytest.approx(0.3, rel=1e-12)
    expected_w = (2.0 + 1.0 * 0.3 * 0.7**2 + 0.2 * 0.3) / 0.8
    assert plant.state["accelerator_power_w"][0][0] == pytest.approx(expected_w, rel=1e-9)


def test_panels_give_by_their_share_and_where_they_look() -> None:
    """Three strings of 3 : 1 of the area, 60 degrees apart: power over that of the whole array facing the Sun is
    0.75 + 0.25 cos 60 = 0.875; 1e-6."""

    def edit(root: dict[str, Any]) -> None:
        root["array"] |= {"drive": None, "strings": 3}

    def panels(root: dict[str, Any]) -> None:
        edit(root)
        tilted = [math.sin(math.radians(60.0)), 0.0, math.cos(math.radians(60.0))]
        root["array"]["panels"] = [
            {"strings": 1, "share": [3, SOURCE], "normal": root["array"]["normal"]},
            {"strings": 2, "share": [1, SOURCE], "normal": tilted},
        ]

    whole, parts = flown(variant(edit)), flown(variant(panels))
    share = parts.read("array_available_w") / whole.read("array_available_w")
    assert share == pytest.approx(0.875, rel=2e-3)  # the array is a little cooler
    currents = parts.state["string_current_a"][0]
    assert currents[0] / currents[1] == pytest.approx(3.0 / (0.5 * 0.5), rel=1e-6)


def test_a_tracker_begins_late_has_a_limit_and_leaves_the_power_point() -> None:
    """No power for 5 s of light, then at most 50 W a string; a share of the power sits where scipy finds it; 1 mV."""
    optimize = pytest.importorskip("scipy.optimize")

    def edit(root: dict[str, Any]) -> None:
        root["array"]["tracker"] = {"start_up": ["5 s", SOURCE], "power_limit": ["50 W", SOURCE]}

    plant = Plant(setup(variant(edit)))
    given = []
    for tick in range(8):
        plant.step(tick, 1.0, {})
        given.append(plant.read("array_available_w"))
    assert given[:5] == [0.0] * 5
    strings = load_design("pathfinder").form.array.strings
    assert given[5] == pytest.approx(50.0 * strings, rel=1e-9)
    isc, voc, imp, vmp = 0.52, 2.7, 0.504, 2.41
    c2 = (vmp / voc - 1.0) / math.log(1.0 - imp / isc)
    c1 = (1.0 - imp / isc) * math.exp(-vmp / (c2 * voc))
    for share in (0.9, 0.5, 0.1):
        root = optimize.brentq(
            lambda v, share=share: v * isc * (1.0 - c1 * math.expm1(v / (c2 * voc))) - share * imp * vmp, vmp, voc
        )
        assert voltage_of_share(share, isc, voc, imp, vmp) == pytest.approx(root, abs=1e-6)


def test_loads_come_and_go() -> None:
    """3 s on in every 10 s from 4 s on: in 64 s the load is on for 6 x 3 s."""

    def edit(root: dict[str, Any]) -> None:
        root["lcls"]["aocs"] |= {
            "load": ["20 W", SOURCE],
            "cycle": {"every": ["10 s", SOURCE], "on": ["3 s", SOURCE], "first": ["4 s", SOURCE]},
        }

    design = load_design(variant(edit))
    place = design.lcls.index("aocs")
    plant = Plant(setup(design.name))
    energy_j = 0.0
    for tick in range(64):
        plant.step(tick, 1.0, {})
        energy_j += float(plant.state["lcl_power_w"][0][place])
        on = tick >= 4 and (tick - 4) % 10 < 3
        assert (plant.state["lcl_power_w"][0][place] > 0.0) == on, tick
    assert energy_j == pytest.approx(6 * 3 * 20.0, rel=1e-9)
    w = bare()[3]
    for tick in range(2000):  # tenths of a second: no tick is lost to rounding
        cycle_loads(plant.params[0], w, tick * 0.1)
        assert (w["lcl_rests"][place] == 0) == (tick >= 40 and (tick - 40) % 100 < 30), tick


def test_a_second_polarisation_follows_its_own_exponential() -> None:
    """A power for five minutes from rest, hardly changing the current: I R2 (1 - e^(-t/T2)) beside I R1; the terminal
    voltage is the open-circuit voltage less I R0 and both; 2 %."""

    def edit(root: dict[str, Any]) -> None:
        root["battery"]["cell"] |= {
            "slow_polarisation_resistance": ["30 mohm", SOURCE], "slow_polarisation_time": ["600 s", SOURCE]
        }  # fmt: skip

    shape, design = layout("full"), load_design(variant(edit))
    state, param, order, work = (np.zeros(1, t) for t in (shape.state, shape.param, shape.order, shape.work))
    fill(param[0], plant_parameters(design))
    fill(state[0], plant_state(design))
    state["battery_temperature_k"], order["battery_charge_enable"] = param["battery_reference_k"], 1
    out = np.zeros((3000, 4))
    run_battery(state, param, order, work, np.full(3000, 100.0), 0.1, out)
    s, p = state[0], param[0]
    amps = float(s["battery_group_current_a"][0])
    slow, fast = (float(s[f"battery_group_{kind}polarisation_v"][0]) for kind in ("slow_", ""))
    assert slow == pytest.approx(amps * p["battery_slow_polarisation_ohm"] * -math.expm1(-300.0 / 600.0), rel=0.02)
    assert fast == pytest.approx(amps * p["battery_polarisation_ohm"], rel=0.01)
    open_v = open_circuit_v(p, float(s["battery_group_soc"][0])) * p["battery_series"]
    assert s["battery_voltage_v"] == pytest.approx(open_v - amps * p["battery_resistance_ohm"] - slow - fast, abs=0.01)
    heat = 2.0 * (amps**2 * p["battery_resistance_ohm"] + fast * amps + slow**2 / p["battery_slow_polarisation_ohm"])
    entropic = 2.0 * amps * s["battery_temperature_k"] * p["battery_entropic_v_k"] * p["battery_series"]
    assert out[-1, 3] == pytest.approx(heat - entropic, rel=0.01)


def test_pairs_of_charge_and_voltage_are_joined_by_straight_lines() -> None:
    pairs = [[0, 3.0], [0.03, 3.3], [0.5, 3.7], ["97 %", 4.0], [1, 4.2]]

    def edit(root: dict[str, Any]) -> None:
        root["battery"]["cell"]["open_circuit_voltage"] = [pairs, "V", SOURCE]

    p = bare()[1]
    fill(p, plant_parameters(load_design(variant(edit))))
    charges = np.linspace(0.0, 1.0, 201)
    expected = np.interp(charges, [0.0, 0.03, 0.5, 0.97, 1.0], [3.0, 3.3, 3.7, 4.0, 4.2])
    assert [open_circuit_v(p, charge) for charge in charges] == pytest.approx(expected, abs=1e-12)


JOB = """
skyrack: 1
name: jobs
epoch: 2026-08-12T00:00:00Z
duration: 60 s
tick: 1 s
seed: 5
environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - id: one
    design: DESIGN
    orbit: {sso: {altitude: 600 km, ltan: "12:00", argument_of_latitude: 80 deg}}
    jobs: [{kind: batch, work: 10 s, start: 20 s, restart_cost: 0 s, mode: full, load: 50 %}]
stations: [svalbard]
"""


def test_a_job_has_its_mode_and_its_load(tmp_path: Path) -> None:
    """Before and after it the board idles in the mode of the design, 2 W / 0.8; while it runs it takes (3 + 0.5 x 4.5)
    W / 0.8."""
    root = copy.deepcopy(plain_text("pathfinder"))
    board(root)
    (tmp_path / "mine.yaml").write_text(json.dumps(root))
    path = tmp_path / "jobs.yaml"
    path.write_text(JOB.replace("DESIGN", "./mine.yaml"))
    one = craft(load_named(str(path)).scenario, "one")
    powers: list[float] = []
    fly_truth([one], 60, 1.0, lambda tick: powers.append(one.plant.read("accelerator_power_w[gpu]")))
    assert powers[15] == pytest.approx(2.0 / 0.8, rel=1e-9)
    assert max(powers) == pytest.approx(5.25 / 0.8, rel=1e-9)
    assert powers[-1] == pytest.approx(2.0 / 0.8, rel=1e-9)
    for wrong, says in (("mode: full", "mode: fast"), ("load: 50 %", "load: 0 %")):
        path.write_text(JOB.replace("DESIGN", "./mine.yaml").replace(wrong, says))
        with pytest.raises(ScenarioError) as error:
            load_named(str(path))
        assert error.value.mistakes[0].line == 13


def test_a_cycle_within_a_tick_is_a_warning() -> None:
    def told(every: str, on: str) -> list[str]:
        cycle = {"every": [every, SOURCE], "on": [on, SOURCE]}
        name = variant(lambda root: root["lcls"]["aocs"].update(cycle=cycle))
        scenario = load_named("quick").scenario
        one = scenario.spacecraft[0].model_copy(update={"design": name})
        return cycle_warnings(scenario.model_copy(update={"spacecraft": (one,), "tick_ns": 2 * 10**9}))

    assert not told("10 s", "2 s")
    assert not told("1 s", "1 s")  # always on
    for every, on in (("10 s", "1 s"), ("10 s", "9 s"), ("1 ms", "0.5 ms")):
        (line,) = told(every, on)
        assert "cycle of aocs" in line and "tick of 2 s" in line


def test_a_mode_is_ordered_by_its_name() -> None:
    design = variant(board)
    check_order(design, "accelerator_mode[gpu]", "full")
    with pytest.raises(ScenarioError, match="low \\(0\\), full \\(1\\)"):
        check_order(design, "accelerator_mode", "fast")
    inputs = Plant(setup(design)).inputs
    give_orders(inputs, design, {"accelerator_mode": "full"})
    assert inputs["accelerator_mode"][0][0] == 1


def _array(**more: Any) -> Edit:
    return lambda root: root["array"].update(more)


def _cell(**more: Any) -> Edit:
    return lambda root: root["battery"]["cell"].update(more)


def _chip(**more: Any) -> Edit:
    return lambda root: root["accelerators"]["gpu"]["chip"].update(more)


def _cycle(root: dict[str, Any]) -> None:
    root["lcls"]["aocs"]["cycle"] = {"every": ["1 s", SOURCE], "on": ["2 s", SOURCE]}


@pytest.mark.parametrize(
    ("edit", "field", "says"),
    [
        (_array(panels=[{"strings": 3, "share": [1, SOURCE], "normal": "+z"}]), "array", "20 in all"),
        (_array(control="s3r", tracker={"start_up": ["1 s", SOURCE]}), "array", "mppt"),
        (_cycle, "cycle", "every"),
        (lambda root: root["accelerators"]["gpu"].update(mode="low"), "gpu", "no modes"),
        (_cell(slow_polarisation_time=["9 s", SOURCE]), "cell", "both or neither"),
        (_cell(open_circuit_voltage=[[[0, 3], [0.5, 2]], "V", SOURCE]), "voltage", "0 to 1"),
        (_cell(open_circuit_voltage=[[[0, 3], [1, 2]], "V", SOURCE]), "cell", "rise"),
        (_cell(open_circuit_voltage=[[[0, 0], [1, 4]], "V", SOURCE]), "cell", "above 0 V"),
        (_chip(clocks=[[0.5, 0.4, 1], SOURCE]), "clocks", "rise to 1"),
        (_chip(modes={f"m{place}": MODES["low"] for place in range(9)}), "modes", "at most 8"),
    ],
)
def test_what_a_small_satellite_cannot_be_is_refused(edit: Edit, field: str, says: str) -> None:
    with pytest.raises(ScenarioError) as error:
        variant(edit)
    mistake = error.value.mistakes[0]
    assert field in mistake.field
    assert says in mistake.allowed
