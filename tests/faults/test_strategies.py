"""What the public strategies draw passes `skyrack check`, whole catalogue and whole dictionary."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.errors import UnknownNameError
from faults.catalogue.resolve import FAULTS, resolve_fault
from faults.plugin import strategies
from faults.scenarios.load import load_text
from faults.scenarios.vocabulary import checked_arguments, design_info, dictionary_of, hazardous

INFO = design_info("pathfinder", ("svalbard",))
CAN_STRIKE = [name for name, form in FAULTS.items() if strategies.possible(form, INFO)]
QUICK = settings(max_examples=3, suppress_health_check=list(HealthCheck), database=None)


SEEN: dict[str, set[str]] = {}


@settings(QUICK, max_examples=4, derandomize=True)
@given(st.data())
def test_every_fault_is_drawn_with_parameters_that_it_takes(data: st.DataObject) -> None:
    for name in CAN_STRIKE:
        drawn = data.draw(strategies.faults("pathfinder", names=[name], stations=["svalbard"]))
        assert drawn["fault"] == name and resolve_fault(name, INFO, drawn["parameters"], tick_s=1.0).primitives
        SEEN.setdefault(name, set()).add(json.dumps(drawn["parameters"], sort_keys=True))


def test_parameters_are_not_always_the_same() -> None:
    assert len(CAN_STRIKE) > 90
    test_every_fault_is_drawn_with_parameters_that_it_takes()
    assert sum(len(drawn) > 1 for drawn in SEEN.values()) > len(CAN_STRIKE) // 2


@settings(QUICK, derandomize=True)
@given(st.data())
def test_every_telecommand_is_drawn_with_arguments_that_it_takes(data: st.DataObject) -> None:
    for name in dictionary_of("pathfinder").telecommand:
        drawn = data.draw(strategies.telecommands("pathfinder", names=[name], hazardous=True))
        checked = checked_arguments("pathfinder", name, drawn["arguments"])
        assert hazardous("pathfinder", name, checked) == bool(drawn.get("confirmed"))


@settings(QUICK, max_examples=40)
@given(strategies.telecommands("pathfinder"))
def test_nothing_hazardous_is_drawn_unasked(drawn: strategies.Entry) -> None:
    checked = checked_arguments("pathfinder", drawn["name"], drawn["arguments"])
    assert not hazardous("pathfinder", drawn["name"], checked)


@settings(QUICK, max_examples=20)
@given(strategies.scenarios(hazardous=True))
def test_every_scenario_passes_the_check(drawn: strategies.Entry) -> None:
    scenario = load_text(json.dumps(drawn))
    assert len(scenario.faults) == len(drawn.get("faults", ()))
    assert scenario.telecommands == len(drawn.get("timeline", ()))
    assert not [warning for warning in scenario.warnings if "never happens" in warning]


def test_names_that_there_are_not_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as wrong:
        strategies.faults("pathfinder", names=["string_opn"])
    assert "string_open" in wrong.value.nearest
    with pytest.raises(UnknownNameError) as wrong:
        strategies.telecommands("pathfinder", names=["mode.st"])
    assert "mode.set" in wrong.value.nearest
    with pytest.raises(ValueError, match="none of these faults can strike"):
        strategies.faults("pathfinder", names=["isl_outage"])
    with pytest.raises(ValueError, match="hazardous"):
        strategies.telecommands("pathfinder", names=["computer.reboot"])
