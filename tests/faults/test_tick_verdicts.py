"""The tick is a matter of resolution: a verdict does not depend on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run_directory import create
from faults.scenarios.load import load_text

ONE_ORBIT = """\
skyrack: 1
name: one-orbit
epoch: 2026-06-10T00:00:00Z
duration: 1 orbits
tick: {tick}
seed: 1
environment: {{solar_activity: minimum, solar_event: none, storm_density_factor: 1}}
stations: []
spacecraft:
  - id: sc-1
    design: ai1-june
    orbit: {{sso: {{altitude: 650 km, ltan: "06:00", argument_of_latitude: 0 deg}}}}
expectations:
  - never sc-1.mode == SURVIVAL
  - always sc-1.battery_soc > 30 %
"""


@pytest.mark.parametrize(
    "tick", ["10 s", "5 s", pytest.param("1 s", marks=pytest.mark.slow), pytest.param("100 ms", marks=pytest.mark.slow)]
)
def test_a_large_design_flies_an_orbit_without_survival_at_every_tick(tmp_path: Path, tick: str) -> None:
    text = ONE_ORBIT.format(tick=tick)
    scenario = load_text(text, file="one-orbit.yaml")
    directory = create(scenario.name, tmp_path / "run")
    root.prepare(directory, scenario, text)
    summary = conclude(directory, root.fly_in_process(scenario, directory), mode="in-process", pace="free")
    assert [row["verdict"] for row in summary["expectations"]] == ["PASS", "PASS"]
    total = summary["telemetry"]["total"]
    assert total["unaccounted"] == 0
    assert total["generated"] == pytest.approx(1365, abs=5)  # as many reports at every tick
