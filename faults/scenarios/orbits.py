"""The `orbit:` block of a scenario's spacecraft: one orbit, or a constellation that becomes many spacecraft.

Reads and checks.
"""

from __future__ import annotations

import json
import math
import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from bus.constants import DAY_S, EARTH_RADIUS_M
from bus.errors import Refused
from bus.orbits import constellations as orbits
from bus.orbits.elements import Elements, sgp4_failure
from bus.orbits.omm import OmmError, parse_omm
from bus.orbits.tle import TleError, parse_tle
from bus.scenario.model import KeplerOrbit, OmmOrbit, Orbit, TleOrbit
from bus.text.forms import Form
from bus.text.leaves import Leaf, Plain, Text, quantity, text, whole
from bus.text.reader import Item, Sheet
from bus.text.units import show
from faults.scenarios.known_orbit import LOWEST_M, Altitude, Angle, Given, Known, Placed
from faults.scenarios.vocabulary import check_orbit

STALE_AFTER = timedelta(days=30)
"""SGP4's error grows by 1 to 3 km a day (textbook): a month away from its epoch an element set is a rumour."""

MAX_MEMBERS = 2_000
_DEG = math.pi / 180.0
_WALKER = re.compile(r"\s*([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*:\s*([0-9]{1,4})/([0-9]{1,4})/([0-9]{1,4})\s*", re.ASCII)


def _hours(value: object) -> float:
    """Local time of the ascending node, "18:00" or "6:30:00", in hours."""
    shape = r"[0-9]{1,2}:[0-5][0-9](:[0-5][0-9])?"
    written = text(pattern=shape, shape="a local time such as '18:00'").read(value)
    hours, minutes, *seconds = (int(part) for part in written.split(":"))
    if hours > 23:
        raise Refused(show(value), "a local time from 00:00 to 23:59")
    return hours + minutes / 60.0 + (seconds[0] if seconds else 0) / 3600.0


def _walker(value: object) -> tuple[float, int, int, int]:
    """Inclination in degrees, total, planes, phasing."""
    written = text(shape="Walker's i:t/p/f, such as '53:24/4/1', inclination in degrees").read(value)
    match = _WALKER.fullmatch(written)
    if match is None:
        raise Refused(show(value), "Walker's i:t/p/f, such as '53:24/4/1'")
    inclination_deg, total, planes, phasing = float(match[1]), int(match[2]), int(match[3]), int(match[4])
    if not (0 < planes <= total <= MAX_MEMBERS and total % planes == 0 and phasing < planes and inclination_deg <= 180):
        raise Refused(show(value), f"i <= 180, t <= {MAX_MEMBERS} a multiple of p, f from 0 to p - 1")
    return inclination_deg, total, planes, phasing


Inclination = Annotated[float, quantity("angle", 0.0, math.pi, "0 deg to 180 deg")]
Ltan = Annotated[float, Leaf(_hours, {"type": "string", "pattern": r"^\d{1,2}:\d\d(:\d\d)?$"})]
Pattern = Annotated[tuple[float, int, int, int], Leaf(_walker, {"type": "string", "pattern": r"^[\d.]+:\d+/\d+/\d+$"})]
Raan = Annotated[float, quantity("angle", 0.0, orbits.TWO_PI, "0 deg to 360 deg")]
Propagator = Literal["sgp4", "j2"]


class Tle(Form):
    """Two-line elements."""

    lines: Annotated[tuple[Annotated[str, text(longest=80)], ...], Field(min_length=2, max_length=2)]
    name: Annotated[str, text(longest=64, empty=True)] = ""
    source: Text
    propagator: Propagator

    def places(self, item: Item, given: Given) -> list[Placed]:
        """One, where the lines say it is."""
        try:
            elements = parse_tle(self.lines[0], self.lines[1], self.name)
        except TleError as error:
            item.place(("lines", error.line - 1)).refuse(f"line {error.line} with {error.found}", error.allowed)
            return []
        said = {"name": self.name, "source": self.source, "propagator": self.propagator}
        return _published(item.below("lines"), elements, said, given)


