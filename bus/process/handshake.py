"""Who may take part: protocol, dictionary and scenario must be the same on both sides. Sessions, snapshots under way.

Decisions only; the server sends what comes out. A session is one connection: its routing id, bound to the key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bus.errors import DecodeError
from bus.sockets.access import Peer
from bus.wire.messages import PROTOCOL_VERSION, Hello, Message, Piece
from bus.wire.pieces import Assembly, address, split

SCENARIO = "scenario"  # in Hello.versions: digest of the scenario a participant was built from; absent: it wants it
DOOR = "door-"  # in Hello.versions: an endpoint that the ground's process opened itself, by plane
_ENDPOINT = re.compile(r"tcp://[^\s/]{1,50}:\d{1,5}")


class Handshake:
    """The range_requests at the bus's door."""

    def __init__(self, scenario: bytes, dictionaries: Mapping[str, str]) -> None:
        self._pieces = tuple(split("scenario", 0, scenario))
        self._digest = address(scenario).hex()
        self._dictionaries = dictionaries
        self.sessions: dict[str, bytes] = {}
        self._snapshots: dict[str, Assembly] = {}

    def examine(self, peer: Peer, message: Message) -> str | tuple[Piece, ...]:
        """A reason to refuse; or the pieces of the scenario if it asked for them; or () if it may take part."""
        hello = message.body
        if not isinstance(hello, Hello):
            raise DecodeError(f"expected a Hello, got {message.kind.name}")
        if message.source != peer.identity:
            return f"this key belongs to {peer.identity}, not to {message.source}"
        if hello.role != peer.role:
            return f"the key of {peer.identity} is for the role {peer.role}, not {hello.role}"
        if hello.protocol != PROTOCOL_VERSION:
            return f"protocol version {hello.protocol}, the bus speaks {PROTOCOL_VERSION}: run the same release"
        if SCENARIO not in hello.versions:
            return self._pieces
        if hello.versions[SCENARIO] != self._digest:
            return f"another scenario: {hello.versions[SCENARIO]}, the bus flies {self._digest}"
        expected = self._dictionaries.get(peer.identity, "")
        if hello.dictionary != expected:
            return (
                f"dictionary version {hello.dictionary or 'none'}, the bus has {expected or 'none'} for {peer.identity}"
            )
        return ()

    @staticmethod
    def endpoints(peer: Peer, message: Message) -> dict[str, str]:
        """Endpoints by plane that this participant opened itself: the ground's, where operators ask."""
        at = message.body.versions.get(DOOR + "operator", "") if peer.role == "ground" else ""
        return {"operator": at} if _ENDPOINT.fullmatch(at) else {}

    def admit(self, peer: Peer) -> None:
        """From now on this connection speaks for its identity."""
        self.sessions[peer.identity] = peer.routing
        self._snapshots[peer.identity] = Assembly("snapshot")

    def leave(self, identity: str) -> bytes | None:
        """End of its session; gives the routing id it had."""
        return self.sessions.pop(identity, None)

    def is_current(self, peer: Peer) -> bool:
        """Whether this connection is the session of its identity."""
        return self.sessions.get(peer.identity) == peer.routing

    def piece(self, peer: Peer, message: Message) -> tuple[int, bytes] | None:
        """(tick, snapshot) when its last piece has come. DecodeError for one that does not fit."""
        if not isinstance(message.body, Piece):
            raise DecodeError(f"expected a Piece, got {message.kind.name}")
        return self._snapshots[peer.identity].add(message.body)
