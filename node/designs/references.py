"""Names inside a design that must name something in the same design: nodes, LCLs, room in the capacity class."""

from __future__ import annotations

from collections.abc import Iterable

from bus.text.near import one_of
from node.designs.schema import DesignForm
from node.plant.kernel.capacity import CLASSES

Place = tuple[str | int, ...]


def wrong_references(form: DesignForm) -> list[tuple[Place, str, str]]:
    """(place in the file, what was found, what is allowed) for each reference to something missing."""
    wrong: list[tuple[Place, str, str]] = []

    def want(place: Place, name: str, names: Iterable[str], what: str) -> None:
        known = list(names)
        if name not in known:
            wrong.append((place, f"{what} '{name}'", one_of(known, name)))

    nodes, lcls = list(form.nodes), list(form.lcls)
    want(("array", "node"), form.array.node, nodes, "thermal node")
    want(("battery", "node"), form.battery.node, nodes, "thermal node")
    want(("power_bus", "node"), form.power_bus.node, nodes, "thermal node")
    for name, lcl in form.lcls.items():
        want(("lcls", name, "node"), lcl.node, nodes, "thermal node")
    for i, conductor in enumerate(form.conductors):
        for k, node in enumerate(conductor.between):
            want(("conductors", i, "between", k), node, nodes, "thermal node")
    for i, face in enumerate(form.faces):
        want(("faces", i, "node"), face.node, nodes, "thermal node")
    for name, heater in form.heaters.items():
        want(("heaters", name, "node"), heater.node, nodes, "thermal node")
        want(("heaters", name, "lcl"), heater.lcl, lcls, "LCL")
    for name, group in form.accelerators.items():
        want(("accelerators", name, "node"), group.node, nodes, "thermal node")
        want(("accelerators", name, "lcl"), group.lcl, lcls, "LCL")
    for name, device in form.devices.items():
        if device.lcl is not None:
            want(("devices", name, "lcl"), device.lcl, lcls, "LCL")
    for name, head in form.isl_heads.items():
        want(("isl_heads", name, "node"), head.node, nodes, "thermal node")
        want(("isl_heads", name, "lcl"), head.lcl, lcls, "LCL")
    if form.isl_heads and form.isl is None:
        wrong.append((("isl_heads",), "heads without a terminal", "`isl:` with its figures"))
    want(("radio", "lcl"), form.radio.lcl, lcls, "LCL")
    if form.loop is not None:
        want(("loop", "pump_node"), form.loop.pump_node, nodes, "thermal node")
        want(("loop", "pump_lcl"), form.loop.pump_lcl, lcls, "LCL")
        for kind, exchangers in (("plates", form.loop.plates), ("radiators", form.loop.radiators)):
            for i, exchanger in enumerate(exchangers):
                want(("loop", kind, i, "node"), exchanger.node, nodes, "thermal node")
            share = sum(e.share for e in exchangers)
            if abs(share - 1.0) > 1e-6:
                wrong.append((("loop", kind), f"shares that sum to {share:.4f}", "1"))
    if form.capacity_class == "fleet":  # what its state has no room for
        if form.array.tracker is not None:
            wrong.append((("array", "tracker"), "a tracker in class 'fleet'", "none, or class 'full'"))
        if form.battery.cell.slow_polarisation_time is not None:
            place = ("battery", "cell", "slow_polarisation_time")
            wrong.append((place, "a second polarisation in class 'fleet'", "none, or class 'full'"))
    return wrong + _too_many(form)


def _too_many(form: DesignForm) -> list[tuple[Place, str, str]]:
    cap, groups, cell = CLASSES[form.capacity_class], form.accelerators.items(), form.battery.cell
    cells = 0 if form.loop is None else 2 * form.loop.cells_per_leg
    exchangers = 0 if form.loop is None else len(form.loop.plates) + len(form.loop.radiators)
    counts: list[tuple[Place, int, int]] = [
        (("array", "strings"), form.array.strings, cap.strings),
        (("battery", "groups"), form.battery.groups, cap.battery_groups),
        (("lcls",), len(form.lcls), cap.lcls),
        (("nodes",), len(form.nodes) + cells, cap.thermal_nodes),
        (("conductors",), len(form.conductors), cap.conductors),
        (("faces",), len(form.faces), cap.faces),
        (("faces",), len({f.node for f in form.faces if f.kind == "radiator"}), cap.radiators),
        (("faces",), _directions(form), cap.directions),
        (("heaters",), len(form.heaters), cap.heaters),
        (("loop",), exchangers, cap.exchangers),
        (("accelerators",), len(form.accelerators), cap.accelerator_groups),
        *((("accelerators", name, "chip", "modes"), len(g.chip.modes), cap.modes) for name, g in groups),
        *((("accelerators", name, "chip", "clocks"), len(g.chip.clocks or ()), cap.clock_steps) for name, g in groups),
        (("battery", "cell", "open_circuit_voltage"), len(cell.open_circuit_voltage.pairs), cap.curve_pairs),
        (("isl_heads",), len(form.isl_heads), cap.isl_heads),
        (("devices",), len(form.accelerators) + len(form.devices), cap.radiation_devices),
    ]
    return [
        (place, str(count), f"at most {room} in class '{cap.name}'") for place, count, room in counts if count > room
    ]


def _directions(form: DesignForm) -> int:
    """Directions in which faces look, opposite ones counted once, those of the array as one."""
    fixed = {max(f.normal, tuple(-x for x in f.normal)) for f in form.faces if not (f.driven and form.array.drive)}
    return len(fixed) + (1 if any(f.driven and form.array.drive for f in form.faces) else 0)
