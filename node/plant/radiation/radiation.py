"""Radiation where a spacecraft is: trapped protons, solar protons, cosmic rays, dose, cells, device rates, events.

`step_radiation` reads s.latitude_rad, s.longitude_rad, s.altitude_m, s.position_teme_m, the sky's solar event, p.*
below, f.draw_*, f.cell_* and the flux table, and writes the fields below. What an event does to a computer may not
live here.
"""

# ruff: noqa: PLR0917  (kernels take scalars, and many of them)

from __future__ import annotations

import math

from node.plant.environment.geophysics import dipole_shell
from node.plant.kernel.fields import Capacity, Field, Record, shaped
from node.plant.kernel.kernel import kernel
from node.plant.radiation.belt import Belt, belt_place, trapped_flux
from node.plant.radiation.solar_event import Samples
from node.plant.radiation.upsets import draw_events

ENERGIES = 12
"""Integral flux thresholds, `shielding.ENERGIES_MEV`."""


DERIVED = (
    "l_shell",
    "cutoff_rigidity_gv",
    "proton_flux_10mev_cm2_s",
    "proton_flux_30mev_cm2_s",
    "proton_flux_100mev_cm2_s",
    "cosmic_ray_fraction",
    "dose_rate_gy_s",
    "corrected_upsets",
    "uncorrected_upsets",
    "silent_errors",
    "interrupts",
    "latchups",
    "upset_bits",
)
"""State that every tick writes before anybody reads it: a fleet need not keep it."""


