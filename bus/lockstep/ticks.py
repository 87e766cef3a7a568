"""Tick and Tock as lists of frames: a header frame, then the mail. Both ends of the lockstep use this.

Digests cover mail without authentication; a Tock's also covers beacon and truth. Decoding raises DecodeError only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bus.errors import DecodeError, MessageRefused
from bus.participant import Moment, Outbox
from bus.wire.codec import TAIL_BYTES, Header, decode, digest, encode, pack_map, peek, seal
from bus.wire.messages import (
    MAX_BEACON_BYTES,
    MAX_MAIL,
    MAX_TRUTH_BYTES,
    Kind,
    Message,
    Tick,
    Tock,
)

# Tick headers carry this as their destination, so that one frame serves everybody whose Tick is the same.
EVERYBODY = "all"
_EMPTY_DIGEST = digest(())


class ReceivedTick(NamedTuple):
    """A checked Tick. `refused` messages of its mail had bodies that are none; they are dropped, the rest is whole."""

    moment: Moment
    inbox: list[Message]
    refused: int


class ReceivedTock(NamedTuple):
    """A checked Tock. `mail` are its frames with their headers, in the order in which they were sent."""

    tick: int
    digest: bytes
    beacon: bytes
    truth: bytes
    mail: list[tuple[Header, bytes]]


def write_tick(
    tick: int,
    tick_ns: int,
    mail: Sequence[tuple[Header, bytes]],
    beacons: dict[str, bytes],
    *,
    host_up: bool = True,
    closing: bool = False,
) -> list[bytes]:
    """Header frame and mail frames of a Tick."""
    fields = {
        "tick": tick,
        "count": len(mail),
        "digest": digest([frame[: header.covered] for header, frame in mail]) if mail else _EMPTY_DIGEST,
        "beacons": beacons,
        "host_up": host_up,
        "closing": closing,
    }
    head = seal(tick * tick_ns, "bus", tick, EVERYBODY, Kind.TICK, pack_map(fields))
    return [head, *[frame for _, frame in mail]]


def read_tick(frames: Sequence[bytes], tick_ns: int) -> ReceivedTick:
    """What a participant steps with.

    Raises DecodeError where the header, the count or the digest does not fit: then the range is broken. A message
    whose body alone is bad is dropped and counted, so that nobody can end a participant by writing to it.
    """
    if not frames:
        raise DecodeError("a Tick has at least its header")
    message = decode(frames[0])
    body = message.body
    if not isinstance(body, Tick):
        raise DecodeError(f"expected a Tick, got {message.kind.name}")
    mail = frames[1:]
    if body.count != len(mail):
        raise DecodeError(f"Tick {body.tick} announces {body.count} messages and brings {len(mail)}")
    start_ns = body.tick * tick_ns
    moment = Moment(body.tick, start_ns, start_ns + tick_ns, body.beacons, body.host_up, body.closing)
    if not mail:
        return ReceivedTick(moment, [], 0)
    inbox: list[Message] = []
    parts: list[bytes] = []
    for frame in mail:
        try:
            envelope = decode(frame)
        except DecodeError:
            parts.append(frame[: peek(frame).covered])
            continue
        inbox.append(envelope)
        parts.append(frame[: -(TAIL_BYTES + len(envelope.authentication))])
    if body.digest != digest(parts):
        raise DecodeError(f"the digest of Tick {body.tick} does not fit its messages")
    return ReceivedTick(moment, inbox, len(mail) - len(inbox))


def answer(id: str, moment: Moment, outbox: Outbox) -> ReceivedTock:
    """What a Tock says, its mail as frames: for a conductor in the same process, who need not read it from bytes.

    Raises MessageRefused where the outbox cannot be carried.
    """
    beacon, truth, mail = outbox.beacon, outbox.truth, [_posted(message) for message in outbox.messages]
    if len(mail) > MAX_MAIL or len(beacon) > MAX_BEACON_BYTES or len(truth) > MAX_TRUTH_BYTES:
        sizes = f"{len(mail)} messages, a beacon of {len(beacon)} bytes and a truth sample of {len(truth)}"
        most = f"limits {MAX_MAIL}, {MAX_BEACON_BYTES} and {MAX_TRUTH_BYTES}"
        raise MessageRefused(f"{id} answers tick {moment.tick} with {sizes}; {most}")
    return ReceivedTock(moment.tick, _tock_digest(mail, beacon, truth), beacon, truth, mail)


def _posted(message: Message) -> tuple[Header, bytes]:
    """A message as a frame, with what `peek` would read of it."""
    frame = encode(message)
    covered = len(frame) - TAIL_BYTES - len(message.authentication)
    return Header(message.sent_ns, message.source, message.seq, message.destination, message.kind, covered), frame


def write_tock(id: str, moment: Moment, outbox: Outbox) -> list[bytes]:
    """Header frame and mail frames of the answer. Raises MessageRefused where the outbox cannot be carried."""
    tick, covered, beacon, truth, mail = answer(id, moment, outbox)
    fields = {"tick": tick, "count": len(mail), "digest": covered, "beacon": beacon, "truth": truth}
    head = seal(moment.end_ns, id, tick, "bus", Kind.TOCK, pack_map(fields))
    return [head, *[frame for _, frame in mail]]


def _tock_digest(mail: Sequence[tuple[Header, bytes]], beacon: bytes, truth: bytes) -> bytes:
    """The digest of a Tock, over mail (without authentication), beacon and truth."""
    return digest([*[frame[: header.covered] for header, frame in mail], beacon, truth])


def read_tock(id: str, frames: Sequence[bytes]) -> ReceivedTock:
    """A Tock of `id`, its mail opened only as far as the envelope. Raises DecodeError where anything does not fit."""
    if not frames:
        raise DecodeError("a Tock has at least its header")
    message = decode(frames[0])
    body = message.body
    if not isinstance(body, Tock) or message.source != id:
        raise DecodeError(f"expected a Tock of {id}, got {message.kind.name} of {message.source}")
    if body.count != len(frames) - 1:
        raise DecodeError(f"Tock {body.tick} announces {body.count} messages and brings {len(frames) - 1}")
    mail = [(peek(frame), frame) for frame in frames[1:]]
    if body.digest != _tock_digest(mail, body.beacon, body.truth):
        raise DecodeError(f"the digest of Tock {body.tick} does not fit")
    return ReceivedTock(body.tick, body.digest, body.beacon, body.truth, mail)
