"""Where a flight of a constellation was, on disk: everything that changes, whole or not at all.

A checkpoint is a folder of arrays and, written last, a file that names it; so whoever is killed while writing one
leaves the one before. It belongs to one constellation, one release and one set of libraries.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bus.errors import EnvironmentFault, UserError
from bus.files import read_bounded, write_whole
from faults.fleet.flight import Flight
from faults.fleet.form import Constellation
from faults.fleet.tables import Tables
from faults.recording.summary import versions

NAMED = "checkpoint.json"
MOST_BYTES = 64 * 1024


def identity(what: Constellation) -> str:
    """Whose checkpoint it is: the constellation's and of everything that decides bits."""
    return hashlib.blake2b(f"{what.digest} {sorted(versions().items())}".encode(), digest_size=16).hexdigest()


def save(folder: Path, flight: Flight, tables: Tables) -> None:
    """Write one, then forget the one before. Raises EnvironmentFault where there is no room for it."""
    name = f"checkpoint-{flight.tick}"
    place = folder / name
    try:
        place.mkdir(exist_ok=True)
        for head, values in {**flight.arrays, **tables.arrays}.items():
            with (place / f"{head}.npy").open("wb") as file:
                np.save(file, values, allow_pickle=False)
        facts = {"folder": name, "tick": flight.tick, "identity": identity(flight.what)}
        write_whole(folder / NAMED, json.dumps(facts) + "\n")
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write the checkpoint {place}: {error.strerror}", hint="free some space; --resume goes on then"
        ) from error
    forget(folder, but=name)


def forget(folder: Path, but: str = "") -> None:
    """Remove checkpoints, `but` one."""
    if not but:
        (folder / NAMED).unlink(missing_ok=True)
    for old in folder.glob("checkpoint-*"):
        if old.is_dir() and old.name != but:
            shutil.rmtree(old, ignore_errors=True)


def resume(folder: Path, flight: Flight, tables: Tables) -> None:
    """Bring a flight that has not begun to where the checkpoint was; from the start where there is none yet. Raises
    UserError for one of another constellation or release, or a damaged one."""
    named = folder / NAMED
    if not named.is_file():
        return
    try:
        facts = json.loads(read_bounded(named, MOST_BYTES))
        if facts["identity"] != identity(flight.what):
            raise UserError(
                f"{folder} holds another constellation's flight, or one of another release",
                hint="resume with the scenario and the release that it began with, or fly it anew",
            )
        place = folder / str(facts["folder"])
        arrays = {path.stem: _load(path) for path in sorted(place.glob("*.npy"))}
        _take(arrays, flight)
        tables.restore(arrays)
        flight.tick = int(facts["tick"])
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"the checkpoint in {folder} cannot be read: {error}", hint="fly it anew") from error


def _load(path: Path) -> NDArray[Any]:
    """An array; the large ones are mapped, or a flight gone on with would need twice its memory."""
    large = path.stem.startswith(("states-", "orders-", "memory-"))
    found: NDArray[Any] = np.load(path, allow_pickle=False, mmap_mode="r" if large else None)
    return found


def _take(arrays: dict[str, NDArray[Any]], flight: Flight) -> None:
    for name, mine in flight.arrays.items():
        theirs = arrays[name]
        if theirs.dtype != mine.dtype or theirs.shape != mine.shape:
            raise ValueError(f"{name} has another form")
        mine[:] = theirs
