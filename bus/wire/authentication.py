"""Authentication of what goes up to a spacecraft: HMAC-SHA-256 over envelope, body and counter, one key each.

The field of a message holds the counter (8 bytes, big endian) and the code (32 bytes), as a security header and trailer
of CCSDS 355.0-B do. A telecommand's counter rises with every transmission and is good once. An acknowledgement of
telemetry has counter 0: saying it again changes nothing. What a refusal leads to is decided on board.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b

from bus.wire.codec import pack_map
from bus.wire.messages import Message

ACKNOWLEDGEMENT = 0
"""The counter of every acknowledgement."""
KEY_BYTES = 32
COUNTER_BYTES = 8
CODE_BYTES = 32
"""HMAC-SHA-256, not cut short (FIPS 198-1)."""
WINDOW = 64
"""Counters below the highest that are still taken, once each, when the link overtakes itself (RFC 4303, 3.4.3)."""


def derived_key(seed: int, spacecraft: str) -> bytes:
    """The key of a spacecraft that flies in the process of its ground: nobody else can reach it there, and a repeated
    run has the same. Processes have key files instead."""
    return blake2b(f"telecommand key of {spacecraft}, seed {seed}".encode(), digest_size=KEY_BYTES).digest()


def sign(message: Message, key: bytes, counter: int) -> Message:
    """The message with its authentication."""
    return message._replace(authentication=counter.to_bytes(COUNTER_BYTES, "big") + _code(message, key, counter))


def authentic(message: Message, key: bytes) -> int:
    """The counter of an authentic message; -1 of any other."""
    field = message.authentication
    if len(field) != COUNTER_BYTES + CODE_BYTES:
        return -1
    counter = int.from_bytes(field[:COUNTER_BYTES], "big")
    return counter if hmac.compare_digest(field[COUNTER_BYTES:], _code(message, key, counter)) else -1


def fresh(highest: int, seen: int, counter: int) -> tuple[int, int] | None:
    """The anti-replay window after a counter that was never taken before, None for any other. `seen`: bit i stands for
    the counter i below the highest."""
    below = highest - counter
    if below < 0:
        return counter, ((seen << -below) | 1) & ((1 << WINDOW) - 1) if -below < WINDOW else 1
    if below >= WINDOW or seen >> below & 1:
        return None
    return highest, seen | 1 << below


def _code(message: Message, key: bytes, counter: int) -> bytes:
    body = message.body
    envelope = f"{message.sent_ns} {message.source} {message.seq} {message.destination} {int(body.kind)} {counter}\n"
    return hmac.digest(key, envelope.encode() + pack_map(body.__dict__), "sha256")
