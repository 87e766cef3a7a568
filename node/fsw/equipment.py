"""What a design has on board, as far as flight software and the dictionary must know it: names, in the design's order.

Nothing here knows the plant or the design file; `node/assembly.py` fills it in.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Equipment:
    """Names of the equipment of one design. `accelerator_group_power_w`: rated power of each group."""

    design: str
    strings: tuple[str, ...]
    battery_groups: tuple[str, ...]
    lcls: tuple[str, ...]
    thermal_nodes: tuple[str, ...]
    heaters: tuple[str, ...]
    accelerator_groups: tuple[str, ...]
    accelerator_group_power_w: tuple[float, ...]
    isl_heads: tuple[str, ...] = ()
