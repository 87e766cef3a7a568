"""The data pool: every parameter flight software knows, by name and by position, and the housekeeping structures.

Device readings come first, in the order of the devices; then flight software's own figures (`INTERNALS`). The
dictionary is made from this layout. No decision is taken here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bus.dictionary import Parameter, Structure
from node.devices.device import Channel, DeviceForm
from node.fsw.modes import ATTITUDE_MODES, Mode

BOOT_REASONS = ("first_start", "telecommand", "reset", "watchdog", "power_loss", "crash", "range")

TEST_REPORT, PARAMETER_REPORT = 1017, 1020
"""Structures that answer a telecommand (services 17 and 20); they have no interval."""


def _own(
    name: str,
    text: str,
    kind: Literal["float", "int", "bool", "enum"] = "int",
    unit: str = "",
    labels: tuple[str, ...] = (),
) -> Parameter:
    return Parameter(name=name, unit=unit, type=kind, description=text, labels=labels)


INTERNALS: tuple[Parameter, ...] = (
    _own("mode", "Mode of the spacecraft", "enum", labels=tuple(mode.name for mode in Mode)),
    _own("attitude_mode", "Attitude mode ordered", "enum", labels=ATTITUDE_MODES),
    _own("payload_on", "The payload is commanded on", "bool"),
    _own("payload_shed", "The payload is shed for want of charge", "bool"),
    _own("jobs_held", "All jobs are held, by telecommand or before the payload is shed", "bool"),
    _own("payload_power_cap_w", "Power limit of the payload, 0: none", "float", "W"),
    _own("boot_count", "Boots of the computer"),
    _own("boot_reason", "Why it booted last", "enum", labels=BOOT_REASONS),
    _own("cycle", "Cycles since the boot"),
    _own("telecommands_received", "Telecommands that reached flight software"),
    _own("telecommands_accepted", "Telecommands accepted"),
    _own("telecommands_rejected", "Telecommands rejected"),
    _own("telecommands_duplicate", "Telecommands that came again and were not executed again"),
    _own("telecommands_dropped", "Telecommands dropped because the queue was full"),
    _own("telecommands_completed", "Telecommands completed"),
    _own("telecommands_failed", "Telecommands that failed in execution"),
    _own("events_reported", "Event reports made"),
    _own("events_suppressed", "Event reports suppressed by telecommand"),
    _own("mode_events_refused", "Mode events that the mode table does not have"),
    _own("acknowledgements", "Telemetry acknowledgements received"),
    _own("store_packets", "Packets in the store"),
    _own("store_bytes", "Bytes in the store", unit="B"),
    _own("store_dropped", "Packets dropped because the store was full"),
    _own("store_retransmissions", "Packets sent again"),
    _own("telemetry_generated", "Packets generated, all boots"),
    _own("cycle_overruns", "Cycles that left work over"),
    _own("clock_steps", "Times that on-board time did not advance by one cycle"),
    _own("stale_devices", "Devices without new readings"),
    _own("readings_invalid", "Readings that were no number"),
    _own("memory_corrected", "Words of the memory image that the scrubber corrected"),
)
REPORTS: tuple[Parameter, ...] = (
    _own("reported_parameter", "Position of the parameter in the telecommand's list"),
    _own("reported_value", "Its value", "float"),
)
"""Values that exist only inside a report, not in the pool."""

_CORE = (
    "mode", "boot_count", "cycle", "battery_soc", "battery_voltage_v", "battery_current_a", "main_bus_voltage_v",
    "array_power_w", "load_power_w", "payload_power_w", "payload_on", "payload_shed", "sun_error_rad",
    "coolant_return_temperature_k", "telecommands_received", "telecommands_rejected", "telecommands_completed",
    "events_reported", "store_packets", "store_dropped", "stale_devices",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is in the pool. `devices`: each device's form, first position, position after its last."""

    parameters: tuple[Parameter, ...]
    index: dict[str, int]
    devices: tuple[tuple[DeviceForm, int, int], ...]
    internals: int
    structures: tuple[Structure, ...]

    @property
    def size(self) -> int:
        """Parameters in the pool."""
        return self.internals + len(INTERNALS)

    def positions(self, structure: Structure) -> NDArray[np.intp]:
        """Pool positions of a structure's parameters."""
        return np.array([self.index[name] for name in structure.parameters], dtype=np.intp)


def layout(forms: tuple[DeviceForm, ...]) -> Layout:
    """The pool of a spacecraft with these devices."""
    parameters: list[Parameter] = []
    devices: list[tuple[DeviceForm, int, int]] = []
    for form in forms:
        start = len(parameters)
        parameters += [_measured(channel) for channel in form.channels]
        devices.append((form, start, len(parameters)))
    internals = len(parameters)
    parameters += INTERNALS
    index = {parameter.name: position for position, parameter in enumerate(parameters)}
    by_device = {form.name: tuple(c.name for c in form.channels) for form in forms}
    structures = (
        _structure(1, "core", _CORE, 10),
        _structure(2, "power", by_device["pcdu"] + by_device["battery-monitor"], 30),
        _structure(3, "thermal", by_device["thermal-controller"], 60),
        _structure(4, "payload", by_device["accelerators"] + by_device.get("isl", ()), 30),
        _structure(5, "flight", by_device["gnss"] + by_device["attitude"] + by_device["dosimeter"], 60),
        _structure(6, "software", (*by_device["radio"], *(p.name for p in INTERNALS)), 60),
        _structure(7, "jobs", (*by_device["jobs"], "jobs_held"), 60),
        _structure(TEST_REPORT, "test_report", ("mode", "boot_count", "cycle"), 0),
        _structure(PARAMETER_REPORT, "parameter_report", tuple(p.name for p in REPORTS), 0),
    )
    return Layout((*parameters, *REPORTS), index, tuple(devices), internals, structures)


def _measured(c: Channel) -> Parameter:
    return Parameter(
        name=c.name, unit=c.unit, type=c.type, description=c.description, labels=c.labels,
        soft_low=c.soft_low, soft_high=c.soft_high, hard_low=c.hard_low, hard_high=c.hard_high,
    )  # fmt: skip


def _structure(number: int, name: str, parameters: tuple[str, ...], interval_ticks: int) -> Structure:
    return Structure(id=number, name=name, parameters=parameters, interval_ticks=interval_ticks)
