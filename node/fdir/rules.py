"""The rows that a design gets by rule: every battery group, limiter, pump, wheel, accelerator group and thermal sensor.

Limits come from the design's own figures; what is ours is marked [A]. The rules are told in the reference of FDIR.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from bus.pus import Severity
from node.designs.load import Design
from node.devices.equipment import FdirRow

GROUP_LOW = 0.15
"""[A] Below the charge at which the spacecraft goes to SAFE (0.20): a group that is alone so low is a weak one."""
PAYLOAD_SHARE = 0.5
"""[A] Of the payload's rated power, that a subsystem's action leaves."""
UNDERVOLTAGE_MARGIN = 1.02
"""[A] SAFE comes before the hardware opens the limiters."""
PUMP_SLOWEST = 0.2
"""[A] A pump that runs turns faster."""
WHEEL_FULL = 0.95
"""[A] Share of a wheel's momentum: desaturation should have begun long before."""
RATE_MARGIN = 3.0
"""[A] Times the fastest turn of the design."""
MEMORY_MARGIN_K = 1.0
"""[A] Below the memory's limit."""
ERRORS_A_MINUTE = 20.0
"""[A] Uncorrected memory errors: far above the worst solar event that the designs are flown through."""
ELECTRONICS_HOT_K, CUT_OFF_MARGIN_K = 343.15, 5.0
"""[A] 70 degC is the usual acceptance limit of electronics; before a load's own thermostat opens its limiter."""
SENSOR_LOW_K, SENSOR_HIGH_K = 60.0, 450.0
"""[A] No node of a healthy spacecraft is outside: the sensor, or the node, is lost."""
DAMAGE_MARGIN_K = 15.0
"""[A] From a hot limit to damage."""
SLOWDOWN_SHARE = 0.5
"""Of full power, after the hardware's slowdown (the plant's model of it)."""
ROOM = 1.2
"""[A] Time to damage over the time of confirmation, at least."""
RISE_K = 30.0
"""[A] Coolant that stands is too hot for the accelerators by then."""
Value = bool | int | float | str


def generated(design: Design) -> tuple[FdirRow, ...]:
    """The table of a design before anybody changes it, in the order of the rules."""
    rules = (_battery, _bus, _limiters, _loop, _wheels, _rates, _accelerators, _temperatures)
    return tuple(row for rule in rules for row in rule(design))


def rated_w(design: Design) -> float:
    """Of all accelerators together, at the bus."""
    return sum(g.count * g.chip.cap_highest / g.chip.supply_efficiency for g in design.form.accelerators.values())


def coolant_hot_k(design: Design) -> float:
    """The coolant on which accelerators at rated power would shut down; 0 without a pumped loop."""
    if design.form.loop is None:
        return 0.0
    chips = [group.chip for group in design.form.accelerators.values()]
    return min(chip.shutdown - chip.cap_highest * chip.die_resistance for chip in chips)


def _cap(design: Design) -> dict[str, str | tuple[tuple[str, Value], ...]]:
    watts = float(round(PAYLOAD_SHARE * rated_w(design)))
    return {"telecommand": "payload.power_cap", "arguments": (("power_w", watts),)}


def _group_off(group: str) -> dict[str, str | tuple[tuple[str, Value], ...]]:
    return {"telecommand": "payload.group", "arguments": (("group", group), ("on", False))}


def _deadline_s(confirmation_s: float, criticality_s: float | None) -> float:
    """A minute and ten confirmations [A]; where heat or charge has to flow, as long as damage would take."""
    return round(max(60.0 + 10.0 * confirmation_s, criticality_s or 0.0), 1)


