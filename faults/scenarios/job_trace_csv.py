"""Reading a cluster log: CSV -> rows of numbers, with every doubt said by line and nothing guessed.

Times of a log are seconds (or another unit that the mapping names) or UTC date-times.
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from bus.errors import Mistake
from bus.text.units import show

MAX_BYTES = 64 * 1024 * 1024
MAX_LINES = 1_000_000
MAX_MISTAKES = 20
COLUMNS = ("submit_time", "duration", "end_time", "tokens", "prompt_tokens", "accelerators", "kind")
UNITS_S = {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0, "d": 86400.0}
SKIPPABLE = ("incomplete", "zero", "too_large")
_DATE = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|\+00:00| ?UTC)?", re.ASCII
)  # fmt: skip
_NUMBER = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_TIME = "a number, or a UTC time such as 2017-10-03 07:01:55"


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
    """How to read the file: which column is what (name in the file by our name), and the unit of plain times."""

    columns: Mapping[str, str]
    unit_s: float
    skip: frozenset[str]
    skipped: dict[str, int] = field(default_factory=dict)

    def leave_out(self, why: str) -> None:
        """Count a row that the mapping allows to leave out."""
        self.skipped[why] = self.skipped.get(why, 0) + 1


class LogRefused(ValueError):
    """The mistakes of a log."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


def seconds(text: str, unit_s: float) -> float | None:
    """A time of the log in seconds (date-times since 1970), or None."""
    if _NUMBER.fullmatch(text):
        return float(text) * unit_s
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    parts = [int(part) for part in match.groups()[:6]]
    try:
        whole = datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    return whole + float(f"0.{match[7] or 0}")


def content(path: Path, shown: str) -> tuple[str, str]:
    """Text and digest of a log. Raises LogRefused."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise LogRefused([Mistake(shown, 0, 0, "file", str(error.strerror), "a CSV file that can be read")]) from None
    if len(raw) > MAX_BYTES:
        raise LogRefused([Mistake(shown, 0, 0, "file", "a larger file", f"at most {MAX_BYTES // 2**20} MiB")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise LogRefused([Mistake(shown, line, 1, "text", "bytes that are not UTF-8", "UTF-8 text")]) from None
    return text, hashlib.blake2b(raw, digest_size=16).hexdigest()


def rows(text: str, shown: str, mapped: Mapped) -> list[Row]:
    """The rows of a log, in the order of the file. Raises LogRefused with the first mistakes, each with its line."""
    reader = csv.reader(text.splitlines(), strict=True)
    mistakes: list[Mistake] = []
    found: list[Row] = []
    try:
        head = [name.strip() for name in next(reader, [])]
        _check_head(head, shown, mapped)
        at = {ours: head.index(theirs) for ours, theirs in mapped.columns.items()}
        for cells in reader:
            line = reader.line_num
            if not any(cells):
                continue
            if line > MAX_LINES:
                mistakes.append(Mistake(shown, line, 1, "file", "more lines", f"at most {MAX_LINES}"))
                break
            if len(cells) != len(head):
                mistakes.append(Mistake(shown, line, 1, "row", f"{len(cells)} cells", f"{len(head)}, as in the head"))
            else:
                row = _row(line, cells, at, shown, mapped, mistakes)
                if row is not None:
                    found.append(row)
            if len(mistakes) >= MAX_MISTAKES:
                break
    except csv.Error as error:
        mistakes.append(Mistake(shown, reader.line_num, 1, "text", str(error), "CSV"))
    if mistakes:
        raise LogRefused(mistakes)
    return found


def _check_head(head: list[str], shown: str, mapped: Mapped) -> None:
    mistakes = [
        Mistake(shown, 1, 1, "columns", f"no column {show(theirs)} for {ours}", ", ".join(head)[:200] or "a head line")
        for ours, theirs in mapped.columns.items()
        if theirs not in head
    ]
    mistakes += [
        Mistake(shown, 1, 1, "columns", f"{show(name)} twice", "names of their own")
        for name in dict.fromkeys(mapped.columns.values())
        if head.count(name) > 1
    ]
    if mistakes:
        raise LogRefused(mistakes)


def _row(  # noqa: PLR0917
    line: int, cells: list[str], at: Mapping[str, int], shown: str, mapped: Mapped, mistakes: list[Mistake]
) -> Row | None:
    """One row, or None where it is left out or wrong (then `mistakes` has grown)."""
    values = {ours: cells[index].strip() for ours, index in at.items()}
    empty = [ours for ours, text in values.items() if not text]
    if empty:
        if "incomplete" in mapped.skip:
            mapped.leave_out("incomplete")
        else:
            mistakes.append(_mistake(shown, line, at, mapped, empty[0], "nothing", "a value (or skip: [incomplete])"))
        return None
    numbers = dict.fromkeys(COLUMNS, 0.0) | {"accelerators": 1.0}
    for ours, text in values.items():
        if ours == "kind":
            continue
        timed = ours in {"submit_time", "end_time", "duration"}
        dated = timed and ours != "duration"
        value = seconds(text, mapped.unit_s if timed else 1.0) if dated or _NUMBER.fullmatch(text) else None
        if value is None or not math.isfinite(value) or (value < 0.0 and ours != "submit_time"):
            allowed = _TIME if dated else "a number from 0 up"
            mistakes.append(_mistake(shown, line, at, mapped, ours, show(text), allowed))
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
