"""`skyrack archive`: values out of the ground's archive of a run, live or not.

A group of commands of its own; each imports what it needs when it runs.
"""

from __future__ import annotations

import json as json_module
import math
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faults.commands.procedure import Json

if TYPE_CHECKING:
    from bus.dictionary import Parameter
    from groundstation.archive.reader import ArchiveReader, RetiredStream
    from groundstation.archive.values import Bucket, Sample

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
MOST_ROWS = 10_000
"""Printed of one question, unless --most says otherwise."""
Run = Annotated[Path, typer.Argument(help="The directory of a run, live or not.")]
Spacecraft = Annotated[str, typer.Argument(help="A spacecraft of the run.")]


class Clock(StrEnum):
    """Which time `--from` and `--to` mean."""

    made = "made"
    received = "received"
    onboard = "onboard"


class Which(StrEnum):
    """Late is not live."""

    all = "all"
    live = "live"
    late = "late"


Late = Annotated[Which, typer.Option("--which", help="all, live, or what was played back: late.")]


@group.command(epilog="Example: skyrack archive latest out/first-light-001 dawn-1 battery_soc mode")
def latest(
    run: Run,
    spacecraft: Spacecraft,
    parameters: Annotated[list[str] | None, typer.Argument(metavar="[PARAMETER]...", help="Only these.")] = None,
    *,
    which: Late = Which.all,
    json: Json = False,
) -> None:
    """Print the newest value of every parameter in housekeeping, as the ground knows it."""
    from faults.run_directory import open_run  # noqa: PLC0415
    from groundstation.archive.reader import ArchiveReader  # noqa: PLC0415
    from groundstation.archive.values import check_parameters, newest  # noqa: PLC0415

    archive = ArchiveReader(open_run(run).archive)
    forms = archive.dictionary(spacecraft).parameter
    check_parameters(archive, spacecraft, parameters or ())
    found = newest(archive, spacecraft, which.value)
    asked = [sample for name, sample in found.items() if not parameters or name in parameters]
    _print(asked, forms, as_json=json)
    if not asked:
        sys.stderr.write("note: nothing of this was received\n")
    if any(name not in found for name in parameters or ()):
        note_retired(archive, spacecraft)


@group.command("range", epilog="Example: skyrack archive range out/first-light-001 dawn-1 battery_soc --every '5 min'")
def range_(
    run: Run,
    spacecraft: Spacecraft,
    parameters: Annotated[list[str], typer.Argument(metavar="PARAMETER...", help="What to print.")],
    *,
    from_: Annotated[str, typer.Option("--from", help="From this time since the epoch on.")] = "",
    to: Annotated[str, typer.Option("--to", help="Before this time since the epoch.")] = "",
    clock: Annotated[Clock, typer.Option(help="Times: made (correlated), received, or the stamp on board.")] = (
        Clock.made
    ),
    which: Late = Which.all,
    every: Annotated[str, typer.Option(help="Least and greatest value of each stretch of this length instead.")] = "",
    most: Annotated[int, typer.Option(min=1, help="Rows printed at most; how many are left out is said.")] = MOST_ROWS,
    json: Json = False,
) -> None:
    """Print values of parameters over time, each or down-sampled.

    Late is not live: `--which live` leaves out what was played back, `late` shows that alone.
    """
    from itertools import islice  # noqa: PLC0415

    from bus.errors import UserError  # noqa: PLC0415
    from faults.run_directory import open_run  # noqa: PLC0415
    from groundstation.archive.reader import ArchiveReader  # noqa: PLC0415
    from groundstation.archive.values import Question, buckets, may_be_retired, samples  # noqa: PLC0415

    archive = ArchiveReader(open_run(run).archive)
    question = Question(
        spacecraft, tuple(dict.fromkeys(parameters)), _ns("--from", from_), _ns("--to", to), clock.value, which.value
    )
    forms = archive.dictionary(spacecraft).parameter
    if every:
        width_ns = _ns("--every", every)
        if not width_ns or width_ns < 0:
            raise UserError(f"--every: found {every}; allowed: more than 0 s", hint="such as '5 min'")
        try:
            found = buckets(archive, question, width_ns)
        except ValueError as error:
            raise UserError(f"--every: {error}", hint="ask for longer stretches, or for less time") from error
        _print_buckets(found[:most], width_ns, forms, as_json=json)
        left = len(found) - most
    else:
        rows = samples(archive, question)
        _print(list(islice(rows, most)), forms, as_json=json)
        left = sum(1 for _ in rows)
    if left > 0:
        sys.stderr.write(f"note: {left:,} rows more; --most or --every shows them\n")
    if may_be_retired(archive, question):
        note_retired(archive, spacecraft)


