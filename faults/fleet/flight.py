"""A constellation as it flies: a fleet for each design, its flight software's memory, and where each plane lies in it.

Nothing is written or drawn here. The same spacecraft has the same bits whoever flies beside it, on however many cores,
and however often the flight is stopped and gone on with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bus.scenario.model import KeplerOrbit, Spacecraft
from faults.fleet.form import Constellation
from node.assembly import equipment
from node.designs.load import Design, load_design
from node.designs.setup import plant_setup
from node.fleet import Fleet
from node.fleet_software import blank, figures, look_fleet
from node.plant.names import every_name, resolve

Records = NDArray[np.void]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """A plane's spacecraft within their wing: [first, last). shell, plane: their numbers in the constellation."""

    shell: int
    plane: int
    first: int
    last: int


class Wing:
    """The spacecraft of one design."""

    def __init__(self, design: Design, fleet: Fleet, names: list[str], blocks: list[Block]) -> None:
        self.design, self.fleet, self.names, self.blocks = design, fleet, names, blocks
        self.known = figures(equipment(design))
        self.memory = blank(len(fleet), self.known)

    def __len__(self) -> int:
        return len(self.fleet)

    @property
    def chips(self) -> float:
        """Accelerators of one spacecraft."""
        return float(self.known[0]["chips"].sum())

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """Where each block begins."""
        return np.array([block.first for block in self.blocks], np.intp)

    @cached_property
    def radiator(self) -> int | None:
        """The thermal node of the first radiator."""
        return self.design.thermal_nodes.index(self.design.radiators[0]) if self.design.radiators else None

    @cached_property
    def fields(self) -> list[tuple[str, str, int | None]]:
        """Every quantity of truth: its name as `skyrack list fields` has it, the state's field and place in it."""
        dtype, names = self.fleet.states.dtype, {**self.design.names, "station": (), "job": ("0",)}
        found = []
        for name in every_name(dtype, names):
            field, place = resolve(dtype, names, name)
            found.append((name, field, place))
        return found

    def step(self, tick: int, tick_s: float, ticks: int) -> None:
        """Fly these ticks, then let flight software look."""
        self.fleet.step(tick, tick_s, ticks)
        look_fleet(
            self.fleet.states, self.fleet.orders, self.memory, self.known, (tick + ticks) * tick_s, ticks * tick_s
        )


class Flight:
    """All wings, at a tick. `only`: names of the spacecraft that fly, None: all. Raises ValueError for what no model
    reaches."""

    def __init__(self, what: Constellation, only: Collection[str] | None = None) -> None:
        self.what, self.tick = what, 0
        self.tick_s = what.tick_ns / 1e9
        self.wings = list(_wings(what, None if only is None else frozenset(only)))

    def __len__(self) -> int:
        return sum(map(len, self.wings))

    @property
    def time_s(self) -> float:
        """Since the epoch."""
        return self.tick * self.tick_s

    def step(self) -> None:
        """To the next look, or to the end where that comes before."""
        look = self.what.look_ticks
        ticks = min(look - self.tick % look, self.what.ticks - self.tick)
        for wing in self.wings:
            wing.step(self.tick, self.tick_s, ticks)
        self.tick += ticks

    @property
    def arrays(self) -> dict[str, Records]:
        """Everything that changes, by names of their own: what a checkpoint holds."""
        found = {}
        for number, wing in enumerate(self.wings):
            found[f"states-{number}"] = wing.fleet.states
            found[f"orders-{number}"] = wing.fleet.orders
            found[f"memory-{number}"] = wing.memory
        return found

    def same_bits(self, other: Flight) -> list[str]:
        """Names of this flight's spacecraft whose state in the other one is not the same to the bit."""
        places = {name: (wing, k) for wing in other.wings for k, name in enumerate(wing.names)}
        wrong = []
        for wing in self.wings:
            for k, name in enumerate(wing.names):
                theirs, at = places[name]
                pairs = (
                    (wing.fleet.states[k : k + 1], theirs.fleet.states[at : at + 1]),
                    (wing.memory[k : k + 1], theirs.memory[at : at + 1]),
                )
                if any(differs(mine, yours) for mine, yours in pairs):
                    wrong.append(name)
        return wrong


def differs(mine: Records, yours: Records) -> bool:
    """Whether any field differs (padding between them is nobody's)."""
    names: tuple[str, ...] = mine.dtype.names or ()
    return any(mine[name].tobytes() != yours[name].tobytes() for name in names)


def _wings(what: Constellation, only: frozenset[str] | None) -> Iterator[Wing]:
    for name in dict.fromkeys(shell.design for shell in what.shells):
        places, names, blocks = _gather(what, name, only)
        if not names:
            continue
        design = load_design(name)
        fleet = Fleet.placed(_setup(what, design, places[0]), places, names)
        yield Wing(design, fleet, names, blocks)


def _gather(what: Constellation, design: str, only: frozenset[str] | None) -> tuple[Values, list[str], list[Block]]:
    """Rows, names and planes of a design's spacecraft that fly: one of `every`, counted over all shells."""
    rows: list[Values] = []
    names: list[str] = []
    blocks: list[Block] = []
    plane, before = -1, 0
    for number, shell in enumerate(what.shells):
        for one in shell.planes:
            plane += 1
            first = -before % what.every
            before += len(one.labels)
            if shell.design != design:
                continue
            mine = range(first, len(one.labels), what.every)
            own = {k: f"{shell.id}-{one.labels[k]}" for k in mine}
            kept = [k for k in mine if only is None or own[k] in only]
            if kept:
                blocks.append(Block(number, plane, len(names), len(names) + len(kept)))
                names += [own[k] for k in kept]
                rows.append(one.places[kept])
    return (np.concatenate(rows) if rows else np.zeros((0, 7))), names, blocks


def _setup(what: Constellation, design: Design, place: Any) -> Any:
    """The plant of any one of them: `Fleet.placed` gives each its orbit and its name."""
    a, e, i, node, perigee, anomaly = (float(value) for value in place[:6])
    orbit = KeplerOrbit(
        semi_major_axis_m=a, eccentricity=e, inclination_rad=i, raan_rad=node, argument_of_perigee_rad=perigee,
        mean_anomaly_rad=anomaly,
    )  # fmt: skip
    return plant_setup(
        design, Spacecraft(id="fleet", design=design.name, orbit=orbit), stations=[], environment=what.environment,
        epoch_utc=what.epoch_utc, seed=what.seed,
    )  # fmt: skip
