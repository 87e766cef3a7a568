"""What an injection does at the four seams: plant, device, link, host.

A primitive is put in place when its window opens and taken away without residue when it closes. One that names a place
or a word that does not exist here is refused with the reason. Why one would inject it is the catalogue's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from bus.onset import Law
from bus.snapshot.pack import Stateful
from bus.wire.messages import Injection, InjectionReport, InjectionState, Scalar, Seam
from node.injection.laws import Course, Laws, Watch
from node.injection.sight import Sight

LIMIT = 256
"""Injections waiting or active at one time."""


class SeamHandler(Protocol):
    """One seam. `start` may be called only if `refusal` was empty."""

    def refusal(self, injection: Injection) -> str:
        """Why this injection cannot be, or nothing."""
        ...

    def start(self, injection: Injection, tick: int) -> bool:
        """Put it in place. False if it is over at once and nothing has to be taken away."""
        ...

    def hold(self, tick: int) -> None:
        """Called in every tick while anything is active at this seam, before the plant moves."""
        del tick  # most faults need no care

    def change(self, injection: Injection, tick: int) -> None:
        """It acts already, and goes on with other parameters."""
        self.end(injection, tick)
        self.start(injection, tick)

    def over(self, injection: Injection, tick: int) -> bool:
        """Whether nothing is left of it in this tick, though its window is still open."""
        return False

    def end(self, injection: Injection, tick: int) -> None:
        """Take it away."""
        ...

    def save(self) -> bytes:
        """What the seam remembers."""
        ...

    def restore(self, data: bytes, active: Mapping[str, Injection]) -> None:
        """Put everything active back in place, and take over what `save` gave."""
        ...


class Report(NamedTuple):
    """What becomes of an injection, for the range."""

    injection: str
    state: InjectionState
    reason: str = ""

    def body(self, at_ns: int) -> InjectionReport:
        """As a message."""
        return InjectionReport(injection=self.injection, state=self.state, at_ns=at_ns, reason=self.reason)


def unknown_parameter(known: Mapping[str, object], parameters: Mapping[str, Scalar]) -> str:
    """Why these parameters cannot be: one nobody knows, or one that is no number."""
    for name in sorted(parameters):
        if name not in known:
            return f"unknown parameter '{name}'; allowed: {', '.join(known) or 'none'}"
        if isinstance(parameters[name], str):
            return f"parameter '{name}' must be a number"
    return ""


@dataclass(slots=True)
class State:
    """Injections by id; what each seam remembers. watched: those that wait for a law's word, which may strike again
    and again; courses: of those active that come, go or grow."""

    waiting: dict[str, Injection] = field(default_factory=dict)
    active: dict[str, Injection] = field(default_factory=dict)
    seams: dict[Seam, bytes] = field(default_factory=dict)
    watched: dict[str, Watch] = field(default_factory=dict)
    courses: dict[str, Course] = field(default_factory=dict)


class Injections(Stateful):
    """All injections of one spacecraft: waiting for their window or for a law's word, or active."""

    state: State

    def __init__(self, seams: Mapping[Seam, SeamHandler], sight: Sight, tick_ns: int) -> None:
        self._seams = seams
        self._laws = Laws(sight, tick_ns)
        self.state = State()

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is active."""
        return not self.state.waiting and not self.state.active and not self.state.watched

    @property
    def active(self) -> tuple[str, ...]:
        """Ids of what is active, in order of onset."""
        return tuple(self.state.active)

    def receive(self, injection: Injection, tick: int) -> list[Report]:
        """A message from the range."""
        name, state = injection.injection, self.state
        if injection.clear:
            return self._clear(name, tick)
        if name in state.waiting or name in state.active or name in state.watched:
            return [Report(name, InjectionState.REFUSED, "an injection of this id waits or is active")]
        if len({*state.waiting, *state.active, *state.watched}) >= LIMIT:
            return [Report(name, InjectionState.REFUSED, f"more than {LIMIT} injections at one time")]
        if injection.end_ns and injection.end_ns <= injection.start_ns:
            return [Report(name, InjectionState.REFUSED, "its window ends before it begins")]
        reason = self._seams[Seam(injection.seam)].refusal(injection)
        if not reason and injection.law:
            reason = self._laws.refusal(injection)
        if reason:
            return [Report(name, InjectionState.REFUSED, reason)]
        if injection.law and Law.of(injection.law).waits:
            state.watched[name] = self._laws.watched(injection)
        else:
            state.waiting[name] = injection
        return []

    def step(self, tick: int, now_ns: int) -> list[Report]:
        """Open and close windows for the tick that starts at `now_ns`, then hold what is active."""
        state = self.state
        reports: list[Report] = []
        for name, injection in list(state.active.items()):
            if (injection.end_ns and injection.end_ns <= now_ns) or self._laws.cleared(injection):
                reports += self._end(name, tick)
            elif self._acts(name) and self._seams[Seam(injection.seam)].over(injection, tick):
                del state.active[name]
                state.courses.pop(name, None)
                reports.append(Report(name, InjectionState.CLEARED, "nothing of it is left"))
        for name, watch in list(state.watched.items()):
            strike = self._laws.look(watch, tick, now_ns, acts=name in state.active)
            if strike is not None:
                reports += self._begin(name, strike, tick, now_ns, watch.struck)
            if self._laws.over(watch, now_ns):
                del state.watched[name]
        for name, injection in list(state.waiting.items()):
            if injection.start_ns <= now_ns:
                del state.waiting[name]
                reports += self._begin(name, injection, tick, now_ns, 1)
        for name, course in state.courses.items():
            self._go_on(name, course, tick, now_ns)
        if state.active:
            for seam in sorted({injection.seam for injection in state.active.values()}):
                self._seams[Seam(seam)].hold(tick)
        return reports

    def _begin(self, name: str, injection: Injection, tick: int, now_ns: int, strike: int) -> list[Report]:
        reports = [Report(name, InjectionState.ACTIVE)]
        if not self._seams[Seam(injection.seam)].start(injection, tick):
            return [*reports, Report(name, InjectionState.CLEARED)]
        self.state.active[name] = injection
        course = self._laws.course(injection, now_ns, strike)
        if course is not None:
            self.state.courses[name] = course
        return reports

    def _go_on(self, name: str, course: Course, tick: int, now_ns: int) -> None:
        """What comes and goes does so; what grows takes its next step. The range is not told of it: it is the law's."""
        seam = self._seams[Seam(course.injection.seam)]
        turned, grown = self._laws.turn(course, now_ns), self._laws.grown(course, now_ns)
        if grown is not None:
            self.state.active[name] = grown
        injection = self.state.active[name]
        if turned and course.on:
            seam.start(injection, tick)
        elif turned:
            seam.end(injection, tick)
        elif grown is not None and course.on:
            seam.change(injection, tick)

    def _acts(self, name: str) -> bool:
        """It is in place, and not between two of its times."""
        course = self.state.courses.get(name)
        return course is None or course.on

    def _clear(self, name: str, tick: int) -> list[Report]:
        """Somebody takes it away for good."""
        state = self.state
        waited = state.waiting.pop(name, None) is not None
        waited = state.watched.pop(name, None) is not None or waited
        if name in state.active:
            return self._end(name, tick)
        if waited:
            return [Report(name, InjectionState.CLEARED, "it was not active")]
        return [Report(name, InjectionState.REFUSED, "no injection of this id waits or is active")]

    def _end(self, name: str, tick: int) -> list[Report]:
        """An active one ends."""
        acts = self._acts(name)
        injection = self.state.active.pop(name)
        self.state.courses.pop(name, None)
        if acts:
            self._seams[Seam(injection.seam)].end(injection, tick)
        return [Report(name, InjectionState.CLEARED)]

    def save(self) -> bytes:
        """With what the seams remember."""
        self.state.seams = {seam: handler.save() for seam, handler in self._seams.items()}
        return super().save()

    def restore(self, data: bytes) -> None:
        """Wrappers and all."""
        super().restore(data)
        for seam, remembered in self.state.seams.items():
            mine = {name: i for name, i in self.state.active.items() if i.seam == seam and self._acts(name)}
            self._seams[seam].restore(remembered, mine)
