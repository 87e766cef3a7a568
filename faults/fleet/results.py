"""What a flown constellation leaves behind: Parquet tables, summary.json, report.html."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bus.files import write_whole
from faults.fleet.books import books, closed
from faults.fleet.fly import Flown
from faults.fleet.form import LOOK_TICKS
from faults.fleet.ledger import tell
from faults.fleet.report import render
from faults.fleet.steps import errors
from faults.fleet.tables import QUANTITIES, in_full, plain, quantity, write
from faults.recording.summary import versions

TABLES = "tables"
SUMMARY, REPORT = "summary.json", "report.html"


def write_results(folder: Path, flown: Flown) -> dict[str, Any]:
    """Write everything, and return the summary. Raises EnvironmentFault."""
    place = folder / TABLES
    place.mkdir(exist_ok=True)
    files = write(place, _tables(flown))
    summary = summarise(flown, files)
    write_whole(folder / SUMMARY, json.dumps(summary, indent=1, allow_nan=False) + "\n")
    write_whole(folder / REPORT, render(flown, summary))
    return summary


def _tables(flown: Flown) -> Iterator[tuple[str, Mapping[str, Any]]]:
    what, tables = flown.flight.what, flown.tables
    shells = [shell.id for shell in what.shells]
    planes = [plane.label for shell in what.shells for plane in shell.planes]
    yield "planes", plain(tables.planes, {"shell": shells, "plane": planes})
    yield "local_time", plain(tables.hours, {"shell": shells})
    for number, wing in enumerate(flown.flight.wings):
        names = [wing.names[k] for k in tables.samples[number].tolist()]
        yield f"sampled-{wing.design.name}", in_full(wing, names, tables.times_s, *tables.full(number))
    if flown.build_up is not None:
        yield "build_up", plain(flown.build_up.rows, {"shell": shells})
    if flown.again is not None:
        alone, seen = flown.again
        for number, wing in enumerate(alone.wings):
            yield f"worst-{wing.design.name}", in_full(wing, wing.names, seen.times_s, *seen.full(number))


def summarise(flown: Flown, files: list[str]) -> dict[str, Any]:
    """Figures, books, verdicts; what depends on the machine stands under `real`."""
    flight, what = flown.flight, flown.flight.what
    found = books(flight)
    return {
        "fleet": what.name,
        "description": what.description,
        "digest": what.digest,
        "epoch_utc": what.epoch_utc,
        "seed": what.seed,
        "tick_s": what.tick_ns / 1e9,
        "look_s": flight.tick_s * LOOK_TICKS,
        "software_look_s": flight.tick_s * what.look_ticks,
        "ticks": what.ticks,
        "duration_s": what.duration_ns / 1e9,
        "spacecraft": what.count,
        "flown": len(flight),
        "fly_every": what.every,
        "planes": sum(len(shell.planes) for shell in what.shells),
        "shells": _shells(flown),
        "books": found,
        "books_closed": closed(found)
        and not flown.open_books
        and (flown.build_up is None or flown.build_up.closed),
        "books_open_at_s": flown.open_books,
        "worst": [
            {"criterion": one.criterion, "field": one.field, "spacecraft": one.spacecraft, "value": one.value}
            for one in flown.worst
        ],
        "flown_again_alone": 0 if flown.again is None else len(flown.again[0]),
        "flown_again_differing": flown.differing,
        "steps": None if flown.fine is None else errors((flight, flown.tables), flown.fine),
        "build_up": None if flown.build_up is None else tell(flown),
        "warnings": list(what.warnings),
        "tables": files,
        "versions": versions(),
        "real": {
            "seconds": flown.seconds,
            "tables_s": flown.tables_s,
            "satellite_steps_per_s": flown.steps / flown.seconds if flown.seconds > 0.0 else None,
            "satellite_s_per_s": flown.steps * flight.tick_s / flown.seconds if flown.seconds > 0.0 else None,
        },
    }  # fmt: skip


def _shells(flown: Flown) -> list[dict[str, Any]]:
    """What each shell is, and how its spacecraft are at the end."""
    flight, what = flown.flight, flown.flight.what
    rows = []
    for number, shell in enumerate(what.shells):
        wing = next((wing for wing in flight.wings if any(block.shell == number for block in wing.blocks)), None)
        if wing is None:
            continue  # so few that none of them flies
        mine = [block for block in wing.blocks if block.shell == number]
        part = slice(mine[0].first, mine[-1].last)
        memory = wing.memory[part]
        rows.append(
            {
                "shell": shell.id,
                "design": shell.design,
                "kind": shell.kind,
                "planes": len(shell.planes),
                "spacecraft": shell.count,
                "flown": len(memory),
                "mass_kg": shell.count * wing.design.form.mass,
                "sunlit_share": 1.0 - float(memory["dark_s"].mean(dtype=np.float64)) / flight.time_s,
                "lowest_soc": float(memory["lowest_soc"].min()),
                "hottest_chip_k": float(memory["hottest_chip_k"].max()),
                "payload_w": float(memory["payload_j"].mean()) / flight.time_s,
                "work_share": float(memory["work_done_s"].mean()) / (wing.chips * flight.time_s),
                "shed_ever": int(np.count_nonzero(memory["sheddings"])),
                "safe_ever": int(np.count_nonzero(memory["safe_entries"])),
                "brown_out_ever": int(np.count_nonzero(memory["brown_out_s"] > 0.0)),
                "end": {name: _spread(quantity(wing, name)[part]) for name in QUANTITIES},
            }
        )
    return rows


def _spread(values: Any) -> dict[str, float | None]:
    """Null where there is no such thing."""
    if np.isnan(values).all():
        return dict.fromkeys(("min", "mean", "max", "p50"))
    return {
        "min": float(values.min()), "mean": float(values.mean()), "max": float(values.max()),
        "p50": float(np.median(values)),
    }  # fmt: skip
