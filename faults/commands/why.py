"""`skyrack why`: the chain behind the state of a spacecraft."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faults.commands.procedure import Json

if TYPE_CHECKING:
    from faults.why.chain import Why

EPILOG = "Example: skyrack why out/first-light-001 dusk-1 --at '90 min'"


def why(
    run: Annotated[Path, typer.Argument(help="The directory of a run.")],
    spacecraft: Annotated[str, typer.Argument(help="Whose state is to be explained.")],
    *,
    at: Annotated[str, typer.Option(help="Mission time; the end of the run by default.")] = "",
    operator: Annotated[bool, typer.Option("--operator", help="As the ground can know it.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="From the recording alone, without flying anything.")] = False,
    json: Json = False,
) -> None:
    """Explain the state of a spacecraft.

    The chain goes from the cause over truth, reading, monitor and action to where it is.

    The run is flown again, once as it was and once without each fault that acted before: a cause is what it would not
    have happened without. What is not known is said.
    """
    from bus.errors import Refused, UnknownNameError, UserError  # noqa: PLC0415
    from bus.text.units import parse_duration_ns  # noqa: PLC0415
    from faults.oracle.lexer import close_names  # noqa: PLC0415
    from faults.recording.read import read_recording  # noqa: PLC0415
    from faults.run.warm import warm_up  # noqa: PLC0415
    from faults.run_directory import open_run  # noqa: PLC0415
    from faults.scenarios.orbits import period_s  # noqa: PLC0415
    from faults.why.answer import answer  # noqa: PLC0415
    from node.designs.load import with_designs  # noqa: PLC0415

    directory = open_run(run)
    recording = read_recording(directory)
    scenario = recording.scenario = with_designs(recording.scenario)
    ids = [each.id for each in scenario.spacecraft]
    if spacecraft not in ids:
        raise UnknownNameError("spacecraft", spacecraft, close_names(spacecraft, ids), hint=f"flying: {', '.join(ids)}")
    at_s = recording.end_s
    if at:
        try:
            at_s = parse_duration_ns(at, orbit_s=period_s(scenario.spacecraft[0].orbit)) / 1e9
        except Refused as error:
            raise UserError(f"--at: found {error.found}; allowed: {error.allowed}") from error
        if not 0.0 < at_s <= recording.end_s:
            raise UserError(f"--at: found {at!r}; allowed: above 0 s to {recording.end_s:g} s of this run")

    def told(text: str) -> None:
        sys.stderr.write(f"flying: {text}\n")

    if not quick:
        warm_up(scenario, told)
    found = answer(directory, recording, spacecraft, at_s, operator=operator, fly=not quick, told=told)
    if json:
        sys.stdout.write(json_module.dumps(found.as_json(), indent=1) + "\n")
    else:
        _print(found)


def _print(found: Why) -> None:
    from bus.text.times import clock  # noqa: PLC0415

    sys.stdout.write(f"{found.spacecraft} at {clock(found.at_s)}: {found.state}\n")
    first = next((link.at_s for link in found.links if link.at_s is not None), None)
    for link in found.links:
        when = "" if link.at_s is None else clock(link.at_s)
        after = "" if link.at_s is None or first is None or link.at_s == first else f"+{link.at_s - first:g} s"
        words = link.words or f"not known: {link.missing}"
        sys.stdout.write(f"  {link.kind:<12}{when:<9}{after:<10}{words}\n")
    for other in found.causes[1:]:
        sys.stdout.write(f"  also acted: {other}\n")
    for note in found.notes:
        sys.stdout.write(f"  note: {note}\n")
