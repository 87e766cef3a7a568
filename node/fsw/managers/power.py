"""The power budget: what the payload may take, which accelerator groups are shed, and the charge as mode events.

Three answers to too little power, from the earliest to the last. A limit of the payload's power, so that the predicted
shadow ends with a reserve and the Sun fills the battery again. Groups that are shed one at a time, by priority, when
that limit or the charge calls for it. And the zone of the charge: what low and critical lead to are FDIR rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bus.dictionary import OnBoardParameter
from bus.pus import Severity
from node.fsw.component import Arg, Component, Event, OnBoard, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers.acquisition import Acquisition
from node.fsw.managers.mode import ModeManager
from node.fsw.managers.shadow import ShadowEstimator
from node.fsw.modes import Mode, ModeEvent
from node.fsw.rules import (
    CHARGE_GOOD,
    band_state,
    charge_zone,
    dwelled,
    groups_shed,
    held_limit,
    recharge_w,
    shadow_power_w,
    sun_power_w,
)

LOOK_NS = 5 * 10**9
"""Between two looks at the budget [A]: charge moves by less than a tenth of a per cent in that time."""
BAND, STEP = 0.02, 0.04
"""Of the payload's rated power [A]: a limit that is off by less stands; and by so much it goes up at a time."""
FULL = 0.90
"""[A] Charge from which the Sun need not fill the battery any more: cells at C/2 taper there."""
MOST_CHARGE = 0.6
"""[A] Share of the battery's own limit that the payload must leave for it: a battery at its limit takes no more."""
SOONEST_S, SHADOWLESS_S = 900.0, 3600.0
"""[A] In what time the battery is to be full at the soonest, and where no shadow is predicted."""
TAIL_S = 30.0
"""[A] A shadow is taken to last so much longer than the last one: between two orbits its length moves by seconds."""
TWILIGHT_S = 60.0
"""[A] The Sun takes some ten seconds to rise and to set: the budget does not look at the array then."""
UNKNOWN_S = 60.0
"""[A] A shadow of unknown length is always taken to last so much longer, about what shedding takes: the payload
fades out towards the reserve."""
_SOC = Arg("battery_soc", "float", "measured charge", "1")
_GROUP = Arg("group", "enum", "accelerator group", labels=lambda words: words.equipment.accelerator_groups)


def _charge(name: str, text: str, default: float) -> OnBoardParameter:
    return OnBoardParameter(name=name, unit="1", description=text, default=default, low=0.0, high=1.0)


def _seconds(name: str, text: str, default: float) -> OnBoardParameter:
    return OnBoardParameter(name=name, unit="s", description=text, default=default, low=0.0, high=3600.0)


@dataclass(slots=True)
class State:
    """The zone that the charge is in, the groups that are shed (so many of the order), the payload's limit."""

    payload_shed: int = telemetered("bool", "Accelerator groups are shed for want of power")
    groups_shed: int = telemetered("int", "Accelerator groups that are shed, in the order of their priorities")
    power_limit_w: float = telemetered("float", "What the power budget lets the payload take", "W", default=0.0)
    charge_zone: int = telemetered(
        "enum", "Zone of the charge", labels=("good", "low", "critical"), default=CHARGE_GOOD
    )  # fmt: skip
    filling: int = telemetered("bool", "The Sun must fill the battery before it is all for the payload")
    zone_held_ns: int = 0
    shed_held_ns: int = 0
    budget: int = 1
    short_ns: int = 0
    due_ns: int = 0
    prepared: bool = False


