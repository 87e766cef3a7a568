"""`skyrack compare`: figures against the standard library's, clocks, events, and what it answers to mistakes."""

from __future__ import annotations

import csv
import json
import math
import random
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import ScenarioError
from faults.compare.form import Map, read_map
from faults.compare.measured import read_measured
from faults.compare.modelled import Modelled, Series, at, held
from faults.compare.page import render
from faults.compare.residuals import find_clock, lay, pair
from faults.compare.result import as_json, compare
from tests.kits.runs import skyrack as cli

EPOCH = datetime(2026, 8, 12, tzinfo=UTC)
SCENARIO = """
skyrack: 1
name: flown
epoch: 2026-08-12T00:00:00Z
duration: 12 min
tick: 1 s
seed: 5
environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - id: one
    design: pathfinder
    orbit: {sso: {altitude: 600 km, ltan: "12:00", argument_of_latitude: 80 deg}}
stations: [svalbard]
"""
MAP = """
compare: 1
time: {column: t, unit: s}
clock: {shift: CLOCK, search: SEARCH}
columns:
  volts: {signal: battery_voltage_v, unit: mV, missing: [0]}
  warm: {signal: battery_temperature_k, unit: degC, scale: 0.1, offset: -10, resolution: 1 K, cadence: 8 s}
"""


def planned(tmp_path: Path, text: str = MAP, clock: str = "0 s", search: str = "0 s") -> Map:
    path = tmp_path / "map.yaml"
    path.write_text(text.replace("CLOCK", clock).replace("SEARCH", search))
    return read_map(path)


def waves(times: np.ndarray) -> Modelled:
    volts, kelvin = 30.0 + np.sin(times / 60.0), 290.0 + 5.0 * np.cos(times / 90.0)
    series = {"battery_voltage_v": Series(times, volts), "battery_temperature_k": Series(times, kelvin)}
    return Modelled(series, {}, float(times[-1]))


