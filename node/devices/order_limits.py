"""What the inputs of the plant take: words for those that are states, limits for those that are quantities.

Whoever gives an order keeps to it: a scenario's `orders:` when they are read, flight software when they come out of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

WORDS: Mapping[str, tuple[str, ...]] = {
    "attitude_mode": ("sun", "nadir", "safe_spin", "tumble"),
    "lcl_command": ("off", "on"),
    "heater_command": ("off", "on", "thermostat"),
    "accelerator_enable": ("off", "on", "quarantined"),
    "transmitter_on": ("off", "on"),
    "battery_charge_enable": ("off", "on"),
    "battery_group_open": ("off", "on"),
    "wheel_enable": ("off", "on"),
    "pump_select": ("a", "b"),
    "job_command": ("run", "checkpoint", "pause"),
}
"""Orders that are words; their numbers are the places in the list."""

LIMITS: Mapping[str, tuple[float, float]] = {
    "pump_speed_command_fraction": (0.0, 1.0),
    "valve_command_fraction": (-1.0, 1.0),  # below zero: its own regulator
    "accelerator_utilisation": (0.0, 1.0),
    "accelerator_power_cap_w": (0.0, 1e9),
    "accelerator_mode": (0.0, 7.0),  # by its place; a scenario may name it
    "array_angle_command_rad": (-2.0 * math.pi, 2.0 * math.pi),
    "attitude_control": (0.0, 3.0),
    "job_refused": (0.0, 14.0),  # a bit for each kind of job
    **dict.fromkeys(("job_own_ready", "job_own_kept"), (0.0, 2.0**31 - 1.0)),
    "guest_kind": (0.0, 3.0),
    "guest_chips": (0.0, 1e6),
    "guest_efficiency": (0.0, 1.0),
    **dict.fromkeys(
        (
            "guest_length_s",
            "guest_saved_s",
            "guest_interval_s",
            "guest_checkpoint_s",
            "guest_restart_s",
            "guest_detect_s",
        ),
        (0.0, 1e12),
    ),
    **dict.fromkeys(("guest_number", "give_number"), (0.0, 2.0**31 - 1.0)),
    "give_slot": (0.0, 31.0),
}
ANY = (-1e18, 1e18)
"""For what has no limits of its own: any number a kernel can reckon with."""


class OrderLimit(NamedTuple):
    """How many elements an order of a device has in this design, and what each takes. `whole`: no fractions."""

    elements: int
    low: float
    high: float
    whole: bool

    def takes(self, element: object, value: object) -> bool:
        """Whether an order for this element with this value can be given to the device."""
        return (
            isinstance(element, int)
            and 0 <= element < self.elements
            and isinstance(value, int | float)
            and self.low <= value <= self.high
            and (not self.whole or value == int(value))
        )

    def in_words(self, words: tuple[str, ...] = ()) -> str:
        """Which elements there are, and which values; `words`: what the values stand for, from 0."""
        each = ", ".join(f"{value} {word}" for value, word in enumerate(words))
        span = f"{'whole numbers ' if self.whole else ''}{self.low:g} to {self.high:g}"
        return f"{'one element' if self.elements == 1 else f'elements 0 to {self.elements - 1}'}; {each or span}"


SWITCH = OrderLimit(1, 0.0, 1.0, whole=True)
"""Of what a device has by itself: its two sides, its reset, the two receivers of the radio."""
STEP = OrderLimit(1, -1e9, 1e9, whole=False)
"""Seconds that the clock steps by: 31 years."""


def limit_of(field: str, elements: int, kind: str) -> OrderLimit:
    """The limit of an input of the plant; `kind` is its type's, as numpy calls it: b, i, u or f."""
    whole = kind in "biu"
    if field in WORDS:
        return OrderLimit(elements, 0.0, len(WORDS[field]) - 1.0, whole=True)
    low, high = (0.0, 1.0) if kind == "b" else (-128.0 if kind == "i" else 0.0, 127.0) if whole else ANY
    return OrderLimit(elements, *LIMITS.get(field, (low, high)), whole=whole)
