"""`procedure:` in a scenario: refused where it cannot run, with file and line; flown, and its log in the archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bus.errors import ScenarioError
from bus.scenario.model import Scenario
from bus.trace.reader import TraceReader
from faults.recording.summary import alarms_in_words
from faults.run.compose import fly_in_process, prepare
from faults.run.conclude import conclude
from faults.run_directory import RunDirectory
from faults.scenarios.choose import load_named, load_resolved
from faults.scenarios.load import load_text
from faults.scenarios.vocabulary import dictionary_of
from groundstation.archive.reader import ArchiveReader
from groundstation.config import AlarmRules, resolve
from groundstation.procedures.load import shipped, with_own
from groundstation.procedures.source_check import check_source
from node.designs.load import SHIPPED
from tests.kits.runs import skyrack

RECOVERY = """\
skyrack: 1
name: recovery
epoch: 2026-08-12T19:29:00Z
duration: 5 min
tick: 1 s
seed: 7
environment: {solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - id: sc-1
    design: pathfinder
    orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 85 deg}}
stations: [svalbard, tromso]
timeline:
  - {at: 2 min, procedure: {name: safe-mode-recovery, spacecraft: sc-1, arguments: {charge: 60 %}}}
faults:
  - id: lying-charge
    fault: sensor_bias
    target: sc-1
    at: 30 s
    for: 30 s
    parameters: {sensor: battery_soc, offset: -75 %}
"""
"""A charge sensor that lies leads to SAFE; the procedure leads out of it."""

OWN = '''\
from groundstation.procedures.declaration import number, procedure
from groundstation.procedures.words import command, contact, wait


@procedure("two-pings", apart_s=number("s", "time between them", low=1.0, high=60.0, default=10.0))
async def two_pings(apart_s: float) -> None:
    """Ask twice whether it is alive."""
    await contact()
    await command("test.ping")
    await wait(apart_s)
    await command("test.ping")
'''


def fly(scenario: Scenario, path: Path) -> RunDirectory:
    path.mkdir(exist_ok=True)
    directory = RunDirectory(path)
    prepare(directory, scenario, None)
    flown = fly_in_process(scenario, directory)
    assert flown.failure is None, flown.failure
    return directory


def trace_hash(directory: RunDirectory) -> str:
    with TraceReader(directory.trace) as trace:
        return trace.trace_hash()


def test_safe_mode_by_a_fault_and_recovery_by_procedure(tmp_path: Path) -> None:
    directory = fly(load_text(RECOVERY), tmp_path / "run")
    archive = ArchiveReader(directory.archive)
    (run,) = archive.procedures()
    assert (run["name"], run["state"], run["origin"]) == ("safe-mode-recovery", "COMPLETED", "timeline")
    lines = [(step, outcome) for _, _, _, _, step, outcome in archive.procedure_log()]
    assert lines[:2] == [("contact", "svalbard"), ("telemetry mode", "SAFE")]
    assert ("command mode.set mode=NOMINAL", "COMPLETED") in lines
    assert ("telemetry mode equals NOMINAL", "NOMINAL") in lines
    (telecommand,) = archive.telecommands()
    assert (telecommand["origin"], telecommand["state"]) == ("procedure 1", "COMPLETED")
    alarms = {str(row["subject"]): row for row in archive.alarms()}
    why = json.loads(str(alarms["event mode_changed NOMINAL SAFE low_charge"]["why"]))
    assert why["procedure"] == "safe-mode-recovery"
    assert why["modes"][-1][1] == "NOMINAL to SAFE (low_charge)"
    why = json.loads(str(alarms["battery_soc"]["why"]))
    assert [value < 0.2 for _, _, value in why["readings"]][-2:] == [True, True]
    assert alarms["battery_soc"]["state"] == "CLEARED"
    assert not [subject for subject in alarms if "stale" in subject or "silent" in subject]
    assert trace_hash(fly(load_text(RECOVERY), tmp_path / "again")) == trace_hash(directory)


def test_a_scenario_says_how_the_ground_watches() -> None:
    scenario = load_text(RECOVERY + "alarms: {play_back: log, silent: 3 min}\n")
    rules = resolve(scenario, {"pathfinder": dictionary_of("pathfinder")}).alarms
    assert rules == AlarmRules(play_back="log", silent_s=180.0)
    with pytest.raises(ScenarioError, match=r"alarms\.play_back: found 'logg'; allowed: alarm, log, ignore"):
        load_text(RECOVERY + "alarms: {play_back: logg}\n")
    assert b"alarms" not in load_text(RECOVERY).to_json()


EVERYTHING = """\
  - {at: 5 s, procedure: {name: first-contact, spacecraft: sc-1}}
  - {at: 1 min, procedure: {name: schedule-upload, spacecraft: sc-1, arguments: {pause_at_s: 50 min, resume_at_s: 1 h}}}
  - at: 5 s
    procedure: {name: payload-start-up, spacecraft: sc-2, arguments: {power_w: 700 W, group: gpu, settle_s: 20 s}}
  - {at: 10 s, procedure: {name: accelerator-quarantine, spacecraft: sc-3, arguments: {group: gpu}}}
  - at: 2 min
    procedure:
      name: rolling-parameter-change
      spacecraft: [sc-1, sc-2, sc-3]
      arguments: {parameter: power.shed_below_soc, value: 0.35, watch_s: 10 s}
