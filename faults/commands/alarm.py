"""`skyrack alarm`: the alarms of a run, and acknowledging or shelving one in a live run.

A group of commands of its own; each imports what it needs when it runs.
"""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import Annotated

import typer

from faults.commands.procedure import Json, LiveRun

alarm_group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Number = Annotated[int, typer.Argument(min=1, help="The alarm's number, as `alarm list` prints it.")]
Wait = Annotated[float, typer.Option("--wait", min=0.1, help="Seconds of real time to wait for the answer.")]


@alarm_group.command("list", epilog="Example: skyrack alarm list out/first-light-001")
def list_(
    run: Annotated[Path | None, typer.Argument(help="The directory of a run, live or not; the newest.")] = None,
    *,
    open_: Annotated[bool, typer.Option("--open", help="Only those that wait for somebody.")] = False,
    json: Json = False,
) -> None:
    """List the alarms of a run, each with its why."""
    from bus.text.times import clock  # noqa: PLC0415
    from faults.recording.operations import read_alarms  # noqa: PLC0415
    from faults.run_directory import newest_run  # noqa: PLC0415
    from groundstation.archive.reader import ArchiveReader  # noqa: PLC0415

    directory = newest_run(run)
    rows = read_alarms(ArchiveReader(directory.archive))
    rows = [row for row in rows if not open_ or row["state"] in ("ACTIVE", "CLEARED")]
    if json:
        sys.stdout.write(json_module.dumps(rows, indent=1) + "\n")
        return
    for row in rows:
        late = ", late" if row["late"] else ""
        head = f"{row['alarm']}. {clock(row['raised_s'])} {row['spacecraft']} {row['subject']}"
        answer = f"; answered by {row['procedure']}" if row["procedure"] else ""
        sys.stdout.write(f"{head} ({row['level']}, {row['state']}{late}): {row['because']}{answer}\n")
    if not rows:
        sys.stdout.write(f"{directory.path}: no alarm {'waits for anybody' if open_ else 'was raised'}\n")


@alarm_group.command(epilog="Example: skyrack alarm acknowledge 3")
def acknowledge(number: Number, *, run: LiveRun = None, wait: Wait = 60.0, json: Json = False) -> None:
    """Say that an alarm was seen."""
    from faults.live.procedure import alarm_command  # noqa: PLC0415

    raise typer.Exit(alarm_command("acknowledge", number, {}, run, wait_s=wait, as_json=json))


@alarm_group.command(epilog="Example: skyrack alarm shelve 3 --for '30 min'")
def shelve(
    number: Number,
    *,
    for_: Annotated[str, typer.Option("--for", help="How long, at most a year.")] = "1 h",
    run: LiveRun = None,
    wait: Wait = 60.0,
    json: Json = False,
) -> None:
    """Put an alarm aside for a time; it comes back sooner if it gets worse."""
    from bus.errors import Refused, UserError  # noqa: PLC0415
    from bus.text.units import parse_duration_ns  # noqa: PLC0415
    from faults.live.procedure import alarm_command  # noqa: PLC0415

    try:
        for_s = parse_duration_ns(for_) / 1e9
    except Refused as error:
        raise UserError(f"--for: {error}", hint="such as '30 min'") from error
    if not 0.0 < for_s <= 31_536_000.0:
        raise UserError(f"--for: found {for_}; allowed: more than 0 s, at most 365 d", hint="such as '30 min'")
    raise typer.Exit(alarm_command("shelve", number, {"for_s": for_s}, run, wait_s=wait, as_json=json))
