"""Radiation devices and shielding of a design: from figures with sources to parameter rows. Runs once per
spacecraft.

Every figure says where it is from. Proton response is given either per dose (as beam tests with accelerators report
it) or as a cross-section against the flux above 30 MeV; cosmic rays as a rate in free space at solar minimum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bus.constants import DAY_S, JULIAN_YEAR_S
from node.plant.kernel.fields import Record
from node.plant.radiation.shielding import ENERGIES_MEV, PROTON_MEV, dose_weights_gy_cm2

RAD = 0.01
COSMIC_DOSE_GY_YEAR = 0.13
"""Free space, solar minimum, behind some g/cm2: 13 rad(Si) a year, chosen to give 4 to 8 rad a year at 650 km
(assumption).
"""
COSMIC_RIGIDITY_GV = 2.5
"""Where half of the flux is cut off; galactic spectra peak near 1 to 2 GV (textbook, smooth form is an assumption)."""
COSMIC_MAXIMUM_FACTOR = 0.4
"""Solar maximum over minimum: 1 / 2.5."""
Five = tuple[float, float, float, float, float]
ZERO: Five = (0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Device:
    """One radiation device: events per Gy, cm2 against protons above 30 MeV, and per second under free-space cosmic
    rays.

    Order of the five: corrected upset, uncorrected upset, silent error, interrupt, latch-up.
    """

    per_gy: Five = ZERO
    cm2: Five = ZERO
    per_s: Five = ZERO
    single_bit: float = 0.95


def accelerator(
    count: float,
    uncorrected_gy: float = 44.0 * RAD,
    silent_gy: float = 17.0 * RAD,
    interrupt_gy: float = 5000.0 * RAD,
    corrected_per_uncorrected: float = 20.0,
) -> Device:
    """`count` accelerators. Doses per event of the Trillium test (arXiv 2511.19468 v2): HBM uncorrectable 44 rad,
    silent corruption 14.4 to 20 rad, crash 5 krad. Corrected errors per uncorrected one are not published:
    assumption.
    """
    if min(count, uncorrected_gy, silent_gy, interrupt_gy) <= 0.0 or corrected_per_uncorrected < 0.0:
        raise ValueError("count and doses per event must be above zero")
    rows = (corrected_per_uncorrected / uncorrected_gy, 1 / uncorrected_gy, 1 / silent_gy, 1 / interrupt_gy, 0.0)
    return Device(per_gy=tuple(count * r for r in rows), single_bit=0.9)  # type: ignore[arg-type]


def host(count: float = 1.0) -> Device:
    """Host computers: processor interrupt 450 rad, memory interrupt 400 rad (arXiv 2511.19468 v2); rest as DDR
    memory.
    """
    per_gy = count * (1.0 / (450.0 * RAD) + 1.0 / (400.0 * RAD))
    memory = ddr(count * 64 * 8e9)
    return Device((0.0, 0.0, 0.0, per_gy, 0.0), memory.cm2, memory.per_s, 0.95)


def sram(bits: float, corrected: bool = True) -> Device:
    """Commercial SRAM of an on-board computer: 8e-14 cm2/bit above 30 MeV, 98.6 % single (Alsat-1, Bentoutou;
    computed); cosmic rays as Clementine's memory, 3.4e-8 per bit and day.
    """
    index = 0 if corrected else 1
    return Device(
        cm2=_one(index, bits * 8e-14 * 0.9999) if corrected else _one(index, bits * 8e-14),
        per_s=_one(index, bits * 3.4e-8 / DAY_S),
        single_bit=0.986,
    )


def ddr(bits: float) -> Device:
    """Modern DDR memory: 1e-11 per bit and day in orbit (textbook range 1e-12 to 1e-10); one in a thousand uncorrected
    (assumption). The rate is split evenly between protons at 50 cm-2 s-1 and cosmic rays (assumption)."""
    rate = bits * 1e-11 / DAY_S
    rows = (0.999, 0.001, 0.0, 0.0, 0.0)
    return Device(
        cm2=tuple(0.5 * rate / 50.0 * r for r in rows),  # type: ignore[arg-type]
        per_s=tuple(0.5 * rate * r for r in rows),  # type: ignore[arg-type]
        single_bit=0.95,
    )


def latching_part(per_day: float = 1e-3) -> Device:
    """A commercial regulator, network chip or drive controller: latch-up 1e-4 to 1e-2 a day, half by protons
    (assumption).
    """
    rate = per_day / DAY_S
    return Device(cm2=_one(4, 0.5 * rate / 50.0), per_s=_one(4, 0.5 * rate), single_bit=1.0)


def fpga(configuration_bits: float) -> Device:
    """Configuration memory of an UltraScale+ class FPGA: 3e-9 per bit and day (textbook 1e-9 to 1e-8), all need a
    scrub.
    """
    rate = configuration_bits * 3e-9 / DAY_S
    return Device(cm2=_one(1, 0.5 * rate / 50.0), per_s=_one(1, 0.5 * rate), single_bit=0.95)


def _one(index: int, value: float) -> Five:
    row = [0.0] * 5
    row[index] = value
    return (row[0], row[1], row[2], row[3], row[4])


def rigidity_gv(energy_mev: float) -> float:
    """Rigidity of a proton."""
    return math.sqrt(energy_mev * (energy_mev + 2.0 * PROTON_MEV)) * 1e-3


def fill_radiation(
    s: Record, p: Record, shielding_kg_m2: float, devices: Sequence[Device], solar_maximum: float = 0.0
) -> None:
    """Parameters, nominal factors, zero dose. Raises ValueError for figures that are not physical."""
    room = len(p["device_single_bit"])
    if len(devices) > room:
        raise ValueError(f"{len(devices)} radiation devices, but this capacity class has room for {room}")
    p["dose_weight_gy_cm2"] = dose_weights_gy_cm2(shielding_kg_m2)
    p["cosmic_dose_rate_gy_s"] = COSMIC_DOSE_GY_YEAR / JULIAN_YEAR_S
    p["cosmic_rigidity_gv"] = COSMIC_RIGIDITY_GV
    p["rigidity_gv"] = [rigidity_gv(energy) for energy in ENERGIES_MEV]
    p["radiation_device_count"] = len(devices)
    p["device_single_bit"] = 1.0
    for k, device in enumerate(devices):
        for column, (name, row) in enumerate(
            (("device_per_gy", device.per_gy), ("device_cm2", device.cm2), ("device_per_s", device.per_s))
        ):
            if not all(math.isfinite(x) and x >= 0.0 for x in row):
                raise ValueError(f"rates of radiation device {k} must be finite and not negative: {row}")
            p[name][5 * k : 5 * k + 5] = row
            p["device_total"][3 * k + column] = sum(row)
        if not 0.0 < device.single_bit <= 1.0:
            raise ValueError("single_bit is a probability above zero")
        p["device_single_bit"][k] = device.single_bit
    for name in ("cutoff_factor", "trapped_flux_factor", "solar_flux_factor", "device_sensitivity"):
        s[name] = 1.0
    s["cosmic_ray_factor"] = 1.0 + solar_maximum * (COSMIC_MAXIMUM_FACTOR - 1.0)
