"""What the verdicts per injection have to know of a design: which reading each FDIR row looks at, the limits of truth,
the names of modes."""

from __future__ import annotations

from functools import lru_cache

from bus.scenario.model import Scenario
from faults.oracle.injections import Row, verdicts
from faults.recording.facts import Known, facts_of
from faults.recording.recording import Recording
from node.assembly import equipment
from node.designs.load import load_design, with_designs
from node.designs.schema import DesignForm
from node.fsw.modes import MODE_NAMES

MEMORIES, SCRUBBED = ("sram", "ddr"), ("memory_corrected", "memory_uncorrected")
"""Kinds of devices whose upsets the scrubber of the on-board computer reports, and how."""
EMPTY_SOC = 0.05
"""A battery that is emptier is at its end: the design's FDIR takes groups off the bus there (`node.fdir.rules`)."""


def known_of(scenario: Scenario) -> dict[str, Known]:
    """By spacecraft."""
    return {one.id: known_of_design(one.design) for one in with_designs(scenario).spacecraft}


def injections_of_run(recording: Recording) -> list[Row]:
    """The verdicts per injection of a run that is judged by itself."""
    return verdicts(facts_of(recording, known_of(recording.scenario)))


@lru_cache(maxsize=64)
def known_of_design(design: str) -> Known:
    """By its name."""
    form = load_design(design).form
    dies = [(f"accelerator_temperature_k[{name}]", group.chip.shutdown, 1) for name, group in form.accelerators.items()]
    limits = (("battery_soc", EMPTY_SOC, -1), ("main_bus_voltage_v", form.power_bus.undervoltage, -1), *dies)
    readings = {row.monitor: row.reading for row in equipment(load_design(design)).fdir if row.reading}
    return Known(readings, limits, MODE_NAMES, _parts_of(form))


def _parts_of(form: DesignForm) -> dict[str, tuple[str, ...]]:
    """What a face, an exchanger or a part that radiation strikes belongs to: the node that it cools, the limiter that
    feeds it and clears it. No reading tells two of one node, or of one limiter, apart."""
    parts: dict[str, tuple[str, ...]] = {f"face_health[{i}]": (face.node,) for i, face in enumerate(form.faces)}
    if form.loop is not None:
        exchangers = (*form.loop.plates, *form.loop.radiators)
        parts |= {f"exchanger_health[{i}]": (exchanger.node,) for i, exchanger in enumerate(exchangers)}
    for name, device in form.devices.items():
        if device.lcl is not None:
            parts |= {f"{what}[{name}]": (device.lcl,) for what in ("latchups", "device_sensitivity")}
        elif device.kind in MEMORIES:
            parts |= {f"{what}[{name}]": SCRUBBED for what in ("corrected_upsets", "device_sensitivity")}
    return parts
