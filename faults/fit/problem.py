"""The residuals that a fit makes small: several runs of one design, each beside its telemetry.

Residuals of a column are divided by its weight, so that volts and degrees count alike; the clock and the zeros of
columns cost no flight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bus.errors import ScenarioError, UserError
from bus.scenario.model import Scenario
from faults.compare.form import Map
from faults.compare.measured import Measured
from faults.compare.modelled import Modelled, Series, at, fly_model
from faults.compare.residuals import Figures, figures, in_unit, values_of
from faults.fit.free import Free, with_figures
from node.designs.load import Design

Floats = NDArray[np.float64]
MOST_KEPT = 4
"""Flights of a run that are kept: a clock that moves asks for the same one again."""


@dataclass
class Run:
    """One scenario beside one table. shift_s: what its clock is off without a free one."""

    name: str
    scenario: Scenario
    who: str
    plan: Map
    measured: Measured
    shift_s: float
    held_out: bool
    kept: dict[tuple[float, ...], Modelled] = field(default_factory=dict)


@dataclass
class Problem:
    """The runs, what is free, and how much each column counts. weights: by run and column, in the column's unit."""

    design: Design
    free: Sequence[Free]
    runs: Sequence[Run]
    weights: dict[tuple[str, str], float] = field(default_factory=dict)
    flights: int = 0

    @property
    def fitted(self) -> list[Run]:
        """The runs that count."""
        return [run for run in self.runs if not run.held_out]

    def residuals(self, values: Floats, runs: Sequence[Run] | None = None) -> Floats:
        """Weighted residuals of all columns of these runs, by default of those that are fitted. What cannot be compared
        counts nothing as long as at least half of a column's values are met; else what is not met counts as far as the
        column spreads, or the best clock were the one that compares least. Raises UserError where the plant leaves the
        numbers."""
        parts = []
        for run in self.fitted if runs is None else runs:
            cells = {column.name: values_of(column, run.measured.cells[column.name])[0] for column in run.plan.columns}
            for column, apart in self.apart(values, run).items():
                weighted = apart / self.weights[run.name, column]
                there = ~np.isnan(cells[column])
                missed = there & np.isnan(weighted)
                price = 0.0
                if 2 * int(missed.sum()) > int(there.sum()):
                    price = max(float(np.nanstd(cells[column])) / self.weights[run.name, column], 1.0)
                parts.append(np.where(missed, price, np.where(np.isnan(weighted), 0.0, weighted)))
        return np.concatenate(parts)

    def apart(self, values: Floats, run: Run) -> dict[str, Floats]:
        """Model minus measurement of each column, in its unit; NaN where there is nothing to compare."""
        model, shift_s = self.flown(values, run), self.shift_s(values, run)
        times = run.measured.times_s + shift_s
        offsets = {one.name: value for one, value in self._own(values, run) if one.of == "offset"}
        found = {}
        for column in run.plan.columns:
            cells, _ = values_of(column, run.measured.cells[column.name])
            held = np.floor(times / column.cadence_s) * column.cadence_s if column.cadence_s else times
            series: Series = model.true[column.signal]
            held = np.where(np.isnan(at(series, times)), np.nan, np.maximum(held, series.times_s[0]))
            found[column.name] = in_unit(column, at(series, held)) - cells - offsets.get(column.name, 0.0)
        return found

    def figures(self, values: Floats, run: Run) -> dict[str, Figures | None]:
        """Of each column's residuals."""
        times = run.measured.times_s + self.shift_s(values, run)
        return {name: figures(times, apart) for name, apart in self.apart(values, run).items()}

    def shift_s(self, values: Floats, run: Run) -> float:
        """What is added to the table's times."""
        return run.shift_s + sum(value for one, value in self._own(values, run) if one.of == "clock")

    def _own(self, values: Floats, run: Run) -> list[tuple[Free, float]]:
        """The figures that are of a run, or of all, with their values."""
        found: list[float] = values.tolist()
        named = zip(self.free, found, strict=True)
        return [(one, value) for one, value in named if one.run in ("", run.name)]

    def flown(self, values: Floats, run: Run) -> Modelled:
        """The flight of these values, kept for a while."""
        key = tuple(value for one, value in self._own(values, run) if one.of not in ("clock", "offset"))
        if key not in run.kept:
            while len(run.kept) >= MOST_KEPT:
                run.kept.pop(next(iter(run.kept)))
            run.kept[key] = self._fly(values, run)
            self.flights += 1
        return run.kept[key]

    def _fly(self, values: Floats, run: Run) -> Modelled:
        named = self._own(values, run)
        written = {one.path: (one.written(value), "tried") for one, value in named if one.of == "design"}
        try:
            design = with_figures(self.design, written) if written else self.design
        except ScenarioError as error:
            tried = ", ".join(f"{one.path} {one.written(value)}" for one, value in named if one.of == "design")
            found = error.mistakes[0]
            raise UserError(
                f"{run.name}: no design with {tried}: {found.field}: {found.found}",
                hint=f"allowed: {found.allowed}; give the figures bounds that keep apart",
            ) from error
        own = next(spacecraft for spacecraft in run.scenario.spacecraft if spacecraft.id == run.who)
        orbit = {one.name: value for one, value in named if one.of == "orbit"}
        initial = {one.name: value for one, value in named if one.of == "initial"}
        other = own.model_copy(
            update={"orbit": own.orbit.model_copy(update=orbit), "initial": {**own.initial, **initial}}
        )
        fleet = tuple(other if spacecraft is own else spacecraft for spacecraft in run.scenario.spacecraft)
        scenario = run.scenario.model_copy(update={"spacecraft": fleet})
        clock_s = max((abs(end) for one in self.free if one.of == "clock" for end in (one.low, one.high)), default=0.0)
        end_s = float(run.measured.times_s[-1]) + run.shift_s + clock_s
        try:
            return fly_model(scenario, run.who, run.plan, end_s, design=design, sensed=False)
        except (ValueError, ArithmeticError) as error:
            tried = ", ".join(f"{one.path} {one.written(value)}" for one, value in named)
            raise UserError(f"{run.name} cannot be flown with {tried}: {error}", hint="narrow the bounds") from error


