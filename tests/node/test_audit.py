"""The audit against figures computed elsewhere, and designs that do not close: each mistake must be found and named."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bus.constants import EARTH_RADIUS_M
from bus.orbits import constellations as orbits
from faults.commands.look import check_command
from faults.scenarios.load import load_text
from node.designs.audit.heat import absorbed_w, plate_temperature_k, steady
from node.designs.audit.margins import Margin, audit, audit_scenario, references
from node.designs.audit.orbit import Circle, body_nadirs, day, eclipse_s, sun, year
from node.designs.audit.power import array_temperature_k, array_w, discharge_depth, full_load_w, sustainable_w
from node.designs.load import SHIPPED, Design, load_design
from node.plant.environment.environment import view_factor

EPOCH = "2026-06-21T00:00:00Z"
START = datetime(2026, 6, 21, tzinfo=UTC)
ZERO_C = 273.15
REFERENCE = {
    "pathfinder": (340e3, 45.0),
    "formation": (650e3, None),
    "ai1-june": (700e3, None),
    "ai1-august": (700e3, None),
    "sc3": (750e3, None),
    "sunrise": (1500e3, None),
    "lowinc": (600e3, 30.0),
}


def dusk(altitude_m: float, ltan_h: float = 18.0) -> Circle:
    a = EARTH_RADIUS_M + altitude_m
    return Circle(a, orbits.sun_synchronous_inclination_rad(a), orbits.raan_of_ltan_rad(START, ltan_h), START)


def inclined(altitude_m: float, inclination_deg: float) -> Circle:
    return Circle(EARTH_RADIUS_M + altitude_m, math.radians(inclination_deg), 0.0, START)


def reference(name: str) -> Circle:
    altitude_m, inclination_deg = REFERENCE[name]
    return dusk(altitude_m) if inclination_deg is None else inclined(altitude_m, inclination_deg)


def margin(found: list[Margin], start: str) -> Margin:
    return next(m for m in found if m.name.startswith(start))


def changed(design: Design, **parts: Any) -> Design:
    return replace(design, form=design.form.model_copy(update=parts))


# --- orbit


@pytest.mark.parametrize(
    ("altitude_km", "minutes"), [(420, 36.03), (500, 35.75), (650, 35.38), (1200, 34.84), (700, 35.29)]
)
def test_eclipse_at_beta_zero(altitude_km: float, minutes: float) -> None:
    found = eclipse_s(EARTH_RADIUS_M + 1e3 * altitude_km, 0.0) / 60.0
    assert found == pytest.approx(minutes, abs=0.02)  # cylinder in closed form; Basilisk's cone agrees


def test_eclipse_season_of_the_dusk_orbit() -> None:
    days = year(dusk(650e3), START)
    longest = max(days, key=lambda one: one.eclipse_s)
    assert longest.eclipse_s / 60.0 == pytest.approx(19.73, abs=0.05)
    assert abs((longest.at - datetime(2026, 6, 21, tzinfo=UTC)).days) <= 1
    assert sum(one.eclipse_s > 0.0 for one in days) == pytest.approx(91, abs=1)
    sunlit = 1.0 - sum(one.eclipse_s for one in days) / len(days) / dusk(650e3).period_s
    assert sunlit == pytest.approx(0.960, abs=0.001)
    betas = [math.degrees(one.beta_rad) for one in days]
    assert min(betas) == pytest.approx(58.57, abs=0.05)
    assert max(betas) == pytest.approx(86.9, abs=0.1)


def test_dawn_orbit_has_its_season_in_december() -> None:
    longest = max(year(dusk(650e3, 6.0), START), key=lambda one: one.eclipse_s)
    assert longest.at.month == 12


def test_eclipse_free_above_1390_km() -> None:
    assert max(one.eclipse_s for one in year(dusk(1395e3), START)) == 0.0
    assert max(one.eclipse_s for one in year(dusk(1375e3), START)) > 0.0


def test_sun_of_the_almanac() -> None:
    towards, distance = sun(datetime(2026, 6, 21, 8, 24, tzinfo=UTC))  # June solstice 2026: 08:24 UTC (almanac)
    assert math.degrees(math.asin(towards[2])) == pytest.approx(23.436, abs=0.01)
    assert distance == pytest.approx(1.0163, abs=2e-4)


def test_nadir_turns_below_the_spacecraft() -> None:
    for beta in (0.0, 0.7, 1.2, -1.3):
        for direction, light in body_nadirs(beta):
            assert math.hypot(*direction) == pytest.approx(1.0)
            assert -direction[2] == pytest.approx(light)  # zenith along the Sun is nadir away from it


# --- heat


@pytest.mark.parametrize(
    ("kilowatt", "area_m2", "celsius"), [(154, 110, 77.9), (132, 110, 66.0), (190, 160, 65.2), (265, 160, 91.6)]
)
def test_ai1_radiator(kilowatt: float, area_m2: float, celsius: float) -> None:
    kelvin = plate_temperature_k(1e3 * kilowatt, area_m2, 0.90, 2, 150.0)
    assert kelvin - ZERO_C == pytest.approx(celsius, abs=0.5)


def test_starcloud_radiator() -> None:
    kelvin = plate_temperature_k(633.5, 1.0, 0.92, 2, 137.0)  # the white paper: 633 W/m2 net at 20 degC
    assert kelvin - ZERO_C == pytest.approx(20.0, abs=0.1)


def test_earth_seen_by_an_upright_plate() -> None:
    """103 W/m2 of infrared for the two faces of an upright plate at 650 km, emissivity 0.9 (reference list, B1)."""
    ratio = 6378.137 / 7028.137
    assert 2 * 0.9 * 237.0 * view_factor.py_func(0.0, ratio) == pytest.approx(102.8, abs=0.5)


@pytest.mark.parametrize("name", list(REFERENCE))
def test_steady_state_loses_what_it_takes(name: str) -> None:
    """First law: at the steady state the faces emit exactly what was put in."""
    design, orbit = load_design(name), reference(name)
    light = absorbed_w(design, orbit, day(orbit, START), sunlit=False)
    groups = design.form.accelerators.values()
    heat = {group.node: group.count * group.chip.cap_highest for group in groups}
    state = steady(design, heat, light)
    emitted = sum(
        f.area * f.emissivity * (f.fin_efficiency or 1.0) * 5.670374419e-8 * (state.temperature_k[f.node] ** 4 - 2.7**4)
        for f in design.form.faces
    )
    assert emitted == pytest.approx(sum(heat.values()) + light.sum(), rel=1e-6)


# --- power


def test_array_of_the_formation_node() -> None:
    """Starlink v2 mini, 105 m2, 22 % cells, 0.9 packing: 28.3 kW (arXiv 2511.19468, table 1), cold and at 1361 W/m2."""
    design = load_design("formation")
    cell = design.form.array.cell
    warm = array_w(design, 1361.0)
    cold = warm / (
        1.0 + cell.power_point_slope / cell.power_point_voltage * (array_temperature_k(design, 1361.0) - 301.15)
    )
    assert cold == pytest.approx(28.3e3, rel=0.02)
    assert 40.0 < array_temperature_k(design, 1361.0) - ZERO_C < 60.0  # about 45 degC in textbooks, with albedo 55


def test_ai1_array_per_square_metre() -> None:
    assert array_w(load_design("ai1-june"), 1361.0) / 600.0 == pytest.approx(250.0, rel=0.10)


def test_discharge_of_the_formation_battery() -> None:
    """12 kWh give 21.9 kW over 19.73 min at 60 % discharge without losses."""
    assert discharge_depth(21.9e3, 19.73 * 60.0, 12 * 3.6e6, 1.0) == pytest.approx(0.60, abs=0.002)


def test_load_carried_balances_over_the_orbit() -> None:
    design, orbit = load_design("lowinc"), reference("lowinc")
    dark = max(year(orbit, START), key=lambda one: one.eclipse_s)
    load = sustainable_w(design, orbit, dark)
    bus = design.form.power_bus
    surplus = array_w(design, dark.sunlight_w_m2) * design.form.array.control_efficiency - load
    back = surplus * (orbit.period_s - dark.eclipse_s) * bus.charge_efficiency * bus.discharge_efficiency * 0.97
    assert back == pytest.approx(load * dark.eclipse_s)


# --- verdicts


def test_formation_closes_in_its_season() -> None:
    found = audit(load_design("formation"), reference("formation"), EPOCH)
    assert [m.name for m in found if m.verdict == "warning"] == []
    assert "19.7 min eclipse (21 Jun)" in margin(found, "discharge").name


def test_ai1_june_needs_shedding_and_patience() -> None:
    found = audit(load_design("ai1-june"), reference("ai1-june"), EPOCH, "ai1")
    battery = margin(found, "discharge")
    assert battery.verdict == "warning" and "shed to" in battery.advice
    radiator = margin(found, "radiators")
    assert radiator.verdict == "warning"
    assert 70.0 < radiator.value < 90.0  # 78 degC from the sheet's own figures, with 150 W/m2 absorbed
    assert margin(found, "dies").verdict == "warning"
    assert all(m.design == "ai1-june" and m.spacecraft == "ai1" for m in found)


def test_sunrise_has_no_eclipse() -> None:
    found = audit(load_design("sunrise"), reference("sunrise"), EPOCH)
    assert margin(found, "discharge").value == 0.0
    assert [m.name for m in found if m.verdict == "warning"] == []


@pytest.mark.parametrize("name", list(REFERENCE))
def test_every_margin_of_every_design(name: str) -> None:
    found = audit(load_design(name), reference(name), EPOCH)
    assert len({m.name for m in found}) == len(found) >= 8
    for one in found:
        assert math.isfinite(one.value) and math.isfinite(one.limit), one
        assert one.advice and one.unit, one
        assert bool(one.as_row()["advice"]) == (one.verdict == "warning")
    assert margin(found, "limiter").verdict == "ok"
    assert margin(found, "nodes cut").verdict == "ok"


def test_all_shipped_designs_are_audited_here() -> None:
    assert set(SHIPPED) - {"fleet"} <= set(REFERENCE)


def test_half_the_battery_is_noticed() -> None:
    design = load_design("formation")
    small = changed(design, battery=design.form.battery.model_copy(update={"energy": design.form.battery.energy / 2}))
    assert margin(audit(small, reference("formation"), EPOCH), "discharge").verdict == "warning"


def test_half_the_array_is_noticed() -> None:
    design = load_design("formation")
    small = changed(design, array=design.form.array.model_copy(update={"area": design.form.array.area / 2}))
    energy = margin(audit(small, reference("formation"), EPOCH), "load carried")
    assert energy.verdict == "warning" and "cap the accelerators" in energy.advice


def test_an_array_that_gives_nothing_is_noticed() -> None:
    design = load_design("formation")
    dark = changed(design, array=design.form.array.model_copy(update={"area": 0.0}))
    path = Circle(reference("formation").radius_m, math.radians(30.0), 0.0, START)
    energy = margin(audit(dark, path, EPOCH), "load carried")
    assert (energy.verdict, energy.value) == ("warning", 0.0)


def test_small_radiators_are_noticed() -> None:
    design = load_design("formation")
    faces = tuple(f.model_copy(update={"area": f.area / 5}) if f.kind == "radiator" else f for f in design.form.faces)
    found = audit(changed(design, faces=faces), reference("formation"), EPOCH)
    assert margin(found, "dies").verdict == "warning"
    advice = margin(found, "dies").advice
    cool_kw = float(advice.split(" kW")[0].rsplit(" ", 1)[1])
    assert 0.0 < cool_kw < full_load_w(design) / 1e3


def test_weak_limiter_is_noticed() -> None:
    design = load_design("pathfinder")
    lcls = dict(design.form.lcls)
    lcls["payload"] = lcls["payload"].model_copy(update={"limit": 20.0})
    found = margin(audit(changed(design, lcls=lcls), reference("pathfinder"), EPOCH), "limiter")
    assert found.verdict == "warning" and "payload trips" in found.advice


def test_stranded_node_is_noticed() -> None:
    design = load_design("pathfinder")
    conductors = tuple(c for c in design.form.conductors if "avionics" not in c.between)
    lone = changed(design, conductors=conductors)
    assert references(lone).verdict == "warning"
    assert "avionics" in references(lone).advice


def test_audit_loads_without_numba() -> None:
    code = "import sys, node.designs.audit.margins; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- `skyrack check`


def test_check_prints_margins_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_command("solstice", as_json=False) == 0  # a warning is no mistake
    said = " ".join(capsys.readouterr().out.split())
    assert "WARNING" in said
    assert "in eclipse shed to" in said
    assert "no mistakes found" in said


def test_check_as_json_has_every_margin(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_command("solstice", as_json=True) == 0
    margins = json.loads(capsys.readouterr().out)["margins"]
    assert {row["design"] for row in margins} == set(REFERENCE)
    assert {row["verdict"] for row in margins} == {"ok", "warning"}
    assert all(bool(row["advice"]) == (row["verdict"] == "warning") for row in margins)


def test_a_lattice_is_audited_once() -> None:
    lattice = load_text(LATTICE, file="lattice.yaml")
    assert len(lattice.spacecraft) == 81
    assert len({m.spacecraft for m in audit_scenario(lattice)}) == 1


LATTICE = """
skyrack: 1
name: lattice
epoch: 2026-06-21T00:00:00Z
duration: 10 min
tick: 1 s
seed: 5
environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}
stations: [svalbard]
spacecraft:
  - id: sun
    design: formation
    orbit:
      lattice: {pattern: suncatcher81, altitude: 650 km, ltan: "18:00", argument_of_latitude: 0 deg, radius: 1 km}
"""
