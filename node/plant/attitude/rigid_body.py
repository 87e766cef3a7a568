"""A rigid body with wheels and torquers under the torques of a low orbit.

Principal axes are the body axes. Equations: Wertz (1978), chapters 16 to 18. Modes and targets may not live here.
"""

# ruff: noqa: PLR0917  (kernels take scalars, and many of them)

from __future__ import annotations

import math

from bus.constants import EARTH_MU_M3_S2, SPEED_OF_LIGHT_M_S
from node.plant.attitude.quaternions import cross, product
from node.plant.kernel.fields import Record
from node.plant.kernel.kernel import kernel

EVEN_OUT_PER_S = 0.005
"""[A] Slow beside the attitude's own loop (0.05 rad/s)."""


@kernel
def _clip(value: float, limit: float) -> float:
    return min(limit, max(-limit, value))


@kernel
def gravity_gradient(s: Record, p: Record, nx: float, ny: float, nz: float) -> tuple[float, float, float]:
    """Torque (N m, body axes) where this is the direction of nadir in body axes."""
    r0 = s.position_teme_m[0]
    r1 = s.position_teme_m[1]
    r2 = s.position_teme_m[2]
    r_squared = r0 * r0 + r1 * r1 + r2 * r2
    k = 3.0 * EARTH_MU_M3_S2 / (r_squared * math.sqrt(r_squared))
    return (
        k * (p.inertia_kg_m2[2] - p.inertia_kg_m2[1]) * ny * nz,
        k * (p.inertia_kg_m2[0] - p.inertia_kg_m2[2]) * nz * nx,
        k * (p.inertia_kg_m2[1] - p.inertia_kg_m2[0]) * nx * ny,
    )


@kernel
def pushes(s: Record, p: Record) -> tuple[float, float, float]:
    """Torque of drag, sunlight and whatever leaks (N m, body axes), from the vectors of the last tick."""
    v0 = s.velocity_teme_m_s[0]
    v1 = s.velocity_teme_m_s[1]
    v2 = s.velocity_teme_m_s[2]
    drag = -0.5 * s.neutral_density_kg_m3 * (v0 * v0 + v1 * v1 + v2 * v2) * p.drag_area_m2
    sun = -s.solar_flux_w_m2 * s.illumination_fraction / SPEED_OF_LIGHT_M_S * p.sun_area_m2
    fx = drag * s.velocity_direction_body[0] + sun * s.sun_direction_body[0]
    fy = drag * s.velocity_direction_body[1] + sun * s.sun_direction_body[1]
    fz = drag * s.velocity_direction_body[2] + sun * s.sun_direction_body[2]
    cx, cy, cz = cross(p.pressure_centre_m[0], p.pressure_centre_m[1], p.pressure_centre_m[2], fx, fy, fz)
    d = s.disturbance_torque_n_m
    return d[0] + cx, d[1] + cy, d[2] + cz


@kernel
def _solve(
    a: float, b: float, c: float, d: float, e: float, f: float, x: float, y: float, z: float
) -> tuple[float, float, float]:
    """(a b c; b d e; c e f) w = (x, y, z), symmetric positive; a trace of regularisation keeps it solvable."""
    tiny = 1e-9 * (a + d + f) + 1e-12
    a += tiny
    d += tiny
    f += tiny
    m0 = d * f - e * e
    m1 = c * e - b * f
    m2 = b * e - c * d
    det = a * m0 + b * m1 + c * m2
    return (
        (m0 * x + m1 * y + m2 * z) / det,
        (m1 * x + (a * f - c * c) * y + (b * c - a * e) * z) / det,
        (m2 * x + (b * c - a * e) * y + (a * d - b * b) * z) / det,
    )


@kernel
def _demand(s: Record, p: Record, u: Record, tx: float, ty: float, tz: float, tw: float) -> tuple[float, float, float]:
    """The unit's own law: a rate towards the target, no faster than the slew rate, and a torque towards that rate."""
    q = s.quaternion_body_from_teme
    ex, ey, ez, ew = product(q[0], q[1], q[2], q[3], -tx, -ty, -tz, tw)
    if ew < 0.0:
        ex, ey, ez, ew = -ex, -ey, -ez, -ew
    sine = math.sqrt(ex * ex + ey * ey + ez * ez)
    angle = 2.0 * math.atan2(sine, ew)
    rate = min(0.5 * p.attitude_bandwidth_rad_s * angle, p.slew_rate_rad_s)
    k = rate / sine if sine > 1e-12 else 0.0
    wx = ex * k
    wy = ey * k
    wz = ez * k
    if u.attitude_mode == 1:  # nadir: the target itself turns with the orbit
        r = s.position_teme_m
        v = s.velocity_teme_m_s
        nx, ny, nz = cross(
            s.nadir_direction_body[0], s.nadir_direction_body[1], s.nadir_direction_body[2],
            s.velocity_direction_body[0], s.velocity_direction_body[1], s.velocity_direction_body[2],
        )  # fmt: skip
        turn = -math.sqrt((v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) / (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]))
        wx += turn * nx
        wy += turn * ny
        wz += turn * nz
    elif u.attitude_mode == 2:  # safe spin
        wx += p.safe_spin_rate_rad_s * p.sun_axis_body[0]
        wy += p.safe_spin_rate_rad_s * p.sun_axis_body[1]
        wz += p.safe_spin_rate_rad_s * p.sun_axis_body[2]
    gain = 2.0 * p.attitude_bandwidth_rad_s
    w = s.body_rate_rad_s
    return (
        gain * p.inertia_kg_m2[0] * (wx - w[0]),
        gain * p.inertia_kg_m2[1] * (wy - w[1]),
        gain * p.inertia_kg_m2[2] * (wz - w[2]),
    )


