"""The `orbit:` block of a scenario's spacecraft: one orbit, or a constellation that becomes many spacecraft.

Reads and checks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.orbits import constellations as orbits
from bus.orbits.elements import Elements, sgp4_failure
from bus.orbits.omm import OmmError, parse_omm
from bus.orbits.tle import TleError, parse_tle
from bus.scenario.model import KeplerOrbit, OmmOrbit, Orbit, TleOrbit
from bus.text.reader import Fields, Item

STALE_AFTER = timedelta(days=30)
"""SGP4's error grows by 1 to 3 km a day (textbook): a month away from its epoch an element set is a rumour."""

_DEG = math.pi / 180.0
_WALKER = re.compile(r"\s*([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*:\s*([0-9]{1,4})/([0-9]{1,4})/([0-9]{1,4})\s*", re.ASCII)
MAX_MEMBERS = 2_000


@dataclass(frozen=True, slots=True)
class Placed:
    """One spacecraft's place: label to append to the entry's id ("" for a single one), orbit, neighbours' labels."""

    label: str
    orbit: Orbit
    period_s: float
    neighbours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of a scenario where its orbits are read. `end` None: not known yet. `altitudes_m`: the lowest and
    highest that whoever flies it covers."""

    epoch: datetime
    end: datetime | None
    altitudes_m: tuple[float, float]


def period_s(orbit: Orbit) -> float:
    """What "orbits" counts where this one is the first spacecraft's."""
    if isinstance(orbit, TleOrbit):
        return parse_tle(orbit.line1, orbit.line2, orbit.name).period_s
    if isinstance(orbit, OmmOrbit):
        return 86_400.0 / orbit.mean_motion_rev_day
    return orbits.period_s(orbit.semi_major_axis_m)


def read_orbit(item: Item, given: Given) -> list[Placed]:
    """The places an orbit block names; empty after a mistake."""
    kind, body = item.only_field(tuple(_KINDS))
    if not kind:
        return []
    mark = item.sheet.mark()
    places = _KINDS[kind](body, given)
    return places if item.sheet.clean_since(mark) else []


def _tle(item: Item, given: Given) -> list[Placed]:
    fields = item.fields(("lines", "name", "source", "propagator"))
    name = fields["name"].text(longest=64) if "name" in fields else ""
    source, propagator = fields["source"].text(), fields["propagator"].choice(("sgp4", "j2"))
    entries = list(fields["lines"].list(2, 2))
    lines = [line.text(longest=80) for line in entries]
    if len(lines) != 2 or not all(lines):
        return []
    try:
        elements = parse_tle(lines[0], lines[1], name)
    except TleError as error:
        entries[error.line - 1].refuse(f"line {error.line} with {error.found}", error.allowed)
        return []
    return _published(fields["lines"], elements, {"name": name, "source": source, "propagator": propagator}, given)


def _omm(item: Item, given: Given) -> list[Placed]:
    fields = item.fields(("record", "source", "propagator"))
    source, propagator = fields["source"].text(), fields["propagator"].choice(("sgp4", "j2"))
    mark = item.sheet.mark()
    record = fields["record"].fields(None).scalars()
    if not item.sheet.clean_since(mark):
        return []
    try:
        elements = parse_omm({key.upper(): value for key, value in record.items()})
    except OmmError as error:
        key = next((key for key in record if key.upper() == error.keyword), error.keyword)
        fields["record"].below(key).refuse(error.found, error.allowed)
        return []
    return _published(fields["record"], elements, {"source": source, "propagator": propagator}, given)


def _published(item: Item, elements: Elements, said: dict[str, str], given: Given) -> list[Placed]:
    """An element set as it flies: with its source and propagator, if it lasts through the scenario."""
    away = abs(given.epoch - elements.epoch)
    if away > STALE_AFTER:
        item.warn(
            f"elements of {elements.epoch:%Y-%m-%d}, {away.days} days from the scenario's epoch",
            f"elements within {STALE_AFTER.days} days of it, or the position is a guess",
        )
    if said["propagator"] == "sgp4":
        for at in (given.epoch, given.end or given.epoch):
            failure = sgp4_failure(elements.orbit, at)
            if failure:
                item.refuse(
                    f"elements that SGP4 rejects at {at:%Y-%m-%dT%H:%M:%SZ} ({failure})",
                    "an orbit that lasts through the scenario",
                )
                return []
    return [Placed("", elements.orbit.model_copy(update=said), elements.period_s)]


