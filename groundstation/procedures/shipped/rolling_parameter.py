"""One parameter of a fleet, first on one spacecraft, then on the others."""

from __future__ import annotations

from groundstation.procedures.declaration import like, number, procedure
from groundstation.procedures.words import ask, check, command, contact, note, telemetry, wait


@procedure(
    "rolling-parameter-change",
    fleet=True,
    parameter=like("parameter.set", "parameter"),
    value=like("parameter.set", "value"),
    watch_s=number("s", "how long the first one is watched", low=0.0, high=604_800.0, default=3600.0),
)
async def rolling_parameter_change(fleet: tuple[str, ...], parameter: str, value: float, watch_s: float) -> None:
    """Set an on-board parameter on the first spacecraft, watch it, and only then on the others.

    The first one is put back, and the others are left alone, if it leaves its mode while it is watched or if an
    operator says no within 10 min.
    """
    canary, others = fleet[0], list(fleet[1:])
    await contact(canary)
    mode = await telemetry("mode", of=canary).within("10 min")
    before = await command("parameter.get", to=canary, parameter=parameter)
    await command("parameter.set", confirmed=True, to=canary, parameter=parameter, value=value)
    now = await command("parameter.get", to=canary, parameter=parameter)
    note(f"{canary}: {parameter} was {before:g}, is {now:g}")
    await wait(watch_s)
    await contact(canary)
    after = await telemetry("mode", of=canary).within("10 min")
    go = await ask(f"The other {len(others)} too?", "yes", "no").within("10 min", otherwise="yes") if others else "yes"
    if after != mode or go == "no":
        await command("parameter.set", confirmed=True, to=canary, parameter=parameter, value=before)
    check(after == mode, f"{canary} stays in {mode}")
    if others and go == "yes":
        await command("parameter.set", confirmed=True, to=others, parameter=parameter, value=value)
