"""Processes: what a kill -9, a hang, a bug or a signal does to a run, and that nobody is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.errors import EnvironmentFault, RangeFailure
from bus.lockstep.conductor import Conductor
from bus.lockstep.in_process import run_in_process
from bus.process.plan import BusPlan
from bus.trace.reader import TraceReader
from bus.trace.writer import Answer, TraceHeader, TraceWriter
from faults.run import supervisor as launch
from faults.run.supervisor import LaunchOutcome
from tests.kits import live_fakes as fakes

IDS = ["sat-a", "sat-b", "ground"]
TICKS = 120
PLAN: dict[str, Any] = {"ids": IDS, "ticks": TICKS, "snapshot_every_ticks": 30}
PROMPT_S = 5.0


def in_process_hash() -> str:
    writer = TraceWriter(None, TraceHeader("0" * 32, 1, fakes.TICK_NS, TICKS, ()))
    conductor = Conductor(fakes.plans(IDS), TICKS, fakes.TICK_NS)
    run_in_process(conductor, [fakes.Fake(id, IDS) for id in IDS], fakes.TICK_NS, writer)
    return writer.trace_hash


async def fly(run: Path, plan: dict[str, Any], **more: Any) -> LaunchOutcome:
    outcome = await fakes.supervisor(run, plan, **more).fly()
    assert not living(run), "a process was left behind"
    return outcome


def living(run: Path) -> list[int]:
    """Processes of this run, found by their command lines: nothing can hide by not being in run.json."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if str(run).encode() in command and b"live_fakes" in command and state != "Z":
                found.append(int(entry.name))
    return found


