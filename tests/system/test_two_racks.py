"""A job that moves over an optical link, with the whole range around it: one hash in every kind of run, and replay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kits.runs import fly, skyrack


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    directory = tmp_path_factory.mktemp("two-racks") / "run"
    return directory, fly(directory, "two-racks", "--in-process")


def test_the_job_moves_while_its_link_breaks(flown: tuple[Path, dict[str, Any]]) -> None:
    _, summary = flown
    assert {each["verdict"] for each in summary["expectations"]} == {"PASS"}
    assert summary["telecommands"]["completed"] == 3


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