@group.command(epilog="Example: skyrack archive levels out/first-light-001")
def levels(run: Run, *, json: Json = False) -> None:
    """Print the service levels of every spacecraft, as the ground knows them now."""
    from dataclasses import asdict  # noqa: PLC0415

    from faults.recording.read import read_scenario  # noqa: PLC0415
    from faults.report.levels import LABELS, figure_in_words  # noqa: PLC0415
    from faults.run_directory import open_run  # noqa: PLC0415
    from groundstation.archive.levels import all_levels  # noqa: PLC0415
    from groundstation.archive.reader import ArchiveReader  # noqa: PLC0415

    directory = open_run(run)
    names = [one.id for one in read_scenario(directory).spacecraft]
    archive = ArchiveReader(directory.archive)
    found = {name: asdict(one) for name, one in all_levels(archive, names).items()}
    for name in names:
        note_retired(archive, name)
    if json:
        sys.stdout.write(json_module.dumps(found, indent=1) + "\n")
        return
    for name, one in found.items():
        until = "nothing was received" if one["until_s"] is None else f"known until {_clock(one['until_s'])}"
        sys.stdout.write(f"{name}, {until}\n")
        for figure, (label, _, _) in LABELS.items():
            why = f" ({one['unknown'][figure]})" if figure in one["unknown"] else ""
            sys.stdout.write(f"  {label:<40}{figure_in_words(figure, one[figure])}{why}\n")


@group.command(epilog="Example: skyrack archive retired out/first-light-001")
def retired(run: Run, *, json: Json = False) -> None:
    """Print what retention has deleted, by spacecraft, boot and stream."""
    from faults.recording.retention import stream_row  # noqa: PLC0415
    from faults.run_directory import open_run  # noqa: PLC0415
    from groundstation.archive.reader import ArchiveReader  # noqa: PLC0415

    rows = [stream_row(each) for each in ArchiveReader(open_run(run).archive).retired()]
    if json:
        sys.stdout.write(json_module.dumps(rows, indent=1) + "\n")
        return
    if not rows:
        sys.stdout.write("nothing was retired\n")
        return
    lines: list[tuple[str, ...]] = [("spacecraft", "boot", "stream", "packets", "bytes", "received until")]
    for row in rows:
        counts = (f"{row[name]:,}" for name in ("boot", "stream", "packets", "bytes"))
        lines.append((row["spacecraft"], *counts, _clock(row["until_s"])))
    _columns(lines)


@group.command(epilog="Example: skyrack archive dumps out/first-light-001 dawn-1 --write dump.bin")
def dumps(
    run: Run,
    spacecraft: Spacecraft,
    *,
    write: Annotated[Path | None, typer.Option(help="Write the last complete one here, as bytes.")] = None,
    json: Json = False,
) -> None:
    """List dumps of memory that came down in parts, and which parts are missing."""
    from bus.errors import EnvironmentFault, UserError  # noqa: PLC0415
    from faults.run_directory import open_run  # noqa: PLC0415
    from groundstation.archive.reader import ArchiveReader  # noqa: PLC0415
    from groundstation.telemetry.large_packets import joined  # noqa: PLC0415

    archive = ArchiveReader(open_run(run).archive)
    reports = ((r.boot, r.structure.id, r.values) for r in archive.reports(spacecraft))
    found = list(joined(archive.dictionary(spacecraft), reports))
    rows = [
        {
            "boot": p.boot, "number": p.number, "address": p.address, "bytes": p.size_bytes,
            "complete": p.content is not None, "missing": list(p.missing),
        }
        for p in found
    ]  # fmt: skip
    if json:
        sys.stdout.write(json_module.dumps(rows, indent=1) + "\n")
    else:
        lines: list[tuple[str, ...]] = [("boot", "number", "first word", "bytes", "state")]
        for p in found:
            wrong = f"parts missing: {', '.join(map(str, p.missing))}" if p.missing else "wrong checksum"
            state = wrong if p.content is None else "complete"
            lines.append((str(p.boot), str(p.number), str(p.address), str(p.size_bytes), state))
        _columns(lines)
    note_retired(archive, spacecraft)
    if write is None:
        return
    complete = [p.content for p in found if p.content is not None]
    if not complete:
        raise UserError("--write: no dump is complete", hint="memory.dump of more than 64 words comes down in parts")
    try:
        write.write_bytes(complete[-1])
    except OSError as error:
        raise EnvironmentFault(f"cannot write {write}: {error.strerror}", hint="name another file") from error


