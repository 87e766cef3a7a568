"""A whole spacecraft's truth: its books, its edges, its steps, and that flights can be cut, saved and copied."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.plant.plant import Plant
from tests.kits.plant_kit import fly, plant
from tests.kits.truth_kernels import fly_inside
from tests.kits.truth_kit import at_beta, broken_fields, scramble, watch

ROOT = Path(__file__).resolve().parents[2]
FULL = ("pathfinder", "formation", "ai1-june", "ai1-august", "sc3", "sunrise", "lowinc")
KINDS = ("pathfinder", "formation", "ai1-june", "sc3")
"""A battery on the bus, heat pipes, a pumped loop, a boiling loop."""


def alone(subject: Plant, first: int, ticks: int, tick_s: float = 1.0) -> None:
    """What is inside a spacecraft, under the surroundings that its state holds now."""
    fly_inside(subject.state, subject.params, subject.flight, subject.inputs, subject.work, first, ticks, tick_s, 10)


def dark(subject: Plant) -> None:
    """Nothing outside but a sky of 2.7 K."""
    for name in ("illumination_fraction", "solar_flux_w_m2", "earth_ir_w_m2", "albedo_factor"):
        subject.state[name] = 0.0


def nodes_k(subject: Plant) -> Any:
    """Temperatures of the nodes there are."""
    return subject.state["thermal_temperature_k"][0, : int(subject.params["node_count"][0])]


# the books


@pytest.mark.parametrize("design", FULL)
def test_books_close_in_every_step_of_an_orbit(design: str) -> None:
    """Power balance 1e-9 of the load; heat 1e-9 of what flows. Sunlight, eclipse, throttles and limiters included."""
    subject = plant(design, raan_deg=90.0)
    fields = ("power_balance_residual_w", "thermal_residual_j", "load_power_w", "thermal_emitted_w", "array_power_w",
              "array_available_w", "illumination_fraction")  # fmt: skip
    power, heat, load, emitted, drawn, available, light = watch(subject, 6000, fields).T
    assert np.all(np.abs(power) <= 1e-9 * np.maximum(1.0, load))
    assert np.all(np.abs(heat) <= 1e-9 * (load + emitted))
    assert np.all(drawn <= available * (1.0 + 1e-12))
    assert light.min() == 0.0
    assert light.max() == 1.0


@pytest.mark.parametrize("design", KINDS)
def test_every_watt_of_the_bus_is_heat_or_radio(design: str) -> None:
    """Heat made inside = terminals of the battery + heat of its cells - radio, in every step: no watt appears twice.

    (What the array gives is taken from its node's heat, so it cancels.) 1e-6 of the load.
    """
    subject = plant(design, raan_deg=90.0)
    subject.inputs["transmitter_on"] = 1
    s, p, w = subject.state[0], subject.params[0], subject.work[0]
    groups = slice(0, int(p["battery_count"]))
    worst = 0.0
    for tick in range(0, 5400):
        if tick == 2000:
            s["device_latched_w"][int(p["radiation_device_count"]) - 1] = 100.0
            s["main_bus_short_w"] = 50.0
            s["heater_stuck_on"] = 1.0
        subject.step(tick, 1.0, {})
        if tick % 7:
            continue
        radio = float(w["lcl_served"][p["transmitter_lcl"]] * p["transmitter_radiated_w"])
        amps, polarised = s["battery_group_current_a"][groups], s["battery_group_polarisation_v"][groups]
        heat = amps**2 * w["group_ohm"][groups] + polarised**2 / p["battery_polarisation_ohm"]
        # (the kernel took the cells' temperature before the step: hence not 1e-9)
        heat = heat - amps * s["battery_temperature_k"] * p["battery_entropic_v_k"] * p["battery_series"]
        inside = float(s["battery_power_w"]) + float(heat.sum()) - radio
        worst = max(worst, abs(float(w["internal_w"]) - inside) / (float(s["load_power_w"]) + 1.0))
    assert worst < 1e-6


# the edges


@pytest.mark.parametrize("beta_deg", [0.0, 60.0, 75.0, 90.0])
@pytest.mark.parametrize("design", KINDS)
def test_from_no_eclipse_to_the_longest(design: str, beta_deg: float) -> None:
    """Beta 0 and 90 and between: eclipses as geometry says, nothing breaks, equipment between 150 K and 420 K."""
    subject = at_beta(design, beta_deg)
    rows = watch(subject, 590, ("illumination_fraction", "battery_soc", "beta_rad", "load_power_w"), tick_s=10.0)
    light, soc, beta, load = rows.T
    assert math.degrees(abs(beta[0])) == pytest.approx(beta_deg, abs=0.6)
    minutes = float((1.0 - light).sum()) * 10.0 / 60.0 * 97.73 / (590 / 6.0)
    expected = {0.0: 35.38, 60.0: 17.9, 75.0: 0.0, 90.0: 0.0}[beta_deg]
    assert minutes == pytest.approx(expected, abs=1.2)
    assert not broken_fields(subject.state[0])
    assert np.all((soc >= 0.0) & (soc <= 1.0))
    assert load.min() > 0.0
    assert nodes_k(subject).min() > 150.0
    assert nodes_k(subject).max() < 420.0


@pytest.mark.parametrize("design", KINDS)
def test_everything_off_under_an_empty_sky(design: str) -> None:
    """No sun, no Earth, no power: heat only leaves, no node falls below the sky or rises above the warmest; second law.

    (Plates that only coolant reaches stay warm while it stands still.)
    """
    subject = plant(design, initial={"battery_soc": 0.0})
    subject.state["battery_group_connected"] = 0.0
    subject.state["battery_group_runaway_j"] = 0.0
    subject.inputs["accelerator_enable"] = 0
    dark(subject)
    warmest, mean = nodes_k(subject).max(), []
    capacity = subject.params["node_capacity_j_k"][0, : len(nodes_k(subject))]
    for hour in range(24):
        alone(subject, hour * 360, 360, 10.0)
        assert nodes_k(subject).max() <= warmest + 1e-9
        assert nodes_k(subject).min() > 2.7
        warmest = nodes_k(subject).max()
        mean.append(float(capacity @ nodes_k(subject)))
    assert np.all(np.diff(mean) < 0.0)
    assert subject.read("load_power_w") == pytest.approx(0.0, abs=1e-9)
    assert capacity @ nodes_k(subject) < 265.0 * capacity.sum()
    assert not broken_fields(subject.state[0])


@pytest.mark.parametrize("design", KINDS)
def test_empty_battery_in_eclipse_is_a_dead_bus_and_the_sun_brings_it_back(design: str) -> None:
    """Brown-out, under-voltage, darkness for an hour; then light: essential loads run again, the battery charges."""
    subject = plant(design, initial={"battery_soc": 0.02})
    lit = {name: float(subject.state[name][0]) for name in ("solar_flux_w_m2", "earth_ir_w_m2", "albedo_factor")}
    dark(subject)
    alone(subject, 0, 3600)
    assert subject.read("main_bus_voltage_v") < float(subject.params["bus_undervoltage_v"][0])
    assert subject.read("undervoltage_count") >= 1.0
    assert subject.read("payload_power_w") == 0.0
    assert 0.0 <= subject.read("battery_soc") < 0.02
    assert not broken_fields(subject.state[0])
    low = subject.read("battery_soc")
    for name, value in lit.items():
        subject.state[name] = value
    subject.state["illumination_fraction"] = 1.0
    subject.state["sun_direction_body"] = subject.params["array_normal"]
    alone(subject, 3600, 3600)
    assert subject.read("power_served_fraction") == 1.0
    assert subject.read("main_bus_voltage_v") > float(subject.params["bus_undervoltage_v"][0])
    assert subject.read("battery_soc") > low or subject.read("battery_charge_inhibited") == 1.0  # too cold by now
    assert not broken_fields(subject.state[0])


@pytest.mark.parametrize("design", KINDS)
def test_full_battery_in_full_sun_takes_no_more(design: str) -> None:
    subject = at_beta(design, 90.0, initial={"battery_soc": 1.0})
    subject.inputs["accelerator_enable"] = 0
    soc, current, volts = watch(subject, 600, ("battery_soc", "battery_current_a", "battery_voltage_v")).T
    assert np.all(soc <= 1.0)
    assert current.min() > -1e-6 * float(subject.params["battery_charge_c"][0])
    assert np.all(volts <= 4.19 * float(subject.params["battery_series"][0]) * 1.0001)


@pytest.mark.parametrize("design", KINDS)
def test_all_strings_open(design: str) -> None:
    """The battery carries the bus until it is empty, and gives no more than it held."""
    subject = plant(design)
    subject.state["string_health"] = 0.0
    fields = ("array_power_w", "battery_power_w", "battery_soc", "power_served_fraction")
    array, battery, soc, served = watch(subject, 8640, fields, tick_s=10.0).T
    assert np.all(array == 0.0)
    assert np.all(np.diff(soc) <= 0.0)
    p = subject.params[0]
    held_j = 4.19 * float(p["battery_series"]) * float(p["battery_charge_c"]) * float(p["battery_count"])
    assert float(battery.sum()) * 10.0 <= held_j
    assert served[-1] < 1.0
    assert np.all(np.isfinite(subject.state["string_current_a"]))
    assert not broken_fields(subject.state[0])


@pytest.mark.parametrize("design", ["ai1-june", "ai1-august", "sc3", "lowinc"])
def test_pump_dead_at_full_load(design: str) -> None:
    """Chips save themselves: slowdown, then shutdown holds every die below 92 degC + 12 K for three minutes.

    Storage and hosts heat their plates until their thermostats trip their limiters, at 85 degC. (Dies beside them are
    left out of the three minutes.)
    """
    subject = plant(design)
    fly(subject, 600)
    subject.state["pump_health"] = 0.0
    subject.state["pump_b_health"] = 0.0
    p = subject.params[0]
    own = set(p["accelerator_lcl"][: p["accelerator_count"]].tolist())
    heated = {int(p["lcl_node"][k]) for k in range(int(p["lcl_count"])) if p["lcl_load_w"][k] > 0.0 and k not in own}
    dies = [2 + g for g in range(int(p["accelerator_count"])) if int(p["accelerator_node"][g]) not in heated]
    assert dies
    rows = watch(subject, 600, ("payload_power_w", "coolant_flow_kg_s", "accelerator_temperature_k"), first=600)
    assert rows[60:, 1].max() < 1e-3
    assert rows[:180, dies].max() < 92.0 + 273.15 + 12.0
    if design != "sc3":
        assert rows[-1, 0] < 0.2 * rows[0, 0]
    watch(subject, 20000, ("payload_power_w",), first=1200)
    assert subject.read("payload_power_w") == 0.0
    assert nodes_k(subject).max() < 273.15 + 90.0
    assert not broken_fields(subject.state[0])


# never not-a-number


def check_after(subject: Plant, seed: int, tick_s: float, ticks: int) -> None:
    scramble(subject, seed)
    flux_j = 3000.0 * float(subject.params["face_area_m2"].sum()) * tick_s * ticks
    for tick in range(ticks):
        alone(subject, tick, 1, tick_s)
        s, p = subject.state[0], subject.params[0]
        where = f"{subject.setup.spacecraft} seed {seed} tick {tick} of {tick_s} s"
        assert not broken_fields(s), f"{where}: {broken_fields(s)}"
        assert nodes_k(subject).min() > 0.0, where
        assert nodes_k(subject).max() < 1e5, where  # an overload on a node that nothing cools
        size = abs(float(s["load_power_w"])) + float(s["array_power_w"]) + 1.0
        assert abs(float(s["power_balance_residual_w"])) <= 1e-9 * size, where
        flow = abs(float(s["thermal_emitted_w"])) + float(s["thermal_absorbed_w"]) + size
        stored = float(p["node_capacity_j_k"].sum()) * 1e-6
        assert abs(float(s["thermal_residual_j"])) <= 1e-9 * (flow * tick_s + stored + flux_j), where
        soc = s["battery_group_soc"]
        assert np.all((soc >= 0.0) & (soc <= 1.0)), where
        assert 0.0 <= float(s["array_power_w"]) <= float(s["array_available_w"]) * (1.0 + 1e-12), where


@settings(max_examples=150)
@given(st.sampled_from(FULL), st.integers(0, 2**32), st.sampled_from((0.1, 1.0, 10.0, 60.0)), st.integers(1, 20))
def test_no_state_and_no_order_breaks_it(design: str, seed: int, tick_s: float, ticks: int) -> None:
    check_after(plant(design), seed, tick_s, ticks)


@pytest.mark.slow
@settings(max_examples=2000)
@given(st.sampled_from(FULL), st.integers(0, 2**32), st.sampled_from((0.1, 1.0, 10.0, 60.0)), st.integers(1, 200))
def test_no_state_and_no_order_breaks_it_at_length(design: str, seed: int, tick_s: float, ticks: int) -> None:
    check_after(plant(design), seed, tick_s, ticks)


@pytest.mark.parametrize(
    "initial",
    [
        {"thermal_temperature_k[battery]": math.nan},
        {"thermal_temperature_k[battery]": math.inf},
        {"thermal_temperature_k[battery]": -1.0},
        {"thermal_temperature_k[battery]": 0.0},
        {"battery_soc": 1.01},
        {"battery_soc": -0.01},
        {"battery_group_soc[battery_1]": 2.0},
        {"string_health[string_1]": -1.0},
        {"main_bus_voltage_v": -5.0},
        {"accelerator_temperature_k[gpu]": -300.0},
    ],
)
def test_first_values_that_cannot_be_are_refused(initial: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="initial"):
        plant("pathfinder", initial=initial)


@pytest.mark.parametrize(("tick", "tick_s"), [(-1, 1.0), (0, 0.0), (0, -1.0), (0, math.nan), (0, math.inf), (0, 61.0)])
def test_ticks_that_cannot_be_are_refused(tick: int, tick_s: float) -> None:
    subject = plant("pathfinder")
    before = subject.save()
    with pytest.raises(ValueError, match="tick"):
        subject.step(tick, tick_s, {})
    assert subject.save() == before


# the steps


@pytest.mark.parametrize(
    ("design", "kelvin", "soc"), [("pathfinder", 0.02, 1e-4), ("formation", 0.02, 1e-4), ("ai1-june", 0.3, 1e-3)]
)
def test_half_the_step_changes_this_much(design: str, kelvin: float, soc: float) -> None:
    """One orbit with eclipse, ticks of 1 s and of 0.5 s: temperatures and charge at its end differ by less."""
    whole, half = plant(design, raan_deg=90.0), plant(design, raan_deg=90.0)
    fly(whole, 5864)
    fly(half, 2 * 5864, tick_s=0.5)
    apart = np.abs(nodes_k(whole) - nodes_k(half))
    assert apart.max() < kelvin
    assert abs(whole.read("battery_soc") - half.read("battery_soc")) < soc


def in_pieces(design: str, ticks: int, pieces: int) -> None:
    """Fly in one go, and in pieces, each flown by a new plant that takes over what the last one saved."""
    whole = fly(plant(design), ticks)
    piece = plant(design)
    for k in range(pieces):
        first, last = k * ticks // pieces, (k + 1) * ticks // pieces
        fly(piece, last - first, first=first)
        saved = piece.save()
        piece = plant(design)
        piece.state["thermal_temperature_k"] = 999.0
        piece.work[0] = np.frombuffer(b"\xff" * piece.work.dtype.itemsize, piece.work.dtype)[0]
        piece.restore(saved)
    assert piece.state.tobytes() == whole.state.tobytes()
    assert piece.inputs.tobytes() == whole.inputs.tobytes()


@pytest.mark.parametrize("design", KINDS)
def test_two_hours_in_one_go_are_two_hours_in_pieces(design: str) -> None:
    in_pieces(design, 7200, 11)


@pytest.mark.slow
@pytest.mark.parametrize("design", FULL)
def test_a_day_in_one_go_is_a_day_in_pieces(design: str) -> None:
    in_pieces(design, 86400, 24)


def test_another_spacecraft_before_and_between_changes_nothing() -> None:
    lone = fly(plant("pathfinder"), 600)
    first, second = plant("pathfinder"), plant("ai1-june", seed=9)
    for tick in range(600):
        second.step(tick, 1.0, {})
        first.step(tick, 1.0, {})
    assert first.state.tobytes() == lone.state.tobytes()


def test_a_snapshot_of_another_kind_is_refused() -> None:
    subject = plant("pathfinder")
    saved = subject.save()
    for wrong in (b"", saved[:-1], saved + b"\0", b"x" + saved[1:]):
        with pytest.raises(ValueError, match="snapshot"):
            subject.restore(wrong)
    assert subject.save() == saved


# the compiled kernels

INNER = """from numba import njit
@njit(cache=True)
def inner(x):
    return x * {constant}
"""
OUTER = """from numba import njit
from node.plant.chain_inner import inner
@njit(cache=True)
def outer(x):
    return inner(x) + 1.0
"""


def test_a_changed_constant_is_seen_through_the_cache(tmp_path: Path) -> None:
    """On a copy of the plant: a kernel is compiled and cached; a constant changes in a kernel that it calls."""
    shutil.copytree(ROOT / "node" / "plant", tmp_path / "node" / "plant", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "bus", tmp_path / "bus", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "node" / "fsw").mkdir()
    shutil.copy(ROOT / "node" / "fsw" / "rules.py", tmp_path / "node" / "fsw")
    (tmp_path / "node" / "__init__.py").write_text("")
    folder = tmp_path / "node" / "plant"
    (folder / "chain_outer.py").write_text(OUTER)
    environment = {**os.environ, "SKYRACK_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)

    def ask(constant: str) -> float:
        (folder / "chain_inner.py").write_text(INNER.format(constant=constant))
        probe = "import node.plant\nfrom node.plant.chain_outer import outer\nprint(outer(2.0))"
        done = subprocess.run(
            [sys.executable, "-c", probe], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
            timeout=120,
        )  # fmt: skip
        return float(done.stdout)

    assert ask("3.0") == 7.0
    assert ask("3.0") == 7.0
    assert ask("5.0") == 11.0
    assert len(list((tmp_path / "cache").iterdir())) == 2
