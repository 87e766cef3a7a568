"""The hosts' job manager as a device: what it is asked of one job it tells, so that the job can move to a peer.

It decides nothing. Nothing is worked out until a job is selected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bus.snapshot.pack import restore
from node.devices import simulated
from node.devices.device import DeviceForm, Order
from node.devices.simulated import KnowingDevice
from node.truth import PlantLike, Values, field, place

SELECT = "select"
DONE = 4
_UP = (2, 3, 4, 5)
"""States of a group in which its chips can compute."""
_FIGURES = (
    "job_kind", "job_chips", "job_length_s", "job_saved_s", "job_interval_s", "job_checkpoint_s", "job_restart_s",
    "job_detect_s", "job_efficiency", "job_work_s", "job_state",
)  # fmt: skip
_OF_GROUPS = ("accelerator_state", "accelerator_lost", "accelerator_quarantined")


@dataclass(slots=True)
class State(simulated.State):
    """`selected`: the slot that is asked for, -1 for none."""

    selected: int = -1


class Hosts(KnowingDevice):
    """All slots, and one of them in full."""

    state: State

    def __init__(
        self, form: DeviceForm, measured: Values, inputs: dict[str, NDArray[Any]], tick_s: float, plant: PlantLike
    ) -> None:
        super().__init__(form, measured, inputs, tick_s)
        self._slots = inputs["job"].size
        self._plant = plant
        self._truth: dict[str, NDArray[Any]] = {}
        self.state = State(self.state.held)
        self._own[0] = -1

    def command(self, order: Order) -> None:
        """Select a job, or set a plant input."""
        if order.what == SELECT and -1 <= order.value < self._slots:
            self.state.selected = int(order.value)
        else:
            super().command(order)

    def tell(self, own: Values) -> None:
        """The selected job, what is free for others, and what has come and gone."""
        slot, plant = self.state.selected, self._plant
        if slot < 0:
            return
        state = self._truth or self._look()
        own[0] = slot
        for k, name in enumerate(_FIGURES, 1):
            own[k] = state[name][slot]
        stride, groups = int(field(plant.params, "job_stride")[0]), int(field(plant.params, "accelerator_count")[0])
        taken = state["job_taken"]
        own[12] = sum(1 << g for g in range(groups) if taken[slot * stride + g] > 0)
        first, count = int(field(plant.params, "job_fixed")[0]), int(field(plant.params, "job_count")[0])
        own[13] = sum(state["job_kind"][j] == 0 or state["job_state"][j] == DONE for j in range(first, count))
        pool, chips = int(field(plant.params, "job_pool")[0]), field(plant.params, "chip_count")
        own[14] = 0.0
        for g in range(groups):
            if pool >> g & 1 and state["accelerator_state"][g] in _UP:
                usable = chips[g] - state["accelerator_lost"][g] - state["accelerator_quarantined"][g]
                own[14] += max(0.0, int(usable) - sum(taken[j * stride + g] for j in range(count)))
        own[15], own[16] = state["guests_taken"][0], state["jobs_given"][0]

    def _look(self) -> dict[str, NDArray[Any]]:
        """Whole fields of truth by name, once: they stay where they are."""
        for name in (*_FIGURES, *_OF_GROUPS, "job_taken"):
            self._truth[name] = self._plant.locate(f"{name}[0]")[0]
        for name in ("guests_taken", "jobs_given"):
            self._truth[name] = place(self._plant, name)
        return self._truth

    def restore(self, data: bytes) -> None:
        """Take over what `save` gave."""
        restore(self.state, data)
        self._own[:] = 0.0
        self._own[0] = -1
