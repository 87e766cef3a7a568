"""Groups, canaries, releases and stacks in a timeline: refused where they stand, and flown to their ends."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bus.errors import ScenarioError
from faults.scenarios.load import load_text
from groundstation.archive.reader import ArchiveReader
from tests.kits.runs import fly_text

THREE = """\
skyrack: 1
name: three
epoch: 2026-08-12T00:00:00Z
duration: 4 min
tick: 1 s
seed: 7
environment: {solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - {id: sc-1, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 85 deg}}}
  - {id: sc-2, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 84 deg}}}
  - {id: big-1, design: formation, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 83 deg}}}
stations: [svalbard, longyear]
timeline:
"""
STATION = """\
  - {id: longyear, latitude: 78.2 deg, longitude: 15.6 deg, altitude: 10 m, mask: 5 deg, bands: [S, X], source: "test"}
"""
THREE = THREE.replace("stations: [svalbard, longyear]\n", f"stations:\n  - svalbard\n{STATION}")


def load(timeline: str) -> Any:
    return load_text(THREE + timeline, file="three.yaml")


def said(timeline: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load(timeline)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_group_is_each_of_its_spacecraft() -> None:
    scenario = load("  - {at: 5 s, telecommand: {to: all, name: test.ping}}\n")
    assert [entry.spacecraft for entry in scenario.timeline] == ["sc-1", "sc-2", "big-1"]
    scenario = load("  - {at: 5 s, telecommand: {to: 'design:pathfinder', name: test.ping}}\n")
    assert [entry.spacecraft for entry in scenario.timeline] == ["sc-1", "sc-2"]
    scenario = load("  - {at: 5 s, on_board: true, telecommand: {to: [big-1, sc-1], name: test.ping}}\n")
    assert [(e.spacecraft, e.telecommand) for e in scenario.timeline] == [
        ("big-1", "schedule.insert"), ("sc-1", "schedule.insert"),
    ]  # fmt: skip
    assert scenario.telecommands == 2


def test_what_waits_for_something_is_a_stack() -> None:
    (stack,) = load("  - {at: 5 s, telecommand: {to: sc-1, name: test.ping, release: 1 min}}\n").stacks
    assert (stack.at_s, stack.steps[0].not_before_ns) == (5.0, 60 * 10**9)
    entry = "{to: all, name: test.ping, canary: sc-2, condition: battery_soc > 50 %, release: contact}"
    scenario = load(f"  - {{at: 5 s, telecommand: {entry}}}\n")
    (step,) = scenario.stacks[0].steps
    assert (step.canary, step.condition, step.at_contact) == (("sc-2",), "battery_soc > 0.5", True)
    assert scenario.timeline == ()
    assert scenario.telecommands == 3


LINE = THREE.count("\n") + 1
UNCONFIRMED = "found computer.reboot, which is hazardous"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("telecommand: {to: 'sc-1, sc-3', name: test.ping}",
         "timeline[0].telecommand.to: found 'sc-3'; allowed: a spacecraft of this scenario: sc-1, sc-2, big-1"),
        ("telecommand: {to: 'design:sunrise', name: test.ping}",
         "timeline[0].telecommand.to: found 'design:sunrise'; allowed: a design that flies: pathfinder, formation"),
        ("telecommand: {to: all, name: test.pin}", "timeline[0].telecommand.name: found 'test.pin'"),
        ("telecommand: {to: all, name: test.ping, release: soon}", "release: found 'soon'"),
        ("telecommand: {to: all, name: test.ping, release: -5 s}", "release: found '-5 s'"),
        ("telecommand: {to: all, name: test.ping, release: 400 d}", "release: found '400 d'"),
        ("telecommand: {to: all, name: test.ping, release: 1 s}",
         "timeline[0].telecommand.release: found 1 s; allowed: now, contact, or a time after `at` (5 s)"),
        ("telecommand: {to: sc-1, name: test.ping, canary: sc-2}", "canary sc-2 is not in the group"),
        ("telecommand: {to: all, name: test.ping, condition: battery_soc > 1 %}", "a condition without a canary"),
        ("telecommand: {to: all, name: test.ping, precondition: battery_sco > 1 %}",
         "timeline[0].telecommand.precondition: found 'battery_sco'; allowed: a telemetered parameter: battery_soc"),
        ("telecommand: {to: all, name: computer.reboot}",
         f"timeline[0].telecommand: {UNCONFIRMED}; allowed: confirmed: true beside its name"),
        ("telecommand: {to: all, name: computer.reboot, release: contact}",
         f"timeline[0].telecommand: {UNCONFIRMED}; allowed: confirmed: true beside its name"),
        ("telecommand: {to: sc-1, name: schedule.insert, release: contact, arguments: {at: 1 min, "
         "telecommand: computer.reboot}}", "found schedule.insert, which is hazardous"),
        ("stack: {steps: [{to: all, telecommand: test.ping}, {to: sc-1, telecommand: computer.reboot}]}",
         "timeline[0].stack.steps[1].telecommand: found computer.reboot, which is hazardous; allowed: confirmed: true "
         "beside the stack's steps"),
        ("stack: {steps: [{to: all, telecommand: test.ping, arguments: {at: 1}}]}",
         "timeline[0].stack.steps[0].arguments.at: found an argument; allowed: test.ping takes none"),
        ("stack: {steps: []}", "timeline[0].stack.steps: found a list of 0"),
        ("stack: {on_failure: panic, steps: [{to: all, telecommand: test.ping}]}",
         "timeline[0].stack.on_failure: found 'panic'; allowed: stop, go-on"),
        ("stack: {steps: [{to: all, telecommand: test.ping}]}, telecommand: {to: all, name: test.ping}",
         "timeline[0].stack: found telecommand and stack together"),
        ("on_board: true, stack: {steps: [{to: all, telecommand: test.ping}]}",
         "timeline[0].on_board: found true; allowed: false: stacks are the ground's"),
        ("on_board: true, telecommand: {to: all, name: test.ping, canary: sc-1}",
         "timeline[0].on_board: found true; allowed: false where a release, a canary or a condition is waited for"),
    ],
)  # fmt: skip
def test_mistakes_are_told_where_they_stand(entry: str, expected: str) -> None:
    found = said(f"  - {{at: 5 s, {entry}}}\n")
    assert any(expected in one for one in found), found
    assert all(one.startswith(f"three.yaml:{LINE}:") for one in found), found


def test_a_mistake_elsewhere_is_none_of_a_groups() -> None:
    text = THREE.replace("design: formation", "design: formatio")
    entry = "  - {at: 5 s, stack: {steps: [{to: all, telecommand: test.ping}]}}\n"
    with pytest.raises(ScenarioError) as caught:
        load_text(text + entry)
    assert len(caught.value.mistakes) == 1


def fly(timeline: str, folder: Path) -> tuple[Mapping[str, Any], list[dict[str, object]]]:
    summary = fly_text(THREE + timeline, folder)
    return summary, ArchiveReader(folder / "run" / "archive.sqlite").telecommands()


FLOWN = """\
  - at: 5 s
    stack:
      confirmed: true
      on_failure: go-on
      steps:
        - {to: all, telecommand: test.ping, canary: sc-2, condition: battery_soc > 20 %}
        - {to: 'sc-1, sc-2', telecommand: payload.power_cap, arguments: {power_w: 500 W}, canary: sc-1,
           condition: battery_soc > 99.9 %}
        - {to: big-1, telecommand: parameter.set, arguments: {parameter: power.shed_below_soc, value: 0.35}}
  - {at: 10 s, telecommand: {to: sc-1, name: test.ping, precondition: mode == SAFE, release: 2 min}}
  - {at: 10 s, telecommand: {to: sc-2, name: mode.set, arguments: {mode: SAFE}, precondition: mode == NOMINAL,
                             release: 3 min}}
"""


def test_stacks_fly_canary_first_and_end_as_their_conditions_say(tmp_path: Path) -> None:
    summary, rows = fly(FLOWN, tmp_path)
    found = [(row["spacecraft"], row["name"], row["state"]) for row in rows]
    assert found == [
        ("sc-2", "test.ping", "COMPLETED"),
        ("sc-1", "test.ping", "COMPLETED"),
        ("big-1", "test.ping", "COMPLETED"),
        ("sc-1", "payload.power_cap", "COMPLETED"),
        ("sc-2", "payload.power_cap", "REJECTED"),
        ("big-1", "parameter.set", "COMPLETED"),
        ("sc-1", "test.ping", "REJECTED"),
        ("sc-2", "mode.set", "COMPLETED"),
    ]
    assert {row["origin"] for row in rows} == {"timeline"}
    assert "battery_soc > 0.999 does not hold of sc-1" in str(rows[4]["detail"])
    assert "does not hold: mode is NOMINAL" in str(rows[6]["detail"])
    assert summary["never_sent"]["telecommands"] == 2
