"""What FDIR's actions need beyond the telecommands of the managers: limiters that opened are closed again in order,
weak battery groups are taken off the bus, and a row's wish for a mode.

An open limiter is first reset, then closed in the next cycle. One at a time, essential ones first, with a pause for its
inrush, and only while the charge is good: what the bus could not carry must not pull it down again. One that opens
again waits twice as long each time, and stays open after the last.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.dictionary import OnBoardParameter
from bus.pus import Code, Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, kept, telemetered, telemetry
from node.fsw.datapool import Layout
from node.fsw.managers.mode import ModeManager
from node.fsw.managers.power import PowerManager
from node.fsw.modes import Mode, ModeEvent

PAUSE_NS = 5 * 10**9
"""Between two limiters [A]: inrush currents last milliseconds, and a sagging bus shows within seconds."""
LAST_CLOSED_STATE = 2
"""Limiter states: off, on, limiting; above that it has opened by itself."""
_CAUSES = ("monitor", "charge")
_EVENTS = {
    (Mode.SAFE, "monitor"): ModeEvent.MONITOR_SAFE, (Mode.SURVIVAL, "monitor"): ModeEvent.MONITOR_SURVIVAL,
    (Mode.SAFE, "charge"): ModeEvent.LOW_CHARGE, (Mode.SURVIVAL, "charge"): ModeEvent.CRITICAL_CHARGE,
}  # fmt: skip
_MODES = (Mode.SAFE.name, Mode.SURVIVAL.name)
_LCL = Arg("lcl", "enum", "current limiter", labels=lambda words: words.equipment.lcls)


@dataclass(slots=True)
class Backoff:
    """Of one limiter: how often it was closed again lately, when the last time was, and not again before when."""

    attempts: int = 0
    closed_ns: int = 0
    next_ns: int = 0


@dataclass(slots=True)
class State:
    """Limiters that wait, those of them that are closed and shall be opened first, the one that was reset in the last
    cycle, from when the next may come, how often each was closed again; and the battery groups that are off the bus
    (kept)."""

    limiters_waiting: int = telemetered("int", "Limiters that wait to be closed again")
    limiters_rearmed: int = telemetered("int", "Limiters closed again after they had opened by themselves")
    limiters_given_up: int = telemetered("int", "Limiters left open because they opened again and again")
    waiting: set[int] = field(default_factory=set)
    latched: set[int] = field(default_factory=set)
    reset: int | None = None
    next_ns: int = 0
    backoff: dict[int, Backoff] = field(default_factory=dict)
    isolated: list[bool] = kept(list)


class Recovery(Component):
    """Limiters, battery groups, modes."""

    name = "recovery"
    state: State

    REARMED = Event(
        32, "lcl_rearmed", Severity.LOW, "A limiter that had opened by itself was closed again",
        (_LCL, Arg("attempts", "int", "times so far, without good running between")),
    )  # fmt: skip
    GIVEN_UP = Event(
        81, "lcl_given_up", Severity.MEDIUM, "A limiter stays open: it opened again each time that it was closed",
        (_LCL, Arg("attempts", "int", "times that it was closed")),
    )  # fmt: skip
    BACKOFF = OnBoardParameter(
        name="recovery.backoff_s", unit="s", description="Pause before a limiter is closed a second time; doubles",
        default=30.0, low=1.0, high=3600.0,
    )  # fmt: skip
    ATTEMPTS = OnBoardParameter(
        name="recovery.attempts", unit="", description="Times that a limiter is closed again until it is left open",
        default=4, low=1, high=16,
    )  # fmt: skip
    GOOD_AFTER = OnBoardParameter(
        name="recovery.good_after_s", unit="s", description="Time without a new trip after which a limiter is good",
        default=3600.0, low=10.0, high=86_400.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, modes: ModeManager) -> None:
        groups = len(on_board.equipment.battery_groups)
        super().__init__(on_board, State(isolated=[False] * groups))
        if len(self.state.isolated) != groups:  # another design wrote them
            self.state.isolated = [False] * groups
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
            self.event(self.REARMED, state.reset, state.backoff[state.reset].attempts)
            state.reset = None
            return
        now_ns = on_board.time_ns
        if not state.waiting or now_ns < state.next_ns:
            return
        pool = on_board.state.pool
        if pool.item(self._soc) < on_board.sane(PowerManager.GOOD_ABOVE):
            return
        ready = [lcl for lcl in state.waiting if now_ns >= state.backoff[lcl].next_ns]
        if not ready:
            return
        first = min(ready, key=lambda lcl: (self._priorities[lcl], lcl))
        state.waiting.discard(first)
        state.limiters_waiting = len(state.waiting)
        latched = first in state.latched
        state.latched.discard(first)
        if latched or pool.item(self._states[first]) > LAST_CLOSED_STATE:  # else somebody has dealt with it
            on_board.order("pcdu", "lcl", first, 0)
            state.reset = first
            state.next_ns = now_ns + PAUSE_NS
            backoff = state.backoff[first]
            backoff.next_ns = now_ns + (on_board.span_ns(self.BACKOFF) << backoff.attempts)
            backoff.attempts += 1
            backoff.closed_ns = now_ns

    @function(
        "recovery.rearm", 70, "Close a limiter again that opened by itself, in its turn and while the charge is good",
        _LCL, raises=(REARMED, GIVEN_UP),
    )  # fmt: skip
    def rearm(self, lcl: int) -> Failure:
        """One that is off or closed is left as it is; one that opened again and again stays open."""
        state, now_ns = self.state, self.on_board.time_ns
        backoff = state.backoff.setdefault(lcl, Backoff())
        if now_ns - backoff.closed_ns >= self.on_board.span_ns(self.GOOD_AFTER):
            backoff.attempts = 0
        if backoff.attempts >= self.on_board.sane(self.ATTEMPTS):
            state.limiters_given_up += 1
            self.event(self.GIVEN_UP, lcl, backoff.attempts)
            return Code.REFUSED_BY_STATE, f"closed {backoff.attempts} times, and open again each time"
        state.waiting.add(lcl)
        state.limiters_waiting = len(state.waiting)
        return None

    @function(
        "recovery.cycle", 72, "Switch a limiter off and on again, in its turn: what latched up behind it is free then",
        _LCL, raises=(REARMED, GIVEN_UP),
    )  # fmt: skip
    def cycle_limiter(self, lcl: int) -> Failure:
        """As one that opened by itself; no order opens an essential one."""
        failure = self.rearm(lcl)
        if failure is None:
            self.state.latched.add(lcl)
        return failure

    @function(
        "recovery.mode", 71, "Enter a mode as FDIR does: never upwards", Arg("mode", "enum", "mode", labels=_MODES),
        Arg("cause", "enum", "what asks for it", labels=_CAUSES, default=_CAUSES[0]),
        raises=(ModeManager.CHANGED, ModeManager.REFUSED),
    )  # fmt: skip
    def mode(self, mode: int, cause: int) -> Failure:
        """As the mode table has it."""
        if not self._modes.request(_EVENTS[Mode[_MODES[mode]], _CAUSES[cause]]):
            return Code.REFUSED_BY_MODE_TABLE, f"{self._modes.mode.name} to {_MODES[mode]}"
        return None

    @function(
        "battery.group", 112, "Take a battery group off the bus, or back; survives a reboot",
        Arg("group", "enum", "battery group", labels=lambda words: words.equipment.battery_groups),
        Arg("on", "bool", "on the bus"), hazardous=True,
    )  # fmt: skip
    def group(self, group: int, on: bool) -> Failure:
        """At least half of them stay on the bus, so that no chain of findings can leave it without a battery."""
        isolated = self.state.isolated
        if not on and not isolated[group] and 2 * (sum(isolated) + 1) > len(isolated):
            return Code.REFUSED_BY_STATE, f"{sum(isolated)} of {len(isolated)} are off the bus already"
        isolated[group] = not on
        self.keep()
        self.on_board.order("battery-monitor", "group", group, 0 if on else 1)
        return None

    def battery_share(self) -> float:
        """Groups on the bus over all."""
        isolated = self.state.isolated
        return 1.0 - sum(isolated) / len(isolated) if isolated else 1.0

    @telemetry("int", "Battery groups that were taken off the bus")
    def battery_groups_isolated(self) -> int:
        """By telecommand or by FDIR."""
        return sum(self.state.isolated)
