"""What a design has on board, as far as flight software and the dictionary must know it: names, in the design's order.

Nothing here knows the plant or the design file.
"""

from __future__ import annotations

from dataclasses import dataclass

JOBS_WATCHED = 4
"""Jobs that are reported one by one; all others only in the sums."""
JOB_SLOTS = 32
"""Jobs that the hosts of a full design can hold at a time."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """Names of the equipment of one design. `accelerator_group_power_w`: rated power of each group;
    `job_slots`: jobs at a time."""

    design: str
    strings: tuple[str, ...]
    battery_groups: tuple[str, ...]
    lcls: tuple[str, ...]
    thermal_nodes: tuple[str, ...]
    heaters: tuple[str, ...]
    accelerator_groups: tuple[str, ...]
    accelerator_group_power_w: tuple[float, ...]
    isl_heads: tuple[str, ...] = ()
    job_slots: int = JOB_SLOTS

    @property
    def jobs_watched(self) -> int:
        """Jobs that are reported one by one."""
        return min(JOBS_WATCHED, self.job_slots)


ALL = "all"


def job_labels(equipment: Equipment) -> tuple[str, ...]:
    """What a telecommand may name: all jobs, or one of those that are reported."""
    return (ALL, *(str(slot) for slot in range(equipment.jobs_watched)))
