"""Figures of a design that flight software reckons with: its thermal network and its chips.

What is ours is marked [A].
"""

from __future__ import annotations

import math

from node.designs.load import Design
from node.designs.plant import group_charge_c
from node.devices.definitions import THERMISTOR_NOISE_K, THERMISTOR_QUANTUM_K
from node.devices.figures import ChipFigures, HeaterFigures, HeatFigures, Link, PlateFigures

SETTLED_S = 45.0
"""[A] Over which a balance of heat is smoothed: then thermistors' noise is watts a kilojoule."""
SIGMAS = 6.0
"""[A] Of the thermistors' noise."""
LIGHT_W_M2 = 40.0
"""[A] By which light and warmth from the Earth change within minutes, for a square metre that emits: they go up and
down by some 130 W/m2 in half an orbit."""
LOAD_SHARE = 0.05
"""[A] Of what a node is given at most: efficiencies and tolerances."""


def battery_charge_c(design: Design) -> float:
    """What the battery holds when full."""
    return design.form.battery.groups * group_charge_c(design)


def panels(design: Design) -> tuple[int, ...]:
    """On which panel each string is: strings of one look the same way."""
    parts = design.form.array.panels
    if parts is None:
        return (0,) * len(design.strings)
    return tuple(number for number, panel in enumerate(parts) for _ in range(panel.strings))


def isl_near_m(design: Design) -> float:
    """The range to which a terminal is in the other's near field: where gain^2 (lambda / 4 pi r)^2 is 1 (Friis)."""
    isl = design.form.isl
    if isl is None:
        return 0.0
    gain = (math.pi * isl.aperture / isl.wavelength) ** 2 * isl.efficiency
    return gain * isl.wavelength / (4.0 * math.pi)


def isl_near_db(design: Design) -> float:
    """Light at a terminal in the near field over what its full rate needs: what is sent, less the losses and what the
    shaking of the beam takes of it."""
    isl = design.form.isl
    if isl is None:
        return 0.0
    shake = isl.jitter / (2.0 * isl.wavelength / (math.pi * isl.aperture))
    lost_db = isl.loss + 10.0 * math.log10(math.e) * 2.0 * shake * shake
    return 10.0 * math.log10(isl.power / isl.threshold) - lost_db


def heat_figures(design: Design) -> HeatFigures:
    """The thermal network."""
    form, nodes, lcls = design.form, design.thermal_nodes, design.lcls
    links = tuple(
        Link(
            nodes.index(c.between[0]), nodes.index(c.between[1]),
            c.gl or c.gr or c.heat_pipe or 0.0, c.gr is not None, c.heat_pipe_limit or math.inf,
        )
        for c in form.conductors
    )  # fmt: skip
    emitting = dict.fromkeys(nodes, 0.0)
    for face in form.faces:
        emitting[face.node] += face.area * face.emissivity * (face.fin_efficiency or 1.0)
    heaters = tuple(
        HeaterFigures(nodes.index(h.node), lcls.index(h.lcl), h.power, h.off_above) for h in form.heaters.values()
    )
    plates: tuple[PlateFigures, ...] = ()
    if form.loop is not None and form.loop.kind == "single_phase":
        plates = tuple(
            PlateFigures(nodes.index(plate.node), plate.conductance, form.loop.fluid_heat * plate.share)
            for plate in form.loop.plates
        )
    known = [form.nodes[name].capacity if name in form.nodes else 0.0 for name in nodes]
    return HeatFigures(
        capacities_j_k=tuple(known),
        links=links,
        emitting_m2=tuple(emitting.values()),
        margin_w=tuple(_margin_w(design, node, emitting[node]) for node in nodes),
        lcl_nodes=tuple(nodes.index(lcl.node) for lcl in form.lcls.values()),
        heaters=heaters,
        plates=plates,
    )


def _margin_w(design: Design, node: str, emitting_m2: float) -> float:
    """Of a node's balance. Not judged: the array (its light is far more than all else), where converters lose heat that
    is not measured, coolant and what hangs on it behind the valve, whose place is not known, and boiling plates."""
    form, loop = design.form, design.form.loop
    unknown = {form.array.node, form.power_bus.node, *design.loop_cells}
    if loop is not None:
        unknown |= {radiator.node for radiator in loop.radiators} | {loop.pump_node}
        unknown |= {plate.node for plate in loop.plates} if loop.kind == "two_phase" else set()
    if node in unknown:
        return math.inf
    step_k = math.hypot(THERMISTOR_NOISE_K, THERMISTOR_QUANTUM_K / math.sqrt(12.0)) * math.sqrt(2.0)
    groups = [group for group in form.accelerators.values() if group.node == node]
    given_w = sum(lcl.load for lcl in form.lcls.values() if lcl.node == node)
    given_w += sum(group.count * group.chip.cap_highest / group.chip.supply_efficiency for group in groups)
    given_w += sum(heater.power for heater in form.heaters.values() if heater.node == node)
    if node == form.battery.node:
        rated_w = sum(g.count * g.chip.cap_highest / g.chip.supply_efficiency for g in form.accelerators.values())
        given_w += rated_w + sum(lcl.load for lcl in form.lcls.values())
    noise_w = SIGMAS * form.nodes[node].capacity * step_k / SETTLED_S
    return round(noise_w + LIGHT_W_M2 * emitting_m2 + LOAD_SHARE * given_w, 1)


def chip_figures(design: Design) -> tuple[ChipFigures, ...]:
    """The chips of every group."""
    return tuple(
        ChipFigures(
            count=float(group.count), node=design.thermal_nodes.index(group.node), lcl=design.lcls.index(group.lcl),
            idle_w=group.chip.idle, dynamic_w=group.chip.dynamic, memory_w=group.chip.memory,
            leakage_w=group.chip.leakage, leakage_at_k=group.chip.leakage_temperature,
            leakage_scale_k=group.chip.leakage_scale, voltage_floor=group.chip.voltage_floor,
            voltage_slope=group.chip.voltage_slope, efficiency=group.chip.supply_efficiency,
            die_j_k=group.chip.die_capacity, memory_j_k=group.chip.memory_capacity,
            die_k_w=group.chip.die_resistance, highest_w=group.chip.cap_highest,
            excess_known=not group.chip.modes,
        )
        for group in design.form.accelerators.values()
    )  # fmt: skip
