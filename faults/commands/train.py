# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""`skyrack train`: a rehearsal in front of the console, with faults and truth hidden; and what came of it."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faults.commands.parts import AllowExec
from faults.commands.procedure import Json

if TYPE_CHECKING:
    from faults.training.debrief import Lesson

EPILOG = "Example: skyrack train first-light --pace x20"


def train(
    scenario: Annotated[str, typer.Argument(help="A scenario file or name; with --debrief the directory of a run.")],
    *,
    pace: Annotated[str, typer.Option(help="realtime, or a factor such as x60.")] = "x10",
    out: Annotated[Path | None, typer.Option(help="Instead of out/<name>-<counter>.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the scenario's.")] = None,
    designs: Annotated[
        list[Path], typer.Option("--designs", metavar="DIR", help="Directory with designs of your own. Repeatable.")
    ] = [],
    allow_exec: AllowExec = False,
    debrief: Annotated[bool, typer.Option("--debrief", help="Only the debrief of a run that was flown.")] = False,
    json: Json = False,
) -> None:
    """Rehearse: the console alone, then what was hidden and how you answered.

    Ctrl+Q ends the rehearsal. The debrief tells for each fault when it began, when the first alarm told of it, when it
    was acknowledged, answered and over.
    """
    from faults.commands.console import fly_with_console  # noqa: PLC0415
    from faults.run_directory import create, open_run  # noqa: PLC0415

    if debrief:
        path = open_run(Path(scenario)).path
    else:
        path = out if out is not None else create(Path(scenario).stem, None).path
        words = [scenario, "--out", str(path), "--pace", pace]
        words += ["--seed", str(seed)] if seed is not None else []
        words += ["--allow-exec"] if allow_exec else []
        for directory in designs:
            words += ["--designs", str(directory)]
        status = fly_with_console(words, scenario, path, pace, rehearsal=True)
        if status > 1:
            raise typer.Exit(status)
    raise typer.Exit(_tell(path, as_json=json))


def _tell(path: Path, *, as_json: bool) -> int:
    from faults.live.active import tell_damage  # noqa: PLC0415
    from faults.run_directory import RunDirectory  # noqa: PLC0415
    from faults.training.debrief import debrief as lessons_of  # noqa: PLC0415

    lessons, status = lessons_of(RunDirectory(path)), tell_damage(RunDirectory(path))
    if as_json:
        sys.stdout.write(json_module.dumps([lesson.as_json() for lesson in lessons], indent=1) + "\n")
        return status
    sys.stdout.write(f"{path}: {len(lessons) or 'no'} fault{'s' if len(lessons) != 1 else ''} acted\n")
    sys.stdout.writelines(told(lessons))
    sys.stdout.write(f"all of it, with the truth: {path / 'report.html'}\n")
    return status


def told(lessons: Sequence[Lesson]) -> list[str]:
    """The debrief as people read it: times after the onset."""
    from bus.text.times import clock  # noqa: PLC0415

    lines = []
    for lesson in lessons:
        onset_s = lesson.onset_s or 0.0

        def after(at_s: float | None, otherwise: str, onset_s: float = onset_s) -> str:
            return otherwise if at_s is None else f"after {clock(at_s - onset_s)}"

        alarm = f" ({lesson.alarm})" if lesson.alarm else ""
        standing = "not at the end" if lesson.alarm else "unknown: no alarm told of it"
        action = f" ({lesson.action})" if lesson.action else ""
        lines += [
            f"\n{lesson.spacecraft} {lesson.fault}, at {clock(onset_s)}\n",
            f"  seen          {after(lesson.seen_s, 'never: no alarm told of it')}{alarm}\n",
            f"  acknowledged  {after(lesson.acknowledged_s, 'never')}\n",
            f"  acted on      {after(lesson.acted_s, 'never')}{action}\n",
            f"  over          {after(lesson.recovered_s, standing)}\n",
        ]
        if lesson.overlaps:
            lines.append(f"  meanwhile     {', '.join(lesson.overlaps)}: these times are shared\n")
    return lines
