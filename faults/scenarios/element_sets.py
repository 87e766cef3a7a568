"""Catalogue files of real orbits: two-line, three-line, OMM as JSON and as CSV -> element sets, chosen by name.

Formats are recognised by content. Bad entries are collected with their line and do not hide the good ones.
"""

from __future__ import annotations

import csv
import fnmatch
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bus.errors import EnvironmentFault, Mistake, ScenarioError
from bus.orbits.tle import Elements, TleError, parse_tle, write_tle

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_BAD_ENTRIES = 100
MAX_ENTRY_CHARACTERS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a file holds: element sets in its order, and its bad entries (`bad_count` may exceed those listed)."""

    file: str
    elements: tuple[Elements, ...]
    bad: tuple[Mistake, ...]
    bad_count: int


def read_catalogue(path: Path) -> Catalogue:
    """All element sets of a file. Raises EnvironmentFault if it cannot be read, ScenarioError if it is of no known
    format."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise EnvironmentFault(f"{path} is larger than {MAX_FILE_BYTES} bytes", hint="cut the catalogue down")
        content = path.read_bytes()
    except OSError as error:
        raise EnvironmentFault(f"cannot read {path}: {error.strerror}", hint="check the path") from error
    return parse_catalogue(content.decode("utf-8-sig", errors="replace"), str(path))


def parse_catalogue(text: str, file: str) -> Catalogue:
    """As `read_catalogue`, from text. Raises ScenarioError and nothing else."""
    elements: list[Elements] = []
    bad: list[Mistake] = []
    count = 0
    for entry in _entries(text, file):
        if isinstance(entry, Elements):
            elements.append(entry)
        else:
            count += 1
            if len(bad) < MAX_BAD_ENTRIES:
                bad.append(entry)
    if not elements and bad:
        raise ScenarioError(bad)
    if not elements:
        raise ScenarioError([Mistake(file, 1, 1, "file", "no element set", _FORMATS)])
    return Catalogue(file, tuple(elements), tuple(bad), count)


_FORMATS = "two- or three-line elements, or OMM as JSON or CSV with CelesTrak's column names"


def select(catalogue: Catalogue, patterns: Sequence[str]) -> list[Elements]:
    """The sets whose name matches a glob ("STARLINK-1*", any case) or whose NORAD number is given, in file order.

    Of several sets of one object the newest counts. Raises ScenarioError for a pattern that matches nothing.
    """
    chosen: dict[int, Elements] = {}
    for pattern in patterns:
        hits = [e for e in catalogue.elements if _matches(e, pattern)]
        if not hits:
            names = (e.name for e in catalogue.elements[:3])
            raise ScenarioError(
                [
                    Mistake(
                        catalogue.file, 0, 0, "select", ascii(pattern),
                        f"a name, a glob or a NORAD number of the {len(catalogue.elements)} sets "
                        f"(such as {', '.join(names)})",
                    ),
                    *catalogue.bad[:3],  # the wanted one may be among those that could not be read
                ]
            )  # fmt: skip
        for hit in hits:
            known = chosen.get(hit.catalogue_number)
            if known is None or known.epoch < hit.epoch:
                chosen[hit.catalogue_number] = hit
    return sorted(chosen.values(), key=lambda e: e.line)


def _matches(elements: Elements, pattern: str) -> bool:
    if pattern.isascii() and pattern.isdigit():
        return elements.catalogue_number == int(pattern[:9])
    return fnmatch.fnmatchcase(elements.name.upper(), pattern.strip().upper())


def _entries(text: str, file: str) -> Iterator[Elements | Mistake]:
    head = text.lstrip()[:4096]
    if head.startswith(("[", "{")):
        yield from _json(text, file)
    elif "," in head.partition("\n")[0]:
        yield from _csv(text, file)
    else:
        yield from _lines(text, file)


def _lines(text: str, file: str) -> Iterator[Elements | Mistake]:
    """Two- and three-line sets, mixed as they come. A name line may begin with "0 "."""
    name, first, first_at = "", "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip()[:200]
        if not line or line.startswith("#"):
            continue
        if line.startswith("1 ") and not first:
            first, first_at = line, number
        elif first:
            yield _pair(first, line, name, first_at, file)
            name, first = "", ""
        elif line.startswith("2 ") and len(line) == 69:
            yield Mistake(file, number, 1, "line 2", ascii(line[:24]), "a line 1 before it")
            name = ""
        else:
            if name:
                yield Mistake(file, number - 1, 1, "name", ascii(name[:40]), "line 1 of its elements after it")
            name = line.removeprefix("0 ")
    if first:
        yield Mistake(file, first_at, 1, "line 1", ascii(first[:24]), "a line 2 after it")
    elif name:
        yield Mistake(file, text.count("\n") + 1, 1, "name", ascii(name[:40]), _FORMATS)


