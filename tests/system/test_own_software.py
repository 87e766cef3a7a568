"""Flight software of a user's own, as the how-to prints it: in one process and in many, killed, and wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.kits.runs import HOUSE, command, fly, skyrack, summary_of
from tests.system.test_docs import blocks

PAGE = HOUSE / "docs" / "how-to" / "own-flight-software.md"
MOST_LINES = 60
ALLOW = ("--flight-software", "thrifty:Thrifty")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the page."""
    for block in blocks(PAGE):
        if "file" in block.words:
            (tmp_path / block.words["file"]).write_text(block.text)
    return tmp_path


def changed(folder: Path, file: str, *changes: tuple[str, str]) -> Path:
    path = folder / file
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)
    return path


def software_of(summary: dict[str, Any]) -> dict[str, Any]:
    (row,) = summary["flight_software"]
    assert isinstance(row, dict)
    return row


def test_the_example_is_as_long_as_it_says(folder: Path) -> None:
    lines = [line for line in (folder / "thrifty.py").read_text().splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES


def test_it_flies_the_same_in_one_process_and_in_many_and_when_one_is_killed(folder: Path) -> None:
    """The telecommand is done once, the ledger closes, the ground decodes what the class declares, and a node that is
    killed by the machine comes back from its snapshot."""
    scenario = changed(folder, "mine.yaml", ("expectations:", "range: {snapshot_every: 50}\nexpectations:"))
    one = fly(folder / "one", scenario, *ALLOW, "--in-process", cwd=folder)
    many = fly(folder / "many", scenario, *ALLOW, cwd=folder)
    arguments = ("run", scenario, *ALLOW, "--out", folder / "killed")
    with subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if " of 0:10:00" in line and not line.startswith("0:00:00"):
                break
        pids = json.loads((folder / "killed" / "run.json").read_text())["pids"]
        os.kill(pids["mine-1"], signal.SIGKILL)
        process.stderr.read()
    killed = summary_of(folder / "killed")
    assert one["trace_hash"] == many["trace_hash"] == killed["trace_hash"]
    assert killed["restarts"] in (0, 1)  # 0: it was quicker than we
    assert [row["verdict"] for row in one["expectations"]] == ["PASS"]
    assert one["telecommands"]["sent"] == one["telecommands"]["completed"] == 1
    assert one["telemetry"]["spacecraft"]["mine-1"]["unaccounted"] == 0
    assert one["telemetry"]["spacecraft"]["mine-1"]["archived"] > 15
    own = software_of(many)
    assert (own["id"], own["name"], own["crashes"], own["refused"]) == ("mine-1", "thrifty:Thrifty", 0, {})
    assert own["unknown"][:3] == ["mode", "verifications_generated", "housekeeping_generated"]
    assert "payload_shed" not in own["unknown"] and "telemetry_generated" not in own["unknown"]
    report = (folder / "many" / "report.html").read_text()
    assert "mine-1 flew thrifty:Thrifty" in report and "it does not tell: mode" in report
    result = skyrack("export", folder / "many", "--to", "csv")
    assert result.returncode == 0, result.stderr
    rows = (folder / "many" / "csv" / "telemetry.csv").read_text().splitlines()
    limits = [row.split(",") for row in rows if row.startswith("mine-1,") and ",limit," in row]
    assert limits[0][5] == "0.5" and limits[-1][5] == "0.6"  # as commanded, over the reboot
    assert {row[6] for row in limits} == {""}  # when they were made: it does not count them, so nobody knows


def test_one_that_crashes_and_talks_nonsense_flies_to_the_end(folder: Path) -> None:
    """Counted, told, in one process and in many: nobody is lost, nothing stalls, the other flies on."""
    end, sick = "        return Cycle(orders, sent)", "        self.off, orders = soc < self.limit, []\n"
    changed(
        folder,
        "thrifty.py",
        (end, f"        orders.append(Order('reactor', 'power', 0, 1.0))\n{end}"),
        (sick, f"{sick}        assert obt_ns % (90 * 10**9) < 60 * 10**9, 'sick'\n"),
    )
    scenario = changed(folder, "mine.yaml", ("10 min", "4 min"))
    one = skyrack("run", scenario, *ALLOW, "--out", folder / "one", "--no-progress", "--in-process", cwd=folder)
    many = skyrack("run", scenario, *ALLOW, "--out", folder / "many", cwd=folder)
    assert one.returncode == many.returncode == 1, one.stderr + many.stderr  # software_faults == 0 does not hold
    summaries = [summary_of(folder / "one"), summary_of(folder / "many")]
    assert summaries[0]["trace_hash"] == summaries[1]["trace_hash"]
    own = software_of(summaries[1])
    assert own == software_of(summaries[0]) and own["crashes"] > 10 and own["refused"]["unknown_order"] > 50
    assert summaries[1]["complete"] and not summaries[1]["lost"]
    assert one.stderr.count("AssertionError: sick") == 3 and "thrifty.py" in one.stderr
    assert "allowed: accelerators.enable" in one.stderr
    log = (folder / "many" / "log" / "mine-1.log").read_text()
    assert log.count("AssertionError: sick") == 3
    assert "AssertionError: sick" in many.stderr  # whoever watches hears of it too
    assert f"{own['crashes']} crashes" in " ".join(many.stdout.split())
    ledger = summaries[1]["telemetry"]["spacecraft"]["mine-1"]
    assert ledger["unaccounted"] == 0


def test_a_file_alone_does_not_fly(folder: Path) -> None:
    for verb in ("check", "run", "truth"):
        result = skyrack(verb, folder / "mine.yaml", cwd=folder)
        assert result.returncode == 2 and "--flight-software thrifty:Thrifty" in result.stderr, result.stderr
        assert result.stderr.count("allowed:") == 1, result.stderr  # and what follows from it is no mistake of its own
    assert not (folder / "out").exists()


def test_what_is_allowed_and_flies_nowhere_is_a_mistake() -> None:
    result = skyrack("check", "quick", "--flight-software", "os:nope")
    assert result.returncode == 2 and "os:nope: no spacecraft of this scenario names it" in result.stderr


def test_processes_by_hand_have_the_option(folder: Path) -> None:
    for verb in ("bus", "node", "ground", "replay", "list"):
        result = skyrack(verb, "--help")
        assert "--flight-software" in result.stdout, verb


def test_replay_takes_no_other_sources(folder: Path) -> None:
    scenario = changed(folder, "mine.yaml", ("10 min", "3 min"))
    fly(folder / "run", scenario, *ALLOW, "--in-process", cwd=folder)
    where = ("replay", folder / "run", "--spacecraft", "mine-1", "--flight-software")
    same = skyrack(*where, f"{folder}/thrifty:Thrifty", cwd=folder.parent)
    assert same.returncode == 0 and "the same to the bit" in same.stdout, same.stderr
    changed(folder, "thrifty.py", ("0.5, (0, -1)", "0.4, (0, -1)"))
    other = skyrack(*where, f"{folder}/thrifty:Thrifty", cwd=folder.parent)
    assert other.returncode == 2 and "allowed: those that were flown" in other.stderr, other.stderr
    assert "Traceback" not in other.stderr
