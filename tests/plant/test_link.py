"""Radio and optical links against closed forms, Suncatcher's budget example, and their state machine's promises."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bus.constants import EARTH_RADIUS_M, Epoch
from node.plant.link.link import (
    bit_error_rate,
    coded_frame_loss,
    free_space_loss_db,
    pointing_loss_db,
    step_link,
    step_weather,
)
from node.plant.link.setup import KA_BAND_RADIO, S_BAND_RADIO, GroundSite, fill_link
from node.plant.orbit.setup import Elements
from tests.kits.flight_records import Craft, craft, fly, new_sky, sso

POLE = GroundSite(math.pi / 2, 0.0, EARTH_RADIUS_M - 6356752.314245179, math.radians(5.0))
"""At the pole, as far from the centre as the equator: the Earth's turn and shape drop out, and closed forms hold."""
POLAR = Elements(EARTH_RADIUS_M + 650e3, 0.0, math.pi / 2, 0.3, 0.0, 0.0)


def _pass(c: Craft, ticks: int = 6000) -> dict[str, np.ndarray]:
    rows = []
    for k in range(ticks):
        fly(c, 1, first=k, models=3)
        s = c.s
        rows.append(
            (
                s["station_elevation_rad"][0], s["station_range_m"][0], s["station_range_rate_m_s"][0],
                s["station_visible"][0], s["light_time_s"][0], s["downlink_cn0_dbhz"][0], s["frame_loss"][0],
                s["doppler_hz"][0],
            )
        )  # fmt: skip
    names = ("elevation", "range", "rate", "visible", "light", "cn0", "loss", "doppler")
    return dict(zip(names, np.array(rows).T, strict=True))


@pytest.fixture(scope="module")
def overhead() -> dict[str, np.ndarray]:
    c = craft(POLAR, sites=(POLE,))
    c.f["orbit_j2_m2"] = 0.0  # closed forms are of a circle; J2 carries this orbit 3 km higher over the pole
    return _pass(c)


def test_overhead_contact_lasts_eleven_minutes(overhead: dict[str, np.ndarray]) -> None:
    assert overhead["visible"].sum() / 60.0 == pytest.approx(11.02, abs=0.05)


@pytest.mark.parametrize(
    ("degrees", "km", "ms"), [(0.0, 2951.962, 9.8467), (5.0, 2447.955, 8.1655), (10.0, 2045.344, 6.8225)]
)
def test_slant_range_and_light_time(overhead: dict[str, np.ndarray], degrees: float, km: float, ms: float) -> None:
    """Closed form on a sphere. Between samples of a second, in which the range changes by 7 km, 3 m are lost."""
    high = int(np.argmax(overhead["elevation"]))
    rising = slice(0, high)
    at = np.interp(math.radians(degrees), overhead["elevation"][rising], overhead["range"][rising])
    light = np.interp(math.radians(degrees), overhead["elevation"][rising], overhead["light"][rising])
    assert at / 1e3 == pytest.approx(km, abs=0.01)
    assert light * 1e3 == pytest.approx(ms, abs=1e-4)


def test_range_rate_is_the_slope_of_the_range_and_zero_at_closest_approach(overhead: dict[str, np.ndarray]) -> None:
    flown = _pass(craft(POLAR, sites=(POLE,)))
    slope = (flown["range"][2:] - flown["range"][:-2]) / 2.0
    assert np.abs(slope - flown["rate"][1:-1]).max() < 1.0
    closest = int(np.argmin(flown["range"]))
    crossing = np.interp(0.0, flown["rate"][closest - 2 : closest + 3], np.arange(-2.0, 3.0))
    assert abs(crossing) <= 1.0
    assert overhead["range"].min() == pytest.approx(650e3, abs=11.0)  # half a second at 7.5 km/s beside the zenith


def test_range_rate_over_a_turning_earth() -> None:
    c = craft(sso(650e3), sites=(GroundSite(math.radians(40.0), 1.0, 200.0, 0.0),))
    values = _pass(c, 3000)
    slope = (values["range"][2:] - values["range"][:-2]) / 2.0
    assert np.abs(slope - values["rate"][1:-1]).max() < 1.5


