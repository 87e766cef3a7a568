"""Where a spacecraft should be, as far as the ground can know: published elements only, plain Python.

SGP4 for published element sets, mean elements under J2 otherwise; then TEME of date to Earth-fixed axes by Greenwich
mean sidereal time. No antennas and no plans here, and nothing of the spacecraft's own truth: prediction error is real.

Assumptions: UT1 is UTC (below 0.9 s, 0.4 km on the ground), polar motion is left out (below 15 m).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sgp4.api import Satrec

from bus.constants import (
    DAY_S,
    EARTH_FLATTENING,
    EARTH_J2,
    EARTH_MU_M3_S2,
    EARTH_RADIUS_M,
    J2000_JD,
    WGS72_MU_M3_S2,
    Epoch,
)
from bus.errors import UserError
from bus.orbits.elements import satellite
from bus.scenario.model import KeplerOrbit, OmmOrbit, Orbit, Station, TleOrbit

TWO_PI = 2.0 * math.pi

Vector = tuple[float, float, float]
Propagator = Callable[[float], Vector | None]
"""Seconds since the scenario's epoch -> position TEME (m), or None once the elements are of no use any more."""


def gmst_rad(epoch: Epoch, time_s: float) -> float:
    """Greenwich mean sidereal time, IAU 1982 (Vallado, eq. 3-47), `time_s` after the epoch; UT1 taken as UTC."""
    days = (epoch.jd_whole - J2000_JD) + epoch.jd_fraction + time_s / DAY_S
    t = days / 36_525.0
    # 876600 h * 3600 s/h is a whole number of turns a day; taking the day's fraction alone keeps the digits.
    turns = (epoch.jd_whole - J2000_JD) % 1.0 + (epoch.jd_fraction + time_s / DAY_S) % 1.0
    seconds = 67_310.54841 + DAY_S * turns + t * (8_640_184.812866 + t * (0.093104 - t * 6.2e-6))
    return (seconds % DAY_S) * (TWO_PI / DAY_S)


def _published(orbit: TleOrbit | OmmOrbit) -> Satrec:
    try:
        return satellite(orbit)
    except ValueError as error:
        raise UserError(str(error), hint="take newer elements, or fly mean elements instead") from error


def _sgp4(orbit: TleOrbit | OmmOrbit, epoch: Epoch) -> Propagator:
    propagate = _published(orbit).sgp4
    whole, fraction = epoch.jd_whole, epoch.jd_fraction

    def position(time_s: float) -> Vector | None:
        error, r, _ = propagate(whole, fraction + time_s / DAY_S)
        return None if error else (r[0] * 1e3, r[1] * 1e3, r[2] * 1e3)

    return position


def secular_rates(a_m: float, e: float, i_rad: float, mu_m3_s2: float) -> Vector:
    """Rates (rad/s) of the node, the argument of perigee and the mean anomaly under J2, to its second order.

    Brouwer 1959, J2 alone. The mean anomaly's rate holds the two-body mean motion too.
    """
    n = math.sqrt(mu_m3_s2 / a_m**3)
    eta = math.sqrt(1.0 - e * e)
    g = 0.5 * EARTH_J2 * (EARTH_RADIUS_M / (a_m * eta * eta)) ** 2
    c = math.cos(i_rad)
    c2 = c * c
    raan = -3.0 * g + 0.375 * g * g * (-5.0 + eta * (12.0 + 9.0 * eta) - c2 * (35.0 + eta * (36.0 + 5.0 * eta)))
    perigee = 1.5 * g * (5.0 * c2 - 1.0) + 0.09375 * g * g * (
        -35.0
        + eta * (24.0 + 25.0 * eta)
        + c2 * (90.0 - eta * (192.0 + 126.0 * eta) + c2 * (385.0 + eta * (360.0 + 45.0 * eta)))
    )
    anomaly = 1.5 * g * eta * (3.0 * c2 - 1.0) + 0.09375 * g * g * eta * (
        -15.0
        + eta * (16.0 + 25.0 * eta)
        + c2 * (30.0 - eta * (96.0 + 90.0 * eta) + c2 * (105.0 + eta * (144.0 + 25.0 * eta)))
    )
    return n * c * raan, n * perigee, n * (1.0 + anomaly)


