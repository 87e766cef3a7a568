"""What an injection does at the four seams: plant, device, link, host.

A primitive is put in place when its window opens and taken away without residue when it closes. One that names a place
or a word that does not exist here is refused with the reason. Why one would inject it is the catalogue's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

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

    def state(self) -> Any:
        """What the seam remembers."""
        ...

    def load(self, state: Any, active: Mapping[str, Injection]) -> None:
        """Put everything active back in place, and take over what `state` gave."""
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


class Injections:
    """All injections of one spacecraft: waiting for their window, or active."""

    def __init__(self, seams: Mapping[Seam, SeamHandler]) -> None:
        self._seams = seams
        self._waiting: dict[str, Injection] = {}
        self._active: dict[str, Injection] = {}

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is active."""
        return not self._waiting and not self._active

    @property
    def active(self) -> tuple[str, ...]:
        """Ids of what is active, in order of onset."""
        return tuple(self._active)

    def receive(self, injection: Injection, tick: int) -> list[Report]:
        """A message from the range."""
        name = injection.injection
        if injection.clear:
            return self._clear(name, tick)
        if name in self._waiting or name in self._active:
            return [Report(name, InjectionState.REFUSED, "an injection of this id waits or is active")]
        if len(self._waiting) + len(self._active) >= LIMIT:
            return [Report(name, InjectionState.REFUSED, f"more than {LIMIT} injections at one time")]
        if injection.end_ns and injection.end_ns <= injection.start_ns:
            return [Report(name, InjectionState.REFUSED, "its window ends before it begins")]
        reason = self._seams[Seam(injection.seam)].refusal(injection)
        if reason:
            return [Report(name, InjectionState.REFUSED, reason)]
        self._waiting[name] = injection
        return []

    def step(self, tick: int, now_ns: int) -> list[Report]:
        """Open and close windows for the tick that starts at `now_ns`, then hold what is active."""
        reports: list[Report] = []
        for name, injection in list(self._active.items()):
            if injection.end_ns and injection.end_ns <= now_ns:
                reports += self._clear(name, tick)
            elif self._seams[Seam(injection.seam)].over(injection, tick):
                del self._active[name]
                reports.append(Report(name, InjectionState.CLEARED, "nothing of it is left"))
        for name, injection in list(self._waiting.items()):
            if injection.start_ns <= now_ns:
                del self._waiting[name]
                reports.append(Report(name, InjectionState.ACTIVE))
                if self._seams[Seam(injection.seam)].start(injection, tick):
                    self._active[name] = injection
                else:
                    reports.append(Report(name, InjectionState.CLEARED))
        if self._active:
            for seam in sorted({injection.seam for injection in self._active.values()}):
                self._seams[Seam(seam)].hold(tick)
        return reports

    def _clear(self, name: str, tick: int) -> list[Report]:
        if self._waiting.pop(name, None) is not None:
            return [Report(name, InjectionState.CLEARED, "it was never active")]
        injection = self._active.pop(name, None)
        if injection is None:
            return [Report(name, InjectionState.REFUSED, "no injection of this id waits or is active")]
        self._seams[Seam(injection.seam)].end(injection, tick)
        return [Report(name, InjectionState.CLEARED)]

    def state(self) -> Any:
        """Everything that waits or is active, and what the seams remember."""
        lists = [[i.model_dump() for i in group.values()] for group in (self._waiting, self._active)]
        return [*lists, [[int(seam), handler.state()] for seam, handler in self._seams.items()]]

    def load(self, state: Any) -> None:
        """Take over what `state` gave, wrappers and all."""
        waiting, active, seams = state
        self._waiting = {i["injection"]: Injection(**i) for i in waiting}
        self._active = {i["injection"]: Injection(**i) for i in active}
        for seam, remembered in seams:
            mine = {name: i for name, i in self._active.items() if i.seam == seam}
            self._seams[Seam(seam)].load(remembered, mine)
