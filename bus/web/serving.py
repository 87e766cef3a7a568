"""Serving an application: a socket on loopback, tokens, uvicorn; how our errors are told; until it is stopped."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from bus.clock import Clock
from bus.errors import EnvironmentFault, RangeFailure, ScenarioError, SkyrackError, UnknownNameError, UserError
from bus.web.access import Access, Asgi, Doorkeeper, make_tokens

PREFIX = "/api/v1"
KEEP_ALIVE_S = 75
"""An idle connection is kept so long: consoles look once a second, people now and then."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where it listens, and under which names it is asked (besides its own)."""

    host: str = "127.0.0.1"
    port: int = 8600
    names: tuple[str, ...] = ()

    def open(self) -> socket.socket:
        """The bound socket. Raises EnvironmentFault where the port is taken, UserError for an open door."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            raise UserError(f"--host {self.host} is no address", hint="such as 127.0.0.1 or ::1") from None
        if not address.is_loopback and not self.names:
            raise UserError(
                f"--host {self.host} is open to others", hint="say under which name they ask: --name HOST:PORT"
            )
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self.host, self.port))
            bound.listen(128)  # who hears of the address may connect at once
        except (OSError, OverflowError) as error:
            bound.close()
            reason = getattr(error, "strerror", None) or str(error)
            raise EnvironmentFault(
                f"cannot listen on {self.host}:{self.port}: {reason}", hint="choose another with --port, or 0 for any"
            ) from error
        return bound

    def hosts(self, port: int) -> tuple[str, ...]:
        """What a request's Host may be."""
        names = [self.host if ":" not in self.host else f"[{self.host}]", "localhost", "127.0.0.1", "[::1]"]
        return (*(f"{name}:{port}" for name in dict.fromkeys(names)), *self.names)


@dataclass(frozen=True, slots=True)
class Doors:
    """Which tokens there are, where they are kept, and how somebody without one is told so."""

    directory: Path
    roles: tuple[str, ...]

    @property
    def how(self) -> str:
        """For who has none."""
        return f"send 'Authorization: Bearer TOKEN'; the token is in the run's directory, {self.directory.name}/"


def build(
    make: Callable[[Callable[[], Mapping[str, int]]], Asgi], tokens: Mapping[str, str], hosts: Iterable[str],
    clock: Clock, how: str,
) -> Access:  # fmt: skip
    """An application behind its door. `make` gets what tells how much was turned away; `tokens`: by role."""
    keeper = Doorkeeper({token: role for role, token in tokens.items()}, hosts, clock, how)
    return Access(make(lambda: keeper.refused), keeper)


def serve(
    make: Callable[[Callable[[], Mapping[str, int]]], Asgi],
    address: Address,
    doors: Doors,
    clock: Clock,
    ready: Callable[[str, dict[str, str]], None],
) -> None:
    """Until it is stopped. `ready` hears the address and the tokens."""
    bound = address.open()
    try:
        port = int(bound.getsockname()[1])
        tokens = make_tokens(doors.directory, doors.roles)
        host = f"[{address.host}]" if ":" in address.host else address.host
        door: Any = build(make, tokens, address.hosts(port), clock, doors.how)  # uvicorn's types are narrower
        config = uvicorn.Config(
            app=door, log_level="warning", access_log=False, lifespan="on", ws_max_size=64 * 1024,
            timeout_graceful_shutdown=2, timeout_keep_alive=KEEP_ALIVE_S, server_header=False, ws_max_queue=8,
            h11_max_incomplete_event_size=64 * 1024,
        )  # fmt: skip
        ready(f"http://{host}:{port}", tokens)
        uvicorn.Server(config).run(sockets=[bound])
    finally:
        bound.close()


class Told(JSONResponse):
    """What was found is told back, whatever it was: NaN and infinities as texts, half characters escaped."""

    def render(self, content: Any) -> bytes:
        """Its bytes."""
        plain = json.loads(json.dumps(content), parse_constant=str)
        return json.dumps(plain, separators=(",", ":")).encode("ascii")


def tell_errors(app: FastAPI) -> None:
    """Our errors as answers: what is wrong, what to do next, the number that fits."""

    @app.exception_handler(SkyrackError)
    async def told(_: Request, error: SkyrackError) -> JSONResponse:
        content: dict[str, Any] = {"detail": error.message, "hint": error.hint}
        if isinstance(error, ScenarioError):
            content["mistakes"] = [
                {"field": each.field, "found": each.found, "allowed": each.allowed} for each in error.mistakes
            ]
        return Told(content, status_of(error))

    @app.exception_handler(RequestValidationError)
    async def refused(_: Request, error: RequestValidationError) -> JSONResponse:
        return Told({"detail": jsonable_encoder(error.errors())}, 422)

    @app.exception_handler(ConnectionError)
    async def silent(_: Request, error: ConnectionError) -> JSONResponse:
        return Told({"detail": str(error)}, 503)


def status_of(error: SkyrackError) -> int:
    """Of HTTP, for one of ours."""
    if isinstance(error, UnknownNameError):
        return 404
    if isinstance(error, ScenarioError):
        return 422
    return 503 if isinstance(error, EnvironmentFault | RangeFailure) else 422
