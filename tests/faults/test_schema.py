"""JSON Schema of scenarios and designs: every shipped file is valid, what `check` refuses by its form is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bus.errors import ScenarioError
from bus.text.yaml_nodes import compose
from faults.commands.schema import design_schema, scenario_schema
from faults.scenarios.choose import shipped_scenarios
from faults.scenarios.load import load_text
from node.designs.load import DESIGNS, SHIPPED
from tests.kits.runs import TINY, skyrack

jsonschema = pytest.importorskip("jsonschema", reason="comes with the dev extras")


def errors(schema: dict[str, Any], text: bytes | str) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(compose(text, "x").plain())]


@pytest.mark.parametrize("name", shipped_scenarios())
def test_every_shipped_scenario_is_valid(name: str) -> None:
    assert errors(scenario_schema(), shipped_scenarios()[name].read_bytes()) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_design_is_valid(name: str) -> None:
    assert errors(design_schema(), (DESIGNS / f"{name}.yaml").read_bytes()) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tick: 1 s", "tick: 1"),
        ("altitude: 650 km", "altitude: 650 kg"),
        ("seed: 7", "seed: -1"),
        ("seed: 7", "sed: 7"),
        ("solar_activity: maximum", "solar_activity: high"),
        ("sso: {", "sos: {"),
        ("skyrack: 1", "skyrack: 2"),
        ("[svalbard]", "[{station: svalbard, rain: 1 %}]"),
    ],
)
def test_what_the_reader_refuses_by_form_is_invalid(old: str, new: str) -> None:
    assert old in TINY
    assert errors(scenario_schema(), TINY) == []
    assert errors(scenario_schema(), TINY.replace(old, new)) != []


WORKING = (
    TINY.replace("[svalbard]", "[svalbard, {station: kiruna, wet_fraction: 5 %}, MINE]")
    .replace(
        "MINE",
        "{id: mine, latitude: 48 deg, longitude: 11 deg, altitude: 500 m, mask: {S: 5 deg}, bands: [S], source: me}",
    )
    .replace(
        "stations:",
        """    jobs:
      - {kind: training, checkpoint_every: 10 min, checkpoint_cost: 20 s, groups: [tray_1]}
      - {kind: inference, arrival_rate: 2 Hz, service_time: 500 ms}
      - {trace: log.csv, kind: batch, columns: {submit_time: at, duration: took}, rows: 10}
stations:""",
    )
)
"""Every form of a station and of a job."""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("wet_fraction: 5 %", "wet_spell: 5"),
        ("latitude: 48 deg", "latitude: 48 km"),
        ("mask: {S: 5 deg}", "mask: {Q: 5 deg}"),
        ("bands: [S]", "bands: []"),
        ("source: me", "sauce: me"),
        ("checkpoint_every: 10 min, ", ""),
        ("arrival_rate: 2 Hz", "arrival_rate: 2 kg"),
        ("kind: inference", "kind: inferense"),
        ("columns: {submit_time: at", "columns: {submitted: at"),
        ("rows: 10", "rows: 0"),
        ("groups: [tray_1]", "groups: tray_1"),
    ],
)
def test_stations_and_jobs_are_in_the_schema(old: str, new: str) -> None:
    assert old in WORKING
    assert errors(scenario_schema(), WORKING) == []
    assert errors(scenario_schema(), WORKING.replace(old, new)) != []


def test_a_field_without_a_value_is_a_mistake() -> None:
    for field in ("start", "accelerators", "work", "id", "step_time"):
        text = WORKING.replace("groups: [tray_1]", f"{field}: ").replace("{station: kiruna, wet_fraction: 5 %}, ", "")
        with pytest.raises(ScenarioError, match=rf"jobs\[0\].{field}: found nothing"):
            load_text(text, file="x.yaml")


def test_a_design_without_a_field_or_with_a_wrong_part_is_invalid() -> None:
    text = (DESIGNS / "pathfinder.yaml").read_text(encoding="utf-8")
    assert errors(design_schema(), text.replace("strings: 20", "strngs: 20")) != []
    assert errors(design_schema(), text.replace("{part: nmc_cell}", "{part: nmc_sell}")) != []
    assert errors(design_schema(), text.replace("mass: [60 kg,", "mass: [60 kg, x,")) != []


@pytest.mark.parametrize("what", ["scenario", "design"])
def test_the_command_prints_it(what: str, tmp_path: Path) -> None:
    printed = skyrack("schema", what, cwd=tmp_path)
    assert printed.returncode == 0, printed.stderr
    jsonschema.Draft202012Validator.check_schema(json.loads(printed.stdout))
