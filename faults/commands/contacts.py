# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""`skyrack contacts`: the contact plan of a scenario, as a table, JSON or a calendar. Nothing flies here."""

from __future__ import annotations

import json as json_module
import math
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faults.commands.procedure import Json

if TYPE_CHECKING:
    from bus.scenario.model import Scenario
    from groundstation.contacts.plan import PlannedContact

Designs = Annotated[
    list[str],
    typer.Option("--designs", metavar="DIR", help="Directory with designs of your own, by file name. Repeatable."),
]


def contacts(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of a shipped one.")],
    *,
    spacecraft: Annotated[list[str], typer.Option(help="Only these. Repeatable.")] = [],
    station: Annotated[list[str], typer.Option(help="Only these. Repeatable.")] = [],
    from_: Annotated[str, typer.Option("--from", help="Ends after this: '2 h' since the epoch, or a UTC time.")] = "",
    to: Annotated[str, typer.Option("--to", help="Begins before this; the end of the run by default.")] = "",
    json: Json = False,
    ical: Annotated[bool, typer.Option("--ical", help="Print a calendar (RFC 5545) instead of text.")] = False,
    designs: Designs = [],
) -> None:
    """Print who rises over which station, and whom each antenna will serve.

    The same plan is flown: prediction and priorities are the ground's own.
    """
    from pathlib import Path  # noqa: PLC0415

    from bus.errors import UserError  # noqa: PLC0415
    from faults.scenarios.choose import load_named  # noqa: PLC0415
    from groundstation.contacts.plan import contact_plan  # noqa: PLC0415

    if json and ical:
        raise UserError("--json and --ical: one of them", hint="print the plan twice to have both")
    known = load_named(scenario, tuple(Path(directory) for directory in designs)).scenario
    _check_names("spacecraft", spacecraft, [one.id for one in known.spacecraft])
    _check_names("station", station, [one.id for one in known.stations])
    first_ns = _moment_ns("--from", from_, known) if from_ else 0
    last_ns = _moment_ns("--to", to, known) if to else known.duration_ns
    if first_ns >= last_ns:
        raise UserError("--from is not before --to", hint=f"the run ends {known.duration_ns / 1e9:g} s after its epoch")
    plan = [
        contact
        for contact in contact_plan(known)
        if (not spacecraft or contact.spacecraft in spacecraft)
        and (not station or contact.station in station)
        and contact.los_ns > first_ns
        and contact.aos_ns < last_ns
    ]
    if json:
        rows = [as_row(contact, known.epoch_utc) for contact in plan]
        sys.stdout.write(json_module.dumps(rows, indent=1) + "\n")
    elif ical:
        if not plan:
            raise UserError("no contact, and a calendar holds at least one event", hint="see the plan without --ical")
        from faults.commands.calendar_text import calendar  # noqa: PLC0415

        sys.stdout.write(calendar(plan, known))
    else:
        _print(plan, known)


def as_row(contact: PlannedContact, epoch_utc: str) -> dict[str, Any]:
    """One contact, times in seconds since the epoch and in UTC."""
    return {
        "station": contact.station,
        "spacecraft": contact.spacecraft,
        "aos_s": contact.aos_ns / 1e9,
        "los_s": contact.los_ns / 1e9,
        "max_s": contact.max_ns / 1e9,
        "aos_utc": utc(epoch_utc, contact.aos_ns).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "los_utc": utc(epoch_utc, contact.los_ns).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "max_elevation_deg": round(math.degrees(contact.max_elevation_rad), 3),
        "state": contact.state,
        "served_s": [[on_ns / 1e9, off_ns / 1e9] for on_ns, off_ns in contact.served],
        "instead": list(contact.instead),
    }


def utc(epoch_utc: str, at_ns: int) -> datetime:
    """A time of the scenario, to the microsecond."""
    return datetime.fromisoformat(epoch_utc.replace("Z", "+00:00")) + timedelta(microseconds=round(at_ns / 1000))


def _print(plan: Sequence[PlannedContact], scenario: Scenario) -> None:
    from bus.text.times import span  # noqa: PLC0415

    if not plan:
        sys.stdout.write("no contact\n")
        return
    heads = ("AOS (UTC)", "LOS (UTC)", "length", "max", "station", "spacecraft", "antenna")
    rows = [heads]
    for contact in plan:
        aos, los = (utc(scenario.epoch_utc, ns) for ns in (contact.aos_ns, contact.los_ns))
        served_s = sum(off_ns - on_ns for on_ns, off_ns in contact.served) / 1e9
        words = contact.state if contact.state != "in part" else f"in part, {span(round(served_s))}"
        if contact.instead:
            words += f"; else {', '.join(contact.instead)}"
        rows.append((
            f"{aos:%Y-%m-%d %H:%M:%S}", f"{los:%H:%M:%S}", span(round((contact.los_ns - contact.aos_ns) / 1e9)),
            f"{math.degrees(contact.max_elevation_rad):.1f} deg", contact.station, contact.spacecraft, words,
        ))  # fmt: skip
    widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")


def _check_names(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    from bus.errors import UnknownNameError  # noqa: PLC0415
    from bus.text.near import nearest  # noqa: PLC0415

    for name in given:
        if name not in known:
            raise UnknownNameError(what, name, nearest(name, known), hint="the scenario has others")


def _moment_ns(option: str, text: str, scenario: Scenario) -> int:
    """A time since the epoch, or an instant."""
    from bus.errors import Refused, UserError  # noqa: PLC0415
    from bus.text.instants import parse_instant  # noqa: PLC0415
    from bus.text.units import parse_duration_ns  # noqa: PLC0415

    try:
        if ":" in text:
            apart = parse_instant(text) - datetime.fromisoformat(scenario.epoch_utc.replace("Z", "+00:00"))
            at_ns = apart // timedelta(microseconds=1) * 1000
        else:
            at_ns = parse_duration_ns(text)
    except Refused as error:
        raise UserError(
            f"{option}: {error}", hint=f"such as '2 h' since {scenario.epoch_utc}, or that itself"
        ) from error
    if not 0 <= at_ns <= scenario.duration_ns:
        first, last = (f"{utc(scenario.epoch_utc, ns):%Y-%m-%dT%H:%M:%SZ}" for ns in (0, scenario.duration_ns))
        raise UserError(
            f"{option}: found {text!r}; allowed: 0 s to {scenario.duration_ns / 1e9:g} s since the epoch",
            hint=f"the run goes from {first} to {last}",
        )
    return at_ns
