"""What a campaign lays over its scenario, case by case, as trees: every mistake keeps the file and line it came from.

Mappings are merged, lists are appended, a list of things with ids takes a mapping of changes by id. In what is laid
over, `$name` stands for the case's value of the variable, whole where it is all there is, and as text in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bus.errors import Mistake, ScenarioError
from bus.text.near import one_of
from bus.text.yaml_nodes import Node

_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_MOST_DEPTH = 8


def fill(node: Node, values: Mapping[str, Node], depth: int = 0) -> Node | None:
    """The tree with the case's values in it. An item or entry whose value is nothing is left out.

    Raises ScenarioError for a variable there is not, and for a value that stands for itself.
    """
    if node.items is not None:
        items = [filled for item in node.items if (filled := fill(item, values, depth)) is not None]
        return replace(node, items=items)
    if node.entries is not None:
        entries = {
            name: (key, filled)
            for name, (key, value) in node.entries.items()
            if (filled := fill(value, values, depth)) is not None
        }
        return replace(node, entries=entries)
    if not isinstance(node.value, str) or "$" not in node.value:
        return node
    whole = _VARIABLE.fullmatch(node.value)
    if whole:
        found = _value(node, whole[1], values)
        if depth >= _MOST_DEPTH:
            raise _refused(node, f"{node.value}, which stands for itself", "values that lead to something else")
        return None if _is_nothing(found) else fill(found, values, depth + 1)
    return replace(node, value=_VARIABLE.sub(lambda match: _in_text(node, match[1], values), node.value))


def lay_over(base: Node, change: Node, field: str = "") -> Node:
    """The scenario's tree with a change over it. Raises ScenarioError where they do not fit."""
    if base.entries is not None and change.entries is not None:
        entries = dict(base.entries)
        for name, (key, value) in change.entries.items():
            below = f"{field}.{name}" if field else name
            entries[name] = (key, lay_over(entries[name][1], value, below) if name in entries else value)
        return replace(base, entries=entries)
    if base.items is not None and change.items is not None:
        return replace(base, items=[*base.items, *change.items])
    if base.items is not None and change.entries is not None:
        return replace(base, items=_by_id(base.items, change, field))
    return change


def _by_id(items: list[Node], change: Node, field: str) -> list[Node]:
    assert change.entries is not None
    ids = {
        item.entries["id"][1].value: place for place, item in enumerate(items) if item.entries and "id" in item.entries
    }
    changed = list(items)
    for name, (key, value) in change.entries.items():
        place = ids.get(name)
        if place is None:
            allowed = one_of([str(each) for each in ids], name) if ids else "a list of more of them"
            raise _refused(key, f"the id {name!r}", allowed, field)
        changed[place] = lay_over(items[place], value, f"{field}[{place}]")
    return changed


def _value(node: Node, name: str, values: Mapping[str, Node]) -> Node:
    if name not in values:
        raise _refused(node, f"${name}", one_of([f"${each}" for each in values], f"${name}"))
    return values[name]


def _in_text(node: Node, name: str, values: Mapping[str, Node]) -> str:
    found = _value(node, name, values)
    if found.items is not None or found.entries is not None or found.value is None:
        raise _refused(node, f"${name} within a text", "a variable whose values are numbers or texts")
    return str(found.value)


def _is_nothing(node: Node) -> bool:
    return node.items is None and node.entries is None and node.value is None


def _refused(node: Node, found: str, allowed: str, field: str = "with") -> ScenarioError:
    return ScenarioError([Mistake(node.file, node.line, node.column, field, found, allowed)])
