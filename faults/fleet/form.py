"""The scenario of a constellation, as a file: read, checked, and refused before the start where this machine cannot
hold it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from bus.errors import ScenarioError
from bus.orbits.constellations import period_s
from bus.scenario.model import Environment
from bus.text.files import read_file
from bus.text.forms import Form
from bus.text.leaves import Leaf, duration, text, whole
from bus.text.reader import Item, Sheet
from bus.wire.messages import ID_PATTERN
from faults.fleet.launches import LaunchesForm, read_launches
from faults.fleet.shells import MOST_SPACECRAFT, PlaceForm, Plane
from faults.run.groups import free_mib
from faults.scenarios.environment import EnvironmentForm, read_environment, within
from faults.scenarios.known_orbit import Given
from faults.scenarios.load import FORMAT, LONGEST_NS, NAME, read_epoch, read_format
from faults.scenarios.own_designs import Shelf
from faults.scenarios.times import Time
from node.designs.load import load_design
from node.fleet_software import MEMORY
from node.plant.orbit.setup import Elements, span_m
from node.plant.radiation.flux_table import altitude_range_m
from node.plant.state import layout
from node.plant.step import EVERY

CLASS = "fleet"
LOOK_TICKS = EVERY[CLASS]
"""Between two looks of a fleet at its surroundings."""
SOFTWARE_LOOK_NS = 8 * 10**9
"""[A] Flight software looks at its readings at least so often, or every tick where that is longer: a small battery
under full load empties in some minutes."""
REPORTS = 60
"""Rows over the flight where a scenario does not say how often."""
MOST_REPORTS = 10_000
BESIDE = 1.4
"""Memory over that of the records: names, places, columns that are taken out. Seen: 2.7 kB each, of 100,000."""
LONGEST_SHELL_ID = 16


ShellId = Annotated[str, text(longest=LONGEST_SHELL_ID, pattern=ID_PATTERN, shape="an id such as 'dawn' (a-z, 0-9, -)")]


class ShellForm(Form):
    """One shell: spacecraft of one design, placed alike."""

    id: ShellId
    design: Annotated[str, text(longest=1000)]
    place: PlaceForm


class FleetForm(Form):
    """The scenario of a constellation."""

    skyrack: Annotated[int, Leaf(read_format, {"const": FORMAT})]
    name: Annotated[str, text(longest=64, pattern=NAME, shape="a name such as 'two-shells'")]
    description: Annotated[str, text(longest=1000, empty=True)] = ""
    epoch: Annotated[datetime, Leaf(read_epoch, {"type": "string", "description": "a UTC time"})]
    duration: Time
    tick: Annotated[int, duration(10**7, 60 * 10**9, "10 ms to 60 s")]
    seed: Annotated[int, whole(0, 2**53)]
    environment: EnvironmentForm
    constellation: Annotated[tuple[ShellForm, ...], Field(min_length=1, max_length=1000)]
    report_every: Time | None = None
    samples: Annotated[int, whole(1, 1000)] = 8
    fly_every: Annotated[int, whole(1, 100_000)] = 1
    launches: LaunchesForm | None = None


_LATER = ("duration", "environment", "constellation", "report_every", "launches")


@dataclass(frozen=True, eq=False)
class Shell:
    """Spacecraft of one design, plane by plane."""

    id: str
    design: str
    kind: str
    planes: tuple[Plane, ...]

    @property
    def count(self) -> int:
        """How many spacecraft."""
        return sum(len(plane.labels) for plane in self.planes)

    def names(self) -> list[str]:
        """Of its spacecraft, in their order."""
        return [f"{self.id}-{label}" for plane in self.planes for label in plane.labels]


@dataclass(frozen=True, eq=False)
class Constellation:
    """What flies. report_ticks: between two rows of the tables; samples: spacecraft that are kept in full. every: one
    of so many flies; launches: how it is filled and kept, where that is asked for."""

    name: str
    description: str
    epoch_utc: str
    duration_ns: int
    tick_ns: int
    seed: int
    environment: Environment
    shells: tuple[Shell, ...]
    report_ticks: int
    samples: int
    orbit_s: float
    every: int = 1
    launches: LaunchesForm | None = None
    text: str = ""
    file: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def ticks(self) -> int:
        """Whole ticks flown."""
        return self.duration_ns // self.tick_ns

    @property
    def count(self) -> int:
        """How many spacecraft."""
        return sum(shell.count for shell in self.shells)

    @property
    def look_ticks(self) -> int:
        """Between two looks of flight software."""
        return int(max(1, min(LOOK_TICKS, SOFTWARE_LOOK_NS // self.tick_ns)))

    @property
    def flown(self) -> int:
        """How many of them fly."""
        return -(-self.count // self.every)

    @property
    def digest(self) -> str:
        """Of everything that decides the results."""
        facts = [self.epoch_utc, self.duration_ns, self.tick_ns, self.seed, self.environment.model_dump_json(),
                 self.report_ticks, self.samples, self.every,
                 None if self.launches is None else self.launches.model_dump_json()]  # fmt: skip
        digest = hashlib.blake2b(json.dumps(facts).encode(), digest_size=16)
        for shell in self.shells:
            digest.update(json.dumps([shell.id, shell.design, [plane.label for plane in shell.planes]]).encode())
            for plane in shell.planes:
                digest.update(json.dumps(list(plane.labels)).encode() + plane.places.tobytes())
        return digest.hexdigest()


def bytes_each() -> int:
    """Memory that one spacecraft takes while it flies."""
    shape = layout(CLASS)
    return sum(kind.itemsize for kind in (shape.state, shape.order, shape.flight, MEMORY))


def read_fleet(path: Path, shelf: Shelf | None = None) -> Constellation:
    """The constellation of a file. Raises ScenarioError with every mistake, EnvironmentFault if it cannot be read."""
    content = read_file(path, "scenario", hint="docs/how-to/fleet.md shows one")
    return read_fleet_text(content, str(path), shelf)


def read_fleet_text(content: bytes | str, file: str, shelf: Shelf | None = None) -> Constellation:
    """As `read_fleet`, from a text; `file` is its name in mistakes."""
    sheet = Sheet(file)
    root = sheet.compose(content)
    if not root.has("constellation") and root.has("spacecraft"):
        root.below("spacecraft").refuse("a list of spacecraft", "a `constellation`; this one flies by `skyrack run`")
        sheet.finish()
    parts = root.parts(FleetForm, without=_LATER)
    if root.node is None or root.node.entries is None:
        sheet.finish()
    epoch, tick_ns = parts["epoch"], parts["tick"] or 10**9
    environment = read_environment(root.below("environment"))
    mark = sheet.mark()
    if environment is not None and environment.bench is not None:
        root.below("environment.bench").refuse("a constellation on a bench", "surroundings of an orbit")
    given = Given(epoch, None) if epoch is not None else None
    shells = _shells(root.below("constellation"), given, shelf or Shelf()) if given else []
    if not given and not root.has("constellation"):
        root.below("constellation").refuse("nothing", "a list of shells")
    if not sheet.clean_since(mark) or not shells:
        sheet.finish()
    _check_room(root.below("constellation"), shells, parts["fly_every"] or 1)
    orbit_s = period_s(float(shells[0].planes[0].places[0, 0])) if shells and shells[0].planes else 6000.0
    ticks = _ticks(root.below("duration"), tick_ns, orbit_s, LONGEST_NS)
    report = _report(root.below("report_every"), tick_ns, orbit_s, ticks)
    if environment is not None:
        environment, part = within(environment, ticks * tick_ns / 1e9)
        if part:
            root.below("environment.solar_event").warn(part, "that you meant this part of it")
    launches = None
    if root.has("launches"):
        masses = [(shell.id, load_design(shell.design).form.mass, shell.count) for shell in shells]
        launches = read_launches(root.below("launches"), masses)
    sheet.finish()
    assert environment is not None  # or its mistake was raised
    return Constellation(
        name=parts["name"], description=parts["description"], epoch_utc=_iso(epoch), duration_ns=ticks * tick_ns,
        tick_ns=tick_ns, seed=parts["seed"], environment=environment, shells=tuple(shells), report_ticks=report,
        samples=parts["samples"], orbit_s=orbit_s, every=parts["fly_every"], launches=launches,
        text=content.decode("utf-8-sig") if isinstance(content, bytes) else content, file=file,
        warnings=tuple(str(w).replace("; allowed: ", "; expected: ") for w in sheet.warnings),
    )  # fmt: skip


def _shells(item: Item, given: Given, shelf: Shelf) -> list[Shell]:
    """Every shell, in the order of the file."""
    shells: list[Shell] = []
    taken: dict[str, Item] = {}
    total = 0
    for entry in item.list(1, 1000):
        mark = entry.sheet.mark()
        parts = entry.parts(ShellForm)
        name, place = parts["id"] or "", parts["place"]
        design = _design(entry.below("design"), parts["design"], shelf)
        if name in taken:
            entry.below("id").refuse(f"{name!r} again", "an id of its own")
        taken[name] = entry
        total += getattr(place, place.kind).count if place is not None else 0
        if total > MOST_SPACECRAFT:
            entry.below("place").refuse(f"{total:,} spacecraft in all", f"at most {MOST_SPACECRAFT:,}")
            return shells
        if place is None or not entry.sheet.clean_since(mark):
            continue
        planes = place.planes(entry.below("place"), given)
        _check_altitudes(entry.below("place"), planes)
        shells.append(Shell(name, design, place.kind, tuple(planes)))
    return shells


def _design(item: Item, written: str | None, shelf: Shelf) -> str:
    """The name of a design that flies in a fleet, empty after a mistake."""
    if written is None:
        return ""
    try:
        name = shelf.find(written, Path(item.sheet.file).parent)
    except ScenarioError as error:
        item.sheet.mistakes.extend(m for m in error.mistakes if m.line)
        for mistake in error.mistakes:
            if not mistake.line:
                item.refuse(mistake.found, mistake.allowed)
        return ""
    design = load_design(name)
    if design.form.capacity_class != CLASS:
        item.refuse(
            f"{written!r}, a design of capacity class '{design.form.capacity_class}'",
            f"one of capacity class '{CLASS}', such as the shipped 'fleet' or a copy of it",
        )
    elif design.form.flight_software is not None:
        item.refuse(f"{written!r}, which flies software of its own", "the reference's: a fleet flies its rules")
    return name


def _check_altitudes(item: Item, planes: Sequence[Plane]) -> None:
    """The first orbit that the models do not cover is a mistake."""
    low_m, high_m = altitude_range_m()
    for plane in planes:
        shapes = np.unique(plane.places[:, :3], axis=0)
        for a_m, e, inclination in shapes.tolist():
            lowest, highest = span_m(Elements(a_m, e, inclination, 0.0, 0.0, 0.0))
            if not low_m <= lowest <= highest <= high_m:
                item.refuse(
                    f"an orbit of {lowest / 1e3:.0f} to {highest / 1e3:.0f} km altitude in plane {plane.label} (over "
                    "the flattened Earth, with 15 km for its swing)",
                    f"{low_m / 1e3:.0f} to {high_m / 1e3:.0f} km, where the proton flux table has values",
                )
                return


def _check_room(item: Item, shells: Sequence[Shell], every: int) -> None:
    """More than this machine has memory for is refused before anything is made."""
    count = sum(shell.count for shell in shells)
    if count > MOST_SPACECRAFT:
        item.refuse(f"{count:,} spacecraft", f"at most {MOST_SPACECRAFT:,}")
        return
    count = -(-count // every)
    needed, free = count * bytes_each() * BESIDE, free_mib() * 2**20
    if needed > free:
        most = int(free / (bytes_each() * BESIDE))
        item.refuse(
            f"{count:,} spacecraft, which take {needed / 1e9:.2f} GB ({bytes_each()} bytes each)",
            f"at most {most:,} here, where {free / 1e9:.2f} GB of memory are free; or `fly_every`",
        )


def _ticks(item: Item, tick_ns: int, orbit_s: float, most_ns: int, what: str = "one tick to 366 d") -> int:
    """Whole ticks: orbits are rounded to them, other times must be a multiple."""
    read = item.read(Annotated[int, duration(tick_ns, most_ns, what, orbit_s=orbit_s)])
    length_ns = read or tick_ns
    in_orbits = item.node is not None and "orbit" in str(item.node.value)
    if length_ns % tick_ns and not in_orbits:
        item.refuse(item.found, f"a whole number of ticks of {tick_ns / 1e9:g} s")
    return max(1, round(length_ns / tick_ns))


def _report(item: Item, tick_ns: int, orbit_s: float, ticks: int) -> int:
    """Ticks between two rows of the tables: a multiple of the ticks between two looks."""
    if item.node is None:
        wanted = -(-ticks // REPORTS)
    else:
        wanted = _ticks(item, tick_ns, orbit_s, max(tick_ns, ticks * tick_ns), "one tick to the duration")
    looks = max(1, -(-wanted // LOOK_TICKS)) * LOOK_TICKS
    if ticks // looks > MOST_REPORTS:
        item.refuse(f"{ticks // looks:,} rows of each plane", f"at most {MOST_REPORTS:,}: report less often")
    return looks


def _iso(epoch: datetime) -> str:
    return epoch.strftime("%Y-%m-%dT%H:%M:%S") + (f".{epoch.microsecond:06d}" if epoch.microsecond else "") + "Z"
