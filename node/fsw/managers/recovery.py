"""What FDIR's actions need beyond the telecommands of the managers: limiters that opened are closed again in order, and
a monitor's wish for a mode.

An open limiter is first reset, then closed in the next cycle. One at a time, essential ones first, with a pause for its
inrush, and only while the charge is good: what the bus could not carry must not pull it down again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.pus import Code, Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers.mode import ModeManager
from node.fsw.managers.power import PowerManager
from node.fsw.modes import Mode, ModeEvent

PAUSE_NS = 5 * 10**9
"""Between two limiters [A]: inrush currents last milliseconds, and a sagging bus shows within seconds."""
LAST_CLOSED_STATE = 2
"""Limiter states: off, on, limiting; above that it has opened by itself."""
_EVENTS = {Mode.SAFE: ModeEvent.MONITOR_SAFE, Mode.SURVIVAL: ModeEvent.MONITOR_SURVIVAL}
_MODES = tuple(mode.name for mode in _EVENTS)


@dataclass(slots=True)
class State:
    """Limiters that wait, the one that was reset in the last cycle, and from when the next may come."""

    limiters_waiting: int = telemetered("int", "Limiters that wait to be closed again")
    limiters_rearmed: int = telemetered("int", "Limiters closed again after they had opened by themselves")
    waiting: set[int] = field(default_factory=set)
    reset: int | None = None
    next_ns: int = 0


class Recovery(Component):
    """Limiters and modes."""

    name = "recovery"
    state: State

    REARMED = Event(
        32, "lcl_rearmed", Severity.LOW, "A limiter that had opened by itself was closed again",
        (Arg("lcl", "enum", "current limiter", labels=lambda words: words.equipment.lcls),),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, modes: ModeManager) -> None:
        super().__init__(on_board, State())
        self._modes = modes
        self._soc = layout.index["battery_soc"]
        states = [position for name, position in layout.index.items() if name.startswith("lcl_state.")]
        self._states = states
        self._priorities = on_board.equipment.lcl_priorities

    def cycle(self) -> None:
        """The next limiter, if it may be closed."""
        state, on_board = self.state, self.on_board
        if state.reset is not None:
            on_board.order("pcdu", "lcl", state.reset, 1)
            state.limiters_rearmed += 1
            self.event(self.REARMED, state.reset)
            state.reset = None
            return
        if not state.waiting or on_board.time_ns < state.next_ns:
            return
        pool = on_board.state.pool
        if pool.item(self._soc) < on_board.sane(PowerManager.GOOD_ABOVE):
            return
        first = min(state.waiting, key=lambda lcl: (self._priorities[lcl], lcl))
        state.waiting.discard(first)
        state.limiters_waiting = len(state.waiting)
        if pool.item(self._states[first]) > LAST_CLOSED_STATE:  # else somebody has dealt with it
            on_board.order("pcdu", "lcl", first, 0)
            state.reset = first
            state.next_ns = on_board.time_ns + PAUSE_NS

    @function(
        "recovery.rearm", 70, "Close a limiter again that opened by itself, in its turn and while the charge is good",
        Arg("lcl", "enum", "current limiter", labels=lambda words: words.equipment.lcls), raises=(REARMED,),
    )  # fmt: skip
    def rearm(self, lcl: int) -> Failure:
        """One that is off or closed is left as it is."""
        self.state.waiting.add(lcl)
        self.state.limiters_waiting = len(self.state.waiting)
        return None

    @function(
        "recovery.mode", 71, "Enter a mode as FDIR does: never upwards", Arg("mode", "enum", "mode", labels=_MODES),
        raises=(ModeManager.CHANGED, ModeManager.REFUSED),
    )  # fmt: skip
    def mode(self, mode: int) -> Failure:
        """As the mode table has it."""
        if not self._modes.request(_EVENTS[Mode[_MODES[mode]]]):
            return Code.REFUSED_BY_MODE_TABLE, f"{self._modes.mode.name} to {_MODES[mode]}"
        return None
