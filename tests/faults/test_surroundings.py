"""Surroundings of a scenario: orbits that leave the flux table, solar events by name and from a user's table."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bus.errors import ScenarioError
from bus.scenario.model import Scenario
from faults.scenarios.choose import load_named
from faults.scenarios.load import load
from node.config import NO_HEAD, resolve
from node.plant.link.setup import GroundSite
from node.plant.plant import Plant
from node.plant.radiation.belt import load_belt
from node.plant.radiation.solar_event import event_samples, profile
from tests.kits.plant_kit import fly, plant, setup

TEXT = """skyrack: 1
name: storm
epoch: 2026-06-21T00:00:00Z
duration: 30 min
tick: 1 s
seed: 7
environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - id: sc-1
    design: formation
    orbit: {circular: {altitude: 650 km, inclination: 98 deg, raan: 0 deg, argument_of_latitude: 0 deg}}
stations: []
"""
HEADER = "utc,gt1MeV_pfu,gt10MeV_pfu,gt50MeV_pfu,gt100MeV_pfu"


def flux_rows(minutes: list[int]) -> list[str]:
    return [
        f"2024-05-10T{m // 60:02d}:{m % 60:02d}:00Z,{20 * f:.3f},{2 * f:.3f},{0.2 * f:.4f},{0.1 * f:.4f}"
        for m in minutes
        for f in [0.5 + m]
    ]


def scenario(folder: Path, text: str = TEXT) -> Scenario:
    file = folder / "storm.yaml"
    file.write_text(text)
    return load(file)


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        scenario(folder, text)
    return [str(mistake).removeprefix(f"{folder}/") for mistake in caught.value.mistakes]


def table(folder: Path, rows: list[str], header: str = HEADER, options: str = "") -> str:
    (folder / "flux.csv").write_text("\n".join([header, *rows]) + "\n")
    return TEXT.replace("solar_event: none", f"solar_event: {{csv: flux.csv{options}}}, solar_event_at: 10 min")


@pytest.mark.parametrize(
    ("orbit", "found"),
    [
        ("circular: {altitude: 260 km, inclination: 98 deg, raan: 0 deg, argument_of_latitude: 9 deg}", "to 296 km"),
        ("circular: {altitude: 1990 km, inclination: 0 deg, raan: 0 deg, argument_of_latitude: 0 deg}", "to 2005 km"),
        (
            "kepler: {semi_major_axis: 42164 km, eccentricity: 0, inclination: 0 deg, raan: 0 deg, "
            "argument_of_perigee: 0 deg, mean_anomaly: 0 deg}",
            "to 35801 km",
        ),
    ],
)  # fmt: skip
def test_an_orbit_outside_the_flux_table_is_refused_where_it_stands(tmp_path: Path, orbit: str, found: str) -> None:
    text = TEXT.replace(
        "circular: {altitude: 650 km, inclination: 98 deg, raan: 0 deg, argument_of_latitude: 0 deg}", orbit
    )
    assert text != TEXT
    (said,) = mistakes(tmp_path, text)
    assert said.startswith("storm.yaml:11:12: spacecraft[0].orbit: found an orbit of ") and found in said
    assert "allowed: 250 to 2000 km, where the proton flux table has values" in said


@pytest.mark.parametrize(
    ("orbit", "found"),
    [
        ("sso: {altitude: 200 km, ltan: '18:00', argument_of_latitude: 0 deg}", "200 km"),
        (
            "walker: {pattern: '53:4/2/1', kind: star, altitude: 249 km, raan: 0 deg, argument_of_latitude: 1 deg}",
            "249 km",
        ),
        ("planes: {altitude: 100 km, ltans: ['18:00'], slots: 2, phase: 0 deg, argument_of_latitude: 0 deg}", "100 km"),
        ("circular: {altitude: 2001 km, inclination: 0 deg, raan: 0 deg, argument_of_latitude: 0 deg}", "2001 km"),
    ],
)
def test_an_altitude_that_no_table_covers_is_refused_at_its_number(tmp_path: Path, orbit: str, found: str) -> None:
    text = TEXT.replace(
        "circular: {altitude: 650 km, inclination: 98 deg, raan: 0 deg, argument_of_latitude: 0 deg}", orbit
    )
    kind, column = orbit.partition(":")[0], text.splitlines()[10].index(found) + 1
    (said,) = mistakes(tmp_path, text)
    assert said == (
        f"storm.yaml:11:{column}: spacecraft[0].orbit.{kind}.altitude: found '{found}'; allowed: 250 km to 2000 km"
    )


def test_a_perigee_that_no_table_covers_is_refused_with_the_same_limit(tmp_path: Path) -> None:
    kepler = (
        "kepler: {semi_major_axis: 6878 km, eccentricity: 0.045, inclination: 98 deg, raan: 0 deg, "
        "argument_of_perigee: 0 deg, mean_anomaly: 0 deg}"
    )
    text = TEXT.replace(
        "circular: {altitude: 650 km, inclination: 98 deg, raan: 0 deg, argument_of_latitude: 0 deg}", kepler
    )
    (said,) = mistakes(tmp_path, text)
    assert said.endswith("spacecraft[0].orbit.kepler: found a perigee at 190 km altitude; allowed: at least 250 km")


def test_a_plant_refuses_it_too() -> None:
    with pytest.raises(
        ValueError, match=r"sc-1: altitudes 185 to .* leave the proton flux table; allowed: 250 to 2000"
    ):
        plant(altitude_m=200e3)


def test_a_plant_keeps_the_levels_it_needs_and_the_same_bits() -> None:
    small, whole = plant(inclination_deg=70.0), plant(inclination_deg=70.0)
    whole.belt = load_belt("minimum", 2026.5)._replace(shift_rad=small.belt.shift_rad)
    assert small.belt.codes.nbytes < 0.3 * whole.belt.codes.nbytes
    assert plant().belt.codes is small.belt.codes  # shared within a process
    fly(small, 1500)
    fly(whole, 1500)
    assert small.state.tobytes() == whole.state.tobytes()
    assert small.read("dose_gy") > 0.0


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("S9", "storm.yaml:7:80: environment.solar_event: found 'S9'; allowed: none, S1, S2"),
        ("october_1998, solar_event_at: 1 h", "did you mean october_1989"),
        ("S3", "environment.solar_event_at: found nothing; allowed: a time"),
        ("{csv: flux.csv}", "environment.solar_event_at: found nothing"),
        ("{csv: none.csv}, solar_event_at: 0 s", "environment.solar_event.csv: found 'none.csv': No such file"),
        ("{csw: flux.csv}, solar_event_at: 0 s", "environment.solar_event.csw: found an unknown field; allowed: csv"),
        ("{csv: flux.csv, gaps: fill}, solar_event_at: 0 s", "found 'fill'; allowed: refuse, interpolate"),
    ],
)
def test_what_is_wrong_with_an_event(tmp_path: Path, event: str, expected: str) -> None:
    table(tmp_path, flux_rows([0, 5, 10]))
    assert any(
        expected in said for said in mistakes(tmp_path, TEXT.replace("solar_event: none", f"solar_event: {event}"))
    )


@pytest.mark.parametrize(
    ("rows", "header", "expected"),
    [
        (flux_rows([0, 5, 10, 100]), HEADER, "flux.csv:5:1: found gap of 1.5 h before this row; allowed: at most 1 h"),
        (flux_rows([0, 5]), HEADER.replace("gt10MeV_pfu", "gt10MeV_W_m2"), "flux.csv:1:1: found column 'gt10MeV_W_m2'"),
        (flux_rows([0, 5]), HEADER.replace("gt100MeV", "gt60MeV"), "flux.csv:1:1: found channels from 1 to 60 MeV"),
        ([*flux_rows([0, 5]), "tomorrow,1,1,1,1"], HEADER, "flux.csv:4:1: found 'tomorrow' in the time column"),
        ([*flux_rows([0, 5]), "2024-05-10T12:00:00Z,1,lots,1,1"], HEADER, "flux.csv:4:1: found 'lots' in column 3"),
        ([], HEADER, "flux.csv:1:1: found 1 lines"),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, rows: list[str], header: str, expected: str) -> None:
    assert mistakes(tmp_path, table(tmp_path, rows, header))[0].startswith(expected)


def test_a_table_travels_in_the_scenario_and_strikes_the_plant(tmp_path: Path) -> None:
    flown = scenario(tmp_path, table(tmp_path, flux_rows(list(range(0, 300, 5))), options=", background: keep"))
    (tmp_path / "flux.csv").unlink()
    environment = Scenario.model_validate_json(flown.to_json()).environment
    assert environment.solar_event == "flux.csv"
    samples = environment.solar_event_samples
    assert [row[0] for row in samples] == [600.0, 900.0, 1200.0, 1500.0, 1800.0, 2100.0]  # the run's 30 min, and one
    assert [row[1] for row in samples[:2]] == pytest.approx([1.0, 11.0])
    assert any("flux.csv: above 100 MeV the spectrum is carried on" in warning for warning in flown.warnings)
    struck = Plant(replace(setup(), solar_event=environment.solar_event, solar_event_samples=samples))
    quiet = plant()
    for one in (struck, quiet):
        fly(one, 1500)
    assert struck.read("dose_gy") > 1.01 * quiet.read("dose_gy")


def test_gaps_are_filled_only_on_request_and_said(tmp_path: Path) -> None:
    flown = scenario(tmp_path, table(tmp_path, flux_rows([0, 5, 10, 100]), options=", gaps: interpolate"))
    assert any("gap of 1.5 h before line 5: interpolated" in warning for warning in flown.warnings)


def test_samples_are_checked_and_profiles_still_have_names() -> None:
    assert np.array_equal(event_samples("S3", 60.0, ()), profile("S3", 60.0))
    row = [0.0] * 13
    for bad in ([row[:5]] * 2, [row, row], [row, [1.0, -1.0, *row[2:]]], [row]):
        with pytest.raises(ValueError, match="samples of a solar event"):
            event_samples("", 0.0, bad)


def test_the_first_moment_is_at_the_target_and_at_rest() -> None:
    for control in (0, 1):
        start = setup()
        first = Plant(replace(start, orders={**start.orders, "attitude_control": control}))
        assert first.read("sun_error_rad") < 1e-6
        assert not first.state["body_rate_rad_s"].any()
        assert not first.state["wheel_momentum_n_m_s"].any()


def test_weather_is_the_same_over_a_station_for_everybody() -> None:
    site = GroundSite(1.3, 0.3, 0.0, 0.1, wet_fraction=0.5, wet_mean_s=60.0)
    wet = []
    for name in ("sc-1", "sc-2"):
        one = Plant(replace(setup(spacecraft=name, seed=3), sites=[site]))
        wet.append([int(fly(one, 1, tick).state["station_wet"][0][0]) for tick in range(600)])
    assert wet[0] == wet[1] and 0 < sum(wet[0]) < 600


def test_heads_of_peers_follow_from_their_lists(tmp_path: Path) -> None:
    more = "".join(
        f"  - id: {name}\n    design: formation\n    peers: [{peers}]\n    orbit: {{circular: {{altitude: 650 km, "
        "inclination: 98 deg, raan: 0 deg, argument_of_latitude: 1 deg}}\n"
        for name, peers in (("sc-2", "sc-3, sc-1"), ("sc-3", "sc-1"))
    ).replace("}}\n", "}}\n")
    text = TEXT.replace("stations: []", more + "stations: []").replace(
        "design: formation\n    orbit", "design: formation\n    peers: [sc-2, sc-3]\n    orbit", 1
    )
    flown = scenario(tmp_path, text)
    assert [resolve(flown, one.id).peer_heads for one in flown.spacecraft] == [(1, 0), (NO_HEAD, 0), (1,)]


def test_check_needs_no_numba(tmp_path: Path) -> None:
    (tmp_path / "storm.yaml").write_text(table(tmp_path, flux_rows([0, 5, 10])))
    program = (
        f"import sys; from faults.scenarios.choose import load_named; load_named({str(tmp_path / 'storm.yaml')!r}); "
        "print([m for m in ('numba', 'zmq') if m in sys.modules])"
    )
    house = Path(__file__).resolve().parents[2]
    loaded = subprocess.run([sys.executable, "-c", program], cwd=house, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_a_run_over_a_part_of_an_event_says_which_peak_it_flies(tmp_path: Path) -> None:
    rows = flux_rows(list(range(0, 300, 5)))
    flown = scenario(tmp_path, table(tmp_path, rows, options=", background: keep"))
    (said,) = [warning for warning in flown.warnings if "part of the event" in warning]
    assert "environment.solar_event: found flux.csv: the run flies a part of the event: up to " in said
    assert "at 0:30:00; its peak of " in said and "would come at 5:05:00" in said
    falling = [row.rpartition(",")[0] + ",0.1" for row in rows[:1]] + rows[1:5]
    whole = scenario(tmp_path, table(tmp_path, falling, options=", background: keep").replace("10 min", "0 s"))
    assert not any("part of the event" in warning for warning in whole.warnings)


def test_a_part_of_a_profile_is_said_without_a_warning(tmp_path: Path) -> None:
    text = TEXT.replace("solar_event: none", "solar_event: S3, solar_event_at: 10 min")
    (tmp_path / "storm.yaml").write_text(text)
    chosen = load_named(str(tmp_path / "storm.yaml"))
    assert chosen.scenario.warnings == ()
    assert any("S3: the run flies a part of the event: up to " in note for note in chosen.notes)


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        ("2024-05-10T13:30:00Z", "a time of the table: "),
        ("2024-05-10", "environment.solar_event.begin: found '2024-05-10', a date without a time; allowed: a UTC time"),
        ("7", "begin: found the plain number 7"),
    ],
)
def test_a_begin_that_is_not_in_the_table_is_refused(tmp_path: Path, begin: str, expected: str) -> None:
    text = table(tmp_path, flux_rows([0, 5, 10]), options=f", begin: {begin}")
    (said,) = mistakes(tmp_path, text)
    assert said.startswith("storm.yaml:7:") and expected in said


def test_begin_moves_the_table_to_the_event(tmp_path: Path) -> None:
    rows = flux_rows(list(range(0, 300, 5)))
    begin = rows[40].partition(",")[0]
    options = f", background: keep, begin: {begin}"
    samples = scenario(tmp_path, table(tmp_path, rows, options=options)).environment.solar_event_samples
    assert samples[0][0] == 600.0 and samples[0][1] == pytest.approx(float(rows[40].split(",")[2]))