"""
FLEET = """\
  - id: sc-2
    design: pathfinder
    orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 83 deg}}
  - id: sc-3
    design: pathfinder
    orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 81 deg}}
"""


def test_the_shipped_procedures_fly(tmp_path: Path) -> None:
    """Nobody answers the two that ask: what they do otherwise is to go on."""
    text = RECOVERY[: RECOVERY.index("timeline")].replace("stations:", f"{FLEET}stations:") + f"timeline:\n{EVERYTHING}"
    text = text.replace("duration: 5 min", "duration: 2.5 h").replace("[svalbard, tromso]", "[svalbard, tromso, troll]")
    archive = ArchiveReader(fly(load_text(text), tmp_path / "run").archive)
    ends = {str(row["name"]): (row["state"], row["detail"]) for row in archive.procedures()}
    assert ends == {name: ("COMPLETED", "") for name in sorted(shipped()) if name in EVERYTHING}
    states = [(row["name"], row["state"]) for row in archive.telecommands()]
    assert all(state == "COMPLETED" for _, state in states), states
    assert [name for name, _ in states].count("parameter.set") == 3


def test_summary_and_report_tell_alarms_with_why_and_procedures_with_their_log(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    prepare(directory, load_text(RECOVERY), None)
    flown = fly_in_process(load_text(RECOVERY), directory)
    summary: dict[str, Any] = conclude(directory, flown, mode="in-process", pace="free")
    (run,) = summary["procedures"]
    assert (run["state"], len(run["log"])) == ("COMPLETED", 8)
    subjects = [row["subject"] for row in summary["alarms"]]
    assert "battery_soc" in subjects
    assert alarms_in_words(summary).startswith("2 warning, 2 critical"), alarms_in_words(summary)
    listed = skyrack("alarm", "list", directory.path, "--open")
    assert listed.returncode == 0, listed.stderr
    assert "sc-1 battery_soc (critical, CLEARED): battery_soc 0." in listed.stdout
    assert "answered by safe-mode-recovery" in listed.stdout
    page = directory.report.read_text(encoding="utf-8")
    assert "answered by <code>safe-mode-recovery</code>" in page
    assert "telemetry battery_soc above 0.6" in page


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("name: safe-mode-recovry, spacecraft: sc-1", "timeline[0].procedure.name: found 'safe-mode-recovry'"),
        ("name: safe-mode-recovery, spacecraft: sc-2", "a spacecraft of this scenario: sc-1"),
        ("name: safe-mode-recovery, spacecraft: [sc-1, sc-1]", "found 'sc-1' twice; allowed: every spacecraft once"),
        ("name: safe-mode-recovery, spacecraft: []", "found a list of 0"),
        ("name: safe-mode-recovery", "procedure.spacecraft: found nothing"),
        ("name: safe-mode-recovery, spacecraft: sc-1, arguments: {charge: 3 K}", "arguments.charge: found '3 K'"),
        ("name: safe-mode-recovery, spacecraft: sc-1, arguments: {charge: 120 %}", "a number from 0 to 1"),
        ("name: safe-mode-recovery, spacecraft: sc-1, arguments: {charg: 1}", "an unknown argument"),
        ("name: accelerator-quarantine, spacecraft: sc-1, arguments: {group: gpuu}", "arguments.group: found 'gpuu'"),
        ("name: accelerator-quarantine, spacecraft: sc-1", "arguments.group: found nothing"),
    ],
)
def test_check_refuses_a_procedure_that_cannot_run(written: str, said: str) -> None:
    text = RECOVERY.replace("name: safe-mode-recovery, spacecraft: sc-1, arguments: {charge: 60 %}", written)
    with pytest.raises(ScenarioError) as caught:
        load_text(text, file="mine.yaml")
    assert all(mistake.line == 14 for mistake in caught.value.mistakes), str(caught.value)
    assert said in str(caught.value)


def test_an_entry_is_a_telecommand_or_a_procedure() -> None:
    whole = "procedure: {name: safe-mode-recovery, spacecraft: sc-1, arguments: {charge: 60 %}}"
    for instead, found in (("", "found nothing"), (f"{whole}, telecommand: {{to: sc-1, name: test.ping}}", "together")):
        with pytest.raises(ScenarioError, match=found):
            load_text(RECOVERY.replace(f", {whole}", f", {instead}" if instead else ""))


@pytest.mark.parametrize("design", SHIPPED)
@pytest.mark.parametrize("name", sorted(shipped()))
def test_the_shipped_procedures_fit_the_shipped_designs(name: str, design: str) -> None:
    one = shipped()[name]
    assert check_source(one, {"sc-1": dictionary_of(design)}, ("sc-1",)) == []
    assert one.forms(dictionary_of(design)) is not None
    assert one.description


def test_own_procedures_come_from_the_command_line_only(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RECOVERY.replace("safe-mode-recovery", "two-pings").replace("charge: 60 %", ""))
    (tmp_path / "mine.py").write_text(OWN)
    with pytest.raises(ScenarioError, match="found 'two-pings'"):
        load_named(str(tmp_path / "mine.yaml"))
    chosen = load_named(str(tmp_path / "mine.yaml"), procedures=(tmp_path / "mine.py",))
    directory = RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    prepare(directory, chosen.scenario, None, (tmp_path / "mine.py",))
    assert fly_in_process(chosen.scenario, directory).failure is None
    assert [row["state"] for row in ArchiveReader(directory.archive).procedures()] == ["COMPLETED"]
    with pytest.raises(ScenarioError, match="unknown procedure 'two-pings'"):
        load_named(str(directory.scenario))
    assert load_resolved(directory.scenario).scenario.procedures


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ('"test.ping")\n    await wait', '"test.pong")\n    await wait'),
            "mine.py:9:19: telecommand: found 'test.pong'",
        ),
        (("apart_s: float) -> None:", "apart_s: float) -> None"), "mine.py:6:"),
        (("import number, procedure", "import numbre, procedure"), "mine.py:1:1: found ImportError"),
        (("two-pings", "first-contact"), "found a name that is taken"),
        ((OWN[OWN.index("@") : OWN.index("async")], ""), "found no procedure"),
    ],
)
def test_a_wrong_file_of_procedures_is_refused_with_its_line(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    (tmp_path / "mine.yaml").write_text(RECOVERY.replace("safe-mode-recovery", "two-pings").replace("charge: 60 %", ""))
    (tmp_path / "mine.py").write_text(OWN.replace(*change))
    with pytest.raises(ScenarioError) as caught:
        load_named(str(tmp_path / "mine.yaml"), procedures=(tmp_path / "mine.py",))
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="there is no such file"):
        with_own((tmp_path / "none.py",))
