# ruff: noqa: PLR0917 - kernels take records by position
"""Strings one by one: panels that look elsewhere or are unequal, and power-point trackers that are more than a share.

A tracker begins some time after its panels see light, takes no more than its limit, and at a full battery leaves the
point of greatest power towards open circuit until its strings give what is wanted. A panel is flat and nothing of the
body shades it.
"""

from __future__ import annotations

import math

from node.plant.kernel.capacity import Capacity
from node.plant.kernel.fields import Field, Record, shaped
from node.plant.kernel.kernel import kernel

HALVINGS = 40
"""Of the voltages between the point of greatest power and open circuit: a billionth of them."""


def state_fields(cap: Capacity) -> list[Field]:
    """What trackers do."""
    return [
        ("tracker_timer_s", "f8"),  # since the panels saw light
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Panels by string, and figures of the trackers."""
    return [
        ("panels", "i4"),  # 1: each string has a normal and a share of its own
        ("tracker", "i4"),  # 1: trackers with the figures below
        ("tracker_start_s", "f8"),
        ("tracker_limit_w", "f8"),  # of one string, at its panel; 0: none
        shaped("string_share", "f8", cap.strings),  # of its area over the mean of all strings
        shaped("string_normal", "f8", 3 * cap.strings),
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Nobody commands a tracker."""
    return []


@kernel
def facing_amps(s: Record, p: Record, i: int, amps: float) -> float:
    """Current of string i at the point of greatest power, where `amps` is that of one of mean area: facing the Sun if
    panels have normals of their own, else as the array stands."""
    own = amps * s.string_health[i]
    if p.panels == 1:
        facing = (
            p.string_normal[3 * i] * s.sun_direction_body[0]
            + p.string_normal[3 * i + 1] * s.sun_direction_body[1]
            + p.string_normal[3 * i + 2] * s.sun_direction_body[2]
        )
        own *= p.string_share[i] * max(0.0, facing)
    return float(own)


@kernel
def track(s: Record, p: Record, amps: float, volts: float, open_v: float, dt_s: float) -> None:
    """What the strings can give, one by one, and what their trackers make of it. Leaves the most that each gives in
    s.string_current_a."""
    peak_w = 0.0
    total_w = 0.0
    for i in range(p.string_count):
        own = facing_amps(s, p, i, amps)
        peak_w += own * volts
        if p.tracker == 1 and 0.0 < p.tracker_limit_w < own * volts:
            own = p.tracker_limit_w / volts
        s.string_current_a[i] = own
        total_w += own * volts
    if p.tracker == 1:
        if peak_w <= 0.0:
            s.tracker_timer_s = 0.0
            s.array_voltage_v = 0.0
        else:
            if s.tracker_timer_s < p.tracker_start_s:
                total_w = 0.0
                s.array_voltage_v = open_v
            s.tracker_timer_s += dt_s
    s.array_available_w = total_w


@kernel
def voltage_of_share(share: float, isc: float, voc: float, imp: float, vmp: float) -> float:
    """The voltage above the point of greatest power at which a string gives a share of that power (Rauschenbach's
    curve, as the strings have it)."""
    if share >= 1.0 or isc <= 0.0 or voc <= 0.0:
        return vmp
    c2 = (vmp / voc - 1.0) / math.log(1.0 - imp / isc)
    c1 = (1.0 - imp / isc) * math.exp(-vmp / (c2 * voc))
    wanted_w = share * imp * vmp
    low = vmp
    high = voc
    for _ in range(HALVINGS):
        volts = 0.5 * (low + high)
        if volts * isc * (1.0 - c1 * (math.exp(min(60.0, volts / (c2 * voc))) - 1.0)) > wanted_w:
            low = volts
        else:
            high = volts
    return 0.5 * (low + high)


@kernel
def settle_strings(s: Record, p: Record, amps: float, voc: float, vmp: float) -> None:
    """Voltage and currents at the power drawn. `amps` as for `facing_amps`."""
    part = s.array_power_w / s.array_available_w if s.array_available_w > 0.0 else 0.0
    before = s.array_voltage_v
    if p.tracker == 1 and s.array_available_w > 0.0:
        peak_w = 0.0
        for i in range(p.string_count):
            peak_w += facing_amps(s, p, i, amps) * vmp
        share = s.array_power_w / peak_w if peak_w > 0.0 else 1.0
        s.array_voltage_v = voltage_of_share(share, p.string_short_circuit_a, voc, p.string_power_point_a, vmp)
    for i in range(p.string_count):
        watts = s.string_current_a[i] * before * part
        s.string_current_a[i] = watts / s.array_voltage_v if s.array_voltage_v > 0.0 else 0.0
