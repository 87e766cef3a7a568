"""What a design has on board, as far as flight software and the dictionary must know it: names, in the design's order.

Nothing here knows the plant or the design file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from node.devices.figures import ChipFigures, HeatFigures

JOB_KINDS = ("none", "training", "inference", "batch")
"""As the hosts' job manager numbers them; the order `refuse` has a bit for each."""
JOBS_WATCHED = 4
"""Jobs that are reported one by one; all others only in the sums."""
JOB_SLOTS = 32
"""Jobs that the hosts of a full design can hold at a time."""


@dataclass(frozen=True, slots=True)
class FdirRow:
    """One row of the FDIR table: a monitor, the event that it raises, and the telecommand that answers it.

    check: `limit` and `delta` want the reading, or its change in `interval_s`, within [low, high]; `expected` wants it
    to be `low`. It counts after `repetition` looks in a row, `interval_s` apart. While it stays wrong, the event and
    its action come again after `again_s`, then twice that and so on, `at_most` times; so long the action is given time.
    deadline_s: by when it should be well again. criticality_s: time from the limit to damage, None: not known.
    A row without a reading answers this `event` of flight software; or it combines the monitors `of`, and is wrong
    while `at_least` so many of them are (a functional monitor); or it is only escalated to. `modes`: it looks in these
    modes only, none: in all. When its event came `escalate_after` times within `escalate_within_s` and comes again, row
    `escalate_to` acts instead. While its action is given time, for `mask_s`, the monitors `masks` do not look.
    """

    monitor: str
    reading: str
    text: str
    check: Literal["limit", "expected", "delta"] = "limit"
    low: float = -math.inf
    high: float = math.inf
    repetition: int = 3
    interval_s: float = 1.0
    severity: int = 3
    telecommand: str = ""
    arguments: tuple[tuple[str, bool | int | float | str], ...] = ()
    again_s: float = 600.0
    at_most: int = 3
    deadline_s: float = 600.0
    level: Literal["unit", "subsystem", "system"] = "unit"
    criticality_s: float | None = None
    enabled: bool = True
    event: str = ""
    of: tuple[str, ...] = ()
    at_least: int = 1
    modes: tuple[str, ...] = ()
    escalate_to: str = ""
    escalate_after: int = 1
    escalate_within_s: float = 3600.0
    masks: tuple[str, ...] = ()
    mask_s: float = 60.0

    @property
    def confirmation_s(self) -> float:
        """From the first wrong look to the event."""
        return self.repetition * self.interval_s


Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Body:
    """What turns and what turns it: moments of inertia about x, y, z, one reaction wheel's axis (unit vectors) and full
    momentum, one magnetic torquer's dipole, and the fastest turn that is asked for."""

    inertia_kg_m2: Vector
    wheel_axes: tuple[Vector, ...]
    wheel_momentum_n_m_s: float
    torquer_a_m2: float
    slew_rate_rad_s: float


NO_HEAT = HeatFigures()
NO_BODY = Body((0.0, 0.0, 0.0), (), 0.0, 0.0, 0.0)
"""Of equipment that is only listed, and never flies."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """Names of the equipment of one design, and what its managers must know of it.

    `accelerator_group_power_w`, `_lowest_w`: rated power and least power cap of each group, at the bus; `_chips`:
    accelerators in each; `_priorities`: of the limiter that feeds it, 4 is shed first; `_hot_k`, `_memory_hot_k`:
    where its chips slow down, and where their memory is too hot. `battery_energy_j`: at nominal voltage;
    `battery_charge_w`: what it takes at most; `battery_charge_c`: what it holds when full. `coolant_hot_k`: supply
    on which chips at rated power would shut down; 0: there is no pumped loop. `job_slots`: jobs at a time;
    `lcl_priorities`: 0 is closed first again; `lcl_loads_w`: what hangs behind each at all times;
    `coolant_flow_kg_s`: at full speed of the pump; `string_panels`: on which panel each is; `isl_near_m`: below it
    a terminal gets all the light that its peer sends, `isl_near_db` over what its full rate needs; `fdir`: its FDIR
    table; `procedures`: names and steps of its on-board procedures; `heat`, `chips`: its thermal network and the
    chips of each group, as built.
    """

    design: str
    strings: tuple[str, ...]
    battery_groups: tuple[str, ...]
    lcls: tuple[str, ...]
    thermal_nodes: tuple[str, ...]
    heaters: tuple[str, ...]
    accelerator_groups: tuple[str, ...]
    accelerator_group_power_w: tuple[float, ...]
    accelerator_group_lowest_w: tuple[float, ...] = ()
    accelerator_group_priorities: tuple[int, ...] = ()
    accelerator_group_hot_k: tuple[float, ...] = ()
    accelerator_group_memory_hot_k: tuple[float, ...] = ()
    battery_energy_j: float = 0.0
    battery_charge_w: float = 0.0
    battery_charge_c: float = 0.0
    coolant_hot_k: float = 0.0
    accelerator_group_chips: tuple[float, ...] = ()
    body: Body = NO_BODY
    isl_heads: tuple[str, ...] = ()
    isl_near_m: float = 0.0
    isl_near_db: float = 0.0
    job_slots: int = JOB_SLOTS
    lcl_priorities: tuple[int, ...] = ()
    lcl_loads_w: tuple[float, ...] = ()
    coolant_flow_kg_s: float = 0.0
    fdir: tuple[FdirRow, ...] = ()
    procedures: tuple[tuple[str, tuple[str, ...]], ...] = ()
    string_panels: tuple[int, ...] = ()
    heat: HeatFigures = NO_HEAT
    chips: tuple[ChipFigures, ...] = ()

    @property
    def jobs_watched(self) -> int:
        """Jobs that are reported one by one."""
        return min(JOBS_WATCHED, self.job_slots)


ALL = "all"


def job_labels(equipment: Equipment) -> tuple[str, ...]:
    """What a telecommand may name: all jobs, or one of those that are reported."""
    return (ALL, *(str(slot) for slot in range(equipment.jobs_watched)))
