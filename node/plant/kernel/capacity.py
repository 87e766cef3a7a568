"""How much room each capacity class has. Counts and adjacency are parameters, so a new design never recompiles.

Only room sizes may live here: no field of a model, no figure of a design, no numba.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capacity:
    """Room for each kind of part; the design says how many there are."""

    name: str
    strings: int
    battery_groups: int
    lcls: int
    thermal_nodes: int
    conductors: int
    faces: int
    radiators: int
    directions: int
    heaters: int
    exchangers: int
    pairs: int
    updates: int
    accelerator_groups: int
    radiation_devices: int
    jobs: int
    checkpoints: int
    stations: int
    isl_heads: int
    curve_points: int
    curve_pairs: int
    modes: int
    clock_steps: int


FULL = Capacity(
    name="full",
    strings=40,
    battery_groups=8,
    lcls=24,
    thermal_nodes=40,
    conductors=80,
    faces=40,
    radiators=12,
    directions=40,
    heaters=12,
    exchangers=24,
    pairs=400,
    updates=2000,
    accelerator_groups=16,
    radiation_devices=20,
    jobs=32,
    checkpoints=8,
    stations=16,
    isl_heads=4,
    curve_points=11,
    curve_pairs=41,
    modes=8,
    clock_steps=16,
)
"""One spacecraft, every part of it."""

FLEET = Capacity(
    name="fleet",
    strings=2,
    battery_groups=1,
    lcls=4,
    thermal_nodes=12,
    conductors=13,
    faces=6,
    radiators=2,
    directions=2,
    heaters=1,
    exchangers=1,
    pairs=40,
    updates=80,
    accelerator_groups=4,
    radiation_devices=5,
    jobs=1,
    checkpoints=1,
    stations=1,
    isl_heads=1,
    curve_points=11,
    curve_pairs=11,
    modes=4,
    clock_steps=4,
)
"""One of very many: at most 1.5 kB of state each."""

CLASSES = {"full": FULL, "fleet": FLEET}
