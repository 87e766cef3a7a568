"""Who may enter: grants, planes and the answer to a ZAP request (RFC 27), as plain functions.

No socket here and no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bus.sockets.refusals import Refusals

# Which roles a plane's socket admits. The ground's key opens time, never range; nobody enters by default.
PLANES: dict[str, frozenset[str]] = {
    "time": frozenset({"node", "ground"}),
    "range": frozenset({"range"}),
    "observe": frozenset({"observer", "range"}),
    "operator": frozenset({"operator"}),
}
_VERSION = b"1.0"
_CURVE_CREDENTIAL_BYTES = 32
# Z85 (RFC 32), so that this file needs no zmq.
_Z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


class Keypair(NamedTuple):
    """A CURVE key pair, both halves in Z85 (40 characters)."""

    public: bytes
    secret: bytes


class Grant(NamedTuple):
    """Whom a public key stands for, and in which role."""

    identity: str
    role: str


class Peer(NamedTuple):
    """The sender of a message: its routing id, and what its key (never its own word) says of it."""

    routing: bytes
    identity: str
    role: str


Grants = Mapping[bytes, Grant]


def z85(raw: bytes) -> bytes:
    """Z85 text of bytes whose length is a multiple of 4."""
    text = bytearray()
    for at in range(0, len(raw), 4):
        value = int.from_bytes(raw[at : at + 4], "big")
        text += bytes(_Z85[value // 85**power % 85] for power in (4, 3, 2, 1, 0))
    return bytes(text)


def admits(plane: str, grants: Grants) -> dict[bytes, Grant]:
    """Those of `grants` whose role has business on `plane`."""
    roles = PLANES[plane]
    return {key: grant for key, grant in grants.items() if grant.role in roles}


def answer(
    request: Sequence[bytes],
    open_planes: Mapping[str, Grants],
    counters: Counter[str],
    grants: Grants,
    refused: Refusals,
) -> list[bytes]:
    """The reply to one ZAP request. Whatever is not granted is 400, and counted."""
    if len(request) < 6 or request[0] != _VERSION:
        counters["zap_malformed"] += 1
        return [_VERSION, b"", b"500", b"not a ZAP request", b"", b""]
    _, request_id, domain, address, _, mechanism = request[:6]
    grant = known = None
    plane = domain.decode("ascii", "replace")
    if mechanism == b"CURVE" and len(request) == 7 and len(request[6]) == _CURVE_CREDENTIAL_BYTES:
        key = z85(request[6])
        grant, known = open_planes.get(plane, {}).get(key), grants.get(key)
    if grant is None:
        counters["zap_refused"] += 1
        if known is not None:
            refused.count(plane, "key of another plane", known.identity)
        else:
            refused.count(plane, "unlisted key", address.decode("ascii", "replace")[:64])
        return [_VERSION, request_id, b"400", b"key not granted on this plane", b"", b""]
    counters["zap_admitted"] += 1
    return [_VERSION, request_id, b"200", b"OK", grant.identity.encode(), b""]


def speaks_for(routing: bytes, identity: str) -> bool:
    """Whether a routing id may be used by the key of `identity`: the identity itself, or `identity/session`."""
    return routing.partition(b"/")[0] == identity.encode()
