"""Solar events: profiles by name, and samples that the plant takes or refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from node.plant.radiation.radiation import step_event
from node.plant.radiation.solar_event import PROFILES, event_samples, no_event, profile
from tests.kits.flight_records import craft


def test_profile_peaks_at_its_level_and_decays() -> None:
    for name, (peak, _, decay_h, _) in PROFILES.items():
        samples = profile(name, 100.0)
        assert samples[:, 1].max() == pytest.approx(peak, rel=1e-3)
        assert samples[0, 0] == 100.0 and samples[0, 1] == 0.0
        tail = samples[-300, 1] / samples[-300 + 6, 1]
        assert math.log(tail) == pytest.approx(1.0 / decay_h, rel=1e-3)
        assert (np.diff(samples[:, 1:], axis=1) <= 0.0).all()
    fluence_30 = 4.0 * math.pi * profile("october_1989", 0.0)[:, 4].sum() * 600.0
    assert fluence_30 == pytest.approx(4e9, rel=0.7)  # reference: about 4e9 cm-2 above 30 MeV
    with pytest.raises(ValueError, match="allowed: S1"):
        profile("S9", 0.0)


def test_event_is_linear_between_samples_and_zero_outside() -> None:
    c = craft()
    c.event = profile("S2", 1000.0)
    for t, expected in ((999.0, 0.0), (1300.0, 0.5 * c.event[1, 1]), (1600.0, c.event[1, 1]), (1e9, 0.0)):
        c.sky["time_s"] = t
        step_event(c.sky, c.event)
        assert c.sky["event_flux_cm2_s_sr"][0] == pytest.approx(expected)
    step_event(c.sky, no_event())
    assert not c.sky["event_flux_cm2_s_sr"].any()


def test_what_a_plant_is_told_of_the_sun() -> None:
    assert len(event_samples("", 0.0, ())) == len(event_samples("none", 0.0, ())) == 1
    assert event_samples("S3", 60.0, ())[0, 0] == 60.0
    with pytest.raises(ValueError, match="allowed: S1"):
        event_samples("S9", 0.0, ())
