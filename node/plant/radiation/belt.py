"""Trapped protons from a table over altitude, latitude, longitude and energy (AP8 in its own field).

The table is an argument of every kernel that reads it, never a global. Square roots of fluxes are stored and
interpolated trilinearly: that keeps orbit means within 2 % of AP8 itself and needs no exponential.
"""

# ruff: noqa: PLR0917  (kernels take scalars, and many of them)

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from node.plant.kernel.kernel import kernel
from node.plant.radiation.flux_table import DATA, about, altitude_range_m, check_altitudes

ROOM_M = 25e3
WESTWARD_DEG_YEAR = 0.3  # drift of the South Atlantic anomaly


class Belt(NamedTuple):
    """What kernels need of the table. Codes: altitude x latitude x longitude x energy; flux = (code x step)^2."""

    codes: NDArray[np.uint16]
    altitude_m: NDArray[np.float64]
    step: float
    shift_rad: float  # added to a longitude of today before the look-up


@kernel
def belt_place(belt: Belt, latitude_rad: float, longitude_rad: float, altitude_m: float) -> tuple[
    bool, int, int, int, int, float, float, float
]:  # fmt: skip
    """Whether there is any flux here; indices of altitude, latitude, longitude (two); fractions up, north, east."""
    levels, rows, columns, _ = belt.codes.shape
    last = levels - 2
    k = 0
    while k < last and belt.altitude_m[k + 1] <= altitude_m:
        k += 1
    up = (altitude_m - belt.altitude_m[k]) / (belt.altitude_m[k + 1] - belt.altitude_m[k])
    up = min(1.0, max(0.0, up))
    y = min(rows - 1.000001, max(0.0, (latitude_rad / math.pi + 0.5) * (rows - 1)))
    j = int(y)
    x = (longitude_rad + belt.shift_rad + 3.0 * math.pi) / (2.0 * math.pi)
    x = (x - math.floor(x)) * columns
    i = int(x)
    east = x - i
    i = min(i, columns - 1)
    n = i + 1 if i + 1 < columns else 0
    most = 0
    for a in range(k, k + 2):
        for b in range(j, j + 2):
            most += belt.codes[a, b, i, 0] + belt.codes[a, b, n, 0]
    return most > 0, k, j, i, n, up, y - j, east


@kernel
def trapped_flux(
    belt: Belt, k: int, j: int, i: int, n: int, up: float, north: float, east: float, energy: int
) -> float:
    """Omnidirectional integral flux (cm-2 s-1) above threshold `energy` at a place of `belt_place`."""
    c = belt.codes
    low_south = c[k, j, i, energy] * (1.0 - east) + c[k, j, n, energy] * east
    low_north = c[k, j + 1, i, energy] * (1.0 - east) + c[k, j + 1, n, energy] * east
    high_south = c[k + 1, j, i, energy] * (1.0 - east) + c[k + 1, j, n, energy] * east
    high_north = c[k + 1, j + 1, i, energy] * (1.0 - east) + c[k + 1, j + 1, n, energy] * east
    low = low_south * (1.0 - north) + low_north * north
    high = high_south * (1.0 - north) + high_north * north
    root = (low * (1.0 - up) + high * up) * belt.step
    return float(root * root)


def load_belt(solar_activity: str, year: float, lowest_m: float | None = None, highest_m: float | None = None) -> Belt:
    """The table for "minimum" or "maximum", cut to the altitudes asked for (the same values, less memory).

    `year` is decimal, for the anomaly's westward drift. Raises ValueError for an altitude outside or an unknown
    activity. 25 km to either side are kept for an orbit that is pushed or decays; beyond them the nearest values hold.
    """
    facts = about()
    if solar_activity not in ("minimum", "maximum"):
        raise ValueError(f"solar activity {solar_activity!r}; allowed: minimum, maximum")
    levels = np.array(facts["altitude_km"], dtype=np.float64) * 1e3
    low, high = altitude_range_m()
    lowest = low if lowest_m is None else lowest_m
    highest = high if highest_m is None else highest_m
    check_altitudes(lowest, highest)
    first = max(0, int(np.searchsorted(levels, lowest - ROOM_M, side="right")) - 1)
    last = min(len(levels) - 1, int(np.searchsorted(levels, highest + ROOM_M, side="left")))
    shift = math.radians(WESTWARD_DEG_YEAR * (year - facts["epoch_year"][solar_activity]))
    codes = _codes(solar_activity, first, last)
    return Belt(codes, levels[first : last + 1].copy(), float(facts["step"]), shift)


@lru_cache(maxsize=8)
def _codes(solar_activity: str, first: int, last: int) -> NDArray[np.uint16]:
    """The levels `first` to `last`, shared by all plants of a process. Nobody writes to them."""
    with np.load(DATA / "trapped_protons.npz", allow_pickle=False) as file:
        steps = file[solar_activity][first : last + 1]
    return np.ascontiguousarray(np.cumsum(steps, axis=2, dtype=np.uint16))
