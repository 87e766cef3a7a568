"""Event reports, service 5: declared once."""

from __future__ import annotations

from enum import IntEnum

from bus.dictionary import EventForm
from bus.pus import Severity


class EventId(IntEnum):
    """Numbers of the event reports."""

    BOOTED = 1
    MODE_CHANGED = 2
    MODE_EVENT_REFUSED = 3
    PAYLOAD_SHED = 4
    PAYLOAD_RESTORED = 5
    DEVICE_STALE = 6
    DEVICE_FRESH = 7
    LCL_TRIPPED = 8
    ACCELERATOR_ERROR = 9
    CLOCK_STEPPED = 10
    MEMORY_CORRECTED = 11
    STORE_OVERFLOW = 12
    TELECOMMAND_DUPLICATE = 13
    CYCLE_OVERRUN = 14
    READING_INVALID = 15


def _event(event: EventId, severity: Severity, text: str, *arguments: str) -> EventForm:
    return EventForm(
        id=event, name=event.name.lower(), severity=severity, arguments=arguments, description=text
    )  # fmt: skip


EVENTS: tuple[EventForm, ...] = (
    _event(EventId.BOOTED, Severity.LOW, "The computer started", "boot", "reason", "boots_in_a_row"),
    _event(EventId.MODE_CHANGED, Severity.HIGH, "The mode changed; severity informative when the ground asked",
           "mode_before", "mode_now", "cause"),
    _event(EventId.MODE_EVENT_REFUSED, Severity.LOW, "The mode table has no such transition", "mode", "cause"),
    _event(EventId.PAYLOAD_SHED, Severity.MEDIUM, "The payload was shed for want of charge", "battery_soc"),
    _event(EventId.PAYLOAD_RESTORED, Severity.INFORMATIVE, "Charge allows the payload again", "battery_soc"),
    _event(EventId.DEVICE_STALE, Severity.MEDIUM, "A device gives no new readings", "device", "age_cycles"),
    _event(EventId.DEVICE_FRESH, Severity.INFORMATIVE, "A device gives readings again", "device"),
    _event(EventId.LCL_TRIPPED, Severity.MEDIUM, "A current limiter tripped", "lcl", "trips"),
    _event(EventId.ACCELERATOR_ERROR, Severity.MEDIUM, "An accelerator group reports an error", "group", "xid"),
    _event(EventId.CLOCK_STEPPED, Severity.MEDIUM, "On-board time did not advance by one cycle", "step_s"),
    _event(EventId.MEMORY_CORRECTED, Severity.LOW, "The scrubber corrected a word of the memory image", "word"),
    _event(EventId.STORE_OVERFLOW, Severity.HIGH, "The packet store drops its oldest packets", "stream", "dropped"),
    _event(EventId.TELECOMMAND_DUPLICATE, Severity.INFORMATIVE, "A telecommand came again and was not executed again",
           "ground_boot", "request"),
    _event(EventId.CYCLE_OVERRUN, Severity.LOW, "Work was left over at the end of a cycle", "telecommands_left"),
    _event(EventId.READING_INVALID, Severity.MEDIUM, "A reading is no number; the last good one is kept", "device"),
)  # fmt: skip
EVENT_NAMES = tuple(form.name for form in EVENTS)
SEVERITY = {form.id: form.severity for form in EVENTS}
