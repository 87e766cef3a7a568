"""The same console in a browser: a page on loopback with a key, and a process for each that is open.

textual-serve carries the screen and the keys; what stands here is the door in front of it. Whoever opens the page can
command, so a request needs the key that was printed (it becomes a cookie that no other site can send), a Host that is
this server, and where a browser names an origin, that must be this server too. Nothing is fetched from elsewhere.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import shlex
import signal
import socket
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server

COOKIE = "skyrack_console"
MOST_PAGES = 8
"""Open at once: each is a process of some 60 MB."""
_ELSEWHERE = re.compile(r"<link[^>]*https?://[^>]*>", re.DOTALL)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BrowserConsole(Server):
    """See the module. `command`: the console's own, without a shell; `key`: what a page must have."""

    def __init__(self, command: Sequence[str], bound: socket.socket, key: str, hosts: Sequence[str]) -> None:
        host, port = bound.getsockname()[:2]
        super().__init__(shlex.join(command), host=host, port=port, title="Skyrack")
        self._bound, self._key, self._hosts = bound, key, frozenset(hosts)
        self._pages = 0
        self._folder = tempfile.TemporaryDirectory(prefix="skyrack-page-")
        page = (Path(self.templates_path) / "app_index.html").read_text(encoding="utf-8")
        (Path(self._folder.name) / "app_index.html").write_text(_ELSEWHERE.sub("", page), encoding="utf-8")
        self.templates_path = Path(self._folder.name)

    async def app(self) -> web.Application:
        """The application behind its door."""
        app = await self._make_app()
        app.middlewares.append(self._door)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Nothing is printed."""

    async def run(self) -> None:
        """Until SIGINT or SIGTERM."""
        runner = web.AppRunner(await self.app(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stopped.set)
        try:
            await web.SockSite(runner, self._bound).start()
            await stopped.wait()
        finally:
            await runner.cleanup()
            self._folder.cleanup()

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One page; no more than there is room for."""
        if self._pages >= MOST_PAGES:
            raise web.HTTPServiceUnavailable(text=f"{MOST_PAGES} pages are open; close one")
        self._pages += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self._pages -= 1

    @web.middleware
    async def _door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host.lower() not in self._hosts:
            raise web.HTTPMisdirectedRequest(text=f"wrong host: this server is {' or '.join(sorted(self._hosts))}")
        origin = request.headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] not in self._hosts:
            raise web.HTTPForbidden(text="pages of other sites may not ask here")
        given = request.query.get("key", "")
        if request.path == "/" and given:
            if not hmac.compare_digest(given.encode(), self._key.encode()):
                raise web.HTTPForbidden(text="this is not the key that was printed")
            answer = web.HTTPFound("/")
            answer.set_cookie(COOKIE, self._key, httponly=True, samesite="Strict", path="/")
            raise answer
        if not hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self._key.encode()):
            raise web.HTTPForbidden(text="open the address that was printed, with its key")
        return await handler(request)
