"""The one reader of everything people write: a YAML tree with places, forms that say what may stand where, and all
mistakes in one go.

`Item.read` checks a piece of the tree against a form and notes what is wrong where it stands; it is None then, and
reading goes on with the next piece. `Sheet.finish` raises everything in the order of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from bus.errors import Mistake, ScenarioError, UnknownNameError
from bus.text import forms, units
from bus.text.near import one_of
from bus.text.yaml_nodes import Node, compose

MAX_MISTAKES = 200
MAX_ALIKE = 20
"""More mistakes of one kind than this are told as one, with their number."""


class Sheet:
    """One file being read: its name, its mistakes, its warnings."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []

    def compose(self, text: str | bytes) -> Item:
        """The root of a text. Raises ScenarioError where the text is no YAML at all."""
        root = compose(text, self.file)
        return Item(self, root, "", root)

    def beside(self, file: str) -> Sheet:
        """A file that this one names: its mistakes count here, under its own name."""
        other = Sheet(file)
        other.mistakes, other.warnings = self.mistakes, self.warnings
        return other

    def mark(self) -> int:
        """How many mistakes there are so far; see `clean_since`."""
        return len(self.mistakes)

    def clean_since(self, mark: int) -> bool:
        """No mistake was found since: checks that need several fields together may go on."""
        return len(self.mistakes) == mark

    def finish(self, *, hint: str = "") -> None:
        """Raise everything that was found, in the order of the file."""
        if self.mistakes:
            raise ScenarioError(in_brief(self.mistakes), hint=hint)


