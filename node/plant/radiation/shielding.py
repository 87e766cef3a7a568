"""Protons through aluminium into silicon: stopping power, range, and dose at the centre of a solid sphere.

Bethe's formula without shell and density corrections (within 1 % of PSTAR at 67 MeV and in the ranges checked), ranges
in the continuous slowing-down approximation. Runs at setup only; what a tick needs is a row of weights on integral
fluxes.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

from bus.constants import MEV_PER_G_GY

ENERGIES_MEV = (10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0, 200.0, 300.0)
"""Thresholds of the integral fluxes, in the flux table and everywhere else."""
TOP_MEV = 400.0  # where AP8 ends
PROTON_MEV = 938.27208816  # CODATA 2018
ELECTRON_MEV = 0.51099895
ALUMINIUM_KG_M3 = 2699.0

_MATERIALS = {  # Z / A (mol/g), mean excitation energy in MeV: ICRU 49
    "al": (13 / 26.9815385, 166.0e-6),
    "si": (14 / 28.085, 173.0e-6),
    "cu": (29 / 63.546, 322.0e-6),
}
_START_MEV = 2.0
_START_RANGE_G_CM2 = {"al": 0.01123, "si": 0.0112, "cu": 0.0153}  # CSDA range at 2 MeV: PSTAR


def stopping_mev_cm2_g(energy_mev: float, material: str) -> float:
    """Mass collision stopping power of protons (Bethe)."""
    za, excitation = _MATERIALS[material]
    gamma = 1.0 + energy_mev / PROTON_MEV
    beta2 = 1.0 - 1.0 / (gamma * gamma)
    bg2 = beta2 * gamma * gamma
    ratio = ELECTRON_MEV / PROTON_MEV
    wmax = 2.0 * ELECTRON_MEV * bg2 / (1.0 + 2.0 * gamma * ratio + ratio * ratio)
    bracket = 0.5 * math.log(2.0 * ELECTRON_MEV * bg2 * wmax / (excitation * excitation)) - beta2
    return 0.307075 * za / beta2 * bracket


@lru_cache(maxsize=8)
def _ranges(material: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Energies (MeV, logarithmic steps of 1 %) and CSDA ranges (g/cm2)."""
    energies = [_START_MEV]
    ranges = [_START_RANGE_G_CM2[material]]
    while energies[-1] < 1.2 * TOP_MEV:
        low, high = energies[-1], energies[-1] * 1.01
        middle = 0.5 * (low + high)
        inverse = (
            1.0 / stopping_mev_cm2_g(low, material)
            + 4.0 / stopping_mev_cm2_g(middle, material)
            + 1.0 / stopping_mev_cm2_g(high, material)
        ) / 6.0
        energies.append(high)
        ranges.append(ranges[-1] + (high - low) * inverse)
    return tuple(energies), tuple(ranges)


def _between(x: float, xs: tuple[float, ...], ys: tuple[float, ...]) -> float:
    """Log-log interpolation; below the first point a power law of the first interval."""
    low, high = 0, len(xs) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if xs[middle] <= x:
            low = middle
        else:
            high = middle
    slope = math.log(ys[low + 1] / ys[low]) / math.log(xs[low + 1] / xs[low])
    return ys[low] * math.exp(slope * math.log(x / xs[low]))


def range_g_cm2(energy_mev: float, material: str) -> float:
    """CSDA range of a proton."""
    energies, ranges = _ranges(material)
    return _between(energy_mev, energies, ranges)


def energy_mev(range_g_cm2: float, material: str) -> float:
    """The proton energy that just gets through."""
    energies, ranges = _ranges(material)
    return _between(range_g_cm2, ranges, energies)


def _dose_per_proton(energy: float, thickness_g_cm2: float) -> float:
    """MeV cm2/g in silicon from one proton per cm2 of that energy behind the aluminium."""
    left = range_g_cm2(energy, "al") - thickness_g_cm2
    if left <= 0.0:
        return 0.0
    residual = max(energy_mev(left, "al"), 0.1) if left > 1e-6 else 0.1
    return stopping_mev_cm2_g(max(residual, 0.25), "si")


@lru_cache(maxsize=256)
def dose_weights_gy_cm2(shielding_kg_m2: float) -> tuple[float, ...]:
    """Weights w with dose rate (Gy/s) = sum of w x integral omnidirectional flux (cm-2 s-1) above each of ENERGIES_MEV.

    Between two thresholds the spectrum is taken to fall as E^-2; above the last it ends at 400 MeV.
    """
    if not 0.0 <= shielding_kg_m2 < 500.0:
        raise ValueError(f"shielding of {shielding_kg_m2} kg/m2 is not between 0 and 500 kg/m2 (185 mm of aluminium)")
    thickness = max(0.1 * shielding_kg_m2, 1e-4)
    edges = (*ENERGIES_MEV, TOP_MEV)
    means = []
    for low, high in pairwise(edges):
        total = weight = 0.0
        steps = 400
        for k in range(steps):
            energy = low + (high - low) * (k + 0.5) / steps
            share = 1.0 / (energy * energy)
            total += share * _dose_per_proton(energy, thickness)
            weight += share
        means.append(total / weight * MEV_PER_G_GY)
    return (means[0], *(b - a for a, b in pairwise(means)))
