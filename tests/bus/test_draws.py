"""The compiled draws are the written ones, and the distributions built on them have the moments they should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from bus import draws as written
from node.plant.kernel import draws

GOLDEN = {
    (0, 0, 0, 0, 0): 8695987549771912286,
    (1, 2, 3, 4, 5): 10429045597182185950,
    ((1 << 64) - 1, (1 << 64) - 1, (1 << 63) - 1, 1 << 40, 9): 16736758762112984726,
}

word = st.integers(min_value=0, max_value=(1 << 64) - 1)


@settings(max_examples=200)
@given(word, word, word, word, word)
def test_same_bits_in_python_and_compiled(seed: int, stream: int, spacecraft: int, step: int, lane: int) -> None:
    key = (seed, stream, spacecraft, step, lane)
    compiled = tuple(np.uint64(x) for x in key)
    assert int(draws.bits(*compiled)) == written.bits(*key)
    assert draws.uniform(*compiled) == written.uniform(*key)


def test_golden_vectors() -> None:
    for key, value in GOLDEN.items():
        assert written.bits(*key) == value
        assert int(draws.bits(*(np.uint64(x) for x in key))) == value


def test_signed_integers_of_a_kernel_hash_as_python_integers() -> None:
    @njit(error_model="numpy")
    def inside(tick: int, lane: int) -> float:
        return draws.uniform(5, 6, 7, tick, lane)

    assert inside(1234, 3) == written.uniform(5, 6, 7, 1234, 3)


@njit(error_model="numpy")
def _poisson(mean: float, n: int) -> np.ndarray:
    out = np.zeros(n, dtype=np.int64)
    for i in range(n):
        out[i] = draws.poisson(mean, draws.uniform(1, 2, 3, i, 0))
    return out


@pytest.mark.parametrize("mean", [1e-3, 0.3, 4.0, 29.0, 31.0, 400.0, 1e5])
def test_poisson_has_its_mean_its_variance_and_its_probabilities(mean: float) -> None:
    n = 200_000
    counts = _poisson(mean, n)
    assert abs(counts.mean() - mean) < 5.0 * math.sqrt(mean / n)
    assert abs(counts.var() / mean - 1.0) < 5.0 * math.sqrt((2.0 + 1.0 / mean) / n)
    for k in {0, int(mean), int(mean + math.sqrt(mean))}:
        expected = math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
        assert abs((counts == k).mean() - expected) < 5.0 * math.sqrt(expected / n) + 1e-5


def test_poisson_of_nothing_and_of_nonsense_is_nothing() -> None:
    assert [draws.poisson(mean, 0.999) for mean in (0.0, -1.0, math.nan)] == [0, 0, 0]


@settings(max_examples=200)
@given(st.floats(min_value=0.0, max_value=1e7), st.floats(min_value=0.0, max_value=1.0, exclude_max=True))
def test_poisson_always_ends_near_its_mean(mean: float, u: float) -> None:
    count = draws.poisson(mean, u)
    assert 0 <= count <= mean + 12.0 * math.sqrt(mean + 1.0) + 30.0


def test_normal_exponential_and_geometric_moments() -> None:
    n = 100_000
    u = [written.uniform(9, 9, 9, i, 0) for i in range(n)]
    v = [written.uniform(9, 9, 9, i, 1) for i in range(n)]
    normals = np.array([draws.normal(a, b) for a, b in zip(u, v, strict=True)])
    assert abs(normals.mean()) < 0.016 and abs(normals.std() - 1.0) < 0.012
    assert abs(np.mean([draws.exponential(a) for a in u]) - 1.0) < 0.016
    sizes = np.array([draws.geometric(0.8, a) for a in u])
    assert sizes.min() == 1 and abs(sizes.mean() - 1.25) < 0.01
    assert abs((sizes == 1).mean() - 0.8) < 0.007
