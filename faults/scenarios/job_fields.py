"""Fields that jobs and cluster logs share, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from bus.constants import DAY_S
from bus.scenario.workload import SERVICE_LAWS, Checks, ServiceLaw
from bus.text.leaves import choice, quantity, text, whole
from bus.text.reader import Item
from bus.wire.messages import ID_PATTERN

RESTART_S = 60.0
"""Loading weights and starting again takes about a minute [A]."""

# `| None`: for fields that may be left out; written without a value they are a mistake like any other.
Id = Annotated[str | None, text(longest=32, pattern=ID_PATTERN, shape="a name such as 'llm-1' (a-z, 0-9, -)")]
Groups = Annotated[tuple[Annotated[str, text(longest=64)], ...], Field(min_length=1, max_length=64)]
Count = Annotated[int | None, whole(1, 1_000_000)]
Start = Annotated[float, quantity("time", 0.0, 366 * DAY_S, "0 s to 366 d")]
Restart = Annotated[float, quantity("time", 0.0, DAY_S, "0 s to 1 d")]
Detect = Annotated[float, quantity("time", 1.0, 366 * DAY_S, "1 s to 366 d")]
Load = Annotated[float, quantity("fraction", 0.001, 1.0, "0.1 to 100 %")]
Mode = Annotated[
    str | None, text(longest=32, pattern=r"[a-z][a-z0-9_]*", shape="the name of a power mode of its chips")
]
Share = Annotated[float, quantity("fraction", 0.0, 0.9, "0 to 90 %")]
_EVERY = quantity("time", 1.0, 366 * DAY_S, "1 s to 366 d of work")
_COST = quantity("time", 0.0, DAY_S, "0 s to 1 d")
Every = Annotated[float, _EVERY]
MaybeEvery = Annotated[float | None, _EVERY]
Cost = Annotated[float, _COST]
MaybeCost = Annotated[float | None, _COST]
Law = Annotated[ServiceLaw, choice(SERVICE_LAWS)]
Spread = Annotated[float | None, quantity("number", 0.01, 3.0, "0.01 to 3")]
Objective = Annotated[float, quantity("time", 1e-3, DAY_S, "1 ms to 1 d")]


def checks_of(parts: Mapping[str, Any], communication: float = 0.0) -> Checks:
    """What errors and checks cost."""
    return Checks(
        restart_s=parts["restart_cost"],
        detect_s=parts["detect_after"],
        efficiency=(1.0 - parts["check_cost"]) * (1.0 - communication),
    )


def spread_of(entry: Item, parts: Mapping[str, Any], default: float) -> float:
    """The spread of a service time, which only a lognormal one has."""
    if parts["service_law"] in (None, "lognormal"):
        return default if parts["service_spread"] is None else float(parts["service_spread"])
    if entry.has("service_spread"):
        entry.below("service_spread").refuse(
            f"a spread of a service_law that is {parts['service_law']}", "no spread, or `service_law: lognormal`"
        )
    return 0.0


def checkpoints_of(entry: Item) -> None:
    """Who says how often a checkpoint is written says what it costs, and the other way round."""
    if entry.has("checkpoint_every") != entry.has("checkpoint_cost"):
        entry.below("checkpoint_every").read(Every)
        entry.below("checkpoint_cost").read(Cost)
