"""The API over a run that is over: what it says is what the archive holds; who may ask; what is refused, in words."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import erfa
import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.clock import Clock, FakeClock, MachineClock
from bus.web.access import MOST_BODY_BYTES, Access, Doorkeeper, Role, make_tokens
from bus.web.serving import build
from faults.commands.api import facts_of
from faults.run_directory import RunDirectory
from groundstation.api import forms
from groundstation.api.app import make_app
from groundstation.api.desk import Desk
from groundstation.api.watch import read_tables
from groundstation.archive.reader import ArchiveReader
from groundstation.archive.values import Question, newest, samples
from tests.kits.runs import TINY, fly_text

HOST = "127.0.0.1:8600"
TOKENS = {"look": Role.OBSERVER, "act": Role.OPERATOR}
MASTER = "/api/v1"
OBSERVER, OPERATOR = ({"authorization": f"Bearer {token}"} for token in TOKENS)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("api")
    fly_text(TINY, folder)
    return RunDirectory(folder / "run")


@asynccontextmanager
async def served(
    run: RunDirectory, headers: dict[str, str] | None = None, clock: Clock | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    desk = Desk(facts_of(run), None)
    await desk.look()
    timed = clock or MachineClock()
    tokens = {role: token for token, role in TOKENS.items()}
    door = build(lambda refused: make_app(desk, timed, refused), tokens, (HOST,), timed, "send it")
    transport = httpx.ASGITransport(app=door)  # type: ignore[arg-type]
    mine = OPERATOR if headers is None else headers
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}{MASTER}", headers=mine) as client:
        yield client


async def test_what_it_says_is_what_the_archive_holds(run: RunDirectory) -> None:
    archive = ArchiveReader(run.archive)
    async with served(run) as client:
        (row,) = (await client.get("/spacecraft")).json()
        told = (await client.get(f"/spacecraft/{row['id']}/telemetry")).json()
        held = newest(archive, row["id"])
        assert told.keys() == held.keys() and held
        for name, sample in held.items():
            value = told[name]["value"]
            assert value == sample.value or (value is None and not math.isfinite(sample.value))
            assert told[name]["received_s"] == sample.received_ns / 1e9
        every = list(samples(archive, Question(row["id"], ("battery_soc",), 0, 100 * 10**9)))
        question = f"/spacecraft/{row['id']}/telemetry/battery_soc"
        series = (await client.get(question, params={"from_s": 0, "to_s": 100, "points": 100})).json()
        assert sum(each["count"] for each in series["stretches"]) == len(every) > 0
        assert series["stretches"][-1]["last"] == every[-1].value == row["battery_soc"]
        names = "parameter=main_bus_voltage_v&parameter=battery_soc"
        question = f"/spacecraft/sc-1/series?{names}&from_s=0&to_s=100&points=100"
        both = (await client.get(question)).json()
        assert [each["parameter"] for each in both] == ["main_bus_voltage_v", "battery_soc"] and both[1] == series
        events = (await client.get("/events")).json()
        assert [each["name"] for each in events] == [str(row[4]) for row in archive.events()][::-1]
        recording = await client.get("/recording")
        assert recording.content[:15] == b"SQLite format 3"
        about = (await client.get("/about")).json()
        assert about["now"]["ground"] == "over" and about["now"]["rate"] is None and about["role"] == "operator"


async def test_a_spacecraft_of_which_nothing_was_heard_is_unknown_and_not_normal(tmp_path: Path) -> None:
    fly_text(TINY.replace("[svalbard]", "[awarua]"), tmp_path)
    async with served(RunDirectory(tmp_path / "run")) as client:
        (row,) = (await client.get("/spacecraft")).json()
    assert row["level"] is None and row["stale"] and "nothing was heard" in row["reason"]
    assert {row[name] for name in ("mode", "battery_soc", "hottest_k", "jobs_active")} == {None}
    assert set(row["accelerators"].values()) == {None}


def ping(name: str) -> dict[str, Any]:
    return {"steps": [{"to": "sc-1", "telecommand": name}]}


FDIR = """timeline:
  - {at: 5 s, telecommand: {to: sc-1, name: monitoring.status}}
  - {at: 6 s, telecommand: {to: sc-1, name: event_action.status}}
  - {at: 7 s, telecommand: {to: sc-1, name: monitoring.disable, arguments: {monitor: charge.low}, confirmed: true}}
  - {at: 8 s, telecommand: {to: sc-1, name: schedule.insert, arguments: {at: 4000 s, telecommand: test.ping}}}
  - {at: 15 s, telecommand: {to: sc-1, name: monitoring.status}}
  - {at: 16 s, telecommand: {to: sc-1, name: schedule.report}}
