"""Several spacecraft in one process: the trace is the same, and who shares a process shares its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import SkyrackError, UnknownNameError, UserError
from bus.sockets.keys import make_keys
from faults.run import groups
from faults.run.groups import chosen_ids, expand, in_groups, label, per_process_here, share_of, with_keys
from faults.run.processes import Listener
from tests.kits.runs import HOUSE, TINY, command, fly, skyrack, summary_of, write
from tests.system.test_supervisor import IDS, PLAN, in_process_hash, run_json
from tests.system.test_supervisor import fly as fly_fakes

TOGETHER = {**PLAN, "groups": [["sat-a", "sat-b"]]}


async def test_a_group_gives_the_hash_of_one_process_even_when_it_is_killed(tmp_path: Path) -> None:
    calm = await fly_fakes(tmp_path / "calm", TOGETHER)
    assert calm.failure is None and calm.result["trace_hash"] == in_process_hash()
    assert run_json(tmp_path / "calm")["groups"] == {"sat-a+1": ["sat-a", "sat-b"]}
    stormy = await fly_fakes(tmp_path / "stormy", {**TOGETHER, "harm": {"sat-b": {"kill": 50}}})
    assert stormy.failure is None
    assert stormy.restarts == {"sat-a+1": 1}
    assert stormy.result["trace_hash"] == in_process_hash()
    assert [stormy.result["counters"][id]["returns"] for id in IDS] == [1, 1, 0]


async def test_what_fails_in_one_ends_the_group_and_is_named(tmp_path: Path) -> None:
    outcome = await fly_fakes(tmp_path, {**TOGETHER, "harm": {"sat-b": {"raise": 20}}}, restarts=1)
    assert outcome.failure is not None
    assert "sat-a+1: sat-a and 1 more failed: ValueError: a bug in a participant" in outcome.failure.message
    assert outcome.restarts == {"sat-a+1": 1}


async def test_a_group_that_keeps_dying_is_lost_as_a_whole(tmp_path: Path) -> None:
    plan = {**TOGETHER, "missing_tock": "continue", "harm": {"sat-b": {"raise": 20}}}
    outcome = await fly_fakes(tmp_path, plan, restarts=1, go_on_without=True)
    assert outcome.failure is None and outcome.result["complete"]
    assert sorted(lost["id"] for lost in outcome.result["lost"]) == ["sat-a", "sat-b"]


def test_a_killed_group_of_spacecraft_comes_back_and_nobody_can_tell(tmp_path: Path) -> None:
    length = ("--duration", "20 min")
    expected = fly(tmp_path / "here", "quick", "--in-process", *length)["trace_hash"]
    out, said, killed = tmp_path / "run", [], False
    together = command("run", "quick", "--out", out, "--per-process", 2, *length)
    with subprocess.Popen(together, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=HOUSE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if not killed and " of 0:20:00" in line:
                os.kill(json.loads((out / "run.json").read_text())["pids"]["dawn-1+1"], signal.SIGKILL)
                killed = True
    assert process.returncode == 0, "".join(said)
    assert "dawn-1+1 was started again\n" in said
    assert any(line.startswith("dawn-1 ") and " back at tick " in line for line in said), said
    summary = summary_of(out)
    assert (summary["restarts"], summary["trace_hash"]) == (1, expected)


class Heard:
    """An observer that keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def show(self, tick: int, samples: object) -> None: ...

    def close(self) -> None: ...


def test_what_befalls_a_group_is_one_line() -> None:
    heard = Heard()
    listener = Listener(heard)
    for id in ("sat-a", "sat-b", "sat-c"):
        listener.hear("bus", {"report": "away", "id": id, "tick": 7, "reason": "its connection is gone"})
    for id in ("sat-a", "sat-b"):
        listener.hear("bus", {"report": "back", "id": id, "tick": 3})
    assert heard.lines == []
    listener.hear("sat-a+2", {"report": "restarted"})
    assert heard.lines == [
        "sat-a and 2 more are gone at tick 7: its connection is gone",
        "sat-a and 1 more are back at tick 3 and catching up",
        "sat-a+2 was started again",
    ]
    listener.hear("bus", {"report": "lost", "id": "sat-b", "tick": 9, "reason": "no answer in time"})
    listener.hear("bus", {"report": "alive"})
    assert heard.lines[-1] == "sat-b is given up at tick 9: no answer in time"


@given(count=st.integers(1, 300), per_process=st.integers(1, 50))
def test_groups_are_neighbours_and_equal(count: int, per_process: int) -> None:
    ids = [f"sat-{number}" for number in range(count)]
    found = in_groups(ids, per_process)
    assert [id for group in found for id in group] == ids
    assert len(found) == -(-count // per_process)
    sizes = {len(group) for group in found}
    assert max(sizes) <= per_process and max(sizes) - min(sizes) <= 1


def test_a_group_is_called_like_no_spacecraft() -> None:
    assert label(["sat-1"]) == "sat-1"
    assert label(["sat-1", "sat-2", "dawn"]) == "sat-1+2"


@pytest.mark.parametrize(
    ("spacecraft", "cores", "free_mib", "expected"),
    [
        (100, 2, 20_000, 1),
        (101, 2, 20_000, 26),
        (1000, 2, 20_000, 250),
        (1000, 64, 400_000, 1),
        (20, 2, 1_000, 5),
        (6, 2, 1_000, 1),
        (30_000, 2, 20_000, 1000),
    ],
)
def test_what_the_machine_carries_decides(
    monkeypatch: pytest.MonkeyPatch, spacecraft: int, cores: int, free_mib: float, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)))
    monkeypatch.setattr(groups, "free_mib", lambda: free_mib)
    assert per_process_here(spacecraft) == expected


