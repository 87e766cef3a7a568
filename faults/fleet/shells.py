"""The shells of a constellation: Walker patterns, sun-synchronous planes, clusters, catalogues -> planes of spacecraft.

The same forms as a scenario's `orbit:` where that has them, with room for a million. Places are arrays: a row for each
spacecraft, as `Fleet.placed` takes them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bus.constants import EARTH_MU_M3_S2, EARTH_RADIUS_M, WGS72_MU_M3_S2, Epoch
from bus.errors import EnvironmentFault, Refused, ScenarioError
from bus.orbits import constellations as orbits
from bus.orbits.elements import satellite
from bus.scenario.model import KeplerOrbit
from bus.text.forms import Form
from bus.text.leaves import Leaf, Text, text, whole
from bus.text.reader import Item
from bus.text.units import show
from faults.scenarios.element_sets import read_catalogue, select
from faults.scenarios.from_catalogue import ids_of
from faults.scenarios.known_orbit import Altitude, Angle, Given
from faults.scenarios.orbits import STALE_AFTER, Lattice, Ltan, OneOf, sun_synchronous
from node.plant.orbit.setup import Sgp4

MOST_SPACECRAFT = 2_000_000
MOST_PLANES = 20_000
COLUMNS = 7
"""Semi-major axis, eccentricity, inclination, node, argument of perigee, mean anomaly, mu: SI, at the epoch."""
_WALKER = re.compile(r"\s*([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*:\s*([0-9]{1,7})/([0-9]{1,5})/([0-9]{1,5})\s*", re.ASCII)
Places = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Plane:
    """Spacecraft that are told of together. labels: what comes after the shell's id, one for each row of places."""

    label: str
    labels: Sequence[str]
    places: Places


def _pattern(value: object) -> tuple[float, int, int, int]:
    """Inclination in degrees, total, planes, phasing."""
    written = text(shape="Walker's i:t/p/f, such as '53:1584/72/17', inclination in degrees").read(value)
    match = _WALKER.fullmatch(written)
    if match is None:
        raise Refused(show(value), "Walker's i:t/p/f, such as '53:1584/72/17'")
    degrees, total, planes, phasing = float(match[1]), int(match[2]), int(match[3]), int(match[4])
    if not 0 < planes <= min(total, MOST_PLANES) or total % planes or phasing >= planes or degrees > 180.0:
        raise Refused(show(value), f"i <= 180, t a multiple of p, p <= {MOST_PLANES}, f from 0 to p - 1")
    return degrees, total, planes, phasing


