"""`skyrack init`: a small repository of one's own to begin with, which passes as it is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

EPILOG = "Example: skyrack init my-rehearsals --design cubesat"
BEGINS = {"pathfinder": "node/designs/pathfinder.yaml", "cubesat": "faults/plugin/begin/cubesat.yaml.in"}
"""What a new design may begin with: a shipped design's text, or one that is there for nothing else."""


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory, or an empty one.")],
    *,
    design: Annotated[str, typer.Option(help=f"What yours begins with: {', '.join(BEGINS)}.")] = "pathfinder",
) -> None:
    """Begin a repository of your own.

    It has a design, a scenario with an FDIR row, a campaign, a test, a CI script.

    It passes as it is written; every file says what to change.
    """
    from contextlib import suppress  # noqa: PLC0415

    from bus.errors import EnvironmentFault, UnknownNameError  # noqa: PLC0415
    from bus.files import write_whole  # noqa: PLC0415
    from bus.text.near import nearest  # noqa: PLC0415

    if design not in BEGINS:
        raise UnknownNameError("design", design, nearest(design, BEGINS), hint=f"allowed: {', '.join(BEGINS)}")
    house = Path(__file__).resolve().parents[2]
    begin = house / "faults" / "plugin" / "begin"
    files = {path.stem: path for path in sorted(begin.glob("*.in")) if path.name != "cubesat.yaml.in"}
    files[".gitignore"] = files.pop("gitignore")
    files["design.yaml"] = house / BEGINS[design]
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
