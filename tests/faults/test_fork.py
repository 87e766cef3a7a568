"""Forks: a run flown again and left in the middle, to the bit, with what came from outside."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bus.errors import UserError
from bus.trace.reader import TraceReader
from bus.trace.writer import TraceWriter, write_record
from bus.wire.codec import peek
from faults.catalogue.resolve import FAULTS
from faults.fork.values import with_values
from faults.plugin.emulation import Emulation
from faults.scenarios.choose import RunOptions, choose
from faults.scenarios.load import load_text
from tests.kits.runs import TINY, fly, skyrack, write

THREE_MINUTES = TINY.replace("duration: 60 s", "duration: 3 min")
STRIKE = """\
faults:
  - {id: dead, fault: kill, target: sc-1, at: 100 s, parameters: {down: 20 s}}
"""
EARLIER = "faults:\n  - {id: dark, fault: string_open, target: sc-1, at: 30 s, parameters: {string: 2}}\n"
LATER = "  - {id: blind, fault: link_outage, target: sc-1, at: 150 s, for: 10 s}\n"


def forked(*arguments: object) -> dict[str, object]:
    result = skyrack("fork", *arguments, "--json")
    assert result.returncode in (0, 1), result.stderr
    content = json.loads(result.stdout)
    assert isinstance(content, dict)
    return content


def test_a_fork_is_the_run_of_the_changed_scenario_to_the_bit(tmp_path: Path) -> None:
    fly(tmp_path / "run", write(tmp_path, THREE_MINUTES + EARLIER + LATER), "--in-process")
    whole = fly(
        tmp_path / "whole", write(tmp_path, THREE_MINUTES + EARLIER + STRIKE.removeprefix("faults:\n"), "w.yaml"),
        "--in-process",
    )  # fmt: skip
    change = write(tmp_path, STRIKE + "without: [blind]\nexpectations: ['never sc-1.boot_count > 1']\n", "change.yaml")
    found = forked(tmp_path / "run", "--at", "80 s", "--change", change, "--out", tmp_path / "fork")
    assert found["same"] is False and found["trace_hashes"][1] == whole["trace_hash"]  # type: ignore[index]
    assert found["parted"] == {"tick": 99, "at_s": 99.0, "who": ["range"]}  # where the injection leaves
    assert [(row["first"], row["second"]) for row in found["expectations"]] == [  # type: ignore[attr-defined]
        ("PASS", "PASS"),
        (None, "FAIL"),
    ]
    signals = {row["signal"]: row["since_s"] for row in found["signals"]}  # type: ignore[attr-defined]
    assert signals["host_up"] == 101.0 and "dark" not in signals
    mine = [row["name"] for row in found["events"][1]["first"]]  # type: ignore[index]
    assert "booted" in mine
    page = (tmp_path / "fork" / "compare.html").read_text()
    assert "host_up" in page and "http" not in page
    summary = json.loads((tmp_path / "fork" / "summary.json").read_text())
    assert summary["telemetry"]["total"]["unaccounted"] == 0


async def test_what_came_from_outside_comes_again(tmp_path: Path) -> None:
    """Without a change the trace hash is the recorded one, operators and injectors of the run included."""
    run = Emulation(choose(RunOptions(scenario=str(write(tmp_path, THREE_MINUTES)))).scenario, tmp_path / "run")
    run.inject("sc-1", "string_open", string=2)  # before the first tick
    await run.spacecraft().command("test.ping", within="2 min")
    struck = run.inject("sc-1", "link_blackout", direction="uplink", duration="20 s")
    await struck.acts()
    done = await run.spacecraft().command("mode.set", mode="SAFE")
    await run.until(lambda: done.done, "2 min")
    await run.run_for(180.0 - run.time_s)
    recorded = run.close()["trace_hash"]
    for at in ("1 s", "75 s", "177 s"):
        found = forked(tmp_path / "run", "--at", at, "--out", tmp_path / f"fork-{at.removesuffix(' s')}")
        assert found["same"] is True and found["parted"] is None and found["signals"] == []
        assert found["trace_hashes"] == [recorded, recorded]


def test_faults_are_typed_as_for_inject(tmp_path: Path) -> None:
    fly(tmp_path / "run", write(tmp_path, THREE_MINUTES), "--in-process")
    typed = "sc-1 kill down='20 s' at='100 s'"
    found = forked(tmp_path / "run", "--at", "80 s", "--fault", typed, "--out", tmp_path / "fork")
    scenario = json.loads((tmp_path / "fork" / "scenario.json").read_text())
    assert [(fault["id"], fault["at_s"]) for fault in scenario["faults"]] == [("forked-1", 100.0)]
    assert found["parted"]["at_s"] == 99.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--at", "3 min"), "--at: found '3 min'; allowed: 1 s to 177 s of this run"),
        (("--at", "soon"), "--at: found 'soon'; allowed: a time in"),
        (("--at", "80 s", "--fault", "sc-1"), "a spacecraft, a fault, and its parameters"),
        (("--at", "80 s", "--fault", "sc-9 kill down='1 s'"), "found 'sc-9'"),
        (("--at", "80 s", "--fault", "sc-1 kil down='1 s'"), "did you mean kill"),
        (("--at", "80 s", "--fault", "sc-1 kill down='1 s' at='20 s'"), "times from 82 s on"),
        (("--at", "80 s", "--change", "{early}"), "found something at 60 s; allowed: times from 82"),
        (("--at", "80 s", "--change", "{gone}"), "gone.yaml:1:11: without[0]: found dark, which strikes at 30 s"),
        (("--at", "80 s", "--change", "{asked}"), "asked.yaml:1:15: expectations: found sc-1.battery_held_c"),
        (("--at", "80 s", "--change", "{twice}"), "an id that no fault of the run has"),
        (("--at", "80 s", "--change", "{form}"), "form.yaml:1:1: duration: found an unknown field"),
    ],
)  # fmt: skip
def test_what_cannot_be_forked_is_told(flown: Path, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    files = {
        "early": STRIKE.replace("\n  -", " [").replace("100 s", "60 s").replace("}}\n", "}}]\n"),
        "gone": "without: [dark]\n",
        "asked": "expectations: ['always sc-1.battery_held_c > 0 C']\n",
        "twice": STRIKE.replace("dead", "dark"),
        "form": "duration: 9 min\n",
    }
    paths = {name: str(write(tmp_path, text, f"{name}.yaml")) for name, text in files.items()}
    result = skyrack("fork", flown, *(option.format(**paths) for option in options), "--out", tmp_path / "never")
    assert result.returncode == 2 and said in result.stderr, result.stderr
    assert not (tmp_path / "never").exists()


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flown")
    fly(folder / "run", write(folder, THREE_MINUTES + EARLIER), "--in-process")
    return folder / "run"


def _rewritten(
    source: Path, change: Callable[[int, bytes], bytes], last: int | None = None, versions: Mapping[str, str] = {}
) -> None:
    """A trace with other digests of sc-1's answers, or that ends earlier, or that was recorded with other versions."""
    with TraceReader(source) as trace:
        header, records, end = trace.header, list(trace), trace.end
    assert end is not None
    header = replace(header, versions={**header.versions, **versions})
    with TraceWriter(source, header) as writer:
        for record in records[:last]:
            answers = [
                answer._replace(digest=change(record.tick, answer.digest)) if answer.id == "sc-1" else answer
                for answer in record.answers
            ]
            mail = [(peek(frame), frame) for frame in record.mail]
            writer.append(write_record(record.tick, record.closing, mail, answers))
        if last is None:
            writer.close(complete=True, reason=end.reason, mail=end.mail)


