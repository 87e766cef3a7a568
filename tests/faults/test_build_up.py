"""Launches: the book of spacecraft closes in every row, lives follow their law, what cannot be is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.constants import DAY_S, JULIAN_YEAR_S
from bus.draws import uniform
from bus.errors import ScenarioError
from faults.fleet.build_up import ShellPlan, build_up, life_ends
from faults.fleet.draws import uniforms
from faults.fleet.form import read_fleet_text
from faults.fleet.launches import LaunchesForm, Lives, lives, most_in_service, per_launch
from tests.kits import fleet_kit as kit

YEAR_D = JULIAN_YEAR_S / DAY_S


def form(**changes: object) -> LaunchesForm:
    vehicle = {"name": "V", "payload": "20 t", "every": "7 d", "failures": "5 %", "source": "test"}
    failures = {
        "infant": {"share": "4 %", "within": "90 d"}, "random": "2 %",
        "wear_out": {"life": "7 year", "shape": 4.0}, "source": "test",
    }  # fmt: skip
    given = {
        "vehicle": vehicle, "span": "8 year", "commissioning": "40 d", "failures": failures, "spares": "5 %",
        "retire": {"age": "6 year"}, **changes,
    }  # fmt: skip
    return LaunchesForm.model_validate(given)


PLANS = (ShellPlan("a", 300, 1200.0), ShellPlan("b", 80, 2600.0))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**40), lost=st.floats(0.0, 1.0), days=st.integers(1, 1000), commissioning=st.integers(0, 400),
    replace=st.booleans(), infant=st.floats(0.0, 1.0), retire=st.one_of(st.none(), st.integers(401, 3000)),
)  # fmt: skip
def test_the_book_of_spacecraft_closes_in_every_row(  # noqa: PLR0917
    seed: int, lost: float, days: int, commissioning: int, replace: bool, infant: float, retire: int | None
) -> None:  # fmt: skip
    what = form(
        vehicle={"name": "V", "payload": "20 t", "every": "30 h", "failures": lost, "source": "test"},
        span=f"{days} d", commissioning=f"{commissioning} d", replace=replace,
        failures={"infant": {"share": infant, "within": "30 d"}, "random": "10 %", "source": "test"},
        retire=None if retire is None else {"age": f"{retire} d"},
    )  # fmt: skip
    found = build_up(what, PLANS, seed)
    assert found.closed
    for name in ("operating", "spare", "failed", "de_orbited", "in_transit"):
        assert found.rows[name].min() >= 0
    for name in ("launched", "failed", "de_orbited", "flights"):
        assert np.all(np.diff(found.rows[name].reshape(-1, 2), axis=0) >= 0)
    if not replace:
        assert np.all(found.rows["launched"][-2:] <= [315, 84])


def test_without_failures_it_is_arithmetic() -> None:
    """300 spacecraft of 1.2 t at 16 a launch and 80 of 2.6 t at 7: 19 and 12 launches, one a week, 40 days each."""
    none = {"random": 0.0, "source": "test"}
    what = form(failures=none, vehicle={"name": "V", "payload": "20 t", "every": "7 d", "source": "test"},
                spares=0.0, retire=None)  # fmt: skip
    found = build_up(what, PLANS, 1)
    assert [per_launch(what, plan.mass_kg) for plan in PLANS] == [16, 7]
    assert found.full_d == (19 + 12 - 1) * 7 + 40
    last = found.rows[-2:]
    assert last["flights"].tolist() == [19, 12] and last["operating"].tolist() == [300, 80]
    assert last["mass_kg"].tolist() == [300 * 1200.0, 80 * 2600.0]


def test_lives_follow_the_law_that_is_written_down() -> None:
    """Survivors of 200,000 against the closed form: product of the three laws, within four standard deviations."""
    hazards = lives(form(retire=None))
    ends = life_ends(hazards, 5, np.arange(200_000, dtype=np.uint64), 3).min(axis=0)
    for years in (0.1, 0.25, 1.0, 3.0, 6.0, 9.0):
        age_s = years * JULIAN_YEAR_S
        young = 1.0 - 0.04 * (1.0 - math.exp(-age_s / (90.0 * DAY_S / -math.log(0.05))))
        expected = young * 0.98**years * math.exp(-((years / 7.0) ** 4.0))
        assert hazards.surviving(age_s) == pytest.approx(expected, rel=1e-12)
        sigma = math.sqrt(expected * (1.0 - expected) / len(ends))
        assert float((ends > age_s).mean()) == pytest.approx(expected, abs=4.0 * sigma)


def test_a_steady_fleet_is_the_launch_rate_times_the_mean_life() -> None:
    """Little's law, for a constellation that asks for more than can be had."""
    what = form(span="40 year", retire={"age": "5 year"})
    plans = (ShellPlan("a", 100_000, 1200.0),)
    found = build_up(what, plans, 9)
    steady = found.rows["operating"][int(20 * YEAR_D) :].mean()
    assert steady == pytest.approx(most_in_service(what, [("a", 1200.0, 100_000)]), rel=0.02)


def test_numbers_are_the_buses_draws() -> None:
    who = np.array([0, 5, 2**40], dtype=np.uint64)
    mine = uniforms(7, 11, who, 13, 3).tolist()
    assert mine == [uniform(7, 11, int(one), 13, 3) for one in who]
    assert uniforms(2**70 + 1, 0, who, 0, 0).tolist() == [uniform(2**70 + 1, 0, int(one), 0, 0) for one in who]


LAUNCHES = """\
launches:
  vehicle: {name: V, payload: 20 t, every: 7 d, failures: 2 %, source: test}
  span: 2 year
  commissioning: 40 d
  failures: {random: 2 %, source: test}
"""


def test_a_manifest_that_cannot_be_is_refused_with_its_line() -> None:
    many = kit.text((kit.DAWN.replace("slots: 4", "slots: 1000"),))

    def refused(old: str, new: str) -> str:
        with pytest.raises(ScenarioError) as error:
            read_fleet_text(many + LAUNCHES.replace(old, new), "two.yaml")
        return str(error.value.mistakes[0])

    assert read_fleet_text(kit.text() + LAUNCHES, "two.yaml").launches is not None
    assert "launches.vehicle.payload: found 500 kg to orbit; allowed: at least 575 kg" in refused("20 t", "500 kg")
    assert "at most" in refused("every: 7 d", "every: 360 d") and "launch more often" in refused("7 d", "360 d")
    assert "a mass in kg, t, g" in refused("20 t", "20")
    assert "launches.failures.source: found nothing" in refused("random: 2 %, source: test", "random: 2 %")


def test_hazards_of_nothing_are_an_endless_life() -> None:
    none = Lives(0.0, math.inf, 0.0, math.inf, 1.0, math.inf)
    assert none.surviving(1e12) == 1.0
    assert np.isinf(life_ends(none, 1, np.arange(3, dtype=np.uint64), 0)).all()