@kernel
def _torquers(s: Record, p: Record, u: Record, law: int) -> tuple[float, float, float]:
    """Torque of the magnetic torquers over a tick: as ordered, or bleeding the wheels' momentum (m = k h x B)."""
    b = s.magnetic_field_body_t
    mx = 0.0
    my = 0.0
    mz = 0.0
    if law == 2:
        mx = u.torquer_command_a_m2[0]
        my = u.torquer_command_a_m2[1]
        mz = u.torquer_command_a_m2[2]
    elif law == 1 and u.momentum_unload != 0:
        hx, hy, hz = wheel_momentum(s, p)
        mx, my, mz = _against(b[0], b[1], b[2], hx, hy, hz)
    return _pull(s, p, mx, my, mz, b[0], b[1], b[2])


@kernel
def wheel_momentum(s: Record, p: Record) -> tuple[float, float, float]:
    """Of all wheels together, body axes."""
    hx = 0.0
    hy = 0.0
    hz = 0.0
    for i in range(p.wheel_count):
        h = s.wheel_momentum_n_m_s[i]
        hx += h * p.wheel_axis_body[3 * i]
        hy += h * p.wheel_axis_body[3 * i + 1]
        hz += h * p.wheel_axis_body[3 * i + 2]
    return hx, hy, hz


@kernel
def _against(bx: float, by: float, bz: float, hx: float, hy: float, hz: float) -> tuple[float, float, float]:
    """The dipole that takes momentum h away, m = k h x B: it never adds any, whichever coil is dead or at its limit."""
    k = 2e-3 / (bx * bx + by * by + bz * bz + 1e-18)  # in about ten minutes
    cx, cy, cz = cross(hx, hy, hz, bx, by, bz)
    return k * cx, k * cy, k * cz


@kernel
def _pull(
    s: Record, p: Record, mx: float, my: float, mz: float, bx: float, by: float, bz: float
) -> tuple[float, float, float]:
    """The torque of a dipole, as far as the coils can make it."""
    mx = _clip(mx, p.torquer_limit_a_m2) * s.torquer_health[0]
    my = _clip(my, p.torquer_limit_a_m2) * s.torquer_health[1]
    mz = _clip(mz, p.torquer_limit_a_m2) * s.torquer_health[2]
    return cross(mx, my, mz, bx, by, bz)


@kernel
def turned(s: Record, x: float, y: float, z: float, sign: float) -> tuple[float, float, float]:
    """A TEME vector in body axes (sign 1), or a body vector in TEME (sign -1)."""
    q = s.quaternion_body_from_teme
    qx = sign * q[0]
    qy = sign * q[1]
    qz = sign * q[2]
    tx, ty, tz = cross(qx, qy, qz, x, y, z)
    ux, uy, uz = cross(qx, qy, qz, tx, ty, tz)
    return x + 2.0 * (q[3] * tx + ux), y + 2.0 * (q[3] * ty + uy), z + 2.0 * (q[3] * tz + uz)


@kernel
def _wheels(
    s: Record, p: Record, u: Record, law: int, dx: float, dy: float, dz: float, h_s: float
) -> tuple[float, float, float]:
    """Motor, friction and saturation of each wheel over `h_s`; returns the torque on the body."""
    a = b = c = d = e = f = 0.0
    for i in range(p.wheel_count):
        if u.wheel_enable[i] != 0:
            x = p.wheel_axis_body[3 * i]
            y = p.wheel_axis_body[3 * i + 1]
            z = p.wheel_axis_body[3 * i + 2]
            a += x * x
            b += x * y
            c += x * z
            d += y * y
            e += y * z
            f += z * z
    gx, gy, gz = _solve(a, b, c, d, e, f, dx, dy, dz)
    hx = 0.0
    hy = 0.0
    hz = 0.0
    for i in range(p.wheel_count):
        if u.wheel_enable[i] != 0:
            hx += s.wheel_momentum_n_m_s[i] * p.wheel_axis_body[3 * i]
            hy += s.wheel_momentum_n_m_s[i] * p.wheel_axis_body[3 * i + 1]
            hz += s.wheel_momentum_n_m_s[i] * p.wheel_axis_body[3 * i + 2]
    kx, ky, kz = _solve(a, b, c, d, e, f, hx, hy, hz)
    tx = 0.0
    ty = 0.0
    tz = 0.0
    for i in range(p.wheel_count):
        x = p.wheel_axis_body[3 * i]
        y = p.wheel_axis_body[3 * i + 1]
        z = p.wheel_axis_body[3 * i + 2]
        motor = 0.0
        if u.wheel_enable[i] != 0:
            if law == 1:  # the unit knows the friction of a healthy wheel, and makes up for it
                motor = -(x * gx + y * gy + z * gz)
                # what wheels carry against each other turns nothing and is evened out, in minutes
                motor -= EVEN_OUT_PER_S * (s.wheel_momentum_n_m_s[i] - (x * kx + y * ky + z * kz))
                runs = s.wheel_momentum_n_m_s[i] + motor * h_s
                motor += runs * p.wheel_viscous_per_s + math.copysign(p.wheel_coulomb_n_m, runs)
            elif law == 2:
                motor = u.wheel_torque_command_n_m[i]
            motor = _clip(motor, p.wheel_torque_limit_n_m) * s.wheel_health[i]
        old = s.wheel_momentum_n_m_s[i]
        drag = s.wheel_friction_factor[i]
        new = (old + motor * h_s) / (1.0 + drag * p.wheel_viscous_per_s * h_s)
        dry = drag * p.wheel_coulomb_n_m * h_s
        new = 0.0 if abs(new) <= dry else new - math.copysign(dry, new)
        new = _clip(new, p.wheel_momentum_limit_n_m_s)
        s.wheel_momentum_n_m_s[i] = new
        torque = -(new - old) / h_s
        tx += torque * x
        ty += torque * y
        tz += torque * z
    return tx, ty, tz


