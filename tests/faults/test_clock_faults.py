"""Verdicts are of mission time: what a fault does to the clock on board moves no trigger, no mark and no export."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader

from faults.export.write import export_command
from faults.recording.packet_times import PacketTimes
from faults.recording.read import read_recording
from faults.recording.summary import exit_status
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run_directory import RunDirectory, create
from faults.scenarios.load import load_text
from groundstation.archive.reader import ArchiveReader

EPOCH_NS = 1_786_492_800 * 10**9
"""2026-08-12T00:00:00Z, since 1970."""
BASE = """\
skyrack: 1
name: wrong-clock
epoch: 2026-08-12T00:00:00Z
duration: 5 min
tick: 1 s
seed: 3
environment: {{solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}}
spacecraft:
  - id: probe
    design: pathfinder
    orbit: {{sso: {{altitude: 650 km, ltan: "06:00", argument_of_latitude: 85 deg}}}}
stations: [svalbard]
timeline:
  - {{at: 150 s, telecommand: {{to: probe, name: mode.set, arguments: {{mode: SAFE}}}}}}
faults: {faults}
expectations:
  - "within 30 s of event probe.mode_changed: probe.mode == SAFE"
  - "within 30 s of event probe.mode_changed: probe.mode == NOMINAL"
  - "within 5 s of telecommand probe.mode.set accepted: probe.mode == SAFE"
  - "within 5 s of telecommand probe.mode.set started: probe.mode == SAFE"
  - "within 5 s of telecommand probe.mode.set completed: probe.mode == SAFE"
  - "within 5 s of telecommand probe.mode.set completed: probe.mode == NOMINAL"
