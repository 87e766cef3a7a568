"""The tables of a constellation, row by row as it flies: planes, local times, sampled spacecraft. In memory as arrays,
which a checkpoint holds; Parquet when the flight is over.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bus.errors import EnvironmentFault
from bus.files import write_whole
from faults.fleet.flight import Flight, Wing

Values = NDArray[np.float64]
Records = NDArray[np.void]

QUANTITIES = (
    "battery_soc", "array_power_w", "load_power_w", "payload_power_w", "battery_power_w", "chip_temperature_k",
    "memory_temperature_k", "radiator_temperature_k", "work_rate", "illumination_fraction", "power_served_fraction",
    "groups_shed", "dose_gy",
)  # fmt: skip
"""Of each spacecraft. Temperatures are those of the hottest group, work in accelerators at full clock. A design without
a radiator has none (NaN, null in the files)."""
STATISTICS = ("min", "mean", "max", "p50")
COUNTS = ("silent_errors", "uncorrected_upsets", "interrupts")
"""Of the plane since the epoch, all devices."""
BY_HOUR = ("battery_soc", "array_power_w", "payload_power_w", "chip_temperature_k", "illumination_fraction")
HOURS = 24

PLANE_ROW = np.dtype(
    [("time_s", "f8"), ("shell", "i4"), ("plane", "i4"), ("spacecraft", "i8")]
    + [(f"{name}_{how}", "f8") for name in QUANTITIES for how in STATISTICS]
    + [(name, "i8") for name in COUNTS]
)
HOUR_ROW = np.dtype(
    [("time_s", "f8"), ("shell", "i4"), ("local_hour", "i4"), ("spacecraft", "i8")]
    + [(f"{name}_{how}", "f8") for name in BY_HOUR for how in ("min", "mean", "max")]
)


def quantity(wing: Wing, name: str) -> Values:
    """One of QUANTITIES, of every spacecraft of a wing."""
    return measured(wing.fleet.states, wing.memory, wing.radiator, name)


def measured(states: Records, memory: Records, radiator: int | None, name: str) -> Values:
    """One of QUANTITIES, from states and memories of one design. radiator: its node, where there is one."""
    if name == "chip_temperature_k":
        return _wide(states["accelerator_temperature_k"].max(axis=1))
    if name == "memory_temperature_k":
        return _wide(states["hbm_temperature_k"].max(axis=1))
    if name == "work_rate":
        return _wide(states["accelerator_rate"].sum(axis=1, dtype=np.float64))
    if name == "radiator_temperature_k":
        if radiator is None:
            return np.full(len(states), np.nan)
        return _wide(states["thermal_temperature_k"][:, radiator])
    if name == "groups_shed":
        return _wide(memory["groups_shed"])
    return _wide(states[name])


def _wide(values: Any) -> Values:
    return np.ascontiguousarray(values, dtype=np.float64)


def local_hour(wing: Wing) -> NDArray[np.int64]:
    """Which hour of local solar time each spacecraft is over: 12 at the sub-solar meridian."""
    place, sun = wing.fleet.states["position_teme_m"], wing.fleet.states["sun_direction_teme"]
    angle = np.arctan2(place[:, 1], place[:, 0]) - np.arctan2(sun[:, 1], sun[:, 0])
    hours: NDArray[np.int64] = np.floor((angle / (2.0 * np.pi) * HOURS + HOURS / 2) % HOURS).astype(np.int64)
    return np.clip(hours, 0, HOURS - 1)


class Tables:
    """What has been seen so far. samples: the numbers, within each wing, of the spacecraft that are kept in full."""

    def __init__(self, flight: Flight, samples: int) -> None:
        self._flight = flight
        self._planes: list[Records] = []
        self._hours: list[Records] = []
        self._full: list[list[Records]] = [[] for _ in flight.wings]
        self._memory: list[list[Records]] = [[] for _ in flight.wings]
        self.times_s: list[float] = []
        self.samples = _spread(flight, samples)

    def see(self) -> None:
        """One row of each plane and local hour, and the sampled spacecraft, as they are now."""
        flight = self._flight
        self.times_s.append(flight.time_s)
        for number, wing in enumerate(flight.wings):
            planes, hours = rows(wing, flight.time_s)
            self._planes.append(planes)
            self._hours.append(hours)
            self._full[number].append(wing.fleet.states[self.samples[number]])
            self._memory[number].append(wing.memory[self.samples[number]])

    @property
    def planes(self) -> Records:
        """In the order of time."""
        return np.concatenate([np.zeros(0, PLANE_ROW), *self._planes])

    @property
    def hours(self) -> Records:
        """In the order of time."""
        return np.concatenate([np.zeros(0, HOUR_ROW), *self._hours])

    def full(self, number: int) -> tuple[Records, Records]:
        """State and memory of a wing's sampled spacecraft, in the order of time."""
        wing = self._flight.wings[number]
        return (
            np.concatenate([np.zeros(0, wing.fleet.states.dtype), *self._full[number]]),
            np.concatenate([np.zeros(0, wing.memory.dtype), *self._memory[number]]),
        )

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds."""
        found: dict[str, NDArray[Any]] = {
            "planes": self.planes, "hours": self.hours, "times": np.array(self.times_s, dtype=np.float64)
        }  # fmt: skip
        for number in range(len(self._full)):
            found[f"full-{number}"], found[f"known-{number}"] = self.full(number)
        return found

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what a checkpoint held."""
        self._planes, self._hours = [arrays["planes"]], [arrays["hours"]]
        self.times_s = arrays["times"].tolist()
        for number in range(len(self._full)):
            self._full[number], self._memory[number] = [arrays[f"full-{number}"]], [arrays[f"known-{number}"]]


