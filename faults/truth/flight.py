"""The plants of a scenario alone, under its orders and its faults of the plant. No flight software, no ground.

The same plants as in a run, the same seed; telecommands and expectations of the scenario do not act.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bus.scenario.model import Scenario
from faults.truth.script import Script
from node.assembly import plant_of
from node.config import resolve

if TYPE_CHECKING:
    from node.designs.load import Design
    from node.plant.plant import Plant

A_MOMENT_S = 1e-6
Seen = Callable[[int], None]
"""Told of every tick that is over, 0 for the epoch itself."""


@dataclass(frozen=True, slots=True)
class Craft:
    """One spacecraft: its plant and what it was made of."""

    id: str
    plant: Plant
    design: Design
    peers: tuple[str, ...]
    script: Script


def craft(scenario: Scenario, who: str, design: Design | None = None) -> Craft:
    """A spacecraft at the epoch, of another design than the scenario's where one is given. Raises ValueError for one
    whose orbit no model reaches."""
    config = resolve(scenario, who)
    if design is not None:
        config = replace(config, design=design)
    plant = plant_of(replace(config, guests=False))
    script = Script(scenario, config.spacecraft, config.design.name, plant)
    return Craft(who, plant, config.design, tuple(config.spacecraft.peers), script)


def fly(crafts: Sequence[Craft], ticks: int, tick_s: float, seen: Seen) -> None:
    """All plants together, tick by tick, because peers hear each other's beacons of the tick before.

    The epoch is seen a microsecond after it: before the first step no order has acted and nothing flows.
    """
    talking = any(one.peers for one in crafts)
    for one in crafts:
        one.script.act(0)
    beacons = {one.id: one.plant.beacon() for one in crafts}
    before = [one.plant.save() for one in crafts]
    for one in crafts:
        one.plant.step(0, A_MOMENT_S, {peer: beacons[peer] for peer in one.peers if peer in beacons})
    seen(0)
    for one, state in zip(crafts, before, strict=True):
        one.plant.restore(state)
    for tick in range(ticks):
        if talking:
            beacons = {one.id: one.plant.beacon() for one in crafts}
        for one in crafts:
            if tick > 0:
                one.script.act(tick)
            one.plant.step(tick, tick_s, {peer: beacons[peer] for peer in one.peers if peer in beacons})
        seen(tick + 1)
