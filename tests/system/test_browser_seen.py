"""In a real browser: values change, a plot outlives its ground, a telecommand completes, a fault is found out, and the
one that is in trouble stands first among a thousand."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kits import thousand
from tests.kits.runs import TINY, command
from tests.kits.seen_in_browser import Seen, chromium, page_at, served
from tests.system.test_api_live import process

PACE = "x4"
"""A pass of eleven minutes takes three: all that follows is seen within it."""


def clock_of(text: str) -> int:
    """Mission time of the line at the top, -1 where it has none."""
    found = re.search(r"T\+(\d+):(\d\d):(\d\d)", text)
    return -1 if found is None else 3_600 * int(found[1]) + 60 * int(found[2]) + int(found[3])


@pytest.fixture(scope="module")
def window() -> Iterator[Any]:
    """One browser for all of them."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def flight(window: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Seen]]:
    """One spacecraft over Svalbard at its pace, and somebody who conducts it from a page."""
    folder = tmp_path_factory.mktemp("seen")
    (folder / "tiny.yaml").write_text(TINY.replace("duration: 60 s", "duration: 10 d").replace("85 deg", "75 deg"))
    out = folder / "run"
    with process(folder, "run", folder / "tiny.yaml", "--out", out, "--pace", PACE) as run:
        while not (out / "archive.sqlite").exists():
            assert run.poll() is None, run.communicate()
            time.sleep(0.1)
        with (
            served(command("console", out, "--browser", "--range", "--port", "0")) as address,
            page_at(window, address) as seen,
        ):
            yield out, seen


def test_a_page_has_the_keys_at_once_and_its_values_change(flight: tuple[Path, Seen]) -> None:
    _, seen = flight
    first = clock_of(seen.shows("Fleet", "sc-1", "NOMINAL", "ground answers"))
    seen.until(lambda text: clock_of(text) > first + 10, "time stands still")
    before = seen.text()
    seen.until(lambda text: text.splitlines()[2] != before.splitlines()[2], "the row of sc-1 does not change")
    seen.picture("browser-fleet")
    seen.go("F4", "Events")
    seen.shows("booted")
    seen.press("?")
    seen.shows("Everywhere:")
    seen.press("Escape")
    seen.go("F2", "Fleet")
    names = seen.page.evaluate(
        "[...document.querySelectorAll('[aria-label]')].map(one => one.getAttribute('aria-label'))"
    )
    assert any("Skyrack console" in name for name in names) and any("Keys" in name for name in names)


@pytest.mark.slow
def test_a_telecommand_is_sent_and_seen_complete(flight: tuple[Path, Seen]) -> None:
    _, seen = flight
    seen.go("F2", "Fleet")
    seen.go("Enter", "sc-1")
    seen.go("c", "Command")
    seen.type("test.ping")
    seen.shows("Are you alive?")
    seen.press("Enter")
    seen.shows("TC[17,1]")
    seen.press("Control+s")
    seen.shows("test.ping: COMPLETED")
    seen.go("F8", "Telecommands")
    seen.shows("test.ping", "COMPLETED")


@pytest.mark.slow
def test_a_fault_is_injected_and_its_alarm_says_why(flight: tuple[Path, Seen]) -> None:
    _, seen = flight
    seen.go("F2", "Fleet")
    seen.go("F", "Faults")
    seen.type("string_open")
    seen.shows("3 plant")
    seen.press("Enter")
    seen.shows("EPS-ARR-01", "which string")
    seen.press("Control+s")
    seen.shows("active", "string_open")
    seen.go("F3", "Alarms")
    seen.shows("strings.weak", "sc-1")
    seen.picture("browser-alarms")
    seen.go("F2", "Fleet")
    seen.go("Enter", "sc-1")
    seen.press("4")
    seen.shows("strings.weak", "alarm")


@pytest.mark.slow
def test_a_plot_goes_on_over_the_end_of_its_ground(flight: tuple[Path, Seen]) -> None:
    out, seen = flight
    seen.go("F2", "Fleet")
    seen.go("Enter", "sc-1")
    seen.press("2")
    seen.shows("battery_group_soc.battery_1")
    seen.press("/")
    seen.until(lambda text: "w Why" not in text, "the field has not the keys")
    seen.type("battery_soc")
    seen.until(lambda text: "  battery_soc" in text.splitlines()[4] and "battery_group" not in text, "not narrowed")
    seen.press("Enter", "Enter")
    text = seen.shows("battery_soc: last", "shadow")
    begin, end = ends_of_plot(text)
    os.kill(json.loads((out / "run.json").read_text())["pids"]["ground"], signal.SIGKILL)
    text = seen.until(
        lambda text: ends_of_plot(text)[1] > end + 20 and "ground answers" in text,
        "the plot does not go on",
    )
    assert ends_of_plot(text)[0] == begin
    seen.picture("browser-plot")


def ends_of_plot(text: str) -> tuple[int, int]:
    """First and last moment of the axis; zeros where there is no plot."""
    axis = [line for line in text.splitlines() if re.fullmatch(r"\s+\d+:\d\d:\d\d\s+\d+:\d\d:\d\d", line)]
    if not axis:
        return 0, 0
    first, last = (sum(int(n) * f for n, f in zip(t.split(":"), (3_600, 60, 1), strict=True)) for t in axis[0].split())
    return first, last


def test_the_one_in_trouble_stands_first_among_a_thousand(window: Any) -> None:
    with served([sys.executable, thousand.__file__]) as address, page_at(window, address) as seen:
        text = seen.shows("1 critical", "999 normal", thousand.BAD)
        assert thousand.BAD in text.splitlines()[2] and "charge 18 %" in text.splitlines()[2]
        seen.picture("browser-thousand")
        seen.go("Enter", thousand.BAD)
        seen.press("4")
        seen.shows("0.18 is below hard low 0.2", "safe-mode-recovery")
