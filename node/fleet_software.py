# ruff: noqa: PLR0917 - kernels take records by position
"""The cyclic decisions of flight software for very many spacecraft: the rules that one of them flies, over arrays.

Power budget, shedding, charge zone and heat as the managers of the flight software decide them, with their defaults,
every time the fleet looks at its surroundings. Left out: modes other than NOMINAL and a SAFE that the charge enters and
leaves, telecommands, jobs, FDIR; readings are the truth, without noise. Beside the orders this keeps the books of each
spacecraft: energy, work, and the worst that it has seen.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from node.devices.equipment import Equipment
from node.fsw import rules
from node.fsw.managers import power, shadow, thermal
from node.fsw.managers.payload import LEAST_W
from node.plant.compute.compute import BOOT, ECC_PENDING, IDLE
from node.plant.kernel.capacity import FULL
from node.plant.kernel.fields import Record

Records = NDArray[np.void]

POWER_CYCLE_S = 86_400.0
"""[A] A group that has lost a chip is switched off and on after so long: the ground does that once a day."""
NS = 1e9

MEMORY = np.dtype(
    [
        ("array_j", "f8"), ("battery_j", "f8"), ("load_j", "f8"), ("loss_j", "f8"), ("payload_j", "f8"),
        # In seconds of one accelerator at full clock; the four are what was there in all.
        ("work_done_s", "f8"), ("work_off_s", "f8"), ("work_limited_s", "f8"), ("work_down_s", "f8"),
        ("shed_held_ns", "i8"), ("zone_held_ns", "i8"),
        ("shadow_entered_s", "f8"), ("shadow_left_s", "f8"),
        ("shadow_length_s", "f4"), ("shadow_period_s", "f4"),
        ("power_limit_w", "f4"), ("short_s", "f4"), ("cool_s", "f4"), ("lost_s", "f4"),
        ("dark_s", "f4"), ("brown_out_s", "f4"),
        ("lowest_soc", "f4"), ("hottest_chip_k", "f4"), ("hottest_memory_k", "f4"),
        ("sheddings", "u2"), ("safe_entries", "u2"), ("hot_groups", "u2"),
        ("groups_shed", "i1"), ("budget", "i1"), ("charge_zone", "i1"), ("filling", "i1"), ("in_shadow", "i1"),
        ("safe", "i1"),
    ],
    align=True,
)  # fmt: skip
"""What one spacecraft's flight software remembers, and its books since the epoch."""

_GROUPS = FULL.accelerator_groups
FIGURES = np.dtype(
    [
        ("groups", "i4"), ("order", "i4", (_GROUPS,)), ("rated_w", "f8", (_GROUPS,)), ("lowest_w", "f8", (_GROUPS,)),
        ("hot_k", "f8", (_GROUPS,)), ("memory_hot_k", "f8", (_GROUPS,)), ("chips", "f8", (_GROUPS,)),
        ("total_w", "f8"), ("battery_j", "f8"), ("battery_charge_w", "f8"),
        ("shed_below", "f8"), ("restore_above", "f8"), ("spread", "f8"), ("shed_dwell_ns", "i8"),
        ("restore_dwell_ns", "i8"), ("restore_step_ns", "i8"), ("safe_below", "f8"), ("survival_below", "f8"),
        ("good_above", "f8"), ("fall_dwell_ns", "i8"), ("rise_dwell_ns", "i8"), ("reserve", "f8"), ("fill_to", "f8"),
        ("lead_s", "f8"), ("usable", "f8"), ("shadow_dwell_s", "f8"), ("shadow_longest_s", "f8"),
        ("hot_margin_k", "f8"), ("cool_margin_k", "f8"), ("cool_dwell_s", "f8"),
    ],
    align=True,
)  # fmt: skip
"""What flight software knows of its design, and its on-board parameters, all of them at their defaults."""


