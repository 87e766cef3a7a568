"""The contact plan of a scenario: who rises where and when, and which antenna points at whom, as the ground flies it.

The same prediction and the same allocation as in `Ground.step`, at the same ticks, run ahead of time. No text formats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from bus.constants import Epoch
from bus.scenario.model import Orbit, Station
from groundstation.config import ContactRules
from groundstation.contacts.antennas import Antennas, Change
from groundstation.contacts.prediction import Contact, Predictor


class Orbiting(Protocol):
    """What a plan asks of a spacecraft."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def orbit(self) -> Orbit: ...  # noqa: D102
    @property
    def priority(self) -> int: ...  # noqa: D102


class Flown(Protocol):
    """What a plan asks of a run: a scenario has it, and the configuration of a ground."""

    @property
    def epoch_utc(self) -> str: ...  # noqa: D102
    @property
    def tick_ns(self) -> int: ...  # noqa: D102
    @property
    def duration_ns(self) -> int: ...  # noqa: D102
    @property
    def stations(self) -> Sequence[Station]: ...  # noqa: D102
    @property
    def spacecraft(self) -> Sequence[Orbiting]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class PlannedContact:
    """One contact (times in ns since the epoch). served: when the station's antenna points at the spacecraft, within
    the contact and the run. state: served; in part, if more is missing than the ticks in which it begins and ends; not
    served. instead: the spacecraft that the antenna serves in the rest, or the stations that serve this spacecraft."""

    station: str
    spacecraft: str
    aos_ns: int
    los_ns: int
    max_ns: int
    max_elevation_rad: float
    served: tuple[tuple[int, int], ...]
    state: Literal["served", "in part", "not served"]
    instead: tuple[str, ...]


@dataclass(slots=True)
class _Pointing:
    """An antenna points at a spacecraft (positions in the scenario)."""

    station: int
    spacecraft: int
    on_ns: int
    off_ns: int = 0


def contact_plan(scenario: Flown, rules: ContactRules | None = None) -> list[PlannedContact]:
    """Every contact that begins within the run, by time of acquisition, then as in the scenario."""
    rules = rules or ContactRules()
    orbits = tuple(one.orbit for one in scenario.spacecraft)
    predictor = Predictor(Epoch.of(scenario.epoch_utc), orbits, tuple(scenario.stations), rules)
    found = sorted([*predictor.first(), *predictor.advance(scenario.duration_ns)])
    found = [contact for contact in found if contact.aos_ns < scenario.duration_ns]
    antennas = Antennas(len(scenario.stations), tuple(one.priority for one in scenario.spacecraft), rules.dwell_s)
    pointings = _fly(antennas, found, scenario)
    stations, names = [one.id for one in scenario.stations], [one.id for one in scenario.spacecraft]
    by_station: dict[int, list[_Pointing]] = {}
    by_craft: dict[int, list[_Pointing]] = {}
    for one in pointings:
        by_station.setdefault(one.station, []).append(one)
        by_craft.setdefault(one.spacecraft, []).append(one)
    plan = []
    for contact in found:
        end_ns = min(contact.los_ns, scenario.duration_ns)
        here = [p for p in by_station.get(contact.station, ()) if p.on_ns < end_ns and p.off_ns > contact.aos_ns]
        mine = [p for p in here if p.spacecraft == contact.spacecraft]
        there = [
            p
            for p in by_craft.get(contact.spacecraft, ())
            if p.station != contact.station and p.on_ns < end_ns and p.off_ns > contact.aos_ns
        ]
        others = [names[p.spacecraft] for p in here if p.spacecraft != contact.spacecraft]
        others += [stations[p.station] for p in there]
        state = _state(mine, contact, end_ns, scenario.tick_ns)
        plan.append(
            PlannedContact(
                stations[contact.station], names[contact.spacecraft], contact.aos_ns, contact.los_ns, contact.max_ns,
                contact.max_elevation_rad, tuple((p.on_ns, p.off_ns) for p in mine),
                state, () if state == "served" else tuple(dict.fromkeys(others)),
            )
        )  # fmt: skip
    return plan


class Coming:
    """When antennas will point at whom, for whoever asks in the middle of a run."""

    def __init__(self, flown: Flown, rules: ContactRules) -> None:
        self._flown, self._rules = flown, rules

    @cached_property
    def _spans(self) -> dict[str, list[tuple[int, int, int]]]:
        numbers = {station.id: number for number, station in enumerate(self._flown.stations, start=1)}
        spans: dict[str, list[tuple[int, int, int]]] = {one.id: [] for one in self._flown.spacecraft}
        for contact in contact_plan(self._flown, self._rules):
            spans[contact.spacecraft] += [(on_ns, off_ns, numbers[contact.station]) for on_ns, off_ns in contact.served]
        return {name: sorted(found) for name, found in spans.items()}

    def after(self, spacecraft: str, now_ns: int, until_ns: int) -> list[tuple[int, int, int]]:
        """(on, off, number of the station, from 1) of all that end after now and begin before then, in their order."""
        return [span for span in self._spans[spacecraft] if span[1] > now_ns and span[0] < until_ns]


def _fly(antennas: Antennas, contacts: list[Contact], scenario: Flown) -> list[_Pointing]:
    """Every pointing of the run, at the ends of ticks as the ground decides them, without the ticks in between."""
    antennas.plan(contacts)
    open_: dict[int, _Pointing] = {}
    done: list[_Pointing] = []
    tick_ns = scenario.tick_ns
    end_ns = scenario.duration_ns // tick_ns * tick_ns
    now_ns = tick_ns
    while now_ns <= end_ns:
        for change in antennas.step(now_ns):
            _take(change, now_ns, open_, done)
        now_ns = max(now_ns + tick_ns, -(-antennas.state.next_ns // tick_ns) * tick_ns)
    for last in open_.values():
        last.off_ns = end_ns
        done.append(last)
    return [one for one in done if one.off_ns > one.on_ns]


def _take(change: Change, now_ns: int, open_: dict[int, _Pointing], done: list[_Pointing]) -> None:
    if change.on:
        open_[change.station] = _Pointing(change.station, change.spacecraft, now_ns)
    else:
        ended = open_.pop(change.station)
        ended.off_ns = now_ns
        done.append(ended)


def _state(
    mine: list[_Pointing], contact: Contact, end_ns: int, tick_ns: int
) -> Literal["served", "in part", "not served"]:
    if not mine:
        return "not served"
    served_ns = sum(min(p.off_ns, end_ns) - max(p.on_ns, contact.aos_ns) for p in mine)
    return "in part" if end_ns - contact.aos_ns - served_ns > 2 * tick_ns else "served"
