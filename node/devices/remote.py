"""A device outside the process: a mailbox that the shell fills from a board, another program or another simulator.

`sample` gives the latest reading that arrived, with its age; nothing waits for anything. Orders are kept for the shell
to carry away. A box that nobody fills grows old, and flight software sees it stale: that is all the error handling
there is here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from node.devices.device import DeviceForm, Order, Reading

MAX_ORDERS = 256


class RemoteDevice:
    """Mailbox for one device. Readings have the form's channels, in order."""

    def __init__(self, form: DeviceForm) -> None:
        self.form = form
        self._reading = Reading(np.zeros(len(form.channels)), form.stale_after_ticks + 1)
        self._fresh = False
        self._orders: list[Order] = []
        self.dropped_orders = 0
        self.refused_readings = 0

    @property
    def name(self) -> str:
        """Its name in the design."""
        return self.form.name

    def deliver(self, values: list[float]) -> bool:
        """A reading has arrived. One of another length, or with a number that is none, is counted and left out."""
        if len(values) != len(self.form.channels) or not all(np.isfinite(values)):
            self.refused_readings += 1
            return False
        self._reading.values[:] = values
        self._fresh = True
        return True

    def take_orders(self) -> list[Order]:
        """Orders given since the last call, oldest first, for the shell to carry away."""
        orders, self._orders = self._orders, []
        return orders

    def sample(self) -> Reading:
        """The latest reading that arrived, and how many ticks ago."""
        reading = self._reading
        reading.age_ticks = 0 if self._fresh else reading.age_ticks + 1
        self._fresh = False
        return reading

    def command(self, order: Order) -> None:
        """Keep an order for the other side; when the box is full it is dropped and counted."""
        if len(self._orders) >= MAX_ORDERS:
            self.dropped_orders += 1
        else:
            self._orders.append(order)

    def state(self) -> Any:
        """The mailbox as it is."""
        orders = [list(order) for order in self._orders]
        held = self._reading.values.tobytes()
        return [held, self._reading.age_ticks, self._fresh, orders, self.dropped_orders, self.refused_readings]

    def load(self, state: Any) -> None:
        """Take over what `state` gave."""
        held, self._reading.age_ticks, self._fresh, orders, self.dropped_orders, self.refused_readings = state
        self._reading.values[:] = np.frombuffer(held, dtype=np.float64)
        self._orders = [Order(*order) for order in orders]
