"""How a constellation is filled and kept: launch by launch, spacecraft by spacecraft, a row a day.

Every spacecraft has a life of its own, drawn from the hash of the seed, its launch and its place in it: nothing depends
on an order. launched = operating + spare + failed + de-orbited + in transit, in every row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bus.constants import DAY_S
from bus.draws import stable_id
from faults.fleet.draws import uniforms
from faults.fleet.launches import LaunchesForm, Lives, lives, per_launch

STREAM = stable_id("launches")
LAUNCH, INFANT, YOUTH, RANDOM, WEAR = range(5)
"""Lanes of the draws."""
CAUSES = ("launch", "infant", "random", "wear_out")
ROW = np.dtype(
    [("time_d", "f8"), ("shell", "i4"), ("flights", "i8"), ("flights_failed", "i8"), ("launched", "i8"),
     ("mass_kg", "f8"), ("in_transit", "i8"), ("operating", "i8"), ("spare", "i8"), ("failed", "i8"),
     ("de_orbited", "i8"), *((f"failed_{cause}", "i8") for cause in CAUSES), ("wanted", "i8")]
)  # fmt: skip
"""Totals since the first launch, of one shell."""
Ends = NDArray[np.int64]


@dataclass(frozen=True)
class ShellPlan:
    """What the ledger must know of a shell."""

    id: str
    count: int
    mass_kg: float


@dataclass(frozen=True)
class BuildUp:
    """The ledger. rows: by day, then by shell. full_d: the first day on which every shell is full, None: never."""

    rows: NDArray[np.void]
    shells: tuple[ShellPlan, ...]
    full_d: float | None

    @property
    def closed(self) -> bool:
        """Whether the book of spacecraft closes in every row."""
        rows = self.rows
        out = sum(rows[name] for name in ("operating", "spare", "failed", "de_orbited", "in_transit"))
        causes = sum(rows[f"failed_{cause}"] for cause in CAUSES)
        return bool(np.all(rows["launched"] == out) and np.all(rows["failed"] == causes))


class _Ledger:
    """One shell's counts, and what will happen to its spacecraft on which day."""

    def __init__(self, plan: ShellPlan, form: LaunchesForm, days: int, seed: int) -> None:
        self.plan, self.each = plan, per_launch(form, plan.mass_kg)
        self._form, self._hazards, self._seed = form, lives(form), seed
        self.target = plan.count + math.ceil(plan.count * form.spares)
        self.flights = self.flights_failed = self.launched = 0
        self.transit = self.service = self.retired = 0
        self.failed = dict.fromkeys(CAUSES, 0)
        self.arrives = np.zeros(days + 2, np.int64)
        self.lost: dict[str, tuple[Ends, Ends]] = {
            cause: (np.zeros(days + 2, np.int64), np.zeros(days + 2, np.int64)) for cause in (*CAUSES[1:], "retire")
        }
        """By cause: ends before the spacecraft has arrived, and in service, by day."""

    @property
    def missing(self) -> int:
        """How many more would have to be up, as far as they may be launched."""
        up = self.transit + self.service
        return self.target - (up if self._form.replace else max(up, self.launched))

    def day(self, day: int) -> None:
        """What happens on it: arrivals, then ends."""
        self.transit -= int(self.arrives[day])
        self.service += int(self.arrives[day])
        for cause, (early, late) in self.lost.items():
            self.transit -= int(early[day])
            self.service -= int(late[day])
            if cause == "retire":
                self.retired += int(late[day])
            else:
                self.failed[cause] += int(early[day] + late[day])

    def launch(self, number: int, at_s: float, flight: int) -> None:
        """One flight, and the lives that begin with it."""
        self.flights += 1
        self.launched += number
        who = np.arange(number, dtype=np.uint64)
        if float(uniforms(self._seed, STREAM, who[:1], flight, LAUNCH)[0]) < self._form.vehicle.failures:
            self.flights_failed += 1
            self.failed["launch"] += number
            return
        self.transit += number
        ends = life_ends(self._hazards, self._seed, who, flight)
        causes = [*CAUSES[1:], "retire"]
        which, age_s = ends.argmin(axis=0), ends.min(axis=0)
        last, today = len(self.arrives) - 1, math.floor(at_s / DAY_S)
        arrived = min(last, math.ceil((at_s + self._form.commissioning) / DAY_S))
        died = np.minimum(np.ceil((at_s + age_s) / DAY_S), last).astype(np.int64)
        died = np.maximum(died, today + 1)
        retiring = which == len(causes) - 1
        early = (died <= arrived) & ~retiring
        died[retiring] = np.maximum(died[retiring], min(last, arrived + 1))
        if arrived <= today:  # it serves on the day of its launch
            self.transit -= number
            self.service += number
            early[:] = False
        else:
            self.arrives[arrived] += number - int(np.count_nonzero(early))
        for place, cause in enumerate(causes):
            mine = which == place
            np.add.at(self.lost[cause][0], died[mine & early], 1)
            np.add.at(self.lost[cause][1], died[mine & ~early], 1)

    def row(self, time_d: float) -> tuple[Any, ...]:
        """As in ROW, but for the shell."""
        operating = min(self.service, self.plan.count)
        failed = sum(self.failed.values())
        return (
            time_d, 0, self.flights, self.flights_failed, self.launched, self.launched * self.plan.mass_kg,
            self.transit, operating, self.service - operating, failed, self.retired, *self.failed.values(),
            self.plan.count,
        )  # fmt: skip


