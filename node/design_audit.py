"""Does a design close? Energy at beginning of life, battery over the longest eclipse, radiators at peak heat.

Closed forms on the design's figures and an orbit; nothing is flown and numba is not imported. A margin is what there
is over what is needed, less one: 0.10 is ten per cent to spare, negative does not close.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from node.design import Design
from node.design_parts import Chip
from node.plant.attitude_setup import Vector

EARTH_RADIUS_M = 6378137.0  # WGS-84
MU_M3_S2 = 3.986004418e14  # EGM-96
J2 = 1.08262668e-3  # EGM-96
OBLIQUITY_RAD = math.radians(23.44)
STEFAN_BOLTZMANN_W_M2_K4 = 5.670374419e-8  # CODATA 2018
SOLAR_W_M2 = 1361.0  # Kopp and Lean 2011
ABSORBED_W_M2 = (
    150.0  # Earth infrared, albedo and blanket views on an edge-on radiator at 650 km: MODELS figure, computed
)
ARRAY_K = 340.0  # a sun-facing array of 90 % absorptance that radiates from both faces settles here, computed
DEPTH = 0.80  # usable depth of discharge in one eclipse: common limit for lithium ion, assumption


@dataclass(frozen=True, slots=True)
class Orbit:
    """A circular orbit as an audit sees it. `ltan_h` is the local time of the ascending node; None: it drifts."""

    altitude_m: float
    inclination_rad: float
    ltan_h: float | None = None

    @property
    def radius_m(self) -> float:
        """Distance from the Earth's centre."""
        return EARTH_RADIUS_M + self.altitude_m

    @property
    def period_s(self) -> float:
        """Keplerian period."""
        return 2.0 * math.pi * math.sqrt(self.radius_m**3 / MU_M3_S2)

    @property
    def lowest_beta_rad(self) -> float:
        """The smallest angle between orbit plane and Sun in a year; 0 for a plane that drifts past the Sun."""
        if self.ltan_h is None:
            return 0.0
        hour = math.radians(15.0 * (self.ltan_h - 12.0))
        lowest = math.pi / 2.0
        for day in range(0, 3652):  # a year in tenths of a day, circular orbit of the mean Sun
            longitude = 2.0 * math.pi * day / 3652.0
            declination = math.asin(math.sin(OBLIQUITY_RAD) * math.sin(longitude))
            normal_along = math.sin(self.inclination_rad) * math.cos(declination) * -math.sin(hour)
            beta = math.asin(max(-1.0, min(1.0, normal_along + math.cos(self.inclination_rad) * math.sin(declination))))
            lowest = min(lowest, abs(beta))
        return lowest

    @property
    def longest_eclipse_s(self) -> float:
        """In the cylindrical shadow, at the smallest beta angle."""
        sine = EARTH_RADIUS_M / self.radius_m
        cosine = math.sqrt(1.0 - sine * sine) / math.cos(self.lowest_beta_rad)
        return 0.0 if cosine >= 1.0 else self.period_s * math.acos(cosine) / math.pi


@dataclass(frozen=True, slots=True)
class Margin:
    """One line of an audit. `margin` is available / needed - 1; units are in the names of the figures."""

    name: str
    available: float
    needed: float
    unit: str
    note: str

    @property
    def margin(self) -> float:
        """What is to spare, as a share of what is needed."""
        return self.available / self.needed - 1.0 if self.needed > 0.0 else math.inf

    @property
    def closes(self) -> bool:
        """Nothing is missing."""
        return self.margin >= 0.0


def array_power_w(area_m2: float, efficiency: float, packing: float, cosine: float = 1.0) -> float:
    """Area x efficiency x packing x solar constant x cosine."""
    return area_m2 * efficiency * packing * SOLAR_W_M2 * cosine


def array_sizing_w(  # noqa: PLR0917 - as the textbook's formula
    eclipse_load_w: float, eclipse_s: float, eclipse_path: float, day_load_w: float, day_s: float, day_path: float
) -> float:
    """Power that an array must give in sunlight: (Pe Te / Xe + Pd Td / Xd) / Td (SMAD, chapter 11)."""
    return (eclipse_load_w * eclipse_s / eclipse_path + day_load_w * day_s / day_path) / day_s


def chip_power_w(chip: Chip, kelvin: float | None = None) -> float:
    """One accelerator at full load, at its throttle temperature unless another is given; before supply loss."""
    at = chip.throttle if kelvin is None else kelvin
    leakage = chip.leakage * math.exp((at - chip.leakage_temperature) / chip.leakage_scale)
    return min(chip.cap_highest, chip.idle + chip.dynamic + leakage + chip.memory)


def peak_load_w(design: Design) -> float:
    """Everything on, accelerators at full load, pump at full speed, transmitter on, heaters off."""
    form = design.form
    load = sum(lcl.load for lcl in form.lcls.values())
    load += sum(g.count * chip_power_w(g.chip) / g.chip.supply_efficiency for g in form.accelerators.values())
    load += form.loop.pump_power if form.loop else 0.0
    return load + form.radio.s_band.power / form.radio.transmitter_efficiency


def beginning_of_life_w(design: Design, kelvin: float = ARRAY_K) -> float:
    """The array's power in full sun at right angles, warm, before its regulator."""
    array, cell = design.form.array, design.form.array.cell
    cells = array.area * array.packing / cell.area
    warm = kelvin - cell.reference_temperature
    amps = cell.power_point_current * (1.0 + cell.current_slope * warm)
    return cells * amps * (cell.power_point_voltage + cell.power_point_slope * warm)


