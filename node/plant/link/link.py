"""The radio link to ground stations: geometry, Doppler, light time, budget, frame loss.

`step_link` reads the orbit, the attitude's body vectors, p.station_*, p.radio_* and u.radio_*, and writes one entry
per station. Two bands: 0 low-rate (S, near-omnidirectional), 1 high-rate (Ka, a beam). `step_weather` goes first; no
other random draw lives here: whether a frame is lost is the radio's to draw.
"""

# ruff: noqa: PLR0917  (kernels take scalars, and many of them)

from __future__ import annotations

import math

from bus.constants import EARTH_ROTATION_RAD_S, SPEED_OF_LIGHT_M_S
from node.plant.kernel.angles import arctan2
from node.plant.kernel.draws import uniform
from node.plant.kernel.fields import Capacity, Field, Record, shaped
from node.plant.kernel.kernel import kernel
from node.plant.power.limiters import feeds

DERIVED = (
    "station_elevation_rad",
    "station_azimuth_rad",
    "station_range_m",
    "station_range_rate_m_s",
    "light_time_s",
    "doppler_hz",
    "downlink_cn0_dbhz",
    "uplink_cn0_dbhz",
    "frame_loss",
    "uplink_frame_loss",
    "station_visible",
)
"""State that every tick writes before anybody reads it: a fleet need not keep it."""


def state_fields(cap: Capacity) -> list[Field]:
    """Per station what a contact is made of, and the health of both ends. C/N0 is 0 where there is no view."""
    n = cap.stations
    return [
        shaped("station_elevation_rad", "f8", n),
        shaped("station_azimuth_rad", "f8", n),  # 0 below the horizon
        shaped("station_range_m", "f8", n),
        shaped("station_range_rate_m_s", "f8", n),
        shaped("light_time_s", "f8", n),
        shaped("doppler_hz", "f8", n),  # of the downlink in the band in use
        shaped("downlink_cn0_dbhz", "f8", n),
        shaped("uplink_cn0_dbhz", "f8", n),
        shaped("frame_loss", "f8", n),  # downlink, probability
        shaped("uplink_frame_loss", "f8", n),
        shaped("station_health", "f8", n),  # 0: out
        shaped("station_rain_db", "f8", n),  # extra attenuation a fault asks for; weather comes on top
        shaped("station_wet", "i4", n),  # 1: rain (or cloud) over the station, by the weather's chain
        shaped("station_visible", "i4", n),
        ("transmitter_stuck_on", "i4"),  # 1: radiates whatever it is told
        ("transmitter_health", "f8"),  # factor on radiated power
        ("receiver_health", "f8"),
        ("link_extra_loss_db", "f8"),
        ("antenna_stuck_rad", "f8", (2,)),  # pointing error of each band's antenna
    ]


def param_fields(cap: Capacity) -> list[Field]:
    """Where stations are and what they hear; what the spacecraft's radios radiate."""
    n = cap.stations
    return [
        ("station_count", "i4"),
        shaped("station_bands", "i4", n),  # bit 0: low band, bit 1: high band
        ("transmitter_lcl", "i4"),  # the limiter that feeds it
        shaped("station_mask_sin", "f8", n),
        shaped("station_mask_high_sin", "f8", n),
        shaped("station_frame", "f8", 12 * n),  # position, east, north, up: Earth-fixed, rows of 12
        shaped("station_gt_db_k", "f8", 2 * n),
        shaped("station_eirp_dbw", "f8", 2 * n),
        shaped("station_wet_db", "f8", 2 * n),  # attenuation in wet weather, per band
        shaped("station_wet_start_per_s", "f8", n),
        shaped("station_wet_stop_per_s", "f8", n),
        ("downlink_frequency_hz", "f8", (2,)),
        ("uplink_frequency_hz", "f8", (2,)),
        ("radio_power_dbw", "f8", (2,)),
        ("radio_gain_dbi", "f8", (2,)),
        ("radio_beamwidth_rad", "f8", (2,)),  # at half power; 0: omnidirectional
        ("radio_axis_body", "f8", (6,)),
        ("radio_steering_rad", "f8", (2,)),  # half-cone within which the beam follows the station
        ("radio_gt_db_k", "f8", (2,)),
        ("radio_loss_db", "f8", (2,)),  # atmosphere, polarisation, implementation
        ("radio_threshold_db", "f8", (2,)),  # Eb/N0 at half frame loss
        ("downlink_rate_default_bps", "f8", (2,)),
        ("uplink_rate_default_bps", "f8", (2,)),
    ]


