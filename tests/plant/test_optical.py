"""Optical inter-satellite links: Suncatcher's budget example, and what the state machine promises."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.plant.link import optical
from node.plant.link.optical import COARSE, FINE, LOCKED, LOST, PARKED, SPIRAL, antenna_gain, received_w, step_optical
from node.plant.link.optical_setup import OpticalHead, beacon, fill_optical, hear_beacons
from node.plant.link.setup import GroundSite
from tests.kits.flight_records import Craft, craft, fly, sso


def test_optical_budget_of_suncatcher() -> None:
    """5 W, 10 cm, 80 %, 1.55 um, 3 dB lost, 5000 km: 105.1 dB, 1.6 uW; confocal at 5 km; 18.9 urad."""
    gain = antenna_gain(0.10, 1.55e-6, 0.80)
    assert 10.0 * math.log10(gain) == pytest.approx(105.1, abs=0.1)
    assert received_w(5.0, gain, 1.55e-6, 5e6, 10.0**-0.3) == pytest.approx(1.6e-6, rel=0.03)
    assert math.pi * 0.05**2 / 1.55e-6 == pytest.approx(5e3, rel=0.03)
    assert pytest.approx(18.9e-6, rel=0.03) == 1.22 * 1.55e-6 / 0.10
    assert received_w(5.0, gain, 1.55e-6, 150.0, 0.5) == 2.5  # near field: no more than was sent


POLE = GroundSite(math.pi / 2, 0.0, 0.0, 0.1)
PAIR_HEAD = OpticalHead(search_mean_s=1.0)


def _pair(distance_m: float = 150.0) -> tuple[Craft, Craft]:
    """Two spacecraft one behind the other, heads along and against the velocity, nadir pointing."""
    base = sso(650e3)
    ahead = replace(base, mean_anomaly_rad=distance_m / base.semi_major_axis_m)
    heads = ((1.0, 0.0, 0.0), (-1.0, 0.0, 0.0))
    pair = tuple(craft(e, heads=heads, head=PAIR_HEAD) for e in (base, ahead))
    pair[1].f["draw_spacecraft"] = 12
    for c in pair:
        c.u["attitude_mode"] = 1
        c.u["isl_command"][:2] = 1
    pair[0].u["isl_peer_head"][0] = 1
    pair[1].u["isl_peer_head"][1] = 0
    return pair[0], pair[1]


def _tick(pair: tuple[Craft, Craft], k: int) -> None:
    said = [beacon(c.s, 2) if k else b"" for c in pair]
    hear_beacons(pair[0].u, ["b", ""], {"b": said[1]})
    hear_beacons(pair[1].u, ["", "a"], {"a": said[0]})
    for c in pair:
        fly(c, 1, first=k, models=3)


def _lock(pair: tuple[Craft, Craft], until: int = 700) -> int:
    for k in range(until):
        _tick(pair, k)
        if pair[0].s["isl_state"][0] == LOCKED and pair[1].s["isl_state"][1] == LOCKED:
            return k
    raise AssertionError("never locked")


def test_two_spacecraft_acquire_and_carry_the_full_rate() -> None:
    pair = _pair()
    k = _lock(pair)
    for j in range(k + 1, k + 30):
        _tick(pair, j)
    assert pair[0].s["isl_rate_bps"][0] == pytest.approx(9.6e12)
    assert pair[0].s["isl_range_m"][0] == pytest.approx(150.0, abs=1.0)
    assert abs(pair[0].s["isl_range_rate_m_s"][0]) < 0.1
    assert pair[0].s["isl_attempts"][0] >= 1
    assert pair[0].s["isl_state"][1] == PARKED and pair[0].s["isl_blocked"][1] == 1


@pytest.mark.parametrize("cause", ["shake", "drift", "health", "silence", "tumble", "park", "power"])
def test_each_cause_breaks_the_link(cause: str) -> None:
    pair = _pair()
    k = _lock(pair) + 1
    if cause == "shake":
        pair[0].s["isl_jitter_factor"][0] = 100.0
    elif cause == "drift":
        pair[0].s["isl_drift_rad"][0] = 1e-4
    elif cause == "health":
        pair[0].s["isl_health"][0] = 0.0
    elif cause == "tumble":
        pair[0].s["pointing_offset_rad"] = (0.0, 2.0, 0.0)
    elif cause == "park":
        pair[0].u["isl_command"][0] = 0
    elif cause == "power":
        pair[0].s["lcl_state"][0] = 3  # its limiter has tripped
    for j in range(k, k + 200):
        _tick(pair, j)
        if cause == "silence":
            hear_beacons(pair[0].u, ["b"], {})
            step_optical(pair[0].s, pair[0].p, pair[0].f, pair[0].u, j, 1.0)
        if pair[0].s["isl_state"][0] in (LOST, PARKED):
            break
    assert pair[0].s["isl_state"][0] == (PARKED if cause in {"park", "power"} else LOST)
    assert pair[0].s["isl_rate_bps"][0] == 0.0
    _tick(pair, j + 1)
    _tick(pair, j + 2)
    assert pair[1].s["isl_state"][1] != LOCKED


@pytest.mark.parametrize("why", ["no peer", "the Earth", "out of the field", "the Sun", "parked", "no power"])
@pytest.mark.parametrize("peer", [PARKED, FINE, LOCKED])
def test_a_head_that_sees_nobody_is_never_locked(why: str, peer: int) -> None:
    """Parked and blocked, whatever the peer's head says of itself: it stays parked, for hours."""
    pair = _pair()
    _tick(pair, 0)
    _tick(pair, 1)
    s, p, f, u = pair[0].s, pair[0].p, pair[0].f, pair[0].u
    s["isl_state"][0] = PARKED
    s["isl_timer_s"][0] = 0.0
    u["isl_peer_state"][0] = peer
    place = s["position_teme_m"].astype(float)
    if why == "no peer":
        u["isl_peer_valid"][0] = 0
    elif why == "the Earth":
        u["isl_peer_position_teme_m"][:3] = -place
    elif why == "out of the field":
        p["isl_field_rad"] = 0.0
    elif why == "the Sun":
        s["illumination_fraction"] = 1.0
        s["sun_direction_teme"] = (u["isl_peer_position_teme_m"][:3] - place) / 150.0
    elif why == "parked":
        u["isl_command"][0] = 0
    else:
        s["lcl_state"][int(p["isl_lcl"][0])] = 3
    for k in range(2, 14_402):
        step_optical(s, p, f, u, k, 0.0 if why == "the Sun" else 1e-9)
        assert s["isl_state"][0] == PARKED and s["isl_rate_bps"][0] == 0.0
    assert s["isl_attempts"][0] == 0


