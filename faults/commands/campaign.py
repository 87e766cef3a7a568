"""`skyrack campaign`: many runs of one scenario, judged together."""

from __future__ import annotations

import json as json_module
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faults.commands.procedure import Json

if TYPE_CHECKING:
    from faults.campaign.cases import Case
    from faults.campaign.cluster import Cluster
    from faults.campaign.fly import Folder
    from faults.campaign.form import Campaign
    from faults.campaign.outcome import Result

EPILOG = "Example: skyrack campaign lost-strings.yaml -j 2"


def campaign(
    file: Annotated[Path, typer.Argument(help="A campaign file.")],
    *,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, max=1024, help="Processes; 0: one for each core.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Instead of out/<name>-<counter>.")] = None,
    cluster: Annotated[str, typer.Option(metavar="ADDRESS", help="Fly on a Dask cluster: tcp://scheduler:8786.")] = "",
    resume: Annotated[Path | None, typer.Option(metavar="DIR", help="Go on with a campaign that was stopped.")] = None,
    cases: Annotated[bool, typer.Option("--list", help="Print the cases and fly none.")] = False,
    designs: Annotated[list[Path] | None, typer.Option("--designs", metavar="DIR", help="Your own designs.")] = None,
    json: Json = False,
) -> None:
    """Fly many cases of one scenario, and judge them.

    Each case has something changed: another fault, time, charge, seed.

    Cases that begin alike share their beginning: it is flown once. The results do not depend on the number of
    processes, nor on where they fly. Exit status 1 where a case failed or is inconclusive.
    """
    from bus.errors import UserError  # noqa: PLC0415
    from faults.campaign.cases import cases_of  # noqa: PLC0415 - numpy and the physics only where they are used
    from faults.campaign.form import read_campaign  # noqa: PLC0415
    from faults.scenarios.own_designs import Shelf  # noqa: PLC0415

    read = read_campaign(file)
    found = cases_of(read, Shelf(tuple(designs or ())))
    if cases:
        _list(found, as_json=json)
        return
    if cluster and jobs:
        raise UserError("-j and --cluster cannot both be given", hint="on a cluster every worker is a process")
    with _crew(cluster, jobs) as crew:
        raise typer.Exit(_fly(read, found, crew, (out, resume), json))


@contextmanager
def _crew(cluster: str, jobs: int) -> Iterator[Cluster | int]:
    """A cluster's workers, or so many processes."""
    if not cluster:
        yield jobs or os.cpu_count() or 1
        return
    from faults.campaign.cluster import connected  # noqa: PLC0415 - an extra

    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    with connected(cluster, say) as found:
        yield found


def _list(cases: Sequence[Case], *, as_json: bool) -> None:
    rows = [
        {"case": case.number, "asked": case.asked, "control": case.control, "values": case.labels} for case in cases
    ]
    if as_json:
        sys.stdout.write(json_module.dumps(rows, indent=1) + "\n")
        return
    for case in cases:
        sys.stdout.write(
            f"{case.number:5d}  {case.name if case.asked else '(a run without faults, to compare with)'}\n"
        )


def _fly(
    read: Campaign, cases: Sequence[Case], crew: Cluster | int, places: tuple[Path | None, Path | None], as_json: bool
) -> int:  # fmt: skip
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    from bus.errors import INTERRUPTED, UserError  # noqa: PLC0415
    from faults.campaign.fly import Folder, fly_campaign  # noqa: PLC0415
    from faults.run.interruption import Interruption  # noqa: PLC0415
    from faults.run.warm import warm_up  # noqa: PLC0415
    from faults.run_directory import create  # noqa: PLC0415

    name = read.name
    out, resume = places
    if out is not None and resume is not None:
        raise UserError(
            "--out and --resume cannot both be given", hint="--resume names the directory that is gone on with"
        )
    folder = Folder(resume if resume is not None else create(name, out).path)
    error = Console(stderr=True, highlight=False)
    for case in {tuple(s.design for s in case.scenario.spacecraft): case for case in cases}.values():
        warm_up(case.scenario, error.print)
    asked = sum(case.asked for case in cases)
    error.print(
        f"{name}: {asked} cases asked for, {len(cases) - asked} without faults to compare with; "
        f"{f'processes: {crew}' if isinstance(crew, int) else f'workers: {crew.size}'}; into {folder.path}"
    )
    columns = (TextColumn("flown"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Interruption() as interruption, Progress(*columns, console=error, transient=True) as bar:
        task = bar.add_task("flown", total=len(cases))
        with interruption.handled_by():
            results = fly_campaign(
                folder, name, cases, jobs=crew, resume=resume is not None,
                told=lambda done, of: bar.update(task, completed=done, total=of), stopped=lambda: interruption.signal,
            )  # fmt: skip
    if not isinstance(crew, int) and crew.lost:
        error.print(f"workers lost: {crew.lost}; pieces of the campaign that others flew again: {crew.again}")
    _write(folder, read, cases, results, error.print)
    status = _tell(folder, results, len(cases), as_json=as_json)
    if interruption.signal:
        error.print(f"interrupted by {interruption.signal}; go on with: skyrack campaign ... --resume {folder.path}")
        return INTERRUPTED
    return status


def _write(
    folder: Folder, read: Campaign, cases: Sequence[Case], results: Sequence[Result], say: Callable[[str], None]
) -> None:  # fmt: skip
    from faults.campaign.fly import bundle_of  # noqa: PLC0415
    from faults.campaign.junit import junit  # noqa: PLC0415
    from faults.campaign.report import About, render  # noqa: PLC0415
    from faults.campaign.tables import write_parquet  # noqa: PLC0415
    from faults.scenarios.own_faults import faults_of  # noqa: PLC0415

    again = {
        result["case"]: f"skyrack run {bundle_of(folder, result)} --in-process"
        for result in results
        if result["asked"] and result["verdict"] != "PASS" and bundle_of(folder, result).is_file()
    }
    about = About(read.name, read.description, again, read.requirements, faults_of(cases[0].scenario))
    folder.write(folder.path / "report.html", render(about, results))
    folder.write(folder.path / "junit.xml", junit(read.name, results, again))
    if not write_parquet(folder.path / "results.parquet", results):
        say("results.parquet is not written: it needs pyarrow (pip install 'skyrack[export]')")


def _tell(folder: Folder, results: Sequence[Result], cases: int, *, as_json: bool) -> int:
    from faults.campaign.figures import figures, in_percent  # noqa: PLC0415

    numbers = figures(results)
    missing = cases - len(results)
    if as_json:
        sys.stdout.write(
            json_module.dumps({**numbers, "not_flown": missing, "directory": str(folder.path)}, indent=1) + "\n"
        )
    else:
        sys.stdout.write(
            f"{numbers['cases']} cases: {numbers['pass']} pass, {numbers['fail']} fail, "
            f"{numbers['inconclusive']} inconclusive"
            + (f" ({numbers['waived']} of them waived)" if numbers["waived"] else "")
            + (f"; {missing} runs were not flown" if missing else "")
            + "\n"
            f"outcomes: {', '.join(f'{what} {n}' for what, n in numbers['outcomes'].items()) or 'none'}\n"
            f"detected on board: {in_percent(numbers['detected'], numbers['activated'])}; "
            f"answered: {in_percent(numbers['responded'], numbers['activated'])}\n"
            f"report: {folder.path / 'report.html'}\n"
        )
    return 1 if numbers["fail"] or numbers["inconclusive"] > numbers["waived"] or missing else 0
