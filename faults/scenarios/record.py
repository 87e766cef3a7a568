"""What of truth is recorded besides what every run records: `record:` patterns, and the parts that faults name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from bus.scenario.model import Fault, Spacecraft
from bus.text.leaves import text
from bus.text.near import nearest
from bus.text.reader import Item
from bus.wire.messages import Seam
from faults.scenarios.vocabulary import TruthNames

MOST_SIGNALS = 2000
"""Of one spacecraft: a truth sample travels in one message (16 KiB of float64)."""
Pattern = Annotated[str, text(longest=128)]
Wanted = dict[str, dict[str, None]]
"""Signals by spacecraft, in their order."""


def read_record(item: Item, spacecraft: Sequence[Spacecraft], station_ids: Sequence[str]) -> Wanted:
    """The signals that the patterns of `record:` name. A pattern that names none is refused."""
    wanted: Wanted = {one.id: {} for one in spacecraft}
    names = {one.id: list(TruthNames(one.design, station_ids, one.job_ids)) for one in spacecraft}
    for entry in item.list(1, 200):
        pattern = entry.read(Pattern)
        if pattern is None:
            continue
        if "." in pattern and not any(True for _ in _owners(pattern, wanted)):
            entry.refuse(f"spacecraft {pattern.partition('.')[0]!r}", ", ".join(wanted))
            continue
        found = 0
        for owner, signal_pattern in _owners(pattern, wanted):
            chosen = [name for name in names[owner] if _matches(signal_pattern, name)]
            found += len(chosen)
            wanted[owner].update(dict.fromkeys(chosen))
            if len(wanted[owner]) > MOST_SIGNALS:
                entry.refuse(f"{len(wanted[owner])} signals of {owner}", f"at most {MOST_SIGNALS} of one spacecraft")
                wanted[owner].clear()
        if not found:
            everything = sorted({name for owner in names for name in (*names[owner], *map(_base, names[owner]))})
            near = nearest(pattern.rpartition(".")[2], everything)
            entry.refuse(
                f"{pattern!r}, which names no signal",
                f"truth signals such as {', '.join(near)}" if near else "see `skyrack list fields DESIGN`",
            )
    return wanted


def struck_parts(faults: Sequence[Fault], spacecraft: Sequence[Spacecraft], station_ids: Sequence[str]) -> Wanted:
    """What the scenario's faults take hold of: fields of the plant, and the truth behind readings that they touch."""
    wanted: Wanted = {one.id: {} for one in spacecraft}
    known = {one.id: TruthNames(one.design, station_ids, one.job_ids) for one in spacecraft}
    for fault in faults:
        for seam, place, _, _ in fault.primitives:
            name = place if seam == Seam.PLANT else _as_truth(place) if seam == Seam.DEVICE else ""
            if name and name in known[fault.target]:
                wanted[fault.target][name] = None
    return wanted


def _owners(pattern: str, wanted: Wanted) -> Iterator[tuple[str, str]]:
    """(spacecraft, pattern of its signals): before a dot stands which spacecraft, without one it is all of them."""
    who, dot, signal = pattern.partition(".")
    for owner in wanted:
        if not dot or _matches(who, owner):
            yield owner, signal if dot else pattern


def _matches(pattern: str, name: str) -> bool:
    """`*` is anything and `?` any one character; a group's name alone means all of its parts."""
    regular = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch(regular, name) is not None or re.fullmatch(regular, _base(name)) is not None


def _base(name: str) -> str:
    return name.partition("[")[0]


def _as_truth(reading: str) -> str:
    """`battery-monitor.battery_group_soc.battery_1` -> `battery_group_soc[battery_1]`."""
    _, _, channel = reading.partition(".")
    base, dot, part = channel.partition(".")
    return f"{base}[{part}]" if dot else base
