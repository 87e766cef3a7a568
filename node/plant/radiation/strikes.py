# ruff: noqa: PLR1714 - kernels take records by position and compare integers one by one
"""What radiation's events do: ECC counters, row remaps, chips that leave the bus, silent errors, latch-ups.

Here they become state. Codes are those of NVIDIA's XID list: 48 double-bit error, 63 row remap pending, 64 remap
failed, 79 fallen off the bus, 95 uncontained.
"""

from __future__ import annotations

from node.plant.kernel.capacity import Capacity
from node.plant.kernel.draws import prefix, unit
from node.plant.kernel.fields import Field, Record, shaped
from node.plant.kernel.kernel import inlined, kernel

STREAM = 0x51D
"""Stream id of outcomes of single events."""
XID_DOUBLE_BIT, XID_REMAPPED, XID_REMAP_FAILED, XID_OFF_BUS, XID_UNCONTAINED = 48, 63, 64, 79, 95


def state_fields(cap: Capacity) -> list[Field]:
    """Counters since the start, per accelerator group; latched current per radiation device."""
    n = cap.accelerator_groups
    return [
        shaped("accelerator_ecc_corrected", "f8", n),
        shaped("accelerator_ecc_uncorrected", "f8", n),
        shaped("accelerator_remapped_rows", "f8", n),
        shaped("accelerator_quarantined", "f8", n),  # chips given up for good
        shaped("accelerator_silent_errors", "f8", n),
        shaped("device_latched_w", "f8", cap.radiation_devices),
        shaped("accelerator_xid", "i4", n),  # the last one
        shaped("accelerator_xid_count", "i4", n),
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Spare rows and odds."""
    n = cap.accelerator_groups
    return [
        shaped("chip_spare_rows", "f8", n),
        ("remap_failure", "f8"),  # odds that a remap does not succeed
        ("uncontained", "f8"),  # odds that an uncorrectable error is not contained
        shaped("device_latch_w", "f8", cap.radiation_devices),
        shaped("device_lcl", "i4", cap.radiation_devices),  # -1: none
        shaped("device_is_host", "i4", cap.radiation_devices),
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Nothing to order."""
    return []


def work_fields(cap: Capacity) -> list[Field]:
    """What this tick did to each group, for the jobs."""
    n = cap.accelerator_groups
    return [
        shaped("accelerator_crash", "i4", n),  # 1: what ran here is dead
        shaped("accelerator_corrupted", "i4", n),  # silent errors
    ]


@kernel
def _report(s: Record, g: int, code: int) -> None:
    s.accelerator_xid[g] = code
    s.accelerator_xid_count[g] += 1


@kernel
def _uncorrected(s: Record, p: Record, w: Record, g: int, luck: float) -> None:
    """An uncorrectable memory error: the row is remapped at the next reset, or the chip is given up."""
    s.accelerator_ecc_uncorrected[g] += 1.0
    w.accelerator_crash[g] = 1
    _report(s, g, 48)
    if luck < p.uncontained:
        _report(s, g, 95)
        s.accelerator_lost[g] = min(p.chip_count[g], s.accelerator_lost[g] + 1.0)
    elif luck < p.uncontained + p.remap_failure or s.accelerator_remapped_rows[g] >= p.chip_spare_rows[g]:
        _report(s, g, 64)
        s.accelerator_quarantined[g] = min(p.chip_count[g], s.accelerator_quarantined[g] + 1.0)
    else:
        _report(s, g, 63)
        s.accelerator_remapped_rows[g] += 1.0
        if s.accelerator_state[g] == 3 or s.accelerator_state[g] == 4 or s.accelerator_state[g] == 2:
            s.accelerator_state[g] = 5


@kernel
def step_strikes(s: Record, p: Record, f: Record, w: Record, tick: int) -> None:
    """Turn this tick's events into state. A group that is off is not harmed by upsets."""
    for g in range(p.accelerator_count):
        w.accelerator_crash[g] = 0
        w.accelerator_corrupted[g] = 0
        state = s.accelerator_state[g]
        if state == 0 or state == 6 or state == 7:
            continue
        s.accelerator_ecc_corrected[g] += s.corrected_upsets[g]
        if s.uncorrected_upsets[g] > 0:
            head = prefix(f.draw_seed, 0x51D, f.draw_spacecraft)
            for i in range(min(64, s.uncorrected_upsets[g])):
                _uncorrected(s, p, w, g, unit(head, tick, 64 * g + i))
        if s.interrupts[g] > 0:
            s.accelerator_lost[g] = min(p.chip_count[g], s.accelerator_lost[g] + s.interrupts[g])
            w.accelerator_crash[g] = 1
            _report(s, g, 79)
        if s.silent_errors[g] > 0 and (state == 3 or state == 4 or state == 5):
            w.accelerator_corrupted[g] = s.silent_errors[g]
            s.accelerator_silent_errors[g] += s.silent_errors[g]
    for d in range(p.accelerator_count, p.radiation_device_count):
        if p.device_is_host[d] == 1 and s.interrupts[d] > 0 and p.accelerator_count > 0:
            head = prefix(f.draw_seed, 0x51D, f.draw_spacecraft)
            g = int(unit(head, tick, 4096 + d) * p.accelerator_count)
            w.accelerator_crash[g] = 1
        lcl = p.device_lcl[d]
        if lcl >= 0:
            state = s.lcl_state[lcl]
            if state == 0 or state == 3 or state == 4 or state == 5:
                s.device_latched_w[d] = 0.0
            elif s.latchups[d] > 0:
                s.device_latched_w[d] = p.device_latch_w[d]


@inlined
def no_strikes(p: Record, w: Record) -> None:
    """A tick that does not look at radiation: nothing new for the jobs."""
    for g in range(p.accelerator_count):
        w.accelerator_crash[g] = 0
        w.accelerator_corrupted[g] = 0


@inlined
def draw_latched(s: Record, p: Record, w: Record) -> None:
    """Latched parts draw from their limiter until it opens."""
    for d in range(p.accelerator_count, p.radiation_device_count):
        if s.device_latched_w[d] > 0.0:
            w.lcl_demand_w[p.device_lcl[d]] += s.device_latched_w[d]


@inlined
def heat_latched(s: Record, p: Record, w: Record) -> None:
    """Their power is heat beside the limiter."""
    for d in range(p.accelerator_count, p.radiation_device_count):
        if s.device_latched_w[d] > 0.0:
            lcl = p.device_lcl[d]
            w.node_heat_w[p.lcl_node[lcl]] += s.device_latched_w[d] * w.lcl_served[lcl]
