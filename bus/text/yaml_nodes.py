"""YAML text -> a tree of nodes that know their line and column, with strict types and hard limits.

Built from libyaml's events, so no constructor ever runs. What YAML 1.1 would guess is not guessed: `no`, `on` and
`12:30:00` are text, `1e3` is a number, `0x10` and `1_000` are text. Duplicate keys, tags, merge keys, several
documents, recursion and oversized input are mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from bus.errors import Mistake, ScenarioError
from bus.text.files import decode

MAX_CHARACTERS = 4 * 1024 * 1024
MAX_NODES = 200_000
MAX_DEPTH = 24
MAX_ALIASES = 1_000
MAX_SCALAR_CHARACTERS = 64 * 1024

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\d{1,18}\.\d{0,18}|\.\d{1,18}|\d{1,18})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WORDS: dict[str, bool | None] = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "~": None, "": None,
}  # fmt: skip

Value = bool | int | float | str | None


@dataclass(slots=True)
class Node:
    """One value of the text. Exactly one of `items` (a list), `entries` (a mapping: name -> key, value) is set, or
    neither for a scalar. Lines and columns count from 1."""

    line: int
    column: int
    value: Value = None
    items: list[Node] | None = None
    entries: dict[str, tuple[Node, Node]] | None = None
    size: int = 1
    depth: int = 1
    file: str = ""

    def plain(self) -> Any:
        """As lists, mappings and values, without places."""
        if self.entries is not None:
            return {name: value.plain() for name, (_, value) in self.entries.items()}
        return self.value if self.items is None else [item.plain() for item in self.items]

    @property
    def kind(self) -> str:
        """What it is, in a user's words."""
        return "a list" if self.items is not None else "a mapping" if self.entries is not None else "a value"


@dataclass(slots=True)
class _Open:
    node: Node
    anchor: str | None
    key: Node | None = None


def compose(text: str | bytes, file: str) -> Node:
    """The tree of a text. Raises ScenarioError, and nothing else, for any text at all."""
    tree = _Tree(file)
    try:
        text = decode(text, file) if isinstance(text, bytes) else text
        text.encode("utf-8")
    except UnicodeError as error:
        raise _refusal(file, 1, 1, "bytes that are not UTF-8", f"UTF-8 text ({error.reason})") from None  # type: ignore[attr-defined]
    if len(text) > MAX_CHARACTERS:
        raise _refusal(file, 1, 1, f"{len(text)} characters", f"at most {MAX_CHARACTERS} characters")
    try:
        for event in _events(text):
            tree.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _refusal(file, line, column, str(error.problem or error.context), "YAML") from None
    except yaml.YAMLError as error:
        raise _refusal(file, 1, 1, ascii(str(error).splitlines()[0] if str(error) else "not YAML"), "YAML") from None
    if tree.mistakes:
        raise ScenarioError(tree.mistakes)
    if tree.root is None:
        raise _refusal(file, 1, 1, "an empty file", "a mapping of fields")
    return tree.root


def _events(text: str) -> Iterator[Any]:
    yield from yaml.parse(text, Loader=_LOADER)


def _refusal(file: str, line: int, column: int, found: str, allowed: str) -> ScenarioError:
    return ScenarioError([Mistake(file, line, column, "text", found, allowed)])


class _Tree:
    """Builds the tree from events with a stack of its own, so that depth cannot exhaust Python's."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Node | None = None
        self.mistakes: list[Mistake] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node | None] = {}
        self.documents = self.nodes = self.aliases = 0

    def take(self, event: Any) -> None:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _refusal(self.file, line, column, "a second document", "one document per file")
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line, column)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event, line, column), event.anchor)
        elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            self._open(event, line, column)
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            closed = self.stack.pop()
            self._add(closed.node, closed.anchor)

    def _open(self, event: Any, line: int, column: int) -> None:
        self._tag(event, line, column)
        if len(self.stack) >= MAX_DEPTH:
            raise _refusal(self.file, line, column, "deeper nesting", f"at most {MAX_DEPTH} levels")
        is_list = isinstance(event, yaml.SequenceStartEvent)
        node = Node(line, column, items=[] if is_list else None, entries=None if is_list else {}, file=self.file)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(node, event.anchor))

    def _alias(self, anchor: str, line: int, column: int) -> None:
        self.aliases += 1
        target = self.anchors.get(anchor)
        if target is None:
            raise _refusal(self.file, line, column, f"*{anchor}", "an anchor that was completed before")
        if self.aliases > MAX_ALIASES:
            raise _refusal(self.file, line, column, "one alias too many", f"at most {MAX_ALIASES} aliases")
        self._add(target, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        self.nodes += node.size if node.items is None and node.entries is None else 1
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self._check_size(node)
            self.root = node
            return
        top = self.stack[-1]
        if top.node.items is not None:
            top.node.items.append(node)
        elif top.key is None:
            top.key = node
            self._check_key(node)
        else:
            self._entry(top, top.key, node)
            top.key = None
        top.node.size += node.size
        top.node.depth = max(top.node.depth, node.depth + 1)
        self._check_size(top.node)

    def _check_size(self, node: Node) -> None:
        if node.size > MAX_NODES or node.depth > MAX_DEPTH:
            raise _refusal(
                self.file, node.line, node.column, "more than fits", f"{MAX_NODES} values, {MAX_DEPTH} levels deep"
            )

    def _check_key(self, key: Node) -> None:
        if key.items is not None or key.entries is not None:
            self.mistakes.append(Mistake(self.file, key.line, key.column, "key", key.kind, "a name"))

    def _entry(self, top: _Open, key: Node, value: Node) -> None:
        entries = top.node.entries
        if entries is None or key.items is not None or key.entries is not None:
            return
        name = key.value if isinstance(key.value, str) else str(key.value)
        if name in entries:
            first = entries[name][0].line
            self.mistakes.append(
                Mistake(self.file, key.line, key.column, ascii(name)[:60], f"again (first in line {first})", "once")
            )
            return
        entries[name] = (key, value)

    def _tag(self, event: Any, line: int, column: int) -> None:
        if event.tag is not None and event.tag != "!":
            self.mistakes.append(
                Mistake(self.file, line, column, "tag", ascii(event.tag)[:60], "no tags: plain YAML values only")
            )

    def _scalar(self, event: Any, line: int, column: int) -> Node:
        self._tag(event, line, column)
        text: str = event.value
        if len(text) > MAX_SCALAR_CHARACTERS:
            raise _refusal(
                self.file, line, column, f"a text of {len(text)} characters", f"at most {MAX_SCALAR_CHARACTERS}"
            )
        plain = event.implicit[0]
        return Node(line, column, value=_resolve(text) if plain else text, file=self.file)


def _resolve(text: str) -> Value:
    """The value of a plain scalar: true, false, null, integer, decimal number, or else text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and not _leading_zeros(text):
        number = float(text)
        return number if abs(number) < 1e300 else text
    return text


def _leading_zeros(text: str) -> bool:
    """Numbers such as 007: neither octal nor decimal for sure, so they stay text."""
    digits = text.lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
