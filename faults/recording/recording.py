"""What was recorded of a run, as the oracle, the summary, the report and the exports want to see it.

Times are seconds since the scenario's epoch; a sample at time t is truth at the end of the tick that ends at t.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bus.dictionary import Dictionary
from bus.scenario.model import Scenario
from faults.oracle.expectation import AlarmTrigger, EventTrigger, FaultTrigger, TelecommandTrigger, Trigger
from faults.recording.books import Books, Loss
from faults.recording.operations import Operations
from groundstation.archive.reader import RetiredStream
from groundstation.config import AlarmRules

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faults.recording.packet_times import PacketTimes

    Floats = NDArray[np.float64]

TERMINAL_STATES = ("completed", "failed", "rejected", "expired", "indeterminate")


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """One injection: what was planned and what the target said. at_s is of its first onset, cleared_s of its last end,
    None where it never came to that. place: where it takes hold, in the seam's words. strikes: every onset with its
    end, None where there was none."""

    id: str
    fault: str
    target: str
    seam: str
    planned_s: float
    at_s: float | None
    cleared_s: float | None
    refused: str = ""
    place: str = ""
    strikes: tuple[tuple[float, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event generated on board; each (boot, sequence) once, however often it was sent.

    at_s: mission time of the tick it was made in, None where that is not known. obt_s: its stamp, by the clock
    on board. sent_s: when the copy that was received first left the spacecraft. named: its arguments by name, with
    labels for numbers, as the dictionary has them.
    """

    spacecraft: str
    at_s: float | None
    name: str
    severity: int
    arguments: tuple[float, ...]
    obt_s: float = 0.0
    sent_s: float = 0.0
    named: Mapping[str, float | str] = field(default_factory=dict)


def said(event: EventRecord) -> str:
    """What an event report says, by name; by position where no dictionary names it."""
    named = event.named or {f"argument_{place}": value for place, value in enumerate(event.arguments)}
    return ", ".join(f"{name} {value if isinstance(value, str) else f'{value:.6g}'}" for name, value in named.items())


@dataclass(slots=True)
class TelecommandRecord:
    """One telecommand as it went over the space link.

    stages_s: mission time at which the spacecraft came to each stage that it reported, None where that is not known.
    """

    spacecraft: str
    ground_boot: int
    request: int
    name: str
    station: str
    sent_s: float
    transmissions: int = 1
    stages_s: dict[str, float | None] = field(default_factory=dict)
    detail: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """Furthest stage reported, or `sent`."""
        order = ("completed", "failed", "rejected", "started", "accepted")
        return next((stage for stage in order if stage in self.stages_s), "sent")


@dataclass(frozen=True, slots=True)
class Pointing:
    """An antenna of `station` points at a spacecraft over this time."""

    station: str
    spacecraft: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Reported:
    """What the ground received of one quantity: values at the mission times at which they were reported.

    undated: values of which nobody knows when they were reported; they are not among the others.
    """

    times_s: Floats
    values: Floats
    undated: int = 0


@dataclass(frozen=True, slots=True)
class ParameterReport:
    """What the ground was told of an on-board parameter. at_s: when it was made, None where that is not known."""

    spacecraft: str
    name: str
    value: float
    unit: str
    at_s: float | None
    received_s: float