class Omm(Form):
    """An orbit mean-elements message, as a mapping of its keywords."""

    record: dict[str, Plain]
    source: Text
    propagator: Propagator

    def places(self, item: Item, given: Given) -> list[Placed]:
        """One, where the message says it is."""
        try:
            elements = parse_omm({key.upper(): value for key, value in self.record.items()})
        except OmmError as error:
            key = next((key for key in self.record if key.upper() == error.keyword), error.keyword)
            item.place(("record", key)).refuse(error.found, error.allowed)
            return []
        said = {"source": self.source, "propagator": self.propagator}
        return _published(item.below("record"), elements, said, given)


class Kepler(Form):
    """Mean elements at the epoch."""

    semi_major_axis: Annotated[float, quantity("length", 6500e3, 50_000e3, "6500 km to 50000 km")]
    eccentricity: Annotated[float, quantity("number", 0.0, 0.9)]
    inclination: Inclination
    raan: Angle
    argument_of_perigee: Angle
    mean_anomaly: Angle

    @model_validator(mode="after")
    def _above_the_air(self) -> Self:
        perigee_m = self.semi_major_axis * (1.0 - self.eccentricity) - EARTH_RADIUS_M
        if perigee_m < LOWEST_M:
            raise Refused(f"a perigee at {perigee_m / 1e3:.0f} km altitude", f"at least {LOWEST_M / 1e3:g} km")
        return self

    def places(self, item: Item, given: Given) -> list[Placed]:
        """One, on that ellipse."""
        return [
            _single(
                KeplerOrbit(
                    semi_major_axis_m=self.semi_major_axis,
                    eccentricity=self.eccentricity,
                    inclination_rad=self.inclination,
                    raan_rad=self.raan,
                    argument_of_perigee_rad=self.argument_of_perigee,
                    mean_anomaly_rad=self.mean_anomaly,
                )
            )
        ]


class Circular(Known):
    """A circular orbit, by altitude or period, and where on it: at the epoch (or at an epoch of its own), or by an edge
    of the Earth's shadow that was seen."""

    inclination: Inclination
    raan: Angle

    def places(self, item: Item, given: Given) -> list[Placed]:
        """One, on that circle."""
        radius_m = self.radius_m(self.inclination)
        return self.placed(item, given, radius_m, self.inclination, self.raan)


class Sso(Known):
    """A circular sun-synchronous orbit; the inclination follows."""

    ltan: Ltan

    def places(self, item: Item, given: Given) -> list[Placed]:
        """One, whose node has that local time."""
        radius_m = self.radius_m(None)
        inclination, raan = sun_synchronous(radius_m - EARTH_RADIUS_M, self.ltan, self.own(given))
        return self.placed(item, given, radius_m, inclination, raan)


class Walker(Form):
    """Walker's constellation: planes over 360 deg (delta) or 180 deg (star)."""

    pattern: Pattern
    kind: Literal["delta", "star"]
    altitude: Altitude
    raan: Angle
    argument_of_latitude: Angle

    def places(self, item: Item, given: Given) -> list[Placed]:
        """All of them, plane by plane."""
        inclination_deg, total, planes, phasing = self.pattern
        return _many(
            orbits.walker(
                inclination_rad=inclination_deg * _DEG,
                total=total,
                planes=planes,
                phasing=phasing,
                altitude_m=self.altitude,
                raan_rad=self.raan,
                argument_of_latitude_rad=self.argument_of_latitude,
                spread_rad=orbits.TWO_PI if self.kind == "delta" else math.pi,
            )
        )


class Planes(Form):
    """Planes by their nodes or local times, with equal slots."""

    altitude: Altitude
    inclination: Inclination | None = None
    raans: Annotated[tuple[Raan, ...], Field(min_length=1, max_length=MAX_MEMBERS)] | None = None
    ltans: Annotated[tuple[Ltan, ...], Field(min_length=1, max_length=MAX_MEMBERS)] | None = None
    slots: Annotated[int, whole(1, MAX_MEMBERS)]
    phase: Angle
    argument_of_latitude: Angle

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.raans is None) == (self.ltans is None):
            found = "raans and ltans" if self.raans is not None else "neither"
            raise Refused(found, "either raans with inclination, or ltans")
        if self.ltans is not None and self.inclination is not None:
            raise Refused("an inclination beside ltans", "none: local time fixes the inclination")
        if self.raans is not None and self.inclination is None:
            raise Refused("raans without inclination", "either raans with inclination, or ltans")
        count = len(self.raans or self.ltans or ()) * self.slots
        if count > MAX_MEMBERS:
            raise Refused(f"{count} spacecraft", f"at most {MAX_MEMBERS}")
        return self

    def places(self, item: Item, given: Given) -> list[Placed]:
        """All of them, plane by plane."""
        inclination, raans = self.inclination or 0.0, list(self.raans or ())
        for ltan in self.ltans or ():
            inclination, raan = sun_synchronous(self.altitude, ltan, given)
            raans.append(raan)
        return _many(
            orbits.planes_and_slots(
                altitude_m=self.altitude,
                inclinations_rad=[inclination] * len(raans),
                raans_rad=raans,
                slots=self.slots,
                phase_rad=self.phase,
                argument_of_latitude_rad=self.argument_of_latitude,
            )
        )


