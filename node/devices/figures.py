"""What flight software reckons heat and chips with: figures of a design as numbers, by the places of its parts.

Types only; `node.fdir` makes them of a design.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """Between two thermal nodes. value: W/K, or m2 of emissivity x area x view where it `radiates`. limit_w: the most
    of a heat pipe."""

    a: int
    b: int
    value: float
    radiates: bool
    limit_w: float = math.inf


@dataclass(frozen=True, slots=True)
class HeaterFigures:
    """A heater: its node, its limiter, its power, and where its thermostat opens."""

    node: int
    lcl: int
    power_w: float
    off_k: float


@dataclass(frozen=True, slots=True)
class PlateFigures:
    """A cold plate in coolant of one phase: its node, its conductance, and the heat capacity of the flow that passes it
    for a kg/s in the loop."""

    node: int
    w_k: float
    flow_j_kg_k: float


@dataclass(frozen=True, slots=True)
class HeatFigures:
    """The thermal network as it was built. emitting_m2: emissivity x area of the faces of each node. margin_w: what the
    balance of a node may be wrong by; infinite where too much of it is not measured. lcl_nodes: which node the loads
    behind each limiter heat."""

    capacities_j_k: tuple[float, ...] = ()
    links: tuple[Link, ...] = ()
    emitting_m2: tuple[float, ...] = ()
    margin_w: tuple[float, ...] = ()
    lcl_nodes: tuple[int, ...] = ()
    heaters: tuple[HeaterFigures, ...] = ()
    plates: tuple[PlateFigures, ...] = ()


@dataclass(frozen=True, slots=True)
class ChipFigures:
    """The chips of an accelerator group: how many, on which node and behind which limiter; powers of one of them;
    core voltage over that at the highest clock; heat that a die and a memory hold, and the way from the die to its
    plate. excess_known: it has no power modes, which nobody reads back."""

    count: float
    node: int
    lcl: int
    idle_w: float
    dynamic_w: float
    memory_w: float
    leakage_w: float
    leakage_at_k: float
    leakage_scale_k: float
    voltage_floor: float
    voltage_slope: float
    efficiency: float
    die_j_k: float
    memory_j_k: float
    die_k_w: float
    highest_w: float
    excess_known: bool = True
