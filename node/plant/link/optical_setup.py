"""Figures of optical heads, and beacons: what a spacecraft tells its peers' plants. Never called inside a kernel."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from node.plant.kernel.fields import Record
from node.plant.link.optical import LOST, antenna_gain

BEACON_HEAD = struct.Struct("<10d")
FARTHEST = 1e10
"""In m, m/s or 1: nothing in orbit of the Earth says more of itself (the Hill sphere ends at 1.5e9 m)."""
LAST_STATE = 31
"""No terminal has more states than this."""


@dataclass(frozen=True, slots=True)
class OpticalHead:
    """One kind of terminal. Defaults: Suncatcher's budget example (5 W, 10 cm, 80 %, 1.55 um, -3 dB) and bench (9.6
    Tbit/s, -20 dBm in each of 24 channels: 0.24 mW); search time and retries are assumptions (10 to 60 s; about 1 s
    in close formation).
    """

    power_w: float = 5.0
    aperture_m: float = 0.10
    efficiency: float = 0.80
    wavelength_m: float = 1.55e-6
    loss_db: float = 3.0
    threshold_w: float = 2.4e-4
    full_rate_bps: float = 9.6e12
    jitter_rad: float = 1e-6
    thrust_jitter_rad: float = 2e-5
    field_rad: float = math.radians(75.0)
    coarse_s: float = 5.0
    search_mean_s: float = 20.0
    fine_s: float = 3.0
    retry_s: float = 10.0
    sun_exclusion_rad: float = math.radians(3.0)


def fill_optical(
    s: Record, p: Record, u: Record, head: OpticalHead, axes: Sequence[tuple[float, float, float]]
) -> None:
    """Parameters, nominal health, parked heads without peers. Raises ValueError for figures that are not physical."""
    room = len(s["isl_state"])
    if len(axes) > room:
        raise ValueError(f"{len(axes)} inter-satellite heads, but this capacity class has room for {room}")
    positive = (head.power_w, head.aperture_m, head.efficiency, head.wavelength_m, head.threshold_w, head.full_rate_bps)
    if min(positive) <= 0.0 or head.search_mean_s < 0.0:
        raise ValueError("power, aperture, efficiency, wavelength, threshold and rate of a head must be above zero")
    p["isl_head_count"] = len(axes)
    for i, axis in enumerate(axes):
        p["isl_axis_body"][3 * i : 3 * i + 3] = axis
    p["isl_field_rad"] = head.field_rad
    p["isl_power_w"] = head.power_w
    p["isl_gain"] = antenna_gain(head.aperture_m, head.wavelength_m, head.efficiency)
    p["isl_wavelength_m"] = head.wavelength_m
    p["isl_divergence_rad"] = 2.0 * head.wavelength_m / (math.pi * head.aperture_m)
    p["isl_loss_factor"] = 10.0 ** (-0.1 * head.loss_db)
    p["isl_threshold_w"] = head.threshold_w
    p["isl_full_rate_bps"] = head.full_rate_bps
    p["isl_jitter_rad"] = head.jitter_rad
    p["isl_thrust_jitter_rad"] = head.thrust_jitter_rad
    p["isl_coarse_s"] = head.coarse_s
    p["isl_search_mean_s"] = head.search_mean_s
    p["isl_fine_s"] = head.fine_s
    p["isl_retry_s"] = head.retry_s
    p["isl_sun_exclusion_rad"] = head.sun_exclusion_rad
    s["isl_health"] = 1.0
    s["isl_jitter_factor"] = 1.0
    u["isl_peer_head"] = -1


def beacon(s: Record, heads: int) -> bytes:
    """Position (m), velocity (m/s), quaternion (scalar last), then one state per head; little-endian float64."""
    states = [float(x) for x in s["isl_state"][:heads]]
    return struct.pack(
        f"<{10 + heads}d",
        *map(float, s["position_teme_m"]),
        *map(float, s["velocity_teme_m_s"]),
        *map(float, s["quaternion_body_from_teme"]),
        *states,
    )


def hear_beacons(u: Record, peers: Sequence[str], beacons: dict[str, bytes]) -> None:
    """Head i looks at peers[i]. A peer without a beacon, or with one that no spacecraft sends, is not there."""
    for i in range(len(u["isl_peer_valid"])):
        data = beacons.get(peers[i], b"") if i < len(peers) else b""
        fits = len(data) >= BEACON_HEAD.size and not len(data) % 8
        values: tuple[float, ...] = struct.unpack(f"<{len(data) // 8}d", data) if fits else ()
        near = all(abs(value) < FARTHEST for value in values[:10])  # false for NaN
        if not fits or not near or not all(0 <= state <= LAST_STATE for state in values[10:]):
            u["isl_peer_valid"][i] = 0
            u["isl_peer_state"][i] = 0
            continue
        u["isl_peer_valid"][i] = 1
        u["isl_peer_position_teme_m"][3 * i : 3 * i + 3] = values[0:3]
        u["isl_peer_velocity_teme_m_s"][3 * i : 3 * i + 3] = values[3:6]
        states = values[10:]
        head = int(u["isl_peer_head"][i])
        if head < 0:  # nobody said which of its heads looks here: take the one that is furthest
            u["isl_peer_state"][i] = max((int(state) for state in states if state != LOST), default=0)
        else:
            u["isl_peer_state"][i] = int(states[head]) if head < len(states) else 0
