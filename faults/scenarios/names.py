"""What a scenario file may name, given by whoever loads it: designs, stations, faults, telecommands, signals.

`bus` knows no spacecraft, so the composition root fills a `Vocabulary` and hands it to `scenario_file.load`. Only
types live here. Every callable refuses by raising `ScenarioError` (its Mistakes' `field` is relative to the entry,
e.g. "parameters.string"; file, line and column are filled in by the loader) or `UnknownNameError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bus.scenario.model import Orbit, Station
from bus.scenario.workload import Accelerators
from bus.wire.messages import Scalar
from faults.catalogue.form import FaultRequest, ResolvedFault


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything a scenario may refer to.

    find_design(written, directory): the design's name from what a scenario says, a name or a path relative to the
    directory; raises ScenarioError, whose mistakes with a line are the design file's. None: only names of `designs`.
    resolve_fault(request): primitives of a catalogue fault. find_fault(name): raises if there is none of this name,
    whatever else is not known; None: that is found out by resolving.
    check_telecommand(design, name, arguments): arguments complete and typed, defaults filled in.
    expectation_signals(text, designs by spacecraft id, fault ids, job ids by spacecraft id): truth signals a sentence
    needs, per spacecraft. The jobs of a spacecraft whose entry has a mistake are not known.
    base_truth_signals(design): truth signals sampled whether or not an expectation asks for them.
    first_value(design, name, value): an initial value in SI; raises, or Refused, if it cannot be one.
    check_order(design, name, value): the name is a fixed order; raises if not. None: fixed orders are not flown.
    accelerators(design): what jobs can run on. None: jobs of scenarios are not flown.
    check_orbit(orbit): the models cover it; raises if not.
    solar_events: names of profiles; empty: any.
    """

    designs: Sequence[str]
    stations: Mapping[str, Station]
    resolve_fault: Callable[[FaultRequest], ResolvedFault]
    check_telecommand: Callable[[str, str, Mapping[str, Scalar]], dict[str, Scalar]]
    expectation_signals: Callable[
        [str, Mapping[str, str], Sequence[str], Mapping[str, Sequence[str]]], Mapping[str, Sequence[str]]
    ]
    base_truth_signals: Callable[[str], Sequence[str]]
    find_design: Callable[[str, Path], str] | None = None
    find_fault: Callable[[str], object] | None = None
    first_value: Callable[[str, str, Scalar], float] | None = None
    check_order: Callable[[str, str, Scalar], None] | None = None
    accelerators: Callable[[str], Accelerators] | None = None
    check_orbit: Callable[[Orbit], None] | None = None
    solar_events: Sequence[str] = ()
