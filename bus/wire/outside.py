"""What a spacecraft and the gateway to devices outside say to each other: bodies of messages, and their bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bus.wire.messages import Body, Count, Kind, Name, Number

GATEWAY_ID = "hil"
"""Who talks to all devices outside: a participant on the bus."""
MAX_ACTS = 256
"""Orders, or things measured for the plant, of a device in a tick."""
Act = tuple[Name, Count, Number]
"""What, of which element, which value."""


class DeviceSample(Body):
    """What a device outside would feel at the end of a tick, in the order of its channels, None where there is no such
    true quantity; and what flight software ordered in the tick."""

    kind = Kind.DEVICE_SAMPLE
    device: Name
    values: Annotated[tuple[Number | None, ...], Field(max_length=2048)]
    orders: Annotated[tuple[Act, ...], Field(max_length=MAX_ACTS)] = ()


class DeviceReading(Body):
    """What a device outside gave in a tick. values: every channel, or none where it gave no reading; tick: the tick
    whose sample they are about. measured: what it drives or draws in the plant."""

    kind = Kind.DEVICE_READING
    device: Name
    tick: Count = 0
    values: Annotated[tuple[Number, ...], Field(max_length=2048)] = ()
    measured: Annotated[tuple[Act, ...], Field(max_length=MAX_ACTS)] = ()
