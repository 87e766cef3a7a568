"""How far model and measurement are apart: by column, over time, and by how much the clocks differ.

A residual is model minus measurement, in the column's unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faults.compare.form import BOUNDS, Column, Event, Map
from faults.compare.measured import Measured
from faults.compare.modelled import Modelled, at, held

Floats = NDArray[np.float64]
MOST_SHIFTS = 2_001
"""Shifts of the clock that are tried."""
LEAST_ROWS = 2


@dataclass(frozen=True, slots=True)
class Figures:
    """Of residuals: mean, mean absolute, root mean square, 95th percentile of the absolute ones, the largest with its
    sign and its mission time."""

    mean: float
    mae: float
    rms: float
    p95: float
    worst: float
    worst_at_s: float


@dataclass(frozen=True, slots=True)
class Laid:
    """One column beside the model. times_s: mission time by the table's rows; what is missing is NaN.

    measured, true: in the column's unit (degC for temperatures that are so written). read: as it would have been read.
    missing: cells that say nothing. outside: rows that the model does not reach. read_by: whose error is in `read`.
    """

    column: Column
    times_s: Floats
    measured: Floats
    true: Floats
    read: Floats
    missing: int
    outside: int
    read_by: str
    figures: Figures | None
    read_figures: Figures | None

    @property
    def exceeded(self) -> tuple[str, ...]:
        """Bounds that are not held; all of them where nothing could be compared."""
        if self.figures is None:
            return tuple(self.column.bounds)
        return tuple(
            name for name in BOUNDS
            if name in self.column.bounds and abs(getattr(self.figures, name)) > self.column.bounds[name]
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clock:
    """What was added to the table's times, and what the search for it says. gain: how much larger the mean squared
    residual is without the search, in shares. edge: it ended at the edge of what it may look at."""

    shift_s: float
    searched_s: float
    gain: float | None
    edge: bool


@dataclass(frozen=True, slots=True)
class Paired:
    """Events of the table (`measured`) and of the model. pairs: mission times of both. looked: whether the table said
    anything while the model flew; if not, no bound is held."""

    event: Event
    pairs: tuple[tuple[float, float], ...]
    missed_s: tuple[float, ...]
    invented_s: tuple[float, ...]
    looked: bool = True

    @property
    def exceeded(self) -> tuple[str, ...]:
        """Bounds that are not held."""
        event, found = self.event, []
        if event.most_missed is not None and (not self.looked or len(self.missed_s) > event.most_missed):
            found.append("most_missed")
        if event.most_invented is not None and (not self.looked or len(self.invented_s) > event.most_invented):
            found.append("most_invented")
        return tuple(found)


def values_of(column: Column, cells: Floats) -> tuple[Floats, int]:
    """Cells in the column's unit, NaN for what is missing, and how many say so by a number."""
    absent = np.isin(cells, np.array(column.missing)) if column.missing else np.zeros(cells.shape, bool)
    values: Floats = np.where(absent, np.nan, cells * column.scale + column.offset)
    return values, int(absent.sum())


def in_unit(column: Column, values_si: Floats) -> Floats:
    """From SI."""
    return (values_si - column.zero) / column.factor


def lay(column: Column, measured: Measured, model: Modelled, shift_s: float) -> Laid:
    """One column beside the model."""
    times = measured.times_s + shift_s
    cells = measured.cells[column.name]
    values, _ = values_of(column, cells)
    true = in_unit(column, at(model.true[column.signal], times))
    sensed = model.read.get(column.signal)
    held_at = np.floor(times / column.cadence_s) * column.cadence_s if column.cadence_s else times
    if sensed is not None:
        read = in_unit(column, held(sensed, held_at))
        read = np.where(np.isnan(true), np.nan, read)
    else:
        read = in_unit(column, at(model.true[column.signal], np.maximum(held_at, model.true[column.signal].times_s[0])))
        read = np.where(np.isnan(true), np.nan, read)
    if column.resolution:
        read = np.round(read / column.resolution) * column.resolution
    return Laid(
        column, times, values, true, read, int(np.isnan(values).sum()), int(np.isnan(true).sum()),
        "the channel of its device" if sensed is not None else "",
        figures(times, true - values), figures(times, read - values),
    )  # fmt: skip


