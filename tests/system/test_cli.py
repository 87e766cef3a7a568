"""The front door: exit status, error texts, JSON, environment variables. In this process where that is enough."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skyrack as front
from faults.scenarios.choose import RunOptions, choose
from tests.kits.runs import HOUSE, TINY, skyrack, write

CATALOGUE = """\
STARCLOUD-1
1 66303U 25248L   26222.91582501  .00002578  00000+0  12398-3 0  9991
2 66303  45.4014 186.4206 0005240 340.0882  19.9800 15.21778484 42876
"""
COMMANDS = (
    "run", "check", "list", "bus", "node", "ground", "command", "inject", "export", "replay", "truth", "schema",
)  # fmt: skip


def called(
    *arguments: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Status, output and errors of one call in this process."""
    monkeypatch.setattr(sys, "argv", ["skyrack", *map(str, arguments)])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        front.main()
    captured = capsys.readouterr()
    status = ended.value.code
    return int(status or 0), captured.out, captured.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, output, _ = called(name, "--help", monkeypatch=monkeypatch, capsys=capsys)
    assert status == 0
    assert f"Example: skyrack {name}" in " ".join(output.split())


def test_the_first_page_names_every_command_and_starts_quickly() -> None:
    program = "import sys, skyrack; print([m for m in ('numpy', 'numba', 'zmq', 'pydantic') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]", "the front door must not load what help does not need"
    page = skyrack("--help")
    assert page.returncode == 0
    assert all(name in page.stdout for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "error", "next_step"),
    [
        (["run"], "nothing to fly", "skyrack run first-light"),
        (["run", "first-ligt"], "unknown scenario 'first-ligt'; did you mean first-light?", "first-light"),
        (["run", "no/such.yaml"], "cannot read scenario no/such.yaml: No such file", "skyrack list scenarios"),
        (["run", "quick", "--pace", "fast"], "unknown pace 'fast'", "free, realtime"),
        (["run", "quick", "--in-process", "--pace", "x60"], "needs processes", "--in-process"),
        (["run", "quick", "--duration", "; rm"], "is no value for a scenario", "90 min"),
        (["run", "--tle", "x.3le"], "--tle needs --select", "STARCLOUD"),
        (["run", "quick", "--tle", "x.3le"], "cannot both be flown", "leave one"),
        (
            ["list", "telemetry", "--design", "formatio"],
            "unknown design 'formatio'; did you mean formation?",
            "designs",
        ),
        (["replay", "no-such-run", "--spacecraft", "x"], "no-such-run is no run's directory", "out/"),
        (["export", "no-such-run", "--to", "csv"], "no-such-run is no run's directory", "out/"),
        (["command", "dawn-1", "test.ping", "--run", "no-such-run"], "no run's directory", "out/"),
        (["node", "--id", "x", "--keys", "no-such-keys"], "cannot read the key file", "keys"),
        (["node"], "which spacecraft? --ids or --share", "--share 0/4"),
        (
            ["node", "--ids", "sat-9..sat-3"],
            "found 'sat-9..sat-3'; allowed: a name such as dawn-1, or a range",
            "commas",
        ),
        (["node", "--ids", "sat-1,sat-1"], "sat-1 is there twice", "once"),
        (["node", "--share", "4/4"], "found '4/4'; allowed: K/N with K from 0 to N - 1", "--share 0/4"),
        (["alarm", "list"], "no run below out/", "skyrack run first-light"),
        (["run", "quick", "--in-process", "--per-process", "2"], "--per-process is for processes", "leave out one"),
    ],
)
def test_a_users_mistake_ends_with_status_2_and_the_next_step(  # noqa: PLR0917
    arguments: list[str],
    error: str,
    next_step: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, errors = called(*arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert status == 2, errors
    assert errors.startswith("error: ") or "\nerror: " in errors
    assert error in errors
    assert next_step in errors.partition("\n  next: ")[2]
    assert "Traceback" not in errors


def test_options_that_do_not_exist_end_with_status_2() -> None:
    result = skyrack("run", "quick", "--paec", "x60")
    assert (result.returncode, "Traceback" in result.stderr) == (2, False)


def test_every_mistake_of_a_scenario_is_shown_with_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = TINY.replace("pathfinder", "pathfindr").replace("seed: 7", "seed: x").replace("battery_soc", "batery_soc")
    path = write(tmp_path, text)
    status, _, errors = called("check", path, monkeypatch=monkeypatch, capsys=capsys)
    assert status == 2
    assert f"{path}:6:7: seed" in errors
    assert f"{path}:10:13: spacecraft[0].design" in errors
    assert "pathfinder" in errors
    status, output, _ = called("check", path, "--json", monkeypatch=monkeypatch, capsys=capsys)
    content = json.loads(output)
    assert (status, content["valid"]) == (2, False)
    assert {(m["line"], m["field"]) for m in content["mistakes"]} >= {(6, "seed"), (10, "spacecraft[0].design")}


def test_a_mistaken_expectation_is_shown_with_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(tmp_path, TINY.replace("battery_soc", "batery_soc"))
    status, _, errors = called("check", path, monkeypatch=monkeypatch, capsys=capsys)
    assert status == 2
    assert f"{path}:14:" in errors
    assert "allowed: battery_soc" in errors
    path = write(tmp_path, TINY.replace("battery_soc > 20 %", "mode == SAVE"))
    status, _, errors = called("check", path, monkeypatch=monkeypatch, capsys=capsys)
    assert status == 2
    assert "found label 'SAVE'; allowed: SAFE, " in errors
    assert all(mode in errors for mode in ("LEOP", "NOMINAL", "SURVIVAL"))


def test_entries_after_the_end_are_one_line_where_several_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    notes = [note for note in choose(RunOptions("first-light", duration="10 min")).notes if "contact" not in note]
    assert len(notes) == 1
    assert "entries of timeline and faults lie after the end (0:10:00) and never happen" in notes[0]
    text = choose(RunOptions("first-light", duration="10 min")).text
    status, output, _ = called("check", write(tmp_path, text), monkeypatch=monkeypatch, capsys=capsys)
    assert (status, output.count("never happens") > 1) == (0, True)
    [note] = choose(RunOptions("first-light", duration="160 min")).notes
    assert "timeline[10].at: found '165 min'" in note


def test_check_says_what_would_fly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(tmp_path)
    status, output, _ = called("check", path, monkeypatch=monkeypatch, capsys=capsys)
    assert status == 0
    assert "no mistakes found" in output
    assert "pathfinder" in output
    status, output, _ = called("check", path, "--json", monkeypatch=monkeypatch, capsys=capsys)
    assert (status, json.loads(output)["scenario"]["name"]) == (0, "tiny")


def test_check_names_an_unknown_fault_beside_an_unknown_design(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = TINY.replace("design: pathfinder", "design: pathfinde") + (
        "faults:\n  - {id: open, fault: strng_open, target: sc-1, at: 5 s, parameters: {string: 1}}\n"
    )
    status, _, errors = called("check", write(tmp_path, text), monkeypatch=monkeypatch, capsys=capsys)
    assert status == 2
    assert "spacecraft[0].design: found 'pathfinde'" in errors
    assert "faults[0].fault: found 'strng_open'; allowed: a known fault (did you mean string_open" in errors


@pytest.mark.parametrize("what", ["designs", "scenarios", "stations", "faults", "telecommands", "telemetry"])
def test_lists_are_tables_and_json(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, output, _ = called("list", what, "--json", monkeypatch=monkeypatch, capsys=capsys)
    rows = json.loads(output)
    assert status == 0
    assert len(rows) >= 4
    assert all(row.get("name") or row.get("id") for row in rows)
    status, text, _ = called("list", what, monkeypatch=monkeypatch, capsys=capsys)
    assert status == 0
    assert str(rows[0].get("name") or rows[0]["id"]) in text


def test_run_in_one_process_prints_the_summary_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ("run", write(tmp_path), "--in-process", "--json", "--no-progress", "--out", tmp_path / "run")
    status, output, errors = called(*arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert (status, errors) == (0, "")
    summary = json.loads(output)
    assert summary == json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["scenario"], summary["ticks"], summary["mode"]) == ("tiny", 60, "in-process")
    assert summary["complete"] is True


def test_a_failed_expectation_ends_with_status_1_and_no_colour_where_nobody_sees_it(tmp_path: Path) -> None:
    path = write(tmp_path, TINY.replace("> 20 %", "> 99 %"))
    result = skyrack("run", path, "--in-process", "--out", tmp_path / "run", env={"NO_COLOR": "1"})
    assert result.returncode == 1
    assert "FAIL" in result.stdout
    assert "0:01:00 of 0:01:00" in result.stderr, "without a terminal, progress is plain lines"
    assert "\x1b[" not in result.stdout + result.stderr


def test_environment_variables_stand_for_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    for name, value in {"SCENARIO": write(tmp_path), "SEED": 99, "OUT": out, "NO_PROGRESS": 1}.items():
        monkeypatch.setenv(f"SKYRACK_{name}", str(value))
    status, output, errors = called("run", "--in-process", "--json", monkeypatch=monkeypatch, capsys=capsys)
    assert (status, errors) == (0, "")
    assert json.loads(output)["seed"] == 99
    assert (out / "report.html").is_file()


def test_a_directory_that_is_taken_or_cannot_be_made_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("keep")
    for out, error in ((taken, "is not empty"), (taken / "mine.txt" / "run", "cannot write to")):
        status, _, errors = called(
            "run", write(tmp_path), "--in-process", "--out", out, monkeypatch=monkeypatch, capsys=capsys
        )
        assert status == 2
        assert error in errors
        assert "--out" in errors or "directory of its own" in errors
    assert (taken / "mine.txt").read_text() == "keep"


def test_spacecraft_of_a_catalogue_fly_without_a_scenario(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    catalogue = tmp_path / "real.3le"
    catalogue.write_text(CATALOGUE, encoding="utf-8")
    fixed = ("--in-process", "--json", "--no-progress", "--out")
    status, output, errors = called(
        "run", "--tle", catalogue, "--select", "STAR*", "--design", "pathfinder", "--stations", "svalbard",
        "--duration", "60 s", *fixed, tmp_path / "run", monkeypatch=monkeypatch, capsys=capsys,
    )  # fmt: skip
    assert status == 0, errors
    summary = json.loads(output)
    assert summary["spacecraft"] == ["starcloud-1"]
    assert "taken for granted" in errors
    text = tmp_path / "run" / "scenario.yaml"
    status, output, _ = called("run", text, *fixed, tmp_path / "again", monkeypatch=monkeypatch, capsys=capsys)
    assert (status, json.loads(output)["trace_hash"]) == (0, summary["trace_hash"])


def test_a_bad_checksum_in_a_catalogue_is_a_mistake_of_the_users(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    catalogue = tmp_path / "bad.3le"
    catalogue.write_text(CATALOGUE.replace("42876", "42875"), encoding="utf-8")
    status, _, errors = called(
        "run", "--tle", catalogue, "--select", "*", "--in-process", monkeypatch=monkeypatch, capsys=capsys
    )
    assert status == 2
    assert "bad.3le" in errors
    assert "checksum" in errors


def test_the_version_says_what_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = called("--version", monkeypatch=monkeypatch, capsys=capsys)
    assert status == 0
    assert re.fullmatch(r"skyrack \d+\.\d+\.\d+, Python 3\.\d+\.\d+, sources [0-9a-f]{16}\n", printed), printed


def test_what_is_no_file_of_text_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "latin.yaml").write_bytes("name: déjà vu".encode("latin-1"))
    (tmp_path / "wide.yaml").write_bytes(TINY.encode("utf-16"))
    for path, said in (
        ("/dev/zero", "it is a device or a pipe"),
        (tmp_path / "pipe.yaml", "it is a device or a pipe"),
        (tmp_path / "folder.yaml", "it is a directory"),
        (tmp_path / "latin.yaml", "latin.yaml:1:8: text: found bytes that are not UTF-8: the byte 0xe9 (Latin-1"),
        (tmp_path / "wide.yaml", "wide.yaml:1:1: text: found UTF-16; allowed: UTF-8 text"),
    ):
        status, output, errors = called("check", path, monkeypatch=monkeypatch, capsys=capsys)
        assert status == 2 and said in output + errors
        assert "Traceback" not in output + errors
