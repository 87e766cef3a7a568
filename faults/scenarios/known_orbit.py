"""Circular orbits by what is known of them: an altitude or a period, and where the spacecraft is at the scenario's
epoch or at one of its own, or an edge of the Earth's shadow that somebody saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from bus.constants import ASTRONOMICAL_UNIT_M, EARTH_RADIUS_M
from bus.errors import Refused
from bus.orbits import constellations as orbits
from bus.scenario.model import KeplerOrbit, Orbit
from bus.text.forms import Form
from bus.text.instants import EXAMPLE, LONGEST, in_range, parse_instant
from bus.text.leaves import Leaf, quantity, text
from bus.text.reader import Item
from bus.text.units import show
from node.designs.audit.orbit import sun
from node.plant.orbit.setup import secular_rates
from node.plant.radiation.flux_table import altitude_range_m

LOWEST_M, HIGHEST_M = altitude_range_m()
FARTHEST_DAYS = 30.0
"""From an epoch of its own, or a shadow's edge, to the scenario's: drag that nobody reckons with moves it more."""
PLACES = 720
"""Points of the orbit between which an edge is looked for."""
HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Placed:
    """One spacecraft's place: label to append to the entry's id ("" for a single one), orbit, neighbours' labels."""

    label: str
    orbit: Orbit
    period_s: float
    neighbours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of a scenario where its orbits are read. `end` None: not known yet."""

    epoch: datetime
    end: datetime | None


def _instant(value: object) -> datetime:
    written = text(longest=LONGEST, shape=f"a UTC time such as {EXAMPLE}").read(value)
    moment = parse_instant(written, zone_needed=True)
    if not in_range(moment):
        raise Refused(show(value), "a UTC time of these years")
    return moment


Altitude = Annotated[float, quantity("length", LOWEST_M, HIGHEST_M, f"{LOWEST_M / 1e3:g} km to {HIGHEST_M / 1e3:g} km")]
Angle = Annotated[
    float,
    quantity("angle", -orbits.TWO_PI, orbits.TWO_PI, "-360 deg to 360 deg"),
    AfterValidator(lambda angle: angle % orbits.TWO_PI),
]
Period = Annotated[float, quantity("time", 5_000.0, 90_000.0, "5000 s to 90000 s")]
Instant = Annotated[datetime, Leaf(_instant, {"type": "string", "description": f"a UTC time such as {EXAMPLE}"})]


class Edge(Form):
    """When the spacecraft went into the Earth's shadow, or came out of it: half of the Sun's disc was seen."""

    entry: Instant | None = None
    exit: Instant | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.entry is None) == (self.exit is None):
            raise Refused("both or neither of entry and exit", "one of them")
        return self


class Known(Form):
    """A circle: `altitude` or `period` (from node to node), `argument_of_latitude` or `eclipse`; `epoch` is that of
    altitude, node and place where it is not the scenario's."""

    altitude: Altitude | None = None
    period: Period | None = None
    argument_of_latitude: Angle | None = None
    eclipse: Edge | None = None
    epoch: Instant | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        for a, b in (("altitude", "period"), ("argument_of_latitude", "eclipse")):
            if (getattr(self, a) is None) == (getattr(self, b) is None):
                raise Refused(f"{'both' if getattr(self, a) is not None else 'neither'} of {a} and {b}", "one of them")
        return self

    def radius_m(self, inclination_rad: float | None) -> float:
        """Mean radius; without an inclination of the sun-synchronous orbit. Raises Refused."""
        if self.altitude is not None:
            return EARTH_RADIUS_M + self.altitude
        assert self.period is not None
        low, high = EARTH_RADIUS_M + LOWEST_M, EARTH_RADIUS_M + HIGHEST_M
        for _ in range(60):
            middle = 0.5 * (low + high)
            tilt = orbits.sun_synchronous_inclination_rad(middle) if inclination_rad is None else inclination_rad
            low, high = (middle, high) if nodal_period_s(middle, tilt) < self.period else (low, middle)
        return 0.5 * (low + high)

    def own(self, given: Given) -> Given:
        """The epoch that the figures are of."""
        return given if self.epoch is None else Given(self.epoch, given.end)

    def placed(
        self, item: Item, given: Given, radius_m: float, inclination_rad: float, raan_rad: float
    ) -> list[Placed]:
        """One, with its elements moved on to the scenario's epoch."""
        seen = None if self.eclipse is None else self.eclipse.entry or self.eclipse.exit
        for name, moment in (("epoch", self.epoch), ("eclipse", seen)):
            if moment is not None and abs((moment - given.epoch).total_seconds()) > FARTHEST_DAYS * 86_400.0:
                item.below(name).refuse(f"{moment:%Y-%m-%d}", f"within {FARTHEST_DAYS:g} days of the scenario's epoch")
                return []
        if not LOWEST_M <= radius_m - EARTH_RADIUS_M <= HIGHEST_M * (1.0 - 1e-9):
            item.below("period").refuse(
                f"{self.period:g} s, an altitude of {(radius_m - EARTH_RADIUS_M) / 1e3:.0f} km",
                f"a period of {LOWEST_M / 1e3:g} km to {HIGHEST_M / 1e3:g} km",
            )
            return []
        node_rate, perigee_rate, anomaly_rate = secular_rates(radius_m, 0.0, inclination_rad)
        turn = perigee_rate + anomaly_rate
        since_s = (given.epoch - self.own(given).epoch).total_seconds()
        raan = (raan_rad + node_rate * since_s) % orbits.TWO_PI
        if seen is not None:
            back_s = (given.epoch - seen).total_seconds()
            entry = self.eclipse is not None and self.eclipse.entry is not None
            at = edge_rad(radius_m, inclination_rad, raan - node_rate * back_s, seen, entry=entry)
            if at is None:
                item.below("eclipse").refuse(f"{seen:%Y-%m-%dT%H:%M:%SZ}", "a day on which this orbit has a shadow")
                return []
            place = at + turn * back_s
        else:
            place = (self.argument_of_latitude or 0.0) + turn * since_s
        orbit = KeplerOrbit(
            semi_major_axis_m=radius_m, eccentricity=0.0, inclination_rad=inclination_rad, raan_rad=raan,
            argument_of_perigee_rad=0.0, mean_anomaly_rad=place % orbits.TWO_PI,
        )  # fmt: skip
        return [Placed("", orbit, orbits.period_s(radius_m))]


