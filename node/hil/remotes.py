"""The devices of one spacecraft that are outside, as its step sees them: mail in, mail out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bus.wire.messages import Message
from bus.wire.outside import GATEWAY_ID, DeviceReading, DeviceSample
from node.devices.remote import RemoteDevice
from node.truth import Gather, PlantLike


class Remotes:
    """Fills their mailboxes and empties them."""

    def __init__(self, devices: Sequence[RemoteDevice], plant: PlantLike) -> None:
        self._devices = {device.name: device for device in devices}
        self._truths = {d.name: Gather(plant, [c.source or None for c in d.form.channels]) for d in devices}
        self._sourced = {d.name: [bool(c.source) for c in d.form.channels] for d in devices}

    def deliver(self, tick: int, inbox: Sequence[Message]) -> Sequence[Message]:
        """Take out what comes from devices; gives what is left."""
        left = []
        for message in inbox:
            body = message.body
            if not isinstance(body, DeviceReading):
                left.append(message)
                continue
            device = self._devices.get(body.device)
            if device is None or message.source != GATEWAY_ID:
                continue
            if body.values:
                device.deliver(body.values, tick - body.tick)
            for what, element, value in body.measured:
                device.measured(what, element, value)
        return left

    def samples(self) -> Iterator[DeviceSample]:
        """What each would feel now, and its orders."""
        for name, device in self._devices.items():
            truth = self._truths[name]()
            known = np.isfinite(truth) & self._sourced[name]
            values = tuple(value if there else None for value, there in zip(truth.tolist(), known, strict=True))
            orders = tuple((order.what, int(order.element), float(order.value)) for order in device.take_orders())
            yield DeviceSample(device=name, values=values, orders=orders)

    def counters(self) -> dict[str, float]:
        """What was left out on board, by device."""
        found = {}
        for name, device in self._devices.items():
            state = device.state
            found[f"{name}.dropped_orders"] = float(state.dropped_orders)
            found[f"{name}.refused_readings"] = float(state.refused_readings)
            found[f"{name}.refused_measured"] = float(state.refused_measured)
        return found
