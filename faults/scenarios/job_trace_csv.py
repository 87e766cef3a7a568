"""Reading a cluster log: CSV -> rows of numbers, with every doubt said by line and nothing guessed.

Times of a log are seconds (or another unit that the mapping names) or UTC date-times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from bus.errors import Mistake, Refused, ScenarioError
from bus.text import tables
from bus.text.instants import parse_instant
from bus.text.units import show

MAX_MISTAKES = 20
COLUMNS = ("submit_time", "duration", "end_time", "tokens", "prompt_tokens", "accelerators", "kind")
UNITS_S = {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0, "d": 86400.0}
SKIPPABLE = ("incomplete", "zero", "too_large")
_NUMBER = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][+-]?\d{1,2})?", re.ASCII)


class Row(NamedTuple):
    """One job of the log; times in seconds of the log's own clock."""

    line: int
    submit_s: float
    duration_s: float
    tokens: float
    prompt_tokens: float
    accelerators: float
    kind: str


@dataclass
class Mapped:
    """How to read the file: which column is what (name in the file by our name), the unit of plain times, and the words
    that the column of kinds uses."""

    columns: Mapping[str, str]
    unit_s: float
    skip: frozenset[str]
    words: frozenset[str] = frozenset()
    skipped: dict[str, int] = field(default_factory=dict)
    plain: bool | None = None
    """Whether its times are plain numbers or instants, which the first one decides."""

    def same_clock(self, text: str) -> None:
        """All times of a log are of one kind: the distance from a number to an instant is none. Raises Refused."""
        plain = _NUMBER.fullmatch(text) is not None
        if self.plain is None:
            self.plain = plain
        elif self.plain != plain:
            raise Refused(
                show(text), f"{'a plain number' if self.plain else 'a date and time'}, as the times before it"
            )

    def leave_out(self, why: str) -> None:
        """Count a row that the mapping allows to leave out."""
        self.skipped[why] = self.skipped.get(why, 0) + 1


def seconds(text: str, unit_s: float) -> float:
    """A time of the log in seconds (of instants: since 1970). Raises Refused."""
    if _NUMBER.fullmatch(text):
        return float(text) * unit_s
    try:
        return parse_instant(text).timestamp()
    except Refused as error:
        raise Refused(error.found, f"a number, or {error.allowed}") from None


def rows(text: str, shown: str, mapped: Mapped) -> list[Row]:
    """The rows of a log, in the order of the file. Raises ScenarioError with the first mistakes, each with its line."""
    mistakes: list[Mistake] = []
    found: list[Row] = []
    head: list[str] | None = None
    at: dict[str, int] = {}
    try:
        for line, cells in tables.rows(text, shown):
            if head is None:
                head = [name.strip(" \t") for name in cells]
                _check_head(head, line, shown, mapped)
                at = {ours: head.index(theirs) for ours, theirs in mapped.columns.items()}
            elif not any(cells):
                continue
            elif len(cells) != len(head):
                mistakes.append(Mistake(shown, line, 1, "row", f"{len(cells)} cells", f"{len(head)}, as in the head"))
            else:
                row = _row(line, cells, at, shown, mapped, mistakes)
                if row is not None:
                    found.append(row)
            if len(mistakes) >= MAX_MISTAKES:
                break
    except ScenarioError as error:
        mistakes += error.mistakes
    if head is None and not mistakes:
        mistakes.append(Mistake(shown, 1, 1, "columns", "an empty file", "a line of names, then rows"))
    if mistakes:
        raise ScenarioError(mistakes)
    return found


def _check_head(head: list[str], line: int, shown: str, mapped: Mapped) -> None:
    mistakes = [
        Mistake(
            shown, line, 1, "columns", f"no column {show(theirs)} for {ours}", ", ".join(head)[:200] or "a head line"
        )
        for ours, theirs in mapped.columns.items()
        if theirs not in head
    ]
    mistakes += [
        Mistake(shown, line, 1, "columns", f"{show(name)} twice", "names of their own")
        for name in dict.fromkeys(mapped.columns.values())
        if head.count(name) > 1
    ]
    if mistakes:
        raise ScenarioError(mistakes)


def _row(  # noqa: PLR0917
    line: int, cells: list[str], at: Mapping[str, int], shown: str, mapped: Mapped, mistakes: list[Mistake]
) -> Row | None:
    """One row, or None where it is left out or wrong (then `mistakes` has grown)."""
    values = {ours: cells[index].strip(" \t") for ours, index in at.items()}
    empty = [
        ours
        for ours, text in values.items()
        if tables.is_nothing(text) and not (ours == "kind" and text in mapped.words)
    ]
    if empty:
        if "incomplete" in mapped.skip:
            mapped.leave_out("incomplete")
        else:
            text = values[empty[0]]
            found = f"{show(text)}, which stands for nothing" if text else "nothing"
            mistakes.append(_mistake(shown, line, at, mapped, empty[0], found, "a value (or skip: [incomplete])"))
        return None
    numbers = dict.fromkeys(COLUMNS, 0.0) | {"accelerators": 1.0}
    for ours, text in values.items():
        if ours == "kind":
            continue
        dated = ours in {"submit_time", "end_time"}
        try:
            value = _number(text, mapped.unit_s, dated=dated, timed=dated or ours == "duration")
            if value < 0.0 and ours != "submit_time":
                raise Refused(show(text), "a number from 0 up")
            if dated:
                mapped.same_clock(text)
        except Refused as error:
            mistakes.append(_mistake(shown, line, at, mapped, ours, error.found, error.allowed))
            return None
        numbers[ours] = value
    if "end_time" in values:
        numbers["duration"] = numbers["end_time"] - numbers["submit_time"]
        if numbers["duration"] < 0.0:
            mistakes.append(
                _mistake(shown, line, at, mapped, "end_time", show(values["end_time"]), "a time after its submission")
            )
            return None
    return Row(
        line, numbers["submit_time"], numbers["duration"], numbers["tokens"], numbers["prompt_tokens"],
        numbers["accelerators"], values.get("kind", ""),
    )  # fmt: skip


def _number(text: str, unit_s: float, *, dated: bool, timed: bool) -> float:
    """A cell as a number, times in seconds. Raises Refused."""
    if dated:
        return seconds(text, unit_s)
    if not _NUMBER.fullmatch(text):
        raise Refused(show(text), "a number from 0 up")
    return float(text) * (unit_s if timed else 1.0)


def _mistake(  # noqa: PLR0917
    shown: str, line: int, at: Mapping[str, int], mapped: Mapped, ours: str, found: str, allowed: str
) -> Mistake:
    return Mistake(shown, line, at[ours] + 1, f"{ours} (column {mapped.columns[ours]})", found, allowed)


def unsorted(found: list[Row], shown: str) -> Iterator[Mistake]:
    """The first row that was submitted before the one above it."""
    for above, row in pairwise(found):
        if row.submit_s < above.submit_s:
            early = above.submit_s - row.submit_s
            yield Mistake(
                shown, row.line, 1, "submit_time", f"{early:g} s before that of line {above.line}",
                "ascending times, or `sort: true` beside `trace`",
            )  # fmt: skip
            return
