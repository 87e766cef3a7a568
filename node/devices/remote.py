"""A device outside the process: a mailbox that the shell fills from a board, another program or another simulator.

`sample` gives the latest reading that arrived, with its age; nothing waits for anything. Orders are kept for the shell
to carry away. A box that nobody fills grows old, and flight software sees it stale: that is all the error handling
there is here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bus.snapshot.pack import Stateful
from node.devices.device import DeviceForm, Order, Reading, Values

MAX_ORDERS = 256


@dataclass(slots=True)
class State:
    """The mailbox as it is."""

    reading: Values
    age_ticks: int
    fresh: bool = False
    orders: list[Order] = field(default_factory=list)
    dropped_orders: int = 0
    refused_readings: int = 0


class RemoteDevice(Stateful):
    """Mailbox for one device. Readings have the form's channels, in order."""

    state: State

    def __init__(self, form: DeviceForm, tick_s: float) -> None:
        self.form = form
        self.state = State(np.zeros(len(form.channels)), form.stale_after_cycles(tick_s) + 1)

    @property
    def name(self) -> str:
        """Its name in the design."""
        return self.form.name

    def deliver(self, values: list[float]) -> bool:
        """A reading has arrived. One of another length, or with a number that is none, is counted and left out."""
        if len(values) != len(self.form.channels) or not all(np.isfinite(values)):
            self.state.refused_readings += 1
            return False
        self.state.reading[:] = values
        self.state.fresh = True
        return True

    def take_orders(self) -> list[Order]:
        """Orders given since the last call, oldest first, for the shell to carry away."""
        orders, self.state.orders = self.state.orders, []
        return orders

    @property
    def side(self) -> int:
        """It has one."""
        return 0

    def sample(self) -> Reading:
        """The latest reading that arrived, and how many ticks ago."""
        state = self.state
        state.age_ticks = 0 if state.fresh else state.age_ticks + 1
        state.fresh = False
        return Reading(state.reading, state.age_ticks)

    def command(self, order: Order) -> None:
        """Keep an order for the other side; when the box is full it is dropped and counted."""
        if len(self.state.orders) >= MAX_ORDERS:
            self.state.dropped_orders += 1
        else:
            self.state.orders.append(order)
