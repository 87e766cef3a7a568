"""What the bus process is given, and what it gives back. Values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from bus.errors import SkyrackError
from bus.lockstep.instructions import Finished, Lost
from bus.lockstep.sessions import ParticipantPlan
from bus.participant import Participant

LOOPBACK = "tcp://127.0.0.1:0"


class Recorder(Protocol):
    """Where complete ticks go (`trace.TraceWriter`)."""

    def append(self, content: bytes) -> None:
        """One tick; EnvironmentFault if it cannot be written."""
        ...


class OutsideFigures(NamedTuple):
    """Of one line to what is outside, for whoever watches: whether somebody answers there, what was counted, and in
    which time 99 % of the answers came; None without answers, and where nobody waits for them."""

    answers: bool
    counts: Mapping[str, int]
    round_trip_p99_s: float | None


@dataclass(frozen=True)
class BusPlan:
    """Everything the bus process needs to know of a run. `scenario` is its canonical JSON; `dictionaries` the version
    each participant must bring; `speed` None is lockstep, else mission seconds per second; `metrics` is HOST:PORT for
    Prometheus, or nothing; `outside` gives what is known of lines to what is outside, by their names."""

    participants: tuple[ParticipantPlan, ...]
    ticks: int
    tick_ns: int
    scenario: bytes
    dictionaries: Mapping[str, str] = field(default_factory=dict)
    local: tuple[Participant, ...] = ()
    speed: float | None = None
    missing_tock: Literal["stop", "continue"] = "stop"
    tock_timeout_s: float = 30.0
    start_timeout_s: float = 120.0
    time_endpoint: str = LOOPBACK
    range_endpoint: str = LOOPBACK
    observe_endpoint: str = LOOPBACK
    metrics: str = ""
    outside: Callable[[], Mapping[str, OutsideFigures]] = dict


@dataclass(frozen=True)
class BusOutcome:
    """How it ended. `counters` are the conductor's per participant, `traffic` the ports'; `slips` see clock.Pacer.
    `refused`: what was turned away, see `refusals.Refusals.rows`. `interrupted`: the signal that ended it, or empty."""

    finished: Finished
    failure: SkyrackError | None
    traffic: dict[str, int]
    slips: int
    lost: tuple[Lost, ...]
    refused: tuple[dict[str, Any], ...] = ()
    interrupted: str = ""
