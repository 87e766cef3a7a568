"""Flies every fault of the plant on its design's reference orbit for a day, with nobody to answer it, and notes when
the first truth leaves its limit: `faults/catalogue/criticality.yaml`.

`python -m docs.faults.make_criticality` makes it anew (minutes). No flight software flies, as in `skyrack truth`.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bus.scenario.model import Scenario
from bus.wire.messages import Scalar, Seam
from faults.catalogue.form import CATALOGUE, FaultForm
from faults.catalogue.resolve import FAULTS
from faults.scenarios.choose import shipped_scenarios
from faults.scenarios.load import load_text
from faults.truth.flight import craft as craft_of
from node.designs.load import Design
from node.plant.plant import Plant

TICK_S, ONSET_S, HORIZON_S = 10.0, 600.0, 86_400.0
DAMAGE_MARGIN_K = 15.0
"""From a hot limit to damage: an assumption, the FDIR table's."""
ELECTRONICS_HOT_K = 343.15
"""70 degC, the usual acceptance limit of electronics."""
LEAST_SOC = 0.02
OFF_SUN_RAD = math.radians(60.0)
"""Half of the array's power is gone: an assumption."""
Limit = tuple[str, Callable[[], bool]]
DEAF = "flight software that is deaf or dead leaves the plant to its last orders, and these carry a day without a fault"
LYING = "what flight software makes of a wrong reading decides it, and that was not flown"
ITSELF = {"accelerator_spurious_shutdown": "the shutdown is its whole effect, and hurts nothing"}
UNTOLD = {
    "receiver_dead": "what is lost is the mission, when the ground has to command next: nobody knows when",
    "receiver_failed": "what is lost is the mission, when the ground has to command next: nobody knows when",
    "link_outage": "what is lost is the mission, when the ground has to command next: nobody knows when",
}


def limits(design: Design, plant: Plant) -> Iterator[Limit]:
    """What must not happen, by the design's own figures."""
    form, state = design.form, plant.state[0]
    places = {name: i for i, name in enumerate(design.thermal_nodes)}

    def node(name: str) -> float:
        return float(state["thermal_temperature_k"][places[name]])

    yield "the bus cannot feed its loads", lambda: state["power_served_fraction"] < 0.999
    yield "battery empty", lambda: state["battery_soc"] < LEAST_SOC
    hot_k = form.battery.cell.charge_highest + DAMAGE_MARGIN_K
    yield f"battery above {hot_k - 273.15:g} degC", lambda: node(form.battery.node) > hot_k
    hosts = {group.node for group in form.accelerators.values()}
    for name in dict.fromkeys(lcl.node for lcl in form.lcls.values() if lcl.load > 0.0):
        cut_offs = [lcl.cut_off for lcl in form.lcls.values() if lcl.node == name and lcl.cut_off is not None]
        most_k = min(cut_offs, default=ELECTRONICS_HOT_K + DAMAGE_MARGIN_K)
        if name not in hosts:
            yield f"{name} above {most_k - 273.15:g} degC", lambda name=name, most_k=most_k: node(name) > most_k
    for i, (name, group) in enumerate(form.accelerators.items()):
        yield (
            f"{name} shuts down at {group.chip.shutdown - 273.15:g} degC",
            lambda i=i: state["accelerator_tripped"][i] == 1,
        )
    yield (
        "the Sun is 60 deg off",
        lambda: state["sun_error_rad"] > OFF_SUN_RAD and plant.inputs[0]["attitude_mode"] == 0,
    )
    if form.loop is not None:
        yield "the coolant stands still", lambda: state["coolant_flow_kg_s"] < 1e-3


def scenario(design: str, faults: str) -> Scenario:
    """The solstice day of one design, with a fault."""
    text = shipped_scenarios()["solstice"].read_text(encoding="utf-8")
    head, rest = text.split("spacecraft:\n", 1)
    blocks = rest.split("  - id: ")
    (mine,) = [block for block in blocks if block.startswith(f"{design}\n")]
    mine = "\n".join(line for line in mine.splitlines() if not line.startswith(("stations:", "  #")))
    head = head.replace("tick: 1 s", f"tick: {TICK_S:g} s")
    return load_text(f"{head}spacecraft:\n  - id: {mine}\nstations: [svalbard]\n{faults}")


def flown(design: str, faults: str, only: set[str] | None = None) -> tuple[float, str] | None:
    """When the first limit is left, in seconds from the onset, and which; None: not within a day."""
    craft = craft_of(scenario(design, faults), design)
    found = [one for one in limits(craft.design, craft.plant) if only is None or one[0] in only]
    for tick in range(int((ONSET_S + HORIZON_S) / TICK_S)):
        craft.script.act(tick)
        craft.plant.step(tick, TICK_S, {})
        since_s = (tick + 1) * TICK_S - ONSET_S
        if since_s > 0.0 or not faults:
            for name, wrong in found:
                if wrong():
                    return since_s, name
    return None


def always_kept(design: str) -> set[str]:
    """Limits that the undisturbed day keeps; the others tell nothing of a fault."""
    craft = craft_of(scenario(design, ""), design)
    found = dict(limits(craft.design, craft.plant))
    for tick in range(int((ONSET_S + HORIZON_S) / TICK_S)):
        craft.script.act(tick)
        craft.plant.step(tick, TICK_S, {})
        if tick * TICK_S >= ONSET_S:
            found = {name: wrong for name, wrong in found.items() if not wrong()}
    return set(found)


def entry(form: FaultForm, name: str, kept: dict[str, set[str]]) -> tuple[str, str]:
    """Time to criticality and why."""
    if name in UNTOLD:
        return "unknown", UNTOLD[name]
    if name in ITSELF:
        return "none", ITSELF[name]
    if form.seam is Seam.DEVICE:
        return "unknown", LYING
    if form.seam is not Seam.PLANT:
        return "none", DEAF
    design = form.example.design
    kept.setdefault(design, set()) or kept[design].update(always_kept(design))
    given: dict[str, Scalar] = {
        **{key: 0 for key, one in form.parameters.items() if one.required},
        **form.example.parameters,
    }
    line = f"{{id: struck, fault: {name}, target: {design}, at: {ONSET_S:g} s, parameters: {json.dumps(given)}}}"
    found = flown(design, f"faults: [{line}]\n", kept[design])
    if found is None:
        return "none", f"flown on {design}: no limit is left"
    return f"{found[0]:g} s", f"flown on {design}: {found[1]}"


def main(path: Path) -> None:
    """Write the file."""
    kept: dict[str, set[str]] = {}
    lines = [
        "# Made by `python -m docs.faults.make_criticality`: do not edit. From the onset of each fault, with the",
        "# parameters of its example and nobody to answer it, to the first truth beyond its limit; none: not within",
        "# 24 h; unknown: see why.",
        "",
        "faults:",
    ]
    for name, form in FAULTS.items():
        after, why = entry(form, name, kept)
        lines.append(f"  {name}: {{after: {after}, why: {json.dumps(why)}}}")
        sys.stderr.write(f"{name} {after} {why}\n")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(CATALOGUE.with_name("criticality.yaml"))
