"""Catalogue files of real orbits: two-line, three-line, OMM as JSON and as CSV -> element sets, chosen by name.

A format is believed when the file bears it out: a pair of element lines that is good, JSON that begins as a record or a
list of them, a line of names with the columns of an OMM. Prose around good sets is prose. Bad entries are collected
with their place and what they are called, and do not hide the good ones.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bus.errors import EnvironmentFault, Mistake, ScenarioError
from bus.orbits.elements import Elements
from bus.orbits.omm import KEYWORDS, OmmError, name_of, parse_omm
from bus.orbits.tle import TleError, kind_of_line, number_of, parse_tle
from bus.text import tables

MAX_BAD_ENTRIES = 10_000
"""Bad entries that are remembered; the others are counted."""
MAX_ENTRY_CHARACTERS = 64 * 1024
MAX_SHOWN = 3
_HEAD_LINES = 1000
_LONGEST_NAME = 66
"""Catalogues give names of at most 24 characters; a longer line above a set is prose."""
_TAG = re.compile(r"<[^<>]{1,200}>")
_FORMATS = "two- or three-line elements, or OMM as JSON or CSV with CelesTrak's column names"

_ASK = "the same as JSON or CSV (most sources offer them), or two- or three-line elements"


@dataclass(frozen=True, slots=True)
class BadEntry:
    """One entry that is no element set, and what it is called as far as that can be read ("" and -1 where not)."""

    mistake: Mistake
    name: str = ""
    number: int = -1


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a file holds: element sets in its order, and its bad entries (`bad_count` may exceed those listed)."""

    file: str
    elements: tuple[Elements, ...]
    bad: tuple[BadEntry, ...]
    bad_count: int


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen, in file order, and what a user should know of how."""

    elements: tuple[Elements, ...]
    notes: tuple[str, ...]


def read_catalogue(path: Path) -> Catalogue:
    """All element sets of a file. Raises EnvironmentFault if it cannot be read, ScenarioError if it is of no known
    format."""
    try:
        content = tables.read_file(path, str(path))
    except ScenarioError as error:
        first = error.mistakes[0]
        if first.field == "file":
            raise EnvironmentFault(f"cannot read {path}: {first.found}", hint=first.allowed) from None
        raise
    return parse_catalogue(content.text, str(path))


def parse_catalogue(text: str, file: str) -> Catalogue:
    """As `read_catalogue`, from text. Raises ScenarioError and nothing else."""
    elements: list[Elements] = []
    bad: list[BadEntry] = []
    count = 0
    for entry in _entries(text, file):
        if isinstance(entry, Elements):
            elements.append(entry)
        else:
            count += 1
            if len(bad) < MAX_BAD_ENTRIES:
                bad.append(entry)
    if not elements:
        raise ScenarioError([entry.mistake for entry in bad[:100]] or [_unknown(text, file)])
    return Catalogue(file, tuple(elements), tuple(bad), count)


def select(catalogue: Catalogue, patterns: Sequence[str]) -> Selection:
    """The sets whose name matches a glob ("STARLINK-1*", any case) or whose NORAD number is given.

    Of several sets of one object the newest counts, of several of one epoch the first, and that is a note. Raises
    ScenarioError for a pattern that matches nothing, with the reasons of those that it would have matched.
    """
    chosen: dict[int, list[Elements]] = {}
    wrong: dict[int, BadEntry] = {}
    for pattern in patterns:
        hits = [e for e in catalogue.elements if _matches(e.name, e.catalogue_number, pattern)]
        own = [bad for bad in catalogue.bad if _matches(bad.name, bad.number, pattern)]
        if not hits:
            raise ScenarioError([_no_hit(catalogue, pattern), *(bad.mistake for bad in own[:MAX_SHOWN])])
        for hit in hits:
            known = chosen.setdefault(hit.catalogue_number, [])
            if hit not in known:
                known.append(hit)
        wrong |= {id(bad): bad for bad in own}
    notes = [_choice(sets) for sets in chosen.values() if len(sets) > 1]
    if len(notes) > MAX_SHOWN:
        notes[MAX_SHOWN:] = [f"{len(notes) - MAX_SHOWN} further objects have several sets: the newest, or first, flies"]
    if wrong:
        first = next(iter(wrong.values())).mistake
        notes.insert(0, f"{len(wrong)} bad entries of the selection were left out, the first: {first}")
    newest = [max(sets, key=lambda e: e.epoch) for sets in chosen.values()]
    return Selection(tuple(sorted(newest, key=lambda e: e.line)), tuple(notes))


def _no_hit(catalogue: Catalogue, pattern: str) -> Mistake:
    names = (e.name or str(e.catalogue_number) for e in catalogue.elements[:3])
    allowed = f"a name, a glob or a NORAD number of the {len(catalogue.elements)} sets (such as {', '.join(names)})"
    nameless = sum(not bad.name and bad.number < 0 for bad in catalogue.bad)
    if nameless:
        allowed += f"; what {nameless} bad entries are called cannot be read"
    return Mistake(catalogue.file, 0, 0, "select", ascii(pattern), allowed)


def _choice(sets: Sequence[Elements]) -> str:
    """Several sets of one object: which flies, and that there was a choice."""
    flies = max(sets, key=lambda e: e.epoch)
    same = [e.line for e in sets if e.epoch == flies.epoch and e is not flies]
    why = f"the first of this epoch (again on line {', '.join(map(str, same[:3]))})" if same else "the newest"
    return (
        f"{flies.name or flies.catalogue_number}: {len(sets)} sets of this object; that of line {flies.line} flies, "
        f"epoch {flies.epoch:%Y-%m-%dT%H:%M:%S}Z, {why}"
    )


def _matches(name: str, number: int, pattern: str) -> bool:
    if pattern.isascii() and pattern.isdigit() and len(pattern.lstrip("0")) <= 9 and number == int(pattern):
        return True
    return (bool(name) and fnmatch.fnmatchcase(name.upper(), pattern.strip().upper())) or pattern.strip() == "*"


def _entries(text: str, file: str) -> Iterator[Elements | BadEntry]:
    """Entries in the format that the file bears out."""
    if re.match(r"\s*(\[\s*[{\]]|\{\s*[\"}])", text):
        yield from _json(text, file)
        return
    found = list(_lines(text, file))
    if not any(isinstance(entry, Elements) for entry in found):
        head = _header(text)
        if head is not None:
            found = list(_csv(text, file, *head))
    yield from found


def _lines(text: str, file: str) -> Iterator[Elements | BadEntry]:
    """Two- and three-line sets, mixed as they come, among any prose. The line above a set is its name ("0 " may stand
    before it)."""
    name, first, first_at, indent = "", "", 0, 0
    for number, raw in tables.lines(text):
        line = (_TAG.sub("", raw) if "<" in raw else raw).strip(" \t")
        if not line or line.startswith("#"):
            continue
        kind = kind_of_line(line)
        if first and kind != 2:
            yield BadEntry(
                Mistake(file, first_at, 1 + indent, "line 1", ascii(first[:24]), "a line 2 after it"),
                name,
                _number(first),
            )
            first, name = "", ""
        if kind == 1:
            first, first_at, indent = line, number, max(0, raw.find(line))
        elif kind == 2 and first:
            places = (first_at, 1 + indent), (number, 1 + max(0, raw.find(line)))
            yield _pair((first, line), name, places, file)
            name, first = "", ""
        elif kind == 2:
            mistake = Mistake(file, number, 1, "line 2", ascii(line[:24]), "a line 1 before it")
            yield BadEntry(mistake, name, _number(line))
            name = ""
        else:
            name = line.removeprefix("0 ").strip() if len(line) <= _LONGEST_NAME else ""
    if first:
        mistake = Mistake(file, first_at, 1 + indent, "line 1", ascii(first[:24]), "a line 2 after it")
        yield BadEntry(mistake, name, _number(first))


def _pair(
    lines: tuple[str, str], name: str, places: Sequence[tuple[int, int]], file: str
) -> Elements | BadEntry:  # fmt: skip
    """A set, or what is wrong with it; `places`: line and column where its lines begin."""
    try:
        return parse_tle(*lines, name, places[0][0])
    except TleError as error:
        label = f"{name[:40]!a} line {error.line}" if name else f"line {error.line}"
        line, column = places[error.line - 1]
        mistake = Mistake(file, line, column + error.column - 1, label, error.found, error.allowed)
        return BadEntry(mistake, name, _number(*lines))


def _number(*lines: str) -> int:
    """The catalogue number of lines that may be damaged, or -1."""
    for line in lines:
        try:
            return number_of(line[2:7])
        except ValueError:
            continue
    return -1


def _header(text: str) -> tuple[int, str, list[str]] | None:
    """Line, delimiter and names of a line that names an OMM's columns, or those of two-line elements."""
    best: tuple[int, int, str, list[str]] | None = None
    for number, line in tables.lines(text):
        if number > _HEAD_LINES:
            break
        for delimiter in (",", ";", "\t") if len(line) < MAX_ENTRY_CHARACTERS else ():
            names = [name.strip(' \t"').upper() for name in line.split(delimiter)]
            known = sum(keyword in names for keyword in KEYWORDS)
            known += len(KEYWORDS) * ("TLE_LINE1" in names and "TLE_LINE2" in names)
            if known >= 4 and (best is None or known > best[0]):
                best = known, number, delimiter, names
    return best[1:] if best else None


