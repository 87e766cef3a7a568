"""`skyrack report`: how a run ended. One that ended with nobody left to judge it is judged now, from its record."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faults.commands.procedure import Json

if TYPE_CHECKING:
    from faults.run_directory import RunDirectory

EPILOG = "Example: skyrack report out/first-light-001"
MAX_SUMMARY_BYTES = 256 * 1024 * 1024


def report(
    run: Annotated[Path, typer.Argument(help="The directory of a run.")],
    *,
    archive: Annotated[
        Path | None, typer.Option(help="The ground's archive, where it is neither with the run nor in archive/ beside.")
    ] = None,
    json: Json = False,
) -> None:
    """Print how a run ended; judge it first if nobody could.

    A bus that is killed, or whose machine is switched off, leaves its record and no verdicts: summary.json and
    report.html are then written from that record, as far as it reaches. Exit status as of the run.
    """
    from bus.errors import UserError  # noqa: PLC0415
    from faults.commands.run import print_end  # noqa: PLC0415
    from faults.recording.summary import exit_status, to_json  # noqa: PLC0415
    from faults.run_directory import open_run  # noqa: PLC0415

    directory = open_run(run)
    summary = _summary(directory) if directory.summary.exists() else _judged(directory, archive)
    try:
        status = exit_status(summary)
        if json:
            sys.stdout.write(to_json(summary))
        else:
            print_end(summary, directory)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{directory.summary} is damaged: {type(error).__name__}: {error}", hint=_ANEW) from error
    raise typer.Exit(status)


_ANEW = "take it away and ask again: the run is then judged anew from its record"


def _summary(directory: RunDirectory) -> dict[str, Any]:
    from bus.errors import UserError  # noqa: PLC0415
    from bus.files import read_bounded  # noqa: PLC0415

    try:
        content = json_module.loads(read_bounded(directory.summary, MAX_SUMMARY_BYTES))
    except OSError as error:
        raise UserError(f"cannot read {directory.summary}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{directory.summary} is damaged: {str(error)[:200]}", hint=_ANEW) from error
    if not isinstance(content, dict):
        raise UserError(f"{directory.summary} is damaged: it is no object", hint=_ANEW)
    return content


def _judged(directory: RunDirectory, archive: Path | None) -> dict[str, Any]:
    from bus.errors import EnvironmentFault, UserError  # noqa: PLC0415
    from bus.trace.reader import TraceReader  # noqa: PLC0415
    from bus.trace.writer import is_being_written  # noqa: PLC0415
    from faults.run.compose import Flown  # noqa: PLC0415
    from faults.run.conclude import conclude  # noqa: PLC0415
    from faults.run.fetch_archive import fetch_archive  # noqa: PLC0415
    from faults.run_directory import read_run  # noqa: PLC0415

    try:
        if is_being_written(directory.trace):
            raise UserError(f"{directory.path} is still flying", hint="it is judged when it ends; or: skyrack console")
    except OSError as error:
        raise EnvironmentFault(f"cannot read the trace {directory.trace}: {error.strerror}") from error
    with TraceReader(directory.trace) as trace:
        if not len(trace):
            raise UserError(f"{directory.trace} has no complete tick: nothing was flown", hint="see log/ beside it")
    elsewhere = archive or _beside(directory)
    if not directory.archive.exists() and elsewhere is not None and (trouble := fetch_archive(elsewhere, directory)):
        sys.stderr.write(f"note: {trouble}\n")
    facts = read_run(directory)
    flown = Flown(None, None, restarts=None, refused=None)
    pace = str(facts.get("pace", "free"))
    summary = conclude(directory, flown, mode="processes" if facts else "in-process", pace=pace)
    if facts:
        content = json_module.dumps({**facts, "state": "failed"}, indent=1, sort_keys=True)
        directory.write(directory.run, content)
    return summary


def _beside(directory: RunDirectory) -> Path | None:
    """Where `skyrack compose` has the ground keep it: in archive/ beside out/."""
    path = directory.path.absolute()
    found = path.parent.parent / "archive" / f"{path.name}.sqlite"
    return found if found.is_file() else None
