"""What the laws of onset may look at on board: truth, by name, and draws of their own. Reads, changes nothing."""

from __future__ import annotations

import math
from typing import Protocol

from bus.draws import stable_id, uniform
from bus.onset import Reader
from node.truth import NODE_SIGNALS, PlantLike, Signals, place


class Sight(Protocol):
    """The eyes and the dice of the laws of one spacecraft."""

    def reader(self, name: str) -> Reader:
        """What reads a true quantity, as of the end of the last tick. Raises KeyError, IndexError or TypeError."""
        ...

    def draw(self, what: str, step: int, lane: int, *, each: bool = False) -> float:
        """A number in [0, 1) that is `what`'s alone; the same for all spacecraft, but for `each`."""
        ...


class TruthSight(Sight):
    """Of a spacecraft: the plant's fields and, where it flies with software, the node's own figures."""

    def __init__(self, plant: PlantLike, signals: Signals | None, who: tuple[int, str]) -> None:
        self._plant = plant
        self._signals = signals
        self._seed, spacecraft = who
        self._spacecraft = stable_id(spacecraft)
        self._streams: dict[str, int] = {}  # a name's id, hashed once

    def reader(self, name: str) -> Reader:
        """Flight alone has no mode, no contact: they are not a number there."""
        if name in NODE_SIGNALS:
            signals = self._signals
            return lambda: math.nan if signals is None else float(getattr(signals.own, name))
        view = place(self._plant, name)
        return lambda: float(view[0])

    def draw(self, what: str, step: int, lane: int, *, each: bool = False) -> float:
        """See `bus.draws`."""
        if what not in self._streams:
            self._streams[what] = stable_id(f"onset.{what}")
        return uniform(self._seed, self._streams[what], self._spacecraft if each else 0, step, lane)