def _csv(text: str, file: str, at: int, delimiter: str, names: list[str]) -> Iterator[Elements | BadEntry]:
    twice = _first_twice([name for name in names if name])
    if twice:
        yield BadEntry(Mistake(file, at, 1, "header", f"column {twice[:40]!a} twice", "names of their own"))
        return
    missing = [keyword for keyword in KEYWORDS if keyword not in names]
    if missing and not ("TLE_LINE1" in names and "TLE_LINE2" in names):
        yield BadEntry(Mistake(file, at, 1, "header", f"no column {', '.join(missing)}", ", ".join(KEYWORDS)))
        return
    rest = "\n" * (at - 1) + "\n".join(line for number, line in tables.lines(text) if number >= at)
    header = True
    try:
        for line, cells in tables.rows(rest, file, delimiter):
            if header:
                header = False
            elif len(cells) != len(names):
                found, allowed = f"{len(cells)} columns", f"{len(names)} columns as in the header"
                yield BadEntry(Mistake(file, line, 1, "row", found, allowed))
            else:
                yield _record(dict(zip(names, cells, strict=True)), file, line)
    except ScenarioError as error:
        yield from map(BadEntry, error.mistakes)


def _json(text: str, file: str) -> Iterator[Elements | BadEntry]:
    """A list of OMM, or one after the other (JSON lines), decoded one by one so that each knows its line."""
    decoder = json.JSONDecoder(object_pairs_hook=_Record, parse_int=_integer)
    at, line, counted = len(text) - len(text.lstrip()), 1, 0
    listed = text[at] == "["
    at += listed
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        line, counted = line + text.count("\n", counted, at), at
        if at >= len(text):
            if listed:
                found, allowed = "the end of the file within a list", "a ] that ends it: is the file whole?"
                yield BadEntry(Mistake(file, line, 1, "file", found, allowed))
            return
        if listed and text[at] == "]":
            listed = False
            at += 1
            continue
        try:
            record, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            stop = getattr(error, "pos", at)
            line, column = line + text.count("\n", at, stop), stop - text.rfind("\n", 0, stop)
            found = ascii(text[stop : stop + 20]) if text[stop : stop + 1] else "the end of the file"
            yield BadEntry(Mistake(file, line, column, "entry", found, "JSON: what stands here cannot follow"))
            return
        if isinstance(record, _Record) and end - at <= MAX_ENTRY_CHARACTERS:
            yield _record(record, file, line, record.twice)
        else:
            found = ascii(text[at : at + 20])
            yield BadEntry(Mistake(file, line, 1, "entry", found, "an OMM record { ... } of at most 64 KiB"))
        at = end


