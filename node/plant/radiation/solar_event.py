"""Solar energetic particle events: NOAA S-scale profiles, or the user's table of integral proton flux.

An event becomes an array: one row per sample, time (s since the scenario's epoch) and then integral directional flux
(cm-2 s-1 sr-1) above each threshold of the flux table. `radiation.step_event` brings the sky's fluxes to the sky's
time, and works out what gets through the magnetic field. Imports no numba.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from node.plant.radiation.setup import rigidity_gv
from node.plant.radiation.shielding import ENERGIES_MEV

Samples = NDArray[np.float64]

PROFILES = {
    # name: peak above 10 MeV (pfu), e-folding rise (h), decay (h), R0 (MV)
    "S1": (1e1, 1.0, 12.0, 70.0),
    "S2": (1e2, 1.5, 14.0, 75.0),
    "S3": (1e3, 2.0, 16.0, 80.0),
    "S4": (1e4, 3.0, 20.0, 80.0),
    "S5": (1e5, 4.0, 24.0, 80.0),
    "october_1989": (4e4, 3.0, 12.0, 60.0),
    "october_2003": (2.95e4, 3.0, 20.0, 70.0),
    "may_2024": (2.08e2, 1.5, 12.0, 60.0),
}
"""Thresholds of the NOAA solar radiation storm scale; peaks of three events. Fast rise and exponential decay of 12
to 24 h, spectrum exp(-R/R0) with R0 of 60 to 150 MV: textbook; the pairing of figures is an assumption.
"""

COLUMN = re.compile(r"^(?:gt|>=?|p>=?)\s*(\d+(?:\.\d+)?)\s*MeV[\s_]*\(?(.*?)\)?$", re.IGNORECASE)
PFU = {"pfu", "cm-2 s-1 sr-1", "cm^-2 s^-1 sr^-1", "1/(cm2 s sr)", "p/cm2/s/sr"}
LONGEST_GAP_S = 3600.0
MAX_NOTES = 20


class TableRefused(ValueError):
    """A table of flux that cannot be used: on which line, what stands there, and what would do."""

    def __init__(self, line: int, found: str, allowed: str) -> None:
        super().__init__(f"line {line}: {found}; allowed: {allowed}")
        self.line = line
        self.found = found
        self.allowed = allowed


@dataclass(frozen=True)
class SolarEvent:
    """Samples for the kernel, and what a user should know of how they came about."""

    samples: Samples
    notes: tuple[str, ...] = ()


def no_event() -> SolarEvent:
    """A quiet Sun."""
    return SolarEvent(np.zeros((1, 1 + len(ENERGIES_MEV))))


def read_event(text: str, onset_s: float, gaps: str = "refuse") -> SolarEvent:
    """What a scenario says: nothing (or "none"), a profile's name, or the whole text of a table of flux."""
    if text in ("", "none"):
        return no_event()
    if "\n" in text:
        return from_csv(text, onset_s, gaps)
    return profile(text, onset_s)


