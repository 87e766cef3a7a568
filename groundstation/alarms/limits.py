"""Limits with persistence: a level is left only after so many readings in a row on the same side of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.dictionary import Parameter
from groundstation.alarms.states import Level

KEPT = 8
"""Readings that an alarm can show."""

Reading = tuple[int, int, float]
"""On-board time (ns), time of reception (ns), value."""


@dataclass(slots=True)
class Track:
    """One parameter as it is watched. newest: (boot, sequence) of the last reading. count: readings in a row that lie
    on one side of `level`; seen: the one of them that is nearest to it."""

    level: int = 0
    count: int = 0
    seen: int = 0
    newest: tuple[int, int] = (-1, -1)
    readings: list[Reading] = field(default_factory=list)

    def judge(self, level: int, repetitions: int) -> bool:
        """Takes a reading's level. True if the level of the track has changed."""
        if level == self.level:
            self.count = 0
            return False
        above = level > self.level
        if self.count and (self.seen > self.level) is above:
            self.count += 1
            self.seen = min(self.seen, level) if above else max(self.seen, level)
        else:
            self.count, self.seen = 1, level
        if self.count < repetitions:
            return False
        self.level, self.count = self.seen, 0
        return True


def level_of(form: Parameter, value: float) -> tuple[int, str]:
    """A value's level, and which limit it has passed."""
    for level, word, low, high in (
        (Level.CRITICAL, "hard", form.hard_low, form.hard_high),
        (Level.WARNING, "soft", form.soft_low, form.soft_high),
    ):
        if low is not None and value < low:
            return int(level), f"below {word} low {low:g}"
        if high is not None and value > high:
            return int(level), f"above {word} high {high:g}"
    return int(Level.NORMAL), "within its limits"


def limited(form: Parameter) -> bool:
    """Whether it has any limit."""
    return any(limit is not None for limit in (form.soft_low, form.soft_high, form.hard_low, form.hard_high))
