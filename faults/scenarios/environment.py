"""The `environment:` block of a scenario: how active the Sun is, and the solar event that strikes.

A table of proton flux is a file beside the scenario's; its samples go into the resolved scenario, so that no process
and no replay needs the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bus.errors import Refused, ScenarioError
from bus.scenario.model import Environment
from bus.text.instants import parse_instant
from bus.text.near import one_of
from bus.text.reader import Item
from bus.text.tables import read_file
from bus.text.times import clock
from bus.text.units import show
from faults.scenarios.flux_csv import Wanted, read_flux
from faults.scenarios.names import Vocabulary
from node.plant.radiation.solar_event import PROFILES, profile

MAX_SAMPLES = 10_000
"""Rows of a table that fly: five weeks of NOAA's five-minute averages."""

_FIELDS = ("solar_activity", "storm_density_factor", "solar_event", "solar_event_at")
_TABLE_FIELDS = ("csv", "gaps", "background", "begin")


def read_environment(item: Item, longest_ns: int, vocabulary: Vocabulary) -> Environment:
    """The surroundings; harmless ones after a mistake."""
    fields = item.fields(_FIELDS)
    event = fields["solar_event"]
    is_table = event.node is not None and event.node.entries is not None
    name = "none" if is_table else _profile(event, vocabulary)
    at_s = 0.0
    if "solar_event_at" in fields or name != "none" or is_table:
        at_s = fields["solar_event_at"].duration_ns(0, longest_ns, "a time after the epoch") / 1e9
    samples: tuple[tuple[float, ...], ...] = ()
    if is_table:
        name, samples = _table(event, at_s)
    return Environment(
        solar_activity="minimum" if fields["solar_activity"].choice(("minimum", "maximum")) == "minimum" else "maximum",
        storm_density_factor=fields["storm_density_factor"].quantity("number", 0.1, 20.0, "0.1 to 20"),
        solar_event="" if name == "none" else name,
        solar_event_at_s=at_s,
        solar_event_samples=samples,
    )


def within(environment: Environment, duration_s: float) -> tuple[Environment, str]:
    """Without the samples that no tick of the run can see; and, where the table's peak is not among those that remain,
    which peak flies ("" where it is)."""
    rows = environment.solar_event_samples
    seen = sum(row[0] <= duration_s for row in rows)
    if seen + 1 < len(rows):
        environment = environment.model_copy(update={"solar_event_samples": rows[: max(2, seen + 1)]})
    return environment, _partial(environment.solar_event, rows, duration_s)


def part_of_profile(environment: Environment, duration_s: float) -> str:
    """As the second of `within`, for a profile: its shape is known, so this is no warning."""
    if environment.solar_event_samples or environment.solar_event not in PROFILES:
        return ""
    rows = profile(environment.solar_event, environment.solar_event_at_s).tolist()
    return _partial(environment.solar_event, rows, duration_s)


def _partial(name: str, rows: Sequence[Sequence[float]], duration_s: float) -> str:
    """Which peak flies of an event that outlasts the run."""
    peak = max(rows, key=lambda row: row[1], default=None)
    if peak is None or peak[0] <= duration_s:
        return ""
    flown = [row for row in rows if row[0] <= duration_s]
    after = rows[len(flown)]
    if not flown:
        return f"{name} begins after the end: nothing of it flies"
    last = flown[-1]
    share = (duration_s - last[0]) / (after[0] - last[0])
    at_s, most = max(
        ((row[0], row[1]) for row in (*flown, (duration_s, last[1] + share * (after[1] - last[1])))),
        key=lambda pair: pair[1],
    )
    return (
        f"{name}: the run flies a part of the event: up to {most:.4g} pfu above 10 MeV, at {clock(at_s)}; its peak of "
        f"{peak[1]:.4g} pfu would come at {clock(peak[0])}"
    )


def _begin(item: Item) -> datetime | None:
    text = item.text(longest=64, shape="a UTC time of the table, such as 2024-05-10T12:00:00Z")
    try:
        return parse_instant(text) if text else None
    except Refused as error:
        item.refuse(error.found, error.allowed)
        return None


def _profile(item: Item, vocabulary: Vocabulary) -> str:
    name = item.text(longest=64, pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]*", shape="'none', a profile, or {csv: FILE}")
    known = ("none", *vocabulary.solar_events)
    if name and vocabulary.solar_events and name not in known:
        item.refuse(item.found, f"{one_of(known, name)}, or a table of proton flux as {{csv: FILE}}")
        return "none"
    return name or "none"


def _table(item: Item, at_s: float) -> tuple[str, tuple[tuple[float, ...], ...]]:
    """File name and samples of `{csv: FILE, gaps: ..., background: ..., begin: ...}`."""
    fields = item.fields(_TABLE_FIELDS)
    mark = item.sheet.mark()
    shown = fields["csv"].text(longest=1000)
    gaps = fields["gaps"].choice(("refuse", "interpolate")) if "gaps" in fields else "refuse"
    background = fields["background"].choice(("quiet", "keep")) if "background" in fields else "quiet"
    begin = _begin(fields["begin"]) if "begin" in fields else None
    if not item.sheet.clean_since(mark):
        return "none", ()
    path = Path(item.sheet.file).parent / shown
    try:
        text, _ = read_file(path, str(path))
        samples, notes = read_flux(text, str(path), Wanted(at_s, gaps, background, begin))
    except Refused as refused:
        fields["begin"].refuse(refused.found, refused.allowed)
        return "none", ()
    except ScenarioError as refused:
        for mistake in refused.mistakes:
            if mistake.line:
                item.sheet.mistakes.append(mistake)
            else:
                fields["csv"].refuse(f"{show(shown)}: {mistake.found}", mistake.allowed)
        return "none", ()
    for note in notes:
        fields["csv"].warn(f"{Path(shown).name}: {note}", "a table that you have looked at")
    if len(samples) > MAX_SAMPLES:
        fields["csv"].refuse(f"{len(samples)} usable rows", f"at most {MAX_SAMPLES}: cut the table, or take means")
        return "none", ()
    return Path(shown).name, samples
