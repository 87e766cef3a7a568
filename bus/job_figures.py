"""Figures that jobs and logs of a scenario have in common: checkpoints, restarts, checks."""

from __future__ import annotations

from bus.workload import Checks
from bus.yaml_fields import Fields

DAY_S = 86_400.0
RESTART_S = 60.0
"""Loading weights and starting again takes about a minute [A]."""


def checks_of(fields: Fields, communication: float = 0.0) -> Checks:
    """What errors and checks cost."""
    restart = fields.optional("restart_cost")
    detect = fields.optional("detect_after")
    cost = fields.optional("check_cost")
    checking = cost.quantity("fraction", 0.0, 0.9, "0 to 90 %") if cost else 0.0
    return Checks(
        restart_s=restart.quantity("time", 0.0, DAY_S, "0 s to 1 d") if restart else RESTART_S,
        detect_s=detect.quantity("time", 1.0, 366 * DAY_S, "1 s to 366 d") if detect else 0.0,
        efficiency=(1.0 - checking) * (1.0 - communication),
    )


def checkpoints_of(fields: Fields, *, needed: bool) -> tuple[float, float]:
    """Interval and cost of checkpoints; (0, 0) where there are none."""
    if not needed and "checkpoint_every" not in fields and "checkpoint_cost" not in fields:
        return 0.0, 0.0
    return (
        fields["checkpoint_every"].quantity("time", 1.0, 366 * DAY_S, "1 s to 366 d of work"),
        fields["checkpoint_cost"].quantity("time", 0.0, DAY_S, "0 s to 1 d"),
    )
