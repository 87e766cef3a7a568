"""The `fdir:` and the `on_board_procedures:` of a spacecraft: what it changes in the FDIR table of its design, and what
it can do by itself. A design with other rows is a design of its own, so that everything that knows a spacecraft by its
design (dictionary, ground, exports) knows them too.
"""

from __future__ import annotations

from bus.text.reader import Item
from node.assembly import dictionary, equipment, words_of
from node.designs.load import load_design, with_entries
from node.fdir import procedures
from node.fdir.rules import generated
from node.fdir.table import check, steps_of


def read_fdir(item: Item, design: str) -> str:
    """The design with these changes, or the same one after a mistake."""
    mark = item.sheet.mark()
    rows = equipment(load_design(design)).fdir
    loaded = load_design(design)
    entries = check(item, rows, words_of(loaded), steps_of(loaded))
    return with_entries(design, "fdir", entries) if entries and item.sheet.clean_since(mark) else design


def read_procedures(item: Item, design: str) -> str:
    """The design with these on-board procedures too, or the same one after a mistake."""
    mark = item.sheet.mark()
    known = load_design(design).form.on_board_procedures
    entries = procedures.check(item, [entry.name for entry in known], dictionary(design))
    clean = entries and item.sheet.clean_since(mark)
    return with_entries(design, "on_board_procedures", entries) if clean else design


def check_design(root: Item, design: str) -> None:
    """Note every mistake in the `fdir:` and the `on_board_procedures:` of a design's own file."""
    loaded = load_design(design)
    if root.has("fdir"):
        check(root.below("fdir"), generated(loaded), words_of(loaded), steps_of(loaded))
    if root.has("on_board_procedures") and root.sheet.clean_since(0):
        procedures.check(root.below("on_board_procedures"), (), dictionary(design))
