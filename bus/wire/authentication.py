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


def _code(message: Message, key: bytes, counter: int) -> bytes:
    body = message.body
    envelope = f"{message.sent_ns} {message.source} {message.seq} {message.destination} {int(body.kind)} {counter}\n"
    return hmac.digest(key, envelope.encode() + pack_map(body.__dict__), "sha256")
