"""The cyclic decisions of the flight software as scalar functions: numbers in, numbers out.

No Python objects, no arrays, no state: the fleet compiles these same functions with numba. Every comparison with a
number that is none (NaN) is false, and each rule then keeps what it had.
"""

from __future__ import annotations

CHARGE_GOOD, CHARGE_LOW, CHARGE_CRITICAL = 0, 1, 2


def payload_shed(  # noqa: PLR0917 (numba compiles no keyword-only arguments)
    shed: int, held_ns: int, soc: float, shed_below: float, restore_above: float, shed_dwell_ns: int,
    restore_dwell_ns: int, cycle_ns: int,
) -> tuple[int, int]:  # fmt: skip
    """Whether the payload is shed (0, 1), and how long the opposite has been called for, this cycle included.

    Hysteresis in charge (shed_below < restore_above) and in time (so long without a break, either way).
    """
    wanted = soc > restore_above if shed else soc < shed_below
    if not wanted:
        return shed, 0
    held_ns += cycle_ns
    if held_ns >= (restore_dwell_ns if shed else shed_dwell_ns):
        return 1 - shed, 0
    return shed, held_ns


def charge_zone(zone: int, soc: float, low_below: float, critical_below: float, good_above: float) -> int:
    """Which zone the battery's charge is in. Upwards it takes `good_above` to leave a zone."""
    if soc < critical_below:
        return CHARGE_CRITICAL
    if soc < low_below:
        return CHARGE_CRITICAL if zone == CHARGE_CRITICAL else CHARGE_LOW
    if soc > good_above:
        return CHARGE_GOOD
    return zone


def group_power_cap_w(total_cap_w: float, rated_w: float, rated_total_w: float) -> float:
    """One accelerator group's share of the payload's power limit, by rated power."""
    if rated_total_w <= 0.0:
        return 0.0
    share = total_cap_w * rated_w / rated_total_w
    if share < 0.0:
        return 0.0
    return share if share < rated_w else rated_w


def missed_cycles(elapsed_ns: int, cycle_ns: int) -> int:
    """By how many cycles the clock's step differs from one cycle; negative when it went back."""
    return (elapsed_ns + cycle_ns // 2) // cycle_ns - 1
