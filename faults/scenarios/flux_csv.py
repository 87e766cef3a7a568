"""A user's table of integral proton flux, as NOAA publishes it -> samples that fly, and what was done to get them.

A column of times and columns like gt10MeV_pfu. What cannot have been measured is left out with its line: fill values,
flux above anything ever seen, flux that grows with energy. Background is taken from an hour that is in the table and
quiet, or not at all. Nothing of it is silent: every repair is a note.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bus.errors import Mistake, Refused, ScenarioError
from bus.text import tables
from bus.text.instants import parse_instant
from bus.text.units import show
from node.plant.radiation.shielding import ENERGIES_MEV
from node.plant.radiation.solar_event import spectrum

COLUMN = re.compile(r"^(?:gt|>=?|p>=?)\s*(\d+(?:\.\d+)?)\s*MeV[\s_]*\(?(.*?)\)?$", re.IGNORECASE)
PFU = {"pfu", "cm-2 s-1 sr-1", "cm^-2 s^-1 sr^-1", "1/(cm2 s sr)", "p/cm2/s/sr"}
TIMES = ("utc", "time", "time_tag", "time_utc")
HOUR_S = 3600.0
MAX_NOTES = 20

EVENT_PFU_MEV = 100.0
"""An event begins at 10 pfu above 10 MeV and at 1 pfu above 100 MeV (NOAA's warning thresholds): 100 pfu MeV over E."""
QUIET_RATIO = 3.0
"""An hour is quiet in a channel if its mean is at most so many times the channel's least value [A]."""
COVERED = 0.75
"""So much of an hour must have values for its mean to count [A]."""
LARGEST_PFU = 2e5
"""Above 10 MeV: twice what the largest events are said to have reached (August 1972, about 1e5 pfu)."""
FILL = re.compile(r"9{4,}(\.9*)?")
FAR = 3.0
"""Equal values in all channels this far from the rows around them are a fill [A]."""

SPIKE = 10.0
"""A row so many times above both of its neighbours is told [A]: fluxes at 5 min follow each other within a factor."""
LEAST_PFU = 1.0
"""Below this, counting noise makes such factors by itself [A]."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Wanted:
    """What the scenario says of its table. `begin`: the instant of the table that falls on `onset_s`; None: its first
    row. gaps: "refuse" or "interpolate" those longer than an hour. background: "quiet" or "keep"."""

    onset_s: float = 0.0
    gaps: str = "refuse"
    background: str = "quiet"
    begin: datetime | None = None


class Flux(NamedTuple):
    """Rows of a time (s since the scenario's epoch) and fluxes above the plant's thresholds; notes for the user."""

    samples: tuple[tuple[float, ...], ...]
    notes: tuple[str, ...]


@dataclass
class _Table:
    """What is read: times (s since 2000), fluxes (NaN where there is none), and the line of each row."""

    energies: list[float]
    times: list[float] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def keep(self, which: Sequence[bool]) -> None:
        """Only these rows."""
        self.times = [x for x, kept in zip(self.times, which, strict=True) if kept]
        self.rows = [x for x, kept in zip(self.rows, which, strict=True) if kept]
        self.lines = [x for x, kept in zip(self.lines, which, strict=True) if kept]


def read_flux(text: str, shown: str, wanted: Wanted) -> Flux:
    """The samples of a table. Raises ScenarioError with the table's line, Refused for a `begin` outside it."""
    table = _read(text, shown)
    _leave_out_growth(table, shown)
    _leave_out_flat(table)
    _leave_out_poor(table)
    if len(table.times) < 2:
        raise _refused(shown, 2, f"{len(table.times)} usable rows{_why(table)}", "at least two")
    _note_spikes(table)
    _check_gaps(table, shown, wanted.gaps)
    fluxes = np.array(table.rows)
    if wanted.background == "quiet":
        fluxes = _without_background(table, fluxes)
    if table.energies[-1] < ENERGIES_MEV[-1]:
        table.notes.append(f"above {table.energies[-1]:g} MeV the spectrum is carried on as a power law")
    found = [
        (moment, *_spectrum(table.energies, values))
        for moment, values in zip(table.times, fluxes.tolist(), strict=True)
    ]
    first = table.times[0]
    if wanted.begin is not None:
        first = _seconds(wanted.begin)
        found = _from(found, table, first, wanted.begin)
    samples = tuple((row[0] - first + wanted.onset_s, *(float(f"{flux:.6g}") for flux in row[1:])) for row in found)
    return Flux(samples, tuple(table.notes))


def _read(text: str, shown: str) -> _Table:
    """Times and values as they stand; fill values are no values."""
    rows = iter([row for row in tables.rows(text, shown) if not row.cells[0].lstrip().startswith("#")])
    header = next(rows, None)
    if header is None:
        raise _refused(shown, 1, "an empty table", "a header and at least two rows")
    time_column, channels = _header(header, shown)
    table = _Table([energy for _, energy in channels])
    fills: list[int] = []
    for line, cells in rows:
        moment = _moment(cells, time_column, line, shown)
        if table.times and moment <= table.times[-1]:
            found = f"time {cells[time_column].strip()!r}"
            raise _refused(shown, line, found, "one after the line before: times must rise")
        values = [_value(cells, column, line, shown) for column, _ in channels]
        kept = [
            value if _possible(value, energy) else math.nan for value, (_, energy) in zip(values, channels, strict=True)
        ]
        if any(value > 0.0 and math.isnan(one) for value, one in zip(values, kept, strict=True)):
            fills.append(line)
        table.times.append(moment)
        table.rows.append(kept)
        table.lines.append(line)
    if len(table.times) < 2:
        raise _refused(shown, 1, f"{1 + len(table.times)} lines", "a header and at least two rows")
    if fills:
        table.notes.append(
            f"{len(fills)} rows with fill values, or more than was ever measured, the first on line {fills[0]}: those "
            "cells count as empty"
        )
    return table


def _header(header: tables.Row, shown: str) -> tuple[int, list[tuple[int, float]]]:
    """The time column's index, and (index, energy) of the flux columns by rising energy."""
    names = [cell.strip() for cell in header.cells]
    times = [i for i, name in enumerate(names) if name.lower() in TIMES]
    if len(times) != 1:
        found = f"{len(times) or 'no'} columns of times"
        raise _refused(shown, header.line, found, f"exactly one column called {', '.join(TIMES[:-1])} or {TIMES[-1]}")
    channels = []
    for i, name in enumerate(names):
        match = COLUMN.match(name)
        if not match:
            continue
        unit = match.group(2).strip().lower().replace("_", " ")
        if unit not in PFU:
            found = f"column {name[:40]!r} with unit {unit[:20] or 'none'!r}"
            raise _refused(shown, header.line, found, "pfu, that is cm-2 s-1 sr-1")
        channels.append((i, float(match.group(1))))
    channels.sort(key=lambda channel: channel[1])
    energies = [energy for _, energy in channels]
    if len(channels) < 2:
        raise _refused(shown, header.line, f"{len(channels)} columns of flux", "at least two, named like gt10MeV_pfu")
    if energies[0] > 10.0 or energies[-1] < 100.0:
        found = f"channels from {energies[0]:g} to {energies[-1]:g} MeV"
        raise _refused(shown, header.line, found, "from 10 MeV or below to 100 MeV or above")
    twice = [energy for energy, after in pairwise(energies) if energy == after]
    if twice or energies[0] <= 0.0:
        found = f"two columns above {twice[0]:g} MeV" if twice else "a column above 0 MeV"
        raise _refused(shown, header.line, found, "one column for each energy above zero")
    return times[0], channels


def _moment(cells: Sequence[str], column: int, line: int, shown: str) -> float:
    if column >= len(cells):
        raise _refused(shown, line, "nothing in the time column", "a UTC time such as 2024-05-10T12:00:00Z")
    try:
        return _seconds(parse_instant(cells[column]))
    except Refused as error:
        raise _refused(shown, line, f"{error.found} in the time column", error.allowed) from None


def _seconds(moment: datetime) -> float:
    return (moment - _EPOCH).total_seconds()


def _value(cells: Sequence[str], column: int, line: int, shown: str) -> float:
    """A flux; NaN for none: an empty cell, a word for nothing, a value below zero."""
    allowed = "a number, or an empty cell for no data"
    if column >= len(cells):
        raise _refused(shown, line, f"nothing in column {column + 1}", allowed)
    text = cells[column].strip()
    if tables.is_nothing(text):
        return math.nan
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        raise _refused(shown, line, f"{show(text)} in column {column + 1}", allowed) from None
    return math.nan if value < 0.0 else value


def _possible(value: float, energy_mev: float) -> bool:
    """Not a fill value, and not above what a Sun has ever sent: softer below 10 MeV, harder events fall as 1/E."""
    ratio = 10.0 / energy_mev
    return value <= LARGEST_PFU * (ratio * ratio if ratio > 1.0 else ratio) and not FILL.fullmatch(f"{value:.12g}")


def _leave_out_growth(table: _Table, shown: str) -> None:
    """Integral flux cannot grow with energy; counting noise of a quiet Sun may, by a hundredth of an event's level."""
    grown = []
    for values in table.rows:
        there = [(e, f) for e, f in zip(table.energies, values, strict=True) if not math.isnan(f)]
        grown.append(
            any(high > 1.1 * low + 0.01 * EVENT_PFU_MEV / energy for (energy, low), (_, high) in pairwise(there))
        )
    if not any(grown):
        return
    first = table.lines[grown.index(True)]
    if 2 * sum(grown) > len(grown):
        raise _refused(shown, first, "flux that grows with energy, as in most rows", "columns of integral flux")
    table.notes.append(f"{sum(grown)} rows in which flux grows with energy left out, the first on line {first}")
    table.keep([not one for one in grown])


def _leave_out_flat(table: _Table) -> None:
    """Equal values in all channels, far from the rows around: a fill that happens to be a possible number."""
    flat = []
    for values in table.rows:
        there = [(e, f) for e, f in zip(table.energies, values, strict=True) if not math.isnan(f)]
        equal = len(there) > 1 and len({f for _, f in there}) == 1
        flat.append(equal and there[-1][1] > EVENT_PFU_MEV / there[-1][0])
    fill = [one and _far(table, flat, k) for k, one in enumerate(flat)]
    if any(fill):
        first = table.lines[fill.index(True)]
        table.notes.append(f"{sum(fill)} rows with one fill value in all channels left out, the first on line {first}")
        table.keep([not one for one in fill])


def _far(table: _Table, flat: Sequence[bool], k: int) -> bool:
    """Whether the highest value of a flat row is far from those of the nearest rows that are not flat."""
    around = [
        next((i for i in order if not flat[i]), None) for order in (range(k - 1, -1, -1), range(k + 1, len(flat)))
    ]
    value = np.nanmax(table.rows[k])
    near = [table.rows[i][-1] for i in around if i is not None and not math.isnan(table.rows[i][-1])]
    return bool(near) and all(value > FAR * one or value * FAR < one for one in near)


def _note_spikes(table: _Table) -> None:
    """A single row far above both of its neighbours, in one channel or in all, is possible and unlikely: it flies, and
    is told. A real onset stays high in the rows after it."""
    found = []
    for before, here, after, line in zip(table.rows, table.rows[1:], table.rows[2:], table.lines[1:], strict=False):
        if any(h > SPIKE * max(b, a, LEAST_PFU) for b, h, a in zip(before, here, after, strict=True)):
            found.append(line)
    if found:
        rows = "one row that stands" if len(found) == 1 else f"{len(found)} rows that stand"
        table.notes.append(
            f"{rows} {SPIKE:g} times or more above both neighbours, the first on line {found[0]}: flown as written; "
            "leave out what is no measurement"
        )


def _leave_out_poor(table: _Table) -> None:
    """Rows whose channels do not reach from 10 to 100 MeV are left out; other holes are filled from their row."""
    kept: list[bool] = []
    holes: dict[float, list[int]] = {}
    for line, values in zip(table.lines, table.rows, strict=True):
        there = [energy for energy, value in zip(table.energies, values, strict=True) if not math.isnan(value)]
        kept.append(len(there) >= 2 and there[0] <= 10.0 and there[-1] >= 100.0)
        if kept[-1]:
            for energy in (energy for energy in table.energies if energy not in there):
                holes.setdefault(energy, []).append(line)
    if not all(kept):
        first = table.lines[kept.index(False)]
        table.notes.append(f"{len(kept) - sum(kept)} rows without enough data left out, the first on line {first}")
        table.keep(kept)
    table.notes += [
        f">{energy:g} MeV missing from {len(empty)} rows, the first on line {empty[0]}: filled from other channels"
        for energy, empty in sorted(holes.items())
    ]


def _why(table: _Table) -> str:
    return f" ({'; '.join(table.notes[:3])})" if table.notes else ""


def _check_gaps(table: _Table, shown: str, gaps: str) -> None:
    """Notes on gaps that are interpolated; ScenarioError for one that must not be."""
    notes = []
    for before, after, line in zip(table.times, table.times[1:], table.lines[1:], strict=False):
        if after - before > HOUR_S:
            words = f"gap of {(after - before) / HOUR_S:.1f} h"
            if gaps != "interpolate":
                allowed = "at most 1 h without a usable row; or gaps: interpolate"
                raise _refused(shown, line, f"{words} before this row", allowed)
            notes.append(f"{words} before line {line}: interpolated")
    if len(notes) > MAX_NOTES:
        notes[MAX_NOTES:] = [f"{len(notes) - MAX_NOTES} further gaps: interpolated"]
    table.notes += notes


def _without_background(table: _Table, fluxes: Floats) -> Floats:
    """Without cosmic rays and noise, as far as the table shows them: each channel's lowest mean over a quiet hour."""
    levels = background(np.array(table.times), fluxes, np.array(table.energies))
    quiet = [f">{e:g} MeV {q:.3g}" for e, q in zip(table.energies, levels.tolist(), strict=True) if not math.isnan(q)]
    loud = [f">{e:g} MeV" for e, q in zip(table.energies, levels.tolist(), strict=True) if math.isnan(q)]
    if quiet:
        table.notes.append(f"quiet-time background taken away (pfu): {', '.join(quiet)}")
    if loud:
        table.notes.append(f"no quiet hour in the table, so no background is taken away: {', '.join(loud)}")
    return np.maximum(fluxes - np.nan_to_num(levels), 0.0)


def background(times_s: Floats, fluxes: Floats, energies_mev: Floats) -> Floats:
    """Each channel's lowest mean over an hour that is there (its rows cover it) and quiet (below an event's level, and
    near the channel's least value); NaN where there is none."""
    step = float(np.median(np.diff(times_s)))
    ends = np.append(times_s, times_s[-1] + step)
    stop = np.searchsorted(ends, times_s + HOUR_S - 1e-6)
    start = np.flatnonzero(stop < len(ends))
    stop = stop[start]
    span = ends[stop] - times_s[start]
    levels = np.full(len(energies_mev), math.nan)
    for channel, energy in enumerate(energies_mev.tolist()):
        values = fluxes[:, channel]
        there = ~np.isnan(values)
        if not there.any():
            continue
        sums = np.concatenate([[0.0], np.cumsum(np.where(there, values, 0.0))])
        counts = np.concatenate([[0], np.cumsum(there)])
        count = counts[stop] - counts[start]
        mean = (sums[stop] - sums[start]) / np.maximum(count, 1)
        limit = min(EVENT_PFU_MEV / energy, QUIET_RATIO * float(np.nanmin(values)))
        quiet = (count * step >= COVERED * span) & (count > 0) & (mean <= limit * (1.0 + 1e-9))
        if quiet.any():
            levels[channel] = max(0.0, float(mean[quiet].min()))
    return levels


def _spectrum(energies: Sequence[float], values: Sequence[float]) -> list[float]:
    there = [(energy, value) for energy, value in zip(energies, values, strict=True) if not math.isnan(value)]
    return spectrum([e for e, _ in there], [f for _, f in there])


def _from(
    found: list[tuple[float, ...]], table: _Table, first: float, begin: datetime
) -> list[tuple[float, ...]]:  # fmt: skip
    """The samples from an instant on, with one at it; says which peak is left behind."""
    after = [row for row in found if row[0] > first]
    before = [row for row in found if row[0] <= first]
    if not before or not after:
        first_row, last_row = (
            f"{_EPOCH + timedelta(seconds=row[0]):%Y-%m-%dT%H:%M:%SZ}" for row in (found[0], found[-1])
        )
        raise Refused(f"{begin:%Y-%m-%dT%H:%M:%SZ}", f"a time of the table: {first_row} or later, before {last_row}")
    low, high = before[-1], after[0]
    share = (first - low[0]) / (high[0] - low[0])
    here = (first, *(a + share * (b - a) for a, b in zip(low[1:], high[1:], strict=True)))
    peak = max(found, key=lambda row: row[1])
    if peak[0] < first:
        line = table.lines[found.index(peak)]
        flown = max(here[1], *(row[1] for row in after))
        table.notes.append(
            f"the peak above 10 MeV, {peak[1]:.4g} pfu on line {line}, lies before `begin`: from there on it is "
            f"{flown:.4g} pfu"
        )
    return [here, *after]


def _refused(shown: str, line: int, found: str, allowed: str) -> ScenarioError:
    return ScenarioError([Mistake(shown, line, 1, "", found, allowed)])
