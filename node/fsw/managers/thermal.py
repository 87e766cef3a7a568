"""What the coolant and the chips let the payload take, the coolant pump's speed by load; heaters at the ground's wish.

Thermostats rule the heaters by themselves. A coolant that warms up limits the payload's power in proportion; a pump
that stands, or a group that is too hot, is answered within seconds, before FDIR switches anything off.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bus.dictionary import OnBoardParameter
from bus.pus import Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers.acquisition import Acquisition
from node.fsw.rules import band_state, dwelled, held_limit, pump_speed, share_by_temperature

HEATER_ORDERS = ("off", "on", "thermostat")
THERMOSTAT = HEATER_ORDERS.index("thermostat")
PUMPS = ("a", "b")
LOOK_NS = 2 * 10**9
"""Between two looks [A]: a die at full power warms up by some kelvin in that time."""
BAND = 0.02
"""Of the payload's rated power [A]: a limit that is off by less stands."""
PUMP_BAND = 0.1
"""[A] The pump slows down by no smaller steps."""


@dataclass(slots=True)
class State:
    """`hot_groups`: a bit per group that is too hot. `pump_ordered`: the speed that was ordered last, 1 at first, as
    the controller has it; `pump_by_hand`: the ground has set it (kept). `heater_orders`: the last one of each."""

    thermal_limit_w: float = telemetered("float", "What the coolant lets the payload take", "W", default=0.0)
    hot_groups: int = telemetered("int", "Accelerator groups that are too hot, a bit each")
    pump_stands: int = telemetered("bool", "The coolant pump does not turn as it was told")
    pump_ordered: float = telemetered("float", "Speed of the coolant pump that was ordered", "1", default=1.0)
    pump_by_hand: bool = telemetered("bool", "The ground has set the pump's speed", default=False, kept=True)
    pump_hand_fraction: float = telemetered("float", "Speed that the ground has set", "1", default=1.0, kept=True)
    warm: int = 0
    cool_ns: int = 0
    stands_ns: int = 0
    due_ns: int = 0
    heater_orders: list[int] = field(default_factory=list)


