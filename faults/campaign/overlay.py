"""What a campaign lays over its scenario, case by case, as trees: every mistake keeps the file and line it came from.

Mappings are merged, lists are appended, a list of things with ids takes a mapping of changes by id. In what is laid
over, `$name` stands for the case's value of the variable, whole where it is all there is, and as text in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from bus.errors import Mistake, ScenarioError
from bus.text.near import one_of
from bus.text.yaml_nodes import MAX_CHARACTERS, MAX_NODES, Node

_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_MOST_DEPTH = 8


def names_in(node: Node) -> Iterator[str]:
    """The variables that stand in a tree, each as often as it does."""
    for child in (*(node.items or ()), *(value for _, value in (node.entries or {}).values())):
        yield from names_in(child)
    if isinstance(node.value, str):
        yield from _VARIABLE.findall(node.value)


def fill(node: Node, values: Mapping[str, Node]) -> Node | None:
    """The tree with the case's values in it. An item or entry whose value is nothing is left out.

    Raises ScenarioError for a variable there is not, for a value that stands for itself, and for values that stand for
    more than a file may hold.
    """
    return _Filling(values).of(node, 0)


class _Filling:
    """One tree being filled. Values in values multiply, so what they come to is counted."""

    def __init__(self, values: Mapping[str, Node]) -> None:
        self._values = values
        self._nodes = self._characters = 0

    def of(self, node: Node, depth: int) -> Node | None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _refused(node, f"values in values, more than {MAX_NODES:,}", f"at most {MAX_NODES:,} in all")
        if node.items is not None:
            items = [filled for item in node.items if (filled := self.of(item, depth)) is not None]
            return replace(node, items=items)
        if node.entries is not None:
            entries = {
                name: (key, filled)
                for name, (key, value) in node.entries.items()
                if (filled := self.of(value, depth)) is not None
            }
            return replace(node, entries=entries)
        if not isinstance(node.value, str) or "$" not in node.value:
            return node
        whole = _VARIABLE.fullmatch(node.value)
        if whole:
            return self._value(node, whole[1], depth)
        return replace(node, value=_VARIABLE.sub(lambda match: self._in_text(node, match[1], depth), node.value))

    def _value(self, node: Node, name: str, depth: int) -> Node | None:
        if name not in self._values:
            raise _refused(node, f"${name}", one_of([f"${each}" for each in self._values], f"${name}"))
        if depth >= _MOST_DEPTH:
            raise _refused(node, f"${name}, which stands for itself", "values that lead to something else")
        found = self._values[name]
        return None if _is_nothing(found) else self.of(found, depth + 1)

    def _in_text(self, node: Node, name: str, depth: int) -> str:
        found = self._value(node, name, depth)
        if found is None or found.items is not None or found.entries is not None:
            raise _refused(node, f"${name} within a text", "a variable whose values are numbers or texts")
        self._characters += len(str(found.value))
        if self._characters > MAX_CHARACTERS:
            raise _refused(node, f"texts in texts, more than {MAX_CHARACTERS:,} characters", "less text")
        return str(found.value)


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


def _is_nothing(node: Node) -> bool:
    return node.items is None and node.entries is None and node.value is None


def _refused(node: Node, found: str, allowed: str, field: str = "with") -> ScenarioError:
    return ScenarioError([Mistake(node.file, node.line, node.column, field, found, allowed)])