def _spread(flight: Flight, samples: int) -> list[NDArray[np.intp]]:
    """Evenly over everybody, in the order of the file; at least one of each wing."""
    found, total = [], len(flight)
    for wing in flight.wings:
        mine = min(len(wing), max(1, round(samples * len(wing) / total)))
        found.append(np.arange(mine, dtype=np.intp) * len(wing) // mine)
    return found


def rows(wing: Wing, time_s: float) -> tuple[Records, Records]:
    """What the tables say of a wing now: a row of each plane, and of each local hour that somebody is over."""
    blocks, starts = wing.blocks, wing.starts
    planes = np.zeros(len(blocks), PLANE_ROW)
    planes["time_s"] = time_s
    planes["shell"] = [block.shell for block in blocks]
    planes["plane"] = [block.plane for block in blocks]
    counts = np.array([block.last - block.first for block in blocks], np.int64)
    planes["spacecraft"] = counts
    hour = local_hour(wing)
    shells = list(dict.fromkeys(block.shell for block in blocks))
    place = np.repeat([shells.index(block.shell) for block in blocks], counts) * HOURS + hour
    cells = np.bincount(place, minlength=len(shells) * HOURS)
    hours = np.zeros(len(cells), HOUR_ROW)
    hours["time_s"], hours["spacecraft"] = time_s, cells
    hours["shell"], hours["local_hour"] = np.repeat(shells, HOURS), np.tile(np.arange(HOURS), len(shells))
    for name in QUANTITIES:
        values = quantity(wing, name)
        planes[f"{name}_min"] = np.minimum.reduceat(values, starts)
        planes[f"{name}_mean"] = np.add.reduceat(values, starts) / counts
        planes[f"{name}_max"] = np.maximum.reduceat(values, starts)
        planes[f"{name}_p50"] = _medians(values, blocks)
        if name in BY_HOUR:
            _by_hour(hours, name, values, place, cells)
    for name in COUNTS:
        planes[name] = np.add.reduceat(wing.fleet.states[name].sum(axis=1, dtype=np.int64), starts)
    return planes, hours[cells > 0]


def _by_hour(hours: Records, name: str, values: Values, place: NDArray[np.int64], cells: NDArray[np.int64]) -> None:
    with np.errstate(invalid="ignore"):
        hours[f"{name}_mean"] = np.bincount(place, values, len(cells)) / cells
    low, high = np.full(len(cells), np.inf), np.full(len(cells), -np.inf)
    np.minimum.at(low, place, values)
    np.maximum.at(high, place, values)
    hours[f"{name}_min"], hours[f"{name}_max"] = low, high


def _medians(values: Values, blocks: Sequence[Any]) -> Values:
    """Of each block; neighbours of one size together."""
    found, k = np.empty(len(blocks)), 0
    while k < len(blocks):
        size, end = blocks[k].last - blocks[k].first, k + 1
        while end < len(blocks) and blocks[end].last - blocks[end].first == size:
            end += 1
        found[k:end] = np.median(values[blocks[k].first : blocks[end - 1].last].reshape(end - k, size), axis=1)
        k = end
    return found


def plain(records: Records, texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Columns by name; what `texts` names is a number into these words."""
    columns: dict[str, Any] = {}
    for name in records.dtype.names or ():
        values = records[name]
        columns[name] = [texts[name][k] for k in values.tolist()] if name in texts else np.ascontiguousarray(values)
    return columns


def in_full(wing: Wing, names: Sequence[str], times_s: Sequence[float], states: Records, memory: Records) -> Any:
    """Every quantity of truth, and what flight software knows, of these spacecraft: rows by time, then by name."""
    columns: dict[str, Any] = {
        "time_s": np.repeat(np.array(times_s), len(names)), "spacecraft": list(names) * len(times_s)
    }  # fmt: skip
    for name, field, place in wing.fields:
        columns[name] = _wide(states[field] if place is None else states[field][:, place])
    for name in memory.dtype.names or ():
        columns[f"software.{name}"] = _wide(memory[name])
    return columns


def write(folder: Path, tables: Iterator[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Parquet files, each whole or not at all; NaN becomes null. Raises EnvironmentFault."""
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise EnvironmentFault(
            "the tables of a constellation are Parquet, which needs pyarrow", hint="pip install 'skyrack[export]'"
        ) from None
    written = []
    for name, columns in tables:
        arrays = {
            head: pyarrow.array(values, from_pandas=isinstance(values, np.ndarray)) for head, values in columns.items()
        }
        content = io.BytesIO()
        parquet.write_table(pyarrow.table(arrays), content)
        try:
            write_whole(folder / f"{name}.parquet", content.getvalue())
        except OSError as error:
            raise EnvironmentFault(
                f"cannot write {folder / name}.parquet: {error.strerror}", hint="choose another --out"
            ) from error
        written.append(f"{name}.parquet")
    return written
