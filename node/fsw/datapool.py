"""The data pool: every parameter flight software knows, by name and by position, and the structures it comes down in.

Device readings come first, in the order of the devices; then how old each device's are; then the components' own values
in the order of the components.
The dictionary is made from this layout. No decision is taken here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bus.dictionary import Parameter, Structure
from bus.pus import Service
from node.devices.device import Channel, DeviceForm, slug

TEST_REPORT = Structure(
    id=1017, name="test_report", service=Service.TEST, subtype=2, interval_s=0.0,
    parameters=("mode", "boot_count", "cycle"),
)  # fmt: skip
"""Answers a telecommand from the pool."""

_CORE = (
    "mode", "boot_count", "cycle", "battery_soc", "battery_voltage_v", "battery_current_a", "main_bus_voltage_v",
    "array_power_w", "load_power_w", "payload_power_w", "payload_on", "payload_shed", "sun_error_rad",
    "coolant_return_temperature_k", "telecommands_received", "telecommands_rejected", "telecommands_completed",
    "events_reported", "store_packets", "store_dropped", "stale_devices",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is in the pool. `devices`: each device's form, first position, position after its last.
    `measured`: the first position of the devices' ages; `own`: of the components' own values."""

    parameters: tuple[Parameter, ...]
    index: dict[str, int]
    devices: tuple[tuple[DeviceForm, int, int], ...]
    measured: int
    own: int
    size: int
    structures: tuple[Structure, ...]

    def parts(self, reading: str) -> NDArray[np.intp]:
        """Pool positions of a reading that there is one of for each part, such as `lcl_current_a`, in their order."""
        return np.array([at for name, at in self.index.items() if name.startswith(reading + ".")], dtype=np.intp)

    def positions(self, structure: Structure) -> NDArray[np.intp]:
        """Pool positions of a structure's parameters."""
        return np.array([self.index[name] for name in structure.parameters], dtype=np.intp)


def layout(forms: tuple[DeviceForm, ...], own: tuple[Parameter, ...]) -> Layout:
    """The pool of a spacecraft with these devices, and components with these values."""
    parameters: list[Parameter] = []
    devices: list[tuple[DeviceForm, int, int]] = []
    for form in forms:
        start = len(parameters)
        parameters += [_measured(channel) for channel in form.channels]
        devices.append((form, start, len(parameters)))
    measured = len(parameters)
    parameters += [age_of(form.name) for form in forms]
    first_own = len(parameters)
    parameters += own
    index = {parameter.name: position for position, parameter in enumerate(parameters)}
    by_device = {form.name: tuple(c.name for c in form.channels) for form in forms}
    structures = (
        _periodic(1, "core", _CORE, 10.0),
        _periodic(2, "power", by_device["pcdu"] + by_device["battery-monitor"], 30.0),
        _periodic(3, "thermal", by_device["thermal-controller"], 60.0),
        _periodic(4, "payload", by_device["accelerators"] + by_device.get("isl", ()), 30.0),
        _periodic(5, "flight", by_device["gnss"] + by_device["attitude"] + by_device["dosimeter"], 60.0),
        _periodic(6, "software", (*by_device["radio"], *(p.name for p in parameters[measured:])), 60.0),
        _periodic(7, "jobs", (*by_device["jobs"], "jobs_held"), 60.0),
        TEST_REPORT,
    )
    return Layout(tuple(parameters), index, tuple(devices), measured, first_own, len(parameters), structures)


def age_of(device: str) -> Parameter:
    """How old a device's readings are: what stale ones are known by."""
    text = f"Age of the readings of device {device}"
    return Parameter(name=f"device_age_s.{slug(device)}", unit="s", type="float", description=text)


def _measured(c: Channel) -> Parameter:
    return Parameter(
        name=c.name, unit=c.unit, type=c.type, description=c.description, labels=c.labels,
        soft_low=c.soft_low, soft_high=c.soft_high, hard_low=c.hard_low, hard_high=c.hard_high,
    )  # fmt: skip


def _periodic(number: int, name: str, parameters: tuple[str, ...], interval_s: float) -> Structure:
    return Structure(id=number, name=name, parameters=parameters, interval_s=interval_s)
