"""`skyrack report`: a run whose bus was killed is judged from its record; one that was judged is shown as it ended."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from bus.errors import SkyrackError
from bus.trace.reader import TraceReader
from bus.trace.writer import TraceWriter, is_being_written
from faults.commands.report import report
from faults.run_directory import RunDirectory
from tests.kits.runs import TINY, fly_text, skyrack

Told = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("reported")
    fly_text(TINY, folder)
    return RunDirectory(folder / "run")


@pytest.fixture
def killed(flown: RunDirectory, tmp_path: Path) -> RunDirectory:
    """As a bus leaves it that is killed in tick 40."""
    run = RunDirectory(shutil.copytree(flown.path, tmp_path / "out" / "run"))
    with TraceReader(run.trace) as reader:
        offset, length = reader._blocks[40]
    run.trace.write_bytes(run.trace.read_bytes()[: offset + length // 2])
    run.summary.unlink()
    run.report.unlink()
    run.run.write_text(json.dumps({"state": "running", "pace": "x20", "supervisor": 1}), encoding="utf-8")
    return run


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    def tell(run: RunDirectory, archive: Path | None = None) -> tuple[int, dict[str, Any]]:
        with pytest.raises(typer.Exit) as end:
            report(run.path, archive=archive, json=True)
        return end.value.exit_code, json.loads(capsys.readouterr().out)

    return tell


def test_a_run_without_verdicts_is_judged_as_far_as_its_record_reaches(killed: RunDirectory, told: Told) -> None:
    status, summary = told(killed)
    assert (status, summary["complete"], summary["ticks"]) == (3, False, 40)
    assert (summary["mode"], summary["pace"]) == ("processes", "x20")
    assert [summary[name] for name in ("wall_s", "node_steps_per_s", "restarts", "refused")] == [None] * 4
    assert next(loss["id"] for loss in summary["lost"]) == "bus"
    assert json.loads(killed.summary.read_text(encoding="utf-8")) == summary
    assert "<html" in killed.report.read_text(encoding="utf-8")
    assert json.loads(killed.run.read_text(encoding="utf-8"))["state"] == "failed", "nobody takes it for a live one"
    shown = skyrack("report", killed.path)
    assert (shown.returncode, "NOT SOUND" in shown.stdout) == (3, True)


def test_the_archive_of_containers_is_found_beside_the_results(
    killed: RunDirectory, told: Told, tmp_path: Path
) -> None:
    (tmp_path / "archive").mkdir()
    killed.archive.rename(tmp_path / "archive" / "run.sqlite")
    _, summary = told(killed)
    assert killed.archive.is_file() and summary["recorded"]["archive"]["packets"] is not None


def test_an_archive_that_is_named_is_fetched(killed: RunDirectory, told: Told, tmp_path: Path) -> None:
    killed.archive.rename(tmp_path / "elsewhere.sqlite")
    assert told(killed, tmp_path / "elsewhere.sqlite")[1]["recorded"]["archive"]["packets"] is not None


def test_a_run_that_was_judged_is_shown_and_left_as_it_is(flown: RunDirectory, told: Told) -> None:
    before = {path: path.stat().st_mtime_ns for path in flown.path.iterdir()}
    status, summary = told(flown)
    assert (status, summary) == (0, json.loads(flown.summary.read_text(encoding="utf-8")))
    assert {path: path.stat().st_mtime_ns for path in flown.path.iterdir()} == before


def test_a_trace_knows_who_writes_it(flown: RunDirectory, tmp_path: Path) -> None:
    with TraceReader(flown.trace) as reader:
        header = reader.header
    with TraceWriter(tmp_path / "trace.bin", header):
        assert is_being_written(tmp_path / "trace.bin")
    assert not is_being_written(tmp_path / "trace.bin")


def flying(run: RunDirectory) -> object:
    with TraceReader(run.trace) as reader:
        header = reader.header
    return TraceWriter(run.trace, header)


def unflown(run: RunDirectory) -> object:
    with TraceReader(run.trace) as reader:
        TraceWriter(run.trace, reader.header).abandon()
    return None


def without_trace(run: RunDirectory) -> object:
    run.trace.unlink()
    return None


def with_text_for_a_summary(run: RunDirectory) -> object:
    run.summary.write_text("[]", encoding="utf-8")
    return None


def with_half_a_summary(run: RunDirectory) -> object:
    run.summary.write_text('{"expectations": [], "lost": []}', encoding="utf-8")
    return None


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (flying, "is still flying"),
        (unflown, "no complete tick: nothing was flown"),
        (without_trace, "cannot read the trace"),
        (with_text_for_a_summary, "summary.json is damaged: it is no object"),
        (with_half_a_summary, "summary.json is damaged: KeyError"),
    ],
)
def test_what_cannot_be_judged_is_told_with_status_2(
    spoil: Callable[[RunDirectory], object], complaint: str, killed: RunDirectory
) -> None:
    held = spoil(killed)
    with pytest.raises(SkyrackError, match=complaint) as refused:
        report(killed.path)
    assert refused.value.exit_status == 2
    assert not killed.report.exists()
    del held
