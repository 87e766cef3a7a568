"""Tables that people bring, as CSV or line by line: their bytes, their lines, their cells, their words for nothing.

One reader for flux tables, cluster logs and catalogues. A line ends with LF, CR LF or CR, as an editor counts; form
feeds, vertical tabs, U+0085 and U+2028 are characters. What a column means is its reader's.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bus.errors import Mistake, ScenarioError
from bus.text.files import decode

MAX_BYTES = 64 * 1024 * 1024
MAX_LINES = 1_000_000
MAX_CELL = csv.field_size_limit()

NOTHING = frozenset(
    {"", "none", "na", "n/a", "n.a.", "#n/a", "<na>", "null", "(null)", "<null>", "nil", "nan", "nat", "-", "--", "\\n"}
)
r"""Cells that say there is no value, in any case: spreadsheets', pandas', R's, databases' (\N), Slurm's."""
NOTHING_SAID = r"an empty cell, NA, N/A, null, NaN, None, - or \N for nothing"


class Content(NamedTuple):
    """Text of a file, and a digest of its bytes."""

    text: str
    digest: str


class Row(NamedTuple):
    """One record: the line it begins on, its cells."""

    line: int
    cells: list[str]


def is_nothing(cell: str) -> bool:
    """A cell that holds no value."""
    return cell.strip().casefold() in NOTHING


def read_file(path: Path, shown: str) -> Content:
    """Text of a file of at most 64 MiB. Raises ScenarioError: not there, no file, too large, not UTF-8 (by name)."""
    try:
        if path.exists() and not path.is_file():
            raise refused(shown, 0, "file", "a folder or a device", "a file of text")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "a name that no file can have"
        raise refused(shown, 0, "file", str(reason), "a file that can be read") from None
    if len(raw) > MAX_BYTES:
        raise refused(shown, 0, "file", "a larger file", f"at most {MAX_BYTES // 2**20} MiB")
    return Content(decode(raw, shown), hashlib.blake2b(raw, digest_size=16).hexdigest())


def lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, line without its end) of a text, counted as an editor counts."""
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        yield number, line.rstrip("\r\n")


def rows(text: str, shown: str, delimiter: str = ",", first: int = 1) -> Iterator[Row]:
    """Records of a CSV text that begins on line `first`, blank lines left out; a quoted cell may hold line breaks.
    Raises ScenarioError with the line where the broken record begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    while True:
        line = first + reader.line_num
        if line > MAX_LINES:
            raise refused(shown, line, "file", "more lines", f"at most {MAX_LINES}")
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise refused(shown, line, "row", *_in_words(str(error))) from None
        if cells is None:
            return
        if cells:
            yield Row(line, cells)


def _in_words(reason: str) -> tuple[str, str]:
    if "unexpected end" in reason:
        return "a quotation mark that is never closed", "quotation marks in pairs"
    if "expected after" in reason:
        return "characters behind a closing quotation mark", "quotation marks around whole cells, doubled within them"
    if "field limit" in reason:
        return f"a cell of more than {MAX_CELL} characters (a quotation mark that is not closed?)", "shorter cells"
    return "a line that is no CSV", "comma-separated values"


def refused(shown: str, line: int, field: str, found: str, allowed: str) -> ScenarioError:
    """What is wrong with a table, and where."""
    return ScenarioError([Mistake(shown, line, 1 if line else 0, field, found, allowed)])
