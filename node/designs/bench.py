"""A design on a bench on the ground: air takes heat from every outer face, walls are as warm as it, nothing shines.

The air is one more thermal node, so heavy that nothing warms it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from bus.scenario.model import Bench
from node.designs.elimination import minimum_degree
from node.designs.load import Design
from node.designs.network import loop_pairs

Value = float | int | Sequence[float] | Sequence[int]
Values = dict[str, Value]
AIR = "bench_air"
AIR_J_K = 1e12  # a kilowatt warms it by a millikelvin in 12 days: it stays at its temperature


def no_room(design: Design) -> str:
    """Why a design does not fit on a bench; empty if it does."""
    cap, nodes, links = design.capacity, len(design.thermal_nodes) + 1, len(_areas(design))
    if AIR in design.thermal_nodes:
        return f"a thermal node {AIR!r}, which is the bench's"
    if nodes > cap.thermal_nodes or len(design.form.conductors) + links > cap.conductors:
        return f"no room in class {cap.name!r} for the air and its {links} ways to outer faces"
    return ""


def on_bench(
    design: Design, bench: Bench, parameters: Values, state: Values, names: Mapping[str, Sequence[str]]
) -> None:
    """Put the air beside parameters, first state and names of a plant."""
    areas, air = _areas(design), len(design.thermal_nodes)
    form, nodes = design.form, design.thermal_nodes
    pairs = [(nodes.index(c.between[0]), nodes.index(c.between[1])) for c in form.conductors]
    ways = [(nodes.index(name), air) for name in areas]

    def more(values: Values, field: str, added: Sequence[float | int]) -> None:
        values[field] = [*cast(Sequence[float], values[field]), *added]

    parameters["node_count"] = air + 1
    more(parameters, "node_capacity_j_k", [AIR_J_K])
    parameters["conductor_count"] = len(pairs) + len(ways)
    more(parameters, "conductor_kind", [0] * len(ways))
    more(parameters, "conductor_a", [a for a, _ in ways])
    more(parameters, "conductor_b", [b for _, b in ways])
    more(parameters, "conductor_value", [area * bench.convection_w_m2_k for area in areas.values()])
    more(parameters, "conductor_limit_w", [0.0] * len(ways))
    parameters.update(minimum_degree(air + 1, pairs + loop_pairs(design) + ways).fields())
    parameters["space_k"] = bench.ambient_k
    more(state, "thermal_temperature_k", [bench.ambient_k])
    more(state, "conductor_health", [1.0] * len(ways))
    cast(dict[str, Sequence[str]], names)["thermal_node"] = (*nodes, AIR)
    cast(dict[str, Sequence[str]], names)["conductor"] = (*design.conductors, *(f"{name}-{AIR}" for name in areas))


def _areas(design: Design) -> dict[str, float]:
    """Outer area of each thermal node that has some."""
    found: dict[str, float] = {}
    for face in design.form.faces:
        found[face.node] = found.get(face.node, 0.0) + face.area
    return found