def figures(times_s: Floats, residuals: Floats) -> Figures | None:
    """Of what is there; None for fewer than two."""
    there = ~np.isnan(residuals)
    if int(there.sum()) < LEAST_ROWS:
        return None
    r, t = residuals[there], times_s[there]
    worst = int(np.argmax(np.abs(r)))
    return Figures(
        float(r.mean()), float(np.abs(r).mean()), float(np.sqrt((r * r).mean())), float(np.quantile(np.abs(r), 0.95)),
        float(r[worst]), float(t[worst]),
    )  # fmt: skip


def find_clock(plan: Map, measured: Measured, model: Modelled) -> Clock:
    """The shift within the map's search that fits best: the least mean squared residual, each column's measured in its
    own spread. Steps are as fine as the model's, or a thousandth of the search where that is coarser."""
    if not plan.search_s:
        return Clock(plan.shift_s, 0.0, None, edge=False)
    times = next(iter(model.true.values())).times_s
    step = max(float(np.median(np.diff(times))), 2.0 * plan.search_s / (MOST_SHIFTS - 1))
    count = int(plan.search_s / step)
    offsets = np.arange(-count, count + 1) * step
    columns = [(column, values_of(column, measured.cells[column.name])[0]) for column in plan.columns]
    spread = {
        column.name: float(np.nanstd(values)) if not np.isnan(values).all() else 0.0 for column, values in columns
    }
    costs = np.array([_cost(columns, spread, measured, model, plan.shift_s + float(o)) for o in offsets])
    if np.isnan(costs).all():
        return Clock(plan.shift_s, plan.search_s, None, edge=False)
    best = int(np.nanargmin(costs))
    given = float(costs[count])
    gain = given / float(costs[best]) - 1.0 if costs[best] > 0.0 and not math.isnan(given) else None
    return Clock(plan.shift_s + float(offsets[best]), plan.search_s, gain, edge=best in (0, offsets.size - 1))


def _cost(
    columns: Sequence[tuple[Column, Floats]], spread: dict[str, float], measured: Measured, model: Modelled,
    shift_s: float,
) -> float:  # fmt: skip
    total, parts = 0.0, 0
    for column, values in columns:
        residuals = in_unit(column, at(model.true[column.signal], measured.times_s + shift_s)) - values
        there = residuals[~np.isnan(residuals)]
        if there.size < max(LEAST_ROWS, 0.5 * float((~np.isnan(values)).sum())) or spread[column.name] == 0.0:
            continue  # half of what there is must be met, or the best shift were the one that compares least
        total += float((there * there).mean()) / spread[column.name] ** 2
        parts += 1
    return total / parts if parts else math.nan


def pair(event: Event, measured: Measured, model: Modelled, shift_s: float) -> Paired:
    """Each event of the table with the nearest one of the model that is within reach and nobody else's; the closest
    pairs first. What of the table lies outside the model is not asked."""
    times = measured.times_s + shift_s
    series = model.true[event.signal]
    there = ~np.isnan(measured.cells[event.column] + at(series, times))
    seen = _crossings(times, measured.cells[event.column], event.column_level, event.column_rising)
    seen = [t for t in seen if series.times_s[0] <= t <= series.times_s[-1]]
    made = _crossings(series.times_s, series.values, event.signal_level, event.signal_rising)
    made = [t for t in made if times[0] <= t <= times[-1]]
    near = sorted(
        (abs(a - b), i, j) for i, a in enumerate(seen) for j, b in enumerate(made) if abs(a - b) <= event.within_s
    )
    left, right, pairs = set(range(len(seen))), set(range(len(made))), []
    for _, i, j in near:
        if i in left and j in right:
            left.remove(i)
            right.remove(j)
            pairs.append((seen[i], made[j]))
    return Paired(
        event, tuple(sorted(pairs)), tuple(seen[i] for i in sorted(left)), tuple(made[j] for j in sorted(right)),
        looked=int(there.sum()) >= LEAST_ROWS,
    )  # fmt: skip


def _crossings(times_s: Floats, values: Floats, level: float, rising: bool) -> list[float]:
    """When values go over (under) a level, on a straight line between the samples around; gaps do not cross."""
    there = ~np.isnan(values)
    t, v = times_s[there], values[there]
    beyond = v > level if rising else v < level
    at_ = np.flatnonzero(beyond[1:] & ~beyond[:-1])
    found = []
    for k in at_:
        rise = v[k + 1] - v[k]
        share = (level - v[k]) / rise if rise else 1.0
        found.append(float(t[k] + share * (t[k + 1] - t[k])))
    return found
