"""A user's stations as a file: YAML in the form of a scenario's `stations:`, or a table with a station a line.

A table becomes the same tree as the YAML, so that both are read and refused in one way.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from bus.errors import Mistake, ScenarioError
from bus.text.leaves import text
from bus.text.near import one_of
from bus.text.reader import Item
from bus.text.tables import is_nothing, read_file, rows
from bus.text.yaml_nodes import Node, compose

SUFFIXES = (".yaml", ".yml", ".csv")
MASK = "5 deg"  # over a free horizon, as the operators of the catalogue's sites quote it
BANDS = "S"
UNITS = {"latitude": "deg", "longitude": "deg", "altitude": "m", "mask": "deg"}
COLUMNS = ("name", "latitude", "longitude", "altitude")
OPTIONAL = ("mask", "bands", "source", "wet_fraction", "wet_spell")
_PATH = Annotated[str, text(longest=1000)]
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def is_path(written: object) -> bool:
    """Whether it names a file rather than a station."""
    return isinstance(written, str) and ("/" in written or written.lower().endswith(SUFFIXES))


def station_entries(item: Item) -> list[Item]:
    """The stations of the file that stands here, one block each, with their lines. What is wrong is noted."""
    written = item.read(_PATH)
    if written is None:
        return []
    path = Path(item.sheet.file).parent / written
    try:
        content, _ = read_file(path, str(path))
        if path.suffix.lower() == ".csv":
            nodes = _table(content, str(path))
            if not nodes:
                raise ScenarioError([Mistake(str(path), 2, 1, "stations", "no line after the header", "one a station")])
        else:
            root = compose(content, str(path))
            nodes = root.items or (root.entries or {}).get("stations", (root, root))[1].items or []
            if not nodes:
                raise ScenarioError([Mistake(str(path), root.line, root.column, "stations", root.kind, "a list")])
    except ScenarioError as error:
        for mistake in error.mistakes:
            if mistake.line:
                item.sheet.mistakes.append(mistake)
            else:
                item.refuse(f"{str(path)!r}: {mistake.found}", mistake.allowed)
        return []
    sheet = item.sheet.beside(str(path))
    return [Item(sheet, node, f"stations[{i}]", node) for i, node in enumerate(nodes)]


def _table(text: str, shown: str) -> list[Node]:
    table = rows(text, shown)
    head = next(table, None)
    if head is None:
        raise ScenarioError([Mistake(shown, 1, 1, "columns", "an empty table", f"columns {', '.join(COLUMNS)}")])
    names = [cell.strip().lower() for cell in head.cells]
    mistakes = [
        Mistake(shown, head.line, 1, "columns", f"no column '{column}'", f"columns {', '.join(COLUMNS)}")
        for column in COLUMNS
        if column not in names
    ]
    mistakes += [
        Mistake(shown, head.line, 1, "columns", repr(name)[:60], one_of((*COLUMNS, *OPTIONAL), name))
        for i, name in enumerate(names)
        if name not in (*COLUMNS, *OPTIONAL) or name in names[:i]
    ]
    if mistakes:
        raise ScenarioError(mistakes)
    return [_block(row.line, dict(zip(names, row.cells, strict=False)), shown) for row in table]


def _block(line: int, cells: dict[str, str], shown: str) -> Node:
    said = {"mask": MASK, "bands": BANDS, "source": f"{Path(shown).name}, line {line}"}
    said |= {name: cell.strip() for name, cell in cells.items() if not is_nothing(cell)}
    entries: dict[str, tuple[Node, Node]] = {}
    for column, (name, cell) in enumerate(said.items(), 1):
        node = Node(line, column, cell)
        if name == "name":
            name, node.value = "id", re.sub(r"[^a-z0-9]+", "-", cell.lower()).strip("-")  # noqa: PLW2901
        elif name == "bands":
            node = Node(line, column, items=[Node(line, column, band) for band in re.split(r"[\s,;/]+", cell)])
        elif name in UNITS and _NUMBER.fullmatch(cell):
            node.value = f"{cell} {UNITS[name]}"
        entries[name] = (Node(line, column, name), node)
    return Node(line, 1, entries=entries)
