"""From the stamp of an on-board clock to mission time, along one estimate of time correlation."""

from __future__ import annotations

Line = tuple[int, float, float]
"""(received ns, by how many ns the clock on board was ahead then, what it gains a second)."""


def shown_ns(line: Line, at_ns: int) -> int:
    """What the clock shows then."""
    heard_ns, ahead_ns, drift = line
    return at_ns + round(ahead_ns) + round(drift * (at_ns - heard_ns))


def dated_ns(line: Line, obt_ns: int) -> int:
    """When the clock showed `obt_ns`. Drift counts to the first order: its square is nothing."""
    at_ns, ahead_ns, drift = line
    shown_ns = obt_ns - round(ahead_ns)
    return shown_ns - round(drift * (shown_ns - at_ns))
