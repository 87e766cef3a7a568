"""Service 15: what is kept, what goes first, what goes; and that nothing is unaccounted for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.pus import Code, Service, Stage
from bus.wire.messages import Packet, StoreReport, Telemetry, Verification
from node.devices.nvm import NonVolatileMemory
from node.fsw.boot import BootRecord
from node.fsw.services.packet_store import PacketStore
from node.fsw.services.packet_streams import FRAME_BYTES
from node.fsw.services.st15_storage import LEAST_BYTES, TOTAL_BYTES
from node.fsw.services.store_shares import SEND_ORDER
from node.fsw.software import FlightSoftware
from tests.kits.fake_spacecraft import Flight

HOST = 4


@pytest.fixture
def flight() -> Flight:
    flight = Flight(contact=True)
    flight.fly(3)
    return flight


def board(flight: Flight) -> FlightSoftware:
    software = flight.node.software
    assert software is not None
    return software


def last_verdict(flight: Flight) -> tuple[Stage, Code, str]:
    report = flight.bodies(Verification)[-1]
    return Stage(report.stage), Code(report.code), report.detail


def housekeeping(flight: Flight, since: int = 0) -> list[Telemetry]:
    return [t for t in flight.bodies(Telemetry, flight.log[since:]) if t.stream == Service.HOUSEKEEPING]


def held(flight: Flight, stream: int) -> int:
    rows = board(flight).storage.store.account_rows()
    return sum(generated - first for _, of, generated, first in rows if of == stream)


@given(st.lists(st.integers(20, 3000), min_size=1, max_size=20), st.floats(30.0, 2000.0))
def test_a_packet_that_a_cycle_does_not_carry_is_under_way_for_several(sizes: list[int], budget_bytes: float) -> None:
    """What has gone is what the link has carried, less the part of one packet that is still under way."""
    store = PacketStore(NonVolatileMemory(), 1)
    for size in sizes:
        store.append(Service.HOUSEKEEPING, bytes(size))
    costs = [size + FRAME_BYTES for size in sizes]
    sent = 0
    for cycle in range(1, math.ceil(sum(costs) / budget_bytes) + 2):
        sent += len(store.take(budget_bytes, 10**15, 10**9))
        carried = cycle * budget_bytes
        assert sum(costs[:sent]) <= carried + 1e-6
        assert sent == len(costs) or sum(costs[: sent + 1]) > carried - 1e-6
    assert sent == len(sizes)


def test_parts_of_a_dump_come_down_over_a_slow_link_in_the_time_that_takes(flight: Flight) -> None:
    """4 kbit/s carry 500 B a second; a part of a dump has 1.4 KiB."""
    flight.command("store.suspend", store="housekeeping")
    flight.fly(30)
    flight.point(rate_bps=4000.0)
    flight.command("memory.dump", address=0, length=300)
    flight.fly(3)
    store = board(flight).storage.store
    bytes_held, since = store.used_bytes(Service.LARGE_TRANSFER), len(flight.log)
    flight.fly(round(bytes_held / 500.0) + 10)
    parts = [t for t in flight.bodies(Telemetry, flight.log[since:]) if t.stream == Service.LARGE_TRANSFER]
    assert len(parts) == 3 and store.used_bytes(Service.LARGE_TRANSFER) == 0


def test_a_disabled_store_takes_nothing_over_a_reboot_and_nothing_is_missing(flight: Flight) -> None:
    flight.command("store.disable", store="housekeeping")
    flight.fly(2)
    since = len(flight.log)
    flight.fly(30)
    flight.inject(HOST, "computer", "reboot")
    flight.fly(40)
    assert housekeeping(flight, since) == []
    assert board(flight).storage.state.store_not_kept > 3
    flight.command("store.enable", store="housekeeping")
    flight.fly(40)
    numbers = [t.sequence for t in housekeeping(flight, since)]
    assert numbers == list(range(len(numbers))) and numbers


def test_verification_reports_cannot_be_switched_off(flight: Flight) -> None:
    flight.command("store.disable", store="verification")
    flight.fly(2)
    assert last_verdict(flight)[:2] == (Stage.REJECTED, Code.OUT_OF_RANGE)


def test_a_full_store_stops_or_drops_its_oldest(flight: Flight) -> None:
    software = board(flight)
    software.storage.store.share_bytes = dict.fromkeys(software.storage.store.share_bytes, 2000)
    flight.point(on=False)
    flight.fly(200)
    assert software.storage.store.state.dropped > 0 and software.storage.state.store_not_kept == 0
    dropped = software.storage.store.state.dropped
    software.storage.state.bounded = {Service.HOUSEKEEPING, Service.EVENT}
    flight.fly(200)
    assert software.storage.store.state.dropped == dropped and software.storage.state.store_not_kept > 0
    assert software.storage.store.held_bytes <= 2000 * len(software.storage.store.share_bytes)


def test_a_range_of_time_goes_first_and_stays_until_it_is_acknowledged(flight: Flight) -> None:
    flight.point(on=False)
    flight.fly(300)
    flight.acknowledge = False
    flight.point(rate_bps=4000.0)  # a packet or two a cycle
    flight.command("store.retrieve", store="housekeeping", from_s=200.0, to_s=232.0)
    flight.fly(2)
    since, before = len(flight.log), held(flight, Service.HOUSEKEEPING)
    flight.fly(8)
    first = [t.obt_ns / 1e9 for t in housekeeping(flight, since)]
    inside = [200.0 <= at_s < 232.0 for at_s in first]
    assert any(inside) and inside == sorted(inside, reverse=True)
    assert held(flight, Service.HOUSEKEEPING) >= before


def test_a_retrieval_says_how_many_packets_it_is_and_an_empty_range_is_refused(flight: Flight) -> None:
    flight.acknowledge = False
    flight.fly(60)
    flight.command("store.retrieve", store="housekeeping", from_s=0.0, to_s=40.0)
    flight.fly(2)
    stage, code, detail = last_verdict(flight)
    assert (stage, code) == (Stage.COMPLETED, Code.NONE) and int(detail.split()[0]) > 3
    flight.command("store.retrieve", store="housekeeping", from_s=40.0, to_s=40.0)
    flight.fly(2)
    assert last_verdict(flight)[1] is Code.OUT_OF_RANGE


def test_what_is_deleted_is_dropped_counted_and_told_to_the_ground(flight: Flight) -> None:
    flight.point(on=False)
    flight.fly(100)
    before = held(flight, Service.HOUSEKEEPING)
    flight.acknowledge = False
    flight.point(rate_bps=1000.0)
    flight.command("store.delete", store="housekeeping", to_s=60.0)
    flight.fly(15)
    software = board(flight)
    oldest = next(e for e in software.storage.store._full if e.stream == Service.HOUSEKEEPING)
    assert 0 < software.storage.store.state.dropped < before
    rows = flight.bodies(StoreReport)[-1].rows
    assert (oldest.boot, oldest.stream, oldest.first) in [row[:3] for row in rows]
    assert oldest.first == software.storage.store.state.dropped + oldest.acked


def test_a_retrieval_survives_saving_and_restoring(flight: Flight) -> None:
    twin = Flight(contact=True)
    twin.fly(3)
    flight.acknowledge = False
    flight.fly(60)
    store = board(flight).storage.store
    assert store.retrieve(Service.HOUSEKEEPING, 0, 60 * 10**9)
    saved = board(flight).save()
    twin.node.parts.nvm.load(flight.node.parts.nvm.records())
    again = FlightSoftware(board(flight).config, twin.node.parts.nvm, BootRecord.read(twin.node.parts.nvm))
    again.restore(saved)
    assert again.storage.store.state.retrieval == store.state.retrieval


def codes(flight: Flight) -> list[Code]:
    last = {v.request: Code(v.code) for v in flight.bodies(Verification)}
    return [last[request] for request in sorted(last)]


def told(flight: Flight, name: str) -> dict[str, tuple[float, ...]]:
    """The last report of this name of each store."""
    number = next(s.id for s in flight.dictionary.structures if s.name == name)
    labels = flight.dictionary.telecommand["store.enable"].arguments[0].labels
    return {labels[int(t.values[0])]: t.values[1:] for t in flight.bodies(Telemetry) if t.structure == number}


def test_the_ground_says_what_goes_first_over_a_reboot(flight: Flight) -> None:
    def order(since: int) -> list[int]:
        seen = [b.stream for b in flight.bodies(Packet, flight.log[since:])]
        return list(dict.fromkeys(stream for stream in seen if stream in (Service.EVENT, Service.HOUSEKEEPING)))

    assert order(0) == [Service.EVENT, Service.HOUSEKEEPING] or order(0) == [Service.EVENT]
    flight.command("store.priority", store="housekeeping", priority=0)
    flight.fly(2)
    for _ in range(2):
        flight.point(on=False)
        flight.inject(HOST, "computer", "reboot", name=f"r{flight.tick}")
        flight.fly(120)
        since = len(flight.log)
        flight.point(rate_bps=16_000.0)
        flight.fly(90)
        assert order(since) == [Service.HOUSEKEEPING, Service.EVENT]
        flight.point(rate_bps=1e6)
        flight.fly(5)


def test_two_retrievals_go_by_priority_and_one_can_be_aborted(flight: Flight) -> None:
    flight.acknowledge = False
    flight.inject(HOST, "computer", "reboot")
    flight.fly(60)
    store = board(flight).storage.store
    store.retrieve(Service.HOUSEKEEPING, 0, 60 * 10**9)
    store.retrieve(Service.EVENT, 0, 60 * 10**9)
    streams = [stream for _, stream, _ in store.state.retrieval]
    assert streams == sorted(streams, key=[Service.EVENT, Service.HOUSEKEEPING].index) and len(set(streams)) == 2
    assert store.abort(Service.EVENT) == streams.count(Service.EVENT)
    assert {stream for _, stream, _ in store.state.retrieval} == {Service.HOUSEKEEPING}


def test_what_is_suspended_waits_and_comes_when_it_is_asked_for(flight: Flight) -> None:
    flight.command("store.suspend", store="housekeeping")
    flight.fly(2)
    since = len(flight.log)
    flight.fly(60)
    assert housekeeping(flight, since) == [] and held(flight, Service.HOUSEKEEPING) > 8
    flight.command("store.retrieve", store="housekeeping", from_s=20.0, to_s=40.0)
    flight.command("store.status")
    flight.fly(3)
    asked = [t.obt_ns / 1e9 for t in housekeeping(flight, since)]
    assert asked and all(20.0 <= at_s < 40.0 for at_s in asked)
    assert told(flight, "store_status")["housekeeping"][:2] == (1, 0)
    flight.command("store.resume", store="housekeeping")
    flight.fly(5)
    assert held(flight, Service.HOUSEKEEPING) <= 1


def test_sizes_are_bounded_by_all_together_and_kept(flight: Flight) -> None:
    flight.point(on=False)
    flight.fly(600)
    flight.point()
    flight.acknowledge = False
    before = held(flight, Service.HOUSEKEEPING)
    flight.command("store.resize", store="housekeeping", size_bytes=LEAST_BYTES)
    flight.command("store.bounded", store="housekeeping")
    flight.command("store.resize", store="event", size_bytes=TOTAL_BYTES)
    flight.command("store.configuration")
    flight.command("store.summary")
    flight.fly(3)
    assert codes(flight) == [Code.NONE, Code.NONE, Code.FULL, Code.NONE, Code.NONE]
    store = board(flight).storage.store
    assert held(flight, Service.HOUSEKEEPING) < before and store.used_bytes(Service.HOUSEKEEPING) <= LEAST_BYTES
    priority = 10 * SEND_ORDER.index(Service.HOUSEKEEPING)
    assert told(flight, "store_configuration")["housekeeping"] == (LEAST_BYTES, 1, priority)
    packets, size, fill, first_s, last_s = told(flight, "store_summary")["housekeeping"]
    assert fill == size / LEAST_BYTES and packets > 3 and 0.0 < first_s < last_s <= flight.tick
    flight.inject(HOST, "computer", "reboot")
    flight.fly(300)
    assert board(flight).storage.store.used_bytes(Service.HOUSEKEEPING) <= LEAST_BYTES
    dropped = board(flight).storage.store.state.dropped
    assert dropped == 0 and board(flight).storage.state.store_not_kept > 0
    flight.command("store.circular", store="housekeeping")
    flight.fly(100)
    assert board(flight).storage.store.state.dropped > 0
