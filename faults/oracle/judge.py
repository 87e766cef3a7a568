"""Judges expectations on what was recorded: a verdict, a robustness and the time of the first violation.

Robustness is the quantitative semantics of signal temporal logic (Donze and Maler 2010, "Robust satisfaction of
temporal logic over real-valued signals"): the distance to the threshold in the signal's own unit, minimum over `and`
and `always`, maximum over `or`, `eventually` and `within`. `==` and `!=` compare modes and counts, whose least step
is 1: equal is +1 (unequal for `!=`: the distance), else minus the distance.

What was not sampled counts as anything between minus and plus infinity, so each condition has a lower and an upper
bound and two truth values (surely, possibly). The verdict is PASS when the sentence surely holds, FAIL when it does
not even possibly hold, INCONCLUSIVE between the two: the trigger never came, a signal is missing, or the run ended
before the deadline. The robustness reported is the upper bound on FAIL, the lower one on PASS, and otherwise given only
where both agree. Samples stand for their instant; a window or deadline includes both its ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from bus.text.times import clock
from faults.oracle.expectation import (
    All,
    Any,
    Comparison,
    Condition,
    Expectation,
    Names,
    Not,
    Number,
    Occurs,
    Operand,
    Signal,
    Trigger,
    signals_needed,
    signals_of,
)
from faults.oracle.parser import parse, parse_condition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

__all__ = ["Evidence", "Expectation", "Judgement", "Names", "judge", "parse", "parse_condition", "signals_needed"]

TIME_SLACK_S = 1e-6
"""Sample times are sums of ticks in nanoseconds; a deadline that is meant to hit one may be off by rounding."""

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]


class Evidence(Protocol):
    """What was recorded of a run."""

    @property
    def times_s(self) -> Floats:
        """Sample times in seconds since the scenario's epoch, rising."""
        ...

    @property
    def end_s(self) -> float:
        """Time of the last tick recorded."""
        ...

    @property
    def planned_s(self) -> float:
        """When the run was to end."""
        ...

    @property
    def signals(self) -> Mapping[tuple[str, str], Floats]:
        """(spacecraft, signal) -> one value per sample time; NaN where nothing was sampled."""
        ...

    def occurrences(self, trigger: Trigger) -> list[float]:
        """When a trigger came, in seconds, rising; NaN, at the end, for each time it came nobody knows when."""
        ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one expectation. `robustness` is None where it is not finite; `reason` says why INCONCLUSIVE."""

    text: str
    verdict: Verdict
    robustness: float | None
    first_violation_s: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """A condition over all samples: robustness between low and high, surely and possibly true."""

    low: Floats
    high: Floats
    surely: Bools
    possibly: Bools

    @property
    def unknown(self) -> Bools:
        """Samples at which the condition is neither true nor false."""
        return self.possibly & ~self.surely


def judge(expectation: Expectation, evidence: Evidence) -> Judgement:
    """Verdict of one expectation. Never raises for what is missing in the evidence: that is INCONCLUSIVE."""
    if evidence.times_s.size == 0:
        return Judgement(expectation.text, "INCONCLUSIVE", None, None, "nothing was recorded")
    missing = [
        f"{spacecraft}.{name}"
        for spacecraft, names in signals_needed(expectation).items()
        for name in names
        if (spacecraft, name) not in evidence.signals
    ]
    bounds = _evaluate(expectation.condition, evidence)
    reason = f"not recorded: {', '.join(missing)}" if missing else ""
    if expectation.operator == "until":
        return _until(expectation, evidence, bounds, reason)
    if expectation.operator == "within":
        return _within(expectation, evidence, bounds, reason)
    return _over_window(expectation, evidence, bounds, reason)


# -- conditions, sample by sample


def _evaluate(condition: Condition, evidence: Evidence) -> _Bounds:
    import numpy as np  # noqa: PLC0415 - `skyrack --help` must not wait for numpy

    match condition:
        case Comparison(left, comparator, right):
            return _compare(_samples(left, evidence), comparator, _samples(right, evidence))
        case Occurs(trigger):
            return _occurs(trigger, evidence)
        case Not(operand):
            inner = _evaluate(operand, evidence)
            return _Bounds(-inner.high, -inner.low, ~inner.possibly, ~inner.surely)
        case All(operands):
            parts = [_evaluate(each, evidence) for each in operands]
            return _Bounds(
                np.minimum.reduce([part.low for part in parts]),
                np.minimum.reduce([part.high for part in parts]),
                np.logical_and.reduce([part.surely for part in parts]),
                np.logical_and.reduce([part.possibly for part in parts]),
            )
        case Any(operands):
            parts = [_evaluate(each, evidence) for each in operands]
            return _Bounds(
                np.maximum.reduce([part.low for part in parts]),
                np.maximum.reduce([part.high for part in parts]),
                np.logical_or.reduce([part.surely for part in parts]),
                np.logical_or.reduce([part.possibly for part in parts]),
            )


def _occurs(trigger: Trigger, evidence: Evidence) -> _Bounds:
    """+1 at the samples whose ticks hold an occurrence, else -1; one that came nobody knows when may be at any."""
    import numpy as np  # noqa: PLC0415

    times_s = evidence.times_s
    found_s = np.array(evidence.occurrences(trigger), dtype=np.float64)
    known_s = found_s[~np.isnan(found_s)]
    surely = np.zeros(times_s.size, dtype=np.bool_)
    places = np.searchsorted(times_s, known_s - TIME_SLACK_S)
    surely[places[places < times_s.size]] = True
    possibly = surely | bool(np.isnan(found_s).any())
    return _Bounds(np.where(surely, 1.0, -1.0), np.where(possibly, 1.0, -1.0), surely, possibly)


def _samples(operand: Operand, evidence: Evidence) -> Floats:
    import numpy as np  # noqa: PLC0415

    size = evidence.times_s.size
    match operand:
        case Number(value):
            return np.full(size, value)
        case Signal(spacecraft, name):
            return evidence.signals.get((spacecraft, name), np.full(size, np.nan))


def _compare(left: Floats, comparator: str, right: Floats) -> _Bounds:
    import numpy as np  # noqa: PLC0415

    difference = left - right
    known = ~np.isnan(difference)
    distance = np.abs(difference)
    if comparator in ("<", "<="):
        truth, robustness = (left < right if comparator == "<" else left <= right), -difference
    elif comparator in (">", ">="):
        truth, robustness = (left > right if comparator == ">" else left >= right), difference
    elif comparator == "==":
        truth, robustness = left == right, np.where(left == right, 1.0, -distance)
    else:
        truth, robustness = left != right, np.where(left != right, distance, -1.0)
    return _Bounds(
        np.where(known, robustness, -np.inf), np.where(known, robustness, np.inf), truth & known, truth | ~known
    )


# -- operators over time


def _inside(evidence: Evidence, start_s: float, end_s: float) -> Bools:
    times_s = evidence.times_s
    inside: Bools = (times_s >= start_s - TIME_SLACK_S) & (times_s <= end_s + TIME_SLACK_S)
    return inside


def _over_window(expectation: Expectation, evidence: Evidence, bounds: _Bounds, reason: str) -> Judgement:
    start_s, end_s = expectation.window_s or (0.0, evidence.planned_s)
    inside = _inside(evidence, start_s, end_s)
    text = expectation.text
    if not inside.any():
        return Judgement(text, "INCONCLUSIVE", None, None, reason or "the window holds no sample of this run")
    cut_short = end_s > evidence.end_s + TIME_SLACK_S
    low, high = bounds.low[inside], bounds.high[inside]
    surely, possibly = bounds.surely[inside], bounds.possibly[inside]
    if expectation.operator == "always":
        robustness = _finite(float(low.min()), float(high.min()))
        if not possibly.all():
            first_s = float(evidence.times_s[inside][~possibly][0])
            return Judgement(text, "FAIL", _finite(float(high.min())), first_s)
        if surely.all() and not cut_short:
            return Judgement(text, "PASS", _finite(float(low.min())), None)
    else:
        robustness = _finite(float(low.max()), float(high.max()))
        if surely.any():
            return Judgement(text, "PASS", _finite(float(low.max())), None)
        if not possibly.any() and not cut_short:
            return Judgement(text, "FAIL", _finite(float(high.max())), end_s)
    reason = reason or _absence(expectation.condition, evidence, inside & bounds.unknown)
    reason = reason or "the run ended before the window did"
    return Judgement(text, "INCONCLUSIVE", robustness, None, reason)


def _until(expectation: Expectation, evidence: Evidence, bounds: _Bounds, reason: str) -> Judgement:
    """From the first sample on: `condition` at a sample of the window, `meanwhile` at all samples before it; robustness
    the greatest over the window of the lesser of the two."""
    import numpy as np  # noqa: PLC0415

    assert expectation.meanwhile is not None
    text, times_s = expectation.text, evidence.times_s
    held = _evaluate(expectation.meanwhile, evidence)
    start_s, end_s = expectation.window_s or (0.0, evidence.planned_s)
    inside = _inside(evidence, start_s, end_s)
    if not inside.any():
        return Judgement(text, "INCONCLUSIVE", None, None, reason or "the window holds no sample of this run")

    def before(least: Floats) -> Floats:
        return np.concatenate(([np.inf], np.minimum.accumulate(least)[:-1]))

    def so_far(true: Bools) -> Bools:
        return np.concatenate(([True], np.logical_and.accumulate(true)[:-1]))

    low = float(np.minimum(bounds.low, before(held.low))[inside].max())
    high = float(np.minimum(bounds.high, before(held.high))[inside].max())
    if (bounds.surely & so_far(held.surely))[inside].any():
        return Judgement(text, "PASS", _finite(low), None)
    open_still = so_far(held.possibly)
    cut_short = end_s > evidence.end_s + TIME_SLACK_S and bool(open_still[-1] & held.possibly[-1])
    if not (bounds.possibly & open_still)[inside].any() and not cut_short:
        broken = np.flatnonzero(~held.possibly)
        first_s = end_s if not broken.size else min(end_s, float(times_s[broken[0]]))
        return Judgement(text, "FAIL", _finite(high), first_s)
    unknown = _absence(expectation.meanwhile, evidence, held.unknown) or _absence(
        expectation.condition, evidence, inside & bounds.unknown
    )
    return Judgement(
        text, "INCONCLUSIVE", _finite(low, high), None, reason or unknown or "the run ended before the window did"
    )


def _within(expectation: Expectation, evidence: Evidence, bounds: _Bounds, reason: str) -> Judgement:
    assert expectation.trigger is not None
    text = expectation.text
    occurrences_s = evidence.occurrences(expectation.trigger)
    if not occurrences_s:
        return Judgement(text, "INCONCLUSIVE", None, None, reason or "its trigger never came")
    lows, highs, violated_s, open_ended = [], [], [], False
    for start_s in occurrences_s:
        if math.isnan(start_s):
            lows.append(-math.inf)
            highs.append(math.inf)
            open_ended, reason = True, reason or "its trigger came, but nobody knows when"
            continue
        deadline_s = start_s + expectation.deadline_s
        inside = _inside(evidence, start_s, deadline_s)
        lows.append(float(bounds.low[inside].max()) if inside.any() else -math.inf)
        highs.append(float(bounds.high[inside].max()) if inside.any() else math.inf)
        if bounds.surely[inside].any():
            continue
        if bounds.possibly[inside].any() or not inside.any() or deadline_s > evidence.end_s + TIME_SLACK_S:
            open_ended = True
            reason = reason or _absence(expectation.condition, evidence, inside & bounds.unknown)
        else:
            violated_s.append(deadline_s)
    if violated_s:
        return Judgement(text, "FAIL", _finite(min(highs)), violated_s[0])
    if open_ended:
        reason = reason or "the run ended before the deadline"
        return Judgement(text, "INCONCLUSIVE", _finite(min(lows), min(highs)), None, reason)
    return Judgement(text, "PASS", _finite(min(lows)), None)


def _absence(condition: Condition, evidence: Evidence, unknown: Bools) -> str:
    """Which signal was absent at the first sample that is unknown, until when, and why. Empty if there is none."""
    import numpy as np  # noqa: PLC0415

    for place in np.flatnonzero(unknown)[:1].tolist():
        for signal in signals_of(condition):
            samples = evidence.signals.get((signal.spacecraft, signal.name))
            if samples is None or not np.isnan(samples[place]):
                continue
            known = np.flatnonzero(~np.isnan(samples[place:]))
            last = place + int(known[0]) if known.size else samples.size
            up = evidence.signals.get((signal.spacecraft, "host_up"))
            cause = "" if up is None else "its computer was down"
            if up is not None and np.isnan(up[place]):
                cause = f"{signal.spacecraft} gave no answer"
            since, until = (clock(float(evidence.times_s[at])) for at in (place, last - 1))
            return f"{signal} is absent from {since} to {until}" + (f": {cause}" if cause else "")
    return ""


def _finite(low: float, high: float | None = None) -> float | None:
    """The robustness if it is known: both bounds agree and are finite."""
    return low if math.isfinite(low) and (high is None or high == low) else None
