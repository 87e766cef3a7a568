# ruff: noqa: PLR0917 - kernels take records by position and compare integers one by one
"""Solar array and the power balance of the main bus.

Electrical quantities are quasi-static: a main bus settles in milliseconds. Reads sun_direction_body,
illumination_fraction, solar_flux_w_m2; writes heat into the work record's node_heat_w. No fault is known here: health
factors are always multiplied.
"""

from __future__ import annotations

import math

from node.plant.kernel.capacity import Capacity
from node.plant.kernel.fields import Field, Record, shaped
from node.plant.kernel.kernel import inlined, kernel
from node.plant.power.battery import charge_limit_w, discharge_limit_w, prepare_battery, serve_battery
from node.plant.power.limiters import limited_c, open_on_undervoltage, own_load_w
from node.plant.power.tracker import settle_strings, track


def state_fields(cap: Capacity) -> list[Field]:
    """Array and bus. A health of 1 is as built, 0 is gone."""
    return [
        ("array_angle_rad", "f8"),
        ("array_available_w", "f8"),  # at the strings' maximum power points, or at the bus voltage (S3R)
        ("array_power_w", "f8"),  # drawn
        ("array_voltage_v", "f8"),
        ("array_temperature_k", "f8"),
        ("array_incidence_cos", "f8"),
        ("array_nadir_cos", "f8"),
        ("array_age_s", "f8"),
        ("array_drive_health", "f8"),  # 0: stuck
        ("array_control_health", "f8"),  # tracker or shunt regulator
        shaped("string_current_a", "f8", cap.strings),
        shaped("string_health", "f8", cap.strings),
        ("main_bus_voltage_v", "f8"),
        ("main_bus_short_w", "f8"),  # a fault's load on the bus itself, at nominal voltage
        ("load_power_w", "f8"),
        ("battery_power_w", "f8"),
        ("power_loss_w", "f8"),
        ("power_served_fraction", "f8"),  # below 1: brown-out
        ("power_balance_residual_w", "f8"),
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Figures of array and bus."""
    return [
        ("string_count", "i4"),
        ("array_regulated", "i4"),  # 1: MPPT, 0: S3R at the bus voltage
        ("array_node", "i4"),
        ("array_driven", "i4"),
        ("array_normal", "f8", (3,)),
        ("array_axis", "f8", (3,)),
        ("array_rate_rad_s", "f8"),
        ("array_efficiency", "f8"),
        ("string_short_circuit_a", "f8"),
        ("string_open_circuit_v", "f8"),
        ("string_power_point_a", "f8"),
        ("string_power_point_v", "f8"),
        ("string_current_slope_k", "f8"),
        ("string_open_circuit_slope_v_k", "f8"),
        ("string_power_point_slope_v_k", "f8"),
        ("cell_reference_k", "f8"),
        ("cell_reference_w_m2", "f8"),
        ("cell_damage_constant", "f8"),
        ("cell_damage_fluence_m2", "f8"),
        ("cell_yearly_loss_s", "f8"),
        ("cell_first_loss", "f8"),
        ("cell_first_loss_s", "f8"),
        ("bus_regulated", "i4"),
        ("bus_node", "i4"),
        ("bus_voltage_v", "f8"),
        ("bus_charge_efficiency", "f8"),
        ("bus_discharge_efficiency", "f8"),
        ("bus_undervoltage_v", "f8"),
        ("bus_recovery_v", "f8"),
        ("transmitter_w", "f8"),
        ("transmitter_radiated_w", "f8"),
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Where the array should turn to."""
    return [("array_angle_command_rad", "f8")]


@kernel
def string_curve_a(volts: float, isc: float, voc: float, imp: float, vmp: float) -> float:
    """Current of a string at a voltage: I = Isc [1 - C1 (exp(V / (C2 Voc)) - 1)] (Rauschenbach 1980, chapter 2)."""
    if isc <= 0.0 or voc <= 0.0:
        return 0.0
    c2 = (vmp / voc - 1.0) / math.log(1.0 - imp / isc)
    c1 = (1.0 - imp / isc) * math.exp(-vmp / (c2 * voc))
    return max(0.0, isc * (1.0 - c1 * (math.exp(min(60.0, volts / (c2 * voc))) - 1.0)))


@kernel
def remaining_power(p: Record, fluence_m2: float, age_s: float) -> float:
    """Share of the first day's power that is left after radiation, ultraviolet, dirt and thermal cycles."""
    damage = 1.0 - p.cell_damage_constant * math.log10(1.0 + fluence_m2 / p.cell_damage_fluence_m2)
    years = 1.0 - p.cell_yearly_loss_s * age_s
    first = 1.0 - p.cell_first_loss * min(1.0, age_s / p.cell_first_loss_s)
    return float(max(0.0, damage) * max(0.0, years) * first)


@kernel
def string_now(s: Record, p: Record, cosine: float) -> tuple[float, float, float]:
    """Of a string under this Sun, so warm and so old: its currents over those of the data sheet, open-circuit voltage,
    voltage of the greatest power. Where panels have normals of their own the currents are those facing the Sun."""
    facing = 1.0 if p.panels == 1 else max(0.0, cosine)
    light = facing * s.illumination_fraction * s.solar_flux_w_m2 / p.cell_reference_w_m2
    warm = s.array_temperature_k - p.cell_reference_k
    root = math.sqrt(remaining_power(p, s.array_fluence_m2, s.array_age_s))
    bright = light * max(0.0, 1.0 + p.string_current_slope_k * warm) * root
    voc = max(0.0, p.string_open_circuit_v + p.string_open_circuit_slope_v_k * warm) * root
    vmp = min(0.999 * voc, max(0.0, p.string_power_point_v + p.string_power_point_slope_v_k * warm) * root)
    return bright, voc, vmp


@kernel
def step_array(s: Record, p: Record, u: Record, dt_s: float) -> None:
    """Turn the array, then what its strings can give under this Sun. Once per tick."""
    if p.array_driven == 1:
        wanted = u.array_angle_command_rad - s.array_angle_rad
        most = p.array_rate_rad_s * s.array_drive_health * dt_s
        s.array_angle_rad += min(most, max(-most, wanted))
    c = math.cos(s.array_angle_rad)
    sn = math.sin(s.array_angle_rad)
    nx = p.array_normal[0]
    ny = p.array_normal[1]
    nz = p.array_normal[2]
    ax = p.array_axis[0]
    ay = p.array_axis[1]
    az = p.array_axis[2]
    along = (ax * nx + ay * ny + az * nz) * (1.0 - c)
    bx = nx * c + (ay * nz - az * ny) * sn + ax * along
    by = ny * c + (az * nx - ax * nz) * sn + ay * along
    bz = nz * c + (ax * ny - ay * nx) * sn + az * along
    cosine = bx * s.sun_direction_body[0] + by * s.sun_direction_body[1] + bz * s.sun_direction_body[2]
    s.array_incidence_cos = cosine
    s.array_nadir_cos = bx * s.nadir_direction_body[0] + by * s.nadir_direction_body[1] + bz * s.nadir_direction_body[2]
    s.array_age_s += dt_s
    bright, voc, vmp = string_now(s, p, cosine)
    amps = p.string_power_point_a * bright
    volts = vmp
    if p.array_regulated == 0:
        volts = min(max(s.main_bus_voltage_v, 0.5 * p.bus_voltage_v), voc)
        amps = string_curve_a(volts, p.string_short_circuit_a * bright, voc, p.string_power_point_a * bright, vmp)
    whole = 0.0
    for i in range(p.string_count):
        whole += s.string_health[i]
    s.array_voltage_v = volts
    s.array_available_w = whole * amps * volts
    if p.panels == 1 or p.tracker == 1:
        track(s, p, amps, volts, voc, dt_s)


@kernel
def finish_array(s: Record, p: Record) -> None:
    """String currents at the power drawn. Once per tick."""
    if p.panels == 1 or p.tracker == 1:
        bright, voc, vmp = string_now(s, p, s.array_incidence_cos)
        settle_strings(s, p, p.string_power_point_a * bright, voc, vmp)
        return
    whole = 0.0
    for i in range(p.string_count):
        whole += s.string_health[i]
    amps = s.array_power_w / (s.array_voltage_v * whole) if s.array_power_w > 0.0 else 0.0
    for i in range(p.string_count):
        s.string_current_a[i] = amps * s.string_health[i]


@inlined
def step_power(s: Record, p: Record, u: Record, w: Record, dt_s: float) -> None:
    """One sub-step: what the limiters draw, who gives it, what it costs, and where the heat goes."""
    alive = s.main_bus_voltage_v > 0.5 * p.bus_voltage_v
    volts = s.main_bus_voltage_v if alive else p.bus_voltage_v
    radiates = u.transmitter_on == 1 or s.transmitter_stuck_on != 0
    if radiates:
        w.lcl_demand_w[p.transmitter_lcl] += p.transmitter_w
    wanted = s.main_bus_short_w
    per_v = 1.0 / volts
    rate = volts / dt_s
    for k in range(p.lcl_count):
        demand = w.lcl_demand_w[k] + own_load_w(p, w, k)
        w.lcl_demand_w[k] = demand
        charge = limited_c(s, p, k, demand * s.lcl_overload_factor[k] * per_v, dt_s)
        s.lcl_power_w[k] = charge * rate if s.lcl_stuck_off[k] < 0.5 else 0.0
        wanted += s.lcl_power_w[k]
    _balance(s, p, u, w, wanted, dt_s)
    served = s.power_served_fraction
    total = s.main_bus_short_w * served
    w.node_heat_w[p.bus_node] += s.power_loss_w + total
    w.node_heat_w[p.array_node] -= s.array_power_w  # what leaves the cells as electricity does not warm them
    for k in range(p.lcl_count):
        power = s.lcl_power_w[k] * served
        s.lcl_power_w[k] = power
        s.lcl_current_a[k] = power * per_v
        total += power
        share = 0.0
        if w.lcl_demand_w[k] > 0.0:
            share = min(1.0, power / w.lcl_demand_w[k])
        w.lcl_served[k] = share
        w.node_heat_w[p.lcl_node[k]] += power - share * (w.lcl_demand_w[k] - own_load_w(p, w, k))
    if radiates:
        k = p.transmitter_lcl
        w.node_heat_w[p.lcl_node[k]] += w.lcl_served[k] * (p.transmitter_w - p.transmitter_radiated_w)
    s.load_power_w = total
    s.power_balance_residual_w = s.array_power_w + s.battery_power_w - s.load_power_w - s.power_loss_w
    if s.main_bus_voltage_v < p.bus_undervoltage_v:
        open_on_undervoltage(s, p)


@inlined
def _balance(s: Record, p: Record, u: Record, w: Record, wanted_w: float, dt_s: float) -> None:
    """P_sa + P_bat = P_load + P_loss. The array serves first; the battery takes the rest or fills the gap."""
    prepare_battery(s, p, w, u)
    drawn = s.array_available_w * s.array_control_health
    surplus = p.array_efficiency * drawn - wanted_w
    served = 1.0
    if surplus >= 0.0:
        battery = -min(surplus * p.bus_charge_efficiency, charge_limit_w(s, p, w))
        drawn = (wanted_w - battery / p.bus_charge_efficiency) / p.array_efficiency
        converter = -battery * (1.0 / p.bus_charge_efficiency - 1.0)
    else:
        battery = -surplus / p.bus_discharge_efficiency
        most = discharge_limit_w(s, p, w)
        if battery > most:
            battery = most
            served = (p.array_efficiency * drawn + battery * p.bus_discharge_efficiency) / wanted_w
        converter = battery * (1.0 - p.bus_discharge_efficiency)
    flowed = serve_battery(s, p, w, battery, dt_s)
    if wanted_w > 0.0 and battery - flowed > 1e-9 * max(wanted_w, abs(battery)):
        # a group with shorted cells drains its neighbours: less than asked for
        served = max(0.0, p.array_efficiency * drawn + flowed * p.bus_discharge_efficiency) / wanted_w
        converter = flowed * (1.0 - p.bus_discharge_efficiency)
    s.battery_power_w = flowed
    s.array_power_w = drawn
    s.power_loss_w = drawn * (1.0 - p.array_efficiency) + converter
    s.power_served_fraction = served
    s.main_bus_voltage_v = p.bus_voltage_v * served
    if p.bus_regulated == 0 and w.battery_linked == 1:
        s.main_bus_voltage_v = s.battery_voltage_v * served
