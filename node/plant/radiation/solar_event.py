"""Solar energetic particle events: NOAA S-scale profiles, or samples of a user's table of integral proton flux.

An event becomes an array: one row per sample, time (s since the scenario's epoch) and then integral directional flux
(cm-2 s-1 sr-1) above each threshold of the flux table. `radiation.step_event` brings the sky's fluxes to the sky's
time, and works out what gets through the magnetic field. Imports no numba.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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


def no_event() -> Samples:
    """A quiet Sun."""
    return np.zeros((1, 1 + len(ENERGIES_MEV)))


def event_samples(name: str, onset_s: float, samples: Sequence[Sequence[float]]) -> Samples:
    """What the kernel needs: samples as they are, else those of a profile. Raises ValueError."""
    if not len(samples):
        return no_event() if name in ("", "none") else profile(name, onset_s)
    table = np.array(samples, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 1 + len(ENERGIES_MEV) or not np.isfinite(table).all():
        raise ValueError(f"samples of a solar event: rows of a time and {len(ENERGIES_MEV)} fluxes")
    if len(table) < 2 or (np.diff(table[:, 0]) <= 0.0).any() or (table[:, 1:] < 0.0).any():
        raise ValueError("samples of a solar event: at least two, times that rise, fluxes not below zero")
    return table


def profile(name: str, onset_s: float) -> Samples:
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
    return np.array(rows)


def spectrum(energies: Sequence[float], fluxes: Sequence[float]) -> list[float]:
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
