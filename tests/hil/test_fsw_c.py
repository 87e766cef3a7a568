"""The flight software in C as a reader would build and start it, in the shipped scenario: in one process and in
several, again without it, and rehearsed from its record."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from faults.commands.replay import replay
from faults.hil.play import Player
from faults.hil.record import read_record, record_command
from node.assembly import order_places, outside_forms, software_form
from node.hil.frames import Splitter
from node.hil.header import c_header
from node.hil.language import Language, Order, Telemetry, Tick
from tests.kits.runs import HOUSE, fly, fly_text, skyrack

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here")
SOURCE = HOUSE / "docs" / "examples" / "hil" / "fsw.c"
SCENARIO = HOUSE / "faults" / "scenarios" / "hil-fsw-c.yaml"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fsw")
    header = c_header(
        "pathfinder", outside_forms("pathfinder"), software_form("pathfinder"), order_places("pathfinder")
    )
    (folder / "skyrack_hil.h").write_text(header, encoding="ascii")
    build = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", f"-I{folder}", str(SOURCE)]
    made = subprocess.run([*build, "-o", str(folder / "fsw")], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return folder / "fsw"


@contextmanager
def running(program: Path) -> Iterator[str]:
    """In a process of its own; gives where it answers."""
    with subprocess.Popen([program, "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("fsw at ").strip()
        finally:
            process.kill()


def scenario(endpoint: str) -> str:
    """The shipped one, its flight software there and its dictionary where it is."""
    text = SCENARIO.read_text(encoding="utf-8").replace("tcp://127.0.0.1:5703", endpoint)
    return text.replace("dictionaries/", f"{SCENARIO.parent}/dictionaries/")


def test_the_shipped_scenario_is_flown_by_it(program: Path, tmp_path: Path) -> None:
    with running(program) as endpoint:
        summary = fly_text(scenario(endpoint), tmp_path)
    assert [e["verdict"] for e in summary["expectations"]] == ["PASS"] * 3
    assert summary["telecommands"]["completed"] == 2
    (row,) = summary["devices_outside"]
    counts = row["counts"]
    assert (row["device"], row["part"], row["timing"], counts["telecommands"]) == ("fsw", "software", "VALID", 2)
    assert not any(counts.get(lost) for lost in ("not_in_the_dictionary", "no_packets", "packets_missing", "refused"))
    with closing(sqlite3.connect(tmp_path / "run" / "archive.sqlite")) as archive:
        events = [name for (name,) in archive.execute("SELECT name FROM events ORDER BY obt_ns")]
        (reports,) = archive.execute("SELECT COUNT(*) FROM packets WHERE number = 1 AND stream = 3").fetchone()
    assert events == ["payload_off", "payload_on"] and reports == 60, "one every ten seconds"

    out = tmp_path / "fsw.jsonl"
    assert record_command(tmp_path / "run", "path-1.fsw", out) == 0
    language, splitter = Language(software_form("pathfinder"), "fixed"), Splitter()
    player = Player(read_record(out))
    first = [language.read(frame) for frame in splitter.feed(player.hear(language.write(Tick(0, 0))))]
    assert first[0] == Order(0, "attitude.mode", 0, 0.0) and first[-1] == Tick(0, 0)
    assert [type(word) for word in first].count(Telemetry) == 1, "its first housekeeping"


@pytest.mark.slow
def test_one_process_and_several_are_the_same_run_and_again_without_it(program: Path, tmp_path: Path) -> None:
    with running(program) as endpoint:
        path = tmp_path / "hil-fsw-c.yaml"
        path.write_text(scenario(endpoint), encoding="utf-8")
        one = fly(tmp_path / "one", path, "--in-process")
        several = fly(tmp_path / "several", path)
        probed = skyrack(
            "hil", "probe", endpoint, "--design", "pathfinder", "--device", "fsw", "--layout", "fixed", "--ticks", "50"
        )
    assert one["trace_hash"] == several["trace_hash"]
    assert replay(tmp_path / "several", "path-1").same
    assert probed.returncode == 0 and "fsw at tcp://" in probed.stdout and "50 readings" in probed.stdout
