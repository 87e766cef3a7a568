"""The bus and a participant's shell face to face, over real sockets in one loop: handshake, refusals, garbage, mail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from bus.clock import FakeClock
from bus.errors import DecodeError, EnvironmentFault, HandshakeRefused, ParticipantLost, RangeFailure
from bus.lockstep.sessions import ParticipantPlan
from bus.participant import Moment, Outbox
from bus.process.participant import Credentials, Service, Shell
from bus.process.plan import BusOutcome, BusPlan
from bus.process.server import BusServer
from bus.sockets.keys import load_grants, load_key, load_public, make_keys
from bus.sockets.ports import DealerPort, Network
from bus.trace.writer import TraceHash
from bus.wire.codec import decode, encode, peek
from bus.wire.messages import (
    Account,
    Body,
    Hello,
    Injection,
    InjectionReport,
    InjectionState,
    Kind,
    Message,
    OperatorReply,
    OperatorRequest,
    Plane,
    Refusal,
    Tick,
    Welcome,
)
from bus.wire.pieces import Assembly, address, split
from tests.kits import live_fakes as fakes

IDS = ["sat-a", "ground"]
PLAN = BusPlan(fakes.plans(IDS), 20, fakes.TICK_NS, b"x" * 150_000, dictionaries={"sat-a": "1234"}, tock_timeout_s=5)
WITHIN_S = 20
SAME = {"scenario": address(PLAN.scenario).hex()}


class Recorder:
    """Keeps the hash; can run out of disk."""

    def __init__(self, full_at: int = -1) -> None:
        self.hash = TraceHash()
        self.ticks = 0
        self.full_at = full_at

    def append(self, content: bytes) -> None:
        if self.ticks == self.full_at:
            raise EnvironmentFault("cannot write the trace: No space left on device", hint="free some space")
        self.ticks += 1
        self.hash.add(content)


class Bus:
    """A running bus server and what it said."""

    def __init__(self, keys: Path) -> None:
        self.keys = keys
        self.ready = asyncio.Event()
        self.endpoints: dict[str, str] = {}
        self.reports: list[tuple[str, Mapping[str, Any]]] = []
        self.outcome: BusOutcome
        self.server: BusServer

    def report(self, kind: str, content: Mapping[str, Any]) -> None:
        self.reports.append((kind, content))
        if kind == "ready":
            self.endpoints = content["endpoints"]
            self.ready.set()

    def dealer(self, network: Network, identity: str, plane: str = "time", session: str = "1") -> DealerPort:
        key, server = load_key(self.keys, identity), load_public(self.keys, "bus")
        return network.dealer(self.endpoints[plane], key, server, f"{identity}/{session}".encode())

    def shell(self, network: Network, identity: str, session: str = "1") -> Shell:
        credentials = Credentials(identity, self.endpoints["time"], self.keys)
        return Shell(credentials, self.dealer(network, identity, session=session))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    make_keys(tmp_path / "keys", ["sat-a"])
    return tmp_path / "keys"


@asynccontextmanager
async def running(keys: Path, plan: BusPlan, recorder: Recorder | None = None) -> AsyncIterator[Bus]:
    """A bus in this loop; leaving waits for its end, by force if the test has not flown it to the end."""
    bus = Bus(keys)
    bus.server = BusServer(plan, load_key(keys, "bus"), load_grants(keys), recorder or Recorder(), report=bus.report)

    async def run() -> None:
        bus.outcome = await bus.server.run()

    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        task = group.create_task(run())
        await bus.ready.wait()
        yield bus
        if not task.done():
            bus.server.stop("the test is over")


async def beside(shell: Shell) -> None:
    """Stands for another socket in the process, so that nobody blocks the loop that all of a test shares."""


def service(participant: Any, **more: Any) -> Service:
    return Service(participant, fakes.TICK_NS, side_task=beside, **more)


async def take_part(bus: Bus, network: Network, identity: str, participant: Any = None, **more: Any) -> str:
    dictionary = "1234" if identity == "sat-a" else ""
    shell = bus.shell(network, identity)
    _, scenario = await shell.shake_hands("", None)
    await shell.shake_hands(dictionary, scenario)
    return await shell.serve(service(participant or fakes.Fake(identity, IDS), **more))


async def fly(bus: Bus, network: Network) -> list[str]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(take_part(bus, network, id)) for id in IDS]
    return [task.result() for task in tasks]


async def test_the_scenario_is_fetched_in_pieces_and_the_run_is_flown(keys: Path) -> None:
    recorder = Recorder()
    async with running(keys, PLAN, recorder) as bus:
        with Network() as network:
            shell = bus.shell(network, "sat-a", "0")
            welcome, scenario = await shell.shake_hands("", None)
            assert scenario == PLAN.scenario and len(welcome.scenario) == 4
            reasons = await fly(bus, network)
    assert bus.outcome.finished.complete and bus.outcome.failure is None
    assert recorder.ticks == 20 + 1  # and the closing one
    assert reasons == ["flown to the end"] * 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"protocol": 99}, "protocol version 99"),
        ({"dictionary": "beef"}, "dictionary version beef, the bus has 1234"),
        ({"versions": {"scenario": "another"}}, "another scenario: another"),
        ({"role": "ground"}, "is for the role node, not ground"),
        ({"source": "ground"}, "belongs to sat-a, not to ground"),
    ],
)
async def test_who_does_not_fit_is_refused_with_the_reason(keys: Path, changes: dict[str, Any], reason: str) -> None:
    async with running(keys, PLAN) as bus:
        with Network() as network:
            port = bus.dealer(network, "sat-a")
            fields: dict[str, Any] = {"protocol": 1, "role": "node", "dictionary": "1234", "versions": SAME}
            fields.update({name: value for name, value in changes.items() if name != "source"})
            source, hello = changes.get("source", "sat-a"), Hello(**fields)
            await port.send([encode(Message(0, source, 0, "bus", hello))])
            [[frame]] = await port.receive()
            body = decode(frame).body
            assert isinstance(body, Refusal) and reason in body.reason


async def test_a_second_process_of_the_same_identity_is_refused(keys: Path) -> None:
    async with running(keys, PLAN) as bus:
        with Network() as network:
            first, second = bus.shell(network, "sat-a", "1"), bus.shell(network, "sat-a", "2")
            await first.shake_hands("1234", PLAN.scenario)
            with pytest.raises(HandshakeRefused, match="already takes part, through another process"):
                await second.shake_hands("1234", PLAN.scenario)


@pytest.mark.parametrize(
    ("identity", "text", "expected"),
    [
        ("ground", "tcp://10.0.0.7:5603", {"operator": "tcp://10.0.0.7:5603"}),
        ("ground", "tcp://10.0.0.7", None),
        ("ground", "ipc:///run/x:1", None),
        ("sat-a", "tcp://10.0.0.7:5603", None),
    ],
)
async def test_the_ground_brings_the_endpoint_of_its_own_door(
    keys: Path, identity: str, text: str, expected: dict[str, str] | None
) -> None:
    async with running(keys, PLAN) as bus:
        with Network() as network:
            shell = bus.shell(network, identity)
            await shell.shake_hands("1234" if identity == "sat-a" else "", PLAN.scenario, {"operator": text})
    found = [content["endpoints"] for kind, content in bus.reports if kind == "endpoints"]
    assert found == ([expected] if expected else [])


async def test_garbage_from_a_granted_key_is_counted_and_stalls_nobody(keys: Path) -> None:
    recorder = Recorder()
    async with running(keys, PLAN, recorder) as bus:
        with Network() as network:
            rogue = bus.dealer(network, "sat-a", session="rogue")
            await rogue.opened()
            garbage: list[list[bytes]] = [
                [b""], [b"", b""], [b"\xc1" * 50], [bytes(60_000)], [encode(hello_of("ground"))[:-1]] , [b"x"] * 300,
            ]  # fmt: skip
            for frames in garbage:
                await rogue.send(frames)
            await fly(bus, network)
    assert bus.outcome.finished.complete
    assert bus.outcome.traffic["garbage"] >= len(garbage)
    assert recorder.ticks == 20 + 1  # and the closing one


async def test_attacks_are_counted_by_kind_and_source_and_told(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_keys(tmp_path / "others", ["sat-a"])
    async with running(keys, PLAN) as bus:
        with Network() as network:
            rogue = bus.dealer(network, "sat-a", session="rogue")
            await rogue.opened()
            for _ in range(2000):
                await rogue.send([b"garbage"])
            server = load_public(keys, "bus")
            for n in range(30):
                stranger = network.dealer(
                    bus.endpoints["time"], load_key(tmp_path / "others", "sat-a"), server, b"x%d" % n
                )
                with pytest.raises(HandshakeRefused):
                    await stranger.opened()
            observer = network.dealer(bus.endpoints["time"], load_key(keys, "observer"), server, b"observer")
            with pytest.raises(HandshakeRefused):
                await observer.opened()
            await fly(bus, network)
    rows = {(row["plane"], row["kind"], row["source"]): row["count"] for row in bus.outcome.refused}
    assert rows["time", "garbage frame", "sat-a"] == 2000
    assert rows["time", "unlisted key", "127.0.0.1"] >= 30
    assert rows["time", "key of another plane", "observer"] >= 1
    assert [kind for kind, _ in bus.reports].count("refused") >= 1
    logged = capsys.readouterr().err
    assert "turned away: " in logged and len(logged.splitlines()) < 120, "told, and the log is not flooded"


def hello_of(source: str) -> Message:
    hello = Hello(protocol=1, role="ground", dictionary="", versions={})
    return Message(0, source, 0, "bus", hello)


async def test_nobody_steps_for_somebody_else_and_nobody_ticks_without_a_session(keys: Path) -> None:
    async with running(keys, PLAN) as bus:
        with Network() as network:
            stranger = bus.dealer(network, "sat-a", session="stranger")
            await stranger.opened()
            tick = Message(0, "sat-a", 0, "bus", Tick(tick=0, count=0, digest=bytes(16)))
            await stranger.send([encode(tick)])
            await fly(bus, network)
    assert bus.outcome.finished.complete and bus.outcome.traffic["garbage"] == 1


@pytest.mark.parametrize("speed", [None, 50.0])
async def test_a_full_disk_ends_the_run_with_that_error_and_everybody_hears_why(
    keys: Path, speed: float | None
) -> None:
    async with running(keys, replace(PLAN, speed=speed), Recorder(full_at=7)) as bus:
        with Network() as network:
            reasons = await fly(bus, network)
    assert isinstance(bus.outcome.failure, EnvironmentFault)
    assert not bus.outcome.finished.complete
    assert all("No space left" in reason for reason in reasons)


async def test_who_never_comes_is_named(keys: Path) -> None:
    async with running(keys, replace(PLAN, start_timeout_s=0.5)) as bus:
        with Network() as network, pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(take_part(bus, network, "sat-a"))
                group.create_task(late(bus))
    assert caught.group_contains(RangeFailure) or bus.outcome.failure
    assert isinstance(bus.outcome.failure, ParticipantLost) and bus.outcome.failure.participant == "ground"


async def late(bus: Bus) -> None:
    while not any(kind == "lost" for kind, _ in bus.reports):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    raise RangeFailure("that was enough")


async def test_a_bus_that_dies_ends_its_participants(keys: Path) -> None:
    grants = load_grants(keys)
    with Network() as network:
        with Network(grants) as bus:
            router = bus.router("tcp://127.0.0.1:0", load_key(keys, "bus"), "time")
            shell = Shell(
                Credentials("sat-a", router.endpoint, keys),
                network.dealer(router.endpoint, load_key(keys, "sat-a"), load_public(keys, "bus"), b"sat-a/1"),
            )
            async with asyncio.timeout(WITHIN_S):
                await shell._port.opened()
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(RangeFailure, match="is gone"):
                await shell.serve(service(fakes.Fake("sat-a", IDS)))


class Target(fakes.Fake):
    """Reports an injection to the range; keeps what it got."""

    def __init__(self, id: str, everybody: list[str]) -> None:
        super().__init__(id, everybody)
        self.injections: list[Message] = []

    def step(self, moment: Moment, inbox: list[Message]) -> Outbox:  # type: ignore[override]
        outbox = super().step(moment, [m for m in inbox if m.kind is not Kind.INJECTION])
        for message in inbox:
            if message.kind is Kind.INJECTION:
                self.injections.append(message)
                state = InjectionState.ACTIVE
                report = InjectionReport(injection=message.body.injection, state=state, at_ns=moment.start_ns)
                outbox.messages.append(Message(moment.end_ns, self.id, 9999, "range", report))
        return outbox


class Director(fakes.Fake):
    """The range's credentials in the bus process."""

    def step(self, moment: Moment, inbox: list[Message]) -> Outbox:  # type: ignore[override]
        if moment.closing:
            return Outbox([Message(moment.end_ns, self.id, 1, "bus", Account(rows=(), counters={}))])
        return Outbox()


