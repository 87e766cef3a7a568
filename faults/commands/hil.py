# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""`skyrack hil`: what whoever brings a device needs: the fixed layout as a C header.

A group of commands of its own; each imports what it needs when it runs.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from faults.commands.parts import Designs

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@group.command(epilog="Example: skyrack hil header pathfinder > skyrack_hil.h")
def header(
    design: Annotated[str, typer.Argument(help="A design: a name or a file.")], *, designs: Designs = []
) -> None:
    """Print the fixed layout of a design's devices as a C header."""
    from faults.scenarios.own_designs import Shelf  # noqa: PLC0415
    from node.assembly import outside_forms  # noqa: PLC0415
    from node.hil.header import c_header  # noqa: PLC0415

    name = Shelf(tuple(designs)).find(design)
    sys.stdout.write(c_header(name, outside_forms(name)))
