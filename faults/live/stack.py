"""The stack file of `skyrack command --stack`, checked against the run's scenario before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bus.dictionary import Dictionary
from bus.scenario.model import Scenario
from bus.text.files import read_file
from bus.text.reader import Sheet
from bus.wire.stacks import CommandStep
from faults.scenarios.stacks import StackForm, read_steps
from groundstation.commanding.wishes import Fleet


def fleet_of(scenario: Scenario, dictionaries: Mapping[str, Dictionary]) -> Fleet:
    """Who flies in a run, and what they understand."""
    return Fleet({one.id: one.design for one in scenario.spacecraft}, dictionaries.__getitem__)


def read_stack(path: Path, fleet: Fleet) -> tuple[tuple[CommandStep, ...], bool]:
    """The steps of a stack file, and whether it stops at a failure. Raises ScenarioError with every mistake."""
    sheet = Sheet(str(path))
    root = sheet.compose(read_file(path, "stack", hint="docs/how-to/commanding.md shows one"))
    form = root.read(StackForm)
    steps = read_steps(list(root.below("steps").list()), form.steps, fleet) if form else []
    sheet.finish()
    return tuple(step for step in steps if step is not None), form is None or form.on_failure == "stop"
