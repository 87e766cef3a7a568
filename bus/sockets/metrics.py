"""A process's figures for Prometheus: `GET /metrics` over plain HTTP, in the process's own loop.

No thread and no framework: what answers is what flies, so that an answer also says that the loop turns. Requests,
connections and the time for one are bounded. Figures only, and nobody can change anything here; it is for a network
that one trusts to read them.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from bus.errors import EnvironmentFault, UserError

if TYPE_CHECKING:
    from prometheus_client.core import Metric

MOST_AT_ONCE = 8
MOST_REQUEST_BYTES = 8 * 1024
ANSWER_WITHIN_S = 5.0
_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):(?P<port>[0-9]{1,5})")
_CONTENT = "text/plain; version=0.0.4; charset=utf-8"

Collect = Callable[[], Iterable["Metric"]]


def check_metrics(option: str, text: str) -> str:
    """HOST:PORT as it is, or nothing. Raises UserError for what is none."""
    match = _PLACE.fullmatch(text) if text else None
    if text and (match is None or int(match["port"]) > 65535):
        raise UserError(f"{option}: found '{text[:80]}'; allowed: HOST:PORT, such as 127.0.0.1:9464", hint="or nothing")
    return text


class MetricsDoor:
    """See the module. It is bound when it is made; `serve` answers until it is cancelled."""

    def __init__(self, place: str, collect: Collect) -> None:
        """EnvironmentFault if it cannot be bound."""
        host, _, port = place.rpartition(":")
        self._collect = collect
        self._open = 0
        self.refused = 0
        try:
            self._socket = socket.create_server((host.strip("[]"), int(port)), backlog=MOST_AT_ONCE)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot serve metrics at {place}: {error.strerror}",
                hint="choose another port; another run may have it",
            ) from error
        self.port = int(self._socket.getsockname()[1])

    def close(self) -> None:
        """No further connections."""
        self._socket.close()

    async def serve(self) -> None:
        """Until cancelled."""
        server = await asyncio.start_server(self._meet, sock=self._socket, limit=MOST_REQUEST_BYTES)
        async with server:
            await server.serve_forever()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open > MOST_AT_ONCE:
                self.refused += 1
                return
            async with asyncio.timeout(ANSWER_WITHIN_S):
                request = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].split(b" ")
                writer.write(self._answer(request))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self.refused += 1
        except asyncio.CancelledError:
            return  # the run is over; the stream's own callback would complain of a task that was cancelled
        finally:
            self._open -= 1
            writer.close()

    def _answer(self, request: list[bytes]) -> bytes:
        if len(request) != 3 or request[0] not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", b"only GET\n")
        if request[1].partition(b"?")[0] != b"/metrics":
            return _response("404 Not Found", b"see /metrics\n")
        body = exposition(self._collect())
        return _response("200 OK", body, head=request[0] == b"HEAD")


def exposition(metrics: Iterable[Metric]) -> bytes:
    """As Prometheus reads it."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - only where it is wanted
    from prometheus_client.registry import Collector  # noqa: PLC0415

    class Given(Collector):
        def collect(self) -> Iterable[Metric]:
            return metrics

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Given())
    return generate_latest(registry)


def _response(status: str, body: bytes, *, head: bool = False) -> bytes:
    lines = f"HTTP/1.1 {status}\r\nContent-Type: {_CONTENT}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return lines.encode() + (b"" if head else body)
