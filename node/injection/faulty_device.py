"""A fault's wrapper round one device: stuck, bias, drift, noise, drop-out, lag, hung, one side dead, deaf.

It is in the device's place only while at least one fault on that device is active; the device itself knows nothing of
it. A place is a device ("battery-monitor": all its readings) or one reading ("battery-monitor.battery_soc").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bus.draws import bits, stable_id
from bus.wire.messages import Scalar
from node.devices.device import RESET, SIDE, Device, Order, Reading, Values
from node.devices.sensors import normal

PRIMITIVES: dict[str, dict[str, float | None]] = {
    "stuck": {"value": None},
    "bias": {"value": 0.0},
    "drift": {"rate_per_s": 0.0},
    "noise": {"sigma": 0.0},
    "dropout": {"probability": 1.0},
    "lag": {"ticks": 1.0},
    "hung": {},
    "side_dead": {},
    "deaf": {},
}
"""Each primitive's parameters with what they are when left out. `stuck` without a value holds the latest reading;
`hung` lasts until the device is started again; `side_dead` is the side that runs at its onset."""
MAX_LAG_TICKS = 600


@dataclass(slots=True)
class FaultState:
    """What one fault remembers: samples since its onset, readings of old, whether a start has ended it, and the side
    that ran at its onset."""

    age: int = 0
    memory: list[Values] = field(default_factory=list)
    cleared: bool = False
    side: int | None = None


class DeviceFault:
    """One active fault on some channels of a device."""

    def __init__(
        self, injection: str, primitive: str, parameters: Mapping[str, Scalar], channels: Sequence[int]
    ) -> None:
        self.injection = injection
        self.primitive = primitive
        self.channels = np.array(channels, dtype=np.intp)
        given = {name: float(value) for name, value in parameters.items() if not isinstance(value, str)}
        self._values = {**PRIMITIVES[primitive], **given}
        self._stream = stable_id(f"device.{injection}")
        self.state = FaultState()

    def hear(self, order: Order) -> None:
        """An order is on its way to the device."""
        if self.primitive == "hung" and order.what in (RESET, SIDE):
            self.state.cleared = True

    def silences(self, side: int) -> bool:
        """Whether the device gives nothing because of this fault while this side runs."""
        if self.primitive == "side_dead":
            if self.state.side is None:
                self.state.side = side
            return side == self.state.side
        return self.primitive == "hung" and not self.state.cleared

    def apply(  # noqa: PLR0917
        self, values: Values, reading: Reading, seed: int, spacecraft: int, tick: int, tick_s: float, side: int
    ) -> None:  # fmt: skip
        """Falsify `values` (a copy of the reading's) and the reading's age."""
        at = self.channels
        if self.primitive == "stuck":
            if not self.state.memory:
                value = self._values["value"]
                self.state.memory = [values[at].copy() if value is None else np.full(len(at), value)]
            values[at] = self.state.memory[0]
        elif self.primitive == "bias":
            values[at] += self._values["value"] or 0.0
        elif self.primitive == "drift":
            values[at] += (self._values["rate_per_s"] or 0.0) * self.state.age * tick_s
        elif self.primitive == "noise":
            words = np.array([bits(seed, self._stream, spacecraft, tick, int(i)) for i in at], dtype=np.uint64)
            values[at] += (self._values["sigma"] or 0.0) * normal(words)
        elif self.primitive == "dropout":
            self._drop_out(values, reading, bits(seed, self._stream, spacecraft, tick, 0))
        elif self.primitive in ("hung", "side_dead"):
            self._lose(values, reading, lost=self.silences(side))
        elif self.primitive == "lag":
            depth = min(MAX_LAG_TICKS, max(1, int(self._values["ticks"] or 1)))
            self.state.memory.append(values[at].copy())
            values[at] = self.state.memory[0]
            reading.age_ticks += len(self.state.memory) - 1
            if len(self.state.memory) > depth:
                self.state.memory.pop(0)
        self.state.age += 1

    def _drop_out(self, values: Values, reading: Reading, draw: int) -> None:
        """Nothing new from the device: what it said last, and older by one tick each time."""
        self._lose(values, reading, lost=(draw >> 11) / (1 << 53) < (self._values["probability"] or 0.0))

    def _lose(self, values: Values, reading: Reading, *, lost: bool) -> None:
        if lost and self.state.memory:
            values[self.channels] = self.state.memory[0]
            self.state.memory[1][0] += 1.0
            reading.age_ticks = max(reading.age_ticks, int(self.state.memory[1][0]))
        else:
            self.state.memory = [values[self.channels].copy(), np.zeros(1)]
            if lost:
                self.state.memory[1][0] = reading.age_ticks = 1


class FaultyDevice:
    """In the place of `inner` while faults are active on it. `tick` is set by the node before each sample."""

    def __init__(self, inner: Device, seed: int, spacecraft_id: str, tick_s: float) -> None:
        self.inner = inner
        self.faults: list[DeviceFault] = []
        self.tick = 0
        self._seed = seed
        self._spacecraft = stable_id(spacecraft_id)
        self._tick_s = tick_s

    @property
    def name(self) -> str:
        """The name of the device it stands for."""
        return self.inner.name

    @property
    def side(self) -> int:
        """Of the device that it stands for."""
        return self.inner.side

    def sample(self) -> Reading:
        """The device's reading, falsified."""
        honest = self.inner.sample()
        reading = Reading(honest.values.copy(), honest.age_ticks)
        for fault in self.faults:
            fault.apply(reading.values, reading, self._seed, self._spacecraft, self.tick, self._tick_s, self.side)
        return reading

    def command(self, order: Order) -> None:
        """Pass the order on, unless the device is deaf."""
        for fault in self.faults:
            fault.hear(order)
        if not any(fault.primitive == "deaf" for fault in self.faults):
            self.inner.command(order)

    def save(self) -> bytes:
        """The device's own state; faults keep theirs with the injections."""
        return self.inner.save()

    def restore(self, data: bytes) -> None:
        """Take over what `save` gave."""
        self.inner.restore(data)
