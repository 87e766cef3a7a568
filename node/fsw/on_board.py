"""What every component has at hand: equipment, time, parameters, non-volatile memory, orders, event reports.

No component and no declaration is here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from bus.dictionary import OnBoardParameter
from bus.snapshot.pack import Stateful, pack, unpack
from bus.wire.crosslink import IslFrame
from node.devices.device import Order, Values
from node.devices.equipment import Equipment
from node.devices.nvm import NonVolatileMemory
from node.fsw.image import CODE_BITS, Image


class EventSink(Protocol):
    """Who takes event reports."""

    def report(self, event: Any, arguments: tuple[float, ...], severity: int) -> None:
        """Report it, unless it is switched off."""
        ...


class Mirrored(Protocol):
    """A component of which the memory image holds something."""

    name: ClassVar[str]

    def image_words(self) -> list[int]:
        """What it has there, always as many words; none: nothing."""
        ...

    def take_image(self, words: list[int]) -> None:
        """Work with these words from now on, whatever they say."""
        ...

    def reload(self) -> None:
        """Work with what non-volatile memory holds."""
        ...


@dataclass(slots=True)
class Region:
    """Where a component's words are."""

    part: Mirrored
    first: int
    size: int


@dataclass(slots=True)
class Memory:
    """Working memory that all components share.

    pool: every telemetered value, by position. image: the on-board parameters and what components have there, which
    upsets can flip. orders: what the
    devices are told at the end of the cycle. frames: what the optical terminals are given then, each with its head.
    cycle: since the boot. obt_ns: on-board time, which can step and drift.
    """

    pool: Values
    image: Image
    orders: list[Order] = dataclasses.field(default_factory=list)
    frames: list[tuple[int, IslFrame]] = dataclasses.field(default_factory=list)
    cycle: int = 0
    obt_ns: int = 0


class OnBoard(Stateful):
    """What every component has at hand: equipment, time, parameters, non-volatile memory, orders, event reports."""

    state: Memory

    def __init__(
        self, equipment: Equipment, cycle_ns: int, nvm: NonVolatileMemory, parameters: tuple[OnBoardParameter, ...],
        pool_size: int,
    ) -> None:  # fmt: skip
        self.equipment = equipment
        self.cycle_ns = cycle_ns
        self.nvm = nvm
        self.parameters = parameters
        self._position = {parameter.name: i for i, parameter in enumerate(parameters)}
        self.state = Memory(np.zeros(pool_size), Image.of([self.stored(p) for p in parameters]))
        self._regions: list[Region] = []
        self.events: EventSink

    @property
    def time_ns(self) -> int:
        """Time since the boot as the computer's own timer has it, cycle by cycle. No step of the clock touches it, so
        every dwell and interval is counted on it."""
        return self.state.cycle * self.cycle_ns

    def order(self, device: str, what: str, element: int, value: float) -> None:
        """Tell a device something; it acts from the next tick on."""
        self.state.orders.append(Order(device, what, element, value))

    def send(self, head: int, topic: str, values: tuple[float, ...] = (), volume_bytes: int = 0) -> None:
        """Give a frame to an optical terminal; it is sent if the link stands and there is room."""
        self.state.frames.append((head, IslFrame(topic=topic, values=values, volume_bytes=volume_bytes)))

    def value(self, parameter: OnBoardParameter) -> float:
        """An on-board parameter as the image holds it, upset or not."""
        value: float = self.state.image.readings.item(self._position[parameter.name])
        return value

    def span_ns(self, parameter: OnBoardParameter) -> int:
        """A parameter in seconds as whole nanoseconds; one that an upset made senseless counts as the default."""
        return round(self.sane(parameter) * 1e9)

    def sane(self, parameter: OnBoardParameter) -> float:
        """A parameter within its limits: where an upset left them, its default."""
        known, name = self.state.image.known, parameter.name
        sane = known.get(name)
        if sane is None:
            value = self.value(parameter)
            sane = known[name] = value if parameter.low <= value <= parameter.high else parameter.default
        return sane

    def stored(self, parameter: OnBoardParameter) -> float:
        """What non-volatile memory holds of it, or its default."""
        record = self.nvm.get(_parameter_key(parameter))
        return parameter.default if record is None else unpack(float, record)

    def store(self, parameter: OnBoardParameter, value: float) -> None:
        """Set a parameter; it holds over a reboot."""
        self.nvm.put(_parameter_key(parameter), pack(float(value)))
        self.state.image.write_value(self._position[parameter.name], value)

    def map_memory(self, parts: Sequence[Mirrored]) -> None:
        """Every component is built: the words of those that have some come behind the parameters."""
        for part in parts:
            words = part.image_words()
            if words:
                self._regions.append(Region(part, len(self.state.image.words), len(words)))
                self.state.image.append(words)

    @property
    def regions(self) -> dict[str, tuple[int, int]]:
        """First word and number of words of each component in the image, by its name."""
        return {region.part.name: (region.first, region.size) for region in self._regions}

    def mirror(self, part: Mirrored) -> None:
        """A component has changed what the image holds of it: written with new check bits."""
        for region in self._regions:
            if region.part is part:
                self.state.image.write(region.first, part.image_words())

    def flip(self, word: int, bit: int) -> None:
        """An upset: one bit of one word of the image, data or check bits."""
        image = self.state.image
        place = word % len(image.words)
        image.flip(place, bit % CODE_BITS)
        if not image.edac:
            self.reread([place])

    def reread(self, places: Sequence[int]) -> None:
        """Words were changed by no component: those they belong to work with what is read now."""
        for region in self._regions:
            last = region.first + region.size
            if any(region.first <= place < last for place in places):
                region.part.take_image(self.state.image.read(region.first, region.size))

    def reload(self, place: int) -> None:
        """Write a word anew from non-volatile memory, with all that its component keeps there."""
        if place < len(self.parameters):
            self.state.image.write_value(place, self.stored(self.parameters[place]))
        for region in self._regions:
            if region.first <= place < region.first + region.size:
                region.part.reload()
                self.mirror(region.part)


def _parameter_key(parameter: OnBoardParameter) -> str:
    return f"parameter.{parameter.name}"
