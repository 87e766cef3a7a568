"""Time correlation: what a spacecraft's clock shows against the ground's, estimated from its time reports.

A report says on-board time; the ground knows when it came in, and how long the way takes at least. A copy that was
delayed or repeated came too late and would make the clock look slow, so what lies below the line of the others is left
out, and taken only when it stays so: then the clock was stepped back. No mail and no archive here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.correlation import Line

MAX_POINTS = 64
"""Reports that an estimate rests on [A]."""
DRIFT_AFTER_NS = 60 * 10**9
"""Reports must span so long before a drift is told [A]: over less, one microsecond would be 20 ppb."""
TOLERANCE_NS = 50 * 10**6
"""A clock that drifts by 0.5 ppm is so far off its last estimate after a day without contact."""
STEPPED_AFTER = 3
"""So many reports in a row below the line are a clock that was stepped back, not delays [A]."""


@dataclass(slots=True)
class Track:
    """Reports of one spacecraft: (received, by how much its clock was ahead), both in nanoseconds. line: the newest
    estimate."""

    boot: int = 0
    sequence: int = -1
    below: int = 0
    points: list[tuple[int, int]] = field(default_factory=list)
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The on-board clock is `offset_s` ahead now and gains `drift` seconds a second; None where that is not known."""

    offset_s: float
    drift: float | None
    reports: int


def correlate(  # noqa: PLR0917
    track: Track, boot: int, sequence: int, obt_ns: int, received_ns: int, delay_ns: int
) -> Estimate | None:
    """A time report has come. The estimate with it, or None where it says nothing about now. `delay_ns`: the shortest
    way of a report to the ground."""
    if (boot, sequence) <= (track.boot, track.sequence):
        return None
    track.boot, track.sequence = boot, sequence
    ahead_ns = obt_ns - (received_ns - delay_ns)
    off_ns = ahead_ns - _expected(track, received_ns) if track.points else 0
    tolerance_ns = min(TOLERANCE_NS, delay_ns // 2)
    if off_ns < -tolerance_ns:
        track.below += 1
        if track.below < STEPPED_AFTER:
            return None
    if abs(off_ns) > tolerance_ns:
        track.points.clear()
    track.below = 0
    track.points.append((received_ns, ahead_ns))
    del track.points[:-MAX_POINTS]
    offset_ns, drift = _line(track.points)
    track.line = (received_ns, offset_ns, drift or 0.0)
    return Estimate(offset_ns / 1e9, drift, len(track.points))


def _expected(track: Track, received_ns: int) -> float:
    offset_ns, drift = _line(track.points)
    return offset_ns + (drift or 0.0) * (received_ns - track.points[-1][0])


def _line(points: list[tuple[int, int]]) -> tuple[float, float | None]:
    """Least squares: the line's value at the last point, and its slope. Differences from the last point are small
    enough for floating point to lose nothing."""
    last_ns, at_last_ns = points[-1]
    if last_ns - points[0][0] < DRIFT_AFTER_NS:
        return float(at_last_ns), None
    xs = [float(x - last_ns) for x, _ in points]
    ys = [float(y - at_last_ns) for _, y in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / sum((x - mean_x) ** 2 for x in xs)
    return at_last_ns + mean_y - slope * mean_x, slope