def test_a_lost_link_comes_back_by_itself() -> None:
    pair = _pair()
    k = _lock(pair) + 1
    pair[0].s["isl_health"][0] = 0.0
    for j in range(k, k + 20):
        _tick(pair, j)
    pair[0].s["isl_health"][0] = 1.0
    for j in range(k + 20, k + 120):
        _tick(pair, j)
        if pair[0].s["isl_state"][0] == LOCKED:
            return
    raise AssertionError("never came back")


def test_search_time_is_exponential_with_its_mean() -> None:
    c = craft(heads=((1.0, 0.0, 0.0),))
    times = []
    fly(c, 1, models=1)
    c.u["isl_peer_valid"][0] = 1
    v = c.s["velocity_teme_m_s"]
    c.u["isl_peer_position_teme_m"][:3] = c.s["position_teme_m"] + v / np.linalg.norm(v) * 1e5 - v
    c.u["isl_peer_velocity_teme_m_s"][:3] = v
    c.u["isl_command"][0] = 1
    c.p["isl_field_rad"] = math.pi
    c.p["isl_sun_exclusion_rad"] = 0.0
    for tick in range(4000):
        c.s["isl_state"][0], c.s["isl_timer_s"][0] = COARSE, 0.5
        step_optical(c.s, c.p, c.f, c.u, tick, 1.0)
        assert c.s["isl_state"][0] == SPIRAL
        times.append(float(c.s["isl_timer_s"][0]))
    assert np.mean(times) == pytest.approx(20.0, rel=0.06)
    assert np.mean(np.array(times) > 20.0) == pytest.approx(math.exp(-1.0), abs=0.03)


def _aim(direction: Any, distance_m: float = 1e6) -> Craft:
    """A head that sees everywhere, its peer in a direction given (TEME)."""
    c = craft(heads=((1.0, 0.0, 0.0),))
    fly(c, 1, models=1)
    c.p["isl_field_rad"] = math.pi
    c.u["isl_command"][0] = 1
    c.u["isl_peer_valid"][0] = 1
    c.u["isl_peer_velocity_teme_m_s"][:3] = 0.0
    c.u["isl_peer_position_teme_m"][:3] = c.s["position_teme_m"] + np.asarray(direction) * distance_m
    step_optical(c.s, c.p, c.f, c.u, 1, 1e-3)
    return c