@dataclass(slots=True)
class Recording:
    """Everything about one run. Implements `oracle.Evidence`. `damage`: why its trace is not whole, or empty."""

    scenario: Scenario
    times_s: Floats
    signals: Mapping[tuple[str, str], Floats]
    trace_hash: str = ""
    complete: bool = False
    damage: str = ""
    ticks: int = 0
    late_ticks: int = 0
    faults: Sequence[FaultRecord] = ()
    events: Sequence[EventRecord] = ()
    telecommands: Sequence[TelecommandRecord] = ()
    pointings: Sequence[Pointing] = ()
    books: Books = field(default_factory=Books)
    lost: Sequence[Loss] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)
    packet_times: PacketTimes | None = None
    belief: Mapping[tuple[str, str], Reported] = field(default_factory=dict)
    parameters: Sequence[ParameterReport] = ()
    operations: Operations = field(default_factory=Operations)
    service_levels: Mapping[str, Any] = field(default_factory=dict)
    crosslinks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    retired: Sequence[RetiredStream] | None = None
    _sorted: tuple[Mapping[tuple[str, str], Floats], dict[str, dict[str, Floats]]] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @property
    def end_s(self) -> float:
        """End of the last recorded tick."""
        return self.ticks * self.scenario.tick_ns / 1e9

    @property
    def play_back(self) -> str:
        """What alarms made of telemetry that was played back."""
        rules = self.scenario.alarms
        return rules.play_back if rules else AlarmRules.play_back

    @property
    def planned_s(self) -> float:
        """When the run was to end."""
        return self.scenario.ticks * self.scenario.tick_ns / 1e9

    def signal(self, spacecraft: str, name: str) -> Floats | None:
        """One truth signal, or None where it was not sampled."""
        return self.signals.get((spacecraft, name))

    def signals_of(self, spacecraft: str) -> Mapping[str, Floats]:
        """The truth signals of one spacecraft, by name; sorted out once, for there may be a thousand of them."""
        if self._sorted is None or self._sorted[0] is not self.signals:
            found: dict[str, dict[str, Floats]] = {}
            for (owner, name), values in self.signals.items():
                found.setdefault(owner, {})[name] = values
            self._sorted = self.signals, found
        return self._sorted[1].get(spacecraft, {})

    def made_s(self, spacecraft: str, boot: int, service: int, sequence: int) -> float | None:
        """Mission time at which a packet was made, None where it is not known."""
        return self.packet_times.made_s(spacecraft, boot, service, sequence) if self.packet_times else None

    def occurrences(self, trigger: Trigger) -> list[float]:
        """When a trigger came, rising, in mission time; at the end a NaN for each time it came nobody knows when."""
        found: list[float | None]
        match trigger:
            case FaultTrigger(fault):
                found = [at_s for f in self.faults if _is_of(f.id, fault) for at_s, _ in f.strikes or [(f.at_s, None)]]
                found = [at_s for at_s in found if at_s is not None]
            case EventTrigger(spacecraft, event):
                found = [e.at_s for e in self.events if (e.spacecraft, e.name) == (spacecraft, event)]
            case AlarmTrigger(spacecraft, subject):
                if self.operations.alarms is None:
                    return [math.nan]  # nobody kept them
                rows = [row for row in self.operations.alarms if row["spacecraft"] == spacecraft]
                found = [row["raised_s"] for row in rows if subject in row["subject"].split()[:2]]
            case TelecommandTrigger(spacecraft, telecommand, stage):
                mine = [t for t in self.telecommands if (t.spacecraft, t.name) == (spacecraft, telecommand)]
                if stage == "sent":
                    found = [t.sent_s for t in mine]
                else:
                    found = [t.stages_s[stage] for t in mine if stage in t.stages_s]
        known = [at_s for at_s in found if at_s is not None]
        return sorted(set(known)) + [math.nan] * (len(found) - len(known))


def _is_of(injection: str, fault: str) -> bool:
    """Whether an injection's id is the fault's own, or one of its parts (`fault.0`, `fault.1`)."""
    head, _, part = injection.rpartition(".")
    return injection == fault or (head == fault and part.isdigit())


def intervals(times_s: Floats, values: Floats, tick_s: float) -> list[tuple[float, float, float]]:
    """(start, end, value) of each stretch over which a stepwise signal keeps its value; NaN stretches are left out.

    A sample at t stands for the tick that ends there.
    """
    import numpy as np  # noqa: PLC0415 - `skyrack --help` must not wait for numpy

    if values.size == 0:
        return []
    known = np.nan_to_num(values, nan=-1e300)
    changes = np.flatnonzero(np.diff(known)) + 1
    starts = np.concatenate(([0], changes))
    ends = np.concatenate((changes, [values.size]))
    return [
        (float(times_s[a]) - tick_s, float(times_s[b - 1]), float(values[a]))
        for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
        if not np.isnan(values[a])
    ]
