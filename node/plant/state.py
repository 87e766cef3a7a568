"""The truth of a spacecraft: structured dtypes, composed from what each model declares, per capacity class.

STATE is what changes, INPUT what flight software orders, PARAM what the design is, FLIGHT what makes one spacecraft
different from its sisters (elements, identity), WORK scratch that no one saves. No field is declared here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from node.plant import (
    attitude,
    battery,
    compute,
    environment,
    jobs,
    limiters,
    link,
    loop,
    optical,
    orbit,
    power,
    radiation,
    strikes,
    thermal,
)
from node.plant.capacity import CLASSES, Capacity
from node.plant.fields import Field

MODELS = (
    environment,
    attitude,
    link,
    optical,
    radiation,
    power,
    limiters,
    battery,
    thermal,
    loop,
    compute,
    strikes,
    jobs,
)
"""Every model but the orbit, whose parameters belong to the spacecraft and not to the design."""

IDENTITY: list[Field] = [("draw_seed", "u8"), ("draw_spacecraft", "u8")]
"""Who asks for random numbers: the scenario's seed and the stable id of the spacecraft's name."""


@dataclass(frozen=True)
class Layout:
    """The dtypes of one capacity class."""

    capacity: Capacity
    state: np.dtype[np.void]
    param: np.dtype[np.void]
    flight: np.dtype[np.void]
    order: np.dtype[np.void]
    work: np.dtype[np.void]


@lru_cache(maxsize=4)
def layout(capacity_class: str) -> Layout:
    """The dtypes of "full" or "fleet"."""
    cap = CLASSES[capacity_class]
    states = [f for model in (orbit, *MODELS) for f in model.state_fields(cap)]
    params = [f for model in MODELS for f in model.param_fields(cap)]
    orders = [f for model in (orbit, *MODELS) for f in model.input_fields(cap)]
    works = [f for model in MODELS if hasattr(model, "work_fields") for f in model.work_fields(cap)]
    return Layout(
        cap,
        _record(states),
        _record(params),
        _record(orbit.param_fields(cap) + IDENTITY),
        _record(orders),
        _record(works),
    )


def _record(fields: list[Field]) -> np.dtype[np.void]:
    """Aligned, widest fields first as declared; numba reads aligned records without copying."""
    wide = [f for f in fields if not f[1].startswith("i4")]
    narrow = [f for f in fields if f[1].startswith("i4")]
    return np.dtype([*wide, *narrow], align=True)
