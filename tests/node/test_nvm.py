"""Non-volatile memory, and the two things that live on it: the packet store and the telecommand ledger."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.devices.nvm import NonVolatileMemory
from node.fsw.services import packet_store as store_module
from node.fsw.services import request_ledger as ledger_module
from node.fsw.services.packet_store import PacketStore
from node.fsw.services.packet_streams import FRAME_BYTES, given_up
from node.fsw.services.packets import body, event_packet, values_packet, verification_packet
from node.fsw.services.request_ledger import GROUND_BOOTS, WINDOW, Ledger, Progress
from node.fsw.services.store_shares import SHARES_BYTES


def replay(writes: list[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """What a shell that commits the writes ends up with."""
    records: dict[str, bytes] = {}
    for name, record in writes:
        if record is None:
            records.pop(name, None)
        else:
            records[name] = record
    return records


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), st.binary(max_size=4))), max_size=40))
def test_committed_writes_give_the_memory(changes: list[tuple[str, bytes | None]]) -> None:
    nvm, committed = NonVolatileMemory(), []
    for i, (name, record) in enumerate(changes):
        if record is None:
            nvm.delete(name)
        else:
            nvm.put(name, record)
        if i % 3 == 0:
            committed += nvm.take_writes()
    committed += nvm.take_writes()
    assert replay(committed) == nvm.records()
    assert nvm.take_writes() == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from((1, 3, 5)), st.integers(0, 300)),
        st.tuples(st.just("send"), st.just(0), st.integers(0, 5)),
        st.tuples(st.just("ack"), st.sampled_from((1, 3, 5)), st.integers(0, 12)),
        st.tuples(st.just("reboot"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@given(STEPS)
@settings(max_examples=150)
def test_every_packet_is_released_dropped_or_on_board(steps: list[tuple[str, int, int]]) -> None:
    """The store against a plain model; a small share makes it overflow, and every reboot reads it back."""
    nvm, boot = NonVolatileMemory(), 1
    shares = dict.fromkeys(SHARES_BYTES, 600)
    store = _store(nvm, boot, shares)
    model: dict[tuple[int, int], list[bytes]] = {}  # everything ever appended
    first: dict[tuple[int, int], int] = {}
    acked: dict[tuple[int, int], int] = {}
    generated = 0
    for what, stream, n in steps:
        if what == "append":
            packet = bytes([stream]) * n
            store.append(stream, packet)
            model.setdefault((boot, stream), []).append(packet)
            generated += 1
        elif what == "send":
            for sent_boot, sent_stream, sequence, packet in store.take(n * 200.0, 3, 1):
                assert model[(sent_boot, sent_stream)][sequence] == packet
        elif what == "ack":
            for of in (boot - 1, boot):
                store.acknowledge(of, stream, n)
                if n <= len(model.get((of, stream), ())):
                    acked[of, stream] = max(acked.get((of, stream), 0), n)
        else:
            boot += 1
            assert NonVolatileMemory(replay(_all_writes(nvm))).records() == nvm.records()
            store = _store(nvm, boot, shares)
        rows = {(b, s): (generated_, first_) for b, s, generated_, first_ in store.account_rows()}
        settled = {s: rows.pop((0, s)) for b, s in list(rows) if b == 0}
        below = {s: b for b, s in store.settled_rows()}
        assert {key: row[0] for key, row in rows.items()} == {
            key: len(packets) for key, packets in model.items() if key[0] >= below.get(key[1], 0)
        }
        assert settled == {
            s: (total, total)
            for s, until in below.items()
            for total in [sum(len(packets) for (b, of), packets in model.items() if of == s and b < until)]
        }
        for b, s in first:
            if b < below.get(s, 0):
                assert b < boot and acked[b, s] == len(model[b, s]), "only what is over and acknowledged to the end"
        for key, (count, begin) in rows.items():
            assert first.get(key, 0) <= begin <= count
            first[key] = begin
        assert store.packets == sum(count - begin for count, begin in rows.values())
        assert store.generated == generated
        held: dict[int, int] = {}
        for (b, s), (count, begin) in rows.items():
            held[s] = held.get(s, 0) + sum(len(p) for p in model[(b, s)][begin:count])
        assert all(size <= 600 for size in held.values())
        assert store.held_bytes == sum(held.values())


def _store(nvm: NonVolatileMemory, boot: int, shares: dict[int, int]) -> PacketStore:
    return PacketStore(nvm, boot, shares)


def _all_writes(nvm: NonVolatileMemory) -> list[tuple[str, bytes | None]]:
    return [(name, nvm.get(name)) for name in nvm.names("")]


def test_a_full_stream_drops_its_oldest_and_leaves_the_others_alone() -> None:
    store = _store(NonVolatileMemory(), 1, dict.fromkeys(SHARES_BYTES, 100))
    store.append(5, b"e" * 60)
    for _ in range(3):
        store.append(3, b"h" * 40)
    assert store.state.dropped == 1
    assert store.account_rows() == [(1, 3, 3, 1), (1, 5, 1, 0)]
    assert store.report_rows() == [(1, 3, 1, 3), (1, 5, 0, 1)]


def test_a_stream_lost_to_the_last_packet_stays_in_the_report_until_the_ground_has_settled_it() -> None:
    nvm = NonVolatileMemory()
    shares = dict.fromkeys(SHARES_BYTES, 100)
    _store(nvm, 1, shares).append(3, b"h" * 60)
    store = _store(nvm, 2, shares)
    store.append(3, b"h" * 60)  # pushes out the other boot's only packet
    assert (1, 3, 1, 1) in store.report_rows()
    store.acknowledge(1, 3, 1)
    assert (1, 3, 1, 1) not in store.report_rows()
    assert store.account_rows() == [(0, 3, 1, 1), (2, 3, 1, 0)]
    assert _store(nvm, 3, shares).account_rows() == [(0, 3, 1, 1), (2, 3, 1, 0)]


def test_boots_that_the_ground_has_to_the_end_leave_no_more_than_a_total() -> None:
    nvm = NonVolatileMemory()
    for boot in range(1, 301):
        store = PacketStore(nvm, boot)
        for stream in (1, 5):
            store.append(stream, bytes(9))
            store.append(stream, bytes(9))
        store.acknowledge(boot, 1, 2)
        if boot != 100:
            store.acknowledge(boot, 5, 2)
    assert store.account_rows() == [
        (0, 1, 598, 598), (0, 5, 198, 198), (100, 5, 2, 0), *((boot, 5, 2, 2) for boot in range(101, 300)),
        (300, 1, 2, 2), (300, 5, 2, 2),
    ]  # fmt: skip
    assert store.settled_rows() == [(100, 5), (300, 1)]
    assert store.acknowledge(7, 5, 2) == 0, "what is forgotten is old"
    store.retrieve(5, -(2**62), 2**62)
    store.acknowledge(100, 5, 2)
    assert store.take(1e6, 3, 1) == [], "asked for, and the ground has it by now"
    assert store.account_rows() == [(0, 1, 598, 598), (0, 5, 598, 598), (300, 1, 2, 2), (300, 5, 2, 2)]
    assert (store.generated, store.packets, store.streams) == (1200, 0, (2, 598))
    assert len(nvm.records()) == 4


def test_a_row_that_a_crash_left_behind_its_total_counts_no_more() -> None:
    nvm = NonVolatileMemory()
    PacketStore(nvm, 1).append(3, b"p")
    store = PacketStore(nvm, 2)
    before = nvm.records()
    store.acknowledge(1, 3, 1)
    half = {**nvm.records(), "tmrow.1.3": before["tmrow.1.3"]}
    again = PacketStore(NonVolatileMemory(half), 3)
    assert (again.account_rows(), again.generated) == ([(0, 3, 1, 1)], 1)


def test_too_many_boots_without_the_ground_give_up_the_oldest_but_no_verification(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store_module, "MAX_STREAMS", 6)
    nvm, gone = NonVolatileMemory(), 0
    for boot in range(1, 6):
        store = PacketStore(nvm, boot)
        gone += sum(store.append(stream, b"p") for stream in (1, 3))
    assert store.streams == (6, 4)
    assert gone == 4
    assert store.account_rows() == [(0, 3, 4, 4), *((boot, 1, 1, 0) for boot in range(1, 6)), (5, 3, 1, 0)]
    assert store.generated == 10
    assert given_up(nvm) == {3: 4}, "the ledger has them"


def test_verification_is_given_up_only_where_the_account_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_STREAMS", 3)
    monkeypatch.setattr(store_module, "MAX_ROWS", 6)
    nvm = NonVolatileMemory()
    for boot in range(1, 30):
        store = PacketStore(nvm, boot)
        for stream in (1, 3):
            store.append(stream, b"p")
        assert len(store.account_rows()) <= 6 + 2
    assert given_up(nvm)[1] > 20
    settled = {stream: generated for boot, stream, generated, _ in store.account_rows() if boot == 0}
    assert settled == given_up(nvm), "all that is settled was given up, and nothing else"


def test_a_store_report_that_is_cut_short_has_verification_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_REPORT_ROWS", 3)
    nvm = NonVolatileMemory()
    for boot in (1, 2):
        store = PacketStore(nvm, boot)
        for stream in (3, 1):
            store.append(stream, b"p")
    assert store.report_rows() == [(1, 1, 0, 1), (2, 1, 0, 1), (1, 3, 0, 1)]


def test_sending_goes_by_priority_within_the_budget_and_repeats_what_is_not_acknowledged() -> None:
    store = PacketStore(NonVolatileMemory(), 1)
    for stream in (3, 5, 1):
        for _ in range(2):
            store.append(stream, bytes(100))
    cost = 100 + FRAME_BYTES
    assert [(s, q) for _, s, q, _ in store.take(3 * cost, 3, 1)] == [(1, 0), (1, 1), (5, 0)]
    assert [(s, q) for _, s, q, _ in store.take(10 * cost, 3, 1)] == [(5, 1), (3, 0), (3, 1)]
    assert store.take(10 * cost, 3, 1) == []
    store.acknowledge(1, 3, 1)
    again = [(s, q) for _, s, q, _ in store.take(10 * cost, 3, 1)]
    assert again == [(1, 0), (1, 1), (5, 0), (5, 1)]
    assert store.state.retransmissions == 4
    store.acknowledge(1, 1, 2)
    store.acknowledge(1, 5, 2)
    assert store.packets == 1


def test_an_acknowledgement_of_what_was_never_sent_changes_nothing() -> None:
    store = PacketStore(NonVolatileMemory(), 1)
    store.append(3, b"x")
    for boot, stream, below in ((1, 3, 2), (2, 3, 1), (1, 99, 1), (1, 3, 0)):
        assert store.acknowledge(boot, stream, below) == 0
    assert store.packets == 1


REQUESTS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 20), st.booleans(), st.sampled_from(Progress)), max_size=80
)


@given(REQUESTS)
@settings(max_examples=150)
def test_what_was_seen_once_stays_seen(requests: list[tuple[int, int, bool, Progress]]) -> None:
    nvm = NonVolatileMemory()
    window, boots = ledger_module.WINDOW, ledger_module.GROUND_BOOTS
    ledger_module.WINDOW, ledger_module.GROUND_BOOTS = 4, 2
    try:
        ledger, seen = Ledger(nvm), set()
        for ground_boot, request, reboot, progress in requests:
            if (ground_boot, request) in seen:
                assert ledger.seen(ground_boot, request)
            if not ledger.seen(ground_boot, request):
                ledger.record(ground_boot, request, progress)
                seen.add((ground_boot, request))
            if reboot:
                ledger = Ledger(nvm)
            assert all(ledger.seen(*key) for key in seen)
        assert len(nvm.names("tc.")) <= 4 * 2
    finally:
        ledger_module.WINDOW, ledger_module.GROUND_BOOTS = window, boots


def test_the_ledger_knows_what_a_reset_interrupted() -> None:
    nvm = NonVolatileMemory()
    ledger = Ledger(nvm)
    ledger.record(2, 7, Progress.STARTED)
    ledger.record(1, 9, Progress.ACCEPTED)
    ledger.record(1, 8, Progress.DONE)
    assert Ledger(nvm).unfinished() == [(1, 9, Progress.ACCEPTED), (2, 7, Progress.STARTED)]
    assert WINDOW >= 64 and GROUND_BOOTS >= 4


@given(
    st.integers(-(2**62), 2**62),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=16),
    st.text(max_size=200),
)
def test_packets_give_back_what_was_put_in(obt_ns: int, values: list[float], detail: str) -> None:
    telemetry = body(1, 3, 4, values_packet(obt_ns, 6, np.array(values)), bytes(8))
    assert (telemetry.obt_ns, telemetry.values) == (obt_ns, tuple(values))
    event = body(1, 5, 4, event_packet(obt_ns, 9, 3, values), bytes(8))
    assert (event.obt_ns, event.arguments) == (obt_ns, tuple(values))
    verification = body(1, 1, 0, verification_packet(obt_ns, (3, 2**40), 7, 5, detail), bytes(8))
    assert (verification.ground_boot, verification.request, verification.code) == (3, 2**40, 5)
    assert verification.detail == detail
