"""Same scenario and seed, same trace hash: again, as processes, in other surroundings, and through accidents.
Another seed, another hash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from groundstation.archive.reader import ArchiveReader
from tests.kits.runs import HOUSE, command, fly, summary_of, write

LONG = ("--duration", "40 min")
"""Long enough for an accident in the middle: some seconds of flight."""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """`quick` in one process."""
    return fly(tmp_path_factory.mktemp("reference") / "run", "quick", "--in-process")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The long `quick` in one process."""
    return fly(tmp_path_factory.mktemp("undisturbed") / "run", "quick", "--in-process", *LONG)


def test_again_and_with_another_seed(reference: dict[str, Any], tmp_path: Path) -> None:
    again = fly(tmp_path / "again", "quick", "--in-process")
    other = fly(tmp_path / "other", "quick", "--in-process", "--seed", reference["seed"] + 1)
    assert again["trace_hash"] == reference["trace_hash"]
    assert other["trace_hash"] != reference["trace_hash"]


def test_other_surroundings_give_the_same_hash(reference: dict[str, Any], tmp_path: Path) -> None:
    for number, surroundings in enumerate(
        (
            {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Pacific/Kiritimati"},
            {"PYTHONHASHSEED": "4242", "LC_ALL": "C.UTF-8", "TZ": "America/St_Johns", "COLUMNS": "40"},
        )
    ):
        elsewhere = tmp_path / f"folder {number}"
        elsewhere.mkdir()
        summary = fly(elsewhere / "run", "quick", "--in-process", env=surroundings, cwd=elsewhere)
        assert summary["trace_hash"] == reference["trace_hash"], surroundings


def test_processes_give_the_hash_of_one_process(reference: dict[str, Any], tmp_path: Path) -> None:
    surroundings = {"PYTHONHASHSEED": "77", "TZ": "Asia/Kathmandu"}
    summary = fly(tmp_path / "run", "quick", env=surroundings, cwd=tmp_path)
    assert summary["mode"] == "processes"
    assert summary["trace_hash"] == reference["trace_hash"]
    assert summary["telemetry"] == reference["telemetry"]
    assert summary["telecommands"] == reference["telecommands"]


@pytest.mark.parametrize("scenario", ["reboot", "kill"])
def test_a_reboot_or_kill_of_the_scenario_is_the_same_on_every_transport(scenario: str, tmp_path: Path) -> None:
    here = fly(tmp_path / "here", scenario, "--in-process")
    there = fly(tmp_path / "there", scenario)
    assert here["trace_hash"] == there["trace_hash"]
    assert there["restarts"] == 0


@pytest.mark.parametrize("victim", ["dawn-1", "ground"])
def test_a_process_killed_in_lockstep_comes_back_and_nobody_can_tell(
    victim: str, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    """kill -9 of a host process is an accident of the range, not of the scenario."""
    out = tmp_path / "run"
    with subprocess.Popen(
        command("run", "quick", "--out", out, *LONG),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=HOUSE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = []
        killed = False
        for line in process.stderr:
            said.append(line)
            if not killed and " of 0:40:00" in line:
                os.kill(json.loads((out / "run.json").read_text())["pids"][victim], signal.SIGKILL)
                killed = True
    assert process.returncode == 0, "".join(said)
    assert f"{victim} was started again\n" in said
    summary = summary_of(out)
    assert summary["restarts"] == 1
    assert summary["trace_hash"] == undisturbed["trace_hash"]
    assert summary["telemetry"] == undisturbed["telemetry"]
    assert summary["telecommands"] == undisturbed["telecommands"]


ANY = "tcp://127.0.0.1:0"


def test_single_processes_started_by_hand_give_the_same_hash(tmp_path: Path) -> None:
    """As containers would be: bus, node and ground know each other by endpoint and key directory only."""
    scenario = write(tmp_path)
    expected = fly(tmp_path / "here", scenario, "--in-process")["trace_hash"]
    keys = ("--keys", tmp_path / "keys")
    bus = command(
        "bus", "--scenario", scenario, *keys, "--out", tmp_path / "run",
        "--bind", ANY, "--bind-range", ANY, "--bind-observe", ANY,
    )  # fmt: skip
    archive = tmp_path / "ground" / "archive.sqlite"
    with subprocess.Popen(bus, stderr=subprocess.PIPE, text=True) as conducting:
        assert conducting.stderr is not None
        time = next(line for line in conducting.stderr if "are awaited at" in line).split()[-1]
        node = command("node", "--id", "sc-1", "--connect", time, *keys, "--nvm", tmp_path / "nvm")
        ground = command("ground", "--connect", time, *keys, "--archive", archive, "--bind", ANY)
        with subprocess.Popen(node) as flying, subprocess.Popen(ground) as operating:
            said = conducting.stderr.read()
            assert (conducting.wait(), flying.wait(), operating.wait()) == (0, 0, 0), said
    summary = summary_of(tmp_path / "run")
    assert summary["trace_hash"] == expected
    assert archive.stat().st_size > 0
    assert summary["recorded"]["archive"]["elsewhere"]
    assert summary["telemetry"]["total"]["archived"] == sum(ArchiveReader(archive).counts().values())
