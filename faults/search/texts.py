"""A scenario as its author wrote it, with the properties that are searched; and the file of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path
from typing import Any

import yaml

from bus.errors import ScenarioError, UserError
from bus.scenario.model import Scenario
from bus.text.files import decode, read_file
from bus.text.reader import Item, Sheet
from bus.text.yaml_nodes import Node, compose
from faults.scenarios.choose import RESOLVED, find_scenario
from faults.scenarios.load import load_text, load_tree
from faults.scenarios.outside import emulated
from faults.scenarios.own_designs import Shelf
from faults.search.steps import Steps, entries_of

OPTION = "--property"
_HEAD = (
    "# Found by `skyrack search`: the smallest sequence that violates what is expected. Run it: skyrack run THIS-FILE\n"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A scenario's text as a tree, where it stands, and how it resolves with the properties as its expectations."""

    path: Path
    tree: Node
    scenario: Scenario
    shelf: Shelf


def read_source(name: str, properties: Sequence[str], duration: str, shelf: Shelf) -> Source:
    """The scenario of this name or path. Without properties its own expectations are searched. Raises ScenarioError
    with every mistake, a property's as the option's; UserError where there is nothing to violate."""
    path = find_scenario(name)
    if path.suffix == RESOLVED:
        raise UserError(f"{path} is resolved", hint="search in a scenario as people write them, a .yaml")
    content = read_file(path, "scenario", hint="`skyrack list scenarios` shows the shipped ones")
    tree = compose(decode(content, str(path)), str(path))
    if tree.entries is None:
        load_tree(Item(Sheet(str(path)), tree, "", tree), shelf)  # raises: it is no mapping
    changes: dict[str, Node] = {}
    if properties:
        items = [Node(1, 1, value=text, file=OPTION) for text in properties]
        changes["expectations"] = Node(1, 1, items=items, file=OPTION)
    if duration:
        changes["duration"] = Node(1, 1, value=duration, file="--duration")
    entries = {**(tree.entries or {}), **{key: (node, node) for key, node in changes.items()}}
    changed = replace(tree, entries=entries)
    try:
        scenario = load_tree(Item(Sheet(str(path)), changed, "", changed), shelf)
    except ScenarioError as error:
        raise _told(error) from None
    emulated(scenario, "a search")
    if not scenario.expectations:
        raise UserError("what is to be violated?", hint=f"{OPTION} 'always sc-1.battery_soc > 30 %', for example")
    return Source(path, changed, scenario, shelf)


def _told(error: ScenarioError) -> ScenarioError:
    """A mistake in what was given on the command line is that line's."""
    moved = [
        replace(each, line=0, column=0, field="") if each.file in (OPTION, "--duration") else each
        for each in error.mistakes
    ]
    return ScenarioError(moved, hint=error.hint)


def found_text(source: Source, steps: Steps, violated: Sequence[str], folder: Path) -> str:
    """The scenario with these steps and what they violate, as a file in `folder`. What it says of other files is said
    from there."""
    content: dict[str, Any] = _from(source.tree.plain(), source.path.parent.resolve(), folder.resolve())
    designs = {one.id: one.design for one in source.scenario.spacecraft}
    for key, entries in entries_of(steps, designs).items():
        if entries:
            content[key] = [*(content.get(key) or []), *entries]
    content["expectations"] = list(violated)
    return _HEAD + str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))


def _from(value: Any, base: Path, folder: Path) -> Any:
    """The value with names of files that lie beside the scenario as they are called from another folder."""
    if isinstance(value, dict):
        return {key: _from(each, base, folder) for key, each in value.items()}
    if isinstance(value, list):
        return [_from(each, base, folder) for each in value]
    names_a_file = isinstance(value, str) and Path(value).suffix in (".yaml", ".yml", ".csv", ".json", ".py", ".txt")
    return relpath(base / value, folder) if names_a_file and (base / value).is_file() else value


def load_found(path: Path, shelf: Shelf) -> Scenario:
    """The file of what was found, read as anybody would."""
    return load_text(decode(read_file(path, "scenario"), str(path)), shelf, file=str(path))
