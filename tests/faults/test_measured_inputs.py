"""What is known of a satellite instead of assumed: a log that drives it, a state it begins from, an orbit by what was
seen of it, a bench on the ground."""

from __future__ import annotations

import csv
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bus.errors import ScenarioError
from bus.orbits.constellations import sun_synchronous_inclination_rad
from bus.scenario.model import KeplerOrbit, Scenario
from faults.recording.read import read_recording
from faults.run_directory import open_run
from faults.scenarios.choose import load_named
from faults.scenarios.known_orbit import nodal_period_s
from faults.scenarios.load import load_text
from faults.truth.fields import fleet_columns
from faults.truth.flight import craft, fly
from tests.kits.runs import skyrack as cli

SCENARIO = """
skyrack: 1
name: flown
epoch: 2026-08-12T00:00:00Z
duration: DURATION
tick: 1 s
seed: 5
environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - id: one
    design: pathfinder
    orbit: {sso: {altitude: 600 km, ltan: "12:00", argument_of_latitude: 80 deg}}
    MORE
stations: [svalbard]
"""


def written(tmp_path: Path, more: str, duration: str = "10 s") -> Path:
    path = tmp_path / "flown.yaml"
    path.write_text(SCENARIO.replace("DURATION", duration).replace("MORE", more))
    return path


def watched(scenario: Scenario, *signals: str) -> list[list[float]]:
    """Values after every tick; the first row is the epoch's."""
    one = craft(scenario, "one")
    readers = [fleet_columns([(one.plant, one.design)], [signal])[0][0].read for signal in signals]
    rows: list[list[float]] = []
    fly([one], scenario.ticks, scenario.tick_ns / 1e9, lambda tick: rows.append([read() for read in readers]))
    return rows


# --- inputs


def test_a_log_drives_loads_power_orders_and_attitude(tmp_path: Path) -> None:
    """Rows hold to the next, straight lines where asked for, products and sums of columns, units, nothing missing;
    before the first row and after the last the plant's own."""
    (tmp_path / "log.csv").write_text(
        "t,mA,mV,gpu,use,off\n2,1000,28000,100,0,1\n4,2000,28000,300,0.5,NA\n6,2000,28000,300,0.5,3\n"
    )
    more = """inputs:
      csv: log.csv
      time: {column: t}
      drive:
        lcl_load_w[aocs]: {column: mA, scale: 1e-6, times: mV, unit: W, plus: [{column: mA, scale: 1e-3}]}
        accelerator_power_w[gpu]: {column: gpu, unit: W, between: line}
        accelerator_utilisation[gpu]: {column: use}
        pointing_offset_rad[0]: {column: off, unit: deg}"""
    signals = ("lcl_power_w[aocs]", "accelerator_power_w[gpu]", "pointing_offset_rad[0]")
    rows = watched(load_named(str(written(tmp_path, more))).scenario, *signals)
    loads, powers, offsets = (list(column) for column in zip(*rows, strict=True))
    assert loads[1:] == pytest.approx([18.0] * 2 + [29.0] * 2 + [58.0] * 3 + [18.0] * 3)
    assert powers[3:8] == pytest.approx([100.0, 200.0, 300.0, 300.0, 300.0])
    assert powers[1] == pytest.approx(powers[9], rel=0.05)  # idle or booting by its own law
    assert offsets[1:] == pytest.approx([0.0] * 2 + [math.radians(1.0)] * 4 + [math.radians(3.0)] + [0.0] * 3)


