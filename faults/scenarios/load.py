"""Scenario text -> the resolved `Scenario`, with every mistake found in one go.

The grammar's top level and its spacecraft and stations live here. No vocabulary of its own: names are checked against
the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from bus.errors import Mistake, Refused, ScenarioError
from bus.scenario.model import RangeRules, Scenario, Spacecraft
from bus.scenario.stations import read_stations
from bus.text.files import read_file
from bus.text.instants import EXAMPLE, FIRST_YEAR, LAST_YEAR, LONGEST, in_range, parse_instant
from bus.text.reader import Item, Sheet
from faults.catalogue.form import FaultRequest, ResolvedFault
from faults.scenarios.environment import read_environment, within
from faults.scenarios.events import Span, read_expectations, read_faults, read_timeline
from faults.scenarios.names import Vocabulary
from faults.scenarios.orbits import Given, read_orbit
from faults.scenarios.spacecraft import read_spacecraft
from node.designs.load import own_texts

__all__ = ["FORMAT", "FaultRequest", "ResolvedFault", "Vocabulary", "load", "load_text"]

FORMAT = 1
_FIELDS = (
    "skyrack", "name", "description", "epoch", "duration", "tick", "seed", "environment", "spacecraft", "stations",
    "timeline", "faults", "expectations", "range",
)  # fmt: skip
_LONGEST_NS = 366 * 86_400 * 10**9


def load(path: Path, vocabulary: Vocabulary) -> Scenario:
    """The scenario in a file. Raises ScenarioError with every Mistake, or EnvironmentFault if it cannot be read."""
    content = read_file(path, "scenario", hint="`skyrack list scenarios` shows the shipped ones")
    return load_text(content, vocabulary, file=str(path))


def load_text(text: str | bytes, vocabulary: Vocabulary, *, file: str = "<text>") -> Scenario:
    """The scenario in a text; `file` is the name used in mistakes. Warnings are in `Scenario.warnings`."""
    sheet = Sheet(file)
    fields = sheet.compose(text).fields(_FIELDS)
    version = fields["skyrack"].integer(1, 1_000_000)
    if sheet.clean_since(0) and version != FORMAT:
        fields["skyrack"].refuse(fields["skyrack"].found, f"{FORMAT}, the scenario format of this version of Skyrack")
    name = fields["name"].text(longest=64, pattern=r"[A-Za-z0-9][A-Za-z0-9 _.-]*", shape="a name such as 'first-light'")
    description = fields["description"].text(longest=1000, empty=True) if "description" in fields else ""
    seed = fields["seed"].integer(0, 2**53)
    tick_ns = fields["tick"].duration_ns(10**7, 60 * 10**9, "10 ms to 60 s")
    epoch = _epoch(fields["epoch"])
    environment = read_environment(fields["environment"], _LONGEST_NS, vocabulary)
    stations = read_stations(fields["stations"], vocabulary.stations)

    mark = sheet.mark()
    first_orbit_s = _first_orbit_s(fields["spacecraft"], epoch, vocabulary)
    duration_ns = _duration(fields["duration"], tick_ns, first_orbit_s)
    end = epoch + timedelta(microseconds=duration_ns // 1000) if epoch and sheet.clean_since(mark) else None
    spacecraft, designs = read_spacecraft(fields["spacecraft"], epoch or _NO_EPOCH, end, vocabulary)
    jobs = {one.id: one.job_ids for one in spacecraft}
    span = Span(duration_ns if end else _LONGEST_NS, tick_ns, first_orbit_s or 6000.0, designs, jobs)
    timeline = read_timeline(fields["timeline"], span, vocabulary) if "timeline" in fields else []
    faults, fault_ids = read_faults(fields["faults"], span, vocabulary) if "faults" in fields else ([], ())
    sentences, signals = (
        read_expectations(fields["expectations"], span, fault_ids, vocabulary) if "expectations" in fields else ([], {})
    )
    rules = _range(fields.optional("range"))
    if timeline and not stations and sheet.clean_since(0):
        fields["timeline"].warn("telecommands without a station", "at least one station, or they never go up")
    environment, part = within(environment, duration_ns / 1e9)
    if part:
        fields["environment"].below("solar_event").warn(part, "that you meant this part of it")
    sheet.finish()
    try:
        return Scenario(
            name=name,
            description=description,
            epoch_utc=_iso(epoch or _NO_EPOCH),
            duration_ns=duration_ns,
            tick_ns=tick_ns,
            seed=seed,
            environment=environment,
            spacecraft=tuple(spacecraft),
            stations=tuple(stations),
            timeline=tuple(timeline),
            faults=tuple(faults),
            expectations=tuple(sentences),
            range=rules,
            truth_signals=_truth_signals(spacecraft, signals, vocabulary),
            designs=own_texts(one.design for one in spacecraft),
            file=file,
            warnings=tuple(str(w).replace("; allowed: ", "; expected: ") for w in sheet.warnings),
        )
    except ValidationError as error:  # A gap between this reader and the model: still the user's file and line-less.
        raise ScenarioError([_mistake_of(file, problem["loc"], problem["msg"]) for problem in error.errors()]) from None


_NO_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def _mistake_of(file: str, location: tuple[int | str, ...], message: str) -> Mistake:
    return Mistake(file, 0, 0, ".".join(str(part) for part in location), "a value the model refuses", message)


def _epoch(item: Item) -> datetime | None:
    text = item.text(longest=LONGEST, shape=f"a UTC time such as {EXAMPLE}")
    try:
        epoch = parse_instant(text, zone_needed=True) if text else None
        if epoch and not in_range(epoch):
            raise Refused(item.found, f"a UTC time from {FIRST_YEAR} to {LAST_YEAR}")
    except Refused as error:
        item.refuse(error.found, error.allowed)
        return None
    return epoch


def _iso(epoch: datetime) -> str:
    return epoch.strftime("%Y-%m-%dT%H:%M:%S") + (f".{epoch.microsecond:06d}" if epoch.microsecond else "") + "Z"


def _first_orbit_s(item: Item, epoch: datetime | None, vocabulary: Vocabulary) -> float | None:
    """Period of the first spacecraft's orbit, read ahead because "2 orbits" counts it. None if it cannot be had."""
    items = item.node.items if item.node is not None else None
    entries = items[0].entries if items else None
    if not entries or "orbit" not in entries or epoch is None:
        return None
    ahead = Item(Sheet(item.sheet.file), entries["orbit"][1], "orbit", item.at)
    places = read_orbit(ahead, Given(epoch, None))
    return places[0].period_s if places else None


