"""The debrief: what the operator's side made of each fault, out of an archive written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from faults.commands.train import told
from faults.recording.injections import Injected
from faults.run_directory import RunDirectory
from faults.training import debrief as module
from faults.training.debrief import debrief
from groundstation.archive.writer import Archive
from tests.kits.ground_kit import DICTIONARY

S = 1_000_000_000


def fault(id: str, name: str, target: str, at_s: float | None, cleared_s: float | None = None) -> Injected:
    return Injected(id, name, target, "plant", "active" if at_s is not None else "asked", at_s, cleared_s)


def alarm(number: int, spacecraft: str, raised_s: int, steps: list[tuple[int, str, str]]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [
        ("alarms", 1, number, spacecraft, f"subject_{number}", "limit", 2, steps[-1][2], 0, raised_s * S, raised_s * S,
         steps[-1][0] * S, 1, "{}")
    ]  # fmt: skip
    rows += [("alarm_log", 1, number, step, at * S, what, state, 2, "") for step, (at, what, state) in enumerate(steps)]
    return rows


def telecommand(request: int, spacecraft: str, name: str, origin: str, at_s: int) -> tuple[Any, ...]:
    return (
        "telecommands",
        1,
        request,
        spacecraft,
        name,
        "{}",
        origin,
        at_s * S,
        9999 * S,
        "COMPLETED",
        1,
        at_s * S,
        "",
    )


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    archive = Archive(tmp_path / "archive.sqlite", durable=False)
    archive.write([
        ("dictionaries", DICTIONARY.version, "test", DICTIONARY.model_dump_json()),
        *alarm(1, "sat-1", 50, [(50, "raised", "ACTIVE")]),  # before any fault
        *alarm(2, "sat-1", 130, [
            (130, "raised", "ACTIVE"), (160, "acknowledged", "ACKNOWLEDGED"), (400, "cleared", "CLOSED")
        ]),
        *alarm(3, "sat-1", 200, [(200, "raised", "ACTIVE"), (300, "cleared", "CLEARED")]),
        *alarm(4, "sat-2", 520, [(520, "raised", "ACTIVE"), (560, "cleared", "CLEARED"), (600, "again", "ACTIVE")]),
        telecommand(0, "sat-1", "test.ping", "timeline", 140),
        telecommand(1, "sat-2", "test.ping", "operator 7", 150),
        telecommand(2, "sat-1", "payload.off", "operator 8", 170),
        ("procedures", 1, 1, "recovery", '["sat-2"]', "{}", "operator", 540 * S, "COMPLETED", 700 * S, ""),
    ])  # fmt: skip
    archive.close()
    faults = [
        fault("late", "valve_stuck", "sat-2", 500.0), fault("a.0", "cell_runaway", "sat-1", 100.0, 350.0),
        fault("a.1", "cell_runaway", "sat-1", 101.0), fault("b", "string_open", "sat-1", 180.0),
        fault("quiet", "drift", "sat-3", 10.0), fault("never", "drift", "sat-3", None),
    ]  # fmt: skip
    monkeypatch.setattr(module, "injected", lambda _: faults)
    return RunDirectory(tmp_path)


def test_each_fault_that_acted_has_its_times_from_the_operator_s_side(run: RunDirectory) -> None:
    quiet, first, second, late = debrief(run)
    assert (first.fault, first.seen_s, first.alarm) == ("cell_runaway", 130.0, "subject_2"), "not the one from before"
    assert (first.acknowledged_s, first.acted_s, first.action) == (160.0, 170.0, "payload.off"), "not the timeline's"
    assert (first.recovered_s, first.overlaps) == (400.0, ("string_open",))
    assert (second.seen_s, second.recovered_s, second.acted_s) == (200.0, 300.0, None)
    assert (late.acted_s, late.action, late.recovered_s) == (540.0, "procedure recovery", None), "it came back"
    assert (quiet.fault, quiet.seen_s, quiet.recovered_s) == ("drift", None, None)


def test_it_reads_as_times_after_the_onset(run: RunDirectory) -> None:
    text = "".join(told(debrief(run)))
    assert "sat-1 cell_runaway, at 0:01:40" in text and "seen          after 0:00:30 (subject_2)" in text
    assert "never: no alarm told of it" in text and "unknown: no alarm told of it" in text
    assert "not at the end" in text and "string_open: these times are shared" in text
