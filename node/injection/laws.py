"""The laws of onset at work: when an injection strikes that waits for a condition or for chance, and how one that acts
comes, goes and grows. Decides only; what it does to a seam is the engine's.

Truth is that of the end of the tick before, so a condition is answered one tick after it came true at the latest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bus.onset import MOST_STRIKES, Law, compiled
from bus.wire.messages import Injection, Scalar
from node.injection.sight import Sight

Judge = Callable[[], bool | None]


@dataclass(slots=True)
class Watch:
    """An injection that waits for its onset, again and again. was: what its condition was at the last look that said
    anything (an `edge` has to be seen false first); due_ns: the onset that is decided, -1 for none."""

    injection: Injection
    was: bool
    struck: int = 0
    due_ns: int = -1


@dataclass(slots=True)
class Course:
    """One strike of an injection that comes and goes or grows: since when, which strike, whether it acts now, how many
    times it has changed over and when it does next; the step of the ramp that acts."""

    injection: Injection
    since_ns: int
    strike: int
    on: bool = True
    phase: int = 0
    next_ns: int = 0
    step: int = 0


class Laws:
    """All laws of one spacecraft. Remembers nothing but what it has compiled."""

    def __init__(self, sight: Sight, tick_ns: int) -> None:
        self._sight = sight
        self._tick_ns = tick_ns
        self._judges: dict[str, Judge] = {}
        self._laws: dict[str, tuple[Mapping[str, Scalar], Law]] = {}

    def of(self, injection: Injection) -> Law:
        """An injection's law; the same one for as long as it is there."""
        known = self._laws.get(injection.injection)
        if known is None or known[0] != injection.law:
            known = self._laws[injection.injection] = injection.law, Law.of(injection.law)
        return known[1]

    def refusal(self, injection: Injection) -> str:
        """Why this law cannot be, or nothing."""
        try:
            law = Law.of(injection.law)
            for condition in (law.when, law.clear):
                if condition:
                    self._judge(condition)
            if law.drive:
                self._sight.reader(law.drive)
        except (ValueError, KeyError, IndexError, TypeError) as error:  # Refused is a ValueError
            return f"its law: {error}"
        unknown = [name for name in law.to if isinstance(injection.parameters.get(name), (str, type(None)))]
        return f"its law: a ramp of {unknown[0]}, which is no number here" if unknown else ""

    def watched(self, injection: Injection) -> Watch:
        """It begins to wait."""
        return Watch(injection, was=self.of(injection).edge)

    def look(self, watch: Watch, tick: int, now_ns: int, *, acts: bool) -> Injection | None:
        """The strike that is due now, or None. `acts`: one of it acts still, so another finds nothing to break."""
        injection, law = watch.injection, self.of(watch.injection)
        if now_ns < injection.start_ns:
            return None
        if watch.due_ns < 0 and not self.over(watch, now_ns) and self._strikes(watch, law, tick):
            watch.due_ns = now_ns + law.delay_ns
            watch.struck += 1
        if watch.due_ns < 0 or watch.due_ns > now_ns:
            return None
        watch.due_ns = -1
        if acts:
            return None
        end_ns = now_ns + law.length_ns if law.length_ns else 0
        return injection.model_copy(update={"start_ns": now_ns, "end_ns": end_ns})

    def over(self, watch: Watch, now_ns: int) -> bool:
        """It will not strike again."""
        law, end_ns = self.of(watch.injection), watch.injection.end_ns
        if watch.due_ns >= 0:
            return False
        return watch.struck >= (law.times or MOST_STRIKES) or bool(end_ns and now_ns >= end_ns)

    def cleared(self, injection: Injection) -> bool:
        """Whether the condition that ends it is true."""
        clear = self.of(injection).clear if injection.law else ""
        return bool(clear) and self._judge(clear)() is True

    def _strikes(self, watch: Watch, law: Law, tick: int) -> bool:
        if law.when:
            now = self._judge(law.when)()
            if now is None:
                return False
            rising, watch.was = now and not watch.was, now
            return rising
        rate = law.rate_per_s
        if law.drive:
            rate *= max(0.0, self._sight.reader(law.drive)())
        chance = -math.expm1(-rate * self._tick_ns / 1e9)  # of at least one event of a Poisson process in a tick
        return self._sight.draw(_fault(watch.injection), tick, 0, each=law.each) < chance

    def _judge(self, condition: str) -> Judge:
        judge = self._judges.get(condition)
        if judge is None:
            judge = self._judges[condition] = compiled(condition, self._sight.reader)
        return judge

    # ---- of one that acts -----------------------------------------------------------------------------------------

    def course(self, injection: Injection, now_ns: int, strike: int) -> Course | None:
        """How a strike goes on that begins now; None for one that simply stays."""
        law = self.of(injection) if injection.law else Law()
        if not law.on_ns and not law.ramp_ns:
            return None
        course = Course(injection, now_ns, strike)
        course.next_ns = now_ns + self._length(course, law) if law.on_ns else 0
        return course

    def turn(self, course: Course, now_ns: int) -> bool:
        """Whether it comes or goes now. Several changes within one tick are one or none."""
        law = self.of(course.injection)
        was = course.on
        while law.on_ns and course.next_ns <= now_ns:
            course.on = not course.on
            course.phase += 1
            course.next_ns += self._length(course, law)
        return course.on != was

    def grown(self, course: Course, now_ns: int) -> Injection | None:
        """The injection with the parameters of the ramp's step that begins now; None where none does."""
        law = self.of(course.injection)
        if not law.ramp_ns:
            return None
        every_ns = law.step_ns or self._tick_ns
        step = min((now_ns - course.since_ns) // every_ns, -(-law.ramp_ns // every_ns))
        if step == course.step:
            return None
        course.step = step
        return self.at_step(course)

    def at_step(self, course: Course) -> Injection:
        """The injection with the parameters of its present step."""
        law, injection = self.of(course.injection), course.injection
        if not law.ramp_ns or not course.step:
            return injection
        share = min(1.0, course.step * (law.step_ns or self._tick_ns) / law.ramp_ns)
        grown = {
            name: _number(injection.parameters[name]) * (1.0 - share) + end * share for name, end in law.to.items()
        }
        return injection.model_copy(update={"parameters": {**injection.parameters, **grown}})

    def _length(self, course: Course, law: Law) -> int:
        """Of the phase that begins: at least a tick, for nothing shorter can be."""
        mean_ns = law.on_ns if course.on else law.off_ns
        if not law.drawn:
            return max(mean_ns, self._tick_ns)
        share = self._sight.draw(_fault(course.injection), course.strike, 1 + course.phase, each=law.each)
        drawn_ns = round(-math.log1p(-share) * mean_ns)
        return max(drawn_ns, self._tick_ns)


def _fault(injection: Injection) -> str:
    """Injections of one fault draw alike: its parts strike together."""
    head, _, part = injection.injection.rpartition(".")
    return head if head and part.isdigit() else injection.injection


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
