"""The cyclic decisions of the flight software as scalar functions: numbers in, numbers out.

No Python objects, no arrays, no state: the fleet compiles these same functions with numba. Every comparison with a
number that is none (NaN) is false, and each rule then keeps what it had.
"""

from __future__ import annotations

CHARGE_GOOD, CHARGE_LOW, CHARGE_CRITICAL = 0, 1, 2


def payload_shed(  # noqa: PLR0917 (numba compiles no keyword-only arguments)
    shed: int, count: int, soc: float, shed_below: float, restore_above: float, shed_dwell: int, restore_dwell: int
) -> tuple[int, int]:
    """Whether the payload is shed (0, 1), and the cycles for which the opposite has been called for.

    Hysteresis in charge (shed_below < restore_above) and in time (so many cycles in a row, either way).
    """
    wanted = soc > restore_above if shed else soc < shed_below
    if not wanted:
        return shed, 0
    count += 1
    if count >= (restore_dwell if shed else shed_dwell):
        return 1 - shed, 0
    return shed, count


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
