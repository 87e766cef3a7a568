"""Monitors as data: how many there are, what their events are called, how one is defined, and what one look finds.

No state is held here and nothing is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

from bus.pus import Severity
from node.devices.equipment import Equipment, FdirRow
from node.fsw.component import Arg, Event

_FLOATS, _LIMITS = Struct("<2d"), Struct("<2Q")
CHECKS = ("limit", "expected", "delta")
"""What a monitor does with its reading."""
CHECK_STATES = ("unchecked", "within", "below_low", "above_high", "unexpected")
"""What it found."""
SPARES = 4
"""Monitors that the ground can define in flight beside those of the table [A]."""
FUNCTIONAL_SPARES = 2
"""The same of functional monitors, which combine others [A]."""
MOST_COMBINED = 8
"""Monitors that one functional monitor combines [A]."""
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


def spare_row(name: str) -> FdirRow:
    """What a monitor is that the ground defines in flight, apart from what the telecommand says."""
    return FdirRow(name, "", "A monitor that the ground defined in flight", enabled=False)


def parameter_rows(equipment: Equipment) -> tuple[FdirRow, ...]:
    """Those of the table that look at a reading, answer an event or are escalated to, then the spare ones."""
    spares = (spare_row(f"spare.{i + 1}") for i in range(SPARES))
    return (*(row for row in equipment.fdir if not row.of), *spares)


def functional_rows(equipment: Equipment) -> tuple[FdirRow, ...]:
    """Those of the table that combine others, then the spare ones."""
    spares = (spare_row(f"functional.spare.{i + 1}") for i in range(FUNCTIONAL_SPARES))
    return (*(row for row in equipment.fdir if row.of), *spares)


def monitor_rows(equipment: Equipment) -> tuple[FdirRow, ...]:
    """All of them: a monitor's number is its place here."""
    return (*parameter_rows(equipment), *functional_rows(equipment))


def monitor_events(equipment: Equipment) -> tuple[Event, ...]:
    """The event of each monitor, under the monitor's name."""
    value = Arg("value", "float", "its reading, in the reading's own unit (a delta check: its change)")
    return tuple(
        Event(FIRST_EVENT + i, row.monitor, Severity(row.severity), row.text, (value,))
        for i, row in enumerate(monitor_rows(equipment))
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


def declared(row: FdirRow, places: Mapping[str, int]) -> Definition:
    """What a row of the table says. `places`: of the readings in the pool."""
    return Definition(
        reading=places[row.reading] if row.reading else -1, check=CHECKS.index(row.check),
        low=max(row.low, -NO_LIMIT), high=min(row.high, NO_LIMIT), repetition=row.repetition,
        interval_ns=round(row.interval_s * 1e9), enabled=row.enabled,
    )  # fmt: skip


def words_of(d: Definition) -> tuple[int, int, int, int]:
    """Four words of the memory image: low and high limit, interval; reading, check, repetition and whether enabled."""
    low, high = _LIMITS.unpack(_FLOATS.pack(d.low, d.high))
    return low, high, d.interval_ns, (d.reading + 1) << 32 | d.check << 24 | d.repetition << 8 | d.enabled


def take_words(definition: Definition, words: Sequence[int], pool_size: int) -> None:
    """The other way, whatever they say; one that names no reading looks at nothing."""
    low, high, interval_ns, said = words
    definition.low, definition.high = _FLOATS.unpack(_LIMITS.pack(low, high))
    definition.interval_ns = max(interval_ns % 2**62, 1)
    reading = (said >> 32) - 1
    definition.reading = reading if reading < pool_size else -1
    definition.check = (said >> 24 & 255) % len(CHECKS)
    definition.repetition, definition.enabled = said >> 8 & 0xFFFF, bool(said & 1)


@dataclass(slots=True)
class Watch:
    """What one monitor has found, a `Found`. `count`: so often in a row `finding`. `before`: the reading at the last
    look of a delta check."""

    found: int = 0
    finding: int = 0
    count: int = 0
    value: float = 0.0
    before: float | None = None


def quiet(definition: Definition, watch: Watch, value: float) -> bool:
    """Whether a delta check that looks at this reading would change nothing: neither then nor at the last look did the
    reading change, and all is well."""
    settled = watch.finding == Found.WITHIN and watch.found in GOOD and watch.count == 0
    return settled and watch.value == 0.0 and watch.before == value and definition.low <= 0.0 <= definition.high


@dataclass(slots=True)
class Transition:
    """A finding that changed, and when: on-board time for the report, the computer's timer for the delay."""

    number: int
    value: float
    before: int
    now: int
    obt_ns: int
    at_ns: int


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
