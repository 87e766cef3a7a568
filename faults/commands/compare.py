# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""`skyrack compare`: a model beside telemetry that somebody brings."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import Annotated

import typer

from faults.commands.parts import Designs
from faults.commands.procedure import Json

EPILOG = "Example: skyrack compare mine.yaml telemetry.csv --map map.yaml --html compare.html"


def compare(
    model: Annotated[str, typer.Argument(help="A scenario, whose plants are flown; or the directory of a run.")],
    table: Annotated[Path, typer.Argument(metavar="CSV", help="Telemetry, with a header and a column of times.")],
    *,
    plan: Annotated[Path, typer.Option("--map", help="Which column is which signal; docs/how-to/compare.md.")],
    spacecraft: Annotated[str, typer.Option(help="Which one, where several fly.")] = "",
    designs: Designs = [],
    html: Annotated[Path | None, typer.Option(help="Write the pictures to this file.")] = None,
    json: Json = False,
) -> None:
    """Lay a model beside telemetry: how far apart, and when.

    Of a scenario the plants are flown, without flight software or ground; of a run its record is taken. Exit status 1
    where a bound that the map states is not held.
    """
    from bus.errors import EnvironmentFault  # noqa: PLC0415
    from bus.files import whole  # noqa: PLC0415
    from bus.text.instants import parse_instant  # noqa: PLC0415
    from faults.compare import modelled, page  # noqa: PLC0415
    from faults.compare.form import read_map  # noqa: PLC0415
    from faults.compare.measured import read_measured  # noqa: PLC0415
    from faults.compare.result import HEADS, as_json, event_words, notes, row_of  # noqa: PLC0415
    from faults.compare.result import compare as lay_beside  # noqa: PLC0415
    from faults.recording.read import read_recording  # noqa: PLC0415
    from faults.run.warm import warm_up  # noqa: PLC0415
    from faults.run_directory import open_run  # noqa: PLC0415
    from faults.scenarios.choose import load_named  # noqa: PLC0415

    told = read_map(plan)
    if Path(model).is_dir():
        recording = read_recording(open_run(Path(model)))
        who = modelled.choose(recording.scenario, spacecraft or told.spacecraft)
        measured = read_measured(table, told, parse_instant(recording.scenario.epoch_utc))
        found_model = modelled.recorded(recording, who, told)
        said = f"the run in {model}"
    else:
        scenario = load_named(model, tuple(designs)).scenario
        who = modelled.choose(scenario, spacecraft or told.spacecraft)
        measured = read_measured(table, told, parse_instant(scenario.epoch_utc))
        warm_up(scenario, _say)
        end_s = float(measured.times_s[-1]) + told.shift_s + told.search_s
        found_model = modelled.fly_model(scenario, who, told, end_s)
        said = f"the scenario {model}"
    found = lay_beside(told, measured, found_model, who, said)
    if html is not None:
        try:
            with whole(html) as draft:
                draft.write_text(page.render(found), encoding="utf-8")
        except OSError as error:
            raise EnvironmentFault(f"cannot write {html}: {error.strerror}", hint="choose another --html") from error
    if json:
        sys.stdout.write(json_module.dumps(as_json(found), indent=1) + "\n")
    else:
        for note in notes(found):
            sys.stdout.write(f"{note}\n")
        _table([list(HEADS), *(row_of(one, one.figures) for one in found.columns)])
        sys.stdout.write("as it would have been read:\n")
        _table([row_of(one, one.read_figures) for one in found.columns])
        for event in found.events:
            sys.stdout.write(f"{event_words(event)}\n")
        for words in found.exceeded:
            sys.stdout.write(f"not held: {words}\n")
        sys.stdout.write(f"{found.verdict}\n")
        if html is not None:
            sys.stdout.write(f"pictures: {html}\n")
    raise typer.Exit(1 if found.exceeded else 0)


def _table(rows: list[list[str]]) -> None:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if place < 3 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
