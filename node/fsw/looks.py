"""Which monitors need a look in this cycle: all readings against all limits at once, so that a healthy spacecraft costs
next to nothing. What a look finds is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from node.devices.device import Values
from node.fsw.monitors import Check, Definition


class Looks:
    """Made anew whenever a definition changes. Deltas are looked at when they are due, all others when they differ from
    what was found."""

    def __init__(
        self, active: Sequence[tuple[int, Definition]], first_own: int, own: Sequence[Callable[[], float]]
    ) -> None:
        """`active`: monitors that look, with their numbers. `own`: how to read the components' values, which stand in
        the pool from `first_own` on."""
        ranged = [(n, d) for n, d in active if d.check != Check.DELTA]
        self._numbers = [n for n, _ in ranged]
        self._positions = np.array([d.reading for _, d in ranged], dtype=np.intp)
        self._low = np.array([d.low for _, d in ranged])
        self._high = np.array([d.low if d.check == Check.EXPECTED else d.high for _, d in ranged])
        self._deltas: dict[int, list[int]] = {}
        for number, definition in active:
            if definition.check == Check.DELTA:
                self._deltas.setdefault(definition.interval_ns, []).append(number)
        values = sorted({d.reading for _, d in active if d.reading >= first_own}) if own else []
        self._own = [(position, own[position - first_own]) for position in values]
        self._settled = b""

    def settle(self, violated: Callable[[int], bool]) -> None:
        """What was found changed."""
        self._settled = bytes(violated(number) for number in self._numbers)

    def due(self, pool: Values, now_ns: int, cycle_ns: int) -> Iterator[int]:
        """Numbers of the monitors to look at."""
        for position, read in self._own:
            pool[position] = read()
        values = pool.take(self._positions)
        wrong = ((values < self._low) | (values > self._high)).tobytes()
        if wrong != self._settled:
            for number, is_wrong, was in zip(self._numbers, wrong, self._settled, strict=True):
                if is_wrong != was:
                    yield number
        for interval_ns, numbers in self._deltas.items():
            if now_ns % interval_ns < cycle_ns:
                yield from numbers