def wait_for(condition: Callable[[], Any], within_s: float = 30.0) -> Any:
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def run_json(run: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((run / "run.json").read_text())
    except FileNotFoundError:
        return {}
    return content


async def test_processes_in_one_process_and_with_killed_members_give_one_hash(tmp_path: Path) -> None:
    expected = in_process_hash()
    calm = await fly(tmp_path / "calm", PLAN)
    assert calm.failure is None and calm.result["complete"]
    assert calm.result["trace_hash"] == expected
    harm = {"sat-a": {"kill": 50}, "sat-b": {"kill": 7}, "ground": {"kill": 101}}
    stormy = await fly(tmp_path / "stormy", {**PLAN, "harm": harm})
    assert stormy.failure is None
    assert stormy.restarts == {"sat-a": 1, "sat-b": 1, "ground": 1}
    assert stormy.result["trace_hash"] == expected
    assert stormy.result["counters"]["sat-a"]["returns"] == 1
    assert stormy.result["accounts"] == len(IDS)
    assert run_json(tmp_path / "stormy")["state"] == "finished"


async def test_a_hung_process_is_named_and_the_policy_decides(tmp_path: Path) -> None:
    plan = {**PLAN, "tock_timeout_s": 1.0, "harm": {"sat-b": {"hang": 20}}}
    stopped = await fly(tmp_path / "stop", plan)
    assert stopped.failure is not None
    assert "sat-b was lost at tick 20" in stopped.failure.message
    assert stopped.failure.exit_status == 3
    with TraceReader(tmp_path / "stop" / "trace") as trace:
        assert len(trace) == 20 and trace.end is not None and not trace.end.complete
    went_on = await fly(tmp_path / "continue", {**plan, "missing_tock": "continue"})
    assert went_on.failure is None and went_on.result["complete"]
    assert [lost["id"] for lost in went_on.result["lost"]] == ["sat-b"]


async def test_a_bus_that_hangs_ends_the_run(tmp_path: Path) -> None:
    """Everybody else waits for it: the supervisor alone can tell."""

    def hang(id: str, report: dict[str, Any]) -> None:
        if report["report"] == "progress":
            os.kill(run_json(tmp_path)["pids"]["bus"], signal.SIGSTOP)

    plan = {**PLAN, "ticks": 100_000, "speed": 60.0}
    outcome = await fly(tmp_path, plan, bus_patience_s=2.0, on_report=hang)
    assert isinstance(outcome.failure, RangeFailure)
    assert outcome.failure.message == "the bus gave no sign of life for 2 s"
    assert run_json(tmp_path)["state"] == "failed"
    with TraceReader(tmp_path / "trace") as trace:
        assert trace.end is None and len(trace) > 0


PACED: dict[str, Any] = {**PLAN, "ticks": 60, "speed": 20.0}
PERIOD_S = 1 / 20


def answers_of(run: Path, id: str) -> list[Answer]:
    with TraceReader(run / "trace") as trace:
        return [answer for record in trace for answer in record.answers if answer.id == id and answer.digest]


async def test_a_paced_run_goes_on_while_one_is_late_and_counts_it(tmp_path: Path) -> None:
    outcome = await fly(tmp_path, {**PACED, "harm": {"sat-b": {"slow": 20}}})
    assert outcome.failure is None and outcome.result["complete"]
    counters = outcome.result["counters"]["sat-b"]
    late = [answer.tick for answer in answers_of(tmp_path, "sat-b") if answer.late]
    assert counters["late_tocks"] == len(late) >= fakes.SLOW_S / PERIOD_S - 2
    assert 20 in late, "it was late with the tick in which it was slow"
    assert counters["tocks"] == 60 + 1, "and answered every tick all the same"
    assert outcome.wall_s >= 58 * PERIOD_S - 1.0, "nobody waited for it, nobody hurried"


async def test_a_process_stopped_for_a_second_and_a_half_at_x60_is_told_of_and_catches_up(tmp_path: Path) -> None:
    said: list[dict[str, Any]] = []
    plan = {**PLAN, "ticks": 240, "speed": 60.0, "harm": {"sat-b": {"slow": 20, "slow_s": 1.8}}}
    outcome = await fly(tmp_path, plan, on_report=lambda id, report: said.append(report))
    assert outcome.failure is None and outcome.result["complete"] and outcome.result["lost"] == []
    assert [answer.tick for answer in answers_of(tmp_path, "sat-b")] == list(range(241)), "every tick is answered"
    assert outcome.result["counters"]["sat-b"]["late_tocks"] > 64
    late = [report for report in said if report["report"] == "late"]
    assert late[0]["id"] == "sat-b" and late[0]["behind"] > 0
    assert [report["behind"] for report in late if report["id"] == "sat-b"][-1] == 0, "it has caught up"


async def test_who_stays_silent_in_a_paced_run_is_lost_after_the_patience_of_the_range(tmp_path: Path) -> None:
    plan = {**PACED, "ticks": 80, "tock_timeout_s": 1.0, "missing_tock": "continue", "harm": {"sat-b": {"hang": 20}}}
    outcome = await fly(tmp_path, plan)
    assert outcome.failure is None and outcome.result["complete"]
    (lost,) = outcome.result["lost"]
    assert lost["id"] == "sat-b" and lost["reason"].startswith("no answer for ")


@pytest.mark.parametrize("speed", [None, 20.0])
def test_a_machine_that_slept_costs_nobody(tmp_path: Path, speed: float | None) -> None:
    process = start_supervisor(
        tmp_path, {**PLAN, "ticks": 100 if speed else 60_000, "speed": speed, "tock_timeout_s": 1.0}
    )
    everybody = [process.pid, *run_json(tmp_path)["pids"].values()]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3.0)  # the sleep is what is tested: three times the patience
    for pid in everybody:
        os.kill(pid, signal.SIGCONT)
    if speed is None:
        size = (tmp_path / "trace").stat().st_size
        wait_for(lambda: (tmp_path / "trace").stat().st_size > size + 20_000)
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30.0) == 0
    assert json.loads((tmp_path / "outcome.json").read_text())["result"]["lost"] == []


async def test_a_killed_node_returns_to_a_paced_run_with_its_computer_down_meanwhile(tmp_path: Path) -> None:
    outcome = await fly(tmp_path, {**PACED, "harm": {"sat-a": {"kill": 10}}})
    assert outcome.failure is None and outcome.result["complete"]
    assert outcome.restarts == {"sat-a": 1}
    assert outcome.result["counters"]["sat-a"]["returns"] == 1
    answers = sorted(answers_of(tmp_path, "sat-a"), key=lambda answer: answer.tick)
    assert [answer.tick for answer in answers] == list(range(61)), "every tick is answered in the end"
    missed = [answer.tick for answer in answers if not answer.host_up]
    assert missed and missed == list(range(missed[0], missed[-1] + 1)) and missed[0] == 10
    assert all(answers[tick].late for tick in missed)
    assert outcome.result["accounts"] == len(IDS)


