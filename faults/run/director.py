"""The range's own participant: sends the scenario's injections one tick ahead and keeps what the targets report.

`Director.step` is a function like every other participant's: no socket, no clock, no file. What a fault does is the
target's business, and so is when, where a law of onset says it; what follows another fault, or a condition that is
watched on another spacecraft, leaves when that is told to act. Live injections from outside travel past the director
as recorded mail, and their reports come to it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bus.onset import MOST_STRIKES, Law
from bus.participant import Moment, Outbox
from bus.scenario.model import Fault, Scenario
from bus.snapshot.pack import Stateful
from bus.wire.messages import Account, Injection, InjectionReport, InjectionState, Message, Seam
from faults.catalogue.injection_ids import injection_ids

DIRECTOR_ID = "range"
LEAD_TICKS = 2
"""What is to strike at a tick has to be known so many ticks before: an injection leaves in the step before the tick
that covers its onset, and whoever changes the plan comes before that step."""
MAX_REPORTS = 4096
"""Bound on kept reports (a row is some 100 bytes); what comes beyond is counted in `reports_dropped`."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One injection of the scenario and the tick in whose step it leaves."""

    tick: int
    target: str
    injection: Injection


@dataclass(frozen=True, slots=True)
class Report:
    """What a target said of an injection."""

    target: str
    injection: str
    state: InjectionState
    at_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class Following:
    """What leaves when an injection is told to act: so often at most, so long after it."""

    fault: str
    times: int
    delay_ns: int
    length_ns: int
    strikes: tuple[tuple[str, Injection], ...]