def _kepler(item: Item, given: Given) -> list[Placed]:
    fields = item.fields(
        ("semi_major_axis", "eccentricity", "inclination", "raan", "argument_of_perigee", "mean_anomaly")
    )
    mark = item.sheet.mark()
    a = fields["semi_major_axis"].quantity("length", 6500e3, 50_000e3, "6500 km to 50000 km")
    eccentricity = fields["eccentricity"].quantity("number", 0.0, 0.9)
    orbit = KeplerOrbit(
        semi_major_axis_m=a,
        eccentricity=eccentricity,
        inclination_rad=_inclination(fields),
        raan_rad=_angle(fields, "raan"),
        argument_of_perigee_rad=_angle(fields, "argument_of_perigee"),
        mean_anomaly_rad=_angle(fields, "mean_anomaly"),
    )
    perigee_m = a * (1.0 - eccentricity) - orbits.EARTH_RADIUS_M
    if item.sheet.clean_since(mark) and perigee_m < given.altitudes_m[0]:
        item.refuse(f"a perigee at {perigee_m / 1e3:.0f} km altitude", f"at least {given.altitudes_m[0] / 1e3:g} km")
    return [Placed("", orbit, orbits.period_s(a))]


def _circular(item: Item, given: Given) -> list[Placed]:
    fields = item.fields(("altitude", "inclination", "raan", "argument_of_latitude"))
    orbit = orbits.circular(
        _altitude(fields, given), _inclination(fields), _angle(fields, "raan"), _angle(fields, "argument_of_latitude")
    )
    return [_single(orbit)]


def _sso(item: Item, given: Given) -> list[Placed]:
    fields = item.fields(("altitude", "ltan", "argument_of_latitude"))
    altitude_m = _altitude(fields, given)
    inclination = orbits.sun_synchronous_inclination_rad(orbits.EARTH_RADIUS_M + altitude_m)
    raan = orbits.raan_of_ltan_rad(given.epoch, _ltan_h(fields["ltan"]))
    return [_single(orbits.circular(altitude_m, inclination, raan, _angle(fields, "argument_of_latitude")))]


def _walker(item: Item, given: Given) -> list[Placed]:
    fields = item.fields(("pattern", "kind", "altitude", "raan", "argument_of_latitude"))
    altitude_m = _altitude(fields, given)
    raan, latitude = _angle(fields, "raan"), _angle(fields, "argument_of_latitude")
    spread = orbits.TWO_PI if fields["kind"].choice(("delta", "star")) == "delta" else math.pi
    text = fields["pattern"].text(shape="Walker's i:t/p/f, such as '53:24/4/1', inclination in degrees")
    if not text:
        return []
    match = _WALKER.fullmatch(text)
    if match is None:
        fields["pattern"].refuse(fields["pattern"].found, "Walker's i:t/p/f, such as '53:24/4/1'")
        return []
    inclination_deg, total, planes, phasing = float(match[1]), int(match[2]), int(match[3]), int(match[4])
    if not (0 < planes <= total <= MAX_MEMBERS and total % planes == 0 and phasing < planes and inclination_deg <= 180):
        fields["pattern"].refuse(
            fields["pattern"].found, f"i <= 180, t <= {MAX_MEMBERS} a multiple of p, f from 0 to p - 1"
        )
        return []
    return _many(
        orbits.walker(
            inclination_rad=inclination_deg * _DEG,
            total=total,
            planes=planes,
            phasing=phasing,
            altitude_m=altitude_m,
            raan_rad=raan,
            argument_of_latitude_rad=latitude,
            spread_rad=spread,
        )
    )


