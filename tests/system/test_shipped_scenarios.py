"""The shipped scenarios: they resolve without a warning, break something at every seam, and keep what they promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import ScenarioError
from bus.scenario.model import Scenario
from bus.wire.messages import Seam
from docs.reference.scenarios_page import sections
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run_directory import create
from faults.scenarios.choose import shipped_scenarios
from faults.scenarios.load import load, load_text

SHIPPED = shipped_scenarios()


def shipped(name: str) -> Scenario:
    return load(SHIPPED[name])


@pytest.mark.parametrize("name", SHIPPED)
def test_it_resolves_without_a_warning_and_is_named_after_its_file(name: str) -> None:
    scenario = shipped(name)
    assert scenario.name == name
    assert scenario.warnings == ()
    assert scenario.expectations or any(s.orders for s in scenario.spacecraft)  # the latter is for `skyrack truth`
    assert Scenario.model_validate_json(scenario.to_json()).digest == scenario.digest


def test_first_light_breaks_something_at_each_seam_and_flies_real_elements() -> None:
    scenario = shipped("first-light")
    assert {primitive[0] for fault in scenario.faults for primitive in fault.primitives} == set(Seam)
    assert all(spacecraft.orbit.kind == "tle" for spacecraft in scenario.spacecraft)
    assert len(scenario.stations) == 2


def training_day(*changes: tuple[str, str]) -> list[str]:
    """The mistakes of `training-day` with these changes."""
    text = SHIPPED["training-day"].read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    try:
        load_text(text, file="day.yaml")
    except ScenarioError as error:
        return [str(mistake) for mistake in error.mistakes]
    return []


def test_a_job_is_named_by_its_id_or_its_number() -> None:
    signals = shipped("training-day").truth_signals["rack-1"]
    assert {"job_state[llm]", "job_p99_s[chat]"} <= set(signals)
    assert training_day(("job_state[llm]", "job_state[0]"), ("job_p99_s[chat]", "job_p99_s[1]")) == []
    (said,) = training_day(("job_state[chat]", "job_state[caht]"))
    assert "found signal of rack-1 'job_state[caht]'; allowed: job_state[chat]" in said
    (said,) = training_day(("job_state[llm]", "job_state[99]"))
    assert "job_state[99]" in said
    (said,) = training_day(("job_state[llm]", "job_stat[llm]"))
    assert "allowed: job_state[llm]" in said


def test_a_mistake_in_the_jobs_is_none_of_the_sentences() -> None:
    (said,) = training_day(("accelerators: 48", "accelerators: many"))
    assert "jobs[0].accelerators" in said
    mistakes = training_day(("accelerators: 48", "accelerators: many"), ("job_state[llm]", "job_stat[llm]"))
    assert len(mistakes) == 2 and "'job_stat[llm]'" in mistakes[1]


ELSEWHERE = {"operations-day", "hil-pcdu", "hil-fsw-c", "own-workload"}
"""Flown by tests of their own: tests/system/test_operations_day.py takes minutes, tests/hil has what is outside, and
tests/executor allows the program."""
ANOMALIES = tuple(name for name in SHIPPED if sections(SHIPPED[name]))
SHOWN_ALWAYS = ("anomaly-latchup", "common-cause", "dual-reset", "loop-pump-trip", "protection-stuck", "xid-79")
"""The cheapest of the anomalies; the others fly in the slow suite."""


def flights() -> list[object]:
    """Those that are judged by their own sentences."""
    names = [name for name in SHIPPED if shipped(name).expectations and name not in ELSEWHERE]
    slow = set(ANOMALIES) - set(SHOWN_ALWAYS)
    return [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in names]


@pytest.mark.parametrize("name", ANOMALIES)
def test_an_anomaly_says_how_it_begins_what_shows_who_answers_and_what_it_costs(name: str) -> None:
    told = sections(SHIPPED[name])
    assert [part.title for part in told] == ["Initial state", "Signature", "FDIR", "Ground", "Score"]
    assert all(part.text.endswith((".", "?")) for part in told)
    assert all(part.expectations for part in told[1:]), "each has a sentence that can fail"
    assert shipped(name).faults and shipped(name).timeline
    assert len(ANOMALIES) >= 17


@pytest.mark.parametrize("name", flights())
def test_it_keeps_its_own_expectations(name: str, tmp_path: Path) -> None:
    scenario = shipped(name)
    directory = create(scenario.name, tmp_path / "run")
    root.prepare(directory, scenario, None)
    flown = root.fly_in_process(scenario, directory)
    assert flown.failure is None
    summary = conclude(directory, flown, mode="in-process", pace="free")
    expectations = summary["expectations"]
    assert isinstance(expectations, list)
    assert [e["text"] for e in expectations if e["verdict"] != "PASS"] == []
    telecommands = summary["telecommands"]
    assert isinstance(telecommands, dict)
    assert telecommands["sent"] == telecommands["completed"] == len(scenario.timeline)