async def test_a_bug_is_told_after_the_restarts_are_used_up(tmp_path: Path) -> None:
    reports: list[str] = []
    outcome = await fly(
        tmp_path,
        {**PLAN, "harm": {"sat-a": {"raise": 10}}},
        restarts=2,
        on_report=lambda id, r: reports.append(r["report"]),
    )
    assert outcome.failure is not None and "a bug in a participant" in outcome.failure.message
    assert outcome.restarts == {"sat-a": 2}
    assert reports.count("restarted") == 2
    assert run_json(tmp_path)["state"] == "failed"


async def test_the_run_goes_on_without_who_keeps_dying_where_the_scenario_says_so(tmp_path: Path) -> None:
    plan = {**PLAN, "missing_tock": "continue", "tock_timeout_s": 600.0, "harm": {"sat-a": {"raise": 10}}}
    outcome = await fly(tmp_path, plan, restarts=2, go_on_without=True)
    assert outcome.failure is None and outcome.result["complete"]
    assert outcome.restarts == {"sat-a": 2}
    (lost,) = outcome.result["lost"]
    assert (lost["id"], lost["tick"]) == ("sat-a", 10)
    assert lost["reason"].startswith("it keeps dying: sat-a: ") and "a bug in a participant" in lost["reason"]
    assert "(2 restarts)" in lost["reason"], "and nobody waited for the patience of the range"


async def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        endpoint = f"tcp://127.0.0.1:{busy.getsockname()[1]}"
        outcome = await fly(tmp_path / "port", {**PLAN, "time_endpoint": endpoint})
    assert isinstance(outcome.failure, EnvironmentFault)
    assert "the port is in use" in outcome.failure.message and "port 0" in outcome.failure.hint
    _, others = fakes.members(tmp_path / "typo", PLAN)
    broken = launch.Member("bus", (sys.executable, "-c", "import nothing_of_that_name"))
    outcome = await launch.Supervisor(tmp_path / "typo", broken, others).fly()
    assert isinstance(outcome.failure, RangeFailure)
    assert "ended with status 1" in outcome.failure.message and "nothing_of_that_name" in outcome.failure.message


async def test_an_unwritable_run_directory_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    bus, others = fakes.members(tmp_path / "other", PLAN)
    outcome = await launch.Supervisor(tmp_path / "file", bus, others).fly()
    assert isinstance(outcome.failure, EnvironmentFault) and "--out" in outcome.failure.hint


def start_supervisor(run: Path, plan: dict[str, Any]) -> subprocess.Popen[bytes]:
    fakes.members(run, plan)
    command = [sys.executable, str(fakes.HERE), "supervisor", str(run), "-"]
    process = subprocess.Popen(command, start_new_session=True)
    wait_for(lambda: run_json(run).get("state") == "running" and len(run_json(run)["pids"]) == len(IDS) + 1)
    wait_for(lambda: (run / "trace").stat().st_size > 5_000)  # it flies
    return process


ENDLESS = {**PLAN, "ticks": 10_000_000, "tock_timeout_s": 600.0}


def test_kill_9_of_the_supervisor_leaves_no_process(tmp_path: Path) -> None:
    process = start_supervisor(tmp_path, ENDLESS)
    pids = run_json(tmp_path)["pids"]
    os.kill(pids["sat-a"], signal.SIGSTOP)  # a stopped process must go as well
    assert len(living(tmp_path)) == len(IDS) + 2
    process.kill()
    process.wait()
    wait_for(lambda: not living(tmp_path), PROMPT_S)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_in_order(tmp_path: Path, number: signal.Signals) -> None:
    process = start_supervisor(tmp_path, ENDLESS)
    process.send_signal(number)
    start = time.monotonic()
    assert process.wait(timeout=PROMPT_S) == 0
    assert time.monotonic() - start < PROMPT_S
    assert not living(tmp_path)
    assert run_json(tmp_path)["state"] == "stopped"
    assert run_json(tmp_path)["pids"] == {}
    result = json.loads((tmp_path / "outcome.json").read_text())["result"]
    assert (result["complete"], result["reason"]) == (False, "stopped by SIGTERM")
    with TraceReader(tmp_path / "trace") as trace:
        assert trace.end is not None and not trace.end.complete
        assert len(trace) == result["ticks"] + 1  # and the closing one
    assert result["accounts"] == len(IDS)
    assert [log.read_text() for log in sorted((tmp_path / "log").glob("sat-*.log"))] == ["", ""]