def test_a_log_of_quaternions_is_where_the_spacecraft_looks(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("t,a,b,c,d\n0,0,0,0,1\n5,0,0,2,0\n20,0,0,2,0\n")
    drive = "".join(f"\n        quaternion_body_from_teme[{i}]: {{column: {c}}}" for i, c in enumerate("abcd"))
    more = f"inputs:\n      csv: log.csv\n      time: {{column: t}}\n      drive:{drive}"
    scenario = load_named(str(written(tmp_path, more))).scenario
    rows = watched(scenario, "quaternion_body_from_teme[2]", "quaternion_body_from_teme[3]", "pointing_error_rad")
    assert rows[3][:2] == pytest.approx([0.0, 1.0], abs=1e-6)
    assert rows[8][:2] == pytest.approx([1.0, 0.0], abs=1e-6)


GOOD = "inputs: {csv: log.csv, time: {column: t}, drive: {'lcl_load_w[aocs]': {column: a, unit: W}}}"
LOG = "t,a\n0,1\n1,2\n"


@pytest.mark.parametrize(
    ("old", "new", "log", "field", "says"),
    [
        ("log.csv", "none.csv", LOG, "csv", "can be read"),
        ("aocs", "aosc", LOG, "lcl_load_w[aosc]", "aocs"),
        ("unit: W", "unit: K", LOG, "lcl_load_w[aocs]", "W"),
        (", unit: W", "", LOG, "lcl_load_w[aocs]", "W"),
        ("column: a", "column: b", LOG, "header", "no column 'b'"),
        ("t}", "x}", LOG, "header", "no column 'x'"),
        ("t}", "t}", "t,a\n0,1\n0,2\n", "t", "rise"),
        ("t}", "t}", "t,a\n0,x\n", "a", "a number"),
        ("t}", "t}", "t,a\n0,-1\n", "lcl_load_w[aocs]", "0 W"),
        ("t}", "t}", "t,a\n0,NA\n", "lcl_load_w[aocs]", "at least one"),
        ("lcl_load_w[aocs]", "battery_soc", LOG, "battery_soc", "a known order"),
        ("lcl_load_w[aocs]", "quaternion_body_from_teme[0]", LOG, "quaternion", "all four"),
        ("'lcl_load_w[aocs]': {column: a, unit: W", "pump_select: {column: a, between: line", LOG, "pump", "hold"),
        ("'lcl_load_w[aocs]': {column: a, unit: W", "attitude_mode: {column: a, unit: s", LOG, "attitude", "no unit"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_refused_with_file_and_line(  # noqa: PLR0917 - one row of the table
    old: str, new: str, log: str, field: str, says: str, tmp_path: Path,
) -> None:  # fmt: skip
    (tmp_path / "log.csv").write_text(log)
    with pytest.raises(ScenarioError) as error:
        load_named(str(written(tmp_path, GOOD.replace(old, new))))
    mistake = error.value.mistakes[0]
    assert field in mistake.field or field in mistake.found
    assert mistake.line > 0
    assert says in f"{mistake.found} {mistake.allowed}"


def test_a_quaternion_of_nothing_is_refused_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("t,a,b,c,d\n0,,0,0,0\n1,0,0,0,1\n2,0,0,0,0\n")
    drive = "".join(f"\n        quaternion_body_from_teme[{i}]: {{column: {c}}}" for i, c in enumerate("abcd"))
    more = f"inputs:\n      csv: log.csv\n      time: {{column: t}}\n      drive:{drive}"
    with pytest.raises(ScenarioError) as error:
        load_named(str(written(tmp_path, more)))
    (mistake,) = error.value.mistakes
    assert (mistake.line, mistake.field, mistake.found) == (4, "quaternion_body_from_teme", "four zeros")


@pytest.mark.parametrize(("shift", "told"), [("0 s", 0), ("9 s", 0), ("10 s", 1), ("-1 s", 0), ("-2 s", 1)])
def test_a_log_that_says_nothing_of_the_flight_is_a_warning(shift: str, told: int, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    path = written(tmp_path, GOOD.replace("drive:", f"shift: {shift}, drive:"))
    found = [one for one in load_named(str(path)).scenario.warnings if "inputs.csv" in one]
    assert len(found) == told
    assert all(one.startswith(f"{path}:13:") and "drives nothing" in one for one in found)


# --- state_from


def test_a_flight_goes_on_where_another_was(tmp_path: Path) -> None:
    """Charge, voltage and temperatures after 60 s from the table's state at 120 s: as of the flight that went on; 1e-6.
    Its orbit begins where the other one was."""
    whole = written(tmp_path, "peers: []", "180 s")
    result = cli("truth", str(whole), "--fields", "all", "--every", "60 s", "--out", str(tmp_path / "whole.csv"))
    assert result.returncode == 0, result.stderr
    orbit = load_named(str(whole)).scenario.spacecraft[0].orbit
    assert isinstance(orbit, KeplerOrbit)
    circle = (
        f"circular: {{altitude: 600 km, inclination: {orbit.inclination_rad!r} rad, raan: {orbit.raan_rad!r} rad, "
        "epoch: 2026-08-12T00:00:00Z"
    )
    later = whole.read_text().replace("duration: 180 s", "duration: 60 s").replace("00:00:00Z", "00:02:00Z")
    later = later.replace('sso: {altitude: 600 km, ltan: "12:00"', circle)
    later = later.replace("peers: []", "state_from: whole.csv@120 s")
    (tmp_path / "later.yaml").write_text(later)
    signals = ("battery_soc", "battery_voltage_v", "thermal_temperature_k[host]", "accelerator_temperature_k[gpu]")
    end = watched(load_named(str(tmp_path / "later.yaml")).scenario, *signals)[-1]
    with (tmp_path / "whole.csv").open() as stream:
        last = list(csv.DictReader(stream))[-1]
    assert float(last["time_s"]) == 180.0
    assert end == pytest.approx([float(last[name]) for name in signals], rel=1e-6)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("whole.csv", "TIME"), ("none.csv@1 s", "can be read"), ("whole.csv@1 kg", "TIME"), ("whole.csv@99 s", "up to"),
        ("few.csv@0 s", "battery"), ("folder@0 s", "directory of a run"),
    ],
)  # fmt: skip
def test_wrong_states_are_refused(where: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "whole.csv").write_text("time_s,battery_soc\n0,0.5\n60,0.4\n")
    (tmp_path / "few.csv").write_text("time_s,position_teme_m[0]\n0,1\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ScenarioError) as error:
        load_named(str(written(tmp_path, f"state_from: {where}")))
    (mistake,) = error.value.mistakes
    assert (mistake.field, mistake.line > 0) == ("spacecraft[0].state_from", True)
    assert says in f"{mistake.found} {mistake.allowed}"


def test_a_run_is_where_a_flight_begins(tmp_path: Path) -> None:
    """What a run's record holds of its end, by name; the rest is the design's."""
    path = written(tmp_path, "peers: []", "20 s")
    path.write_text(path.read_text() + 'record: ["thermal_temperature_k[*]"]\n')
    result = cli("run", str(path), "--in-process", "--out", str(tmp_path / "run"), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    recording = read_recording(open_run(tmp_path / "run"))
    initial = load_named(str(written(tmp_path, "state_from: run@15 s"))).scenario.spacecraft[0].initial
    for name in ("battery_soc", "thermal_temperature_k[host]"):
        values = recording.signal("one", name)
        assert values is not None
        assert initial[name] == values[14]
    with pytest.raises(ScenarioError) as error:
        load_named(str(written(tmp_path, "state_from: run@25 s")))
    assert "within the run" in error.value.mistakes[0].allowed


def test_what_is_written_overrules_what_was_left(tmp_path: Path) -> None:
    (tmp_path / "whole.csv").write_text("time_s,battery_soc,array_angle_rad\n0,0.5,0.1\n60,0.4,0.2\n")
    more = "state_from: whole.csv@61 s"
    with pytest.raises(ScenarioError):
        load_named(str(written(tmp_path, more)))
    more = "state_from: whole.csv@60 s\n    initial: {battery_soc: 70 %}"
    assert load_named(str(written(tmp_path, more))).scenario.spacecraft[0].initial["battery_soc"] == 0.7
    more = "state_from: whole.csv@59 s"
    assert load_named(str(written(tmp_path, more))).scenario.spacecraft[0].initial["battery_soc"] == 0.5


def test_a_written_charge_goes_over_that_of_every_group(tmp_path: Path) -> None:
    """Of the whole, and of two equal groups: the mean of them; 1e-6 for a tick's own rounding."""
    table = "time_s,battery_soc,battery_group_soc[battery_1],battery_group_peak_soc[battery_1]\n0,0.5,0.4,0.9\n"
    (tmp_path / "whole.csv").write_text(table)
    signals = ("battery_soc", "battery_group_soc[battery_1]", "battery_group_soc[battery_2]")
    left = "state_from: whole.csv@0 s"
    for more, charges in (
        (left, (0.45, 0.4, 0.5)),
        (left + "\n    initial: {battery_soc: 70 %}", (0.7, 0.7, 0.7)),
        ('initial: {battery_soc: 70 %, "battery_group_soc[battery_1]": 40 %}', (0.55, 0.4, 0.7)),
        # a run's own scenario has names by the alphabet
        ('initial: {"battery_group_soc[battery_1]": 40 %, battery_soc: 70 %}', (0.55, 0.4, 0.7)),
    ):
        rows = watched(load_named(str(written(tmp_path, more))).scenario, *signals)
        assert rows[0] == pytest.approx(charges, abs=1e-6)


# --- orbits


def orbit_of(block: str) -> KeplerOrbit:
    text = SCENARIO.replace("DURATION", "10 s").replace("MORE", "peers: []")
    old = '{sso: {altitude: 600 km, ltan: "12:00", argument_of_latitude: 80 deg}}'
    orbit = load_text(text.replace(old, block)).spacecraft[0].orbit
    assert isinstance(orbit, KeplerOrbit)
    return orbit


def test_a_period_is_an_altitude() -> None:
    """J2's secular nodal period to first order, T (1 - 3/2 J2 (R/a)^2 (4 cos^2 i - 1)) (Vallado 2013, 9.6.2, e = 0),
    within 0.1 s; the reader's own exactly."""
    orbit = orbit_of('{sso: {period: 5643 s, ltan: "22:40", argument_of_latitude: 0 deg}}')
    a, i = orbit.semi_major_axis_m, orbit.inclination_rad
    assert i == pytest.approx(sun_synchronous_inclination_rad(a))
    kepler_s = 2.0 * math.pi * math.sqrt(a**3 / 3.986004418e14)
    first = kepler_s * (1.0 - 1.5 * 1.08262668e-3 * (6378137.0 / a) ** 2 * (4.0 * math.cos(i) ** 2 - 1.0))
    assert first == pytest.approx(5643.0, abs=0.1)
    assert nodal_period_s(a, i) == pytest.approx(5643.0, abs=1e-6)


def test_an_own_epoch_moves_the_elements_on() -> None:
    """A nodal period before the scenario's epoch: the same place, the node turned with the mean Sun."""
    here = orbit_of('{sso: {period: 5643 s, ltan: "22:40", argument_of_latitude: 80 deg}}')
    early = datetime(2026, 8, 12, tzinfo=UTC) - timedelta(seconds=5643)
    there = orbit_of(
        f'{{sso: {{period: 5643 s, ltan: "22:40", argument_of_latitude: 80 deg, epoch: {early:%Y-%m-%dT%H:%M:%SZ}}}}}'
    )
    assert there.mean_anomaly_rad == pytest.approx(here.mean_anomaly_rad, abs=1e-9)
    assert there.raan_rad == pytest.approx(here.raan_rad, abs=2e-6)


@pytest.mark.parametrize("edge", ["entry", "exit"])
def test_a_shadows_edge_is_where_it_was_seen(edge: str, tmp_path: Path) -> None:
    """Truth, whose orbit has short-period terms that the reader leaves out, has half of the Sun there within 2 s."""
    block = f'{{sso: {{altitude: 550 km, ltan: "12:00", eclipse: {{{edge}: "2026-08-12T00:05:00Z"}}}}}}'
    text = SCENARIO.replace("DURATION", "8 min").replace("MORE", "peers: []")
    old = '{sso: {altitude: 600 km, ltan: "12:00", argument_of_latitude: 80 deg}}'
    rows = [row[0] for row in watched(load_text(text.replace(old, block)), "illumination_fraction")]
    crossed = [t for t in range(1, len(rows)) if (rows[t] >= 0.5) != (rows[t - 1] >= 0.5)]
    assert len(crossed) == 1
    assert crossed[0] == pytest.approx(300, abs=2)
    assert (rows[crossed[0]] < 0.5) == (edge == "entry")


@pytest.mark.parametrize(
    ("block", "field", "says"),
    [
        ('{sso: {ltan: "12:00", argument_of_latitude: 0 deg}}', "sso", "one of them"),
        ('{sso: {altitude: 600 km, period: 5700 s, ltan: "12:00", argument_of_latitude: 0 deg}}', "sso", "one of them"),
        ('{sso: {altitude: 600 km, ltan: "12:00"}}', "sso", "one of them"),
        ('{sso: {period: 60000 s, ltan: "12:00", argument_of_latitude: 0 deg}}', "period", "2000 km"),
        ('{sso: {altitude: 600 km, ltan: "12:00", eclipse: {}}}', "eclipse", "one of them"),
        ('{sso: {altitude: 600 km, ltan: "06:00", eclipse: {exit: 2026-03-12T00:00:00Z}}}', "eclipse", "30 days"),
        ('{sso: {altitude: 1400 km, ltan: "06:00", eclipse: {exit: 2026-08-12T00:00:00Z}}}', "eclipse", "shadow"),
    ],
)
def test_wrong_orbits_are_refused(block: str, field: str, says: str) -> None:
    with pytest.raises(ScenarioError) as error:
        orbit_of(block)
    mistake = error.value.mistakes[0]
    assert field in mistake.field
    assert says in f"{mistake.found} {mistake.allowed}"


# --- the bench

SPACE = "{solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}"
BENCH = "{bench: {ambient: 22 degC, convection: 5 W/m2 K}}"


def test_a_bench_cools_as_a_lump_in_air(tmp_path: Path) -> None:
    """The battery's node in truth beside Newton's law of cooling with radiation, integrated by scipy with the design's
    own figures where only air and walls take heat; 0.02 K. No light, no Earth, no orbit."""
    integrate = pytest.importorskip("scipy.integrate")
    text = SCENARIO.replace("DURATION", "40 min").replace(
        "MORE", "initial: {'thermal_temperature_k[blanket]': 60 degC}"
    )
    text = text.replace(SPACE, BENCH)
    text = "\n".join(line for line in text.splitlines() if "orbit:" not in line)
    scenario = load_text(text)
    names = ("thermal_temperature_k[blanket]", "thermal_temperature_k[structure]", "illumination_fraction")
    rows = watched(scenario, *names, "array_power_w", "thermal_absorbed_w")
    assert {row[3] for row in rows[1:]} == {0.0}
    assert {row[4] for row in rows[1:]} == {0.0}
    structure = [row[1] for row in rows]
    sigma, air = 5.670374419e-8, 295.15

    def slope(time_s: float, y: list[float]) -> list[float]:
        own, wall = y[0], structure[min(int(time_s), len(structure) - 1)]
        out = 5.0 * 1.0 * (own - air) + 0.75 * 1.0 * sigma * (own**4 - air**4) + 0.02 * sigma * (own**4 - wall**4)
        return [-out / 500.0]

    found = integrate.solve_ivp(slope, (0.0, 2400.0), [333.15], max_step=5.0, rtol=1e-8)
    assert rows[-1][0] == pytest.approx(found.y[0][-1], abs=0.02)
    assert rows[600][0] == pytest.approx(float(found.y[0][found.t.searchsorted(600.0)]), abs=0.3)


def test_what_stands_on_a_bench_has_no_orbit() -> None:
    text = SCENARIO.replace("DURATION", "10 s").replace("MORE", "peers: []")
    bench = text.replace(SPACE, BENCH)
    with pytest.raises(ScenarioError) as error:
        load_text(bench)
    assert "orbit on a bench" in error.value.mistakes[0].found
    with pytest.raises(ScenarioError) as error:
        load_text("\n".join(line for line in text.splitlines() if "orbit:" not in line))
    assert error.value.mistakes[0].field == "spacecraft[0].orbit"
    ours = "\n".join(line for line in bench.splitlines() if "orbit:" not in line)
    assert load_text(ours).environment.bench is not None
    for old, new, field, allowed in (  # one mistake each: no orbit is asked for
        ("convection: 5 W/m2 K", "convection: 5 W", "environment.bench.convection", "W/m2 K"),
        ("{bench", "{benhc", "environment.benhc", "did you mean bench"),
        ("duration: 10 s", "duration: 2 orbits", "duration", "40 min"),
    ):
        with pytest.raises(ScenarioError) as error:
            load_text(ours.replace(old, new))
        mistake = error.value.mistakes[-1]
        assert mistake.field == field
        assert allowed in mistake.allowed
        assert not any("orbit" in one.field for one in error.value.mistakes)
