"""How long devices took to answer, in real time: a histogram of bounded size, and what can be read off it."""

from __future__ import annotations

from collections import Counter
from typing import Any

PER_DECADE = 10
LEAST_US, MOST_US = 10.0, 1e8
MOST_TICKS = 64
"""Ages beyond count as this."""


class Timing:
    """Of one device. round trip: from the sample to the tick that comes back; age: ticks from what a reading is about
    to where it leaves for the spacecraft."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self._ages: Counter[int] = Counter()
        self._worst_ns = 0

    def answered(self, took_ns: int) -> None:
        """One answer."""
        self._worst_ns = max(self._worst_ns, took_ns)
        bucket = 0
        while bucket < len(EDGES_US) - 1 and took_ns > EDGES_US[bucket] * 1000.0:
            bucket += 1
        self._buckets[bucket] += 1

    def aged(self, ticks: int) -> None:
        """One reading."""
        self._ages[max(0, min(ticks, MOST_TICKS))] += 1

    def add(self, other: Timing) -> None:
        """What was measured of another device, into this."""
        self._buckets += other._buckets
        self._ages += other._ages
        self._worst_ns = max(self._worst_ns, other._worst_ns)

    def quantile_us(self, share: float) -> float | None:
        """This share of all answers took at most so long, to the next tenth of a decade; None without answers."""
        wanted, seen = share * self._buckets.total(), 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return EDGES_US[bucket]
        return None

    def quantile_s(self, share: float) -> float | None:
        """The same in seconds, and no longer than the worst; None without answers."""
        edge_us = self.quantile_us(share)
        return None if edge_us is None else min(edge_us * 1000.0, self._worst_ns) / 1e9

    def row(self) -> dict[str, Any]:
        """As the run's directory keeps it."""
        worst_us = round(self._worst_ns / 1000.0, 1)
        p50_us, p99_us = (None if edge is None else min(edge, worst_us) for edge in map(self.quantile_us, (0.5, 0.99)))
        return {
            "round_trip_p50_us": p50_us,
            "round_trip_p99_us": p99_us,
            "round_trip_worst_us": worst_us if self._buckets else None,
            "round_trips": [[EDGES_US[bucket], self._buckets[bucket]] for bucket in sorted(self._buckets)],
            "ages_ticks": [[age, self._ages[age]] for age in sorted(self._ages)],
        }


def _edges() -> tuple[float, ...]:
    edges, number = [LEAST_US], 1
    while edges[-1] < MOST_US:
        edges.append(float(f"{LEAST_US * 10 ** (number / PER_DECADE):.3g}"))
        number += 1
    return tuple(edges)


EDGES_US = _edges()
"""Upper edges of the histogram's buckets, ten to a decade; the last one takes all that is longer."""
