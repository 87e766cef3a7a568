"""A checked design -> the plant's parameters, first state and first orders, by field name. Plain values only.

Power, battery, limiters and accelerators are here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bus.constants import BOLTZMANN_J_K, DAY_S, JULIAN_YEAR_S, SOLAR_CONSTANT_W_M2
from node.designs.load import Design
from node.designs.network import network_orders, network_parameters, network_state
from node.designs.parts import BatteryCell, Chip
from node.designs.schema import AcceleratorGroup, Array

Value = float | int | Sequence[float] | Sequence[int]

REFERENCE_W_M2 = SOLAR_CONSTANT_W_M2  # at which the design files' cells are given
FIRST_LOSS_S = 30.0 * DAY_S  # assumption: ultraviolet and dirt settle within a month
CYCLE_SHARE = 0.2  # a cell is worn out when 20 % of its capacity is gone (usual definition of cycle life)
RESISTANCE_EMPTY = 2.0  # assumption: resistance of an empty cell over that of a charged one
RESUME_V = 0.10  # assumption: a cut-off cell is used again when it has recovered by this
RUNAWAY_S = 120.0  # assumption: a cell in runaway burns out in two minutes
RETRIGGER_S = 1.0  # essential limiters try again after about a second: ECSS-E-ST-20-20C class, textbook
REMAP_FAILURE = 0.02  # assumption: one row remap in fifty fails (XID 64)
UNCONTAINED = 0.05  # assumption: one uncorrectable error in twenty is not contained (XID 95)


def plant_parameters(design: Design) -> dict[str, Value]:
    """PARAM fields of the design."""
    return {
        **_array(design),
        **_battery(design),
        **_bus(design),
        **_accelerators(design),
        **network_parameters(design),
    }


def plant_state(design: Design) -> dict[str, Value]:
    """First truth: as built, healthy, at the temperatures and charge the design starts with."""
    battery = design.form.battery
    node = design.form.nodes
    groups = [(node[group.node].initial) for group in design.form.accelerators.values()]
    ones: dict[str, Value] = {
        "array_drive_health": 1.0,
        "array_control_health": 1.0,
        "array_temperature_k": node[design.form.array.node].initial,
        "string_health": [1.0] * len(design.strings),
        "main_bus_voltage_v": design.form.power_bus.voltage,
        "lcl_state": [1 if lcl.initially == "on" else 0 for lcl in design.form.lcls.values()],
        "lcl_overload_factor": [1.0] * len(design.lcls),
        "battery_soc": battery.initial_soc,
        "battery_voltage_v": design.form.power_bus.voltage,
        "battery_temperature_k": node[battery.node].initial,
        "battery_group_soc": [battery.initial_soc] * battery.groups,
        "battery_group_turn_soc": [battery.initial_soc] * battery.groups,
        "battery_group_peak_soc": [battery.initial_soc] * battery.groups,
        "battery_group_health": [1.0] * battery.groups,
        "battery_group_connected": [1.0] * battery.groups,
        "battery_group_resistance_factor": [1.0] * battery.groups,
        "battery_group_runaway_j": [group_charge_c(design) * battery.cell.runaway_energy] * battery.groups,
        "accelerator_temperature_k": groups,
        "hbm_temperature_k": groups,
        "accelerator_health": [1.0] * len(groups),
        "accelerator_resistance_factor": [1.0] * len(groups),
        "accelerator_leakage_factor": [1.0] * len(groups),
        "accelerator_thermal_clock_fraction": [1.0] * len(groups),
        "job_load": [1.0] * len(groups),
    }
    return {**ones, **network_state(design)}


def plant_orders(design: Design) -> dict[str, Value]:
    """First orders: limiters as the design starts, accelerators on, no cap, full utilisation."""
    groups = len(design.accelerators)
    return {
        "lcl_command": [1 if lcl.initially == "on" else 0 for lcl in design.form.lcls.values()],
        "battery_charge_enable": 1,
        "accelerator_enable": [1] * groups,
        "accelerator_power_cap_w": [0.0] * groups,
        "accelerator_utilisation": [1.0] * groups,
        "accelerator_mode": [first_mode(group) for group in design.form.accelerators.values()],
        **network_orders(design),
    }


def first_mode(group: AcceleratorGroup) -> int:
    """Place of the power mode at the epoch."""
    return 0 if group.mode is None else list(group.chip.modes).index(group.mode)


def _array(design: Design) -> dict[str, Value]:
    array, cell = design.form.array, design.form.array.cell
    parallel = array.area * array.packing / cell.area / (array.strings * array.series)
    return {
        "string_count": array.strings,
        "array_regulated": 1 if array.control == "mppt" else 0,
        "array_node": design.thermal_nodes.index(array.node),
        "array_driven": 0 if array.drive is None else 1,
        "array_normal": array.normal,
        "array_axis": (0.0, 0.0, 0.0) if array.drive is None else array.drive.axis,
        "array_rate_rad_s": 0.0 if array.drive is None else array.drive.rate,
        "array_efficiency": array.control_efficiency,
        "string_short_circuit_a": cell.short_circuit_current * parallel,
        "string_open_circuit_v": cell.open_circuit_voltage * array.series,
        "string_power_point_a": cell.power_point_current * parallel,
        "string_power_point_v": cell.power_point_voltage * array.series,
        "string_current_slope_k": cell.current_slope,
        "string_open_circuit_slope_v_k": cell.open_circuit_slope * array.series,
        "string_power_point_slope_v_k": cell.power_point_slope * array.series,
        "cell_reference_k": cell.reference_temperature,
        "cell_reference_w_m2": REFERENCE_W_M2,
        "cell_damage_constant": cell.damage_constant,
        "cell_damage_fluence_m2": cell.damage_fluence,
        "cell_yearly_loss_s": cell.yearly_loss,
        "cell_first_loss": cell.first_loss,
        "cell_first_loss_s": FIRST_LOSS_S,
        **_panels(array),
    }


def _panels(array: Array) -> dict[str, Value]:
    """Strings of panels that look elsewhere or are unequal, and what trackers do beside their efficiency."""
    tracker = array.tracker
    found: dict[str, Value] = {
        "panels": int(array.panels is not None),
        "tracker": int(tracker is not None),
        "tracker_start_s": 0.0 if tracker is None else tracker.start_up,
        "tracker_limit_w": 0.0 if tracker is None else tracker.power_limit or 0.0,
    }
    if array.panels is not None:
        whole = sum(panel.share for panel in array.panels)
        each = [panel for panel in array.panels for _ in range(panel.strings)]
        found["string_share"] = [panel.share / whole * array.strings / panel.strings for panel in each]
        found["string_normal"] = [x for panel in each for x in panel.normal]
    return found


def group_charge_c(design: Design) -> float:
    """Charge of one battery group, coulomb: energy over nominal voltage (the mean of the open-circuit curve)."""
    battery = design.form.battery
    curve = battery.cell.open_circuit_voltage
    mean_v = (0.5 * (curve[0] + curve[-1]) + sum(curve[1:-1])) / (len(curve) - 1)
    return battery.energy / battery.groups / (battery.series * mean_v)


def _battery(design: Design) -> dict[str, Value]:
    battery, cell = design.form.battery, design.form.battery.cell
    charge = group_charge_c(design)
    parallel = charge / cell.capacity
    scale = battery.series / parallel
    return {
        "battery_count": battery.groups,
        "battery_node": design.thermal_nodes.index(battery.node),
        "battery_series": float(battery.series),
        "battery_charge_c": charge,
        "battery_resistance_ohm": cell.resistance * scale,
        "battery_polarisation_ohm": cell.polarisation_resistance * scale,
        "battery_polarisation_siemens": 1.0 / (cell.polarisation_resistance * scale),
        "battery_polarisation_s": cell.polarisation_time,
        "battery_resistance_doubling_k": cell.resistance_doubling,
        "battery_resistance_empty": RESISTANCE_EMPTY,
        "battery_reference_k": cell.reference_temperature,
        "battery_charge_v": cell.charge_voltage * battery.series,
        "battery_cut_off_v": cell.cut_off_voltage * battery.series,
        "battery_resume_v": (cell.cut_off_voltage + RESUME_V) * battery.series,
        "battery_charge_rate_s": cell.charge_rate,
        "battery_charge_lowest_k": cell.charge_lowest,
        "battery_charge_highest_k": cell.charge_highest,
        "battery_coulomb_efficiency": cell.coulomb_efficiency,
        "battery_self_discharge_s": cell.self_discharge,
        "battery_entropic_v_k": cell.entropic_slope,
        "battery_calendar_s": cell.calendar_loss**2 / JULIAN_YEAR_S,
        "battery_calendar_k": cell.calendar_activation / BOLTZMANN_J_K,
        "battery_cycle_life": cell.cycle_life,
        "battery_cycle_exponent": cell.cycle_exponent,
        "battery_cycle_share": CYCLE_SHARE,
        "battery_runaway_onset_k": cell.runaway_onset,
        "battery_runaway_j": charge * cell.runaway_energy,
        "battery_runaway_s": RUNAWAY_S,
        "battery_open_circuit_v": cell.open_circuit_voltage,
        **_slow_polarisation(cell, scale),
        "battery_pairs": len(cell.open_circuit_voltage.pairs),
        "battery_pair_soc": [charge for charge, _ in cell.open_circuit_voltage.pairs],
        "battery_pair_v": [volts for _, volts in cell.open_circuit_voltage.pairs],
    }


def _slow_polarisation(cell: BatteryCell, scale: float) -> dict[str, Value]:
    ohm, seconds = cell.slow_polarisation_resistance, cell.slow_polarisation_time
    if ohm is None or seconds is None:
        return {}
    return {
        "battery_slow_polarisation_ohm": ohm * scale,
        "battery_slow_polarisation_siemens": 1.0 / (ohm * scale),
        "battery_slow_polarisation_s": seconds,
    }


def _bus(design: Design) -> dict[str, Value]:
    bus, lcls = design.form.power_bus, design.form.lcls
    nodes = design.thermal_nodes
    radio = design.form.radio
    return {
        "bus_regulated": 1 if bus.kind == "regulated" else 0,
        "bus_node": nodes.index(bus.node),
        "bus_voltage_v": bus.voltage,
        "bus_charge_efficiency": bus.charge_efficiency,
        "bus_discharge_efficiency": bus.discharge_efficiency,
        "bus_undervoltage_v": bus.undervoltage,
        "bus_recovery_v": bus.undervoltage_recovery,
        "lcl_count": len(lcls),
        "lcl_retrigger_s": RETRIGGER_S,
        "lcl_retriggers": [1 if lcl.kind == "rlcl" else 0 for lcl in lcls.values()],
        "lcl_limit_a": [lcl.limit for lcl in lcls.values()],
        "lcl_trip_s": [lcl.trip_time for lcl in lcls.values()],
        "lcl_load_w": [lcl.load for lcl in lcls.values()],
        "lcl_inrush_full_c": [lcl.inrush or 0.0 for lcl in lcls.values()],
        "lcl_node": [nodes.index(lcl.node) for lcl in lcls.values()],
        "lcl_cut_off_k": [lcl.cut_off or 0.0 for lcl in lcls.values()],
        "lcl_cycle_s": [0.0 if lcl.cycle is None else lcl.cycle.every for lcl in lcls.values()],
        "lcl_cycle_on_s": [0.0 if lcl.cycle is None else lcl.cycle.on for lcl in lcls.values()],
        "lcl_cycle_first_s": [0.0 if lcl.cycle is None else lcl.cycle.first for lcl in lcls.values()],
        "isl_lcl": [design.lcls.index(head.lcl) for head in design.form.isl_heads.values()],
        "transmitter_lcl": design.lcls.index(radio.lcl),
        "transmitter_w": radio.s_band.power / radio.transmitter_efficiency,
        "transmitter_radiated_w": radio.s_band.power,
    }


def _devices(design: Design) -> dict[str, Value]:
    """Latch-up current and limiter of each radiation device; the accelerator groups come first and have none."""
    groups, devices = len(design.accelerators), list(design.form.devices.values())
    return {
        "device_latch_w": [0.0] * groups + [device.latch_power or 0.0 for device in devices],
        "device_lcl": [-1] * groups + [-1 if d.lcl is None else design.lcls.index(d.lcl) for d in devices],
        "device_is_host": [0] * groups + [int(device.kind == "host") for device in devices],
    }


def _accelerators(design: Design) -> dict[str, Value]:
    groups = list(design.form.accelerators.values())
    chips: list[Chip] = [group.chip for group in groups]

    def each(name: str) -> list[float]:
        return [float(getattr(chip, name)) for chip in chips]

    renamed: Mapping[str, str] = {
        "idle_w": "idle",
        "dynamic_w": "dynamic",
        "leakage_w": "leakage",
        "leakage_k": "leakage_temperature",
        "memory_w": "memory",
        "voltage_floor": "voltage_floor",
        "voltage_slope": "voltage_slope",
        "cap_lowest_w": "cap_lowest",
        "cap_highest_w": "cap_highest",
        "efficiency": "supply_efficiency",
        "die_j_k": "die_capacity",
        "memory_j_k": "memory_capacity",
        "throttle_k": "throttle",
        "slowdown_k": "slowdown",
        "shutdown_k": "shutdown",
        "memory_limit_k": "memory_limit",
        "hysteresis_k": "hysteresis",
        "boot_s": "boot_time",
        "leakage_growth_gy": "leakage_growth",
        "throttle_gain_k_s": "throttle_gain",
        "slowdown_clock": "slowdown_clock",
        "lowest_clock": "lowest_clock",
    }
    fields: dict[str, Value] = {f"chip_{field}": each(name) for field, name in renamed.items()}
    return {
        "accelerator_count": len(groups),
        "accelerator_node": [design.thermal_nodes.index(group.node) for group in groups],
        "accelerator_lcl": [design.lcls.index(group.lcl) for group in groups],
        "chip_count": [group.count for group in groups],
        "chip_spare_rows": each("spare_rows"),
        "chip_leakage_per_k": [1.0 / chip.leakage_scale for chip in chips],
        "chip_supply_factor": [1.0 / chip.supply_efficiency for chip in chips],
        "chip_die_w_k": [1.0 / chip.die_resistance for chip in chips],
        "chip_memory_w_k": [1.0 / chip.memory_resistance for chip in chips],
        "remap_failure": REMAP_FAILURE,
        "uncontained": UNCONTAINED,
        **_devices(design),
        **fields,
        **_modes(design),
    }


def _modes(design: Design) -> dict[str, Value]:
    """Power modes and clock steps, one group after the other, each with the room of the capacity class."""
    chips = [group.chip for group in design.form.accelerators.values()]
    modes, steps = design.capacity.modes, design.capacity.clock_steps

    def table(values: Sequence[Sequence[float]], room: int) -> list[float]:
        return [value for row in values for value in [*row, *[0.0] * (room - len(row))]]

    of = [list(chip.modes.values()) for chip in chips]
    return {
        "chip_modes": [len(chip.modes) for chip in chips],
        "mode_room": modes,
        "mode_idle_w": table([[mode.idle for mode in row] for row in of], modes),
        "mode_dynamic_w": table([[mode.dynamic for mode in row] for row in of], modes),
        "mode_memory_w": table(
            [[chip.memory if m.memory is None else m.memory for m in row] for chip, row in zip(chips, of, strict=True)],
            modes,
        ),
        "mode_throughput": table([[mode.throughput for mode in row] for row in of], modes),
        "chip_steps": [len(chip.clocks or ()) for chip in chips],
        "step_room": steps,
        "clock_step": table([chip.clocks or () for chip in chips], steps),
    }
