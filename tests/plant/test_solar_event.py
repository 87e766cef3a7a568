"""Solar events: profiles by name and users' tables, and how both are refused or repaired."""

from __future__ import annotations

import math

import numpy as np
import pytest

from node.plant.radiation.radiation import step_event
from node.plant.radiation.shielding import ENERGIES_MEV
from node.plant.radiation.solar_event import PROFILES, from_csv, no_event, profile, read_event
from tests.kits.flight_records import craft


def test_profile_peaks_at_its_level_and_decays() -> None:
    for name, (peak, _, decay_h, _) in PROFILES.items():
        samples = profile(name, 100.0).samples
        assert samples[:, 1].max() == pytest.approx(peak, rel=1e-3)
        assert samples[0, 0] == 100.0 and samples[0, 1] == 0.0
        tail = samples[-300, 1] / samples[-300 + 6, 1]
        assert math.log(tail) == pytest.approx(1.0 / decay_h, rel=1e-3)
        assert (np.diff(samples[:, 1:], axis=1) <= 0.0).all()
    fluence_30 = 4.0 * math.pi * profile("october_1989", 0.0).samples[:, 4].sum() * 600.0
    assert fluence_30 == pytest.approx(4e9, rel=0.7)  # reference: about 4e9 cm-2 above 30 MeV
    with pytest.raises(ValueError, match="allowed: S1"):
        profile("S9", 0.0)


def test_event_is_linear_between_samples_and_zero_outside() -> None:
    c = craft()
    c.event = profile("S2", 1000.0).samples
    for t, expected in ((999.0, 0.0), (1300.0, 0.5 * c.event[1, 1]), (1600.0, c.event[1, 1]), (1e9, 0.0)):
        c.sky["time_s"] = t
        step_event(c.sky, c.event)
        assert c.sky["event_flux_cm2_s_sr"][0] == pytest.approx(expected)
    step_event(c.sky, no_event().samples)
    assert not c.sky["event_flux_cm2_s_sr"].any()


HEADER = "utc,gt1MeV_pfu,gt10MeV_pfu,gt50MeV_pfu,gt100MeV_pfu\n"


def _csv(minutes: list[int], peak: float = 200.0) -> str:
    rows = [
        f"2024-05-10T{m // 60:02d}:{m % 60:02d}:00Z,{10 * f:.4f},{f:.4f},{0.1 * f:.5f},{0.05 * f:.5f}"
        for m in minutes
        for f in [0.2 + peak * m / max(minutes)]
    ]
    return HEADER + "\n".join(rows) + "\n"


def test_users_table_becomes_samples() -> None:
    event = from_csv(_csv(list(range(0, 600, 5))), 5000.0, background="keep")
    assert event.samples[0, 0] == 5000.0 and event.samples[-1, 0] == 5000.0 + 595 * 60.0
    assert event.samples[-1, 1] == pytest.approx(200.2, rel=1e-6)
    assert event.samples[-1, 1 + ENERGIES_MEV.index(100.0)] == pytest.approx(10.01, rel=1e-6)
    assert (np.diff(event.samples[:, 1:], axis=1) <= 0.0).all()
    assert any("power law" in note for note in event.notes)
    quiet = from_csv(_csv(list(range(0, 600, 5))), 0.0)
    assert any("background" in note for note in quiet.notes) and quiet.samples[0, 1] == 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_csv(list(range(0, 600, 5))).replace("gt10MeV_pfu", "gt10MeV_cm-2s-1"), "line 1: column .* with unit"),
        (_csv(list(range(0, 600, 5))).replace("utc", "when"), "line 1: no columns of times; allowed: exactly one"),
        (_csv(list(range(0, 100, 5)) + list(range(300, 600, 5))), "line 22: gap of 3.4 h"),
        (_csv([0, 5, 5, 10]), "line 4: time .* times must rise"),
        (_csv([0, 5, 10]).replace("T00:05:00Z", "yesterday"), "line 3: .*yesterday.* ISO"),
        (_csv([0, 5, 10]).replace("200.2000", "much"), "line 4: .*much.* in column 3"),
        (HEADER, "line 1"),
        ("utc,gt10MeV_pfu,gt50MeV_pfu\n2024-05-10T00:00Z,1,1\n2024-05-10T00:05Z,1,1\n", "100 MeV or above"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_csv(text, 0.0)


def test_gaps_are_interpolated_only_when_asked_and_missing_rows_are_said() -> None:
    text = _csv(list(range(0, 100, 5)) + list(range(300, 600, 5)))
    event = from_csv(text, 0.0, gaps="interpolate")
    assert any("interpolated" in note for note in event.notes)
    rows = _csv(list(range(0, 60, 5))).splitlines()
    no_middle = [*rows[:5], rows[5].rsplit(",", 2)[0] + ",," + rows[5].rsplit(",", 1)[1], *rows[6:]]
    assert any(
        ">50 MeV missing from 1 rows, the first on line 6" in n for n in from_csv("\n".join(no_middle), 0.0).notes
    )
    no_top = [*rows[:5], rows[5].rsplit(",", 1)[0] + ",-99999", *rows[6:]]
    assert any("left out, the first on line 6" in note for note in from_csv("\n".join(no_top), 0.0).notes)


def test_what_a_scenario_says_of_the_sun() -> None:
    assert len(read_event("", 0.0).samples) == len(read_event("none", 0.0).samples) == 1
    assert read_event("S3", 60.0).samples[0, 0] == 60.0
    assert read_event(_csv([0, 5, 10]), 60.0).samples.shape == (3, 13)
