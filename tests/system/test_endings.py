"""Every command with inputs and outputs that are none: a sentence, the right exit status, no traceback.

Status 1 says that an expectation failed, and nothing here expects anything.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import skyrack as front_door
from bus.errors import EnvironmentFault
from faults.commands.ending import Outlet, explain
from tests.kits.runs import HOUSE, TINY, command, write

LONG = "n" * 256
WRONG = ("/dev/zero", "/dev/null", "/dev/full", "fifo", "folder", "missing", "no\nline", LONG, f"folder/{LONG}.yaml",
         "noise.yaml", "empty.yaml", "noise.json", "empty.json", "noise.3le", "file/below", "")  # fmt: skip
AS_INPUT: dict[str, list[str]] = {
    "run": ["run", "{}", "--in-process", "--no-progress", "--out", "out-1"],
    "run --tle": ["run", "--tle", "{}", "--select", "*", "--in-process", "--out", "out-2", "--duration", "10 s"],
    "check": ["check", "{}"],
    "truth": ["truth", "{}", "--out", "t.csv"],
    "bus --scenario": ["bus", "--scenario", "{}", "--keys", "keys", "--out", "out-3"],
    "node --scenario": ["node", "--id", "sc-1", "--scenario", "{}", "--keys", "keys"],
    "node --keys": ["node", "--id", "sc-1", "--keys", "{}"],
    "ground --keys": ["ground", "--keys", "{}"],
    "export": ["export", "{}", "--to", "csv"],
    "replay": ["replay", "{}", "--spacecraft", "sc-1"],
    "command --run": ["command", "sc-1", "test.ping", "--run", "{}"],
    "inject --run": ["inject", "sc-1", "string_open", "--run", "{}"],
    "list --design": ["list", "telemetry", "--design", "{}"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("endings")
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    (folder / "file").write_text("x")
    for name in ("noise.yaml", "noise.json", "noise.3le"):
        (folder / name).write_bytes(bytes(range(256)) * 40)
    for name in ("empty.yaml", "empty.json"):
        (folder / name).write_bytes(b"")
    write(folder)
    return folder


def _call(
    arguments: list[str], place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    monkeypatch.chdir(place)
    monkeypatch.setattr("sys.argv", ["skyrack", *arguments])
    with pytest.raises(SystemExit) as caught:
        front_door.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code, capsys.readouterr().err


@pytest.mark.parametrize("wrong", WRONG, ids=lambda text: text[:20] or "nothing")
@pytest.mark.parametrize("what", AS_INPUT)
def test_an_input_that_is_none(
    what: str, wrong: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if what == "list --design" and not wrong:
        return  # every design
    arguments = [argument.replace("{}", wrong) for argument in AS_INPUT[what]]
    status, errors = _call(arguments, place, monkeypatch, capsys)
    assert status == 2, errors
    assert "Traceback" not in errors and "Errno" not in errors and len(errors) < 6000
    assert "error:" in errors.lower()


ENDPOINTS = (
    "tcp://127.0.0.1:70000",
    "tcp://127.0.0.1:-1",
    "tcp://127.0.0.1:x",
    "tcp://",
    "udp://127.0.0.1:1",
    "",
    LONG,
)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda text: text[:24] or "nothing")
@pytest.mark.parametrize("option", ["--bind", "--bind-range", "--bind-observe"])
def test_an_endpoint_that_is_none(  # noqa: PLR0917
    option: str, endpoint: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    arguments = ["bus", "--scenario", "tiny.yaml", "--keys", str(tmp_path / "keys"), "--out", str(tmp_path / "out")]
    status, errors = _call([*arguments, option, endpoint], place, monkeypatch, capsys)
    assert (status, "Traceback" in errors) == (2, False), errors


OUT = ("/dev/null", "/dev/full", "fifo", "file", "file/below", LONG, "/proc/none")


@pytest.mark.parametrize("out", OUT, ids=lambda text: text[:20])
@pytest.mark.parametrize("what", ["run", "truth"])
def test_a_place_to_write_that_is_none(
    what: str, out: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--in-process", "--no-progress"] if what == "run" else ["--duration", "10 s"]
    status, errors = _call([what, "tiny.yaml", "--out", out, *more], place, monkeypatch, capsys)
    assert (status, "Traceback" in errors) == (2, False), errors
    assert Path("/dev/null").is_char_device() and (place / "fifo").is_fifo()


TALKING = (["list", "faults"], ["list", "telemetry", "--json"], ["check", "quick"], ["--help"], ["truth", "quick"])


@pytest.fixture
def full() -> Iterator[int]:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize(
    "words",
    [TALKING[0], *(pytest.param(words, marks=pytest.mark.slow) for words in TALKING[1:])],
    ids=" ".join,
)
def test_output_that_nobody_takes(words: list[str], full: int) -> None:
    def end(**streams: int) -> tuple[int, str]:
        result = subprocess.run(
            command(*words), cwd=HOUSE, text=True, check=False, timeout=150,
            **{"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **streams},
        )  # fmt: skip
        return result.returncode, result.stderr or ""

    status, errors = end(stdout=full)
    assert status == 2 and "No space left" in errors and "Traceback" not in errors
    assert end(stderr=full)[0] == 0
    reading, writing = os.pipe()
    os.close(reading)
    assert end(stdout=writing) == (0, "")
    assert end(stdout=writing, stderr=writing)[0] == 0
    os.close(writing)
    shell = subprocess.run(["sh", "-c", '"$@" >&- 2>&-', "sh", *command(*words)], cwd=HOUSE, check=False, timeout=150)
    assert shell.returncode == 0


def test_a_verdict_outlives_a_reader_that_went_away(tmp_path: Path) -> None:
    """FAIL into a closed pipe is 1, not the pipe's 0."""
    scenario = write(tmp_path, TINY.replace("> 20 %", "> 100 %").replace("duration: 60 s", "duration: 5 s"))
    reading, writing = os.pipe()
    os.close(reading)
    words = command("run", scenario, "--in-process", "--no-progress", "--out", tmp_path / "out")
    result = subprocess.run(words, cwd=HOUSE, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (result.returncode, "Traceback" in result.stderr) == (1, False), result.stderr


@pytest.mark.parametrize(
    "kib",
    [60_000, *(pytest.param(kib, marks=pytest.mark.slow) for kib in (20_000, 30_000, 100_000, 150_000, 300_000))],
)
def test_too_little_memory_is_the_machines_doing(kib: int) -> None:
    words = ["sh", "-c", f'ulimit -v {kib}; exec "$@"', "sh", *command("list", "faults")]
    result = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=False, timeout=150)
    assert result.returncode not in (0, 1), result.stderr
    assert "fault of Skyrack" not in result.stderr


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EMFILE, errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_a_hint_fits_what_the_machine_said(number: int) -> None:
    known = explain(OSError(number, os.strerror(number), "somewhere"))
    assert isinstance(known, EnvironmentFault) and os.strerror(number) in known.message and known.hint
    assert ("ulimit -n" in known.hint) == (number == errno.EMFILE)
    assert explain(OSError(errno.EINVAL, "x")) is None and explain(KeyError("x")) is None


def test_an_outlet_tells_once_and_then_is_silent() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    outlet = Outlet(descriptor, told=True)
    with pytest.raises(EnvironmentFault, match="No space left"):
        outlet.write(b"abc")
    assert outlet.write(b"abc") == 3
    assert Outlet(descriptor, told=False).write(b"abc") == 3
    os.close(descriptor)