def event_samples(name: str, onset_s: float, samples: Sequence[Sequence[float]]) -> Samples:
    """What the kernel needs: samples as they are, else those of a profile. Raises ValueError."""
    if not len(samples):
        return read_event(name, onset_s).samples
    table = np.array(samples, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 1 + len(ENERGIES_MEV) or not np.isfinite(table).all():
        raise ValueError(f"samples of a solar event: rows of a time and {len(ENERGIES_MEV)} fluxes")
    if len(table) < 2 or (np.diff(table[:, 0]) <= 0.0).any() or (table[:, 1:] < 0.0).any():
        raise ValueError("samples of a solar event: at least two, times that rise, fluxes not below zero")
    return table


def profile(name: str, onset_s: float) -> SolarEvent:
    """A profile by name, rising from `onset_s`. Raises ValueError for a name there is not."""
    if name not in PROFILES:
        raise ValueError(f"solar event {name!r}; allowed: {', '.join(PROFILES)}")
    peak, rise_h, decay_h, r0_mv = PROFILES[name]
    rise, decay = rise_h * 3600.0, decay_h * 3600.0
    top_at = math.log(1.0 + decay / rise) * rise  # of (1 - exp(-t/rise)) exp(-t/decay)
    scale = 1.0 / ((1.0 - math.exp(-top_at / rise)) * math.exp(-top_at / decay))
    spectrum = [math.exp(-(rigidity_gv(e) - rigidity_gv(10.0)) * 1e3 / r0_mv) for e in ENERGIES_MEV]
    rows = []
    for k in range(1009):  # a week in steps of ten minutes
        t = 600.0 * k
        shape = scale * (1.0 - math.exp(-t / rise)) * math.exp(-t / decay)
        rows.append([onset_s + t, *(peak * shape * x for x in spectrum)])
    return SolarEvent(np.array(rows))


def from_csv(text: str, onset_s: float, gaps: str = "refuse", background: str = "quiet") -> SolarEvent:
    """A table of integral proton flux as NOAA publishes it: a time column (ISO 8601) and columns like gt10MeV_pfu.

    The first row falls on `onset_s`. A channel missing from a row is filled from that row's other channels, which must
    reach from 10 to 100 MeV. gaps: "refuse" or "interpolate" those longer than an hour. background: "quiet" takes each
    channel's lowest hourly mean away (cosmic rays and noise), "keep" does not. What was done is said in the notes.
    Raises TableRefused (a ValueError) with the line's number.
    """
    rows = list(csv.reader(io.StringIO(text)))
    if len(rows) < 3:
        raise TableRefused(1, f"{len(rows)} lines", "a header and at least two rows")
    time_column, channels = _header(rows[0])
    energies = [energy for _, energy in channels]
    if energies[0] > 10.0 or energies[-1] < 100.0:
        raise TableRefused(
            1, f"channels from {energies[0]:g} to {energies[-1]:g} MeV", "from 10 MeV or below to 100 MeV or above"
        )
    times: list[float] = []
    fluxes: list[list[float]] = []
    lines: list[int] = []
    dropped: list[int] = []
    holes: dict[float, list[int]] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        moment = _moment(row, time_column, line)
        if times and moment <= times[-1]:
            raise TableRefused(line, f"time {row[time_column].strip()!r}", "one after the line before: times must rise")
        values = [_value(row, column, line) for column, _ in channels]
        present = [energy for energy, value in zip(energies, values, strict=True) if value >= 0.0]
        if len(present) < 2 or present[0] > 10.0 or present[-1] < 100.0:
            dropped.append(line)
            continue
        for energy in (energy for energy in energies if energy not in present):
            holes.setdefault(energy, []).append(line)
        times.append(moment)
        lines.append(line)
        fluxes.append([value if value >= 0.0 else math.nan for value in values])
    notes = [f"{len(dropped)} rows without enough data left out, the first on line {dropped[0]}"] if dropped else []
    notes += [
        f">{energy:g} MeV missing from {len(empty)} rows, the first on line {empty[0]}: filled from other channels"
        for energy, empty in sorted(holes.items())
    ]
    if len(times) < 2:
        raise TableRefused(2, f"{len(times)} usable rows", "at least two")
    notes += _gaps(times, lines, gaps)
    table = np.array(fluxes)
    if background == "quiet":
        quiet = _quiet(times, table)
        table = np.maximum(table - quiet, 0.0)
        levels = ", ".join(f">{e:g} MeV {q:.3g}" for e, q in zip(energies, quiet, strict=True))
        notes.append(f"quiet-time background taken away (pfu): {levels}")
    if energies[-1] < ENERGIES_MEV[-1]:
        notes.append(f"above {energies[-1]:g} MeV the spectrum is carried on as a power law")
    samples = []
    for moment, values in zip(times, table.tolist(), strict=True):
        there = [(energy, value) for energy, value in zip(energies, values, strict=True) if not math.isnan(value)]
        samples.append([moment - times[0] + onset_s, *_spectrum([e for e, _ in there], [f for _, f in there])])
    return SolarEvent(np.array(samples), tuple(notes))


def _gaps(times: Sequence[float], lines: Sequence[int], gaps: str) -> list[str]:
    """Notes on gaps that are interpolated; TableRefused for one that must not be."""
    notes = []
    for k in range(1, len(times)):
        gap_s = times[k] - times[k - 1]
        if gap_s > LONGEST_GAP_S:
            words = f"gap of {gap_s / 3600.0:.1f} h"
            if gaps != "interpolate":
                raise TableRefused(
                    lines[k], f"{words} before this row", "at most 1 h without a usable row; or gaps: interpolate"
                )
            notes.append(f"{words} before line {lines[k]}: interpolated")
    if len(notes) > MAX_NOTES:
        notes[MAX_NOTES:] = [f"{len(notes) - MAX_NOTES} further gaps: interpolated"]
    return notes


def _header(cells: Sequence[str]) -> tuple[int, list[tuple[int, float]]]:
    """The time column's index, and (index, energy) of the flux columns by rising energy."""
    names = [cell.strip() for cell in cells]
    times = [i for i, name in enumerate(names) if name.lower() in ("utc", "time", "time_tag", "time_utc")]
    if len(times) != 1:
        raise TableRefused(
            1, f"{len(times) or 'no'} columns of times", "exactly one column called utc, time, time_tag or time_utc"
        )
    channels = []
    for i, name in enumerate(names):
        match = COLUMN.match(name)
        if not match:
            continue
        unit = match.group(2).strip().lower().replace("_", " ")
        if unit not in PFU:
            raise TableRefused(
                1, f"column {name[:40]!r} with unit {unit[:20] or 'none'!r}", "pfu, that is cm-2 s-1 sr-1"
            )
        channels.append((i, float(match.group(1))))
    if len(channels) < 2:
        raise TableRefused(1, f"{len(channels)} columns of flux", "at least two, named like gt10MeV_pfu")
    return times[0], sorted(channels, key=lambda channel: channel[1])


def _moment(row: Sequence[str], column: int, line: int) -> float:
    try:
        moment = datetime.fromisoformat(row[column].strip())
    except (ValueError, IndexError) as error:
        found = repr(row[column].strip()[:40]) if column < len(row) else "nothing"
        raise TableRefused(
            line, f"{found} in the time column", "an ISO 8601 time such as 2024-05-10T12:00:00Z"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(2000, 1, 1, tzinfo=UTC)).total_seconds()


def _value(row: Sequence[str], column: int, line: int) -> float:
    try:
        value = float(row[column]) if row[column].strip() else -1.0
    except (ValueError, IndexError) as error:
        found = repr(row[column].strip()[:40]) if column < len(row) else "nothing"
        raise TableRefused(line, f"{found} in column {column + 1}", "a number, or an empty cell for no data") from error
    return value if math.isfinite(value) else -1.0


def _quiet(times: Sequence[float], table: Samples) -> Samples:
    """The lowest hourly mean of each channel."""
    lowest: Samples = np.nanmax(table, axis=0)
    start = 0
    for i, t in enumerate(times):
        if t - times[start] >= 3600.0:
            hour = table[start:i]
            whole = ~np.isnan(hour).any(axis=0)
            lowest[whole] = np.minimum(lowest, np.where(whole, hour.sum(axis=0) / len(hour), lowest))[whole]
            start = i
    return lowest


def _spectrum(energies: Sequence[float], fluxes: Sequence[float]) -> list[float]:
    """Fluxes above ENERGIES_MEV by log-log interpolation; never rising with energy."""
    floor = 1e-9
    values: list[float] = []
    for energy in ENERGIES_MEV:
        k = 0
        while k < len(energies) - 2 and energies[k + 1] < energy:
            k += 1
        low, high = max(fluxes[k], floor), max(fluxes[k + 1], floor)
        slope = min(0.0, math.log(high / low) / math.log(energies[k + 1] / energies[k]))
        value = low * math.exp(slope * math.log(energy / energies[k]))
        value = 0.0 if value <= 2.0 * floor else value
        values.append(min(value, values[-1]) if values else value)
    return values
