"""Which accelerator groups run, at what power and with which jobs: the ground's wish, mode, regime, charge and coolant.

The regime says which kinds of jobs may run. The power of all groups together is the least of what the ground, the
regime, the power budget and the coolant allow. Jobs get some time for a checkpoint before groups go off, except in
SURVIVAL, where nothing waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.dictionary import OnBoardParameter
from bus.pus import Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, Words, function, kept, telemetered
from node.fsw.managers.mode import ModeManager
from node.fsw.managers.power import PowerManager
from node.fsw.managers.thermal import ThermalManager
from node.fsw.managers.workload import WorkloadManager
from node.fsw.modes import POWERED_MODES, PROFILES, REGIME_NAMES, REGIMES, Mode
from node.fsw.rules import group_power_cap_w

LEAST_W = 1.0
"""The least power cap that is ordered: 0 would be no limit. A chip goes no lower than its own least cap anyway."""
_REGIMES = {int(regime): (profile, profile.refused) for regime, profile in REGIMES.items()}
"""By the number that the state has; what a regime refuses is worked out once."""


def _rated_w(words: Words) -> float:
    return sum(words.equipment.accelerator_group_power_w)


@dataclass(slots=True)
class State:
    """The ground's wishes (kept), the limit in force, and what the groups were told last. `hot`: groups that are."""

    payload_on: bool = telemetered("bool", "The payload is commanded on", default=True, kept=True)
    payload_regime: int = telemetered("enum", "Regime of the payload", labels=REGIME_NAMES, kept=True)
    payload_power_cap_w: float = telemetered(
        "float", "Power limit of the payload that the ground has set, 0: none", "W", default=0.0, kept=True
    )  # fmt: skip
    payload_limit_w: float = telemetered(
        "float", "Power limit of the payload in force, from all causes", "W", default=0.0
    )
    taking_part: list[bool] = kept(list)
    ordered: list[int] = field(default_factory=list)
    hot: int = 0


class PayloadManager(Component):
    """The accelerator groups."""

    name = "payload"
    state: State

    REGIME_CHANGED = Event(
        63, "payload_regime_changed", Severity.INFORMATIVE, "The payload has another regime",
        (
            Arg("regime_before", "enum", "regime until now", labels=REGIME_NAMES),
            Arg("regime_now", "enum", "regime from now on", labels=REGIME_NAMES),
        ),
    )  # fmt: skip
    SAVE = OnBoardParameter(
        name="payload.save_s", unit="s", description="Time that jobs get for a checkpoint before groups go off",
        default=60.0, low=0.0, high=3600.0,
    )  # fmt: skip
    # At 0.6 of its power a chip does 0.8 of its work (docs/models/designs.md): half is ours [A].
    CAPPED = OnBoardParameter(
        name="payload.capped_share", unit="1", description="Power limit of the regime capped, of the rated power",
        default=0.5, low=0.0, high=1.0,
    )  # fmt: skip

    def __init__(
        self, on_board: OnBoard, modes: ModeManager, workload: WorkloadManager, power: PowerManager,
        thermal: ThermalManager,
    ) -> None:  # fmt: skip
        self._rated_w = on_board.equipment.accelerator_group_power_w
        super().__init__(on_board, State(taking_part=[True] * len(self._rated_w)))
        self._modes, self._workload, self._power, self._thermal = modes, workload, power, thermal
        self._total_w = sum(self._rated_w)

    def cycle(self, active: float) -> None:
        """Order what changed. `active`: jobs that run, start or write a checkpoint."""
        state, on_board, mode = self.state, self.on_board, self._modes.mode
        regime, refused = _REGIMES[state.payload_regime]
        self._workload.admit(refused)
        run = state.payload_on and regime.powered and PROFILES[mode].payload
        power = self._power
        parts = state.taking_part
        shed = power.shed()
        wanted = [1 if run and part and group not in shed else 0 for group, part in enumerate(parts)]
        saving = wanted != state.ordered and active > 0.0 and mode is not Mode.SURVIVAL
        saving = saving and any(
            was and part and not now for was, part, now in zip(state.ordered, parts, wanted, strict=False)
        )  # fmt: skip
        if saving and not self._workload.may_switch_off(active, on_board.span_ns(self.SAVE)):
            wanted = [was if part else 0 for was, part in zip(state.ordered, parts, strict=True)]
        elif run and not power.sheds_more:
            self._workload.go_on()
        if wanted != state.ordered:
            before = state.ordered or [-1] * len(wanted)
            state.ordered = wanted
            for group, (was, on) in enumerate(zip(before, wanted, strict=True)):
                if was != on:
                    on_board.order("accelerators", "enable", group, on)
            self.order_caps()
        if self.limit_w() != state.payload_limit_w or self._thermal.state.hot_groups != state.hot:
            self.order_caps()

    @property
    def mode(self) -> Mode:
        """The mode that decides whether the payload runs."""
        return self._modes.mode

    @property
    def wanted(self) -> bool:
        """The ground wants the payload to run, whatever keeps it from it."""
        return self.state.payload_on and _REGIMES[self.state.payload_regime][0].powered

    @property
    def runs(self) -> bool:
        """Some group is told to run."""
        return any(self.state.ordered)

    def limit_w(self) -> float:
        """What all groups together may take: the least of what everybody allows."""
        state = self.state
        least_w = min(self._total_w, self._power.state.power_limit_w, self._thermal.state.thermal_limit_w)
        if state.payload_power_cap_w > 0.0:
            least_w = min(least_w, state.payload_power_cap_w)
        if _REGIMES[state.payload_regime][0].capped:
            least_w = min(least_w, self.on_board.sane(self.CAPPED) * self._total_w)
        return least_w

    def order_caps(self) -> None:
        """Tell every group its share of the limit, among those that run by rated power. Hot ones get the least."""
        state = self.state
        state.payload_limit_w = limit_w = self.limit_w()
        state.hot = self._thermal.state.hot_groups
        running = state.ordered if any(state.ordered) else [1] * len(self._rated_w)
        sharing_w = sum(rated for rated, on in zip(self._rated_w, running, strict=True) if on)
        for group, rated in enumerate(self._rated_w):
            if state.hot >> group & 1:
                cap = LEAST_W
            elif limit_w >= self._total_w:
                cap = 0.0
            else:
                cap = max(LEAST_W, group_power_cap_w(limit_w, rated, sharing_w))
            self.on_board.order("accelerators", "power_cap", group, cap)

    @function(
        "payload.on", 20, "Switch the payload on (groups stay shed while there is too little power)",
        modes=POWERED_MODES,
    )  # fmt: skip
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
        Arg("power_w", "float", "limit, shared among the groups that run by rated power; 0: none", "W", 0.0, _rated_w),
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

    @function(
        "payload.regime", 80, "Set the payload's regime, which holds while the mode lets the payload run",
        Arg("regime", "enum", "regime to enter", labels=REGIME_NAMES), raises=(REGIME_CHANGED,),
    )  # fmt: skip
    def regime(self, regime: int) -> Failure:
        """In every mode; survives a reboot."""
        before = self.state.payload_regime
        if regime != before:
            self.state.payload_regime = regime
            self.keep()
            self.event(self.REGIME_CHANGED, before, regime)
        return None
