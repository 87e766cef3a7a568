"""The life of an alarm as a table: (state, what happens) -> state. A pair that is not in the table changes nothing.

An event is a condition that is over as soon as it is told: its alarm begins as CLEARED.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How bad it is: soft limits and events of medium severity warn, hard limits and high severity are critical."""

    NORMAL = 0
    WARNING = 1
    CRITICAL = 2


class AlarmState(StrEnum):
    """Where an alarm is."""

    ACTIVE = "ACTIVE"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    CLEARED = "CLEARED"
    SHELVED = "SHELVED"
    CLOSED = "CLOSED"
    LOGGED = "LOGGED"


class AlarmEvent(StrEnum):
    """What happens to it."""

    WORSE = "worse"
    AGAIN = "again"
    CLEARS = "cleared"
    ACKNOWLEDGE = "acknowledged"
    SHELVE = "shelved"
    SHELF_OVER = "shelf over"


OVER = (AlarmState.CLOSED, AlarmState.LOGGED)

TABLE: dict[tuple[AlarmState, AlarmEvent], AlarmState] = {
    (AlarmState.ACTIVE, AlarmEvent.WORSE): AlarmState.ACTIVE,
    (AlarmState.ACTIVE, AlarmEvent.CLEARS): AlarmState.CLEARED,
    (AlarmState.ACTIVE, AlarmEvent.ACKNOWLEDGE): AlarmState.ACKNOWLEDGED,
    (AlarmState.ACTIVE, AlarmEvent.SHELVE): AlarmState.SHELVED,
    (AlarmState.ACKNOWLEDGED, AlarmEvent.WORSE): AlarmState.ACTIVE,
    (AlarmState.ACKNOWLEDGED, AlarmEvent.CLEARS): AlarmState.CLOSED,
    (AlarmState.ACKNOWLEDGED, AlarmEvent.SHELVE): AlarmState.SHELVED,
    (AlarmState.CLEARED, AlarmEvent.AGAIN): AlarmState.ACTIVE,
    (AlarmState.CLEARED, AlarmEvent.ACKNOWLEDGE): AlarmState.CLOSED,
    (AlarmState.CLEARED, AlarmEvent.SHELVE): AlarmState.SHELVED,
    (AlarmState.SHELVED, AlarmEvent.WORSE): AlarmState.ACTIVE,  # what gets worse is no longer what was shelved
    (AlarmState.SHELVED, AlarmEvent.CLEARS): AlarmState.CLOSED,
    (AlarmState.SHELVED, AlarmEvent.ACKNOWLEDGE): AlarmState.ACKNOWLEDGED,
    (AlarmState.SHELVED, AlarmEvent.SHELF_OVER): AlarmState.ACTIVE,
}
