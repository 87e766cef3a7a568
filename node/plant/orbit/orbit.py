"""Where a spacecraft is: mean elements under J2 in a kernel, or SGP4 called once a tick and handed to a kernel.

Frame TEME of date, SI units, time in seconds since the scenario's epoch. `step_orbit` reads p.orbit_*,
s.neutral_density_*, s.thruster_health, u.thrust_command_n and writes s.time_s, s.position_teme_m, s.velocity_teme_m_s,
s.orbit_period_s, s.orbit_decay_m, s.orbit_advance_rad. `place_orbit` does the same from a position and a velocity
given. Nothing about the Sun or the Earth's surface may live here.
"""

# ruff: noqa: PLR0917  (kernels take scalars, and many of them)

from __future__ import annotations

import math

from node.plant.kernel.angles import arctan2, sincos, wrap
from node.plant.kernel.fields import Capacity, Field, Record
from node.plant.kernel.kernel import kernel

DERIVED = ("time_s", "position_teme_m", "velocity_teme_m_s", "orbit_period_s")
"""State that every tick writes before anybody reads it: a fleet need not keep it."""


def state_fields(cap: Capacity) -> list[Field]:
    """What the orbit keeps of a spacecraft."""
    return [
        ("time_s", "f8"),
        ("position_teme_m", "f8", (3,)),
        ("velocity_teme_m_s", "f8", (3,)),
        ("orbit_period_s", "f8"),
        ("orbit_decay_m", "f8"),  # semi-major axis lost to drag (gained by thrust: negative)
        ("orbit_advance_rad", "f8"),  # mean anomaly gained by that
        ("thruster_health", "f8"),  # 0: no thrust
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Mean elements at the scenario's epoch, their secular rates, and what drag needs. `orbit_kind`: 0 J2, 1 SGP4."""
    return [
        ("orbit_kind", "i4"),
        ("orbit_semi_major_axis_m", "f8"),
        ("orbit_eccentricity", "f8"),
        ("orbit_cos_inclination", "f8"),
        ("orbit_sin_inclination", "f8"),
        ("orbit_raan_rad", "f8"),
        ("orbit_raan_rate_rad_s", "f8"),
        ("orbit_perigee_rad", "f8"),
        ("orbit_perigee_rate_rad_s", "f8"),
        ("orbit_anomaly_rad", "f8"),
        ("orbit_anomaly_rate_rad_s", "f8"),
        ("orbit_mu_m3_s2", "f8"),
        ("orbit_j2_m2", "f8"),  # J2 times the square of the Earth's radius
        ("orbit_drag_area_per_mass_m2_kg", "f8"),  # Cd A / m; 0: no drag
        ("orbit_inverse_mass_kg", "f8"),
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Thrust along the velocity, as ordered; negative brakes."""
    return [("thrust_command_n", "f8")]


@kernel
def eccentric_anomaly(mean_anomaly_rad: float, eccentricity: float) -> float:
    """Kepler's equation by Newton's method, to 1e-14 rad or 30 rounds. 0 <= eccentricity < 1."""
    anomaly = mean_anomaly_rad + eccentricity * math.sin(mean_anomaly_rad)
    if eccentricity > 0.8:
        anomaly = math.copysign(math.pi, mean_anomaly_rad)
    for _ in range(30):
        change = (anomaly - eccentricity * math.sin(anomaly) - mean_anomaly_rad) / (
            1.0 - eccentricity * math.cos(anomaly)
        )
        anomaly -= change
        if abs(change) < 1e-14:
            break
    return anomaly


@kernel
def _drift(s: Record, p: Record, u: Record, a: float, dt_s: float) -> None:
    """Drag and thrust as slow changes of the semi-major axis: da/dt = 2 sqrt(a^3/mu) f_along, circular orbit."""
    rate = 0.0
    if p.orbit_drag_area_per_mass_m2_kg > 0.0:
        density = s.neutral_density_kg_m3
        if p.orbit_kind == 1:  # SGP4's own drag term stands for the nominal atmosphere
            density -= density / s.neutral_density_factor
        rate += density * p.orbit_drag_area_per_mass_m2_kg * math.sqrt(p.orbit_mu_m3_s2 * a)
    if u.thrust_command_n != 0.0:
        rate -= (
            2.0 * a * math.sqrt(a / p.orbit_mu_m3_s2) * u.thrust_command_n * s.thruster_health * p.orbit_inverse_mass_kg
        )
    if rate != 0.0 or s.orbit_decay_m != 0.0:
        middle = s.orbit_decay_m + 0.5 * rate * dt_s
        s.orbit_advance_rad += 1.5 * math.sqrt(p.orbit_mu_m3_s2 / a) / (a * a) * middle * dt_s
        s.orbit_decay_m += rate * dt_s


@kernel
def _turned(sine: float, cosine: float, by: float) -> tuple[float, float]:
    """Sine and cosine of an angle turned by less than 0.01 rad: the series' rest is below 1e-14."""
    sin_by = by * (1.0 - by * by / 6.0)
    cos_by = 1.0 - 0.5 * by * by * (1.0 - by * by / 12.0)
    return sine * cos_by + cosine * sin_by, cosine * cos_by - sine * sin_by


@kernel
def _osculate(
    s: Record, p: Record, a: float, eta: float, k: float, q: float, sin_u: float, cos_u: float, sin_n: float,
    cos_n: float,
) -> None:  # fmt: skip
    """Place and velocity from mean elements: J2's short-period terms of first order, complete in the eccentricity.

    Brouwer's generating function W (1959) in polar-nodal variables: {radius, argument of latitude, node; radial speed,
    angular momentum, its polar part} change by the Poisson bracket with W. k = e cos f, q = e sin f, eta =
    sqrt(1 - e^2). Nothing is divided by e or by sin i.
    """
    slr = a * eta * eta
    momentum = math.sqrt(p.orbit_mu_m3_s2 * slr)
    radius = slr / (1.0 + k)
    c = p.orbit_cos_inclination
    c2 = c * c
    s2 = p.orbit_sin_inclination * p.orbit_sin_inclination
    sin_2u = 2.0 * sin_u * cos_u
    cos_2u = cos_u * cos_u - sin_u * sin_u
    zonal = 2.0 - 3.0 * s2
    inverse = 1.0 / (1.0 + k)
    d = 1.0 + eta + k
    square = 1.0 / (d * d + q * q)
    centre = 2.0 * arctan2(q, d) + eta * q * inverse  # true less mean anomaly
    centre_k = -2.0 * q * (1.0 - k / eta) * square - k * q * inverse / eta - eta * q * inverse * inverse
    centre_q = 2.0 * (d + q * q / eta) * square + (eta - q * q / eta) * inverse
    twice = (0.5 + k * 0.6666666666666666) * sin_2u - q * cos_2u / 3.0
    b = zonal * (centre + q) + 3.0 * s2 * twice
    b_k = zonal * centre_k + 2.0 * s2 * sin_2u
    b_q = zonal * (centre_q + 1.0) - s2 * cos_2u
    b_u = s2 * ((3.0 + 4.0 * k) * cos_2u + 2.0 * q * sin_2u)
    b_s2 = 3.0 * (twice - centre - q)
    small = p.orbit_j2_m2 / (4.0 * slr * slr)
    du = -small * (-3.0 * b + 2.0 * (1.0 + k) * b_k + q * b_q + 2.0 * c2 * b_s2)
    sin_u, cos_u = _turned(sin_u, cos_u, du)
    sin_n, cos_n = _turned(sin_n, cos_n, 2.0 * c * small * b_s2)
    speed = p.orbit_mu_m3_s2 / momentum * (q - small * b_k * (1.0 + k) * (1.0 + k))
    radius -= small * slr * b_q
    more = 1.0 + small * b_u
    c /= more
    si = math.sqrt(max(0.0, 1.0 - c * c))
    across = momentum * more / radius
    px = cos_n * cos_u - sin_n * sin_u * c
    py = sin_n * cos_u + cos_n * sin_u * c
    pz = sin_u * si
    s.position_teme_m[0] = radius * px
    s.position_teme_m[1] = radius * py
    s.position_teme_m[2] = radius * pz
    s.velocity_teme_m_s[0] = speed * px - across * (cos_n * sin_u + sin_n * cos_u * c)
    s.velocity_teme_m_s[1] = speed * py - across * (sin_n * sin_u - cos_n * cos_u * c)
    s.velocity_teme_m_s[2] = speed * pz + across * cos_u * si


@kernel
def step_orbit(s: Record, p: Record, u: Record, time_s: float, dt_s: float) -> None:
    """Motion under J2: the mean elements' secular change to `time_s`, Kepler, short-period terms. `dt_s` is for drag
    and thrust only."""
    _drift(s, p, u, p.orbit_semi_major_axis_m, dt_s)
    a = p.orbit_semi_major_axis_m - s.orbit_decay_m
    e = p.orbit_eccentricity
    m = wrap(p.orbit_anomaly_rad + p.orbit_anomaly_rate_rad_s * time_s + s.orbit_advance_rad)
    sin_e, cos_e = sincos(m)
    if e > 0.01:
        sin_e, cos_e = sincos(eccentric_anomaly(m, e))
    elif e > 0.0:  # two terms of the series, then one step of Newton's without new sines: below 1e-15 rad
        guess = m + e * sin_e * (1.0 + e * cos_e)
        sin_g, cos_g = sincos(guess)
        step = (m + e * sin_g - guess) / (1.0 - e * cos_g)
        step *= 1.0 - 0.5 * e * sin_g * step
        sin_e = sin_g + step * (cos_g - 0.5 * step * sin_g)
        cos_e = cos_g - step * (sin_g + 0.5 * step * cos_g)
    eta2 = 1.0 - e * e
    eta = math.sqrt(eta2)
    share = 1.0 / (1.0 - e * cos_e)  # a over the radius
    sin_f = eta * sin_e * share
    cos_f = (cos_e - e) * share
    sin_w, cos_w = sincos(wrap(p.orbit_perigee_rad + p.orbit_perigee_rate_rad_s * time_s))
    sin_n, cos_n = sincos(wrap(p.orbit_raan_rad + p.orbit_raan_rate_rad_s * time_s))
    s.time_s = time_s
    _osculate(
        s, p, a, eta, e * cos_f, e * sin_f, sin_f * cos_w + cos_f * sin_w, cos_f * cos_w - sin_f * sin_w, sin_n, cos_n
    )
    s.orbit_period_s = 6.283185307179586 * a * math.sqrt(a / p.orbit_mu_m3_s2)


@kernel
def place_orbit(
    s: Record,
    p: Record,
    u: Record,
    time_s: float,
    dt_s: float,
    r0: float,
    r1: float,
    r2: float,
    v0: float,
    v1: float,
    v2: float,
) -> None:
    """A position and a velocity given (TEME, m, m/s), as SGP4 says, moved along the orbit by drag beyond nominal.

    Only what a storm's density or thrust adds to SGP4's own drag is integrated here.
    """
    radius = math.sqrt(r0 * r0 + r1 * r1 + r2 * r2)
    energy = 0.5 * (v0 * v0 + v1 * v1 + v2 * v2) - p.orbit_mu_m3_s2 / radius
    a = -0.5 * p.orbit_mu_m3_s2 / energy
    _drift(s, p, u, a, dt_s)
    if s.orbit_advance_rad != 0.0 or s.orbit_decay_m != 0.0:
        hx = r1 * v2 - r2 * v1
        hy = r2 * v0 - r0 * v2
        hz = r0 * v1 - r1 * v0
        h = math.sqrt(hx * hx + hy * hy + hz * hz)
        hx /= h
        hy /= h
        hz /= h
        c = math.cos(s.orbit_advance_rad)
        k = math.sin(s.orbit_advance_rad)
        shrink = 1.0 - s.orbit_decay_m / a
        faster = 1.0 / math.sqrt(shrink)
        r0, r1, r2 = (
            shrink * (c * r0 + k * (hy * r2 - hz * r1)),
            shrink * (c * r1 + k * (hz * r0 - hx * r2)),
            shrink * (c * r2 + k * (hx * r1 - hy * r0)),
        )
        v0, v1, v2 = (
            faster * (c * v0 + k * (hy * v2 - hz * v1)),
            faster * (c * v1 + k * (hz * v0 - hx * v2)),
            faster * (c * v2 + k * (hx * v1 - hy * v0)),
        )
    s.time_s = time_s
    s.position_teme_m[0] = r0
    s.position_teme_m[1] = r1
    s.position_teme_m[2] = r2
    s.velocity_teme_m_s[0] = v0
    s.velocity_teme_m_s[1] = v1
    s.velocity_teme_m_s[2] = v2
    s.orbit_period_s = 6.283185307179586 * a * math.sqrt(a / p.orbit_mu_m3_s2)