def test_doppler_in_three_bands(overhead: dict[str, np.ndarray]) -> None:
    """Reference figures: 50 kHz in S-band, 429 kHz at 18.8 GHz and 658 kHz at 28.85 GHz, at the horizon of 650 km."""
    rate = np.abs(overhead["rate"][overhead["elevation"] > 0.0]).max()
    for hertz, shift in ((2.2e9, 50e3), (18.8e9, 429e3), (28.85e9, 658e3)):
        assert rate / 299792458.0 * hertz == pytest.approx(shift, rel=0.02)
    shifts = overhead["doppler"][1:] + overhead["rate"][1:] / 299792458.0 * 2.2e9
    assert np.abs(shifts).max() < 1e-6


def test_azimuth_and_elevation_of_known_directions() -> None:
    """A station on the equator below the spacecraft's meridian, which is north of it."""
    c = craft(Elements(EARTH_RADIUS_M + 650e3, 0.0, math.pi / 2, 0.0, 0.0, math.radians(10.0)))
    longitude = -float(new_sky(Epoch.of("2026-06-21T08:24:00Z"), 0.0)[0]["gmst_rad"])
    for offset, azimuth in ((0.0, 0.0), (math.radians(-8.0), 0.7), (math.radians(8.0), 2 * math.pi - 0.7)):
        fill_link(c.s, c.p, c.u, [GroundSite(0.0, longitude + offset, 0.0, 0.0)])
        fly(c, 1, 1e-6, models=2)
        difference = (c.s["station_azimuth_rad"][0] - azimuth + math.pi) % (2 * math.pi) - math.pi
        assert abs(difference) < 0.05
        assert c.s["station_elevation_rad"][0] > 0.0


@pytest.mark.parametrize(("ghz", "loss"), [(2.2, 167.07), (28.85, 189.43)])
def test_free_space_loss(ghz: float, loss: float) -> None:
    assert free_space_loss_db(2448e3, ghz * 1e9) == pytest.approx(loss, abs=0.01)
    assert free_space_loss_db(2448e3, ghz * 1e9) == pytest.approx(
        92.45 + 20 * math.log10(ghz) + 20 * math.log10(2448.0), abs=0.01
    )


@pytest.mark.parametrize(("ebn0", "rate"), [(9.6, 9.7e-6), (10.5, 1.08e-6)])
def test_bpsk_error_rate(ebn0: float, rate: float) -> None:
    assert bit_error_rate(ebn0) == pytest.approx(rate, rel=0.01)


def test_budget_of_the_formation_satellite(overhead: dict[str, np.ndarray]) -> None:
    """1 W, 0 dBi into 20 dB/K at 2448 km: 78.5 dBHz, 15.5 dB at 2 Mbit/s."""
    high = int(np.argmax(overhead["elevation"]))
    seen = overhead["visible"][:high] > 0
    cn0 = np.interp(-2448e3, -overhead["range"][:high][seen], overhead["cn0"][:high][seen])
    assert cn0 == pytest.approx(78.5, abs=0.1)
    assert cn0 - 10.0 * math.log10(2e6) == pytest.approx(15.5, abs=0.1)
    assert overhead["loss"][overhead["visible"] > 0].max() == 0.0
    assert overhead["loss"][overhead["visible"] == 0].min() == 1.0


def test_frame_loss_is_a_step() -> None:
    assert [coded_frame_loss(m) for m in (-40.0, -0.3, 0.0, 0.3, 40.0)] == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])
    values = [coded_frame_loss(m / 100.0) for m in range(-50, 51)]
    assert all(b <= a for a, b in pairwise(values))


def test_pointing_loss() -> None:
    assert pointing_loss_db(math.radians(1.0), math.radians(2.0)) == pytest.approx(3.0)
    assert pointing_loss_db(3.0, 0.0) == 0.0
    assert pointing_loss_db(3.0, 0.01) == 60.0


KA = GroundSite(math.pi / 2, 0.0, POLE.altitude_m, math.radians(5.0), bands=(True, True))


