"""Nothing dead looks green: whoever is taken from a run, no verdict, total or colour is made of what nobody knows."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bus.scenario.model import Scenario
from faults.commands.run import print_end
from faults.recording.summary import exit_status
from faults.run.compose import Flown
from faults.run.conclude import conclude
from faults.run_directory import RunDirectory, create
from faults.scenarios.load import load_text
from tests.kits.removal import fly_without

TICKS = 120
THREE = """\
skyrack: 1
name: three
epoch: 2026-08-12T00:00:00Z
duration: 2 min
tick: 1 s
seed: 7
environment: {solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - {id: sc-1, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 85 deg}}}
  - {id: sc-2, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 84 deg}}}
  - {id: sc-3, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 86 deg}}}
stations: [svalbard]
timeline:
  - {at: 5 s, telecommand: {to: sc-1, name: test.ping}}
  - {at: 8 s, telecommand: {to: sc-1, name: test.ping}}
faults:
  - {id: open-string, fault: string_open, target: sc-1, at: 10 s, for: 100 s, parameters: {string: 2}}
expectations:
  - always sc-1.battery_soc > 20 %
  - always sc-1.mode == NOMINAL
  - never sc-1.mode == SURVIVAL
  - always sc-2.battery_soc > 20 %
  - always sc-3.battery_soc > 20 %
range: {missing_tock: continue}
"""
SPACECRAFT = ("sc-1", "sc-2", "sc-3")
MEMBERS = ("ground", "bus", *SPACECRAFT)
LEDGER = ("generated", "archived", "retired", "declared_lost", "on_board", "unaccounted")


def scenario_of(policy: str = "continue") -> Scenario:
    return load_text(THREE.replace("continue", policy), file="three.yaml")


def ended(directory: RunDirectory, flown: Flown, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str, str]:
    """Summary, report and terminal text of a run."""
    summary: dict[str, Any] = conclude(directory, flown, mode="processes", pace="free")
    capsys.readouterr()
    print_end(summary, directory)
    terminal = " ".join(capsys.readouterr().out.split())
    return summary, directory.report.read_text(encoding="utf-8"), terminal


def lies(summary: dict[str, Any], html: str, terminal: str, lost: set[str]) -> list[str]:
    """Everything that is told of what nobody knows. `lost` gave no final account."""
    found = [f"exit status {exit_status(summary)}"] if exit_status(summary) != 3 else []
    named = {loss["id"] for loss in summary["lost"]}
    found += [f"lost are {named}, not {lost}"] if named != lost else []
    found += [f"{id} is not named in the report" for id in lost if f"{id} was lost at tick" not in html]
    found += [f"{id} is not named on the terminal" for id in lost if f"{id} was lost at tick" not in terminal]
    found += [f"{loss['id']} lacks its reason" for loss in summary["lost"] if not loss["reason"] or loss["tick"] < 0]
    if "ground" in lost:
        found += [f"telecommands {k}" for k, v in summary["telecommands"].items() if v is not None]
        found += ["telecommands on the terminal"] if "telecommands unknown" not in terminal else []
    rows = summary["telemetry"]["spacecraft"]
    for id in SPACECRAFT:
        unknown = set(LEDGER[3:]) if {id, "ground"} & lost else set()
        unknown |= {"generated"} if id in lost else set()
        unknown |= {"archived", "retired"} if "ground" in lost else set()
        found += [f"{id} {key} is {rows[id][key]}" for key in unknown if rows[id][key] is not None]
        found += [f"{id} {key} is null" for key in set(LEDGER) - unknown if rows[id][key] is None]
    for key in LEDGER:
        if any(row[key] is None for row in rows.values()) and summary["telemetry"]["total"][key] is not None:
            found.append(f"a total {key} of unknown parts")
    if lost:
        found += ["a closed ledger on the terminal"] if "ledger closed" in terminal else []
        closed = html.count("closed</span>")
        sound = 0 if "ground" in lost else len(set(SPACECRAFT) - lost)
        found += [f"{closed} ledgers closed in the report, {sound} are"] if closed != sound else []
        found += ["a green title"] if re.search(r"<title>[^<]*PASS", html) else []
        found += ["a green badge above all"] if "badge pass big" in html else []
    for row in summary["expectations"]:
        whose = row["text"].split()[1].partition(".")[0]
        at = min((loss["tick"] for loss in summary["lost"] if loss["id"] in {whose, "bus"}), default=TICKS)
        if row["verdict"] == "PASS" and min(at, summary["ticks"]) < TICKS:
            found.append(f"PASS of {row['text']} although {whose} was lost at tick {at}")
    return found


def archived(directory: RunDirectory) -> int:
    """Packets in the archive, counted without any of our readers."""
    with closing(sqlite3.connect(directory.archive)) as connection:
        (count,) = connection.execute("SELECT COUNT(*) FROM packets").fetchone()
        return int(count)


def trial(folder: Path, who: str, tick: int, policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    directory = create("three", folder / f"{who}-{tick}-{policy}")
    flown = fly_without(scenario_of(policy), directory, {who: tick})
    summary, html, terminal = ended(directory, flown, capsys)
    everybody = {*SPACECRAFT, "ground"}
    stopped = who == "bus" or policy == "stop"
    lost = everybody | ({who} if who == "bus" else set()) if stopped else {who}
    assert lies(summary, html, terminal, lost) == []
    assert summary["recorded"]["archive"]["packets"] == archived(directory)
    if tick > 20:
        assert summary["recorded"]["trace"]["telecommands"].get("completed", 0) >= 1, "the first was answered"
        assert summary["recorded"]["archive"]["telecommands"]["completed"] >= 1
    first = summary["lost"][0]
    assert first["id"] == who
    assert first["tick"] == (tick if who != "bus" else tick + 1)
    shutil.rmtree(directory.path)


@pytest.mark.parametrize(
    ("who", "tick", "policy"),
    [
        ("ground", 0, "continue"),
        ("ground", 60, "continue"),
        ("ground", TICKS, "continue"),
        ("bus", 50, "continue"),
        ("sc-2", 0, "continue"),
        ("sc-1", 70, "continue"),
        ("sc-3", TICKS, "continue"),
        ("sc-3", 90, "stop"),
    ],
)
def test_no_verdict_total_or_colour_is_made_of_an_unknown_part(
    who: str, tick: int, policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial(tmp_path, who, tick, policy, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["continue", "stop"])
@pytest.mark.parametrize("tick", [1, 2, 4, 5, 6, 7, 9, 10, 11, 15, 25, 40, 55, 75, 99, 101, 109, 111, 118, 119])
@pytest.mark.parametrize("who", MEMBERS)
def test_no_lie_in_two_hundred_trials(
    who: str, tick: int, policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial(tmp_path, who, tick, policy, capsys)


def test_a_whole_run_is_green(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other side: the checker finds nothing where nothing is missing."""
    directory = create("three", tmp_path / "run")
    summary, html, terminal = ended(directory, fly_without(scenario_of(), directory, {}), capsys)
    assert lies(summary, html, terminal, set()) == ["exit status 0"]
    assert summary["recorded"]["archive"]["packets"] == archived(directory) == summary["telemetry"]["total"]["archived"]
    assert (summary["never_sent"], summary["refused_faults"]) == ({"telecommands": 0, "faults": 0}, 0)
    assert "NOT SOUND" not in terminal
    assert "<title>three: PASS</title>" in html


