"""Forms of the parts that designs share: solar cell, battery cell, accelerator chip.

Forms only.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Self

from pydantic import Field, model_validator

from bus.errors import Refused
from bus.text.forms import Form, says
from bus.text.leaves import Leaf
from bus.text.units import show
from node.designs.figures import (
    Ampere,
    Curve,
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
    curve_or_pairs,
    not_negative,
    positive,
    rising_shares,
)
from node.plant.kernel.capacity import FULL

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
THROTTLE_GAIN_S_K = 0.02  # assumption: software throttle takes 2 % of clock per second and kelvin
SLOWDOWN_CLOCK = 0.5  # hardware slowdown halves the clock at least: NVIDIA, "HW slowdown" of nvidia-smi's manual
LOWEST_CLOCK = 0.2  # assumption: the lowest clock of an H100 (345 MHz) over its highest (1,980 MHz) is 0.17

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

    area: SquareMetre = says("of one cell")
    short_circuit_current: Ampere = says("at AM0")
    open_circuit_voltage: Volt = says("at AM0")
    power_point_current: Ampere = says("at AM0")
    power_point_voltage: Volt = says("at AM0")
    current_slope: Annotated[float, any_sign("1/K")] = says("of the currents, relative")
    open_circuit_slope: Annotated[float, any_sign("V/K")] = says("of one cell")
    power_point_slope: Annotated[float, any_sign("V/K")] = says("of one cell")
    reference_temperature: Kelvin = says("of these figures")
    damage_constant: Number = says("power lost per decade of fluence")
    damage_fluence: Annotated[float, positive("1/m2")] = says("1 MeV electrons where the loss sets in")
    proton_damage: Number = says("1 MeV electrons that do the damage of one 10 MeV proton")
    yearly_loss: Annotated[float, not_negative("1/year")] = says("of power by ultraviolet, meteoroids, contamination")
    first_loss: Fraction = says("of power soon after launch")

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        if not self.power_point_current < self.short_circuit_current:
            raise Refused("power_point_current", "below short_circuit_current (the curve must fall)")
        if not self.power_point_voltage < self.open_circuit_voltage:
            raise Refused("power_point_voltage", "below open_circuit_voltage (the curve must fall)")
        return self


class BatteryCell(Form):
    """One battery cell. `open_circuit_voltage`: 11 points from 0 to 100 % state of charge, or pairs [charge, voltage].

    A second, slower polarisation is there if its two figures are.
    """

    capacity: Annotated[float, positive("C")] = says("of one cell")
    open_circuit_voltage: Annotated[Curve, curve_or_pairs("V", 11, FULL.curve_pairs)] = says(
        "11 points from empty to full, or pairs [charge, voltage]"
    )
    resistance: Ohm = says("in series")
    polarisation_resistance: Ohm = says("of the slow part")
    polarisation_time: Second = says("of the slow part")
    slow_polarisation_resistance: Ohm | None = says("of a second, slower part; none if left out", None)
    slow_polarisation_time: Second | None = says("of that part", None)
    resistance_doubling: Annotated[float, positive("K")] = says("cooling that doubles the resistance")
    reference_temperature: Kelvin = says("of these figures")
    charge_voltage: Volt = says("end of charge")
    cut_off_voltage: Volt = says("end of discharge")
    charge_rate: Annotated[float, positive("1/h")] = says("largest current over capacity")
    charge_lowest: Kelvin = says("no charging below")
    charge_highest: Kelvin = says("no charging above")
    coulomb_efficiency: Fraction = says("charge held over charge taken")
    self_discharge: Annotated[float, not_negative("1/year")] = says("share in a year")
    entropic_slope: Annotated[float, any_sign("V/K")] = says("of the open-circuit voltage with temperature")
    calendar_loss: Fraction = says("share of capacity in the first year, at the reference temperature")
    calendar_activation: Annotated[float, positive("J")] = says("energy of that ageing")
    cycle_life: Number = says("full cycles until 20 % are lost")
    cycle_exponent: Number = says("of the depth of a cycle")
    runaway_onset: Kelvin = says("temperature at which it runs away")
    runaway_energy: Annotated[float, positive("J/C")] = says("chemical heat per charge held")

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        curve_v = self.open_circuit_voltage
        if min([*curve_v, *(volts for _, volts in curve_v.pairs)]) <= 0.0:
            raise Refused("open_circuit_voltage of 0 V or less", "above 0 V at every charge")
        if any(b <= a for a, b in itertools.pairwise(curve_v)):
            raise Refused("open_circuit_voltage that falls", "11 values that rise from 0 to 100 % charge")
        if any(b[1] <= a[1] for a, b in itertools.pairwise(curve_v.pairs)):
            raise Refused("open_circuit_voltage that falls", "pairs that rise from 0 to 100 % charge")
        if (self.slow_polarisation_resistance is None) != (self.slow_polarisation_time is None):
            raise Refused("one of slow_polarisation_resistance and slow_polarisation_time", "both or neither")
        if not self.cut_off_voltage < self.charge_voltage:
            raise Refused("cut_off_voltage", "below charge_voltage")
        return self


class ChipMode(Form):
    """One power mode of a chip or board: its idle and dynamic power instead of the chip's own."""

    idle: Watt = says("power without work, leakage left out")
    dynamic: Watt = says("power of full work at the highest clock")
    memory: Watt | None = says("power of the memory at full work; the chip's own if left out", None)
    throughput: Number = says("work a second, over that of the mode that rates are counted in", 1.0)