def _row(  # noqa: PLR0917 (a row of a table)
    monitor: str,
    reading: str,
    text: str,
    repetition: int,
    interval_s: float,
    criticality_s: float | None,
    **more: object,
) -> FdirRow:
    return FdirRow(
        monitor, reading, text, repetition=repetition, interval_s=interval_s,
        criticality_s=None if criticality_s is None else round(criticality_s, 1),
        deadline_s=_deadline_s(repetition * interval_s, criticality_s), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _battery(design: Design) -> Iterator[FdirRow]:
    battery = design.form.battery
    loads = rated_w(design) + sum(lcl.load for lcl in design.form.lcls.values())
    for group in design.battery_groups:
        yield _row(
            f"battery.{group}.low", f"battery_group_soc.{group}", f"Battery group {group} is nearly empty", 6, 10.0,
            GROUP_LOW * battery.energy / loads, low=GROUP_LOW, level="subsystem",
            telecommand="payload.checkpoint", arguments=(("job", "all"),),  # before the payload is shed
        )  # fmt: skip


def _bus(design: Design) -> Iterator[FdirRow]:
    yield _row(
        "bus.undervoltage", "main_bus_voltage_v", "The main bus is about to open its limiters", 2, 1.0, None,
        low=round(design.form.power_bus.undervoltage * UNDERVOLTAGE_MARGIN, 2), severity=Severity.HIGH,
        level="system", telecommand="recovery.mode", arguments=(("mode", "SAFE"),),
    )  # fmt: skip


def _limiters(design: Design) -> Iterator[FdirRow]:
    for name, lcl in design.form.lcls.items():
        if lcl.kind == "rlcl":  # closes again by itself; no order opens it, so none can help
            yield _row(
                f"lcl.{name}.open", f"lcl_state.{name}", f"Essential limiter {name} does not stay closed", 10, 1.0,
                None, high=2.0, severity=Severity.HIGH,
            )  # fmt: skip
        else:
            yield _row(
                f"lcl.{name}.open", f"lcl_state.{name}", f"Limiter {name} opened by itself", 3, 1.0, None, high=2.0,
                again_s=60.0, at_most=4, telecommand="recovery.rearm", arguments=(("lcl", name),),
            )  # fmt: skip


def _loop(design: Design) -> Iterator[FdirRow]:
    loop = design.form.loop
    if loop is None:
        return
    stands_s = loop.inventory * loop.fluid_heat * RISE_K / rated_w(design)
    yield _row(
        "pump.slow", "pump_speed_fraction", "The coolant pump stands", 3, 1.0, stands_s, low=PUMP_SLOWEST,
        severity=Severity.HIGH, level="subsystem", at_most=1,
        telecommand="thermal.pump_select", arguments=(("pump", "b"),),
    )  # fmt: skip
    yield _row(
        "coolant.hot", "coolant_supply_temperature_k", "Accelerators at full power would shut down on it", 3,
        1.0, stands_s, high=round(coolant_hot_k(design), 2), level="subsystem",
        telecommand="payload.regime", arguments=(("regime", "idle"),),  # a lower power was the thermal manager's answer
    )  # fmt: skip


def _wheels(design: Design) -> Iterator[FdirRow]:
    full = round(WHEEL_FULL * design.form.attitude.wheel_momentum, 4)
    for wheel in range(4):
        yield _row(
            f"wheel.{wheel}.full", f"wheel_momentum_n_m_s.{wheel}", f"Wheel {wheel} runs at its limit", 10, 1.0, None,
            low=-full, high=full, level="subsystem", at_most=1,
            telecommand="attitude.wheel", arguments=(("wheel", str(wheel)), ("on", False)),
        )  # fmt: skip


def _rates(design: Design) -> Iterator[FdirRow]:
    most = round(RATE_MARGIN * design.form.attitude.slew_rate, 6)
    for axis in "xyz":
        yield _row(
            f"rate.{axis}.high", f"body_rate_rad_s.{axis}", f"The spacecraft turns too fast about {axis}", 5, 1.0,
            None, low=-most, high=most, severity=Severity.HIGH, level="system",
            telecommand="recovery.mode", arguments=(("mode", "SAFE"),),
        )  # fmt: skip


def _accelerators(design: Design) -> Iterator[FdirRow]:
    for name, group in design.form.accelerators.items():
        chip = group.chip
        off = _group_off(name)
        shutdown_s = (chip.shutdown - chip.slowdown) * chip.die_capacity / (SLOWDOWN_SHARE * chip.cap_highest)
        yield _row(
            f"accelerator.{name}.hot", f"accelerator_temperature_k.{name}", f"Dies of {name} are at their slowdown",
            2 if shutdown_s > 2.0 * ROOM else 1, 1.0, shutdown_s, high=chip.slowdown, severity=Severity.HIGH, **off,
        )  # fmt: skip
        yield _row(
            f"accelerator.{name}.memory_hot", f"hbm_temperature_k.{name}", f"Memory of {name} is at its limit", 2, 1.0,
            DAMAGE_MARGIN_K * chip.memory_capacity / chip.memory, high=chip.memory_limit - MEMORY_MARGIN_K,
            severity=Severity.HIGH, **off,
        )  # fmt: skip
        yield _row(
            f"accelerator.{name}.failed", f"accelerator_state.{name}", f"Group {name} failed or is quarantined", 3,
            1.0, None, high=5.0, at_most=1,
        )  # fmt: skip
        yield _row(
            f"accelerator.{name}.errors", f"accelerator_ecc_uncorrected.{name}", f"Memory of {name} fails", 1, 60.0,
            None, check="delta", high=ERRORS_A_MINUTE, **off,
        )  # fmt: skip


def _temperatures(design: Design) -> Iterator[FdirRow]:
    """Each thermal sensor: a hot limit with an action where something there can be hurt, else the sensor's range."""
    form = design.form
    hosts = {group.node for group in form.accelerators.values()}
    payload_lcls = {group.lcl for group in form.accelerators.values()}
    for node in design.thermal_nodes:
        reading = f"thermal_temperature_k.{node}"
        loads = {name: lcl for name, lcl in form.lcls.items() if lcl.node == node and lcl.load > 0.0}
        heaters = [name for name, heater in form.heaters.items() if heater.node == node]
        heat_w = sum(lcl.load for lcl in loads.values())
        hot_k = math.inf
        if node == form.battery.node:
            hot_k, heat_w = form.battery.cell.charge_highest, max(heat_w, 0.05 * rated_w(design))
        elif loads and node not in hosts:
            cut_offs = [lcl.cut_off - CUT_OFF_MARGIN_K for lcl in loads.values() if lcl.cut_off is not None]
            hot_k = min([*cut_offs, math.inf if cut_offs else ELECTRONICS_HOT_K])
        if hot_k == math.inf:
            yield _row(
                f"thermal.{node}.range", reading, f"Temperature of {node} is outside everything that can be", 5, 10.0,
                None, low=SENSOR_LOW_K, high=SENSOR_HIGH_K,
            )  # fmt: skip
        else:
            critical_s = form.nodes[node].capacity * DAMAGE_MARGIN_K / heat_w
            action = _cap(design)
            if set(loads) & payload_lcls:
                action = {"telecommand": "payload.off", "arguments": ()}
            yield _row(
                f"thermal.{node}.hot", reading, f"{node} is too hot", 3, 5.0, critical_s, high=round(hot_k, 2),
                level="subsystem", **action,
            )  # fmt: skip
        for heater in heaters[:1]:
            cold_k = form.heaters[heater].on_below - CUT_OFF_MARGIN_K
            yield _row(
                f"thermal.{node}.cold", reading, f"{node} is colder than its thermostat should allow", 6, 10.0, None,
                low=round(cold_k, 2), telecommand="thermal.heater", arguments=(("heater", heater), ("order", "on")),
            )  # fmt: skip
