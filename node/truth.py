"""Reading many true quantities at once: names are resolved to memory once, then each tick costs two copies.

The plant's arrays stay where they are for life (a restored snapshot is written into them), so the views made here stay
good. Nothing here changes truth.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bus.errors import UnknownNameError

Values = NDArray[np.float64]


class PlantLike(Protocol):
    """What the node needs of a plant; `node.plant.step.Plant` is the real one.

    inputs, params: structured arrays of one element, what flight software orders and what the design is."""

    inputs: NDArray[Any]
    params: NDArray[Any]

    def step(self, tick: int, tick_s: float, beacons: dict[str, bytes]) -> None:
        """Move truth on by one tick."""
        ...

    def beacon(self) -> bytes:
        """Where it is, as the peers need to know it."""
        ...

    def read(self, name: str) -> float:
        """One true quantity."""
        ...

    def locate(self, name: str) -> tuple[NDArray[Any], Any]:
        """The array that holds a quantity, and its index there. Raises KeyError for a name there is not."""
        ...

    def save(self) -> bytes:
        """The whole of truth."""
        ...

    def restore(self, snapshot: bytes) -> None:
        """Take over what `save` gave, in place."""
        ...


def place(plant: PlantLike, name: str) -> NDArray[Any]:
    """A one-element view of a quantity: `place(...)[0]` reads it, assignment writes it."""
    array, index = plant.locate(name)
    flat = array if isinstance(index, (int, np.integer)) and array.ndim == 1 else None
    if flat is not None:
        return flat[int(index) : int(index) + 1]
    if isinstance(index, tuple):
        *outer, last = (int(part) for part in index)
        row = array[tuple(outer)] if outer else array
        return row[last : last + 1]
    raise TypeError(f"plant.locate({name!r}) gave index {index!r} into an array of shape {array.shape}")


def field(record: NDArray[Any], name: str) -> NDArray[Any]:
    """A field of a one-element structured array as a flat view."""
    view = record[name]
    return view if view.ndim == 1 else view.reshape(-1)


class Gather:
    """Copies the quantities of `names`, in their order, into one array of float64. None: somebody else's place."""

    def __init__(self, plant: PlantLike, names: Sequence[str | None]) -> None:
        self.values: Values = np.zeros(len(names))
        self._groups = _common_bases({i: place(plant, name) for i, name in enumerate(names) if name is not None})

    def __call__(self) -> Values:
        """Sample now. The same array every time."""
        values = self.values
        for source, indices, targets in self._groups:
            values[targets] = source[indices]
        return values


def _common_bases(places: Mapping[int, NDArray[Any]]) -> list[tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]]:
    """Group places by the buffer and type they live in: (flat view of the buffer, indices there, targets)."""
    found: dict[tuple[int, str], tuple[NDArray[Any], list[int], list[int]]] = {}
    for target, view in places.items():
        root = _root(view)
        address = root.ctypes.data  # __array_interface__ would spell out the whole record each time
        offset = view.ctypes.data - address
        size = view.dtype.itemsize
        flat = root.view(np.uint8).reshape(-1)
        if offset % size or not root.flags.c_contiguous:
            key, flat_typed, index = (id(view), view.dtype.str), view, 0
        else:
            key = (address, view.dtype.str)
            flat_typed, index = flat[: flat.size // size * size].view(view.dtype), offset // size
        _, indices, targets = found.setdefault(key, (flat_typed, [], []))
        indices.append(index)
        targets.append(target)
    return [
        (flat_typed, np.array(indices, dtype=np.intp), np.array(targets, dtype=np.intp))
        for flat_typed, indices, targets in found.values()
    ]


def _root(view: NDArray[Any]) -> NDArray[Any]:
    root = view
    while isinstance(root.base, np.ndarray):
        root = root.base
    return root


@dataclass(slots=True)
class NodeSignals:
    """What the range may ask besides fields of the plant.

    Only flight software holds `mode` and `payload_shed`: while the computer is down nobody does, and they are NaN, as
    is whatever flight software does not tell. What non-volatile memory holds stays. The `_generated` of a service count
    this boot's packets: with `boot_count` they tell in which tick a packet was made, whatever the clock on board said.
    `software_faults`: what the range has caught of flight software, crashes and nonsense (`node.harness`).
    """

    mode: float = 0.0
    boot_count: float = 0.0
    host_up: float = 0.0
    telemetry_generated: float = 0.0
    telemetry_on_board: float = 0.0
    contact: float = 0.0
    payload_shed: float = 0.0
    verifications_generated: float = 0.0
    housekeeping_generated: float = 0.0
    events_generated: float = 0.0
    time_reports_generated: float = 0.0
    check_reports_generated: float = 0.0
    parameter_reports_generated: float = 0.0
    software_faults: float = 0.0

    def down(self) -> None:
        """Flight software does not run."""
        self.host_up, self.mode, self.payload_shed = 0.0, math.nan, math.nan


NODE_SIGNALS = tuple(field.name for field in dataclasses.fields(NodeSignals))
_all = attrgetter(*NODE_SIGNALS)


class Signals:
    """Samples the truth signals. `own` holds the node's figures; the node fills it."""

    def __init__(self, plant: PlantLike, names: Sequence[str]) -> None:
        fields = [None if name in NODE_SIGNALS else name for name in names]
        for name in filter(None, fields):
            try:
                plant.locate(name)
            except KeyError as error:
                nearest = getattr(error, "nearest", [])
                raise UnknownNameError("truth signal", name, list(nearest), hint="`skyrack list telemetry`") from error
        self.own = NodeSignals()
        self._gather = Gather(plant, fields)
        self._from_node = [(i, name) for i, name in enumerate(names) if name in NODE_SIGNALS]
        self._known: tuple[float, ...] = ()

    def sample(self) -> bytes:
        """Little-endian float64, one per name. What is no number is given as it is: the range judges it."""
        sample, own = self._gather(), self.own
        if (known := _all(own)) != self._known:  # nearly always as before, and still there
            self._known = known
            for i, name in self._from_node:
                sample[i] = getattr(own, name)
        return sample.tobytes()
