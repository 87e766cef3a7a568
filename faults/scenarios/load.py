"""Scenario text -> the resolved `Scenario`, with every mistake found in one go: the grammar's top level."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from bus.errors import Mistake, Refused, ScenarioError
from bus.scenario.model import TOCK_TIMEOUT_S, AlarmSettings, RangeRules, RetentionSettings, Scenario, Spacecraft
from bus.scenario.stations import Stations, read_stations
from bus.text.files import read_file
from bus.text.forms import Form
from bus.text.instants import EXAMPLE, FIRST_YEAR, LAST_YEAR, LONGEST, in_range, parse_instant
from bus.text.leaves import Leaf, duration, quantity, text, whole
from bus.text.reader import Item, Sheet
from bus.text.units import show
from faults.catalogue.resolve import FAULTS
from faults.scenarios.environment import EnvironmentForm, GroundForm, is_bench, read_environment, within
from faults.scenarios.events import Expected, read_expectations, read_faults
from faults.scenarios.fault_entry import FaultEntry
from faults.scenarios.known_orbit import Given
from faults.scenarios.orbits import read_orbit
from faults.scenarios.own_designs import Shelf
from faults.scenarios.own_faults import PathText, read_own
from faults.scenarios.record import Pattern, read_record, struck_parts
from faults.scenarios.spacecraft import SpacecraftForm, read_spacecraft
from faults.scenarios.timeline import Timeline, TimelineForm, read_timeline
from faults.scenarios.times import Span, Time
from faults.scenarios.vocabulary import base_truth_signals
from groundstation.config import AlarmRules
from groundstation.contacts.stations import stations as known_stations
from node.designs.load import load_design, own_texts

FORMAT = 1
LONGEST_NS = 366 * 86_400 * 10**9
NAME = r"[A-Za-z0-9][A-Za-z0-9 _.-]*"
_NO_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def read_format(value: object) -> int:
    """The version of the format that a file says it is written in. Raises Refused."""
    version: int = whole(1, 1_000_000).read(value)
    if version != FORMAT:
        raise Refused(show(value), f"{FORMAT}, the scenario format of this version of Skyrack")
    return version


def read_epoch(value: object) -> datetime:
    """When a scenario begins. Raises Refused."""
    written = text(longest=LONGEST, shape=f"a UTC time such as {EXAMPLE}").read(value)
    epoch = parse_instant(written, zone_needed=True)
    if not in_range(epoch):
        raise Refused(show(value), f"a UTC time from {FIRST_YEAR} to {LAST_YEAR}")
    return epoch


_KEEP = "age, size or both; without 'retention' everything is kept"


class RangeForm(Form):
    """How the range behaves. Changes no physics, so every field has a default."""

    missing_tock: Literal["stop", "continue"] = "stop"
    tock_timeout: Annotated[float, quantity("time", 0.1, 3600.0, "100 ms to 1 h")] = TOCK_TIMEOUT_S
    snapshot_every: Annotated[int, whole(1, 100_000)] = 600


class AlarmsForm(Form):
    """How the ground watches telemetry; what is left out is its own default."""

    play_back: Literal["alarm", "log", "ignore"] = AlarmRules.play_back
    repetitions: Annotated[int, whole(1, 100)] = AlarmRules.repetitions
    silent: Annotated[float, quantity("time", 1.0, 86_400.0, "1 s to 1 d")] = AlarmRules.silent_s


class RetentionForm(Form):
    """What the archive keeps of telemetry; what is left out does not count. Sizes are in bits, as all data here."""

    age: Annotated[float, quantity("time", 1.0, 31_622_400.0, "1 s to 366 d")] | None = None
    size: Annotated[float, quantity("data size", 8e4, 8e12, "10 kB to 1 TB")] | None = None


class ScenarioForm(Form):
    """A scenario file."""

    skyrack: Annotated[int, Leaf(read_format, {"const": FORMAT})]
    name: Annotated[str, text(longest=64, pattern=NAME, shape="a name such as 'first-light'")]
    description: Annotated[str, text(longest=1000, empty=True)] = ""
    epoch: Annotated[datetime, Leaf(read_epoch, {"type": "string", "description": f"a UTC time such as {EXAMPLE}"})]
    duration: Time
    tick: Annotated[int, duration(10**7, 60 * 10**9, "10 ms to 60 s")]
    seed: Annotated[int, whole(0, 2**53)]
    environment: EnvironmentForm | GroundForm
    spacecraft: Annotated[tuple[SpacecraftForm, ...], Field(min_length=1)]
    stations: Stations
    timeline: tuple[TimelineForm, ...] = ()
    catalogue: PathText = ""
    faults: tuple[FaultEntry, ...] = ()
    expectations: tuple[Expected, ...] = ()
    record: tuple[Pattern, ...] = ()
    range: RangeForm = RangeForm()
    alarms: AlarmsForm | None = None
    retention: RetentionForm | None = None


_LATER = (
    "duration", "environment", "spacecraft", "stations", "timeline", "catalogue", "faults", "expectations", "record",
)  # fmt: skip


def load(path: Path, shelf: Shelf | None = None) -> Scenario:
    """The scenario in a file. Raises ScenarioError with every Mistake, or EnvironmentFault if it cannot be read."""
    content = read_file(path, "scenario", hint="`skyrack list scenarios` shows the shipped ones")
    return load_text(content, shelf, file=str(path))


def load_text(content: str | bytes, shelf: Shelf | None = None, *, file: str = "<text>") -> Scenario:
    """The scenario in a text; `file` is the name used in mistakes, `shelf` has the designs that it may name. Warnings
    are in `Scenario.warnings`."""
    sheet = Sheet(file)
    return load_tree(sheet.compose(content), shelf)


def load_tree(root: Item, shelf: Shelf | None = None) -> Scenario:
    """As `load_text`, of a tree that somebody has read, or put together of several files."""
    sheet = root.sheet
    if root.has("constellation") and not root.has("spacecraft"):
        root.below("constellation").refuse(
            "a constellation", "a list of `spacecraft`; this one flies by `skyrack fleet`"
        )
        sheet.finish()
    parts = root.parts(ScenarioForm, without=_LATER)
    if root.node is None or root.node.entries is None:
        sheet.finish()
    epoch, tick_ns, rules = parts["epoch"], parts["tick"] or 10**9, parts["range"] or RangeForm()
    environment = read_environment(root.below("environment"))
    stations = read_stations(root.below("stations"), known_stations())

    mark = sheet.mark()
    first_orbit_s = _first_orbit_s(root.below("spacecraft"), epoch)
    bench = is_bench(root.below("environment"))
    duration_ns = _duration(root.below("duration"), tick_ns, first_orbit_s, bench=bench)
    end = epoch + timedelta(microseconds=duration_ns // 1000) if epoch and sheet.clean_since(mark) else None
    mark = sheet.mark()
    everybody = read_spacecraft(root.below("spacecraft"), epoch or _NO_EPOCH, end, shelf or Shelf(), bench=bench)
    spacecraft, designs, complete = everybody
    whole_fleet = complete and sheet.clean_since(mark)
    _check_room(root.below("stations"), len(stations), spacecraft)
    jobs = {one.id: one.job_ids for one in spacecraft}
    span = Span(
        duration_ns if end else LONGEST_NS, tick_ns, first_orbit_s or 6000.0, designs, jobs, complete,
        tuple(station.id for station in stations), shelf.known_procedures if shelf else None,
    )  # fmt: skip
    timeline = read_timeline(root.below("timeline"), span) if root.has("timeline") else Timeline()
    known, catalogue = read_own(root.below("catalogue")) if root.has("catalogue") else (FAULTS, "")
    faults, fault_ids = read_faults(root.below("faults"), span, known) if root.has("faults") else ([], ())
    sentences, signals = (
        read_expectations(root.below("expectations"), span, fault_ids) if root.has("expectations") else ([], {})
    )
    station_ids = [station.id for station in stations]
    asked = read_record(root.below("record"), spacecraft, station_ids) if root.has("record") and whole_fleet else {}
    if timeline and not stations and sheet.clean_since(0):
        root.below("timeline").warn("telecommands without a station", "at least one station, or they never go up")
    if environment is not None:
        environment, part = within(environment, duration_ns / 1e9)
        if part:
            root.below("environment.solar_event").warn(part, "that you meant this part of it")
    retention = _retention(parts["retention"], root, duration_ns)
    sheet.finish()
    struck = struck_parts(faults, spacecraft, station_ids)
    assert environment is not None  # or its mistake was raised
    try:
        return Scenario(
            name=parts["name"],
            description=parts["description"],
            epoch_utc=_iso(epoch),
            duration_ns=duration_ns,
            tick_ns=tick_ns,
            seed=parts["seed"],
            environment=environment,
            spacecraft=tuple(spacecraft),
            stations=tuple(stations),
            timeline=tuple(timeline.telecommands),
            stacks=tuple(timeline.stacks),
            procedures=tuple(timeline.procedures),
            alarms=_alarms(parts["alarms"]),
            retention=retention,
            faults=tuple(faults),
            expectations=tuple(sentences),
            range=RangeRules(
                missing_tock=rules.missing_tock,
                tock_timeout_s=rules.tock_timeout,
                snapshot_every_ticks=rules.snapshot_every,
            ),
            truth_signals=_truth_signals(spacecraft, signals, struck, asked),
            designs=own_texts(one.design for one in spacecraft),
            catalogue=catalogue,
            file=sheet.file,
            warnings=tuple(str(w).replace("; allowed: ", "; expected: ") for w in sheet.warnings),
        )
    except ValidationError as error:  # A gap between this reader and the model: still the user's file and line-less.
        raise ScenarioError(
            [_mistake_of(sheet.file, problem["loc"], problem["msg"]) for problem in error.errors()]
        ) from None


def _check_room(item: Item, stations: int, spacecraft: Iterable[Spacecraft]) -> None:
    """A spacecraft follows as many stations as its capacity class has room for."""
    for design in dict.fromkeys(one.design for one in spacecraft):
        capacity = load_design(design).capacity
        if stations > capacity.stations:
            few = f"at most {capacity.stations}" if capacity.stations > 1 else "one"
            item.refuse(f"{stations} stations", f"{few}, which is what design '{design}' has room for")


def _alarms(form: AlarmsForm | None) -> AlarmSettings | None:
    if form is None:
        return None
    return AlarmSettings(play_back=form.play_back, repetitions=form.repetitions, silent_s=form.silent)


def _retention(form: RetentionForm | None, root: Item, duration_ns: int) -> RetentionSettings | None:
    if form is None:
        if root.has("retention") and root.below("retention").found == "nothing":
            root.below("retention").refuse("nothing", _KEEP)
        return None
    if form.age is None and form.size is None:
        root.below("retention").refuse("neither age nor size", _KEEP)
    elif form.age is not None and form.age * 1e9 >= duration_ns:
        root.below("retention.age").warn("an age that nothing reaches in this run", "less than its duration")
    return RetentionSettings(age_s=form.age, size_bytes=None if form.size is None else round(form.size / 8))


def _mistake_of(file: str, location: tuple[int | str, ...], message: str) -> Mistake:
    return Mistake(file, 0, 0, ".".join(str(part) for part in location), "a value the model refuses", message)


def _iso(epoch: datetime) -> str:
    return epoch.strftime("%Y-%m-%dT%H:%M:%S") + (f".{epoch.microsecond:06d}" if epoch.microsecond else "") + "Z"


def _first_orbit_s(item: Item, epoch: datetime | None) -> float | None:
    """Period of the first spacecraft's orbit, read ahead because "2 orbits" counts it. None if it cannot be had."""
    items = item.node.items if item.node is not None else None
    entries = items[0].entries if items else None
    if not entries or "orbit" not in entries or epoch is None:
        return None
    ahead = Item(Sheet(item.sheet.file), entries["orbit"][1], "orbit", item.at)
    places = read_orbit(ahead, Given(epoch, None))
    return places[0].period_s if places else None