def radiator_capacity_w(design: Design, kelvin: float) -> float:
    """What all radiator faces shed at one temperature, less what a face absorbs edge-on to the Sun."""
    capacity = 0.0
    for face in design.form.faces:
        if face.kind == "radiator":
            fin = 1.0 if face.fin_efficiency is None else face.fin_efficiency
            emitted = face.emissivity * fin * STEFAN_BOLTZMANN_W_M2_K4 * kelvin**4
            capacity += face.area * (emitted - 0.5 * ABSORBED_W_M2)
    return capacity


def radiator_temperature_k(design: Design, heat_w: float) -> float:
    """The temperature at which the radiators shed `heat_w`; bisection to a millikelvin."""
    low, high = 3.0, 1000.0
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if radiator_capacity_w(design, middle) < heat_w else (low, middle)
    return 0.5 * (low + high)


def coldest_hot_side_k(design: Design) -> float:
    """How hot radiators may be before chips throttle at full load: the chips' limit less the drops on the way."""
    limits = []
    for group in design.form.accelerators.values():
        heat = group.count * chip_power_w(group.chip)
        drop = (chip_power_w(group.chip) - group.chip.memory) * group.chip.die_resistance
        limits.append(group.chip.throttle - drop - _plate_drop_k(design, group.node, heat))
    return min(limits)


def _plate_drop_k(design: Design, node: str, heat_w: float) -> float:
    """From the plate to the radiators: heat pipes, or coolant film, half the coolant's rise and the radiator's film."""
    loop = design.form.loop
    pipes = sum(
        c.heat_pipe or c.gl or 0.0
        for c in design.form.conductors
        if node in c.between and _leads_out(design, c.between)
    )
    if loop is None:
        return heat_w / pipes if pipes > 0.0 else math.inf
    plate = next((e for e in loop.plates if e.node == node), None)
    if plate is None:
        return math.inf
    total = sum(g.count * chip_power_w(g.chip) for g in design.form.accelerators.values())
    outward = total / sum(e.conductance for e in loop.radiators)
    if loop.kind == "two_phase":
        return heat_w / plate.conductance + outward
    rate = loop.flow * loop.fluid_heat
    through = rate * plate.share * (1.0 - math.exp(-plate.conductance / (rate * plate.share)))
    return heat_w / through - 0.5 * total / rate + outward


def _leads_out(design: Design, ends: Vector | tuple[str, str]) -> bool:
    return any(end in design.radiators for end in ends)


def audit(design: Design, orbit: Orbit) -> list[Margin]:
    """Margins of a design on an orbit: energy, battery energy and power, radiators, limiters, mass."""
    form = design.form
    peak = peak_load_w(design)
    eclipse, period = orbit.longest_eclipse_s, orbit.period_s
    bus, battery = form.power_bus, form.battery
    regulated = beginning_of_life_w(design) * form.array.control_efficiency
    round_trip = bus.charge_efficiency * bus.discharge_efficiency
    needed = array_sizing_w(peak, eclipse, round_trip, peak, period - eclipse, 1.0) if eclipse > 0.0 else peak
    heat = peak - form.radio.s_band.power
    hot = coldest_hot_side_k(design)
    lines = [
        Margin("array over peak load", regulated, peak, "W", "full sun, beginning of life, warm cells"),
        Margin("energy over one orbit", regulated, needed, "W", f"longest eclipse {eclipse / 60.0:.1f} min"),
        Margin(
            "battery over the longest eclipse",
            battery.energy * DEPTH * bus.discharge_efficiency,
            peak * eclipse,
            "J",
            f"{DEPTH:.0%} depth of discharge, peak load",
        ),
        Margin("battery discharge power", _discharge_w(design), peak if eclipse > 0.0 else 0.0, "W", "at half charge"),
        Margin(
            "radiators at peak heat",
            radiator_capacity_w(design, hot),
            heat,
            "W",
            f"accelerators at their throttle, radiators at {hot - 273.15:.0f} degC; "
            f"peak heat needs {radiator_temperature_k(design, heat) - 273.15:.0f} degC",
        ),
    ]
    lines += [
        Margin(f"limiter {name}", lcl.limit, _lcl_load_w(design, name) / bus.voltage, "A", "at nominal voltage")
        for name, lcl in form.lcls.items()
    ]
    return lines


def _lcl_load_w(design: Design, name: str) -> float:
    form = design.form
    load = form.lcls[name].load
    load += sum(
        g.count * chip_power_w(g.chip) / g.chip.supply_efficiency for g in form.accelerators.values() if g.lcl == name
    )
    load += sum(heater.power for heater in form.heaters.values() if heater.lcl == name)
    if form.loop is not None and form.loop.pump_lcl == name:
        load += form.loop.pump_power
    if form.radio.lcl == name:
        load += form.radio.s_band.power / form.radio.transmitter_efficiency
    return load


def _discharge_w(design: Design) -> float:
    """The most the battery gives at half charge and 20 degC before a cell falls to its cut-off voltage."""
    battery, cell = design.form.battery, design.form.battery.cell
    curve = cell.open_circuit_voltage
    mean_v = (0.5 * (curve[0] + curve[-1]) + sum(curve[1:-1])) / (len(curve) - 1)
    cells = battery.energy / (mean_v * cell.capacity)
    ohm = cell.resistance + cell.polarisation_resistance
    amps = (curve[5] - cell.cut_off_voltage) / ohm
    return cells * cell.cut_off_voltage * amps * design.form.power_bus.discharge_efficiency
