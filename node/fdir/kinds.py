"""Of which kind a row of the FDIR table is: its name with the part in braces."""

from __future__ import annotations

from collections.abc import Mapping

from node.designs.load import Design
from node.devices.definitions import device_forms
from node.devices.device import DeviceForm, slug
from node.devices.equipment import Equipment

KIND_OF = {
    "battery": "battery_group", "lcl": "lcl", "accelerator": "accelerator_group", "thermal": "thermal_node",
    "wheel": "wheel", "rate": "axis", "device": "device",
}  # fmt: skip
"""What the parts in monitors' names are, by the first word of the name."""


def forms_of(design: Design) -> tuple[DeviceForm, ...]:
    """Which devices a design has, by name; what they measure is no matter here."""
    return device_forms(Equipment(design.name, (), (), (), (), (), (), (), isl_heads=design.isl_heads))


def parts_of(design: Design) -> dict[str, tuple[str, ...]]:
    """Names of a design's parts, by what they are."""
    return {
        "battery_group": tuple(design.battery_groups), "lcl": tuple(design.lcls),
        "accelerator_group": tuple(design.accelerators), "thermal_node": tuple(design.thermal_nodes),
        "heater": tuple(design.heaters), "wheel": ("0", "1", "2", "3"), "axis": ("x", "y", "z"),
        "device": tuple(slug(form.name) for form in forms_of(design)),
    }  # fmt: skip


def kind_of(monitor: str, parts: Mapping[str, tuple[str, ...]]) -> str:
    """A monitor's name with its part in braces."""
    head, *rest = monitor.split(".")
    kind = KIND_OF.get(head, "")
    return ".".join([head, *(f"{{{kind}}}" if kind and part in parts[kind] else part for part in rest)])
