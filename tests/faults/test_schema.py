"""JSON Schema of scenarios and designs: every shipped file is valid, what `check` refuses by its form is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bus.text.yaml_nodes import compose
from faults.commands.schema import design_schema, scenario_schema
from faults.scenarios.choose import shipped_scenarios
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
