"""`skyrack search`: the smallest sequence of faults and telecommands that breaks what is expected."""

from __future__ import annotations

import json as json_module
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faults.commands.procedure import Json

if TYPE_CHECKING:
    from rich.console import Console

    from faults.search.look import Budget, Found
    from faults.search.space import Space
    from faults.search.texts import Source

EPILOG = "Example: skyrack search mine.yaml --property 'always sc-1.battery_soc > 30 %' --faults 'pump_*,sensor_*'"


def search(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of a shipped one.")],
    *,
    properties: Annotated[
        list[str] | None,
        typer.Option("--property", help="What must hold, as under `expect`; else the scenario's own. Repeatable."),
    ] = None,
    faults: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Only these faults, such as 'pump_*,reboot'; or none.")
    ] = None,
    targets: Annotated[list[str] | None, typer.Option(metavar="NAMES", help="Only these spacecraft.")] = None,
    telecommands: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Only these, such as 'mode.*'; or none. Else those of service 8."),
    ] = None,
    hazardous: Annotated[bool, typer.Option("--hazardous", help="Hazardous telecommands too.")] = False,
    steps: Annotated[int, typer.Option(min=1, max=12, help="At most so many in a sequence.")] = 4,
    after: Annotated[str, typer.Option(help="No step before this time.")] = "",
    within: Annotated[str, typer.Option(help="No step after this time; else two thirds of the scenario.")] = "",
    duration: Annotated[str, typer.Option(help="Fly this long instead, e.g. '30 min'.")] = "",
    budget: Annotated[str, typer.Option(help="How long to look: '10 min' of real time, or '500 runs'.")] = "10 min",
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Another one takes another way.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Instead of out/<name>-search-<counter>.")] = None,
    designs: Annotated[list[Path] | None, typer.Option("--designs", metavar="DIR", help="Your own designs.")] = None,
    json: Json = False,
) -> None:
    """Search for what breaks an expectation.

    Sequences of faults, telecommands and waits are flown, guided by how near they come; one that violates is shrunk to
    the smallest and written as a scenario, which `skyrack run` repeats.

    Exit status 1 where something was found, 0 where nothing was. The same seed and number of runs find the same.
    """
    from bus.errors import INTERRUPTED, EnvironmentFault, UserError  # noqa: PLC0415 - numpy and the physics only where needed

    try:
        import hypothesis  # noqa: F401, PLC0415
    except ImportError:
        raise EnvironmentFault("search needs hypothesis", hint="pip install 'skyrack[search]'") from None
    from rich.console import Console  # noqa: PLC0415

    from faults.run.warm import warm_up  # noqa: PLC0415
    from faults.run_directory import create, discard  # noqa: PLC0415
    from faults.scenarios.own_designs import Shelf  # noqa: PLC0415
    from faults.scenarios.own_faults import faults_of  # noqa: PLC0415
    from faults.search.space import Limits, space_of  # noqa: PLC0415
    from faults.search.tell import keep, words  # noqa: PLC0415
    from faults.search.texts import read_source  # noqa: PLC0415

    allowed = _budget(budget)
    source = read_source(scenario, properties or (), duration, Shelf(tuple(designs or ())))
    limits = Limits(
        faults=_names(faults), targets=_names(targets), telecommands=_names(telecommands), hazardous=hazardous,
        window_s=_window(source, after, within), most=steps,
    )  # fmt: skip
    catalogue = faults_of(source.scenario)
    space = space_of(source.scenario, catalogue, limits)
    directory = create(f"{source.scenario.name}-search", out)
    folder = directory.path
    error = Console(stderr=True, highlight=False)
    warm_up(source.scenario, error.print)
    error.print(
        f"{source.scenario.name}: {len(space.kinds)} kinds of steps, up to {steps} at a time, from "
        f"{limits.window_s[0]:g} s to {limits.window_s[1]:g} s; seed {seed}; into {folder}"
    )
    try:
        found = _look(space, seed, allowed, error)
    except UserError:  # nothing to search for: nothing is left of it
        discard(directory)
        raise
    content = keep(source, found, folder, catalogue)
    if json:
        sys.stdout.write(json_module.dumps({**content, "directory": str(folder)}, indent=1) + "\n")
    else:
        sys.stdout.write("\n".join([*words(found, content, folder), f"all of it: {folder / 'search.json'}"]) + "\n")
    if found.why_ended == "interrupted":
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(0 if found.least is None else 1)


