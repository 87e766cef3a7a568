"""`fdir:` in scenarios and designs: what it changes flies, and what is wrong in it is told where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import ScenarioError
from bus.scenario.model import Scenario
from faults.commands.fdir_rows import table_rows
from faults.scenarios.load import load_text
from faults.scenarios.own_designs import Shelf
from node.assembly import dictionary, equipment
from node.config import resolve
from node.designs.load import DESIGNS, SHIPPED, load_design, read_resolved
from node.devices.equipment import FdirRow

SCENARIO = """\
skyrack: 1
name: rows
epoch: 2026-06-21T00:00:00Z
duration: 10 min
tick: 1 s
seed: 1
environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}
stations: [svalbard]
spacecraft:
  - id: rack
    design: pathfinder
    orbit: {circular: {altitude: 500 km, inclination: 45 deg, raan: 0 deg, argument_of_latitude: 0 deg}}
    fdir:
"""


def flown(*entries: str) -> tuple[Scenario, dict[str, FdirRow]]:
    scenario = load_text(SCENARIO + "".join(f"      - {entry}\n" for entry in entries))
    return scenario, {row.monitor: row for row in equipment(resolve(scenario, "rack").design).fdir}


def test_an_entry_changes_only_what_it_says() -> None:
    before = {row.monitor: row for row in equipment(load_design("pathfinder")).fdir}
    _, rows = flown("{monitor: thermal.host.hot, above: 60 degC, repetition: 7, severity: high}")
    row, was = rows["thermal.host.hot"], before["thermal.host.hot"]
    assert row.high == pytest.approx(333.15) and (row.repetition, row.severity) == (7, 4)
    assert (row.reading, row.telecommand, row.interval_s) == (was.reading, was.telecommand, was.interval_s)
    assert {name: r for name, r in rows.items() if name != row.monitor} == {
        name: r for name, r in before.items() if name != row.monitor
    }


def test_rows_are_added_removed_and_silenced() -> None:
    _, rows = flown(
        "{monitor: rate.x.high, remove: true}",
        "{monitor: wheel.0.full, enabled: false}",
        "{monitor: pump.a, reading: main_bus_voltage_v, below: 20000 mV, action: {name: payload.off}}",
        "{monitor: accelerator.gpu.hot, action: null}",
        "{monitor: late, event: clock_stepped, action: {name: recovery.mode, arguments: {mode: SAFE}}}",
        "{monitor: state, reading: accelerator_state.gpu, expected: run}",
        "{monitor: power, reading: battery_soc, falls: 5 %, action: "
        "{name: payload.power_cap, arguments: {power_w: 0.3 kW}}}",
    )  # fmt: skip
    assert "rate.x.high" not in rows and not rows["wheel.0.full"].enabled
    assert rows["pump.a"].low == 20.0 and rows["accelerator.gpu.hot"].telecommand == ""
    assert rows["late"].event == "clock_stepped" and rows["state"].low == 3.0 and rows["state"].check == "expected"
    assert rows["power"].low == -0.05 and rows["power"].arguments == (("power_w", 300.0),)


def test_what_flew_is_in_the_resolved_scenario_and_in_the_dictionary() -> None:
    scenario, rows = flown("{monitor: mine, reading: battery_soc, below: 50 %}")
    design = scenario.spacecraft[0].design
    assert design.startswith("pathfinder@") and design in scenario.designs
    again = read_resolved(scenario.to_json())
    assert {row.monitor: row for row in equipment(resolve(again, "rack").design).fdir} == rows
    assert "mine" in [event.name for event in dictionary(design).events]
    assert "mine" in [row["monitor"] for row in table_rows(design)]


@pytest.mark.parametrize(
    ("entry", "column", "words"),
    [
        ("{monitor: thermal.host.hot, above: 60}", 44, "a temperature in K, degC"),
        ("{monitor: thermal.hots.hot, above: 60 degC}", 19, "thermal.host.hot"),
        ("{monitor: a, reading: battery_sock, below: 3 %}", 31, "battery_soc"),
        ("{monitor: a, reading: battery_soc, below: 3 %, action: {name: payload.of}}", 71, "payload.off"),
        ("{monitor: a, event: clock_step, action: {name: payload.off}}", 29, "clock_stepped"),
        ("{monitor: a, event: mode_changed, action: {name: mode.set, arguments: {mode: SAFE}}}", 51,
         "mode_changed -> mode.set"),
        ("{monitor: a, reading: battery_soc, below: 3 %, action: "
         "{name: monitoring.enable, arguments: {monitor: a}}}", 64, "a -> monitoring.enable -> a"),
        ("{monitor: a, event: action_executed, action: {name: payload.off}}", 54, "circle"),
        ("{monitor: a, reading: battery_soc, below: 60 %, above: 40 %}", 51, "that is not above the high one"),
        ("{monitor: a, reading: battery_soc}", 9, "below, above, expected, falls or rises"),
        ("{monitor: a, reading: battery_soc, below: 3 %, rises: 3 %}", 9, "expected, or falls and rises"),
        ("{monitor: a, reading: accelerator_state.gpu, expected: running}", 64, "did you mean run?"),
        ("{monitor: nothing, remove: true}", 19, "a monitor of this table"),
        ("{monitor: booted, reading: battery_soc, below: 3 %}", 19, "an event of flight software has it"),
        ("{monitor: a, reading: battery_soc, below: 3 %, interval: 5}", 66, "a time in s"),
        ("{monitor: a, reading: battery_soc, belo: 3 %}", 44, "below"),
        ("{monitor: charge.low, modes: [SAFE, SAFE]}", 38, "'SAFE' 2 times; allowed: each name once"),
        ("{monitor: charge.low, masks: [thermal.host.hot, thermal.host.hot]}", 38, "'thermal.host.hot' 2 times"),
    ],
)  # fmt: skip
def test_mistakes_are_told_where_they_stand(entry: str, column: int, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        flown(entry)
    (mistake,) = caught.value.mistakes
    assert mistake.line == 14 and mistake.field.startswith("spacecraft[0].fdir[0]")
    assert words in str(mistake)
    assert mistake.column == column, str(mistake)


def test_a_circle_over_two_rows_is_found_at_the_one_that_closes_it() -> None:
    first = "{monitor: a, reading: battery_soc, below: 3 %, action: {name: monitoring.enable, arguments: {monitor: b}}}"
    with pytest.raises(ScenarioError, match=r"b -> monitoring.enable -> a -> monitoring.enable -> b") as caught:
        flown(
            first, first.replace("monitor: b", "monitor: c").replace("monitor: a", "monitor: b").replace(": c", ": a")
        )
    assert [mistake.line for mistake in caught.value.mistakes] == [15]


def test_a_design_s_own_rows_are_checked_in_its_own_file(tmp_path: Path) -> None:
    text = (DESIGNS / "pathfinder.yaml").read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text + "fdir:\n  - {monitor: thermal.host.hot, above: 50 degC}\n", encoding="utf-8")
    rows = {row.monitor: row for row in equipment(load_design(Shelf().find(str(path)))).fdir}
    assert rows["thermal.host.hot"].high == pytest.approx(323.15)
    path.write_text(text + "fdir:\n  - {monitor: thermal.hast.hot, above: 50 degC}\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"thermal\.host\.hot") as caught:
        Shelf().find(str(path))
    assert caught.value.mistakes[0].file == str(path) and caught.value.mistakes[0].line == text.count("\n") + 2


@pytest.mark.parametrize("design", SHIPPED)
def test_every_table_can_be_listed(design: str) -> None:
    rows = table_rows(design)
    assert len(rows) == len(equipment(load_design(design)).fdir)
    assert all(row["event"] and row["wrong"] != "never" for row in rows)