def figures(equipment: Equipment) -> Records:
    """One record for a design. Raises ValueError for more accelerator groups than there is room for."""
    groups = len(equipment.accelerator_groups)
    if groups > _GROUPS:
        raise ValueError(f"{groups} accelerator groups; at most {_GROUPS}")
    one = np.zeros(1, FIGURES)
    g, manager, heat = one[0], power.PowerManager, thermal.ThermalManager
    priorities = equipment.accelerator_group_priorities
    order = sorted(range(groups), key=lambda group: (-priorities[group], -group))
    for name, values in (
        ("order", order), ("rated_w", equipment.accelerator_group_power_w),
        ("lowest_w", equipment.accelerator_group_lowest_w), ("hot_k", equipment.accelerator_group_hot_k),
        ("memory_hot_k", equipment.accelerator_group_memory_hot_k), ("chips", equipment.accelerator_group_chips),
    ):  # fmt: skip
        g[name][:groups] = values
    g["groups"], g["total_w"] = groups, sum(equipment.accelerator_group_power_w)
    g["battery_j"], g["battery_charge_w"] = equipment.battery_energy_j, equipment.battery_charge_w
    for name, parameter in (
        ("shed_below", manager.SHED_BELOW), ("restore_above", manager.RESTORE_ABOVE), ("spread", manager.SPREAD),
        ("safe_below", manager.SAFE_BELOW), ("survival_below", manager.SURVIVAL_BELOW),
        ("good_above", manager.GOOD_ABOVE), ("reserve", manager.RESERVE), ("fill_to", manager.FILL_TO),
        ("lead_s", manager.LEAD), ("usable", manager.USABLE), ("shadow_dwell_s", shadow.ShadowEstimator.DWELL),
        ("shadow_longest_s", shadow.ShadowEstimator.LONGEST), ("hot_margin_k", heat.MARGIN_K),
        ("cool_margin_k", heat.COOL_K), ("cool_dwell_s", heat.COOL_DWELL),
    ):  # fmt: skip
        g[name] = parameter.default
    for name, parameter in (
        ("shed_dwell_ns", manager.SHED_DWELL), ("restore_dwell_ns", manager.RESTORE_DWELL),
        ("restore_step_ns", manager.RESTORE_STEP), ("fall_dwell_ns", manager.FALL_DWELL),
        ("rise_dwell_ns", manager.RISE_DWELL),
    ):  # fmt: skip
        g[name] = round(parameter.default * NS)
    return one


def blank(count: int, known: Records) -> Records:
    """The memory of so many spacecraft at the epoch."""
    memory = np.zeros(count, MEMORY)
    memory["power_limit_w"] = known[0]["total_w"]
    memory["budget"] = 1
    memory["lowest_soc"] = 1.0
    memory["shadow_entered_s"] = -1.0
    return memory


_compile = njit(cache=True, error_model="numpy")
_in_shadow, _dwelled, _band_state = _compile(rules.in_shadow), _compile(rules.dwelled), _compile(rules.band_state)
_recharge_w, _sun_power_w = _compile(rules.recharge_w), _compile(rules.sun_power_w)
_shadow_power_w, _held_limit = _compile(rules.shadow_power_w), _compile(rules.held_limit)
_groups_shed, _charge_zone = _compile(rules.groups_shed), _compile(rules.charge_zone)
_group_cap_w = _compile(rules.group_power_cap_w)

DARK_SHARE, LIT_SHARE, POINTED_RAD = shadow.DARK_SHARE, shadow.LIT_SHARE, shadow.POINTED_RAD
SHORTEST_PERIOD_S, LONGEST_PERIOD_S = shadow.SHORTEST_PERIOD_S, shadow.LONGEST_PERIOD_S
BAND, STEP, FULL_SOC, MOST_CHARGE = power.BAND, power.STEP, power.FULL, power.MOST_CHARGE
SOONEST_S, SHADOWLESS_S, TAIL_S = power.SOONEST_S, power.SHADOWLESS_S, power.TAIL_S
TWILIGHT_S, UNKNOWN_S = power.TWILIGHT_S, power.UNKNOWN_S


@_compile
def _count(s: Record, u: Record, m: Record, g: Record, span_s: float) -> None:
    """The books of the time since the last look, by how things stand at its end."""
    m.array_j += s.array_power_w * span_s
    m.battery_j += s.battery_power_w * span_s
    m.load_j += s.load_power_w * span_s
    m.loss_j += s.power_loss_w * span_s
    m.payload_j += s.payload_power_w * span_s
    for k in range(g.groups):
        there = g.chips[k] * span_s
        state = s.accelerator_state[k]
        if u.accelerator_enable[k] == 0:
            m.work_off_s += there
        elif state > BOOT and state <= ECC_PENDING and state >= IDLE:
            done = s.accelerator_rate[k] * span_s
            m.work_done_s += done
            m.work_limited_s += there - done
        else:
            m.work_down_s += there
        m.hottest_chip_k = max(m.hottest_chip_k, s.accelerator_temperature_k[k])
        m.hottest_memory_k = max(m.hottest_memory_k, s.hbm_temperature_k[k])
    m.dark_s += (1.0 - s.illumination_fraction) * span_s
    if s.power_served_fraction < 1.0:
        m.brown_out_s += span_s
    m.lowest_soc = min(m.lowest_soc, s.battery_soc)


