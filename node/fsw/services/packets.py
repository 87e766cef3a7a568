"""A telemetry packet in the store: a few bytes, and the message body that is made of them when it is sent.

Floating point numbers are little-endian float64, so that nothing is lost between the pool and the ground.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from bus.wire.messages import Event, Telemetry, Verification
from node.devices.device import Values

_VALUES, _EVENT, _VERIFICATION = 0, 1, 2
_VALUES_HEAD = struct.Struct("<BqH")
_EVENT_HEAD = struct.Struct("<BqHB")
_VERIFICATION_HEAD = struct.Struct("<BqQQBH")
_MADE = struct.Struct("<q")  # after the tag, in every head
_FIRST = struct.Struct("<d")
MAX_DETAIL_CHARACTERS = 200
DOWNLINK_PARTS = (1301, 1302, 1303)
"""Structures of the first, a further and the last part of a large packet on its way down."""

Body = Telemetry | Event | Verification


def values_packet(obt_ns: int, structure: int, values: Values) -> bytes:
    """A structure's values. What is no number is reported as 0 and was counted when it was read."""
    if not np.isfinite(values).all():
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return _VALUES_HEAD.pack(_VALUES, obt_ns, structure) + values.tobytes()


def event_packet(obt_ns: int, event: int, severity: int, arguments: Sequence[float]) -> bytes:
    """An event report."""
    return _EVENT_HEAD.pack(_EVENT, obt_ns, event, severity) + struct.pack(f"<{len(arguments)}d", *arguments)


def verification_packet(obt_ns: int, request: tuple[int, int], stage: int, code: int, detail: str) -> bytes:
    """A verification report on a request (ground boot, number)."""
    head = _VERIFICATION_HEAD.pack(_VERIFICATION, obt_ns, *request, stage, code)
    return head + detail[:MAX_DETAIL_CHARACTERS].encode()


def made_ns(packet: bytes) -> int:
    """On-board time of any packet."""
    made: int = _MADE.unpack_from(packet, 1)[0]
    return made


def large_packet_of(packet: bytes) -> int | None:
    """Of a part of a large packet on its way down, the number of that; it is the first value. None: it is no part."""
    if packet[0] != _VALUES or _VALUES_HEAD.unpack_from(packet)[2] not in DOWNLINK_PARTS:
        return None
    return int(_FIRST.unpack_from(packet, _VALUES_HEAD.size)[0])


def body(boot: int, stream: int, sequence: int, packet: bytes, dictionary: bytes) -> Body:
    """The message body of a stored packet."""
    tag = packet[0]
    if tag == _VALUES:
        _, obt_ns, structure = _VALUES_HEAD.unpack_from(packet)
        values = _floats(packet, _VALUES_HEAD.size)
        return Telemetry(
            boot=boot, stream=stream, sequence=sequence, obt_ns=obt_ns, structure=structure,
            dictionary=dictionary, values=values,
        )  # fmt: skip
    if tag == _EVENT:
        _, obt_ns, event, severity = _EVENT_HEAD.unpack_from(packet)
        arguments = _floats(packet, _EVENT_HEAD.size)
        return Event(
            boot=boot, stream=stream, sequence=sequence, obt_ns=obt_ns, event=event, severity=severity,
            arguments=arguments,
        )  # fmt: skip
    _, obt_ns, ground_boot, request, stage, code = _VERIFICATION_HEAD.unpack_from(packet)
    return Verification(
        boot=boot, stream=stream, sequence=sequence, obt_ns=obt_ns, ground_boot=ground_boot, request=request,
        stage=stage, code=code, detail=packet[_VERIFICATION_HEAD.size :].decode(errors="replace"),
    )  # fmt: skip


def size_of(body: Body) -> int:
    """Bytes of a body's packet in the store, which is what the link is charged for."""
    if isinstance(body, Telemetry):
        return _VALUES_HEAD.size + 8 * len(body.values)
    if isinstance(body, Event):
        return _EVENT_HEAD.size + 8 * len(body.arguments)
    return _VERIFICATION_HEAD.size + len(body.detail.encode())


def _floats(packet: bytes, offset: int) -> tuple[float, ...]:
    return struct.unpack_from(f"<{(len(packet) - offset) // 8}d", packet, offset)
