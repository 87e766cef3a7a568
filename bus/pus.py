"""Numbers of the packet utilisation standard (ECSS-E-ST-70-41C) that spacecraft and ground share, and their meaning.

Services, verification stages, event severities, and this house's failure codes. No message form and no decision here.
"""

from __future__ import annotations

from enum import IntEnum


class Service(IntEnum):
    """Service types. A telemetry packet carries its service's number."""

    VERIFICATION = 1
    DEVICE_ACCESS = 2
    HOUSEKEEPING = 3
    STATISTICS = 4
    EVENT = 5
    MEMORY = 6
    FUNCTION = 8
    TIME = 9
    SCHEDULING = 11
    MONITORING = 12
    LARGE_TRANSFER = 13
    STORAGE = 15
    TEST = 17
    PROCEDURE = 18
    EVENT_ACTION = 19
    PARAMETER = 20


MAX_PACKET_BYTES = 8192
"""Of one space packet here; the standard's own limit is 65,542 (CCSDS 133.0-B, 4.1)."""
SCHEDULE_SOURCE = 2**53 - 1
"""Source of requests that the on-board schedule releases: in reports it stands where the ground's boot would."""

PACKETS_MADE: dict[int, str] = {
    Service.VERIFICATION: "verifications_generated",
    Service.HOUSEKEEPING: "housekeeping_generated",
    Service.EVENT: "events_generated",
    Service.TIME: "time_reports_generated",
    Service.MONITORING: "check_reports_generated",
    Service.PARAMETER: "parameter_reports_generated",
}
"""The truth signals that count a spacecraft's packets of one service in its present boot."""


class Stage(IntEnum):
    """Request verification: the subtype of the report. Even subtypes up to 10 are failures; REJECTED is a failed
    acceptance, FAILED a failed completion."""

    ACCEPTED = 1
    REJECTED = 2
    STARTED = 3
    START_FAILED = 4
    PROGRESS = 5
    PROGRESS_FAILED = 6
    COMPLETED = 7
    FAILED = 8


class Severity(IntEnum):
    """Event severities: the subtype of the report."""

    INFORMATIVE = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4


class Code(IntEnum):
    """Failure codes of a verification report. 0 is no failure."""

    NONE = 0
    UNKNOWN_TELECOMMAND = 1
    WRONG_DICTIONARY = 2
    WRONG_ARGUMENT = 3
    OUT_OF_RANGE = 4
    FORBIDDEN_IN_MODE = 5
    EXPIRED = 6
    REFUSED_BY_MODE_TABLE = 7
    INTERRUPTED = 8
    NOT_STARTED = 9
    IN_THE_PAST = 20
    FULL = 21
    NO_SUCH_ENTRY = 22
    OUTSIDE_IMAGE = 23
    WRONG_CHECKSUM = 24
    REFUSED_BY_STATE = 25


CODE_TEXTS: dict[int, str] = {
    Code.NONE: "no failure",
    Code.UNKNOWN_TELECOMMAND: "no telecommand of this name on board",
    Code.WRONG_DICTIONARY: "telecommand was built against another dictionary version",
    Code.WRONG_ARGUMENT: "argument missing, unknown or of another type",
    Code.OUT_OF_RANGE: "argument outside its limits or not among its labels",
    Code.FORBIDDEN_IN_MODE: "not allowed in the present mode",
    Code.EXPIRED: "arrived after its expiry",
    Code.REFUSED_BY_MODE_TABLE: "the mode table has no such transition",
    Code.INTERRUPTED: "the computer was reset between start and completion: effect indeterminate",
    Code.NOT_STARTED: "the computer was reset after acceptance and before start: no effect",
    Code.IN_THE_PAST: "the time is not in the future of the on-board clock",
    Code.FULL: "no room left on board",
    Code.NO_SUCH_ENTRY: "nothing of this number on board",
    Code.OUTSIDE_IMAGE: "a range that is not inside the memory image",
    Code.WRONG_CHECKSUM: "data do not have the checksum that came with them",
    Code.REFUSED_BY_STATE: "not in the present state of what it names",
}