"""
RIGHT = ["PASS", "FAIL", "PASS", "PASS", "PASS", "FAIL"]
JUMP = "{{id: jump, fault: clock_jump, target: probe, at: 60 s, {}parameters: {{by: {}}}}}"
RESTART = "{id: restart, fault: reboot, target: probe, at: 80 s}"
FAULTS = {
    "none": "",
    "back half an hour": JUMP.format("", "-30 min"),
    "before the epoch": JUMP.format("", "-2 h"),
    "on half an hour": JUMP.format("", "30 min"),
    "after the end": JUMP.format("", "2 h"),
    "back, and right again before the triggers": JUMP.format("for: 60 s, ", "-30 min"),
    "on, and right again after them": JUMP.format("for: 200 s, ", "2 h"),
    "before the epoch, then a restart": f"{JUMP.format('', '-2 h')}, {RESTART}",
    "a jump just before a trigger": JUMP.format("", "-30 min").replace("60 s", "149 s"),
    "stuck": "{id: stuck, fault: sensor_stuck, target: probe, at: 60 s, parameters: {sensor: clock.obt_s, value: 7 s}}",
    "drifting": "{id: drift, fault: sensor_drift, target: probe, at: 60 s, "
    "parameters: {sensor: clock.obt_s, rate: 30 s/min}}",
}


def fly(folder: Path, text: str) -> tuple[RunDirectory, dict[str, Any]]:
    scenario = load_text(text, file="wrong-clock.yaml")
    directory = create(scenario.name, folder / "run")
    root.prepare(directory, scenario, text)
    return directory, conclude(directory, root.fly_in_process(scenario, directory), mode="in-process", pace="free")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_clock_that_lies_changes_no_verdict(fault: str, tmp_path: Path) -> None:
    directory, summary = fly(tmp_path, BASE.format(faults=f"[{FAULTS[fault]}]"))
    assert [row["verdict"] for row in summary["expectations"]] == RIGHT
    recording = read_recording(directory)
    (changed,) = [event for event in recording.events if event.name == "mode_changed"]
    assert changed.at_s is not None
    assert 150.0 <= changed.at_s <= 160.0
    (ordered,) = recording.telecommands
    times_s = [ordered.stages_s[stage] for stage in ("accepted", "started", "completed")]
    assert all(at_s is not None and 150.0 <= at_s <= 160.0 for at_s in times_s)
    (stamp_s,) = [row[1] / 1e9 for row in ArchiveReader(directory.archive).events() if row[4] == "mode_changed"]  # type: ignore[operator]
    assert changed.obt_s == stamp_s, "the archive keeps the stamp as it came"
    if fault != "none" and "right again before" not in fault:
        assert abs(stamp_s - changed.at_s) > 30.0, "the clock did lie"


def test_what_is_exported_is_stamped_with_mission_time(tmp_path: Path) -> None:
    directory, _ = fly(tmp_path, BASE.format(faults=f"[{FAULTS['before the epoch']}]"))
    export_command(directory.path, "csv", tmp_path / "csv")
    with (tmp_path / "csv" / "events.csv").open(encoding="utf-8") as file:
        (row,) = [row for row in csv.DictReader(file) if row["event"] == "mode_changed"]
    assert 150.0 <= float(row["at_s"]) <= 160.0
    assert float(row["obt_s"]) < -6000.0
    with (tmp_path / "csv" / "telemetry.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    packets = {(float(r["made_s"]), float(r["obt_s"]), float(r["received_s"])) for r in rows if r["made_s"]}
    assert all(r["made_s"] for r in rows), "time reports are dated like all others"
    assert {"time_reported_s", "battery_soc"} <= {r["parameter"] for r in rows}
    assert len(packets) > 10
    for made_s, obt_s, received_s in packets:
        assert made_s <= received_s
        assert made_s - obt_s == pytest.approx(0.0 if made_s <= 60.0 else 7200.0, abs=0.01)
    html = directory.report.read_text(encoding="utf-8")
    assert "-1:" not in html, "no mark before the epoch"
    export_command(directory.path, "mcap", tmp_path / "run.mcap")
    with (tmp_path / "run.mcap").open("rb") as file:
        stamps = [(c.topic, m.log_time - EPOCH_NS) for _, c, m in make_reader(file).iter_messages()]
    assert all(0 <= at_ns <= 300 * 10**9 for _, at_ns in stamps)
    dated = [at_ns / 1e9 for topic, at_ns in stamps if "/telemetry/" in topic]
    assert set(dated) == {made_s for made_s, *_ in packets}


@pytest.mark.slow
@pytest.mark.parametrize("jump", ["-30 min", "-2 h", "30 min", "2 h"])
def test_nor_where_packets_wait_for_a_contact(jump: str, tmp_path: Path) -> None:
    """Three hours with contacts in between: much of what is heard is older than the contact."""
    text = BASE.format(faults=f"[{JUMP.format('', jump)}]").replace("5 min", "3 h").replace("at: 150 s", "at: 2 h")
    text = text.replace('ltan: "06:00", argument_of_latitude: 85 deg', 'ltan: "10:30", argument_of_latitude: 0 deg')
    _, summary = fly(tmp_path, text)
    assert [row["verdict"] for row in summary["expectations"]] == RIGHT


def signals(boots: list[float], counts: list[float]) -> dict[tuple[str, str], Any]:
    return {("probe", "boot_count"): np.array(boots), ("probe", "events_generated"): np.array(counts)}


def test_a_packet_is_as_old_as_the_count_that_passed_its_number() -> None:
    times = PacketTimes(signals([1, 1, 1, 2, 2], [1, 1, 3, 0, 1]), 10**9)
    assert [times.made_s("probe", 1, 5, number) for number in range(4)] == [1.0, 3.0, 3.0, None]
    assert times.made_s("probe", 2, 5, 0) == 5.0
    assert times.made_s("probe", 3, 5, 0) is None
    assert times.made_s("probe", 1, 17, 0) is None, "nobody counts the packets of this service"
    assert times.made_s("other", 1, 5, 0) is None


def test_where_a_sample_is_missing_nobody_knows() -> None:
    nan = math.nan
    times = PacketTimes(signals([1, nan, 1, 1], [1, nan, 2, 3]), 10**9)
    assert [times.made_s("probe", 1, 5, number) for number in range(3)] == [1.0, None, 4.0]


def test_a_trigger_of_unknown_time_decides_nothing(tmp_path: Path) -> None:
    """Without the counts in the samples stamps are all there is, and they prove nothing."""
    text = BASE.format(faults="[]")
    scenario = load_text(text, file="wrong-clock.yaml")
    plain = {s: tuple(n for n in names if not n.endswith("_generated")) for s, names in scenario.truth_signals.items()}
    scenario = scenario.model_copy(update={"truth_signals": plain})
    directory = create(scenario.name, tmp_path / "run")
    root.prepare(directory, scenario, text)
    summary: Any = conclude(directory, root.fly_in_process(scenario, directory), mode="in-process", pace="free")
    for row in summary["expectations"]:
        assert (row["verdict"], row["reason"]) == ("INCONCLUSIVE", "its trigger came, but nobody knows when")
    assert exit_status(summary) == 1
