"""The seam between hardware and flight software: a device has two verbs, `sample` and `command`.

Forms (what a device says) and readings (what it said) live here; no device does. Flight software may import this file
and nothing else of `node/devices`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class Order(NamedTuple):
    """What flight software tells a device: which input, which element of it, which value."""

    device: str
    what: str
    element: int
    value: float


@dataclass(slots=True)
class Reading:
    """Latest values of a device, in the order of its form's channels, and how many ticks ago they were measured.

    `values` may be a view that the next `sample` overwrites: copy what must stay.
    """

    values: Values
    age_ticks: int = 0


@dataclass(frozen=True, slots=True)
class Channel:
    """One measured quantity. `source` names the true quantity it measures (empty: the device makes it itself).

    Errors, all in `unit`: `noise` is the standard deviation of each reading, `bias` the standard deviation of an offset
    that each spacecraft keeps for life, `quantum` the smallest step (0: none).
    """

    name: str
    unit: str
    type: Literal["float", "int", "bool", "enum"]
    description: str
    source: str = ""
    noise: float = 0.0
    bias: float = 0.0
    quantum: float = 0.0
    labels: tuple[str, ...] = ()
    soft_low: float | None = None
    soft_high: float | None = None
    hard_low: float | None = None
    hard_high: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceForm:
    """What a device is: its name, its channels, how often it measures, and the plant inputs its orders act on.

    `orders` maps an order's name to the plant's input field. `period_s`: time between two measurements, 0: each tick.
    `stale_after_s`: flight software calls it stale then.
    """

    name: str
    channels: tuple[Channel, ...]
    orders: tuple[tuple[str, str], ...] = ()
    period_s: float = 0.0
    stale_after_s: float = 5.0

    def period_ticks(self, tick_s: float) -> int:
        """Ticks between two measurements."""
        return max(1, round(self.period_s / tick_s))

    def stale_after_cycles(self, cycle_s: float) -> int:
        """The age in cycles that a good device does not exceed, however coarse the cycle."""
        return max(1, round(self.stale_after_s / cycle_s))


RESET, SIDE = "reset", "side"
"""Orders that every unit with two cold redundant sides understands: start again, and which side runs (0, 1)."""
ONE_SIDED = ("clock", "radio")
"""Devices that have no such sides: the computer's own clock, and the radio, whose receivers are another matter."""
NEVER_OUTSIDE = ("clock", "jobs", "isl", "radio")
"""Devices that are always emulated: they are the computer's own, or carry what the range must know and count."""


class Device(Protocol):
    """A simulated device, a fault's wrapper round one, or a mailbox for something outside: nobody can tell."""

    @property
    def name(self) -> str:
        """Its name in the design."""
        ...

    @property
    def side(self) -> int:
        """Which of its sides runs: 0 or 1."""
        ...

    def sample(self) -> Reading:
        """The latest reading, once per tick."""
        ...

    def command(self, order: Order) -> None:
        """Take an order; it acts from the next tick on."""
        ...

    def save(self) -> bytes:
        """Everything it must remember."""
        ...

    def restore(self, data: bytes) -> None:
        """Take over what `save` gave."""
        ...


def slug(name: str) -> str:
    """A name from a design file as a part of a dictionary name."""
    return re.sub(r"[^a-z0-9_]", "_", name.lower())
