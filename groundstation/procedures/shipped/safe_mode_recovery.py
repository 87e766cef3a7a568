"""Out of SAFE: charge first, then the mode, then the payload."""

from __future__ import annotations

from groundstation.procedures.declaration import number, procedure
from groundstation.procedures.words import check, command, contact, note, telemetry


@procedure(
    "safe-mode-recovery",
    answers=("mode_changed", "battery_soc", "mode"),
    charge=number("1", "battery charge from which it may leave SAFE", low=0.0, high=1.0, default=0.5),
    patience_h=number("h", "how long the battery may take to charge", low=0.0, high=96.0, default=24.0),
)
async def safe_mode_recovery(charge: float, patience_h: float) -> None:
    """Lead a spacecraft from SAFE back to NOMINAL once its battery holds enough.

    SURVIVAL is left first: on board that takes a recovered battery, and the ground asks for SAFE. A spacecraft that is
    in NOMINAL already is left alone.
    """
    await contact()
    mode = await telemetry("mode").within("10 min")
    if mode in ("NOMINAL", "LEOP"):
        note(f"it is in {mode}: nothing to recover from")
        return
    stale = await telemetry("stale_devices").within("10 min")
    check(stale == 0, "every device gives readings")
    await telemetry("battery_soc").above(charge).within(f"{patience_h} h")
    if mode == "SURVIVAL":
        await command("mode.set", mode="SAFE")
        await telemetry("mode").equals("SAFE").within("10 min")
    await command("mode.set", mode="NOMINAL")
    await telemetry("mode").equals("NOMINAL").within("10 min")
    await telemetry("payload_shed").equals(False).within("2 h")
