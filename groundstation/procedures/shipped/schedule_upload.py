"""A pause of the payload, uploaded to the on-board schedule."""

from __future__ import annotations

from groundstation.procedures.declaration import number, procedure
from groundstation.procedures.words import check, command, contact, telemetry


@procedure(
    "schedule-upload",
    pause_at_s=number("s", "on-board time at which the payload goes off, since the epoch", low=0.0, high=3.2e8),
    resume_at_s=number("s", "on-board time at which it goes on again", low=0.0, high=3.2e8),
)
async def schedule_upload(pause_at_s: float, resume_at_s: float) -> None:
    """Upload a pause of the payload: off and on again at these times, in contact or not.

    Ends when the spacecraft reports two entries more than before.
    """
    check(pause_at_s < resume_at_s, f"{pause_at_s:g} s is before {resume_at_s:g} s")
    await contact()
    before = await telemetry("schedule_entries").within("30 min")
    await command("schedule.enable")
    await command("schedule.insert", at=pause_at_s, telecommand="payload.off")
    await command("schedule.insert", at=resume_at_s, telecommand="payload.on")
    await command("housekeeping.one_shot", structure="software")
    await telemetry("schedule_entries").above(before + 1).within("30 min")
