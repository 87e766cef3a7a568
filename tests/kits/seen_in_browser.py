"""The console as somebody sees it in a real browser: Chromium, and the characters that stand on the page."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kits.runs import HOUSE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, WebSocket

WIDTH, HEIGHT = 1_400, 800
COLUMNS, LINES = 155, 42
"""What a page of that size shows at most."""
PATIENCE_S = 40.0
LOOK_MS = 100.0


def browser() -> str:
    """Where Chromium is; the test is skipped, with the reason, where none is."""
    pytest.importorskip("playwright", reason="playwright is not installed")
    pytest.importorskip("pyte", reason="pyte is not installed")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on this machine (Debian, Ubuntu: apt-get install chromium)")
    return found


class Seen:
    """One page. What the server writes is drawn a second time into a screen of characters, which can be read."""

    def __init__(self, page: Page) -> None:
        import pyte  # noqa: PLC0415

        self.page = page
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: self._stream.feed(frame) if isinstance(frame, bytes) else None)

    def text(self) -> str:
        """What stands there now."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def until(self, there: Callable[[str], object], why: str) -> str:
        """What stands there as soon as `there` says yes to it."""
        for _ in range(round(PATIENCE_S * 1e3 / LOOK_MS)):
            text = self.text()
            if there(text):
                return text
            self.page.wait_for_timeout(LOOK_MS)
        raise AssertionError(f"{why}; the page says:\n{self.text()}")

    def shows(self, *words: str) -> str:
        """The same, for words that all have to be there."""
        return self.until(lambda text: all(word in text for word in words), f"never shown: {', '.join(words)}")

    def go(self, key: str, title: str) -> str:
        """To another screen, whose title stands at the top; what stands there then."""
        self.press(key)
        return self.until(lambda text: text.split()[:1] == [title], f"{key} does not lead to {title}")

    def press(self, *keys: str) -> None:
        """One after the other, each when the last one has been taken."""
        for key in keys:
            self.page.keyboard.press(key)
            self.page.wait_for_timeout(LOOK_MS)

    def type(self, words: str) -> None:
        """Into the field that has the keys."""
        self.page.keyboard.type(words, delay=20)
        self.page.wait_for_timeout(LOOK_MS)

    def picture(self, name: str) -> None:
        """A picture of the page, where somebody asked for pictures: SKYRACK_PICTURES is the folder."""
        if folder := os.environ.get("SKYRACK_PICTURES"):
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    executable = browser()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as player:
        started = player.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


@contextmanager
def page_at(started: Browser, address: str) -> Iterator[Seen]:
    """The page, opened, as somebody has it who was never here."""
    context = started.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    try:
        seen = Seen(context.new_page())
        seen.page.goto(address)
        yield seen
    finally:
        context.close()


@contextmanager
def served(command: list[str]) -> Iterator[str]:
    """A program that says where its page is, and ends with SIGINT; gives the address."""
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=HOUSE, start_new_session=True
    )
    try:
        assert child.stdout is not None
        said = ""
        for line in child.stdout:
            said += line
            if address := re.search(r"http://\S+", line):
                yield address.group(0)
                return
        raise AssertionError(said)
    finally:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            raise
