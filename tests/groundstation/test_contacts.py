"""Contacts ahead, against other people's numbers and an independent computation; antennas shared as the rules say."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import erfa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sgp4.api import WGS72, Satrec

from bus.errors import UserError
from bus.scenario.model import KeplerOrbit, Orbit, Station, TleOrbit
from groundstation.config import ContactRules
from groundstation.contacts.antennas import Antennas
from groundstation.contacts.prediction import Contact, Predictor
from groundstation.contacts.propagation import Epoch, Site, gmst_rad, propagator, secular_rates
from tests.kits.ground_kit import EQUATOR, POLE, SECOND_NS, circular

# ISS elements and events of Skyfield's manual, "Earth satellites" (rhodesmill.org/skyfield/earth-satellites.html).
ISS = TleOrbit(
    line1="1 25544U 98067A   14020.93268519  .00009878  00000-0  18200-3 0  5082",
    line2="2 25544  51.6498 109.4756 0003572  55.9686 274.8005 15.49815350868473",
    name="ISS", source="Skyfield manual", propagator="sgp4",
)  # fmt: skip
BLUFFTON = Station(
    id="bluffton", latitude_rad=math.radians(40.8939), longitude_rad=math.radians(-83.8917), altitude_m=0.0,
    mask_rad=math.radians(30.0), bands=("S",), source="Skyfield manual",
)  # fmt: skip
DAY = ContactRules(horizon_s=86_400.0)


def predict(
    orbit: Orbit, station: Station, epoch: str = "2026-08-12T00:00:00Z", rules: ContactRules = DAY
) -> list[Contact]:
    return Predictor(Epoch.of(epoch), (orbit,), (station,), rules).first()


def test_length_of_an_overhead_contact() -> None:
    """Reference case: 650 km, 5 degrees, overhead, rotation off: 11.02 min. A polar orbit seen from the
    pole knows no rotation; the site is raised to the equatorial radius, because that figure is for a sphere."""
    polar_radius_m = 6378137.0 * (1.0 - 1.0 / 298.257223563)
    site = POLE.model_copy(update={"altitude_m": 6378137.0 - polar_radius_m})
    contact = predict(circular(650e3, math.pi / 2), site)[0]
    assert (contact.los_ns - contact.aos_ns) / 60e9 == pytest.approx(11.02, abs=0.05)
    assert contact.max_elevation_rad == pytest.approx(math.pi / 2, abs=1e-3)


def test_events_of_another_program() -> None:
    """Skyfield: rise above, culminate, set below 30 degrees on 23 January 2014, given to the second."""
    found = predict(ISS, BLUFFTON, "2014-01-23T00:00:00Z")
    midnight = datetime(2014, 1, 23)
    times = [
        (midnight + timedelta(microseconds=ns / 1000)).strftime("%H:%M:%S")
        for contact in found
        for ns in (contact.aos_ns, contact.max_ns, contact.los_ns)
    ]
    expected = ["06:25:37", "06:26:58", "06:28:19", "12:54:56", "12:56:27", "12:57:58"]
    assert len(times) == len(expected)
    for got, wanted in zip(times, expected, strict=True):
        difference = datetime.strptime(got, "%H:%M:%S") - datetime.strptime(wanted, "%H:%M:%S")
        assert abs(difference.total_seconds()) <= 1.5, (times, expected)


def test_sidereal_time_against_erfa() -> None:
    for utc, time_s in (("2026-08-12T03:04:05.5Z", 0.0), ("1999-12-31T23:59:59Z", 86_400.0), ("2014-01-23", 1234.5)):
        epoch = Epoch.of(utc)
        theirs = erfa.gmst82(epoch.jd_whole, epoch.jd_fraction + time_s / 86_400.0)
        assert math.remainder(gmst_rad(epoch, time_s) - theirs, 2 * math.pi) == pytest.approx(0.0, abs=1e-11)


def test_epoch_that_is_none() -> None:
    with pytest.raises(UserError, match="no ISO 8601"):
        Epoch.of("yesterday")


def _elevations(orbit: TleOrbit, station: Station, utc: str, times_s: np.ndarray) -> np.ndarray:
    """Sines of elevation by SGP4's array interface and ERFA's geodesy: nothing shared with the code under test."""
    start = np.datetime64(utc)
    j2000 = (start - np.datetime64("2000-01-01T12:00:00")) / np.timedelta64(1, "s") / 86_400.0
    whole, fraction = np.full(times_s.size, 2451545.0), j2000 + times_s / 86_400.0
    error, r, _ = Satrec.twoline2rv(orbit.line1, orbit.line2, WGS72).sgp4_array(whole, fraction)
    assert not error.any()
    angle = erfa.gmst82(whole, fraction)
    x = np.cos(angle) * r[:, 0] + np.sin(angle) * r[:, 1]
    y = -np.sin(angle) * r[:, 0] + np.cos(angle) * r[:, 1]
    fixed = np.column_stack([x, y, r[:, 2]]) * 1e3
    site = erfa.gd2gc(1, station.longitude_rad, station.latitude_rad, station.altitude_m)
    further = erfa.gd2gc(1, station.longitude_rad, station.latitude_rad, station.altitude_m + 1.0)
    up = np.asarray(further) - np.asarray(site)
    sight = fixed - np.asarray(site)
    return (sight @ up) / np.linalg.norm(sight, axis=1) / np.linalg.norm(up)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("latitude", "longitude", "mask"), [(40.9, -83.9, 5.0), (-33.4, 115.9, 0.0), (51.6, 10.0, 60.0)]
)
def test_every_contact_against_a_dense_independent_computation(latitude: float, longitude: float, mask: float) -> None:
    utc = "2014-01-23T00:00:00"
    station = BLUFFTON.model_copy(
        update={
            "latitude_rad": math.radians(latitude), "longitude_rad": math.radians(longitude),
            "mask_rad": math.radians(mask), "altitude_m": 700.0,
        }
    )  # fmt: skip
    times_s = np.arange(0.0, 85_000.0, 1.0)
    sines = _elevations(ISS, station, utc, times_s)
    above = sines >= math.sin(station.mask_rad)
    rises = times_s[1:][above[1:] & ~above[:-1]]
    sets = times_s[1:][~above[1:] & above[:-1]]
    found = [contact for contact in predict(ISS, station, utc) if contact.los_ns < 85_000 * SECOND_NS]
    assert len(found) == len(sets) == len(rises)
    for contact, aos, los in zip(found, rises, sets, strict=True):
        assert aos - 1.001 <= contact.aos_ns / 1e9 <= aos + 0.02
        assert los - 1.001 <= contact.los_ns / 1e9 <= los + 0.02
        during = sines[int(aos) : int(los) + 1]
        assert math.sin(contact.max_elevation_rad) == pytest.approx(during.max(), abs=2e-4)


@settings(max_examples=25, deadline=None)
@given(
    altitude_km=st.floats(300.0, 3000.0), inclination=st.floats(0.0, 179.0), raan=st.floats(0.0, 6.2),
    latitude=st.floats(-85.0, 85.0), mask=st.floats(0.0, 70.0), eccentric=st.sampled_from([0.0, 0.02]),
)  # fmt: skip
def test_no_contact_is_missed_or_invented(  # noqa: PLR0917
    altitude_km: float, inclination: float, raan: float, latitude: float, mask: float, eccentric: float
) -> None:
    orbit = KeplerOrbit(
        semi_major_axis_m=6378137.0 + altitude_km * 1e3, eccentricity=eccentric if altitude_km > 600.0 else 0.0,
        inclination_rad=math.radians(inclination), raan_rad=raan, argument_of_perigee_rad=1.0, mean_anomaly_rad=0.5,
    )  # fmt: skip
    station = BLUFFTON.model_copy(
        update={"latitude_rad": math.radians(latitude), "mask_rad": math.radians(mask)}
    )  # fmt: skip
    predictor = Predictor(
        Epoch.of("2026-08-12T00:00:00Z"), (orbit,), (station,), ContactRules(horizon_s=40_000.0, longest_s=1e9)
    )
    found = predictor.first()
    step_s, level = 5.0, math.sin(station.mask_rad)
    open_since = found[-1].los_ns / 1e9 if found else 0.0
    for index in range(7500):
        time_s = index * step_s
        inside = any(contact.aos_ns / 1e9 <= time_s < contact.los_ns / 1e9 for contact in found)
        near = any(abs(t - time_s) < 0.1 for c in found for t in (c.aos_ns / 1e9, c.los_ns / 1e9))
        if near or time_s > open_since:
            continue
        assert inside == (predictor.sin_elevation(0, 0, time_s) >= level), time_s


def test_looking_ahead_step_by_step_finds_the_same() -> None:
    orbits = tuple(circular(500e3 + 20e3 * n, 1.7, 0.3 * n, 0.9 * n) for n in range(7))
    stations = (EQUATOR, POLE)
    epoch = Epoch.of("2026-08-12T00:00:00Z")
    at_once = Predictor(epoch, orbits, stations, ContactRules(horizon_s=7200.0 + 30_000.0)).first()
    step_by_step = Predictor(epoch, orbits, stations, ContactRules(horizon_s=7200.0))
    found = step_by_step.first()
    for second in range(30_001):
        found += step_by_step.advance(second * SECOND_NS)
    assert sorted(found) == sorted(at_once)
    assert len(found) > 30


def test_a_contact_is_known_before_it_begins() -> None:
    predictor = Predictor(Epoch.of("2026-08-12T00:00:00Z"), (ISS,), (BLUFFTON,), ContactRules())
    predictor.first()
    for second in range(0, 86_400, 10):
        for contact in predictor.advance(second * SECOND_NS):
            assert contact.aos_ns > (second + 3600) * SECOND_NS


def test_a_spacecraft_that_never_sets_is_planned_in_slices() -> None:
    geostationary = circular(
        35_786e3, 0.0, 0.0, gmst_rad(Epoch.of("2026-08-12T00:00:00Z"), 0.0) + EQUATOR.longitude_rad
    )
    found = predict(geostationary, EQUATOR, rules=ContactRules(horizon_s=7 * 3600.0 + 60.0))
    assert [contact.aos_ns for contact in found] == [n * 3600 * SECOND_NS for n in range(7)]
    assert all(contact.los_ns - contact.aos_ns == 3600 * SECOND_NS for contact in found)


def test_elements_that_decay_give_no_contacts_instead_of_an_error() -> None:
    dying = TleOrbit(
        line1="1 28872U 05037B   05333.02012661  .25992681  00000-0  24476-3 0  1534",
        line2="2 28872  96.4736 157.9986 0303955 244.0492 110.6523 16.46015938 10708",
        name="28872", source="SGP4-VER.TLE (Vallado et al. 2006): decays within the hour", propagator="sgp4",
    )  # fmt: skip
    assert predict(dying, POLE, "2005-12-01T00:00:00Z") == []


def test_two_line_elements_as_mean_elements_stay_near_sgp4() -> None:
    epoch = Epoch.of("2014-01-21T00:00:00Z")
    exact, secular = (propagator(ISS.model_copy(update={"propagator": which}), epoch) for which in ("sgp4", "j2"))
    for time_s in (0.0, 1500.0, 5400.0):
        here, there = exact(time_s), secular(time_s)
        assert here is not None and there is not None
        assert math.dist(here, there) < 25e3  # short-periodic terms of J2 are some 10 km


def test_sun_synchronous_rate() -> None:
    """Reference case: 650 km is sun-synchronous at 97.986 degrees: 360 degrees a tropical year."""
    rate, _, _ = secular_rates(7028137.0, 0.0, math.radians(97.986), 3.986004418e14)
    assert math.degrees(rate) * 86_400.0 == pytest.approx(360.0 / 365.2421897, rel=1e-3)


def test_zenith_is_up() -> None:
    site = Site.of(BLUFFTON)
    high = Site.of(BLUFFTON.model_copy(update={"altitude_m": 500e3}))
    assert site.sin_elevation(high.x_m, high.y_m, high.z_m) == pytest.approx(1.0, abs=1e-12)


CONTACTS = st.lists(
    st.builds(
        lambda aos, length, station, craft: Contact(aos, station, craft, aos + length, aos, 1.0),
        st.integers(0, 400), st.integers(1, 300), st.integers(0, 2), st.integers(0, 4),
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(contacts=CONTACTS, priorities=st.lists(st.integers(0, 1), min_size=5, max_size=5))
def test_antennas_serve_one_each_and_are_never_idle(contacts: list[Contact], priorities: list[int]) -> None:
    antennas = Antennas(3, tuple(priorities), dwell_s=20e-9)
    antennas.plan(contacts)
    serving: dict[int, int] = {}
    for now in range(720):
        for change in antennas.step(now, lambda craft: craft == 2):
            if change.on:
                assert change.station not in serving and change.spacecraft not in serving.values()
                serving[change.station] = change.spacecraft
            else:
                assert serving.pop(change.station) == change.spacecraft
        view = {(c.station, c.spacecraft) for c in contacts if c.aos_ns <= now < c.los_ns}
        assert set(serving.items()) <= view
        just_changed = any(now in (c.los_ns, c.aos_ns) for c in contacts)
        for station, craft in view:
            if station not in serving and craft not in serving.values():
                assert just_changed or antennas.state.next_ns == 0
            if serving.get(station) is not None and craft not in serving.values() and antennas.state.next_ns:
                assert priorities[craft] >= priorities[serving[station]]
    assert serving == {}


def test_an_antenna_turns_to_whoever_waits_after_its_dwell() -> None:
    antennas = Antennas(1, (0, 0, 0), dwell_s=10e-9)
    antennas.plan([Contact(0, 0, craft, 100, 50, 1.0) for craft in range(3)])
    served = [c.spacecraft for now in range(100) for c in antennas.step(now, lambda _: False) if c.on]
    assert served == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]


def test_better_priority_takes_over_at_once_and_telecommands_break_ties() -> None:
    antennas = Antennas(1, (1, 0, 1), dwell_s=1000e-9)
    antennas.plan([Contact(0, 0, 0, 100, 50, 1.0), Contact(0, 0, 2, 100, 50, 1.0), Contact(30, 0, 1, 60, 50, 1.0)])
    changes = [(now, c.spacecraft, c.on) for now in range(120) for c in antennas.step(now, lambda craft: craft == 2)]
    assert changes == [
        (0, 2, True), (30, 2, False), (30, 1, True), (60, 1, False), (60, 2, True), (100, 2, False),
    ]  # fmt: skip
