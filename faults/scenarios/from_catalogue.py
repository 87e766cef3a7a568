"""Element sets of a catalogue file -> the text of a scenario that flies them, which anybody may keep and edit.

What the user does not say is taken from `Flight`'s defaults and written into the text, so that nothing is silent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bus.errors import Mistake, Refused, ScenarioError
from bus.orbits.elements import Elements
from bus.orbits.omm import record_of
from bus.scenario.model import OmmOrbit
from bus.text.instants import parse_instant
from bus.wire.messages import RESERVED_IDS
from faults.scenarios.element_sets import read_catalogue, select

MAX_SPACECRAFT = 200


@dataclass(frozen=True, slots=True)
class Flight:
    """How to fly a selection. `epoch`: ISO UTC; empty takes the newest element set's, rounded up to a second."""

    design: str
    stations: Sequence[str] = ()
    epoch: str = ""
    duration: str = "2 orbits"
    tick: str = "1 s"
    seed: int = 1
    solar_activity: str = "maximum"
    storm_density_factor: float = 1.0
    solar_event: str = "none"
    propagator: str = "sgp4"


def scenario_text(path: Path, patterns: Sequence[str], flight: Flight) -> tuple[str, list[str]]:
    """The scenario's text, and what a user should be told: what was taken for granted, which entries were bad.

    Raises ScenarioError (nothing selected, too many) or EnvironmentFault (file cannot be read).
    """
    if flight.epoch:
        try:
            parse_instant(flight.epoch, zone_needed=True)
        except Refused as error:
            raise ScenarioError([Mistake("", 0, 0, "--epoch", error.found, error.allowed)]) from None
    selection = select(read_catalogue(path), patterns)
    chosen = selection.elements
    if len(chosen) > MAX_SPACECRAFT:
        raise _refusal(path, f"{len(chosen)} spacecraft", f"at most {MAX_SPACECRAFT}: narrow the selection")
    notes = list(selection.notes)
    epoch = flight.epoch
    if not epoch:
        newest = max(chosen, key=lambda e: e.epoch)
        moment = newest.epoch + timedelta(microseconds=-newest.epoch.microsecond % 1_000_000)
        epoch = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        notes.append(f"epoch {epoch}: that of the newest elements ({newest.name or newest.catalogue_number})")
    notes.append(
        f"taken for granted: solar activity {flight.solar_activity}, density factor {flight.storm_density_factor:g}, "
        f"solar event {flight.solar_event}, propagator {flight.propagator}, seed {flight.seed}"
    )
    about = f"{len(chosen)} spacecraft of {path.name}, selected by {' '.join(patterns)}"
    head = [
        "skyrack: 1",
        f"name: {_quoted(_slug(path.stem)[:48] or 'catalogue')}",
        f"description: {_quoted(about[:500])}",
        f"epoch: {_quoted(epoch)}",
        f"duration: {_quoted(flight.duration)}",
        f"tick: {_quoted(flight.tick)}",
        f"seed: {flight.seed}",
        "environment:",
        f"  solar_activity: {_quoted(flight.solar_activity)}",
        f"  storm_density_factor: {flight.storm_density_factor:.6f}",
        f"  solar_event: {_quoted(flight.solar_event)}",
        f"stations: [{', '.join(_quoted(station) for station in flight.stations)}]",
        "spacecraft:",
    ]
    ids = ids_of(chosen)
    for elements, name in zip(chosen, ids, strict=True):
        head += [
            f"  - id: {name}",
            f"    design: {_quoted(flight.design)}",
            "    orbit:",
            f"      {elements.orbit.kind}:",
            f"        source: {_quoted(f'{path.name}, line {elements.line}'[:200])}",
            f"        propagator: {_quoted(flight.propagator)}",
            *_published(elements, name),
        ]
    return "\n".join(head) + "\n", notes


def _published(elements: Elements, name: str) -> list[str]:
    """What a set says, as its kind of orbit wants it."""
    orbit = elements.orbit
    if isinstance(orbit, OmmOrbit):
        record = record_of(orbit) | {"OBJECT_NAME": orbit.name or name}
        return ["        record:", *(f"          {key}: {_quoted(value)}" for key, value in record.items())]
    return [
        f"        name: {_quoted(elements.name or name)}",
        "        lines:",
        f"          - {_quoted(orbit.line1)}",
        f"          - {_quoted(orbit.line2)}",
    ]


def _refusal(path: Path, found: str, allowed: str, what: str = "select") -> ScenarioError:
    return ScenarioError([Mistake(str(path), 0, 0, what, found, allowed)])


def ids_of(chosen: Sequence[Elements]) -> list[str]:
    """An id for every set from its name, with the catalogue number behind it where names collide."""
    slugs = [_slug(e.name)[:24].strip("-") or "sc" for e in chosen]
    slugs = [s if s[0].isalpha() else f"sc-{s}" for s in slugs]
    return [
        f"{s}-{e.catalogue_number}" if slugs.count(s) > 1 or s in RESERVED_IDS else s
        for s, e in zip(slugs, chosen, strict=True)
    ]


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _quoted(value: str | float) -> str:
    """A value as YAML reads it back. JSON is YAML, but for numbers like 1e-05, which need a point there."""
    if isinstance(value, str):
        value = "".join(c if c.isprintable() else " " for c in value)
    text = json.dumps(value, ensure_ascii=False)
    return text if isinstance(value, str) or "e" not in text or "." in text else text.replace("e", ".0e")
