"""The frame of a scenario's events: times as they are written, orbits among them, and who flies how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from bus.text.leaves import Leaf, duration
from bus.text.reader import Item
from bus.text.units import parse_duration_ns
from groundstation.procedures.declaration import Procedure

FOREVER_NS = 2**61
_ANY_ORBIT_S = 6000.0


def _time(value: object) -> object:
    """A time as written; what "orbits" means is known later."""
    parse_duration_ns(value, orbit_s=_ANY_ORBIT_S)
    return value


Time = Annotated[
    str,
    Leaf(
        _time,
        {
            "type": "string",
            "description": "a time in s, ms, min, h, d, or in orbits of the first spacecraft: '1 h 30 min', '2 orbits'",
            "pattern": r"^(\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*(ms|min|s|h|d|orbits?))+\s*$",
        },
    ),
]


@dataclass(frozen=True, slots=True)
class Span:
    """The frame of a scenario's events: its length, tick, the period that "orbits" counts, who flies which design."""

    duration_ns: int
    tick_ns: int
    orbit_s: float
    designs: Mapping[str, str]
    """Design of every spacecraft; empty for those whose own entry has a mistake."""
    jobs: Mapping[str, Sequence[str]]
    """Ids of the jobs of every spacecraft whose entry has none."""
    complete: bool = True
    """No id of a spacecraft is a mistake: names that are not in `designs` are wrong."""
    stations: tuple[str, ...] = ()
    procedures: Mapping[str, Procedure] | None = None
    """Those that there are, None: the shipped ones."""

    @property
    def spacecraft(self) -> Mapping[str, str] | None:
        """Whom events may name; None where that is not known."""
        return self.designs if self.complete else None

    def ns(self, item: Item, low_ns: int, *, last: bool = False) -> int:
        """The time written here, in nanoseconds since the epoch. What comes at the end or later (`last`: only later)
        is a warning: people shorten runs."""
        written = item.node.value if item.node is not None else None
        time_ns = parse_duration_ns(written, orbit_s=self.orbit_s)
        if not low_ns <= time_ns <= FOREVER_NS:
            item.refuse(item.found, f"{low_ns / 1e9:g} s or later")
        elif time_ns > self.duration_ns or (time_ns == self.duration_ns and not last):
            item.warn(item.found, f"a time before the end ({self.duration_ns / 1e9:g} s), or it never happens")
        return time_ns

    def length_ns(self, item: Item, low_ns: int) -> int:
        """A length of time written here, in nanoseconds; 0 after a mistake."""
        written = item.node.value if item.node is not None else None
        length_ns = parse_duration_ns(written, orbit_s=self.orbit_s)
        if not low_ns <= length_ns <= FOREVER_NS:
            item.refuse(item.found, f"{low_ns / 1e9:g} s or longer")
            return 0
        return length_ns


def window_length(tick_ns: int, orbit_s: float) -> Leaf:
    """How long a fault lasts: at least one tick. One rule for files and for `skyrack inject`."""
    return duration(tick_ns, FOREVER_NS, f"at least one tick, {tick_ns / 1e9:g} s", orbit_s=orbit_s)
