"""Files of a run that are damaged, cut off, exchanged, or lie where nothing may be written: told, not believed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest
from mcap.reader import make_reader

from bus.errors import EnvironmentFault, SkyrackError, UserError
from bus.trace.reader import TraceReader
from faults.commands.replay import replay, replay_command
from faults.export.write import export_command
from faults.recording.read import read_recording
from faults.run import compose as root
from faults.run_directory import RunDirectory, create
from faults.scenarios.load import load_text
from groundstation.archive.reader import ArchiveReader
from tests.kits.runs import HOUSE, TINY

TICKS = 60


def fly(text: str, out: Path) -> RunDirectory:
    scenario = load_text(text, file="tiny.yaml")
    directory = create(scenario.name, out)
    root.prepare(directory, scenario, text)
    assert root.fly_in_process(scenario, directory).failure is None
    return directory


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return fly(TINY, tmp_path_factory.mktemp("damage") / "run")


@pytest.fixture
def run(flown: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy to break."""
    return RunDirectory(shutil.copytree(flown.path, tmp_path / "run"))


def damage(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 0x41
    path.write_bytes(data)


def middle(run: RunDirectory) -> int:
    return run.trace.stat().st_size // 3


def readable(run: RunDirectory) -> int:
    with TraceReader(run.trace) as reader:
        return reader.flown


def test_a_replay_of_a_damaged_trace_says_how_far_it_came(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(run.trace, middle(run))
    ticks = readable(run)
    assert 0 < ticks < TICKS
    assert replay_command(run.path, "sc-1", as_json=False) == 3
    out, err = capsys.readouterr()
    assert "the same to the bit as far as the trace can be read" in out
    assert f"{ticks} of {TICKS} ticks can be read" in err and "at byte" in err
    assert replay_command(run.path, "sc-1", as_json=True) == 3
    content = json.loads(capsys.readouterr().out)
    assert f"{ticks} of {TICKS} ticks can be read" in content["damage"] and content["compared"] == ticks


@pytest.mark.parametrize("cut", ["one byte short", "no end block", "half a block"])
def test_a_trace_that_was_cut_off_is_not_a_whole_one(cut: str, run: RunDirectory) -> None:
    data = run.trace.read_bytes()
    with TraceReader(run.trace) as reader:
        ends = [offset + length + 4 for offset, length in reader._blocks]
    size = {"one byte short": len(data) - 1, "no end block": ends[-1], "half a block": ends[20] + 9}[cut]
    run.trace.write_bytes(data[:size])
    result = replay(run.path, "sc-1")
    assert result.same and result.damage and result.exit_status == 3
    recording = read_recording(run)
    assert not recording.complete and recording.damage and recording.ticks == (21 if cut == "half a block" else TICKS)


@pytest.mark.parametrize("to", ["csv", "parquet", "mcap"])
def test_an_export_of_a_damaged_trace_writes_what_can_be_read_and_says_so(
    to: str, run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(run.trace, middle(run))
    ticks = readable(run)
    assert export_command(run.path, to, None) == 3
    out, err = capsys.readouterr()
    assert f"{ticks} of {TICKS} ticks can be read" in err
    assert all(Path(path).is_file() for path in out.split())
    if to == "csv":
        assert len((run.path / "csv" / "truth_sc-1.csv").read_text().splitlines()) == 1 + ticks
    if to == "mcap":
        with (run.path / "export.mcap").open("rb") as file:
            assert sum(c.topic == "/sc-1/truth" for _, c, _ in make_reader(file).iter_messages()) == ticks


def test_a_whole_trace_is_whole(flown: RunDirectory, tmp_path: Path) -> None:
    assert replay(flown.path, "sc-1").exit_status == 0
    assert export_command(flown.path, "csv", tmp_path) == 0


@pytest.mark.parametrize("file", ["scenario.json", "dictionaries.json", "trace.bin", "archive.sqlite", "run.json"])
@pytest.mark.parametrize("how", ["empty", "cut", "noise", "text", "gone", "directory", "nested"])
def test_a_damaged_file_of_a_run_is_a_sentence(file: str, how: str, run: RunDirectory) -> None:
    path = run.path / file
    data = path.read_bytes() if path.exists() else b"{}"
    path.unlink(missing_ok=True)
    if how == "directory":
        path.mkdir()
    elif how != "gone":
        noise = Random(7).randbytes(4096)
        content = {"empty": b"", "cut": data[: len(data) // 2], "noise": noise, "text": b'{"a": [1, null]}',
                   "nested": b"[" * 100_000}[how]  # fmt: skip
        path.write_bytes(content)
    for act in (lambda: export_command(run.path, "csv", run.path / "csv"), lambda: replay(run.path, "sc-1")):
        try:
            act()
        except SkyrackError as error:
            assert error.exit_status in (2, 3) and 0 < len(error.message) < 600
            assert file.split(".", maxsplit=1)[0] in error.message or "trace" in error.message


@pytest.mark.parametrize(
    "places", [range(0, 200), pytest.param(range(200, 40_000, 13), marks=pytest.mark.slow)], ids=["head", "rest"]
)
def test_no_byte_of_an_archive_but_an_answer_or_a_sentence(places: range, run: RunDirectory) -> None:
    whole = run.archive.read_bytes()
    for place in places:
        if place >= len(whole):
            break
        run.archive.write_bytes(whole)
        damage(run.archive, place)
        questions = ArchiveReader(run.archive)
        for ask in (
            questions.counts, questions.declared_lost, questions.telecommands, questions.contacts, questions.gaps,
            questions.allocations, questions.events, partial(questions.latest, "sc-1"),
            partial(questions.series, "sc-1", "battery_soc"), partial(questions.settle, "sc-1", ((0, 3, 60, 0),)),
        ):  # fmt: skip
            try:
                ask()
            except EnvironmentFault as error:
                assert str(run.archive) in error.message and error.exit_status == 2


def test_a_scenario_that_was_changed_does_not_pass_for_the_one_that_flew(run: RunDirectory) -> None:
    content = json.loads(run.scenario.read_text())
    content["seed"] += 1
    run.scenario.write_text(json.dumps(content))
    for act in (lambda: read_recording(run), lambda: replay(run.path, "sc-1")):
        with pytest.raises(UserError, match="was not recorded from"):
            act()


READ = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from bus.errors import SkyrackError
from groundstation.archive.reader import ArchiveReader
reader = ArchiveReader(Path(sys.argv[2]))
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    print(sum(reader.counts().values()), len(reader.telecommands()), len(reader.series("sc-1", "battery_soc")))
except SkyrackError as error:
    print(type(error).__name__, error.message, error.hint)
"""
"""Asks an archive as somebody who may write nowhere here; root becomes nobody, who may read everything."""


def as_a_stranger(archive: Path) -> str:
    """What a reader says who owns nothing."""
    result = subprocess.run(
        [sys.executable, "-c", READ, str(HOUSE), str(archive)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that others may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="skyrack-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for path in [Path(name), *Path(name).rglob("*")]:
            path.chmod(0o755)


KILLED = """
import os, signal, sys
from pathlib import Path
import sqlite3
sys.path.insert(0, sys.argv[1])
from groundstation.archive.writer import Archive
archive = Archive(Path(sys.argv[2]))
archive.write([("meta", "epoch_utc", "x")])
os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_a_writer_of(archive: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(HOUSE), str(archive)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert archive.with_name(archive.name + "-wal").stat().st_size > 0


@pytest.mark.parametrize("end", ["finished", "killed"])
@pytest.mark.parametrize("closed", ["folder", "files", "both", "alone"])
def test_an_archive_is_read_where_nothing_may_be_written(
    end: str, closed: str, flown: RunDirectory, open_place: Path
) -> None:
    archive = open_place / "run" / "archive.sqlite"
    archive.parent.mkdir()
    shutil.copy(flown.archive, archive)
    if end == "killed":
        kill_a_writer_of(archive)
        if closed == "alone":
            archive.with_name("archive.sqlite-shm").unlink()
    else:
        assert [path.name for path in archive.parent.iterdir()] == ["archive.sqlite"], "a finished archive is one file"
    for path in archive.parent.iterdir():
        path.chmod(0o444 if closed != "folder" else 0o644)
    archive.parent.chmod(0o555 if closed != "files" else 0o755)
    said = as_a_stranger(archive)
    if end == "killed" and closed == "alone":
        assert "EnvironmentFault" in said and "copy archive.sqlite and archive.sqlite-wal into" in said
    else:
        packets, _, values = map(int, said.split())
        assert packets > 0 and values > 0


def test_a_killed_archive_without_its_log_says_what_to_copy_where(run: RunDirectory) -> None:
    kill_a_writer_of(run.archive)
    run.archive.with_name("archive.sqlite-wal").unlink()
    with pytest.raises(EnvironmentFault, match=r"its log archive\.sqlite-wal is not beside it") as caught:
        ArchiveReader(run.archive).counts()
    assert str(run.path) in caught.value.hint
    with pytest.raises(EnvironmentFault, match="its log"):
        export_command(run.path, "csv", None)
    script = caught.value.hint.rpartition("'PRAGMA")[2].strip("' ")
    import sqlite3  # noqa: PLC0415 - the way out that the hint names

    connection = sqlite3.connect(run.archive)
    connection.execute(f"PRAGMA {script}")
    connection.close()
    assert ArchiveReader(run.archive).counts()


def test_the_read_only_command_of_the_documentation_works(flown: RunDirectory, open_place: Path) -> None:
    if shutil.which("sqlite3") is None:
        pytest.skip("no sqlite3 command on this machine")
    archive = shutil.copy(flown.archive, open_place / "archive.sqlite")
    open_place.chmod(0o555)
    asked = ["sqlite3", "-readonly", str(archive), "SELECT COUNT(*) FROM packets"]
    assert int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout) > 0


@pytest.mark.parametrize("epoch", ["1957-01-01T00:00:00Z", "1966-05-01T00:00:00Z", "1969-12-31T23:59:30Z",
                                   "1970-01-01T00:00:00Z", "2056-12-31T23:59:00Z"])  # fmt: skip
def test_every_format_takes_the_first_and_the_last_epoch(
    epoch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TINY.replace("2026-08-12T00:00:00Z", epoch).replace("duration: 60 s", "duration: 3 s")
    run = fly(text, tmp_path / "run")
    for to in ("mcap", "csv", "parquet"):
        assert export_command(run.path, to, None) == 0
    with (run.path / "export.mcap").open("rb") as file:
        reader = make_reader(file)
        times = [m.log_time for _, c, m in reader.iter_messages() if c.topic == "/sc-1/truth"]
        about = next(record.metadata for record in reader.iter_metadata() if record.name == "run")
    assert about["epoch_utc"] == epoch
    before = epoch < "1970"
    assert about["log_time_zero_utc"] == (epoch if before else "1970-01-01T00:00:00Z")
    assert ("before 1970" in capsys.readouterr().err) == before
    if before or epoch.startswith("1970"):
        assert times == [10**9, 2 * 10**9, 3 * 10**9]
    else:
        assert times[0] == 2_745_532_741 * 10**9  # `date -u -d 2056-12-31T23:59:01 +%s`


STOPPED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import faults.export.write as write
plain = write.channels if sys.argv[3] == "mcap" else write.tables
def some(recording, directory):
    for number, each in enumerate(plain(recording, directory)):
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield each
write.channels = write.tables = some
write.export_command(Path(sys.argv[2]), sys.argv[3], None)
"""


@pytest.mark.parametrize("to", ["csv", "parquet", "mcap"])
def test_an_export_that_was_killed_leaves_nothing_under_a_final_name(to: str, run: RunDirectory) -> None:
    before = set(run.path.rglob("*"))
    done = subprocess.run([sys.executable, "-c", STOPPED, str(HOUSE), str(run.path), to], check=False)
    assert done.returncode == -signal.SIGKILL
    left = {path.name for path in set(run.path.rglob("*")) - before if path.is_file()}
    assert left and all(name.endswith(".partial") for name in left)
    assert export_command(run.path, to, None) == 0
    assert not list(run.path.rglob("*.partial"))


def test_a_device_is_not_replaced_by_an_export(run: RunDirectory, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(EnvironmentFault, match="no ordinary file"):
        export_command(run.path, "mcap", pipe)
    assert pipe.is_fifo()
