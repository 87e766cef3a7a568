"""A job that moves over an optical link, with the whole range around it: one hash in every kind of run, and replay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from faults.recording.books import Books
from faults.recording.crosslinks import in_words, read_crosslinks
from faults.recording.read import read_recording
from faults.run_directory import RunDirectory
from tests.kits.runs import fly, skyrack


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    directory = tmp_path_factory.mktemp("two-racks") / "run"
    return directory, fly(directory, "two-racks", "--in-process")


def test_the_job_moves_while_its_link_breaks(flown: tuple[Path, dict[str, Any]]) -> None:
    _, summary = flown
    assert {each["verdict"] for each in summary["expectations"]} == {"PASS"}
    assert summary["telecommands"]["completed"] == 3


def test_summary_and_report_tell_what_passed_between_them(flown: tuple[Path, dict[str, Any]]) -> None:
    directory, summary = flown
    rows = summary["crosslinks"]
    assert set(rows) == {"rack-1", "rack-2"}
    assert [sum(row[name] for row in rows.values()) for name in ("jobs_out", "jobs_in")] == [1, 1]
    sent, received, lost = (
        sum(row[f"frames_{name}"] for row in rows.values()) for name in ("sent", "received", "lost")
    )
    assert sent > 100 and received <= sent <= received + lost and lost > 0, "its link broke"
    giver = max(rows.values(), key=lambda row: row["jobs_out"])
    assert giver["bytes_sent"] > 1e9, "a checkpoint is larger than that"
    page = (directory / "report.html").read_text(encoding="utf-8")
    assert "Between spacecraft" in page and f"{giver['bytes_sent']:,} B sent" in page


def test_what_nobody_told_is_unknown(flown: tuple[Path, dict[str, Any]]) -> None:
    recording = read_recording(RunDirectory(flown[0]))
    recording.books = Books()
    row = read_crosslinks(recording, None)["rack-1"]
    assert set(row.values()) == {None}
    assert "jobs given unknown" in in_words("rack-1", row) and "unknown B sent" in in_words("rack-1", row)


@pytest.mark.slow
@pytest.mark.parametrize("how", [(), ("--per-process", "2")], ids=["processes", "one process of two"])
def test_between_processes_it_is_the_same(
    flown: tuple[Path, dict[str, Any]], tmp_path: Path, how: tuple[str, ...]
) -> None:
    assert fly(tmp_path / "run", "two-racks", *how)["trace_hash"] == flown[1]["trace_hash"]


@pytest.mark.slow
@pytest.mark.parametrize("id", ["rack-1", "rack-2"])
def test_each_replays_alone_with_the_frames_that_it_got(flown: tuple[Path, dict[str, Any]], id: str) -> None:
    done = skyrack("replay", str(flown[0]), "--spacecraft", id, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)
