"""Does a design close on its orbit? Power, battery, heat, limiters and references, each as a margin with a verdict.

`audit` takes a design and an orbit and looks for the worst day of the year; `audit_scenario` does so for everybody who
flies. Steady states and averages only, at beginning of life and full load: an audit warns, it does not fly.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from bus.constants import CELSIUS_ZERO_K
from bus.scenario.model import Orbit, Scenario
from node.designs.audit.heat import Steady, Vector, absorbed_w, steady
from node.designs.audit.orbit import Circle, Day, circle, year
from node.designs.audit.power import (
    array_w,
    battery_heat_w,
    chips_w,
    depth,
    discharge_w,
    full_load_w,
    most_w,
    sustainable_w,
)
from node.designs.load import Design, load_design

MAX_DISCHARGE = 0.60  # 8,000 cycles at 60 %, six years of 1,340 eclipses (textbook)
ROUND = 1e-9


@dataclass(frozen=True, slots=True)
class Margin:
    """One thing that must close. `better` says on which side of the limit the value should lie."""

    name: str
    value: float
    unit: str
    limit: float
    better: Literal["above", "below"]
    advice: str
    design: str = ""
    spacecraft: str = ""

    @property
    def verdict(self) -> Literal["ok", "warning"]:
        """Whether it closes."""
        if self.better == "above":
            return "ok" if self.value >= self.limit * (1.0 - ROUND) else "warning"
        return "ok" if self.value <= self.limit * (1.0 + ROUND) else "warning"

    def as_row(self) -> dict[str, object]:
        """For JSON and tables; advice only where something is to be done."""
        row: dict[str, object] = {**asdict(self), "verdict": self.verdict}
        row["value"], row["limit"] = round(self.value, 4), round(self.limit, 4)
        return row if self.verdict == "warning" else {**row, "advice": ""}


def audit_scenario(scenario: Scenario) -> list[Margin]:
    """Margins of everybody who flies; spacecraft of one design on like orbits are audited once."""
    margins: list[Margin] = []
    if scenario.environment.bench is not None:
        return margins  # no orbit to close on
    seen: set[tuple[object, ...]] = set()
    for spacecraft in scenario.spacecraft:
        orbit = circle(spacecraft.orbit, scenario.epoch_utc)
        like = (
            spacecraft.design,
            round(orbit.radius_m / 10e3),
            round(orbit.inclination_rad, 2),
            round(orbit.raan_rad, 1),
        )
        if like in seen:
            continue
        seen.add(like)
        margins += audit(load_design(spacecraft.design), spacecraft.orbit, scenario.epoch_utc, spacecraft.id)
    return margins


def audit(design: Design, orbit: Orbit | Circle, epoch_utc: str, spacecraft: str = "") -> list[Margin]:
    """Margins of a design on an orbit, over the year that begins at the epoch."""
    path = orbit if isinstance(orbit, Circle) else circle(orbit, epoch_utc)
    days = year(path, datetime.fromisoformat(epoch_utc))
    dark = max(days, key=lambda one: (one.eclipse_s, one.sunlight_w_m2))
    bright = max(days, key=lambda one: (-one.eclipse_s, abs(one.beta_rad)))
    load = full_load_w(design)
    whole = references(design)
    taken = depth(design, dark, load)
    kept = min(load, sustainable_w(design, path, dark), load * MAX_DISCHARGE / taken if taken else load)
    found = [
        _energy(design, path, dark, load),
        *_battery(design, dark, load),
        *_heat(design, path, bright, load),
        _battery_heat(design, path, dark, load, kept),
        _limiters(design),
        whole,
    ]
    return [Margin(m.name, m.value, m.unit, m.limit, m.better, m.advice, design.name, spacecraft) for m in found]


def _energy(design: Design, orbit: Circle, dark: Day, load_w: float) -> Margin:
    carried = sustainable_w(design, orbit, dark)
    room = chips_w(design) - (load_w - carried)
    return Margin(
        "load carried, shortest sunlight", carried / 1e3, "kW", load_w / 1e3, "above",
        f"cap the accelerators at {max(0.0, room) / 1e3:.3g} kW (all of them: {chips_w(design) / 1e3:.3g} kW) "
        f"around {dark.at:%d %B}, or enlarge the array",
    )  # fmt: skip


def _battery(design: Design, dark: Day, load_w: float) -> list[Margin]:
    battery, taken = design.form.battery, depth(design, dark, load_w)
    allowed = load_w * MAX_DISCHARGE / taken if taken > 0.0 else load_w
    minutes = dark.eclipse_s / 60.0
    return [
        Margin(
            f"discharge, {minutes:.1f} min eclipse ({dark.at:%d %b})", 100.0 * taken, "%",
            100.0 * MAX_DISCHARGE, "below",
            f"in eclipse shed to {allowed / 1e3:.3g} kW, or carry "
            f"{battery.energy * taken / MAX_DISCHARGE / 3.6e6:.1f} kWh instead of {battery.energy / 3.6e6:.1f} kWh",
        ),
        Margin(
            "battery power, half charged", discharge_w(design) / 1e3, "kW", load_w / 1e3, "above",
            "its voltage falls to the cut-off under full load: more cells, or cells of less resistance",
        ),
    ]  # fmt: skip


def _node_heat_w(design: Design, load_w: float) -> dict[str, float]:
    """Where the full load turns into heat, converters included."""
    form = design.form
    heat = dict.fromkeys(form.nodes, 0.0)
    for lcl in form.lcls.values():
        heat[lcl.node] += lcl.load
    for group in form.accelerators.values():
        chips = group.count * most_w(group.chip)
        heat[group.node] += chips
        heat[form.lcls[group.lcl].node] += chips * (1.0 / group.chip.supply_efficiency - 1.0)
    if form.loop is not None:
        heat[form.loop.pump_node] += form.loop.pump_power
    heat[form.power_bus.node] += load_w * (1.0 / form.array.control_efficiency - 1.0)
    return heat


def _heat(design: Design, orbit: Circle, bright: Day, load_w: float) -> list[Margin]:
    form = design.form
    heat = _node_heat_w(design, load_w)
    light = absorbed_w(design, orbit, bright, sunlit=bright.eclipse_s <= 0.0)
    for index, face in enumerate(form.faces):
        if face.node == form.array.node and face.kind == "array_front":
            light[index] -= array_w(design, bright.sunlight_w_m2) * (1.0 - bright.eclipse_s / orbit.period_s)
    state = steady(design, heat, light)
    away = "radiators" if design.radiators else "outer faces"
    outer = design.radiators or tuple(dict.fromkeys(f.node for f in form.faces if f.node != form.array.node))
    outer = outer or tuple(dict.fromkeys(f.node for f in form.faces))
    areas = {name: sum(f.area for f in form.faces if f.node == name) for name in outer}
    mean = sum(state.temperature_k[name] * area for name, area in areas.items()) / (sum(areas.values()) or 1.0)
    die_name = max(form.accelerators, key=lambda name: _over_k(design, name, state, 1.0)[0])
    memory_name = max(form.accelerators, key=lambda name: _over_k(design, name, state, 1.0)[1])
    die, memory = _over_k(design, die_name, state, 1.0)[0], _over_k(design, memory_name, state, 1.0)[1]
    chips = [form.accelerators[die_name].chip, form.accelerators[memory_name].chip]
    cool = _cool_load_w(design, heat, light, load_w) if max(die, memory) > 0.0 else load_w
    margins = [
        Margin(
            f"{away}, mean", mean - CELSIUS_ZERO_K, "degC", mean - CELSIUS_ZERO_K - max(die, memory), "below",
            f"the {away} give away {_power(sum(heat.values()))} of heat only this hot: full load for minutes "
            f"only, then {_power(cool)}",
        ),
        Margin(
            f"dies ({die_name})", chips[0].throttle + die - CELSIUS_ZERO_K, "degC",
            chips[0].throttle - CELSIUS_ZERO_K, "below",
            f"it throttles: cap the whole load at {_power(cool)}, or enlarge the radiators",
        ),
        Margin(
            f"memories ({memory_name})", chips[1].memory_limit + memory - CELSIUS_ZERO_K, "degC",
            chips[1].memory_limit - CELSIUS_ZERO_K, "below",
            f"it slows down: cap the whole load at {_power(cool)}, or enlarge the radiators",
        ),
    ]  # fmt: skip
    if any(c.heat_pipe_limit for c in form.conductors):
        margins.append(
            Margin(
                "heat pipe load", 100.0 * state.pipe_load, "%", 100.0, "below", "share the heat over more heat pipes"
            )
        )
    return margins


def _power(watts: float) -> str:
    """As a person says it."""
    return f"{watts / 1e3:.0f} kW" if watts >= 1e3 else f"{watts:.3g} W"


def _battery_heat(design: Design, orbit: Circle, dark: Day, load_w: float, kept_w: float) -> Margin:
    form = design.form
    heat = _node_heat_w(design, load_w)
    mean_w = battery_heat_w(design, orbit, dark, kept_w)
    heat[form.battery.node] += mean_w
    state = steady(design, heat, absorbed_w(design, orbit, dark, sunlit=False))
    swing_k = 0.5 * mean_w * (orbit.period_s - dark.eclipse_s) / form.nodes[form.battery.node].capacity
    return Margin(
        "battery, after its longest eclipse",
        state.temperature_k[form.battery.node] + swing_k - CELSIUS_ZERO_K, "degC",
        form.battery.cell.charge_highest - CELSIUS_ZERO_K,
        "below", "warmer than this it does not charge: conduct its heat away better, or discharge it less",
    )  # fmt: skip


def _over_k(design: Design, name: str, state: Steady, share: float) -> tuple[float, float]:
    """How far a group's dies and memories are over their limits, with accelerators at a share of their power."""
    group = design.form.accelerators[name]
    chip, plate = group.chip, state.temperature_k[group.node]
    die = plate + share * (most_w(chip) - chip.memory) * chip.die_resistance
    return die - chip.throttle, plate + share * chip.memory * chip.memory_resistance - chip.memory_limit