def input_fields(cap: Capacity) -> list[Field]:
    """Orders to the radio; a rate of 0 means the band's default."""
    return [
        ("transmitter_on", "i4"),
        ("radio_band", "i4"),
        ("downlink_rate_bps", "f8"),
        ("uplink_rate_bps", "f8"),
    ]


@kernel
def free_space_loss_db(range_m: float, frequency_hz: float) -> float:
    """20 log10(4 pi d f / c)."""
    return 20.0 * math.log10(4.0 * math.pi * max(range_m, 1e-3) * frequency_hz / SPEED_OF_LIGHT_M_S)


@kernel
def bit_error_rate(ebn0_db: float) -> float:
    """Uncoded BPSK: erfc(sqrt(Eb/N0)) / 2."""
    return 0.5 * math.erfc(math.sqrt(10.0 ** (0.1 * ebn0_db)))


@kernel
def coded_frame_loss(margin_db: float) -> float:
    """Frame loss of a strong code: a step of 0.3 dB to either side of the threshold, smooth between."""
    x = min(1.0, max(0.0, 0.5 - margin_db / 0.6))
    return x * x * (3.0 - 2.0 * x)


@kernel
def pointing_loss_db(angle_rad: float, beamwidth_rad: float) -> float:
    """12 (angle / half-power beamwidth)^2, at most 60 dB; 0 for an omnidirectional antenna."""
    if beamwidth_rad <= 0.0:
        return 0.0
    ratio = angle_rad / beamwidth_rad
    return min(60.0, 12.0 * ratio * ratio)


@kernel
def _antenna_error(s: Record, p: Record, band: int, x: float, y: float, z: float) -> float:
    """Angle between the beam and the station, whose direction in TEME is given. The beam follows as far as it can."""
    q = s.quaternion_body_from_teme
    ax = p.radio_axis_body[3 * band]
    ay = p.radio_axis_body[3 * band + 1]
    az = p.radio_axis_body[3 * band + 2]
    # the axis in TEME: turn by the inverse quaternion
    tx = q[2] * ay - q[1] * az
    ty = q[0] * az - q[2] * ax
    tz = q[1] * ax - q[0] * ay
    bx = ax + 2.0 * (q[3] * tx - q[1] * tz + q[2] * ty)
    by = ay + 2.0 * (q[3] * ty - q[2] * tx + q[0] * tz)
    bz = az + 2.0 * (q[3] * tz - q[0] * ty + q[1] * tx)
    off = math.acos(min(1.0, max(-1.0, bx * x + by * y + bz * z)))
    return float(max(0.0, off - p.radio_steering_rad[band]) + s.antenna_stuck_rad[band])


@kernel
def _budget(s: Record, p: Record, u: Record, i: int, band: int, x: float, y: float, z: float) -> None:
    """Both directions at station i, whose direction from the spacecraft (TEME) is given."""
    error = _antenna_error(s, p, band, x, y, z)
    loss = p.radio_loss_db[band] + s.link_extra_loss_db + s.station_rain_db[i]
    if s.station_wet[i] != 0:
        loss += p.station_wet_db[2 * i + band]
    loss += pointing_loss_db(error, p.radio_beamwidth_rad[band])
    on = (u.transmitter_on != 0 or s.transmitter_stuck_on != 0) and feeds(s, p.transmitter_lcl)
    if on and s.transmitter_health > 0.0:
        rate = u.downlink_rate_bps if u.downlink_rate_bps > 0.0 else p.downlink_rate_default_bps[band]
        cn0 = (
            p.radio_power_dbw[band] + 10.0 * math.log10(s.transmitter_health) + p.radio_gain_dbi[band] - loss
            - free_space_loss_db(s.station_range_m[i], p.downlink_frequency_hz[band])
            + p.station_gt_db_k[2 * i + band] + 228.599
        )  # fmt: skip
        s.downlink_cn0_dbhz[i] = cn0
        s.frame_loss[i] = coded_frame_loss(cn0 - 10.0 * math.log10(rate) - p.radio_threshold_db[band])
    if s.receiver_health > 0.0:
        rate = u.uplink_rate_bps if u.uplink_rate_bps > 0.0 else p.uplink_rate_default_bps[band]
        cn0 = (
            p.station_eirp_dbw[2 * i + band] - loss
            - free_space_loss_db(s.station_range_m[i], p.uplink_frequency_hz[band])
            + p.radio_gt_db_k[band] + 10.0 * math.log10(s.receiver_health) + 228.599
        )  # fmt: skip
        s.uplink_cn0_dbhz[i] = cn0
        s.uplink_frame_loss[i] = coded_frame_loss(cn0 - 10.0 * math.log10(rate) - p.radio_threshold_db[band])


