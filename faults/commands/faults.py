"""`skyrack faults`: what was injected into a run, live or not, and what acts."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import Annotated

import typer

from faults.commands.procedure import Json

EPILOG = "Example: skyrack faults --active | skyrack inject --clear all"


def faults(
    run: Annotated[Path | None, typer.Argument(help="The directory of a run; the newest live one by default.")] = None,
    *,
    active: Annotated[bool, typer.Option("--active", help="Only those that act.")] = False,
    json: Json = False,
) -> None:
    """List what was injected into a run, and what acts.

    `skyrack inject --clear ID` ends one of them, `skyrack inject --clear all` all that act.
    """
    from bus.text.times import clock  # noqa: PLC0415
    from faults.live.active import injected  # noqa: PLC0415
    from faults.run_directory import live_run, open_run  # noqa: PLC0415

    directory = open_run(run) if run is not None else live_run(None)[0]
    found = [one for one in injected(directory) if not active or one.state == "active"]
    if json:
        sys.stdout.write(json_module.dumps([one.as_json() for one in found], indent=1) + "\n")
        return
    for one in found:
        since = "" if one.at_s is None else f" since {clock(one.at_s)}"
        until = "" if one.cleared_s is None else f" to {clock(one.cleared_s)}"
        reason = f": {one.reason}" if one.reason else ""
        sys.stdout.write(f"{one.target} {one.id} ({one.fault}, {one.seam}): {one.state}{since}{until}{reason}\n")
    if not found:
        sys.stdout.write(f"{directory.path}: no fault {'acts' if active else 'was injected'}\n")
