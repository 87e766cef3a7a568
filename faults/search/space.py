"""What may happen in a search: which faults and telecommands, on whom, when, how many; and the drawing of it.

Everything random comes from Hypothesis with a seed that is given, so the same seed draws the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bus.errors import UnknownNameError, UserError
from bus.pus import Service
from bus.scenario.model import Scenario
from bus.text.near import nearest
from faults.catalogue.form import FaultForm
from faults.plugin import strategies
from faults.scenarios.vocabulary import design_info, dictionary_of
from faults.search.steps import Kind, Step, Steps, in_order

Drawn = TypeVar("Drawn")
WAITS_S = (0.0, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Waits between two steps that are tried beside even ones over the whole window [A]: one and the same cause strikes
twice within seconds, FDIR's dwells are seconds to minutes, its masks and deadlines minutes."""
LENGTHS_S = (None, 10.0, 60.0, 300.0, 900.0)
"""How long a fault lasts [A]; None stays."""
NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a user restricts. faults, telecommands: names with * and ?; empty: all that there are, of telecommands those
    that do something (service 8). window_s: when steps begin; most: how many there are at most."""

    faults: Sequence[str] = ()
    targets: Sequence[str] = ()
    telecommands: Sequence[str] = ()
    hazardous: bool = False
    window_s: tuple[float, float] = (1.0, 0.0)
    most: int = 4


@dataclass(frozen=True, slots=True)
class Space:
    """All that may happen."""

    scenario: Scenario
    catalogue: Mapping[str, FaultForm]
    limits: Limits
    kinds: tuple[Kind, ...]

    @property
    def designs(self) -> dict[str, str]:
        """By spacecraft."""
        return {one.id: one.design for one in self.scenario.spacecraft}

    @property
    def tick_s(self) -> float:
        """The scenario's tick."""
        return self.scenario.tick_ns / 1e9

    def step(self, kind: Kind) -> st.SearchStrategy[Step]:
        """A step of this kind at any time of the window."""
        begin_s, end_s = self.limits.window_s
        at = strategies.times(begin_s, end_s, self.tick_s)
        return at.flatmap(lambda at_s: self._at(kind, at_s))

    def _at(self, kind: Kind, at_s: float) -> st.SearchStrategy[Step]:
        design = self.designs[kind.target]
        if kind.what == "telecommand":
            drawn = strategies.telecommands(design, names=[kind.name], hazardous=self.limits.hazardous)
            return drawn.map(lambda entry: Step(kind, at_s, tuple(entry["arguments"].items())))
        stations = tuple(station.id for station in self.scenario.stations)
        drawn = strategies.faults(design, names=[kind.name], stations=stations, catalogue=self.catalogue)
        lasts = self.catalogue[kind.name].window == "any"
        lengths = [s for s in LENGTHS_S if s is None or s % self.tick_s == 0.0] if lasts else [None]
        return st.tuples(drawn, st.sampled_from(lengths)).map(
            lambda both: Step(kind, at_s, tuple(both[0]["parameters"].items()), both[1])
        )

    def sequences(self) -> st.SearchStrategy[Steps]:
        """Sequences of one to `most` steps: a first one at any time, each other after a wait."""
        return _sequences(self)

    def draw(self, strategy: st.SearchStrategy[Drawn], count: int, number: int) -> list[Drawn]:
        """So many values, or fewer where there are no more different ones."""
        found: list[Drawn] = []

        @seed(number)
        @settings(
            max_examples=count, database=None, deadline=None, derandomize=False, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(strategy)
        def collect(value: Drawn) -> None:
            found.append(value)

        collect()
        return found[:count]


@st.composite
def _sequences(draw: st.DrawFn, space: Space) -> Steps:
    begin_s, end_s = space.limits.window_s
    count = draw(st.integers(1, space.limits.most))
    at_s = draw(strategies.times(begin_s, end_s, space.tick_s))
    steps: list[Step] = []
    for place in range(count):
        kind = draw(st.sampled_from(space.kinds))
        steps.append(draw(space._at(kind, at_s)))
        if place == count - 1:
            break
        waits = [wait_s for wait_s in WAITS_S if at_s + wait_s <= end_s and wait_s % space.tick_s == 0.0]
        any_time = strategies.times(at_s, end_s, space.tick_s)
        at_s = draw(st.one_of(st.sampled_from([at_s + wait_s for wait_s in waits]), any_time) if waits else any_time)
    return in_order(steps)


def space_of(scenario: Scenario, catalogue: Mapping[str, FaultForm], limits: Limits) -> Space:
    """All that may happen within the limits. Raises UnknownNameError for a name that nothing has, UserError where
    nothing is left or the window holds no tick."""
    designs = {one.id: one.design for one in scenario.spacecraft}
    for target in limits.targets:
        if target not in designs:
            raise UnknownNameError("spacecraft", target, nearest(target, designs), hint=f"flying: {', '.join(designs)}")
    kinds = [*_faults(scenario, catalogue, limits, designs), *_telecommands(scenario, limits, designs)]
    if not kinds:
        raise UserError(
            "nothing may happen: no fault and no telecommand is left", hint="leave --faults or --targets out"
        )
    begin_s, end_s = limits.window_s
    tick_s = scenario.tick_ns / 1e9
    if not tick_s <= begin_s <= end_s < scenario.duration_ns / 1e9:
        raise UserError(
            f"steps from {begin_s:g} s to {end_s:g} s",
            hint=f"allowed: from {tick_s:g} s on, and before the scenario ends at {scenario.duration_ns / 1e9:g} s",
        )
    return Space(scenario, catalogue, limits, tuple(kinds))


def _faults(
    scenario: Scenario, catalogue: Mapping[str, FaultForm], limits: Limits, designs: Mapping[str, str]
) -> list[Kind]:
    stations = tuple(station.id for station in scenario.stations)
    wanted = _named("fault", limits.faults, catalogue)
    return [
        Kind("fault", target, name)
        for target in limits.targets or designs
        for name in wanted
        if strategies.possible(catalogue[name], design_info(designs[target], stations))
    ]


def _telecommands(scenario: Scenario, limits: Limits, designs: Mapping[str, str]) -> list[Kind]:
    """Nobody can command where there is no station."""
    found: list[Kind] = []
    if not scenario.stations and not limits.telecommands:
        return found
    for target in limits.targets or designs:
        forms = dictionary_of(designs[target]).telecommand
        usual = [name for name, form in forms.items() if form.service == Service.FUNCTION]
        names = _named("telecommand", limits.telecommands, forms) if limits.telecommands else usual
        allowed = [name for name in names if limits.hazardous or not forms[name].hazardous]
        if names and not allowed and set(limits.telecommands) <= set(forms):
            raise UserError(f"telecommand {names[0]} is hazardous", hint="--hazardous allows it")
        found += [Kind("telecommand", target, name) for name in allowed]
    return found


def _named(what: str, patterns: Sequence[str], known: Mapping[str, Any]) -> list[str]:
    """The known names that any of the patterns fits, in their own order."""
    if not patterns:
        return list(known)
    if tuple(patterns) == (NOTHING,):
        return []
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise UnknownNameError(what, pattern, nearest(pattern, known), hint=f"`skyrack list {what}s` shows all")
    return [name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns)]
