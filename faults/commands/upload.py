"""`skyrack upload`: a file into the memory image of a spacecraft in a live run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faults.commands.procedure import LiveRun

EPILOG = "Example: skyrack upload dawn-1 patch.bin --address 700 --confirm"
Wait = Annotated[float, typer.Option("--wait", min=0.1, help="Seconds of real time to wait for the answer.")]


def upload(
    spacecraft: Annotated[str, typer.Argument(help="A spacecraft of the run.")],
    file: Annotated[Path, typer.Argument(help="Words of 8 bytes, as `archive dumps --write` leaves them.")],
    *,
    address: Annotated[int, typer.Option(min=0, help="Number of the first word.")],
    confirm: Annotated[bool, typer.Option("--confirm", help="The second word: loads of memory are hazardous.")] = False,
    transaction: Annotated[int, typer.Option(min=0, max=2**31, help="Of the large packet; 0: the next one.")] = 0,
    run: LiveRun = None,
    wait: Wait = 600.0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines, one as each word comes.")] = False,
) -> None:
    """Load a file into the memory image of a spacecraft.

    What is larger than a telecommand goes up in parts, each verified, and acts when all of them are there.
    """
    from faults.live.upload import UploadOptions, upload_command  # noqa: PLC0415

    options = UploadOptions(address, transaction, confirm, wait, json)
    raise typer.Exit(upload_command(spacecraft, file, run, options))
