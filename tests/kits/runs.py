"""Runs for tests: `skyrack` as a user types it, in a process of its own or in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faults.run.compose import fly_in_process, prepare
from faults.run.conclude import conclude
from faults.run_directory import RunDirectory, create
from faults.scenarios.load import load_text
from tests.kits import ledger

HOUSE = Path(__file__).resolve().parents[2]
PATIENCE_S = 150

TINY = """\
skyrack: 1
name: tiny
epoch: 2026-08-12T00:00:00Z
duration: 60 s
tick: 1 s
seed: 7
environment: {solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - id: sc-1
    design: pathfinder
    orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 85 deg}}
stations: [svalbard]
expectations:
  - always sc-1.battery_soc > 20 %
"""
"""One spacecraft, one minute, over Svalbard."""


def command(*arguments: object) -> list[str]:
    return [sys.executable, str(HOUSE / "skyrack.py"), *(str(argument) for argument in arguments)]


def skyrack(
    *arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """One call of `skyrack` in a process of its own; whatever it ends with."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=cwd or HOUSE,
        env={**os.environ, **(env or {})},
    )


def fly(
    out: Path, scenario: object, *arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> dict[str, Any]:
    """Fly a scenario into `out`; gives its summary. Fails with what was printed if the range failed."""
    result = skyrack("run", scenario, "--out", out, "--no-progress", *arguments, env=env, cwd=cwd)
    assert result.returncode in (0, 1), f"exit {result.returncode}\n{result.stdout}\n{result.stderr}"
    return summary_of(out)


def fly_text(text: str, folder: Path) -> dict[str, Any]:
    """Fly a scenario's text in this process, into `folder`/run; gives its summary. The range must not fail."""
    scenario = load_text(text, file="scenario.yaml")
    directory = create(scenario.name, folder / "run")
    prepare(directory, scenario, text)
    flown = fly_in_process(scenario, directory)
    assert flown.failure is None, flown.failure
    summary: dict[str, Any] = dict(conclude(directory, flown, mode="in-process", pace="free"))
    assert {row["unaccounted"] for row in summary["telemetry"]["spacecraft"].values()} == {0}
    return summary


def summary_of(out: Path) -> dict[str, Any]:
    """The summary of a run. Where it says that a ledger closes, it closes stream by stream and packet by packet."""
    content = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    ledger.check(RunDirectory(out), ledger.said_to_close(content))
    return content


def write(folder: Path, text: str = TINY, name: str = "tiny.yaml") -> Path:
    """A scenario file of that text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
