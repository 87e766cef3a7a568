"""The `spacecraft:` list of a scenario: who flies which design where, how it starts, whom it sees.

An entry whose orbit is a constellation becomes many spacecraft with the entry's id as prefix.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from bus.errors import Refused, ScenarioError, UnknownNameError
from bus.scenario.model import Orbit, Spacecraft
from bus.scenario.workload import Job, JobLog
from bus.text.near import one_of
from bus.text.reader import Fields, Item
from bus.text.units import dimension_of_name
from bus.wire.messages import ID_PATTERN, RESERVED_IDS, Scalar
from faults.scenarios.jobs import read_jobs
from faults.scenarios.names import Vocabulary
from faults.scenarios.orbits import CONSTELLATIONS, MAX_MEMBERS, Given, Placed, read_orbit

MAX_PEERS = 64  # beacons a Tick carries, see messages.Tick
MAX_ID = 32
_FIELDS = ("id", "design", "orbit", "initial", "peers", "orders", "jobs")


def read_spacecraft(
    item: Item, epoch: datetime, end: datetime | None, vocabulary: Vocabulary
) -> tuple[list[Spacecraft], dict[str, str]]:
    """Everybody who flies, in the order of the file, and the design of every id.

    Ids whose entry has a mistake are known too (with an empty design if that is it): one mistake causes no others.
    """
    everybody: dict[str, Spacecraft] = {}
    designs: dict[str, str] = {}
    peers: list[tuple[list[str], dict[str, Item]]] = []
    for entry in item.list(1, MAX_MEMBERS):
        fields = entry.fields(_FIELDS)
        mark = entry.sheet.mark()
        name = fields["id"].text(longest=MAX_ID, pattern=ID_PATTERN, shape="an id such as 'sc-1' (a-z, 0-9, -)")
        if name in RESERVED_IDS:
            fields["id"].refuse(f"{name!r}", f"another id ({', '.join(RESERVED_IDS)} are taken)")
        design = _design(fields["design"], vocabulary)
        places = read_orbit(fields["orbit"], Given(epoch, end))
        _check_orbits(fields["orbit"], places, vocabulary.check_orbit)
        initial = _initial(fields, design, vocabulary.first_value)
        orders = _orders(fields, design, vocabulary.check_order)
        jobs, logs = _jobs(fields, design, vocabulary, (end - epoch).total_seconds() if end else None)
        named = _peer_names(fields, places, name)
        if not entry.sheet.clean_since(mark):
            designs.update({f"{name}-{place.label}" if place.label else name: design for place in places})
            designs.setdefault(name, design)
            continue
        members = []
        for place in places:
            member = f"{name}-{place.label}" if place.label else name
            if member in everybody or len(member) > MAX_ID or len(everybody) >= MAX_MEMBERS:
                fields["id"].refuse(
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
                jobs=jobs,
                logs=logs,
            )
        if named:
            peers.append((members, named))
    designs.update({one.id: one.design for one in everybody.values()})
    for members, named in peers:
        _check_peers(members, named, everybody, designs)
    return list(everybody.values()), designs


def _design(item: Item, vocabulary: Vocabulary) -> str:
    """The name of the design, empty after a mistake here or in the design's own file."""
    written = item.text(longest=1000)
    if written and vocabulary.find_design is not None:
        try:
            return vocabulary.find_design(written, Path(item.sheet.file).parent)
        except ScenarioError as error:
            item.sheet.mistakes.extend(m for m in error.mistakes if m.line)
            for mistake in error.mistakes:
                if not mistake.line:
                    item.refuse(mistake.found, mistake.allowed)
            return ""
    if written and written not in vocabulary.designs:
        item.refuse(item.found, f"a design: {one_of(vocabulary.designs, written)}")
        return ""
    return written


def _check_peers(
    members: list[str], named: dict[str, Item], everybody: dict[str, Spacecraft], designs: dict[str, str]
) -> None:
    """Peers exist, and look back: a link that one side does not know of is probably not meant."""
    for name, where in named.items():
        if name not in designs:
            where.refuse(f"{name!r}", f"a spacecraft of this scenario: {one_of(designs, name)}")
        elif name in everybody:
            alone = [member for member in members if member not in everybody[name].peers]
            if alone:
                more = f" and {len(alone) - 1} more" if len(alone) > 1 else ""
                where.warn(
                    f"{name!r}, who does not name {alone[0]!r}{more}",
                    f"{alone[0]!r} among the peers of {name!r} as well: a link needs a head on either side",
                )


def _check_orbits(item: Item, places: list[Placed], check: Callable[[Orbit], None] | None) -> None:
    """The first of these orbits that the models do not cover is a mistake."""
    if check is None:
        return
    for place in places:
        try:
            check(place.orbit)
        except ScenarioError as error:
            item.adopt(error)
            return


def _initial(fields: Fields, design: str, read: Callable[[str, str, Scalar], float] | None) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, item in fields["initial"].fields(None).pairs() if "initial" in fields else ():
        written = item.scalar()
        if not design or read is None:
            continue
        try:
            values[name] = read(design, name, written)
        except UnknownNameError as error:
            item.adopt(error)
        except Refused as error:
            item.refuse(error.found, error.allowed)
    return values


def _orders(fields: Fields, design: str, check: Callable[[str, str, Scalar], None] | None) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for name, value in fields["orders"].fields(None).pairs() if "orders" in fields else ():
        if not design:
            continue
        dimension = dimension_of_name(name)
        mark = value.sheet.mark()
        order = value.scalar() if dimension == "number" else value.quantity(dimension, -1e18, 1e18)
        if not value.sheet.clean_since(mark):
            continue
        try:
            if check is not None:
                check(design, name, order)
        except (ScenarioError, UnknownNameError) as error:
            value.adopt(error)
            continue
        values[name] = order
    if values and check is None:
        fields["orders"].warn(f"{len(values)} orders", "none: this version does not fly fixed orders yet")
    return values


def _jobs(
    fields: Fields, design: str, vocabulary: Vocabulary, span_s: float | None
) -> tuple[tuple[Job, ...], tuple[JobLog, ...]]:
    if "jobs" not in fields or not design:
        return (), ()
    if vocabulary.accelerators is None:
        fields["jobs"].warn("jobs", "none: whoever reads this scenario does not fly jobs")
        return (), ()
    return read_jobs(fields["jobs"], vocabulary.accelerators(design), span_s)


def _peer_names(fields: Fields, places: list[Placed], own: str) -> dict[str, Item] | None:
    """The peers as listed and where, or None for "neighbours", which only a constellation has."""
    if "peers" not in fields:
        return {}
    item = fields["peers"]
    if item.node is not None and item.node.value == "neighbours":
        if places and not any(place.label for place in places):
            item.refuse(item.found, f"a list of spacecraft ids ('neighbours' belongs to {', '.join(CONSTELLATIONS)})")
            return {}
        return None
    named: dict[str, Item] = {}
    for peer in item.list(0, MAX_PEERS):
        named.setdefault(peer.text(longest=MAX_ID), peer)
    if own and own in named:
        named[own].refuse(f"{own!r}", "other spacecraft than itself")
    return {name: where for name, where in named.items() if name}
