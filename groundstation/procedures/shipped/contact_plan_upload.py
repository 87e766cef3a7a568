"""The contacts to come, uploaded to the spacecraft."""

from __future__ import annotations

from groundstation.procedures.declaration import like, number, procedure
from groundstation.procedures.words import CommandFailed, check, command, contact, contacts_ahead, note, telemetry


@procedure(
    "contact-plan-upload",
    ahead_s=number("s", "how far ahead", low=600.0, high=604_800.0, default=86_400.0),
    switching=like("plan.transmitter", "switching", default="always_on"),
)
async def contact_plan_upload(ahead_s: float, switching: str) -> None:
    """Replace the contact plan on board by the contacts that antennas will serve, at most 32 of them.

    Ends when the spacecraft reports as many entries. With `planned` the transmitter is on only around them.
    """
    await contact()
    coming = await contacts_ahead(ahead_s)
    check(bool(coming), "contacts are planned")
    await command("plan.clear")
    taken = 0
    for span in coming:
        try:
            await command("plan.insert", start_s=span.start_s, end_s=span.end_s, station=span.station)
            taken += 1
        except CommandFailed as refused:
            note(f"{refused}")
    check(taken >= len(coming) - 1, "all are taken, but for one that is over by now")
    await command("plan.transmitter", switching=switching)
    await command("housekeeping.one_shot", structure="software")
    await telemetry("contact_plan_entries").between(taken - 1, taken).within("30 min")
