"""A comparison: what was found, its verdict, and how it is told as JSON and in lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bus.text.times import clock
from faults.compare.form import Map
from faults.compare.measured import Measured
from faults.compare.modelled import Modelled
from faults.compare.residuals import Clock, Figures, Laid, Paired, find_clock, lay, pair


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table beside a model."""

    spacecraft: str
    model: str
    table: str
    rows: int
    clock: Clock
    columns: tuple[Laid, ...]
    events: tuple[Paired, ...]
    longest_gap_s: float
    step_s: float

    @property
    def exceeded(self) -> list[str]:
        """Every bound that is not held, in words."""
        found = [f"{one.column.name}: {name}" for one in self.columns for name in one.exceeded]
        return found + [f"event {one.event.name}: {name}" for one in self.events for name in one.exceeded]

    @property
    def bounded(self) -> bool:
        """Whether anything was asked of it."""
        events = any(one.event.most_missed is not None or one.event.most_invented is not None for one in self.events)
        return events or any(one.column.bounds for one in self.columns)

    @property
    def verdict(self) -> str:
        """PASS, FAIL, or that no bound was stated."""
        return "FAIL" if self.exceeded else "PASS" if self.bounded else "no bounds stated"


def compare(plan: Map, measured: Measured, model: Modelled, spacecraft: str, said: str) -> Comparison:
    """Everything that the map asks for. said: what the model is, for the reader."""
    found = find_clock(plan, measured, model)
    return Comparison(
        spacecraft, said, measured.file, measured.times_s.size, found,
        tuple(lay(column, measured, model, found.shift_s) for column in plan.columns),
        tuple(pair(event, measured, model, found.shift_s) for event in plan.events),
        measured.longest_gap_s, measured.step_s,
    )  # fmt: skip


def as_json(found: Comparison) -> dict[str, Any]:
    """One document; what could not be compared is null."""
    return {
        "verdict": found.verdict, "exceeded": found.exceeded, "spacecraft": found.spacecraft, "model": found.model,
        "table": found.table, "rows": found.rows, "clock": asdict(found.clock),
        "step_s": found.step_s, "longest_gap_s": found.longest_gap_s,
        "columns": {
            one.column.name: {
                "signal": one.column.signal, "unit": one.column.unit or "1", "missing": one.missing,
                "outside": one.outside, "residuals": _figures(one.figures), "as_read": _figures(one.read_figures),
                "read_by": one.read_by or None, "bounds": one.column.bounds, "exceeded": list(one.exceeded),
            }
            for one in found.columns
        },
        "events": {
            one.event.name: {
                "paired": len(one.pairs) if one.looked else None,
                "missed": len(one.missed_s) if one.looked else None,
                "invented": len(one.invented_s) if one.looked else None,
                "mean_s": _mean([b - a for a, b in one.pairs]),
                "worst_s": max((b - a for a, b in one.pairs), key=abs, default=None),
                "pairs_s": [list(two) for two in one.pairs], "missed_s": list(one.missed_s),
                "invented_s": list(one.invented_s), "exceeded": list(one.exceeded),
            }
            for one in found.events
        },
    }  # fmt: skip


def _figures(one: Figures | None) -> dict[str, float] | None:
    return asdict(one) if one is not None else None


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


HEADS = ("column", "signal", "unit", "rows", "mean", "MAE", "RMS", "p95", "worst", "at")


def row_of(one: Laid, figures: Figures | None) -> list[str]:
    """A line of the table, in the order of `HEADS`."""
    compared = str(int((~np.isnan(one.measured + one.true)).sum())) if figures else "none"
    head = [one.column.name, one.column.signal, one.column.unit or "1", compared]
    if figures is None:
        return [*head, "", "", "", "", "", ""]
    numbers = (figures.mean, figures.mae, figures.rms, figures.p95, figures.worst)
    return [*head, *(f"{number:.4g}" for number in numbers), clock(figures.worst_at_s)]


def event_words(one: Paired) -> str:
    """One kind of event in a line."""
    if not one.looked:
        return f"{one.event.name}: nothing to compare"
    apart = [b - a for a, b in one.pairs]
    times = (
        f", the model {_mean(apart):+.3g} s later on average, at worst {max(apart, key=abs):+.3g} s" if apart else ""
    )
    return f"{one.event.name}: {len(apart)} paired, {len(one.missed_s)} missed, {len(one.invented_s)} invented{times}"


def notes(found: Comparison) -> list[str]:
    """What a reader should know before the figures."""
    said = []
    clock_, step = found.clock, found.step_s
    if clock_.searched_s:
        better = "" if clock_.gain is None else f"; without it the squared residuals were {clock_.gain:.1%} larger"
        said.append(
            f"clock: {clock_.shift_s:+g} s added to the table's times, found within {clock_.searched_s:g} s{better}"
        )
    elif clock_.shift_s:
        said.append(f"clock: {clock_.shift_s:+g} s added to the table's times, as the map says")
    if clock_.edge:
        said.append("the clock's shift is at the edge of its search: widen `clock.search`, or mend `clock.shift`")
    if step and found.longest_gap_s > 5.0 * step:
        said.append(f"the longest gap between rows is {found.longest_gap_s:g} s, where most are {step:g} s apart")
    for one in found.columns:
        if one.outside:
            said.append(f"{one.column.name}: {one.outside} of {one.times_s.size} rows lie outside what was flown")
        if one.missing:
            said.append(f"{one.column.name}: {one.missing} of {one.times_s.size} cells say nothing")
        if one.figures is None:
            said.append(f"{one.column.name}: nothing to compare")
    return said
