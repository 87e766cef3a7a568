"""Who may ask, from where, how often: tokens with a role each, Host and Origin, a rate, and the size of what is sent.

A browser on the same machine runs pages of strangers. So a request needs a token, which no page can guess; its Host
must be one that this server was told to have (a name that somebody's DNS points at 127.0.0.1 is none), and where a
browser names the page's origin, that must be this server too. Nothing is ever allowed across origins.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from bus.clock import Clock
from bus.errors import EnvironmentFault
from bus.process.rate_limit import RateLimit
from bus.sockets.zeromq import new_keypair

MOST_BODY_BYTES = 256 * 1024
"""Of one request: a stack of 256 telecommands fits; more is no request."""
READS = ("GET", "HEAD")
SUBPROTOCOL = "skyrack.v1"
"""What a websocket speaks. A browser cannot set headers for one, so its token comes as a second protocol, `token.…`."""
_TOKEN = "token."

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class Role(StrEnum):
    """What a token is good for: an observer reads, an operator also commands."""

    OBSERVER = "observer"
    OPERATOR = "operator"


def make_tokens(directory: Path, roles: Iterable[str]) -> dict[str, str]:
    """New tokens, by role, each in a file of its own that only its owner can read. Raises EnvironmentFault."""
    tokens = {}
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        for role in roles:
            tokens[role] = new_token()
            path = directory / f"{role}.token"
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(tokens[role] + "\n")
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write {directory}: {error.strerror}", hint="name a run you may write to"
        ) from error
    return tokens


def new_token() -> str:
    """40 hexadecimal digits that nobody can guess."""
    return hashlib.blake2b(new_keypair().secret, digest_size=20).hexdigest()


class Access:
    """The door in front of an application. `tokens`: role by token; `hosts`: names with ports that this server has.
    `refused` counts what was turned away, by reason."""

    def __init__(self, app: Asgi, tokens: dict[str, str], hosts: Iterable[str], clock: Clock) -> None:
        self._app, self._hosts = app, frozenset(host.lower() for host in hosts)
        self._tokens = [(token.encode(), role) for token, role in tokens.items()]
        self._limit = RateLimit(clock)
        self.refused: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        status, reason = self._judge(scope)
        if not status:
            await self._app(scope, bounded(receive), send)
            return
        self.refused[reason.partition(":")[0]] += 1
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4000 + status, "reason": reason[:120]})
            return
        body = json.dumps({"detail": reason}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if status == 429:
            headers.append((b"retry-after", b"1"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _judge(self, scope: Scope) -> tuple[int, str]:
        """(status, why) of a refusal; (0, "") where it may pass."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self._hosts:
            return 421, f"wrong host: this server is {' or '.join(sorted(self._hosts))}, not '{host[:80]}'"
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower().partition("://")[2] not in self._hosts:
            return 403, f"foreign origin: pages of {origin.decode('latin-1')[:80]} may not ask here"
        token = self._token(scope, headers)
        role = next((role for known, role in self._tokens if hmac.compare_digest(known, token)), "")
        if not role:
            return 401, "no valid token: send 'Authorization: Bearer TOKEN'; the token is in the run's directory, api/"
        waits = self._limit.refusal(token)
        if waits:
            return 429, waits
        if scope["type"] == "http" and scope["method"] not in READS and role == Role.OBSERVER:
            return 403, "role observer reads only; commanding needs the operator's token"
        if scope["type"] == "http" and not _small(headers.get(b"content-length", b"0")):
            return 413, f"too large: a request has at most {MOST_BODY_BYTES} bytes"
        scope["state"] = {**scope.get("state", {}), "role": role}
        return 0, ""

    @staticmethod
    def _token(scope: Scope, headers: dict[bytes, bytes]) -> bytes:
        kind, _, token = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"bearer" and token:
            return bytes(token.strip())
        for protocol in scope.get("subprotocols", ()):
            if protocol.startswith(_TOKEN):
                return str(protocol.removeprefix(_TOKEN)).encode()
        return b""


def _small(length: bytes) -> bool:
    return length.isdigit() and int(length) <= MOST_BODY_BYTES


def bounded(receive: Receive) -> Receive:
    """A body that is sent in pieces, without a length, has the same bound: it ends there, as if it were cut off."""
    taken = 0

    async def receive_bounded() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > MOST_BODY_BYTES:
                return {"type": "http.disconnect"}
        return message

    return receive_bounded
