"""Messages to bytes and back: msgpack, length limits, CRC. The one place where bytes from outside become messages.

A frame is the msgpack array [protocol version, sent_ns, source, seq, destination, kind, body, authentication] followed
by the CRC-32 of all before it (zlib's polynomial, big endian). `body` is a bin that holds a msgpack map, so that the
bus can forward a message without reading it (`peek`). `authentication` is last, in a bin of one length byte, so that
the bytes that hashes and digests cover are a prefix of the frame (`Header.covered` says how long).

Decoders raise DecodeError and nothing else, for any byte string. No I/O here, and no knowledge of what messages mean.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple
from zlib import crc32

import msgpack

from bus.errors import DecodeError, MessageRefused
from bus.wire.bodies import BODIES
from bus.wire.messages import MAX_MESSAGE_BYTES, MAX_PIECE_BYTES, PROTOCOL_VERSION, Body, Kind, Message

MAX_TIME_NS = 2**62
MAX_SEQ = 2**53
MAX_AUTHENTICATION_BYTES = 64
DIGEST_BYTES = 16
CRC_BYTES = 4
TAIL_BYTES = 2 + CRC_BYTES  # what digests leave out of a frame without authentication

# Shortest frame: array byte, version, one-byte time, 1-character ids, seq, kind, empty bins, CRC.
_LEAST_BYTES = 1 + 1 + 1 + 2 + 1 + 2 + 1 + 2 + 2 + CRC_BYTES
_ID = re.compile(r"[a-z][a-z0-9-]{0,31}").fullmatch
_BIN8 = 0xC4
_MAX_KNOWN_IDS = 4096
_known_ids: set[str] = set()  # ids that were found well formed before, so that the pattern is matched once each

# msgpack's own defaults, relied on: raw=False (strict UTF-8), strict_map_key=True, and no container or bin may claim to
# be longer than the frame. Each option that is named costs time on every message.
_ENVELOPE_LIMITS: dict[str, Any] = {
    "use_list": False,
    "max_str_len": 32,
    "max_array_len": 8,
    "max_map_len": 0,
    "max_ext_len": 0,
}
# The longest things any body declares: Text is 1024 characters of up to 4 bytes, Account has 8192 rows.
_BODY_LIMITS: dict[str, Any] = {
    "use_list": False,
    "max_str_len": 4096,
    "max_bin_len": MAX_PIECE_BYTES,
    "max_array_len": 8192,
    "max_map_len": 512,
    "max_ext_len": 0,
}

_VALIDATE = {int(kind): model.__pydantic_validator__.validate_python for kind, model in BODIES.items()}
_KINDS = {int(kind): kind for kind in BODIES}
_unpackb = msgpack.unpackb
_new = tuple.__new__  # a NamedTuple without its keyword handling
_pack = msgpack.Packer(use_bin_type=True, strict_types=False).pack


class Header(NamedTuple):
    """What `peek` reads of a frame. The first three fields are the order of all mail."""

    sent_ns: int
    source: str
    seq: int
    destination: str
    kind: Kind
    covered: int  # bytes of the frame that digests cover: all but authentication and CRC


def _is_id(text: str) -> bool:
    if _ID(text) is None:
        return False
    if len(_known_ids) < _MAX_KNOWN_IDS:
        _known_ids.add(text)
    return True


def encode(message: Message) -> bytes:
    """The frame of a message.

    Raises MessageRefused (a ValueError too) where the envelope is not valid, a value cannot be carried, or the frame
    would exceed 64 KiB: all are mistakes of the sender's program.
    """
    body: Body = message.body
    try:
        content = _pack(body.__dict__)
    except (OverflowError, TypeError, ValueError) as error:
        raise MessageRefused(f"a {type(body).__name__} cannot be carried: {error}") from error
    return seal(
        message.sent_ns, message.source, message.seq, message.destination, body.kind, content, message.authentication
    )


def seal(  # noqa: PLR0917 - the envelope in its own order
    sent_ns: int, source: str, seq: int, destination: str, kind: int, body: bytes, authentication: bytes = b""
) -> bytes:
    """A frame around a body that is already msgpack. For the bus itself; everybody else uses `encode`."""
    ids = (source in _known_ids or _is_id(source)) and (destination in _known_ids or _is_id(destination))
    if not (ids and 0 <= sent_ns <= MAX_TIME_NS and 0 <= seq <= MAX_SEQ):
        raise MessageRefused(f"not an envelope: {source!r} to {destination!r}, sent_ns {sent_ns!r}, seq {seq!r}")
    if len(authentication) > MAX_AUTHENTICATION_BYTES:
        raise MessageRefused(f"authentication of {len(authentication)} bytes, limit {MAX_AUTHENTICATION_BYTES}")
    frame: bytes = _pack((PROTOCOL_VERSION, sent_ns, source, seq, destination, int(kind), body, authentication))
    if len(frame) + CRC_BYTES > MAX_MESSAGE_BYTES:
        raise MessageRefused(
            f"{Kind(kind).name} from {source} has {len(frame) + CRC_BYTES} bytes, limit {MAX_MESSAGE_BYTES}",
            hint="split it: larger things travel in pieces",
        )
    return frame + crc32(frame).to_bytes(CRC_BYTES, "big")


def pack_map(fields: Mapping[str, object]) -> bytes:
    """A body's bytes from its fields, unchecked. For the bus itself (`seal`)."""
    content: bytes = _pack(fields)
    return content


