"""The `fdir:` of a spacecraft: what it changes in the FDIR table of its design. A design with other rows is a design of
its own, so that everything that knows a spacecraft by its design (dictionary, ground, exports) knows them too.
"""

from __future__ import annotations

from bus.text.reader import Item
from node.assembly import equipment, words_of
from node.designs.load import load_design, with_fdir
from node.fdir.rules import generated
from node.fdir.table import check


def read_fdir(item: Item, design: str) -> str:
    """The design with these changes, or the same one after a mistake."""
    mark = item.sheet.mark()
    rows = equipment(load_design(design)).fdir
    entries = check(item, rows, words_of(load_design(design)))
    return with_fdir(design, entries) if entries and item.sheet.clean_since(mark) else design


def check_design(item: Item, design: str) -> None:
    """Note every mistake in the `fdir:` of a design's own file."""
    check(item, generated(load_design(design)), words_of(load_design(design)))
