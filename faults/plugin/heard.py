"""What a run held in one's hands knows: samples, event reports, telecommands, as the ground received them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from bus.pus import Service
from groundstation.commanding.states import TERMINAL

KEPT = 10_000
"""Samples and events kept for looking back at; older ones are in the archive."""
Marks = Mapping[Service, tuple[int, int]]
"""(boot, number) of the packet that each service of a spacecraft makes next."""


class TooLate(AssertionError):
    """What was waited for did not come within its time."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A telemetered value as the ground received it: mission time of the tick it arrived in, the stamp on board, and
    the label where the parameter has labels."""

    received_s: float
    obt_s: float
    value: float
    label: str
    number: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Report:
    """An event report as the ground received it; `arguments` by name."""

    received_s: float
    obt_s: float
    name: str
    severity: int
    arguments: Mapping[str, float | str]
    number: tuple[int, int]


@dataclass(slots=True)
class Command:
    """A telecommand and what has become of it: `state` is its latest, `history` all with their mission times."""

    spacecraft: str
    name: str
    state: str = "ASKED"
    detail: str = ""
    history: list[tuple[float, str]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """It is in a state that it never leaves."""
        return self.state in TERMINAL


@dataclass(slots=True)
class Heard:
    """What the ground received of one spacecraft."""

    telemetry: dict[str, deque[Sample]] = field(default_factory=dict)
    events: deque[Report] = field(default_factory=lambda: deque(maxlen=KEPT))
    truth: dict[str, float] = field(default_factory=dict)
