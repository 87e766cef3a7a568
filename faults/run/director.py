"""The range's own participant: sends the scenario's injections one tick ahead and keeps what the targets report.

`Director.step` is a function like every other participant's: no socket, no clock, no file. What a fault does is the
target's business; live injections from outside travel past the director as recorded mail, and their reports come to it
too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bus.participant import Moment, Outbox
from bus.scenario.model import Scenario
from bus.snapshot.pack import Stateful
from bus.wire.messages import Account, Injection, InjectionReport, InjectionState, Message
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


def plan(scenario: Scenario) -> tuple[Planned, ...]:
    """All injections of a scenario by the tick they leave in: the one before the tick that covers their onset.

    Mail sent in step k arrives with Tick k+1, so the earliest onset is the start of tick 1.
    """
    planned = []
    for fault in scenario.faults:
        start_ns = max(round(fault.at_s * 1e9), scenario.tick_ns)
        end_ns = 0 if fault.until_s is None else max(round(fault.until_s * 1e9), start_ns)
        for injection_id, (seam, place, primitive, parameters) in zip(
            injection_ids(fault), fault.primitives, strict=True
        ):
            injection = Injection(
                injection=injection_id,
                seam=seam,
                place=place,
                primitive=primitive,
                parameters=dict(parameters),
                start_ns=start_ns,
                end_ns=end_ns,
            )
            planned.append(Planned(start_ns // scenario.tick_ns - 1, fault.target, injection))
    return tuple(sorted(planned, key=lambda item: (item.tick, item.target, item.injection.injection)))


@dataclass(slots=True)
class State:
    """How far the plan has gone, and what came back."""

    sent: int = 0
    seq: int = 0
    dropped: int = 0
    reports: list[Report] = field(default_factory=list)


class Director(Stateful):
    """Participant `range`."""

    state: State

    def __init__(self, scenario: Scenario) -> None:
        self._planned = plan(scenario)
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
        """One tick: keep the reports, send what is due."""
        for message in inbox:
            if isinstance(message.body, InjectionReport):
                self._keep(message.source, message.body)
        outbox = Outbox()
        if moment.closing:
            self._send(outbox, moment, "bus", self._account())
            return outbox
        while self.state.sent < len(self._planned) and self._planned[self.state.sent].tick <= moment.tick:
            item = self._planned[self.state.sent]
            self._send(outbox, moment, item.target, item.injection)
            self.state.sent += 1
        return outbox

    def acting(self) -> dict[str, dict[str, bool]]:
        """By target, the injections that act now, in order of onset, and whether each blacks an uplink out."""
        blackouts = {
            (item.target, item.injection.injection)
            for item in self._planned
            if (item.injection.place, item.injection.primitive) == ("uplink", "blackout")
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
