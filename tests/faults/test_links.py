"""The share of an orbit that a link can stand, as `check` says it: against the plants, and against plain geometry."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.scenario.model import Scenario
from faults.scenarios.choose import load_named
from faults.scenarios.links import links, warnings
from node.config import resolve
from node.designs.setup import plant_setup
from node.plant.plant import Plant

RING = """\
skyrack: 1
name: ring
epoch: 2026-03-21T00:00:00Z
duration: 1 orbits
tick: 60 s
seed: 7
environment: {solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}
stations: []
spacecraft:
  - id: a
    design: DESIGN
    orbit: {sso: {altitude: 650 km, ltan: "18:00", argument_of_latitude: 0 deg}}
    peers: [b]
    orders: {attitude_mode: MODE}
  - id: b
    design: DESIGN
    orbit: {sso: {altitude: 650 km, ltan: "LTAN", argument_of_latitude: PLACE deg}}
    peers: [a]
    orders: {attitude_mode: MODE}
"""
ALONG = {"DESIGN": "formation", "LTAN": "18:00", "PLACE": "0.01"}
ACROSS = {"DESIGN": "ai1-june", "LTAN": "19:30", "PLACE": "10"}
LOW = {"DESIGN": "ai1-june", "LTAN": "18:00", "PLACE": "60"}


def scenario_of(tmp_path: Path, mode: str = "sun", **values: str) -> Scenario:
    text = RING.replace("MODE", mode)
    for name, value in values.items():
        text = text.replace(name, value)
    (tmp_path / "ring.yaml").write_text(text)
    return load_named(str(tmp_path / "ring.yaml")).scenario


def clear_share(scenario: Scenario, mode: int) -> float:
    """Share of an orbit in which both plants call the line clear."""
    plants = {}
    for one in scenario.spacecraft:
        config = resolve(scenario, one.id)
        plants[one.id] = Plant(
            plant_setup(
                config.design, config.spacecraft, stations=(), environment=config.environment,
                epoch_utc=config.epoch_utc, seed=1, peer_heads=config.peer_heads,
            )
        )  # fmt: skip
        plants[one.id].inputs["attitude_mode"] = mode
    clear = 0
    for tick in range(scenario.ticks):
        beacons = {name: plant.beacon() for name, plant in plants.items()}
        for one in scenario.spacecraft:
            plants[one.id].step(tick, 60.0, {peer: beacons[peer] for peer in one.peers})
        clear += all(int(plant.state["isl_blocked"].flat[0]) == 0 for plant in plants.values())
    return clear / scenario.ticks


@pytest.mark.parametrize("values", [ALONG, ACROSS, LOW], ids=["along", "across", "the Earth between"])
@pytest.mark.parametrize(("mode", "attitude"), [(0, "sun"), (1, "nadir")])
def test_the_plants_agree(tmp_path: Path, mode: int, attitude: str, values: dict[str, str]) -> None:
    scenario = scenario_of(tmp_path, attitude, **values)
    share = links(scenario)[0].stands[attitude]
    assert clear_share(scenario, mode) == pytest.approx(share, abs=0.05)


def test_along_the_track_a_cluster_stands_together(tmp_path: Path) -> None:
    for link in links(scenario_of(tmp_path, **ALONG)):
        assert link.stands == {"sun": 1.0, "nadir": 1.0}
        assert link.head == "fore"


def test_no_head_looks_through_the_earth(tmp_path: Path) -> None:
    found = links(scenario_of(tmp_path, **{**LOW, "PLACE": "90"}))
    assert [link.stands for link in found] == [{"sun": 0.0, "nadir": 0.0}] * 2
    assert "head 'fore' never sees it" in warnings(found)[0]


def test_a_design_without_heads_is_told(tmp_path: Path) -> None:
    found = links(scenario_of(tmp_path, **{**ALONG, "DESIGN": "pathfinder"}))
    assert "no head is left" in warnings(found)[0]
