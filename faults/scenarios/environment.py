"""The `environment:` block of a scenario: how active the Sun is, and the solar event that strikes.

A table of proton flux is a file beside the scenario's; its samples go into the resolved scenario, so that no process
and no replay needs the file. What the table means is the vocabulary's to know (`Vocabulary.read_flux`).
"""

from __future__ import annotations

from pathlib import Path

from bus.errors import Mistake, ScenarioError
from bus.scenario.model import Environment
from bus.text.near import one_of
from bus.text.reader import Item
from bus.text.tables import read_file
from bus.text.units import show
from faults.scenarios.names import Vocabulary

MAX_SAMPLES = 10_000
"""Rows of a table that fly: five weeks of NOAA's five-minute averages."""

_FIELDS = ("solar_activity", "storm_density_factor", "solar_event", "solar_event_at")
_TABLE_FIELDS = ("csv", "gaps", "background")


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
        name, samples = _table(event, at_s, vocabulary)
    return Environment(
        solar_activity="minimum" if fields["solar_activity"].choice(("minimum", "maximum")) == "minimum" else "maximum",
        storm_density_factor=fields["storm_density_factor"].quantity("number", 0.1, 20.0, "0.1 to 20"),
        solar_event="" if name == "none" else name,
        solar_event_at_s=at_s,
        solar_event_samples=samples,
    )


def within(environment: Environment, duration_s: float) -> Environment:
    """Without the samples that no tick of the run can see."""
    rows = environment.solar_event_samples
    seen = sum(row[0] <= duration_s for row in rows)
    if seen + 1 >= len(rows):
        return environment
    return environment.model_copy(update={"solar_event_samples": rows[: max(2, seen + 1)]})


def _profile(item: Item, vocabulary: Vocabulary) -> str:
    name = item.text(longest=64, pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]*", shape="'none', a profile, or {csv: FILE}")
    known = ("none", *vocabulary.solar_events)
    if name and vocabulary.solar_events and name not in known:
        item.refuse(item.found, f"{one_of(known, name)}, or a table of proton flux as {{csv: FILE}}")
        return "none"
    return name or "none"


def _table(item: Item, at_s: float, vocabulary: Vocabulary) -> tuple[str, tuple[tuple[float, ...], ...]]:
    """File name and samples of `{csv: FILE, gaps: ..., background: ...}`."""
    fields = item.fields(_TABLE_FIELDS)
    mark = item.sheet.mark()
    shown = fields["csv"].text(longest=1000)
    gaps = fields["gaps"].choice(("refuse", "interpolate")) if "gaps" in fields else "refuse"
    background = fields["background"].choice(("quiet", "keep")) if "background" in fields else "quiet"
    if not item.sheet.clean_since(mark):
        return "none", ()
    if vocabulary.read_flux is None:
        item.refuse("a table of proton flux", "'none' or a profile: this reader does not know tables")
        return "none", ()
    path = Path(item.sheet.file).parent / shown
    try:
        text, _ = read_file(path, str(path))
        samples, notes = vocabulary.read_flux(text, at_s, gaps, background)
    except ScenarioError as refused:
        for mistake in refused.mistakes:
            if mistake.line:
                item.sheet.mistakes.append(
                    Mistake(str(path), mistake.line, mistake.column, "", mistake.found, mistake.allowed)
                )
            else:
                fields["csv"].refuse(f"{show(shown)}: {mistake.found}", mistake.allowed)
        return "none", ()
    for note in notes:
        fields["csv"].warn(f"{Path(shown).name}: {note}", "a table that you have looked at")
    if len(samples) > MAX_SAMPLES:
        fields["csv"].refuse(f"{len(samples)} usable rows", f"at most {MAX_SAMPLES}: cut the table, or take means")
        return "none", ()
    return Path(shown).name, samples
