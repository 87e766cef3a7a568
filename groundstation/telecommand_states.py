"""The life of a telecommand as a table: (state, happening) -> state. No decisions, no messages.

A pair that is not in the table is a contradiction: the state stays, and the commander counts it.
"""

from __future__ import annotations

from enum import StrEnum

from bus.messages import Stage
from groundstation.config import EXPIRED_CODE, INTERRUPTED_CODE


class State(StrEnum):
    """Where a telecommand is."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    ACCEPTED = "ACCEPTED"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    INDETERMINATE = "INDETERMINATE"


TERMINAL = (State.COMPLETED, State.FAILED, State.REJECTED, State.EXPIRED, State.INDETERMINATE)


class Happening(StrEnum):
    """What moves it on."""

    REFUSED = "refused on the ground"
    RADIATED = "radiated"
    ACCEPTED = "spacecraft reports acceptance"
    REJECTED = "spacecraft reports rejection"
    TOO_LATE = "spacecraft reports that it came after its expiry"
    STARTED = "spacecraft reports start"
    COMPLETED = "spacecraft reports completion"
    FAILED = "spacecraft reports failure"
    INTERRUPTED = "spacecraft reports a reset between start and completion"
    LIFETIME_OVER = "lifetime is over"
    NEVER_ARRIVED = "every report of the spacecraft is here and none names it"
    PATIENCE_OVER = "no report within the stated time"
    RUN_OVER = "the run has ended"


TABLE: dict[tuple[State, Happening], State] = {
    (State.QUEUED, Happening.REFUSED): State.REJECTED,
    (State.QUEUED, Happening.RADIATED): State.SENT,
    (State.QUEUED, Happening.LIFETIME_OVER): State.EXPIRED,
    (State.QUEUED, Happening.RUN_OVER): State.EXPIRED,
    (State.SENT, Happening.RADIATED): State.SENT,
    (State.SENT, Happening.ACCEPTED): State.ACCEPTED,
    (State.SENT, Happening.REJECTED): State.REJECTED,
    (State.SENT, Happening.TOO_LATE): State.EXPIRED,
    (State.SENT, Happening.STARTED): State.STARTED,  # the acceptance report is late
    (State.SENT, Happening.COMPLETED): State.COMPLETED,
    (State.SENT, Happening.FAILED): State.FAILED,
    (State.SENT, Happening.INTERRUPTED): State.INDETERMINATE,
    (State.SENT, Happening.NEVER_ARRIVED): State.EXPIRED,
    (State.SENT, Happening.PATIENCE_OVER): State.INDETERMINATE,
    (State.SENT, Happening.RUN_OVER): State.INDETERMINATE,
    (State.ACCEPTED, Happening.STARTED): State.STARTED,
    (State.ACCEPTED, Happening.COMPLETED): State.COMPLETED,
    (State.ACCEPTED, Happening.FAILED): State.FAILED,
    (State.ACCEPTED, Happening.INTERRUPTED): State.INDETERMINATE,
    (State.ACCEPTED, Happening.PATIENCE_OVER): State.INDETERMINATE,
    (State.ACCEPTED, Happening.RUN_OVER): State.INDETERMINATE,
    (State.STARTED, Happening.ACCEPTED): State.STARTED,  # reports overtook each other
    (State.STARTED, Happening.COMPLETED): State.COMPLETED,
    (State.STARTED, Happening.FAILED): State.FAILED,
    (State.STARTED, Happening.INTERRUPTED): State.INDETERMINATE,
    (State.STARTED, Happening.PATIENCE_OVER): State.INDETERMINATE,
    (State.STARTED, Happening.RUN_OVER): State.INDETERMINATE,
}


_HEARD: dict[int, Happening] = {
    Stage.ACCEPTED: Happening.ACCEPTED,
    Stage.REJECTED: Happening.REJECTED,
    Stage.STARTED: Happening.STARTED,
    Stage.COMPLETED: Happening.COMPLETED,
    Stage.FAILED: Happening.FAILED,
}


def heard(stage: int, code: int) -> Happening | None:
    """What a verification report says; None for progress reports, which change nothing."""
    if stage == Stage.REJECTED and code == EXPIRED_CODE:
        return Happening.TOO_LATE
    if stage == Stage.FAILED and code == INTERRUPTED_CODE:
        return Happening.INTERRUPTED
    return _HEARD.get(stage)
