"""Designs as data: a file -> checked forms, names of its parts, and every figure with its source.

A shipped design goes by its name, a user's by file name and digest of its text ("mine@5f0c19a2"): whoever has read the
text once (`adopt`) can load it, and an edited file is another design. Imports neither numba nor the plant: dictionaries
are generated from here.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import ValidationError

from bus.errors import Mistake, ScenarioError, UnknownNameError
from bus.scenario.model import Scenario
from bus.text.yaml_nodes import Node, compose
from node.designs.references import wrong_references
from node.designs.schema import DesignForm
from node.plant.kernel.capacity import CLASSES, Capacity

DESIGNS = Path(__file__).resolve().parent
PARTS = "parts"
SHIPPED = ("ai1-august", "ai1-june", "fleet", "formation", "lowinc", "pathfinder", "sc3", "sunrise")
"""By name, not by what lies in the folder: a file that a user puts beside them is the user's."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a design file as it was written."""

    path: str
    text: str
    source: str
    file: str
    line: int

    @property
    def assumed(self) -> bool:
        """Nobody published it: we assumed it."""
        return self.source.startswith("assumption")


@dataclass(frozen=True)
class Design:
    """One checked design. `form` holds SI values; the name tuples give plant indices their names."""

    name: str
    form: DesignForm
    figures: tuple[Figure, ...]

    @property
    def capacity(self) -> Capacity:
        """The capacity class it flies in."""
        return CLASSES[self.form.capacity_class]

    @cached_property
    def strings(self) -> tuple[str, ...]:
        """Names of the solar array strings."""
        return tuple(f"string_{i + 1}" for i in range(self.form.array.strings))

    @cached_property
    def battery_groups(self) -> tuple[str, ...]:
        """Names of the battery groups."""
        return tuple(f"battery_{i + 1}" for i in range(self.form.battery.groups))

    @property
    def lcls(self) -> tuple[str, ...]:
        """Names of the latching current limiters."""
        return tuple(self.form.lcls)

    @property
    def lcl_priorities(self) -> dict[str, int]:
        """Priority of every LCL: 0 is essential, 4 is shed first."""
        return {name: lcl.priority for name, lcl in self.form.lcls.items()}

    @cached_property
    def loop_cells(self) -> tuple[str, ...]:
        """Names of the coolant's cells in flow order: supply leg, then return leg. Empty without a loop."""
        if self.form.loop is None:
            return ()
        legs = range(1, self.form.loop.cells_per_leg + 1)
        return tuple(f"supply_{i}" for i in legs) + tuple(f"return_{i}" for i in legs)

    @cached_property
    def thermal_nodes(self) -> tuple[str, ...]:
        """Names of the thermal nodes, the coolant's cells last."""
        return (*self.form.nodes, *self.loop_cells)

    @property
    def heaters(self) -> tuple[str, ...]:
        """Names of the heaters."""
        return tuple(self.form.heaters)

    @property
    def accelerators(self) -> tuple[str, ...]:
        """Names of the accelerator groups."""
        return tuple(self.form.accelerators)

    @property
    def isl_heads(self) -> tuple[str, ...]:
        """Names of the optical terminals."""
        return tuple(self.form.isl_heads)

    @property
    def conductors(self) -> tuple[str, ...]:
        """Names of the conductors, "a-b"."""
        return tuple("-".join(c.between) for c in self.form.conductors)

    @property
    def radiators(self) -> tuple[str, ...]:
        """Thermal nodes that have a radiator face, each once."""
        return tuple(dict.fromkeys(f.node for f in self.form.faces if f.kind == "radiator"))

    @cached_property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Every group of names by the kind of part."""
        return {
            "string": self.strings,
            "battery_group": self.battery_groups,
            "lcl": self.lcls,
            "thermal_node": self.thermal_nodes,
            "heater": self.heaters,
            "accelerator": self.accelerators,
            "isl_head": self.isl_heads,
            "conductor": self.conductors,
            "radiator": self.radiators,
            "radiation_device": (*self.accelerators, *self.form.devices),
        }


@lru_cache(maxsize=len(SHIPPED))
def _shipped(name: str) -> Design:
    path = DESIGNS / f"{name}.yaml"
    return read_design(path.read_bytes(), path.name, name)


_adopted: dict[str, tuple[str, Design]] = {}
"""Text and design by name. The name holds the text's digest, so no entry ever means something else."""


def load_design(name: str) -> Design:
    """A shipped design, or one that was adopted. Raises UnknownNameError."""
    if name in SHIPPED:
        return _shipped(name)
    if name not in _adopted:
        raise UnknownNameError(
            "design", name, difflib.get_close_matches(name, SHIPPED, 3), hint=f"designs: {', '.join(SHIPPED)}"
        )
    return _adopted[name][1]


