"""Spacecraft that flew flight software of a user's own: whose, what the range caught of it, and what it never told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bus.pus import PACKETS_MADE
from bus.scenario.model import Scenario
from bus.wire.outside import FLIGHT_SOFTWARE
from faults.recording.recording import Recording

TOLD = ("mode", "payload_shed", "telemetry_generated", "telemetry_on_board", *PACKETS_MADE.values())
"""Truth signals that only flight software can tell."""
_COUNTER = "software."
_REFUSED = f"{_COUNTER}refused."


@dataclass(frozen=True, slots=True)
class OwnSoftware:
    """Of one spacecraft. crashes, refused: None without its final account; crashes also where it flew outside, because
    nobody sees there whether a program crashed. unknown: what it never told."""

    spacecraft: str
    name: str
    source: str
    crashes: int | None
    refused: Mapping[str, int] | None
    unknown: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """As summary.json has it."""
        refused = None if self.refused is None else dict(self.refused)
        return {
            "id": self.spacecraft, "name": self.name, "source": self.source, "crashes": self.crashes,
            "refused": refused, "unknown": list(self.unknown),
        }  # fmt: skip


def own_software(recording: Recording) -> list[OwnSoftware]:
    """Of everybody who flew their own, in the scenario's order."""
    named = names(recording.scenario)
    found = []
    for spacecraft in recording.scenario.spacecraft:
        if spacecraft.design not in named:
            continue
        name, source = named[spacecraft.design]
        counters = recording.books.software.get(spacecraft.id)
        refused = None
        if counters is not None:
            refused = {k.removeprefix(_REFUSED): int(n) for k, n in counters.items() if k.startswith(_REFUSED)}
        crashes = None
        if counters is not None and FLIGHT_SOFTWARE not in spacecraft.devices:
            crashes = int(counters.get(f"{_COUNTER}crashes", 0))
        found.append(OwnSoftware(spacecraft.id, name, source, crashes, refused, _unknown(recording, spacecraft.id)))
    return found


def names(scenario: Scenario) -> dict[str, tuple[str, str]]:
    """Name and sources of the flight software that designs fly, by design, where it is not the reference."""
    found = {}
    for design, text in scenario.designs.items():
        try:
            root = json.loads(text)
        except ValueError:
            continue  # as its author wrote it: the range writes JSON where it adds something
        own = root.get("flight_software") if isinstance(root, dict) else None
        if own:
            found[design] = (str(own["name"]), str(own["source"]))
    return found


def in_words(row: Mapping[str, Any]) -> str:
    """One row of the summary as a sentence."""
    if row["refused"] is None:
        caught = "no account of what was caught of it"
    else:
        refused = ", ".join(f"{n:,} {kind}" for kind, n in row["refused"].items())
        crashes = "crashes unknown" if row["crashes"] is None else _crashes(row["crashes"])
        caught = f"{crashes}, refused: {refused or 'nothing'}"
    unknown = f"; unknown, because it does not tell: {', '.join(row['unknown'])}" if row["unknown"] else ""
    return f"{row['id']} flew {row['name']} ({row['source'][:8]}): {caught}{unknown}"


def _crashes(count: int) -> str:
    return f"{count:,} crashes" if count != 1 else "1 crash"


def caught(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether there is something that somebody should look at."""
    return any(row["crashes"] or row["refused"] for row in rows)


def _unknown(recording: Recording, spacecraft: str) -> tuple[str, ...]:
    import numpy as np  # noqa: PLC0415 - `skyrack --help` must not wait for numpy

    up = recording.signal(spacecraft, "host_up")
    if up is None or not (up > 0).any():
        return ()
    signals = ((name, recording.signal(spacecraft, name)) for name in TOLD)
    return tuple(name for name, values in signals if values is not None and np.isnan(values[up > 0]).all())
