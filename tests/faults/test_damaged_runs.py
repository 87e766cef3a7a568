"""Whatever was done to the files of a run's directory, every verb that reads it answers or tells what is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

import skyrack
from bus.errors import SkyrackError
from faults.commands.ending import explain
from faults.run_directory import RunDirectory
from tests.kits.runs import TINY, fly_text

TEXT = (
    TINY.replace("always sc-1.battery_soc > 20 %", "always sc-1.battery_soc > 20 %\n  - never event sc-1.payload_shed")
    + "faults:\n  - {id: open, target: sc-1, at: 10 s, fault: string_open, parameters: {string: 0}}\n"
    + "timeline:\n  - {at: 5 s, telecommand: {to: sc-1, name: test.ping}}\n"
)
FILES = ("trace.bin", "archive.sqlite", "scenario.json", "dictionaries.json", "summary.json", "run.json")
VERBS = (
    "report", "report --json", "why sc-1 --quick", "faults", "faults --json", "export --to csv", "export --to mcap",
    "export --to parquet", "replay --spacecraft sc-1", "replay --spacecraft ground", "fork --at 30s",
    "archive latest sc-1", "archive range sc-1 battery_soc", "archive levels", "archive retired", "archive dumps sc-1",
    "alarm list", "train --debrief", "command sc-1 test.ping", "inject sc-1 string_open", "clock ask",
)  # fmt: skip
NAMED = ("command", "inject", "clock")
"""Those that take the run as an option."""
STATUSES = {0, 1, 2, 3, 4}
VALUES = st.sampled_from([None, True, -1, 0, 10**30, -1e300, "", "x", "2026", [], [None], {}, {"x": 1}])


@st.composite
def damaged(draw: DrawFn, content: bytes) -> bytes | None:
    """Another content of a file, None for no file at all."""
    how = draw(st.sampled_from(["gone", "cut", "flip", "flip", "hole", "twice", "value", "value", "value"]))
    place = draw(st.integers(0, max(0, len(content) - 1)))
    if how == "gone":
        return None
    if how == "cut":
        return content[:place]
    if how == "twice":
        return content[:place] + content[max(0, place - draw(st.integers(1, 5000))) :]
    if how == "hole":
        return content[:place] + bytes(min(4096, len(content) - place)) + content[place + 4096 :]
    try:
        form = json.loads(content) if how == "value" else None
    except ValueError:
        form = None
    if form is not None:
        return json.dumps(another(draw, form)).encode()
    flipped = bytearray(content)
    for at in [*draw(st.lists(st.integers(0, max(0, len(content) - 1)), max_size=4)), place]:
        flipped[at] ^= 1 << draw(st.integers(0, 7))
    return bytes(flipped)


def another(draw: DrawFn, form: Any) -> Any:
    """The same with a value of it exchanged or left out, somewhere."""
    if not form or not isinstance(form, dict | list) or draw(st.integers(0, 5)) == 0:
        return draw(VALUES)
    key = draw(st.sampled_from(sorted(form) if isinstance(form, dict) else range(len(form))))
    if draw(st.integers(0, 5)) == 0:
        del form[key]
    else:
        form[key] = another(draw, form[key])
    return form


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("damaged")
    fly_text(TEXT, folder)
    run = RunDirectory(folder / "run")
    facts = {"scenario": "tiny", "state": "finished", "supervisor": 2**22 + 1, "pace": "free", "pids": {"bus": 1}}
    facts |= {"endpoints": {"range": "tcp://127.0.0.1:1"}, "started": "by hand"}
    run.run.write_text(json.dumps(facts), encoding="utf-8")
    return run


def asked(verb: str, run: Path, out: Path) -> tuple[int, str]:
    """The exit status of `skyrack VERB RUN`, and what ended it with a traceback, if anything did."""
    name, *more = verb.split()
    if name in ("archive", "alarm"):
        words = [name, more[0], str(run), *more[1:]]
    else:
        words = [name, *more, "--run", str(run)] if name in NAMED else [name, str(run), *more]
    words += ["--out", str(out)] if name in ("export", "fork") else []
    try:
        status = skyrack.app(words, standalone_mode=False)
    except SkyrackError as error:
        assert 0 < len(error.message) < 2000, "a sentence"
        return error.exit_status, ""
    except Exception as error:
        known = explain(error)
        return (known.exit_status, "") if known else (3, f"{type(error).__name__}: {error}")
    return status or 0, ""


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_reads_a_whole_run(verb: str, flown: RunDirectory, tmp_path: Path) -> None:
    run = shutil.copytree(flown.path, tmp_path / "run")
    status, broke = asked(verb, run, tmp_path / "there")
    assert broke == ""
    assert status == (2 if verb.split(maxsplit=1)[0] in NAMED else 0)


@pytest.mark.parametrize("file", FILES)
@given(data=st.data())
@settings(max_examples=8, deadline=None, derandomize=True)
def test_no_verb_breaks_on_a_damaged_run(
    file: str, data: st.DataObject, flown: RunDirectory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    breaks_nothing(file, data, flown, tmp_path_factory)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("file", FILES)
@given(data=st.data())
@settings(max_examples=500, deadline=None)
def test_no_verb_breaks_on_any_damaged_run(
    file: str, data: st.DataObject, flown: RunDirectory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    breaks_nothing(file, data, flown, tmp_path_factory)


def breaks_nothing(
    file: str, data: st.DataObject, flown: RunDirectory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("copy")
    try:
        run = shutil.copytree(flown.path, folder / "run")
        for name in dict.fromkeys((file, data.draw(st.sampled_from((file, *FILES))))):
            content = data.draw(damaged((run / name).read_bytes()))
            (run / name).unlink()
            if content is not None:
                (run / name).write_bytes(content)
        status, broke = asked(data.draw(st.sampled_from(VERBS)), run, folder / "there")
        assert broke == ""
        assert status in STATUSES
    finally:
        shutil.rmtree(folder)


TOLD = ("faults", "faults --json", "train --debrief", "export --to csv", "replay --spacecraft sc-1")


@pytest.mark.parametrize("verb", TOLD)
def test_half_a_trace_is_told_of_by_who_reads_it(
    verb: str, flown: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunDirectory(shutil.copytree(flown.path, tmp_path / "run"))
    run.trace.write_bytes(run.trace.read_bytes()[: run.trace.stat().st_size // 2])
    assert asked(verb, run.path, tmp_path / "there") == (3, "")
    assert "of 60 ticks can be read" in capsys.readouterr().err
    run.trace.write_bytes(b"")
    assert asked(verb, run.path, tmp_path / "there") == (2, "")
