"""Which attitude the attitude unit is told to hold: the mode's, or another one at the ground's wish within the mode."""

from __future__ import annotations

from dataclasses import dataclass

from node.fsw.component import Arg, Component, Failure, OnBoard, function, telemetered
from node.fsw.modes import ATTITUDE_MODES, AttitudeMode

WHEELS = ("0", "1", "2", "3")
"""As the attitude unit numbers them; three hold the attitude as well as four."""


@dataclass(slots=True)
class State:
    """What is ordered."""

    attitude_mode: int = telemetered("enum", "Attitude mode ordered", labels=ATTITUDE_MODES, kept=True)


class AttitudeManager(Component):
    """The attitude in force; survives a reboot."""

    name = "attitude"
    state: State

    def __init__(self, on_board: OnBoard, first: AttitudeMode) -> None:
        super().__init__(on_board, State(attitude_mode=int(first)))

    def hold(self, attitude: int) -> None:
        """Another attitude mode."""
        self.state.attitude_mode = int(attitude)
        self.keep()
        self.order()

    def order(self) -> None:
        """Tell the attitude unit what is in force."""
        self.on_board.order("attitude", "mode", 0, self.state.attitude_mode)

    @function(
        "attitude.set", 10, "Select the attitude mode; the next mode change brings its own",
        Arg("mode", "enum", "attitude mode", labels=ATTITUDE_MODES),
    )  # fmt: skip
    def set(self, mode: int) -> Failure:
        """Any attitude, in any mode."""
        self.hold(mode)
        return None

    @function(
        "attitude.wheel", 11, "Let a reaction wheel take part, or not",
        Arg("wheel", "enum", "reaction wheel", labels=WHEELS),
        Arg("on", "bool", "takes part"),
    )  # fmt: skip
    def wheel(self, wheel: int, on: bool) -> Failure:
        """Until the next such order."""
        self.on_board.order("attitude", "wheel", wheel, 1 if on else 0)
        return None