def _open(frame: bytes) -> tuple[int, str, int, str, int, bytes, bytes]:
    """The checked envelope without its version. Raises DecodeError, or what msgpack raises."""
    size = len(frame)
    if not _LEAST_BYTES <= size <= MAX_MESSAGE_BYTES:
        raise DecodeError(f"a frame has {_LEAST_BYTES} to {MAX_MESSAGE_BYTES} bytes, this one {size}")
    packed = frame[:-CRC_BYTES]
    if crc32(packed) != int.from_bytes(frame[-CRC_BYTES:], "big"):
        raise DecodeError("the checksum does not fit")
    envelope = _unpackb(packed, **_ENVELOPE_LIMITS)
    if type(envelope) is not tuple or not envelope or type(envelope[0]) is not int:
        raise DecodeError("a frame is an array that begins with the protocol version")
    if envelope[0] != PROTOCOL_VERSION:
        raise DecodeError(
            f"protocol version {envelope[0]}, this is version {PROTOCOL_VERSION}", hint="run the same release on both"
        )
    if len(envelope) != 8:
        raise DecodeError(f"an envelope has 8 fields, this one {len(envelope)}")
    _, sent_ns, source, seq, destination, kind, body, authentication = envelope
    if not (
        type(sent_ns) is int
        and 0 <= sent_ns <= MAX_TIME_NS
        and type(seq) is int
        and 0 <= seq <= MAX_SEQ
        and type(source) is str
        and type(destination) is str
        and (source in _known_ids or _is_id(source))
        and (destination in _known_ids or _is_id(destination))
        and type(kind) is int
        and type(body) is bytes
        and type(authentication) is bytes
    ):
        raise DecodeError("a field of the envelope has the wrong type or range")
    if kind not in _KINDS:
        raise DecodeError(f"no kind of message has the number {kind}")
    tail = len(authentication)
    if tail > MAX_AUTHENTICATION_BYTES or packed[-tail - 2] != _BIN8:
        raise DecodeError("authentication is a bin with one length byte and at most 64 bytes")
    return sent_ns, source, seq, destination, kind, body, authentication


def peek(frame: bytes) -> Header:
    """Checks checksum, lengths, types and ids of the envelope, and leaves the body alone. Raises DecodeError only."""
    try:
        sent_ns, source, seq, destination, kind, _, authentication = _open(frame)
    except DecodeError:
        raise
    except Exception as error:  # msgpack's errors share no base class short of Exception
        raise DecodeError(f"not a frame: {type(error).__name__}") from error
    covers = len(frame) - TAIL_BYTES - len(authentication)
    return _new(Header, (sent_ns, source, seq, destination, _KINDS[kind], covers))


def decode(frame: bytes) -> Message:
    """The message of a frame, fully validated. Raises DecodeError only."""
    try:
        sent_ns, source, seq, destination, kind, content, authentication = _open(frame)
        fields = _unpackb(content, **_BODY_LIMITS)
        if type(fields) is not dict:
            raise DecodeError("a body is a map")
        return _new(Message, (sent_ns, source, seq, destination, _VALIDATE[kind](fields), authentication))
    except DecodeError:
        raise
    except Exception as error:  # msgpack's errors share no base class short of Exception; pydantic's are ValueErrors
        raise DecodeError(f"not a message: {type(error).__name__}: {str(error)[:300]}") from error


def read_body(kind: int, content: bytes) -> Body:
    """One body from the bytes of `pack_map(body.__dict__)`, fully validated. Raises DecodeError only."""
    try:
        body: Body = _VALIDATE[kind](_unpackb(content, **_BODY_LIMITS))
    except Exception as error:  # as in `decode`
        raise DecodeError(f"not a body of kind {kind!r}: {type(error).__name__}: {str(error)[:300]}") from error
    return body


def restamp(frame: bytes, sent_ns: int, seq: int) -> bytes:
    """The same message with another time and sequence number: how mail from outside enters at a tick boundary.

    Raises DecodeError where `frame` is none.
    """
    try:
        _, source, _, destination, kind, body, authentication = _open(frame)
    except DecodeError:
        raise
    except Exception as error:
        raise DecodeError(f"not a frame: {type(error).__name__}") from error
    return seal(sent_ns, source, seq, destination, kind, body, authentication)


def digest(parts: Sequence[bytes]) -> bytes:
    """16 bytes (blake2b) over byte strings and, before them, how many there are and how long each is, so that no two
    lists share their input."""
    lengths = struct.pack(f">{len(parts) + 1}I", len(parts), *map(len, parts))
    return blake2b(lengths + b"".join(parts), digest_size=DIGEST_BYTES).digest()


def covered(frame: bytes) -> bytes:
    """The part of a frame that digests and the trace hash cover: all but authentication and CRC.

    Raises DecodeError where `frame` is none.
    """
    return frame[: peek(frame).covered]
