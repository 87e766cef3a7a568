"""Flight software by itself, cycle by cycle, on readings that a test writes: every design's FDIR in milliseconds.

`dangers` says what must be answered how, from the design's parts alone: it does not know the FDIR table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from bus.participant import Moment
from bus.pus import Severity
from bus.telecommand_check import check_telecommand
from faults.scenarios.choose import find_scenario
from faults.scenarios.load import load
from node.assembly import equipment, wire
from node.config import resolve
from node.designs.load import Design, load_design
from node.devices.definitions import LCL_STATES, device_forms
from node.devices.device import ONE_SIDED, Order, Reading, slug
from node.devices.equipment import FdirRow
from node.devices.nvm import NonVolatileMemory
from node.fdir.watched import most_w
from node.fsw import protocol
from node.fsw.boot import BootReason, BootRecord
from node.fsw.component import Component, Failure
from node.fsw.modes import Mode
from node.fsw.software import FlightSoftware
from node.node import Node

CYCLE_NS = 10**9
HEALTHY = {
    "battery_soc": 0.9, "battery_group_soc": 0.9, "pump_speed_fraction": 1.0, "lcl_state": 1.0,
    "accelerator_state": 2.0, "battery_current_a": -1000.0, "array_power_w": 1e6, "load_power_w": 200.0,
}  # fmt: skip


class Board:
    """The flight software of a design; `without`: rows of its table that look at nothing and do nothing; `watching`: it
    holds readings against each other by itself."""

    def __init__(
        self, design: str, *, without: tuple[str, ...] = (), mode: Mode = Mode.NOMINAL, cycle_ns: int = CYCLE_NS,
        watching: bool = False,
    ) -> None:  # fmt: skip
        self.watching = watching
        parts = equipment(load_design(design))
        self.forms = device_forms(parts)
        words = FlightSoftware.declare(parts, self.forms)  # an empty row keeps its name
        empty = {name: FdirRow(name, "", "") for name in without}
        self.equipment = replace(parts, fdir=tuple(empty.get(row.monitor, row) for row in parts.fdir))
        self.config = protocol.Board(self.equipment, self.forms, words, cycle_ns, mode, b"key")
        self.nvm = NonVolatileMemory()
        self.readings = [Reading(np.zeros(len(form.channels))) for form in self.forms]
        self.place = {c.name: (i, k) for i, form in enumerate(self.forms) for k, c in enumerate(form.channels)}
        voltage = load_design(design).form.power_bus.voltage
        for name in self.place:
            stem = name.partition(".")[0]
            self.set(name, 293.15 if stem.endswith("temperature_k") else HEALTHY.get(stem, 0.0))
        self.set("main_bus_voltage_v", voltage)
        self.set("battery_voltage_v", voltage)
        self.set("coolant_flow_kg_s", parts.coolant_flow_kg_s)
        self.set("accumulator_fraction", 0.5)
        self.set("load_power_w", sum(parts.lcl_loads_w))
        for name, load_w in zip(parts.lcls, parts.lcl_loads_w, strict=True):
            self.set(f"lcl_current_a.{slug(name)}", load_w / voltage)
        self.events: list[tuple[str, int]] = []
        self.orders: list[Order] = []
        self.cycles = 0
        self._healthy: tuple[bytes, dict[str, bytes], list[Reading]] | None = None
        self.boot()

    def healthy(self) -> None:
        """Five cycles after its first boot, with nothing wrong: flown there once, then put back there."""
        if self._healthy is None:
            self.run(5)
            monitors = {row.monitor for row in self.equipment.fdir}
            assert not [event for event, _ in self.events if event in monitors], "healthy readings"
            self._healthy = self.software.save(), self.nvm.records(), deepcopy(self.readings)
        software, nvm, readings = self._healthy
        self.nvm.load(nvm)
        self.software.restore(software)
        self.readings = deepcopy(readings)
        self.events.clear()
        self.orders.clear()

    def boot(self) -> None:
        """Start, or start again with what non-volatile memory holds."""
        self.software = FlightSoftware(self.config, self.nvm, BootRecord.begin(self.nvm, BootReason.FIRST_START))
        self.listen()
        self.software.boot(0)

    def listen(self) -> None:
        """Note every event report, switched off or not."""
        names = {event.id: event.name for event in self.config.dictionary.events}
        heard = self.software.events.listener

        def hear(event: int) -> None:
            self.events.append((names[event], self.cycles))
            heard(event)

        self.software.events.listener = hear
        if not self.watching:  # the readings of a board have no noise and no physics: a test writes what would be found
            self.software.watch.cycle = lambda: None  # type: ignore[method-assign]

    def set(self, reading: str, value: float) -> None:
        """A reading of a device, how old its readings are, or what the charge must be for a zone."""
        stem, _, part = reading.partition(".")
        if stem == "device_age_s":
            names = [slug(form.name) for form in self.forms]
            self.readings[names.index(part)].age_ticks = math.ceil(value)
            return
        watch = self._finder(reading)
        if watch is not None:
            setattr(watch.state, reading, value)
            return
        if stem == "charge_zone":
            reading, value = "battery_soc", 0.15 if value <= 1.0 else 0.05
        device, place = self.place[reading]
        self.readings[device].values[place] = value

    def add(self, reading: str, value: float) -> None:
        """To a reading of a device, or what is found when readings are held against each other."""
        watch = self._finder(reading)
        if watch is not None:
            setattr(watch.state, reading, getattr(watch.state, reading) + value)
            return
        device, place = self.place[reading]
        self.readings[device].values[place] += value

    def _finder(self, reading: str) -> Component | None:
        """Who finds this, where no device measures it."""
        if reading in self.place:
            return None
        found = (self.software.watch, *self.software.watch.parts)
        return next((watch for watch in found if hasattr(watch.state, reading)), None)

    def run(self, cycles: int) -> Board:
        for _ in range(cycles):
            self.cycles += 1
            self.orders += self.software.step(self.cycles * self.config.cycle_ns, self.readings, ()).orders
        return self

    def heard(self, event: str) -> int:
        return sum(name == event for name, _ in self.events)

    def command(self, name: str, **arguments: float | str) -> Failure:
        """A telecommand, checked and carried out."""
        checked = check_telecommand(self.config.dictionary, name, arguments)
        return self.software.verification.carry_out(name, checked, self.software.modes.mode)


@dataclass(frozen=True)
class Danger:
    """A reading that is wrong, and what must come of it: an order (device, input, element, value), a mode, "told".

    `step`: the reading is a counter that begins to rise by as much a minute. `also`: other readings that are wrong at
    the same time. `cycles`: so long it stays wrong, and by then it is answered.
    """

    reading: str
    value: float
    answer: tuple[str, str, int, float] | str
    step: bool = False
    also: tuple[tuple[str, float], ...] = ()
    cycles: int = 75


ORBIT_S = 6000.0
"""No design's orbit is longer."""
LADDER, FAILED, STANDS = 400, 620, 1500
"""Cycles in which the second and third answers come; that a failed group is waited for; and those against heat, which
is slow."""


