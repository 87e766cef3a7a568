"""`skyrack fleet`: a whole constellation in one array program."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faults.commands.procedure import Json

if TYPE_CHECKING:
    from faults.fleet.fly import Flown
    from faults.fleet.form import Constellation

EPILOG = "Example: skyrack fleet suncatcher-81 | skyrack fleet two-shells.yaml --resume out/two-shells-001"
CHECKPOINT_S = 600.0
MOST_BYTES = 16 * 1024 * 1024
SCENARIOS = Path(__file__).resolve().parents[1] / "fleet/scenarios"


def fleet(
    scenario: Annotated[str, typer.Argument(help="A file with a constellation, or the name of a shipped one.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Instead of out/<name>-<counter>.")] = None,
    resume: Annotated[Path | None, typer.Option(metavar="DIR", help="Go on with a flight that was stopped.")] = None,
    checkpoint_every: Annotated[
        float, typer.Option(min=0.0, max=86_400.0, metavar="SECONDS", help="Of real time, between two checkpoints.")
    ] = CHECKPOINT_S,
    designs: Annotated[list[Path] | None, typer.Option("--designs", metavar="DIR", help="Your own designs.")] = None,
    no_progress: Annotated[
        bool, typer.Option("--no-progress", envvar="SKYRACK_NO_PROGRESS", help="No live display.")
    ] = False,
    json: Json = False,
) -> None:
    """Fly a constellation: thousands of spacecraft or a million, their plants and flight software's rules.

    Leaves summary.json, report.html and Parquet tables in a directory of its own. No ground, telecommands or faults;
    one spacecraft of a fleet has, to the bit, the life that it has alone. Exit status 1 where a book does not close.
    """
    from bus.errors import UserError  # noqa: PLC0415
    from faults.fleet.form import read_fleet  # noqa: PLC0415 - numpy and the physics only where they are used
    from faults.scenarios.own_designs import Shelf  # noqa: PLC0415

    if out is not None and resume is not None:
        raise UserError(
            "--out and --resume cannot both be given", hint="--resume names the directory that is gone on with"
        )
    if resume is not None and not (resume / "scenario.yaml").is_file():
        raise UserError(
            f"{resume} is no flight's directory: it has no scenario.yaml",
            hint="--resume takes the directory of a constellation that was stopped",
        )
    if resume is not None and (resume / "summary.json").exists():
        raise UserError(f"{resume} was flown to its end", hint="fly it anew without --resume")
    what = read_fleet(find_fleet(scenario), Shelf(tuple(designs or ())))
    raise typer.Exit(_fly(what, (out, resume), checkpoint_every, shows=not no_progress, as_json=json))


def _fly(
    what: Constellation, places: tuple[Path | None, Path | None], every_s: float, *, shows: bool, as_json: bool
) -> int:  # fmt: skip
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    from bus.errors import INTERRUPTED  # noqa: PLC0415
    from faults.fleet.checkpoint import forget  # noqa: PLC0415
    from faults.fleet.fly import fly  # noqa: PLC0415
    from faults.fleet.results import write_results  # noqa: PLC0415
    from faults.run.interruption import Interruption  # noqa: PLC0415
    from faults.run_directory import create  # noqa: PLC0415

    out, resume = places
    folder = create(what.name, out).path if resume is None else resume
    error = Console(stderr=True, highlight=False)
    for warning in what.warnings:
        error.print(f"note: {warning}", markup=False, soft_wrap=True)
    warm_up(what, error.print)
    error.print(
        f"{what.name}: {what.flown:,} of {what.count:,} spacecraft, {len(what.shells)} shells; into {folder}",
        markup=False,
        soft_wrap=True,
    )
    (folder / "scenario.yaml").write_text(what.text, encoding="utf-8")
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    with Interruption() as interruption, Progress(*columns, console=error, transient=True, disable=not shows) as bar:
        task = bar.add_task("flown", total=what.ticks, speed="")
        with interruption.handled_by():
            flown = fly(
                what, folder, resume=resume is not None, every_s=every_s, told=_told(bar, task, what),
                stopped=lambda: interruption.signal,
            )  # fmt: skip
    if flown.flight.tick < what.ticks:
        error.print(
            f"interrupted by {interruption.signal} at tick {flown.flight.tick} of {what.ticks}; go on with: "
            f"skyrack fleet {what.file} --resume {folder}", markup=False, soft_wrap=True,
        )  # fmt: skip
        return INTERRUPTED
    summary = write_results(folder, flown)
    forget(folder)
    _tell(summary, folder, flown, as_json=as_json)
    if interruption.signal:
        return INTERRUPTED
    return 0 if summary["books_closed"] and not summary["flown_again_differing"] else 1


def is_constellation(name: str) -> bool:
    """Whether this is a file that says it is a constellation's, however wrong it is otherwise."""
    path = shipped_fleets().get(name, Path(name))
    if not path.is_file() or path.suffix not in (".yaml", ".yml"):
        return False
    with path.open("rb") as file:
        return any(line.startswith(b"constellation:") for line in file.read(MOST_BYTES).splitlines())


