"""The truth sample of a tick: plant fields and the node's own figures, in the order the range asked for.

Names are resolved once; a name that does not exist is refused when the spacecraft is built.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bus.errors import UnknownNameError
from node.truth import Gather, PlantLike

NODE_SIGNALS = (
    "mode", "boot_count", "host_up", "telemetry_generated", "telemetry_on_board", "contact", "payload_shed",
)  # fmt: skip
"""What the range may ask besides fields of the plant. While the computer is down they keep what they last were."""


class Signals:
    """Samples the truth signals. `own` holds the node's figures in the order of NODE_SIGNALS; the node fills it."""

    def __init__(self, plant: PlantLike, names: Sequence[str]) -> None:
        fields = [name for name in names if name not in NODE_SIGNALS]
        for name in fields:
            try:
                plant.locate(name)
            except KeyError as error:
                nearest = getattr(error, "nearest", [])
                raise UnknownNameError("truth signal", name, list(nearest), hint="`skyrack list telemetry`") from error
        self.own = np.zeros(len(NODE_SIGNALS))
        self._gather = Gather(plant, fields)
        self._sample = np.zeros(len(names))
        self._from_plant = np.array([i for i, name in enumerate(names) if name not in NODE_SIGNALS], dtype=np.intp)
        self._from_node = np.array([i for i, name in enumerate(names) if name in NODE_SIGNALS], dtype=np.intp)
        self._node_order = np.array([NODE_SIGNALS.index(n) for n in names if n in NODE_SIGNALS], dtype=np.intp)

    def sample(self) -> bytes:
        """Little-endian float64, one per name. What is no number is given as it is: the range judges it."""
        sample = self._sample
        sample[self._from_plant] = self._gather()
        sample[self._from_node] = self.own[self._node_order]
        return sample.tobytes()
