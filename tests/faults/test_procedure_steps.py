"""`on_board_procedures:` in scenarios and designs: what is written flies, and what is wrong is told where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import ScenarioError
from faults.scenarios.load import load_text
from faults.scenarios.own_designs import Shelf
from node.assembly import dictionary, equipment
from node.config import resolve
from node.designs.load import DESIGNS, load_design
from tests.faults.test_fdir_rows import SCENARIO

BEGIN = SCENARIO.replace("    fdir:\n", "    on_board_procedures:\n")


def flown(steps: str, more: str = "") -> dict[str, tuple[str, ...]]:
    scenario = load_text(f"{BEGIN}      - {{name: cool_down, steps: [{steps}]}}\n{more}")
    return dict(equipment(resolve(scenario, "rack").design).procedures)


def test_a_scenario_s_procedure_is_on_board_and_an_fdir_row_activates_it() -> None:
    fdir = (
        "    fdir:\n      - {monitor: thermal.host.hot, action: {name: procedure.activate, arguments: "
        "{procedure: cool_down}}}\n"
    )
    steps = "do payload.power_cap power_w='100 W', wait 1 min, until coolant_supply_temperature_k < 300 K within 1 h"
    assert flown(steps, fdir)["cool_down"][1] == "wait 1 min"
    scenario = load_text(f"{BEGIN}      - {{name: cool_down, steps: [{steps}]}}\n{fdir}")
    design = scenario.spacecraft[0].design
    labels = dictionary(design).telecommand["procedure.activate"].arguments[0].labels
    assert labels == ("cool_down", "spare.1", "spare.2", "spare.3", "spare.4")
    rows = {row.monitor: row for row in equipment(load_design(design)).fdir}
    assert rows["thermal.host.hot"].arguments == (("procedure", "cool_down"),)


@pytest.mark.parametrize(
    ("steps", "found", "allowed"),
    [
        ("wait 1 min, wait 5", "steps[1]: found '5'", "a time in s"),
        ("do mode.sett mode=SAFE", "steps[0]: found 'mode.sett'", "mode.set"),
        ("check batery_soc > 5 %", "steps[0]: found 'batery_soc'", "battery_soc"),
        ("wait 5 h, wait 61 min", "steps: found waits of 21660 s", "at most 21600 s in all: procedure.longest_s"),
        ("hop", "steps[0]: found 'hop'", "stop unless CONDITION"),
        ("", "steps", "1"),
    ],
)
def test_mistakes_are_told_where_they_stand(steps: str, found: str, allowed: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        flown(steps)
    (mistake,) = caught.value.mistakes
    assert mistake.line == 14 and mistake.field.startswith("spacecraft[0].on_board_procedures[0].steps")
    assert found in str(mistake) and allowed in str(mistake)
    assert mistake.column > 30


def test_names_are_their_own() -> None:
    with pytest.raises(ScenarioError) as caught:
        flown("wait 1 s", "      - {name: cool_down, steps: [wait 1 s]}\n      - {name: spare.1, steps: [wait 1 s]}\n")
    assert [mistake.line for mistake in caught.value.mistakes] == [15, 16]


def test_a_procedure_that_leads_back_to_its_own_event_is_a_circle() -> None:
    fdir = (
        "    fdir:\n      - {monitor: again, event: mode_changed, action: {name: procedure.activate, arguments: "
        "{procedure: cool_down}}}\n"
    )
    with pytest.raises(ScenarioError, match=r"mode_changed -> procedure.activate -> mode_changed"):
        flown("wait 1 s, do mode.set mode=SAFE", fdir)
    assert flown("wait 1 s, do test.ping", fdir)


def test_a_design_s_own_procedures_are_checked_in_its_own_file(tmp_path: Path) -> None:
    text = (DESIGNS / "pathfinder.yaml").read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text + "on_board_procedures:\n  - {name: rest, steps: [wait 1 min]}\n", encoding="utf-8")
    assert equipment(load_design(Shelf().find(str(path)))).procedures == (("rest", ("wait 1 min",)),)
    path.write_text(text + "on_board_procedures:\n  - {name: rest, steps: [wait 1 mn]}\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        Shelf().find(str(path))
    assert str(path) in str(caught.value) and "steps[0]" in str(caught.value)