FLEET = (
    TINY.replace("duration: 60 s", "duration: 5 s")
    .replace("  - always sc-1.battery_soc > 20 %\n", "")
    .replace("expectations:\n", "")
)
ONE = FLEET[FLEET.index("  - id: sc-1") : FLEET.index("stations:")]
SMALL_MACHINE = """
import os, sys
from faults.run import groups
os.sched_getaffinity = lambda pid: {0}
groups.free_mib = lambda: 100.0
import skyrack
skyrack.main()
"""


def test_a_run_that_is_grouped_says_so(tmp_path: Path) -> None:
    more = "".join(ONE.replace("sc-1", f"sc-{number}") for number in range(2, 6))
    scenario = write(tmp_path, FLEET.replace(ONE, ONE + more))
    arguments = ["run", str(scenario), "--out", str(tmp_path / "run")]
    result = subprocess.run(
        [sys.executable, "-c", SMALL_MACHINE, *arguments],
        cwd=HOUSE, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    said = "5 spacecraft are more processes than this machine carries: they fly in 2, 3 in each at most (--per-process)"
    assert said in result.stderr
    expected = fly(tmp_path / "here", scenario, "--in-process")["trace_hash"]
    assert summary_of(tmp_path / "run")["trace_hash"] == expected


def test_free_memory_is_known_on_this_machine() -> None:
    assert 0 < groups.free_mib() < float("inf")


def test_ranges_and_lists() -> None:
    assert expand("sat-1..sat-3,dawn-1") == ["sat-1", "sat-2", "sat-3", "dawn-1"]
    assert expand("s08..s11") == ["s08", "s09", "s10", "s11"]
    assert expand(" a , b ") == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sat-1..dawn-3", "found 'sat-1..dawn-3'; allowed: a name such as dawn-1, or a range such as sat-1..sat-20"),
        ("sat-3..sat-1", "found 'sat-3..sat-1'"),
        ("Sat 1", "found 'Sat 1'"),
        ("a,,b", "found ''"),
        ("a,b,a", "a is there twice"),
        ("s1..s1001", "s1..s1001 are more than 1,000"),
        ("s1..s999,t1..t9", "more than 1,000 in one process"),
    ],
)
def test_ids_that_are_none_are_told(text: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        expand(text)
    assert complaint in caught.value.message


def test_shares_are_disjoint_and_complete_and_numbers_are_in_their_order(tmp_path: Path) -> None:
    fleet = [f"sat-{number}" for number in range(1, 24)]
    make_keys(tmp_path, [*reversed(fleet), "dawn-1"])
    assert with_keys(tmp_path) == ["dawn-1", *fleet]
    shares = [chosen_ids("", f"{place}/5", tmp_path) for place in range(5)]
    assert [id for share in shares for id in share] == ["dawn-1", *fleet]
    for wrong in ("5/5", "1", "a/b", "-1/3", "0/0"):
        with pytest.raises(UserError, match="allowed: K/N"):
            share_of(wrong, fleet)
    with pytest.raises(UserError, match="2 spacecraft have no 3 shares"):
        share_of("0/3", ["a", "b"])
    with pytest.raises(SkyrackError, match="no spacecraft has a key"):
        share_of("0/3", [])
    with pytest.raises(UnknownNameError, match="did you mean sat-22"):
        chosen_ids("sat-22x", "", tmp_path)


def test_a_group_by_hand_gives_the_same_hash(tmp_path: Path) -> None:
    """As a container with several spacecraft does: by range, and by share."""
    expected = fly(tmp_path / "here", "quick", "--in-process", "--duration", "1 min")["trace_hash"]
    scenario = tmp_path / "here" / "scenario.json"
    keys = ("--keys", tmp_path / "keys")
    anywhere = "tcp://127.0.0.1:0"
    binds = ("--bind", anywhere, "--bind-range", anywhere, "--bind-observe", anywhere)
    bus = command("bus", "--scenario", scenario, *keys, "--out", tmp_path / "run", *binds)
    with subprocess.Popen(bus, stderr=subprocess.PIPE, text=True) as conducting:
        assert conducting.stderr is not None
        at = next(line for line in conducting.stderr if "are awaited at" in line).split()[-1]
        common = ("--connect", at, *keys)
        node = command("node", "--share", "0/1", *common, "--nvm", tmp_path / "nvm")
        ground = command("ground", *common, "--archive", tmp_path / "archive.sqlite", "--bind", anywhere)
        with subprocess.Popen(node) as flying, subprocess.Popen(ground) as operating:
            conducting.stderr.read()
            ended = conducting.wait(), flying.wait(), operating.wait()
            assert ended == (1, 0, 0), "one of its faults lies after the end: INCONCLUSIVE"
    assert summary_of(tmp_path / "run")["trace_hash"] == expected
    assert sorted(path.name for path in (tmp_path / "nvm").iterdir()) == [
        "dawn-1.nvm", "dawn-1.nvm-2", "path-1.nvm", "path-1.nvm-2",
    ]  # fmt: skip


def test_a_node_that_is_not_in_the_keys_is_refused_with_its_neighbours(tmp_path: Path) -> None:
    make_keys(tmp_path, ["dawn-1"])
    result = skyrack("node", "--ids", "dawn-2", "--keys", tmp_path)
    assert result.returncode == 2
    assert "unknown spacecraft 'dawn-2'; did you mean dawn-1?" in result.stderr