def state_fields(cap: Capacity) -> list[Field]:
    """Environment, dose, and what struck each radiation device in this tick (counts)."""
    n = cap.radiation_devices
    return [
        ("l_shell", "f8"),
        ("cutoff_rigidity_gv", "f8"),
        ("proton_flux_10mev_cm2_s", "f8"),  # trapped and solar, omnidirectional
        ("proton_flux_30mev_cm2_s", "f8"),
        ("proton_flux_100mev_cm2_s", "f8"),
        ("cosmic_ray_fraction", "f8"),  # of what reaches free space
        ("dose_rate_gy_s", "f8"),
        ("dose_gy", "f8"),
        ("array_fluence_m2", "f8"),  # solar cells: equivalent 1 MeV electrons behind the cover glass
        ("cutoff_factor", "f8"),  # a geomagnetic storm lowers it
        ("trapped_flux_factor", "f8"),
        ("solar_flux_factor", "f8"),
        ("cosmic_ray_factor", "f8"),
        shaped("device_sensitivity", "f8", n),  # factor on all rates of a device
        shaped("corrected_upsets", "i4", n),
        shaped("uncorrected_upsets", "i4", n),
        shaped("silent_errors", "i4", n),
        shaped("interrupts", "i4", n),
        shaped("latchups", "i4", n),
        shaped("upset_bits", "i4", n),  # bits flipped by the corrected and uncorrected upsets
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Shielding as weights, and per device the rates of five effects by dose, by flux and by cosmic rays.

    Rows of five: corrected upset, uncorrected upset, silent error, interrupt, latch-up.
    """
    n = cap.radiation_devices
    return [
        ("dose_weight_gy_cm2", "f8", (ENERGIES,)),
        ("cell_damage", "f8", (ENERGIES,)),  # 1 MeV electrons a m2 for a proton a cm2
        ("cosmic_dose_rate_gy_s", "f8"),  # in free space
        ("cosmic_rigidity_gv", "f8"),
        ("rigidity_gv", "f8", (ENERGIES,)),  # of the thresholds
        ("radiation_device_count", "i4"),
        shaped("device_per_gy", "f8", 5 * n),
        shaped("device_cm2", "f8", 5 * n),  # times the flux above 30 MeV
        shaped("device_per_s", "f8", 5 * n),  # under cosmic rays of free space
        shaped("device_total", "f8", 3 * n),  # sums of the rows
        shaped("device_single_bit", "f8", n),  # probability that an upset flips one bit only
    ]


def flight_fields(cap: Capacity) -> list[Field]:
    """What the orbit decides: the mean rate at which trapped electrons harm solar cells, as 1 MeV electrons."""
    return [("cell_electrons_m2_s", "f8")]


def input_fields(cap: Capacity) -> list[Field]:
    """Nobody commands the weather."""
    return []


@kernel
def solar_flux(sky: Record, p: Record, k: int, cutoff_gv: float) -> float:
    """Solar protons above threshold k that the magnetic field lets in (cm-2 s-1 sr-1)."""
    if cutoff_gv <= p.rigidity_gv[k]:
        return float(sky.event_flux_cm2_s_sr[k])
    if cutoff_gv >= p.rigidity_gv[11]:
        return 0.0
    j = k
    while p.rigidity_gv[j + 1] < cutoff_gv:
        j += 1
    high = sky.event_flux_cm2_s_sr[j + 1]
    low = sky.event_flux_cm2_s_sr[j]
    f = (cutoff_gv - p.rigidity_gv[j]) / (p.rigidity_gv[j + 1] - p.rigidity_gv[j])
    return float(low + f * (high - low))


@kernel
def cutoff_gv(l_shell: float) -> float:
    """Rigidity below which nothing comes in: 15.062 cos^4 (invariant latitude) - 0.363 GV, measured with SAMPEX.

    Ogliore, Mewaldt, Leske, Stone and von Rosenvinge 2001 (27th ICRC, SH, p. 4112); cos^2 of the invariant latitude is
    1 / L. Measured to 64 deg (0.2 GV); beyond, the same line down to 0, which it meets at 66.8 deg.
    """
    return max(0.0, 15.062 / (l_shell * l_shell) - 0.363)


@kernel
def step_radiation(s: Record, p: Record, f: Record, sky: Record, belt: Belt, tick: int, dt_s: float) -> None:
    """Fluxes and dose rate at the end of the tick, the dose of the tick, and its events."""
    rx = s.position_teme_m[0]
    ry = s.position_teme_m[1]
    shell = dipole_shell(
        sky.gmst_cos * rx + sky.gmst_sin * ry, -sky.gmst_sin * rx + sky.gmst_cos * ry, s.position_teme_m[2]
    )
    s.l_shell = shell
    cutoff = cutoff_gv(shell) * s.cutoff_factor
    s.cutoff_rigidity_gv = cutoff
    open_sky = 0.5 * (1.0 + math.sqrt(max(0.0, 1.0 - s.earth_radius_ratio * s.earth_radius_ratio)))
    x = cutoff / p.cosmic_rigidity_gv
    cosmic = open_sky * s.cosmic_ray_factor / (1.0 + x * math.sqrt(x))
    s.cosmic_ray_fraction = cosmic
    dose = p.cosmic_dose_rate_gy_s * cosmic
    damage = 0.0
    flux_10 = 0.0
    flux_30 = 0.0
    flux_100 = 0.0
    inside, k0, j0, i0, i1, up, north, east = belt_place(belt, s.latitude_rad, s.longitude_rad, s.altitude_m)
    solar = sky.event_flux_cm2_s_sr[0] > 0.0 and cutoff < p.rigidity_gv[11]
    sphere = 4.0 * math.pi * open_sky * s.solar_flux_factor
    if inside or solar:
        for k in range(12):
            flux = 0.0
            if inside:
                flux = trapped_flux(belt, k0, j0, i0, i1, up, north, east, k) * s.trapped_flux_factor
            if solar:
                flux += sphere * solar_flux(sky, p, k, cutoff)
            dose += p.dose_weight_gy_cm2[k] * flux
            damage += p.cell_damage[k] * flux
            if k == 0:
                flux_10 = flux
            elif k == 3:
                flux_30 = flux
            elif k == 8:
                flux_100 = flux
    s.proton_flux_10mev_cm2_s = flux_10
    s.proton_flux_30mev_cm2_s = flux_30
    s.proton_flux_100mev_cm2_s = flux_100
    s.dose_rate_gy_s = max(0.0, dose)
    s.dose_gy += s.dose_rate_gy_s * dt_s
    s.array_fluence_m2 += (max(0.0, damage) + f.cell_electrons_m2_s * s.trapped_flux_factor) * dt_s
    draw_events(s, p, f, tick, dt_s)


@kernel
def step_event(sky: Record, samples: Samples) -> None:
    """The event's fluxes at sky.time_s, linear between samples, zero outside them."""
    n = samples.shape[0]
    t = sky.time_s
    if n < 2 or t <= samples[0, 0] or t >= samples[n - 1, 0]:
        for k in range(12):
            sky.event_flux_cm2_s_sr[k] = 0.0
        return
    low = 0
    high = n - 1
    while high - low > 1:
        middle = (low + high) // 2
        if samples[middle, 0] <= t:
            low = middle
        else:
            high = middle
    f = (t - samples[low, 0]) / (samples[high, 0] - samples[low, 0])
    for k in range(12):
        sky.event_flux_cm2_s_sr[k] = samples[low, k + 1] * (1.0 - f) + samples[high, k + 1] * f
