"""Sockets: who gets in, what happens to who should not, and that nothing queues without bound. Real sockets."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq
from zmq.utils import z85 as zmq_z85

from bus.errors import EnvironmentFault, HandshakeRefused, RangeFailure
from bus.sockets import zeromq
from bus.sockets.access import Keypair, answer, speaks_for, z85
from bus.sockets.keys import load_grants, load_key, load_public, make_keys
from bus.sockets.ports import OBSERVER_HIGH_WATER, DealerPort, Network, RouterPort
from bus.sockets.refusals import Refusals
from bus.sockets.zeromq import new_keypair

LOOPBACK = "tcp://127.0.0.1:0"
DEADLINE_S = 10


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    make_keys(tmp_path / "keys", ["sat-a", "sat-b"])
    return tmp_path / "keys"


def bus_router(network: Network, keys: Path, plane: str = "time") -> RouterPort:
    return network.router(LOOPBACK, load_key(keys, "bus"), plane)


def knock(network: Network, port: RouterPort, keys: Path, identity: str, routing: str = "") -> DealerPort:
    return network.dealer(
        port.endpoint, load_key(keys, identity), load_public(keys, "bus"), (routing or identity).encode()
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def test_a_granted_key_gets_in_and_is_named_by_its_key(keys: Path) -> None:
    with Network(load_grants(keys)) as bus, Network() as other:
        router = bus_router(bus, keys)
        dealer = knock(other, router, keys, "sat-a", "sat-a/1")
        async with asyncio.timeout(DEADLINE_S):
            await dealer.opened()
            await dealer.send([b"one", b"two"])
            [(peer, frames)] = await router.receive()
            assert (peer.identity, peer.role, frames) == ("sat-a", "node", [b"one", b"two"])
            assert router.send(peer.routing, [b"three"])
            assert await dealer.receive() == [[b"three"]]


async def test_an_unknown_key_a_wrong_server_key_and_a_role_without_business_are_turned_away(keys: Path) -> None:
    with Network(load_grants(keys)) as bus, Network() as other:
        time, range_ = bus_router(bus, keys), bus_router(bus, keys, "range")
        server = load_public(keys, "bus")
        attempts = [
            (time.endpoint, new_keypair(), server),
            (time.endpoint, load_key(keys, "sat-a"), new_keypair().public),
            (time.endpoint, load_key(keys, "operator"), server),
            (time.endpoint, load_key(keys, "observer"), server),
            (range_.endpoint, load_key(keys, "ground"), server),
            (range_.endpoint, load_key(keys, "sat-a"), server),
        ]
        for endpoint, pair, server_key in attempts:
            dealer = other.dealer(endpoint, pair, server_key, b"sat-a")
            async with asyncio.timeout(DEADLINE_S):
                with pytest.raises(HandshakeRefused):
                    await dealer.opened()
        await until(lambda: bus.counters["zap_refused"] >= 5)
        assert bus.counters["zap_admitted"] == 0
        assert bus.counters["received"] == 0


async def test_a_stolen_routing_id_is_dropped_and_the_owner_keeps_its_mail(keys: Path) -> None:
    with Network(load_grants(keys)) as bus, Network() as other:
        router = bus_router(bus, keys)
        owner, thief = knock(other, router, keys, "sat-b"), knock(other, router, keys, "sat-a", "sat-b/7")
        twin = knock(other, router, keys, "sat-a", "sat-b")
        async with asyncio.timeout(DEADLINE_S):
            await owner.opened()
            await owner.send([b"mine"])
            [(peer, _)] = await router.receive()
            for robber in (thief, twin):
                await robber.opened()
                robber.push([b"stolen"])
            await owner.send([b"mine again"])
            [(peer, frames)] = await router.receive()
            while frames != [b"mine again"]:
                [(peer, frames)] = await router.receive()
            assert peer.identity == "sat-b"
            assert router.send(b"sat-b", [b"telecommand"])
            assert await owner.receive() == [[b"telecommand"]]
        # The twin's routing id is taken, so libzmq never lets its mail through; the thief's is dropped and counted.
        assert router.counters["stolen_identity"] == 1
        assert bus.counters["received"] == 2


@pytest.mark.parametrize("mechanism", ["NULL", "PLAIN"])
async def test_other_mechanisms_are_turned_away(keys: Path, mechanism: str) -> None:
    with Network(load_grants(keys)) as bus:
        router = bus_router(bus, keys)
        context = zmq.Context()
        try:
            rogue = context.socket(zmq.DEALER)
            rogue.linger = 0
            if mechanism == "PLAIN":
                rogue.plain_username, rogue.plain_password = b"sat-a", b"secret"
            rogue.connect(router.endpoint)
            rogue.send(b"hello")
            await until(lambda: router.counters["refused_handshake"] > 0)
            assert router.take_from() is None
        finally:
            context.destroy(linger=0)


async def test_garbage_on_the_wire_is_counted_and_disturbs_nobody(keys: Path) -> None:
    with Network(load_grants(keys)) as bus, Network() as other:
        router = bus_router(bus, keys)
        host, port = router.endpoint.removeprefix("tcp://").split(":")
        draws = [b"\xff" * 200, b"GET / HTTP/1.0\r\n\r\n", bytes(64), b"\xff\0\0\0\0\0\0\0\1\x7f\x03" + b"x" * 300]
        for garbage in draws:
            with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as rogue:
                rogue.sendall(garbage)
        dealer = knock(other, router, keys, "sat-a")
        async with asyncio.timeout(DEADLINE_S):
            await dealer.opened()
            await dealer.send([b"works"])
            [(_, frames)] = await router.receive()
        assert frames == [b"works"]
        await until(lambda: bus.counters["refused_handshake"] > 0)


async def test_a_frame_above_64_kib_ends_that_connection_only(keys: Path) -> None:
    with Network(load_grants(keys)) as bus, Network() as other:
        router = bus_router(bus, keys)
        rude, polite = knock(other, router, keys, "sat-a"), knock(other, router, keys, "sat-b")
        async with asyncio.timeout(DEADLINE_S):
            await rude.opened()
            await polite.opened()
            await rude.send([bytes(65 * 1024)])
            with pytest.raises(RangeFailure, match="is gone"):
                await rude.receive()
            await polite.send([bytes(63 * 1024)])
            [(peer, _)] = await router.receive()
        assert peer.identity == "sat-b"


async def test_a_port_in_use_says_so_and_what_to_do(keys: Path) -> None:
    with Network(load_grants(keys)) as bus:
        router = bus_router(bus, keys)
        with pytest.raises(EnvironmentFault, match="in use") as fault:
            bus.router(router.endpoint, load_key(keys, "bus"), "range")
        assert "port 0" in fault.value.hint


async def test_sending_to_nobody_and_to_a_full_queue_is_counted(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zeromq, "HIGH_WATER", 4)
    with Network(load_grants(keys)) as bus, Network() as other:
        router = RouterPort.__new__(RouterPort)
        zeromq.Socket.__init__(router, bus._context, zeromq.ROUTER, 4)
        bus._add(router)
        router._roles = bus._open("time")
        router.endpoint = router.bind(LOOPBACK, load_key(keys, "bus"), "time")
        assert not router.send(b"nobody", [b"x"])
        assert router.counters["unreachable"] == 1
        dealer = knock(other, router, keys, "sat-a")
        async with asyncio.timeout(DEADLINE_S):
            await dealer.opened()
            await dealer.send([b"here"])
            await router.receive()
        sent = sum(router.send(b"sat-a", [bytes(60_000)]) for _ in range(5000))
        assert router.counters["queue_full"] == 5000 - sent > 0


async def test_a_slow_observer_loses_records_and_knows_how_many(keys: Path) -> None:
    with Network(load_grants(keys)) as bus, Network() as other:
        publisher = bus.publisher(LOOPBACK, load_key(keys, "bus"), "observe")
        observer = other.subscriber(publisher.endpoint, load_key(keys, "observer"), load_public(keys, "bus"))
        await until(lambda: publisher.subscribers == 1)
        publisher.publish(b"first")
        async with asyncio.timeout(DEADLINE_S):
            assert await observer.receive() == b"first"
        count = OBSERVER_HIGH_WATER * 40
        for number in range(count):
            publisher.publish(bytes(60_000) + str(number).encode())
        got = 0
        async with asyncio.timeout(DEADLINE_S):
            while True:
                publisher.publish(b"last") if got % 100 == 0 else None
                content = await observer.receive()
                got += 1
                if content == b"last":
                    break
        lost = observer.counters["lost"]
        assert lost > 0
        # What was lost and what came adds up to what was published, but for markers still under way.
        assert observer.counters["received"] + lost <= publisher._number
        assert observer.counters["received"] + lost >= count


async def test_an_observer_key_opens_nothing_else_and_a_node_cannot_observe(keys: Path) -> None:
    with Network(load_grants(keys)) as bus, Network() as other:
        publisher = bus.publisher(LOOPBACK, load_key(keys, "bus"), "observe")
        spy = other.subscriber(publisher.endpoint, load_key(keys, "sat-a"), load_public(keys, "bus"))
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(HandshakeRefused):
                await spy.receive()
        assert publisher.subscribers == 0


async def test_the_self_test_finds_a_door_without_a_lock(keys: Path) -> None:
    with Network(load_grants(keys)) as bus:
        router = bus_router(bus, keys)
        await bus.prove_closed(router.endpoint, load_public(keys, "bus"))
    with Network() as careless:  # CURVE without ZAP: what libzmq does if nobody asks
        door = zeromq.Socket(careless._context, zeromq.ROUTER)
        careless._add(door)
        endpoint = door.bind(LOOPBACK, load_key(keys, "bus"), "open")
        with pytest.raises(RangeFailure, match="did not turn away"):
            await careless.prove_closed(endpoint, load_public(keys, "bus"))


async def test_without_an_allow_list_nothing_binds(keys: Path) -> None:
    with Network() as network, pytest.raises(RangeFailure, match="allow-list"):
        network.router(LOOPBACK, load_key(keys, "bus"), "time")


async def test_closing_with_unsent_mail_does_not_hang(keys: Path) -> None:
    with Network(load_grants(keys)) as bus:
        router = bus_router(bus, keys)
        other = Network()
        dealer = knock(other, router, keys, "sat-a")
        async with asyncio.timeout(DEADLINE_S):
            await dealer.opened()
        while dealer.push([bytes(60_000)]):
            pass
        start = asyncio.get_running_loop().time()
        other.close()
        assert asyncio.get_running_loop().time() - start < 2


def test_keys_are_private_and_unreadable_ones_are_refused(keys: Path) -> None:
    assert keys.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o600}
    (keys / "node-sat-a.key").chmod(0o644)
    with pytest.raises(EnvironmentFault, match="other users"):
        load_key(keys, "sat-a")
    with pytest.raises(EnvironmentFault, match="cannot read"):
        load_key(keys, "sat-z")
    (keys / "bus.pub").write_text("{}")
    with pytest.raises(EnvironmentFault, match="lacks a field"):
        load_public(keys, "bus")


def test_keys_cannot_be_written_where_one_must_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EnvironmentFault, match="cannot write keys"):
        make_keys(tmp_path / "file" / "keys", [])


def test_z85_is_the_standard_one() -> None:
    assert z85(bytes.fromhex("864FD26FB559F75B")) == b"HelloWorld"  # RFC 32's example
    raw = os.urandom(32)
    assert z85(raw) == zmq_z85.encode(raw)


@pytest.mark.parametrize(
    "request_frames", [[], [b"1.0"], [b"2.0"] * 7, [b"1.0", b"1", b"time", b"", b"", b"CURVE", b"x"]]
)
def test_a_zap_request_that_is_none_is_answered_with_no(request_frames: list[bytes]) -> None:
    reply = answer(request_frames, {"time": {}}, Counter(), {}, Refusals())
    assert reply[2] in (b"400", b"500")


def test_a_routing_id_belongs_to_one_identity() -> None:
    assert speaks_for(b"sat-a", "sat-a") and speaks_for(b"sat-a/12", "sat-a")
    assert not speaks_for(b"sat-ab", "sat-a") and not speaks_for(b"", "sat-a") and not speaks_for(b"/sat-a", "sat-a")


def test_an_old_libzmq_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zmq, "zmq_version_info", lambda: (4, 3, 4))
    with pytest.raises(EnvironmentFault, match=r"4\.3\.5"):
        zeromq.new_context()


def test_key_pairs_are_fresh() -> None:
    first, second = new_keypair(), new_keypair()
    assert first != second and isinstance(first, Keypair)
