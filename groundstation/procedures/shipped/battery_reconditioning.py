"""A deep discharge and a full charge of the battery, with the payload as its load."""

from __future__ import annotations

from groundstation.procedures.declaration import number, procedure
from groundstation.procedures.words import check, command, contact, note, telemetry


@procedure(
    "battery-reconditioning",
    discharge_to=number("1", "charge to discharge to", low=0.05, high=0.95, default=0.4),
    charge_to=number("1", "charge to end at", low=0.1, high=1.0, default=0.95),
    patience_h=number("h", "how long each of the two may take", low=0.1, high=96.0, default=24.0),
)
async def battery_reconditioning(discharge_to: float, charge_to: float, patience_h: float) -> None:
    """Discharge the battery with the payload as load, then charge it with the payload off; the payload ends as on.

    Shedding is moved below the aim for as long as it takes, and put back whatever happens: its old value is asked for
    first. The aim must lie above the charge that leads to SAFE.
    """
    check(discharge_to < charge_to, f"{discharge_to:g} is below {charge_to:g}")
    await contact()
    await telemetry("mode").equals("NOMINAL").within("10 min")
    safe_below = await command("parameter.get", parameter="power.safe_below_soc")
    check(discharge_to > safe_below + 0.02, f"{discharge_to:g} is above {safe_below:g}, where SAFE begins, by 0.02")
    shed_below = await command("parameter.get", parameter="power.shed_below_soc")
    await command(
        "parameter.set", confirmed=True, parameter="power.shed_below_soc", value=min(shed_below, discharge_to - 0.01)
    )
    try:
        await command("payload.on")
        reached = await telemetry("battery_soc").below(discharge_to).within(f"{patience_h} h")
        note(f"discharged to {reached:.3f}")
        await command("payload.off")
        reached = await telemetry("battery_soc").above(charge_to).within(f"{patience_h} h")
        note(f"charged to {reached:.3f}")
    finally:
        await command("parameter.set", confirmed=True, parameter="power.shed_below_soc", value=shed_below)
    await command("payload.on")
