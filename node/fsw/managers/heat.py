"""The heat that comes to a part against the heat that leaves it: what the thermal network as built does not explain.

Every node's balance is reckoned from temperatures, currents and the coolant's flow. What is left of it is light and
warmth from outside, and it changes slowly; where it changes within minutes, heat goes another way than it should: a
heat pipe, a radiator, a plate in the coolant or a part that burns. `Watch` looks with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bus.constants import STEFAN_BOLTZMANN_W_M2_K4
from bus.pus import Severity
from node.devices.device import Values
from node.fsw.component import Arg, Component, Event, OnBoard, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers.thermal import THERMOSTAT, ThermalManager

FAST_S, SLOW_S = 45.0, 300.0
"""[A] What is left of a balance now, and what it is compared with."""
BEGUN_S = 120.0
"""[A] Nothing is judged before."""
CONFIRMED = 3
"""[A] Looks in a row before a part is named."""
LIT = 0.1
"""[A] Share of sunlight within a look that changes everything: the comparison begins anew. Seven
sigmas of the sensors."""
STUCK_K = 3.0
"""[A] A heater that is on so far above where its thermostat opens is stuck: twenty biases of its thermistor."""


def _no_values() -> Values:
    return np.zeros(0)


@dataclass(slots=True)
class State:
    """Heat stored in each node at the last look; what is left of its balance, smoothed fast and slowly; looks that it
    was wrong. `since_s`: how long the comparison has gone on."""

    nodes_unbalanced: int = telemetered("int", "Parts whose heat goes another way than it should")
    heaters_stuck: int = telemetered("int", "Heaters that are on far above where they should be off")
    stored_j: Values = field(default_factory=_no_values)
    fast_w: Values = field(default_factory=_no_values)
    slow_w: Values = field(default_factory=_no_values)
    wrong: list[int] = field(default_factory=list)
    heaters: list[int] = field(default_factory=list)
    since_s: float = 0.0
    lit: float = 0.0
    at_ns: int = 0


class HeatWatch(Component):
    """Of all thermal nodes whose balance can be reckoned, and all heaters."""

    name = "heat"
    state: State

    NODE = Event(
        126, "heat_unbalanced", Severity.LOW, "The heat of a part goes another way than it should",
        (Arg("thermal_node", "enum", "the part", labels=lambda words: words.equipment.thermal_nodes),
         Arg("heat_w", "float", "what it gets too much", "W")),
    )  # fmt: skip
    HEATER = Event(
        127, "heater_stuck_on", Severity.LOW, "A heater is on far above where it should be off",
        (Arg("heater", "enum", "the heater", labels=lambda words: words.equipment.heaters),
         Arg("temperature_k", "float", "of its part", "K")),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, thermal: ThermalManager) -> None:
        super().__init__(on_board, State())
        self._thermal = thermal
        heat, chips, index, places = on_board.equipment.heat, on_board.equipment.chips, layout.index, layout.parts
        self._kelvin = places("thermal_temperature_k")
        self._currents, self._heaters = places("lcl_current_a"), places("heater_state")
        self._dies, self._memories = places("accelerator_temperature_k"), places("hbm_temperature_k")
        self._powers = places("accelerator_power_w")
        self._volts, self._supply, self._flow, self._sun = (
            index[name] for name in
            ("main_bus_voltage_v", "coolant_supply_temperature_k", "coolant_flow_kg_s", "sun_intensity")
        )  # fmt: skip
        n = len(heat.capacities_j_k)
        self._capacities = np.array(heat.capacities_j_k)
        self._emitting = STEFAN_BOLTZMANN_W_M2_K4 * np.array(heat.emitting_m2)
        self._margin = np.array(heat.margin_w)
        self._a = np.array([link.a for link in heat.links], dtype=np.intp)
        self._b = np.array([link.b for link in heat.links], dtype=np.intp)
        self._value = np.array([link.value for link in heat.links])
        self._radiates = np.array([link.radiates for link in heat.links], dtype=bool)
        self._most = np.array([link.limit_w for link in heat.links])
        self._of_lcl = _spread(n, heat.lcl_nodes)
        self._of_group = _spread(n, [chip.node for chip in chips])
        # what chips and heaters take comes out of what their limiters give, and goes to their own nodes
        self._group_w = _spread(n, [chip.node for chip in chips], [chip.efficiency for chip in chips])
        self._group_w -= _spread(n, [heat.lcl_nodes[chip.lcl] for chip in chips], [chip.efficiency for chip in chips])
        powers = [heater.power_w for heater in heat.heaters]
        self._heater_w = _spread(n, [heater.node for heater in heat.heaters], powers)
        self._heater_w -= _spread(n, [heat.lcl_nodes[heater.lcl] for heater in heat.heaters], powers)
        self._heater_nodes = np.array([heater.node for heater in heat.heaters], dtype=np.intp)
        self._off_k = np.array([heater.off_k for heater in heat.heaters])
        self._die_j_k = self._of_group * np.array([chip.count * chip.die_j_k for chip in chips])
        self._memory_j_k = self._of_group * np.array([chip.count * chip.memory_j_k for chip in chips])
        self._plates = np.array([plate.node for plate in heat.plates], dtype=np.intp)
        self._plate_w_k = np.array([plate.w_k for plate in heat.plates])
        self._plate_flow = np.array([plate.flow_j_kg_k for plate in heat.plates])

    def look(self, pool: Values) -> None:
        """Once more. The caller knows that no device it reads is stale."""
        kelvin = pool[self._kelvin]
        self._look_at_heaters(pool, kelvin)
        self._look_at_balance(pool, kelvin)

    def begin(self) -> None:
        """The comparison begins anew."""
        self.state.stored_j = _no_values()

    def _look_at_heaters(self, pool: Values, kelvin: Values) -> None:
        state = self.state
        state.heaters = state.heaters or [0] * len(self._heaters)
        if not len(self._heaters):
            return
        nodes_k = kelvin[self._heater_nodes]
        stuck = (pool[self._heaters] == 1.0) & (nodes_k > self._off_k + STUCK_K)
        if not (stuck.any() or state.heaters_stuck):
            return
        orders = self._thermal.state.heater_orders
        for heater, wrong in enumerate(stuck.tolist()):
            ordered = heater < len(orders) and orders[heater] != THERMOSTAT
            state.heaters[heater] = state.heaters[heater] + 1 if wrong and not ordered else 0
            if state.heaters[heater] == CONFIRMED:
                self.event(self.HEATER, heater, float(nodes_k[heater]))
        state.heaters_stuck = sum(looks >= CONFIRMED for looks in state.heaters)

    def _look_at_balance(self, pool: Values, kelvin: Values) -> None:
        state, now_ns = self.state, self.on_board.time_ns
        stored = self._capacities * kelvin + self._die_j_k @ pool[self._dies] + self._memory_j_k @ pool[self._memories]
        lit = pool.item(self._sun)
        if not state.stored_j.size or abs(lit - state.lit) > LIT:
            state.stored_j, state.lit, state.since_s, state.at_ns = stored, lit, 0.0, now_ns
            state.wrong, state.nodes_unbalanced = [0] * len(stored), 0
            return
        step_s = (now_ns - state.at_ns) / 1e9
        left_w = (stored - state.stored_j) / step_s - self._given_w(pool, kelvin)
        state.stored_j, state.lit, state.at_ns = stored, lit, now_ns
        state.since_s += step_s
        if state.since_s <= step_s:
            state.fast_w, state.slow_w = left_w, left_w.copy()
            return
        for smooth_w, span_s in ((state.fast_w, FAST_S), (state.slow_w, SLOW_S)):
            share = min(1.0, step_s / min(span_s, state.since_s))
            np.add(smooth_w, (left_w - smooth_w) * share, out=smooth_w)
        if state.since_s < BEGUN_S:
            return
        apart = state.fast_w - state.slow_w
        off = np.abs(apart) > self._margin
        if not (off.any() or state.nodes_unbalanced):
            return
        for node, wrong in enumerate(off.tolist()):
            looks = state.wrong[node] = state.wrong[node] + 1 if wrong else 0
            if looks == CONFIRMED:
                self.event(self.NODE, node, float(apart[node]))
        state.nodes_unbalanced = sum(looks >= CONFIRMED for looks in state.wrong)

    def _given_w(self, pool: Values, kelvin: Values) -> Values:
        """What each node gets, less what it gives away, without light and warmth from outside."""
        given: Values = self._of_lcl @ (pool[self._currents] * pool.item(self._volts))
        given += self._group_w @ pool[self._powers]
        given += self._heater_w @ (pool[self._heaters] == 1.0)
        square = kelvin * kelvin
        given -= self._emitting * square * square
        a, b = kelvin[self._a], kelvin[self._b]
        value = np.where(self._radiates, STEFAN_BOLTZMANN_W_M2_K4 * (a * a + b * b) * (a + b), 1.0) * self._value
        flow = value * (a - b)
        np.clip(flow, -self._most, self._most, out=flow)
        np.subtract.at(given, self._a, flow)
        np.add.at(given, self._b, flow)
        through = self._plate_flow * pool.item(self._flow)
        if through.size and through[0] > 0.0:
            exchange = through * -np.expm1(-self._plate_w_k / through)
            given[self._plates] -= exchange * (kelvin[self._plates] - pool.item(self._supply))
        return given


def _spread(nodes: int, at: tuple[int, ...] | list[int], values: list[float] | None = None) -> Values:
    """A matrix that gives each of these to its node."""
    found = np.zeros((nodes, len(at)))
    for column, node in enumerate(at):
        found[node, column] = 1.0 if values is None else values[column]
    return found
