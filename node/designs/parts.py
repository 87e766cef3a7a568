"""Forms of the parts that designs share: solar cell, battery cell, accelerator chip.

Forms only.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Self

from pydantic import model_validator

from bus.errors import Refused
from bus.text.forms import Form
from bus.text.leaves import Leaf
from bus.text.units import show
from node.designs.figures import (
    Ampere,
    Decibel,
    Fraction,
    HeatCapacity,
    Kelvin,
    KelvinStep,
    Number,
    Ohm,
    Second,
    SquareMetre,
    Volt,
    Watt,
    any_sign,
    curve,
    not_negative,
    positive,
)

AXES = {
    "+x": (1.0, 0.0, 0.0), "-x": (-1.0, 0.0, 0.0), "+y": (0.0, 1.0, 0.0), "-y": (0.0, -1.0, 0.0),
    "+z": (0.0, 0.0, 1.0), "-z": (0.0, 0.0, -1.0),
}  # fmt: skip


def _axis(value: object) -> tuple[float, float, float]:
    """A body axis by name ("+x"), or three components that are normalised."""
    if isinstance(value, str) and value in AXES:
        return AXES[value]
    if isinstance(value, (list, tuple)) and len(value) == 3 and all(isinstance(v, (int, float)) for v in value):
        length = sum(float(v) ** 2 for v in value) ** 0.5
        if 1e-6 < length < 1e6:
            return (float(value[0]) / length, float(value[1]) / length, float(value[2]) / length)
    raise Refused(show(value), f"one of {', '.join(AXES)}, or three numbers")


_COMPONENTS = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
Axis = Annotated[tuple[float, float, float], Leaf(_axis, {"anyOf": [{"enum": list(AXES)}, _COMPONENTS]})]


class SolarCell(Form):
    """One solar cell at AM0, beginning of life; slopes are per kelvin from `reference_temperature`.

    `proton_damage`: 1 MeV electrons that do the damage of one 10 MeV proton.
    """

    area: SquareMetre
    short_circuit_current: Ampere
    open_circuit_voltage: Volt
    power_point_current: Ampere
    power_point_voltage: Volt
    current_slope: Annotated[float, any_sign("1/K")]
    open_circuit_slope: Annotated[float, any_sign("V/K")]
    power_point_slope: Annotated[float, any_sign("V/K")]
    reference_temperature: Kelvin
    damage_constant: Number
    damage_fluence: Annotated[float, positive("1/m2")]
    proton_damage: Number
    yearly_loss: Annotated[float, not_negative("1/year")]
    first_loss: Fraction

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        if not self.power_point_current < self.short_circuit_current:
            raise Refused("power_point_current", "below short_circuit_current (the curve must fall)")
        if not self.power_point_voltage < self.open_circuit_voltage:
            raise Refused("power_point_voltage", "below open_circuit_voltage (the curve must fall)")
        return self


class BatteryCell(Form):
    """One battery cell. `open_circuit_voltage` has 11 points from 0 to 100 % state of charge."""

    capacity: Annotated[float, positive("C")]
    open_circuit_voltage: Annotated[tuple[float, ...], curve("V", 11)]
    resistance: Ohm
    polarisation_resistance: Ohm
    polarisation_time: Second
    resistance_doubling: Annotated[float, positive("K")]
    reference_temperature: Kelvin
    charge_voltage: Volt
    cut_off_voltage: Volt
    charge_rate: Annotated[float, positive("1/h")]
    charge_lowest: Kelvin
    charge_highest: Kelvin
    coulomb_efficiency: Fraction
    self_discharge: Annotated[float, not_negative("1/year")]
    entropic_slope: Annotated[float, any_sign("V/K")]
    calendar_loss: Fraction
    calendar_activation: Annotated[float, positive("J")]
    cycle_life: Number
    cycle_exponent: Number
    runaway_onset: Kelvin
    runaway_energy: Annotated[float, positive("J/C")]

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        curve_v = self.open_circuit_voltage
        if any(b <= a for a, b in itertools.pairwise(curve_v)):
            raise Refused("open_circuit_voltage that falls", "11 values that rise from 0 to 100 % charge")
        if not self.cut_off_voltage < self.charge_voltage:
            raise Refused("cut_off_voltage", "below charge_voltage")
        return self


class Chip(Form):
    """One accelerator: power, clock and temperature curve, thermal paths, limits, radiation response.

    Core voltage and clock are over those of the highest clock: V = max(voltage_floor, 1 - voltage_slope (1 - clock)).
    """

    idle: Watt
    dynamic: Watt
    leakage: Watt
    leakage_temperature: Kelvin
    leakage_scale: KelvinStep
    memory: Watt
    voltage_floor: Fraction
    voltage_slope: Number
    cap_lowest: Watt
    cap_highest: Watt
    supply_efficiency: Fraction
    die_capacity: HeatCapacity
    die_resistance: Annotated[float, positive("K/W")]
    memory_capacity: HeatCapacity
    memory_resistance: Annotated[float, positive("K/W")]
    throttle: Kelvin
    slowdown: Kelvin
    shutdown: Kelvin
    memory_limit: Kelvin
    hysteresis: KelvinStep
    boot_time: Second
    memory_error_dose: Annotated[float, positive("Gy")]
    silent_error_dose: Annotated[float, positive("Gy")]
    interrupt_dose: Annotated[float, positive("Gy")]
    corrected_per_uncorrected: Number
    spare_rows: Number
    leakage_growth: Annotated[float, not_negative("1/Gy")]

    @model_validator(mode="after")
    def _ladder(self) -> Self:
        if self.voltage_floor < 0.1:
            raise Refused(f"voltage_floor {self.voltage_floor:g}", "0.1 to 1")
        if not self.throttle < self.slowdown < self.shutdown:
            raise Refused("throttle, slowdown, shutdown", "rising in this order")
        return self


class RadioBand(Form):
    """One band of the radio. `steering` is how far the beam can leave `axis`; a beamwidth of 0 is omnidirectional."""

    downlink_frequency: Annotated[float, positive("Hz")]
    uplink_frequency: Annotated[float, positive("Hz")]
    power: Annotated[float, positive("W")]
    gain: Annotated[float, any_sign("dBi")]
    beamwidth: Annotated[float, not_negative("rad")]
    axis: Axis
    steering: Annotated[float, not_negative("rad")]
    gain_over_temperature: Annotated[float, any_sign("dB/K")]
    loss: Decibel
    threshold: Decibel
    downlink_rate: Annotated[float, positive("bit/s")]
    uplink_rate: Annotated[float, positive("bit/s")]


class OpticalTerminal(Form):
    """One kind of optical inter-satellite terminal."""

    power: Annotated[float, positive("W")]
    aperture: Annotated[float, positive("m")]
    efficiency: Fraction
    wavelength: Annotated[float, positive("m")]
    loss: Decibel
    threshold: Annotated[float, positive("W")]
    rate: Annotated[float, positive("bit/s")]
    jitter: Annotated[float, not_negative("rad")]
    field: Annotated[float, positive("rad")]
    search_time: Second
    sun_exclusion: Annotated[float, not_negative("rad")]
