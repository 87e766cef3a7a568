"""A slow disk: in lockstep the run waits for it, on schedule answers are late and counted. Nothing is lost by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kits.runs import HOUSE, fly, summary_of, write

ANY = "tcp://127.0.0.1:0"


def flown(folder: Path, pace: str, by_s: float) -> dict[str, Any]:
    """The summary of a run of single processes that all have such a disk."""

    def slow(*words: object) -> list[str]:
        return [sys.executable, "-m", "tests.kits.slow_disk", str(by_s), *(str(word) for word in words)]

    keys, archive = ("--keys", folder / "keys"), folder / "ground" / "archive.sqlite"
    binds = ("--bind", ANY, "--bind-range", ANY, "--bind-observe", ANY)
    bus = slow("bus", "--scenario", write(folder), *keys, "--out", folder / "run", *binds, "--pace", pace)
    with subprocess.Popen(
        [*bus, "--archive", str(archive)], cwd=HOUSE, stderr=subprocess.PIPE, text=True
    ) as conducting:
        assert conducting.stderr is not None
        at = next(line for line in conducting.stderr if "are awaited at" in line).split()[-1]
        node = slow("node", "--id", "sc-1", "--connect", at, *keys, "--nvm", folder / "nvm")
        ground = slow("ground", "--connect", at, *keys, "--archive", archive, "--bind", ANY)
        with subprocess.Popen(node, cwd=HOUSE) as flying, subprocess.Popen(ground, cwd=HOUSE) as operating:
            said = conducting.stderr.read()
            assert (conducting.wait(), flying.wait(), operating.wait()) == (0, 0, 0), said
    return summary_of(folder / "run")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_in_lockstep_a_slow_disk_changes_nothing_but_the_time(tmp_path: Path) -> None:
    slow = flown(tmp_path, "free", 0.1)
    expected = fly(tmp_path / "here", write(tmp_path), "--in-process")
    assert slow["wall_s"] > 60 * 0.1
    assert slow["trace_hash"] == expected["trace_hash"]
    assert slow["telemetry"] == expected["telemetry"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_on_schedule_a_slow_disk_is_counted_and_every_ledger_closes(tmp_path: Path) -> None:
    slow = flown(tmp_path, "x20", 0.1)
    assert slow["complete"] and slow["lost"] == []
    assert slow["late_ticks"] > 0
    assert slow["telemetry"]["spacecraft"]["sc-1"]["unaccounted"] == 0
