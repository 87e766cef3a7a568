"""`skyrack fork`: a run again from the middle, with something changed, beside the run as it was."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from faults.commands.procedure import Json

SHOWN = 8
"""Signals that the terminal shows; the page and `--json` have them all."""
EPILOG = "Example: skyrack fork out/first-light-001 --at '20 min' --fault 'dawn-1 string_open string=2'"


def fork(
    run: Annotated[Path, typer.Argument(help="The directory of a run.")],
    *,
    at: Annotated[str, typer.Option(help="Where it leaves the run: mission time, such as '20 min' or '1 orbit'.")],
    change: Annotated[Path | None, typer.Option(help="A file with faults, timeline, expectations, without.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="SPACECRAFT FAULT [NAME=VALUE]..., at=, for=.")] = None,
    put: Annotated[
        list[str] | None, typer.Option("--set", metavar="SPACECRAFT.NAME=VALUE", help="What is true from the fork on.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Instead of out/<name>-fork-<counter>.")] = None,
    json: Json = False,
) -> None:
    """Fly a run again from the middle, changed.

    Up to a time it is as it was, from there on with a change; the two are compared.

    Everything before that time is compared with what was recorded. Without a change the trace hash is the same. The
    fork is a run of its own; compare.html beside its report shows both.
    """
    from bus.errors import RangeFailure, Refused, UserError  # noqa: PLC0415
    from bus.text.units import parse_duration_ns  # noqa: PLC0415
    from faults.fork import beside  # noqa: PLC0415
    from faults.fork.change import changed  # noqa: PLC0415
    from faults.fork.fly import fork as fly  # noqa: PLC0415
    from faults.fork.values import with_values  # noqa: PLC0415
    from faults.recording.programs import played_rows  # noqa: PLC0415
    from faults.recording.read import read_recording, read_scenario  # noqa: PLC0415
    from faults.recording.summary import exit_status  # noqa: PLC0415
    from faults.run import compose as root  # noqa: PLC0415
    from faults.run.conclude import conclude, judge_all  # noqa: PLC0415
    from faults.run.director import LEAD_TICKS  # noqa: PLC0415
    from faults.run.interruption import Interruption  # noqa: PLC0415
    from faults.run.progress import observer  # noqa: PLC0415
    from faults.run.warm import warm_up  # noqa: PLC0415
    from faults.run_directory import create, open_run  # noqa: PLC0415
    from faults.scenarios.orbits import period_s  # noqa: PLC0415
    from node.designs.load import with_designs  # noqa: PLC0415

    source = open_run(run)
    original = with_designs(read_scenario(source))
    try:
        at_ns = parse_duration_ns(at, orbit_s=period_s(original.spacecraft[0].orbit))
    except Refused as error:
        raise UserError(f"--at: found {error.found}; allowed: {error.allowed}") from error
    end_ns, tick_ns = original.duration_ns, original.tick_ns
    if not tick_ns <= at_ns <= end_ns - (LEAD_TICKS + 1) * tick_ns:
        latest_s = (end_ns - (LEAD_TICKS + 1) * tick_ns) / 1e9
        raise UserError(f"--at: found {at!r}; allowed: {tick_ns / 1e9:g} s to {latest_s:g} s of this run")
    scenario = with_values(changed(original, at_ns, change, fault or []), at_ns, put or [])
    directory = create(f"{original.name}-fork", out)
    display = observer(scenario, wanted=not json)
    warm_up(original, display.say)
    root.prepare(directory, scenario, None, source.own_procedures)
    display.say(f"{original.name}: from {source.path} at {at}, into {directory.path}")
    with Interruption() as interruption, interruption.handled_by():
        flown = fly(
            source, original, scenario, at_ns // tick_ns - 1, directory,
            told=lambda tick: display.show(tick, {}), stopped=lambda: interruption.signal,
        )  # fmt: skip
    display.close()
    if played := played_rows(scenario):
        directory.write(directory.programs, json_module.dumps(played, indent=1))
    summary = conclude(directory, flown, mode="in-process", pace="free")
    first, second = read_recording(source), read_recording(directory)
    parted = beside.first_difference(first, second, (source.trace, directory.trace))
    found = beside.compare(first, second, (judge_all(first), judge_all(second)), parted)
    directory.write(directory.path / "compare.json", json_module.dumps(found, indent=1))
    names = str(source.path), str(directory.path)
    directory.write(directory.path / "compare.html", beside.render(first, second, found, names))
    _tell(found, directory.path, as_json=json)
    if flown.failure is not None:
        raise RangeFailure(flown.failure.message, hint=f"what was flown is in {directory.path}")
    raise typer.Exit(130 if flown.interrupted else exit_status(summary))


def _tell(found: dict[str, Any], path: Path, *, as_json: bool) -> None:
    from bus.text.times import clock  # noqa: PLC0415

    if as_json:
        sys.stdout.write(json_module.dumps({**found, "directory": str(path)}, indent=1) + "\n")
        return
    parted = found["parted"]
    if found["same"]:
        sys.stdout.write("the same to the bit\n")
    elif parted and parted["at_s"] is not None:
        sys.stdout.write(
            f"they part at {clock(parted['at_s'])}, first in what is sent by: {', '.join(parted['who'])}\n"
        )
    for row in found["signals"][:SHOWN]:
        sys.stdout.write(f"  {row['spacecraft']}.{row['signal']} since {clock(row['since_s'])}, {row['words']}\n")
    if len(found["signals"]) > SHOWN:
        sys.stdout.write(f"  and {len(found['signals']) - SHOWN} more signals\n")
    for row in found["expectations"]:
        sys.stdout.write(f"{row['first'] or 'not asked'} -> {row['second']}  {row['text']}\n")
    sys.stdout.write(f"trace {found['trace_hashes'][1]}\nboth: {path / 'compare.html'}\n")