INJECTION = Injection(
    injection="live-1", seam=1, place="string_health[0]", primitive="set", parameters={}, start_ns=0, end_ns=0
)


async def test_an_injection_from_outside_is_acknowledged_recorded_and_reported(keys: Path) -> None:
    plan = replace(
        PLAN,
        ticks=400,
        participants=(*PLAN.participants, ParticipantPlan("range", frozenset({Plane.TIME, Plane.RANGE}))),
        local=(Director("range", IDS),),
    )
    target = Target("sat-a", IDS)
    async with running(keys, plan) as bus:
        with Network() as network:
            client = bus.dealer(network, "range", "range")
            await client.opened()

            async def ask(source: str, destination: str, body: Body) -> Any:
                await client.send([encode(Message(0, source, 0, destination, body))])
                [[frame]] = await client.receive(most=1)
                return decode(frame).body

            assert isinstance(await ask("range", "bus", hello_of("range").body), Welcome)
            assert "no target" in (await ask("range", "sat-z", INJECTION)).reason
            assert "belongs to range" in (await ask("operator", "sat-a", INJECTION)).reason
            await client.send([b"garbage"])
            [[frame]] = await client.receive(most=1)
            assert isinstance(decode(frame).body, Refusal)
            acknowledged = await ask("range", "sat-a", INJECTION)
            assert isinstance(acknowledged, OperatorReply) and acknowledged.state == "recorded"
            async with asyncio.TaskGroup() as group:
                group.create_task(take_part(bus, network, "sat-a", target))
                group.create_task(take_part(bus, network, "ground"))
                [[frame]] = await client.receive(most=1)
            report = decode(frame).body
    assert isinstance(report, InjectionReport) and report.injection == "live-1"
    assert [message.body for message in target.injections] == [INJECTION]
    assert bus.outcome.finished.complete