def test_a_signal_ends_everything_even_with_a_hung_participant(tmp_path: Path) -> None:
    process = start_supervisor(tmp_path, ENDLESS)
    os.kill(run_json(tmp_path)["pids"]["sat-a"], signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=PROMPT_S)
    assert not living(tmp_path)


def test_kill_9_of_the_bus_ends_the_run_and_leaves_a_readable_trace(tmp_path: Path) -> None:
    process = start_supervisor(tmp_path, ENDLESS)
    wait_for(lambda: (tmp_path / "trace").stat().st_size > 20_000)
    os.kill(run_json(tmp_path)["pids"]["bus"], signal.SIGKILL)
    assert process.wait(timeout=2 * PROMPT_S) == 3
    assert not living(tmp_path)
    assert run_json(tmp_path)["state"] == "failed"
    assert json.loads((tmp_path / "outcome.json").read_text())["wall_s"] > 0.0
    with TraceReader(tmp_path / "trace") as trace:
        assert len(trace) > 10 and trace.end is None


def test_a_participant_without_a_supervisor_ends_on_sigterm(tmp_path: Path) -> None:
    fakes.members(tmp_path, PLAN)
    launch_keys(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word of ZMTP
        environment = {
            **os.environ, "SKYRACK_CONNECT": f"tcp://127.0.0.1:{silent.getsockname()[1]}", "FAKE_RUN": str(tmp_path)
        }  # fmt: skip
        command = [sys.executable, str(fakes.HERE), "node", str(tmp_path), "sat-a"]
        process = subprocess.Popen(command, env=environment)
        silent.accept()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PROMPT_S)
    assert not living(tmp_path)


def launch_keys(run: Path) -> None:
    fakes.make_keys(run / "keys", ["sat-a", "sat-b"])


def test_bus_plans_are_lockstep_on_loopback_unless_told_otherwise() -> None:
    plan = BusPlan((), 1, 1, b"")
    assert plan.speed is None and plan.missing_tock == "stop"
    assert {plan.time_endpoint, plan.range_endpoint, plan.observe_endpoint} == {"tcp://127.0.0.1:0"}


TALKATIVE = """
import json
print(json.dumps({"report": "ready", "endpoints": {"time": "tcp://127.0.0.1:1"}}), flush=True)
print(json.dumps({"report": "progress", "tick": 1, "ticks": 1, "slips": 0}), flush=True)
counters = {f"sat-{n}": {"tocks": n} for n in range(50_000)}
print(json.dumps({"report": "finished", "complete": True, "counters": counters}))
"""


async def test_a_report_of_thousands_is_heard_to_its_end(tmp_path: Path) -> None:
    """More than a pipe holds at once, and the last word of a process that has ended."""
    bus = launch.Member("bus", (sys.executable, "-c", TALKATIVE))
    outcome = await launch.Supervisor(tmp_path, bus, []).fly()
    assert outcome.failure is None
    assert outcome.result["counters"]["sat-49999"] == {"tocks": 49_999}


async def test_only_so_many_processes_load_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them: each of the others is started when one has come, and all come to be."""
    monkeypatch.setattr(launch, "STARTING_AT_ONCE", 2)
    ids = [*(f"sat-{n}" for n in range(5)), "ground"]
    here: list[str] = []
    loading: list[int] = []

    def hear(who: str, report: dict[str, Any]) -> None:
        if report["report"] == "here":
            here.append(report["id"])
            loading.append(len(living(tmp_path)) - 1 - len(here))  # without the bus and those that have come

    outcome = await fly(tmp_path, {"ids": ids, "ticks": 3, "snapshot_every_ticks": 30}, on_report=hear)
    assert outcome.failure is None
    assert sorted(here) == sorted(ids)
    assert max(loading) < 2
