"""The board of docs/examples/hil as a reader would start it: over TCP and over a serial line, in one process and in
several, and again without it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.commands.replay import replay
from node.assembly import outside_forms
from node.hil.language import dictionary_of
from tests.kits.runs import HOUSE, fly, fly_text, skyrack

STUB = HOUSE / "docs" / "examples" / "hil" / "pcdu.py"
SCENARIO = HOUSE / "faults" / "scenarios" / "hil-pcdu.yaml"


@contextmanager
def board(*arguments: object) -> Iterator[str]:
    """The board in a process of its own; gives where it answers."""
    command = [sys.executable, str(STUB), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().removeprefix("pcdu at ").strip()
        finally:
            process.kill()


def scenario(folder: Path, endpoint: str) -> Path:
    """A minute of the shipped scenario, its power unit there."""
    text = SCENARIO.read_text(encoding="utf-8").replace("tcp://127.0.0.1:5701", endpoint)
    text = text.replace("duration: 10 min", "duration: 2 min").replace("at: 2 min, for: 3 min", "at: 1 min, for: 30 s")
    path = folder / "hil-pcdu.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_board_knows_the_dictionary_that_it_was_built_for() -> None:
    """Else the example and this design have grown apart: `skyrack list devices pathfinder` has the new numbers."""
    (form,) = [form for form in outside_forms("pathfinder") if form.name == "pcdu"]
    text = STUB.read_text(encoding="utf-8")
    assert f'bytes.fromhex("{dictionary_of(form)}")' in text
    assert f"CHANNELS = {len(form.channels)} " in text


def test_over_a_serial_line(tmp_path: Path) -> None:
    with board("--serial", tmp_path / "pcdu.tty") as endpoint:
        summary = fly_text(scenario(tmp_path, endpoint).read_text(encoding="utf-8"), tmp_path)
    (row,) = summary["devices_outside"]
    assert (row["part"], row["timing"], row["counts"]["readings"]) == ("software", "VALID", 119)
    assert row["counts"]["garbage_bytes"] == 0
    assert [e["verdict"] for e in summary["expectations"]] == ["PASS"] * 3


@pytest.mark.slow
def test_over_tcp_in_one_process_and_in_several_it_is_the_same_run_and_again_without_the_board(tmp_path: Path) -> None:
    with board("--tcp", 0) as endpoint:
        path = scenario(tmp_path, endpoint)
        one = fly(tmp_path / "one", path, "--in-process")
        several = fly(tmp_path / "several", path)
    for summary in (one, several):
        (row,) = summary["devices_outside"]
        assert (row["timing"], row["counts"]["readings"]) == ("VALID", 119)
    assert one["trace_hash"] == several["trace_hash"]
    assert replay(tmp_path / "several", "path-1").same


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [(), ("--in-process",)])
def test_without_the_board_the_run_ends_with_status_2_and_says_who_is_missing(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    path = scenario(tmp_path, "tcp://127.0.0.1:9")
    result = skyrack("run", path, "--out", tmp_path / "run", "--no-progress", *arguments)
    assert result.returncode == 2
    assert re.search(r"error: (bus: )?pcdu of path-1 at tcp://127.0.0.1:9: nobody answered within 10 s", result.stderr)
    assert "part: simulated" in result.stderr and "Traceback" not in result.stderr