async def test_operator_requests_pass_through_the_ground_and_replies_come_back(keys: Path) -> None:
    class Ground(fakes.Fake):
        def step(self, moment: Moment, inbox: list[Message]) -> Outbox:  # type: ignore[override]
            outbox = super().step(moment, [m for m in inbox if m.kind is not Kind.OPERATOR_REQUEST])
            for message in inbox:
                if isinstance(message.body, OperatorRequest):
                    reply = OperatorReply(token=message.body.token, request=1, state="COMPLETED", detail="", final=True)
                    outbox.messages.append(Message(moment.end_ns, self.id, 9999, "operator", reply))
            return outbox

    replies: list[Message] = []
    request = OperatorRequest(token=5, spacecraft="sat-a", name="ping", arguments={})
    async with running(keys, replace(PLAN, ticks=300)) as bus:
        with Network() as network:
            async with asyncio.TaskGroup() as group:
                group.create_task(take_part(bus, network, "sat-a"))
                shell = bus.shell(network, "ground")
                await shell.shake_hands("", PLAN.scenario)
                assert shell.forward(encode(Message(0, "operator", 0, "ground", request)))
                await shell.serve(service(Ground("ground", IDS), outside=replies.append))
    assert [message.body.token for message in replies] == [5]


async def test_paced_runs_follow_the_clock_and_count_late_answers(keys: Path) -> None:
    plan = replace(PLAN, speed=50.0)
    async with running(keys, plan) as bus:
        with Network() as network:
            start = asyncio.get_running_loop().time()
            await fly(bus, network)
            took = asyncio.get_running_loop().time() - start
    assert bus.outcome.finished.complete
    assert took >= 19 / 50  # 20 ticks of a second at 50 times