def table(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def test_figures_are_those_of_the_standard_library(tmp_path: Path) -> None:
    dice = random.Random(4)
    times = np.arange(0.0, 601.0)
    model = waves(times)
    rows: list[list[object]] = [["t", "volts", "warm"]]
    apart = []
    for t in range(0, 600, 7):
        cell = round(1000.0 * (30.0 + math.sin(t / 60.0)) + dice.gauss(12.0, 30.0), 3)
        gone = dice.random() < 0.1
        rows.append([t, 0 if gone else cell, ""])
        if not gone:
            apart.append(1000.0 * (30.0 + math.sin(t / 60.0)) - cell)
    plan = planned(tmp_path)
    measured = read_measured(table(tmp_path / "t.csv", rows), plan, EPOCH)
    laid = lay(plan.columns[0], measured, model, 0.0)
    found = laid.figures
    assert found is not None
    assert laid.missing == len(rows) - 1 - len(apart)
    assert found.mean == pytest.approx(statistics.fmean(apart), rel=1e-9)
    assert found.mae == pytest.approx(statistics.fmean(map(abs, apart)), rel=1e-9)
    assert found.rms == pytest.approx(math.sqrt(statistics.fmean(r * r for r in apart)), rel=1e-9)
    percentiles = statistics.quantiles(sorted(map(abs, apart)), n=100, method="inclusive")
    assert found.p95 == pytest.approx(percentiles[94], rel=1e-9)
    assert abs(found.worst) == pytest.approx(max(map(abs, apart)), rel=1e-9)
    nothing = lay(plan.columns[1], measured, model, 0.0)
    assert nothing.figures is None
    assert nothing.missing == len(rows) - 1


def test_units_scale_resolution_and_cadence(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    times = np.arange(0.0, 101.0)
    kelvin = 273.15 + 20.0 + times / 10.0
    model = Modelled(
        {"battery_temperature_k": Series(times, kelvin), "battery_voltage_v": Series(times, times)}, {}, 100
    )
    # the cell is what the sensor says times ten plus a hundred: degC = cell * 0.1 - 10, held for 8 s, whole degrees
    rows = [[t, 1, 10 * (round(20.0 + (t // 8 * 8) / 10.0) + 10)] for t in range(0, 100, 3)]
    measured = read_measured(table(tmp_path / "t.csv", [["t", "volts", "warm"], *rows]), plan, EPOCH)
    laid = lay(plan.columns[1], measured, model, 0.0)
    assert laid.read_figures is not None
    assert laid.figures is not None
    assert laid.read_figures.mae == pytest.approx(0.0, abs=1e-9)
    assert laid.figures.mae > 0.2
    assert laid.true[1] == pytest.approx(20.3)


@pytest.mark.parametrize("shift", [-41.0, 0.0, 17.0, 60.0])
def test_the_clock_is_found_and_an_edge_is_told(tmp_path: Path, shift: float) -> None:
    model = waves(np.arange(0.0, 1201.0))
    rows = [
        [t - shift, 1000.0 * (30.0 + math.sin(t / 60.0)), 10.0 * (26.85 + 5.0 * math.cos(t / 90.0))]
        for t in range(100, 1000, 10)
    ]
    plan = planned(tmp_path, search="60 s")
    measured = read_measured(table(tmp_path / "t.csv", [["t", "volts", "warm"], *rows]), plan, EPOCH)
    found = find_clock(plan, measured, model)
    assert found.shift_s == pytest.approx(shift)
    assert found.edge == (shift == 60.0)


EVENTS = """
compare: 1
time: {column: t}
columns:
  light: {signal: illumination_fraction, unit: "%"}
events:
  sunset:
    {column: light, column_below: 50, signal: illumination_fraction, signal_below: 50 %, within: 5 s, most_missed: 0}
"""


def square(edges: list[float], times: np.ndarray) -> np.ndarray:
    """1 before the first edge, then 0, then 1 again and so on."""
    return 1.0 - np.searchsorted(edges, times, side="right") % 2


@given(
    seen=st.lists(st.integers(1, 60), min_size=1, max_size=6, unique=True),
    made=st.lists(st.integers(1, 60), min_size=1, max_size=6, unique=True),
)
def test_every_event_is_paired_missed_or_invented_once(
    tmp_path_factory: pytest.TempPathFactory, seen: list[int], made: list[int]
) -> None:
    tmp_path = tmp_path_factory.mktemp("events")
    plan = planned(tmp_path, EVENTS)
    at_s = np.arange(0.0, 700.0)
    down_seen, down_made = sorted(10.0 * s for s in seen), sorted(10.0 * m for m in made)
    values = {
        name: square(sorted([e for d in downs for e in (d + 0.5, d + 4.5)]), at_s)
        for name, downs in (("table", down_seen), ("model", down_made))
    }
    rows = [[t, 100.0 * v] for t, v in zip(at_s.tolist(), values["table"].tolist(), strict=True)]
    measured = read_measured(table(tmp_path / "t.csv", [["t", "light"], *rows]), plan, EPOCH)
    model = Modelled({"illumination_fraction": Series(at_s, values["model"])}, {}, 699.0)
    found = pair(plan.events[0], measured, model, 0.0)
    assert len(found.pairs) == len(set(seen) & set(made))
    assert len(found.missed_s) == len(set(seen) - set(made))
    assert len(found.invented_s) == len(set(made) - set(seen))
    assert bool(found.exceeded) == bool(set(seen) - set(made))


def test_events_that_nobody_could_see_hold_no_bound(tmp_path: Path) -> None:
    """A table that begins after the model has ended missed nothing, and saw nothing either."""
    plan = planned(tmp_path, EVENTS)
    rows: list[list[object]] = [["t", "light"], [5000, 100], [5010, 0]]
    measured = read_measured(table(tmp_path / "t.csv", rows), plan, EPOCH)
    light = Series(np.arange(0.0, 601.0), np.ones(601))
    found = compare(plan, measured, Modelled({"illumination_fraction": light}, {}, 600.0), "one", "a lamp")
    assert found.verdict == "FAIL"
    assert found.exceeded == ["event sunset: most_missed"]
    assert as_json(found)["events"]["sunset"]["missed"] is None
    assert "sunset: nothing to compare" in render(found)


def test_between_samples_and_held() -> None:
    series = Series(np.array([0.0, 10.0]), np.array([1.0, 3.0]))
    assert at(series, np.array([-1.0, 0.0, 5.0, 11.0])).tolist()[1:3] == [1.0, 2.0]
    assert np.isnan(at(series, np.array([-1.0, 11.0]))).all()
    assert held(series, np.array([0.0, 9.9, 10.0, 99.0])).tolist() == [1.0, 1.0, 3.0, 3.0]


WRONG = [
    ("unit: mV", "unit: mW", "map.yaml:6:44: columns.volts.unit: found 'mW'; allowed: a unit of voltage"),
    ("resolution: 1 K", "resolution: 1 degC", "resolution: found '1 degC'; allowed: a temperature difference in K"),
    ("resolution: 1 K", "resolution: 0 K", "more than zero"),
    ("compare: 1", "compare: 2", "the map format of this version"),
    ("unit: s}", "unit: days}", "time.unit: found 'days'"),
    ("missing: [0]", "mising: [0]", "did you mean missing"),
    ("column: t,", "column: volts,", "a column of its own"),
    ("scale: 0.1", "scale: 0", "all values would be one"),
]


@pytest.mark.parametrize(("good", "bad", "words"), WRONG)
def test_a_map_with_a_mistake_is_refused_where_it_is(tmp_path: Path, good: str, bad: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        planned(tmp_path, MAP.replace(good, bad))
    assert words in str(caught.value)


TABLES = [
    ("t,volts\n0,1\n1,1\n", "t.csv:1:1: header: found no column 'warm'"),
    ("t,volts,warm,warm\n0,1,1,1\n", "map.yaml names; allowed: one of that name"),
    ("t,volts,warm\n0,1,1\n5,1,1\n4,1,1\n", "t.csv:4:1: t: found '4', which is not after the row before"),
    ("t,volts,warm\n0,1,1\n1,x,1\n", "t.csv:3:1: volts: found 'x'; allowed: a number"),
    ("t,volts,warm\n0,1,1\n,1,1\n", "found no time"),
    ("t,volts,warm\n0,1,1\n1,inf,1\n", "found 'inf'"),
    ("t,volts,warm\n0,1,1\n1e306,1,1\n", "t.csv:3:1: t: found '1e306'; allowed: a number from -1e+30 to 1e+30"),
    ("t,volts,warm\n0,-1e308,1\n1,1,1\n", "t.csv:2:1: volts: found '-1e308'"),
    ("t,volts,warm\n0,1,1\n", "found 1 rows"),
    ("", "an empty table"),
]


@pytest.mark.parametrize(("text", "words"), TABLES)
def test_a_table_with_a_mistake_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        read_measured(path, planned(tmp_path), EPOCH)
    assert words in str(caught.value)


def test_instants_are_times(tmp_path: Path) -> None:
    plan = planned(tmp_path, MAP.replace("unit: s}", "unit: utc}"))
    rows: list[list[object]] = [["t", "volts", "warm"], ["2026-08-12T00:00:10Z", 1, 1], ["2026-08-12T01:00:00Z", 2, 2]]
    assert read_measured(table(tmp_path / "t.csv", rows), plan, EPOCH).times_s.tolist() == [10.0, 3600.0]


def test_a_scenario_beside_what_it_flew_itself(tmp_path: Path) -> None:
    """The model through its own sensors, from `skyrack truth` to the exit status."""
    (tmp_path / "s.yaml").write_text(SCENARIO)
    fields = "battery_voltage_v,battery_temperature_k"
    flown = cli("truth", "s.yaml", "--every", "5 s", "--fields", fields, "--out", "t.csv", cwd=tmp_path)
    assert flown.returncode == 0, flown.stderr
    text = """
compare: 1
time: {column: time_s}
columns:
  battery_voltage_v: {signal: battery_voltage_v, unit: V, bound: {worst: 1 mV}}
  battery_temperature_k: {signal: battery_temperature_k, unit: K, bound: {worst: 0.001 K}}
"""
    (tmp_path / "map.yaml").write_text(text)
    same = cli("compare", "s.yaml", "t.csv", "--map", "map.yaml", "--json", "--html", "c.html", cwd=tmp_path)
    assert same.returncode == 0, same.stderr
    found = json.loads(same.stdout)
    assert found["verdict"] == "PASS"
    for column in found["columns"].values():
        assert abs(column["residuals"]["worst"]) < 1e-6
    assert found["columns"]["battery_voltage_v"]["read_by"] == "the channel of its device"
    assert found["columns"]["battery_voltage_v"]["as_read"]["rms"] > 0.001
    assert found["columns"]["battery_temperature_k"]["read_by"] is None
    assert found["columns"]["battery_voltage_v"]["outside"] == 0
    assert "<h2>battery_voltage_v</h2>" in (tmp_path / "c.html").read_text()
    (tmp_path / "map.yaml").write_text(text.replace("K, bound: {worst: 0.001 K}", "K, offset: 1, bound: {mean: 0.9 K}"))
    off = cli("compare", "s.yaml", "t.csv", "--map", "map.yaml", cwd=tmp_path)
    assert off.returncode == 1, off.stderr
    assert "not held: battery_temperature_k: mean" in off.stdout
    (tmp_path / "map.yaml").write_text(text.replace("{signal: battery_voltage_v", "{signal: batery_voltage_v"))
    lost = cli("compare", "s.yaml", "t.csv", "--map", "map.yaml", cwd=tmp_path)
    assert lost.returncode == 2
    assert "map.yaml" in lost.stderr
    assert "Traceback" not in lost.stderr


def test_nothing_to_compare_holds_no_bound(tmp_path: Path) -> None:
    plan = planned(tmp_path, MAP.replace("missing: [0]", "missing: [0], bound: {mae: 1 V}"))
    rows: list[list[object]] = [["t", "volts", "warm"], [5000, 30000, 1], [5010, 30000, 1]]
    measured = read_measured(table(tmp_path / "t.csv", rows), plan, EPOCH)
    found = compare(plan, measured, waves(np.arange(0.0, 601.0)), "one", "waves")
    assert found.verdict == "FAIL"
    told = as_json(found)
    assert told["columns"]["volts"]["residuals"] is None
    assert told["columns"]["volts"]["outside"] == 2
    assert "nothing to compare" in render(found)