def _planes(item: Item, given: Given) -> list[Placed]:
    fields = item.fields(("altitude", "inclination", "raans", "ltans", "slots", "phase", "argument_of_latitude"))
    altitude_m, slots = _altitude(fields, given), fields["slots"].integer(1, MAX_MEMBERS)
    phase, latitude = _angle(fields, "phase"), _angle(fields, "argument_of_latitude")
    if ("raans" in fields) == ("ltans" in fields):
        item.refuse("raans and ltans" if "raans" in fields else "neither", "either raans with inclination, or ltans")
        return []
    if "ltans" in fields:
        if "inclination" in fields:
            fields["inclination"].refuse("an inclination beside ltans", "none: local time fixes the inclination")
        inclination = orbits.sun_synchronous_inclination_rad(orbits.EARTH_RADIUS_M + altitude_m)
        raans = [orbits.raan_of_ltan_rad(given.epoch, _ltan_h(one)) for one in fields["ltans"].list(1, MAX_MEMBERS)]
    else:
        inclination = _inclination(fields)
        raans = [
            one.quantity("angle", 0.0, orbits.TWO_PI, "0 deg to 360 deg")
            for one in fields["raans"].list(1, MAX_MEMBERS)
        ]
    if len(raans) * slots > MAX_MEMBERS:
        item.refuse(f"{len(raans) * slots} spacecraft", f"at most {MAX_MEMBERS}")
        return []
    return _many(
        orbits.planes_and_slots(
            altitude_m=altitude_m,
            inclinations_rad=[inclination] * len(raans),
            raans_rad=raans,
            slots=slots,
            phase_rad=phase,
            argument_of_latitude_rad=latitude,
        )
    )


def _lattice(item: Item, given: Given) -> list[Placed]:
    fields = item.fields(("pattern", "altitude", "ltan", "argument_of_latitude", "radius"))
    fields["pattern"].choice(("suncatcher81",))
    altitude_m = _altitude(fields, given)
    inclination = orbits.sun_synchronous_inclination_rad(orbits.EARTH_RADIUS_M + altitude_m)
    raan = orbits.raan_of_ltan_rad(given.epoch, _ltan_h(fields["ltan"]))
    radius_m = fields["radius"].quantity("length", 100.0, 50e3, "100 m to 50 km")
    return _many(orbits.suncatcher81(altitude_m, inclination, raan, _angle(fields, "argument_of_latitude"), radius_m))


_KINDS: dict[str, Callable[[Item, Given], list[Placed]]] = {
    "tle": _tle,
    "kepler": _kepler,
    "circular": _circular,
    "sso": _sso,
    "walker": _walker,
    "planes": _planes,
    "lattice": _lattice,
    "omm": _omm,
}
CONSTELLATIONS = ("walker", "planes", "lattice")


def _single(orbit: KeplerOrbit) -> Placed:
    return Placed("", orbit, orbits.period_s(orbit.semi_major_axis_m))


def _many(slots: list[orbits.Slot]) -> list[Placed]:
    return [Placed(s.label, s.orbit, orbits.period_s(s.orbit.semi_major_axis_m), s.neighbours) for s in slots]


def _altitude(fields: Fields, given: Given) -> float:
    low_m, high_m = given.altitudes_m
    return fields["altitude"].quantity("length", low_m, high_m, f"{low_m / 1e3:g} km to {high_m / 1e3:g} km")


def _inclination(fields: Fields) -> float:
    return fields["inclination"].quantity("angle", 0.0, math.pi, "0 deg to 180 deg")


def _angle(fields: Fields, name: str) -> float:
    return fields[name].quantity("angle", -orbits.TWO_PI, orbits.TWO_PI, "-360 deg to 360 deg") % orbits.TWO_PI


def _ltan_h(item: Item) -> float:
    """Local time of the ascending node, "18:00" or "6:30:00", in hours."""
    text = item.text(pattern=r"[0-9]{1,2}:[0-5][0-9](:[0-5][0-9])?", shape="a local time such as '18:00'")
    if not text:
        return 0.0
    hours, minutes, *seconds = (int(part) for part in text.split(":"))
    if hours > 23:
        item.refuse(item.found, "a local time from 00:00 to 23:59")
        return 0.0
    return hours + minutes / 60.0 + (seconds[0] if seconds else 0) / 3600.0