def _pair(line1: str, line2: str, name: str, at: int, file: str) -> Elements | Mistake:
    try:
        return parse_tle(line1, line2, name, at)
    except TleError as error:
        label = f"{name[:40]!a} line {error.line}" if name else f"line {error.line}"
        return Mistake(file, at + error.line - 1, 1, label, error.found, error.allowed)


def _csv(text: str, file: str) -> Iterator[Elements | Mistake]:
    reader = csv.reader(text.splitlines(), strict=False)
    try:
        header = [name.strip().upper() for name in next(reader)]
        for row in reader:
            at = reader.line_num
            if not row:
                continue
            if len(row) != len(header):
                yield Mistake(file, at, 1, "row", f"{len(row)} columns", f"{len(header)} columns as in the header")
                continue
            yield _record(dict(zip(header, row, strict=True)), file, at)
    except (csv.Error, StopIteration) as error:
        yield Mistake(file, reader.line_num, 1, "row", ascii(str(error))[:80], "comma-separated values")


def _json(text: str, file: str) -> Iterator[Elements | Mistake]:
    """One OMM or a list of them, decoded one by one so that each knows its line."""
    decoder = json.JSONDecoder()
    at, line, counted = len(text) - len(text.lstrip()), 1, 0
    many = text[at] == "["
    at += many
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        line, counted = line + text.count("\n", counted, at), at
        if at >= len(text) or text[at] == "]":
            return
        try:
            record, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield Mistake(file, line, 1, "entry", ascii(str(error))[:80], "JSON")
            return
        if isinstance(record, dict) and end - at <= MAX_ENTRY_CHARACTERS:
            yield _record({str(k).upper(): v for k, v in record.items()}, file, line)
        else:
            yield Mistake(file, line, 1, "entry", ascii(text[at : at + 20]), "an OMM record { ... }")
        at = end
        if not many:
            return


_OMM = {
    "mean_motion_rev_day": "MEAN_MOTION",
    "eccentricity": "ECCENTRICITY",
    "inclination_deg": "INCLINATION",
    "raan_deg": "RA_OF_ASC_NODE",
    "argument_of_perigee_deg": "ARG_OF_PERICENTER",
    "mean_anomaly_deg": "MEAN_ANOMALY",
    "bstar": "BSTAR",
    "mean_motion_dot": "MEAN_MOTION_DOT",
    "mean_motion_ddot": "MEAN_MOTION_DDOT",
}


def _record(record: Mapping[str, object], file: str, at: int) -> Elements | Mistake:
    """An OMM record, or any record that carries two-line elements beside it (Space-Track's does)."""
    name = str(record.get("OBJECT_NAME") or record.get("NAME") or "")[:64].strip()
    lines = record.get("TLE_LINE1"), record.get("TLE_LINE2")
    if isinstance(lines[0], str) and isinstance(lines[1], str):
        try:
            return parse_tle(lines[0], lines[1], name, at)
        except TleError as error:
            return Mistake(file, at, 1, f"TLE_LINE{error.line}", error.found, error.allowed)
    numbers: dict[str, float] = {}
    for argument, column in _OMM.items():
        value = record.get(column)
        try:
            numbers[argument] = float(value) if isinstance(value, (str, int, float)) else math.nan
        except (ValueError, OverflowError):
            numbers[argument] = math.nan
        if not math.isfinite(numbers[argument]):
            return Mistake(file, at, 1, column, ascii(value)[:40], "a number")
    try:
        epoch = datetime.fromisoformat(str(record.get("EPOCH", ""))[:40].replace("Z", ""))
        number = int(str(record.get("NORAD_CAT_ID", ""))[:12])
        designator = str(record.get("OBJECT_ID", "")).replace("-", "")[2:10]
        first, second = write_tle(
            catalogue_number=number,
            designator=designator if designator.isascii() and designator.isprintable() else "",
            epoch=epoch.replace(tzinfo=UTC),
            **numbers,
        )
        return parse_tle(first, second, name, at)
    except TleError as error:
        return Mistake(file, at, 1, ascii(name[:40]), error.found, error.allowed)
    except ValueError as error:
        return Mistake(file, at, 1, ascii(name[:40]), ascii(str(error))[:100], "the numbers of an OMM")
