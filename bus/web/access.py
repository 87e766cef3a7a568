"""Who may ask, from where, how often: tokens with a role each, Host and Origin, a rate, and the size of what is sent.

A browser on the same machine runs pages of strangers. So a request needs a token, which no page can guess; its Host
must be one that this server was told to have (a name that somebody's DNS points at 127.0.0.1 is none), and where a
browser names the page's origin, that must be this server too. Nothing is ever allowed across origins.

`Doorkeeper` judges, whatever carries the request; `Access` is the door in front of an ASGI application.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
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
    """What a token is good for: an observer reads what the ground knows, an operator also commands; who has the range
    holds the run's clock and breaks things."""

    OBSERVER = "observer"
    OPERATOR = "operator"
    RANGE = "range"


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


@dataclass(frozen=True, slots=True)
class Asked:
    """What is judged of a request. `writes`: it would change something; `length`: as its header has it."""

    host: str
    origin: str | None
    token: str
    writes: bool = False
    length: str = "0"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request may not pass, with HTTP's number for it."""

    status: int
    reason: str


class Doorkeeper:
    """`tokens`: role by token; `hosts`: names with ports that this server has; `how`: where its token is to be found,
    for who has none. `refused` counts what was turned away, by reason."""

    def __init__(self, tokens: Mapping[str, str], hosts: Iterable[str], clock: Clock, how: str) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._tokens = [(token.encode(), role) for token, role in tokens.items()]
        self._limit, self._how = RateLimit(clock), how
        self.refused: Counter[str] = Counter()

    def judge(self, asked: Asked) -> Refused | str:
        """The role in which it may pass, or why not; which is counted."""
        found = self._judge(asked)
        if isinstance(found, Refused):
            self.refused[found.reason.partition(":")[0]] += 1
        return found

    def _judge(self, asked: Asked) -> Refused | str:
        if asked.host.lower() not in self._hosts:
            names = " or ".join(sorted(self._hosts))
            return Refused(421, f"wrong host: this server is {names}, not '{asked.host[:80]}'")
        if asked.origin is not None and asked.origin.lower().partition("://")[2] not in self._hosts:
            return Refused(403, f"foreign origin: pages of {asked.origin[:80]} may not ask here")
        token = asked.token.encode()
        role = next((role for known, role in self._tokens if hmac.compare_digest(known, token)), "")
        if not role:
            return Refused(401, f"no valid token: {self._how}")
        waits = self._limit.refusal(token)
        if waits:
            return Refused(429, waits)
        if asked.writes and role == Role.OBSERVER:
            return Refused(403, "role observer reads only; commanding needs the operator's token")
        if not asked.length.isdigit() or int(asked.length) > MOST_BODY_BYTES:
            return Refused(413, f"too large: a request has at most {MOST_BODY_BYTES} bytes")
        return role


class Access:
    """See the module."""

    def __init__(self, app: Asgi, keeper: Doorkeeper) -> None:
        self._app, self._keeper = app, keeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        found = self._keeper.judge(_asked(scope))
        if isinstance(found, str):
            scope["state"] = {**scope.get("state", {}), "role": found}
            await self._app(scope, bounded(receive), send)
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4000 + found.status, "reason": found.reason[:120]})
            return
        body = json.dumps({"detail": found.reason}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if found.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if found.status == 429:
            headers.append((b"retry-after", b"1"))
        await send({"type": "http.response.start", "status": found.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _asked(scope: Scope) -> Asked:
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    writes = scope["type"] == "http" and scope["method"] not in READS
    length = headers.get(b"content-length", "0") if scope["type"] == "http" else "0"
    return Asked(headers.get(b"host", ""), headers.get(b"origin"), _token(scope, headers), writes, length)


def _token(scope: Scope, headers: dict[bytes, str]) -> str:
    kind, _, token = headers.get(b"authorization", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token.strip()
    for protocol in scope.get("subprotocols", ()):
        if protocol.startswith(_TOKEN):
            return str(protocol.removeprefix(_TOKEN))
    return ""


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
