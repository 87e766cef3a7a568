"""Serving it: a socket on loopback, tokens, uvicorn; from the start of the command to its end."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from bus.clock import Clock, MachineClock
from bus.errors import EnvironmentFault, UserError
from groundstation.api.access import Access, Role, make_tokens
from groundstation.api.app import make_app
from groundstation.api.desk import Desk, Facts
from groundstation.api.link import GroundLink


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


def build(desk: Desk, tokens: dict[str, str], hosts: tuple[str, ...], clock: Clock) -> Access:
    """The application behind its door."""
    doors: list[Access] = []
    app = make_app(desk, clock, lambda: dict(doors[0].refused))
    doors.append(Access(app, {token: role for role, token in tokens.items()}, hosts, clock))
    return doors[0]


def serve(
    facts: Facts,
    link: Callable[[Clock], GroundLink | None],
    address: Address,
    directory: Path,
    ready: Callable[[str, dict[str, str]], None],
) -> None:
    """Until it is stopped. `directory`: where the tokens are written; `ready` hears the address and the tokens."""
    clock = MachineClock()
    bound = address.open()
    try:
        port = int(bound.getsockname()[1])
        tokens = make_tokens(directory, (Role.OBSERVER, Role.OPERATOR))
        host = f"[{address.host}]" if ":" in address.host else address.host
        door = build(Desk(facts, link(clock)), tokens, address.hosts(port), clock)
        config = uvicorn.Config(
            app=_as_any(door), log_level="warning", access_log=False, lifespan="on", ws_max_size=64 * 1024,
            timeout_graceful_shutdown=2, server_header=False, ws_max_queue=8, h11_max_incomplete_event_size=64 * 1024,
        )  # fmt: skip
        ready(f"http://{host}:{port}", tokens)
        uvicorn.Server(config).run(sockets=[bound])
    finally:
        bound.close()


def _as_any(door: Access) -> Any:
    """uvicorn's own types of an ASGI application are narrower than the protocol."""
    return door
