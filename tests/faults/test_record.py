"""`record:` in a scenario: which signals of truth are recorded besides those of every run."""

from __future__ import annotations

import pytest

from bus.errors import ScenarioError
from bus.scenario.model import Scenario
from faults.scenarios.load import load_text
from tests.kits.runs import TINY

FAULTS = """\
faults:
  - {id: open, fault: string_open, target: sc-1, at: 10 s, for: 20 s, parameters: {string: 2}}
  - {id: lies, fault: sensor_stuck, target: sc-1, at: 10 s, parameters: {sensor: battery_voltage_v, value: 20 V}}
"""


def signals(text: str) -> tuple[str, ...]:
    scenario: Scenario = load_text(text)
    return scenario.truth_signals["sc-1"]


def test_patterns_add_signals_each_once() -> None:
    plain, asked = (
        signals(TINY),
        signals(TINY + 'record: [string_health, "sc-1.battery_*", "wheel_momentum_n_m_s[?]"]\n'),
    )
    assert asked[: len(plain)] == plain
    added = asked[len(plain) :]
    assert len(set(asked)) == len(asked)
    assert {"string_health[string_1]", "battery_voltage_v", "wheel_momentum_n_m_s[0]"} <= set(added)
    assert all(name.startswith(("string_health", "battery_", "wheel_momentum_n_m_s")) for name in added)


def test_what_a_fault_strikes_is_recorded_unasked() -> None:
    added = set(signals(TINY + FAULTS)) - set(signals(TINY))
    assert "string_health[string_3]" in added
    assert "battery_voltage_v" in added


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("string_helth", "string_health"),
        ("sc-2.*", "spacecraft 'sc-2'; allowed: sc-1"),
        ("nothing_like_this_at_all_zz", "skyrack list fields"),
    ],
)
def test_a_pattern_that_names_nothing_is_refused_at_its_place(pattern: str, said: str) -> None:
    text = TINY + f"record: [battery_soc, {pattern!r}]\n"
    with pytest.raises(ScenarioError) as caught:
        load_text(text, file="x.yaml")
    (mistake,) = caught.value.mistakes
    line = text.splitlines().index(f"record: [battery_soc, {pattern!r}]") + 1
    assert (mistake.line, mistake.column) == (line, 23)
    assert said in f"found {mistake.found}; allowed: {mistake.allowed}"


def test_a_mistake_of_a_spacecraft_causes_none_in_its_record() -> None:
    text = TINY.replace("stations:", "    fdir: [{monitor: thermal.host.hott, repetition: 6}]\nstations:")
    with pytest.raises(ScenarioError) as caught:
        load_text(text + "record: [sc-1.battery_group_soc]\n", file="x.yaml")
    assert [mistake.field for mistake in caught.value.mistakes] == ["spacecraft[0].fdir[0].monitor"]


def test_too_many_signals_are_refused_with_the_figure() -> None:
    with pytest.raises(ScenarioError, match="at most 2000 of one spacecraft"):
        load_text(TINY.replace("pathfinder", "formation") + 'record: ["*"]\n')