def plan(scenario: Scenario) -> tuple[Planned, ...]:
    """All injections of a scenario whose leaving is known, by the tick they leave in: the one before the tick that
    covers their onset, or the earliest one where a law decides.

    Mail sent in step k arrives with Tick k+1, so the earliest onset is the start of tick 1.
    """
    planned: dict[tuple[str, str], Planned] = {}
    for fault in scenario.faults:
        if fault.follows:
            continue
        start_ns = max(round(fault.at_s * 1e9), scenario.tick_ns)
        last_s = fault.until_s if fault.closes_s is None else fault.closes_s
        end_ns = 0 if last_s is None else max(round(last_s * 1e9), start_ns)
        where = fault.watched or fault.target
        for injection in [_watch(fault)] if fault.watched else _strikes(fault):
            timed = injection.model_copy(update={"start_ns": start_ns, "end_ns": end_ns})
            planned.setdefault((where, injection.injection), Planned(start_ns // scenario.tick_ns - 1, where, timed))
    return tuple(sorted(planned.values(), key=lambda item: (item.tick, item.target, item.injection.injection)))


def following(scenario: Scenario) -> dict[str, tuple[Following, ...]]:
    """What begins after something else, by the id of the injection that it waits for."""
    groups: dict[tuple[str, str], list[Fault]] = {}
    first = {fault.id: injection_ids(fault)[0] for fault in scenario.faults}
    for fault in scenario.faults:
        if fault.follows and fault.follows in first:
            groups.setdefault((first[fault.follows], fault.id), []).append(fault)
        elif fault.watched:
            groups.setdefault((watch_id(fault), fault.id), []).append(fault)
    found: dict[str, list[Following]] = {}
    for (cause, name), faults in groups.items():
        law = _laws(faults[0])[0]
        strikes = tuple((fault.target, injection) for fault in faults for injection in _strikes(fault, bare=True))
        delay_ns = 0 if faults[0].watched else law.delay_ns  # who watches has waited
        found.setdefault(cause, []).append(Following(name, law.times, delay_ns, law.length_ns, strikes))
    return {cause: tuple(ones) for cause, ones in found.items()}


def watch_id(fault: Fault) -> str:
    """Id of the injection that only tells that a fault's condition came true on another spacecraft."""
    return f"{fault.id}.watch"


def _laws(fault: Fault) -> list[Law]:
    return [Law.of(each) for each in fault.laws] or [Law()] * len(fault.primitives)


def _watch(fault: Fault) -> Injection:
    law = _laws(fault)[0]
    watching = Law(when=law.when, edge=law.edge, times=law.times, delay_ns=law.delay_ns)
    return Injection(
        injection=watch_id(fault), seam=Seam.HOST, place="computer", primitive="watch", parameters={}, start_ns=0,
        end_ns=0, law=watching.as_map(),
    )  # fmt: skip


def _strikes(fault: Fault, *, bare: bool = False) -> list[Injection]:
    """A fault's injections, their times still open. `bare`: without what says when they begin."""
    laws = _laws(fault)
    if bare:
        laws = [replace(law, when="", edge=False, times=0, delay_ns=0, length_ns=0) for law in laws]
    return [
        Injection(
            injection=name, seam=seam, place=place, primitive=primitive, parameters=dict(parameters), start_ns=0,
            end_ns=0, law=law.as_map(),
        )
        for name, (seam, place, primitive, parameters), law in zip(
            injection_ids(fault), fault.primitives, laws, strict=True
        )
    ]  # fmt: skip


@dataclass(slots=True)
class State:
    """How far the plan has gone, and what came back. followed: by fault that follows, how often, and the onset (ns) of
    what it followed last: parts and targets of a fault strike as one."""

    sent: int = 0
    seq: int = 0
    dropped: int = 0
    reports: list[Report] = field(default_factory=list)
    followed: dict[str, tuple[int, int]] = field(default_factory=dict)


class Director(Stateful):
    """Participant `range`."""

    state: State

    def __init__(self, scenario: Scenario) -> None:
        self._planned = plan(scenario)
        self._following = following(scenario)
        self.state = State()

    @property
    def reports(self) -> list[Report]:
        """What the targets said, in the order in which it came."""
        return self.state.reports

    @property
    def id(self) -> str:
        """Who it is on the bus."""
        return DIRECTOR_ID

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        """One tick: keep the reports, send what is due, and what follows them."""
        outbox = Outbox()
        for message in inbox:
            if isinstance(message.body, InjectionReport):
                self._keep(message.source, message.body)
                if not moment.closing:
                    self._follow(outbox, moment, message.body)
        if moment.closing:
            self._send(outbox, moment, "bus", self._account())
            return outbox
        while self.state.sent < len(self._planned) and self._planned[self.state.sent].tick <= moment.tick:
            item = self._planned[self.state.sent]
            self._send(outbox, moment, item.target, item.injection)
            self.state.sent += 1
        return outbox

    def _follow(self, outbox: Outbox, moment: Moment, body: InjectionReport) -> None:
        """Send what waits for this one to act."""
        if body.state != InjectionState.ACTIVE:
            return
        for one in self._following.get(body.injection, ()):
            count, last_ns = self.state.followed.get(one.fault, (0, -1))
            if body.at_ns == last_ns or count >= (one.times or MOST_STRIKES):
                continue
            self.state.followed[one.fault] = count + 1, body.at_ns
            start_ns = max(moment.end_ns, body.at_ns + one.delay_ns)
            window = {"start_ns": start_ns, "end_ns": start_ns + one.length_ns if one.length_ns else 0}
            for target, injection in one.strikes:
                self._send(outbox, moment, target, injection.model_copy(update=window))

    def acting(self) -> dict[str, dict[str, bool]]:
        """By target, the injections that act now, in order of onset, and whether each blacks an uplink out."""
        known = [(item.target, item.injection) for item in self._planned]
        known += [strike for ones in self._following.values() for one in ones for strike in one.strikes]
        blackouts = {
            (target, injection.injection)
            for target, injection in known
            if (injection.place, injection.primitive) == ("uplink", "blackout")
        }
        found: dict[str, dict[str, bool]] = {}
        for report in self.reports:
            if report.state == InjectionState.ACTIVE:
                found.setdefault(report.target, {})[report.injection] = (report.target, report.injection) in blackouts
            elif report.state == InjectionState.CLEARED:
                found.get(report.target, {}).pop(report.injection, None)
        return found

    def _keep(self, target: str, body: InjectionReport) -> None:
        if len(self.reports) >= MAX_REPORTS:
            self.state.dropped += 1
            return
        self.reports.append(Report(target, body.injection, InjectionState(body.state), body.at_ns, body.reason))

    def _account(self) -> Account:
        states = [report.state for report in self.reports]
        counters = {
            "injections_sent": float(self.state.sent),
            "injections_active": float(states.count(InjectionState.ACTIVE)),
            "injections_cleared": float(states.count(InjectionState.CLEARED)),
            "injections_refused": float(states.count(InjectionState.REFUSED)),
            "reports_dropped": float(self.state.dropped),
        }
        return Account(rows=(), counters=counters)

    def _send(self, outbox: Outbox, moment: Moment, destination: str, body: Injection | Account) -> None:
        outbox.messages.append(Message(moment.end_ns, self.id, self.state.seq, destination, body))
        self.state.seq += 1
