"""The door of the console in a browser: a key, a host, an origin; and nothing from elsewhere on the page."""

from __future__ import annotations

import asyncio
import gc
import sys
from asyncio import SubprocessTransport
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, CookieJar, WSMsgType, WSServerHandshakeError, web

from bus.clock import MachineClock
from bus.web.serving import Address
from groundstation.console.browser import MOST_PAGES, BrowserConsole

KEY = "k" * 40
SAYS = """
import os, sys
sys.stdout.buffer.write(b'__GANGLION__\\n')
sys.stdout.buffer.flush()
while (said := os.read(0, 4096)) and b'quit' not in said:
    pass
"""
"""A console that draws nothing and ends when it is told to."""


def consoles() -> list[SubprocessTransport]:
    """Every process that a loop of this one began, as long as somebody remembers it."""
    return [one for one in gc.get_objects() if issubclass(type(one), SubprocessTransport)]  # weak proxies may be dead


@asynccontextmanager
async def page() -> AsyncIterator[tuple[str, ClientSession]]:
    address = Address(port=0)
    with address.open() as bound:
        port = bound.getsockname()[1]
        pages = BrowserConsole([sys.executable, "-c", SAYS], bound, KEY, address.hosts(port), MachineClock())
        runner = web.AppRunner(await pages.app())
        await runner.setup()
        await web.SockSite(runner, bound).start()
        try:
            async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
                yield f"http://127.0.0.1:{port}", client
        finally:
            await runner.cleanup()
            async with asyncio.timeout(20):  # the server asks consoles to end; one that outlives the loop fails others
                while not all(one.is_closing() for one in consoles()):  # noqa: ASYNC110 - their end is nobody's event
                    await asyncio.sleep(0.02)


async def test_a_page_needs_the_key_and_keeps_it_to_itself() -> None:
    async with page() as (url, client):
        for path in ("/", "/?key=wrong", "/static/js/textual.js", "/ws", "/download/x"):
            assert (await client.get(url + path)).status == 401, path
        found = await client.get(f"{url}/?key={KEY}", allow_redirects=False)
        assert found.status == 302 and found.headers["location"] == "/"
        cookie = found.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        text = await (await client.get(url)).text()
        assert "textual.js" in text and "googleapis" not in text
        assert {part.partition("/")[0] for part in text.split("//")[1:] if part.startswith("127.")} == {url[7:]}
        assert (await client.get(f"{url}/static/js/textual.js")).status == 200


async def test_other_sites_and_other_names_get_nothing() -> None:
    async with page() as (url, client):
        await client.get(f"{url}/?key={KEY}")
        assert (await client.get(url, headers={"host": "evil.example"})).status == 421
        assert (await client.get(url, headers={"origin": "http://evil.example"})).status == 403
        with pytest.raises(WSServerHandshakeError) as refused:
            await client.ws_connect(f"{url}/ws", headers={"origin": "http://evil.example"})
        assert refused.value.status == 403


async def test_pages_are_bounded_and_one_that_closes_makes_room() -> None:
    async with page() as (url, client):
        await client.get(f"{url}/?key={KEY}")
        open_ = [await client.ws_connect(f"{url}/ws") for _ in range(MOST_PAGES)]
        with pytest.raises(WSServerHandshakeError) as refused:
            await client.ws_connect(f"{url}/ws")
        assert refused.value.status == 503
        await open_.pop().close()
        async with asyncio.timeout(30.0):
            while True:
                try:
                    again = await client.ws_connect(f"{url}/ws")
                    break
                except WSServerHandshakeError:
                    await asyncio.sleep(0.1)
        await again.send_json(["ping", 1])
        assert (await again.receive()).type in (WSMsgType.TEXT, WSMsgType.CLOSE, WSMsgType.CLOSED)
        for each in (*open_, again):
            await each.close()
