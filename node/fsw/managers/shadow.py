"""When the spacecraft is in the Earth's shadow, and when it will be next: learnt from the array's power.

Flight software has no ephemeris of the Sun. A shadow is seen from inside: the array gives nothing. The last one's
length, and the time from one entry to the next, predict the next one. What has not been seen is not predicted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bus.dictionary import OnBoardParameter
from node.fsw.component import Component, OnBoard, telemetered, telemetry
from node.fsw.datapool import Layout
from node.fsw.managers.acquisition import Acquisition
from node.fsw.rules import dwelled, in_shadow

DARK_SHARE, LIT_SHARE = 0.05, 0.20
"""Of the loads' power [A]: an array that is curtailed still carries all of them, and in the shadow it gives nothing."""
SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 5_000.0, 8_000.0
"""Between two entries: circular orbits of 80 to 2,200 km take 86 to 131 min (Kepler's third law). What is outside is
no orbit: a shadow in between was not seen."""
POINTED_RAD = 0.5
"""[A] Nothing is learnt while the array looks further away from the Sun than that: it would make its own night."""


@dataclass(slots=True)
class State:
    """`shadow_length_s`, `shadow_period_s`: 0 until they have been seen. `entered_ns`: the last entry on the computer's
    timer, None before the first one of this boot; `left_ns`: the last exit, or the boot."""

    in_shadow: int = telemetered("bool", "The array gives nothing: the Earth's shadow, or it is lost")
    shadow_length_s: float = telemetered(
        "float", "Length of the last shadow, 0: none seen", "s", default=0.0, kept=True
    )
    shadow_period_s: float = telemetered(
        "float", "Time from one shadow to the next, 0: not known", "s", default=0.0, kept=True
    )  # fmt: skip
    held_ns: int = 0
    entered_ns: int | None = None
    left_ns: int = 0


class ShadowEstimator(Component):
    """Looks at the array in every cycle."""

    name = "shadow"
    state: State

    DWELL = OnBoardParameter(
        name="shadow.dwell_s", unit="s", description="Time that the array must give nothing, or something again",
        default=5.0, low=0.0, high=600.0,
    )  # fmt: skip
    # 35 to 37 min at beta 0 from 300 to 1,000 km (cylinder: T/pi asin(R/r)); a longer night is a lost array.
    LONGEST = OnBoardParameter(
        name="shadow.longest_s", unit="s", description="A longer night is no shadow but a lost array",
        default=2400.0, low=60.0, high=8000.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, acquisition: Acquisition) -> None:
        super().__init__(on_board, State())
        self._array, self._load = layout.index["array_power_w"], layout.index["load_power_w"]
        self._sun_error = layout.index["sun_error_rad"]
        self._acquisition, self._unit = acquisition, acquisition.number("pcdu")

    def cycle(self) -> None:
        """One look at the array."""
        if self._acquisition.stale(self._unit):
            return
        state, pool = self.state, self.on_board.state.pool
        seen = in_shadow(state.in_shadow, pool.item(self._array), pool.item(self._load), DARK_SHARE, LIT_SHARE)
        if seen == state.in_shadow:
            state.held_ns = 0
            return
        dwell_ns = self.on_board.span_ns(self.DWELL)
        state.in_shadow, state.held_ns = dwelled(
            state.in_shadow, seen, state.held_ns, dwell_ns, self.on_board.cycle_ns
        )  # fmt: skip
        if state.in_shadow == seen:
            self._turned(self.on_board.time_ns - dwell_ns)

    def _turned(self, now_ns: int) -> None:
        state, entered_ns = self.state, self.state.entered_ns
        since_s = math.nan if entered_ns is None else (now_ns - entered_ns) / 1e9
        if not state.in_shadow:
            state.left_ns = now_ns
        if self.on_board.state.pool.item(self._sun_error) > POINTED_RAD:
            state.entered_ns = None
        elif not state.in_shadow:
            if since_s <= self.on_board.sane(self.LONGEST):
                state.shadow_length_s = since_s
                self.keep()
        else:
            if SHORTEST_PERIOD_S <= since_s <= LONGEST_PERIOD_S:
                state.shadow_period_s = since_s
                self.keep()
            state.entered_ns = now_ns

    def lit_s(self) -> float:
        """How long the Sun has shone since the last shadow, or since the boot. Called in the Sun."""
        return (self.on_board.time_ns - self.state.left_ns) / 1e9

    @telemetry("float", "Predicted time to the next shadow; -1: none is predicted", "s")
    def shadow_next_s(self) -> float:
        """Seconds from now; none is predicted in a shadow, or when the last prediction did not come true."""
        state = self.state
        if state.in_shadow or state.entered_ns is None or state.shadow_period_s <= 0.0 or state.shadow_length_s <= 0.0:
            return -1.0
        next_s = state.shadow_period_s - (self.on_board.time_ns - state.entered_ns) / 1e9
        return max(0.0, next_s) if next_s > -state.shadow_length_s else -1.0

    def remaining_s(self) -> float | None:
        """How long the present shadow still lasts, None: not known. Called in the shadow. One that is longer than the
        last one is about to end; one that cannot be a shadow any more has no end."""
        state = self.state
        if state.shadow_length_s <= 0.0:
            return None
        began_ns = 0 if state.entered_ns is None else state.entered_ns  # at the boot, or before
        gone_s = (self.on_board.time_ns - began_ns) / 1e9
        if gone_s > self.on_board.sane(self.LONGEST):
            return None
        return max(0.0, state.shadow_length_s - gone_s)
