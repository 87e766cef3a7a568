"""What the model says of the signals of a map: of plants flown for it, or of a run that was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bus.errors import Mistake, ScenarioError, UnknownNameError, UserError
from bus.scenario.model import Scenario
from bus.text.near import nearest
from bus.text.units import show
from faults.compare.form import Map
from faults.recording.recording import Recording
from faults.truth.fields import Column, fleet_columns
from faults.truth.flight import Craft, craft, fly
from node.assembly import equipment
from node.designs.load import Design
from node.devices.definitions import device_forms
from node.devices.sensors import Sensors

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """Values in SI at mission times that rise."""

    times_s: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class Modelled:
    """true: every signal of the map. read: what a sensor would have said of it, where one measures it; its own noise,
    bias, step and rate are in it. end_s: where the model ends."""

    true: Mapping[str, Series]
    read: Mapping[str, Series]
    end_s: float


def choose(scenario: Scenario, wanted: str) -> str:
    """The spacecraft that is compared. Raises UserError where nobody said which of several."""
    known = [spacecraft.id for spacecraft in scenario.spacecraft]
    if not wanted and len(known) == 1:
        return known[0]
    if not wanted:
        raise UserError("which spacecraft?", hint=f"`spacecraft:` in the map, or --spacecraft: {', '.join(known[:20])}")
    if wanted not in known:
        raise UnknownNameError("spacecraft", wanted, nearest(wanted, known), hint=f"here fly {', '.join(known[:20])}")
    return wanted


class Sensed:
    """The channels that measure signals of a map, read tick by tick as their devices read them. places: of each signal,
    where its value stands and how many ticks lie between two readings."""

    def __init__(self, scenario: Scenario, one: Craft, signals: Sequence[str]) -> None:
        tick_s = scenario.tick_ns / 1e9
        forms = device_forms(equipment(one.design))
        measuring = [(channel, form.period_ticks(tick_s)) for form in forms for channel in form.channels]
        chosen = {
            channel.source: (channel, every) for channel, every in reversed(measuring) if channel.source in signals
        }
        self.sensors = Sensors(one.plant, tuple(channel for channel, _ in chosen.values()), scenario.seed, one.id)
        self.places = {source: (place, every) for place, (source, (_, every)) in enumerate(chosen.items())}


def fly_model(
    scenario: Scenario, who: str, plan: Map, end_s: float, *, design: Design | None = None, sensed: bool = True
) -> Modelled:
    """Fly the plants of a scenario up to `end_s` or its end, and look after every tick. Raises ScenarioError for a
    signal that the spacecraft does not have. design: instead of its own. sensed: whether sensors look as well."""
    tick_s = scenario.tick_ns / 1e9
    ticks = min(scenario.ticks, max(1, int(np.ceil(end_s / tick_s))))
    crafts = [
        craft(scenario, spacecraft.id, design if spacecraft.id == who else None)
        for spacecraft in scenario.spacecraft
        if _needed(scenario, who, spacecraft.id)
    ]
    own = next(one for one in crafts if one.id == who)
    columns = {signal: _seen(own, signal, line, plan.file) for signal, line in plan.signals.items()}
    readers = [column.read for column in columns.values()]
    looking = Sensed(scenario, own, list(columns) if sensed else ())
    true = np.empty((len(readers), ticks + 1))
    seen: dict[str, list[tuple[float, float]]] = {signal: [] for signal in looking.places}

    def see(tick: int) -> None:
        for row, read in enumerate(readers):
            true[row, tick] = read()
        if tick == 0 or not looking.places:
            return
        values = looking.sensors.sample(tick - 1)
        for signal, (place, every) in looking.places.items():
            if (tick - 1) % every == 0:
                seen[signal].append((tick * tick_s, float(values[place])))

    fly(crafts, ticks, tick_s, see)
    times = np.arange(ticks + 1, dtype=np.float64) * tick_s
    return Modelled(
        {signal: Series(times, true[row]) for row, signal in enumerate(columns)},
        {signal: Series(*np.array(rows).T) for signal, rows in seen.items() if rows},
        ticks * tick_s,
    )


def _seen(own: Craft, signal: str, line: int, file: str) -> Column:
    """The one column of a signal."""
    try:
        found = fleet_columns([(own.plant, own.design)], [signal])[0]
    except UnknownNameError as error:
        near = f" (did you mean {' or '.join(error.nearest)}?)" if error.nearest else ""
        allowed = f"a true quantity of {own.design.name}{near}; `skyrack list fields {own.design.name}`"
        raise ScenarioError([Mistake(file, line, 1, "signal", show(signal), allowed)]) from None
    if len(found) != 1:
        names = ", ".join(column.name for column in found[:8])
        raise ScenarioError(
            [Mistake(file, line, 1, "signal", f"{show(signal)}, of which there are {len(found)}", names)]
        )
    return found[0]


def _needed(scenario: Scenario, who: str, other: str) -> bool:
    """Whether a spacecraft must fly so that `who` does: itself, and its peers by their beacons."""
    own = next(spacecraft for spacecraft in scenario.spacecraft if spacecraft.id == who)
    return other == who or other in own.peers


def recorded(recording: Recording, who: str, plan: Map) -> Modelled:
    """What a run recorded. Raises ScenarioError for a signal that it did not."""
    own = [name for spacecraft, name in recording.signals if spacecraft == who]
    true, read = {}, {}
    for signal, line in plan.signals.items():
        values = recording.signal(who, signal)
        if values is None:
            near = f" (did you mean {' or '.join(found)}?)" if (found := nearest(signal, own)) else ""
            allowed = f"a signal that the run recorded{near}; `record:` in its scenario, or compare with the scenario"
            raise ScenarioError([Mistake(plan.file, line, 1, "signal", show(signal), allowed)])
        true[signal] = Series(recording.times_s, values)
        told = recording.belief.get((who, signal))
        if told is not None and told.times_s.size:
            read[signal] = Series(told.times_s, told.values)
    return Modelled(true, read, recording.end_s)


def at(series: Series, times_s: Floats) -> Floats:
    """Values between samples on a straight line; NaN outside them."""
    values: Floats = np.interp(times_s, series.times_s, series.values, left=np.nan, right=np.nan)
    return values


def held(series: Series, times_s: Floats) -> Floats:
    """The newest value at each time; NaN before the first."""
    place = np.searchsorted(series.times_s, times_s, side="right") - 1
    return np.where(place < 0, np.nan, series.values[np.maximum(place, 0)])