def build_up(form: LaunchesForm, shells: Sequence[ShellPlan], seed: int) -> BuildUp:
    """Launch by launch, each to the shell that lacks the greatest share; none while nothing is missing."""
    days = round(form.span / DAY_S)
    ledgers = [_Ledger(plan, form, days, seed) for plan in shells]
    rows = np.zeros((days + 1) * len(shells), ROW)
    flight, next_s, place = 0, 0.0, 0
    full_d: float | None = None
    for day in range(days + 1):
        for ledger in ledgers:
            ledger.day(day)
        while next_s < (day + 1) * DAY_S and next_s <= form.span:
            chosen = max(ledgers, key=lambda one: (one.missing / one.target, -ledgers.index(one)))
            number = min(chosen.each, chosen.missing)
            if number > 0:
                chosen.launch(number, next_s, flight)
            flight += 1
            next_s = flight * form.vehicle.every
        for number, ledger in enumerate(ledgers):
            rows[place] = ledger.row(float(day))
            rows[place]["shell"] = number
            place += 1
        if full_d is None and all(ledger.service >= ledger.plan.count for ledger in ledgers):
            full_d = float(day)
    return BuildUp(rows, tuple(shells), full_d)


def life_ends(hazards: Lives, seed: int, who: NDArray[np.uint64], flight: int) -> NDArray[np.float64]:
    """Ages at which each spacecraft of a flight would end by each cause: infant, random, wear-out, retirement."""
    ends = np.full((4, len(who)), np.inf)
    if hazards.infant_share > 0.0:
        weak = uniforms(seed, STREAM, who, flight, INFANT) < hazards.infant_share
        ends[0, weak] = -hazards.infant_mean_s * np.log1p(-uniforms(seed, STREAM, who, flight, YOUTH)[weak])
    if hazards.random_rate_s > 0.0:
        ends[1] = -np.log1p(-uniforms(seed, STREAM, who, flight, RANDOM)) / hazards.random_rate_s
    if math.isfinite(hazards.wear_life_s):
        drawn = -np.log1p(-uniforms(seed, STREAM, who, flight, WEAR))
        ends[2] = hazards.wear_life_s * drawn ** (1.0 / hazards.wear_shape)
    ends[3] = hazards.retire_s
    return ends
