"""A user's own stations: files in YAML and CSV, masks by band, and a word when nobody ever sees one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bus.errors import ScenarioError
from bus.scenario.model import Scenario
from faults.scenarios.choose import RunOptions, choose, load_named
from faults.scenarios.load import load_text
from node.designs.load import load_design
from node.designs.setup import plant_setup
from tests.kits.runs import TINY

CSV = """name,latitude,longitude,altitude,mask,bands
Roof Top 1,48.15,11.57,520,10,S Ka
Polar,78.23 deg,15.408,0.45 km,,S
"""
YAML = """stations:
  - {id: roof, latitude: 48.15 deg, longitude: 11.57 deg, altitude: 520 m, mask: 10 deg, bands: [S, Ka], source: survey}
"""


def flown(folder: Path, stations: str, **files: str) -> Scenario:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    scenario = folder / "tiny.yaml"
    scenario.write_text(TINY.replace("stations: [svalbard]", f"stations: {stations}"))
    return load_named(str(scenario)).scenario


def test_a_table_of_stations(tmp_path: Path) -> None:
    roof, polar = flown(tmp_path, "./mine.csv", mine_csv=CSV).stations
    assert (roof.id, polar.id) == ("roof-top-1", "polar")
    assert math.degrees(roof.latitude_rad) == pytest.approx(48.15)
    assert (roof.altitude_m, polar.altitude_m) == (520.0, 450.0)
    assert [round(math.degrees(one.mask_rad), 6) for one in (roof, polar)] == [10.0, 5.0]
    assert (roof.bands, polar.bands) == (("S", "Ka"), ("S",))
    assert polar.source == "mine.csv, line 3"


def test_a_file_in_our_own_form_beside_names(tmp_path: Path) -> None:
    stations = flown(tmp_path, "[svalbard, ./mine.yaml, ./more.csv]", mine_yaml=YAML, more_csv=CSV).stations
    assert [one.id for one in stations] == ["svalbard", "roof", "roof-top-1", "polar"]


@pytest.mark.parametrize(
    ("csv", "said"),
    [
        ("name,latitude,longitude\nx,1,2\n", "mine.csv:1:1: columns: found no column 'altitude'"),
        (CSV.replace("mask", "masc"), "mine.csv:1:1: columns: found 'masc'.*did you mean mask"),
        (CSV.replace("48.15", "98.15"), r"mine.csv:2:\d+: stations\[0\].latitude: found.*98.15"),
        (CSV.replace("S Ka", "S Q"), r"mine.csv:2:\d+: stations\[0\].bands"),
        (CSV + "Polar,1,1,1,5,S\n", "mine.csv:4:1: .*'polar' again"),
        (CSV + "Lost,,1,1,5,S\n", r"mine.csv:4:1: stations\[2\].latitude: found nothing"),
        ("", "mine.csv:1:1: columns: found an empty table"),
    ],
)
def test_mistakes_stand_in_the_table(tmp_path: Path, csv: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        flown(tmp_path, "./mine.csv", mine_csv=csv)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"tiny.yaml:\d+:\d+: stations: found .*none.csv': No such file"):
        flown(tmp_path, "./none.csv")
    with pytest.raises(ScenarioError, match=r"tiny.yaml:\d+:\d+: stations: found 257 stations"):
        flown(tmp_path, "./many.csv", many_csv=CSV + "".join(f"s-{i},1,1,1,5,S\n" for i in range(255)))


def masks(scenario: Scenario) -> tuple[float, float]:
    """What the plant keeps of the first station: S, Ka."""
    setup = plant_setup(
        load_design("pathfinder"), scenario.spacecraft[0], stations=scenario.stations, epoch_utc=scenario.epoch_utc,
        environment=scenario.environment, seed=1,
    )  # fmt: skip
    site = setup.sites[0]
    return round(math.degrees(site.mask_rad), 6), round(math.degrees(site.mask_high_rad), 6)


@pytest.mark.parametrize(
    ("mask", "said"),
    [("5 deg", (5.0, 5.0)), ("{S: 5 deg, Ka: 12 deg}", (5.0, 12.0)), ("{S: 8 deg, Ka: 3 deg}", (8.0, 3.0))],
)
def test_a_mask_holds_for_all_bands_unless_said_by_band(tmp_path: Path, mask: str, said: tuple[float, float]) -> None:
    scenario = flown(tmp_path, "./mine.yaml", mine_yaml=YAML.replace("mask: 10 deg", f"mask: {mask}"))
    assert masks(scenario) == said
    assert math.degrees(scenario.stations[0].mask_rad) == pytest.approx(min(said))


def test_listed_stations_keep_ten_degrees_in_ka_band(tmp_path: Path) -> None:
    assert masks(flown(tmp_path, "[svalbard]")) == (5.0, 10.0)


def test_a_mask_by_band_names_every_band(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"mask.Ka: found nothing"):
        flown(tmp_path, "./mine.yaml", mine_yaml=YAML.replace("mask: 10 deg", "mask: {S: 5 deg}"))


def notes_of(tmp_path: Path, **changes: str) -> str:
    text = TINY
    for before, after in changes.items():
        text = text.replace({"duration": "60 s", "altitude": "650 km", "argument": "85 deg"}.get(before, before), after)
    (tmp_path / "tiny.yaml").write_text(text)
    return "\n".join(choose(RunOptions(str(tmp_path / "tiny.yaml"))).notes)


def test_a_spacecraft_without_a_contact_is_told(tmp_path: Path) -> None:
    assert notes_of(tmp_path) == ""
    assert "sc-1: no contact with any station in the run" in notes_of(tmp_path, argument="0 deg")
    assert notes_of(tmp_path, argument="0 deg", duration="2 h") == ""
    low = "{circular: {altitude: 550 km, inclination: 53 deg, raan: 0 deg, argument_of_latitude: 0 deg}}"
    orbit = '{sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 85 deg}}'
    text = TINY.replace(orbit, low).replace("duration: 60 s", "duration: 10 d")
    (tmp_path / "low.yaml").write_text(text)
    said = load_named(str(tmp_path / "low.yaml")).notes
    assert any("no contact with any station in its first 3d" in note for note in said), said
    (tmp_path / "optical.yaml").write_text(
        TINY.replace(
            "[svalbard]",
            "[{id: eye, latitude: 78 deg, longitude: 15 deg, altitude: 0 m, mask: 5 deg, bands: [optical], source: x}]",
        )
    )
    assert any("eye: neither S nor Ka" in note for note in load_named(str(tmp_path / "optical.yaml")).notes)


def test_a_table_without_stations_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("name,latitude,longitude,altitude\n")
    with pytest.raises(ScenarioError, match=r"empty\.csv:2:1: stations: found no line after the header"):
        load_text(TINY.replace("[svalbard]", "./empty.csv"), file=str(tmp_path / "x.yaml"))


@pytest.mark.parametrize(("design", "room", "count"), [("fleet", "one", 2), ("pathfinder", "at most 16", 17)])
def test_more_stations_than_a_spacecraft_can_follow_are_refused(design: str, room: str, count: int) -> None:
    stations = "\n".join(
        f"  - {{id: s-{n}, latitude: {n} deg, longitude: 0 deg, altitude: 0 m, mask: 5 deg, bands: [S], source: mine}}"
        for n in range(count)
    )
    text = TINY.replace("pathfinder", design).replace("stations: [svalbard]", f"stations:\n{stations}")
    with pytest.raises(ScenarioError, match=rf"{count} stations; allowed: {room}, which is what design '{design}'"):
        load_text(text)
