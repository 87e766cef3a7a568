"""The fields of truth and of orders by name, without the models that declare them.

Whoever only checks names (a scenario, a list) would pay for numba, half a second and 60 MB, because every model file
holds kernels. So the fields are kept beside the compiled kernels, under the same digest of the plant's sources.
"""

from __future__ import annotations

import contextlib
import json
import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from node.plant import cache

FieldsOf = dict[str, list[tuple[str, str, tuple[int, ...]]]]


@lru_cache(maxsize=8)
def fields(capacity_class: str, record: str = "state") -> np.dtype[np.void]:
    """Names, types and rooms of a record ("state" or "order") of a capacity class; its memory layout may differ."""
    return np.dtype(_fields(capacity_class, cache.FOLDER / f"fields-{capacity_class}.json")[record])


def _fields(capacity_class: str, kept: Path) -> FieldsOf:
    """What is kept, or what the models say, which is then kept."""
    try:
        content = json.loads(kept.read_text(encoding="utf-8"))
        return {record: [(name, form, tuple(shape)) for name, form, shape in content[record]] for record in _RECORDS}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    from node.plant.state import layout  # noqa: PLC0415 - numba

    made = layout(capacity_class)
    found: FieldsOf = {}
    for record in _RECORDS:
        dtype: np.dtype[np.void] = getattr(made, record)
        found[record] = [(name, dtype[name].base.str, dtype[name].shape) for name in dtype.names or ()]
    partial = kept.with_name(f"{kept.name}.{os.getpid()}")
    with contextlib.suppress(OSError):  # a cache that cannot be written is only slow
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(kept)
    return found


_RECORDS = ("state", "order")
