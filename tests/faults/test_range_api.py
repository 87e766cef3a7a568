"""The range over HTTP: its clock, its catalogue, what was injected; who may ask; what is refused, in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis

from bus.clock import FakeClock, MachineClock
from bus.errors import HandshakeRefused
from bus.web.access import Role
from bus.web.range_client import RangeClient
from bus.web.serving import PREFIX, build
from bus.wire.messages import (
    Hello,
    Injection,
    InjectionReport,
    InjectionState,
    Message,
    OperatorReply,
    Refusal,
    Welcome,
)
from bus.wire.pace import ClockOrder, ClockState
from faults.commands.range_api import facts_of
from faults.live.range_app import make_range_app
from faults.live.range_desk import RangeDesk
from faults.live.range_link import RangeLink
from faults.run_directory import RunDirectory
from tests.groundstation.test_api import drawn
from tests.kits.runs import TINY, fly_text

HOST = "127.0.0.1:8602"
HOLDER = {"authorization": "Bearer hold"}
BROKEN = """
faults:
  - {id: worn, fault: string_open, target: sc-1, at: 10 s, for: 20 s, parameters: {string: string_1}}
  - {id: late, fault: string_open, target: sc-1, at: 50 s, parameters: {string: string_2}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("range")
    fly_text(TINY + BROKEN, folder)
    return RunDirectory(folder / "run")


class Bus(RangeLink):
    """A bus that answers at once, with what `says` makes of a request; `asked` has them all."""

    def __init__(self) -> None:
        super().__init__(Path(), lambda: "", FakeClock())
        self.asked: list[tuple[Any, str]] = []
        self.state = ClockState(tick=7, paused=False, speed=10.0, steps=0)
        self.refuses = ""

    @property
    def open(self) -> bool:
        return True

    async def serve(self) -> None:
        return

    async def send(self, body: Any, destination: str = "") -> None:
        self.asked.append((body, destination))
        if self.refuses:
            self.hear(Message(0, "bus", 0, "range", Refusal(reason=self.refuses)))
        elif isinstance(body, Hello):
            self.hear(Message(0, "bus", 0, "range", Welcome(scenario=(), snapshot=(), next_tick=8)))
        elif isinstance(body, ClockOrder):
            paused = {"pause": True, "resume": False}.get(body.verb, self.state.paused)
            speed = {"free": 0.0, "speed": body.speed}.get(body.verb, self.state.speed)
            self.state = self.state.model_copy(update={"paused": paused, "speed": speed, "steps": body.steps - 1})
            self.hear(Message(0, "bus", 0, "range", self.state))
        elif isinstance(body, Injection):
            state = InjectionState.CLEARED if body.clear else InjectionState.ACTIVE
            report = InjectionReport(injection=body.injection, state=state, at_ns=8 * 10**9)
            self.hear(Message(0, destination, 0, "range", report))  # of another request's, before the answer
            reply = OperatorReply(token=8, request=-1, state="recorded", detail="", final=False)
            self.hear(Message(0, "bus", 0, "range", reply))


@asynccontextmanager
async def served(
    run: RunDirectory, bus: Bus | None = None, headers: dict[str, str] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    facts = facts_of(run)
    if bus is not None:
        facts.over = lambda: False
    desk = RangeDesk(facts, bus)
    door = build(lambda refused: make_range_app(desk, refused), {Role.RANGE: "hold"}, (HOST,), MachineClock(), "look")
    transport = httpx.ASGITransport(app=door)  # type: ignore[arg-type]
    mine = HOLDER if headers is None else headers
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}{PREFIX}", headers=mine) as client:
        yield client


@asynccontextmanager
async def asking(run: RunDirectory, bus: Bus | None) -> AsyncIterator[RangeClient]:
    """The typed client, over the same application."""
    async with served(run, bus) as client:
        range_ = RangeClient(f"http://{HOST}", "hold")
        range_._http = client
        yield range_


async def test_the_clock_is_held_stepped_and_let_go(run: RunDirectory) -> None:
    bus = Bus()
    async with asking(run, bus) as range_:
        assert (await range_.clock()).paced is None, "nothing was heard of it yet"
        await bus.look()
        await asyncio.sleep(0)
        state = await range_.clock()
        assert (state.range, state.paced, state.paused) == ("answers", True, False)
        assert (state.speed, state.mission_s) == (10.0, 7.0)
        assert (await range_.pause()).paused
        assert (await range_.step(3)).steps == 2
        free = await range_.speed(None)
        assert free.free and free.speed is None
        assert (await range_.speed(60.0)).speed == 60.0
        assert (await range_.resume()).paused is False
    assert [body.verb for body, _ in bus.asked] == ["ask", "pause", "step", "free", "speed", "resume"]


async def test_a_fault_is_checked_injected_and_cleared(run: RunDirectory) -> None:
    bus = Bus()
    async with asking(run, bus) as range_:
        order: dict[str, Any] = {"target": "sc-1", "fault": "string_open", "parameters": {"string": 0}}
        found = await range_.inject(**order, length="5 s", wait_s=5.0)
        assert found.final and set(found.states.values()) == {"active"}
        ((injection, target),) = [each for each in bus.asked if isinstance(each[0], Injection)]
        assert (target, injection.place, injection.start_ns, injection.end_ns) == (
            "sc-1", "string_health[string_1]", 10 * 10**9, 15 * 10**9,
        )  # fmt: skip
        again = await range_.inject(**order)
        assert again.ids != found.ids, "the same thing twice in one tick has ids of its own"
        with pytest.raises(HandshakeRefused, match="another form"):
            range_._http.headers["x"] = "y"
            await range_._one(type(found), "/about")


async def test_what_was_injected_is_told_with_what_is_planned(run: RunDirectory) -> None:
    async with asking(run, Bus()) as range_:
        rows = {row.id: row for row in await range_.injections()}
        assert {id: row.state for id, row in rows.items()} == {"worn": "cleared", "late": "active"}
        assert (rows["worn"].at_s, rows["worn"].cleared_s) == (10.0, 30.0)
        (active,) = await range_.injections(active=True)
        assert active.id == "late"
        cleared = await range_.clear("late", wait_s=5.0)
        assert cleared.final and cleared.states == {"late": "cleared"}
        assert await range_.injections(active=True) == [], "its target has said so, if the trace has not"
        assert (await range_.clear_all(wait_s=5.0)).ids == []
    fresh = RangeDesk(facts_of(run), None)
    fresh._book.look = lambda: None  # type: ignore[method-assign]  # nothing has left yet
    assert [(row.id, row.state, row.at_s) for row in await fresh.injections()] == [
        ("worn", "planned", 10.0), ("late", "planned", 50.0),
    ]  # fmt: skip


async def test_the_catalogue_names_the_parts_of_a_spacecraft(run: RunDirectory) -> None:
    async with asking(run, None) as range_:
        without, with_ = [{one.name: one for one in await range_.catalogue(id)} for id in ("", "sc-1")]
        assert without.keys() == with_.keys() and len(without) > 30
        assert without["string_open"].parameters[0].choices == []
        assert with_["string_open"].parameters[0].choices[0] == "string_1"


ORDER = {"target": "sc-1", "fault": "string_open", "parameters": {"string": "string_1"}}
REFUSED: list[tuple[str, str, dict[str, str], Any, int, str]] = [
    ("GET", "/about", {}, None, 401, "no valid token"),
    ("POST", "/clock/pause", {"authorization": "Bearer act"}, None, 401, "no valid token"),
    ("GET", "/clock", {**HOLDER, "host": "evil.example:8602"}, None, 421, "wrong host"),
    ("POST", "/clock/pause", {**HOLDER, "origin": "http://evil.example"}, None, 403, "foreign origin"),
    ("POST", "/clock/pause", HOLDER, None, 503, "nobody can be asked"),
    ("POST", "/clock/step", HOLDER, {"ticks": 0}, 422, "ticks"),
    ("POST", "/clock/speed", HOLDER, {"speed": -1}, 422, "speed"),
    ("POST", "/injections/check", HOLDER, {**ORDER, "fault": "string_opn"}, 404, "string_open"),
    ("POST", "/injections/check", HOLDER, {**ORDER, "target": "sc-2"}, 404, "sc-2"),
    ("POST", "/injections/check", HOLDER, {**ORDER, "parameters": {"string": "x"}}, 422, "parameters.string"),
    ("POST", "/injections/check", HOLDER, {**ORDER, "parameters": {"for": "1 s"}}, 422, "length"),
    ("POST", "/injections/check", HOLDER, {**ORDER, "length": "soon"}, 422, "for=soon"),
    ("POST", "/injections", HOLDER, ORDER, 503, "nobody can be asked"),
    ("POST", "/injections/worn/clear", HOLDER, None, 503, "nobody can be asked"),
    ("GET", "/faults?target=sc-9", HOLDER, None, 404, "sc-9"),
    ("GET", "/spacecraft", HOLDER, None, 404, "Not Found"),
]  # fmt: skip


UNTOLD = [
    ("/clock/speed", b'{"speed": NaN}', 422, '"input":"NaN"'),
    ("/clock/speed", b'{"speed": 1e999}', 422, '"input":"Infinity"'),
    ("/injections/check", b'{"target": "\\ud800", "fault": "string_open"}', 422, "\\ud800"),
    ("/injections/check", b'{"target": "sc-1", "fault": "string_open", "parameters": {"\\ud800": 1}}', 422, "\\ud800"),
]


@pytest.mark.parametrize(("path", "body", "status", "words"), UNTOLD)
async def test_what_no_json_can_say_is_refused_and_told(
    run: RunDirectory, path: str, body: bytes, status: int, words: str
) -> None:
    async with served(run, None, {}) as client:
        headers = {**HOLDER, "content-type": "application/json"}
        found = await client.post(path, headers=headers, content=body)
    assert found.status_code == status and words in found.text, found.text


@pytest.mark.parametrize(("method", "path", "headers", "body", "status", "words"), REFUSED)
async def test_what_is_refused_says_why(  # noqa: PLR0917 - a row of the table
    run: RunDirectory, method: str, path: str, headers: dict[str, str], body: Any, status: int, words: str
) -> None:
    async with served(run, None, {}) as client:
        found = await client.request(method, path, headers=headers, json=body)
    assert found.status_code == status, found.text
    assert words in found.text and "Traceback" not in found.text


async def test_what_the_bus_refuses_is_told_in_its_words(run: RunDirectory) -> None:
    bus = Bus()
    bus.refuses = "found a run that flies as fast as it can; needed one that was started with --pace"
    async with served(run, bus) as client:
        for path, body in (("/clock/pause", None), ("/injections", ORDER), ("/injections/late/clear", None)):
            found = await client.post(path, json=body)
            assert found.status_code == 422 and "needed one that was started with --pace" in found.text
        assert "does not act" in (await client.post("/injections/worn/clear")).text


async def test_who_waits_for_an_answer_is_told_when_the_connection_breaks() -> None:
    sent = asyncio.Event()

    class Mute(Bus):
        async def send(self, body: Any, destination: str = "") -> None:
            sent.set()

    link = Mute()
    waiting = asyncio.ensure_future(link.order(ClockOrder(verb="pause")))
    await sent.wait()
    link.lost()
    with pytest.raises(ConnectionError, match="broke"):
        await waiting


async def test_whatever_is_asked_fits_its_schema(run: RunDirectory) -> None:
    """Every operation, with arguments out of its own schema, by an independent tool: no error of ours, and no answer in
    another form."""
    bus = Bus()
    async with served(run, bus) as client:
        schema = schemathesis.openapi.from_dict((await client.get("/openapi.json")).json())
        operations = [found.ok() for found in schema.get_all_operations()]
        assert len(operations) == 12
        answered: set[str] = set()
        for operation in operations:
            for case in drawn(operation, 6):
                path, query = case.formatted_path.removeprefix(PREFIX), {**(case.query or {}), "wait_s": 0}
                body = case.body if isinstance(case.body, dict) else None
                found = await client.request(case.method, path, params=query, json=body)
                if found.status_code == 429:
                    continue
                assert found.status_code < 500, f"{case.method} {path}: {found.text}"
                if found.status_code == 200:
                    answered.add(operation.path)
                    operation.validate_response(schemathesis.Response.from_any(found))
        assert {f"{PREFIX}/{each}" for each in ("about", "clock", "clock/pause", "faults", "injections")} <= answered
