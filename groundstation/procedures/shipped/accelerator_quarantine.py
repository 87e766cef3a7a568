"""An accelerator group that makes errors, out of the payload."""

from __future__ import annotations

from groundstation.procedures.declaration import like, procedure
from groundstation.procedures.words import check, command, contact, telemetry, wait


@procedure(
    "accelerator-quarantine",
    answers=("accelerator.*.xid", "accelerator.*.sick"),
    group=like("payload.group", "group"),
)
async def accelerator_quarantine(group: str) -> None:
    """Take a checkpoint of all jobs, then take one accelerator group out of the payload and see that it is off."""
    await contact()
    errors = await telemetry(f"accelerator_xid_count.{group}").within("10 min")
    await command("payload.checkpoint", job="all")
    await wait("1 min")
    await command("payload.group", group=group, on=False)
    await contact()
    await telemetry(f"accelerator_power_w.{group}").below("1 W").within("30 min")
    again = await telemetry(f"accelerator_xid_count.{group}").within("10 min")
    check(again >= errors, f"the count of its errors is kept: {again:g}")
