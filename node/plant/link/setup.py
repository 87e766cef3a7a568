"""From plain figures to the parameters of the radio link. Runs once per spacecraft, never in a tick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bus.constants import EARTH_ECCENTRICITY_SQUARED, EARTH_RADIUS_M
from node.plant.kernel.fields import Record

S_BAND, KA_BAND = 0, 1


@dataclass(frozen=True, slots=True)
class GroundSite:
    """A station as the link sees it: geodetic WGS-84, masks per band, what it hears (G/T) and says (EIRP) per band.

    G/T 20 dB/K is a 7.3 m dish in S-band; 35 dB/K a 5.5 m dish at 19 GHz; EIRP 50 dBW is 20 W into 37 dBi; 65 dBW 50
    W into 48 dBi (textbook antenna sizes, computed).
    """

    latitude_rad: float
    longitude_rad: float
    altitude_m: float
    mask_rad: float
    mask_high_rad: float = math.radians(10.0)  # assumption: Ka-band dishes keep out of the thick air
    bands: tuple[bool, bool] = (True, False)
    gt_db_k: tuple[float, float] = (20.0, 35.0)
    eirp_dbw: tuple[float, float] = (50.0, 65.0)
    wet_db: tuple[float, float] = (0.5, 15.0)
    wet_fraction: float = 0.0
    wet_mean_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Radio:
    """One band of a spacecraft's radio. `axis` is the beam's in the body; `steering_rad` how far the beam can leave it.

    G/T -28 dB/K is an omnidirectional antenna before a 600 K receiver.
    """

    downlink_frequency_hz: float
    uplink_frequency_hz: float
    power_w: float
    gain_dbi: float
    beamwidth_rad: float
    axis: tuple[float, float, float]
    steering_rad: float
    gt_db_k: float
    loss_db: float
    threshold_db: float
    downlink_rate_bps: float
    uplink_rate_bps: float


S_BAND_RADIO = Radio(
    downlink_frequency_hz=2.2e9,
    uplink_frequency_hz=2.05e9,
    power_w=1.0,
    gain_dbi=0.0,
    beamwidth_rad=0.0,
    axis=(0.0, 0.0, 1.0),
    steering_rad=math.pi,
    gt_db_k=-28.0,
    loss_db=3.0,
    threshold_db=2.5,  # RS(255,223) with the convolutional code
    downlink_rate_bps=2e6,
    uplink_rate_bps=64e3,
)
"""1 W, 0 dBi, 64 kbit/s up and 2 Mbit/s down: C/N0 78.5 dBHz at 2448 km into 20 dB/K."""

KA_BAND_RADIO = Radio(
    downlink_frequency_hz=18.8e9,
    uplink_frequency_hz=28.85e9,
    power_w=5.0,
    gain_dbi=30.0,
    beamwidth_rad=math.radians(5.0),
    axis=(0.0, 0.0, 1.0),
    steering_rad=math.radians(70.0),
    gt_db_k=2.0,
    loss_db=5.0,
    threshold_db=1.3,  # LDPC, rate 1/2
    downlink_rate_bps=100e6,
    uplink_rate_bps=10e6,
)
"""A steered beam at the frequencies of the FCC filing SAT-LOA-20260108-00016; power and antenna are assumptions."""


def station_frame(latitude_rad: float, longitude_rad: float, altitude_m: float) -> list[float]:
    """Position (m), east, north and up of a place on the WGS-84 ellipsoid, Earth-fixed: twelve numbers."""
    e2 = EARTH_ECCENTRICITY_SQUARED
    sin_lat, cos_lat = math.sin(latitude_rad), math.cos(latitude_rad)
    sin_lon, cos_lon = math.sin(longitude_rad), math.cos(longitude_rad)
    radius = EARTH_RADIUS_M / math.sqrt(1.0 - e2 * sin_lat * sin_lat)
    flat = (radius + altitude_m) * cos_lat
    return [
        flat * cos_lon,
        flat * sin_lon,
        (radius * (1.0 - e2) + altitude_m) * sin_lat,
        -sin_lon,
        cos_lon,
        0.0,
        -sin_lat * cos_lon,
        -sin_lat * sin_lon,
        cos_lat,
        cos_lat * cos_lon,
        cos_lat * sin_lon,
        sin_lat,
    ]


def fill_link(
    s: Record,
    p: Record,
    u: Record,
    sites: Sequence[GroundSite],
    radios: tuple[Radio, Radio] = (S_BAND_RADIO, KA_BAND_RADIO),
) -> None:
    """Stations in the caller's order (as many as the capacity holds), both radios, nominal health, transmitter on."""
    room = len(p["station_mask_sin"])
    if len(sites) > room:
        raise ValueError(f"{len(sites)} stations, but this capacity class has room for {room}")
    p["station_count"] = len(sites)
    for i, site in enumerate(sites):
        p["station_frame"][12 * i : 12 * i + 12] = station_frame(site.latitude_rad, site.longitude_rad, site.altitude_m)
        p["station_mask_sin"][i] = math.sin(site.mask_rad)
        p["station_mask_high_sin"][i] = math.sin(site.mask_high_rad)
        p["station_bands"][i] = int(site.bands[0]) | int(site.bands[1]) << 1
        p["station_gt_db_k"][2 * i : 2 * i + 2] = site.gt_db_k
        p["station_eirp_dbw"][2 * i : 2 * i + 2] = site.eirp_dbw
        if not 0.0 <= site.wet_fraction < 1.0 or not site.wet_mean_s > 0.0:
            raise ValueError("wet_fraction is in [0, 1), wet_mean_s above zero")
        p["station_wet_db"][2 * i : 2 * i + 2] = site.wet_db
        p["station_wet_stop_per_s"][i] = 1.0 / site.wet_mean_s
        p["station_wet_start_per_s"][i] = site.wet_fraction / (1.0 - site.wet_fraction) / site.wet_mean_s
    for band, radio in enumerate(radios):
        if min(radio.power_w, radio.downlink_rate_bps, radio.uplink_rate_bps, radio.downlink_frequency_hz) <= 0.0:
            raise ValueError("power, rates and frequencies of a radio must be above zero")
        p["downlink_frequency_hz"][band] = radio.downlink_frequency_hz
        p["uplink_frequency_hz"][band] = radio.uplink_frequency_hz
        p["radio_power_dbw"][band] = 10.0 * math.log10(radio.power_w)
        p["radio_gain_dbi"][band] = radio.gain_dbi
        p["radio_beamwidth_rad"][band] = radio.beamwidth_rad
        p["radio_axis_body"][3 * band : 3 * band + 3] = radio.axis
        p["radio_steering_rad"][band] = radio.steering_rad
        p["radio_gt_db_k"][band] = radio.gt_db_k
        p["radio_loss_db"][band] = radio.loss_db
        p["radio_threshold_db"][band] = radio.threshold_db
        p["downlink_rate_default_bps"][band] = radio.downlink_rate_bps
        p["uplink_rate_default_bps"][band] = radio.uplink_rate_bps
    s["station_health"] = 1.0
    s["transmitter_health"] = 1.0
    s["receiver_health"] = 1.0
    u["transmitter_on"] = 1
