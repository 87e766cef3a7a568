"""The telemetry ledger against a model made of sets: whatever comes in whatever order, the books balance."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundstation.telemetry import accounting as ledger
from groundstation.telemetry.accounting import Outcome, Stream, StreamAccounts

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 40)),
        st.tuples(st.just("declare"), st.integers(0, 40)),
    ),
    max_size=120,
)


@settings(max_examples=400)
@given(steps=STEPS)
def test_books_balance_whatever_comes(steps: list[tuple[str, int]]) -> None:
    stream, archived, lost = Stream(), set[int](), set[int]()
    for what, number in steps:
        if what == "take":
            expected = Outcome.NEW
            if number in archived:
                expected = Outcome.DUPLICATE
            elif number in lost:
                expected = Outcome.RECOVERED
            assert stream.take(number) is expected
            lost.discard(number)
            archived.add(number)
        else:
            new = {n for n in range(number) if n not in archived and n not in lost}
            told = {n for first, end in stream.declare_below(number) for n in range(first, end)}
            assert told == new
            lost |= new
        settled = archived | lost
        below = next(n for n in range(100) if n not in settled)
        assert stream.below == below
        assert stream.archived == len(archived)
        assert stream.declared_lost == len(lost)
        assert {n for first, end in stream.lost for n in range(first, end)} == lost
        assert {n for first, end in stream.ahead for n in range(first, end)} == {n for n in archived if n > below}
        assert stream.ahead == sorted(stream.ahead)
        assert stream.lost == sorted(stream.lost)


def test_in_order_costs_no_ranges() -> None:
    stream = Stream()
    for sequence in range(1000):
        assert stream.take(sequence) is Outcome.NEW
    assert (stream.below, stream.archived, stream.ahead, stream.lost) == (1000, 1000, [], [])


def test_too_many_holes_are_refused_and_can_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MAX_RANGES_AHEAD", 3)
    stream = Stream()
    assert [stream.take(sequence) for sequence in (2, 4, 6, 8)] == [Outcome.NEW] * 3 + [Outcome.REFUSED]
    assert stream.take(5) is Outcome.NEW  # joins its neighbours: no new range
    assert stream.take(8) is Outcome.NEW
    assert stream.archived == 5


def test_too_many_losses_forget_the_oldest_range_but_not_its_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MAX_RANGES_LOST", 2)
    stream = Stream()
    for sequence in (1, 3, 5):
        stream.take(sequence)
    assert stream.declare_below(6) == [(0, 1), (2, 3), (4, 5)]
    assert stream.declared_lost == 3
    assert stream.take(0) is Outcome.DUPLICATE  # nobody remembers; it stays declared lost
    assert stream.take(2) is Outcome.RECOVERED
    assert (stream.archived, stream.declared_lost) == (4, 2)


def test_what_is_settled_is_forgotten_counted_and_old() -> None:
    book = StreamAccounts()
    for boot in range(1, 5):
        for stream in (1, 3):
            account = book.stream(boot, stream)
            assert account is not None
            account.take(0)
            account.take(2)
            account.declare_below(2)
    book.settle(4, 1)
    book.settle(2, 1)  # a report that was overtaken
    assert sorted(book.streams) == [(1, 3), (2, 3), (3, 3), (4, 1), (4, 3)]
    assert (book.archived, book.declared_lost, book.settled) == (16, 8, 3)
    assert [book.is_settled(boot, 1) for boot in (1, 3, 4)] == [True, True, False]
    assert not book.is_settled(1, 3)


def test_too_many_streams_are_refused_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MAX_STREAMS", 2)
    book = StreamAccounts()
    assert book.stream(0, 1) is not None
    assert book.stream(0, 3) is not None
    assert book.stream(1, 1) is None
    assert book.stream(0, 1) is book.streams[0, 1]
    assert book.refused == 1
