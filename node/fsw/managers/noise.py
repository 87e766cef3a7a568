"""A reading against its own noise: one that lost it is frozen, one that has far more of it is noisy.

`Watch` looks with it. What it remembers are arrays, one place for each reading whose noise is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bus.pus import Severity
from node.devices.device import Values
from node.fsw.component import Arg, Component, Event, OnBoard, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers.acquisition import Acquisition

WINDOW = 24
"""Looks over which a reading that has noise must change [A]."""
JUMP_SIGMAS, JUMP_SHARE, JUMPS = 25.0, 0.005, 6
"""[A] Second differences of a quiet reading beyond its noise, and beyond what a load that comes and goes does to it (an
800 V battery bends by 2 V then); and how many of a window make it noisy."""
QUIET_UNITS = ("V", "K")
"""What moves slowly where nothing is wrong."""
Counts = NDArray[np.int64]


def _no_values() -> Values:
    return np.zeros(0)


def _no_counts() -> Counts:
    return np.zeros(0, dtype=np.int64)


@dataclass(slots=True)
class State:
    """Readings at the last look, and of the quiet ones at that before; looks without a change; bends in this window."""

    readings_frozen: int = telemetered("int", "Readings without their own noise")
    readings_noisy: int = telemetered("int", "Readings with more than their own noise")
    last: Values = field(default_factory=_no_values)
    before: Values = field(default_factory=_no_values)
    same: Counts = field(default_factory=_no_counts)
    jumps: Counts = field(default_factory=_no_counts)
    window: int = 0


class NoiseWatch(Component):
    """Of all readings whose noise is known."""

    name = "noise"
    state: State

    FROZEN = Event(
        123, "reading_frozen", Severity.LOW, "A reading has lost its own noise",
        (Arg("reading", "enum", "reading", labels=lambda words: words.readings),),
    )  # fmt: skip
    NOISY = Event(
        124, "reading_noisy", Severity.LOW, "A reading has more than its own noise",
        (Arg("reading", "enum", "reading", labels=lambda words: words.readings),),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, acquisition: Acquisition) -> None:
        super().__init__(on_board, State())
        self._acquisition = acquisition
        known = [
            (start + place, device, channel)
            for device, (form, start, _) in enumerate(layout.devices)
            for place, channel in enumerate(form.channels)
            if channel.type == "float" and channel.noise > 0.0 and channel.noise >= channel.quantum
        ]
        self.places = np.array([one[0] for one in known], dtype=np.intp)
        self.noise = np.array([one[2].noise for one in known])
        self._devices = np.array([one[1] for one in known], dtype=np.intp)
        self._quiet = np.flatnonzero([one[2].unit in QUIET_UNITS for one in known])
        self._usual = JUMP_SIGMAS * self.noise[self._quiet]
        floats = [p.name for p in layout.parameters[: layout.measured] if p.type == "float"]
        self._numbers = [floats.index(one[2].name) for one in known]

    def look(self, pool: Values) -> None:
        """Frozen: not one change in a window. Noisy: too many bends in it. A stale device begins anew."""
        state, values = self.state, pool[self.places]
        quiet = values[self._quiet]
        if not state.last.size:
            state.last, state.before = values, quiet
            state.same = np.zeros(len(values), dtype=np.int64)
            state.jumps = np.zeros(len(quiet), dtype=np.int64)
            return
        state.same += 1
        state.same *= values == state.last
        last = state.last[self._quiet]
        bends = np.abs(quiet - 2.0 * last + state.before) > np.maximum(self._usual, JUMP_SHARE * np.abs(quiet))
        if self._acquisition.state.stale_devices:
            stale = np.array(self._acquisition.state.stale)[self._devices]
            state.same[stale] = 0
            bends &= ~stale[self._quiet]
        state.jumps += bends
        frozen = state.same >= WINDOW
        state.readings_frozen = int(np.count_nonzero(frozen))
        if state.readings_frozen:
            for place in np.flatnonzero(state.same == WINDOW).tolist():
                self.event(self.FROZEN, self._numbers[place])
        state.readings_noisy = int(np.count_nonzero(state.jumps >= JUMPS))
        if state.readings_noisy:
            for place in np.flatnonzero(bends & (state.jumps == JUMPS)).tolist():
                self.event(self.NOISY, self._numbers[self._quiet[place]])
        state.window = (state.window + 1) % WINDOW
        if state.window == 0:
            state.jumps[:] = 0
        state.before, state.last = last, values
