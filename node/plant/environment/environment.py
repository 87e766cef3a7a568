"""What surrounds a spacecraft: the Sun, the Earth's shadow, heat and light from the Earth, where it is over ground.

Frames: TEME of date throughout. The Sun's series is referred to the mean equinox of date; the equation of the
equinoxes (below 0.005 deg) is neglected. Earth-fixed axes are TEME turned by Greenwich mean sidereal time (polar
motion neglected). The sky record is common to all spacecraft of a tick: `step_sky` writes it from its epoch and the
time. `step_environment` reads the sky, s.position_teme_m, s.velocity_teme_m_s, p.earth_* and writes the fields below.
"""

# ruff: noqa: PLR0917  (kernels take scalars, and many of them)

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bus.constants import ASTRONOMICAL_UNIT_M, EARTH_POLAR_RADIUS_M, EARTH_RADIUS_M, SOLAR_CONSTANT_W_M2, Epoch
from node.plant.environment.geophysics import density_kg_m3
from node.plant.kernel.angles import arctan2, wrap
from node.plant.kernel.fields import Capacity, Field, Record
from node.plant.kernel.kernel import kernel

Sky = NDArray[np.void]
SKY = np.dtype(
    [
        ("days_j2000", "f8"),  # of the epoch
        ("year", "f8"),
        ("solar_constant_w_m2", "f8"),
        ("solar_maximum", "f8"),  # 0 minimum ... 1 maximum
        ("weather_seed", "u8"),
        ("time_s", "f8"),
        ("sun_direction_teme", "f8", (3,)),
        ("sun_distance_m", "f8"),
        ("solar_flux_w_m2", "f8"),
        ("gmst_rad", "f8"),
        ("gmst_cos", "f8"),
        ("gmst_sin", "f8"),
        ("event_flux_cm2_s_sr", "f8", (12,)),  # solar protons above the energies of the flux table
    ]
)


DERIVED = (
    "sun_direction_teme",
    "illumination_fraction",
    "solar_flux_w_m2",
    "beta_rad",
    "latitude_rad",
    "longitude_rad",
    "altitude_m",
    "earth_ir_w_m2",
    "albedo_factor",
    "earth_radius_ratio",
)
"""State that every tick writes before anybody reads it: a fleet need not keep it."""


