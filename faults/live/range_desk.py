"""Everything the range's API works with: a run's scenario and its faults, its trace as it grows, the way to its bus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bus.errors import EnvironmentFault, UserError
from bus.scenario.model import Scenario
from bus.web import range_forms as forms
from bus.web.forms import Scalar
from bus.wire.messages import InjectionReport, InjectionState, Seam
from bus.wire.pace import ClockOrder
from faults.catalogue.form import DesignInfo, FaultForm, ParameterForm
from faults.catalogue.injection_ids import injection_ids
from faults.live.connection import design_of
from faults.live.orders import FaultOrder, fault_order, parts_of
from faults.live.range_link import RangeLink, Struck
from faults.recording.injections import Injected, InjectionBook
from faults.run.director import following, plan
from faults.scenarios.own_faults import faults_of
from faults.scenarios.vocabulary import design_info

TOLD = frozenset(int(state) for state in InjectionState)
OVER = frozenset((int(InjectionState.CLEARED), int(InjectionState.REFUSED)))
STATE_WORDS: dict[int, forms.State] = {
    InjectionState.ACTIVE: "active", InjectionState.CLEARED: "cleared", InjectionState.REFUSED: "refused",
}  # fmt: skip
MOST_CHOICES = 400


@dataclass(slots=True)
class Facts:
    """What is true of a run from its beginning on. `over`: whether it has ended, asked anew each time."""

    name: str
    version: str
    scenario: Scenario
    trace: Path
    over: Callable[[], bool]


class RangeDesk:
    """See the module. `link` None: of a run that is over nobody can be asked."""

    def __init__(self, facts: Facts, link: RangeLink | None) -> None:
        self.facts, self.link = facts, link
        self.scenario = facts.scenario
        self._faults = faults_of(self.scenario)
        planned = {id: fault.fault for fault in self.scenario.faults for id in injection_ids(fault)}
        self._book = InjectionBook(facts.trace, planned)
        self._planned = [
            forms.Injection(
                id=item.injection.injection, fault=planned.get(item.injection.injection, "a condition"),
                target=item.target, seam=Seam(item.injection.seam).name.lower(), state="planned",
                at_s=None if item.injection.law else item.injection.start_ns / 1e9, cleared_s=None, reason="",
            )
            for item in plan(self.scenario)
        ] + [
            forms.Injection(
                id=injection.injection, fault=planned.get(injection.injection, one.fault), target=target,
                seam=Seam(injection.seam).name.lower(), state="planned", at_s=None, cleared_s=None,
                reason=f"follows {cause}",
            )
            for cause, ones in following(self.scenario).items() for one in ones for target, injection in one.strikes
        ]  # fmt: skip
        self._looking = asyncio.Lock()

    def bus(self) -> RangeLink:
        """The way to the bus. Raises ConnectionError where there is none."""
        if self.link is None or self.facts.over():
            raise ConnectionError("the run is over, or flies in one process: nobody can be asked")
        return self.link

    def clock(self) -> forms.Clock:
        """How it stood when it was last asked, half a second ago."""
        over = self.link is None or self.facts.over()
        answers = self.link is not None and not over and self.link.open
        state = self.link.clock_state if self.link is not None and answers else None
        return forms.Clock(
            range="over" if over else "answers" if answers else "silent",
            paced=self.link.paced if self.link is not None and answers else None,
            paused=state.paused if state else None, free=not state.speed if state else None,
            speed=(state.speed or None) if state else None, steps=state.steps if state else None,
            mission_s=state.tick * self.scenario.tick_ns / 1e9 if state else None,
        )  # fmt: skip

    async def hold(self, order: ClockOrder) -> forms.Clock:
        """Something of the clock, and how it stands then. Raises UserError, ConnectionError."""
        await self.bus().order(order)
        return self.clock()

    def catalogue(self, target: str) -> list[forms.Fault]:
        """Every fault; with a target the choices that it has. Raises UnknownNameError."""
        info = self._info(target) if target else None
        return [_fault(name, form, info) for name, form in self._faults.items()]

    def resolved(self, order: forms.FaultOrder) -> FaultOrder:
        """Checked against the design of its target. Raises UnknownNameError, ScenarioError, UserError."""
        given: dict[str, Scalar] = dict(order.parameters)
        if "for" in given:
            raise UserError("parameters.for: how long it acts is no parameter here", hint="length: '10 min'")
        return fault_order(
            order.target, order.fault, given | ({"for": order.length} if order.length else {}), self.scenario
        )

    async def inject(self, order: forms.FaultOrder, wait_s: float) -> forms.Injected:
        """Break something, and wait so long for its target's word."""
        resolved = await asyncio.to_thread(self.resolved, order)
        link = self.bus()
        struck = await link.inject(resolved)
        return _told(struck, await link.words(struck, TOLD, wait_s), TOLD)

    async def clear(self, name: str, wait_s: float) -> forms.Injected:
        """End an injection, or all of a fault's. An empty name: all that act."""
        link = self.bus()
        acts = [(one.id, one.target) for one in await self.injections() if one.state == "active"]
        if name:
            parts = parts_of(name, self.scenario)
            acts = [struck for struck in acts if struck[0] in parts]
            if not acts:
                raise UserError(f"'{name}' does not act", hint="GET /injections?active=true lists what acts")
        struck = await link.clear(acts) if acts else []
        return _told(struck, await link.words(struck, OVER, wait_s), OVER)

    async def injections(self) -> list[forms.Injection]:
        """What left the range, in its order, then what is planned."""
        async with self._looking:
            try:
                await asyncio.to_thread(self._book.look)
            except EnvironmentFault:
                if not self._book.rows and self.facts.over():
                    raise
            found = [self._row(one) for one in self._book.rows]
        there = {(one.id, one.target) for one in found}
        return found + [one for one in self._planned if (one.id, one.target) not in there]

    def _row(self, one: Injected) -> forms.Injection:
        row = forms.Injection.model_validate(one.as_json())
        word = self.link.newest(one.id, one.target) if self.link is not None else None
        if word is not None and row.state in ("asked", "active"):
            row.state, row.reason = STATE_WORDS[word.state], word.reason
            if word.state == InjectionState.CLEARED:
                row.cleared_s = word.at_ns / 1e9
            elif row.at_s is None and word.state == InjectionState.ACTIVE:
                row.at_s = word.at_ns / 1e9
        return row

    def _info(self, target: str) -> DesignInfo:
        return design_info(design_of(self.scenario, target), tuple(one.id for one in self.scenario.stations))


