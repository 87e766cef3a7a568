"""The range's own participant: sends the scenario's injections one tick ahead and keeps what the targets report.

`Director.step` is a function like every other participant's: no socket, no clock, no file. What a fault does is the
target's business; live injections from outside travel past the director as recorded mail, and their reports come to it
too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bus.errors import DecodeError
from bus.participant import Moment, Outbox
from bus.scenario.model import Scenario
from bus.wire.messages import Account, Injection, InjectionReport, InjectionState, Message
from faults.catalogue.injection_ids import injection_ids

DIRECTOR_ID = "range"
MAX_REPORTS = 4096
"""Bound on kept reports (a row is some 100 bytes); what comes beyond is counted in `reports_dropped`."""

_FORM = "director-1"


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


class Director:
    """Participant `range`."""

    def __init__(self, scenario: Scenario) -> None:
        self._planned = plan(scenario)
        self._sent = 0
        self._seq = 0
        self._dropped = 0
        self.reports: list[Report] = []

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
        while self._sent < len(self._planned) and self._planned[self._sent].tick <= moment.tick:
            item = self._planned[self._sent]
            self._send(outbox, moment, item.target, item.injection)
            self._sent += 1
        return outbox

    def save(self) -> bytes:
        """Its whole state as JSON; small, and readable when a run is taken apart."""
        return json.dumps(
            [
                _FORM,
                self._sent,
                self._seq,
                self._dropped,
                [[r.target, r.injection, int(r.state), r.at_ns, r.reason] for r in self.reports],
            ]
        ).encode()

    def restore(self, snapshot: bytes) -> None:
        """Take over what `save` gave."""
        try:
            form, sent, seq, dropped, reports = json.loads(snapshot)
            if form != _FORM:
                raise DecodeError(f"a director's snapshot of form {form!r}, expected {_FORM!r}")
            rows = [Report(t, i, InjectionState(s), at, why) for t, i, s, at, why in reports]
        except (ValueError, TypeError) as error:
            raise DecodeError(f"no director's snapshot: {error}") from error
        self._sent, self._seq, self._dropped, self.reports = int(sent), int(seq), int(dropped), rows

    def _keep(self, target: str, body: InjectionReport) -> None:
        if len(self.reports) >= MAX_REPORTS:
            self._dropped += 1
            return
        self.reports.append(Report(target, body.injection, InjectionState(body.state), body.at_ns, body.reason))

    def _account(self) -> Account:
        states = [report.state for report in self.reports]
        counters = {
            "injections_sent": float(self._sent),
            "injections_active": float(states.count(InjectionState.ACTIVE)),
            "injections_cleared": float(states.count(InjectionState.CLEARED)),
            "injections_refused": float(states.count(InjectionState.REFUSED)),
            "reports_dropped": float(self._dropped),
        }
        return Account(rows=(), counters=counters)

    def _send(self, outbox: Outbox, moment: Moment, destination: str, body: Injection | Account) -> None:
        outbox.messages.append(Message(moment.end_ns, self.id, self._seq, destination, body))
        self._seq += 1
