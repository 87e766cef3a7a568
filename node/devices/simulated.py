"""A simulated device: its readings are a slice of the sensors, its orders become inputs of the plant.

Slow devices hold their last measurement; its age says so. No noise is made here, no fault either.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from node.devices.device import DeviceForm, Order, Reading
from node.truth import Values


class SimulatedDevice:
    """One device of the design. `measured` is its slice of the sensors; `inputs` the plant's input of each order."""

    def __init__(self, form: DeviceForm, measured: Values, inputs: dict[str, NDArray[Any]]) -> None:
        self.form = form
        self._measured = measured
        self._inputs = inputs
        self._period = form.period_ticks
        self._reading = Reading(measured if form.period_ticks == 1 else np.zeros_like(measured))
        self._due = 0
        self.refused_orders = 0

    @property
    def name(self) -> str:
        """Its name in the design."""
        return self.form.name

    def sample(self) -> Reading:
        """The latest measurement, and its age."""
        reading = self._reading
        if self._period > 1:
            if self._due <= 0:
                reading.values[:] = self._measured
                reading.age_ticks = 0
                self._due = self._period
            else:
                reading.age_ticks += 1
            self._due -= 1
        return reading

    def command(self, order: Order) -> None:
        """Set a plant input; it acts from the next tick on. An order it does not know is counted."""
        target = self._inputs.get(order.what)
        if target is None or not 0 <= order.element < target.size:
            self.refused_orders += 1
            return
        target[order.element] = order.value

    def state(self) -> Any:
        """Its memory: what it holds, how old, when it measures next."""
        held = self._reading.values.tobytes() if self._period > 1 else b""
        return [held, self._reading.age_ticks, self._due, self.refused_orders]

    def load(self, state: Any) -> None:
        """Take over what `state` gave."""
        held, self._reading.age_ticks, self._due, self.refused_orders = state
        if self._period > 1:
            self._reading.values[:] = np.frombuffer(held, dtype=np.float64)
