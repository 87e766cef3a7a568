"""The smallest sequence that still does it: steps taken out, then what is left made plainer. It flies nothing itself.

Every change is kept only where the sequence still violates, so what is left is minimal in these ways: no step can be
taken out, no parameter left at its default, no end of a fault left out, no time made rounder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from faults.search.steps import Step, Steps, in_order

MOST_TRIES = 150
"""Sequences that are flown to shrink one [A]: four steps of four parameters need some sixty."""
ROUND_S = (3600.0, 600.0, 300.0, 60.0, 30.0, 10.0, 5.0, 1.0)


@dataclass(slots=True)
class Shrinker:
    """`violates`: whether a sequence does it. window_s: when steps may begin. tries: how often it was asked."""

    violates: Callable[[Steps], bool]
    window_s: tuple[float, float]
    most: int = MOST_TRIES
    tries: int = 0
    _known: dict[Steps, bool] = field(default_factory=dict)

    def shrink(self, steps: Steps) -> Steps:
        """The smallest that was found."""
        while True:
            smaller = self._plainer(self._fewer(steps))
            if smaller == steps:
                return steps
            steps = smaller

    def _still(self, steps: Steps) -> bool:
        if steps not in self._known:
            if self.tries >= self.most:
                return False
            self.tries += 1
            self._known[steps] = self.violates(steps)
        return self._known[steps]

    def _fewer(self, steps: Steps) -> Steps:
        """Without the first half, the second half, then each step, as often as something goes."""
        size = max(1, len(steps) // 2)
        while len(steps) > 1:
            for begin in range(0, len(steps), size):
                left = steps[:begin] + steps[begin + size :]
                if left and self._still(left):
                    steps = left
                    break
            else:
                if size == 1:
                    break
                size = max(1, size // 2)
            size = min(size, max(1, len(steps) // 2))
        return steps

    def _plainer(self, steps: Steps) -> Steps:
        for place in range(len(steps)):
            for change in _plainer_steps(steps[place], self.window_s):
                changed = in_order((*steps[:place], change, *steps[place + 1 :]))
                if changed != steps and _kinds(changed) == _kinds(steps) and self._still(changed):
                    return self._plainer(changed)
        return steps


def _kinds(steps: Steps) -> list[object]:
    return [step.kind for step in steps]


def _plainer_steps(step: Step, window_s: tuple[float, float]) -> Iterator[Step]:
    """Plainer forms of one step, the plainest first. A parameter that has no default cannot be left out; whoever flies
    it says so, and then it stays."""
    if step.parameters:
        yield replace(step, parameters=())
        if len(step.parameters) > 1:
            for place in range(len(step.parameters)):
                yield replace(step, parameters=step.parameters[:place] + step.parameters[place + 1 :])
    if step.for_s is not None:
        yield replace(step, for_s=None)
    for round_s in ROUND_S:
        if step.at_s % round_s == 0.0:
            break
        for at_s in (step.at_s // round_s * round_s, (step.at_s // round_s + 1) * round_s):
            if window_s[0] <= at_s <= window_s[1]:
                yield replace(step, at_s=at_s)
