"""Ending a fault in a live run: who knows where it is active, the client that asks, the record of it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bus.errors import RangeFailure, UserError
from bus.process.range_requests import RangeRequests
from bus.sockets.access import Peer
from bus.sockets.keys import load_grants, load_key, make_keys
from bus.sockets.ports import Network
from bus.wire.codec import decode, encode, pack_map, seal
from bus.wire.messages import Body, Injection, InjectionReport, InjectionState, Kind, Message, OperatorReply, Refusal
from faults.live.inject import _clear, _Clearing
from faults.recording.read import _Mail
from faults.run_directory import RunDirectory
from faults.scenarios.choose import load_named

ME = Peer(b"range/1", "range", "range")
ACTIVE, CLEARED, REFUSED = InjectionState
WITHIN_S = 20.0


def report(injection: str, state: InjectionState, target: str = "sat-a") -> Message:
    return Message(6 * 10**9, target, 0, "range", InjectionReport(injection=injection, state=state, at_ns=5 * 10**9))


def end(injection: str) -> Injection:
    return Injection(
        injection=injection, seam=1, place="", primitive="", parameters={}, start_ns=0, end_ns=0, clear=True
    )


class Reports:
    """What the range_requests passes on."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Message]] = []

    def send(self, routing: bytes, frames: Sequence[bytes]) -> bool:
        self.sent += [(routing, decode(frame)) for frame in frames]
        return True


class Desk(RangeRequests):
    """With words instead of bytes."""

    def __init__(self) -> None:
        super().__init__(frozenset({"sat-a", "sat-b", "ground", "range"}))
        self.passed_on = Reports()

    def say(self, *reports: Message) -> None:
        self.overhear([b"the tick's header", *map(encode, reports)], self.passed_on)

    def ask(self, body: Body, destination: str = "range") -> tuple[Any, list[Message]]:
        reply, mail = self.hear(ME, [encode(Message(0, "range", 0, destination, body))], 6)
        return decode(reply).body, [decode(frame) for frame in mail]


def test_an_end_goes_to_where_the_fault_is_active_and_its_report_comes_back() -> None:
    range_requests = Desk()
    range_requests.say(report("worn", ACTIVE, "sat-b"), report("open", ACTIVE))
    reply, mail = range_requests.ask(end("worn"))
    assert (reply.state, reply.token, reply.detail) == (
        "recorded",
        7,
        "sat-b worn: end recorded, delivered with tick 7",
    )
    assert [(m.source, m.destination, m.body) for m in mail] == [("range", "sat-b", end("worn"))]
    range_requests.say(report("worn", CLEARED, "sat-b"))
    assert [(routing, m.source, m.body.state) for routing, m in range_requests.passed_on.sent] == [
        (ME.routing, "sat-b", CLEARED)
    ]


def test_an_unknown_id_is_refused_with_those_that_are_active() -> None:
    range_requests = Desk()
    reply, mail = range_requests.ask(end("worn"))
    assert (reply.reason, mail) == ("no injection 'worn' is active; active: none", [])
    range_requests.say(report("a", ACTIVE), report("b", ACTIVE, "sat-b"), report("c", REFUSED), report("a", CLEARED))
    assert range_requests.ask(end("worn"))[0].reason == "no injection 'worn' is active; active: b (sat-b)"
    range_requests.say(*[report(f"n{number}", ACTIVE) for number in range(40)])
    reason = range_requests.ask(end("worn"))[0].reason
    assert "n39 (sat-a) and 29 more" in reason and "b (sat-b)" not in reason
    range_requests.say(report("b", ACTIVE))
    assert range_requests.ask(end("b"))[0].reason == "'b' is active at sat-b and sat-a: say at which it is to end"
    assert range_requests.ask(end("b"), "sat-a")[1][0].destination == "sat-a"


def test_a_report_that_is_none_ends_nothing() -> None:
    range_requests = Desk()
    bad = seal(0, "sat-a", 0, "range", Kind.INJECTION_REPORT, pack_map({"nonsense": 1}))
    range_requests.overhear([b"", bad, encode(report("a", ACTIVE))], range_requests.passed_on)
    assert "active: a (sat-a)" in range_requests.ask(end("worn"))[0].reason


