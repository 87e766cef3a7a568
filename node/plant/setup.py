"""What a plant is built from, as plain values, and how they fill the records.

No scenario model and no design file is known here, and numba is not imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec

from node.plant.attitude.setup import AttitudeFigures
from node.plant.compute.workload import Workload
from node.plant.kernel.fields import Record
from node.plant.link.setup import KA_BAND_RADIO, S_BAND_RADIO, GroundSite, Radio
from node.plant.orbit.setup import Elements
from node.plant.radiation.setup import Device

Value = float | int | Sequence[float] | Sequence[int]


@dataclass(frozen=True, slots=True)
class PlantSetup:
    """One spacecraft's plant.

    names: names of the parts by kind ("lcl", "thermal_node", "station" ...), in the order of their indices.
    parameters, state, orders: fields of PARAM, STATE and INPUT as the design gives them.
    isl_terminal: figures of `optical_setup.OpticalHead` that differ from its defaults.
    cover_glass_kg_m2, cell_proton_ratio: of the solar cells, see `cell_damage.fill_cells`.
    devices: what radiation strikes, the accelerator groups first.
    initial: first values by name ("battery_soc", "thermal_temperature_k[radiator_1]"), applied last.
    workload: what comes from cluster logs.
    solar_event: a profile's name, unless there are samples (rows of seconds since the epoch and fluxes).
    elements or satellite: mean elements at the epoch, or a published set as SGP4 takes it; `propagator` is "j2" or
    "sgp4" (of a set only).
    """

    capacity_class: str
    names: Mapping[str, Sequence[str]]
    parameters: Mapping[str, Value]
    state: Mapping[str, Value]
    orders: Mapping[str, Value]
    spacecraft: str
    seed: int
    epoch_utc: str
    mass_kg: float
    drag_area_m2: float
    attitude: AttitudeFigures
    elements: Elements | None = None
    satellite: Satrec | None = None
    propagator: str = "j2"
    sites: Sequence[GroundSite] = ()
    radios: tuple[Radio, Radio] = (S_BAND_RADIO, KA_BAND_RADIO)
    isl_axes: Sequence[tuple[float, float, float]] = ()
    isl_terminal: Mapping[str, float] = field(default_factory=dict)
    shielding_kg_m2: float = 27.0
    cover_glass_kg_m2: float = 0.26
    cell_proton_ratio: float = 1000.0
    devices: Sequence[Device] = ()
    solar_activity: str = "minimum"
    solar_f107: float = 0.0
    solar_ap: float = 15.0
    sunlight: bool = True
    earth_infrared: bool = True
    albedo: bool = True
    storm_density_factor: float = 1.0
    solar_event: str = ""
    solar_event_at_s: float = 0.0
    solar_event_samples: Sequence[Sequence[float]] = ()
    peers: Sequence[str] = ()
    initial: Mapping[str, float] = field(default_factory=dict)
    workload: Workload = field(default_factory=Workload)


_LIMITS = (
    ("temperature_k", 1.0, 2000.0),  # nothing here is colder than the sky or hotter than molten metal
    ("_soc", 0.0, 1.0),
    ("_fraction", 0.0, 1.0),
    ("_health", 0.0, 1.0),
    ("_voltage_v", 0.0, 1e5),
    ("_fluence_m2", 0.0, 1e24),  # a hundred thousand years in the belts
)
"""What a first value may be, by how its name ends."""


def first_limits(name: str) -> tuple[float, float]:
    """Least and greatest first value of a quantity."""
    field = name.partition("[")[0]
    return next(((low, high) for end, low, high in _LIMITS if field.endswith(end)), (-1e18, 1e18))


def check_first(name: str, value: float) -> None:
    """Raises ValueError for a first value that cannot be: not finite, a charge above 100 %, a temperature below 0 K."""
    low, high = first_limits(name)
    if not low <= value <= high:
        raise ValueError(f"initial {name} = {value}: allowed {low:g} to {high:g}")


def fill(record: Record, values: Mapping[str, Value]) -> None:
    """Write values into a record by field name; short sequences leave the rest of a sub-array as it is.

    Raises KeyError for a field there is not, ValueError for a value that is not finite or does not fit.
    """
    names = record.dtype.names or ()
    for name, value in values.items():
        if name not in names:
            raise KeyError(f"the plant has no field '{name}'")
        array = np.asarray(value, dtype=np.float64)
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{name} = {value}: not a finite number")
        shape = record.dtype[name].shape
        if not shape:
            if array.shape:
                raise ValueError(f"{name} takes one number")
            record[name] = value
        elif array.ndim != 1 or len(array) > shape[0]:
            raise ValueError(f"{name} takes at most {shape[0]} numbers, got {array.size}")
        else:
            record[name][: len(array)] = value


def float_blocks(records: NDArray[np.void]) -> list[NDArray[Any]]:
    """Views of the floating-point fields of a one-element array, neighbours joined, so that a check of all is cheap."""
    spans: list[tuple[str, int, int]] = []
    dtype = records.dtype
    for name in dtype.names or ():
        kind, offset = dtype[name].base.str, int(dtype.fields[name][1])  # type: ignore[index]
        if kind not in ("<f8", "<f4"):
            continue
        end = offset + dtype[name].itemsize
        if spans and spans[-1][0] == kind and spans[-1][2] == offset:
            spans[-1] = (kind, spans[-1][1], end)
        else:
            spans.append((kind, offset, end))
    raw = records.view(np.uint8)
    return [raw[first:last].view(kind) for kind, first, last in spans]


def check_numbers(records: NDArray[np.void], blocks: Sequence[NDArray[Any]]) -> None:
    """Refuse orders that are no numbers before a kernel sees them: ValueError with the fields' names."""
    for block in blocks:
        if not np.isfinite(block).all():
            names = [name for name in records.dtype.names or () if not np.isfinite(records[name]).all()]
            raise ValueError(f"not finite numbers: {', '.join(names)}")