def test_sun_and_earth_in_the_line() -> None:
    c = _aim([0.0, 0.0, 1.0])
    sun = c.s["sun_direction_teme"].copy()
    down = -c.s["position_teme_m"] / np.linalg.norm(c.s["position_teme_m"])
    assert c.s["isl_blocked"][0] == 0
    assert c.s["illumination_fraction"] > 0.0
    assert _aim(sun).s["isl_blocked"][0] == 4
    assert _aim(down, 2e7).s["isl_blocked"][0] == 2
    assert _aim(down, 5e5).s["isl_blocked"][0] == 0  # in front of the Earth


def test_beacons_that_are_not_beacons_are_no_peers() -> None:
    c = craft(heads=((1.0, 0.0, 0.0),))
    good = beacon(c.s, 1)
    lies = [good[:72] + struct.pack("<2d", number, 0.0) for number in (math.nan, math.inf, 1e300, -1e11)]
    states = [good[:80] + struct.pack("<d", number) for number in (math.nan, math.inf, 1e300, 1e10, -1.0, 32.0)]
    for data in (b"", b"x", good[:72], good + b"1", b"\xff" * 88, *lies, *states):
        hear_beacons(c.u, ["a"], {"a": data})
        assert c.u["isl_peer_valid"][0] == 0
    hear_beacons(c.u, ["a"], {"a": good})
    assert c.u["isl_peer_valid"][0] == 1
    c.s["isl_state"][0] = FINE
    hear_beacons(c.u, ["a"], {"a": beacon(c.s, 2)})
    assert c.u["isl_peer_state"][0] == FINE
    c.u["isl_peer_head"][0] = 1
    hear_beacons(c.u, ["a"], {"a": beacon(c.s, 2)})
    assert c.u["isl_peer_state"][0] == PARKED
    hear_beacons(c.u, ["a"], {"b": good})
    assert c.u["isl_peer_valid"][0] == 0


@settings(max_examples=60)
@given(
    st.integers(min_value=-2, max_value=8),
    st.integers(min_value=-3, max_value=9),
    st.floats(min_value=-1e8, max_value=1e8),
    st.floats(min_value=0.0, max_value=1e6),
    st.floats(min_value=0.0, max_value=2.0),
)
def test_links_are_never_nan_and_rates_never_negative(
    state: int, peer: int, where: float, bad: float, health: float
) -> None:
    c = craft(heads=((1.0, 0.0, 0.0),) * 4, sites=(POLE, POLE))
    c.s["isl_state"][:] = state
    c.u["isl_peer_state"][:] = peer
    c.u["isl_peer_valid"][:] = 1
    c.u["isl_command"][:] = 1
    c.u["isl_peer_position_teme_m"][:] = where
    c.s["isl_jitter_factor"][:] = bad
    c.s["isl_drift_rad"][:] = bad
    c.s["isl_health"][:] = health
    c.s["transmitter_health"] = health
    fly(c, 3, models=3)
    for field in c.state.dtype.names:
        assert np.isfinite(np.asarray(c.s[field], dtype=float)).all(), field
    assert (c.s["isl_rate_bps"] >= 0.0).all() and (c.s["frame_loss"] <= 1.0).all()
    assert (c.s["isl_rate_bps"] <= 9.6e12).all() and FINE < LOCKED and len(optical.STATES) == 6


def test_thrust_shakes_the_optical_link() -> None:
    pair = _pair()
    k = _lock(pair) + 1
    pair[0].u["thrust_command_n"] = 0.1
    pair[0].p["isl_thrust_jitter_rad"] = 1e-3
    _tick(pair, k)
    assert pair[0].s["isl_state"][0] == LOST


def test_impossible_heads_are_refused() -> None:
    c = craft()
    with pytest.raises(ValueError, match="room for 4"):
        fill_optical(c.s, c.p, c.u, OpticalHead(), ((1.0, 0.0, 0.0),) * 5)
    with pytest.raises(ValueError, match="above zero"):
        fill_optical(c.s, c.p, c.u, OpticalHead(aperture_m=0.0), ())