class ShellWalker(Form):
    """Walker's constellation: planes over 360 deg (delta) or 180 deg (star)."""

    pattern: Annotated[
        tuple[float, int, int, int], Leaf(_pattern, {"type": "string", "pattern": r"^[\d.]+:\d+/\d+/\d+$"})
    ]
    kind: Literal["delta", "star"]
    altitude: Altitude
    raan: Angle = 0.0
    argument_of_latitude: Angle = 0.0

    @property
    def count(self) -> int:
        """How many spacecraft."""
        return self.pattern[1]

    def planes(self, item: Item, given: Given) -> list[Plane]:
        """As the pattern says."""
        degrees, total, planes, phasing = self.pattern
        spread = orbits.TWO_PI if self.kind == "delta" else math.pi
        shape = (self.altitude, degrees * math.pi / 180.0)
        nodes = [self.raan + spread * plane / planes for plane in range(planes)]
        step = orbits.TWO_PI * phasing / total
        return evenly([shape] * planes, nodes, total // planes, step, self.argument_of_latitude)


class SunSynchronous(Form):
    """Sun-synchronous planes: one altitude, or planes at equal steps from one altitude to another, for each local time
    of the ascending node."""

    altitude: Altitude
    to: Altitude | None = None
    planes: Annotated[int, whole(1, MOST_PLANES)] = 1
    ltans: Annotated[tuple[Ltan, ...], Field(min_length=1, max_length=1440)]
    slots: Annotated[int, whole(1, 1_000_000)]
    phase: Angle = 0.0
    argument_of_latitude: Angle = 0.0

    @model_validator(mode="after")
    def _a_stack(self) -> Self:
        if self.to is None and self.planes > 1:
            raise Refused(f"{self.planes} planes without `to`", "the altitude of the last plane as `to`")
        if self.to is not None and (self.to <= self.altitude or self.planes < 2):
            raise Refused("`to` with " + ("one plane" if self.planes < 2 else "no higher altitude"),
                          "at least two planes, the last one higher than the first")  # fmt: skip
        if self.planes * len(self.ltans) > MOST_PLANES:
            raise Refused(f"{self.planes * len(self.ltans)} planes", f"at most {MOST_PLANES}")
        return self

    @property
    def count(self) -> int:
        """How many spacecraft."""
        return self.planes * len(self.ltans) * self.slots

    def planes_of(self, given: Given) -> tuple[list[tuple[float, float]], list[float]]:
        """Altitude and inclination, and node, of each."""
        steps = max(1, self.planes - 1)
        rise = ((self.to or self.altitude) - self.altitude) / steps
        shapes, nodes = [], []
        for ltan in self.ltans:
            for plane in range(self.planes):
                altitude = self.altitude + rise * plane
                inclination, node = sun_synchronous(altitude, ltan, given)
                shapes.append((altitude, inclination))
                nodes.append(node)
        return shapes, nodes


class Cluster(Lattice):
    """A cluster of 81 about one sun-synchronous centre, or several of them around one orbit."""

    clusters: Annotated[int, whole(1, 1000)] = 1

    @property
    def count(self) -> int:
        """How many spacecraft."""
        return 81 * self.clusters

    def planes(self, item: Item, given: Given) -> list[Plane]:
        """A plane for each cluster."""
        inclination, node = sun_synchronous(self.altitude, self.ltan, given)
        digits, found = len(str(self.clusters)), []
        for cluster in range(self.clusters):
            place = self.argument_of_latitude + orbits.TWO_PI * cluster / self.clusters
            slots = orbits.suncatcher81(self.altitude, inclination, node, place, self.radius)
            label = f"{cluster + 1:0{digits}d}"
            names = [f"{label}-{slot.label}" for slot in slots]
            found.append(Plane(label, names, np.array([_row(slot.orbit) for slot in slots])))
        return found


class Catalogue(Form):
    """Published element sets of a file beside the scenario, flown as J2-secular mean elements."""

    file: Annotated[str, text(longest=1000)]
    select: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)] = ("*",)

    @property
    def count(self) -> int:
        """Known when the file is read."""
        return 0

    def planes(self, item: Item, given: Given) -> list[Plane]:
        """All in one."""
        try:
            chosen = select(read_catalogue(Path(item.sheet.file).parent / self.file), self.select)
        except ScenarioError as error:
            lined = [mistake for mistake in error.mistakes if mistake.line]
            item.sheet.mistakes.extend(lined)
            for mistake in error.mistakes:
                if not mistake.line:
                    item.below(mistake.field if mistake.field == "select" else "file").refuse(
                        mistake.found, mistake.allowed
                    )
            return []
        except EnvironmentFault as error:
            item.below("file").refuse(f"{self.file!r}: {error.message}", "a catalogue of element sets")
            return []
        for note in chosen.notes:
            item.below("file").warn(note, "a catalogue that you have looked at")
        epoch, rows = Epoch.of(f"{given.epoch:%Y-%m-%dT%H:%M:%S.%fZ}"), []
        for one in chosen.elements:
            e = Sgp4(satellite(one.orbit), epoch).mean_elements()
            rows.append((e.semi_major_axis_m, e.eccentricity, e.inclination_rad, e.raan_rad, e.argument_of_perigee_rad,
                         e.mean_anomaly_rad, WGS72_MU_M3_S2))  # fmt: skip
        away = max(abs(given.epoch - one.epoch) for one in chosen.elements)
        if away > STALE_AFTER:
            item.below("file").warn(
                f"elements up to {away.days} days from the scenario's epoch",
                f"elements within {STALE_AFTER.days} days of it, or the positions are guesses",
            )
        return [Plane("all", ids_of(chosen.elements), np.array(rows))]


class PlaceForm(OneOf):
    """Exactly one kind of shell."""

    walker: ShellWalker | None = None
    sun_synchronous: SunSynchronous | None = None
    cluster: Cluster | None = None
    catalogue: Catalogue | None = None

    @property
    def kind(self) -> str:
        """Which."""
        return next(iter(self.model_fields_set))

    def planes(self, item: Item, given: Given) -> list[Plane]:
        """The planes that it names; empty after a mistake."""
        form = getattr(self, self.kind)
        if isinstance(form, SunSynchronous):
            shapes, nodes = form.planes_of(given)
            return evenly(shapes, nodes, form.slots, form.phase, form.argument_of_latitude)
        found: list[Plane] = form.planes(item.below(self.kind), given)
        return found


def evenly(
    shapes: Sequence[tuple[float, float]], nodes: Sequence[float], slots: int, phase_rad: float, first_rad: float
) -> list[Plane]:
    """Circular planes with evenly spaced slots, labelled as a scenario's constellations are. shapes: altitude and
    inclination of each."""
    plane_digits, slot_digits = len(str(len(nodes))), len(str(slots))
    around = orbits.TWO_PI * np.arange(slots) / slots
    found = []
    for plane, ((altitude_m, inclination), node) in enumerate(zip(shapes, nodes, strict=True)):
        rows = np.zeros((slots, COLUMNS))
        rows[:] = (EARTH_RADIUS_M + altitude_m, 0.0, inclination, node % orbits.TWO_PI, 0.0, 0.0, EARTH_MU_M3_S2)
        rows[:, 5] = (first_rad + around + phase_rad * plane) % orbits.TWO_PI
        label = f"{plane + 1:0{plane_digits}d}"
        found.append(Plane(label, [f"{label}-{slot + 1:0{slot_digits}d}" for slot in range(slots)], rows))
    return found


def _row(orbit: KeplerOrbit) -> tuple[float, ...]:
    return (
        orbit.semi_major_axis_m, orbit.eccentricity, orbit.inclination_rad, orbit.raan_rad,
        orbit.argument_of_perigee_rad, orbit.mean_anomaly_rad, EARTH_MU_M3_S2,
    )  # fmt: skip