class Chip(Form):
    """One accelerator: power, clock and temperature curve, thermal paths, limits, radiation response.

    Core voltage and clock are over those of the highest clock: V = max(voltage_floor, 1 - voltage_slope (1 - clock)).
    """

    idle: Watt = says("power without work, leakage left out")
    dynamic: Watt = says("power of full work at the highest clock")
    leakage: Watt = says("at `leakage_temperature`")
    leakage_temperature: Kelvin = says("of that figure")
    leakage_scale: KelvinStep = says("warming that multiplies it by e")
    memory: Watt = says("power of the memory at full work")
    voltage_floor: Fraction = says("least core voltage, over that of the highest clock")
    voltage_slope: Number = says("voltage over clock, both relative")
    cap_lowest: Watt = says("least power cap")
    cap_highest: Watt = says("greatest power cap: rated power")
    supply_efficiency: Fraction = says("from the bus to the chip")
    die_capacity: HeatCapacity = says("heat for a kelvin")
    die_resistance: Annotated[float, positive("K/W")] = says("from die to cold plate")
    memory_capacity: HeatCapacity = says("heat for a kelvin")
    memory_resistance: Annotated[float, positive("K/W")] = says("from memory to cold plate")
    throttle: Kelvin = says("die temperature where the clock begins to fall")
    slowdown: Kelvin = says("die temperature where hardware cuts the clock")
    shutdown: Kelvin = says("die temperature where it switches itself off")
    memory_limit: Kelvin = says("memory temperature where it slows down")
    hysteresis: KelvinStep = says("cooling until a limit is left")
    boot_time: Second = says("until it works again")
    memory_error_dose: Annotated[float, positive("Gy")] = says("mean dose between uncorrected memory errors")
    silent_error_dose: Annotated[float, positive("Gy")] = says("mean dose between silent errors")
    interrupt_dose: Annotated[float, positive("Gy")] = says("mean dose between functional interrupts")
    corrected_per_uncorrected: Number = says("memory errors that its code corrects for each that it does not")
    spare_rows: Number = says("of memory; when they are used up, a chip is given up")
    leakage_growth: Annotated[float, not_negative("1/Gy")] = says("relative, by dose")
    throttle_gain: Annotated[float, not_negative("1/s K")] = says(
        "clock that the software throttle takes, a second and kelvin", THROTTLE_GAIN_S_K
    )
    slowdown_clock: Fraction = says("clock that hardware cuts it to", SLOWDOWN_CLOCK)
    lowest_clock: Fraction = says("clock that the software throttle leaves", LOWEST_CLOCK)
    clocks: Annotated[tuple[float, ...], rising_shares(FULL.clock_steps)] | None = says(
        "clocks that it has, as shares of the highest, rising to 1; any in between if left out", None
    )
    modes: dict[Name, ChipMode] = says("power modes by name, one at a time; none if left out", {})

    @model_validator(mode="after")
    def _ladder(self) -> Self:
        if self.voltage_floor < 0.1:
            raise Refused(f"voltage_floor {self.voltage_floor:g}", "0.1 to 1")
        if not self.throttle < self.slowdown < self.shutdown:
            raise Refused("throttle, slowdown, shutdown", "rising in this order")
        if min(self.slowdown_clock, self.lowest_clock) < 0.1:
            raise Refused("a slowdown_clock or lowest_clock below 0.1", "0.1 to 1")
        return self


class RadioBand(Form):
    """One band of the radio. `steering` is how far the beam can leave `axis`; a beamwidth of 0 is omnidirectional."""

    downlink_frequency: Annotated[float, positive("Hz")] = says("carrier")
    uplink_frequency: Annotated[float, positive("Hz")] = says("carrier")
    power: Annotated[float, positive("W")] = says("radiated")
    gain: Annotated[float, any_sign("dBi")] = says("of the antenna")
    beamwidth: Annotated[float, not_negative("rad")] = says("full, at half power; 0 is omnidirectional")
    axis: Axis = says("of the antenna")
    steering: Annotated[float, not_negative("rad")] = says("how far the beam can leave the axis")
    gain_over_temperature: Annotated[float, any_sign("dB/K")] = says("of the receiver")
    loss: Decibel = says("of lines and pointing")
    threshold: Decibel = says("Eb/N0 that the code needs")
    downlink_rate: Annotated[float, positive("bit/s")] = says("bits a second")
    uplink_rate: Annotated[float, positive("bit/s")] = says("bits a second")


class OpticalTerminal(Form):
    """One kind of optical inter-satellite terminal."""

    power: Annotated[float, positive("W")] = says("of the laser")
    aperture: Annotated[float, positive("m")] = says("of the telescope")
    efficiency: Fraction = says("of one aperture")
    wavelength: Annotated[float, positive("m")] = says("of the laser")
    loss: Decibel = says("of everything else")
    threshold: Annotated[float, positive("W")] = says("received power for the full rate")
    rate: Annotated[float, positive("bit/s")] = says("full rate")
    jitter: Annotated[float, not_negative("rad")] = says("of its pointing, one sigma")
    field: Annotated[float, positive("rad")] = says(
        "how far from its axis it reaches, above 90 deg below its mast's horizon"
    )
    search_time: Second = says("mean time until it finds its peer")
    sun_exclusion: Annotated[float, not_negative("rad")] = says("it does not look nearer to the Sun")
