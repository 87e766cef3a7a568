"""A week in the longest shadows there are, and a week without any: the books, the battery, and every number.

No low orbit has a night of days: the longest shadow is that of beta 0, half an hour in every orbit. A week of them is
the polar night of a spacecraft; a dawn-dusk orbit over the terminator has the midnight sun.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest

from node.plant.plant import Plant
from tests.kits.plant_kit import plant
from tests.kits.truth_kernels import fly_long
from tests.kits.truth_kit import broken_fields

FULL = ("pathfinder", "formation", "ai1-june", "ai1-august", "sc3", "sunrise", "lowinc")
WEEK_S, TICK_S = 7 * 86400.0, 5.0


class Week(NamedTuple):
    """What `fly_long` followed."""

    power: float
    heat: float
    charge_c: float
    lowest: float
    highest: float
    coldest_k: float
    hottest_k: float
    dark_s: float
    light: float
    broken: float


def week(subject: Plant) -> Week:
    """Seven days under the orders the design starts with, and no flight software."""
    worst = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 1e9, 0.0, 0.0, 0.0, 0.0])
    records: Any = (subject.state, subject.params, subject.flight, subject.inputs, subject.work, subject.sky)
    fly_long(*records, subject.belt, np.zeros(6), round(WEEK_S / TICK_S), TICK_S, worst)
    return Week(*worst.tolist())


def books_close(subject: Plant, seen: Week) -> None:
    """Power and heat to 1e-9, no charge from nowhere, nothing but numbers, nothing below the sky."""
    assert seen.power <= 1e-9
    assert seen.heat <= 1e-9
    assert seen.charge_c <= 1e-6
    assert 0.0 <= seen.lowest <= seen.highest <= 1.0
    assert seen.coldest_k > 2.7 and seen.hottest_k < 420.0
    assert seen.broken == 0.0
    assert not broken_fields(subject.state[0])


@pytest.mark.parametrize("design", FULL)
def test_a_week_of_the_longest_shadows(design: str) -> None:
    """400 km, sun-synchronous over noon and midnight: beta within 4 degrees of 0, a shadow of 36.1 min every 92.6 min
    (closed form on a cylinder, 0.3 min), 109 of them. Batteries here may be too small for it: then they run empty."""
    subject = plant(design, altitude_m=400e3, raan_deg=90.0, inclination_deg=97.03)
    seen = week(subject)
    assert seen.dark_s / 60.0 == pytest.approx(36.1, abs=0.3)
    assert 1.0 - seen.light == pytest.approx(36.1 / 92.56, abs=0.01)
    books_close(subject, seen)


@pytest.mark.parametrize("design", FULL)
def test_a_week_in_full_sun(design: str) -> None:
    """650 km, over the terminator: beta falls from 90 degrees to 78.2, no shadow below which starts at 65."""
    subject = plant(design, raan_deg=0.0, inclination_deg=113.44)
    seen = week(subject)
    assert seen.dark_s == 0.0
    assert seen.light == pytest.approx(1.0, abs=1e-9)
    assert math.degrees(abs(subject.read("beta_rad"))) == pytest.approx(78.2, abs=0.3)
    books_close(subject, seen)


def test_empty_and_cold_into_the_longest_shadows() -> None:
    """The worst start: an empty battery below -25 degC in the dark. The bus dies; the books hold all the same."""
    subject = plant("formation", altitude_m=400e3, raan_deg=90.0, inclination_deg=97.03, anomaly_deg=180.0)
    subject.state["battery_group_soc"] = 0.0
    subject.state["thermal_temperature_k"][0, :] -= 45.0
    books_close(subject, week(subject))