def adopt(text: str, file: str) -> str:
    """Read a user's design and give the name that it goes by. Raises ScenarioError with every mistake of the file."""
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    stem = re.sub(r"[^A-Za-z0-9_.-]", "-", Path(file).stem.partition("@")[0])[:48]
    name = f"{stem or 'design'}@{digest}"
    if name not in _adopted:
        _adopted[name] = (text, read_design(text, file, name))
    return name


def own_texts(names: Iterable[str]) -> dict[str, str]:
    """The texts of those that are a user's: what travels with a scenario."""
    return {name: _adopted[name][0] for name in sorted(set(names)) if name in _adopted}


def with_designs(scenario: Scenario) -> Scenario:
    """The same scenario; the designs that came along can be loaded from here on. Raises ScenarioError."""
    for name, text in scenario.designs.items():
        if adopt(text, f"{name}.yaml") != name:
            found = f"the design {name} with a text that is not the one it is named after"
            raise ScenarioError([Mistake("", 0, 0, "designs", found, "a scenario as the run wrote it")])
    return scenario


def read_resolved(content: bytes) -> Scenario:
    """A resolved scenario (JSON), its designs adopted. Raises ValueError or ScenarioError."""
    return with_designs(Scenario.model_validate_json(content))


def read_design(text: str | bytes, file: str, name: str) -> Design:
    """A design from any text; `file` is what mistakes call it. Raises ScenarioError with every mistake and its line."""
    parts = compose((DESIGNS / f"{PARTS}.yaml").read_bytes(), "parts.yaml")
    tree = _Tree(file, compose(text, file), parts)
    values = tree.plain(tree.root, "")
    if tree.mistakes:
        raise ScenarioError(tree.mistakes, hint="every figure is [quantity with unit, source]")
    try:
        form = DesignForm.model_validate(values)
    except ValidationError as error:
        mistakes = [tree.mistake(list(e["loc"]), e["msg"]) for e in error.errors()]
        raise ScenarioError(mistakes, hint="every figure is [quantity with unit, source]") from None
    wrong = wrong_references(form)
    if wrong:
        raise ScenarioError([tree.mistake(list(loc), message) for loc, message in wrong])
    return Design(name, form, tuple(tree.figures))


class _Tree:
    """A design's YAML with its parts put in place; remembers where each value was written."""

    def __init__(self, file: str, root: Node, parts: Node) -> None:
        self.file = file
        self.root = root
        self.parts = {name: value for name, (_, value) in (parts.entries or {}).items()}
        self.where: dict[str, tuple[str, int, int]] = {}
        self.figures: list[Figure] = []
        self.mistakes: list[Mistake] = []

    def plain(self, node: Node, path: str, file: str | None = None) -> object:
        """The node as plain lists, dicts and scalars."""
        file = file or self.file
        self.where[path] = (file, node.line, node.column)
        if node.entries is not None:
            out: dict[str, object] = {}
            part = node.entries.get("part")
            if part is not None:
                out.update(self._part(part[1], path))
                self.where[path] = (file, node.line, node.column)
            for name, (_, value) in node.entries.items():
                if name != "part":
                    out[name] = self.plain(value, f"{path}.{name}" if path else name, file)
            return out
        if node.items is not None:
            self._note_figure(node, path, file)
            return [self.plain(item, f"{path}.{i}", file) for i, item in enumerate(node.items)]
        return node.value

    def _part(self, node: Node, path: str) -> dict[str, object]:
        name = node.value
        part = self.parts.get(name) if isinstance(name, str) else None
        if part is None:
            near = difflib.get_close_matches(str(name), list(self.parts), 3)
            self.mistakes.append(
                Mistake(self.file, node.line, node.column, f"{path}.part", repr(name), " or ".join(near or self.parts))
            )
            return {}
        value = self.plain(part, path, "parts.yaml")
        return value if isinstance(value, dict) else {}

    def _note_figure(self, node: Node, path: str, file: str) -> None:
        items = node.items or []
        if len(items) in (2, 3) and isinstance(items[-1].value, str):
            first = items[0].value if items[0].items is None else f"{len(items[0].items)} points"
            text = f"{first} {items[1].value}" if len(items) == 3 else str(first)
            self.figures = [f for f in self.figures if f.path != path]
            self.figures.append(Figure(path, text, items[-1].value, file, node.line))

    def mistake(self, loc: list[int | str], message: str) -> Mistake:
        """A mistake at the nearest place that was written. pydantic's own words for unions are left out."""
        field = ".".join(str(step) for step in loc) or "design"
        while loc and ".".join(str(step) for step in loc) not in self.where:
            loc = loc[:-1]
        file, line, column = self.where.get(".".join(str(step) for step in loc), (self.file, 0, 0))
        found, _, allowed = message.removeprefix("Value error, ").removeprefix("found ").partition("; allowed: ")
        return Mistake(file, line, column, field, found, allowed or "see docs/reference/design.md")
