"""A timeline with `on_board: true`: uploaded in the first contact, released by the spacecraft's own clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import ScenarioError
from faults.recording.read import read_recording
from faults.run_directory import RunDirectory
from faults.scenarios.load import load_text
from tests.kits.runs import TINY, fly, write

WAITING = "  - {at: 50 s, on_board: true, telecommand: {to: sc-1, name: mode.set, arguments: {mode: SAFE}}}\n"


def with_timeline(line: str) -> str:
    return TINY.replace("expectations:\n", f"timeline:\n{line}expectations:\n")


def test_an_entry_becomes_an_insertion_at_the_start() -> None:
    entry = load_text(with_timeline(WAITING), file="tiny.yaml").timeline[0]
    assert (entry.at_s, entry.telecommand) == (0.0, "schedule.insert")
    assert entry.arguments == {
        "at": 50.0, "sub_schedule": 0, "schedule_group": 0, "telecommand": "mode.set", "mode": "SAFE",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("SAFE", "PARTY", "timeline[0].telecommand.arguments.mode: found 'PARTY'; allowed: LEOP | NOMINAL"),
        ("mode.set", "mode.sat", "timeline[0].telecommand.name: found 'mode.sat'; allowed: a known telecommand"),
        ("at: 50 s", "at: 0 s", "timeline[0].at: found '0 s'"),
        (
            "mode.set, arguments: {mode: SAFE}",
            "schedule.insert, arguments: {at: 9 s, telecommand: test.ping}",
            "timeline[0].telecommand.name: found 'schedule.insert'",
        ),
        (
            "mode.set, arguments: {mode: SAFE}",
            "schedule.shift, arguments: {entry: 1, by_s: 3}",
            "timeline[0].telecommand.arguments.by_s: found the plain number 3",
        ),
    ],
)
def test_mistakes_are_those_of_the_telecommand_itself(old: str, new: str, expected: str) -> None:
    assert old in WAITING
    with pytest.raises(ScenarioError) as caught:
        load_text(with_timeline(WAITING.replace(old, new)), file="tiny.yaml")
    assert [str(m) for m in caught.value.mistakes if expected in str(m)], [str(m) for m in caught.value.mistakes]


def test_it_flies(tmp_path: Path) -> None:
    fly(tmp_path / "out", write(tmp_path, with_timeline(WAITING)), "--in-process")
    recording = read_recording(RunDirectory(tmp_path / "out"))
    at_s = [event.at_s for event in recording.events if event.name == "mode_changed"]
    assert len(at_s) == 1 and 50.0 <= at_s[0] <= 52.0
    assert [t.name for t in recording.telecommands] == ["schedule.insert"]
