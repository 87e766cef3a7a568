"""Names of truth: "thermal_temperature_k[radiator_1]" -> a field of the state and an index.

The parts' names come from the design; an index beyond the parts there are is refused. No numba here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

import numpy as np

_PATTERN = re.compile(r"([a-z][a-z0-9_]*)(?:\[([A-Za-z0-9_.\-]+)\])?")

_KINDS = (
    ("string_", "string"),
    ("battery_group_", "battery_group"),
    ("lcl_", "lcl"),
    ("thermal_temperature_k", "thermal_node"),
    ("heater_", "heater"),
    ("conductor_health", "conductor"),
    ("radiator_health", "radiator"),
    ("face_", "face"),
    ("exchanger_", "exchanger"),
    ("accelerator_", "accelerator"),
    ("hbm_", "accelerator"),
    ("job_load", "accelerator"),
    ("job_checkpoints_s", ""),
    ("job_taken", ""),
    ("job_", "job"),
    ("station_", "station"),
    ("light_time_s", "station"),
    ("downlink_", "station"),
    ("uplink_", "station"),
    ("frame_loss", "station"),
    ("isl_", "isl_head"),
    ("device_", "radiation_device"),
    ("corrected_upsets", "radiation_device"),
    ("uncorrected_upsets", "radiation_device"),
    ("silent_errors", "radiation_device"),
    ("interrupts", "radiation_device"),
    ("latchups", "radiation_device"),
    ("upset_bits", "radiation_device"),
)


class UnknownField(KeyError):
    """A name of truth there is not; `nearest` holds what was probably meant."""

    def __init__(self, name: str, nearest: Sequence[str]) -> None:
        self.name = name
        self.nearest = list(nearest)
        meant = f"; nearest: {', '.join(nearest)}" if nearest else ""
        super().__init__(f"the plant has no '{name}'{meant}")

    def __str__(self) -> str:
        return str(self.args[0])


def kind_of(field: str) -> str | None:
    """Which kind of part the elements of a sub-array belong to; None for vectors."""
    for prefix, kind in _KINDS:
        if field.startswith(prefix):
            return kind
    return None


def parts_of(dtype: np.dtype[np.void], names: Mapping[str, Sequence[str]], field: str) -> list[str]:
    """Names of the elements of a sub-array: the parts' names, or numbers for a vector."""
    room = dtype[field].shape[0]
    kind = kind_of(field)
    if kind is not None and kind in names:
        return list(names[kind])[:room]
    return [str(i) for i in range(room)]


def resolve(dtype: np.dtype[np.void], names: Mapping[str, Sequence[str]], name: str) -> tuple[str, int | None]:
    """Field and index (None for a scalar field). Raises UnknownField with the nearest names."""
    match = _PATTERN.fullmatch(name)
    fields = dtype.names or ()
    if match is None or match[1] not in fields:
        stem = match[1] if match else name
        raise UnknownField(name, difflib.get_close_matches(stem, fields, 3))
    field, part = match[1], match[2]
    if not dtype[field].shape:
        if part is not None:
            raise UnknownField(name, [field])
        return field, None
    parts = parts_of(dtype, names, field)
    if part is None:
        if len(parts) == 1:
            return field, 0
        raise UnknownField(name, [f"{field}[{p}]" for p in parts[:3]])
    if part in parts:
        return field, parts.index(part)
    if part.isdigit() and int(part) < len(parts):
        return field, int(part)
    nearest = difflib.get_close_matches(part, parts, 3) or parts[:3]
    raise UnknownField(name, [f"{field}[{p}]" for p in nearest])


def every_name(dtype: np.dtype[np.void], names: Mapping[str, Sequence[str]]) -> list[str]:
    """All names that `resolve` takes, parts by name."""
    out: list[str] = []
    for field in dtype.names or ():
        if dtype[field].shape:
            out.extend(f"{field}[{part}]" for part in parts_of(dtype, names, field))
        else:
            out.append(field)
    return out
