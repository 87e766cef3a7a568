"""A device outside the process: a mailbox that is filled from a board, another program or another simulator.

`sample` gives the latest reading that arrived, with its age; nothing waits for anything. Orders are kept to be carried
away. What the device says that it drives or draws becomes input of the plant. A box that nobody fills grows old, and
flight software sees it stale: that is all the error handling there is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bus.snapshot.pack import Stateful
from node.devices.device import DeviceForm, Order, Reading
from node.devices.order_limits import OrderLimit
from node.truth import Values

MAX_ORDERS = 256
LATENCY_TICKS = 2
"""A sample leaves with one tick, what the device says of it comes with the next but one. No reading is younger, so ages
count from there: flight software calls a device stale when it is late, not because it is outside."""


@dataclass(slots=True)
class State:
    """The mailbox as it is. age_ticks: since the tick that the reading is about; ahead: ticks left before the first
    reading can be here."""

    reading: Values
    age_ticks: int = LATENCY_TICKS
    ahead: int = LATENCY_TICKS
    orders: list[Order] = field(default_factory=list)
    dropped_orders: int = 0
    refused_readings: int = 0
    refused_measured: int = 0


class RemoteDevice(Stateful):
    """Mailbox for one device. Readings have the form's channels, in order. Before the first can be here it says what
    the emulated device would (`measured`): flight software boots with that.

    inputs: the plant's input of each order, which the device itself sets; limits: what each takes. load: gives the
    plant the power behind a limiter, or False where there is none."""

    state: State

    def __init__(
        self,
        form: DeviceForm,
        measured: Values,
        inputs: Mapping[str, NDArray[Any]],
        limits: Mapping[str, OrderLimit],
        load: Callable[[int, float], bool],
    ) -> None:
        self.form = form
        self._emulated, self._inputs, self._limits, self._load = measured, inputs, limits, load
        self._sourced = [bool(channel.source) for channel in form.channels]
        self.state = State(np.zeros(len(form.channels)))

    @property
    def name(self) -> str:
        """Its name in the design."""
        return self.form.name

    def deliver(self, values: Sequence[float], age_ticks: int) -> None:
        """A reading has arrived, about a tick so long ago. What does not fit, or is no younger than what is here, is
        counted and left out."""
        state = self.state
        if len(values) != len(self.form.channels) or not 0 <= age_ticks <= state.age_ticks:
            state.refused_readings += 1
            return
        state.reading[:] = values
        state.age_ticks = age_ticks - 1  # `sample` comes after it in the tick

    def measured(self, what: str, element: int, value: float) -> None:
        """What the device drives or draws. What the plant cannot take is counted and left out."""
        target, limit = self._inputs.get(what), self._limits.get(what)
        if target is not None and limit is not None and limit.takes(element, value):
            target[element] = value
        elif what != LOAD_W or not self._load(element, value):
            self.state.refused_measured += 1

    def take_orders(self) -> list[Order]:
        """Orders given since the last call, oldest first, to be carried away."""
        orders, self.state.orders = self.state.orders, []
        return orders

    @property
    def side(self) -> int:
        """Which of its sides runs is its own affair."""
        return 0

    def sample(self) -> Reading:
        """The latest reading that arrived, and by how many ticks it is older than it has to be."""
        state = self.state
        state.age_ticks += 1
        if state.ahead:
            state.ahead -= 1
            state.age_ticks = LATENCY_TICKS
            state.reading[self._sourced] = self._emulated
        return Reading(state.reading, max(0, state.age_ticks - LATENCY_TICKS))

    def command(self, order: Order) -> None:
        """Keep an order for the other side; when the box is full it is dropped and counted."""
        if len(self.state.orders) >= MAX_ORDERS:
            self.state.dropped_orders += 1
        else:
            self.state.orders.append(order)


LOAD_W = "load_w"
"""What any device may measure besides what its orders act on: the power in W that flows behind a limiter (`element`:
its place in the design)."""
MOST_LOAD_W = 1e6


class Loads:
    """Measured power behind the limiters: the emulated load draws as much. `factors`: of each limiter, what its load is
    multiplied by; `design_w`: what that is by design."""

    def __init__(self, factors: Sequence[NDArray[Any]], design_w: NDArray[Any]) -> None:
        self._factors, self._design_w = factors, design_w

    def __call__(self, element: int, power_w: float) -> bool:
        """Whether this limiter has a load of its own that can draw so much."""
        design_w = float(self._design_w[element]) if 0 <= element < len(self._factors) else 0.0
        if design_w <= 0.0 or not 0.0 <= power_w <= MOST_LOAD_W:
            return False
        self._factors[element][0] = power_w / design_w
        return True
