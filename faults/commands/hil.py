# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""`skyrack hil`: what whoever brings a device needs: the fixed layout as a C header, a look at the line beforehand, and
what crossed it in a run, to rehearse with.

A group of commands of its own; each imports what it needs when it runs.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from faults.commands.parts import Designs

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


class Layouts(StrEnum):
    """How a device speaks."""

    names = "names"
    fixed = "fixed"


@group.command(epilog="Example: skyrack hil header pathfinder > skyrack_hil.h")
def header(
    design: Annotated[str, typer.Argument(help="A design: a name or a file.")],
    *,
    dictionary: Annotated[
        Path | None, typer.Option(help="A dictionary of flight software, whose numbers go into the header.")
    ] = None,
    designs: Designs = [],
) -> None:
    """Print the fixed layout of a design's devices, and of its flight software, as a C header."""
    from faults.scenarios.foreign_dictionary import load_foreign  # noqa: PLC0415
    from faults.scenarios.own_designs import Shelf  # noqa: PLC0415
    from node.assembly import order_places, outside_forms, software_form  # noqa: PLC0415
    from node.hil.header import c_header, c_words  # noqa: PLC0415

    name = Shelf(tuple(designs)).find(design)
    words = "" if dictionary is None else c_words(*load_foreign(dictionary))
    sys.stdout.write(c_header(name, outside_forms(name), software_form(name), order_places(name), words))


@group.command(epilog="Example: skyrack hil probe tcp://127.0.0.1:5701 --design pathfinder --device pcdu")
def probe(
    endpoint: Annotated[
        str, typer.Argument(help="tcp://HOST:PORT, udp://HOST:PORT or serial:///dev/NAME?baud=115200.")
    ],
    *,
    device: Annotated[str, typer.Option(help="Which device answers there; see `skyrack list devices DESIGN`.")],
    design: Annotated[str, typer.Option(help="Of which design: a name or a file.")],
    layout: Annotated[Layouts, typer.Option(help="How it speaks.")] = Layouts.names,
    ticks: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many.")] = 1000,
    rate_hz: Annotated[float, typer.Option(min=0.0, max=10_000.0, help="Ticks a second; 0: one after another.")] = 0,
    designs: Designs = [],
    json: Json = False,
) -> None:
    """Measure round trip and jitter of a device, before it flies.

    Ends with status 4 where a tick had no answer within a second.
    """
    from faults.hil.probe import Probe, probe_command  # noqa: PLC0415

    wanted = Probe(endpoint, design, device, layout.value, ticks, rate_hz, tuple(designs))
    raise typer.Exit(probe_command(wanted, as_json=json))


@group.command(epilog="Example: skyrack hil record out/hil-pcdu-001 path-1.pcdu --out pcdu.jsonl")
def record(
    run: Annotated[Path, typer.Argument(help="The directory of a run.")],
    device: Annotated[str, typer.Argument(metavar="SPACECRAFT.DEVICE", help="Which of its devices outside.")],
    *,
    out: Annotated[Path, typer.Option(help="The file to write, JSON lines.")],
) -> None:
    """Write what crossed a device's seam in a run, tick by tick."""
    from faults.hil.record import record_command  # noqa: PLC0415

    raise typer.Exit(record_command(run, device, out))


@group.command(epilog="Example: skyrack hil play pcdu.jsonl --port 5701")
def play(
    record: Annotated[Path, typer.Argument(help="A file of `skyrack hil record`.")],
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of loopback; 0: any that is free.")] = 5701,
    runs: Annotated[int, typer.Option(min=0, help="End after so many; 0: never.")] = 0,
) -> None:
    """Answer in a device's place, from such a record: a bench session without the bench."""
    from faults.hil.play import play_command  # noqa: PLC0415

    raise typer.Exit(play_command(record, port, runs))