@kernel
def move_rigid(
    s: Record, p: Record, u: Record, law: int, tx: float, ty: float, tz: float, tw: float, dt_s: float
) -> None:
    """One tick in sub-steps of 0.1 s (finer for fast tumbles). law: -1 none, 1 the unit's own, 2 as ordered,
    3 torquers against all momentum (the field turns about a tumbling body within a tick: each sub-step looks at it)."""
    w = s.body_rate_rad_s
    q = s.quaternion_body_from_teme
    speed = math.sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
    steps = int(min(1000.0, max(10.0, math.ceil(dt_s * 10.0), math.ceil(speed * dt_s * 20.0))))
    h_s = dt_s / steps
    ox, oy, oz = pushes(s, p)
    mx, my, mz = _torquers(s, p, u, law)
    b = s.magnetic_field_body_t
    fx, fy, fz = turned(s, b[0], b[1], b[2], -1.0)
    ix = p.inertia_kg_m2[0]
    iy = p.inertia_kg_m2[1]
    iz = p.inertia_kg_m2[2]
    r = s.position_teme_m
    v = s.velocity_teme_m_s
    inward = -1.0 / math.sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])
    for step in range(steps):
        # nadir as it is at the sub-step's own time: a body that follows it has its attitude of that time, too
        back_s = dt_s - step * h_s
        gx, gy, gz = turned(
            s, inward * (r[0] - back_s * v[0]), inward * (r[1] - back_s * v[1]), inward * (r[2] - back_s * v[2]), 1.0
        )
        gx, gy, gz = gravity_gradient(s, p, gx, gy, gz)
        dx = 0.0
        dy = 0.0
        dz = 0.0
        if law == 1:
            dx, dy, dz = _demand(s, p, u, tx, ty, tz, tw)
            dx -= mx  # it knows what its torquers do
            dy -= my
            dz -= mz
        hx, hy, hz = wheel_momentum(s, p)
        if law == 3:
            ax, ay, az = turned(s, fx, fy, fz, 1.0)
            mx, my, mz = _against(ax, ay, az, ix * w[0] + hx, iy * w[1] + hy, iz * w[2] + hz)
            mx, my, mz = _pull(s, p, mx, my, mz, ax, ay, az)
        jx, jy, jz = _wheels(s, p, u, law, dx, dy, dz, h_s)
        jx += ox + gx + mx
        jy += oy + gy + my
        jz += oz + gz + mz
        # Euler's equation by the midpoint rule: the momentum's own turn, then the torques
        bx = w[0]
        by = w[1]
        bz = w[2]
        for stage in range(2):
            cx, cy, cz = cross(bx, by, bz, ix * bx + hx, iy * by + hy, iz * bz + hz)
            span = 0.5 * h_s if stage == 0 else h_s
            bx, by, bz = (
                w[0] + span * (jx - cx) / ix,
                w[1] + span * (jy - cy) / iy,
                w[2] + span * (jz - cz) / iz,
            )
        ax = 0.5 * (w[0] + bx)
        ay = 0.5 * (w[1] + by)
        az = 0.5 * (w[2] + bz)
        w[0] = _clip(bx, 100.0)
        w[1] = _clip(by, 100.0)
        w[2] = _clip(bz, 100.0)
        rate = math.sqrt(ax * ax + ay * ay + az * az)
        half = 0.5 * rate * h_s
        k = -math.sin(half) / rate if rate > 1e-15 else -0.5 * h_s
        nx, ny, nz, nw = product(ax * k, ay * k, az * k, math.cos(half), q[0], q[1], q[2], q[3])
        norm = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz + nw * nw)
        q[0] = nx * norm
        q[1] = ny * norm
        q[2] = nz * norm
        q[3] = nw * norm
