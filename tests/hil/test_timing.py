"""How long devices took: measured where somebody waits, bounded, and told as it is."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from node.hil.timing import EDGES_US, Timing
from tests.hil.test_gateway import FORM, ready
from tests.kits.hil_kit import MS, Board


@given(st.lists(st.integers(1, 10**11), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_the_upper_edge_of_its_bucket(took_ns: list[int], share: float) -> None:
    timing = Timing()
    for each in took_ns:
        timing.answered(each)
    exact_us = sorted(took_ns)[max(0, -(-int(share * 1000) * len(took_ns) // 1000) - 1)] / 1000.0
    told = timing.quantile_us(share)
    assert told is not None
    assert exact_us <= told * 1.01 <= max(EDGES_US[0], exact_us * 1.30) * 1.01
    assert sum(count for _, count in timing.row()["round_trips"]) == len(took_ns)


def test_nothing_measured_is_null() -> None:
    assert Timing().row() == {
        "round_trip_p50_us": None, "round_trip_p99_us": None, "round_trip_worst_us": None, "round_trips": [],
        "ages_ticks": [],
    }  # fmt: skip


def test_edges_rise_by_a_tenth_of_a_decade() -> None:
    assert (EDGES_US[0], EDGES_US[10], EDGES_US[-1]) == (10.0, 100.0, 1e8)
    assert all(1.2 < later / earlier < 1.3 for earlier, later in pairwise(EDGES_US))


def test_a_device_is_timed_where_somebody_waits_for_it() -> None:
    bench = ready(Board(FORM, delay_ns=3 * MS))
    for _ in range(10):
        bench.step((28.0, None))
    (row,) = bench.gateway.timing().values()
    assert row["round_trip_worst_us"] == 3000.0
    assert (row["round_trip_p50_us"], row["round_trip_p99_us"]) == (3000.0, 3000.0), "none is longer than the worst"
    assert row["round_trips"] == [[3160.0, 10]]
    assert row["ages_ticks"] == [[1, 10]]


def test_paced_a_round_trip_is_not_known_and_readings_are_a_tick_older() -> None:
    bench = ready(Board(FORM), paced=True)
    for _ in range(10):
        bench.step((28.0, None))
        bench.time.now += 1_000 * MS
    (row,) = bench.gateway.timing().values()
    assert row["round_trip_p99_us"] is None
    assert row["ages_ticks"] == [[2, 9]]