@pytest.mark.parametrize("harm", ["deleted", "emptied", "an older copy", "rows taken out"])
def test_an_archive_that_is_not_what_the_ground_wrote(
    harm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = create("three", tmp_path / "run")

    def spoil(tick: int) -> None:
        if tick == 60 and harm == "deleted":
            directory.archive.unlink()
        elif tick == 60 and harm == "an older copy":
            with closing(sqlite3.connect(directory.archive)) as source, closing(sqlite3.connect(older)) as target:
                source.backup(target)

    older = tmp_path / "older"
    flown = fly_without(scenario_of(), directory, {}, at_tick=spoil)
    if harm == "emptied":
        directory.archive.write_bytes(b"")
    elif harm == "an older copy":
        older.replace(directory.archive)
    elif harm == "rows taken out":
        with closing(sqlite3.connect(directory.archive)) as connection:
            connection.execute("DELETE FROM packets WHERE spacecraft = 'sc-2' AND sequence = 1")
            connection.commit()
    summary, html, terminal = ended(directory, flown, capsys)
    assert exit_status(summary) == 3
    assert summary["recorded"]["archive"]["trouble"]
    assert "the archive is not what the ground wrote" in html
    assert "the archive is not what the ground wrote" in terminal
    assert "ledger closed" not in terminal
    assert "closed</span>" not in html
    assert summary["telemetry"]["total"]["unaccounted"] is None
    assert summary["telecommands"]["completed"] == 2, "the ground's own account says so"
    assert "<title>three: PASS" not in html


@pytest.mark.parametrize("without", ["", "ground", "sc-2"])
def test_an_archive_elsewhere_leaves_null_what_it_alone_knows_and_hides_no_loss(
    without: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Started by hand, with the ground's archive where the bus cannot see it."""
    directory = create("three", tmp_path / "run")
    flown = fly_without(scenario_of(), directory, {without: 60} if without else {})
    directory.archive.rename(tmp_path / "archive.sqlite")
    directory.write(directory.run, json.dumps({"started": "by hand"}))
    summary, html, terminal = ended(directory, flown, capsys)
    row, total = summary["telemetry"]["spacecraft"]["sc-1"], summary["telemetry"]["total"]
    assert (row["declared_lost"], row["on_board"], row["unaccounted"], total["unaccounted"]) == (None,) * 4
    assert summary["never_sent"]["telecommands"] is None
    assert "closed</span>" not in html and "ledger closed" not in terminal
    if without:
        assert exit_status(summary) == 3 and f"{without} was lost at tick 60" in terminal
        assert summary["recorded"]["archive"]["elsewhere"] is (without != "ground")
        return
    assert exit_status(summary) == 0 and "NOT SOUND" not in terminal
    assert row["generated"] >= row["archived"] > 0 and summary["telecommands"]["completed"] == 2
    assert "the archive is elsewhere: what was lost or stays on board is not settled" in terminal
    assert summary["recorded"]["archive"] == {
        "trouble": "", "elsewhere": True, "packets": None, "spacecraft": None, "telecommands": None,
    }  # fmt: skip
    row["archived"] = row["generated"] + 1
    assert exit_status(summary) == 3, "more than there is cannot have been archived"


def test_an_archive_that_is_here_counts_also_where_everybody_was_started_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = create("three", tmp_path / "run")
    flown = fly_without(scenario_of(), directory, {})
    directory.write(directory.run, json.dumps({"started": "by hand"}))
    summary, _, _ = ended(directory, flown, capsys)
    assert exit_status(summary) == 0 and summary["telemetry"]["total"]["unaccounted"] == 0
    directory.archive.write_bytes(b"")
    summary, _, _ = ended(directory, flown, capsys)
    assert exit_status(summary) == 3 and summary["recorded"]["archive"]["trouble"]


def test_what_never_happened_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A telecommand at the very end, one to a ground that is lost, a fault after the end of the run."""
    text = THREE.replace("{at: 8 s,", "{at: 119 s,").replace("at: 10 s, for: 100 s", "at: 120 s, for: 100 s")
    scenario = load_text(text, file="three.yaml")
    directory = create("three", tmp_path / "whole")
    summary, _, terminal = ended(directory, fly_without(scenario, directory, {}), capsys)
    assert summary["never_sent"] == {"telecommands": 1, "faults": 1}
    assert "1 sent, 1 completed, 1 expired; 1 of the timeline never sent" in terminal
    assert "never active" in terminal
    assert exit_status(summary) == 1, "a fault that never acted was not tested"
    for row in summary["injections"]:
        row["waive"] = "the run was shortened on purpose"
    assert exit_status(summary) == 0
    directory = create("three", tmp_path / "lost")
    summary, _, terminal = ended(directory, fly_without(scenario, directory, {"ground": 3}), capsys)
    assert summary["never_sent"] == {"telecommands": 2, "faults": 1}
    assert "2 of the timeline never sent" in terminal
    assert exit_status(summary) == 3


def test_a_run_that_had_to_refuse_a_fault_is_not_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """More than 256 at one time."""
    rows = "".join(
        f"  - {{id: f{n}, fault: sensor_noise, target: sc-2, at: 10 s, for: 20 s, "
        f"parameters: {{sensor: battery-monitor.battery_soc, sigma: 1 %}}}}\n"
        for n in range(260)
    )
    text = THREE.replace("expectations:\n", rows + "expectations:\n")
    scenario = load_text(text, file="three.yaml")
    directory = create("three", tmp_path / "run")
    summary, html, terminal = ended(directory, fly_without(scenario, directory, {}), capsys)
    assert summary["refused_faults"] == 4
    assert exit_status(summary) == 3
    assert "4 of the scenario's faults were refused" in terminal
    assert "4 of the scenario&#x27;s faults were refused" in html
    assert "<title>three: PASS" not in html
