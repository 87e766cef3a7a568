"""`until`, events and alarms inside conditions, and every temporal operator against rtamt's discrete-time semantics."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from bus.errors import ScenarioError
from faults.oracle.expectation import AlarmTrigger, EventTrigger, Names, Trigger
from faults.oracle.judge import Judgement, judge, parse

ORACLES = Path(__file__).resolve().parents[1] / "oracles"
NAMES = Names(
    signals={"sc": ("a", "b")}, events={"sc": ("shed", "hot")}, alarms={"sc": ("a", "shed")}, telecommands={"sc": ()},
    faults=(),
)  # fmt: skip
NAN = math.nan


@dataclass
class Recorded:
    """Two signals, a sample a second from 1 s on."""

    a: list[float]
    b: list[float]
    triggers: dict[Trigger, list[float]] = field(default_factory=dict)
    unflown_s: float = 0.0

    @property
    def times_s(self) -> np.ndarray:
        return np.arange(1, len(self.a) + 1, dtype=np.float64)

    @property
    def signals(self) -> dict[tuple[str, str], np.ndarray]:
        return {("sc", "a"): np.array(self.a), ("sc", "b"): np.array(self.b)}

    @property
    def end_s(self) -> float:
        return float(len(self.a))

    @property
    def planned_s(self) -> float:
        return self.end_s + self.unflown_s

    def occurrences(self, trigger: Trigger) -> list[float]:
        return self.triggers.get(trigger, [])


def judged(text: str, evidence: Recorded) -> Judgement:
    return judge(parse(text, NAMES), evidence)


def rows() -> list[tuple[int, str]]:
    signals = json.loads((ORACLES / "stl_robustness.json").read_text(encoding="utf-8"))["signals"]
    return [(number, formula) for number, row in enumerate(signals) for formula in row["robustness"]]


@pytest.mark.parametrize(("number", "formula"), rows())
def test_robustness_is_that_of_rtamt(number: int, formula: str) -> None:
    row = json.loads((ORACLES / "stl_robustness.json").read_text(encoding="utf-8"))["signals"][number]
    found, theirs = judged(formula, Recorded(row["a"], row["b"])), row["robustness"][formula]
    assert found.robustness == pytest.approx(theirs, abs=1e-12)
    if theirs:
        assert found.verdict == ("PASS" if theirs > 0 else "FAIL")


@pytest.mark.parametrize(
    ("text", "a", "b", "verdict", "at_s"),
    [
        ("sc.a > 0 until sc.b > 0", [1, 1, 1, -1], [-1, -1, 1, -1], "PASS", None),
        ("sc.a > 0 until sc.b > 0", [1, -1, 1, 1], [-1, -1, 1, 1], "FAIL", 2.0),
        ("sc.a > 0 until sc.b > 0", [1, 1, 1, 1], [-1, -1, -1, -1], "FAIL", 4.0),
        ("sc.a > 0 until [1 s, 2 s] sc.b > 0", [1, 1, 1, 1], [-1, -1, 1, 1], "FAIL", 2.0),
        ("sc.a > 0 until sc.b > 0", [1, NAN, 1, 1], [-1, -1, 1, 1], "INCONCLUSIVE", None),
        ("sc.a > 0 until sc.b > 0", [1, NAN, -1, 1], [-1, -1, -1, 1], "FAIL", 3.0),
        ("sc.a > 0 until sc.b > 0", [1, 1, 1, 1], [-1, NAN, -1, -1], "INCONCLUSIVE", None),
        ("sc.a > 0 until [9 s, 10 s] sc.b > 0", [1, 1, 1], [1, 1, 1], "INCONCLUSIVE", None),
    ],
)
def test_until(text: str, a: list[float], b: list[float], verdict: str, at_s: float | None) -> None:
    found = judged(text, Recorded(a, b))
    assert (found.verdict, found.first_violation_s) == (verdict, at_s)
    assert bool(found.reason) == (verdict == "INCONCLUSIVE")


def test_a_run_that_was_cut_short_does_not_fail_until() -> None:
    assert judged("sc.a > 0 until sc.b > 0", Recorded([1, 1], [-1, -1], unflown_s=5)).verdict == "INCONCLUSIVE"
    assert judged("sc.a > 0 until sc.b > 0", Recorded([1, -1], [-1, -1], unflown_s=5)).verdict == "FAIL"


def test_an_occurrence_is_true_in_its_tick_alone() -> None:
    evidence = Recorded([1] * 5, [1] * 5, {EventTrigger("sc", "shed"): [3.0]})
    assert judged("never event sc.shed", evidence).first_violation_s == 3.0
    assert judged("never [4 s, 5 s] event sc.shed", evidence).verdict == "PASS"
    assert judged("eventually event sc.shed and sc.a > 0", evidence).verdict == "PASS"
    assert judged("always not event sc.hot", evidence).verdict == "PASS"
    assert judged("sc.a > 0 until event sc.shed", evidence).verdict == "PASS"
    assert judged("not event sc.shed until sc.b > 2", evidence).verdict == "FAIL"


def test_an_alarm_is_an_occurrence_and_a_trigger() -> None:
    evidence = Recorded([1, 1, -1, 1], [1] * 4, {AlarmTrigger("sc", "a"): [2.0]})
    assert judged("eventually alarm sc.a", evidence).verdict == "PASS"
    assert judged("within 1 s of alarm sc.a: sc.a < 0", evidence).verdict == "PASS"
    assert judged("never alarm sc.shed", evidence).verdict == "PASS"


def test_what_came_nobody_knows_when_decides_nothing() -> None:
    evidence = Recorded([1] * 3, [1] * 3, {EventTrigger("sc", "shed"): [NAN]})
    for text in ("never event sc.shed", "eventually event sc.shed", "sc.a > 0 until event sc.shed"):
        assert judged(text, evidence).verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("sc.a > 0", 9, "until"),
        ("sc.a > 0 until", 15, "spacecraft.signal"),
        ("never event sc.shet", 13, "shed"),
        ("never alarm sc.c", 13, "a"),
        ("never event other.shed", 13, "sc"),
        ("sc.c > 0 until sc.b > 0", 1, "a"),
    ],
)
def test_mistakes_name_the_place(text: str, column: int, says: str) -> None:
    with pytest.raises(ScenarioError) as error:
        parse(text, NAMES)
    (mistake,) = error.value.mistakes
    assert mistake.column == column and says in mistake.allowed
