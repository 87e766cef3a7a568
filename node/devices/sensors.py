"""All simulated sensors of a spacecraft, measured in one pass: truth plus noise and bias, in steps of the quantum.

Noise is a function of (seed, channel's name, spacecraft, tick): the hash of `bus.draws` computed for a block of ticks
at once. The sum of its four 16-bit words, centred and scaled to unit variance, is near enough normal (Irwin-Hall of
order four: bounded at 3.46 standard deviations). There is no state here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bus.draws import bits, stable_id
from node.devices.device import Channel
from node.truth import Gather, PlantLike, Values

BLOCK_TICKS = 32
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_UNIT = math.sqrt(3.0) / 65536.0
_NOISE_STREAM, _BIAS_STREAM = stable_id("device.noise"), stable_id("device.bias")


def normal(words: NDArray[np.uint64]) -> Values:
    """Near-normal numbers of zero mean and unit variance from 64 random bits each."""
    quarters = np.ascontiguousarray(words).view("<u2").reshape(*words.shape, 4)
    total: Values = quarters.sum(axis=-1, dtype=np.float64)
    return (total - 131070.0) * _UNIT


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The hash's finaliser on arrays; equals `bus.draws` to the bit (a test says so)."""
    z = z + _GAMMA
    z ^= z >> _S30
    z *= _M1
    z ^= z >> _S27
    z *= _M2
    z ^= z >> _S31
    return z


def words(
    seed: int, stream: int, spacecraft: int, steps: NDArray[np.uint64], lanes: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """`draws.bits` for every step (rows) and lane (columns)."""
    head = np.array([_head(seed, stream, spacecraft)], dtype=np.uint64)
    return _mix(_mix(head ^ steps)[:, None] ^ lanes[None, :])


def _head(seed: int, stream: int, spacecraft: int) -> int:
    """The hash after its first three rounds."""
    h = np.zeros(1, dtype=np.uint64)
    for part in (seed, stream, spacecraft):
        h = _mix(h ^ np.uint64(part & 0xFFFFFFFFFFFFFFFF))
    return int(h[0])


class Sensors:
    """Samples the channels that have a source. `values` holds the latest, in channel order, the same array for life."""

    def __init__(self, plant: PlantLike, channels: tuple[Channel, ...], seed: int, spacecraft_id: str) -> None:
        self._gather = Gather(plant, [channel.source for channel in channels])
        self.values = self._gather.values
        self._seed, self._spacecraft = seed, stable_id(spacecraft_id)
        self._lanes = np.array([stable_id(channel.name) for channel in channels], dtype=np.uint64)
        self._noise = np.array([channel.noise for channel in channels])
        bias = np.array([channel.bias for channel in channels])
        draws = [bits(seed, _BIAS_STREAM, self._spacecraft, 0, int(lane)) for lane in self._lanes]
        self._bias = bias * normal(np.array(draws, dtype=np.uint64)) if channels else bias
        quantum = np.array([channel.quantum for channel in channels])
        self._quantised = np.flatnonzero(quantum)
        self._quantum = quantum[self._quantised]
        self._block = -1
        self._offsets: Values = np.zeros((BLOCK_TICKS, len(channels)))

    def sample(self, tick: int) -> Values:
        """Measure everything at the end of this tick."""
        block, row = divmod(tick, BLOCK_TICKS)
        if block != self._block:
            self._draw(block)
        values = self._gather()
        values += self._offsets[row]
        steps = values[self._quantised]
        steps /= self._quantum
        np.rint(steps, out=steps)
        steps *= self._quantum
        steps += 0.0  # a measured zero has no sign
        values[self._quantised] = steps
        return values

    def _draw(self, block: int) -> None:
        steps = np.arange(block * BLOCK_TICKS, (block + 1) * BLOCK_TICKS, dtype=np.uint64)
        drawn = normal(words(self._seed, _NOISE_STREAM, self._spacecraft, steps, self._lanes))
        self._offsets = drawn * self._noise + self._bias
        self._block = block
