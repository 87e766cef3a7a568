"""A fault with several targets, and one that is none of a spacecraft's: a ground station is out."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import ScenarioError
from faults.scenarios.load import load_text
from tests.kits.runs import fly_text

TWO = """\
skyrack: 1
name: two
epoch: 2026-08-12T00:00:00Z
duration: 3 min
tick: 1 s
seed: 7
environment: {solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - {id: sc-1, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 85 deg}}}
  - {id: sc-2, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 84 deg}}}
stations:
  - svalbard
  - {id: longyear, latitude: 78.2 deg, longitude: 15.6 deg, altitude: 10 m, mask: 5 deg, bands: [S, X], source: "test"}
timeline:
  - {at: 30 s, telecommand: {to: all, name: test.ping}}
faults:
  - {id: out, fault: station_outage, target: TARGET, at: 20 s, for: 1 min, parameters: {station: STATION}}
expectations:
  - "eventually [5 s, 19 s] sc-1.contact == 1"
  - "eventually [5 s, 19 s] sc-2.contact == 1"
  - "never [22 s, 1 min] sc-1.contact == 1 and sc-2.contact == 1"
  - "within 2 s of out: sc-1.contact == 0 or sc-2.contact == 0"
  - "eventually [81 s, 3 min] sc-1.contact == 1"
  - "eventually [81 s, 3 min] sc-2.contact == 1"
"""


def text(target: str = "all", station: str = "longyear") -> str:
    return TWO.replace("TARGET", target).replace("STATION", station)


def test_a_fault_of_several_targets_strikes_each() -> None:
    faults = load_text(text()).faults
    assert [(fault.id, fault.target) for fault in faults] == [("out", "sc-1"), ("out", "sc-2")]
    assert len(load_text(text("[sc-2]")).faults) == len(load_text(text("'design:pathfinder'")).faults) - 1 == 1


@pytest.mark.parametrize(
    ("target", "station", "said"),
    [
        ("sc-3", "longyear", "faults[0].target: found 'sc-3'; allowed: a spacecraft of this scenario: sc-1, sc-2"),
        ("[sc-1, sc-3]", "longyear", "faults[0].target: found 'sc-3'"),
        ("all", "kiruna", "faults[0].parameters.station: found 'kiruna'; allowed: svalbard, longyear"),
    ],
)
def test_what_there_is_not_is_told_once(target: str, station: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(text(target, station))
    assert len(caught.value.mistakes) == 1
    assert said in str(caught.value.mistakes[0])


def test_nothing_passes_over_a_station_that_is_out_and_the_telecommands_wait(tmp_path: Path) -> None:
    summary = fly_text(text(), tmp_path)
    assert [(row["text"], row["verdict"]) for row in summary["expectations"] if row["verdict"] != "PASS"] == []
    assert summary["telecommands"]["completed"] == 2
    assert {(row["id"], row["target"]) for row in summary["faults"]} == {("out", "sc-1"), ("out", "sc-2")}
    assert all(row["cleared_s"] is not None for row in summary["faults"])
