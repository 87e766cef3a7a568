"""First contact with a spacecraft: is it there, is it healthy, may it leave LEOP?"""

from __future__ import annotations

from groundstation.procedures.declaration import number, procedure
from groundstation.procedures.words import check, command, contact, note, telemetry


@procedure(
    "first-contact",
    least_charge=number("1", "battery charge that it must have", low=0.0, high=1.0, default=0.5),
)
async def first_contact(least_charge: float) -> None:
    """Acquire a spacecraft, hear whether it is healthy, and lead it from LEOP to NOMINAL.

    Ends without an order to a spacecraft that is in another mode than LEOP, or that has too little charge.
    """
    await contact()
    await command("test.ping")
    mode = await telemetry("mode").within("10 min")
    charge = await telemetry("battery_soc").within("10 min")
    check(charge >= least_charge, f"battery charge {charge:.3f} is at least {least_charge:g}")
    stale = await telemetry("stale_devices").within("10 min")
    check(stale == 0, "every device gives readings")
    if mode != "LEOP":
        note(f"it is in {mode}: nothing to do")
        return
    await command("mode.set", mode="NOMINAL")
    await telemetry("mode").equals("NOMINAL").within("10 min")