def in_brief(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """In the order of the file, each once, and of many of one kind the first with their number."""
    kinds: dict[tuple[str, str, str], list[Mistake]] = {}
    for mistake in dict.fromkeys(sorted(mistakes, key=lambda m: (m.line, m.column))):
        kind = (mistake.file, re.sub(r"\[\d+\]", "[]", mistake.field), mistake.allowed.partition(" (did you mean")[0])
        kinds.setdefault(kind, []).append(mistake)
    brief: list[Mistake] = []
    for alike in kinds.values():
        if len(alike) <= MAX_ALIKE:
            brief += alike
        else:
            more = f"{alike[0].found} (and {len(alike) - 1} more of this kind, to line {alike[-1].line})"
            brief.append(replace(alike[0], found=more))
    return sorted(brief, key=lambda m: (m.line, m.column))[:MAX_MISTAKES]


class Item:
    """One value at a path of the file, or its absence (then `at` is where it should have been)."""

    def __init__(self, sheet: Sheet, node: Node | None, path: str, at: Node) -> None:
        self.sheet = sheet
        self.node = node
        self.path = path
        self.at = node or at

    def refuse(self, found: str, allowed: str) -> None:
        """Note a mistake here."""
        self.sheet.mistakes.append(
            Mistake(self.at.file or self.sheet.file, self.at.line, self.at.column, self.path or "file", found, allowed)
        )

    def warn(self, found: str, allowed: str) -> None:
        """Note something that is allowed and probably not meant."""
        self.sheet.warnings.append(
            Mistake(self.at.file or self.sheet.file, self.at.line, self.at.column, self.path or "file", found, allowed)
        )

    def has(self, name: str) -> bool:
        """Whether a field of this name was written."""
        return self.node is not None and name in (self.node.entries or {})

    @property
    def refused(self) -> bool:
        """Something was found wrong here, or below."""
        begins = (f"{self.path}.", f"{self.path}[")
        return any(m.field == self.path or m.field.startswith(begins) for m in self.sheet.mistakes)

    @property
    def found(self) -> str:
        """What stands here, in a user's words."""
        if self.node is None:
            return "nothing"
        if self.node.items is not None or self.node.entries is not None:
            return self.node.kind
        return units.show(self.node.value)

    def read(self, form: Any, **context: object) -> Any:
        """This piece of the tree as a form (a model or any annotation), or None after a mistake.

        `context` is what the form's validators are told of the rest of the file.
        """
        return self.read_plain(form, None if self.node is None else self.node.plain(), context)

    def parts(self, form: type[BaseModel], *, without: Sequence[str] = (), **context: object) -> dict[str, Any]:
        """A mapping field by field, so that one mistake hides no other: None for what is wrong or left out without a
        default. Fields in `without` are somebody else's to read."""
        written = self.mapping(forms.fields_of(form))
        values: dict[str, Any] = {}
        for name, field in form.model_fields.items():
            key = field.alias or name
            if key in without:
                continue
            values[name] = None
            if not field.is_required() and not self.has(key):
                values[name] = field.get_default(call_default_factory=True)
            elif written:
                values[name] = self.below(key).read(forms.annotation_of(form, name), **context)
        return values

    def read_plain(self, form: Any, data: object, context: dict[str, Any]) -> Any:
        """As `read`, for the values of this piece that somebody has looked at already."""
        try:
            return forms.adapter(form).validate_python(data, context=context)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                place = self.place(problem["loc"], key=problem["type"] == "extra_forbidden")
                place.refuse(*forms.in_words(problem, data, context))
        return None

    def place(self, loc: tuple[int | str, ...], *, key: bool = False) -> Item:
        """Where a form's value stands; `key`: the name itself. Words of unions in round brackets are no places."""
        item = self
        for step in loc:
            if isinstance(step, int):
                items = item.node.items if item.node is not None else None
                node = items[step] if items and step < len(items) else None
                item = Item(self.sheet, node, f"{item.path}[{step}]", item.at)
            elif not step.startswith(("(", "[key]")):
                entry = (item.node.entries or {}).get(step) if item.node is not None else None
                last = key and step == loc[-1] and entry is not None
                node = (entry[0] if last else entry[1]) if entry else None
                item = Item(self.sheet, node, item._below(step), item.at)
        return item

    def list(self, least: int = 0, most: int = 10_000) -> Iterator[Item]:
        """The items of a list."""
        items = self.node.items if self.node is not None else None
        if items is None:
            self.refuse(self.found, "a list")
            return
        if not least <= len(items) <= most:
            self.refuse(f"a list of {len(items)}", f"a list of {least} to {most}")
            return
        for index, node in enumerate(items):
            yield Item(self.sheet, node, f"{self.path}[{index}]", node)

    def mapping(self, known: Sequence[str]) -> bool:
        """Whether it is a mapping, and a mistake for every name that is not `known`."""
        entries = self.node.entries if self.node is not None else None
        if entries is None:
            self.refuse(self.found, f"a mapping of {', '.join(known)}")
            return False
        for name, (key, _) in entries.items():
            if name not in known:
                Item(self.sheet, key, self._below(name), key).refuse("an unknown field", one_of(known, name))
        return True

    def adopt(self, error: ScenarioError | UnknownNameError) -> None:
        """Take over what a vocabulary refused: the mistakes' fields are paths below this item."""
        if isinstance(error, UnknownNameError):
            allowed = f"a known {error.what}" + (
                f" (did you mean {' or '.join(error.nearest)}?)" if error.nearest else ""
            )
            self.refuse(units.show(error.name), f"{allowed}; {error.hint}" if error.hint else allowed)
            return
        for mistake in error.mistakes:
            self.below(mistake.field).refuse(mistake.found, mistake.allowed)

    def below(self, path: str) -> Item:
        """The item at a dotted path below this one, or its absence at the deepest level that exists."""
        item = self
        for name in path.split(".") if path else []:
            entries = item.node.entries if item.node is not None else None
            found = entries.get(name) if entries else None
            item = Item(self.sheet, found[1] if found else None, item._below(name), item.at)
        return item

    def _below(self, name: str) -> str:
        shown = name if name.isprintable() and len(name) <= 64 else ascii(name)[:64]
        return f"{self.path}.{shown}" if self.path else shown
