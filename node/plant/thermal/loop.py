"""The pumped coolant loop: pump and lines, accumulator and leak, bypass valve, coolant cells, heat exchange.

The coolant travels in cells (upwind, as many per leg as the design says): supply leg, cold plates, return leg,
radiators and bypass, supply leg. Cells are thermal nodes, so transport and exchange are part of the implicit step and
close the books of energy. Two-phase variant: plates boil into the return cell, radiators condense from it; the
accumulator sets the saturation temperature, dry-out ends boiling, lack of subcooling makes the pump cavitate.
"""

from __future__ import annotations

import math

from node.plant.kernel.capacity import Capacity
from node.plant.kernel.fields import Field, Record, shaped
from node.plant.kernel.kernel import inlined, kernel
from node.plant.power.limiters import feeds


def state_fields(cap: Capacity) -> list[Field]:
    """Pump, valve, flow and inventory. A health of 1 is as built."""
    return [
        ("pump_speed_fraction", "f8"),
        ("pump_health", "f8"),  # pump A: speed it reaches
        ("pump_b_health", "f8"),
        ("pump_power_w", "f8"),
        ("pump_inlet_factor", "f8"),  # below 1: it cavitates
        ("coolant_flow_kg_s", "f8"),
        ("coolant_supply_temperature_k", "f8"),
        ("coolant_return_temperature_k", "f8"),
        ("coolant_inventory_kg", "f8"),
        ("coolant_leak_kg_s", "f8"),
        ("coolant_quality", "f8"),  # vapour share behind the plates (two-phase)
        ("coolant_saturation_k", "f8"),
        ("coolant_subcooling_k", "f8"),
        ("condenser_open_fraction", "f8"),  # share of the condenser that is not flooded
        ("accumulator_fraction", "f8"),
        ("loop_blockage_factor", "f8"),  # 1: clean lines; larger: more pressure drop
        ("valve_fraction", "f8"),  # share of the flow that goes through the radiators
        ("valve_health", "f8"),  # 0: stuck
        ("loop_heat_w", "f8"),  # picked up from the plates
        shaped("exchanger_health", "f8", cap.exchangers),
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Figures of the loop. `loop_kind`: 0 none, 1 single-phase, 2 two-phase."""
    return [
        ("loop_kind", "i4"),
        ("loop_first", "i4"),  # first cell among the thermal nodes
        ("loop_cells", "i4"),  # per leg
        ("coolant_heat_j_kg_k", "f8"),
        ("coolant_latent_j_kg", "f8"),
        ("coolant_freezing_k", "f8"),
        ("coolant_lines_kg", "f8"),
        ("accumulator_kg", "f8"),
        ("pump_flow_kg_s", "f8"),
        ("pump_head_pa", "f8"),
        ("pump_shut_off_pa", "f8"),
        ("pump_w", "f8"),
        ("pump_spin_up_s", "f8"),
        ("pump_lcl", "i4"),
        ("pump_node", "i4"),
        ("valve_s", "f8"),
        ("valve_gain_k_s", "f8"),
        ("coolant_set_k", "f8"),
        ("dry_out_quality", "f8"),
        ("cavitation_subcooling_k", "f8"),
        ("plate_count", "i4"),  # exchangers: plates first, then radiators
        ("exchanger_count", "i4"),
        shaped("exchanger_node", "i4", cap.exchangers),
        shaped("exchanger_w_k", "f8", cap.exchangers),
        shaped("exchanger_share", "f8", cap.exchangers),
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Orders. A negative valve order leaves it to its own regulator, which holds the supply temperature."""
    return [
        ("pump_speed_command_fraction", "f8"),
        ("pump_select", "i4"),  # 0 pump A, 1 pump B
        ("valve_command_fraction", "f8"),
    ]


def work_fields(cap: Capacity) -> list[Field]:
    """Flow as heat capacity rate, and the conductance of each exchanger in it."""
    return [
        ("coolant_w_k", "f8"),
        ("pump_drawn_w", "f8"),
        shaped("exchange_w_k", "f8", cap.exchangers),
        shaped("phase_w_k", "f8", cap.exchangers),
    ]


@kernel
def pump_flow(p: Record, speed: float, inlet: float, blockage: float) -> float:
    """Flow at which the pump's head (a w^2 - b Q^2) meets the lines' loss (~ Q^1.75, Blasius), kg/s.

    Newton's method from above: the difference is concave and falls, so it comes down to the root and never passes it.
    """
    drive = p.pump_shut_off_pa * speed * speed * inlet
    if drive <= 0.0:
        return 0.0
    own = p.pump_shut_off_pa - p.pump_head_pa
    lines = p.pump_head_pa * blockage
    q = math.sqrt(drive / own) if own > 0.0 else math.sqrt(drive / lines) + 1.0
    q = min(q, 10.0)
    for _ in range(8):
        root = math.sqrt(q)
        power = root * math.sqrt(root)  # q^0.75
        excess = drive - own * q * q - lines * q * power
        slope = -2.0 * own * q - 1.75 * lines * power
        q = max(0.0, q - excess / slope)
    return float(q * p.pump_flow_kg_s)


@inlined
def step_loop(s: Record, p: Record, u: Record, w: Record, dt_s: float) -> None:
    """Pump, valve, inventory and flow; what every exchanger exchanges at this flow. Once per tick."""
    w.coolant_w_k = 0.0
    w.pump_drawn_w = 0.0
    if p.loop_kind == 0:
        return
    first = p.loop_first
    cells = p.loop_cells
    supply = s.thermal_temperature_k[first + cells - 1]
    back = s.thermal_temperature_k[first + 2 * cells - 1]
    s.coolant_supply_temperature_k = supply
    s.coolant_return_temperature_k = back
    s.coolant_inventory_kg = max(0.0, s.coolant_inventory_kg - s.coolant_leak_kg_s * dt_s)
    spare = s.coolant_inventory_kg - p.coolant_lines_kg
    s.accumulator_fraction = min(1.0, max(0.0, spare / p.accumulator_kg))
    inlet = min(1.0, max(0.0, 1.0 + 10.0 * spare / p.coolant_lines_kg))
    if p.loop_kind == 2:
        s.coolant_saturation_k = max(p.coolant_set_k, s.thermal_temperature_k[first + cells])
        s.coolant_subcooling_k = s.coolant_saturation_k - supply
        inlet *= min(1.0, max(0.0, s.coolant_subcooling_k / p.cavitation_subcooling_k))
        opening = s.condenser_open_fraction + (back - p.coolant_set_k) * p.valve_gain_k_s * dt_s
        s.condenser_open_fraction = min(1.0, max(0.05, opening))
    frozen = False
    for i in range(2 * cells):
        if s.thermal_temperature_k[first + i] < p.coolant_freezing_k:
            frozen = True
    s.pump_inlet_factor = inlet
    powered = s.main_bus_voltage_v > 0.5 * p.bus_voltage_v and feeds(s, p.pump_lcl)
    wanted = 0.0
    if powered:
        health = s.pump_b_health if u.pump_select == 1 else s.pump_health
        wanted = min(1.0, max(0.0, u.pump_speed_command_fraction)) * health
    s.pump_speed_fraction += (wanted - s.pump_speed_fraction) * dt_s / (p.pump_spin_up_s + dt_s)
    if s.pump_speed_fraction < 1e-3:
        s.pump_speed_fraction = 0.0
    speed = s.pump_speed_fraction
    w.pump_drawn_w = p.pump_w * speed * speed * speed if powered else 0.0
    _turn_valve(s, p, u, supply, dt_s)
    s.coolant_flow_kg_s = 0.0 if frozen else pump_flow(p, speed, inlet, s.loop_blockage_factor)
    w.coolant_w_k = s.coolant_flow_kg_s * p.coolant_heat_j_kg_k
    _exchange(s, p, w)


@kernel
def _turn_valve(s: Record, p: Record, u: Record, supply_k: float, dt_s: float) -> None:
    wanted = u.valve_command_fraction
    if wanted < 0.0 and p.loop_kind == 2:  # a condenser takes the whole flow; its flooding regulates
        wanted = 1.0
    elif wanted < 0.0:
        wanted = s.valve_fraction + (supply_k - p.coolant_set_k) * p.valve_gain_k_s * dt_s
    most = s.valve_health * dt_s / p.valve_s
    turned = s.valve_fraction + min(most, max(-most, wanted - s.valve_fraction))
    s.valve_fraction = min(1.0, max(0.0, turned))


@kernel
def _exchange(s: Record, p: Record, w: Record) -> None:
    """Effectiveness 1 - exp(-UA / (m cp)) at a wall of one temperature; boiling and condensing for two phases."""
    wet = 1.0
    if p.loop_kind == 2:
        over = (s.coolant_quality - p.dry_out_quality) / (1.0 - p.dry_out_quality)
        wet = max(0.05, 1.0 - max(0.0, over))
        if s.coolant_flow_kg_s <= 0.0:
            wet = 0.02
    for e in range(p.exchanger_count):
        through = w.coolant_w_k * p.exchanger_share[e]
        if e >= p.plate_count:
            through *= s.valve_fraction
        conductance = p.exchanger_w_k[e] * s.exchanger_health[e]
        w.exchange_w_k[e] = 0.0
        if through > 1e-9:
            w.exchange_w_k[e] = through * (1.0 - math.exp(-conductance / through))
        w.phase_w_k[e] = 0.0
        if p.loop_kind == 2:
            flowing = 1.0 if s.coolant_flow_kg_s > 0.0 else 0.02
            w.phase_w_k[e] = conductance * (wet if e < p.plate_count else s.condenser_open_fraction * flowing)
            if e < p.plate_count:
                w.exchange_w_k[e] = 0.0


@inlined
def assemble_loop(s: Record, p: Record, w: Record) -> None:
    """Transport from cell to cell and exchange at the two junctions, into the linear system."""
    if p.loop_kind == 0:
        return
    n = p.node_count
    first = p.loop_first
    cells = 2 * p.loop_cells
    rate = w.coolant_w_k
    for i in range(cells):
        a = first + i
        b = first + (i + 1) % cells
        carried = rate * s.thermal_temperature_k[a]
        w.right[a] -= carried
        w.right[b] += carried
        w.matrix[a * n + a] += rate
        w.matrix[b * n + a] -= rate
    picked = 0.0
    for e in range(p.exchanger_count):
        plate = e < p.plate_count
        a = first + (p.loop_cells if plate else cells) - 1
        b = first + p.loop_cells if plate else first
        node = p.exchanger_node[e]
        g = w.exchange_w_k[e]
        heat = g * (s.thermal_temperature_k[a] - s.thermal_temperature_k[node])
        w.right[b] -= heat
        w.right[node] += heat
        w.matrix[b * n + a] += g
        w.matrix[b * n + node] -= g
        w.matrix[node * n + a] -= g
        w.matrix[node * n + node] += g
        if p.loop_kind == 2:
            c = first + p.loop_cells
            g = w.phase_w_k[e]
            flow = g * (s.thermal_temperature_k[node] - s.thermal_temperature_k[c])
            w.right[node] -= flow
            w.right[c] += flow
            w.matrix[node * n + node] += g
            w.matrix[c * n + node] -= g
            w.matrix[c * n + c] += g
            w.matrix[node * n + c] -= g
            heat -= flow
        if plate:
            picked -= heat
    s.loop_heat_w = picked


@inlined
def finish_loop(s: Record, p: Record, dt_s: float) -> None:
    """Vapour quality behind the plates, settling in 2 s. Once per tick."""
    if p.loop_kind == 2:
        quality = 0.0
        carried = s.coolant_flow_kg_s * p.coolant_latent_j_kg
        if carried > 0.0:
            quality = min(1.0, max(0.0, s.loop_heat_w / carried))
        s.coolant_quality += (quality - s.coolant_quality) * dt_s / (2.0 + dt_s)
        if s.coolant_quality < 1e-6:
            s.coolant_quality = 0.0
