"""What particles do to solar cells behind their cover glass, as 1 MeV electrons that would do the same.

The method is that of equivalent fluence (Solar Cell Radiation Handbook, JPL 82-69): a relative damage coefficient per
energy, averaged over all directions through a plane glass, nothing from behind. Runs at setup only: what a tick needs
is a row of weights on the proton fluxes, and one rate for trapped electrons, which are a small part in low orbits (a
hundredth to two fifths). What a fluence costs a cell is in `power.remaining_power`.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from itertools import pairwise
from typing import Any

from bus.constants import EARTH_RADIUS_M
from node.plant.kernel.fields import Record
from node.plant.radiation.flux_table import DATA
from node.plant.radiation.shielding import ENERGIES_MEV, TOP_MEV, energy_mev, range_g_cm2

REFERENCE_MEV = 10.0  # protons are counted as so many of these at normal incidence
FALLING_BELOW, FALLING_ABOVE = 0.9, 0.5
"""Damage of a proton ~ E^-0.9 below 10 MeV and E^-0.5 above: the displacements (NIEL) of protons in silicon, 7.89e-3,
3.88e-3 and 1.94e-3 MeV cm2/g at 10, 50 and 200 MeV (Summers 1993), eight times as much at 1 MeV (textbook)."""
SHALLOW_MEV = 1.0
"""Protons that leave the glass with less stop within some 16 um and do less: linear to zero (assumption; between 0.3
and 2 MeV the sum over an orbit behind 100 um changes by a tenth)."""
LOWEST_MEV, FALLING_IN, FALLING_UNDER = 1.0, 2.0, 1.5
"""Between two thresholds spectra are taken to fall as E^-2, as for the dose. Below the table's 10 MeV the first
interval is carried on as E^-1.5: 3.2 protons of 4 to 10 MeV for one of 10 to 15. AP8 has 1.4 (600 km, 30 deg) to 5.8
(420 km, 51.6 deg), solar events 2.7 (R0 = 80 MV): damage on whole orbits comes to 0.65 to 1.3 of that by AP8's own
spectrum."""
THRESHOLD_MEV = 0.22  # electrons below displace no silicon atom: 21 eV (textbook)
ELECTRON_LOSS_MEV_CM2_G = 1.5  # collision stopping power of glass at 1 MeV: ESTAR
ELECTRON_FOLD_MEV = 0.5  # between two thresholds electron spectra fall as exp(-E / 0.5 MeV): AE8 in low orbits
ELECTRON_TOP_MEV = 7.0  # where AE8 ends
DIRECTIONS, STEPS = 25, 20
CM2 = 1e4  # cm2 in a m2


def proton_damage(energy: float) -> float:
    """Damage of a proton of that energy (MeV) in a bare cell over that of one of 10 MeV."""
    if energy <= 0.0:
        return 0.0
    at = max(energy, SHALLOW_MEV)
    damage: float = (REFERENCE_MEV / at) ** (FALLING_BELOW if at < REFERENCE_MEV else FALLING_ABOVE)
    return damage * min(1.0, energy / SHALLOW_MEV)


def electron_damage(energy: float) -> float:
    """Damage of an electron of that energy (MeV) over that of one of 1 MeV: a line from the threshold.

    An assumption, shaped after JPL 82-69: 2.3 at 2 MeV, 5 to 6 at 5 MeV.
    """
    return max(0.0, (energy - THRESHOLD_MEV) / (1.0 - THRESHOLD_MEV))


def _cosines() -> list[float]:
    return [(k + 0.5) / DIRECTIONS for k in range(DIRECTIONS)]


def proton_behind_glass(energy: float, glass_g_cm2: float) -> float:
    """Damage per proton of an omnidirectional flux, in 10 MeV protons: half of the sky, each direction by its path."""
    reach = range_g_cm2(energy, "si")
    left = [reach - glass_g_cm2 / cosine for cosine in _cosines()]
    return sum(proton_damage(energy_mev(rest, "si")) for rest in left if rest > 1e-7) * 0.5 / DIRECTIONS


def electron_behind_glass(energy: float, glass_g_cm2: float) -> float:
    """Damage per electron of an omnidirectional flux, in 1 MeV electrons; straight paths."""
    loss = ELECTRON_LOSS_MEV_CM2_G * glass_g_cm2
    return sum(electron_damage(energy - loss / cosine) for cosine in _cosines()) * 0.5 / DIRECTIONS


@lru_cache(maxsize=64)
def proton_weights(cover_glass_kg_m2: float) -> tuple[float, ...]:
    """Weights w: 10 MeV protons (cm-2 s-1) = sum of w x integral flux (cm-2 s-1) above each of ENERGIES_MEV."""
    glass = 0.1 * cover_glass_kg_m2
    means: list[float] = []
    for low, high in pairwise((*ENERGIES_MEV, TOP_MEV)):
        harm = _harm(low, high, FALLING_IN, glass) / _power(low, high, FALLING_IN)
        if not means:
            harm += _harm(LOWEST_MEV, low, FALLING_UNDER, glass) / _power(low, high, FALLING_UNDER)
        means.append(harm)
    return (means[0], *(b - a for a, b in pairwise(means)))


def _power(low: float, high: float, falling: float) -> float:
    """Integral of E^-falling."""
    return float((low ** (1.0 - falling) - high ** (1.0 - falling)) / (falling - 1.0))


def _harm(low: float, high: float, falling: float, glass_g_cm2: float) -> float:
    """Integral of E^-falling times the damage behind glass."""
    edges = [low * (high / low) ** (k / STEPS) for k in range(STEPS + 1)]
    return sum(_power(a, b, falling) * proton_behind_glass(math.sqrt(a * b), glass_g_cm2) for a, b in pairwise(edges))


@lru_cache(maxsize=64)
def electron_weights(cover_glass_kg_m2: float) -> tuple[float, ...]:
    """Weights w: 1 MeV electrons (cm-2 s-1) = sum of w x integral flux (cm-2 s-1) above each energy of the table."""
    glass = 0.1 * cover_glass_kg_m2
    means = []
    for low, high in pairwise((*_electrons()["energy_mev"], ELECTRON_TOP_MEV)):
        energies = [low + (high - low) * (k + 0.5) / STEPS for k in range(STEPS)]
        falls = [math.exp(-e / ELECTRON_FOLD_MEV) for e in energies]
        total = sum(electron_behind_glass(e, glass) * fall for e, fall in zip(energies, falls, strict=True))
        means.append(total / sum(falls))
    return (means[0], *(b - a for a, b in pairwise(means)))


@lru_cache(maxsize=1)
def _electrons() -> dict[str, Any]:
    """Orbit means of AE8 with their provenance: `tests/oracles/aep8/build_orbit_means.py` makes the file."""
    table: dict[str, Any] = json.loads((DATA / "trapped_electrons.json").read_text())
    return table


def _between(x: float, axis: list[float]) -> tuple[int, float]:
    """The interval of `axis` and the place in it; the ends hold beyond."""
    k = 0
    while k < len(axis) - 2 and axis[k + 1] <= x:
        k += 1
    return k, min(1.0, max(0.0, (x - axis[k]) / (axis[k + 1] - axis[k])))


def electron_rate_cm2_s(solar_activity: str, altitude_m: float, inclination_rad: float, glass_kg_m2: float) -> float:
    """1 MeV electrons that do what the trapped ones do, mean over a circular orbit. Activity: minimum or maximum."""
    table = _electrons()
    folded = math.degrees(math.asin(min(1.0, abs(math.sin(inclination_rad)))))
    k, up = _between(altitude_m * 1e-3, table["altitude_km"])
    j, steep = _between(folded, table["inclination_deg"])
    weights = electron_weights(glass_kg_m2)
    corners = [
        [sum(w * flux for w, flux in zip(weights, table[solar_activity][k + a][j + b], strict=True)) for b in (0, 1)]
        for a in (0, 1)
    ]
    low, high = (max(1e-6, row[0] + (row[1] - row[0]) * steep) for row in corners)
    return float(low * (high / low) ** up)


def fill_cells(p: Record, f: Record, cover_glass_kg_m2: float, proton_ratio: float, solar_activity: str) -> None:
    """What a tick needs: proton weights in `p`, the orbit's mean of trapped electrons in `f` (whose orbit is filled).

    `proton_ratio`: 1 MeV electrons that do the damage of a 10 MeV proton. Raises ValueError for figures below zero.
    """
    if cover_glass_kg_m2 < 0.0 or proton_ratio < 0.0:
        raise ValueError("cover glass and damage ratio of a solar cell are not below zero")
    p["cell_damage"] = [CM2 * proton_ratio * weight for weight in proton_weights(cover_glass_kg_m2)]
    axis, e = float(f["orbit_semi_major_axis_m"]), float(f["orbit_eccentricity"])
    inclination = math.asin(min(1.0, float(f["orbit_sin_inclination"])))
    total = share = 0.0
    for k in range(36):  # over the eccentric anomaly, by the time spent there
        cosine = math.cos(math.pi * (k + 0.5) / 36)
        altitude = axis * (1.0 - e * cosine) - EARTH_RADIUS_M
        total += (1.0 - e * cosine) * electron_rate_cm2_s(solar_activity, altitude, inclination, cover_glass_kg_m2)
        share += 1.0 - e * cosine
    f["cell_electrons_m2_s"] = CM2 * total / share
