"""Runs as processes from which one is taken by the machine: stopped, killed for good, its archive deleted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kits.runs import command, summary_of, write

TWO = """\
skyrack: 1
name: two
epoch: 2026-08-12T00:00:00Z
duration: 4 min
tick: 1 s
seed: 7
environment: {solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - {id: sc-1, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 85 deg}}}
  - {id: sc-2, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 84 deg}}}
stations: [svalbard]
timeline:
  - {at: 5 s, telecommand: {to: sc-1, name: test.ping}}
expectations:
  - always sc-1.battery_soc > 20 %
  - always sc-2.mode == NOMINAL
range: {missing_tock: POLICY, tock_timeout: 1 s}
"""


@contextmanager
def flying(folder: Path, policy: str) -> Iterator[tuple[Path, subprocess.Popen[str], dict[str, int]]]:
    """A paced run that has flown for some seconds, and its process ids."""
    out = folder / "run"
    arguments = ("run", write(folder, TWO.replace("POLICY", policy)), "--pace", "x20", "--out", out)
    with subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if " of 0:04:00" in line and not line.startswith("0:00:0"):
                break
        yield out, process, json.loads((out / "run.json").read_text())["pids"]


def ended(out: Path, process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    printed, errors = process.communicate(timeout=100)
    assert process.returncode == 3, printed + errors
    assert "Traceback" not in errors
    assert "NOT SOUND" in printed
    assert "ledger closed" not in printed
    summary = summary_of(out)
    assert "<title>two: PASS" not in (out / "report.html").read_text(encoding="utf-8")
    assert summary["recorded"]["trace"]["telecommands"] == {"sent": 1, "completed": 1}
    assert summary["telemetry"]["total"]["unaccounted"] is None
    return summary, " ".join(printed.split())


def test_a_ground_that_is_stopped(tmp_path: Path) -> None:
    with flying(tmp_path, "continue") as (out, process, pids):
        os.kill(pids["ground"], signal.SIGSTOP)
        summary, printed = ended(out, process)
    assert [loss["id"] for loss in summary["lost"]] == ["ground"]
    assert summary["complete"] is True
    assert set(summary["telecommands"].values()) == {None}
    assert "telecommands unknown, ground gave no account; as far as recorded: 1 sent, 1 completed" in printed
    assert summary["recorded"]["archive"]["packets"] > 0
    assert f"{summary['recorded']['archive']['packets']} packets in the archive" in printed
    assert [row["verdict"] for row in summary["expectations"]] == ["PASS", "PASS"], "the spacecraft were there"


@pytest.mark.slow
def test_a_spacecraft_that_is_stopped(tmp_path: Path) -> None:
    with flying(tmp_path, "continue") as (out, process, pids):
        os.kill(pids["sc-2"], signal.SIGSTOP)
        summary, printed = ended(out, process)
    assert [loss["id"] for loss in summary["lost"]] == ["sc-2"]
    assert summary["telecommands"]["completed"] == 1
    assert summary["telemetry"]["spacecraft"]["sc-1"]["unaccounted"] == 0
    assert summary["telemetry"]["spacecraft"]["sc-2"]["generated"] is None
    assert [row["verdict"] for row in summary["expectations"]] == ["PASS", "INCONCLUSIVE"]
    assert "sc-2 gave no answer" in printed


@pytest.mark.slow
def test_a_paced_run_that_gives_up(tmp_path: Path) -> None:
    with flying(tmp_path, "stop") as (out, process, pids):
        os.kill(pids["sc-2"], signal.SIGSTOP)
        summary, printed = ended(out, process)
    assert summary["lost"][0]["id"] == "sc-2"
    assert summary["complete"] is False
    assert summary["recorded"]["archive"]["packets"] > 0
    assert "packets in the archive" in printed


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["continue", "stop"])
def test_a_bus_that_is_killed(policy: str, tmp_path: Path) -> None:
    with flying(tmp_path, policy) as (out, process, pids):
        os.kill(pids["bus"], signal.SIGKILL)
        summary, printed = ended(out, process)
    assert {loss["id"] for loss in summary["lost"]} == {"bus", "sc-1", "sc-2", "ground"}
    assert "bus was lost at tick" in printed
    assert "was killed by SIGKILL" in printed


@pytest.mark.slow
def test_an_archive_that_is_deleted_in_mid_run(tmp_path: Path) -> None:
    with flying(tmp_path, "continue") as (out, process, _):
        for path in out.glob("archive.sqlite*"):
            path.unlink()
        summary, printed = ended(out, process)
    assert summary["lost"] == []
    assert summary["telecommands"]["completed"] == 1
    assert summary["recorded"]["archive"]["trouble"] == "there is none"
    assert "the archive is not what the ground wrote: there is none" in printed


@pytest.mark.slow
def test_a_ground_that_is_killed_for_good(tmp_path: Path) -> None:
    """Killed again as often as it is started."""
    with flying(tmp_path, "continue") as (out, process, pids):
        os.kill(pids["ground"], signal.SIGKILL)
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("ground was started again"):
                os.kill(json.loads((out / "run.json").read_text())["pids"]["ground"], signal.SIGKILL)
        summary, printed = ended(out, process)
    assert [loss["id"] for loss in summary["lost"]] == ["ground"]
    assert summary["lost"][0]["reason"]
    assert "ground was lost at tick" in printed