def _duration(item: Item, tick_ns: int, orbit_s: float | None) -> int:
    """Whole ticks: orbits are rounded to them, other durations must be a multiple."""
    if orbit_s is None and item.node is not None and "orbit" in str(item.node.value):
        return tick_ns  # The orbit itself is a mistake already.
    duration_ns = item.duration_ns(tick_ns, _LONGEST_NS, "one tick to 366 d", orbit_s=orbit_s)
    ticks = max(1, round(duration_ns / tick_ns))
    if duration_ns % tick_ns and item.node is not None and "orbit" not in str(item.node.value):
        item.refuse(item.found, f"a whole number of ticks of {tick_ns / 1e9:g} s")
    return ticks * tick_ns


def _range(item: Item | None) -> RangeRules:
    """How the range behaves. Changes no physics, so every field has a default."""
    missing, timeout_s, every = "stop", 30.0, 600
    if item is not None:
        fields = item.fields(("missing_tock", "tock_timeout", "snapshot_every"))
        if "missing_tock" in fields:
            missing = fields["missing_tock"].choice(("stop", "continue"))
        if "tock_timeout" in fields:
            timeout_s = fields["tock_timeout"].quantity("time", 0.1, 3600.0, "100 ms to 1 h")
        if "snapshot_every" in fields:
            every = fields["snapshot_every"].integer(1, 100_000)
    return RangeRules(
        missing_tock="continue" if missing == "continue" else "stop",
        tock_timeout_s=timeout_s,
        snapshot_every_ticks=every,
    )


def _truth_signals(
    spacecraft: list[Spacecraft], wanted: Mapping[str, Mapping[str, None]], vocabulary: Vocabulary
) -> dict[str, tuple[str, ...]]:
    """Base signals of the design, then what expectations ask for, each once."""
    return {
        s.id: tuple(dict.fromkeys([*vocabulary.base_truth_signals(s.design), *wanted.get(s.id, {})]))
        for s in spacecraft
    }
