"""What was turned away at a border of this process: counted by plane, kind and source, in a table that cannot grow.

Sources are what the border itself knows: the identity of a key, the address of a connection without one. Whatever has
no room in the table is counted under `others`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MAX_ROWS = 64
OTHERS = "others"


class Refusals:
    """See the module. `total` is everything counted."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}
        self.total = 0

    def count(self, plane: str, kind: str, source: str, number: int = 1) -> None:
        """So many more of this kind."""
        key = (plane, kind, source)
        if key not in self._counts and len(self._counts) >= MAX_ROWS:
            key = (plane, kind, OTHERS)
        if key not in self._counts and len(self._counts) >= 2 * MAX_ROWS:
            key = (OTHERS, OTHERS, OTHERS)
        self._counts[key] = self._counts.get(key, 0) + number
        self.total += number

    def rows(self) -> list[dict[str, Any]]:
        """The table, in the order of its names."""
        return [
            {"plane": plane, "kind": kind, "source": source, "count": count}
            for (plane, kind, source), count in sorted(self._counts.items())
        ]


def in_words(rows: Iterable[Mapping[str, Any]], most: int = 4) -> str:
    """One line for people, the largest counts first."""
    largest = sorted(rows, key=lambda row: -int(row["count"]))
    words = [f"{row['count']:,} x {row['kind']} from {row['source']} ({row['plane']})" for row in largest[:most]]
    more = len(largest) - most
    return "turned away: " + ", ".join(words) + (f" and {more} kinds more" if more > 0 else "")
