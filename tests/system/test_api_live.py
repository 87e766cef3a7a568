"""The API beside a live run, as a console has it: values change, a telecommand completes, nobody waits for the slow."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bus.errors import HandshakeRefused, RangeFailure, UserError
from bus.web.range_client import RangeClient
from groundstation.api.client import Client
from tests.kits.runs import HOUSE, TINY, command, skyrack

PATIENCE_S = 120.0


@contextmanager
def process(folder: Path, *words: object) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HOUSE, start_new_session=True,
        env={**os.environ, "TRIAL": str(folder)},
    )  # fmt: skip
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            child.communicate(timeout=20)
        child.kill()
        child.wait()


@contextmanager
def live(folder: Path) -> Iterator[tuple[str, dict[str, str], Path]]:
    """A run at ten times real time, and its API: address, tokens, directory."""
    (folder / "tiny.yaml").write_text(TINY.replace("duration: 60 s", "duration: 10 d"))
    out = folder / "run"
    with process(folder, "run", folder / "tiny.yaml", "--out", out, "--pace", "x10") as flight:
        while not (out / "archive.sqlite").exists():
            assert flight.poll() is None, flight.communicate()
            time.sleep(0.1)
        with process(folder, "api", out, "--port", "0", "--json") as api:
            assert api.stdout is not None
            said = api.stdout.readline()
            assert said, api.communicate()
            found: dict[str, Any] = json.loads(said)
            yield found["url"], found["tokens"], out


async def test_a_console_sees_values_change_and_a_telecommand_complete(tmp_path: Path) -> None:
    with live(tmp_path) as (url, tokens, _):
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(HandshakeRefused, match="no valid token"):
                async with Client(url, "0" * 40):
                    pass
            async with Client(url, tokens["operator"]) as ground, Client(url, tokens["observer"]) as watcher:
                seen: dict[str, list[Any]] = {}
                stream = ground.live(fleet=True, spacecraft=["sc-1"], events=True, alarms=True, telecommands=True)
                async for message in stream:
                    seen.setdefault(message["kind"], []).append(message)
                    cycles = {m["values"]["cycle"]["value"] for m in seen.get("values", []) if "cycle" in m["values"]}
                    if len(cycles) > 2 and seen.get("now") and seen["now"][-1]["ground"] == "answers":
                        break
                await stream.aclose()  # type: ignore[attr-defined]
                with pytest.raises(UserError, match="observer reads only"):
                    await watcher.command("sc-1", "test.ping")
                with pytest.raises(UserError, match="hazardous"):
                    await ground.command("sc-1", "memory.edac", {"on": False})
                answer = await ground.command("sc-1", "test.ping", wait_s=60.0)
                assert (answer.state, answer.final, len(answer.requests)) == ("COMPLETED", True, 1)
                (row,) = await ground.telecommands("sc-1", limit=1)
                assert (row.request, row.state, row.asked_from) == (answer.requests[0], "COMPLETED", "api")
                followed = await ground.telecommand(row.ground_boot, row.request)
                assert [each.state for each in followed.history][-1] == "COMPLETED" and len(followed.history) > 3
                (spacecraft,) = await ground.fleet()
                assert spacecraft.level is not None and spacecraft.heard_s is not None


async def test_a_client_that_stops_reading_costs_the_others_nothing_and_the_end_of_a_run_is_told(
    tmp_path: Path,
) -> None:
    with live(tmp_path) as (url, tokens, out):
        async with asyncio.timeout(PATIENCE_S), Client(url, tokens["operator"]) as ground:
            stopped = ground.live(fleet=True, spacecraft=["sc-1"])
            await anext(stopped)  # and never again
            moments = [message async for message in some(ground, 3)]
            assert [each["ground"] for each in moments][-1] == "answers"
            supervisor = json.loads((out / "run.json").read_text())["supervisor"]
            os.kill(supervisor, signal.SIGINT)
            async for message in ground.live():
                if message["kind"] == "now" and message["ground"] == "over":
                    break
            about = await ground.about()
            assert about.now.archived_until_s is not None and about.now.rate is None
            with pytest.raises(RangeFailure, match="nobody can be asked"):
                await ground.command("sc-1", "test.ping")
            await stopped.aclose()  # type: ignore[attr-defined]


async def some(ground: Client, number: int) -> Any:
    """Moments, until so many have come in which the ground answers."""
    async for message in ground.live():
        if message["kind"] == "now" and message["ground"] == "answers":
            yield message
            number -= 1
        if not number:
            return


def test_the_clock_of_a_live_run_is_in_hand(tmp_path: Path) -> None:
    with live(tmp_path) as (_, _, out):
        asked = [("pause",), ("step", "3"), ("speed", "free"), ("resume",)]
        said = [json.loads(skyrack("clock", *words, "--run", out, "--json").stdout) for words in asked]
        paused, stepped, free, flies = said
        assert (paused["detail"], stepped["detail"]) == ("paused at x10", "flies at x10")
        assert paused["mission_s"] == stepped["mission_s"]
        assert free["mission_s"] <= stepped["mission_s"] + 3.0 and free["speed"] is None
        assert flies["detail"] == "flies as fast as it can" and not flies["paused"]
        wrong = skyrack("clock", "step", "none", "--run", out)
        assert wrong.returncode == 2 and "not a number of ticks" in wrong.stderr


async def test_the_range_is_held_and_broken_over_http_and_the_ground_s_tokens_are_none_of_its(tmp_path: Path) -> None:
    with live(tmp_path) as (url, tokens, out), process(tmp_path, "range", out, "--port", "0", "--json") as server:
        assert server.stdout is not None
        said = server.stdout.readline()
        assert said, server.communicate()
        found: dict[str, Any] = json.loads(said)
        token = (out / "range" / "range.token").read_text().strip()
        assert found["tokens"] == {"range": token} and (out / "range" / "range.token").stat().st_mode & 0o777 == 0o600
        async with asyncio.timeout(PATIENCE_S):
            for address, wrong in ((found["url"], tokens["operator"]), (url, token)):
                with pytest.raises(HandshakeRefused, match="no valid token"):
                    await RangeClient(address, wrong).about()
            async with RangeClient(found["url"], token) as range_:
                held = await first_hold(range_)
                assert held.paused and (await range_.pause()).mission_s == held.mission_s
                assert (await range_.speed(50.0)).speed == 50.0 and (await range_.step(3)).steps == 3
                await range_.resume()
                broken = await range_.inject("sc-1", "string_open", {"string": "string_1"}, wait_s=30.0)
                assert broken.final and list(broken.states.values()) == ["active"]
                (row,) = await range_.injections(active=True)
                assert (row.id, row.fault, row.target) == (broken.ids[0], "string_open", "sc-1")
                over = await range_.clear_all(wait_s=30.0)
                assert over.states == {row.id: "cleared"} and await range_.injections(active=True) == []


async def first_hold(range_: RangeClient) -> Any:
    """A pause, as soon as the range is connected to its bus."""
    while True:
        try:
            return await range_.pause()
        except RangeFailure:
            await asyncio.sleep(0.1)
