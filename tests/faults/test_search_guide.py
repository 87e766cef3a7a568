"""The shrinker and the guide by themselves: on sequences that are judged by a line of arithmetic, without a flight."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import UnknownNameError, UserError
from bus.scenario.model import Scenario
from faults.catalogue.resolve import FAULTS
from faults.oracle.judge import Judgement
from faults.scenarios.load import load_text
from faults.search.flights import Flown
from faults.search.look import Budget, Found, Watch, look
from faults.search.shrink import MOST_TRIES, Shrinker
from faults.search.space import Limits, Space, space_of
from faults.search.steps import Kind, Step, Steps, entries_of, in_order, planned
from tests.kits.runs import TINY

WINDOW_S = (1.0, 3600.0)


def step(name: str, at_s: float, for_s: float | None = None, **parameters: float) -> Step:
    return Step(Kind("fault", "sc-1", name), at_s, tuple(parameters.items()), for_s)


NAMES = st.sampled_from("abcdef")
STEPS = st.lists(
    st.builds(step, NAMES, st.integers(1, 3600).map(float), st.sampled_from((None, 60.0)), x=st.integers(0, 9)),
    min_size=1, max_size=6,
).map(in_order)  # fmt: skip


@settings(max_examples=60)
@given(STEPS, st.sets(NAMES, min_size=1, max_size=3))
def test_what_is_left_is_all_that_is_needed(steps: Steps, needed: set[str]) -> None:
    """Violated as soon as these are in it: one of each is left, nothing else, as plain as can be."""

    def violates(candidate: Steps) -> bool:
        return needed <= {one.kind.name for one in candidate}

    if not violates(steps):
        return
    shrinker = Shrinker(violates, WINDOW_S)
    least = shrinker.shrink(steps)
    assert sorted(one.kind.name for one in least) == sorted(needed)
    assert all(one.parameters == () and one.for_s is None for one in least)
    assert all(WINDOW_S[0] <= one.at_s <= WINDOW_S[1] for one in least)
    assert shrinker.tries <= MOST_TRIES


def test_what_matters_stays() -> None:
    """Order, parameter, length and time that are needed are not taken away."""

    def violates(steps: Steps) -> bool:
        found = {one.kind.name: one for one in steps}
        first, second = found.get("a"), found.get("b")
        return (
            first is not None and second is not None and second.at_s - first.at_s >= 100.0
            and dict(first.parameters).get("x", 0) > 3 and second.for_s is not None
        )  # fmt: skip

    noise = [step("c", 5.0), step("d", 130.0, 60.0), step("e", 900.0)]
    steps = in_order([step("a", 17.0, x=7, y=1), step("b", 333.0, 60.0, x=2), *noise])
    least = Shrinker(violates, WINDOW_S).shrink(steps)
    assert violates(least) and [one.kind.name for one in least] == ["a", "b"]
    assert dict(least[0].parameters) == {"x": 7} and least[1].parameters == () and least[1].for_s == 60.0


def test_shrinking_is_bounded() -> None:
    shrinker = Shrinker(lambda steps: len(steps) >= 1, WINDOW_S, most=7)
    shrinker.shrink(in_order(step("a", float(at)) for at in range(11, 300, 7)))
    assert shrinker.tries == 7


# ---- the way there ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_text(TINY.replace("duration: 60 s", "duration: 10 min"))


def judged(robustness: float | None, steps: Steps, *told: str) -> Flown:
    verdict = "INCONCLUSIVE" if robustness is None else "PASS" if robustness > 0 else "FAIL"
    return Flown(steps, (Judgement("always", verdict, robustness, None),), frozenset(told))  # type: ignore[arg-type]


def space(scenario: Scenario, *names: str, most: int = 4) -> Space:
    return space_of(scenario, FAULTS, Limits(faults=names, telecommands=("none",), window_s=(1.0, 500.0), most=most))


def searched(
    found_in: Space, robustness: Callable[[Steps], float], seed: int = 1, runs: int = 200
) -> tuple[Found, list[Steps]]:
    flown: list[Steps] = []

    def fly(steps: Steps) -> Flown:
        flown.append(steps)
        return judged(robustness(steps), steps)

    return look(found_in, seed, Budget(runs=runs), fly, Watch()), flown


def two_apart(steps: Steps) -> float:
    """Violated by a strong pump_wear and, within a minute after it, a reboot: the nearer in time and the stronger,
    the less is left."""
    best = 1000.0
    for one in steps:
        if one.kind.name == "pump_wear":
            share = float(str(dict(one.parameters).get("remaining", "60 %")).split()[0])
            later = [o.at_s - one.at_s for o in steps if o.kind.name == "reboot" and o.at_s >= one.at_s]
            best = min(best, 500.0 + share, min(later, default=500.0) - 60.0 + share)
    return best


def test_every_kind_is_tried_by_itself_between_the_sequences(scenario: Scenario) -> None:
    found_in = space(scenario, "string_*", "cell_*", "pump_*", "wheel_*", "reboot")
    found, flown = searched(found_in, lambda steps: 1.0, runs=2 * len(found_in.kinds) + 8)
    assert flown[0] == () and {steps[0].kind for steps in flown if len(steps) == 1} == set(found_in.kinds)
    assert found.tried.as_dict()["faults"]["tried"] == len(found_in.kinds)


def test_two_steps_that_must_meet_are_found_and_nothing_else_is_left(scenario: Scenario) -> None:
    found_in = space(scenario, "pump_wear", "reboot", "string_open", "hang", "kill", most=3)
    guided = [searched(found_in, two_apart, seed)[0] for seed in (1, 2)]
    assert all(one.least is not None and len(one.least.steps) == 2 for one in guided)
    assert all(two_apart(one.least.steps) <= 0.0 for one in guided if one.least is not None)


def test_the_same_seed_takes_the_same_way_and_another_one_another(scenario: Scenario) -> None:
    found_in = space(scenario, "pump_*", "reboot", "string_*", "hang")
    ways = [searched(found_in, lambda steps: 1.0 + len(steps), seed, runs=50)[1] for seed in (3, 3, 4)]
    assert ways[0] == ways[1] != ways[2]
    assert len(set(ways[0])) == len(ways[0]), "a sequence was flown twice"
    assert all(1.0 <= one.at_s <= 500.0 for steps in ways[0] for one in steps)


def test_everything_that_is_drawn_can_be_planned_and_written(scenario: Scenario) -> None:
    found_in = space_of(scenario, FAULTS, Limits(window_s=(1.0, 500.0), hazardous=True))
    for steps in found_in.draw(found_in.sequences(), 60, 5):
        planned(steps, scenario, FAULTS)
        entries = entries_of(steps, {"sc-1": "pathfinder"})
        assert 1 <= len(steps) == len(entries["faults"]) + len(entries["timeline"]) <= 4


def test_nothing_found_says_what_was_tried(scenario: Scenario) -> None:
    found, _ = searched(space(scenario, "string_open", "reboot"), lambda steps: 5.0, runs=40)
    assert found.why_ended == "budget" and found.least is None and found.tried.flown == 40
    rows = found.tried.as_dict()
    assert rows["faults"] == {"allowed": 2, "tried": 2, "acted": 0} and sum(rows["by_steps"].values()) == 40
    assert "faults tried: 2 of 2" in "\n".join(found.tried.words())


def test_a_property_that_is_violated_already_is_said(scenario: Scenario) -> None:
    with pytest.raises(UserError, match="violates already: always"):
        searched(space(scenario, "reboot"), lambda steps: -1.0)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(faults=("string_opn",)), "unknown fault 'string_opn'; did you mean string_open"),
        (Limits(targets=("sc-2",)), "unknown spacecraft 'sc-2'; did you mean sc-1"),
        (Limits(telecommands=("mode.st",)), "unknown telecommand 'mode.st'; did you mean mode.set"),
        (Limits(telecommands=("computer.reboot",)), "computer.reboot is hazardous"),
        (Limits(faults=("none",), telecommands=("none",)), "nothing may happen"),
        (Limits(faults=("isl_*",), telecommands=("none",)), "nothing may happen"),
        (Limits(window_s=(0.0, 10.0)), "steps from 0 s to 10 s"),
        (Limits(window_s=(10.0, 600.0)), "steps from 10 s to 600 s"),
        (Limits(window_s=(20.0, 10.0)), "steps from 20 s to 10 s"),
    ],
)  # fmt: skip
def test_limits_that_cannot_be_are_refused(scenario: Scenario, limits: Limits, said: str) -> None:
    with pytest.raises((UnknownNameError, UserError)) as wrong:
        space_of(scenario, FAULTS, limits if limits.window_s != (1.0, 0.0) else
                 Limits(limits.faults, limits.targets, limits.telecommands, window_s=(1.0, 500.0)))  # fmt: skip
    assert said in wrong.value.message
