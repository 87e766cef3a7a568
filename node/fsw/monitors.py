"""Monitors as data: how many there are, what their events are called, how one is defined, and what one look finds.

No state is held here and nothing is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from bus.pus import Severity
from node.devices.equipment import Equipment, FdirRow
from node.fsw.component import Arg, Event

CHECKS = ("limit", "expected", "delta")
"""What a monitor does with its reading."""
CHECK_STATES = ("unchecked", "within", "below_low", "above_high", "unexpected")
"""What it found."""
SPARES = 4
"""Monitors that the ground can define in flight beside those of the table [A]."""
FIRST_EVENT = 1000
"""Monitor n raises event FIRST_EVENT + n."""
NO_LIMIT = 1e15
"""A limit that no reading passes: what a telecommand gives for the side that it leaves open."""
NEVER_NS = 2**62


class Check(IntEnum):
    """Positions in `CHECKS`."""

    LIMIT = 0
    EXPECTED = 1
    DELTA = 2


class Found(IntEnum):
    """Positions in `CHECK_STATES`."""

    UNCHECKED = 0
    WITHIN = 1
    BELOW_LOW = 2
    ABOVE_HIGH = 3
    UNEXPECTED = 4


GOOD = (Found.UNCHECKED, Found.WITHIN)


def monitor_names(equipment: Equipment) -> tuple[str, ...]:
    """Those of the table, then the spare ones."""
    return (*(row.monitor for row in equipment.fdir), *(f"spare.{i + 1}" for i in range(SPARES)))


def spare_row(name: str) -> FdirRow:
    """What a monitor is that the ground defines in flight, apart from what the telecommand says."""
    return FdirRow(name, "", "A monitor that the ground defined in flight", enabled=False)


def monitor_events(equipment: Equipment) -> tuple[Event, ...]:
    """The event of each monitor, under the monitor's name."""
    value = Arg("value", "float", "its reading, in the reading's own unit (a delta check: its change)")
    rows = {row.monitor: row for row in equipment.fdir}
    names = monitor_names(equipment)
    return tuple(
        Event(FIRST_EVENT + i, name, Severity(row.severity), row.text, (value,))
        for i, name in enumerate(names)
        for row in [rows.get(name) or spare_row(name)]
    )


@dataclass(slots=True)
class Definition:
    """One monitor as it is defined now. `reading`: its position in the pool, -1: the monitor is deleted."""

    reading: int
    check: int
    low: float
    high: float
    repetition: int
    interval_ns: int
    enabled: bool


@dataclass(slots=True)
class Watch:
    """What one monitor has found, a `Found`. `count`: so often in a row `finding`. `raised`: times that its event came
    since it was well; not again before `quiet_until_ns`. `before`: the reading at the last look of a delta check."""

    found: int = 0
    finding: int = 0
    count: int = 0
    value: float = 0.0
    raised: int = 0
    quiet_until_ns: int = 0
    late_ns: int = NEVER_NS
    before: float | None = None


def look(definition: Definition, watch: Watch, value: float) -> Found:
    """What a monitor finds in this reading. A delta check remembers it for the next look."""
    if definition.check == Check.DELTA:
        before, watch.before = watch.before, value
        value = 0.0 if before is None else value - before
    watch.value = value
    if definition.check == Check.EXPECTED:
        return Found.WITHIN if value == definition.low else Found.UNEXPECTED
    if value < definition.low:
        return Found.BELOW_LOW
    return Found.ABOVE_HIGH if value > definition.high else Found.WITHIN
