"""The `spacecraft:` list of a scenario: who flies which design where, how it starts, whom it sees.

An entry whose orbit is a constellation becomes many spacecraft with the entry's id as prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from bus.constants import EARTH_RADIUS_M
from bus.errors import Refused, ScenarioError, UnknownNameError
from bus.orbits.constellations import circular, period_s
from bus.scenario.model import DEFAULT_PRIORITY, Spacecraft
from bus.scenario.outside import OutsideDevice
from bus.scenario.workload import Job, JobLog
from bus.text.forms import Form, says
from bus.text.leaves import Leaf, Plain, text, whole
from bus.text.near import one_of
from bus.text.reader import Item
from bus.wire.messages import ID_PATTERN, RESERVED_IDS, Scalar
from faults.scenarios.fdir import read_fdir, read_procedures
from faults.scenarios.flight_software import read_flight_software
from faults.scenarios.inputs import InputsForm, read_inputs
from faults.scenarios.jobs import JobEntries, read_jobs
from faults.scenarios.known_orbit import Given, Placed
from faults.scenarios.orbits import CONSTELLATIONS, MAX_MEMBERS, OrbitForm, read_orbit
from faults.scenarios.orders import ORDERS_SCHEMA, read_orders
from faults.scenarios.outside import Devices, SoftwareForm, check_endpoints, read_devices, read_software
from faults.scenarios.own_designs import Shelf
from faults.scenarios.own_jobs import check_programs
from faults.scenarios.state_from import GROUP_CHARGES, WHOLE_CHARGE, read_state
from faults.scenarios.vocabulary import check_orbit, first_value
from node.designs.bench import no_room
from node.designs.fdir_entry import FdirEntry
from node.designs.jobs import accelerators
from node.designs.load import load_design
from node.designs.procedure_entry import ProcedureEntry
from node.own_software import PATTERN, SHAPE

MAX_PEERS = 64  # beacons a Tick carries, see messages.Tick
MAX_ID = 32
LATER = ("orbit", "inputs", "fdir", "on_board_procedures", "devices", "fsw")
"""Fields that are read by whoever knows more."""
BENCH_ORBIT_M = 400e3
"""Altitude over the equator for models that need an orbit where there is none: below the belts, far from the poles."""


def _own_id(name: str) -> str:
    if name in RESERVED_IDS:
        raise Refused(f"{name!r}", f"another id ({', '.join(RESERVED_IDS)} are taken)")
    return name


Id = Annotated[str, text(longest=MAX_ID, pattern=ID_PATTERN, shape="an id such as 'sc-1' (a-z, 0-9, -)")]
_PEERS = {"anyOf": [{"const": "neighbours"}, {"type": "array", "items": {"type": "string"}, "maxItems": MAX_PEERS}]}


class SpacecraftForm(Form):
    """Who flies which design where, how it starts, whom it sees, what it works on, what FDIR does otherwise, whose
    flight software it flies, and which of its devices are outside, or its flight software."""

    id: Annotated[Id, AfterValidator(_own_id)]
    design: Annotated[str, text(longest=1000)]
    orbit: OrbitForm | None = says("where it flies; on a bench it has none", None)
    initial: dict[str, Plain] = Field(default_factory=dict)
    peers: Annotated[Any, Leaf(lambda value: value, _PEERS)] = ()
    orders: Annotated[Any, Leaf(lambda value: value, ORDERS_SCHEMA)] = ()
    inputs: InputsForm | None = None
    state_from: Annotated[str, text(longest=1000, empty=True)] = ""
    jobs: JobEntries = ()
    fdir: tuple[FdirEntry, ...] = ()
    on_board_procedures: tuple[ProcedureEntry, ...] = ()
    priority: Annotated[int, whole(1, 9)] = DEFAULT_PRIORITY
    flight_software: Annotated[str, text(longest=200, pattern=PATTERN, shape=SHAPE)] = ""
    devices: Devices
    fsw: SoftwareForm | None = None


def read_spacecraft(
    item: Item, epoch: datetime, end: datetime | None, shelf: Shelf, *, bench: bool = False
) -> tuple[list[Spacecraft], dict[str, str], bool]:
    """Everybody who flies, in the order of the file, the design of every id, and whether all ids are known.

    Ids whose entry has a mistake are known too (with an empty design if that is it): one mistake causes no others.
    """
    complete = True
    everybody: dict[str, Spacecraft] = {}
    designs: dict[str, str] = {}
    peers: list[tuple[list[str], dict[str, Item]]] = []
    for entry in item.list(1, MAX_MEMBERS):
        mark = entry.sheet.mark()
        parts = entry.parts(SpacecraftForm, without=LATER)
        name = parts["id"] or ""
        complete = complete and bool(name)
        if entry.node is None or entry.node.entries is None:
            continue
        design = _design(entry.below("design"), parts["design"], shelf)
        for own in ("fdir", "on_board_procedures") if entry.has("flight_software") else ():
            if entry.has(own):
                entry.below(own).refuse(f"`{own}` beside `flight_software`", "one of them: it is the reference's")
        if entry.has("on_board_procedures") and design:
            design = read_procedures(entry.below("on_board_procedures"), design)
        if entry.has("fdir") and design:
            design = read_fdir(entry.below("fdir"), design)
        if parts["flight_software"] and design:
            design = read_flight_software(entry.below("flight_software"), parts["flight_software"], design)
        outside: dict[str, OutsideDevice] = {}
        if entry.has("fsw") and design:
            flown, outside = read_software(entry.below("fsw"), design)
            for own in ("flight_software", "fdir", "on_board_procedures") if outside else ():
                if entry.has(own):
                    entry.below(own).refuse(f"`{own}` beside `fsw` outside", "one of them: it is of what flies here")
            design = flown
        places = _on_bench(entry, design) if bench else read_orbit(entry.below("orbit"), Given(epoch, end))
        _check_orbits(entry.below("orbit"), places)
        complete = complete and (bool(places) or not any(entry.below("orbit").has(kind) for kind in CONSTELLATIONS))
        initial = _initial(entry.below("initial"), parts["initial"] or {}, design)
        if parts["state_from"] and design:
            left = read_state(entry.below("state_from"), parts["state_from"], design)
            if WHOLE_CHARGE in initial:  # it is that of every group, too
                left = {name: value for name, value in left.items() if not name.startswith(GROUP_CHARGES)}
            initial = {**left, **initial}
        span_s = (end - epoch).total_seconds() if end else None
        inputs = read_inputs(entry.below("inputs"), design, epoch, span_s) if entry.has("inputs") and design else ()
        orders = read_orders(entry.below("orders"), design, span_s)
        jobs: tuple[Job, ...] = ()
        logs: tuple[JobLog, ...] = ()
        if entry.has("jobs") and design:
            jobs, logs = read_jobs(entry.below("jobs"), accelerators(design), span_s)
        devices = read_devices(entry.below("devices"), design) if entry.has("devices") and design else {}
        for what, some in (("devices", devices), ("fsw", outside)):
            if some and len(places) > 1:
                entry.below(what).refuse(f"{what} outside of {len(places)} spacecraft", "those of one spacecraft")
        devices |= outside
        named = _peer_names(entry, places, name)
        if not entry.sheet.clean_since(mark):
            designs.update({f"{name}-{place.label}" if place.label else name: design for place in places})
            designs.setdefault(name, design)
            continue
        members = []
        for place in places:
            member = f"{name}-{place.label}" if place.label else name
            if member in everybody or len(member) > MAX_ID or len(everybody) >= MAX_MEMBERS:
                entry.below("id").refuse(
                    f"{member!r}", f"an id of its own of at most {MAX_ID} characters, {MAX_MEMBERS} in all"
                )
                break
            members.append(member)
            mine = tuple(f"{name}-{label}" for label in place.neighbours) if named is None else tuple(named)
            everybody[member] = Spacecraft(
                id=member,
                design=design,
                orbit=place.orbit,
                initial=initial,
                peers=mine,
                orders=orders,
                inputs=inputs,
                jobs=jobs,
                logs=logs,
                priority=parts["priority"],
                devices=devices,
            )
        if named:
            peers.append((members, named))
    designs.update({one.id: one.design for one in everybody.values()})
    check_endpoints(item, everybody.values())
    check_programs(item, list(everybody.values()))
    for members, named in peers:
        _check_peers(members, named, everybody, designs if complete else None)
    return list(everybody.values()), designs, complete


def _on_bench(entry: Item, design: str) -> list[Placed]:
    """Who stands on a bench has no orbit; the models that need one (radio, radiation, attitude) get a low one."""
    if entry.has("orbit"):
        entry.below("orbit").refuse("an orbit on a bench", "none, or another environment")
    reason = no_room(load_design(design)) if design else ""
    if reason:
        entry.below("design").refuse(reason, "a smaller design on a bench")
    return [Placed("", circular(BENCH_ORBIT_M, 0.0, 0.0, 0.0), period_s(EARTH_RADIUS_M + BENCH_ORBIT_M))]


def _design(item: Item, written: str | None, shelf: Shelf) -> str:
    """The name of the design, empty after a mistake here or in the design's own file."""
    if written is None:
        return ""
    try:
        return shelf.find(written, Path(item.sheet.file).parent)
    except ScenarioError as error:
        item.sheet.mistakes.extend(m for m in error.mistakes if m.line)
        for mistake in error.mistakes:
            if not mistake.line:
                item.refuse(mistake.found, mistake.allowed)
        return ""


