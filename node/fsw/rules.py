"""The cyclic decisions of the flight software as scalar functions: numbers in, numbers out.

No Python objects, no arrays, no state: the fleet compiles these same functions with numba. Every comparison with a
number that is none (NaN) is false, and each rule then keeps what it had.
"""

from __future__ import annotations

CHARGE_GOOD, CHARGE_LOW, CHARGE_CRITICAL = 0, 1, 2
FREE, DETUMBLE, ACQUIRE, SLEW, HOLD = range(5)
"""Phases of the attitude: not held at all, rates taken away, to the Sun, to what is ordered, there."""


def groups_shed(  # noqa: PLR0917 (numba compiles no keyword-only arguments)
    shed: int, held_ns: int, groups: int, soc: float, budget: int, shed_below: float, spread: float, gap: float,
    shed_dwell_ns: int, restore_dwell_ns: int, step_ns: int, cycle_ns: int,
) -> tuple[int, int]:  # fmt: skip
    """How many accelerator groups are shed, one more or one less at a time; and for how long that has been called for,
    this cycle included: above zero for one more, below zero for one less.

    Group k of the order goes below shed_below - spread k / (groups - 1), and comes back `gap` above that. `budget`: -1
    the power at hand carries less than what runs, 0 just that, 1 one group more. Hysteresis in charge and in time; a
    group that follows another one back waits only `step_ns`.
    """
    step = spread / (groups - 1) if groups > 1 else 0.0
    next_below = shed_below - step * shed
    if shed < groups and (soc < next_below or budget < 0):
        held_ns = (held_ns if held_ns > 0 else 0) + cycle_ns
        if held_ns >= shed_dwell_ns:
            return shed + 1, 0
        return shed, held_ns
    if shed > 0 and budget > 0 and soc > next_below + step + gap:
        held_ns = (held_ns if held_ns < 0 else 0) - cycle_ns
        if -held_ns >= restore_dwell_ns:
            return shed - 1, step_ns - restore_dwell_ns if step_ns < restore_dwell_ns else 0
        return shed, held_ns
    return shed, 0


def charge_zone(zone: int, soc: float, low_below: float, critical_below: float, good_above: float) -> int:
    """Which zone the battery's charge is in. Upwards it takes `good_above` to leave a zone."""
    if soc < critical_below:
        return CHARGE_CRITICAL
    if soc < low_below:
        return CHARGE_CRITICAL if zone == CHARGE_CRITICAL else CHARGE_LOW
    if soc > good_above:
        return CHARGE_GOOD
    return zone


def dwelled(state: int, wanted: int, held_ns: int, dwell_ns: int, cycle_ns: int) -> tuple[int, int]:
    """A state that follows what is wanted once that has been called for so long without a break; and how long it has
    been, this cycle included."""
    if wanted == state:
        return state, 0
    held_ns += cycle_ns
    if held_ns >= dwell_ns:
        return wanted, 0
    return state, held_ns


def in_shadow(shadow: int, array_w: float, load_w: float, dark_share: float, lit_share: float) -> int:
    """Whether the array gives next to nothing of what the loads take: 1 in the shadow, 0 in the Sun."""
    if shadow:
        return 0 if array_w > lit_share * load_w else 1
    return 1 if array_w < dark_share * load_w else 0


def band_state(state: int, value: float, low: float, high: float) -> int:
    """1 below `low`, 0 above `high`, between them what it was."""
    if value < low:
        return 1
    return 0 if value > high else state


def shadow_power_w(soc: float, reserve: float, energy_j: float, dark_s: float) -> float:
    """What the battery can give for so long until `reserve` of its charge is left."""
    return (soc - reserve) * energy_j / dark_s


def recharge_w(soc: float, target: float, energy_j: float, horizon_s: float, most_w: float) -> float:
    """What must flow into the battery to bring it to `target` in time; below zero: what may flow out of it."""
    needed_w = (target - soc) * energy_j / horizon_s
    return needed_w if needed_w < most_w else most_w


def sun_power_w(held_w: float, payload_w: float, charge_w: float, needed_w: float, step_w: float) -> float:
    """What the payload may take in the Sun: what it takes, and what flows into the battery beyond what must.

    Where that is less than the present limit but a whole step is left over, the limit goes up by one step: the array
    may hold back, and the payload may not use its limit.
    """
    spare_w = charge_w - needed_w
    if spare_w >= step_w and payload_w + spare_w < held_w + step_w:
        return held_w + step_w
    return payload_w + spare_w


def held_limit(held: float, wanted: float, band: float, highest: float) -> float:
    """A limit between 0 and `highest` that stays as it is until what is wanted differs by more than `band`."""
    if wanted < held - band:
        return wanted if wanted > 0.0 else 0.0
    if wanted >= highest:
        return highest
    return wanted if wanted > held + band else held


def share_by_temperature(temperature_k: float, hot_k: float, band_k: float, floor: float) -> float:
    """Share of full power at this coolant: all of it up to `band_k` below `hot_k`, falling to `floor` there."""
    over = min(1.0, (temperature_k - (hot_k - band_k)) / band_k)
    return 1.0 - (1.0 - floor) * over if over > 0.0 else 1.0


def pump_speed(speed: float, load: float, slowest: float, warm: int, band: float) -> float:
    """Speed of the coolant pump for this share of the payload's rated power: up by any step, down only by a whole
    band, and full while the coolant is warm."""
    wanted = slowest + (1.0 - slowest) * load
    if warm or wanted > 1.0:
        wanted = 1.0
    if wanted > speed or wanted < speed - band:
        return wanted
    return speed


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


def attitude_phase(  # noqa: PLR0917 (numba compiles no keyword-only arguments)
    phase: int, to_sun: int, body: float, total: float, stop_above: float, catch_below: float, error: float,
    within: float, lost_above: float, rate: float, slow: float,
) -> int:  # fmt: skip
    """The phase that this cycle's readings call for; the caller lets it wait out its dwell.

    body, total: momentum of the body, and with the wheels' (N m s). Above `stop_above` the wheels could not stop the
    body; below `catch_below` they take all of it with room for a turn. error: to the Sun while it is acquired, else to
    what is ordered (rad); rate in rad/s. `to_sun`: the Sun is all that is ordered.
    """
    if phase == FREE:
        return phase
    if phase == DETUMBLE:
        return ACQUIRE if total < catch_below else phase
    if body > stop_above:
        return DETUMBLE
    if phase == HOLD:
        return ACQUIRE if error > lost_above else phase
    if error < within and rate < slow:
        return SLEW if phase == ACQUIRE and not to_sun else HOLD
    return phase


def unloads(unloading: int, share: float, begin_above: float, end_below: float) -> int:
    """Whether torquers bleed the wheels (0, 1). share: the fullest wheel's momentum over what it can hold."""
    return int(share > end_below) if unloading else int(share > begin_above)
