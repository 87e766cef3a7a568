"""Which monitors need a look in this cycle: all readings against all limits at once, deltas only where a reading has
changed, so that a healthy spacecraft costs next to nothing. What a look finds is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.devices.device import Values
from node.fsw.monitors import Check, Definition, Watch, quiet


@dataclass(slots=True)
class Deltas:
    """Delta checks of one interval. quiet: readings at which a look would change nothing, NaN where it would."""

    numbers: list[int]
    positions: NDArray[np.intp]
    quiet: Values


class Looks:
    """Made anew whenever a definition changes. Deltas are looked at when they are due and not quiet, all others when
    they differ from what was found."""

    def __init__(
        self, active: Sequence[tuple[int, Definition]], first_own: int, own: Sequence[Callable[[], float]],
        watches: Sequence[Watch], doubt: Callable[[], bool],
    ) -> None:  # fmt: skip
        """`active`: monitors that look, with their numbers. `own`: how to read the components' values, which stand in
        the pool from `first_own` on. `watches`: what all monitors found. `doubt`: whether any may be masked or blind,
        which a look then notes."""
        self._definitions, self._watches, self._doubt = dict(active), watches, doubt
        ranged = [(n, d) for n, d in active if d.check != Check.DELTA]
        self._numbers = [n for n, _ in ranged]
        self._positions = np.array([d.reading for _, d in ranged], dtype=np.intp)
        self._low = np.array([d.low for _, d in ranged])
        self._high = np.array([d.low if d.check == Check.EXPECTED else d.high for _, d in ranged])
        deltas = [(n, d) for n, d in active if d.check == Check.DELTA]
        self._deltas: dict[int, Deltas] = {}
        for interval_ns in sorted({d.interval_ns for _, d in deltas}):
            due = [(n, d.reading) for n, d in deltas if d.interval_ns == interval_ns]
            positions = np.array([reading for _, reading in due], dtype=np.intp)
            self._deltas[interval_ns] = Deltas([n for n, _ in due], positions, np.full(len(due), np.nan))
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
        for interval_ns, deltas in self._deltas.items():
            if now_ns % interval_ns < cycle_ns:
                yield from self._changed(deltas, pool.take(deltas.positions))

    def _changed(self, deltas: Deltas, values: Values) -> Iterator[int]:
        if self._doubt():
            deltas.quiet.fill(np.nan)
            yield from deltas.numbers
            return
        for place in np.flatnonzero(values != deltas.quiet).tolist():
            number, value = deltas.numbers[place], values.item(place)
            if quiet(self._definitions[number], self._watches[number], value):
                deltas.quiet[place] = value
            else:
                deltas.quiet[place] = np.nan
                yield number
