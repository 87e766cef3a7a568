"""The same console in a browser: a page on loopback with a key, and a process for each that is open.

textual-serve carries the screen and the keys; the door in front of it is that of the API. Whoever opens the page can
command, so a request needs the key that was printed, which becomes a cookie that no other site can send. Nothing is
fetched from elsewhere.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
import socket
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server

from bus.clock import Clock
from bus.web.access import Asked, Doorkeeper, Refused, Role

COOKIE = "skyrack_console"
MOST_PAGES = 8
"""Open at once: each is a process of some 60 MB."""
KEYS_AT_ONCE = """
    <noscript>The console needs JavaScript and a websocket; without them, `skyrack console` in a terminal.</noscript>
    <script>
      (function () {
        const terminal = document.getElementById("terminal");
        const listen = () => {
          const keys = terminal.querySelector("textarea");
          if (!keys) return;
          keys.setAttribute("aria-label", "Keys for the console; F1 explains a screen");
          keys.focus();
        };
        terminal.setAttribute("role", "application");
        terminal.setAttribute("aria-label", "Skyrack console");
        new MutationObserver(listen).observe(document.body, { attributes: true, attributeFilter: ["class"] });
      })();
    </script>
"""
"""At the end of the page: keys are heard as soon as there is a screen, without a click first."""
_ELSEWHERE = re.compile(r"<link[^>]*https?://[^>]*>", re.DOTALL)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BrowserConsole(Server):
    """See the module. `command`: the console's own, without a shell; `key`: what a page must have."""

    def __init__(
        self, command: Sequence[str], bound: socket.socket, key: str, hosts: Sequence[str], clock: Clock
    ) -> None:
        host, port = bound.getsockname()[:2]
        super().__init__(shlex.join(command), host=host, port=port, title="Skyrack")
        self._bound, self._key = bound, key
        self._keeper = Doorkeeper({key: Role.OPERATOR}, hosts, clock, "open the address that was printed, with its key")
        self._pages = 0
        self._folder = tempfile.TemporaryDirectory(prefix="skyrack-page-")
        page = (Path(self.templates_path) / "app_index.html").read_text(encoding="utf-8")
        page = _ELSEWHERE.sub("", page).replace("</body>", f"{KEYS_AT_ONCE}  </body>")
        (Path(self._folder.name) / "app_index.html").write_text(page, encoding="utf-8")
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
        given = request.query.get("key", "") if request.path == "/" else ""
        found = self._keeper.judge(
            Asked(
                request.host, request.headers.get("origin"), given or request.cookies.get(COOKIE, ""),
                writes=True, length=str(request.content_length or 0),
            )
        )  # fmt: skip
        if isinstance(found, Refused):
            return web.Response(status=found.status, text=found.reason)
        if given:
            answer = web.HTTPFound("/")
            answer.set_cookie(COOKIE, self._key, httponly=True, samesite="Strict", path="/")
            raise answer
        return await handler(request)
