"""What the payload has delivered, counted on board out of readings: work of the accelerators, time ready, energy.

The ground makes service levels of it. A counter bridges the gaps between contacts that samples would leave. It counts
only while flight software runs and the accelerators give readings: `levels_counted_s` says over how long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from node.fsw.component import Component, OnBoard, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers.acquisition import Acquisition

EVERY_NS = 10 * 10**9
"""Between two looks at the readings [A]: accelerators change within seconds, a job within hours."""
KEPT_EVERY = 30
"""Looks between two records in non-volatile memory [A]: a reboot costs at most five minutes of a count."""
READY = (2, 5)
"""States from idle to ecc_pending, in which a group takes work (labels of `accelerator_state`)."""


@dataclass(slots=True)
class State:
    """The counts. left: looks until the next record; next_ns: when the next look is due."""

    levels_counted_s: float = telemetered("float", "Time over which the payload was counted", "s", kept=True)
    accelerator_work_s: float = telemetered(
        "float", "Work counted, in seconds of one accelerator at full clock", "s", kept=True
    )  # fmt: skip
    accelerator_ready_s: float = telemetered(
        "float", "Time counted in which accelerators took work, the mean of all", "s", kept=True
    )  # fmt: skip
    payload_energy_j: float = telemetered("float", "Energy of the payload counted", "J", kept=True)
    left: int = KEPT_EVERY
    next_ns: int = 0


class ServiceLevels(Component):
    """Counts every `EVERY_NS`."""

    name = "levels"
    state: State

    def __init__(self, on_board: OnBoard, layout: Layout, acquisition: Acquisition) -> None:
        super().__init__(on_board, State())
        equipment = on_board.equipment
        groups = equipment.accelerator_groups
        self._rates = np.array([layout.index[f"accelerator_rate.{name}"] for name in groups], dtype=np.intp)
        self._states = np.array([layout.index[f"accelerator_state.{name}"] for name in groups], dtype=np.intp)
        self._power = layout.index["payload_power_w"]
        chips = np.array(equipment.accelerator_group_chips or (1.0,) * len(groups))
        self._shares = chips / chips.sum()
        self._acquisition, self._device = acquisition, acquisition.number("accelerators")
        self._step_ns = max(1, round(EVERY_NS / on_board.cycle_ns)) * on_board.cycle_ns

    def cycle(self) -> None:
        """Count the time since the last look as the readings are now, if they are fresh."""
        state, now_ns = self.state, self.on_board.time_ns
        if now_ns < state.next_ns:
            return
        state.next_ns = now_ns + self._step_ns
        if self._acquisition.stale(self._device):
            return
        pool, step_s = self.on_board.state.pool, self._step_ns / 1e9
        low, high = READY
        states = pool.take(self._states)
        state.levels_counted_s += step_s
        state.accelerator_work_s += float(pool[self._rates].sum()) * step_s
        state.accelerator_ready_s += float(self._shares @ ((states >= low) & (states <= high))) * step_s
        state.payload_energy_j += pool.item(self._power) * step_s
        state.left -= 1
        if not state.left:
            state.left = KEPT_EVERY
            self.keep()
