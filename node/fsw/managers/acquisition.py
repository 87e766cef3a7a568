"""Readings into the data pool, with the age of each device's: what is no number is replaced by the last good reading.

An old reading is no news, and no rule may act on it. What is done about a device that gives none is a row of the FDIR
table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from bus.pus import Severity
from node.devices.device import Reading, Values
from node.fsw.component import Arg, Component, Event, OnBoard, telemetered
from node.fsw.datapool import Layout

_DEVICE = Arg("device", "enum", "device", labels=lambda words: words.devices)


@dataclass(slots=True)
class State:
    """Which devices are stale, and which gave a reading that is no number."""

    stale_devices: int = telemetered("int", "Devices without new readings")
    readings_invalid: int = telemetered("int", "Readings that were no number")
    stale: list[bool] = field(default_factory=list)
    invalid: set[int] = field(default_factory=set)


class Acquisition(Component):
    """The devices' part of the pool."""

    name = "acquisition"
    state: State

    STALE = Event(
        6, "device_stale", Severity.MEDIUM, "A device gives no new readings",
        (_DEVICE, Arg("age_s", "float", "age of its reading", "s")),
    )  # fmt: skip
    FRESH = Event(
        7, "device_fresh", Severity.INFORMATIVE, "A device gives readings again", (_DEVICE,), ends="device_stale"
    )  # fmt: skip
    INVALID = Event(
        15, "reading_invalid", Severity.MEDIUM, "A reading is no number; the last good one is kept", (_DEVICE,)
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout) -> None:
        super().__init__(on_board, State(stale=[False] * len(layout.devices)))
        self._cycle_s = on_board.cycle_ns / 1e9
        self._devices = [(start, stop) for _, start, stop in layout.devices]
        self._stale_after = [form.stale_after_cycles(self._cycle_s) for form, _, _ in layout.devices]
        self._numbers = {form.name: i for i, (form, _, _) in enumerate(layout.devices)}
        self._fresh = np.zeros(layout.own)
        self._measured, self._ages = self._fresh[: layout.measured], self._fresh[layout.measured :]
        self._age_ticks = self._no_ages()

    def number(self, device: str) -> int:
        """A device's number."""
        return self._numbers[device]

    def has(self, device: str) -> bool:
        """Whether there is such a device."""
        return device in self._numbers

    def stale(self, device: int) -> bool:
        """Whether a device gives no new readings."""
        return self.state.stale[device]

    def restore(self, data: bytes) -> None:
        """The ages are looked at anew."""
        super().restore(data)
        self._age_ticks = self._no_ages()

    def _no_ages(self) -> list[int]:
        return [-1] * len(self._devices)

    def take(self, readings: Sequence[Reading]) -> None:
        """The readings of one cycle."""
        fresh = self._fresh
        np.concatenate([reading.values for reading in readings], out=self._measured)
        for device, reading in enumerate(readings):
            if reading.age_ticks != self._age_ticks[device]:  # most devices measure in each cycle
                self._aged(device, reading.age_ticks)
        if not isfinite(fresh.dot(fresh)):
            self._keep_last_good(fresh)
        self.on_board.state.pool[: fresh.size] = fresh

    def _aged(self, device: int, age_ticks: int) -> None:
        self._age_ticks[device] = age_ticks
        self._ages[device] = age_ticks * self._cycle_s
        is_stale = age_ticks > self._stale_after[device]
        if is_stale != self.state.stale[device]:
            self._turned(device, age_ticks, is_stale)

    def _turned(self, device: int, age_ticks: int, is_stale: bool) -> None:
        self.state.stale[device] = is_stale
        self.state.stale_devices += 1 if is_stale else -1
        if is_stale:
            self.event(self.STALE, device, age_ticks * self._cycle_s)
        else:
            self.event(self.FRESH, device)

    def _keep_last_good(self, fresh: Values) -> None:
        """Readings that are no numbers are counted, reported per device once, and replaced by the last good ones."""
        wrong = ~np.isfinite(fresh)
        self.state.readings_invalid += int(wrong.sum())
        for i, (start, stop) in enumerate(self._devices):
            if wrong[start:stop].any():
                if i not in self.state.invalid:
                    self.event(self.INVALID, i)
                self.state.invalid.add(i)
            else:
                self.state.invalid.discard(i)
        fresh[wrong] = self.on_board.state.pool[: fresh.size][wrong]