def test_a_run_that_cannot_be_flown_again_is_not_forked(flown: Path, tmp_path: Path) -> None:
    shutil.copytree(flown, tmp_path / "run")
    _rewritten(tmp_path / "run" / "trace.bin", lambda tick, digest: bytes(len(digest)) if tick == 41 else digest)
    result = skyrack("fork", tmp_path / "run", "--at", "80 s", "--out", tmp_path / "fork")
    assert result.returncode == 3 and "sc-1 did not reproduce tick 41" in result.stderr
    assert "another version cannot be flown again" in result.stderr
    _rewritten(tmp_path / "run" / "trace.bin", lambda tick, digest: digest, versions={"sources": "an older one"})
    older = skyrack("fork", tmp_path / "run", "--at", "80 s", "--out", tmp_path / "older")
    assert (
        older.returncode == 3 and "next: Skyrack was changed since; recorded with sources an older one" in older.stderr
    )
    assert "Skyrack was changed since" in skyrack("why", tmp_path / "run", "sc-1").stdout
    earlier = skyrack("fork", tmp_path / "run", "--at", "40 s", "--out", tmp_path / "earlier")
    assert earlier.returncode == 0, earlier.stderr  # up to there it is the same


def test_a_run_that_broke_off_is_forked_as_far_as_it_came(flown: Path, tmp_path: Path) -> None:
    shutil.copytree(flown, tmp_path / "run")
    _rewritten(tmp_path / "run" / "trace.bin", lambda tick, digest: digest, last=60)
    late = skyrack("fork", tmp_path / "run", "--at", "80 s", "--out", tmp_path / "late")
    assert late.returncode == 3 and "recorded only up to tick 59" in late.stderr
    assert skyrack("fork", tmp_path / "run", "--at", "50 s", "--out", tmp_path / "fork").returncode in (0, 1)


def test_values_are_true_from_the_fork_on(tmp_path: Path) -> None:
    fly(tmp_path / "run", write(tmp_path, THREE_MINUTES), "--in-process")
    put = ("--set", "sc-1.battery_soc=40 %", "--set", "sc-1.thermal_temperature_k[battery]=300 K")
    found = forked(tmp_path / "run", "--at", "80 s", *put, "--out", tmp_path / "fork")
    signals = {row["signal"]: row for row in found["signals"]}  # type: ignore[attr-defined]
    assert signals["battery_soc"]["since_s"] == 83.0 and signals["battery_soc"]["most"] == pytest.approx(0.5, abs=0.11)
    assert found["parted"]["at_s"] == 81.0  # type: ignore[index]
    summary = json.loads((tmp_path / "fork" / "summary.json").read_text())
    assert [(row["id"], row["fault"], row["at_s"]) for row in summary["faults"]][:1] == [("set-1.0", "set", 82.0)]
    assert not any(row["refused"] for row in summary["faults"])
    assert "set" not in FAULTS


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("battery_soc", "allowed: SPACECRAFT.NAME=VALUE"),
        ("sc-1.battery_soc=", "allowed: SPACECRAFT.NAME=VALUE"),
        ("sc-2.battery_soc=4 %", "found 'sc-2'; allowed: sc-1"),
        ("sc-1.battery_sock=4 %", "battery_soc"),
        ("sc-1.battery_soc=400 %", "allowed: 0 to 100 %"),
        ("sc-1.battery_soc=4 K", "found '4 K'"),
        ("sc-1.mode=SAFE", "flight software takes telecommands"),
    ],
)
def test_values_that_cannot_be_are_refused(written: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        with_values(load_text(THREE_MINUTES), 80 * 10**9, [written])