def state_fields(cap: Capacity) -> list[Field]:
    """What a spacecraft sees of its surroundings. Fluxes are those of full sunlight; illumination is apart."""
    return [
        ("sun_direction_teme", "f8", (3,)),
        ("illumination_fraction", "f8"),
        ("solar_flux_w_m2", "f8"),
        ("beta_rad", "f8"),
        ("latitude_rad", "f8"),
        ("longitude_rad", "f8"),
        ("altitude_m", "f8"),
        ("earth_ir_w_m2", "f8"),  # the Earth's exitance: times a plate's view factor gives what falls on it
        ("albedo_factor", "f8"),  # times solar_flux_w_m2 and the view factor gives the reflected light
        ("earth_radius_ratio", "f8"),  # Earth radius over distance, for view factors
        ("neutral_density_kg_m3", "f8"),
        ("neutral_density_factor", "f8"),  # a storm's multiplier
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """The Earth as it radiates and reflects."""
    return [("earth_ir_exitance_w_m2", "f8"), ("earth_albedo", "f8"), ("earth_radius_m", "f8")]


def input_fields(cap: Capacity) -> list[Field]:
    """Nobody commands the sky."""
    return []


@kernel
def step_sky(sky: Record, time_s: float) -> None:
    """The Sun (Newcomb's theory as Meeus 1979 shortens it: within 0.004 deg, 1957 to 2056) and sidereal time."""
    sky.time_s = time_s
    days = sky.days_j2000 + time_s / 86400.0
    century = (days + 69.184 / 86400.0 + 36525.0) / 36525.0  # from 1900 January 0.5; TT - UTC since 2017
    degree = math.pi / 180.0
    g = (358.47583 + 35999.04975 * century) * degree
    pull = (  # degrees: Venus (two terms), Jupiter, the Moon, and a slow one
        0.00134 * math.cos((153.23 + 22518.7541 * century) * degree)
        + 0.00154 * math.cos((216.57 + 45037.5082 * century) * degree)
        + 0.00200 * math.cos((312.69 + 32964.3577 * century) * degree)
        + 0.00179 * math.sin((350.74 + 445267.1142 * century) * degree)
        + 0.00178 * math.sin((231.19 + 20.20 * century) * degree)
    )
    longitude = (
        279.69668 + 36000.76892 * century + 0.0003025 * century * century
        + (1.919460 - 0.004789 * century) * math.sin(g) + 0.020094 * math.sin(2.0 * g) + 0.000293 * math.sin(3.0 * g)
        + pull - 0.00569  # aberration
    ) * degree  # fmt: skip
    obliquity = (23.452294 - 0.0130125 * century) * degree
    sky.sun_direction_teme[0] = math.cos(longitude)
    sky.sun_direction_teme[1] = math.cos(obliquity) * math.sin(longitude)
    sky.sun_direction_teme[2] = math.sin(obliquity) * math.sin(longitude)
    distance_au = 1.00014 - 0.01671 * math.cos(g) - 0.00014 * math.cos(2.0 * g)
    sky.sun_distance_m = distance_au * ASTRONOMICAL_UNIT_M
    sky.solar_flux_w_m2 = sky.solar_constant_w_m2 / (distance_au * distance_au)
    century = days / 36525.0
    whole = math.floor(days + 0.5)
    seconds = (
        24110.54841
        + (8640184.812866 + (0.093104 - 6.2e-6 * century) * century) * (whole - 0.5) / 36525.0
        + (days + 0.5 - whole) * 86400.0 * 1.00273790935
    )
    sky.gmst_rad = wrap(seconds * (2.0 * math.pi / 86400.0))
    sky.gmst_cos = math.cos(sky.gmst_rad)
    sky.gmst_sin = math.sin(sky.gmst_rad)


@kernel
def illumination(
    rx: float, ry: float, rz: float, sx: float, sy: float, sz: float, sun_distance_m: float, earth_radius_m: float
) -> float:
    """The fraction of the Sun's disc that a spherical Earth leaves free: 1 in sunlight, 0 in the umbra.

    r: position (m); s: unit vector from the Earth to the Sun. Conical shadow, penumbra by the overlap of two discs
    (Montenbruck and Gill 2000, section 3.4.2). Trigonometry is called in the penumbra only.
    """
    r2 = rx * rx + ry * ry + rz * rz
    along = rx * sx + ry * sy + rz * sz
    if along >= 0.0 and r2 > earth_radius_m * earth_radius_m:
        return 1.0
    dx = sx * sun_distance_m - rx
    dy = sy * sun_distance_m - ry
    dz = sz * sun_distance_m - rz
    d2 = dx * dx + dy * dy + dz * dz
    sin_a = 6.957e8 / math.sqrt(d2)  # IAU 2015 nominal solar radius
    sin_b = min(1.0, earth_radius_m / math.sqrt(r2))
    cos_a = math.sqrt(1.0 - sin_a * sin_a)
    cos_b = math.sqrt(1.0 - sin_b * sin_b)
    cos_c = -(rx * dx + ry * dy + rz * dz) / math.sqrt(r2 * d2)
    if cos_c <= cos_a * cos_b - sin_a * sin_b:
        return 1.0
    if sin_b >= sin_a and cos_c >= cos_a * cos_b + sin_a * sin_b:
        return 0.0
    a = math.asin(sin_a)
    b = math.asin(sin_b)
    c = math.acos(min(1.0, cos_c))
    if c <= a - b:
        return 1.0 - (b * b) / (a * a)
    x = (c * c + a * a - b * b) / (2.0 * c)
    y = math.sqrt(max(0.0, a * a - x * x))
    overlap = (
        a * a * math.acos(max(-1.0, min(1.0, x / a))) + b * b * math.acos(max(-1.0, min(1.0, (c - x) / b))) - c * y
    )
    return min(1.0, max(0.0, 1.0 - overlap / (math.pi * a * a)))


@kernel
def view_factor(cos_nadir: float, radius_ratio: float) -> float:
    """How much of a plate's hemisphere the Earth fills, cosine-weighted: 0 ... 1.

    cos_nadir: between the plate's normal and nadir; radius_ratio: Earth radius over distance from its centre.
    (Tilted plate to a sphere: Howell's catalogue C-42; NASA TM X-53006.)
    """
    k = min(1.0, radius_ratio)
    c = min(1.0, max(-1.0, cos_nadir))
    cos_rho = math.sqrt(1.0 - k * k)
    if c >= k:  # the whole disc is in front of the plate
        return c * k * k
    if c <= -k:
        return 0.0
    sine = math.sqrt(1.0 - c * c)
    inside = max(-1.0, min(1.0, cos_rho / sine))
    root = math.sqrt(max(0.0, k * k - c * c))
    edge = max(-1.0, min(1.0, -cos_rho * c / (k * sine)))
    return max(0.0, 0.5 - math.asin(inside) / math.pi + (k * k * c * math.acos(edge) - cos_rho * root) / math.pi)


@kernel
def geodetic(x: float, y: float, z: float) -> tuple[float, float]:
    """Geodetic latitude (rad) and altitude (m) over WGS-84 from Earth-fixed axes (Bowring 1985; below 1e-9 rad)."""
    a = EARTH_RADIUS_M
    b = EARTH_POLAR_RADIUS_M
    e2 = 1.0 - (b / a) * (b / a)
    second = (a / b) * (a / b) - 1.0
    flat = math.sqrt(x * x + y * y)
    radius = math.sqrt(flat * flat + z * z)
    rise = b * z * (radius + second * b)
    run = a * flat * radius
    scale = 1.0 / math.sqrt(rise * rise + run * run)
    sin_u = rise * scale
    cos_u = run * scale
    up = z + second * b * sin_u * sin_u * sin_u
    out = flat - e2 * a * cos_u * cos_u * cos_u
    scale = 1.0 / math.sqrt(up * up + out * out)
    sine = up * scale
    cosine = out * scale
    altitude = flat * cosine + z * sine - a * math.sqrt(1.0 - e2 * sine * sine)
    return arctan2(up, out), altitude


@kernel
def step_environment(s: Record, p: Record, sky: Record) -> None:
    """The surroundings at s.position_teme_m, under a sky that `step_sky` has brought to the same time."""
    rx = s.position_teme_m[0]
    ry = s.position_teme_m[1]
    rz = s.position_teme_m[2]
    vx = s.velocity_teme_m_s[0]
    vy = s.velocity_teme_m_s[1]
    vz = s.velocity_teme_m_s[2]
    sx = sky.sun_direction_teme[0]
    sy = sky.sun_direction_teme[1]
    sz = sky.sun_direction_teme[2]
    s.sun_direction_teme[0] = sx
    s.sun_direction_teme[1] = sy
    s.sun_direction_teme[2] = sz
    s.solar_flux_w_m2 = sky.solar_flux_w_m2
    s.illumination_fraction = illumination(rx, ry, rz, sx, sy, sz, sky.sun_distance_m, p.earth_radius_m)
    hx = ry * vz - rz * vy
    hy = rz * vx - rx * vz
    hz = rx * vy - ry * vx
    h = math.sqrt(hx * hx + hy * hy + hz * hz)
    sine = (hx * sx + hy * sy + hz * sz) / h
    s.beta_rad = arctan2(sine, math.sqrt(max(0.0, 1.0 - sine * sine)))
    x = sky.gmst_cos * rx + sky.gmst_sin * ry
    y = -sky.gmst_sin * rx + sky.gmst_cos * ry
    latitude, altitude = geodetic(x, y, rz)
    s.latitude_rad = latitude
    s.longitude_rad = arctan2(y, x)
    s.altitude_m = altitude
    radius = math.sqrt(rx * rx + ry * ry + rz * rz)
    s.earth_radius_ratio = p.earth_radius_m / radius
    s.earth_ir_w_m2 = p.earth_ir_exitance_w_m2
    s.albedo_factor = p.earth_albedo * max(0.0, (rx * sx + ry * sy + rz * sz) / radius)
    s.neutral_density_kg_m3 = density_kg_m3(altitude, sky.solar_maximum) * s.neutral_density_factor


_AP = (0, 2, 3, 4, 5, 6, 7, 9, 12, 15, 18, 22, 27, 32, 39, 48, 56, 67, 80, 94, 111, 132, 154, 179, 207, 236, 300, 400)
"""ap of Kp 0, 1/3, 2/3, ... 9 (Bartels; GFZ Potsdam)."""


def solar_level(f107: float, ap: float) -> float:
    """Where numbers stand between a minimum (0: F10.7 of 65.8) and a maximum (1: 189), both at an Ap of 15.

    By the exospheric temperature of Jacchia 1971 (SAO Special Report 332): 379 + 3.24 F10.7 K, and 28 Kp + 0.03 e^Kp K
    of geomagnetic heating; the logarithm of a density goes with the inverse of it.
    """
    if not 60.0 <= f107 <= 300.0 or not 0.0 <= ap <= 400.0:
        raise ValueError(f"F10.7 {f107} and Ap {ap}; allowed: 60 to 300, 0 to 400")

    def kelvin(flux: float, index: float) -> float:
        kp = float(np.interp(index, _AP, np.arange(len(_AP)) / 3.0))
        return 379.0 + 3.24 * flux + 28.0 * kp + 0.03 * math.exp(kp)

    low, high = 1.0 / kelvin(65.8, 15.0), 1.0 / kelvin(189.0, 15.0)
    return (low - 1.0 / kelvin(f107, ap)) / (low - high)


def blank_sky(
    epoch: Epoch, solar_maximum: float, solar_constant_w_m2: float = SOLAR_CONSTANT_W_M2, seed: int = 0
) -> Sky:
    """A one-element sky array; `step_sky` brings it to a time."""
    if not -0.5 <= solar_maximum <= 1.75:
        raise ValueError("solar_maximum is 0 at a minimum and 1 at a maximum; allowed: -0.5 to 1.75")
    sky = np.zeros(1, dtype=SKY)
    sky["days_j2000"] = epoch.days_j2000
    sky["year"] = epoch.year
    sky["solar_maximum"] = solar_maximum
    sky["weather_seed"] = seed
    sky["solar_constant_w_m2"] = solar_constant_w_m2
    return sky


def fill_environment(
    s: Record,
    p: Record,
    storm_density_factor: float = 1.0,
    earth_ir_w_m2: float = 237.0,
    earth_albedo: float = 0.30,
) -> None:
    """Earth infrared 237 W/m2 and albedo 0.30: orbit averages of ECSS-E-ST-10-04C (150-350, 0.1-0.6)."""
    if not storm_density_factor > 0.0 or not 0.0 <= earth_albedo <= 1.0 or earth_ir_w_m2 < 0.0:
        raise ValueError("density factor must be above zero, albedo in 0...1, infrared not below zero")
    p["earth_ir_exitance_w_m2"] = earth_ir_w_m2
    p["earth_albedo"] = earth_albedo
    p["earth_radius_m"] = EARTH_RADIUS_M
    s["neutral_density_factor"] = storm_density_factor
    s["thruster_health"] = 1.0
