"""The payload, from off to its full power in steps, with a look at its temperature after each."""

from __future__ import annotations

from groundstation.procedures.declaration import like, number, procedure
from groundstation.procedures.words import ask, check, command, contact, telemetry, wait


@procedure(
    "payload-start-up",
    power_w=like("payload.power_cap", "power_w"),
    group=like("payload.group", "group"),
    die_below_k=number("K", "temperature that the dies of the group may reach", low=200.0, high=400.0, default=355.0),
    settle_s=number("s", "time at each step", low=1.0, high=86_400.0, default=300.0),
)
async def payload_start_up(power_w: float, group: str, die_below_k: float, settle_s: float) -> None:
    """Switch the payload on at a quarter of its power, then half, then all of it, and watch the dies of a group.

    Dies that are too warm end it with the payload off. The full power is asked for; nobody's answer within an hour is
    yes.
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
        warm = await telemetry(f"accelerator_temperature_k.{group}").within("1 h")
        if warm >= die_below_k:
            await command("payload.off")
        check(warm < die_below_k, f"dies at {warm:.1f} K, below {die_below_k:g} K")
