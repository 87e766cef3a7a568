"""On-board procedures of a design: every step checked against the telecommands and telemetry that there are.

Mistakes are told with the place in the entry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from bus.dictionary import Dictionary
from bus.errors import Refused
from bus.on_board_steps import Do, read_step
from bus.text.reader import Item
from node.designs.procedure_entry import MOST_PROCEDURES, ProcedureEntry
from node.fsw.services.st18_procedures import Procedures

SPARE = "spare."
LONGEST = Procedures.LONGEST


Wrong = tuple[tuple[int | str, ...], str, str]
"""Place below the entry, what was found there, what is allowed."""


def wrong_in(entry: ProcedureEntry, taken: Collection[str], words: Dictionary) -> Iterator[Wrong]:
    """Every mistake of an entry."""
    if entry.name in taken or entry.name.startswith(SPARE):
        yield ("name",), repr(entry.name), "a name that no other on-board procedure has"
    if len(taken) >= MOST_PROCEDURES:
        yield ("name",), f"on-board procedure {len(taken) + 1}", f"at most {MOST_PROCEDURES}"
    waits_s = 0.0
    for place, step in enumerate(entry.steps):
        try:
            read = read_step(words, step)
        except Refused as error:
            yield ("steps", place), error.found, error.allowed
            continue
        waits_s += read.span_s if read.do is Do.WAIT else 0.0
    if waits_s > LONGEST.default:
        allowed = f"at most {LONGEST.default:g} s in all: {LONGEST.name} ends a procedure then"
        yield ("steps",), f"waits of {waits_s:g} s", allowed


def check(item: Item, taken: Iterable[str], words: Dictionary) -> list[Any]:
    """Read a list of entries beside procedures of these names; mistakes are noted where they stand. The entries as
    plain values."""
    names = list(taken)
    plain = []
    for one in item.list(0, MOST_PROCEDURES):
        entry = one.read(ProcedureEntry)
        if entry is None or one.node is None:
            continue
        for loc, found, allowed in wrong_in(entry, names, words):
            one.place(loc).refuse(found, allowed)
        names.append(entry.name)
        plain.append(one.node.plain())
    return plain
