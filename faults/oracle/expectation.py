"""What an expectation is once it has been read: the tree, the names it may use, the signals it needs.

always [10 min, 20 min] dawn-1.battery_soc > 30 % and dawn-1.main_bus_voltage_v > 24 V
eventually dawn-2.mode == NOMINAL
never dawn-1.hbm_temperature_k[0] > 95 degC
within 120 s of string-open: dawn-1.mode == SAFE
within 60 s of event dawn-1.payload_shed: dawn-1.payload_power_w < 50 W
within 5 s of telecommand dawn-1.set_mode completed: dawn-1.mode == NOMINAL
dawn-1.mode == NOMINAL until [0 s, 2 h] event dawn-1.payload_shed
never alarm dawn-1.battery_soc
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Comparator = Literal["<", "<=", ">", ">=", "==", "!="]
TELECOMMAND_STAGES = ("sent", "accepted", "started", "completed", "failed", "rejected")


@dataclass(frozen=True, slots=True)
class Names:
    """Everything an expectation of one scenario may name.

    signals: per spacecraft its truth signals, sub-array elements by number and by the design's name
    (`string_health[3]`, `thermal_temperature_k[radiator]`). labels: per signal (without index) the words for its
    values from 0 (`mode`: LEOP, NOMINAL, SAFE, SURVIVAL). faults: ids of the scenario's faults. events, telecommands,
    alarms (parameters and events): per spacecraft, from its dictionary. own: whose signal a name without a spacecraft
    is, or empty.
    """

    signals: Mapping[str, Collection[str] | None]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    faults: Collection[str] | None = None
    events: Mapping[str, Collection[str]] = field(default_factory=dict)
    telecommands: Mapping[str, Collection[str]] = field(default_factory=dict)
    own: str = ""
    alarms: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signal:
    """One truth signal of one spacecraft, by its name in the trace."""

    spacecraft: str
    name: str

    def __str__(self) -> str:
        return f"{self.spacecraft}.{self.name}"


@dataclass(frozen=True, slots=True)
class Number:
    """A constant, already in the unit of the signal it is compared with."""

    value: float


Operand = Signal | Number


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left comparator right`, sample by sample."""

    left: Operand
    comparator: Comparator
    right: Operand


@dataclass(frozen=True, slots=True)
class Occurs:
    """True at the sample whose tick holds an occurrence of the trigger."""

    trigger: Trigger


@dataclass(frozen=True, slots=True)
class Not:
    """The other way round."""

    operand: Condition


@dataclass(frozen=True, slots=True)
class All:
    """Every one of them (`and`)."""

    operands: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of them (`or`)."""

    operands: tuple[Condition, ...]


Condition = Comparison | Occurs | Not | All | Any


@dataclass(frozen=True, slots=True)
class FaultTrigger:
    """Each time the target says that this fault's injection acts."""

    fault: str


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """Each time this spacecraft generates this event, in mission time, whatever its clock says."""

    spacecraft: str
    event: str


@dataclass(frozen=True, slots=True)
class TelecommandTrigger:
    """Each time a telecommand of this name reaches `stage` (one of TELECOMMAND_STAGES)."""

    spacecraft: str
    telecommand: str
    stage: str


@dataclass(frozen=True, slots=True)
class AlarmTrigger:
    """Each time the ground raises an alarm about this: a parameter, or the name of an event."""

    spacecraft: str
    subject: str


Trigger = FaultTrigger | EventTrigger | TelecommandTrigger | AlarmTrigger


@dataclass(frozen=True, slots=True)
class Expectation:
    """One sentence.

    operator always or eventually: over samples with window_s[0] <= t <= window_s[1] (None: the whole run).
    operator until: at one of these samples `condition` is true, and `meanwhile` is at every sample before it.
    operator within: after each occurrence of `trigger`, `condition` must be true at a sample with
    occurrence <= t <= occurrence + deadline_s.
    """

    text: str
    operator: Literal["always", "eventually", "within", "until"]
    condition: Condition
    window_s: tuple[float, float] | None = None
    deadline_s: float = 0.0
    trigger: Trigger | None = None
    meanwhile: Condition | None = None


def signals_of(condition: Condition) -> Iterator[Signal]:
    """The signals of a condition, from left to right, repeats included."""
    match condition:
        case Comparison(left, _, right):
            yield from (operand for operand in (left, right) if isinstance(operand, Signal))
        case Not(operand):
            yield from signals_of(operand)
        case All(operands) | Any(operands):
            for each in operands:
                yield from signals_of(each)


def signals_needed(expectation: Expectation) -> dict[str, tuple[str, ...]]:
    """Per spacecraft, the truth signals that judging this expectation needs, each once, in order of first mention."""
    needed: dict[str, list[str]] = {}
    conditions = [expectation.condition, *([expectation.meanwhile] if expectation.meanwhile else [])]
    for signal in (each for condition in conditions for each in signals_of(condition)):
        names = needed.setdefault(signal.spacecraft, [])
        if signal.name not in names:
            names.append(signal.name)
    return {spacecraft: tuple(names) for spacecraft, names in needed.items()}
