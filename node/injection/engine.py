"""What an injection does at the four seams: plant, device, link, host.

A primitive is put in place when its window opens and taken away without residue when it closes. One that names a place
or a word that does not exist here is refused with the reason. Why one would inject it is the catalogue's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from bus.snapshot.pack import Stateful
from bus.wire.messages import Injection, InjectionReport, InjectionState, Scalar, Seam

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
    """Injections by id; what each seam remembers."""

    waiting: dict[str, Injection] = field(default_factory=dict)
    active: dict[str, Injection] = field(default_factory=dict)
    seams: dict[Seam, bytes] = field(default_factory=dict)


class Injections(Stateful):
    """All injections of one spacecraft: waiting for their window, or active."""

    state: State

    def __init__(self, seams: Mapping[Seam, SeamHandler]) -> None:
        self._seams = seams
        self.state = State()

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is active."""
        return not self.state.waiting and not self.state.active

    @property
    def active(self) -> tuple[str, ...]:
        """Ids of what is active, in order of onset."""
        return tuple(self.state.active)

    def receive(self, injection: Injection, tick: int) -> list[Report]:
        """A message from the range."""
        name = injection.injection
        if injection.clear:
            return self._clear(name, tick)
        if name in self.state.waiting or name in self.state.active:
            return [Report(name, InjectionState.REFUSED, "an injection of this id waits or is active")]
        if len(self.state.waiting) + len(self.state.active) >= LIMIT:
            return [Report(name, InjectionState.REFUSED, f"more than {LIMIT} injections at one time")]
        if injection.end_ns and injection.end_ns <= injection.start_ns:
            return [Report(name, InjectionState.REFUSED, "its window ends before it begins")]
        reason = self._seams[Seam(injection.seam)].refusal(injection)
        if reason:
            return [Report(name, InjectionState.REFUSED, reason)]
        self.state.waiting[name] = injection
        return []

    def step(self, tick: int, now_ns: int) -> list[Report]:
        """Open and close windows for the tick that starts at `now_ns`, then hold what is active."""
        reports: list[Report] = []
        for name, injection in list(self.state.active.items()):
            if injection.end_ns and injection.end_ns <= now_ns:
                reports += self._clear(name, tick)
            elif self._seams[Seam(injection.seam)].over(injection, tick):
                del self.state.active[name]
                reports.append(Report(name, InjectionState.CLEARED, "nothing of it is left"))
        for name, injection in list(self.state.waiting.items()):
            if injection.start_ns <= now_ns:
                del self.state.waiting[name]
                reports.append(Report(name, InjectionState.ACTIVE))
                if self._seams[Seam(injection.seam)].start(injection, tick):
                    self.state.active[name] = injection
                else:
                    reports.append(Report(name, InjectionState.CLEARED))
        if self.state.active:
            for seam in sorted({injection.seam for injection in self.state.active.values()}):
                self._seams[Seam(seam)].hold(tick)
        return reports

    def _clear(self, name: str, tick: int) -> list[Report]:
        if self.state.waiting.pop(name, None) is not None:
            return [Report(name, InjectionState.CLEARED, "it was never active")]
        injection = self.state.active.pop(name, None)
        if injection is None:
            return [Report(name, InjectionState.REFUSED, "no injection of this id waits or is active")]
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
            mine = {name: i for name, i in self.state.active.items() if i.seam == seam}
            self._seams[seam].restore(remembered, mine)
