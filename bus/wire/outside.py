"""What a spacecraft and the gateway to what is outside (devices, flight software) say to each other: bodies of
messages, and their bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bus.pus import MAX_PACKET_BYTES
from bus.wire.messages import BoardTimeNs, Body, Count, Kind, Name, Number

GATEWAY_ID = "hil"
"""Who talks to all devices outside: a participant on the bus."""
MAX_ACTS = 256
"""Orders, or things measured for the plant, of a device in a tick."""
Act = tuple[Name, Count, Number]
"""What, of which element, which value."""
FLIGHT_SOFTWARE = "fsw"
"""The name of flight software among what is outside; no device has it."""
MAX_ORDERS, MAX_PACKETS, MAX_PACKETS_BYTES = 512, 64, 24 * 1024
"""Of flight software outside in a tick: orders, packets in either direction, and bytes of these together."""
SpacePacket = Annotated[bytes, Field(max_length=MAX_PACKET_BYTES)]
SpacePackets = Annotated[tuple[SpacePacket, ...], Field(max_length=MAX_PACKETS)]


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


class SoftwareCycle(Body):
    """What flight software outside reads at the end of a tick: every channel of every device, then the age of each
    device's reading in ticks; None where a device gave no number. boot, reason: of the computer's present boot.
    telecommands: as packets, what came up."""

    kind = Kind.SOFTWARE_CYCLE
    boot: Count
    reason: Count
    obt_ns: BoardTimeNs
    values: Annotated[tuple[Number | None, ...], Field(max_length=2048)]
    telecommands: SpacePackets = ()


class SoftwareAnswer(Body):
    """What flight software outside gave in a tick that it answered. boot: the one that it was asked in; connect: how
    often its line had come up. orders: `device.what` by element and value. telemetry: as packets."""

    kind = Kind.SOFTWARE_ANSWER
    boot: Count
    connect: Count
    orders: Annotated[tuple[Act, ...], Field(max_length=MAX_ORDERS)] = ()
    telemetry: SpacePackets = ()
