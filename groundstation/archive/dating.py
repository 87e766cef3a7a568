"""When a stamp of an on-board clock was given, in mission time, from the archive's `time_correlation`. Reads no file.

The estimates of one clock fall into stretches between its steps. A stamp is dated by the estimate of its stretch that
is nearest to it. Where a clock was stepped back the same stamp stands in two stretches: what was not received before it
would have been made is left out, and of what is left the nearest one counts, the later of two. No boot is asked for: a
clock goes on while its computer boots, and one that does not begins a new stretch.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from bus.correlation import Line, dated_ns

STEP_NS = 10**9
"""An estimate that is further off the one before it, drift included, begins a new stretch [A]: clocks drift by some
seconds a month, and faults step them by more."""
TOLERANCE_NS = 10**9
"""By how much a packet may seem to have been received before it was made [A]: estimates know a tick or less."""


class Dating:
    """The clock of one spacecraft. `estimates`: (received ns, offset s, drift or None), by time of receipt."""

    def __init__(self, estimates: Iterable[tuple[int, float, float | None]]) -> None:
        self._stretches: list[tuple[list[int], list[Line]]] = []
        for received_ns, offset_s, drift in estimates:
            line = (received_ns, offset_s * 1e9, drift or 0.0)
            lines = self._stretches[-1][1] if self._stretches else []
            if not lines or abs(line[1] - lines[-1][1] - lines[-1][2] * (received_ns - lines[-1][0])) > STEP_NS:
                self._stretches.append(([], []))
            shown, lines = self._stretches[-1]
            shown.append(received_ns + round(line[1]))
            lines.append(line)

    @property
    def stretches(self) -> list[tuple[list[int], list[Line]]]:
        """(what it showed at each estimate, the estimates), of each stretch between two steps of the clock."""
        return self._stretches

    def made_ns(self, obt_ns: int, received_ns: int) -> int | None:
        """When a packet with this stamp was made; None where nothing is known of the clock."""
        best: tuple[int, int] | None = None
        for off_ns, made_ns in self._candidates(obt_ns):
            if made_ns <= received_ns + TOLERANCE_NS and (best is None or off_ns <= best[0]):
                best = (off_ns, made_ns)
        return None if best is None else best[1]

    def _candidates(self, obt_ns: int) -> Iterator[tuple[int, int]]:
        """(how far off the estimate, when made) by each stretch, in their order."""
        for shown, lines in self._stretches:
            place = bisect_left(shown, obt_ns)
            near = min(range(max(0, place - 1), min(len(shown), place + 1)), key=lambda k: abs(shown[k] - obt_ns))
            yield abs(shown[near] - obt_ns), dated_ns(lines[near], obt_ns)
