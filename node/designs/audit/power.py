"""Power of a design in closed form: full load, warm array, load carried over an orbit, the battery. For audits only.

Beginning of life, constant load, no time: truth has its own models in `node/plant`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from node.designs.audit.heat import plate_temperature_k
from node.designs.audit.orbit import Circle, Day
from node.designs.load import Design
from node.designs.parts import Chip
from node.designs.plant import REFERENCE_W_M2

COULOMB = 0.97  # assumption: what charging and discharging through the cells' resistance leaves of the energy
EARTH_VIEW_W_M2 = 0.35 * 237.0  # assumption: infrared on a sun-facing array, of the Earth's 237 W/m2


def chips_w(design: Design) -> float:
    """All accelerators at the most they take, at their limiters."""
    groups = design.form.accelerators.values()
    return sum(group.count * most_w(group.chip) / group.chip.supply_efficiency for group in groups)


def most_w(chip: Chip) -> float:
    """What a chip takes at most: its highest cap; with power modes, of which it is in one at a time, what the hungriest
    comes to where it begins to throttle, if that is less."""
    if not chip.modes:
        return chip.cap_highest
    leakage_w = chip.leakage * math.exp((chip.throttle - chip.leakage_temperature) / chip.leakage_scale)
    modes = chip.modes.values()
    hungriest = max(m.idle + m.dynamic + (chip.memory if m.memory is None else m.memory) for m in modes)
    return min(chip.cap_highest, hungriest + leakage_w)


def full_load_w(design: Design) -> float:
    """Everything on but heaters and the transmitter's beam, accelerators at their highest cap."""
    loop = design.form.loop
    return sum(lcl.load for lcl in design.form.lcls.values()) + chips_w(design) + (loop.pump_power if loop else 0.0)


def array_temperature_k(design: Design, sunlight_w_m2: float) -> float:
    """The array in full sunlight, facing the Sun: what it takes up less what it gives away as electricity."""
    array, kelvin = design.form.array, 320.0
    faces = [face for face in design.form.faces if face.node == array.node]
    taken = sum(f.area * f.absorptivity * sunlight_w_m2 for f in faces if f.kind == "array_front")
    area = sum(f.area * f.emissivity for f in faces)
    for _ in range(30):
        heat = taken - _array_w(design, sunlight_w_m2, kelvin) + EARTH_VIEW_W_M2 * area
        kelvin = plate_temperature_k(heat, area, 1.0, 1, 0.0)
    return kelvin


def array_w(design: Design, sunlight_w_m2: float) -> float:
    """What the array gives in full sunlight at beginning of life, warm."""
    return _array_w(design, sunlight_w_m2, array_temperature_k(design, sunlight_w_m2))


def _array_w(design: Design, sunlight_w_m2: float, kelvin: float) -> float:
    array, cell = design.form.array, design.form.array.cell
    warm = kelvin - cell.reference_temperature
    volts = max(0.0, cell.power_point_voltage + cell.power_point_slope * warm)
    amps = cell.power_point_current * max(0.0, 1.0 + cell.current_slope * warm) * sunlight_w_m2 / REFERENCE_W_M2
    facing = 1.0
    if array.panels is not None:
        whole = sum(panel.share for panel in array.panels)
        facing = sum(panel.share / whole * _cosine(panel.normal, design) for panel in array.panels)
    elif array.drive is None:
        facing = _cosine(array.normal, design)
    return array.area * array.packing / cell.area * volts * amps * facing


def _cosine(normal: Sequence[float], design: Design) -> float:
    """How far a panel faces the Sun in sun pointing."""
    return max(0.0, sum(a * b for a, b in zip(normal, design.form.attitude.sun_axis, strict=True)))


def sustainable_w(design: Design, orbit: Circle, day: Day) -> float:
    """The constant load that array and battery carry over orbit after orbit of this day."""
    bus, gives = design.form.power_bus, array_w(design, day.sunlight_w_m2) * design.form.array.control_efficiency
    bright = orbit.period_s - day.eclipse_s
    trip = bus.charge_efficiency * bus.discharge_efficiency * COULOMB
    return gives * bright * trip / (day.eclipse_s + bright * trip)


def discharge_depth(load_w: float, eclipse_s: float, energy_j: float, efficiency: float) -> float:
    """Share of the battery that a load takes over an eclipse."""
    return load_w * eclipse_s / (efficiency * energy_j)


def discharge_w(design: Design) -> float:
    """The most the battery gives at half charge and 20 degC before a cell falls to its cut-off voltage."""
    battery, cell = design.form.battery, design.form.battery.cell
    curve = cell.open_circuit_voltage
    mean_v = (0.5 * (curve[0] + curve[-1]) + sum(curve[1:-1])) / (len(curve) - 1)
    amps = (curve[len(curve) // 2] - cell.cut_off_voltage) / (cell.resistance + cell.polarisation_resistance)
    cells = battery.energy / (mean_v * cell.capacity)
    return cells * cell.cut_off_voltage * amps * design.form.power_bus.discharge_efficiency


def depth(design: Design, dark: Day, load_w: float) -> float:
    """Share of the design's battery that a load takes over a day's eclipse."""
    return discharge_depth(
        load_w, dark.eclipse_s, design.form.battery.energy, design.form.power_bus.discharge_efficiency
    )


def battery_heat_w(design: Design, orbit: Circle, day: Day, load_w: float) -> float:
    """Orbit average of the heat in the cells' resistance, for a load that is carried through this day's eclipses."""
    battery, bus, cell = design.form.battery, design.form.power_bus, design.form.battery.cell
    if day.eclipse_s <= 0.0:
        return 0.0
    volts = cell.open_circuit_voltage[7]
    out = min(load_w / bus.discharge_efficiency, battery.energy / day.eclipse_s)
    rate = out * 3600.0 / battery.energy  # 1/h
    back = min(rate * day.eclipse_s / (orbit.period_s - day.eclipse_s), cell.charge_rate * 3600.0)
    ohm = cell.resistance + cell.polarisation_resistance
    cells = battery.energy / (cell.capacity * volts)
    amps = cell.capacity / 3600.0
    dark = day.eclipse_s * (rate * amps) ** 2
    bright = rate * back * day.eclipse_s * amps**2  # what went out comes back at this rate, longer
    return cells * ohm * (dark + bright) / orbit.period_s
