"""What happens to a plant that flies alone: its scenario's orders at their times, what its log says, and the faults of
the plant seam.

Faults of devices, links and the computer have nobody to strike here; they are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from bus.scenario.model import Fault, Scenario, Spacecraft
from bus.wire.messages import Injection, InjectionState, Seam
from faults.run.director import plan
from faults.scenarios.orders import give_orders
from faults.truth.inputs import Inputs
from node.injection.engine import Injections
from node.injection.plant import PlantSeam
from node.injection.sight import TruthSight
from node.truth import PlantLike

NAMED = 10
"""So many faults that do not act are named; the others are counted."""


class Script:
    """Orders and faults of one spacecraft. As in a run, both act from the first tick that begins at their time or
    later, and no fault before the second."""

    def __init__(self, scenario: Scenario, spacecraft: Spacecraft, design: str, plant: PlantLike) -> None:
        self._plant = plant
        self._design = design
        self._tick_ns = scenario.tick_ns
        self._orders = list(spacecraft.orders)
        self._inputs = Inputs(spacecraft.inputs, design, plant)
        self._faults: list[Injection] = [
            item.injection
            for item in plan(scenario)
            if item.target == spacecraft.id and item.injection.seam == Seam.PLANT
        ]
        sight = TruthSight(plant, None, (scenario.seed, spacecraft.id))
        self._injections = Injections({Seam.PLANT: PlantSeam(plant)}, sight, scenario.tick_ns)
        self.refused: list[str] = []

    def act(self, tick: int) -> None:
        """Whatever is due, before the plant's step of this tick."""
        now_ns = tick * self._tick_ns
        while self._orders and round(self._orders[0].at_s * 1e9) <= now_ns:
            give_orders(self._plant.inputs, self._design, self._orders.pop(0).values)
        self._inputs.act(now_ns / 1e9)
        while self._faults and self._faults[0].start_ns <= now_ns:
            for report in self._injections.receive(self._faults.pop(0), tick):
                if report.state == InjectionState.REFUSED:
                    self.refused.append(f"{report.injection}: {report.reason}")
        if not self._injections.idle:
            self._injections.step(tick, now_ns)


def silent_faults(faults: Sequence[Fault], flying: Sequence[str]) -> str:
    """A sentence that names the faults of these spacecraft that do not act, or not wholly; empty if all do."""
    names = {}
    for fault in faults:
        others = {Seam(primitive[0]) for primitive in fault.primitives} - {Seam.PLANT}
        if fault.target in flying and others:
            names[fault.id] = f"{fault.id} ({', '.join(seam.name.lower() for seam in sorted(others))})"
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"not here, where neither flight software nor radio is: {', '.join(islice(names.values(), NAMED))}{more}"
