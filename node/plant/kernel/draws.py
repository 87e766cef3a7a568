"""The bus's draws once more, for kernels: the same integers give the same bits, and distributions are built on them.

Golden vectors bind the two. No state and no generator may live here: a kernel that needs a random number says who asks
(seed, stream, spacecraft), when (step) and for what (lane).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from node.plant.kernel.kernel import kernel

Word = Any
"""An integer of any width in Python, an unsigned one of 64 bits inside a kernel."""


@kernel
def mix(z: Word) -> Word:
    """splitmix64's finaliser after adding its gamma (Steele, Lea and Flood 2014; variant 13 by Stafford)."""
    z = np.uint64(z) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def prefix(seed: Word, stream: Word, spacecraft: Word) -> Word:
    """The part of the hash that does not change from step to step."""
    h = mix(np.uint64(seed))
    h = mix(h ^ np.uint64(stream))
    return mix(h ^ np.uint64(spacecraft))


@kernel
def unit(head: Word, step: Word, lane: Word) -> float:
    """A float in [0, 1) from `prefix` and the two integers that change."""
    h = mix(head ^ np.uint64(step))
    h = mix(h ^ np.uint64(lane))
    return float(h >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel
def bits(seed: Word, stream: Word, spacecraft: Word, step: Word, lane: Word) -> Word:
    """64 random bits for these five integers."""
    h = mix(prefix(seed, stream, spacecraft) ^ np.uint64(step))
    return mix(h ^ np.uint64(lane))


@kernel
def uniform(seed: Word, stream: Word, spacecraft: Word, step: Word, lane: Word) -> float:
    """A float in [0, 1), from the upper 53 bits of `bits`."""
    return unit(prefix(seed, stream, spacecraft), step, lane)


@kernel
def exponential(u: float) -> float:
    """A draw of the exponential law with mean 1 from a uniform `u` in [0, 1)."""
    return -math.log1p(-u)


@kernel
def normal(u1: float, u2: float) -> float:
    """A standard normal draw from two uniforms in [0, 1) (Box and Muller 1958)."""
    return math.sqrt(-2.0 * math.log1p(-u1)) * math.cos(6.283185307179586 * u2)


@kernel
def poisson(mean: float, u: float) -> int:
    """A Poisson draw by inversion from one uniform in [0, 1): exact to rounding for means up to 1e9.

    Probabilities are subtracted from `u` one outcome at a time: upwards from zero for small means, outwards from the
    mode for large ones (any order of outcomes gives the exact law). A mean that is not above zero gives 0.
    """
    if not mean > 0.0:
        return 0
    if u < 1.0 - mean:  # exp(-mean) >= 1 - mean: the usual answer needs no exponential
        return 0
    if mean < 30.0:
        probability = math.exp(-mean)
        count = 0
        rest = u - probability
        while rest >= 0.0 and count < 400:
            count += 1
            probability *= mean / count
            rest -= probability
        return count
    mode = float(math.floor(mean))
    peak = math.exp(mode * math.log(mean) - mean - math.lgamma(mode + 1.0))
    rest = u - peak
    above = peak
    below = peak
    up = mode
    down = mode
    while rest >= 0.0 and (above > 1e-300 or below > 1e-300):
        up += 1.0
        above *= mean / up
        rest -= above
        if rest < 0.0:
            return int(up)
        if down >= 1.0:
            below *= down / mean
            down -= 1.0
            rest -= below
            if rest < 0.0:
                return int(down)
        else:
            below = 0.0
    return int(mode)


@kernel
def geometric(success: float, u: float) -> int:
    """Trials up to and with the first success, 1 or more, from one uniform in [0, 1). `success` in (0, 1]."""
    if success >= 1.0:
        return 1
    return 1 + int(math.log1p(-u) / math.log1p(-success))
