"""Designs as data: a file -> checked forms, names of its parts, and every figure with its source.

A shipped design goes by its name, a user's by file name and digest of its text ("mine@5f0c19a2"): whoever has read the
text once (`adopt`) can load it, and an edited file is another design. Imports neither numba nor the plant: dictionaries
are generated from here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from bus.errors import Mistake, ScenarioError, UnknownNameError
from bus.scenario.model import Scenario
from bus.text.near import nearest, one_of
from bus.text.reader import Item, Sheet
from bus.text.yaml_nodes import Node, compose
from node.designs.references import wrong_references
from node.designs.schema import DesignForm
from node.plant.kernel.capacity import CLASSES, Capacity

DESIGNS = Path(__file__).resolve().parent
PARTS = "parts"
SHIPPED = ("ai1-august", "ai1-june", "fleet", "formation", "lowinc", "pathfinder", "sc3", "sunrise")
"""By name, not by what lies in the folder: a file that a user puts beside them is the user's."""


OUTSIDE = "outside"
"""Name of flight software that is no class here: somebody else's program or board."""


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
        raise UnknownNameError("design", name, nearest(name, SHIPPED), hint=f"designs: {', '.join(SHIPPED)}")
    return _adopted[name][1]


def adopt(text: str, file: str) -> str:
    """Read a user's design and give the name that it goes by. Raises ScenarioError with every mistake of the file."""
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    stem = re.sub(r"[^A-Za-z0-9_.-]", "-", Path(file).stem.partition("@")[0])[:48]
    name = f"{stem or 'design'}@{digest}"
    if name not in _adopted:
        _adopted[name] = (text, read_design(text, file, name))
    return name


def with_entries(name: str, field: str, entries: Sequence[object]) -> str:
    """A design with more entries in a list such as `fdir:`, as plain values: a design of its own. Its name."""
    root = plain_text(name)
    return _adopt(name, {**root, field: [*root.get(field, ()), *entries]})


def with_flight_software(name: str, software: str, source: str) -> str:
    """A design that flies a class of a user's own: a design of its own. Its name. `source`: digest of the class's."""
    return _adopt(name, {**plain_text(name), "flight_software": {"name": software, "source": source}})


def with_software_outside(name: str, apids: Sequence[int], words: str) -> str:
    """A design whose flight software is outside: a design of its own. Its name. `words`: its dictionary as JSON, empty
    for that of the reference."""
    source = hashlib.blake2b(words.encode(), digest_size=16).hexdigest()
    own = {"name": OUTSIDE, "source": source, "apids": list(apids), "words": words}
    return _adopt(name, {**plain_text(name), "flight_software": own})


def plain_text(name: str) -> dict[str, Any]:
    """The text of a design as plain values; `part:` stands as it was written."""
    root: dict[str, Any] = compose(text_of(name), name).plain()
    return root


def text_of(name: str) -> str:
    """The text of a design as its author wrote it."""
    return _adopted[name][0] if name in _adopted else (DESIGNS / f"{name}.yaml").read_text(encoding="utf-8")


def _adopt(name: str, root: Mapping[str, Any]) -> str:
    return adopt(json.dumps(root, indent=1), f"{name}.yaml")


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


def part_names() -> tuple[str, ...]:
    """What `part:` may name."""
    return tuple(_parts())


@lru_cache(maxsize=1)
def _parts() -> Mapping[str, Node]:
    """The fields of each part, read once."""
    entries = compose((DESIGNS / f"{PARTS}.yaml").read_bytes(), f"{PARTS}.yaml").entries or {}
    return {part: node for part, (_, node) in entries.items()}


def read_design(text: str | bytes, file: str, name: str) -> Design:
    """A design from any text; `file` is what mistakes call it. Raises ScenarioError with every mistake and its line."""
    sheet = Sheet(file)
    root = sheet.compose(text)
    design = Item(sheet, _with_parts(root, _parts()), "", root.at)
    form = design.read(DesignForm)
    for loc, found, allowed in wrong_references(form) if form is not None else ():
        design.place(loc).refuse(found, allowed)
    sheet.finish(hint="every figure is [quantity with unit, source]")
    return Design(name, form, tuple(_figures(design)))


def _with_parts(item: Item, parts: Mapping[str, Node]) -> Node | None:
    """The design's tree with `part: NAME` replaced by the fields of that part, which those beside it overrule."""
    node = item.node
    if node is None or node.entries is None:
        if node is not None and node.items is not None:
            merged = [_with_parts(item.place((place,)), parts) or one for place, one in enumerate(node.items)]
            return replace(node, items=merged)
        return node
    entries: dict[str, tuple[Node, Node]] = {}
    if "part" in node.entries:
        part = item.place(("part",))
        named = part.node.value if part.node is not None else None
        if isinstance(named, str) and named in parts:
            entries |= parts[named].entries or {}
        else:
            part.refuse(part.found, one_of(parts, str(named)))
    entries |= {
        name: (key, _with_parts(item.place((name,)), parts) or value)
        for name, (key, value) in node.entries.items()
        if name != "part"
    }
    return replace(node, entries=entries)


def _figures(item: Item) -> Iterator[Figure]:
    """Every figure of the tree, in the order of the fields."""
    node = item.node
    if node is not None and node.entries is not None:
        for name in node.entries:
            yield from _figures(item.place((name,)))
    elif node is not None and node.items is not None:
        source = node.items[-1].value if len(node.items) in (2, 3) else None
        if isinstance(source, str):
            first = node.items[0].value if node.items[0].items is None else f"{len(node.items[0].items)} points"
            text = f"{first} {node.items[1].value}" if len(node.items) == 3 else str(first)
            yield Figure(item.path, text, source, node.file, node.line)
        for place in range(len(node.items)):
            yield from _figures(item.place((place,)))
