"""`skyrack init`: a small repository of one's own to begin with, which passes as it is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

EPILOG = "Example: skyrack init my-rehearsals"
DESIGN = "pathfinder"
"""The shipped design whose text the new one begins with."""


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory, or an empty one.")]) -> None:
    """Begin a repository of your own.

    It has a design, a scenario with an FDIR row, a campaign, a test, a CI script.

    It passes as it is written; every file says what to change.
    """
    from contextlib import suppress  # noqa: PLC0415

    from bus.errors import EnvironmentFault  # noqa: PLC0415
    from bus.files import write_whole  # noqa: PLC0415

    house = Path(__file__).resolve().parents[2]
    files = {path.stem: path for path in sorted((house / "faults" / "plugin" / "begin").glob("*.in"))}
    files[".gitignore"] = files.pop("gitignore")
    files["design.yaml"] = house / "node" / "designs" / f"{DESIGN}.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise EnvironmentFault(f"{folder} is not empty", hint="choose a new directory: nothing is written over")
        try:
            for name, path in files.items():
                write_whole(folder / name, path.read_text(encoding="utf-8"))
        except OSError:
            for name in files:  # half of it passes nothing: all or none
                with suppress(OSError):
                    (folder / name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EnvironmentFault(f"cannot write {folder}: {error.strerror}", hint="choose another directory") from error
    sys.stdout.write(f"{folder}: {', '.join(sorted(files))}\nnext: cd {folder}; sh ci.sh\n")
