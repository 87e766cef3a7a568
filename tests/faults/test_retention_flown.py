"""Retention declared in a scenario: a flight with and without it, what its summary, report and commands say."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bus.errors import ScenarioError
from faults.run_directory import RunDirectory
from faults.scenarios.load import load, load_text
from faults.scenarios.vocabulary import dictionary_of
from groundstation.config import RetentionRules, resolve
from skyrack import app
from tests.kits.runs import HOUSE, fly_text

QUICK = (HOUSE / "faults" / "scenarios" / "quick.yaml").read_text(encoding="utf-8")
KEEP = "retention: {age: 1 min, size: 60 kB}\n"
Key = tuple[str, int, int, int]


def _packets(run: Path) -> dict[Key, tuple[Any, ...]]:
    with closing(sqlite3.connect(RunDirectory(run).archive)) as connection:
        rows = connection.execute("SELECT * FROM packets").fetchall()
    return {row[:4]: row[4:] for row in rows}


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """quick with and without retention; the kit looks at the ledgers of both."""
    folder = tmp_path_factory.mktemp("retention")
    fly_text(QUICK, folder / "all")
    summary = fly_text(QUICK + KEEP, folder / "little")
    return folder / "all" / "run", folder / "little" / "run", summary


def test_what_is_kept_is_what_was_received_last_and_all_else_is_counted(
    flown: tuple[Path, Path, dict[str, Any]],
) -> None:
    everything, little, summary = flown
    before, after = _packets(everything), _packets(little)
    assert after.items() <= before.items(), "what is kept is kept to the bit"
    streams = {(row["spacecraft"], row["boot"], row["stream"]): row for row in summary["retention"]["streams"]}
    gone = before.keys() - after.keys()
    assert len(gone) > 100
    for key in before:
        row, received_s = streams.get(key[:3]), before[key][2] / 1e9
        assert (key in gone) == (row is not None and received_s <= row["until_s"])
    for stream, row in streams.items():
        assert row["packets"] == sum(key[:3] == stream for key in gone)
    for spacecraft, row in summary["telemetry"]["spacecraft"].items():
        assert row["retired"] == sum(key[0] == spacecraft for key in gone)
        assert row["unaccounted"] == 0
        assert row["declared_lost"] == 0, "what was retired is never called lost"
    assert summary["retention"]["kept_bytes"] <= summary["retention"]["size_bytes"] == 60_000
    assert summary["retention"]["age_s"] == 60.0


def test_without_it_no_scenario_knows_of_it(flown: tuple[Path, Path, dict[str, Any]]) -> None:
    assert json.loads(RunDirectory(flown[0]).summary.read_text())["retention"] is None
    assert b"retention" not in load_text(QUICK).to_json(), "who has none keeps its digest"


def test_report_and_commands_say_what_was_retired(flown: tuple[Path, Path, dict[str, Any]]) -> None:
    everything, little, summary = flown
    html = RunDirectory(little).report.read_text(encoding="utf-8")
    assert "Retired</th>" in html and "at most 60,000 bytes in all" in html
    assert "at most" not in RunDirectory(everything).report.read_text(encoding="utf-8").split("Telemetry ledger")[1]

    def asked(*arguments: object) -> tuple[str, str]:
        result = CliRunner().invoke(app, ["archive", *map(str, arguments)])
        assert result.exit_code == 0, result.output
        return result.stdout, result.stderr

    said, _ = asked("retired", little, "--json")
    assert json.loads(said) == summary["retention"]["streams"]
    assert asked("retired", everything)[0] == "nothing was retired\n"
    assert "received until" in asked("retired", little)[0]
    words = "packets of dawn-1, received until"
    assert words in asked("range", little, "dawn-1", "battery_soc")[1]
    assert words in asked("range", little, "dawn-1", "battery_soc", "--from", "1 min", "--every", "1 min")[1]
    assert words not in asked("range", little, "dawn-1", "battery_soc", "--from", "299 s")[1]
    assert words not in asked("range", everything, "dawn-1", "battery_soc")[1]
    assert words in asked("dumps", little, "dawn-1")[1]
    assert words in asked("levels", little)[1]
    assert asked("latest", little, "dawn-1", "battery_soc")[1] == ""


def test_a_scenario_says_what_is_kept(tmp_path: Path) -> None:
    def rules(text: str) -> RetentionRules:
        dictionaries = {design: dictionary_of(design) for design in ("formation", "pathfinder")}
        return resolve(load_text(QUICK + text), dictionaries).retention

    assert rules("") == RetentionRules()
    assert rules(KEEP) == RetentionRules(age_s=60.0, size_bytes=60_000)
    assert rules("retention: {size: 2 GB}\n").size_bytes == 2_000_000_000
    for text, place, words in (
        ("retention: {}\n", "retention", "found neither age nor size; allowed: age, size or both"),
        ("retention:\n", "retention", "found nothing; allowed: age, size or both"),
        ("retention: {age: 30}\n", "retention.age", "found the plain number 30; allowed: a time in s, ms, min, h, d"),
        ("retention: {age: 10 ms}\n", "retention.age", "found '10 ms'; allowed: 1 s to 366 d"),
        ("retention: {size: 1 kB}\n", "retention.size", "found '1 kB'; allowed: 10 kB to 1 TB"),
        ("retention: {size: 3 km}\n", "retention.size", "found '3 km'; allowed: a data size in kB, MB, GB, TB"),
        ("retention: {agee: 1 min}\n", "retention.agee", "allowed: age"),
    ):
        path = tmp_path / "wrong.yaml"
        path.write_text(QUICK + text, encoding="utf-8")
        with pytest.raises(ScenarioError) as error:
            load(path)
        (mistake,) = error.value.mistakes
        assert (mistake.line, mistake.field) == (QUICK.count("\n") + 1, place)
        assert words in str(mistake)
    (warning,) = load_text(QUICK + "retention: {age: 5 min}\n").warnings
    assert "retention.age" in warning and "less than its duration" in warning
