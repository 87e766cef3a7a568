"""A sequence of what happens: faults and telecommands with their times, to be compared, flown and written.

A sequence is in the order of its times. Its first step is `step-1`, and so on: names say nothing of what they name, so
that sequences that begin alike are alike to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bus.scenario.model import Fault, Scenario, TimelineEntry
from bus.wire.messages import Scalar
from faults.catalogue.form import FaultForm
from faults.catalogue.resolve import resolve_fault
from faults.scenarios.vocabulary import checked_arguments, design_info, hazardous

Parameters = tuple[tuple[str, Scalar], ...]


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """What a step does, but for when and how: a fault or a telecommand of a spacecraft."""

    what: Literal["fault", "telecommand"]
    target: str
    name: str

    def __str__(self) -> str:
        return f"{self.target} {self.name}"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. at_s: mission time; for_s: how long a fault lasts, None for one that stays or a telecommand.
    parameters: as people write them."""

    kind: Kind
    at_s: float
    parameters: Parameters = ()
    for_s: float | None = None

    def __str__(self) -> str:
        words = [f"{name}={value}" for name, value in self.parameters]
        words += [] if self.for_s is None else [f"for {self.for_s:g} s"]
        return f"at {self.at_s:g} s: {self.kind} {' '.join(words)}".rstrip()


Steps = tuple[Step, ...]


def in_order(steps: Iterable[Step]) -> Steps:
    """The steps by their times, those of one time by what they are."""
    return tuple(sorted(steps, key=lambda one: (one.at_s, one.kind, str(one.parameters))))


def entries_of(steps: Steps, designs: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """What a scenario file has under `faults` and `timeline`; `designs` by spacecraft."""
    faults: list[dict[str, Any]] = []
    timeline: list[dict[str, Any]] = []
    for place, step in enumerate(steps, 1):
        at = f"{step.at_s:.10g} s"
        if step.kind.what == "telecommand":
            asked: dict[str, Any] = {"to": step.kind.target, "name": step.kind.name}
            asked |= {"arguments": dict(step.parameters)} if step.parameters else {}
            asked |= {"confirmed": True} if is_hazardous(step, designs) else {}
            timeline.append({"at": at, "telecommand": asked})
            continue
        entry: dict[str, Any] = {"id": f"step-{place}", "fault": step.kind.name, "target": step.kind.target, "at": at}
        entry |= {} if step.for_s is None else {"for": f"{step.for_s:.10g} s"}
        faults.append(entry | ({"parameters": dict(step.parameters)} if step.parameters else {}))
    return {"faults": faults, "timeline": timeline}


def planned(steps: Steps, base: Scenario, faults: Mapping[str, FaultForm]) -> Scenario:
    """The scenario with these steps, as it flies. Raises ScenarioError or UnknownNameError where one cannot be."""
    designs = {one.id: one.design for one in base.spacecraft}
    stations = tuple(station.id for station in base.stations)
    struck: list[Fault] = []
    asked: list[TimelineEntry] = []
    for place, step in enumerate(steps, 1):
        design = designs[step.kind.target]
        if step.kind.what == "telecommand":
            asked.append(_asked(step, designs))
            continue
        resolved = resolve_fault(
            step.kind.name, design_info(design, stations), dict(step.parameters), tick_s=base.tick_ns / 1e9,
            has_end=step.for_s is not None, faults=faults,
        )  # fmt: skip
        until_s = None if step.for_s is None else round(step.at_s + step.for_s, 9)
        struck.append(Fault(
            id=f"step-{place}", fault=step.kind.name, target=step.kind.target, at_s=step.at_s, until_s=until_s,
            parameters=resolved.parameters, primitives=resolved.primitives,
        ))  # fmt: skip
    timeline = sorted([*base.timeline, *asked], key=lambda one: one.at_s)
    return base.model_copy(update={"faults": (*base.faults, *struck), "timeline": tuple(timeline)})


def _asked(step: Step, designs: Mapping[str, str]) -> TimelineEntry:
    arguments = checked_arguments(designs[step.kind.target], step.kind.name, dict(step.parameters))
    return TimelineEntry(
        at_s=step.at_s, spacecraft=step.kind.target, telecommand=step.kind.name, arguments=arguments,
        confirmed=is_hazardous(step, designs),
    )  # fmt: skip


def is_hazardous(step: Step, designs: Mapping[str, str]) -> bool:
    """Whether a telecommand needs a second word."""
    design = designs[step.kind.target]
    return hazardous(design, step.kind.name, checked_arguments(design, step.kind.name, dict(step.parameters)))


def written(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The same for JSON."""
    return [
        {
            "at_s": step.at_s, "what": step.kind.what, "target": step.kind.target, "name": step.kind.name,
            "parameters": dict(step.parameters), "for_s": step.for_s,
        }
        for step in steps
    ]  # fmt: skip