def dangers(design: Design) -> Iterator[Danger]:
    """What may happen to each part of a design, and what must come of it first, second and last."""
    yield from _power(design)
    yield from _payload(design)
    yield from _platform(design)
    yield from _watched(design)
    for form in device_forms(equipment(design)):
        reading = f"device_age_s.{slug(form.name)}"
        if form.name in ONE_SIDED:
            yield Danger(reading, 100.0, "told")
            continue
        yield Danger(reading, 100.0, (form.name, "reset", 0, 1.0))
        yield Danger(reading, 100.0, (form.name, "side", 0, 1.0))
        if form.name in ("pcdu", "battery-monitor", "thermal-controller", "attitude"):
            yield Danger(reading, 100.0, "SAFE", cycles=LADDER)
        if form.name == "accelerators":
            yield Danger(reading, 100.0, PAYLOAD_OFF, cycles=LADDER)


def _watched(design: Design) -> Iterator[Danger]:
    """What only readings together show, or more than a part can take."""
    form = design.form
    loads_w = sum(g.count * g.chip.cap_highest / g.chip.supply_efficiency for g in form.accelerators.values())
    loads_w += sum(lcl.load for lcl in form.lcls.values())
    yield Danger("bus_unaccounted_w", max(20.0, 0.02 * loads_w), "told")
    yield Danger("bus_unaccounted_w", 0.2 * loads_w, "SAFE")
    yield Danger("bus_unaccounted_w", 0.2 * loads_w, "SURVIVAL", cycles=150)
    yield Danger("array_missing", 1.0, "SAFE")
    yield Danger("array_missing", 1.0, "SURVIVAL", cycles=150)
    yield Danger("sun_offset_rad", 0.1, "told")
    yield Danger("radio_unheard_s", 100.0, "told")
    links = ("isl_links_lost", "isl_links_weak") if design.isl_heads else ()
    heaters = ("heaters_stuck",) if design.heaters else ()
    for reading in ("strings_weak", "limiters_dead", "groups_apart", "wheels_apart", "gyros_apart", "readings_frozen",
                    "readings_noisy", "orbit_inconsistent", "clock_drifts", "nodes_unbalanced", "groups_wasteful",
                    "groups_warm", "groups_shut_down", *heaters, *links):  # fmt: skip
        yield Danger(reading, 1.0, "told")
    yield Danger("gauge_offset", -0.1, "told")
    yield Danger("pointing_loosened_rad", 5e-4, "told")
    yield Danger("uplink_fall_db", 8.0, "told")
    yield Danger("hosts_crashed", 6.0, "told", step=True)
    yield Danger("total_momentum_n_m_s", 2.0 * form.attitude.wheel_momentum, "told", step=True, cycles=150)
    if form.loop is not None:
        yield Danger("pump_lag_fraction", 0.3, ("thermal-controller", "pump_select", 0, 1.0))
        yield Danger("coolant_missing_fraction", 0.3, "told")
        yield Danger("coolant_missing_fraction", 0.9, PAYLOAD_OFF)
        yield Danger("accumulator_fraction", -0.06, "told", step=True, cycles=150)
        yield Danger("accumulator_fraction", 0.1, PAYLOAD_OFF)
        yield Danger("coolant_supply_temperature_k", form.loop.freezing + 5.0, "told")
    bus = form.power_bus
    lowest_v = bus.undervoltage if bus.kind == "unregulated" else 0.95 * bus.voltage
    for i, (name, lcl) in enumerate(form.lcls.items()):
        amps = 0.995 * lcl.limit  # the most that the limiter does not see
        told_a = amps - 5.0 * 0.01  # five standard deviations of its reading hide as much
        if told_a * lowest_v > 1.3 * most_w(design, name) > 0.0:
            essential = lcl.kind == "rlcl"
            yield Danger(f"lcl_current_a.{name}", amps, "told" if essential else ("pcdu", "lcl", i, 0.0))
    for name in form.accelerators:
        yield Danger(f"accelerator_remapped_rows.{name}", 60.0, "told", step=True)
        yield Danger(f"accelerator_ecc_corrected.{name}", 500.0, "told", step=True, cycles=150)
    yield Danger("job_lost_total_s", 60.0, "told", step=True)