def own_weights(problem: Problem, values: Floats) -> dict[tuple[str, str], float]:
    """Root mean square of each column's residuals, at least its resolution's own (a step over the square root of 12),
    and at least a millionth of what was measured."""
    found = {}
    for run in problem.runs:
        for column in run.plan.columns:
            apart = problem.apart(values, run)[column.name]
            there = apart[~np.isnan(apart)]
            if not there.size:
                raise UserError(
                    f"{run.name}: nothing of column {column.name!r} can be compared",
                    hint="`skyrack compare` with the same files says why",
                )
            rms = math.sqrt(float((there * there).mean()))
            cells, _ = values_of(column, run.measured.cells[column.name])
            scale = float(np.nanmax(np.abs(cells)))
            found[run.name, column.name] = max(rms, column.resolution / math.sqrt(12.0), 1e-6 * scale, 1e-30)
    return found


def with_weights(problem: Problem, values: Floats) -> Problem:
    """The same problem, its columns weighed by how far they are apart now."""
    return replace(problem, weights=own_weights(problem, values))


def effective_rows(problem: Problem, values: Floats) -> tuple[float, int, Floats]:
    """How many independent residuals there are, how many in all, and the variance that each counts with: its column's,
    times how many alike stand for one. Neighbours that are alike count less, by the correlation of each with the next,
    (1 - r) / (1 + r) (Bayley and Hammersley 1946, for a first-order process)."""
    independent, rows, variances = 0.0, 0, []
    for run in problem.fitted:
        for column, apart in problem.apart(values, run).items():
            there = apart[~np.isnan(apart)] / problem.weights[run.name, column]
            rows += there.size
            centred = there - there.mean()
            power = float((centred * centred).sum())
            r = float((centred[1:] * centred[:-1]).sum()) / power if power > 0.0 and there.size > 2 else 0.0
            r = min(max(r, 0.0), 0.999)
            independent += there.size * (1.0 - r) / (1.0 + r)
            variances.append(np.full(apart.size, float((there * there).mean()) * (1.0 + r) / (1.0 - r)))
    return independent, rows, np.concatenate(variances)