def _check_peers(
    members: list[str], named: dict[str, Item], everybody: dict[str, Spacecraft], designs: dict[str, str] | None
) -> None:
    """Peers exist, and look back: a link that one side does not know of is probably not meant."""
    for name, where in named.items():
        if designs is not None and name not in designs:
            where.refuse(f"{name!r}", f"a spacecraft of this scenario: {one_of(designs, name)}")
        elif name in everybody:
            alone = [member for member in members if member not in everybody[name].peers]
            if alone:
                more = f" and {len(alone) - 1} more" if len(alone) > 1 else ""
                where.warn(
                    f"{name!r}, who does not name {alone[0]!r}{more}",
                    f"{alone[0]!r} among the peers of {name!r} as well: a link needs a head on either side",
                )


def _check_orbits(item: Item, places: list[Placed]) -> None:
    """The first of these orbits that the models do not cover is a mistake."""
    for place in places:
        try:
            check_orbit(place.orbit)
        except ScenarioError as error:
            item.adopt(error)
            return


def _initial(item: Item, written: Mapping[str, Scalar], design: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, value in written.items() if design else ():
        try:
            values[name] = first_value(design, name, value)
        except UnknownNameError as error:
            item.place((name,)).adopt(error)
        except Refused as error:
            item.place((name,)).refuse(error.found, error.allowed)
    return values


def _peer_names(entry: Item, places: list[Placed], own: str) -> dict[str, Item] | None:
    """The peers as listed and where, or None for "neighbours", which only a constellation has."""
    item = entry.below("peers")
    if not entry.has("peers"):
        return {}
    if item.node is not None and item.node.value == "neighbours":
        if places and not any(place.label for place in places):
            item.refuse(item.found, f"a list of spacecraft ids ('neighbours' belongs to {', '.join(CONSTELLATIONS)})")
            return {}
        return None
    named: dict[str, Item] = {}
    for peer in item.list(0, MAX_PEERS):
        name = peer.read(Annotated[str, text(longest=MAX_ID)])
        if name is not None:
            named.setdefault(name, peer)
    if own and own in named:
        named[own].refuse(f"{own!r}", "other spacecraft than itself")
    return named
