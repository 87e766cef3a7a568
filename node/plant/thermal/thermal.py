"""The lumped thermal network: nodes, conductors, faces that see Sun, Earth and space, heaters with thermostats.

C dT/dt = Q + sum GL (Tj - Ti) + sum GR sigma (Tj^4 - Ti^4). Linearly implicit: emission to space enters the matrix
with 4 GR sigma T^3 (Rosenbrock-Euler), radiation between nodes as a conductance GR sigma (Ti^2 + Tj^2) (Ti + Tj) at
the old temperatures, so that any step is stable, heat never flows uphill, and a conductor takes from one node exactly
what it gives to the other. The matrix is eliminated along an order found in advance, without pivoting: it is column
diagonally dominant. Coolant cells are nodes too. Dies and memories hang on their plate and are eliminated first, by
hand.
"""

from __future__ import annotations

import numpy as np

from node.plant.environment.environment import view_factor
from node.plant.kernel.capacity import Capacity
from node.plant.kernel.fields import Field, Record, shaped
from node.plant.kernel.kernel import inlined, kernel


def state_fields(cap: Capacity) -> list[Field]:
    """Temperatures, heaters, and the books of energy. A health of 1 is as built."""
    return [
        shaped("thermal_temperature_k", "f8", cap.thermal_nodes),
        shaped("heater_state", "i4", cap.heaters),
        shaped("heater_health", "f8", cap.heaters),  # 0: open
        shaped("heater_stuck_on", "f8", cap.heaters),  # 1: the thermostat has welded
        shaped("conductor_health", "f8", cap.conductors),
        shaped("face_health", "f8", cap.faces),  # share of the face that radiates (deployed, not punctured)
        shaped("radiator_health", "f8", cap.radiators),  # the same for all faces of one radiator
        shaped("direction_sun", "f8", cap.directions),  # cosine of the Sun along each direction of faces
        shaped("direction_view", "f8", cap.directions),  # view factor of the Earth along it, and against it
        shaped("direction_view_back", "f8", cap.directions),
        ("coating_age_fraction", "f8"),  # 0: absorptivity at beginning of life, 1: at its end
        ("heater_power_w", "f8"),
        ("radiator_heat_w", "f8"),  # net to space from radiator faces: emitted less absorbed
        ("thermal_emitted_w", "f8"),
        ("thermal_absorbed_w", "f8"),
        ("thermal_residual_j", "f8"),  # stored less (in less out) over the last sub-step
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """The network and the order of elimination."""
    n = cap.thermal_nodes
    return [
        ("node_count", "i4"),
        shaped("node_capacity_j_k", "f8", n),
        ("conductor_count", "i4"),
        shaped("conductor_kind", "i4", cap.conductors),  # 0 conduction, 1 radiation, 2 heat pipe
        shaped("conductor_a", "u4", cap.conductors),
        shaped("conductor_b", "u4", cap.conductors),
        shaped("conductor_value", "f8", cap.conductors),  # W/K, or m2 of emissivity x area x view
        shaped("conductor_limit_w", "f8", cap.conductors),
        ("face_count", "i4"),
        shaped("face_node", "u4", cap.faces),
        shaped("face_radiator", "i4", cap.faces),  # index of its radiator, or -1
        ("direction_count", "i4"),
        shaped("direction_normal", "f8", 3 * cap.directions),  # directions of faces, opposite ones counted once
        shaped("direction_driven", "i4", cap.directions),  # 1: that of the array, turning with it
        shaped("face_direction", "u4", cap.faces),
        shaped("face_sign", "f8", cap.faces),  # along its direction, or against it
        shaped("face_area_m2", "f8", cap.faces),
        shaped("face_absorptivity", "f8", cap.faces),
        shaped("face_absorptivity_growth", "f8", cap.faces),
        shaped("face_emissivity", "f8", cap.faces),  # fin efficiency included
        ("heater_count", "i4"),
        shaped("heater_node", "u4", cap.heaters),
        shaped("heater_lcl", "u4", cap.heaters),
        shaped("heater_w", "f8", cap.heaters),
        shaped("heater_on_k", "f8", cap.heaters),
        shaped("heater_off_k", "f8", cap.heaters),
        ("stefan_boltzmann_w_m2_k4", "f8"),
        ("space_k", "f8"),
        shaped("pivot_node", "u4", n),
        shaped("pivot_start", "u4", n + 1),
        shaped("pivot_neighbour", "u4", cap.pairs),
        shaped("pivot_lower", "u4", cap.pairs),  # places in the matrix: below the pivot
        shaped("pivot_upper", "u4", cap.pairs),  # right of it
        shaped("pivot_update", "u4", cap.updates),  # and what they change
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Orders: heater 0 off, 1 on, 2 thermostat. Survival thermostats are hardware: leave them at 2."""
    return [shaped("heater_command", "i4", cap.heaters)]


def work_fields(cap: Capacity) -> list[Field]:
    """Heat into each node, absorbed light, emitting areas, and the linear system."""
    n = cap.thermal_nodes
    return [
        shaped("node_heat_w", "f8", n),
        shaped("node_absorbed_w", "f8", n),
        shaped("node_emitting_m2", "f8", n),
        shaped("node_radiating_m2", "f8", n),
        shaped("heater_drawn_w", "f8", cap.heaters),
        ("radiator_absorbed_w", "f8"),
        ("to_space_w", "f8"),
        ("absorbed_w", "f8"),
        ("stored_j", "f8"),
        ("internal_w", "f8"),
        shaped("matrix", "f8", n * n),
        shaped("right", "f8", n),
        shaped("change_k", "f8", n),
    ]


@inlined
def light_faces(s: Record, p: Record, w: Record) -> None:
    """Light absorbed by each node and the area through which it emits. Once per tick."""
    for i in range(p.node_count):
        w.node_absorbed_w[i] = 0.0
        w.node_emitting_m2[i] = 0.0
        w.node_radiating_m2[i] = 0.0
    w.radiator_absorbed_w = 0.0
    total = 0.0
    sun = s.solar_flux_w_m2 * s.illumination_fraction
    albedo = s.solar_flux_w_m2 * s.albedo_factor
    for f in range(p.face_count):
        d = p.face_direction[f]
        view = s.direction_view[d] if p.face_sign[f] > 0.0 else s.direction_view_back[d]
        cosine = s.direction_sun[d] * p.face_sign[f]
        health = s.face_health[f]
        radiator = p.face_radiator[f]
        if radiator >= 0:
            health *= s.radiator_health[radiator]
        area = p.face_area_m2[f] * health
        alpha = p.face_absorptivity[f] + p.face_absorptivity_growth[f] * s.coating_age_fraction
        emitting = area * p.face_emissivity[f]
        heat = area * alpha * (sun * max(0.0, cosine) + albedo * view) + emitting * s.earth_ir_w_m2 * view
        node = p.face_node[f]
        w.node_absorbed_w[node] += heat
        w.node_emitting_m2[node] += emitting
        total += heat
        if radiator >= 0:
            w.node_radiating_m2[node] += emitting
            w.radiator_absorbed_w += heat
    s.thermal_absorbed_w = total
    w.absorbed_w = total


@kernel
def look_out(s: Record, p: Record) -> None:
    """Sun and Earth as seen along each direction. What the Earth gives two opposite faces differs by k^2 cos: the net
    flux through a plane is that of the whole disc, however it is cut."""
    k2 = s.earth_radius_ratio * s.earth_radius_ratio
    for d in range(p.direction_count):
        if p.direction_driven[d] == 1:
            cosine = s.array_incidence_cos
            down = s.array_nadir_cos
        else:
            x = p.direction_normal[3 * d]
            y = p.direction_normal[3 * d + 1]
            z = p.direction_normal[3 * d + 2]
            sun = s.sun_direction_body
            cosine = x * sun[0] + y * sun[1] + z * sun[2]
            nadir = s.nadir_direction_body
            down = x * nadir[0] + y * nadir[1] + z * nadir[2]
        view = view_factor(down, s.earth_radius_ratio)
        s.direction_sun[d] = cosine
        s.direction_view[d] = view
        s.direction_view_back[d] = max(0.0, view - k2 * down)


@inlined
def step_heaters(s: Record, p: Record, u: Record, w: Record) -> None:
    """Thermostats with hysteresis; what each heater draws goes on its limiter's demand."""
    for h in range(p.heater_count):
        kelvin = s.thermal_temperature_k[p.heater_node[h]]
        state = s.heater_state[h]
        if u.heater_command[h] == 2:
            if kelvin < p.heater_on_k[h]:
                state = 1
            elif kelvin > p.heater_off_k[h]:
                state = 0
        else:
            state = u.heater_command[h]
        if s.heater_stuck_on[h] > 0.5:
            state = 1
        s.heater_state[h] = state
        w.heater_drawn_w[h] = p.heater_w[h] * state * s.heater_health[h]
        w.lcl_demand_w[p.heater_lcl[h]] += w.heater_drawn_w[h]


@inlined
def heat_heaters(s: Record, p: Record, w: Record) -> None:
    """What the heaters were really given, as heat."""
    total = 0.0
    for h in range(p.heater_count):
        power = w.heater_drawn_w[h] * w.lcl_served[p.heater_lcl[h]]
        w.node_heat_w[p.heater_node[h]] += power
        total += power
    s.heater_power_w = total


@inlined
def assemble(s: Record, p: Record, w: Record, dt_s: float) -> None:
    """Matrix and right side of the step, without coolant flow and chips. w.right holds dQ/dt at the old state."""
    n = np.uint64(p.node_count)
    sigma = p.stefan_boltzmann_w_m2_k4
    for i in range(n * n):
        w.matrix[i] = 0.0
    cold = p.space_k * p.space_k
    cold = cold * cold
    per_s = 1.0 / dt_s
    out = 0.0
    for i in range(n):
        kelvin = s.thermal_temperature_k[i]
        cube = kelvin * kelvin * kelvin
        emitted = sigma * w.node_emitting_m2[i] * (cube * kelvin - cold)
        w.right[i] = w.node_heat_w[i] + w.node_absorbed_w[i] - emitted
        w.matrix[i * n + i] = p.node_capacity_j_k[i] * per_s + 4.0 * sigma * w.node_emitting_m2[i] * cube
        out += emitted
    w.to_space_w = out
    for c in range(p.conductor_count):
        a = p.conductor_a[c]
        b = p.conductor_b[c]
        value = p.conductor_value[c] * s.conductor_health[c]
        ta = s.thermal_temperature_k[a]
        tb = s.thermal_temperature_k[b]
        if p.conductor_kind[c] == 1:
            value *= sigma * (ta * ta + tb * tb) * (ta + tb)
        elif p.conductor_kind[c] == 2:
            most = p.conductor_limit_w[c] * s.conductor_health[c]
            if abs(value * (ta - tb)) > most:
                value = most / abs(ta - tb)
        flow = value * (ta - tb)
        w.right[a] -= flow
        w.right[b] += flow
        w.matrix[a * n + a] += value
        w.matrix[b * n + a] -= value
        w.matrix[b * n + b] += value
        w.matrix[a * n + b] -= value


@inlined
def solve(p: Record, w: Record) -> None:
    """Elimination along the given order, then back: w.change_k from w.matrix and w.right (both are used up)."""
    one = np.uint64(1)
    n = np.uint64(p.node_count)
    at = np.uint64(0)
    for step in range(n):
        k = p.pivot_node[step]
        inverse = 1.0 / w.matrix[k * n + k]
        w.matrix[k * n + k] = inverse
        right = w.right[k]
        first = p.pivot_start[step]
        last = p.pivot_start[step + one]
        for a in range(first, last):
            factor = w.matrix[p.pivot_lower[a]] * inverse
            w.right[p.pivot_neighbour[a]] -= factor * right
            for b in range(first, last):
                w.matrix[p.pivot_update[at]] -= factor * w.matrix[p.pivot_upper[b]]
                at += one
    for back in range(n):
        last_first = n - one - back
        k = p.pivot_node[last_first]
        value = w.right[k]
        for a in range(p.pivot_start[last_first], p.pivot_start[last_first + one]):
            value -= w.matrix[p.pivot_upper[a]] * w.change_k[p.pivot_neighbour[a]]
        w.change_k[k] = value * w.matrix[k * n + k]


@inlined
def advance(s: Record, p: Record, w: Record, dt_s: float) -> None:
    """Take the change over."""
    sigma = p.stefan_boltzmann_w_m2_k4
    stored = 0.0
    internal = 0.0
    out = w.to_space_w
    radiated = -w.radiator_absorbed_w
    cold = p.space_k * p.space_k
    cold = cold * cold
    for i in range(p.node_count):
        kelvin = s.thermal_temperature_k[i]
        change = w.change_k[i]
        cube = kelvin * kelvin * kelvin
        slope = 4.0 * sigma * cube * change
        out += w.node_emitting_m2[i] * slope
        radiated += w.node_radiating_m2[i] * (sigma * (cube * kelvin - cold) + slope)
        stored += p.node_capacity_j_k[i] * change
        internal += w.node_heat_w[i]
        s.thermal_temperature_k[i] = kelvin + change
    s.radiator_heat_w = radiated
    w.to_space_w = out
    w.stored_j = stored
    w.internal_w = internal
