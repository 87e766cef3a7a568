"""Holds the mode: asks the table, writes to non-volatile memory, then gives the orders that belong to the mode."""

from __future__ import annotations

from dataclasses import dataclass

from bus.pus import Code, Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, telemetered
from node.fsw.managers.attitude import AttitudeManager
from node.fsw.modes import GROUND_EVENT, MODE_NAMES, PROFILES, Mode, ModeEvent, next_mode

_CAUSES = tuple(event.name.lower() for event in ModeEvent)
_CAUSE = Arg("cause", "enum", "what asked for it", labels=_CAUSES)
_GROUND = frozenset(GROUND_EVENT.values())


def _mode(name: str, text: str) -> Arg:
    return Arg(name, "enum", text, labels=MODE_NAMES)


@dataclass(slots=True)
class State:
    """The mode in force, and why it was entered."""

    mode: Mode = telemetered("enum", "Mode of the spacecraft", labels=MODE_NAMES, kept=True)
    mode_cause: ModeEvent = telemetered("enum", "What led to the mode", labels=_CAUSES, kept=True)
    mode_events_refused: int = telemetered("int", "Mode events that the mode table does not have")


class ModeManager(Component):
    """`first`: the mode that a spacecraft without a memory starts in."""

    name = "mode"
    state: State

    CHANGED = Event(
        2, "mode_changed", Severity.HIGH, "The mode changed; severity informative when the ground asked",
        (_mode("mode_before", "mode until now"), _mode("mode_now", "mode from now on"), _CAUSE),
    )  # fmt: skip
    REFUSED = Event(
        3, "mode_event_refused", Severity.LOW, "The mode table has no such transition",
        (_mode("mode", "mode in force"), _CAUSE),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, attitude: AttitudeManager, first: Mode) -> None:
        super().__init__(on_board, State(mode=first, mode_cause=ModeEvent.GROUND_SAFE))
        self._attitude = attitude

    @property
    def mode(self) -> Mode:
        """The mode in force."""
        return self.state.mode

    def request(self, event: ModeEvent) -> bool:
        """An event that may change the mode. False where the table has no such pair: refused, counted, reported."""
        state = self.state
        following = next_mode(state.mode, event)
        if following is None:
            state.mode_events_refused += 1
            self.event(self.REFUSED, state.mode, event)
            return False
        if following is not state.mode:
            before = state.mode
            state.mode, state.mode_cause = following, event
            self.keep()
            self._attitude.hold(PROFILES[following].attitude)
            severity = Severity.INFORMATIVE if event in _GROUND else None
            self.event(self.CHANGED, before, following, event, severity=severity)
        return True

    @function(
        "mode.set", 1, "Change the spacecraft's mode, where the mode table allows it",
        Arg("mode", "enum", "mode to enter", labels=MODE_NAMES), raises=(CHANGED, REFUSED),
    )  # fmt: skip
    def set(self, mode: int) -> Failure:
        """As the table has it."""
        wanted = Mode(mode)
        if not self.request(GROUND_EVENT[wanted]):
            return Code.REFUSED_BY_MODE_TABLE, f"{self.mode.name} to {wanted.name}"
        return None
