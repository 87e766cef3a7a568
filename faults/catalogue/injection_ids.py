"""Names of injections: one fault may take hold at several places, each with an id of its own."""

from __future__ import annotations

import re

from bus.scenario.model import Fault


def injection_ids(fault: Fault) -> tuple[str, ...]:
    """Ids of a fault's injections: its own id, with `.n` appended where it needs several primitives."""
    if len(fault.primitives) == 1:
        return (fault.id,)
    return tuple(f"{fault.id}.{index}" for index in range(len(fault.primitives)))


def live_id(fault: str, tick: int, token: str) -> str:
    """Id of an injection from outside: it names the fault and the tick it was asked for in; `token` makes it unique."""
    return f"live-{fault}-{tick}-{token}"


def fault_of(injection: str) -> str:
    """The fault that a live injection's id names, empty for other ids."""
    match = re.fullmatch(r"live-(.+)-\d+-\w+(?:\.\d+)?", injection)
    return match[1] if match else ""
