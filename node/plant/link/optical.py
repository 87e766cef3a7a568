"""Optical inter-satellite links: geometry to a peer, acquisition as a state machine, budget and rate.

`step_optical` reads the orbit, body vectors, p.isl_*, the peer's beacon in u.isl_peer_*, and writes s.isl_*. States:
PARKED -> COARSE (turn the head) -> SPIRAL (search, exponential time) -> FINE (closed loop) -> LOCKED; anything that
breaks the line goes to LOST, which tries again after a while. Peers' positions come from beacons only, one tick old,
and are carried forward.
"""

# ruff: noqa: PLR0917  (kernels take scalars, and many of them)

from __future__ import annotations

import math

import numpy as np

from bus.constants import EARTH_MU_M3_S2, SPEED_OF_LIGHT_M_S
from node.plant.kernel.draws import exponential, uniform
from node.plant.kernel.fields import Capacity, Field, Record, shaped
from node.plant.kernel.kernel import kernel
from node.plant.power.limiters import feeds

PARKED, COARSE, SPIRAL, FINE, LOCKED, LOST = range(6)
"""s.isl_state."""
STATES = ("PARKED", "COARSE", "SPIRAL_ACQ", "FINE", "LOCKED", "LOST")
STREAM = 0x151
"""Stream id of acquisition times."""


DERIVED = (
    "isl_range_m",
    "isl_range_rate_m_s",
    "isl_light_time_s",
    "isl_received_w",
    "isl_margin_db",
    "isl_rate_bps",
    "isl_blocked",
)
"""State that every tick writes before anybody reads it: a fleet need not keep it."""