async def test_a_paced_bus_wakes_its_spacecraft_one_after_the_other(tmp_path: Path) -> None:
    ids = ["ground", "sat-a", "sat-b", "sat-c", "sat-d"]
    make_keys(tmp_path / "keys", ids[1:])
    plan = replace(PLAN, participants=fakes.plans(ids), dictionaries={}, ticks=11, speed=10.0)
    woken: dict[str, list[float]] = {id: [] for id in ids}

    class Sleeper(fakes.Fake):
        def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
            woken[self.id].append(asyncio.get_running_loop().time())
            return super().step(moment, inbox)

    async def fly_one(id: str) -> None:
        shell = bus.shell(network, id)
        await shell.shake_hands("", plan.scenario)
        await shell.serve(service(Sleeper(id, ids)))

    async with running(tmp_path / "keys", plan) as bus:
        with Network() as network:
            async with asyncio.TaskGroup() as group:
                for id in ids:
                    group.create_task(fly_one(id))
    assert bus.outcome.finished.complete
    after = {id: median(b - a for a, b in zip(woken["ground"], woken[id], strict=True)) for id in ids}
    gaps = [after[b] - after[a] for a, b in pairwise(ids[1:])]
    assert min(gaps) > 0.006, "half of a typical gap of 12.5 ms"


def test_pieces_come_together_only_as_they_were_cut() -> None:
    content = bytes(range(256)) * 600
    pieces = split("snapshot", 4, content)
    assembly = Assembly("snapshot")
    assert [assembly.add(piece) for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert assembly.add(pieces[-1]) == (4, content)
    with pytest.raises(DecodeError):
        assembly.add(pieces[1])
    forged = pieces[0].model_copy(update={"content": b"other"})
    with pytest.raises(DecodeError):
        assembly.add(forged)
    assert split("snapshot", 0, b"")[0].of == 1


def test_a_fake_clock_is_a_clock() -> None:
    assert FakeClock(5).now_ns() == 5
    assert peek(encode(hello_of("ground"))).kind is Kind.HELLO
