"""A fault that somebody wants in a live run, as the injections that bring it about; and the ones that end it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from bus.errors import Refused, UserError
from bus.scenario.model import Scenario
from bus.wire.messages import Injection, Scalar, Seam
from faults.catalogue.injection_ids import fault_of, injection_ids, live_id
from faults.live.connection import design_of
from faults.run.director import LEAD_TICKS
from faults.scenarios.orbits import period_s
from faults.scenarios.own_faults import check_own, faults_of
from faults.scenarios.times import window_length
from faults.scenarios.vocabulary import design_info

_serial = itertools.count()


def _token() -> str:
    """Two people may break the same thing in the same tick, and one of them twice: each needs ids of its own."""
    serial = next(_serial)
    return f"{os.getpid():x}" + (f"n{serial}" if serial else "")


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """A fault, resolved for its target. duration_ns 0: until it is cleared."""

    target: str
    fault: str
    injections: tuple[Injection, ...]
    duration_ns: int
    tick_ns: int
    token: str = field(default_factory=_token)

    def stamped(self, next_tick: int) -> list[Injection]:
        """The injections with an id of their own, starting soon."""
        start_ns = (next_tick + LEAD_TICKS) * self.tick_ns
        names = numbered(live_id(self.fault, next_tick, self.token), len(self.injections))
        end_ns = start_ns + self.duration_ns if self.duration_ns else 0
        return [
            injection.model_copy(update={"injection": name, "start_ns": start_ns, "end_ns": end_ns})
            for injection, name in zip(self.injections, names, strict=True)
        ]


def fault_order(target: str, fault: str, given: Mapping[str, Scalar], scenario: Scenario) -> FaultOrder:
    """Checked against its target's design; `for` among what is given is how long it acts.

    Raises UnknownNameError, ScenarioError, UserError."""
    from faults.catalogue.resolve import resolve_fault  # noqa: PLC0415

    design = design_of(scenario, target)
    parameters = {name: value for name, value in given.items() if name != "for"}
    duration_ns = _duration(given.get("for"), scenario)
    info, known = design_info(design, tuple(one.id for one in scenario.stations)), faults_of(scenario)
    resolved = resolve_fault(
        fault, info, parameters, tick_s=scenario.tick_ns / 1e9, has_end=duration_ns > 0, faults=known
    )
    check_own(fault, resolved.primitives, info)
    injections = tuple(
        Injection(injection="-", seam=seam, place=place, primitive=primitive, parameters=values, start_ns=0, end_ns=0)
        for seam, place, primitive, values in resolved.primitives
    )
    return FaultOrder(target, fault, injections, duration_ns, scenario.tick_ns)


def ending(injection: str) -> Injection:
    """What ends one that acts."""
    return Injection(
        injection=injection, seam=Seam.PLANT, place="", primitive="", parameters={}, start_ns=0, end_ns=0, clear=True
    )


def parts_of(name: str, scenario: Scenario) -> list[str]:
    """Ids of the injections that a fault's id stands for: one, or a numbered one for each primitive."""
    planned = {fault.id: injection_ids(fault) for fault in scenario.faults}
    if name in planned:
        return list(planned[name])
    form = faults_of(scenario).get(fault_of(name))
    head, dot, number = name.rpartition(".")
    if form is None or (dot and head and number.isdigit()):
        return [name]
    return numbered(name, len(form.primitives))


def numbered(name: str, count: int) -> list[str]:
    """Ids of so many parts."""
    return [name] if count == 1 else [f"{name}.{index}" for index in range(count)]


def _duration(value: Scalar | None, scenario: Scenario) -> int:
    """Nanoseconds of a `for`, by the rule of scenario files; 0 where there is none."""
    if value is None:
        return 0
    try:
        return int(window_length(scenario.tick_ns, period_s(scenario.spacecraft[0].orbit)).read(value))
    except Refused as error:
        raise UserError(f"for={value}: found {error.found}; allowed: {error.allowed}") from error
