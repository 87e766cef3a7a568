"""Contacts ahead: when which spacecraft is in view of which station, from published elements.

Elevations are sampled every `step_s`, a fixed amount of work per simulated second spread evenly over the spacecraft,
and every crossing of the mask and every maximum near it is refined.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from bus.constants import Epoch
from bus.scenario.model import Orbit, Station
from groundstation.config import ContactRules
from groundstation.contacts.propagation import Propagator, Site, earth_fixed, gmst_rad, propagator

CROSSING_S = 0.01  # times are refined to this; a tick is coarser
NEAR_MASK = 0.3  # a maximum this far (in sine of elevation) below the mask is not worth refining
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
_NEVER = -1.0


@dataclass(frozen=True, slots=True, order=True)
class Contact:
    """A spacecraft above a station's mask, from acquisition (aos) to loss of signal (los); aos <= t < los.

    Order is by aos, then by the positions of station and spacecraft in the scenario.
    """

    aos_ns: int
    station: int
    spacecraft: int
    los_ns: int
    max_ns: int
    max_elevation_rad: float


@dataclass(slots=True)
class Track:
    """How far one spacecraft has been looked ahead: samples taken, and per station the last two sines of elevation,
    the start of the contact under way (-1: none) and the time of its highest sample."""

    samples: int = 0
    older: list[float] = field(default_factory=list)
    newer: list[float] = field(default_factory=list)
    rise_s: list[float] = field(default_factory=list)
    top_s: list[float] = field(default_factory=list)
    top: list[float] = field(default_factory=list)


@dataclass(slots=True)
class PredictionState:
    """All of a predictor's state. `jobs`: samples taken since the first look-ahead, over all spacecraft."""

    jobs: int = 0
    tracks: list[Track] = field(default_factory=list)


class Predictor:
    """Contacts of all spacecraft over all stations, found in order of time of discovery.

    `first()` looks one horizon ahead of the epoch; `advance(now_ns)` keeps the horizon ahead of now.
    """

    def __init__(
        self, epoch: Epoch, orbits: tuple[Orbit, ...], stations: tuple[Station, ...], rules: ContactRules
    ) -> None:
        self._epoch = epoch
        self._motions: list[Propagator] = [propagator(orbit, epoch) for orbit in orbits]
        self._sites = [Site.of(station) for station in stations]
        self._step_s = rules.step_s
        self._step_ns = round(rules.step_s * 1e9)
        self._longest_s = rules.longest_s
        self._ahead = (
            math.ceil(rules.horizon_s / rules.step_s) + 2
        )  # the sample at its end, and one to see a maximum by
        self._gmst: tuple[int, float] = (-1, 0.0)
        many = len(stations)
        self.state = PredictionState(
            0, [Track(0, [-1.0] * many, [-1.0] * many, [_NEVER] * many, [0.0] * many, [-1.0] * many) for _ in orbits]
        )

    def first(self) -> list[Contact]:
        """The first look-ahead: everything that ends within one horizon of the epoch."""
        found: list[Contact] = []
        for number in range(len(self._motions)):
            for _ in range(self._ahead):
                self._sample(number, found)
        return found

    def advance(self, now_ns: int) -> list[Contact]:
        """Look further ahead as time passes; the work is spread evenly over ticks and spacecraft."""
        state, many = self.state, len(self._motions)
        due = now_ns * many // self._step_ns
        if state.jobs >= due:
            return []
        found: list[Contact] = []
        while state.jobs < due:
            self._sample(state.jobs % many, found)
            state.jobs += 1
        return found

    def sin_elevation(self, spacecraft: int, station: int, time_s: float) -> float:
        """Sine of the predicted elevation; -1 where the elements are of no use any more."""
        position = self._motions[spacecraft](time_s)
        if position is None:
            return -1.0
        return self._sites[station].sin_elevation(*earth_fixed(position, gmst_rad(self._epoch, time_s)))

    def _sample(self, number: int, found: list[Contact]) -> None:
        track = self.state.tracks[number]
        index = track.samples
        time_s = index * self._step_s
        position = self._motions[number](time_s)
        if self._gmst[0] != index:
            self._gmst = (index, gmst_rad(self._epoch, time_s))
        fixed = None if position is None else earth_fixed(position, self._gmst[1])
        for j, site in enumerate(self._sites):
            sine = -1.0 if fixed is None else site.sin_elevation(*fixed)
            self._judge(number, j, sine, found)
            track.older[j] = track.newer[j]
            track.newer[j] = sine
        track.samples = index + 1

    def _judge(self, number: int, j: int, sine: float, found: list[Contact]) -> None:
        """One new sample of one spacecraft over one station."""
        track, mask = self.state.tracks[number], self._sites[j].sin_mask
        time_s = track.samples * self._step_s
        before, rise_s = track.newer[j], track.rise_s[j]
        height = self._height(number, j)
        if rise_s < 0.0:
            if sine >= mask:
                start = _crossing(height, mask, time_s - self._step_s, time_s) if track.samples else 0.0
                track.rise_s[j], track.top_s[j], track.top[j] = start, time_s, sine
            elif track.samples and track.older[j] <= before > sine and before > mask - NEAR_MASK:
                # of the first interval nobody knows what was before: its highest point may lie within
                low, high = max(0.0, time_s - 2.0 * self._step_s), time_s
                peak_s = _highest(height, low, high)
                if height(peak_s) >= mask:
                    aos, los = _crossing(height, mask, low, peak_s), _crossing(height, mask, high, peak_s)
                    found.append(_contact((number, j), (aos, los), peak_s, height))
            return
        if sine > track.top[j]:
            track.top_s[j], track.top[j] = time_s, sine
        down = sine < mask
        if down or time_s - rise_s >= self._longest_s:
            los = _crossing(height, mask, time_s, time_s - self._step_s) if down else time_s
            low, high = max(rise_s, track.top_s[j] - self._step_s), min(los, track.top_s[j] + self._step_s)
            found.append(_contact((number, j), (rise_s, los), _highest(height, low, high), height))
            track.rise_s[j], track.top_s[j], track.top[j] = (_NEVER if down else time_s), time_s, sine

    def _height(self, number: int, j: int) -> Callable[[float], float]:
        return lambda time_s: self.sin_elevation(number, j, time_s)


def _contact(
    who: tuple[int, int], span_s: tuple[float, float], peak_s: float, height: Callable[[float], float]
) -> Contact:
    elevation_rad = math.asin(max(-1.0, min(1.0, height(peak_s))))
    return Contact(round(span_s[0] * 1e9), who[1], who[0], round(span_s[1] * 1e9), round(peak_s * 1e9), elevation_rad)


def _crossing(height: Callable[[float], float], level: float, below: float, above: float) -> float:
    """Where the height crosses the level, between a time below it and a time at or above it."""
    while abs(above - below) > CROSSING_S:
        middle = 0.5 * (below + above)
        if height(middle) >= level:
            above = middle
        else:
            below = middle
    return above


def _highest(height: Callable[[float], float], low: float, high: float) -> float:
    """Time of the only maximum between two times, by golden section."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = height(left), height(right)
    while high - low > CROSSING_S:
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = height(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = height(right)
    return 0.5 * (low + high)
