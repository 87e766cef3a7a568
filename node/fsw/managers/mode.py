"""Holds the mode: asks the table, writes to non-volatile memory, then gives the orders that belong to the mode.

It also counts how often SAFE was entered by itself: a spacecraft that is led out of SAFE and falls back again and again
has a fault that nobody has found.
"""

from __future__ import annotations

from dataclasses import dataclass

from bus.dictionary import OnBoardParameter
from bus.pus import Code, Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, kept, telemetered, telemetry
from node.fsw.managers.attitude import AttitudeManager
from node.fsw.modes import GROUND_EVENT, MODE_NAMES, PROFILES, Mode, ModeEvent, next_mode

_CAUSES = tuple(event.name.lower() for event in ModeEvent)
_CAUSE = Arg("cause", "enum", "what asked for it", labels=_CAUSES)
_GROUND = frozenset(GROUND_EVENT.values())

MOST_ENTRIES = 16
"""As many as mode.loop_entries can ask for."""


def _mode(name: str, text: str) -> Arg:
    return Arg(name, "enum", text, labels=MODE_NAMES)


@dataclass(slots=True)
class State:
    """The mode in force, and why it was entered. `safe_entered_ns`: on-board time of the latest entries into SAFE that
    `safe_entries` counts; it outlives reboots, which are often part of the loop."""

    mode: Mode = telemetered("enum", "Mode of the spacecraft", labels=MODE_NAMES, kept=True)
    mode_cause: ModeEvent = telemetered("enum", "What led to the mode", labels=_CAUSES, kept=True)
    mode_events_refused: int = telemetered("int", "Mode events that the mode table does not have")
    safe_entries: int = telemetered("int", "Times that SAFE or SURVIVAL was entered from above by itself", kept=True)
    safe_entered_ns: list[int] = kept(list)


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

    LOOP = Event(
        66, "safe_mode_loop", Severity.HIGH, "SAFE was entered from above too often: it falls back again and again",
        (Arg("entries", "int", "entries within the time that counts"),),
    )  # fmt: skip
    # Two in a day may be bad luck; the third says that the cause was not found [A].
    LOOP_ENTRIES = OnBoardParameter(
        name="mode.loop_entries", unit="", description="So many entries into SAFE within mode.loop_s are a loop",
        default=3.0, low=2.0, high=16.0,
    )  # fmt: skip
    LOOP_S = OnBoardParameter(
        name="mode.loop_s", unit="s", description="Time in which entries into SAFE are counted",
        default=86_400.0, low=60.0, high=2_592_000.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, attitude: AttitudeManager, first: Mode) -> None:
        super().__init__(on_board, State(mode=first, mode_cause=ModeEvent.GROUND_SAFE))
        self._attitude = attitude

    def image_words(self) -> list[int]:
        """One word, of which the processor looks at two bits."""
        return [int(self.state.mode)]

    def take_image(self, words: list[int]) -> None:
        """Nobody asked for this mode, and nothing is told: what asks for the mode from now on finds another one."""
        self.state.mode = Mode(words[0] & len(Mode) - 1)

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
            loops = 0
            if event not in _GROUND and following > Mode.NOMINAL >= before:
                state.safe_entries += 1
                state.safe_entered_ns = [*self._recent(), self.on_board.state.obt_ns][-MOST_ENTRIES:]
                loops = len(state.safe_entered_ns)
            self.keep()
            self._attitude.hold(PROFILES[following].attitude)
            severity = Severity.INFORMATIVE if event in _GROUND else None
            self.event(self.CHANGED, before, following, event, severity=severity)
            if loops >= self.on_board.sane(self.LOOP_ENTRIES):
                self.event(self.LOOP, loops)
        return True

    def _recent(self) -> list[int]:
        """Entries that still count. What lies in the future was written before the clock was set back."""
        now_ns, span_ns = self.on_board.state.obt_ns, self.on_board.span_ns(self.LOOP_S)
        return [at_ns for at_ns in self.state.safe_entered_ns if now_ns - span_ns < at_ns <= now_ns]

    @telemetry("int", "Entries into SAFE or SURVIVAL from above within mode.loop_s")
    def safe_entries_recent(self) -> float:
        """By itself, not at the ground's wish."""
        return float(len(self._recent()))

    @function(
        "mode.set", 1, "Change the spacecraft's mode, where the mode table allows it",
        Arg("mode", "enum", "mode to enter", labels=MODE_NAMES), raises=(CHANGED, REFUSED, LOOP),
    )  # fmt: skip
    def set(self, mode: int) -> Failure:
        """As the table has it."""
        wanted = Mode(mode)
        if not self.request(GROUND_EVENT[wanted]):
            return Code.REFUSED_BY_MODE_TABLE, f"{self.mode.name} to {wanted.name}"
        return None
