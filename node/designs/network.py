"""The thermal network and the coolant loop of a design as plant parameters, first state and first orders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from bus.constants import STEFAN_BOLTZMANN_W_M2_K4
from node.designs.elimination import minimum_degree
from node.designs.load import Design

Value = float | int | Sequence[float] | Sequence[int]

SPACE_K = 2.7  # cosmic background
VALVE_GAIN_K_S = (
    0.001  # assumption: 0.1 % per second and kelvin; ten times that hunts, the coolant needs 20 to 40 s around
)
DRY_OUT_QUALITY = 0.8  # textbook: boiling ends at about 80 % vapour
CAVITATION_SUBCOOLING_K = 3.0  # textbook: a pump cavitates below 3 K of subcooling
_KINDS = {"gl": 0, "gr": 1, "heat_pipe": 2}


def network_parameters(design: Design) -> dict[str, Value]:
    """PARAM fields of nodes, conductors, faces, heaters and loop."""
    form, nodes = design.form, design.thermal_nodes
    pairs = [(nodes.index(c.between[0]), nodes.index(c.between[1])) for c in form.conductors]
    order = minimum_degree(len(nodes), pairs + loop_pairs(design))
    radiators = design.radiators
    ends = [
        face.absorptivity if face.absorptivity_end_of_life is None else face.absorptivity_end_of_life
        for face in form.faces
    ]
    return {
        "node_count": len(nodes),
        "node_capacity_j_k": [node.capacity for node in form.nodes.values()] + _cell_capacities(design),
        "conductor_count": len(form.conductors),
        "conductor_kind": [0 if c.gl is not None else 1 if c.gr is not None else 2 for c in form.conductors],
        "conductor_a": [a for a, _ in pairs],
        "conductor_b": [b for _, b in pairs],
        "conductor_value": [c.gl or c.gr or c.heat_pipe or 0.0 for c in form.conductors],
        "conductor_limit_w": [c.heat_pipe_limit or 0.0 for c in form.conductors],
        "face_count": len(form.faces),
        "face_node": [nodes.index(face.node) for face in form.faces],
        "face_radiator": [radiators.index(f.node) if f.kind == "radiator" else -1 for f in form.faces],
        **_directions(design),
        "face_area_m2": [face.area for face in form.faces],
        "face_absorptivity": [face.absorptivity for face in form.faces],
        "face_absorptivity_growth": [e - face.absorptivity for e, face in zip(ends, form.faces, strict=True)],
        "face_emissivity": [
            face.emissivity * (1.0 if face.fin_efficiency is None else face.fin_efficiency) for face in form.faces
        ],
        "heater_count": len(form.heaters),
        "heater_node": [nodes.index(heater.node) for heater in form.heaters.values()],
        "heater_lcl": [design.lcls.index(heater.lcl) for heater in form.heaters.values()],
        "heater_w": [heater.power for heater in form.heaters.values()],
        "heater_on_k": [heater.on_below for heater in form.heaters.values()],
        "heater_off_k": [heater.off_above for heater in form.heaters.values()],
        "stefan_boltzmann_w_m2_k4": STEFAN_BOLTZMANN_W_M2_K4,
        "space_k": SPACE_K,
        **order.fields(),
        **_loop(design),
    }


def _directions(design: Design) -> dict[str, Value]:
    """Where faces look, opposite faces sharing a direction; faces that turn with the array look along it."""
    array = design.form.array
    known: list[tuple[tuple[float, float, float], bool]] = []
    indices, signs = [], []
    for face in design.form.faces:
        driven = face.driven and array.drive is not None
        normal = array.normal if driven else face.normal
        sign = 1.0 if sum(a * b for a, b in zip(face.normal, array.normal, strict=True)) > 0.0 else -1.0
        if not driven:
            sign = 1.0 if next(x for x in normal if x != 0.0) > 0.0 else -1.0
            normal = (sign * normal[0], sign * normal[1], sign * normal[2])
        if (normal, driven) not in known:
            known.append((normal, driven))
        indices.append(known.index((normal, driven)))
        signs.append(sign)
    return {
        "direction_count": len(known),
        "direction_normal": [x for normal, _ in known for x in normal],
        "direction_driven": [int(driven) for _, driven in known],
        "face_direction": indices,
        "face_sign": signs,
    }


def network_state(design: Design) -> dict[str, Value]:
    """First temperatures, health, and a loop at rest with its accumulator half full."""
    form, loop = design.form, design.form.loop
    state: dict[str, Value] = {
        "thermal_temperature_k": [node.initial for node in form.nodes.values()]
        + [loop.initial if loop else 0.0] * len(design.loop_cells),
        "heater_health": [1.0] * len(form.heaters),
        "conductor_health": [1.0] * len(form.conductors),
        "face_health": [1.0] * len(form.faces),
        "radiator_health": [1.0] * len(design.radiators),
    }
    if loop is not None:
        state |= {
            "pump_speed_fraction": 1.0,
            "pump_health": 1.0,
            "pump_b_health": 1.0,
            "pump_inlet_factor": 1.0,
            "coolant_inventory_kg": loop.inventory + 0.5 * loop.accumulator,
            "coolant_saturation_k": loop.set_point,
            "coolant_supply_temperature_k": loop.initial,
            "coolant_return_temperature_k": loop.initial,
            "condenser_open_fraction": 1.0,
            "accumulator_fraction": 0.5,
            "loop_blockage_factor": 1.0,
            "valve_fraction": 1.0,
            "valve_health": 1.0,
            "exchanger_health": [1.0] * (len(loop.plates) + len(loop.radiators)),
        }
    return state


def network_orders(design: Design) -> dict[str, Value]:
    """Thermostats work by themselves, pump A runs, the valve holds the supply temperature."""
    return {
        "heater_command": [2] * len(design.heaters),
        "pump_speed_command_fraction": 1.0,
        "valve_command_fraction": -1.0,
    }


def _cell_capacities(design: Design) -> list[float]:
    loop = design.form.loop
    if loop is None:
        return []
    cells = len(design.loop_cells)
    return [loop.inventory / cells * loop.fluid_heat] * cells


def loop_pairs(design: Design) -> list[tuple[int, int]]:
    """Which unknowns the coolant couples: neighbouring cells, and each exchanger with the cells at its junction."""
    loop, nodes = design.form.loop, design.thermal_nodes
    if loop is None:
        return []
    first = nodes.index(design.loop_cells[0])
    cells = [first + i for i in range(len(design.loop_cells))]
    per_leg = loop.cells_per_leg
    pairs = [*pairwise(cells), (cells[-1], cells[0])]
    for exchanger in loop.plates:
        node = nodes.index(exchanger.node)
        pairs += [(node, cells[per_leg - 1]), (node, cells[per_leg])]
    for exchanger in loop.radiators:
        node = nodes.index(exchanger.node)
        pairs += [(node, cells[-1]), (node, cells[0]), (node, cells[per_leg])]
    return pairs


def _loop(design: Design) -> dict[str, Value]:
    loop, nodes = design.form.loop, design.thermal_nodes
    if loop is None:
        return {"loop_kind": 0}
    exchangers = [*loop.plates, *loop.radiators]
    return {
        "loop_kind": 1 if loop.kind == "single_phase" else 2,
        "loop_first": nodes.index(design.loop_cells[0]),
        "loop_cells": loop.cells_per_leg,
        "coolant_heat_j_kg_k": loop.fluid_heat,
        "coolant_latent_j_kg": loop.latent_heat or 0.0,
        "coolant_freezing_k": loop.freezing,
        "coolant_lines_kg": loop.inventory,
        "accumulator_kg": loop.accumulator,
        "pump_flow_kg_s": loop.flow,
        "pump_head_pa": loop.head,
        "pump_shut_off_pa": loop.shut_off_head,
        "pump_w": loop.pump_power,
        "pump_spin_up_s": loop.spin_up,
        "pump_lcl": design.lcls.index(loop.pump_lcl),
        "pump_node": nodes.index(loop.pump_node),
        "valve_s": loop.valve_time,
        "valve_gain_k_s": VALVE_GAIN_K_S,
        "coolant_set_k": loop.set_point,
        "dry_out_quality": DRY_OUT_QUALITY,
        "cavitation_subcooling_k": CAVITATION_SUBCOOLING_K,
        "plate_count": len(loop.plates),
        "exchanger_count": len(exchangers),
        "exchanger_node": [nodes.index(e.node) for e in exchangers],
        "exchanger_w_k": [e.conductance for e in exchangers],
        "exchanger_share": [e.share for e in exchangers],
    }