@_compile
def _shadow(s: Record, m: Record, g: Record, now_s: float) -> None:
    """Night and day by the array's power, and what they teach. A look is longer than the dwell, so each one counts."""
    seen = _in_shadow(m.in_shadow, s.array_power_w, s.load_power_w, DARK_SHARE, LIT_SHARE)
    if seen == m.in_shadow:
        return
    m.in_shadow = seen
    at_s = now_s - g.shadow_dwell_s
    since_s = at_s - m.shadow_entered_s
    known = m.shadow_entered_s >= 0.0
    if seen == 0:
        m.shadow_left_s = at_s
    if s.sun_error_rad > POINTED_RAD:
        m.shadow_entered_s = -1.0
    elif seen == 0:
        if known and since_s <= g.shadow_longest_s:
            m.shadow_length_s = since_s
    else:
        if known and since_s >= SHORTEST_PERIOD_S and since_s <= LONGEST_PERIOD_S:
            m.shadow_period_s = since_s
        m.shadow_entered_s = max(0.0, at_s)


@_compile
def _next_s(m: Record, now_s: float) -> float:
    """Time to the next shadow; -1: none is predicted."""
    if m.in_shadow == 1 or m.shadow_entered_s < 0.0 or m.shadow_period_s <= 0.0 or m.shadow_length_s <= 0.0:
        return -1.0
    left_s = m.shadow_period_s - (now_s - m.shadow_entered_s)
    return float(max(0.0, left_s)) if left_s > -m.shadow_length_s else -1.0


@_compile
def _remaining_s(m: Record, g: Record, now_s: float) -> float:
    """How long the present shadow is taken to last."""
    if m.shadow_length_s <= 0.0:
        return UNKNOWN_S
    gone_s = now_s - max(0.0, m.shadow_entered_s)
    if gone_s > g.shadow_longest_s:
        return UNKNOWN_S
    return float(max(0.0, m.shadow_length_s - gone_s)) + TAIL_S


@_compile
def _budget(s: Record, m: Record, g: Record, now_s: float, span_s: float) -> None:
    """What the payload may take, and whether one group more or less fits in that."""
    soc = s.battery_soc
    m.filling = _band_state(m.filling, soc, g.fill_to, FULL_SOC)
    energy_j = g.battery_j * g.usable
    charge_w = -s.battery_power_w
    next_s = _next_s(m, now_s)
    dark_s = -1.0
    wanted_w = g.total_w
    if m.in_shadow == 1:
        dark_s = _remaining_s(m, g, now_s)
    else:
        if next_s >= 0.0 and next_s <= g.lead_s:
            dark_s = m.shadow_length_s + TAIL_S
        if m.filling == 1 and now_s - m.shadow_left_s > TWILIGHT_S and not (next_s >= 0.0 and next_s < TWILIGHT_S):
            horizon_s = max(next_s, SOONEST_S) if next_s >= 0.0 else SHADOWLESS_S
            most_w = MOST_CHARGE * g.battery_charge_w
            needed_w = _recharge_w(soc, g.fill_to, energy_j, horizon_s, most_w)
            wanted_w = _sun_power_w(m.power_limit_w, s.payload_power_w, charge_w, needed_w, STEP * g.total_w)
    if dark_s >= 0.0:
        battery_w = _shadow_power_w(soc, g.reserve, energy_j, max(dark_s, 1.0))
        wanted_w = min(wanted_w, battery_w - (s.load_power_w - s.payload_power_w))
    m.power_limit_w = _held_limit(m.power_limit_w, wanted_w, BAND * g.total_w, g.total_w)
    running_w = 0.0
    for k in range(m.groups_shed, g.groups):
        running_w += g.lowest_w[g.order[k]]
    one_more_w = g.lowest_w[g.order[m.groups_shed - 1]] if m.groups_shed > 0 else 0.0
    short = m.power_limit_w < running_w and (dark_s >= 0.0 or charge_w < 0.0)
    m.short_s = m.short_s + span_s if short else 0.0
    if short and (dark_s >= 0.0 or m.short_s > TWILIGHT_S):
        m.budget = -1
    else:
        m.budget = 1 if m.power_limit_w >= running_w + one_more_w else 0


