"""The door for Prometheus: answers a reader, bounds everybody else, and says when its port is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric

from bus.errors import EnvironmentFault, UserError
from bus.sockets.metrics import MOST_AT_ONCE, MetricsDoor, check_metrics


def collect() -> Iterator[Metric]:
    yield GaugeMetricFamily("skyrack_test", "A figure", value=7)


@asynccontextmanager
async def serving() -> AsyncIterator[MetricsDoor]:
    door = MetricsDoor("127.0.0.1:0", collect)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(door.serve())
        yield door
        task.cancel()


async def ask(door: MetricsDoor, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionResetError:  # hung up on before it was read
        return b""
    finally:
        writer.close()


async def test_a_reader_gets_the_figures() -> None:
    async with serving() as door:
        answer = await ask(door, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK") and b"version=0.0.4" in head
        assert f"Content-Length: {len(body)}".encode() in head
        assert b"\nskyrack_test 7.0\n" in body
        assert (await ask(door, b"HEAD /metrics HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\n")
        assert b" 404 " in await ask(door, b"GET /etc/passwd HTTP/1.1\r\n\r\n")
        assert b" 405 " in await ask(door, b"POST /metrics HTTP/1.1\r\n\r\n")
        assert door.refused == 0


async def test_who_sends_too_much_or_nothing_whole_is_hung_up_on_and_counted() -> None:
    async with serving() as door:
        assert await ask(door, b"GET " + b"x" * 20_000 + b"\r\n\r\n") == b""
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(b"GET /met")
        writer.close()
        await writer.wait_closed()
        assert b"skyrack_test 7.0" in await ask(door, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert door.refused == 2


async def test_connections_are_bounded() -> None:
    async with serving() as door:
        waiting = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(MOST_AT_ONCE)]
        assert await ask(door, b"GET /metrics HTTP/1.1\r\n\r\n") == b""
        for _, writer in waiting:
            writer.close()
            await writer.wait_closed()
        answer = b""
        while not answer:  # until their ends have been seen
            answer = await ask(door, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert b"skyrack_test 7.0" in answer


async def test_a_port_that_is_taken_is_told() -> None:
    async with serving() as door:
        with pytest.raises(EnvironmentFault, match=f"cannot serve metrics at 127.0.0.1:{door.port}: Address already"):
            MetricsDoor(f"127.0.0.1:{door.port}", collect)


def test_a_place_that_is_none_is_refused() -> None:
    assert check_metrics("--metrics", "") == ""
    assert check_metrics("--metrics", "0.0.0.0:9464") == "0.0.0.0:9464"
    for wrong in ("9464", "localhost:99999", "http://x:1", "a b:1"):
        with pytest.raises(UserError, match="allowed: HOST:PORT"):
            check_metrics("--metrics", wrong)