def find_fleet(name: str) -> Path:
    """A path as it is, or a shipped constellation by its name. Raises UnknownNameError."""
    from bus.errors import UnknownNameError  # noqa: PLC0415
    from bus.text.near import nearest  # noqa: PLC0415

    path, shipped = Path(name), shipped_fleets()
    if name in shipped or path.is_file() or path.suffix in (".yaml", ".yml") or "/" in name:
        return shipped.get(name, path)
    hint = f"shipped: {', '.join(shipped)}; or give a file"
    raise UnknownNameError("constellation", name, nearest(name, shipped), hint=hint)


def shipped_fleets() -> dict[str, Path]:
    """The constellations that come with Skyrack, by name."""
    return {path.stem: path for path in sorted(SCENARIOS.glob("*.yaml"))}


def check_fleet(name: str, designs: tuple[Path, ...], *, as_json: bool) -> int:
    """Say what would fly. Raises ScenarioError."""
    from faults.fleet.form import bytes_each, read_fleet  # noqa: PLC0415
    from faults.scenarios.own_designs import Shelf  # noqa: PLC0415

    what = read_fleet(find_fleet(name), Shelf(designs))
    shells = [
        {"shell": shell.id, "design": shell.design, "kind": shell.kind, "planes": len(shell.planes),
         "spacecraft": shell.count}
        for shell in what.shells
    ]  # fmt: skip
    facts: dict[str, Any] = {
        "valid": True, "fleet": what.name, "digest": what.digest, "notes": list(what.warnings),
        "spacecraft": what.count, "flown": what.flown, "ticks": what.ticks,
        "tick_s": what.tick_ns / 1e9, "report_every_ticks": what.report_ticks,
        "memory_bytes": what.flown * bytes_each(), "shells": shells,
    }  # fmt: skip
    if as_json:
        sys.stdout.write(json_module.dumps(facts, indent=2) + "\n")
        return 0
    lines = [f"note: {note}" for note in what.warnings]
    lines += [
        "{shell}: {spacecraft:,} of design {design} in {planes:,} planes ({kind})".format(**row) for row in shells
    ]
    lines.append(
        f"{what.flown:,} of {what.count:,} spacecraft fly, {facts['memory_bytes'] / 1e6:,.1f} MB; {what.ticks:,} ticks "
        f"of {facts['tick_s']:g} s\nno mistakes found"
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def warm_up(what: Constellation, say: Callable[[str], None]) -> None:
    """Have the physics compiled where that has not been done on this machine, while a signal still ends it at once."""
    from faults.fleet.flight import Flight  # noqa: PLC0415
    from faults.run.warm import compile_classes  # noqa: PLC0415
    from node.plant.cache import point_numba  # noqa: PLC0415

    compile_classes(["fleet"], say)
    kept = point_numba()
    if not any(kept.rglob("fleet.fly_fleet-*.nbc")):
        say("compiling the physics for all cores, once on this machine: some two minutes ...")
    first = what.shells[0]
    Flight(what, [f"{first.id}-{first.planes[0].labels[0]}"]).step()


def _told(bar: Any, task: Any, what: Constellation) -> Callable[[int, int], None]:
    from bus.clock import Stopwatch  # noqa: PLC0415

    watch = Stopwatch()
    first: list[int] = []

    def told(tick: int, ticks: int) -> None:
        if not first:
            first.append(tick)
        flown_s, real_s = (tick - first[0]) * what.tick_ns / 1e9, max(watch.seconds, 1e-9)
        speed = f"{what.flown:,} x {flown_s / real_s:,.1f} real time" if flown_s else ""
        bar.update(task, completed=tick, total=ticks, speed=speed)

    return told


def _tell(summary: dict[str, Any], folder: Path, flown: Flown, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json_module.dumps({**summary, "directory": str(folder)}, indent=1, allow_nan=False) + "\n")
        return
    books = summary["books"]
    craft, work, energy = books["spacecraft"], books["work"], books["energy"]
    sys.stdout.write(
        f"{craft['flown']:,} spacecraft: {craft['nominal']:,} nominal, {craft['shedding']:,} shedding, "
        f"{craft['safe']:,} safe, {craft['without_power']:,} without power\n"
        f"work: {100.0 * (work['share_done'] or 0.0):.1f} % of {work['accelerator_h']:,.0f} accelerator-hours; loads "
        f"took {energy['load_kwh']:,.0f} kWh\n"
        f"books: {'closed' if summary['books_closed'] else 'NOT closed'}; {summary['flown_again_alone']} of the worst "
        f"flown again alone: {'same to the bit' if not summary['flown_again_differing'] else 'NOT the same'}\n"
        f"{_launches(summary['build_up'])}"
        f"{(summary['real']['satellite_steps_per_s'] or 0.0):,.0f} satellite-steps a second\n"
        f"report: {folder / 'report.html'}\n"
    )


def _launches(told: dict[str, Any] | None) -> str:
    if told is None:
        return ""
    end = told["end"]
    full = "never full" if told["full_d"] is None else f"full on day {told['full_d']:,.0f}"
    return (
        f"launches: {told['flights']:,} ({told['flights_failed']:,} failed), {told['mass_t']:,.0f} t; {full}; at the "
        f"end {end['operating']:,} operating + {end['spare']:,} spare + {end['failed']:,} failed + "
        f"{end['de_orbited']:,} de-orbited + {end['in_transit']:,} in transit = {end['launched']:,} launched\n"
    )