def _cool_load_w(design: Design, heat: dict[str, float], light: Vector, load_w: float) -> float:
    """The load at which no accelerator throttles in the long run; bisection on the accelerators' power."""
    low, high = 0.0, 1.0
    for _ in range(12):
        share = 0.5 * (low + high)
        less = dict(heat)
        for group in design.form.accelerators.values():
            chips = group.count * most_w(group.chip) * (1.0 - share)
            less[group.node] -= chips
            less[design.form.lcls[group.lcl].node] -= chips * (1.0 / group.chip.supply_efficiency - 1.0)
        state = steady(design, less, light)
        over = max(max(_over_k(design, name, state, share)) for name in design.form.accelerators)
        low, high = (share, high) if over < 0.0 else (low, share)
    return load_w - (1.0 - low) * chips_w(design)


def _limiters(design: Design) -> Margin:
    form = design.form
    demand = {name: lcl.load for name, lcl in form.lcls.items()}
    for group in form.accelerators.values():
        demand[group.lcl] += group.count * most_w(group.chip) / group.chip.supply_efficiency
    for heater in form.heaters.values():
        demand[heater.lcl] += heater.power
    if form.loop is not None:
        demand[form.loop.pump_lcl] += form.loop.pump_power
    demand[form.radio.lcl] += form.radio.s_band.power / form.radio.transmitter_efficiency
    bus = form.power_bus
    volts = bus.voltage if bus.kind == "regulated" else max(bus.undervoltage, 3.4 * form.battery.series)
    name = min(demand, key=lambda k: form.lcls[k].limit * volts / demand[k] if demand[k] > 0.0 else math.inf)
    ratio = form.lcls[name].limit * volts / demand[name] if demand[name] > 0.0 else math.inf
    return Margin(
        f"limiter over load ({name})", ratio, "1", 1.0, "above",
        f"{name} trips at full load: raise its limit above {demand[name] / volts:.1f} A",
    )  # fmt: skip


def references(design: Design) -> Margin:
    """Names and room are checked when a design is read; what is left is whether every node's heat gets out to space."""
    form = design.form
    links = [set(c.between) for c in form.conductors]
    if form.loop is not None:
        links.append({e.node for e in (*form.loop.plates, *form.loop.radiators)})
    cold = {face.node for face in form.faces if face.emissivity > 0.0 and face.area > 0.0}
    for _ in form.nodes:
        cold |= {node for link in links if link & cold for node in link}
    stranded = [name for name in form.nodes if name not in cold]
    return Margin(
        "nodes cut off from space", float(len(stranded)), "1", 0.0, "below",
        f"connect {', '.join(stranded)}",
    )  # fmt: skip
