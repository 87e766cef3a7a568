"""The battery's charge as mode events: low leads to SAFE, critical to SURVIVAL, recovered out of SURVIVAL."""

from __future__ import annotations

from dataclasses import dataclass

from bus.dictionary import OnBoardParameter
from node.fsw.component import Component, OnBoard
from node.fsw.managers.mode import ModeManager
from node.fsw.modes import Mode, ModeEvent
from node.fsw.rules import CHARGE_CRITICAL, CHARGE_GOOD, charge_zone


def _charge(name: str, text: str, default: float) -> OnBoardParameter:
    return OnBoardParameter(name=name, unit="1", description=text, default=default, low=0.0, high=1.0)


@dataclass(slots=True)
class State:
    """The zone that the charge was in last."""

    zone: int = CHARGE_GOOD


class PowerManager(Component):
    """Gives mode events only where they lead somewhere."""

    name = "power"
    state: State

    # A battery sized for 60 % discharge reaches 40 % in every longest eclipse; steps below that are ours [A].
    SAFE_BELOW = _charge("power.safe_below_soc", "Charge below which SAFE is entered", 0.20)
    SURVIVAL_BELOW = _charge("power.survival_below_soc", "Charge below which SURVIVAL is entered", 0.10)
    GOOD_ABOVE = _charge("power.good_above_soc", "Charge above which it counts as recovered", 0.25)
    ASCENDING = ((SURVIVAL_BELOW.name, SAFE_BELOW.name), (SAFE_BELOW.name, GOOD_ABOVE.name))

    def __init__(self, on_board: OnBoard, modes: ModeManager) -> None:
        super().__init__(on_board, State())
        self._modes = modes

    def cycle(self, soc: float) -> None:
        """One look at the charge."""
        value, modes = self.on_board.value, self._modes
        self.state.zone = zone = charge_zone(
            self.state.zone, soc, value(self.SAFE_BELOW), value(self.SURVIVAL_BELOW), value(self.GOOD_ABOVE)
        )
        mode = modes.mode
        if zone == CHARGE_GOOD:
            if mode is Mode.SURVIVAL and modes.state.mode_cause is ModeEvent.CRITICAL_CHARGE:
                modes.request(ModeEvent.CHARGE_RECOVERED)
        elif zone == CHARGE_CRITICAL:
            if mode is not Mode.SURVIVAL:
                modes.request(ModeEvent.CRITICAL_CHARGE)
        elif mode is Mode.LEOP or mode is Mode.NOMINAL:
            modes.request(ModeEvent.LOW_CHARGE)