class ThermalManager(Component):
    """Looks at coolant, pump and chips, and orders to the thermal controller."""

    name = "thermal"
    state: State

    HOT = Event(
        64, "group_hot", Severity.MEDIUM, "An accelerator group is too hot and gets its least power",
        (Arg("group", "enum", "accelerator group", labels=lambda words: words.equipment.accelerator_groups),),
    )  # fmt: skip
    COOL = Event(65, "groups_cool", Severity.INFORMATIVE, "No accelerator group is too hot any more", ends="group_hot")
    # Coolant is too hot where chips at rated power would shut down, from the design: FDIR answers that. The limit is
    # at its lowest before [A]; ai1-june, whose radiators carry two thirds of full load, settles in the band.
    BELOW_K = OnBoardParameter(
        name="thermal.coolant_margin_k", unit="K", description="So far below too hot a coolant the limit is lowest",
        default=1.0, low=0.0, high=40.0,
    )  # fmt: skip
    BAND_K = OnBoardParameter(
        name="thermal.coolant_band_k", unit="K", description="Coolant's rise from full power to the lowest limit",
        default=6.0, low=1.0, high=40.0,
    )  # fmt: skip
    FLOOR = OnBoardParameter(
        name="thermal.coolant_floor_share", unit="1", description="Share of the rated power that is the lowest limit",
        default=0.3, low=0.0, high=1.0,
    )  # fmt: skip
    # Chips throttle themselves at 87 degC, slow down in hardware at 89 (H100 product brief, secondary reading): a group
    # is hot just below that [A], and cool where its own throttle lets go for sure.
    MARGIN_K = OnBoardParameter(
        name="thermal.hot_margin_k", unit="K", description="So far below its slowdown a group is too hot",
        default=0.5, low=0.0, high=40.0,
    )  # fmt: skip
    COOL_K = OnBoardParameter(
        name="thermal.cool_margin_k", unit="K", description="So far below its slowdown a group is cool again",
        default=5.0, low=0.5, high=60.0,
    )  # fmt: skip
    COOL_DWELL = OnBoardParameter(
        name="thermal.cool_dwell_s", unit="s", description="Time that all groups must be cool before they get power",
        default=30.0, low=0.0, high=3600.0,
    )  # fmt: skip
    # Flow in proportion to heat keeps the rise from supply to return; half of it is ours [A]. Power goes with the cube.
    SLOWEST = OnBoardParameter(
        name="thermal.pump_slowest", unit="1", description="Speed of the coolant pump without load",
        default=0.5, low=0.2, high=1.0,
    )  # fmt: skip
    STANDS_BELOW = OnBoardParameter(
        name="thermal.pump_stands_below", unit="1", description="Speed below which the coolant pump counts as standing",
        default=0.2, low=0.0, high=1.0,
    )  # fmt: skip
    STANDS_DWELL = OnBoardParameter(
        name="thermal.pump_dwell_s", unit="s", description="Time that the pump may stand before the payload is limited",
        default=4.0, low=0.0, high=600.0,
    )  # fmt: skip
    ASCENDING = ((MARGIN_K.name, COOL_K.name),)

    def __init__(self, on_board: OnBoard, layout: Layout, acquisition: Acquisition) -> None:
        equipment, index = on_board.equipment, layout.index
        self._total_w = sum(equipment.accelerator_group_power_w)
        self._least_w = sum(equipment.accelerator_group_lowest_w)
        heaters = [THERMOSTAT] * len(equipment.heaters)
        super().__init__(on_board, State(thermal_limit_w=self._total_w, heater_orders=heaters))
        self._acquisition = acquisition
        self._controller, self._chips = acquisition.number("thermal-controller"), acquisition.number("accelerators")
        dies = [place for name, place in index.items() if name.startswith("accelerator_temperature_k.")]
        memories = [place for name, place in index.items() if name.startswith("hbm_temperature_k.")]
        self._places = np.array([*dies, *memories], dtype=np.intp)
        self._hot_k = np.array([*equipment.accelerator_group_hot_k, *equipment.accelerator_group_memory_hot_k])
        self._groups = len(dies)
        self._supply, self._speed = index["coolant_supply_temperature_k"], index["pump_speed_fraction"]
        self._payload = index["payload_power_w"]

    def start(self) -> None:
        """After a boot: the pump as the ground has set it; otherwise by load."""
        if self.state.pump_by_hand:
            self._order_pump(self.state.pump_hand_fraction)

    def cycle(self) -> None:
        """One look now and then."""
        state = self.state
        if self.on_board.time_ns < state.due_ns:
            return
        state.due_ns = self.on_board.time_ns + LOOK_NS
        if not self._acquisition.stale(self._chips):
            self._look_at_chips()
        if self.on_board.equipment.coolant_hot_k > 0.0 and not self._acquisition.stale(self._controller):
            self._look_at_coolant()

    def _look_at_chips(self) -> None:
        state, on_board = self.state, self.on_board
        below_k = self._hot_k - on_board.state.pool[self._places]
        coldest = float(below_k.min())
        if coldest <= on_board.sane(self.MARGIN_K):
            for place in np.flatnonzero(below_k <= on_board.sane(self.MARGIN_K)).tolist():
                group = place % self._groups
                if not state.hot_groups >> group & 1:
                    state.hot_groups |= 1 << group
                    self.event(self.HOT, group)
        if not state.hot_groups:
            return
        cool = 0 if coldest > on_board.sane(self.COOL_K) else 1
        still, state.cool_ns = dwelled(1, cool, state.cool_ns, on_board.span_ns(self.COOL_DWELL), self._since_ns)
        if not still:
            state.hot_groups = 0
            self.event(self.COOL)

    @property
    def _since_ns(self) -> int:
        """What a look stands for."""
        return max(LOOK_NS, self.on_board.cycle_ns)

    def _look_at_coolant(self) -> None:
        state, on_board, pool = self.state, self.on_board, self.on_board.state.pool
        sane, hot_k = on_board.sane, on_board.equipment.coolant_hot_k - on_board.sane(self.BELOW_K)
        supply_k, band_k = pool.item(self._supply), sane(self.BAND_K)
        turns = pool.item(self._speed) >= sane(self.STANDS_BELOW) or state.pump_ordered < sane(self.STANDS_BELOW)
        state.pump_stands, state.stands_ns = dwelled(
            state.pump_stands, 0 if turns else 1, state.stands_ns, on_board.span_ns(self.STANDS_DWELL), self._since_ns
        )
        wanted_w = self._total_w * share_by_temperature(supply_k, hot_k, band_k, sane(self.FLOOR))
        if state.pump_stands:
            wanted_w = self._least_w
        state.thermal_limit_w = held_limit(state.thermal_limit_w, wanted_w, BAND * self._total_w, self._total_w)
        if state.pump_by_hand:
            return
        state.warm = 1 - band_state(1 - state.warm, supply_k, hot_k - 2.0 * band_k, hot_k - band_k)
        load = pool.item(self._payload) / self._total_w
        speed = pump_speed(state.pump_ordered, load, sane(self.SLOWEST), state.warm, PUMP_BAND)
        if speed != state.pump_ordered:
            self._order_pump(speed)

    def _order_pump(self, speed: float) -> None:
        self.state.pump_ordered = speed
        self.on_board.order("thermal-controller", "pump_speed", 0, speed)

    @function(
        "thermal.heater", 30, "Switch a heater, or leave it to its thermostat",
        Arg("heater", "enum", "heater", labels=lambda words: words.equipment.heaters),
        Arg("order", "enum", "what it shall do", labels=HEATER_ORDERS),
    )  # fmt: skip
    def heater(self, heater: int, order: int) -> Failure:
        """Until the next such order."""
        self.state.heater_orders[heater] = order
        self.on_board.order("thermal-controller", "heater", heater, order)
        return None

    @function(
        "thermal.pump", 31, "Set the coolant pump's speed, whatever the load; survives a reboot",
        Arg("speed_fraction", "float", "share of full speed", "1", 0.0, 1.0),
    )  # fmt: skip
    def pump(self, speed_fraction: float) -> Failure:
        """Until `thermal.pump_by_load`."""
        self.state.pump_by_hand, self.state.pump_hand_fraction = True, float(speed_fraction)
        self.keep()
        self._order_pump(float(speed_fraction))
        return None

    @function("thermal.pump_by_load", 81, "Leave the coolant pump's speed to the load again")
    def pump_by_load(self) -> Failure:
        """At the next look."""
        self.state.pump_by_hand = False
        self.keep()
        return None

    @function(
        "thermal.pump_select", 32, "Select the coolant pump that runs; the other one is cold redundant",
        Arg("pump", "enum", "pump", labels=PUMPS),
    )  # fmt: skip
    def pump_select(self, pump: int) -> Failure:
        """Until the next such order."""
        self.on_board.order("thermal-controller", "pump_select", 0, pump)
        return None
