"""The search itself: sequences are drawn and flown until one violates a property, and that one is shrunk.

Hypothesis draws, and climbs towards what is told it of each flight: how near the nearest property came to its
violation, and how much was seen on the way (events, modes), since most of what flight software does about a fault
shows there long before a property says so. It draws in rounds, each from a seed of its own: on a problem of two
steps that must meet, rounds of 40 needed 148 flights on average, the same without a goal 338 (twelve seeds), and a
hill climb of our own, with batches of changes to the best so far, more than 290 (six seeds). Between its sequences
every kind of step is tried once by itself, in an order of the seed's, faults before telecommands.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, settings, target
from hypothesis import seed as seeded

from bus.clock import Stopwatch
from bus.draws import bits, stable_id
from bus.errors import RangeFailure, SkyrackError, UserError
from faults.search.flights import Flown
from faults.search.shrink import Shrinker
from faults.search.space import Space
from faults.search.steps import Steps, planned
from faults.search.tried import Tried

ROUND = 40
FARTHEST = 1e9
"""Nothing is known of how near a flight came: no property gave a number."""
_STREAM = stable_id("search")
Fly = Callable[[Steps], Flown]


@dataclass(frozen=True, slots=True)
class Budget:
    """How long it looks: at most so many sequences, or so many seconds of real time. 0: that does not count."""

    runs: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Found:
    """What came of a search. usual: the flight without any of it. first: what violated, least: what it was shrunk to;
    both None where nothing did. best: what came nearest. nearest: 1 is as without faults, 0 and below is violated.
    why_ended: found, budget, everything tried, or interrupted."""

    tried: Tried
    usual: Flown
    seed: int
    nearest: float = FARTHEST
    first: Flown | None = None
    least: Flown | None = None
    best: Flown | None = None
    shrinking: int = 0
    why_ended: str = ""


@dataclass(slots=True)
class Watch:
    """Whom a search tells how far it is, and asks whether to go on. told: after each flight."""

    told: Callable[[Found, str], None] = lambda found, doing: None
    stopped: Callable[[], str] = str
    clock: Stopwatch = field(default_factory=Stopwatch)


class _Ended(BaseException):
    """Leaves Hypothesis at once; an Exception would be a finding to it."""


def look(space: Space, seed: int, budget: Budget, fly: Fly, watch: Watch) -> Found:
    """Look until something violates, or the budget is spent; then shrink. Raises UserError where a property is violated
    without any of it, RangeFailure where the scenario itself does not fly."""
    usual = fly(())
    found = Found(Tried(space), usual, seed)
    if watch.stopped():
        found.why_ended = "interrupted"
        return found
    _check_usual(usual)
    search = _Search(found, space, budget, fly, watch)
    with suppress(_Ended):
        search.rounds()
    if found.first is not None:
        _shrink(found, space, fly, watch)
    return found


def _check_usual(usual: Flown) -> None:
    if usual.failure:
        raise RangeFailure(f"the scenario itself does not fly: {usual.failure}")
    for judgement in usual.judgements:
        if judgement.verdict == "FAIL":
            at = "" if judgement.first_violation_s is None else f" at {judgement.first_violation_s:g} s"
            raise UserError(
                f"without any of it the scenario violates already{at}: {judgement.text}",
                hint="search with a property that holds in the scenario as it is",
            )


def nearness(flown: Flown, usual: Flown) -> float:
    """How near the nearest property is to its violation, as a share of what is left without faults."""
    found = [FARTHEST]
    for judgement, before in zip(flown.judgements, usual.judgements, strict=False):
        if judgement.robustness is not None:
            found.append(judgement.robustness / (abs(before.robustness) if before.robustness else 1.0))
    return max(-FARTHEST, min(found))


@dataclass(slots=True)
class _Search:
    found: Found
    space: Space
    budget: Budget
    fly: Fly
    watch: Watch
    known: dict[Steps, tuple[float, int]] = field(default_factory=dict)
    """By sequence: how near it came, and how much was seen."""

    def rounds(self) -> None:
        """Round after round; ends by _Ended."""
        singles = self._singles()
        for number in itertools.count():
            before = len(self.known)
            self._round(number, singles)
            if len(self.known) == before:
                self._end("everything tried")

    def _round(self, number: int, singles: Iterator[Steps]) -> None:
        @seeded(bits(self.found.seed, _STREAM, 0, number, 0) % 2**32)
        @settings(
            max_examples=ROUND, database=None, deadline=None, derandomize=False,
            phases=[Phase.generate, Phase.target], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(self.space.sequences())
        def one(steps: Steps) -> None:
            single = next(singles, None)
            if single is not None:
                self._flown(single)
            near, seen = self._flown(steps)
            target(-near, label="nearness")
            target(float(seen), label="seen")

        one()

    def _singles(self) -> Iterator[Steps]:
        kinds = sorted(
            enumerate(self.space.kinds),
            key=lambda one: (one[1].what != "fault", bits(self.found.seed, _STREAM, 0, one[0], 1)),
        )
        for place, kind in kinds:
            drawn = self.space.draw(self.space.step(kind), 3, bits(self.found.seed, _STREAM, 0, place, 2) % 2**32)
            yield (drawn[-1],)

    def _flown(self, steps: Steps) -> tuple[float, int]:
        if steps not in self.known:
            flown = self.fly(steps)
            if self.watch.stopped():
                self._end("interrupted")
            self.known[steps] = self._take(flown), len(flown.told)
            self.watch.told(self.found, "looking")
            if flown.violated and not flown.failure:
                self.found.first = self.found.least = flown
                self._end("found")
            if self._spent():
                self._end("budget")
        return self.known[steps]

    def _take(self, flown: Flown) -> float:
        self.found.tried.take(flown)
        near = nearness(flown, self.found.usual)
        if near < self.found.nearest:
            self.found.nearest, self.found.best = near, flown
        return near

    def _spent(self) -> bool:
        runs, seconds = self.budget.runs, self.budget.seconds
        return bool((runs and self.found.tried.flown >= runs) or (seconds and self.watch.clock.seconds >= seconds))

    def _end(self, why: str) -> None:
        self.found.why_ended = why
        raise _Ended


def _shrink(found: Found, space: Space, fly: Fly, watch: Watch) -> None:
    assert found.first is not None
    wanted = set(found.first.violated)

    def violates(steps: Steps) -> bool:
        if watch.stopped() or not _can_be(steps, space):
            return False
        flown = fly(steps)
        still = not flown.failure and bool(wanted & set(flown.violated))
        found.shrinking += 1
        if still:
            found.least = flown
        watch.told(found, "shrinking")
        return still

    Shrinker(violates, space.limits.window_s).shrink(found.first.steps)
    if watch.stopped():
        found.why_ended = "interrupted"


def _can_be(steps: Steps, space: Space) -> bool:
    """Whether it can be planned at all: a parameter without a default cannot be left out."""
    try:
        planned(steps, space.scenario, space.catalogue)
    except SkyrackError:
        return False
    return True
