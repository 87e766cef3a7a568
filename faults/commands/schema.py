"""`skyrack schema`: the forms of scenario and design files as JSON Schema, for editors that check while one types."""

from __future__ import annotations

import json
import sys
from typing import Any

from faults.scenarios.load import ScenarioForm
from node.designs.load import part_names
from node.designs.schema import DesignForm

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_command(what: str) -> int:
    """Print the schema of `scenario`, `design` or `fleet`."""
    schema = {"scenario": scenario_schema, "design": design_schema, "fleet": fleet_schema}[what]()
    sys.stdout.write(json.dumps(schema, indent=2) + "\n")
    return 0


def scenario_schema() -> dict[str, Any]:
    """What `check` reads, but for names that only a scenario itself or a design gives."""
    return {"$schema": DIALECT, **ScenarioForm.model_json_schema()}


def fleet_schema() -> dict[str, Any]:
    """The scenario of a constellation."""
    from faults.fleet.form import FleetForm  # noqa: PLC0415 - numba

    return {"$schema": DIALECT, **FleetForm.model_json_schema()}


def design_schema() -> dict[str, Any]:
    """A design's figures; `part: NAME` may stand for the fields of a part."""
    schema = DesignForm.model_json_schema()
    for form in schema["$defs"].values():
        if "required" in form:
            form["properties"]["part"] = {"enum": list(part_names())}
            form["anyOf"] = [{"required": form.pop("required")}, {"required": ["part"]}]
    return {"$schema": DIALECT, **schema}
