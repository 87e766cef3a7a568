"""The rows that a design gets by rule: every battery group, limiter, pump, wheel, accelerator group, thermal sensor and
device; and the rows above them, which act where the first action has not helped.

Limits come from the design's own figures; what is ours is marked [A]. The rules are told in the reference of FDIR.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from bus.pus import Severity
from node.designs.load import Design
from node.designs.schema import Exchanger
from node.devices.device import ONE_SIDED, slug
from node.devices.equipment import FdirRow
from node.fdir.kinds import forms_of
from node.fdir.watched import watched
from node.fsw.monitors import MOST_COMBINED

GROUP_LOW, GROUP_EMPTY = 0.15, 0.05
"""[A] Below the charge at which the spacecraft goes to SAFE (0.20): a group that is alone so low is a weak one. It goes
on giving what it has, and takes charge in the Sun, until it is about to be discharged beyond its end."""
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
LADDER_S = 60.0
"""[A] An action against heat or discharge is given so long before the next one, at first."""
STANDS_S = 600.0
"""[A] A group that stays failed for so long does not start again."""
RESTART_S = 20.0
"""[A] A device that was started again gives readings within seconds; an action on the payload shows as fast."""
COUNTED_S, HOUR_S = 10.0, 3600.0
"""[A] Counters of the equipment are looked at so often; what happened within an hour belongs together."""
TRIPS_AN_HOUR = 3
"""[A] More are no accident."""
SICK_S, SICK_ERRORS = 600.0, 15.0
"""[A] Errors of a group in ten minutes: the busiest group of the shipped designs has one in an hour, quiet Sun."""
SPIN_DOWN_S = 120.0
"""[A] The other wheels take over the momentum of one that is taken out."""
ESSENTIAL = ("pcdu", "battery-monitor", "thermal-controller", "attitude")
"""Without these the spacecraft cannot look after itself."""
FLOWN = ("LEOP", "NOMINAL")
"""Modes in which less can still be asked of the spacecraft."""
Value = bool | int | float | str


def generated(design: Design) -> tuple[FdirRow, ...]:
    """The table of a design before anybody changes it, in the order of the rules."""
    rules = (_charge, _battery, _bus, _limiters, _loop, _wheels, _rates, _accelerators, _temperatures, _devices)
    return (*(row for rule in rules for row in rule(design)), *watched(design, rated_w(design)))


def rated_w(design: Design) -> float:
    """Of all accelerators together, at the bus."""
    return sum(g.count * g.chip.cap_highest / g.chip.supply_efficiency for g in design.form.accelerators.values())


def coolant_hot_k(design: Design) -> float:
    """The coolant on which accelerators at rated power would shut down; 0 without a pumped loop. At nominal flow: the
    rise of the hottest plate over the coolant, with all that stands on it, and that of the die over its plate. Where
    the coolant boils it is its saturation temperature, which the supply never exceeds."""
    if design.form.loop is None:
        return 0.0
    plates_k = {plate.node: _plate_rise_k(design, plate) for plate in design.form.loop.plates}
    return min(
        chip.shutdown - (chip.cap_highest - chip.memory) * chip.die_resistance - plates_k.get(group.node, 0.0)
        for group in design.form.accelerators.values()
        for chip in (group.chip,)
    )


def _plate_rise_k(design: Design, plate: Exchanger) -> float:
    """Of a plate over what comes to it: a wall of one temperature, 1 - exp(-UA / (m cp)); boiling, by conductance."""
    loop = design.form.loop
    assert loop is not None
    groups = [group for group in design.form.accelerators.values() if group.node == plate.node]
    heat_w = sum(group.count * group.chip.cap_highest / group.chip.supply_efficiency for group in groups)
    heat_w += sum(limiter.load for limiter in design.form.lcls.values() if limiter.node == plate.node)
    through = loop.flow * loop.fluid_heat * plate.share
    if loop.kind == "two_phase":
        return heat_w / plate.conductance
    return heat_w / (through * -math.expm1(-plate.conductance / through))


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


def _mode(mode: str, cause: str = "monitor") -> dict[str, str | tuple[tuple[str, Value], ...]]:
    return {"telecommand": "recovery.mode", "arguments": (("mode", mode), ("cause", cause))}


def _above(monitor: str, text: str, level: str, **more: object) -> FdirRow:
    """A row that looks at nothing: others escalate to it."""
    more = {"severity": int(Severity.HIGH), **more}
    return FdirRow(monitor, "", text, level=level, **more)  # type: ignore[arg-type]


def _ladder(to: str, after: int = 1, within_s: float = HOUR_S) -> dict[str, object]:
    return {"escalate_to": to, "escalate_after": after, "escalate_within_s": within_s}


def _charge(design: Design) -> Iterator[FdirRow]:
    """The zones have their limits and their hysteresis in parameters of the power manager. The worse one comes
    first. The change of mode is the alarm."""
    del design
    for name, high, mode, modes in (
        ("critical", 1.0, "SURVIVAL", (*FLOWN, "SAFE")), ("low", 0.0, "SAFE", FLOWN),
    ):  # fmt: skip
        yield _row(
            f"charge.{name}", "charge_zone", f"The battery's charge is {name}", 1, 1.0, None, high=high,
            severity=Severity.LOW, level="system", modes=modes, again_s=LADDER_S, **_mode(mode, "charge"),
        )  # fmt: skip


def _battery(design: Design) -> Iterator[FdirRow]:
    """A group that is alone so low is weak. With the whole battery so low SAFE has come, and no group is to blame."""
    battery, groups = design.form.battery, design.battery_groups
    loads = rated_w(design) + sum(lcl.load for lcl in design.form.lcls.values())
    critical_s = GROUP_LOW * battery.energy / loads
    step_s = min(LADDER_S, round(critical_s / 10.0, 1))
    looks = 6 if critical_s > 5.0 * LADDER_S else 3
    for group in groups:
        yield _row(
            f"battery.{group}.low", f"battery_group_soc.{group}", f"Battery group {group} is nearly empty", looks, 10.0,
            critical_s, low=GROUP_LOW, level="subsystem", modes=FLOWN, again_s=step_s,
            telecommand="payload.checkpoint", arguments=(("job", "all"),),  # before the payload gets less
            **_ladder(f"battery.{group}.draining"),
        )  # fmt: skip
        yield _above(
            f"battery.{group}.draining", f"Battery group {group} goes on draining", "subsystem", **_cap(design)
        )
        lost: dict[str, object] = {"telecommand": "payload.off"}
        if len(groups) > 1:
            lost = {"telecommand": "battery.group", "arguments": (("group", group), ("on", False))}
        yield _row(
            f"battery.{group}.lost", f"battery_group_soc.{group}", f"Battery group {group} cannot be kept charged", 3,
            1.0, GROUP_EMPTY * battery.energy / loads, low=GROUP_EMPTY, severity=Severity.HIGH, modes=FLOWN, **lost,
        )  # fmt: skip
    if 1 < len(groups) <= MOST_COMBINED:
        yield FdirRow(
            "battery.groups_low", "", "More battery groups are nearly empty than can be taken off the bus",
            of=tuple(f"battery.{group}.low" for group in groups), at_least=len(groups) // 2 + 1,
            severity=int(Severity.HIGH), level="system", modes=FLOWN, deadline_s=round(critical_s, 1),
            criticality_s=round(critical_s, 1),
            **_mode("SAFE"),  # type: ignore[arg-type]
        )  # fmt: skip


def _bus(design: Design) -> Iterator[FdirRow]:
    yield _row(
        "bus.undervoltage", "main_bus_voltage_v", "The main bus is about to open its limiters", 2, 1.0, None,
        low=round(design.form.power_bus.undervoltage * UNDERVOLTAGE_MARGIN, 2), severity=Severity.HIGH,
        level="system", **_mode("SAFE"),
    )  # fmt: skip


def _limiters(design: Design) -> Iterator[FdirRow]:
    for name, lcl in design.form.lcls.items():
        essential = lcl.kind == "rlcl"  # closes again by itself; no order opens it, so none can help
        if essential:
            yield _row(
                f"lcl.{name}.open", f"lcl_state.{name}", f"Essential limiter {name} does not stay closed", 10, 1.0,
                None, high=2.0, severity=Severity.HIGH,
            )  # fmt: skip
        else:
            yield _row(
                f"lcl.{name}.open", f"lcl_state.{name}", f"Limiter {name} opened by itself", 3, 1.0, None, high=2.0,
                again_s=60.0, at_most=4, telecommand="recovery.rearm", arguments=(("lcl", name),),
            )  # fmt: skip
        yield _row(
            f"lcl.{name}.trip", f"lcl_trip_count.{name}", f"Limiter {name} tripped", 1, COUNTED_S, None,
            check="delta", high=0.5, again_s=COUNTED_S, at_most=16,
            **({} if essential else _ladder(f"lcl.{name}.overload", TRIPS_AN_HOUR)),
        )  # fmt: skip
        if not essential:
            yield _above(
                f"lcl.{name}.overload", f"What limiter {name} feeds takes too much, again and again", "subsystem",
                telecommand="power.lcl", arguments=(("lcl", name), ("on", False)),
            )  # fmt: skip


def _loop(design: Design) -> Iterator[FdirRow]:
    loop = design.form.loop
    if loop is None:
        return
    stands_s = loop.inventory * loop.fluid_heat * RISE_K / rated_w(design)
    yield _row(
        "pump.slow", "pump_speed_fraction", "The coolant pump stands", 3, 1.0, stands_s, low=PUMP_SLOWEST,
        severity=Severity.HIGH, level="subsystem", again_s=RESTART_S, at_most=2,
        telecommand="thermal.pump_select", arguments=(("pump", "b"),), **_ladder("pump.lost"),
    )  # fmt: skip
    yield _above("pump.lost", "No coolant pump turns", "subsystem", telecommand="payload.off")
    yield _row(
        "coolant.hot", "coolant_supply_temperature_k", "Accelerators at full power would shut down on it", 3,
        1.0, stands_s, high=round(coolant_hot_k(design), 2), level="subsystem", again_s=RESTART_S,
        telecommand="payload.regime", arguments=(("regime", "idle"),),  # a lower power was the thermal manager's answer
        **_ladder("coolant.hotter"),
    )  # fmt: skip
    yield _above("coolant.hotter", "The coolant stays too hot although the payload is idle", "system", **_mode("SAFE"))
    yield FdirRow(
        "cooling.lost", "", "The coolant is hot and no pump moves it", of=("pump.slow", "coolant.hot"), at_least=2,
        severity=int(Severity.HIGH), level="system", deadline_s=round(stands_s + LADDER_S, 1),
        criticality_s=round(stands_s, 1), **_mode("SAFE"),  # type: ignore[arg-type]
    )  # fmt: skip


def _wheels(design: Design) -> Iterator[FdirRow]:
    """One at a time: while one is taken out, the others take over its momentum and do not look."""
    full = round(WHEEL_FULL * design.form.attitude.wheel_momentum, 4)
    names = [f"wheel.{wheel}.full" for wheel in range(4)]
    for wheel, name in enumerate(names):
        yield _row(
            name, f"wheel_momentum_n_m_s.{wheel}", f"Wheel {wheel} runs at its limit", 10, 1.0, None,
            low=-full, high=full, level="subsystem", at_most=1,
            telecommand="attitude.wheel", arguments=(("wheel", str(wheel)), ("on", False)),
            masks=tuple(other for other in names if other != name), mask_s=SPIN_DOWN_S,
        )  # fmt: skip
    yield FdirRow(
        "wheels.full", "", "Two wheels run at their limit: three are needed", of=tuple(names), at_least=2,
        severity=int(Severity.HIGH), level="system", modes=FLOWN, **_mode("SAFE"),  # type: ignore[arg-type]
    )  # fmt: skip


def _rates(design: Design) -> Iterator[FdirRow]:
    most = round(RATE_MARGIN * design.form.attitude.slew_rate, 6)
    for axis in "xyz":
        yield _row(
            f"rate.{axis}.high", f"body_rate_rad_s.{axis}", f"The spacecraft turns too fast about {axis}", 5, 1.0,
            None, low=-most, high=most, severity=Severity.HIGH, level="system", modes=("NOMINAL",), **_mode("SAFE"),
        )  # fmt: skip


def _accelerators(design: Design) -> Iterator[FdirRow]:
    for name, group in design.form.accelerators.items():
        chip = group.chip
        off = _group_off(name)
        stays = {"again_s": RESTART_S, **_ladder(f"accelerator.{name}.burning")}
        shutdown_s = (chip.shutdown - chip.slowdown) * chip.die_capacity / (SLOWDOWN_SHARE * chip.cap_highest)
        yield _row(
            f"accelerator.{name}.hot", f"accelerator_temperature_k.{name}", f"Dies of {name} are at their slowdown",
            2 if shutdown_s > 2.0 * ROOM else 1, 1.0, shutdown_s, high=chip.slowdown, severity=Severity.HIGH,
            **stays, **off,
        )  # fmt: skip
        yield _row(
            f"accelerator.{name}.memory_hot", f"hbm_temperature_k.{name}", f"Memory of {name} is at its limit", 2, 1.0,
            DAMAGE_MARGIN_K * chip.memory_capacity / chip.memory, high=chip.memory_limit - MEMORY_MARGIN_K,
            severity=Severity.HIGH, **stays, **off,
        )  # fmt: skip
        yield _above(
            f"accelerator.{name}.burning", f"Group {name} stays hot although it is off", "subsystem",
            telecommand="power.lcl", arguments=(("lcl", group.lcl), ("on", False)),
        )  # fmt: skip
        failed = _row(  # one that fell off its bus for a moment starts again, and its gang with it
            f"accelerator.{name}.failed", f"accelerator_state.{name}", f"Group {name} failed or is quarantined", 3,
            1.0, None, high=5.0, again_s=STANDS_S, at_most=2, **_ladder(f"accelerator.{name}.lost"),
        )  # fmt: skip
        yield replace(failed, deadline_s=STANDS_S + LADDER_S)
        yield _above(
            f"accelerator.{name}.lost", f"Group {name} stays failed, or fails again and again", "unit", **off
        )  # fmt: skip
        yield _row(
            f"accelerator.{name}.errors", f"accelerator_ecc_uncorrected.{name}", f"Memory of {name} fails", 1, 60.0,
            None, check="delta", high=ERRORS_A_MINUTE, **off,
        )  # fmt: skip
        yield _row(  # told and no more: radiation makes some on a quiet day
            f"accelerator.{name}.xid", f"accelerator_xid_count.{name}", f"Group {name} reports an error", 1, COUNTED_S,
            None, check="delta", high=0.5, severity=Severity.LOW, again_s=COUNTED_S, at_most=16,
        )  # fmt: skip
        yield _row(
            f"accelerator.{name}.sick", f"accelerator_xid_count.{name}", f"Group {name} reports error after error", 1,
            SICK_S, None, check="delta", high=SICK_ERRORS, severity=Severity.HIGH, **off,
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
            quick_s = 1.0 if node == form.battery.node else 5.0  # cells that burn leave no time
            feeds_payload = bool(set(loads) & payload_lcls)
            off: dict[str, object] = {"telecommand": "payload.off"}
            yield _row(
                f"thermal.{node}.hot", reading, f"{node} is too hot", 3, quick_s, critical_s, high=round(hot_k, 2),
                level="subsystem", **(off if feeds_payload else _cap(design)),
            )  # fmt: skip
            if not feeds_payload:  # what cools at half the power takes its time
                yield _row(
                    f"thermal.{node}.hotter", reading, f"{node} becomes hotter still at half the power", 3, 5.0,
                    critical_s / 2.0, high=round(hot_k + DAMAGE_MARGIN_K / 2.0, 2), severity=Severity.HIGH,
                    level="subsystem", **off,
                )  # fmt: skip
        for heater in heaters[:1]:
            cold_k = form.heaters[heater].on_below - CUT_OFF_MARGIN_K
            yield _row(
                f"thermal.{node}.cold", reading, f"{node} is colder than its thermostat should allow", 6, 10.0, None,
                low=round(cold_k, 2), telecommand="thermal.heater", arguments=(("heater", heater), ("order", "on")),
            )  # fmt: skip


def _devices(design: Design) -> Iterator[FdirRow]:
    """A device that gives nothing new: start it again, then its other side; without an essential one, SAFE. That it is
    silent is told by `device_stale`, until `device_fresh`: the first row need not be an alarm of its own."""
    for form in forms_of(design):
        name = f"device.{slug(form.name)}"
        yield _row(
            f"{name}.silent", f"device_age_s.{slug(form.name)}", f"Device {form.name} gives no new readings", 1, 1.0,
            None, high=form.stale_after_s, severity=Severity.LOW, again_s=RESTART_S, at_most=4,
            **_restart(form.name, name),
        )  # fmt: skip
        if form.name in ONE_SIDED:
            continue
        last = _mode("SAFE") if form.name in ESSENTIAL else {"telecommand": "payload.off"}
        ends = form.name in (*ESSENTIAL, "accelerators")
        yield _above(
            f"{name}.hung", f"Device {form.name} gives nothing after being started again", "unit",
            telecommand="device.side", arguments=(("unit", form.name), ("side", "other")),
            **(_ladder(f"{name}.lost") if ends else {}),
        )  # fmt: skip
        if ends:
            yield _above(f"{name}.lost", f"No side of device {form.name} gives readings", "system", **last)


def _restart(device: str, name: str) -> dict[str, object]:
    if device in ONE_SIDED:
        return {}
    return {"telecommand": "device.reset", "arguments": (("unit", device),), **_ladder(f"{name}.hung", 2)}
