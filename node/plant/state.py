"""The truth of a spacecraft: structured dtypes, composed from what each model declares, per capacity class.

STATE is what changes, INPUT what flight software orders, PARAM what the design is, FLIGHT what makes one spacecraft
different from its sisters (elements, identity), WORK scratch that no one saves. No field is declared here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from node.plant.attitude import attitude
from node.plant.compute import compute, jobs
from node.plant.environment import environment
from node.plant.kernel.capacity import CLASSES, Capacity
from node.plant.kernel.fields import Field
from node.plant.link import link, optical
from node.plant.orbit import orbit
from node.plant.power import battery, limiters, power, tracker
from node.plant.radiation import radiation, strikes
from node.plant.thermal import loop, thermal

MODELS = (
    environment,
    attitude,
    link,
    optical,
    radiation,
    power,
    limiters,
    battery,
    thermal,
    loop,
    compute,
    strikes,
    jobs,
    tracker,
)
"""Every model but the orbit, whose parameters belong to the spacecraft and not to the design."""

IDENTITY: list[Field] = [("draw_seed", "u8"), ("draw_spacecraft", "u8")]
"""Who asks for random numbers: the scenario's seed and the stable id of the spacecraft's name."""


@dataclass(frozen=True)
class Layout:
    """The dtypes of one capacity class."""

    capacity: Capacity
    state: np.dtype[np.void]
    param: np.dtype[np.void]
    flight: np.dtype[np.void]
    order: np.dtype[np.void]
    work: np.dtype[np.void]


@lru_cache(maxsize=4)
def layout(capacity_class: str) -> Layout:
    """The dtypes of "full" or "fleet"."""
    cap = CLASSES[capacity_class]
    states = [f for model in (orbit, *MODELS) for f in model.state_fields(cap)]
    params = [f for model in MODELS for f in model.param_fields(cap)]
    orders = [f for model in (orbit, *MODELS) for f in model.input_fields(cap)]
    works = [f for model in MODELS if hasattr(model, "work_fields") for f in model.work_fields(cap)]
    if cap.name == "fleet":
        unused = {field[0] for field in loop.state_fields(cap)} | IDLE  # a fleet has no room for a coolant loop
        states = [_narrow(field, unused) for field in states]
        orders = [_narrow(field, IDLE) for field in orders]
    return Layout(
        cap,
        _record(states),
        _record(params),
        _record(orbit.param_fields(cap) + radiation.flight_fields(cap) + IDENTITY),
        _record(orders),
        _record(works),
    )


WIDE = frozenset(
    {
        "time_s", "position_teme_m", "orbit_decay_m", "orbit_advance_rad", "thermal_temperature_k", "array_power_w",
        "battery_power_w", "load_power_w", "power_loss_w", "array_fluence_m2", "array_age_s", "dose_gy",
        "battery_group_soc", "battery_group_calendar_loss2", "battery_group_cycle_loss", "job_progress_s",
    }
)  # fmt: skip
"""What a fleet keeps in double precision: sums over long times, and the terms of the power balance."""

IDLE = frozenset(
    {
        "isl_timer_s", "isl_range_m", "isl_range_rate_m_s", "isl_light_time_s", "isl_received_w", "isl_rate_bps",
        "isl_drift_rad", "isl_jitter_factor", "isl_margin_db", "isl_attempts", "job_inflow",
        "guests_taken", "jobs_given", "tracker_timer_s", "battery_group_slow_polarisation_v",
        "isl_peer_position_teme_m", "isl_peer_velocity_teme_m_s", "isl_peer_valid", "isl_peer_state", "isl_peer_head",
        "guest_kind", "guest_chips", "guest_length_s", "guest_saved_s", "guest_interval_s", "guest_checkpoint_s",
        "guest_restart_s", "guest_detect_s", "guest_efficiency", "guest_number", "give_slot", "give_number",
        "isl_health", "job_life", "job_strikes", "job_own_outside", "job_own_ready", "job_own_kept",
        "job_own_event",
        "job_own_confirmed_s", "job_own_kept_s", "job_own_window_s",
    }
)  # fmt: skip
"""What a fleet never uses: its spacecraft do not see each other, take no jobs from each other, no logs come, no program
of a user's does the work, and their designs have neither trackers nor second polarisations."""

FLAGS = frozenset(
    {
        "lcl_state", "lcl_stuck_on", "lcl_stuck_off", "transmitter_stuck_on", "station_wet", "heater_state",
        "heater_stuck_on", "accelerator_state", "accelerator_limiter",
        "accelerator_slowdown", "accelerator_tripped", "accelerator_xid", "station_visible", "isl_state",
        "isl_blocked", "battery_group_cut_off", "battery_charge_inhibited", "job_state",
        "job_kind",
    }
)  # fmt: skip
"""What a fleet keeps in one byte."""

COUNTS = frozenset(
    {
        "accelerator_ecc_uncorrected", "accelerator_remapped_rows", "accelerator_quarantined", "accelerator_lost",
        "accelerator_silent_errors",
    }
)  # fmt: skip
"""Counts that a fleet keeps in 16 bits."""


def _narrow(field: Field, unused: Collection[str] = ()) -> Field:
    """The same field as a fleet keeps it: single precision, small integers, a byte for what it never uses."""
    name, code = field[0], field[1]
    if name in FLAGS or name in unused:
        code = "i1"
    elif name in COUNTS or code == "i4":
        code = "i2"
    elif code == "f8" and name not in WIDE:
        code = "f4"
    return (name, code) if len(field) == 2 else (name, code, field[2])


def _record(fields: list[Field]) -> np.dtype[np.void]:
    """Aligned, widest fields first, so that nothing is lost to padding."""
    return np.dtype(sorted(fields, key=lambda f: -int(f[1][1])), align=True)