def nodal_period_s(radius_m: float, inclination_rad: float) -> float:
    """From one ascending node to the next, of a circle under J2."""
    _, perigee_rate, anomaly_rate = secular_rates(radius_m, 0.0, inclination_rad)
    return orbits.TWO_PI / (perigee_rate + anomaly_rate)


def edge_rad(radius_m: float, inclination_rad: float, raan_rad: float, at: datetime, *, entry: bool) -> float | None:
    """Argument of latitude where half of the Sun's disc is covered, going in or coming out; None without a shadow."""
    from node.plant.environment.environment import illumination  # noqa: PLC0415 - numba

    direction, distance_au = sun(at)

    def seen(u: float) -> float:
        across, up = math.sin(u) * math.cos(inclination_rad), math.sin(u) * math.sin(inclination_rad)
        x = radius_m * (math.cos(raan_rad) * math.cos(u) - math.sin(raan_rad) * across)
        y = radius_m * (math.sin(raan_rad) * math.cos(u) + math.cos(raan_rad) * across)
        return float(
            illumination.py_func(x, y, radius_m * up, *direction, distance_au * ASTRONOMICAL_UNIT_M, EARTH_RADIUS_M)
        )

    step = orbits.TWO_PI / PLACES
    for place in range(PLACES):
        low, high = place * step, (place + 1) * step
        before, after = seen(low) >= 0.5, seen(high) >= 0.5
        if before == after or before != entry:
            continue
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if (seen(middle) >= 0.5) == before else (low, middle)
        return 0.5 * (low + high)
    return None
