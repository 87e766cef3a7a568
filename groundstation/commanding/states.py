"""The life of a telecommand as a table: (state, happening) -> state. No decisions, no messages.

A pair that is not in the table is a contradiction: the state stays, and the commander counts it.
"""

from __future__ import annotations

from enum import StrEnum

from bus.pus import Code, Stage


class State(StrEnum):
    """Where a telecommand is."""

    HELD = "HELD"
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


class CommandEvent(StrEnum):
    """What moves it on."""

    REFUSED = "refused on the ground"
    RELEASED = "released"
    WITHHELD = "not released"
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


TABLE: dict[tuple[State, CommandEvent], State] = {
    (State.HELD, CommandEvent.REFUSED): State.REJECTED,
    (State.HELD, CommandEvent.WITHHELD): State.REJECTED,
    (State.HELD, CommandEvent.RELEASED): State.QUEUED,
    (State.HELD, CommandEvent.LIFETIME_OVER): State.EXPIRED,
    (State.HELD, CommandEvent.RUN_OVER): State.EXPIRED,
    (State.QUEUED, CommandEvent.REFUSED): State.REJECTED,
    (State.QUEUED, CommandEvent.WITHHELD): State.REJECTED,  # its precondition does not hold
    (State.QUEUED, CommandEvent.RADIATED): State.SENT,
    (State.QUEUED, CommandEvent.LIFETIME_OVER): State.EXPIRED,
    (State.QUEUED, CommandEvent.RUN_OVER): State.EXPIRED,
    (State.SENT, CommandEvent.RADIATED): State.SENT,
    (State.SENT, CommandEvent.ACCEPTED): State.ACCEPTED,
    (State.SENT, CommandEvent.REJECTED): State.REJECTED,
    (State.SENT, CommandEvent.TOO_LATE): State.EXPIRED,
    (State.SENT, CommandEvent.STARTED): State.STARTED,  # the acceptance report is late
    (State.SENT, CommandEvent.COMPLETED): State.COMPLETED,
    (State.SENT, CommandEvent.FAILED): State.FAILED,
    (State.SENT, CommandEvent.INTERRUPTED): State.INDETERMINATE,
    (State.SENT, CommandEvent.NEVER_ARRIVED): State.EXPIRED,
    (State.SENT, CommandEvent.PATIENCE_OVER): State.INDETERMINATE,
    (State.SENT, CommandEvent.RUN_OVER): State.INDETERMINATE,
    (State.ACCEPTED, CommandEvent.STARTED): State.STARTED,
    (State.ACCEPTED, CommandEvent.COMPLETED): State.COMPLETED,
    (State.ACCEPTED, CommandEvent.FAILED): State.FAILED,
    (State.ACCEPTED, CommandEvent.INTERRUPTED): State.INDETERMINATE,
    (State.ACCEPTED, CommandEvent.PATIENCE_OVER): State.INDETERMINATE,
    (State.ACCEPTED, CommandEvent.RUN_OVER): State.INDETERMINATE,
    (State.STARTED, CommandEvent.ACCEPTED): State.STARTED,  # reports overtook each other
    (State.STARTED, CommandEvent.COMPLETED): State.COMPLETED,
    (State.STARTED, CommandEvent.FAILED): State.FAILED,
    (State.STARTED, CommandEvent.INTERRUPTED): State.INDETERMINATE,
    (State.STARTED, CommandEvent.PATIENCE_OVER): State.INDETERMINATE,
    (State.STARTED, CommandEvent.RUN_OVER): State.INDETERMINATE,
}


_HEARD: dict[int, CommandEvent] = {
    Stage.ACCEPTED: CommandEvent.ACCEPTED,
    Stage.REJECTED: CommandEvent.REJECTED,
    Stage.STARTED: CommandEvent.STARTED,
    Stage.COMPLETED: CommandEvent.COMPLETED,
    Stage.FAILED: CommandEvent.FAILED,
}


def heard(stage: int, code: int) -> CommandEvent | None:
    """What a verification report says; None for progress reports, which change nothing."""
    if stage == Stage.REJECTED and code == Code.EXPIRED:
        return CommandEvent.TOO_LATE
    if stage == Stage.FAILED and code == Code.INTERRUPTED:
        return CommandEvent.INTERRUPTED
    return _HEARD.get(stage)
