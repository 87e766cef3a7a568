"""Bounded least squares with a robust loss, and what it says of each figure: how sure, how bound up with others.

The covariance is that of the linear model at the end, scaled by the residuals that are left, with neighbours that are
alike counted once (`problem.effective_rows`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bus.errors import EnvironmentFault, UserError
from faults.fit.free import Free
from faults.fit.pool import Alone
from faults.fit.problem import Floats, Problem, effective_rows, with_weights

STEP = 1e-3
"""Of the width between the bounds, for derivatives: far above what the kernels round."""
AT_BOUND = 1e-3
"""So near to a bound, in shares of the width, a figure lies on it."""
TOLD = 0.9
"""Correlations above it are told."""
APART = 0.98
"""Above it two figures cannot be told from each other: only their combination is known."""
WIDE = 0.25
"""A standard deviation above this share of the width says that the data do not tell the figure."""
PASSES = 2
"""The first weighs columns by how far the first guess is off, the second by what the first one left."""
MOST_STEPS = 60
ROUGH = {"xtol": 1e-3, "ftol": 1e-3, "gtol": 1e-3}
FINE = {"xtol": 1e-6, "ftol": 1e-8, "gtol": 1e-8}
"""When a pass ends: the first only has to come near enough to weigh the columns."""
Matrix = NDArray[np.float64]
Told = Callable[[str], None]
ALONE = Alone()


class Hands(Protocol):
    """Whoever flies."""

    def residuals(self, problem: Problem, many: Sequence[Floats]) -> list[Floats]:
        """Of a problem at several places, in their order."""
        ...


class Saying(NamedTuple):
    """Which pass it is, and who is told."""

    which: str
    tell: Told


@dataclass(frozen=True, slots=True)
class Fitted:
    """One figure as found. sigma: one standard deviation, None where the data do not tell it; why: the reason then."""

    free: Free
    value: float
    sigma: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Solution:
    """A fit. correlations: (path, path, r) above `TOLD`. rows, independent: residuals in all, and how many count."""

    figures: tuple[Fitted, ...]
    correlations: tuple[tuple[str, str, float], ...]
    problem: Problem
    values: Floats
    rows: int
    independent: float
    converged: bool
    message: str


def solve(problem: Problem, tell: Told, hands: Hands = ALONE) -> Solution:
    """Find the figures; `hands` fly what can be flown side by side. Raises UserError for one that nothing depends on,
    EnvironmentFault without scipy."""
    try:
        from scipy.optimize import least_squares  # noqa: PLC0415 - an extra
    except ImportError:
        raise EnvironmentFault("a fit needs scipy", hint="install skyrack[fit]") from None
    low = np.array([one.low for one in problem.free])
    width = np.array([one.high - one.low for one in problem.free])
    at = np.array([(one.first - one.low) / (one.high - one.low) for one in problem.free])
    at = np.clip(at, 2.0 * STEP, 1.0 - 2.0 * STEP)

    def values(share: Floats) -> Floats:
        found: Floats = low + share * width
        return found

    found = None
    for number in range(PASSES):
        problem = with_weights(problem, values(at))
        tried = _Tried(problem, values, hands, Saying(f"pass {number + 1} of {PASSES}", tell))
        _check_slopes(problem, tried.slopes(at))
        found = least_squares(
            tried.residuals, at, jac=tried.slopes, bounds=(0.0, 1.0), loss="soft_l1", f_scale=1.0, max_nfev=MOST_STEPS,
            **(ROUGH if number + 1 < PASSES else FINE),
        )  # fmt: skip
        at = found.x
    assert found is not None
    end = values(at)
    independent, rows, variances = effective_rows(problem, end)
    variances *= max(1.0, independent / max(independent - at.size, 1.0))
    told, correlations = _judge(problem, at, width, _slopes(problem, values, at, hands, both=True), variances)
    return Solution(
        told, correlations, problem, end, rows, independent, converged=found.status > 0, message=str(found.message)
    )


class _Tried:
    """What the solver asks of a problem, and what is told of it."""

    def __init__(self, problem: Problem, values: Callable[[Floats], Floats], hands: Hands, saying: Saying) -> None:
        self._problem, self._values, self._hands, self._saying = problem, values, hands, saying
        self._count = 0
        self._known: tuple[bytes, Matrix] | None = None

    def residuals(self, share: Floats) -> Floats:
        """At these shares of the widths."""
        r = self._problem.residuals(self._values(share))
        self._count += 1
        self._saying.tell(
            f"{self._saying.which}, {self._count} tried, root mean square {math.sqrt(float((r * r).mean())):.4g}"
        )
        return r

    def slopes(self, share: Floats) -> Matrix:
        """Their derivatives; those asked for last are kept, for the solver begins where they were checked."""
        if self._known is None or self._known[0] != share.tobytes():
            self._known = share.tobytes(), _slopes(self._problem, self._values, share, self._hands)
        return self._known[1]


def _slopes(
    problem: Problem, values: Callable[[Floats], Floats], share: Floats, hands: Hands, *, both: bool = False
) -> Matrix:
    """Differences to a neighbour on the side that has more room; from both neighbours where it matters how good they
    are."""
    ends = []
    for place in range(share.size):
        there = share.copy()
        there[place] += STEP if share[place] < 0.5 else -STEP
        back = share.copy()
        if both:
            back[place] = min(max(2.0 * share[place] - there[place], 0.0), 1.0)
        ends.append((there, back))
    asked = [share, *(there for there, _ in ends), *((back for _, back in ends) if both else ())]
    found = hands.residuals(problem, [values(one) for one in asked])
    ahead, behind = found[1 : 1 + len(ends)], found[1 + len(ends) :] if both else [found[0]] * len(ends)
    columns = [
        (a - b) / (there[place] - back[place])
        for place, (a, b, (there, back)) in enumerate(zip(ahead, behind, ends, strict=True))
    ]
    return np.array(columns).T


def _check_slopes(problem: Problem, slopes: Matrix) -> None:
    still = [one.path for one, column in zip(problem.free, slopes.T, strict=True) if not np.any(np.abs(column) > 1e-9)]
    if still:
        raise UserError(
            f"--free {still[0]}: no column of the telemetry depends on it",
            hint="leave it out, or compare a signal that it acts on",
        )


def _judge(
    problem: Problem, share: Floats, width: Floats, slopes: Matrix, variances: Floats
) -> tuple[tuple[Fitted, ...], tuple[tuple[str, str, float], ...]]:
    """How sure each figure is. Those on a bound are left out of the covariance: they are not found but held."""
    values = np.array([one.low for one in problem.free]) + share * width
    held = (share < AT_BOUND) | (share > 1.0 - AT_BOUND)
    loose: list[int] = np.flatnonzero(~held).tolist()
    sigmas, correlation = _spread(slopes[:, loose], variances)
    found = []
    paths = [problem.free[place].path for place in loose]
    told = [
        (paths[i], paths[j], float(correlation[i, j]))
        for i in range(len(loose)) for j in range(i) if abs(correlation[i, j]) > TOLD
    ]  # fmt: skip
    for place, one in enumerate(problem.free):
        if held[place]:
            end = "least" if share[place] < AT_BOUND else "greatest"
            found.append(Fitted(one, float(values[place]), None, f"on its {end} bound"))
            continue
        sigma = float(sigmas[loose.index(place)])
        mates = [(b if a == one.path else a, r) for a, b, r in told if one.path in (a, b) and abs(r) > APART]
        if mates:
            why = f"only together with {', '.join(f'{mate} (correlation {r:+.3f})' for mate, r in mates)}"
        else:
            why = "the data hardly depend on it" if sigma > WIDE else ""
        found.append(Fitted(one, float(values[place]), None if why else sigma * float(width[place]), why))
    return tuple(found), tuple(told)


def _spread(slopes: Matrix, variances: Floats) -> tuple[Floats, Matrix]:
    """Standard deviations and correlations from J^T J and what the variance of each row makes of it, by singular values
    so that what cannot be told is infinite."""
    count = slopes.shape[1]
    if not count:
        return np.zeros(0), np.zeros((0, 0))
    left, sizes, rows = np.linalg.svd(slopes, full_matrices=False)
    tiny = sizes[0] * 1e-10
    inverse = np.where(sizes > tiny, 1.0 / np.maximum(sizes, tiny), 1.0 / tiny)
    solved = (rows.T * inverse) @ left.T
    covariance: Matrix = (solved * variances) @ solved.T
    sigmas: Floats = np.sqrt(np.diag(covariance))
    return sigmas, covariance / np.outer(sigmas, sigmas)


def sources(solution: Solution, names: Sequence[str]) -> dict[str, str]:
    """What stands as the source of each figure of a design."""
    of = ", ".join(names)
    return {
        one.free.path: (
            f"fit, +- {one.free.written(one.sigma, 2)}, from {of}" if one.sigma is not None
            else f"fit, not told by the data ({one.why}), from {of}"
        )
        for one in solution.figures if one.free.of == "design"
    }  # fmt: skip