@_compile
def _charge(s: Record, m: Record, g: Record, span_ns: int) -> None:
    """Groups shed for want of power, and SAFE for want of charge until it is good again."""
    before = m.groups_shed
    m.groups_shed, m.shed_held_ns = _groups_shed(
        m.groups_shed, m.shed_held_ns, g.groups, s.battery_soc, m.budget, g.shed_below, g.spread,
        g.restore_above - g.shed_below, g.shed_dwell_ns, g.restore_dwell_ns, g.restore_step_ns, span_ns,
    )  # fmt: skip
    if m.groups_shed > before and m.sheddings < 65535:
        m.sheddings += 1
    seen = _charge_zone(m.charge_zone, s.battery_soc, g.safe_below, g.survival_below, g.good_above)
    dwell_ns = g.fall_dwell_ns if seen > m.charge_zone else g.rise_dwell_ns
    m.charge_zone, m.zone_held_ns = _dwelled(m.charge_zone, seen, m.zone_held_ns, dwell_ns, span_ns)
    if m.charge_zone > 0 and m.safe == 0 and m.safe_entries < 65535:
        m.safe_entries += 1
    m.safe = 1 if m.charge_zone > 0 else 0


@_compile
def _heat(s: Record, m: Record, g: Record, span_s: float) -> None:
    """Groups that are too hot, until all have been cool for a while."""
    coldest = np.inf
    for k in range(g.groups):
        below = min(g.hot_k[k] - s.accelerator_temperature_k[k], g.memory_hot_k[k] - s.hbm_temperature_k[k])
        coldest = min(coldest, below)
        if below <= g.hot_margin_k:
            m.hot_groups |= 1 << k
    if m.hot_groups == 0:
        return
    m.cool_s = m.cool_s + span_s if coldest > g.cool_margin_k else 0.0
    if m.cool_s >= g.cool_dwell_s:
        m.hot_groups = 0
        m.cool_s = 0.0


@_compile
def _order(s: Record, u: Record, m: Record, g: Record, span_s: float) -> None:
    """Which groups run, and at what power."""
    lost = 0
    for k in range(g.groups):
        lost += 1 if s.accelerator_lost[k] > 0 else 0
    m.lost_s = m.lost_s + span_s if lost > 0 else 0.0
    cycle = m.lost_s >= POWER_CYCLE_S
    sharing_w = 0.0
    for k in range(g.groups):
        group = g.order[k]
        runs = m.safe == 0 and k >= m.groups_shed and not (cycle and s.accelerator_lost[group] > 0)
        u.accelerator_enable[group] = 1 if runs else 0
        sharing_w += g.rated_w[group] if runs else 0.0
    if cycle:
        m.lost_s = 0.0
    if sharing_w <= 0.0:
        sharing_w = g.total_w
    for k in range(g.groups):
        if m.hot_groups >> k & 1:
            u.accelerator_power_cap_w[k] = LEAST_W
        elif m.power_limit_w >= g.total_w:
            u.accelerator_power_cap_w[k] = 0.0
        else:
            u.accelerator_power_cap_w[k] = max(LEAST_W, _group_cap_w(m.power_limit_w, g.rated_w[k], sharing_w))


@njit(cache=True, error_model="numpy", parallel=True, nogil=True)
def look_fleet(states: Records, orders: Records, memory: Records, known: Records, now_s: float, span_s: float) -> None:
    """One look of all flight software: books of the time since the last one, decisions, orders for the next ticks."""
    span_ns = round(span_s * NS)
    for i in prange(states.shape[0]):
        s, u, m, g = states[i], orders[i], memory[i], known[0]
        _count(s, u, m, g, span_s)
        _shadow(s, m, g, now_s)
        _budget(s, m, g, now_s, span_s)
        _charge(s, m, g, span_ns)
        _heat(s, m, g, span_s)
        _order(s, u, m, g, span_s)