def _told(struck: list[Struck], words: list[InjectionReport], last: frozenset[int]) -> forms.Injected:
    found = forms.Injected(
        ids=[name for name, _ in struck], states=dict.fromkeys([name for name, _ in struck], "asked"),
        final=len(words) == len(struck) and all(word.state in last for word in words),
        reasons={word.injection: word.reason for word in words if word.reason},
    )  # fmt: skip
    for word in words:
        found.states[word.injection] = STATE_WORDS[word.state]
    return found


def _fault(name: str, form: FaultForm, info: DesignInfo | None) -> forms.Fault:
    return forms.Fault(
        name=name, seam=form.seam.name.lower(), fmeca=form.fmeca, severity=form.severity,
        description=form.description, signature=form.signature, criticality=form.criticality, keeps=form.keeps,
        source=form.source, instant=form.window == "instant",
        parameters=[_parameter(each, info) for each in form.parameters.values()],
    )  # fmt: skip


def _parameter(form: ParameterForm, info: DesignInfo | None) -> forms.Parameter:
    return forms.Parameter(
        name=form.name, kind=form.kind, text=form.text, required=form.required, default=form.default, low=form.low,
        high=form.high, choices=choices(form, info)[:MOST_CHOICES],
    )  # fmt: skip


def choices(form: ParameterForm, info: DesignInfo | None) -> list[str]:
    """What can be chosen; empty for a quantity, and for parts where no spacecraft is named."""
    if form.kind == "choice":
        return list(form.choices)
    if info is None:
        return []
    devices = list(dict.fromkeys(one.partition(".")[0] for one in info.sensors))
    match form.kind:
        case "member":
            return list(info.groups.get(form.of, ()))
        case "sensor":
            return [*(devices if form.whole else []), *info.sensors]
        case "device":
            return devices
    return []