class Lattice(Form):
    """A cluster of 81 about one sun-synchronous centre."""

    pattern: Literal["suncatcher81"]
    altitude: Altitude
    ltan: Ltan
    argument_of_latitude: Angle
    radius: Annotated[float, quantity("length", 100.0, 50e3, "100 m to 50 km")]

    def places(self, item: Item, given: Given) -> list[Placed]:
        """All 81."""
        inclination, raan = sun_synchronous(self.altitude, self.ltan, given)
        return _many(orbits.suncatcher81(self.altitude, inclination, raan, self.argument_of_latitude, self.radius))


class OneOf(Form):
    """A form of which exactly one field is given."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        named = sorted(self.model_fields_set, key=list(type(self).model_fields).index)
        if len(named) != 1 or getattr(self, named[0]) is None:
            found = " and ".join(named) or "an empty mapping"
            raise Refused(found, f"exactly one of {', '.join(type(self).model_fields)}")
        return self


class OrbitForm(OneOf):
    """Exactly one kind of orbit."""

    tle: Tle | None = None
    kepler: Kepler | None = None
    circular: Circular | None = None
    sso: Sso | None = None
    walker: Walker | None = None
    planes: Planes | None = None
    lattice: Lattice | None = None
    omm: Omm | None = None


CONSTELLATIONS = ("walker", "planes", "lattice")


def read_orbit(item: Item, given: Given) -> list[Placed]:
    """The places an orbit block names; empty after a mistake."""
    form = item.read(OrbitForm)
    if form is None:
        return []
    (kind,) = form.model_fields_set
    places: list[Placed] = getattr(form, kind).places(item.below(kind), given)
    return places


def check_elements(orbit: KeplerOrbit) -> None:
    """Refuses elements that no scenario may have, as its reader does. Raises ScenarioError."""
    sheet = Sheet("orbit")
    angles = ("inclination", "raan", "argument_of_perigee", "mean_anomaly")
    written: dict[str, str | float] = {name: f"{getattr(orbit, f'{name}_rad')!r} rad" for name in angles}
    written |= {"semi_major_axis": f"{orbit.semi_major_axis_m!r} m", "eccentricity": orbit.eccentricity}
    sheet.compose(json.dumps(written)).read(Kepler)
    sheet.finish()
    check_orbit(orbit)


def period_s(orbit: Orbit) -> float:
    """What "orbits" counts where this one is the first spacecraft's."""
    if isinstance(orbit, TleOrbit):
        return parse_tle(orbit.line1, orbit.line2, orbit.name).period_s
    if isinstance(orbit, OmmOrbit):
        return DAY_S / orbit.mean_motion_rev_day
    return orbits.period_s(orbit.semi_major_axis_m)


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


def sun_synchronous(altitude_m: float, ltan_h: float, given: Given) -> tuple[float, float]:
    """Inclination and node."""
    inclination = orbits.sun_synchronous_inclination_rad(EARTH_RADIUS_M + altitude_m)
    return inclination, orbits.raan_of_ltan_rad(given.epoch, ltan_h)


def _single(orbit: KeplerOrbit) -> Placed:
    return Placed("", orbit, orbits.period_s(orbit.semi_major_axis_m))


def _many(slots: list[orbits.Slot]) -> list[Placed]:
    return [Placed(s.label, s.orbit, orbits.period_s(s.orbit.semi_major_axis_m), s.neighbours) for s in slots]
