"""What an endpoint is: tcp://HOST:PORT. ZeroMQ takes any number for a port and uses its last sixteen bits."""

from __future__ import annotations

import re

from bus.errors import UserError

_FORM = re.compile(r"tcp://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9*._-]{1,253}):(?P<port>\*|[0-9]{1,5})")
GREATEST_PORT = 65535
SHAPE = f"tcp://HOST:PORT with a port from 0 to {GREATEST_PORT}, such as tcp://127.0.0.1:5600"


def check_endpoint(option: str, text: str) -> str:
    """The endpoint as it is. Raises UserError for what is none."""
    match = _FORM.fullmatch(text)
    if match is None or (match["port"] != "*" and int(match["port"]) > GREATEST_PORT):
        raise UserError(f"{option}: found '{text[:80]}'; allowed: {SHAPE}", hint="port 0 takes any free one")
    return text


def advertised(endpoint: str, host: str) -> str:
    """The same port under the name by which others reach it; the endpoint itself where no `host` is given."""
    return f"tcp://{host}:{endpoint.rpartition(':')[2]}" if host else endpoint


def check_host(option: str, text: str) -> str:
    """A host's name or address as it is, or nothing. Raises UserError for what is none."""
    if text and _FORM.fullmatch(f"tcp://{text}:1") is None:
        raise UserError(f"{option}: found '{text[:80]}'; allowed: a host's name or address", hint="without a port")
    return text