def _under_j2(orbit: KeplerOrbit, mu_m3_s2: float, age_s: float) -> Propagator:
    """Motion on elements that were true `age_s` before the epoch."""
    a, e = orbit.semi_major_axis_m, orbit.eccentricity
    node_rate, perigee_rate, anomaly_rate = secular_rates(a, e, orbit.inclination_rad, mu_m3_s2)
    cos_i, sin_i = math.cos(orbit.inclination_rad), math.sin(orbit.inclination_rad)
    node_0, perigee_0, anomaly_0 = orbit.raan_rad, orbit.argument_of_perigee_rad, orbit.mean_anomaly_rad
    eta = math.sqrt(1.0 - e * e)
    slr = a * eta * eta
    small, s2, zonal = EARTH_J2 * (EARTH_RADIUS_M / slr) ** 2 / 4.0, sin_i * sin_i, 2.0 - 3.0 * sin_i * sin_i
    sin, cos = math.sin, math.cos

    def position(time_s: float) -> Vector:
        t = time_s + age_s
        mean = (anomaly_0 + anomaly_rate * t) % TWO_PI
        anomaly = mean + e * sin(mean)
        if e:
            for _ in range(30):
                change = (anomaly - e * sin(anomaly) - mean) / (1.0 - e * cos(anomaly))
                anomaly -= change
                if abs(change) < 1e-13:
                    break
        share = 1.0 / (1.0 - e * cos(anomaly))
        true = math.atan2(eta * sin(anomaly), cos(anomaly) - e)
        k, q = e * (cos(anomaly) - e) * share, e * eta * sin(anomaly) * share  # e cos f, e sin f
        u, node = perigee_0 + perigee_rate * t + true, node_0 + node_rate * t
        # short-period terms of J2 (Brouwer 1959): derivatives of his generating function, complete in e
        sin_2u, cos_2u = sin(2.0 * u), cos(2.0 * u)
        d, inverse = 1.0 + eta + k, 1.0 / (1.0 + k)
        square = 1.0 / (d * d + q * q)
        centre = 2.0 * math.atan2(q, d) + eta * q * inverse
        by_k = -2.0 * q * (1.0 - k / eta) * square - k * q * inverse / eta - eta * q * inverse * inverse
        by_q = 2.0 * (d + q * q / eta) * square + (eta - q * q / eta) * inverse
        twice = (0.5 + 2.0 / 3.0 * k) * sin_2u - q * cos_2u / 3.0
        b_k, b_q = zonal * by_k + 2.0 * s2 * sin_2u, zonal * (by_q + 1.0) - s2 * cos_2u
        b_s2 = 3.0 * (twice - centre - q)
        b = zonal * (centre + q) + 3.0 * s2 * twice
        radius = slr * (inverse - small * b_q)
        u -= small * (-3.0 * b + 2.0 * (1.0 + k) * b_k + q * b_q + 2.0 * cos_i * cos_i * b_s2)
        node += 2.0 * cos_i * small * b_s2
        cos_t = cos_i / (1.0 + small * s2 * ((3.0 + 4.0 * k) * cos_2u + 2.0 * q * sin_2u))
        sin_t = math.sqrt(max(0.0, 1.0 - cos_t * cos_t))
        along, across, sin_n, cos_n = radius * cos(u), radius * sin(u), sin(node), cos(node)
        return along * cos_n - across * sin_n * cos_t, along * sin_n + across * cos_n * cos_t, across * sin_t

    return position


def propagator(orbit: Orbit, epoch: Epoch) -> Propagator:
    """The motion that the elements publish. Raises UserError for elements that cannot be flown."""
    if isinstance(orbit, KeplerOrbit):
        return _under_j2(orbit, EARTH_MU_M3_S2, 0.0)
    if orbit.propagator == "sgp4":
        return _sgp4(orbit, epoch)
    mean_set = _published(orbit)
    mean = KeplerOrbit(
        semi_major_axis_m=mean_set.a * mean_set.radiusearthkm * 1e3,  # Brouwer's mean motion, not Kozai's
        eccentricity=mean_set.ecco,
        inclination_rad=mean_set.inclo,
        raan_rad=mean_set.nodeo,
        argument_of_perigee_rad=mean_set.argpo,
        mean_anomaly_rad=mean_set.mo,
    )
    age_s = ((epoch.jd_whole - mean_set.jdsatepoch) + (epoch.jd_fraction - mean_set.jdsatepochF)) * DAY_S
    return _under_j2(mean, WGS72_MU_M3_S2, age_s)


@dataclass(frozen=True, slots=True)
class Site:
    """A station in Earth-fixed axes: position (m), and the unit normal of the ellipsoid there, which is 'up'."""

    x_m: float
    y_m: float
    z_m: float
    up_x: float
    up_y: float
    up_z: float
    sin_mask: float

    @classmethod
    def of(cls, station: Station) -> Site:
        """From geodetic WGS-84 coordinates."""
        sin_lat, cos_lat = math.sin(station.latitude_rad), math.cos(station.latitude_rad)
        sin_lon, cos_lon = math.sin(station.longitude_rad), math.cos(station.longitude_rad)
        squared = EARTH_FLATTENING * (2.0 - EARTH_FLATTENING)
        normal = EARTH_RADIUS_M / math.sqrt(1.0 - squared * sin_lat * sin_lat)
        out = (normal + station.altitude_m) * cos_lat
        return cls(
            out * cos_lon,
            out * sin_lon,
            (normal * (1.0 - squared) + station.altitude_m) * sin_lat,
            cos_lat * cos_lon,
            cos_lat * sin_lon,
            sin_lat,
            math.sin(station.mask_rad),
        )

    def sin_elevation(self, x_m: float, y_m: float, z_m: float) -> float:
        """Sine of the elevation of an Earth-fixed position; geometric, no refraction."""
        dx, dy, dz = x_m - self.x_m, y_m - self.y_m, z_m - self.z_m
        return (dx * self.up_x + dy * self.up_y + dz * self.up_z) / math.sqrt(dx * dx + dy * dy + dz * dz)


def earth_fixed(position: Vector, gmst: float) -> Vector:
    """TEME of date to (pseudo) Earth-fixed axes."""
    c, s = math.cos(gmst), math.sin(gmst)
    return c * position[0] + s * position[1], c * position[1] - s * position[0], position[2]
