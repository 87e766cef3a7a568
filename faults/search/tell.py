"""What a search leaves and says: found.yaml, search.json, and a few lines for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bus.errors import RangeFailure
from bus.files import write_whole
from bus.text.times import clock
from faults.catalogue.form import FaultForm
from faults.recording.summary import versions
from faults.search.flights import Flights, Flown
from faults.search.look import FARTHEST, Found
from faults.search.steps import written
from faults.search.texts import Source, found_text, load_found

FOUND = "found.yaml"
SEARCH = "search.json"


def keep(source: Source, found: Found, folder: Path, catalogue: Mapping[str, FaultForm]) -> dict[str, Any]:
    """Write the found sequence as a scenario, fly that file once from its beginning, and write search.json. Gives its
    content. Raises RangeFailure where the file does not do what the sequence did."""
    content = _content(found)
    if found.least is not None:
        text = found_text(source, found.least.steps, found.least.violated, folder)
        write_whole(folder / FOUND, text)
        again = _fly_file(folder / FOUND, source, catalogue, folder)
        if set(again.violated) != set(found.least.violated):
            raise RangeFailure(
                f"{folder / FOUND} does not violate what its sequence did", hint="this is a fault of ours; tell us"
            )
        content["found"]["trace_hash"] = again.trace_hash
    write_whole(folder / SEARCH, json.dumps(content, indent=1))
    return content


def _fly_file(path: Path, source: Source, catalogue: Mapping[str, FaultForm], folder: Path) -> Flown:
    flights = Flights(load_found(path, source.shelf), catalogue, folder)
    try:
        return flights.fly(())
    finally:
        flights.close()


def _content(found: Found) -> dict[str, Any]:
    """All but what the file's own flight tells."""
    least, first, best = found.least, found.first, found.best
    return {
        "ended": found.why_ended, "seed": found.seed, "properties": [one.text for one in found.usual.judgements],
        "robustness_without_faults": [one.robustness for one in found.usual.judgements],
        "nearest": None if found.nearest == FARTHEST else round(found.nearest, 9),
        "found": None if least is None else {
            "steps": written(least.steps), "scenario": FOUND, "violated": list(least.violated),
            "first_violation_s": min(
                (o.first_violation_s for o in least.judgements if o.first_violation_s is not None), default=None
            ),
            "robustness": [one.robustness for one in least.judgements if one.verdict == "FAIL"],
        },
        "first_found": None if first is None else written(first.steps),
        "shrinking_flights": found.shrinking,
        "nearest_steps": None if best is None or least is not None else written(best.steps),
        "tried": found.tried.as_dict(), "versions": versions(),
    }  # fmt: skip


def words(found: Found, content: Mapping[str, Any], folder: Path) -> list[str]:
    """What people read."""
    lines: list[str] = []
    if found.least is not None and found.first is not None:
        for judgement in found.least.judgements:
            if judgement.verdict == "FAIL":
                at = "" if judgement.first_violation_s is None else f" at {clock(judgement.first_violation_s)}"
                lines.append(f"violated{at}: {judgement.text}")
        lines += [f"  {place}. {step}" for place, step in enumerate(found.least.steps, 1)]
        before, after = len(found.first.steps), len(found.least.steps)
        what = "one step" if after == 1 else f"{after} steps"
        lines.append(
            f"found with sequence {found.tried.flown}; shrunk from {before} to {what} in {found.shrinking} flights"
        )
        lines.append(f"repeat it: skyrack run {folder / FOUND} --in-process")
    else:
        lines.append(f"nothing found ({found.why_ended})")
        if found.best is not None and found.nearest < FARTHEST:
            share = f"{100 * found.nearest:.3g} % of the distance that is left without faults"
            lines.append(f"nearest: {share}" + (" (no step changed it)" if found.nearest >= 1.0 else ", with"))
            lines += [] if found.nearest >= 1.0 else [f"  {step}" for step in found.best.steps]
    return [*lines, *found.tried.words()]
