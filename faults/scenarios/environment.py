"""The `environment:` block of a scenario: how active the Sun is, and the solar event that strikes.

A table of proton flux is a file beside the scenario's; its samples go into the resolved scenario, so that no process
and no replay needs the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from bus.errors import Refused, ScenarioError
from bus.scenario.model import Bench, Environment
from bus.text.forms import Form
from bus.text.instants import parse_instant
from bus.text.leaves import Leaf, duration, quantity, text
from bus.text.near import nearest, one_of
from bus.text.reader import Item
from bus.text.tables import read_file
from bus.text.times import clock
from bus.text.units import parse, show
from faults.scenarios.flux_csv import Wanted, read_flux
from node.plant.radiation.solar_event import PROFILES, profile

MAX_SAMPLES = 10_000
"""Rows of a table that fly: five weeks of NOAA's five-minute averages."""

MAXIMUM_F107 = 127.0
"""From here on particle fluxes are those of a solar maximum: half way between the table's minimum and maximum."""
_NO_SAMPLES: tuple[tuple[float, ...], ...] = ()
_PROFILES = ("none", *PROFILES)


def _profile(value: object) -> str:
    shape = "'none', a profile, or {csv: FILE}"
    name = str(text(longest=64, pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]*", shape=shape).read(value))
    if name not in _PROFILES:
        raise Refused(show(value), f"{one_of(_PROFILES, name)}, or a table of proton flux as {{csv: FILE}}")
    return name


def _convection(value: object) -> float:
    """What still air in a room takes is 3 to 10 W/m2 K, a fan's 10 to 100 (textbook)."""
    number = parse(value, "W/m2 K")
    if not 0.0 <= number <= 1000.0:
        raise Refused(show(value), "0 to 1000 W/m2 K")
    return number


def _begin(value: object) -> datetime:
    return parse_instant(text(longest=64, shape="a UTC time of the table, such as 2024-05-10T12:00:00Z").read(value))


class FluxTable(Form):
    """A user's table of proton flux, a file beside the scenario."""

    csv: Annotated[str, text(longest=1000)]
    gaps: Literal["refuse", "interpolate"] = "refuse"
    background: Literal["quiet", "keep"] = "quiet"
    begin: Annotated[datetime, Leaf(_begin, {"type": "string", "description": "a UTC time of the table"})] | None = None


EventTime = Annotated[int, duration(0, 366 * 86_400 * 10**9, "a time after the epoch")]
Event = Annotated[
    Annotated[FluxTable, Tag("(table)")] | Annotated[str, Leaf(_profile, {"enum": list(_PROFILES)}), Tag("(profile)")],
    Discriminator(lambda value: "(table)" if isinstance(value, (dict, FluxTable)) else "(profile)"),
]


class SolarNumbers(Form):
    """The Sun as indices: F10.7 in solar flux units, the daily Ap. They rule the neutral density."""

    f107: Annotated[float, quantity("number", 60.0, 300.0, "60 to 300 solar flux units")]
    ap: Annotated[float, quantity("number", 0.0, 400.0, "0 to 400")] = 15.0


Activity = Annotated[
    Annotated[SolarNumbers, Tag("(numbers)")] | Annotated[Literal["minimum", "maximum"], Tag("(word)")],
    Discriminator(lambda value: "(numbers)" if isinstance(value, (dict, SolarNumbers)) else "(word)"),
]


class EnvironmentForm(Form):
    """How active the Sun is, the solar event that strikes, and what of the Earth is left out for comparisons."""

    solar_activity: Activity
    storm_density_factor: Annotated[float, quantity("number", 0.1, 20.0, "0.1 to 20")]
    solar_event: Event
    solar_event_at: EventTime | None = None
    earth_infrared: Literal["on", "off"] = "on"
    albedo: Literal["on", "off"] = "on"


class BenchForm(Form):
    """A room on the ground: its temperature, and what air takes from an outer face."""

    ambient: Annotated[float, quantity("temperature", 150.0, 500.0, "150 K to 500 K")]
    convection: Annotated[float, Leaf(_convection, {"type": "string"})]


class GroundForm(Form):
    """The surroundings of a test on the ground, instead of an orbit's."""

    bench: BenchForm


def _read_bench(item: Item) -> Environment | None:
    form = item.read(GroundForm)
    if form is None:
        return None
    return Environment(
        solar_activity="minimum", storm_density_factor=1.0, solar_event="", solar_event_at_s=0.0, earth_infrared=False,
        albedo=False, bench=Bench(ambient_k=form.bench.ambient, convection_w_m2_k=form.bench.convection),
    )  # fmt: skip


def is_bench(item: Item) -> bool:
    """Whether a bench is meant, be it misspelt: then nothing of an orbit is asked for."""
    written = (item.node.entries or {}) if item.node is not None else {}
    return "bench" in written or (len(written) == 1 and any(nearest(name, ("bench",)) for name in written))


def read_environment(item: Item) -> Environment | None:
    """The surroundings, or None after a mistake."""
    if is_bench(item):
        return _read_bench(item)
    mark = item.sheet.mark()
    parts = item.parts(EnvironmentForm)
    event, at_ns = parts["solar_event"], parts["solar_event_at"]
    if event not in (None, "none") and not item.has("solar_event_at"):
        at_ns = item.below("solar_event_at").read(EventTime)
    if not item.sheet.clean_since(mark):
        return None
    at_s = (at_ns or 0) / 1e9
    name, samples = "" if event == "none" else str(event), _NO_SAMPLES
    if isinstance(event, FluxTable):
        name, samples = _table(item.below("solar_event"), event, at_s)
    activity, f107, ap = parts["solar_activity"], 0.0, 15.0
    if isinstance(activity, SolarNumbers):
        f107, ap = activity.f107, activity.ap
        activity = "minimum" if f107 < MAXIMUM_F107 else "maximum"
    return Environment(
        solar_activity=activity,
        solar_f107=f107,
        solar_ap=ap,
        earth_infrared=parts["earth_infrared"] != "off",
        albedo=parts["albedo"] != "off",
        storm_density_factor=parts["storm_density_factor"],
        solar_event=name,
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


def _table(item: Item, table: FluxTable, at_s: float) -> tuple[str, tuple[tuple[float, ...], ...]]:
    """File name and samples of a table."""
    path, where = Path(item.sheet.file).parent / table.csv, item.below("csv")
    try:
        content, _ = read_file(path, str(path))
        wanted = Wanted(at_s, table.gaps, table.background, table.begin)
        samples, notes = read_flux(content, str(path), wanted)
    except Refused as refused:
        item.below("begin").refuse(refused.found, refused.allowed)
        return "none", ()
    except ScenarioError as refused:
        for mistake in refused.mistakes:
            if mistake.line:
                item.sheet.mistakes.append(mistake)
            else:
                where.refuse(f"{show(table.csv)}: {mistake.found}", mistake.allowed)
        return "none", ()
    for note in notes:
        where.warn(f"{path.name}: {note}", "a table that you have looked at")
    if len(samples) > MAX_SAMPLES:
        where.refuse(f"{len(samples)} usable rows", f"at most {MAX_SAMPLES}: cut the table, or take means")
        return "none", ()
    return path.name, samples