class _Record(dict[str, object]):
    """A JSON object with its keys in capitals; knows the first one that it has twice."""

    def __init__(self, pairs: Sequence[tuple[str, object]]) -> None:
        super().__init__((key.upper(), value) for key, value in pairs)
        self.twice = _first_twice([key.upper() for key, _ in pairs])


def _first_twice(names: Sequence[str]) -> str:
    return next((name for k, name in enumerate(names) if name in names[:k]), "") if len(set(names)) < len(names) else ""


def _integer(text: str) -> int | float:
    """Whole numbers of any length: what is longer than any that means something is large, not malformed."""
    return int(text) if len(text) <= 20 else float(text)


def _record(record: Mapping[str, object], file: str, at: int, twice: str = "") -> Elements | BadEntry:
    try:
        if twice:
            raise OmmError(ascii(twice[:40])[1:-1], "it twice", "once")
        return parse_omm(record, at)
    except OmmError as error:
        try:
            name = name_of(record)
        except OmmError:
            name = ""
        digits = str(record.get("NORAD_CAT_ID", ""))[:12]
        number = int(digits) if digits.isascii() and digits.isdigit() else -1
        label = f"{name[:40]!a} {error.keyword}" if name else error.keyword
        return BadEntry(Mistake(file, at, 1, label, error.found, error.allowed), name, number)


def _unknown(text: str, file: str) -> Mistake:
    """A file without anything like an element set: what it seems to be, in one sentence."""
    start = text.lstrip()[:4096]
    words = " ".join(re.sub(r"<[^>]*>", " ", start).split())[:60]
    if re.match(r"<!doctype html|<html", start, re.IGNORECASE):
        return Mistake(file, 1, 1, "file", f"a page of HTML that begins with {words!a}", _FORMATS)
    if start.startswith("<") and re.search(r"<(\?xml|ndm|omm)\b", start, re.IGNORECASE):
        return Mistake(file, 1, 1, "file", "XML, such as an OMM in XML", _ASK)
    keys = r"^\s*(?:CCSDS_OMM_VERS|OBJECT_NAME|EPOCH|MEAN_MOTION|ECCENTRICITY|INCLINATION)\s*="
    if len(re.findall(keys, text[: 2**20], re.MULTILINE)) >= 2:
        return Mistake(file, 1, 1, "file", "an OMM as KEY = VALUE lines", _ASK)
    return Mistake(file, 1, 1, "file", f"no element set; it begins with {words!a}" if words else "no text", _FORMATS)