"""


async def test_what_flight_software_says_of_its_fdir_and_its_schedule_is_told(
    tmp_path: Path, run: RunDirectory
) -> None:
    async with served(run) as client:
        nobody = (await client.get("/spacecraft/sc-1/fdir")).json()
        assert nobody["told_s"] is None and len(nobody["monitors"]) > 20
        assert {row["enabled"] for row in nobody["monitors"]} == {None}, "nobody has asked"
        assert (await client.get("/spacecraft/sc-1/schedule")).json() == {"told_s": None, "entries": []}
    fly_text(TINY + FDIR, tmp_path)
    async with served(RunDirectory(tmp_path / "run")) as client:
        table = (await client.get("/spacecraft/sc-1/fdir")).json()
        rows = {row["monitor"]: row for row in table["monitors"]}
        assert rows.keys() == {row["monitor"] for row in nobody["monitors"]} and table["told_s"] > 15.0
        assert rows["charge.low"]["enabled"] is False, "the newest word counts"
        assert {row["finding"] for row in rows.values() if row["enabled"]} <= {"within", "unchecked"}
        assert True in {row["action"] for row in rows.values()} and table["actions_told_s"] is not None
        (entry,) = (await client.get("/spacecraft/sc-1/schedule")).json()["entries"]
        assert (entry["at_s"], entry["telecommand"], entry["state"]) == (4000.0, "test.ping", "waits")


async def test_who_falls_silent_is_told_to_those_who_follow_though_no_packet_comes(run: RunDirectory) -> None:
    desk = Desk(facts_of(run), None)
    await desk.look()
    watch = desk.watch
    told, now_ns = watch.revision, watch.until_ns
    watch.look_for_silence(now_ns)
    assert watch.rows(told, now_ns) == [], "nothing has changed"
    tables = read_tables(desk.feed, now_ns)
    assert tables.contacts["sc-1"].now, "an antenna points at it"
    watch.look_for_silence(now_ns + 3_600 * 10**9)
    (row,) = watch.rows(told, now_ns + 3_600 * 10**9)
    assert row.stale and row.level == "warning" and row.reason.startswith("silent in a contact, last heard at 0:01:0")


def heard(desk: Desk, later_s: float) -> forms.FleetRow:
    """The row of the only one, so long after it was last heard."""
    now_ns = desk.watch.until_ns + round(later_s * 1e9)
    desk.watch.look_for_silence(now_ns)
    return desk.watch.row("sc-1", now_ns)


async def test_between_contacts_silence_is_no_trouble_and_a_contact_without_a_word_is(run: RunDirectory) -> None:
    desk = Desk(facts_of(run), None)
    await desk.look()
    tables, end_s = read_tables(desk.feed, desk.watch.until_ns), desk.watch.until_ns / 1e9

    def antenna(*, now: bool, aos_s: float) -> None:
        contact = forms.NextContact(station="svalbard", now=now, aos_s=aos_s, los_s=None)
        desk.watch.take_tables(dataclasses.replace(tables, contacts={"sc-1": contact}))

    antenna(now=False, aos_s=end_s + 3_000.0)
    row = heard(desk, 2_900.0)
    assert row.stale and row.level == "normal", "its values are old, and that is all"
    antenna(now=True, aos_s=end_s + 3_000.0)
    assert heard(desk, 3_060.0).level == "normal", "it has just come into view"
    assert heard(desk, 3_200.0).level == "warning"
    antenna(now=False, aos_s=end_s + 9_000.0)
    row = heard(desk, 4_000.0)
    assert row.level == "warning" and "silent in a contact" in row.reason, "that one has passed without a word"


REFUSED: list[tuple[str, str, dict[str, str], Any, int, str]] = [
    ("GET", "/about", {}, None, 401, "no valid token"),
    ("GET", "/about", {"authorization": "Bearer wrong"}, None, 401, "no valid token"),
    ("GET", "/about", {"authorization": "Basic YTpi"}, None, 401, "no valid token"),
    ("GET", "/about", {**OPERATOR, "host": "evil.example:8600"}, None, 421, "wrong host"),
    ("GET", "/about", {**OPERATOR, "origin": "http://evil.example"}, None, 403, "foreign origin"),
    ("POST", "/telecommands/check", OBSERVER, {"steps": []}, 403, "observer reads only"),
    ("GET", "/spacecraft/sc-2/telemetry", OPERATOR, None, 404, "sc-2"),
    ("GET", "/spacecraft/sc-1/telemetry/batery_soc", OPERATOR, None, 404, "battery_soc"),
    ("GET", "/spacecraft/sc-1/telemetry/battery_soc?from_s=9&to_s=3", OPERATOR, None, 422, "not after"),
    ("POST", "/telecommands/check", OPERATOR, ping("test.pong"), 404, "test.pong"),
    ("POST", "/telecommands", OPERATOR, ping("test.ping"), 503, "nobody can be asked"),
    ("POST", "/alarms/3/shelve", OPERATOR, {"for_s": -1}, 422, "for_s"),
    ("POST", "/telecommands/check", OPERATOR, "x" * (MOST_BODY_BYTES + 1), 413, "too large"),
    ("DELETE", "/spacecraft", OPERATOR, None, 405, "Not Allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "headers", "body", "status", "words"), REFUSED)
async def test_what_is_refused_says_why(  # noqa: PLR0917 - a row of the table
    run: RunDirectory, method: str, path: str, headers: dict[str, str], body: Any, status: int, words: str
) -> None:
    async with served(run, {}) as client:
        found = await client.request(method, path, headers=headers, json=body)
    assert found.status_code == status, found.text
    assert words in found.text and "Traceback" not in found.text


async def test_who_asks_too_often_is_told_to_wait(run: RunDirectory) -> None:
    async with served(run, clock=FakeClock()) as client:
        statuses = [(await client.get("/about")).status_code for _ in range(300)]
        refused = (await client.get("/about", headers=OBSERVER)).json()["refused"]
    assert statuses[0] == 200 and 429 in statuses
    assert sum(refused.values()) == statuses.count(429)


async def test_a_body_in_pieces_has_the_same_bound() -> None:
    taken: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request":
            taken.append(len(message["body"]))

    pieces = iter([{"type": "http.request", "body": b"x" * 65_536, "more_body": True}] * 100)

    async def receive() -> Any:
        return next(pieces)

    door = Access(app, Doorkeeper({"act": Role.OPERATOR}, (HOST,), MachineClock(), "send it"))
    headers = [(b"host", HOST.encode()), (b"authorization", b"Bearer act")]
    await door({"type": "http", "method": "POST", "path": "/x", "headers": headers}, receive, app)
    assert sum(taken) <= MOST_BODY_BYTES


def test_tokens_are_their_owner_s_alone_and_new_each_time(tmp_path: Path) -> None:
    first, second = (make_tokens(tmp_path / "api", TOKENS.values()) for _ in range(2))
    assert len({*first.values(), *second.values()}) == 4 and all(len(token) == 40 for token in first.values())
    for role, token in second.items():
        path = tmp_path / "api" / f"{role}.token"
        assert path.read_text().strip() == token and path.stat().st_mode & 0o777 == 0o600


async def test_the_sun_is_overhead_where_erfa_has_it(run: RunDirectory) -> None:
    """Against ERFA's Earth ephemeris (epv00) turned by its sidereal time; a map needs a tenth of a degree."""
    desk = Desk(facts_of(run), None)
    for at_s in (0.0, 40_000.0, 20_000_000.0):
        place = desk.map(at_s).sun
        whole, part = desk._epoch.jd_whole, desk._epoch.jd_fraction + at_s / 86_400.0
        earth = erfa.epv00(whole, part)[0]["p"]
        x, y, z = -earth
        longitude = math.degrees(math.atan2(y, x) - erfa.gmst82(whole, part))
        latitude = math.degrees(math.asin(z / math.sqrt(x * x + y * y + z * z)))
        # of date against J2000: precession to 2026 is 0.36 degrees of longitude
        assert abs((place.longitude_deg - longitude + 180.0) % 360.0 - 180.0) < 0.5
        assert abs(place.latitude_deg - latitude) < 0.25


async def test_whatever_is_asked_fits_its_schema(run: RunDirectory) -> None:
    """Every operation that reads, with arguments out of its own schema, by an independent tool: no error of ours, and
    no answer in another form."""
    async with served(run) as client:
        schema = schemathesis.openapi.from_dict((await client.get("/openapi.json")).json())
        operations = [found.ok() for found in schema.get_all_operations()]
        reads = [each for each in operations if each.method.upper() == "GET" and "recording" not in each.path]
        assert len(reads) > 12
        for operation in reads:
            for case in drawn(operation):
                found = await client.request(
                    "GET", case.formatted_path.removeprefix(MASTER), params=case.query or {}, headers=OPERATOR
                )
                if found.status_code == 429:
                    continue
                assert found.status_code < 500, f"{case.formatted_path}: {found.text}"
                if found.status_code == 200:
                    operation.validate_response(schemathesis.Response.from_any(found))


def drawn(operation: Any, number: int = 8) -> list[Any]:
    cases: list[Any] = []

    @settings(max_examples=number, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def draw(data: Any) -> None:
        cases.append(data.draw(operation.as_strategy()))

    draw()
    return cases
