"""Everything the API works with: one run's archive, dictionaries, stations, procedures, and the way to its ground."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bus.constants import ASTRONOMICAL_UNIT_M, DAY_S, J2000_JD, Epoch
from bus.dictionary import Dictionary
from bus.errors import EnvironmentFault, UnknownNameError
from bus.scenario.model import Scenario
from bus.text.near import nearest
from groundstation.api import forms
from groundstation.api.link import GroundLink
from groundstation.api.watch import Known, Watch, read_tables
from groundstation.archive.feed import Feed
from groundstation.archive.values import newest
from groundstation.commanding.wishes import Fleet
from groundstation.contacts.propagation import earth_fixed, gmst_rad, propagator
from groundstation.procedures.declaration import Procedure


@dataclass(slots=True)
class Facts:
    """What is true of a run from its beginning on. `over`: whether it has ended, asked anew each time."""

    name: str
    version: str
    scenario: Scenario
    dictionaries: Mapping[str, Dictionary]
    procedures: Mapping[str, Procedure]
    archive: Path
    over: Callable[[], bool]


class Desk:
    """See the module. Everything belongs to the loop; reads of the archive alone go beside it."""

    def __init__(self, facts: Facts, link: GroundLink | None) -> None:
        self.facts, self.link = facts, link
        self.scenario = facts.scenario
        self.feed = Feed(facts.archive)
        self.wishes = Fleet({one.id: one.design for one in self.scenario.spacecraft}, facts.dictionaries.__getitem__)
        self._watch: Watch | None = None
        self._why = "the ground has archived nothing yet"
        epoch = Epoch.of(self.scenario.epoch_utc)
        self._motions = {one.id: propagator(one.orbit, epoch) for one in self.scenario.spacecraft}
        self._epoch = epoch

    @property
    def watch(self) -> Watch:
        """What is known. Raises EnvironmentFault while there is no archive."""
        if self._watch is None:
            raise EnvironmentFault(self._why, hint="ask again in a moment; the run is still starting")
        return self._watch

    async def look(self) -> None:
        """Keep up with the archive: it is read beside the loop, what it tells is taken in by the loop."""
        try:
            if self._watch is None:
                self._watch = await asyncio.to_thread(Watch, self.feed)
            watch, more = self._watch, True
            while more:
                news = await asyncio.to_thread(self.feed.news, watch.until_ns)
                watch.take(news)
                more = news.more
            now_ns = self.now_ns()
            watch.look_for_silence(now_ns)
            watch.take_tables(await asyncio.to_thread(read_tables, self.feed, max(0, now_ns or watch.until_ns)))
        except EnvironmentFault as fault:
            self._why = fault.message

    async def values(self, spacecraft: str) -> dict[str, forms.Value]:
        """The newest value of every parameter that was ever reported; the first time out of the whole archive."""
        known = self.known(spacecraft)
        if known.older is None:
            known.older = await asyncio.to_thread(newest, self.feed, spacecraft)
        return self.watch.values(spacecraft)

    def now_ns(self) -> int | None:
        """Mission time: the ground's own, or, of a run that is over, the end of what was archived."""
        if self.link is not None and not self.facts.over():
            return self.link.now()[0]
        return self._watch.until_ns if self._watch is not None and self._watch.until_ns >= 0 else None

    def now(self) -> forms.Now:
        """The moment as it is told."""
        now_ns = self.now_ns()
        over = self.link is None or self.facts.over()
        rate = None if over or self.link is None else self.link.now()[1]
        until_ns = self._watch.until_ns if self._watch is not None else -1
        return forms.Now(
            mission_s=None if now_ns is None else now_ns / 1e9, rate=rate,
            ground="over" if over else "answers" if self.link is not None and self.link.answers else "silent",
            archived_until_s=until_ns / 1e9 if until_ns >= 0 else None,
        )  # fmt: skip

    def known(self, spacecraft: str) -> Known:
        """One of the fleet. Raises UnknownNameError."""
        fleet = self.watch.fleet
        if spacecraft not in fleet:
            raise UnknownNameError(
                "spacecraft", spacecraft, nearest(spacecraft, fleet), hint=f"flying: {', '.join(list(fleet)[:20])}"
            )
        return fleet[spacecraft]

    def map(self, at_s: float) -> forms.Map:
        """The world at a time. A spacecraft whose elements are of no use at that time is left out."""
        turn = gmst_rad(self._epoch, at_s)
        craft = []
        for id, motion in self._motions.items():
            position = motion(at_s)
            if position is not None:
                craft.append(_below(id, earth_fixed(position, turn)))
        stations = [
            forms.Place(
                id=one.id, latitude_deg=math.degrees(one.latitude_rad), longitude_deg=math.degrees(one.longitude_rad),
                altitude_m=one.altitude_m,
            )
            for one in self.scenario.stations
        ]  # fmt: skip
        return forms.Map(at_s=at_s, spacecraft=craft, stations=stations, sun=self._sun(at_s, turn))

    def _sun(self, at_s: float, turn: float) -> forms.Place:
        """Where it is overhead: the Almanac's low-precision series (Astronomical Almanac, page C5), to 0.01 deg."""
        days = (self._epoch.jd_whole - J2000_JD) + self._epoch.jd_fraction + at_s / DAY_S
        mean = math.radians(280.460 + 0.985_647_4 * days)
        anomaly = math.radians(357.528 + 0.985_600_3 * days)
        longitude = mean + math.radians(1.915) * math.sin(anomaly) + math.radians(0.020) * math.sin(2.0 * anomaly)
        obliquity = math.radians(23.439 - 4e-7 * days)
        x, y = ASTRONOMICAL_UNIT_M * math.cos(longitude), ASTRONOMICAL_UNIT_M * math.sin(longitude)
        overhead = (x, y * math.cos(obliquity), y * math.sin(obliquity))
        return _below("sun", earth_fixed(overhead, turn))


def _below(id: str, position: tuple[float, float, float]) -> forms.Place:
    """The place on the ground below a position in Earth-fixed axes (m), geocentric: a map shows no more."""
    x, y, z = position
    distance = math.sqrt(x * x + y * y + z * z)
    return forms.Place(
        id=id, latitude_deg=math.degrees(math.asin(z / distance)), longitude_deg=math.degrees(math.atan2(y, x)),
        altitude_m=distance - 6_371_000.0,
    )  # fmt: skip
