"""The battery: groups of cells in parallel on one pair of terminals.

Each group counts coulombs and has an open-circuit voltage by state of charge (a table of equal steps, or pairs), a
series resistance by temperature and one polarisation (Thevenin), or a slower second one beside it. Charging tapers at
the end-of-charge voltage and stops in the cold; discharging stops at the cut-off. Ageing by calendar and by cycles.
Currents are positive when discharging.
"""

from __future__ import annotations

import math

from node.plant.kernel.capacity import Capacity
from node.plant.kernel.fields import Field, Record, shaped
from node.plant.kernel.kernel import inlined, kernel


def state_fields(cap: Capacity) -> list[Field]:
    """Groups and the terminals they share. A health of 1 is as built."""
    n = cap.battery_groups
    return [
        ("battery_soc", "f8"),  # of the groups on the bus, or of all where none is: charge held over charge that fits
        ("battery_voltage_v", "f8"),
        ("battery_current_a", "f8"),
        ("battery_temperature_k", "f8"),
        ("battery_charge_inhibited", "i4"),
        ("battery_held_c", "f8"),  # charge of all groups, of the cells that were taken away too
        ("battery_charge_residual_c", "f8"),  # its change in a step less currents, leaks, ageing: 0, or charge is made
        shaped("battery_group_soc", "f8", n),
        shaped("battery_group_current_a", "f8", n),
        shaped("battery_group_polarisation_v", "f8", n),
        shaped("battery_group_cut_off", "i4", n),
        shaped("battery_group_health", "f8", n),  # share of capacity
        shaped("battery_group_known_health", "f8", n),  # as it was when charge was last shared out
        shaped("battery_group_idle_c", "f8", n),  # charge that cells held when a fault took them away
        shaped("battery_group_connected", "f8", n),  # 0: open circuit
        shaped("battery_group_resistance_factor", "f8", n),
        shaped("battery_group_shorted_cells", "f8", n),
        shaped("battery_group_internal_short_w", "f8", n),
        shaped("battery_group_runaway_j", "f8", n),  # chemical heat not yet released
        shaped("battery_group_calendar_loss2", "f8", n),  # square of the share lost to time
        shaped("battery_group_cycle_loss", "f8", n),
        shaped("battery_group_turn_soc", "f8", n),  # where the present half cycle began
        shaped("battery_group_peak_soc", "f8", n),  # how far it has come
        shaped("battery_group_slow_polarisation_v", "f8", n),  # of the second polarisation, where cells have one
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Figures of the cells, scaled to a group (`series` cells, as many in parallel as its energy needs)."""
    return [
        ("battery_count", "i4"),
        ("battery_node", "i4"),
        ("battery_series", "f8"),
        ("battery_charge_c", "f8"),  # capacity of a group
        ("battery_resistance_ohm", "f8"),
        ("battery_polarisation_ohm", "f8"),
        ("battery_polarisation_siemens", "f8"),
        ("battery_polarisation_s", "f8"),
        ("battery_resistance_doubling_k", "f8"),
        ("battery_resistance_empty", "f8"),
        ("battery_reference_k", "f8"),
        ("battery_charge_v", "f8"),
        ("battery_cut_off_v", "f8"),
        ("battery_resume_v", "f8"),
        ("battery_charge_rate_s", "f8"),
        ("battery_charge_lowest_k", "f8"),
        ("battery_charge_highest_k", "f8"),
        ("battery_coulomb_efficiency", "f8"),
        ("battery_self_discharge_s", "f8"),
        ("battery_entropic_v_k", "f8"),
        ("battery_calendar_s", "f8"),  # square of the yearly share, per second, at the reference temperature
        ("battery_calendar_k", "f8"),  # activation energy over Boltzmann's constant
        ("battery_cycle_life", "f8"),
        ("battery_cycle_exponent", "f8"),
        ("battery_cycle_share", "f8"),  # share of capacity that is lost when the cycle life is used up
        ("battery_runaway_onset_k", "f8"),
        ("battery_runaway_j", "f8"),
        ("battery_runaway_s", "f8"),
        shaped("battery_open_circuit_v", "f8", cap.curve_points),
        ("battery_slow_polarisation_ohm", "f8"),  # 0: there is no second one
        ("battery_slow_polarisation_siemens", "f8"),
        ("battery_slow_polarisation_s", "f8"),
        ("battery_pairs", "i4"),  # 0: the table of equal steps holds
        shaped("battery_pair_soc", "f8", cap.curve_pairs),
        shaped("battery_pair_v", "f8", cap.curve_pairs),
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Orders: 1 lets the battery charge; 1 opens the switch of a group."""
    return [("battery_charge_enable", "i4"), shaped("battery_group_open", "i4", cap.battery_groups)]


def work_fields(cap: Capacity) -> list[Field]:
    """Electromotive force, resistance and permission of each group in this sub-step; whether any is on the bus."""
    n = cap.battery_groups
    return [
        ("battery_linked", "i4"),
        shaped("group_emf_v", "f8", n),
        shaped("group_ohm", "f8", n),
        shaped("group_siemens", "f8", n),
        shaped("group_full_c", "f8", n),
        shaped("group_on", "i4", n),
        shaped("group_charges", "i4", n),
        shaped("group_discharges", "i4", n),
    ]


@kernel
def open_circuit_v(p: Record, soc: float) -> float:
    """Open-circuit voltage of one cell by state of charge 0 ... 1 (table of equal steps or pairs, linear between)."""
    if p.battery_pairs > 0:
        return _paired_v(p, soc)
    x = min(1.0, max(0.0, soc)) * 10.0
    i = min(9, int(x))
    low = float(p.battery_open_circuit_v[i])
    return float(low + (x - i) * (p.battery_open_circuit_v[i + 1] - low))


@kernel
def _paired_v(p: Record, soc: float) -> float:
    """Between the pairs around; beyond the outer ones their voltage."""
    last = p.battery_pairs - 1
    if soc <= p.battery_pair_soc[0]:
        return float(p.battery_pair_v[0])
    for i in range(1, last + 1):
        if soc <= p.battery_pair_soc[i]:
            share = (soc - p.battery_pair_soc[i - 1]) / (p.battery_pair_soc[i] - p.battery_pair_soc[i - 1])
            return float(p.battery_pair_v[i - 1] + share * (p.battery_pair_v[i] - p.battery_pair_v[i - 1]))
    return float(p.battery_pair_v[last])


@kernel
def group_charge_c(s: Record, p: Record, g: int) -> float:
    """Charge that group g holds when full: as built, less what faults, time and cycles took."""
    aged = 1.0 - math.sqrt(s.battery_group_calendar_loss2[g]) - s.battery_group_cycle_loss[g]
    return float(float(p.battery_charge_c) * max(0.01, aged) * max(0.01, s.battery_group_health[g]))


@kernel
def share_charge(s: Record, p: Record, g: int) -> None:
    """A group's health has changed: cells that go take their charge with them, and cells that come back bring it.

    The cells that stay keep theirs, so the charge of all never rises.
    """
    if s.battery_group_known_health[g] <= 0.0:  # nobody has looked yet
        s.battery_group_known_health[g] = s.battery_group_health[g]
        return
    now = max(0.01, s.battery_group_health[g])
    before = max(0.01, s.battery_group_known_health[g])
    s.battery_group_known_health[g] = s.battery_group_health[g]
    full = group_charge_c(s, p, g)
    held = s.battery_group_soc[g] * full * before / now
    back = 0.0
    if now < before:
        back = -held * (1.0 - now / before)
    elif before < 1.0:
        back = s.battery_group_idle_c[g] * min(1.0, (now - before) / (1.0 - before))
    s.battery_group_idle_c[g] -= back
    change = (held + back) / full - s.battery_group_soc[g]
    s.battery_group_soc[g] += change
    s.battery_group_turn_soc[g] += change  # no cycle
    s.battery_group_peak_soc[g] += change


@inlined
def prepare_battery(s: Record, p: Record, w: Record, u: Record) -> None:
    """Electromotive force and resistance of each group now, and what it may do."""
    kelvin = s.battery_temperature_k
    cold = 1.0
    if kelvin < p.battery_reference_k:
        cold = math.exp(
            min(5.0, 0.6931471805599453 * (p.battery_reference_k - kelvin) / p.battery_resistance_doubling_k)
        )
    warm_enough = kelvin >= p.battery_charge_lowest_k and kelvin <= p.battery_charge_highest_k
    s.battery_charge_inhibited = 0 if warm_enough and u.battery_charge_enable == 1 else 1
    for g in range(p.battery_count):
        if s.battery_group_health[g] != s.battery_group_known_health[g]:
            share_charge(s, p, g)
        soc = s.battery_group_soc[g]
        open_v = open_circuit_v(p, soc) * max(0.0, p.battery_series - s.battery_group_shorted_cells[g])
        w.group_emf_v[g] = open_v - s.battery_group_polarisation_v[g] - s.battery_group_slow_polarisation_v[g]
        empty = 1.0 + (p.battery_resistance_empty - 1.0) * max(0.0, 1.0 - 5.0 * soc)
        worn = 1.0 + 2.0 * s.battery_group_cycle_loss[g]
        w.group_ohm[g] = p.battery_resistance_ohm * cold * empty * worn * s.battery_group_resistance_factor[g]
        w.group_siemens[g] = 1.0 / w.group_ohm[g]
        w.group_full_c[g] = group_charge_c(s, p, g)
        connected = s.battery_group_connected[g] > 0.5 and u.battery_group_open[g] != 1
        if s.battery_group_cut_off[g] == 1 and w.group_emf_v[g] > p.battery_resume_v:
            s.battery_group_cut_off[g] = 0
        w.group_on[g] = 1 if connected else 0
        w.group_charges[g] = 1 if connected and s.battery_charge_inhibited == 0 else 0
        w.group_discharges[g] = 1 if connected and s.battery_group_cut_off[g] == 0 else 0


@inlined
def charge_limit_w(s: Record, p: Record, w: Record) -> float:
    """The most that the terminals take: end-of-charge voltage, charge rate, temperature."""
    amps = 0.0
    for g in range(p.battery_count):
        if w.group_charges[g] == 1:
            into = max(0.0, (p.battery_charge_v - w.group_emf_v[g]) * w.group_siemens[g])
            amps += min(into, p.battery_charge_rate_s * w.group_full_c[g])
    return float(amps * p.battery_charge_v * 0.999)


@inlined
def discharge_limit_w(s: Record, p: Record, w: Record) -> float:
    """The most that the terminals give: all groups pulled down to the cut-off, or to the point of greatest power."""
    emf = 0.0
    siemens = 0.0
    for g in range(p.battery_count):
        if w.group_discharges[g] == 1 and w.group_emf_v[g] > p.battery_cut_off_v:
            emf += w.group_emf_v[g] * w.group_siemens[g]
            siemens += w.group_siemens[g]
    if siemens <= 0.0:
        return 0.0
    volts = max(p.battery_cut_off_v, 0.5 * emf / siemens)
    return float(max(0.0, volts * (emf - siemens * volts)) * 0.999)


@kernel
def _terminal_v(s: Record, p: Record, w: Record, power_w: float) -> float:
    """The voltage at which the groups together give `power_w`. Groups that may not carry their current drop out.

    With none left, what a voltmeter shows: the highest of the groups that are connected.
    """
    volts = 0.0
    w.battery_linked = 1
    for _ in range(p.battery_count + 1):
        emf = 0.0
        siemens = 0.0
        for g in range(p.battery_count):
            if w.group_charges[g] == 1 or w.group_discharges[g] == 1:
                emf += w.group_emf_v[g] * w.group_siemens[g]
                siemens += w.group_siemens[g]
        if siemens <= 0.0:
            w.battery_linked = 0
            volts = 0.0
            for g in range(p.battery_count):
                if s.battery_group_connected[g] > 0.5:
                    volts = max(volts, w.group_emf_v[g])
            break
        volts = 0.5 * (emf + math.sqrt(max(0.0, emf * emf - 4.0 * siemens * power_w))) / siemens
        dropped = False
        for g in range(p.battery_count):
            gives = w.group_emf_v[g] > volts
            if gives and w.group_discharges[g] == 0 and w.group_charges[g] == 1:
                w.group_charges[g] = 0
                dropped = True
            elif not gives and w.group_charges[g] == 0 and w.group_discharges[g] == 1:
                w.group_discharges[g] = 0
                dropped = True
        if not dropped:
            break
    return volts


@inlined
def serve_battery(s: Record, p: Record, w: Record, power_w: float, dt_s: float) -> float:
    """Give (or, negative, take) `power_w` at the terminals for dt; returns what really flowed, from the currents."""
    volts = _terminal_v(s, p, w, power_w)
    amps_all = 0.0
    held = 0.0
    room = 0.0
    held_on = 0.0
    room_on = 0.0
    idle = 0.0
    gone = 0.0
    heat_all = 0.0
    fades = p.battery_polarisation_s / (p.battery_polarisation_s + dt_s)
    for g in range(p.battery_count):
        amps = 0.0
        if w.group_charges[g] == 1 or w.group_discharges[g] == 1:
            amps = (w.group_emf_v[g] - volts) * w.group_siemens[g]
        s.battery_group_current_a[g] = amps
        amps_all += amps
        full = w.group_full_c[g]
        soc = s.battery_group_soc[g]
        counted = amps if amps >= 0.0 else amps * p.battery_coulomb_efficiency
        leak = s.battery_group_internal_short_w[g] if soc > 0.0 else 0.0
        if leak > 0.0:
            counted += leak / max(1.0, w.group_emf_v[g])
        gone += (counted + p.battery_self_discharge_s * soc * full) * dt_s
        soc = min(1.0, max(0.0, soc - counted * dt_s / full - p.battery_self_discharge_s * soc * dt_s))
        s.battery_group_soc[g] = soc
        polarised = s.battery_group_polarisation_v[g] * fades + amps * p.battery_polarisation_ohm * (1.0 - fades)
        s.battery_group_polarisation_v[g] = polarised
        if amps > 0.0 and volts <= p.battery_cut_off_v * 1.002:
            s.battery_group_cut_off[g] = 1
        heat = amps * amps * w.group_ohm[g] + polarised * polarised * p.battery_polarisation_siemens + leak
        if p.battery_slow_polarisation_ohm > 0.0:
            slow = p.battery_slow_polarisation_s / (p.battery_slow_polarisation_s + dt_s)
            polarised = s.battery_group_slow_polarisation_v[g] * slow
            polarised += amps * p.battery_slow_polarisation_ohm * (1.0 - slow)
            s.battery_group_slow_polarisation_v[g] = polarised
            heat += polarised * polarised * p.battery_slow_polarisation_siemens
        heat -= amps * s.battery_temperature_k * p.battery_entropic_v_k * p.battery_series
        if s.battery_temperature_k > p.battery_runaway_onset_k and s.battery_group_runaway_j[g] > 0.0:
            released = min(s.battery_group_runaway_j[g] / dt_s, p.battery_runaway_j / p.battery_runaway_s)
            s.battery_group_runaway_j[g] -= released * dt_s
            burnt = min(soc, dt_s / p.battery_runaway_s)
            soc -= burnt
            s.battery_group_soc[g] = soc
            gone += burnt * full
            heat += released
        heat_all += heat
        idle += s.battery_group_idle_c[g]
        held += soc * full
        room += full
        if w.group_on[g] == 1:
            held_on += soc * full
            room_on += full
    s.battery_voltage_v = volts
    s.battery_current_a = amps_all
    s.battery_soc = held_on / room_on if room_on > 0.0 else held / room
    s.battery_charge_residual_c = held + idle + gone - s.battery_held_c
    s.battery_held_c = held + idle
    w.node_heat_w[p.battery_node] += heat_all
    return volts * amps_all


@kernel
def count_charge(s: Record, p: Record) -> None:
    """The first entry in the books of charge: what all cells hold before the first tick, and before a fault in it."""
    s.battery_held_c = 0.0
    for g in range(p.battery_count):
        known = max(0.01, s.battery_group_known_health[g]) / max(0.01, s.battery_group_health[g])
        s.battery_held_c += s.battery_group_soc[g] * group_charge_c(s, p, g) * known


@kernel
def age_battery(s: Record, p: Record, dt_s: float) -> None:
    """Calendar loss grows with the root of time and an Arrhenius factor; cycles are half cycles between turns.

    A half cycle of depth d uses 0.5 d^k / N0 of the life. Once per tick.
    """
    kelvin = max(150.0, s.battery_temperature_k)
    speed = math.exp(p.battery_calendar_k * (1.0 / p.battery_reference_k - 1.0 / kelvin))
    for g in range(p.battery_count):
        full = group_charge_c(s, p, g)
        s.battery_group_calendar_loss2[g] += p.battery_calendar_s * speed * speed * dt_s
        soc = s.battery_group_soc[g]
        turn = s.battery_group_turn_soc[g]
        peak = s.battery_group_peak_soc[g]
        onward = peak - turn
        if (soc - peak) * onward >= 0.0 and abs(soc - turn) >= abs(onward):
            s.battery_group_peak_soc[g] = soc
        elif abs(soc - peak) > 0.01:
            depth = abs(onward)
            if depth > 0.0:
                used = 0.5 * math.exp(p.battery_cycle_exponent * math.log(depth)) / p.battery_cycle_life
                s.battery_group_cycle_loss[g] += used * p.battery_cycle_share
            s.battery_group_turn_soc[g] = peak
            s.battery_group_peak_soc[g] = soc
        # what cells can no longer hold they no longer hold: the state of charge stays, charge falls
        s.battery_held_c -= soc * (full - group_charge_c(s, p, g))