class PowerManager(Component):
    """`order`: the accelerator groups as they are shed: highest number of priority first, then the last of the list."""

    name = "power"
    state: State

    SHED = Event(4, "payload_shed", Severity.MEDIUM, "The first accelerator group was shed for want of power", (_SOC,))
    RESTORED = Event(
        5,
        "payload_restored",
        Severity.INFORMATIVE,
        "There is power for all accelerator groups",
        (_SOC,),
        ends="payload_shed",
    )
    GROUP_SHED = Event(60, "group_shed", Severity.LOW, "An accelerator group is shed for want of power", (_GROUP, _SOC))
    GROUP_RESTORED = Event(
        61, "group_restored", Severity.INFORMATIVE, "There is power for an accelerator group again", (_GROUP, _SOC),
        ends="group_shed",
    )  # fmt: skip
    PREPARED = Event(
        62, "shadow_prepared", Severity.INFORMATIVE, "The payload is limited so that its shadow ends with a reserve",
        (
            Arg("power_limit_w", "float", "limit of the payload's power", "W"),
            Arg("shadow_s", "float", "predicted length of the shadow", "s"),
        ),
    )  # fmt: skip

    # The custom is to shed at 60/50/40/30 % by priority; a battery sized for 60 % discharge reaches 40 % in every
    # longest eclipse, so the first group goes at 30 % and the last one before SAFE. Times are ours [A].
    SHED_BELOW = _charge("power.shed_below_soc", "Charge below which the first accelerator group is shed", 0.30)
    RESTORE_ABOVE = _charge("power.restore_above_soc", "Charge above which the last one comes back", 0.50)
    SPREAD = _charge("power.shed_spread_soc", "So much below that, the last accelerator group is shed", 0.08)
    SHED_DWELL = _seconds("power.shed_dwell_s", "Time that a shedding must be called for, group by group", 5.0)
    RESTORE_DWELL = _seconds(
        "power.restore_dwell_s", "Time that there must be power before the first group returns", 60.0
    )
    RESTORE_STEP = _seconds("power.restore_step_s", "Time between two groups that return", 20.0)
    # A battery sized for 60 % discharge reaches 40 % in every longest eclipse; steps below that are ours [A].
    SAFE_BELOW = _charge("power.safe_below_soc", "Charge below which SAFE is entered", 0.20)
    SURVIVAL_BELOW = _charge("power.survival_below_soc", "Charge below which SURVIVAL is entered", 0.10)
    GOOD_ABOVE = _charge("power.good_above_soc", "Charge above which it counts as recovered", 0.25)
    FALL_DWELL = _seconds("power.zone_dwell_s", "Time in a lower zone of charge before it counts", 2.0)
    RISE_DWELL = _seconds("power.recover_dwell_s", "Time above the good charge before it counts as recovered", 60.0)
    RESERVE = _charge("power.reserve_soc", "Charge that is to be left at the end of a shadow", 0.35)
    FILL_TO = _charge("power.fill_to_soc", "Charge that the Sun is to bring before the payload takes all", 0.80)
    LEAD = _seconds("power.shadow_lead_s", "Time before a predicted shadow from which the payload is limited", 180.0)
    # Converter 0.97, cells' resistance at full load about 0.96 [A]; less as the battery ages.
    USABLE = _charge(
        "power.usable_share", "Share of the battery's energy at nominal voltage that reaches the bus", 0.93
    )
    ASCENDING = (
        (SURVIVAL_BELOW.name, SAFE_BELOW.name),
        (SAFE_BELOW.name, GOOD_ABOVE.name),
        (SHED_BELOW.name, RESTORE_ABOVE.name),
    )

    def __init__(
        self, on_board: OnBoard, layout: Layout, acquisition: Acquisition, modes: ModeManager, shadow: ShadowEstimator
    ) -> None:
        equipment = on_board.equipment
        self._rated_w = equipment.accelerator_group_power_w
        self._lowest_w = equipment.accelerator_group_lowest_w
        self._total_w = sum(self._rated_w)
        super().__init__(on_board, State(power_limit_w=self._total_w))
        self._modes, self._shadow = modes, shadow
        self.battery_share: Callable[[], float] = lambda: 1.0
        """Of the battery's groups, those that are on the bus."""
        self._acquisition, self._unit = acquisition, acquisition.number("pcdu")
        self._index = [
            layout.index[name] for name in ("battery_current_a", "battery_voltage_v", "load_power_w", "payload_power_w")
        ]
        priorities = equipment.accelerator_group_priorities
        self.order = sorted(range(len(priorities)), key=lambda group: (-priorities[group], -group))

    def cycle(self, soc: float) -> None:
        """One look at the charge, and now and then one at the budget."""
        if self.on_board.time_ns >= self.state.due_ns and not self._acquisition.stale(self._unit):
            self.state.due_ns = self.on_board.time_ns + LOOK_NS
            self._budget(soc)
        self._shed(soc)
        self._zone(soc)

    def shed(self) -> Sequence[int]:
        """The groups that are shed."""
        return self.order[: self.state.groups_shed] if self.state.groups_shed else ()

    @property
    def sheds_more(self) -> bool:
        """Whether one more group is called for."""
        return self.state.shed_held_ns > 0

    def _budget(self, soc: float) -> None:
        state, sane = self.state, self.on_board.sane
        pool = self.on_board.state.pool
        amps, volts, load_w, payload_w = (pool.item(place) for place in self._index)
        state.filling = band_state(state.filling, soc, sane(self.FILL_TO), FULL)
        share = self.battery_share()
        energy_j = share * self.on_board.equipment.battery_energy_j * sane(self.USABLE)
        total_w, charge_w = self._total_w, -amps * volts
        next_s = self._shadow.shadow_next_s()
        dark_s = None
        wanted_w = total_w
        if self._shadow.state.in_shadow:
            left_s = self._shadow.remaining_s()
            dark_s = UNKNOWN_S if left_s is None else left_s + TAIL_S
        else:
            if 0.0 <= next_s <= sane(self.LEAD):
                dark_s = self._shadow.state.shadow_length_s + TAIL_S
            if state.filling and self._shadow.lit_s() > TWILIGHT_S and not 0.0 <= next_s < TWILIGHT_S:
                horizon_s = max(next_s, SOONEST_S) if next_s >= 0.0 else SHADOWLESS_S
                most_w = share * MOST_CHARGE * self.on_board.equipment.battery_charge_w
                needed_w = recharge_w(soc, sane(self.FILL_TO), energy_j, horizon_s, most_w)
                wanted_w = sun_power_w(state.power_limit_w, payload_w, charge_w, needed_w, STEP * total_w)
        if dark_s is not None:
            battery_w = shadow_power_w(soc, sane(self.RESERVE), energy_j, dark_s)
            wanted_w = min(wanted_w, battery_w - (load_w - payload_w))
        state.power_limit_w = limit_w = held_limit(state.power_limit_w, wanted_w, BAND * total_w, total_w)
        running_w = sum(self._lowest_w[group] for group in self.order[state.groups_shed :])
        one_more_w = self._lowest_w[self.order[state.groups_shed - 1]] if state.groups_shed else 0.0
        short = limit_w < running_w and (dark_s is not None or charge_w < 0.0)
        state.short_ns = state.short_ns + LOOK_NS if short else 0
        if short and (dark_s is not None or state.short_ns > TWILIGHT_S * 1e9):
            state.budget = -1
        else:
            state.budget = 1 if limit_w >= running_w + one_more_w else 0
        prepared = dark_s is not None and limit_w < total_w
        if prepared and not state.prepared and dark_s is not None:
            self.event(self.PREPARED, limit_w, dark_s)
        state.prepared = prepared

    def _shed(self, soc: float) -> None:
        state, on_board, groups = self.state, self.on_board, len(self.order)
        shed_below = on_board.value(self.SHED_BELOW)
        before = state.groups_shed
        if before == 0 and state.budget >= 0 and not soc < shed_below:  # as the rule would say, in most cycles
            state.shed_held_ns = 0
            return
        state.groups_shed, state.shed_held_ns = groups_shed(
            before, state.shed_held_ns, groups, soc, state.budget, shed_below, on_board.value(self.SPREAD),
            on_board.value(self.RESTORE_ABOVE) - shed_below, on_board.span_ns(self.SHED_DWELL),
            on_board.span_ns(self.RESTORE_DWELL), on_board.span_ns(self.RESTORE_STEP), on_board.cycle_ns,
        )  # fmt: skip
        if state.groups_shed == before:
            return
        state.due_ns = 0  # the budget is another one now
        if state.groups_shed > before:
            self.event(self.GROUP_SHED, self.order[before], soc)
        else:
            self.event(self.GROUP_RESTORED, self.order[state.groups_shed], soc)
        if (state.groups_shed > 0) != state.payload_shed:
            state.payload_shed = int(state.groups_shed > 0)
            self.event(self.SHED if state.payload_shed else self.RESTORED, soc)

    def _zone(self, soc: float) -> None:
        """The zone, which rows of the FDIR table look at; and the way back out of SURVIVAL."""
        state, on_board, modes = self.state, self.on_board, self._modes
        seen = charge_zone(
            state.charge_zone, soc, on_board.value(self.SAFE_BELOW), on_board.value(self.SURVIVAL_BELOW),
            on_board.value(self.GOOD_ABOVE),
        )  # fmt: skip
        if seen == state.charge_zone:
            state.zone_held_ns = 0
        else:
            dwell = self.FALL_DWELL if seen > state.charge_zone else self.RISE_DWELL
            state.charge_zone, state.zone_held_ns = dwelled(
                state.charge_zone, seen, state.zone_held_ns, on_board.span_ns(dwell), on_board.cycle_ns
            )
        fell = modes.state.mode is Mode.SURVIVAL and modes.state.mode_cause is ModeEvent.CRITICAL_CHARGE
        if state.charge_zone == CHARGE_GOOD and fell:
            modes.request(ModeEvent.CHARGE_RECOVERED)
