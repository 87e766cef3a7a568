"""`skyrack command` and `skyrack inject` at the edges of a run: before its first tick, and when it ends meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.errors import RangeFailure, UserError
from bus.scenario.model import Scenario
from bus.sockets.keys import load_grants, load_key, make_keys
from bus.sockets.ports import Network, RouterPort
from bus.wire.codec import decode, encode
from bus.wire.messages import Injection, InjectionReport, InjectionState, Message, Welcome
from bus.wire.stacks import CommandStep, OperatorStack
from faults.live import connection as live_connection
from faults.live.command import _follow, telecommand_command
from faults.live.inject import InjectOptions, _inject, _Injecting, inject_command
from faults.live.orders import FaultOrder
from faults.run import processes
from faults.run.compose import prepare
from faults.run.interruption import Interruption
from faults.run.progress import Silent
from faults.run_directory import RunDirectory, live_run
from faults.scenarios.choose import load_named

WITHIN_S = 20.0
PING = CommandStep(spacecraft=("sat-a",), name="test.ping", arguments={})
REQUEST = OperatorStack(token=1, steps=(PING,), stop=True, asked_by="somebody", asked_from="somewhere")
PRIMITIVE = Injection(
    injection="-", seam=1, place="string_health[0]", primitive="set", parameters={"value": 0.0}, start_ns=0, end_ns=0
)


def order() -> _Injecting:
    return _Injecting(FaultOrder("sat-a", "string_open", (PRIMITIVE,), 0, 10**9))


def say(run: RunDirectory, state: str, **endpoints: str) -> None:
    content = {"supervisor": os.getpid(), "state": state, "pids": {}, "endpoints": endpoints}
    run.write(run.run, json.dumps({**content, "keys": str(run.path / "keys")}))


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    make_keys(tmp_path / "keys", ["sat-a"])
    return RunDirectory(tmp_path)


def opened(network: Network, run: RunDirectory, plane: str) -> RouterPort:
    return network.router(
        "tcp://127.0.0.1:0", load_key(run.path / "keys", "ground" if plane == "operator" else "bus"), plane
    )


async def waiting(run: RunDirectory, plane: str) -> Any:
    """What waits for an answer on that plane of a run."""
    if plane == "operator":
        return await _follow(run, REQUEST, WITHIN_S, False)
    return await _inject(run, order(), WITHIN_S, False)


@pytest.mark.parametrize("plane", ["operator", "range"])
async def test_a_run_that_ends_meanwhile_is_said_to_have_ended(run: RunDirectory, plane: str) -> None:
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        with Network(load_grants(run.path / "keys")) as network:
            port = opened(network, run, plane)
            say(run, "running", **{plane: port.endpoint})
            asking = group.create_task(caught(waiting(run, plane)))
            await port.receive()
        say(run, "finished", **{plane: port.endpoint})
        error = await asking
    assert isinstance(error, RangeFailure)
    assert error.exit_status == 3
    assert error.message == "the run has ended before the answer came"
    assert "summary.json" in error.hint


async def test_a_run_that_goes_on_without_its_ground_is_not_said_to_have_ended(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_connection, "ENDS_WITHIN_S", 0.2)
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        with Network(load_grants(run.path / "keys")) as network:
            port = opened(network, run, "operator")
            say(run, "running", operator=port.endpoint)
            asking = group.create_task(caught(waiting(run, "operator")))
            await port.receive()
        error = await asking
    assert isinstance(error, RangeFailure)
    assert "is gone" in error.message
    assert "the run goes on" in error.hint


async def test_before_the_first_tick_it_waits_and_says_so(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    say(run, "starting")
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        asking = group.create_task(waiting(run, "range"))
        while not (first := capsys.readouterr().err):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        with Network(load_grants(run.path / "keys")) as network:
            port = opened(network, run, "range")
            say(run, "running", range=port.endpoint)
            [(peer, _)] = await port.receive()
            port.send(
                peer.routing, [encode(Message(0, "bus", 0, "range", Welcome(scenario=(), snapshot=(), next_tick=0)))]
            )
            [(peer, [frame])] = await port.receive()
            name = decode(frame).body.injection
            active = InjectionReport(injection=name, state=InjectionState.ACTIVE, at_ns=0, reason="")
            port.send(peer.routing, [encode(Message(0, "sat-a", 0, "range", active))])
            assert await asking == 0
    assert f"the run in {run.path} is still starting; waiting" in first
    assert f"the run in {run.path} is still starting; waiting" in capsys.readouterr().err


async def test_a_run_that_never_begins_or_ends_before_it_begins(run: RunDirectory) -> None:
    with pytest.raises(UserError, match="has not begun yet, or flies in one process"):
        run.write(run.scenario, "{}")
        live_run(run.path)
    say(run, "starting")
    with pytest.raises(RangeFailure, match=r"is still starting after 0\.2 s"):
        await _inject(run, order(), 0.2, False)
    say(run, "failed")
    with pytest.raises(RangeFailure, match="the run has ended"):
        await _inject(run, order(), WITHIN_S, False)


class Mute(Silent):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_while_the_physics_compiles_the_run_is_found_and_says_what_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = load_named("first-light")
    directory = RunDirectory(tmp_path)
    prepare(directory, chosen.scenario, chosen.text)
    errors: list[RangeFailure] = []

    def compile_slowly(scenario: Scenario, say: Callable[[str], None]) -> None:
        say("compiling the physics, once on this machine ...")
        for ask in (
            lambda: telecommand_command("dusk-1", "test.ping", (), tmp_path, wait_s=0.2, as_json=False),
            lambda: inject_command(InjectOptions("dusk-1", "string_open", ("string=0",), run=tmp_path, wait_s=0.2)),
        ):
            with pytest.raises(RangeFailure) as caught:
                ask()
            errors.append(caught.value)
        raise RangeFailure("the physics did not compile")

    monkeypatch.setattr(processes, "warm_up", compile_slowly)
    display = Mute()
    with pytest.raises(RangeFailure, match="did not compile"):
        processes.fly_as_processes(
            chosen.scenario, directory, pace="free", display=display, interruption=Interruption()
        )
    doing = f"the run in {tmp_path} is still starting: compiling the physics, once on this machine"
    assert [error.message for error in errors] == [f"{doing} after 0.2 s"] * 2
    assert all("--wait" in error.hint for error in errors)
    assert capsys.readouterr().err == f"note: {doing}; waiting (Ctrl-C gives up)\n" * 2
    assert display.said == ["compiling the physics, once on this machine ..."]
    with pytest.raises(UserError, match="is not running"):
        live_run(tmp_path)


async def caught(coroutine: Any) -> Exception | None:
    """What it raises; a task group would cancel everybody else for it."""
    try:
        await coroutine
    except RangeFailure as error:
        return error
    return None