@kernel
def step_weather(s: Record, p: Record, sky: Record, tick: int, dt_s: float) -> None:
    """Two-state Markov chain of wet weather over each station, the same for every spacecraft of a scenario."""
    for i in range(p.station_count):
        if p.station_wet_start_per_s[i] > 0.0:
            draw = uniform(sky.weather_seed, 0x3A1, i, tick, 0)
            if s.station_wet[i] == 0:
                s.station_wet[i] = draw < -math.expm1(-p.station_wet_start_per_s[i] * dt_s)
            else:
                s.station_wet[i] = draw >= -math.expm1(-p.station_wet_stop_per_s[i] * dt_s)


@kernel
def step_link(s: Record, p: Record, u: Record, sky: Record) -> None:
    """Geometry to every station, and the budget to those in view."""
    gx = sky.gmst_cos
    gy = sky.gmst_sin
    rx = gx * s.position_teme_m[0] + gy * s.position_teme_m[1]
    ry = -gy * s.position_teme_m[0] + gx * s.position_teme_m[1]
    rz = s.position_teme_m[2]
    turn = EARTH_ROTATION_RAD_S
    vx = gx * s.velocity_teme_m_s[0] + gy * s.velocity_teme_m_s[1] + turn * ry
    vy = -gy * s.velocity_teme_m_s[0] + gx * s.velocity_teme_m_s[1] - turn * rx
    vz = s.velocity_teme_m_s[2]
    band = 1 if u.radio_band == 1 else 0
    f = p.station_frame
    for i in range(p.station_count):
        k = 12 * i
        dx = rx - f[k]
        dy = ry - f[k + 1]
        dz = rz - f[k + 2]
        distance = math.sqrt(dx * dx + dy * dy + dz * dz)
        sine = (dx * f[k + 9] + dy * f[k + 10] + dz * f[k + 11]) / distance
        s.station_range_m[i] = distance
        s.station_range_rate_m_s[i] = (dx * vx + dy * vy + dz * vz) / distance
        s.light_time_s[i] = distance / SPEED_OF_LIGHT_M_S
        s.doppler_hz[i] = -s.station_range_rate_m_s[i] / SPEED_OF_LIGHT_M_S * p.downlink_frequency_hz[band]
        s.station_elevation_rad[i] = math.asin(min(1.0, max(-1.0, sine)))
        s.station_azimuth_rad[i] = 0.0
        s.station_visible[i] = 0
        s.downlink_cn0_dbhz[i] = 0.0
        s.uplink_cn0_dbhz[i] = 0.0
        s.frame_loss[i] = 1.0
        s.uplink_frame_loss[i] = 1.0
        if sine > 0.0:
            east = dx * f[k + 3] + dy * f[k + 4] + dz * f[k + 5]
            north = dx * f[k + 6] + dy * f[k + 7] + dz * f[k + 8]
            azimuth = arctan2(east, north)
            s.station_azimuth_rad[i] = azimuth if azimuth >= 0.0 else azimuth + 2.0 * math.pi
            mask = p.station_mask_sin[i] if band == 0 else p.station_mask_high_sin[i]
            if sine >= mask and s.station_health[i] > 0.0 and (p.station_bands[i] >> band) & 1 == 1:
                s.station_visible[i] = 1
                n = -1.0 / distance
                _budget(s, p, u, i, band, (gx * dx - gy * dy) * n, (gy * dx + gx * dy) * n, dz * n)
