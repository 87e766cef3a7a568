"""The shipped day of operations: all of it in the slow suite, its first hours in the fast one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from faults.scenarios.choose import shipped_scenarios
from tests.kits.runs import fly_text

DAY = shipped_scenarios()["operations-day"]
MORNING = "2 h 40 min"
IN_THE_MORNING = (
    "within 2 min of false-alarm: dusk-1-3.payload_power_w < 100 W",
    "within 10 min of telecommand dusk-1-3.payload.on: dusk-1-3.payload_power_w > 5 kW",
)


def flown(text: str, folder: Path) -> dict[str, Any]:
    """A flight whose ledgers close stream by stream (as in every test), without a fault that was refused."""
    summary = fly_text(text, folder)
    assert summary["refused_faults"] == 0
    assert summary["telecommands"]["indeterminate"] == summary["telecommands"]["expired"] == 0
    return summary


@pytest.mark.timeout(900)
def test_the_morning_rolls_a_parameter_out_and_changes_a_limit_in_flight(tmp_path: Path) -> None:
    text = DAY.read_text(encoding="utf-8").replace("duration: 24 h", f"duration: {MORNING}")
    summary = flown(text, tmp_path)
    verdicts = {row["text"]: row["verdict"] for row in summary["expectations"]}
    assert {verdicts[sentence] for sentence in IN_THE_MORNING} == {"PASS"}
    quiet = [text for text in verdicts if text.startswith("always dusk") or text.startswith("always late")]
    assert len(quiet) >= 5
    assert {verdicts[sentence] for sentence in quiet} == {"PASS"}
    assert [row["value"] for row in summary["parameters"] if row["parameter"] == "power.shed_below_soc"] == [0.45] * 8


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_whole_day(tmp_path: Path) -> None:
    summary = flown(DAY.read_text(encoding="utf-8"), tmp_path)
    assert [row for row in summary["expectations"] if row["verdict"] != "PASS"] == []
    assert [run["state"] for run in summary["procedures"]] == ["COMPLETED"]
    assert summary["never_sent"] == {"telecommands": 0, "faults": 0}
    assert summary["telecommands"]["sent"] == summary["telecommands"]["completed"]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    for told in ("safe-mode-recovery", "monitoring.modify", "station-out", "lost-group", "payload_shed", "lost-tray"):
        assert told in page, told