def _near(c: Craft) -> Craft:
    """Fly to the contact, everything on."""
    for k in range(0, 6000, 20):
        fly(c, 1, 20.0, first=k // 20, models=3)
        if c.s["station_elevation_rad"][0] > 0.5:
            return c
    raise AssertionError("never in contact")


@pytest.mark.parametrize(
    ("field", "value"),
    [("transmitter_health", 0.0), ("link_extra_loss_db", 60.0), ("antenna_stuck_rad", 1.0), ("station_rain_db", 60.0)],
)
def test_each_fault_breaks_the_high_rate_downlink(field: str, value: float) -> None:
    c = craft(POLAR, sites=(KA,))
    c.u["radio_band"] = 1
    c.u["attitude_mode"] = 1
    _near(c)
    assert c.s["station_visible"][0] == 1 and c.s["frame_loss"][0] == 0.0
    c.s[field] = value
    fly(c, 1, 1e-3, first=int(c.s["time_s"] * 1e3), models=2)
    assert c.s["frame_loss"][0] == 1.0


def test_off_pointing_costs_the_beam_and_not_the_omni() -> None:
    c = craft(POLAR, sites=(KA,))
    c.u["attitude_mode"] = 1
    c.s["pointing_offset_rad"] = (math.pi, 0.0, 0.0)  # upside down
    _near(c)
    assert c.s["frame_loss"][0] == 0.0
    c.u["radio_band"] = 1
    fly(c, 1, 1e-3, first=int(c.s["time_s"] * 1e3), models=2)
    assert c.s["frame_loss"][0] == 1.0


def test_receiver_and_station_faults() -> None:
    c = _near(craft(POLAR, sites=(KA,)))
    assert c.s["uplink_frame_loss"][0] == 0.0
    now = int(c.s["time_s"] * 1e3)
    c.s["receiver_health"] = 0.0
    fly(c, 1, 1e-3, first=now, models=2)
    assert c.s["uplink_frame_loss"][0] == 1.0 and c.s["frame_loss"][0] == 0.0
    c.s["station_health"][0] = 0.0
    fly(c, 1, 1e-3, first=now, models=2)
    assert c.s["station_visible"][0] == 0


def test_a_stuck_transmitter_radiates_against_orders() -> None:
    c = craft(POLAR, sites=(KA,))
    c.u["transmitter_on"] = 0
    c.s["transmitter_stuck_on"] = 1
    assert _near(c).s["frame_loss"][0] == 0.0


def test_wet_weather_has_its_share_of_time_its_spells_and_its_price() -> None:
    site = replace(KA, wet_fraction=0.2, wet_mean_s=1800.0)
    c = craft(POLAR, sites=(site, KA))
    wet = []
    for tick in range(60_000):
        step_weather(c.s, c.p, c.sky, tick, 60.0)
        wet.append(int(c.s["station_wet"][0]))
    assert np.mean(wet) == pytest.approx(0.2, abs=0.015)
    starts = np.count_nonzero(np.diff(wet) > 0)
    assert sum(wet) * 60.0 / starts == pytest.approx(1800.0, rel=0.08)
    assert c.s["station_wet"][1] == 0
    c.u["radio_band"], c.u["attitude_mode"] = 1, 1
    c.s["station_wet"][0] = 0
    _near(c)
    dry = float(c.s["downlink_cn0_dbhz"][1])
    c.s["station_wet"][1] = 1
    step_link(c.s, c.p, c.u, c.sky)
    assert c.s["downlink_cn0_dbhz"][1] == pytest.approx(dry - 15.0, abs=1e-9)


def test_band_that_a_station_lacks_is_not_visible() -> None:
    c = craft(POLAR, sites=(replace(KA, bands=(True, False)),))
    c.u["radio_band"] = 1
    _near(c)
    assert c.s["station_visible"][0] == 0


def test_transmitter_off_is_silent() -> None:
    c = craft(POLAR, sites=(KA,))
    c.u["transmitter_on"] = 0
    _near(c)
    assert c.s["downlink_cn0_dbhz"][0] == 0.0 and c.s["frame_loss"][0] == 1.0 and c.s["uplink_frame_loss"][0] == 0.0


def test_a_transmitter_without_power_is_silent_and_the_receiver_hears_on() -> None:
    c = craft(POLAR, sites=(KA,))
    c.s["lcl_state"] = 0
    c.s["transmitter_stuck_on"] = 1
    _near(c)
    assert c.s["downlink_cn0_dbhz"][0] == 0.0 and c.s["frame_loss"][0] == 1.0 and c.s["uplink_frame_loss"][0] == 0.0


def test_impossible_radios_are_refused() -> None:
    c = craft()
    with pytest.raises(ValueError, match="above zero"):
        fill_link(c.s, c.p, c.u, [], (replace(S_BAND_RADIO, power_w=0.0), KA_BAND_RADIO))
    with pytest.raises(ValueError, match="room for 16"):
        fill_link(c.s, c.p, c.u, [POLE] * 17)
