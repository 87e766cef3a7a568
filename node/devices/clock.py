"""The on-board clock: mission time as this spacecraft's oscillator tells it. It drifts, and a fault can make it
jump, drift more, or stand still.

Whole nanoseconds throughout, so that a clock is as exact as the range's time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bus.draws import stable_id, uniform
from bus.snapshot.pack import Stateful
from node.devices.device import DeviceForm, Order, Reading

DRIFT_PPB = 500
"""Largest drift either way. A temperature-compensated oscillator holds 0.5 ppm over temperature [T]."""
_STREAM = stable_id("clock.drift")


@dataclass(slots=True)
class State:
    """By how much faults moved it, and what it shows. fault_ppb: drift of faults, since `since_ns` of mission time.
    stopped_by: faults that hold it."""

    offset_ns: int = 0
    obt_ns: int = 0
    mission_ns: int = 0
    fault_ppb: int = 0
    since_ns: int = 0
    stopped_by: list[str] = field(default_factory=list)


class Clock(Stateful):
    """Mission time, with an error of its own."""

    state: State

    def __init__(self, form: DeviceForm, seed: int, spacecraft_id: str) -> None:
        self.form = form
        draw = uniform(seed, _STREAM, stable_id(spacecraft_id), 0, 0)
        self._drift_ppb = round((2.0 * draw - 1.0) * DRIFT_PPB)
        self.state = State()
        self._reading = Reading(np.zeros(1))

    @property
    def name(self) -> str:
        """Its name in the design."""
        return self.form.name

    def advance(self, mission_ns: int) -> None:
        """The range's time has come this far."""
        state = self.state
        state.mission_ns = mission_ns
        obt_ns = mission_ns + mission_ns * self._drift_ppb // 1_000_000_000 + state.offset_ns
        obt_ns += (mission_ns - state.since_ns) * state.fault_ppb // 1_000_000_000
        if state.stopped_by:
            state.offset_ns -= obt_ns - state.obt_ns
        else:
            state.obt_ns = obt_ns

    @property
    def obt_ns(self) -> int:
        """On-board time."""
        return self.state.obt_ns

    def jump(self, by_ns: int) -> None:
        """Step the clock."""
        self.state.offset_ns += by_ns

    def drift(self, by_ppb: int) -> None:
        """Run faster by so many parts in 1e9, or slower with a minus, from now on and beside what it does already."""
        state = self.state
        state.offset_ns += (state.mission_ns - state.since_ns) * state.fault_ppb // 1_000_000_000
        state.since_ns = state.mission_ns
        state.fault_ppb += by_ppb

    def stop(self, fault: str) -> None:
        """Stand still until every fault that stopped it is gone; the time that passes is lost."""
        self.state.stopped_by.append(fault)

    def go_on(self, fault: str) -> None:
        """This fault holds it no more."""
        self.state.stopped_by.remove(fault)

    @property
    def side(self) -> int:
        """It has one."""
        return 0

    def sample(self) -> Reading:
        """On-board time in seconds; flight software takes `obt_ns` for stamps."""
        self._reading.values[0] = self.state.obt_ns / 1e9
        return self._reading

    def command(self, order: Order) -> None:
        """One order: step by so many seconds."""
        if order.what == "step":
            self.jump(round(order.value * 1e9))
