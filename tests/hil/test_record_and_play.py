"""A bench session is rehearsed without the bench: what crossed a seam is written down, and answers again."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path

import pytest

from bus.errors import UserError
from faults.hil.play import Player
from faults.hil.probe import form_of
from faults.hil.record import read_record, record_command
from node.hil.language import Hello, Language, Layout, Measured, Reading, Tick
from tests.hil.test_example import board, scenario
from tests.kits.runs import HOUSE, command, fly_text


def record_of(folder: Path, *rows: object) -> Path:
    form = form_of("pathfinder", "dosimeter")
    head = {
        "skyrack_hil_record": 1, "spacecraft": "sc-1", "device": "dosimeter", "dictionary": "0011223344556677",
        "channels": [channel.name for channel in form.channels], "sourced": [True, True], "orders": [],
    }  # fmt: skip
    path = folder / "dosimeter.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in (head, *rows)), encoding="utf-8")
    return path


ROW = {"tick": 3, "feels": [], "orders": [], "reading_tick": 3, "values": [1.0, 2.0], "measured": [["load_w", 5, 12.0]]}


@pytest.mark.parametrize("layout", ["names", "fixed"])
def test_a_player_answers_as_the_device_did_in_the_layout_that_it_is_asked_in(layout: Layout, tmp_path: Path) -> None:
    player, language = (
        Player(read_record(record_of(tmp_path, ROW))),
        Language(form_of("pathfinder", "dosimeter"), layout),
    )
    hello = Hello("dosimeter", "sc-1", language.dictionary, 10**9, answers_ticks=True)
    assert player.hear(language.write(hello)) == language.write(hello._replace(dictionary="0011223344556677"))
    expected = [Reading(3, (1.0, 2.0)), Measured(3, "load_w", 5, 12.0), Tick(3, 7)]
    assert player.hear(language.write(Tick(3, 7))) == b"".join(map(language.write, expected))
    assert player.hear(language.write(Tick(4, 8))) == language.write(Tick(4, 8)), "what it does not have it leaves out"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({**ROW, "tick": -1}, ":2: found ValueError: -1"),
        ({**ROW, "values": [1.0]}, ":2: found ValueError: 1 values"),
        ({"tick": 3}, ":2: found KeyError: 'measured'"),
        (7, ":2: found TypeError"),
        ({**ROW, "values": [10**400, 1.0]}, ":2: found OverflowError"),
        ({**ROW, "values": [math.inf, 1.0]}, ":2: found ValueError: inf, no finite number"),
        ({**ROW, "measured": [["nothing", 5, 12.0]]}, ":2: found ValueError: 'nothing', no word"),
        ({**ROW, "measured": [["load_w", 2**32, 12.0]]}, ":2: found ValueError: 4294967296"),
    ],
)
def test_a_wrong_line_is_named(row: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        read_record(record_of(tmp_path, row))
    assert words in raised.value.message


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    head = record_of(tmp_path).read_text(encoding="utf-8").replace("[true, true]", "[true]")
    for text in ("", "{}\n", "[1]\n", '{"skyrack_hil_record": 2}\n', "\x00", "[" * 100_000, head):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=r"x.jsonl"):
            read_record(path)
    for device in (tmp_path, Path("/dev/zero")):  # the latter would fill the memory
        with pytest.raises(UserError, match="a folder or a device"):
            read_record(device)


def test_a_session_is_flown_again_against_its_record_and_is_the_same_run(tmp_path: Path) -> None:
    with board("--tcp", 0) as endpoint:
        path = scenario(tmp_path, endpoint)
        first = fly_text(path.read_text(encoding="utf-8"), tmp_path / "first")
    assert record_command(tmp_path / "first" / "run", "path-1.pcdu", tmp_path / "pcdu.jsonl") == 0
    port = endpoint.rpartition(":")[2]
    play = command("hil", "play", tmp_path / "pcdu.jsonl", "--port", port, "--runs", "1")
    with subprocess.Popen(play, stdout=subprocess.PIPE, text=True, cwd=HOUSE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("pcdu of 12")
            again = fly_text(path.read_text(encoding="utf-8"), tmp_path / "again")
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
    assert again["trace_hash"] == first["trace_hash"]


def test_the_probe_measures_a_device_and_says_what_is_none(tmp_path: Path) -> None:
    with board("--tcp", 0) as endpoint:
        arguments = ["hil", "probe", endpoint, "--design", "pathfinder", "--device", "pcdu", "--ticks", "20", "--json"]
        probe = subprocess.run(
            command(*arguments, "--layout", "fixed"), capture_output=True, text=True, check=False, cwd=HOUSE
        )
    assert probe.returncode == 0, probe.stderr
    told = json.loads(probe.stdout)
    assert (told["counts"]["readings"], told["counts"]["misses"]) == (20, 0)
    assert 0.0 < told["round_trip_p50_us"] <= told["round_trip_p99_us"]
    assert sum(count for _, count in told["round_trips"]) == 20
