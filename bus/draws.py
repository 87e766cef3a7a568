"""Randomness as a function: the same question always has the same answer, whoever asks and in whatever order.

`uniform(seed, stream, spacecraft, step, lane)` hashes its five integers with the finaliser of splitmix64 (Steele, Lea
and Flood 2014, "Fast splittable pseudorandom number generators", constants of variant 13 by Stafford), one round per
integer. There is no state. Golden vectors bind the two.
"""

from __future__ import annotations

import hashlib

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15


def stable_id(name: str) -> int:
    """A 63-bit id of a name, the same on every machine and in every run (never a position in a list)."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") >> 1


def _mix(z: int) -> int:
    z = (z + _GAMMA) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def bits(seed: int, stream: int, spacecraft: int, step: int, lane: int) -> int:
    """64 random bits for these five integers."""
    h = _mix(seed & _MASK)
    h = _mix(h ^ (stream & _MASK))
    h = _mix(h ^ (spacecraft & _MASK))
    h = _mix(h ^ (step & _MASK))
    return _mix(h ^ (lane & _MASK))


def uniform(seed: int, stream: int, spacecraft: int, step: int, lane: int) -> float:
    """A float in [0, 1), from the upper 53 bits of `bits`."""
    return (bits(seed, stream, spacecraft, step, lane) >> 11) * (1.0 / (1 << 53))