def note_retired(archive: ArchiveReader, spacecraft: str) -> None:
    """Say on the error output that something of what was asked for may have been deleted."""
    said = retired_in_words(archive.retired(spacecraft), spacecraft)
    if said:
        sys.stderr.write(f"note: {said}; `skyrack archive retired` has the figures\n")


def retired_in_words(rows: Sequence[RetiredStream], spacecraft: str) -> str:
    """What retention deleted of a spacecraft; empty if that is nothing."""
    if not rows:
        return ""
    packets, until_s = sum(row.packets for row in rows), max(row.until_ns for row in rows) / 1e9
    return f"{packets:,} packets of {spacecraft}, received until {_clock(until_s)}, were retired"


def sample_row(sample: Sample, form: Parameter) -> dict[str, Any]:
    """One value with its three times in seconds; null for what is unknown or no number."""
    return {
        "parameter": sample.parameter,
        "value": sample.value if math.isfinite(sample.value) else None,
        "label": form.label(sample.value),
        "unit": form.unit,
        "made_s": None if sample.made_ns is None else sample.made_ns / 1e9,
        "received_s": sample.received_ns / 1e9,
        "onboard_s": sample.obt_ns / 1e9,
        "late": sample.late,
        "boot": sample.boot,
        "stream": sample.stream,
        "sequence": sample.sequence,
    }


def _print(found: Sequence[Sample], forms: dict[str, Parameter], *, as_json: bool) -> None:
    rows = [sample_row(sample, forms[sample.parameter]) for sample in found]
    if as_json:
        sys.stdout.write(json_module.dumps(rows, indent=1) + "\n")
        return
    lines: list[tuple[str, ...]] = [("made", "received", "on board", "parameter", "value", "")]
    for sample, row in zip(found, rows, strict=True):
        lines.append((
            _clock(row["made_s"]), _clock(row["received_s"]), _clock(row["onboard_s"]), row["parameter"],
            row["label"] or f"{sample.value:.9g} {row['unit'] if row['unit'] != '1' else ''}".rstrip(),
            "late" if sample.late else "",
        ))  # fmt: skip
    _columns(lines)


def _print_buckets(found: Sequence[Bucket], width_ns: int, forms: dict[str, Parameter], *, as_json: bool) -> None:
    rows = [
        {
            "parameter": bucket.parameter, "unit": forms[bucket.parameter].unit, "start_s": bucket.start_ns / 1e9,
            "end_s": (bucket.start_ns + width_ns) / 1e9, "values": bucket.count, "late": bucket.late,
            "invalid": bucket.invalid, "least": _finite(bucket.least), "greatest": _finite(bucket.greatest),
            "last": _finite(bucket.last),
        }
        for bucket in found
    ]  # fmt: skip
    if as_json:
        sys.stdout.write(json_module.dumps(rows, indent=1) + "\n")
        return
    lines: list[tuple[str, ...]] = [("from", "parameter", "values", "late", "least", "greatest", "last", "unit")]
    for bucket in found:
        figures = ["-" if v is None else f"{v:.9g}" for v in (bucket.least, bucket.greatest, bucket.last)]
        counts = (str(bucket.count), str(bucket.late))
        unit = forms[bucket.parameter].unit
        lines.append((_clock(bucket.start_ns / 1e9), bucket.parameter, *counts, *figures, unit if unit != "1" else ""))
    _columns(lines)


def _columns(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    for line in lines:
        shown = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(shown.rstrip() + "\n")


def _clock(seconds: float | None) -> str:
    from bus.text.times import clock  # noqa: PLC0415

    if seconds is None:
        return "unknown"
    return clock(seconds) if seconds >= 0 else f"-{clock(-seconds)}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _ns(option: str, text: str) -> int | None:
    from bus.errors import Refused, UserError  # noqa: PLC0415
    from bus.text.units import parse_duration_ns  # noqa: PLC0415

    try:
        return parse_duration_ns(text) if text else None
    except Refused as error:
        raise UserError(f"{option}: {error}", hint="such as '90 min' since the epoch") from error