def _duration(item: Item, tick_ns: int, orbit_s: float | None, *, bench: bool) -> int:
    """Whole ticks: orbits are rounded to them, other durations must be a multiple."""
    if bench and item.node is not None and "orbit" in str(item.node.value):
        item.refuse(item.found, "a time such as 40 min: nothing goes round on a bench")
        return tick_ns
    if orbit_s is None and item.node is not None and "orbit" in str(item.node.value):
        return tick_ns  # The orbit itself is a mistake already.
    length = duration(tick_ns, LONGEST_NS, "one tick to 366 d", orbit_s=orbit_s)
    duration_ns = item.read(Annotated[int, length]) or tick_ns
    ticks = max(1, round(duration_ns / tick_ns))
    if duration_ns % tick_ns and item.node is not None and "orbit" not in str(item.node.value):
        item.refuse(item.found, f"a whole number of ticks of {tick_ns / 1e9:g} s")
    return ticks * tick_ns


def _truth_signals(
    spacecraft: list[Spacecraft], *wanted: Mapping[str, Mapping[str, None]]
) -> dict[str, tuple[str, ...]]:
    """Base signals of the design, then what expectations, faults and the user ask for, each once."""
    return {
        s.id: tuple(dict.fromkeys([*base_truth_signals(s.design), *(n for each in wanted for n in each.get(s.id, {}))]))
        for s in spacecraft
    }
