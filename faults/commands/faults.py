"""`skyrack faults`: what was injected into a run, live or not, and what acts."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bus.files import read_bounded
from faults.commands.procedure import Json

if TYPE_CHECKING:
    from faults.recording.injections import Injected
    from faults.run_directory import RunDirectory

MOST_BYTES = 256 * 1024 * 1024
"""Of a summary."""

EPILOG = "Example: skyrack faults --active | skyrack inject --clear all"


def faults(
    run: Annotated[Path | None, typer.Argument(help="The directory of a run; the newest live one by default.")] = None,
    *,
    active: Annotated[bool, typer.Option("--active", help="Only those that act.")] = False,
    json: Json = False,
) -> None:
    """List what was injected into a run, what acts, and, of a run that has ended, what became of each injection.

    `skyrack inject --clear ID` ends one of them, `skyrack inject --clear all` all that act.
    """
    from bus.text.times import clock  # noqa: PLC0415
    from faults.live.active import injected, tell_damage  # noqa: PLC0415
    from faults.report.injections import injection_in_words  # noqa: PLC0415
    from faults.run_directory import live_run, open_run  # noqa: PLC0415

    directory = open_run(run) if run is not None else live_run(None)[0]
    found = [one for one in injected(directory) if not active or one.state == "active"]
    judged = [] if active else _judged(directory)
    if json:
        rows = [
            one.as_json() | {"verdicts": [row for row in judged if _is_of(one, row)]} if judged else one.as_json()
            for one in found
        ]
        sys.stdout.write(json_module.dumps(rows, indent=1) + "\n")
        raise typer.Exit(tell_damage(directory))
    for one in found:
        since = "" if one.at_s is None else f" since {clock(one.at_s)}"
        until = "" if one.cleared_s is None else f" to {clock(one.cleared_s)}"
        reason = f": {one.reason}" if one.reason else ""
        sys.stdout.write(f"{one.target} {one.id} ({one.fault}, {one.seam}): {one.state}{since}{until}{reason}\n")
    for row in judged:
        sys.stdout.write(f"{injection_in_words(row)}\n")
    if not found:
        sys.stdout.write(f"{directory.path}: no fault {'acts' if active else 'was injected'}\n")
    raise typer.Exit(tell_damage(directory))


def _judged(directory: RunDirectory) -> list[dict[str, Any]]:
    """The verdicts per injection of a run that has ended; none of one that flies, or whose summary is not there."""
    try:
        rows = json_module.loads(read_bounded(directory.summary, MOST_BYTES)).get("injections", [])
    except (OSError, ValueError, AttributeError, RecursionError):
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _is_of(one: Injected, row: dict[str, Any]) -> bool:
    head, _, part = one.id.rpartition(".")
    return row["target"] == one.target and row["id"] in (one.id, head if part.isdigit() else one.id)