def state_fields(cap: Capacity) -> list[Field]:
    """Per head: state, geometry, budget, health."""
    n = cap.isl_heads
    return [
        shaped("isl_timer_s", "f8", n),  # left in this state
        shaped("isl_range_m", "f8", n),
        shaped("isl_range_rate_m_s", "f8", n),
        shaped("isl_light_time_s", "f8", n),
        shaped("isl_received_w", "f8", n),
        shaped("isl_margin_db", "f8", n),
        shaped("isl_rate_bps", "f8", n),  # what the link carries now
        shaped("isl_health", "f8", n),  # optical transmission
        shaped("isl_drift_rad", "f8", n),  # boresight error that calibration does not know
        shaped("isl_jitter_factor", "f8", n),  # shake
        shaped("isl_state", "i4", n),
        shaped("isl_blocked", "i4", n),  # 0 clear, 1 no peer, 2 the Earth, 3 out of the field, 4 the Sun, 5 too faint
        shaped("isl_attempts", "i4", n),
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Heads of a design: all alike but for their axes."""
    n = cap.isl_heads
    return [
        ("isl_head_count", "i4"),
        shaped("isl_lcl", "i4", n),  # the limiter that feeds it
        shaped("isl_axis_body", "f8", 3 * n),
        ("isl_field_rad", "f8"),  # half-cone the head reaches
        ("isl_power_w", "f8"),
        ("isl_gain", "f8"),  # of one aperture, efficiency included
        ("isl_wavelength_m", "f8"),
        ("isl_divergence_rad", "f8"),  # 1/e2 half-angle of the beam
        ("isl_loss_factor", "f8"),
        ("isl_threshold_w", "f8"),  # received power at full rate
        ("isl_full_rate_bps", "f8"),
        ("isl_jitter_rad", "f8"),
        ("isl_thrust_jitter_rad", "f8"),  # on top while the thruster burns
        ("isl_coarse_s", "f8"),
        ("isl_search_mean_s", "f8"),
        ("isl_fine_s", "f8"),
        ("isl_retry_s", "f8"),
        ("isl_sun_exclusion_rad", "f8"),
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Orders (0 park, 1 acquire and hold), which peer's beacon a head looks at, and what that beacon said."""
    n = cap.isl_heads
    return [
        shaped("isl_command", "i4", n),
        shaped("isl_peer_valid", "i4", n),
        shaped("isl_peer_state", "i4", n),
        shaped("isl_peer_head", "i4", n),  # the peer's head that looks here; -1: whichever is furthest
        shaped("isl_peer_position_teme_m", "f8", 3 * n),
        shaped("isl_peer_velocity_teme_m_s", "f8", 3 * n),
    ]


def antenna_gain(aperture_m: float, wavelength_m: float, efficiency: float) -> float:
    """(pi D / lambda)^2 x efficiency."""
    k = math.pi * aperture_m / wavelength_m
    return k * k * efficiency


@kernel
def received_w(power_w: float, gain: float, wavelength_m: float, range_m: float, loss_factor: float) -> float:
    """Friis between two equal apertures; in the near field no more than what was sent."""
    k = wavelength_m / (4.0 * math.pi * max(range_m, 1e-3))
    return power_w * loss_factor * min(1.0, gain * gain * k * k)


@kernel
def _blocked(s: Record, p: Record, u: Record, i: int, dt_s: float) -> int:
    """Geometry to the peer of head i (writes range and its rate); why there is no line, or 0."""
    k = 3 * i
    rx = u.isl_peer_position_teme_m[k]
    ry = u.isl_peer_position_teme_m[k + 1]
    rz = u.isl_peer_position_teme_m[k + 2]
    r2 = rx * rx + ry * ry + rz * rz
    if u.isl_peer_valid[i] == 0 or r2 < 1e12:  # nobody orbits the core
        s.isl_range_m[i] = 0.0
        s.isl_range_rate_m_s[i] = 0.0
        s.isl_light_time_s[i] = 0.0
        return 1
    fall = -EARTH_MU_M3_S2 / (r2 * math.sqrt(r2))
    half = 0.5 * fall * dt_s * dt_s
    vx = u.isl_peer_velocity_teme_m_s[k]
    vy = u.isl_peer_velocity_teme_m_s[k + 1]
    vz = u.isl_peer_velocity_teme_m_s[k + 2]
    dx = rx * (1.0 + half) + vx * dt_s - s.position_teme_m[0]
    dy = ry * (1.0 + half) + vy * dt_s - s.position_teme_m[1]
    dz = rz * (1.0 + half) + vz * dt_s - s.position_teme_m[2]
    distance = max(1e-3, math.sqrt(dx * dx + dy * dy + dz * dz))
    dx /= distance
    dy /= distance
    dz /= distance
    s.isl_range_m[i] = distance
    s.isl_light_time_s[i] = distance / SPEED_OF_LIGHT_M_S
    s.isl_range_rate_m_s[i] = (
        dx * (vx + rx * fall * dt_s - s.velocity_teme_m_s[0])
        + dy * (vy + ry * fall * dt_s - s.velocity_teme_m_s[1])
        + dz * (vz + rz * fall * dt_s - s.velocity_teme_m_s[2])
    )
    ox = s.position_teme_m[0]
    oy = s.position_teme_m[1]
    oz = s.position_teme_m[2]
    along = -(ox * dx + oy * dy + oz * dz)
    o2 = ox * ox + oy * oy + oz * oz
    limb = p.earth_radius_m + 100e3  # the atmosphere below 100 km bends and absorbs
    if 0.0 < along < distance and o2 - along * along < limb * limb:
        return 2
    q = s.quaternion_body_from_teme
    tx = q[1] * dz - q[2] * dy
    ty = q[2] * dx - q[0] * dz
    tz = q[0] * dy - q[1] * dx
    bx = dx + 2.0 * (q[3] * tx + q[1] * tz - q[2] * ty)
    by = dy + 2.0 * (q[3] * ty + q[2] * tx - q[0] * tz)
    bz = dz + 2.0 * (q[3] * tz + q[0] * ty - q[1] * tx)
    cosine = bx * p.isl_axis_body[k] + by * p.isl_axis_body[k + 1] + bz * p.isl_axis_body[k + 2]
    if cosine < math.cos(p.isl_field_rad):
        return 3
    sun = s.sun_direction_teme
    if s.illumination_fraction > 0.0 and dx * sun[0] + dy * sun[1] + dz * sun[2] > math.cos(p.isl_sun_exclusion_rad):
        return 4
    return 0


@kernel
def _budget(s: Record, p: Record, u: Record, i: int) -> None:
    """Received power and margin over what the full rate needs, drift and jitter included."""
    error = s.isl_drift_rad[i] / p.isl_divergence_rad
    shake = p.isl_jitter_rad * s.isl_jitter_factor[i] / p.isl_divergence_rad
    if u.thrust_command_n != 0.0 and s.thruster_health > 0.0:
        shake += p.isl_thrust_jitter_rad / p.isl_divergence_rad
    loss = p.isl_loss_factor * s.isl_health[i] * math.exp(-2.0 * (error * error + shake * shake))
    power = received_w(p.isl_power_w, p.isl_gain, p.isl_wavelength_m, s.isl_range_m[i], loss)
    s.isl_received_w[i] = power
    s.isl_margin_db[i] = max(-200.0, 10.0 * math.log10(max(power, 1e-30) / p.isl_threshold_w))


@kernel
def step_optical(s: Record, p: Record, f: Record, u: Record, tick: int, dt_s: float) -> None:
    """One tick of every head. Below full margin the rate falls in proportion to the power, down to a hundredth."""
    for i in range(p.isl_head_count):
        s.isl_rate_bps[i] = 0.0
        blocked = _blocked(s, p, u, i, dt_s)
        if blocked == 0:
            _budget(s, p, u, i)
            if s.isl_margin_db[i] < -20.0:
                blocked = 5
        else:
            s.isl_received_w[i] = 0.0
            s.isl_margin_db[i] = -200.0
        s.isl_blocked[i] = blocked
        state = s.isl_state[i]
        if u.isl_command[i] == 0 or not feeds(s, p.isl_lcl[i]):  # parked, or without power
            s.isl_state[i] = PARKED
            s.isl_timer_s[i] = 0.0
            continue
        if state == PARKED and blocked == 0:
            s.isl_state[i] = COARSE
            s.isl_timer_s[i] = p.isl_coarse_s
            continue
        if state in (COARSE, SPIRAL, FINE, LOCKED) and blocked != 0:
            s.isl_state[i] = LOST
            s.isl_timer_s[i] = p.isl_retry_s
            continue
        s.isl_timer_s[i] -= dt_s
        if state == LOCKED:
            s.isl_timer_s[i] = 0.0
            if u.isl_peer_state[i] < FINE or u.isl_peer_state[i] == LOST:
                s.isl_state[i] = LOST
                s.isl_timer_s[i] = p.isl_retry_s
            else:
                s.isl_rate_bps[i] = p.isl_full_rate_bps * min(1.0, s.isl_received_w[i] / p.isl_threshold_w)
            continue
        if s.isl_timer_s[i] > 0.0:
            continue
        s.isl_timer_s[i] = 0.0
        if state == LOST:
            s.isl_state[i] = PARKED
        elif state == COARSE:
            s.isl_state[i] = SPIRAL
            s.isl_attempts[i] += 1
            draw = uniform(f.draw_seed, np.uint64(0x151), f.draw_spacecraft, np.uint64(tick), np.uint64(i))
            s.isl_timer_s[i] = p.isl_search_mean_s * exponential(draw)
        elif state == SPIRAL:
            s.isl_state[i] = FINE
            s.isl_timer_s[i] = p.isl_fine_s
        elif state == FINE and (u.isl_peer_state[i] == FINE or u.isl_peer_state[i] == LOCKED):
            s.isl_state[i] = LOCKED
