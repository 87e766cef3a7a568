"""The payload, from off to its full power in steps, with a look at its temperature after each."""

from __future__ import annotations

from groundstation.procedures.declaration import like, number, procedure
from groundstation.procedures.words import ask, check, command, contact, telemetry, wait


@procedure(
    "payload-start-up",
    power_w=like("payload.power_cap", "power_w"),
    coolant_below_k=number("K", "coolant return temperature that it may reach", low=200.0, high=400.0, default=330.0),
    settle_s=number("s", "time at each step", low=1.0, high=86_400.0, default=300.0),
)
async def payload_start_up(power_w: float, coolant_below_k: float, settle_s: float) -> None:
    """Switch the payload on at a quarter of its power, then half, then all of it, and watch the coolant.

    Too warm a coolant ends it with the payload off. The full power is asked for; nobody's answer within an hour is yes.
    """
    await contact()
    await telemetry("mode").equals("NOMINAL").within("10 min")
    await command("payload.power_cap", power_w=power_w / 4.0)
    await command("payload.on")
    for share in (0.25, 0.5, 1.0):
        if share == 1.0:
            go = await ask("Full power?", "yes", "no").within("1 h", otherwise="yes")
            if go == "no":
                return
        await command("payload.power_cap", power_w=power_w * share)
        await wait(settle_s)
        await contact()
        warm = await telemetry("coolant_return_temperature_k").within("1 h")
        if warm >= coolant_below_k:
            await command("payload.off")
        check(warm < coolant_below_k, f"coolant at {warm:.1f} K is below {coolant_below_k:g} K")