def _look(space: Space, seed: int, budget: Budget, error: Console) -> Found:
    import tempfile  # noqa: PLC0415

    from hypothesis.configuration import set_hypothesis_home_dir  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from faults.run.interruption import Interruption  # noqa: PLC0415
    from faults.search.flights import Flights  # noqa: PLC0415
    from faults.search.look import FARTHEST, Watch, look  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Interruption() as interruption, Progress(*columns, console=error, transient=True) as bar:
        task = bar.add_task("the undisturbed run")

        def told(found: Found, doing: str) -> None:
            near = "" if found.nearest == FARTHEST else f", nearest {100 * found.nearest:.3g} %"
            left = _left(budget, found.tried.flown, watch.clock.seconds)
            what = f"shrinking, {found.shrinking} flights" if doing == "shrinking" else f"{doing}{near}{left}"
            bar.update(task, description=f"{found.tried.flown} sequences, {what}")

        def stopped() -> str:
            return interruption.signal

        watch = Watch(told, stopped)
        with interruption.handled_by(), tempfile.TemporaryDirectory(prefix="skyrack-") as folder:
            set_hypothesis_home_dir(folder)  # it keeps notes, which nobody wants in the directory they work in
            flights = Flights(space.scenario, space.catalogue, Path(folder), stopped=stopped)
            return look(space, seed, budget, flights.fly, watch)


def _left(budget: Budget, flown: int, seconds: float) -> str:
    left = [f"{max(0, budget.runs - flown)} runs"] if budget.runs else []
    left += [f"{max(0.0, budget.seconds - seconds):.0f} s"] if budget.seconds else []
    return f", {' and '.join(left)} left"


def _names(written: list[str] | None) -> tuple[str, ...]:
    """Names, each in an option of its own or with commas between."""
    return tuple(name.strip() for each in written or () for name in each.split(",") if name.strip())


def _budget(written: str) -> Budget:
    from bus.errors import Refused, UserError  # noqa: PLC0415
    from bus.text.units import parse  # noqa: PLC0415
    from faults.search.look import Budget  # noqa: PLC0415

    runs = re.fullmatch(r"\s*(\d{1,9})\s*runs?\s*", written)
    if runs and int(runs[1]):
        return Budget(runs=int(runs[1]))
    try:
        seconds = parse(written, "time")
    except Refused:
        seconds = 0.0
    if not 0.0 < seconds <= 7 * 86_400.0:
        raise UserError(f"--budget: found {written!r}", hint="allowed: such as '10 min', at most 7 d, or '500 runs'")
    return Budget(seconds=seconds)


def _window(source: Source, after: str, within: str) -> tuple[float, float]:
    """When steps begin: whole ticks from the first on."""
    from bus.errors import Refused, UserError  # noqa: PLC0415
    from bus.text.units import parse_duration_ns  # noqa: PLC0415
    from faults.scenarios.orbits import period_s  # noqa: PLC0415

    tick_ns, orbit_s = source.scenario.tick_ns, period_s(source.scenario.spacecraft[0].orbit)
    usual_ns = {"--after": tick_ns, "--within": source.scenario.duration_ns * 2 // 3}
    found: list[float] = []
    for option, written in (("--after", after), ("--within", within)):
        try:
            at_ns = parse_duration_ns(written, orbit_s=orbit_s) if written else usual_ns[option]
        except Refused as error:
            raise UserError(f"{option}: found {error.found}", hint=f"allowed: {error.allowed}") from error
        found.append(at_ns // tick_ns * tick_ns / 1e9)
    return found[0], found[1]
