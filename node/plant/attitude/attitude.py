"""Which way a spacecraft looks: modes, the ideal attitude, body-axes vectors for everybody else.

Quaternions are scalar last and carry TEME into the body: v_body = R(q) v_teme. `step_attitude` reads u.attitude_*,
s.position_teme_m, s.velocity_teme_m_s, s.sun_direction_teme and the health fields below; it writes the quaternion, the
rate and every *_body vector. A control law of the flight software may not live here.
"""

from __future__ import annotations

import math

from node.plant.attitude.quaternions import cross, product, quaternion_of, triad
from node.plant.attitude.rigid_body import move_rigid, turned
from node.plant.attitude.setup import IDEAL
from node.plant.environment.geophysics import dipole_field
from node.plant.kernel.angles import wrap
from node.plant.kernel.fields import Capacity, Field, Record
from node.plant.kernel.kernel import kernel

SUN, NADIR, SAFE_SPIN, TUMBLE = range(4)
"""u.attitude_mode."""

DERIVED = (
    "sun_error_rad",
    "pointing_error_rad",
    "sun_direction_body",
    "nadir_direction_body",
    "velocity_direction_body",
    "magnetic_field_body_t",
)
"""State that every tick writes before anybody reads it: a fleet need not keep it."""


def state_fields(cap: Capacity) -> list[Field]:
    """Attitude, what follows from it, and the health of actuators (1 nominal, 0 dead)."""
    return [
        ("quaternion_body_from_teme", "f8", (4,)),
        ("body_rate_rad_s", "f8", (3,)),
        ("wheel_momentum_n_m_s", "f8", (4,)),
        ("sun_error_rad", "f8"),  # between the sun axis of the body and the Sun
        ("pointing_error_rad", "f8"),  # against the mode's target
        ("sun_direction_body", "f8", (3,)),
        ("nadir_direction_body", "f8", (3,)),
        ("velocity_direction_body", "f8", (3,)),
        ("magnetic_field_body_t", "f8", (3,)),
        ("wheel_health", "f8", (4,)),
        ("wheel_friction_factor", "f8", (4,)),  # 1 nominal; 1e3 and more: seized
        ("torquer_health", "f8", (3,)),
        ("pointing_offset_rad", "f8", (3,)),  # rotation vector off the target, body axes
        ("disturbance_torque_n_m", "f8", (3,)),  # leaks and impacts
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Axes, inertia, actuators. Matrices are flattened by rows."""
    return [
        ("sun_axis_body", "f8", (3,)),
        ("sun_frame_body", "f8", (9,)),  # the sun axis, then the one kept towards the orbit normal, then the third
        ("nadir_frame_body", "f8", (9,)),  # the nadir axis, then the one kept along the velocity, then the third
        ("slew_rate_rad_s", "f8"),
        ("safe_spin_rate_rad_s", "f8"),
        ("attitude_bandwidth_rad_s", "f8"),
        ("inertia_kg_m2", "f8", (3,)),
        ("wheel_count", "i4"),
        ("wheel_axis_body", "f8", (12,)),
        ("wheel_torque_limit_n_m", "f8"),
        ("wheel_momentum_limit_n_m_s", "f8"),
        ("wheel_viscous_per_s", "f8"),
        ("wheel_coulomb_n_m", "f8"),
        ("torquer_limit_a_m2", "f8"),
        ("pressure_centre_m", "f8", (3,)),
        ("drag_area_m2", "f8"),  # times the drag coefficient
        ("sun_area_m2", "f8"),  # times (1 + reflectivity)
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Mode and orders; momentum and torque along each wheel's axis, dipole along body axes."""
    return [
        ("attitude_mode", "i4"),
        ("attitude_control", "i4"),
        ("momentum_unload", "i4"),  # 1: torquers bleed the wheels while the unit's own law holds
        ("wheel_enable", "i4", (4,)),
        ("wheel_torque_command_n_m", "f8", (4,)),
        ("torquer_command_a_m2", "f8", (3,)),
    ]


@kernel
def rotate(s: Record, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A TEME vector in body axes."""
    return turned(s, x, y, z, 1.0)


@kernel
def _target(s: Record, p: Record, u: Record) -> tuple[float, float, float, float]:
    """The quaternion that the mode wants, offset included."""
    rx = s.position_teme_m[0]
    ry = s.position_teme_m[1]
    rz = s.position_teme_m[2]
    vx = s.velocity_teme_m_s[0]
    vy = s.velocity_teme_m_s[1]
    vz = s.velocity_teme_m_s[2]
    if u.attitude_mode == NADIR:
        a0, a1, a2, b0, b1, b2, c0, c1, c2 = triad(-rx, -ry, -rz, vx, vy, vz)
        d = p.nadir_frame_body
    else:
        hx, hy, hz = cross(rx, ry, rz, vx, vy, vz)
        a0, a1, a2, b0, b1, b2, c0, c1, c2 = triad(
            s.sun_direction_teme[0], s.sun_direction_teme[1], s.sun_direction_teme[2], hx, hy, hz
        )
        d = p.sun_frame_body
    qx, qy, qz, qw = quaternion_of(
        d[0] * a0 + d[3] * b0 + d[6] * c0,
        d[0] * a1 + d[3] * b1 + d[6] * c1,
        d[0] * a2 + d[3] * b2 + d[6] * c2,
        d[1] * a0 + d[4] * b0 + d[7] * c0,
        d[1] * a1 + d[4] * b1 + d[7] * c1,
        d[1] * a2 + d[4] * b2 + d[7] * c2,
        d[2] * a0 + d[5] * b0 + d[8] * c0,
        d[2] * a1 + d[5] * b1 + d[8] * c1,
        d[2] * a2 + d[5] * b2 + d[8] * c2,
    )
    if u.attitude_mode == SAFE_SPIN:  # about the sun axis, angle counted from the epoch
        half = -0.5 * wrap(p.safe_spin_rate_rad_s * s.time_s)
        k = math.sin(half)
        qx, qy, qz, qw = product(d[0] * k, d[1] * k, d[2] * k, math.cos(half), qx, qy, qz, qw)
    ox = s.pointing_offset_rad[0]
    oy = s.pointing_offset_rad[1]
    oz = s.pointing_offset_rad[2]
    if ox != 0.0 or oy != 0.0 or oz != 0.0:
        angle = math.sqrt(ox * ox + oy * oy + oz * oz)
        k = -math.sin(0.5 * angle) / angle
        qx, qy, qz, qw = product(ox * k, oy * k, oz * k, math.cos(0.5 * angle), qx, qy, qz, qw)
    return qx, qy, qz, qw


@kernel
def _working_wheels(s: Record, p: Record, u: Record) -> int:
    working = 0
    for i in range(p.wheel_count):
        if u.wheel_enable[i] != 0 and s.wheel_health[i] > 0.05 and s.wheel_friction_factor[i] < 100.0:
            working += 1
    return working


@kernel
def step_attitude(s: Record, p: Record, u: Record, sky: Record, dt_s: float) -> None:
    """One tick of attitude. Ideal control needs three working wheels (or a design without wheels); else it drifts."""
    tx, ty, tz, tw = _target(s, p, u)
    q = s.quaternion_body_from_teme
    if u.attitude_mode == TUMBLE or u.attitude_control != IDEAL or (p.wheel_count > 0 and _working_wheels(s, p, u) < 3):
        law = u.attitude_control
        if u.attitude_mode == TUMBLE or u.attitude_control == IDEAL:
            law = -1
        look(s, p, sky)
        move_rigid(s, p, u, law, tx, ty, tz, tw, dt_s)
    else:
        # turn from the old attitude to the target, no faster than the slew rate
        ex, ey, ez, ew = product(tx, ty, tz, tw, -q[0], -q[1], -q[2], q[3])
        if ew < 0.0:
            ex, ey, ez, ew = -ex, -ey, -ez, -ew
        sine = math.sqrt(ex * ex + ey * ey + ez * ez)
        limit = p.slew_rate_rad_s * dt_s
        angle = 2.0 * sine * (1.0 + sine * sine / 6.0) if sine < 1e-3 else 2.0 * math.atan2(sine, ew)
        nx, ny, nz, nw = tx, ty, tz, tw
        rate = -2.0 / dt_s
        if angle > limit:
            k = math.sin(0.5 * limit) / sine
            nx, ny, nz, nw = product(ex * k, ey * k, ez * k, math.cos(0.5 * limit), q[0], q[1], q[2], q[3])
            rate = -p.slew_rate_rad_s / sine
        elif sine > 1e-3:
            rate = -angle / (dt_s * sine)
        norm = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz + nw * nw)
        q[0] = nx * norm
        q[1] = ny * norm
        q[2] = nz * norm
        q[3] = nw * norm
        s.body_rate_rad_s[0] = ex * rate
        s.body_rate_rad_s[1] = ey * rate
        s.body_rate_rad_s[2] = ez * rate
    ex, ey, ez, ew = product(tx, ty, tz, tw, -q[0], -q[1], -q[2], q[3])
    sine = math.sqrt(ex * ex + ey * ey + ez * ez)  # a cosine would not see errors below a milliradian
    s.pointing_error_rad = 2.0 * math.atan2(sine, abs(ew)) if sine > 1e-12 else 0.0
    look(s, p, sky)


@kernel
def settle_attitude(s: Record, p: Record, u: Record, sky: Record) -> None:
    """Start at the mode's target, at rest: for the first moment of a run, when a slew from nowhere would be a lie."""
    s.time_s = sky.time_s
    tx, ty, tz, tw = _target(s, p, u)
    s.quaternion_body_from_teme[0] = tx
    s.quaternion_body_from_teme[1] = ty
    s.quaternion_body_from_teme[2] = tz
    s.quaternion_body_from_teme[3] = tw
    look(s, p, sky)


@kernel
def look(s: Record, p: Record, sky: Record) -> None:
    """The vectors that other models use, in body axes, from the attitude as it is."""
    x, y, z = rotate(s, s.sun_direction_teme[0], s.sun_direction_teme[1], s.sun_direction_teme[2])
    s.sun_direction_body[0] = x
    s.sun_direction_body[1] = y
    s.sun_direction_body[2] = z
    c = x * p.sun_axis_body[0] + y * p.sun_axis_body[1] + z * p.sun_axis_body[2]
    dx = x - c * p.sun_axis_body[0]
    dy = y - c * p.sun_axis_body[1]
    dz = z - c * p.sun_axis_body[2]
    off = dx * dx + dy * dy + dz * dz
    s.sun_error_rad = math.sqrt(off) if off < 1e-8 and c > 0.0 else math.atan2(math.sqrt(off), c)
    r0 = s.position_teme_m[0]
    r1 = s.position_teme_m[1]
    r2 = s.position_teme_m[2]
    n = -1.0 / math.sqrt(r0 * r0 + r1 * r1 + r2 * r2)
    x, y, z = rotate(s, r0 * n, r1 * n, r2 * n)
    s.nadir_direction_body[0] = x
    s.nadir_direction_body[1] = y
    s.nadir_direction_body[2] = z
    v0 = s.velocity_teme_m_s[0]
    v1 = s.velocity_teme_m_s[1]
    v2 = s.velocity_teme_m_s[2]
    n = 1.0 / math.sqrt(v0 * v0 + v1 * v1 + v2 * v2)
    x, y, z = rotate(s, v0 * n, v1 * n, v2 * n)
    s.velocity_direction_body[0] = x
    s.velocity_direction_body[1] = y
    s.velocity_direction_body[2] = z
    b0, b1, b2 = dipole_field(sky.gmst_cos * r0 + sky.gmst_sin * r1, -sky.gmst_sin * r0 + sky.gmst_cos * r1, r2)
    x, y, z = rotate(s, sky.gmst_cos * b0 - sky.gmst_sin * b1, sky.gmst_sin * b0 + sky.gmst_cos * b1, b2)
    s.magnetic_field_body_t[0] = x
    s.magnetic_field_body_t[1] = y
    s.magnetic_field_body_t[2] = z
