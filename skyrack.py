# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""The front door: every sub-command on one page, and no logic behind it.

Each command imports what it needs when it runs, so that `skyrack --help` answers at once. Exit status: 0 all is well,
1 an expectation failed, 2 a mistake of the user's, 3 the range itself failed, 4 the answer was no.
"""

from __future__ import annotations

import os
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

from faults.run.interruption import Interruption, leave_at_once

if Path(sys.argv[0]).stem == "skyrack":
    leave_at_once()  # before all that takes a while to import; not where a test imports this file

try:
    import typer

    from bus.errors import INTERRUPTED, RangeFailure, SkyrackError
    from faults.commands.ending import check_memory, explain, take_outlets
    from faults.commands.flight_software import flying
    from faults.commands.groups import add_groups
    from faults.commands.parts import AllowExec, Designs, OutDirectory, add_parts
    from faults.commands.procedure import Own
except (ImportError, MemoryError) as lacking:  # a small `ulimit -v`, say; the interpreter's own end would be status 1
    why = str(lacking) or "not enough memory"
    sys.stderr.write(f"error: cannot load the program: {why}\n  next: `ulimit -v` may be too small; or: make install\n")
    sys.exit(2)

app = typer.Typer(
    name="skyrack",
    epilog="Begin with: skyrack run first-light",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print JSON lines, one as each word comes, instead of text.")]
ScenarioName = Annotated[str, typer.Argument(help="A scenario file, or the name of a shipped one.")]
RunPath = Annotated[Path, typer.Argument(help="The directory of a run, e.g. out/first-light-001.")]
LiveRun = Annotated[
    Path | None,
    typer.Option("--run", envvar="SKYRACK_RUN", help="Directory of a live run; the newest one by default."),
]
Given = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME=VALUE]...", help="Arguments, each as name=value; values with units need quotes."),
]
Wait = Annotated[float, typer.Option("--wait", min=0.1, help="Seconds of real time to wait for the answer.")]


def _version(wanted: bool) -> None:
    """What one writes into a report of a fault."""
    if wanted:
        from faults.recording.summary import versions  # noqa: PLC0415

        found = versions()
        typer.echo(f"skyrack {found['skyrack']}, Python {found['python']}, sources {found['sources']}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Version, Python, digest of the sources."),
    ] = False,
) -> None:
    """The test range for orbital data centres: fly them, command them, break them, judge them."""


class Form(StrEnum):
    """What has a schema."""

    SCENARIO = "scenario"
    DESIGN = "design"
    FLEET = "fleet"


class Listing(StrEnum):
    """What `skyrack list` lists."""

    designs = "designs"
    devices = "devices"
    scenarios = "scenarios"
    stations = "stations"
    faults = "faults"
    fdir = "fdir"
    fields = "fields"
    telecommands = "telecommands"
    telemetry = "telemetry"


class ExportFormat(StrEnum):
    """What `skyrack export` writes."""

    mcap = "mcap"
    csv = "csv"
    parquet = "parquet"


@flying(app, epilog="Example: skyrack run first-light | skyrack run mine.yaml --in-process --json")
def run(
    scenario: Annotated[
        str, typer.Argument(envvar="SKYRACK_SCENARIO", help="A scenario file, or the name of a shipped one.")
    ] = "",
    *,
    in_process: Annotated[bool, typer.Option("--in-process", help="Everything in one process.")] = False,
    per_process: Annotated[
        int | None, typer.Option(min=1, max=1000, help="So many spacecraft in a process; else as the machine carries.")
    ] = None,
    pace: Annotated[str, typer.Option(envvar="SKYRACK_PACE", help="free, realtime, or a factor such as x60.")] = "free",
    duration: Annotated[str, typer.Option(help="Fly this long instead, e.g. '2 orbits' or '90 min'.")] = "",
    seed: Annotated[int | None, typer.Option(envvar="SKYRACK_SEED", min=0, help="Instead of the scenario's.")] = None,
    out: OutDirectory = None,
    tle: Annotated[Path | None, typer.Option(help="Fly from this catalogue instead (2LE, 3LE, OMM).")] = None,
    select: Annotated[list[str], typer.Option(help="Which of them, by name: 'DOVE*'. Repeatable.")] = [],
    design: Annotated[str, typer.Option(help="The design that they are, by name or file.")] = "pathfinder",
    designs: Designs = [],
    procedures: Own = [],
    stations: Annotated[list[str], typer.Option(help="Ground stations for them. Repeatable.")] = [],
    epoch: Annotated[str, typer.Option(help="With --tle: when it begins, e.g. 2026-08-12T00:00:00Z.")] = "",
    no_progress: Annotated[
        bool, typer.Option("--no-progress", envvar="SKYRACK_NO_PROGRESS", help="No live display.")
    ] = False,
    allow_exec: AllowExec = False,
    console: Annotated[
        bool, typer.Option("--console", help="Sit in front of it, at x10 unless --pace is given.")
    ] = False,
    json: Json = False,
) -> None:
    """Fly a scenario and judge it.

    Leaves summary.json, report.html, trace and archive in a directory of its own. Exit status: 0 all expectations
    hold, 1 one does not, 2 a mistake of yours, 3 the range itself failed, 130 interrupted (what was flown is judged).
    """
    from faults.commands.run import run_command  # noqa: PLC0415
    from faults.scenarios.choose import RunOptions  # noqa: PLC0415

    if console:
        from faults.commands.console import fly_with_console  # noqa: PLC0415

        raise typer.Exit(fly_with_console(sys.argv[2:], scenario, out, pace))
    options = RunOptions(
        scenario, in_process, pace, duration, seed, out, tle, tuple(select), design, tuple(designs),
        tuple(procedures), tuple(stations),
        epoch, not no_progress, json, per_process, allow_exec,
    )  # fmt: skip
    raise typer.Exit(run_command(options))


@flying(app, epilog="Example: skyrack check faults/scenarios/first-light.yaml")
def check(
    scenario: ScenarioName,
    *,
    designs: Designs = [],
    procedures: Own = [],
    allow_exec: AllowExec = False,
    json: Json = False,
) -> None:
    """Check a scenario without flying it.

    Prints what would fly, or every mistake with file, line and column.
    """
    from faults.commands.look import check_command  # noqa: PLC0415

    raise typer.Exit(check_command(scenario, tuple(designs), tuple(procedures), as_json=json, allow_exec=allow_exec))


@app.command(epilog="Example: skyrack schema scenario > scenario.schema.json")
def schema(what: Annotated[Form, typer.Argument(help="scenario, design or fleet.")]) -> None:
    """Print the JSON Schema of a file, for editors.

    An editor with it shows fields, units and limits while you type.
    """
    from faults.commands.schema import schema_command  # noqa: PLC0415

    raise typer.Exit(schema_command(what.value))


@flying(app, epilog="Example: skyrack truth solstice --spacecraft formation --every '1 min' --out day.csv")
def truth(
    scenario: ScenarioName,
    *,
    fields: Annotated[list[str], typer.Option(help="Such as battery_soc,hbm_temperature_k[max], or all.")] = [],
    every: Annotated[str, typer.Option(help="Time between rows.")] = "10 s",
    spacecraft: Annotated[list[str], typer.Option(help="Only these. Repeatable.")] = [],
    duration: Annotated[str, typer.Option(help="Fly this long instead.")] = "",
    out: Annotated[Path | None, typer.Option(help="A .csv or .parquet file; standard output by default.")] = None,
    designs: Designs = [],
) -> None:
    """Fly the physics alone, as a table.

    No flight software and no ground: the spacecraft's `orders:` and the faults of the plant act at their times.
    """
    from faults.commands.truth import TruthOptions, truth_command  # noqa: PLC0415

    options = TruthOptions(scenario, tuple(fields), every, tuple(spacecraft), duration, out, tuple(designs))
    raise typer.Exit(truth_command(options))


@flying(app, "list", epilog="Example: skyrack list telecommands pathfinder | skyrack list faults --json")
def list_(
    what: Listing,
    of: Annotated[str, typer.Argument(metavar="[DESIGN]", help="The same as --design.")] = "",
    *,
    design: Annotated[str, typer.Option(help="Whose TM/TC, fields or FDIR table: a name or a file; else all.")] = "",
    designs: Designs = [],
    json: Json = False,
) -> None:
    """List designs, their devices, scenarios, stations, faults, TM/TC, truth fields, FDIR rows."""
    from faults.commands.look import list_command  # noqa: PLC0415

    raise typer.Exit(list_command(what.value, design or of, tuple(designs), as_json=json))


add_parts(app)


@app.command(epilog="Example: skyrack command dawn-1 test.ping | skyrack command all test.ping --canary dawn-1")
def command(
    target: Annotated[str, typer.Argument(help="A spacecraft of the run, several with commas, all, design:NAME.")] = "",
    name: Annotated[str, typer.Argument(help="A telecommand; see `skyrack list telecommands`.")] = "",
    arguments: Given = None,
    *,
    confirm: Annotated[bool, typer.Option("--confirm", help="The second word for what is hazardous.")] = False,
    canary: Annotated[str, typer.Option(help="Who of them goes first; the rest when it has COMPLETED.")] = "",
    condition: Annotated[str, typer.Option(help="What must hold of the canary, e.g. 'battery_soc > 50 %'.")] = "",
    precondition: Annotated[str, typer.Option(help="What must hold of each before it is sent.")] = "",
    release: Annotated[str, typer.Option(help="now, contact (the next one), or a time since the epoch.")] = "now",
    stack: Annotated[Path | None, typer.Option(help="A file with several telecommands instead.")] = None,
    run: LiveRun = None,
    wait: Wait = 600.0,
    json: JsonLines = False,
) -> None:
    """Send telecommands in a live run, and print their verification stage by stage."""
    from faults.live.command import Options, telecommand_command  # noqa: PLC0415

    given, options = tuple(arguments or ()), Options(canary, condition, precondition, release, confirm, stack)
    raise typer.Exit(telecommand_command(target, name, given, run, wait_s=wait, as_json=json, options=options))


@app.command(epilog="Example: skyrack inject dawn-1 string_open string=2 for='10 min' | skyrack inject --clear worn")
def inject(
    target: Annotated[str, typer.Argument(help="A spacecraft of the run.")] = "",
    fault: Annotated[str, typer.Argument(help="A fault; see `skyrack list faults`.")] = "",
    parameters: Given = None,
    *,
    clear: Annotated[str, typer.Option(metavar="FAULT_ID", help="End this fault, by its id; or all.")] = "",
    run: LiveRun = None,
    wait: Wait = 60.0,
    json: JsonLines = False,
) -> None:
    """Break something in a live run, or end what is broken.

    Waits for and prints what the spacecraft says of it. A fault's id is what this command printed, or the scenario's.
    """
    from faults.live.inject import InjectOptions, inject_command  # noqa: PLC0415

    options = InjectOptions(target, fault, tuple(parameters or ()), clear, run, wait, json)
    raise typer.Exit(inject_command(options))


@app.command(epilog="Example: skyrack export out/first-light-001 --to mcap")
def export(
    run: RunPath,
    to: Annotated[ExportFormat, typer.Option("--to", help="Format.")],
    out: Annotated[Path | None, typer.Option(help="File (mcap) or directory; the run's own by default.")] = None,
) -> None:
    """Write a run as MCAP (Foxglove), CSV or Parquet."""
    from faults.export.write import export_command  # noqa: PLC0415

    raise typer.Exit(export_command(run, to.value, out))


@flying(app, epilog="Example: skyrack replay out/first-light-001 --spacecraft dawn-1")
def replay(
    run: RunPath,
    spacecraft: Annotated[str, typer.Option("--spacecraft", help="Whose steps to repeat.")],
    *,
    keys: Annotated[Path | None, typer.Option(help="Keys or secrets it flew with; else found with the run.")] = None,
    json: Json = False,
) -> None:
    """Repeat one spacecraft's run, to the bit.

    Steps it again with its recorded inbox and compares every digest.
    """
    from faults.commands.replay import replay_command  # noqa: PLC0415

    raise typer.Exit(replay_command(run, spacecraft, as_json=json, keys=keys))


add_groups(app)


def _interrupted() -> NoReturn:
    sys.stderr.write("interrupted\n")
    sys.exit(INTERRUPTED)


def _fail(known: SkyrackError | None) -> NoReturn:
    known = known or RangeFailure("this is a fault of Skyrack itself, not yours", hint="report it with the text above")
    sys.stderr.write(f"error: {known.message}\n" + (f"  next: {known.hint}\n" if known.hint else ""))
    sys.exit(known.exit_status)


def main() -> None:
    """Entry point: errors are shown without a traceback, with the next step, unless they can only be ours."""
    interruption = Interruption()
    try:
        with interruption:
            try:
                if sys.stdout is sys.__stdout__:  # else somebody has called us from Python
                    take_outlets()
                    check_memory()
                app()
            finally:
                sys.stdout.flush()
    except SystemExit as end:
        if interruption.signal:  # Typer makes a silent end of it
            _interrupted()
        if isinstance(end.__context__, BrokenPipeError):  # and of this status 1
            _fail(explain(end.__context__))
        raise
    except KeyboardInterrupt:
        _interrupted()
    except Exception as error:
        known = error if isinstance(error, SkyrackError) else explain(error)
        if known is None or os.environ.get("SKYRACK_DEBUG"):
            traceback.print_exc()
        _fail(known)
    finally:
        leave_at_once()  # all is done and said; the interpreter's own end takes a moment


if __name__ == "__main__":
    main()