PAYLOAD_OFF = ("accelerators", "enable", 0, 0.0)


def _half(design: Design) -> tuple[str, str, int, float]:
    """The order that halves the first group's power."""
    groups = design.form.accelerators.values()
    caps = [g.count * g.chip.cap_highest / g.chip.supply_efficiency for g in groups]
    return "accelerators", "power_cap", 0, round(0.5 * sum(caps)) * caps[0] / sum(caps)


def _power(design: Design) -> Iterator[Danger]:
    form, groups = design.form, design.battery_groups
    yield Danger("charge_zone", 1.0, "SAFE")
    yield Danger("charge_zone", 2.0, "SURVIVAL")
    for i, name in enumerate(groups):
        lost = ("battery-monitor", "group", i, 1.0) if len(groups) > 1 else PAYLOAD_OFF
        for answer in (("jobs", "job", 0, 1.0), _half(design), lost):
            yield Danger(f"battery_group_soc.{name}", 0.04, answer, cycles=LADDER)
    if len(groups) > 1:
        most = groups[1 : len(groups) // 2 + 1]
        yield Danger(
            f"battery_group_soc.{groups[0]}", 0.05, "SAFE", also=tuple((f"battery_group_soc.{g}", 0.05) for g in most)
        )
    yield Danger("main_bus_voltage_v", form.power_bus.undervoltage, "SAFE")
    for i, (name, lcl) in enumerate(form.lcls.items()):
        essential = lcl.kind == "rlcl"
        state = LCL_STATES.index("retrigger" if essential else "undervoltage")
        yield Danger(f"lcl_state.{name}", state, "told" if essential else ("pcdu", "lcl", i, 1.0))
        yield Danger(f"lcl_trip_count.{name}", 6.0, "told", step=True)
        if not essential:
            yield Danger(f"lcl_trip_count.{name}", 6.0, ("pcdu", "lcl", i, 0.0), step=True, cycles=150)


def _payload(design: Design) -> Iterator[Danger]:
    form, lcls = design.form, tuple(design.form.lcls)
    groups = list(form.accelerators.items())
    if form.loop is not None:
        coolant = ("coolant_supply_temperature_k", groups[0][1].chip.throttle)
        yield Danger("pump_speed_fraction", 0.0, ("thermal-controller", "pump_select", 0, 1.0))
        yield Danger("pump_speed_fraction", 0.0, PAYLOAD_OFF)
        yield Danger(*coolant, PAYLOAD_OFF, cycles=10)
        yield Danger(*coolant, "SAFE")
        yield Danger("pump_speed_fraction", 0.0, "SAFE", also=(coolant,), cycles=10)
    for i, (name, group) in enumerate(groups):
        off, cut = ("accelerators", "enable", i, 0.0), ("pcdu", "lcl", lcls.index(group.lcl), 0.0)
        for answer in (off, cut):
            yield Danger(f"accelerator_temperature_k.{name}", group.chip.shutdown, answer)
            yield Danger(f"hbm_temperature_k.{name}", group.chip.memory_limit, answer)
        yield Danger(f"accelerator_state.{name}", 6.0, "told")
        yield Danger(f"accelerator_state.{name}", 6.0, off, cycles=FAILED)
        yield Danger(f"accelerator_ecc_uncorrected.{name}", 100.0, off, step=True, cycles=150)
        yield Danger(f"accelerator_xid_count.{name}", 6.0, "told", step=True)
        yield Danger(f"accelerator_xid_count.{name}", 6.0, off, step=True, cycles=1250)


def _platform(design: Design) -> Iterator[Danger]:
    form = design.form
    full = form.attitude.wheel_momentum
    for wheel in range(4):
        for momentum in (full, -full):
            yield Danger(f"wheel_momentum_n_m_s.{wheel}", momentum, ("attitude", "wheel", wheel, 0.0))
        other = (f"wheel_momentum_n_m_s.{(wheel + 1) % 4}", full)
        yield Danger(f"wheel_momentum_n_m_s.{wheel}", full, "SAFE", also=(other,), cycles=LADDER)
    for axis in "xyz":
        yield Danger(f"body_rate_rad_s.{axis}", 4.0 * form.attitude.slew_rate, "SAFE")
        yield Danger(f"body_rate_rad_s.{axis}", -4.0 * form.attitude.slew_rate, "SAFE")
    plates = {group.node for group in form.accelerators.values()}
    for node in design.thermal_nodes:
        loads = {name: lcl for name, lcl in form.lcls.items() if lcl.node == node and lcl.load > 0.0}
        loaded = bool(loads)
        yield Danger(f"thermal_temperature_k.{node}", 500.0, "told")
        if node == form.battery.node or (loaded and node not in plates):
            yield Danger(f"thermal_temperature_k.{node}", 500.0, PAYLOAD_OFF, cycles=STANDS)
        feeds_payload = any(group.lcl in loads for group in form.accelerators.values())
        if loaded and node not in (*plates, form.battery.node) and not feeds_payload:
            before_k = min([lcl.cut_off - 1.0 for lcl in loads.values() if lcl.cut_off is not None], default=348.15)
            yield Danger(f"thermal_temperature_k.{node}", before_k, _half(design))
    yield Danger(f"thermal_temperature_k.{form.battery.node}", form.battery.cell.charge_highest + 5.0, _half(design))
    heated: dict[str, int] = {}
    for i, heater in enumerate(form.heaters.values()):
        if heated.setdefault(heater.node, i) == i:
            heater_on = ("thermal-controller", "heater", i, 1.0)
            yield Danger(f"thermal_temperature_k.{heater.node}", heater.on_below - 10.0, heater_on)


def answered(board: Board, danger: Danger) -> bool:
    """Whether this danger, and nothing before it, leads to what must come of it, and that no later than it must."""
    board.healthy()
    for reading, value in danger.also:
        board.set(reading, value)
    if not danger.step:
        board.set(danger.reading, danger.value)
    mine = {row.monitor for row in board.equipment.fdir if row.reading == danger.reading}
    for _ in range(danger.cycles):
        told, begun = len(board.events), len(board.orders)
        if danger.step:
            board.add(danger.reading, danger.value / 60.0)
        board.run(1)
        if _came(board, danger.answer, mine, told, begun):
            return True
    return False


def _came(board: Board, answer: tuple[str, str, int, float] | str, mine: set[str], told: int, begun: int) -> bool:
    """Whether the answer came in the last cycle."""
    if answer == "told":
        return any(event in mine for event, _ in board.events[told:])
    if isinstance(answer, str):
        return board.software.modes.mode.name == answer
    return any(order[:3] == answer[:3] and abs(order.value - answer[3]) < 1e-6 for order in board.orders[begun:])


def wrong_value(row: FdirRow) -> float:
    """A reading that this row must find wrong."""
    if row.check == "expected":
        return row.low + 1.0
    return row.high * 1.01 + 0.01 if row.high < np.inf else row.low - abs(row.low) * 0.01 - 0.01


def fault_free(design: str, orbits: float, tick_s: float = 1.0, seed: int | None = None) -> list[str]:
    """Alarms and actions of monitors, and modes that change, while a design flies on its reference orbit, at the load
    that a day can carry. An accelerator's single error is neither: radiation makes some, and they are told."""
    day = load(find_scenario("solstice"))
    scenario = day.model_copy(update={"tick_ns": round(tick_s * 1e9), "seed": day.seed if seed is None else seed})
    config = resolve(scenario, design)
    node = Node(config, wire(config))
    names = {event.id: event.name for event in node.dictionary.events}
    tick_ns = config.tick_ns
    node.step(Moment(0, 0, tick_ns, host_up=True), [])
    software = node.software
    assert software is not None
    fired: list[str] = []
    heard = software.events.listener

    def hear(event: int) -> None:
        fired.append(names[event])
        heard(event)

    software.events.listener = hear
    caps = [order.values.get("accelerator_power_cap_w", 0.0) for order in config.spacecraft.orders]
    cap_w = caps[0] if caps else 0.0
    software.payload.power_cap(power_w=float(cap_w) * len(config.design.accelerators))
    for tick in range(1, round(orbits * ORBIT_S / tick_s)):
        node.step(Moment(tick, tick * tick_ns, (tick + 1) * tick_ns, host_up=True), [])
    assert node.software is software, "it has booted again"
    rows = equipment(config.design).fdir
    alarms = {row.monitor for row in rows if row.telecommand or row.severity >= Severity.MEDIUM}
    return [name for name in fired if name in {*alarms, "mode_changed"}]
