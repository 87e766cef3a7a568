"""What a log says of a plant that flies alone, tick by tick: it stands for the plant's own laws and for orders.

While the log says nothing (before its first row and after its last) a load is the design's, an accelerator's power that
of its law, and orders stay as they were given last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bus.scenario.model import Measured
from faults.scenarios.inputs import LOAD, OFFSET, POWER, QUATERNION, STATES
from faults.scenarios.orders import give_orders
from node.designs.load import load_design
from node.devices.order_limits import WORDS
from node.truth import PlantLike

TUMBLE = float(WORDS["attitude_mode"].index("tumble"))


class Inputs:
    """The driven quantities of one plant."""

    def __init__(self, measured: Sequence[Measured], design: str, plant: PlantLike) -> None:
        self._plant: Any = plant
        self._design = design
        self._driven = [_Driven(one, design, self._plant) for one in measured]
        self._turned = any(one.name.startswith(QUATERNION) for one in measured)

    def act(self, time_s: float) -> None:
        """Whatever the log says of the tick that begins at this time."""
        said = False
        for one in self._driven:
            value = one.at(time_s)
            one.write(value)
            said = said or (one.stem == QUATERNION and value is not None)
        if self._turned and said:
            state, inputs = self._plant.state[0], self._plant.inputs[0]
            inputs["attitude_mode"] = TUMBLE
            length = float(np.sqrt((state["quaternion_body_from_teme"] ** 2).sum()))
            state["quaternion_body_from_teme"] /= length or 1.0
            state["body_rate_rad_s"] = 0.0


class _Driven:
    """One quantity: its rows, and where its value goes."""

    def __init__(self, measured: Measured, design: str, plant: Any) -> None:
        self._times, self._values = np.array(measured.times_s), np.array(measured.values)
        self._linear, self._name, self._design, self._plant = measured.linear, measured.name, design, plant
        self.stem, _, rest = measured.name.partition("[")
        part, form = rest.removesuffix("]"), load_design(design)
        self._place = 0
        if self.stem == LOAD:
            self._place = form.lcls.index(part)
            self._own_w = float(plant.params[LOAD][0][self._place])
        elif self.stem == POWER:
            self._place = form.accelerators.index(part)
        elif self.stem in STATES:
            self._place = int(part)

    def at(self, time_s: float) -> float | None:
        """The value at a time, None where the log says nothing of it."""
        place = int(np.searchsorted(self._times, time_s + 1e-9, side="right")) - 1
        if place < 0 or time_s > self._times[-1]:
            return None
        if self._linear:
            return float(np.interp(time_s, self._times, self._values))
        return float(self._values[place])

    def write(self, value: float | None) -> None:
        """Into the plant, for the tick to come."""
        plant, place = self._plant, self._place
        if self.stem == LOAD:
            plant.params[LOAD][0][place] = self._own_w if value is None else value
        elif self.stem == POWER:
            plant.params["accelerator_given"][0][place] = value is not None
            plant.params["accelerator_given_w"][0][place] = value or 0.0
        elif self.stem == OFFSET:
            plant.state[OFFSET][0][place] = value or 0.0
        elif value is not None and self.stem == QUATERNION:
            plant.state[QUATERNION][0][place] = value
        elif value is not None:
            give_orders(plant.inputs, self._design, {self._name: value})
