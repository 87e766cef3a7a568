"""The bus's draws for many spacecraft at once: the same five integers give the same numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
_MASK = (1 << 64) - 1


def _mix(z: Words) -> Words:
    """splitmix64's finaliser, as the bus's draws have it."""
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Words = z ^ (z >> np.uint64(31))
    return mixed


def uniforms(seed: int, stream: int, who: Words, step: int, lane: int) -> NDArray[np.float64]:
    """A float in [0, 1) for each of `who`."""
    words = [np.array([word & _MASK], np.uint64) for word in (seed, stream, step, lane)]
    h = _mix(_mix(_mix(words[0]) ^ words[1]) ^ who)
    h = _mix(_mix(h ^ words[2]) ^ words[3])
    drawn: NDArray[np.float64] = (h >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))
    return drawn