async def clearing(
    tmp_path: Path, names: list[str], answers: dict[str, list[Message]], wait_s: float = WITHIN_S
) -> Any:
    """What `skyrack inject --clear` gives where the bus answers each request so."""
    run = RunDirectory(tmp_path)
    make_keys(run.path / "keys", ["sat-a"])
    asked: list[str] = []
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        with Network(load_grants(run.path / "keys")) as network:
            port = network.router("tcp://127.0.0.1:0", load_key(run.path / "keys", "bus"), "range")
            content = {"supervisor": os.getpid(), "state": "running", "pids": {}, "endpoints": {"range": port.endpoint}}
            run.write(run.run, json.dumps({**content, "keys": str(run.path / "keys")}))
            asking = group.create_task(caught(_clear(run, _Clearing(list(names)), wait_s, False)))
            while len(asked) < len(names):
                for peer, [frame] in await port.receive():
                    message = decode(frame)
                    assert message.body.clear and message.destination == "range"
                    asked.append(message.body.injection)
                    for answer in answers[message.body.injection]:
                        port.send(peer.routing, [encode(answer)])
            result = await asking
    assert asked == names
    return result


async def caught(coroutine: Any) -> Any:
    try:
        return await coroutine
    except (RangeFailure, UserError) as error:
        return error


def recorded(name: str) -> Message:
    detail = f"sat-a {name}: end recorded, delivered with tick 7"
    return Message(
        0, "bus", 0, "range", OperatorReply(token=7, request=-1, state="recorded", detail=detail, final=False)
    )


UNKNOWN = Message(0, "bus", 0, "range", Refusal(reason="no injection 'x' is active; active: b (sat-b)"))


async def test_all_parts_of_a_fault_are_ended_and_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {name: [recorded(name), report(name, CLEARED)] for name in ("x.0", "x.1")}
    assert await clearing(tmp_path, ["x.0", "x.1"], answers) == 0
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(
        line
        for name in ("x.0", "x.1")
        for line in (f"sat-a {name}: end recorded, delivered with tick 7", f"sat-a {name}: cleared at 0:00:05")
    )


async def test_a_part_that_is_over_already_is_no_mistake_but_all_of_them_are(tmp_path: Path) -> None:
    answers = {"x.0": [UNKNOWN], "x.1": [recorded("x.1"), report("x.1", CLEARED)]}
    assert await clearing(tmp_path / "one", ["x.0", "x.1"], answers) == 0
    error = await clearing(tmp_path / "all", ["x.0", "x.1"], {"x.0": [UNKNOWN], "x.1": [UNKNOWN]})
    assert isinstance(error, UserError) and error.exit_status == 2
    assert error.message == "refused: no injection 'x' is active; active: b (sat-b)"
    assert "skyrack inject" in error.hint


async def test_a_spacecraft_that_refuses_or_says_nothing_is_no_success(tmp_path: Path) -> None:
    assert await clearing(tmp_path / "no", ["x"], {"x": [recorded("x"), report("x", REFUSED)]}) == 4
    error = await clearing(tmp_path / "silent", ["x"], {"x": [recorded("x")]}, 0.3)
    assert isinstance(error, RangeFailure) and "said nothing of x in 0.3 s" in error.message


def test_an_end_that_came_too_late_does_not_make_the_fault_a_refused_one() -> None:
    scenario = load_named("first-light").scenario
    fault = scenario.faults[0]
    record = _Mail(scenario, {})
    states = (ACTIVE, CLEARED, REFUSED)
    record.take([encode(report(fault.id, state, fault.target)) for state in states], 0)
    (found,) = [each for each in record.faults() if each.id == fault.id]
    assert (found.at_s, found.cleared_s, found.refused) == (5.0, 5.0, "")
    never = scenario.faults[1]
    record.take([encode(report(never.id, REFUSED, never.target))], 0)
    assert [each.refused for each in record.faults() if each.id == never.id] == ["refused"]
