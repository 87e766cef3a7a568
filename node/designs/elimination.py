"""An order in which to eliminate a sparse symmetric pattern, found once, so that kernels need no search.

Minimum degree: always the unknown with the fewest neighbours left; its neighbours become neighbours of each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """`pivots[k]` is eliminated k-th; its neighbours then are `neighbours[starts[k]:starts[k + 1]]`."""

    pivots: tuple[int, ...]
    starts: tuple[int, ...]
    neighbours: tuple[int, ...]

    def fields(self) -> dict[str, tuple[int, ...]]:
        """The plant's parameters: places in the matrix (row x count + column) in the order in which they are used."""
        n = len(self.pivots)
        lower, upper, updates = [], [], []
        for step, k in enumerate(self.pivots):
            near = self.neighbours[self.starts[step] : self.starts[step + 1]]
            lower += [i * n + k for i in near]
            upper += [k * n + j for j in near]
            updates += [i * n + j for i in near for j in near]
        return {
            "pivot_node": self.pivots,
            "pivot_start": self.starts,
            "pivot_neighbour": self.neighbours,
            "pivot_lower": tuple(lower),
            "pivot_upper": tuple(upper),
            "pivot_update": tuple(updates),
        }


def minimum_degree(count: int, pairs: Iterable[tuple[int, int]]) -> Order:
    """Order for `count` unknowns coupled by `pairs`. Ties go to the lower index, so the order is always the same."""
    near: list[set[int]] = [set() for _ in range(count)]
    for a, b in pairs:
        if a != b:
            near[a].add(b)
            near[b].add(a)
    left = list(range(count))
    pivots: list[int] = []
    starts, neighbours = [0], []
    while left:
        pivot = min(left, key=lambda i: (len(near[i]), i))
        left.remove(pivot)
        around = sorted(near[pivot])
        for i in around:
            near[i].discard(pivot)
            near[i].update(j for j in around if j != i)
        pivots.append(pivot)
        neighbours.extend(around)
        starts.append(len(neighbours))
    return Order(tuple(pivots), tuple(starts), tuple(neighbours))
