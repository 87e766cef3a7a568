"""Which accelerator groups run, and at what power: the ground's wish, the mode, and the charge.

Jobs get some time for a checkpoint before all groups go off, except in SURVIVAL, where nothing waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.dictionary import OnBoardParameter
from bus.pus import Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, Words, function, kept, telemetered
from node.fsw.managers.mode import ModeManager
from node.fsw.managers.workload import WorkloadManager
from node.fsw.modes import POWERED_MODES, PROFILES, Mode
from node.fsw.rules import group_power_cap_w, payload_shed

_SOC = Arg("battery_soc", "float", "measured charge", "1")


def _rated_w(words: Words) -> float:
    return sum(words.equipment.accelerator_group_power_w)


@dataclass(slots=True)
class State:
    """The ground's wishes (kept), the shedding, and what the groups were told last."""

    payload_on: bool = telemetered("bool", "The payload is commanded on", default=True, kept=True)
    payload_shed: int = telemetered("bool", "The payload is shed for want of charge")
    payload_power_cap_w: float = telemetered(
        "float", "Power limit of the payload, 0: none", "W", default=0.0, kept=True
    )  # fmt: skip
    taking_part: list[bool] = kept(list)
    held_ns: int = 0
    ordered: list[int] = field(default_factory=list)


class PayloadManager(Component):
    """The accelerator groups."""

    name = "payload"
    state: State

    SHED = Event(4, "payload_shed", Severity.MEDIUM, "The payload was shed for want of charge", (_SOC,))
    RESTORED = Event(
        5, "payload_restored", Severity.INFORMATIVE, "Charge allows the payload again", (_SOC,), ends="payload_shed"
    )  # fmt: skip
    # The custom is to shed at 60/50/40/30 % by priority; a battery sized for 60 % discharge reaches 40 % in every
    # longest eclipse, so the whole payload goes at 30 %. Times are ours [A].
    SHED_BELOW = OnBoardParameter(
        name="power.shed_below_soc", unit="1", description="Charge below which the payload is shed",
        default=0.30, low=0.0, high=1.0,
    )  # fmt: skip
    RESTORE_ABOVE = OnBoardParameter(
        name="power.restore_above_soc", unit="1", description="Charge above which a shed payload is restored",
        default=0.50, low=0.0, high=1.0,
    )  # fmt: skip
    SHED_DWELL = OnBoardParameter(
        name="power.shed_dwell_s", unit="s", description="Time below the threshold before shedding",
        default=5.0, low=0.0, high=3600.0,
    )  # fmt: skip
    RESTORE_DWELL = OnBoardParameter(
        name="power.restore_dwell_s", unit="s", description="Time above the threshold before restoring",
        default=60.0, low=0.0, high=3600.0,
    )  # fmt: skip
    SAVE = OnBoardParameter(
        name="payload.save_s", unit="s", description="Time that jobs get for a checkpoint before the payload goes off",
        default=60.0, low=0.0, high=3600.0,
    )  # fmt: skip
    ASCENDING = ((SHED_BELOW.name, RESTORE_ABOVE.name),)

    def __init__(self, on_board: OnBoard, modes: ModeManager, workload: WorkloadManager) -> None:
        self._rated_w = on_board.equipment.accelerator_group_power_w
        super().__init__(on_board, State(taking_part=[True] * len(self._rated_w)))
        self._modes = modes
        self._workload = workload
        self._total_w = sum(self._rated_w)

    def cycle(self, soc: float, active: float) -> None:
        """Shed on low charge, restore with hysteresis, order what changed. `active`: jobs that run."""
        state, on_board, mode = self.state, self.on_board, self._modes.mode
        shed, state.held_ns = payload_shed(
            state.payload_shed, state.held_ns, soc, on_board.value(self.SHED_BELOW), on_board.value(self.RESTORE_ABOVE),
            on_board.span_ns(self.SHED_DWELL), on_board.span_ns(self.RESTORE_DWELL), on_board.cycle_ns,
        )  # fmt: skip
        if shed != state.payload_shed:
            state.payload_shed = shed
            self.event(self.SHED if shed else self.RESTORED, soc)
        run = state.payload_on and not shed and PROFILES[mode].payload
        if run:
            self._workload.go_on()
        elif (
            active > 0.0
            and mode is not Mode.SURVIVAL
            and any(state.ordered)
            and not self._workload.may_switch_off(active, on_board.span_ns(self.SAVE))
        ):
            return
        wanted = [1 if run and part else 0 for part in state.taking_part]
        if wanted != state.ordered:
            state.ordered = wanted
            for group, on in enumerate(wanted):
                on_board.order("accelerators", "enable", group, on)

    def order_caps(self) -> None:
        """Tell every group its share of the power limit; 0 is no limit, for the groups as for the whole."""
        for group, rated in enumerate(self._rated_w):
            cap = group_power_cap_w(self.state.payload_power_cap_w, rated, self._total_w)
            self.on_board.order("accelerators", "power_cap", group, cap)

    @function(
        "payload.on", 20, "Switch the payload on (it stays shed while the charge is too low)", modes=POWERED_MODES
    )
    def switch_on(self) -> Failure:
        """All groups that take part."""
        return self._switch(on=True)

    @function("payload.off", 21, "Switch the payload off: all accelerator groups")
    def switch_off(self) -> Failure:
        """After their jobs had their time."""
        return self._switch(on=False)

    def _switch(self, *, on: bool) -> Failure:
        self.state.payload_on = on
        self.keep()
        return None

    @function(
        "payload.power_cap", 22, "Limit the power of all accelerators together",
        Arg("power_w", "float", "limit, shared among the groups by rated power; 0: none", "W", 0.0, _rated_w),
    )  # fmt: skip
    def power_cap(self, power_w: float) -> Failure:
        """Survives a reboot."""
        self.state.payload_power_cap_w = float(power_w)
        self.keep()
        self.order_caps()
        return None

    @function(
        "payload.group", 23, "Let one accelerator group take part in the payload, or not",
        Arg("group", "enum", "accelerator group", labels=lambda words: words.equipment.accelerator_groups),
        Arg("on", "bool", "takes part"),
    )  # fmt: skip
    def group(self, group: int, on: bool) -> Failure:
        """Survives a reboot."""
        self.state.taking_part[group] = on
        self.keep()
        return None
