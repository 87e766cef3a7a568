"""A simulated device: its readings are a slice of the sensors, its orders become inputs of the plant.

Slow devices hold their last measurement; its age says so. A device that is reset, or whose other side is started, is
silent for a while. No noise is made here, no fault either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bus.snapshot.pack import Stateful
from node.devices.device import RESET, SIDE, DeviceForm, Order, Reading
from node.truth import Values

START_S = 3.0
"""From a reset to the first new reading [A]; shorter than any device takes to be called stale."""


@dataclass(slots=True)
class State:
    """`held`: what a slow or silent device measured last (nothing else). `due`: ticks until it measures again.
    `silent`: ticks until a start is over. `side`: which of its two sides runs."""

    held: Values
    age_ticks: int = 0
    due: int = 0
    refused_orders: int = 0
    silent: int = 0
    side: int = 0


class SimulatedDevice(Stateful):
    """One device of the design. `measured` is its slice of the sensors; `inputs` the plant's input of each order."""

    state: State

    def __init__(self, form: DeviceForm, measured: Values, inputs: dict[str, NDArray[Any]], tick_s: float) -> None:
        self.form = form
        self._measured = measured
        self._inputs = inputs
        self._period = form.period_ticks(tick_s)
        self._fresh = Reading(measured)
        self._start_ticks = max(1, round(START_S / tick_s))
        self.state = State(np.zeros_like(measured) if self._period > 1 else np.zeros(0))

    @property
    def name(self) -> str:
        """Its name in the design."""
        return self.form.name

    @property
    def side(self) -> int:
        """Which of its sides runs."""
        return self.state.side

    def sample(self) -> Reading:
        """The latest measurement, and its age."""
        state = self.state
        if state.silent:
            state.silent -= 1
            state.age_ticks += 1
            return Reading(state.held, state.age_ticks)
        if self._period == 1:
            return self._fresh
        if state.due <= 0:
            state.held[:] = self._measured
            state.age_ticks = 0
            state.due = self._period
        else:
            state.age_ticks += 1
        state.due -= 1
        return Reading(state.held, state.age_ticks)

    def command(self, order: Order) -> None:
        """Set a plant input; it acts from the next tick on. An order it does not know is counted."""
        if order.what in (RESET, SIDE):
            self._start(order)
            return
        target = self._inputs.get(order.what)
        if target is None or not 0 <= order.element < target.size:
            self.state.refused_orders += 1
            return
        target[order.element] = order.value

    def _start(self, order: Order) -> None:
        """Start again, on the side that is asked for. What it was ordered before stands: drivers latch it."""
        state = self.state
        if order.what == SIDE:
            state.side = 1 if order.value else 0
        if self._period == 1 and not state.silent:
            state.held, state.age_ticks = self._measured.copy(), 0
        state.silent, state.due = self._start_ticks, 0


class KnowingDevice(SimulatedDevice):
    """One that also says what it knows without measuring: its channels without a source, the last ones."""

    def __init__(self, form: DeviceForm, measured: Values, inputs: dict[str, NDArray[Any]], tick_s: float) -> None:
        values = np.zeros(len(form.channels))
        super().__init__(form, values, inputs, tick_s)
        self._source, self._copy, self._own = measured, values[: len(measured)], values[len(measured) :]

    def sample(self) -> Reading:
        """What is measured, and what it knows."""
        self._copy[:] = self._source
        self.tell(self._own)
        return super().sample()

    def tell(self, own: Values) -> None:
        """Write what it knows now: nothing, unless a device has something to say."""
