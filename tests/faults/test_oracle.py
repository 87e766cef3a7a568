"""The expectation language and its judge: against a second, brute-force evaluator, and its errors word by word."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import ScenarioError
from faults.oracle.expectation import (
    All,
    Any,
    Comparison,
    Condition,
    EventTrigger,
    Expectation,
    FaultTrigger,
    Names,
    Not,
    Number,
    Signal,
    TelecommandTrigger,
    Trigger,
)
from faults.oracle.judge import Judgement, judge, parse, signals_needed

NAMES = Names(
    signals={"dawn-1": ("battery_soc", "mode", "main_bus_voltage_v", "thermal_temperature_k[radiator]", "load_w")},
    labels={"mode": ("LEOP", "NOMINAL", "SAFE", "SURVIVAL")},
    faults=("string-open", "sensor-stuck"),
    events={"dawn-1": ("payload_shed",)},
    telecommands={"dawn-1": ("set_mode",)},
)


@dataclass
class Recorded:
    """Evidence typed in by hand."""

    times_s: np.ndarray
    signals: dict[tuple[str, str], np.ndarray]
    triggers: dict[Trigger, list[float]] = field(default_factory=dict)
    unflown_s: float = 0.0

    @property
    def end_s(self) -> float:
        return float(self.times_s[-1]) if self.times_s.size else 0.0

    @property
    def planned_s(self) -> float:
        return self.end_s + self.unflown_s

    def occurrences(self, trigger: Trigger) -> list[float]:
        return self.triggers.get(trigger, [])


def recorded(values: dict[str, list[float]], triggers: dict[Trigger, list[float]] | None = None) -> Recorded:
    length = max((len(v) for v in values.values()), default=0)
    return Recorded(
        np.arange(1.0, length + 1.0),
        {("dawn-1", name): np.array(samples, dtype=float) for name, samples in values.items()},
        triggers or {},
    )


def judged(text: str, evidence: Recorded) -> Judgement:
    return judge(parse(text, NAMES), evidence)


# -- reading


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("always dawn-1.battery_soc > 30 %", Comparison(Signal("dawn-1", "battery_soc"), ">", Number(0.3))),
        ("always dawn-1.mode == SAFE", Comparison(Signal("dawn-1", "mode"), "==", Number(2.0))),
        ("always 1 kW >= dawn-1.load_w", Comparison(Number(1000.0), ">=", Signal("dawn-1", "load_w"))),
        (
            "always dawn-1.thermal_temperature_k[radiator] < 26.85 degC",
            Comparison(Signal("dawn-1", "thermal_temperature_k[radiator]"), "<", Number(300.0)),
        ),
    ],
)
def test_numbers_are_converted_to_the_unit_of_the_signal(text: str, condition: Condition) -> None:
    assert parse(text, NAMES).condition == condition


def test_and_binds_tighter_than_or_and_not_tighter_than_both() -> None:
    parsed = parse("always not dawn-1.mode == 1 and dawn-1.mode == 2 or dawn-1.mode == 3", NAMES).condition
    assert isinstance(parsed, Any)
    assert isinstance(parsed.operands[0], All)
    assert isinstance(parsed.operands[0].operands[0], Not)


def test_triggers_windows_and_chains() -> None:
    assert parse("within 2 min of string-open: dawn-1.mode == SAFE", NAMES).trigger == FaultTrigger("string-open")
    event = parse("within 2 min of event dawn-1.payload_shed: dawn-1.load_w < 5 W", NAMES)
    assert (event.trigger, event.deadline_s) == (EventTrigger("dawn-1", "payload_shed"), 120.0)
    sent = parse("within 5 s of telecommand dawn-1.set_mode sent: dawn-1.mode == SAFE", NAMES)
    assert sent.trigger == TelecommandTrigger("dawn-1", "set_mode", "sent")
    chained = parse("eventually [10 min, 0.5 h] 0.2 < dawn-1.battery_soc < 0.9", NAMES)
    assert chained.window_s == (600.0, 1800.0)
    assert isinstance(chained.condition, All)
    assert signals_needed(chained) == {"dawn-1": ("battery_soc",)}


def test_never_is_always_not() -> None:
    never, always = parse("never dawn-1.mode == SAFE", NAMES), parse("always not dawn-1.mode == SAFE", NAMES)
    assert (never.operator, never.condition) == (always.operator, always.condition)


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("alway dawn-1.mode == SAFE", 1, "'always' or 'eventually'"),
        ("always dawn-2.mode == SAFE", 8, "dawn-1"),
        ("always dawn-1.batery_soc > 0.3", 8, "battery_soc"),
        ("always dawn-1.mode == SAVE", 23, "SAFE"),
        ("always dawn-1.battery_soc 0.3", 27, "'<='"),
        ("always dawn-1.main_bus_voltage_v > 24", 36, "a voltage in V, kV, mV"),
        ("always dawn-1.main_bus_voltage_v > 24 W", 36, "a voltage in V, kV, mV"),
        ("always dawn-1.main_bus_voltage_v > dawn-1.load_w", 36, "a voltage, as"),
        ("always dawn-1.mode == SAFE SAFE", 28, "'and', 'or' or the end"),
        ("always (dawn-1.mode == SAFE", 28, "')'"),
        ("always 1 < 2", 8, "a spacecraft.signal"),
        ("always [20 s, 10 s] dawn-1.mode == 1", 15, "an end at or after"),
        ("within 5 of string-open: dawn-1.mode == SAFE", 10, "a unit of time"),
        ("within 5 s of strong-open: dawn-1.mode == SAFE", 15, "string-open"),
        ("within 5 s of event dawn-1.payload_shet: dawn-1.mode == SAFE", 21, "payload_shed"),
        ("always dawn-1.mode == $", 23, "words, numbers"),
        ("", 1, "'always'"),
        ("always " + "(" * 60, 40, "at most 32 levels"),
        ("always " + "x" * 3000, 1, "at most 2000 characters"),
    ],
)
def test_a_mistake_says_where_and_what_is_allowed(text: str, column: int, says: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(text, NAMES)
    (mistake,) = caught.value.mistakes
    assert mistake.column == column
    assert says in mistake.allowed


@given(st.text(max_size=80) | st.text(alphabet="alwys eventu[]():<>=!.0123dn-_mode ", max_size=80))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    try:
        parse(text, NAMES)
    except ScenarioError as error:
        assert error.mistakes


# -- judging


def test_always_fails_at_the_first_violation_with_the_worst_margin() -> None:
    judgement = judged("always dawn-1.battery_soc > 0.3", recorded({"battery_soc": [0.9, 0.2, 0.1, 0.5]}))
    assert (judgement.verdict, judgement.first_violation_s) == ("FAIL", 2.0)
    assert judgement.robustness == pytest.approx(-0.2)


def test_always_passes_with_its_margin() -> None:
    judgement = judged("always dawn-1.battery_soc > 0.3", recorded({"battery_soc": [0.9, 0.5]}))
    assert (judgement.verdict, judgement.robustness) == ("PASS", pytest.approx(0.2))


def test_within_counts_from_each_occurrence() -> None:
    text = "within 2 s of string-open: dawn-1.mode == SAFE"
    modes = {"mode": [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0]}
    once = recorded(modes, {FaultTrigger("string-open"): [1.0]})
    twice = recorded(modes, {FaultTrigger("string-open"): [1.0, 3.0]})
    assert judged(text, once).verdict == "PASS"
    assert (judged(text, twice).verdict, judged(text, twice).first_violation_s) == ("FAIL", 5.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("within 2 s of string-open: dawn-1.mode == SAFE", "its trigger never came"),
        ("within 9 s of sensor-stuck: dawn-1.mode == SAFE", "the run ended before the deadline"),
        ("always dawn-1.load_w > 5 W", "not recorded: dawn-1.load_w"),
        ("always [1 h, 2 h] dawn-1.mode == NOMINAL", "the window holds no sample of this run"),
        ("always [1 s, 2 h] dawn-1.mode == NOMINAL", "the run ended before the window did"),
        ("eventually [1 s, 2 h] dawn-1.mode == SAFE", "the run ended before the window did"),
        ("always dawn-1.battery_soc > 0.3", "dawn-1.battery_soc is absent from 0:00:02 to 0:00:02"),
    ],
)
def test_what_cannot_be_known_is_inconclusive(text: str, reason: str) -> None:
    evidence = recorded(
        {"mode": [1.0, 1.0, 1.0], "battery_soc": [0.5, math.nan, 0.5]}, {FaultTrigger("sensor-stuck"): [1.0]}
    )
    judgement = judged(text, evidence)
    assert (judgement.verdict, judgement.reason) == ("INCONCLUSIVE", reason)


def test_a_run_that_stopped_early_passes_nothing_that_needs_its_end() -> None:
    evidence = recorded({"battery_soc": [0.5, 0.4]})
    evidence.unflown_s = 10.0
    assert judged("always dawn-1.battery_soc > 0.3", evidence).verdict == "INCONCLUSIVE"
    assert judged("eventually dawn-1.battery_soc < 0.3", evidence).verdict == "INCONCLUSIVE"
    assert judged("always dawn-1.battery_soc > 0.45", evidence).verdict == "FAIL"
    assert judged("eventually dawn-1.battery_soc < 0.45", evidence).verdict == "PASS"


def test_a_certain_violation_beats_missing_samples() -> None:
    evidence = recorded({"battery_soc": [math.nan, 0.1, math.nan]})
    assert judged("always dawn-1.battery_soc > 0.3", evidence).verdict == "FAIL"
    assert judged("eventually dawn-1.battery_soc < 0.3", evidence).verdict == "PASS"


def test_nothing_recorded_is_inconclusive() -> None:
    assert judged("always dawn-1.mode == SAFE", recorded({})).verdict == "INCONCLUSIVE"


# -- a second opinion, one sample at a time, in plain Python

SIGNALS = ("battery_soc", "mode", "load_w")
UNKNOWN = (-math.inf, math.inf)


def brute_condition(condition: Condition, row: dict[str, float]) -> tuple[bool | None, float, float]:
    """(true, false or None for unknown; least and greatest robustness) of a condition at one sample."""
    if isinstance(condition, Comparison):
        sides = [s.value if isinstance(s, Number) else row[s.name] for s in (condition.left, condition.right)]
        if any(math.isnan(side) for side in sides):
            return (None, *UNKNOWN)
        left, right = sides
        truth, robustness = {
            "<": (left < right, right - left),
            "<=": (left <= right, right - left),
            ">": (left > right, left - right),
            ">=": (left >= right, left - right),
            "==": (left == right, 1.0 if left == right else -abs(left - right)),
            "!=": (left != right, -1.0 if left == right else abs(left - right)),
        }[condition.comparator]
        return truth, robustness, robustness
    if isinstance(condition, Not):
        truth, low, high = brute_condition(condition.operand, row)
        return (None if truth is None else not truth), -high, -low
    parts = [brute_condition(each, row) for each in condition.operands]
    truths = [part[0] for part in parts]
    decisive = isinstance(condition, Any)
    whole = decisive if decisive in truths else None if None in truths else not decisive
    pick = max if decisive else min
    return whole, pick(part[1] for part in parts), pick(part[2] for part in parts)


def brute(expectation: Expectation, evidence: Recorded) -> tuple[str, float | None, float | None]:
    rows = [
        (float(t), {name: float(samples[i]) for (_, name), samples in evidence.signals.items()})
        for i, t in enumerate(evidence.times_s)
    ]
    results = [(t, *brute_condition(expectation.condition, row)) for t, row in rows]
    if expectation.operator == "within":
        assert expectation.trigger is not None
        starts = evidence.occurrences(expectation.trigger)
        if not starts:
            return "INCONCLUSIVE", None, None
        windows = [(s, s + expectation.deadline_s) for s in starts]
    else:
        windows = [expectation.window_s or (0.0, evidence.end_s)]
    verdicts, lows, highs, firsts = [], [], [], []
    for start, end in windows:
        inside = [r for r in results if start <= r[0] <= end]
        complete = end <= evidence.end_s
        truths = [r[1] for r in inside]
        if expectation.operator == "always":
            verdict = "FAIL" if False in truths else "PASS" if inside and complete and None not in truths else "?"
            firsts += [r[0] for r in inside if r[1] is False][:1]
            pick = min
        else:
            verdict = "PASS" if True in truths else "FAIL" if inside and complete and None not in truths else "?"
            firsts += [end] if verdict == "FAIL" else []
            pick = max
        verdicts.append(verdict)
        lows.append(pick((r[2] for r in inside), default=-math.inf))
        highs.append(pick((r[3] for r in inside), default=math.inf))
    verdict = "FAIL" if "FAIL" in verdicts else "INCONCLUSIVE" if "?" in verdicts else "PASS"
    low, high = min(lows), min(highs)
    bound = high if verdict == "FAIL" else low
    if verdict == "INCONCLUSIVE" and low != high:
        bound = math.inf
    return verdict, bound if math.isfinite(bound) else None, firsts[0] if verdict == "FAIL" else None


NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 3.0, 0.25])
COMPARISONS = st.builds(
    Comparison,
    st.sampled_from(SIGNALS).map(lambda name: Signal("dawn-1", name)),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    NUMBERS.map(Number) | st.sampled_from(SIGNALS).map(lambda name: Signal("dawn-1", name)),
)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(All, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(Any, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
TIMES = st.integers(0, 9).map(float)


@st.composite
def expectations(draw: st.DrawFn) -> Expectation:
    condition = draw(CONDITIONS)
    operator = draw(st.sampled_from(["always", "eventually", "within"]))
    if operator == "within":
        return Expectation("drawn", "within", condition, deadline_s=draw(TIMES), trigger=FaultTrigger("string-open"))
    window = draw(st.none() | st.tuples(TIMES, TIMES).map(lambda pair: (min(pair), max(pair))))
    return Expectation("drawn", operator, condition, window)


@st.composite
def evidences(draw: st.DrawFn) -> Recorded:
    length = draw(st.integers(1, 7))
    samples = st.lists(NUMBERS | st.just(math.nan), min_size=length, max_size=length)
    triggers = sorted(draw(st.lists(TIMES, max_size=3)))
    return recorded({name: draw(samples) for name in SIGNALS}, {FaultTrigger("string-open"): triggers})


@given(expectations(), evidences())
def test_the_judge_agrees_with_the_brute_force_evaluator(expectation: Expectation, evidence: Recorded) -> None:
    judgement = judge(expectation, evidence)
    assert (judgement.verdict, judgement.robustness, judgement.first_violation_s) == brute(expectation, evidence)


@given(expectations(), evidences())
def test_the_sign_of_robustness_is_the_verdict(expectation: Expectation, evidence: Recorded) -> None:
    judgement = judge(expectation, evidence)
    if judgement.robustness is not None and judgement.robustness > 0:
        assert judgement.verdict != "FAIL"
    if judgement.robustness is not None and judgement.robustness < 0:
        assert judgement.verdict != "PASS"


# -- a computer that is down


DOWN = {"mode": [1.0, 1.0, math.nan, math.nan, 1.0, 1.0], "host_up": [1.0, 1.0, 0.0, 0.0, 1.0, 1.0]}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("always dawn-1.mode == NOMINAL", "INCONCLUSIVE"),
        ("always not dawn-1.mode == NOMINAL", "FAIL"),
        ("never dawn-1.mode == SAFE", "INCONCLUSIVE"),
        ("never dawn-1.mode == NOMINAL", "FAIL"),
        ("always dawn-1.mode != SAFE", "INCONCLUSIVE"),
        ("always dawn-1.mode < 4", "INCONCLUSIVE"),
        ("eventually dawn-1.mode == SAFE", "INCONCLUSIVE"),
        ("eventually dawn-1.mode == NOMINAL", "PASS"),
        ("eventually [3 s, 4 s] dawn-1.mode == NOMINAL", "INCONCLUSIVE"),
        ("always [5 s, 6 s] dawn-1.mode == NOMINAL", "PASS"),
        ("within 1 s of string-open: dawn-1.mode == NOMINAL", "INCONCLUSIVE"),
        ("within 1 s of string-open: not dawn-1.mode == NOMINAL", "INCONCLUSIVE"),
        ("within 2 s of string-open: dawn-1.mode == NOMINAL", "PASS"),
        ("always dawn-1.host_up == 0 or dawn-1.mode == NOMINAL", "PASS"),
        ("always dawn-1.host_up == 1 and dawn-1.mode == NOMINAL", "FAIL"),
    ],
)
def test_nothing_passes_by_a_signal_that_nobody_holds(text: str, verdict: str) -> None:
    names = replace(NAMES, signals={"dawn-1": (*(NAMES.signals["dawn-1"] or ()), "host_up")})
    judgement = judge(parse(text, names), recorded(DOWN, {FaultTrigger("string-open"): [3.0]}))
    assert judgement.verdict == verdict
    if verdict == "INCONCLUSIVE":
        assert judgement.reason == "dawn-1.mode is absent from 0:00:03 to 0:00:04: its computer was down"


def test_a_spacecraft_that_gives_no_answer_is_named() -> None:
    gone = {"mode": [1.0, math.nan], "host_up": [1.0, math.nan]}
    judgement = judged("always dawn-1.mode == NOMINAL", recorded(gone))
    assert judgement.reason == "dawn-1.mode is absent from 0:00:02 to 0:00:02: dawn-1 gave no answer"


def test_a_trigger_that_came_at_an_unknown_time_decides_nothing() -> None:
    text = "within 2 s of string-open: dawn-1.mode == SAFE"
    modes = {"mode": [1.0, 2.0, 1.0, 1.0, 1.0, 1.0]}
    once = judged(text, recorded(modes, {FaultTrigger("string-open"): [1.0, math.nan]}))
    assert (once.verdict, once.reason) == ("INCONCLUSIVE", "its trigger came, but nobody knows when")
    assert judged(text, recorded(modes, {FaultTrigger("string-open"): [3.0, math.nan]})).verdict == "FAIL"
