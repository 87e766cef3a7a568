"""Who floods, and who stopped listening, costs the others nothing; and what is dropped is counted to the message."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.lockstep.mail import Mailroom, fair_share
from bus.lockstep.sessions import Counters, ParticipantPlan, Session
from bus.sockets.keys import load_grants, load_key, load_public, make_keys
from bus.sockets.ports import OBSERVER_HIGH_WATER, Network, SubscriberPort
from bus.wire.codec import encode, peek
from bus.wire.messages import Event, Message, Plane

TICK_NS = 10**9
MANY, EACH, TICKS = 8, 5, 60
LOOPBACK = "tcp://127.0.0.1:0"
DEADLINE_S = 60


def frame(source: str, tick: int, number: int) -> bytes:
    body = Event(boot=1, stream=5, sequence=number, obt_ns=0, event=7, severity=1, arguments=(0.0,) * 8)
    return encode(Message((tick + 1) * TICK_NS, source, tick * 1000 + number, "ground", body))


class Traffic:
    """Spacecraft that report to the ground through the mailroom; `factor`: by how much the first ones send more."""

    def __init__(self, factors: tuple[int, ...]) -> None:
        names = [f"sat-{n}" for n in range(MANY)]
        plans = [ParticipantPlan(id=name, planes=frozenset({Plane.SPACE})) for name in [*names, "ground"]]
        ground = plans[-1]
        size = len(frame("sat-0", 0, 0))
        room = Mailroom(plans, outbox_bytes=10**9, inbox_bytes=(MANY + 4) * EACH * size)
        session = Session(ground)
        self.sent: dict[str, int] = defaultdict(int)
        self.delays: dict[str, list[int]] = defaultdict(list)
        counters = {name: Counters() for name in names}
        for tick in range(TICKS):
            for place, (name, plan) in enumerate(zip(names, plans, strict=False)):
                count = EACH * (factors[place] if place < len(factors) else 1)
                mail = [(peek(raw), raw) for raw in (frame(name, tick, n) for n in range(count))]
                assert room.accept(plan, counters[name], (tick + 1) * TICK_NS, mail) == ""
                self.sent[name] += count
            _, inboxes, _ = room.sort({"ground": session}, (tick + 1) * TICK_NS)
            for header, _ in inboxes["ground"]:
                self.delays[header.source].append(tick + 1 - header.sent_ns // TICK_NS)
        self.dropped = session.counters.inbox_overflow
        self.received = session.counters.mail_received

    def p99(self, source: str) -> int:
        """Ticks from sending to delivery that 99 of a hundred messages sent do not exceed; what was dropped: never."""
        delays = sorted(self.delays[source]) + [10**9] * (self.sent[source] - len(self.delays[source]))
        return delays[-(-99 * len(delays) // 100) - 1]


@pytest.mark.parametrize("factors", [(10,), (10, 10), (10, 1, 1, 100)])
def test_a_tenfold_flooder_delays_and_drops_nobody_else_s_mail(factors: tuple[int, ...]) -> None:
    baseline, flooded = Traffic((1,)), Traffic(factors)
    assert baseline.dropped == 0
    quiet = [f"sat-{n}" for n in range(MANY) if n >= len(factors) or factors[n] == 1]
    for name in quiet:
        assert flooded.p99(name) <= 2 * max(1, baseline.p99(name))
        assert len(flooded.delays[name]) == flooded.sent[name]
    assert flooded.dropped > 0
    assert flooded.dropped + flooded.received == sum(flooded.sent.values())
    assert flooded.received == sum(len(delays) for delays in flooded.delays.values())


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 1000), min_size=1),
    st.integers(0, 3000),
)
def test_shares_are_fair_and_use_all_the_room(wanted: dict[str, int], room: int) -> None:
    given_ = fair_share(wanted, room)
    assert given_.keys() == wanted.keys() and all(0 <= given_[name] <= wanted[name] for name in wanted)
    assert sum(given_.values()) <= room
    least_cut = min((given_[name] for name in wanted if given_[name] < wanted[name]), default=None)
    if least_cut is None:
        assert given_ == wanted
    else:  # who was cut has as much as anybody, but for the rest of a division
        assert all(amount <= least_cut + len(wanted) for amount in given_.values())
        assert sum(given_.values()) > room - len(wanted)


async def next_of(observer: SubscriberPort) -> bytes:
    """What comes next, or nothing where nothing does."""
    try:
        async with asyncio.timeout(0.1):
            return await observer.receive()
    except TimeoutError:
        return b""


async def test_an_observer_that_stopped_reading_costs_another_one_nothing(tmp_path: Path) -> None:
    """The one that reads has every record; the one that stopped knows to the record what it missed."""
    make_keys(tmp_path / "keys", ["sat-a"])
    keys = tmp_path / "keys"
    with Network(load_grants(keys)) as bus, Network() as reading, Network() as stopped:
        publisher = bus.publisher(LOOPBACK, load_key(keys, "bus"), "observe")
        server, key = load_public(keys, "bus"), load_key(keys, "observer")
        reader, sleeper = (each.subscriber(publisher.endpoint, key, server) for each in (reading, stopped))
        async with asyncio.timeout(DEADLINE_S):
            for each in (reader, sleeper):  # until its subscription is known
                while each.counters["received"] == 0:
                    publisher.publish(b"first")
                    await next_of(each)
            while await next_of(reader):
                pass
            before = reader.counters["received"]
            unseen = sleeper._last - sleeper.counters["received"]  # records before its first one
            count = OBSERVER_HIGH_WATER * 8
            for number in range(count):
                publisher.publish(bytes(20_000) + str(number).encode())
                assert (await reader.receive())[20_000:] == str(number).encode()
            assert reader.counters["lost"] == 0 and reader.counters["received"] == count + before
            got = b""
            while got != b"last":
                publisher.publish(b"last")  # until there is room again for one
                got = await next_of(sleeper)
        assert sleeper.counters["lost"] > 0
        assert sleeper.counters["received"] + sleeper.counters["lost"] == sleeper._last - unseen
