"""The composition root: who takes part, a small run from end to end, what is left of a failed one, replay."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from bus.errors import EnvironmentFault, ParticipantLost, UnknownNameError, UserError
from bus.lockstep.in_process import run_in_process
from bus.participant import Moment, Outbox, Participant
from bus.scenario.model import Scenario
from bus.trace.reader import TraceReader
from bus.trace.writer import TraceWriter
from bus.wire.messages import Message, Plane
from faults.commands.replay import replay
from faults.recording.read import read_recording
from faults.recording.summary import VERSION, exit_status, versions
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run.interruption import Interruption
from faults.run_directory import RunDirectory, create, live_run, open_run
from faults.scenarios.load import load_text
from faults.scenarios.vocabulary import TruthNames
from tests.kits.runs import HOUSE, TINY, command, skyrack, summary_of, write

EVENTFUL = (
    TINY.replace(
        "stations: [svalbard]",
        """stations: [svalbard]
timeline:
  - {at: 5 s, telecommand: {to: sc-1, name: test.ping}}
faults:
  - {id: open-string, fault: string_open, target: sc-1, at: 10 s, for: 20 s, parameters: {string: 2}}""",
    )
    + """\
  - "within 2 s of open-string: sc-1.string_health[2] < 0.1"
  - "always [40 s, 60 s] sc-1.string_health[2] > 0.9"
  - "within 5 s of telecommand sc-1.test.ping completed: sc-1.mode == NOMINAL"
  - "within 1 s of event sc-1.booted: sc-1.boot_count == 1"
"""
)


def scenario_of(text: str = TINY) -> Scenario:
    return load_text(text, file="tiny.yaml")


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, dict[str, object]]:
    """An eventful minute in one process."""
    scenario = scenario_of(EVENTFUL)
    directory = create(scenario.name, tmp_path_factory.mktemp("flown") / "run")
    root.prepare(directory, scenario, EVENTFUL)
    result = root.fly_in_process(scenario, directory)
    assert result.failure is None
    return directory, conclude(directory, result, mode="in-process", pace="free")


def test_two_ticks_at_once_give_the_records_of_the_plain_barrier(
    flown: tuple[RunDirectory, dict[str, object]], tmp_path: Path
) -> None:
    scenario, (directory, _) = scenario_of(EVENTFUL), flown
    trace = TraceWriter(tmp_path / "trace.bin", root.trace_header(scenario))
    plain = root.conductor_of(scenario, history=False)
    run_in_process(plain, root.build_all(scenario), scenario.tick_ns, trace)
    assert plain.finished and (tmp_path / "trace.bin").read_bytes() == directory.trace.read_bytes()


def test_seats_open_the_planes_of_their_role() -> None:
    plans = {plan.id: plan for plan in root.participant_plans(scenario_of())}
    assert set(plans) == {"sc-1", "ground", "range"}
    assert plans["ground"].planes == plans["sc-1"].planes == frozenset({Plane.TIME, Plane.SPACE})
    assert plans["range"].planes == frozenset({Plane.TIME, Plane.RANGE})
    assert (plans["ground"].forwards, plans["sc-1"].forwards) == ("operator", "")


def test_a_run_is_judged_and_its_ledger_closes(flown: tuple[RunDirectory, dict[str, object]]) -> None:
    directory, summary = flown
    assert [e["verdict"] for e in summary["expectations"]] == ["PASS"] * 5, summary["expectations"]  # type: ignore[index, attr-defined]
    assert summary["telecommands"] == {
        "sent": 1, "completed": 1, "failed": 0, "rejected": 0, "expired": 0, "indeterminate": 0,
    }  # fmt: skip
    total = summary["telemetry"]["total"]  # type: ignore[index]
    assert total["generated"] == total["archived"] + total["declared_lost"] + total["on_board"] > 0
    (fault,) = summary["faults"]  # type: ignore[misc]
    assert (fault["id"], fault["target"], fault["seam"]) == ("open-string", "sc-1", "plant")
    assert (fault["at_s"], fault["cleared_s"]) == (10.0, 30.0)
    assert exit_status(summary) == 0
    assert summary == json.loads(directory.summary.read_text())


def test_the_summary_has_its_documented_keys(flown: tuple[RunDirectory, dict[str, object]]) -> None:
    page = (HOUSE / "docs" / "reference" / "summary.md").read_text(encoding="utf-8")
    assert all(f"`{key}`" in page for key in flown[1])


def test_the_directory_holds_what_it_promises(flown: tuple[RunDirectory, dict[str, object]]) -> None:
    directory, summary = flown
    for path in (directory.scenario, directory.source, directory.dictionaries, directory.trace, directory.archive):
        assert path.stat().st_size > 0
    assert Scenario.model_validate_json(directory.scenario.read_bytes()) == scenario_of(EVENTFUL).model_copy(
        update={"file": ""}
    )
    assert "<svg" in directory.report.read_text(encoding="utf-8")
    with TraceReader(directory.trace) as reader:
        assert reader.trace_hash() == summary["trace_hash"]


def test_the_recording_knows_what_happened(flown: tuple[RunDirectory, dict[str, object]]) -> None:
    recording = read_recording(flown[0])
    assert (recording.ticks, recording.end_s, recording.complete) == (60, 60.0, True)
    assert recording.times_s[0] == 1.0
    assert recording.times_s[-1] == 60.0
    (telecommand,) = recording.telecommands
    assert (telecommand.name, telecommand.station, telecommand.state) == ("test.ping", "svalbard", "completed")
    assert "booted" in [event.name for event in recording.events]


@pytest.mark.parametrize("participant", ["sc-1", "ground", "range"])
def test_replay_does_the_same_to_the_bit(participant: str, flown: tuple[RunDirectory, dict[str, object]]) -> None:
    result = replay(flown[0].path, participant)
    assert result.same, result
    assert result.compared == 61, "sixty ticks and the closing one"
    assert result.differences == ()


def test_replay_finds_a_difference(
    flown: tuple[RunDirectory, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another physics than the recorded one: the first tick that shows it is named."""
    import faults.commands.replay as module  # noqa: PLC0415

    def other(scenario: Scenario, spacecraft: str, telecommand_key: bytes) -> Participant:
        node = root.build_node(scenario, spacecraft, telecommand_key)
        array, index = node.parts.plant.locate("battery_group_soc[battery_1]")  # type: ignore[attr-defined]
        array[index] -= 0.01
        return node

    monkeypatch.setattr(module, "build_node", other)
    result = replay(flown[0].path, "sc-1")
    assert (result.same, result.first_difference) == (False, 0)


def test_replay_of_nobody_says_who_there_is(flown: tuple[RunDirectory, dict[str, object]]) -> None:
    with pytest.raises(UnknownNameError, match="did you mean sc-1"):
        replay(flown[0].path, "sc-2")


class Failing:
    """A participant whose step raises in tick 20."""

    def __init__(self, inner: Participant) -> None:
        self._inner = inner

    @property
    def id(self) -> str:
        return self._inner.id

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        if moment.tick == 20:
            raise ZeroDivisionError("a bug")
        return self._inner.step(moment, inbox)

    def save(self) -> bytes:
        return self._inner.save()

    def restore(self, snapshot: bytes) -> None:
        self._inner.restore(snapshot)


def test_a_range_that_fails_leaves_a_readable_trace_and_says_so(tmp_path: Path) -> None:
    scenario = scenario_of()
    directory = create("failing", tmp_path / "run")
    root.prepare(directory, scenario, None)
    node, *others = root.build_all(scenario)
    result = root.fly_in_process(scenario, directory, participants=[Failing(node), *others])
    assert isinstance(result.failure, ParticipantLost)
    assert (result.failure.participant, result.failure.tick) == ("sc-1", 20)
    summary = conclude(directory, result, mode="in-process", pace="free")
    assert (summary["ticks"], summary["complete"]) == (20, False)
    assert "ZeroDivisionError" in str(summary["error"])
    assert [e["verdict"] for e in summary["expectations"]] == ["INCONCLUSIVE"]  # type: ignore[index, attr-defined]
    assert exit_status(summary) == 3
    assert "stopped early" in directory.report.read_text(encoding="utf-8")


def test_directories_of_runs_never_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [create("first light!", None).path.name for _ in range(3)]
    assert names == ["first-light-001", "first-light-002", "first-light-003"]


def test_a_full_disk_is_said_before_anything_flies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1024})())
    with pytest.raises(EnvironmentFault, match="only 1 KiB are free"):
        create("full", tmp_path / "run")


def test_a_disk_that_fills_up_in_flight_ends_the_run_with_the_users_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = scenario_of()
    directory = create("filling", tmp_path / "run")
    root.prepare(directory, scenario, None)
    written = 0
    really_write = os.write

    def write_until_full(descriptor: int, data: bytes) -> int:
        nonlocal written
        written += len(data)
        if written > 20_000:
            raise OSError(28, "No space left on device")
        return really_write(descriptor, data)

    monkeypatch.setattr("os.write", write_until_full)
    result = root.fly_in_process(scenario, directory)
    monkeypatch.undo()
    assert isinstance(result.failure, EnvironmentFault)
    assert result.failure.exit_status == 2
    assert "No space left" in result.failure.message
    assert read_recording(directory).ticks > 0


def test_what_is_no_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no run's directory"):
        open_run(tmp_path)
    with pytest.raises(UserError, match="no run is going on"):
        live_run(None)


def test_truth_names_are_those_of_the_plant() -> None:
    names = TruthNames("pathfinder", ["svalbard"])
    assert "mode" in names
    assert "string_health[0]" in names
    assert "station_visible[svalbard]" in names
    assert "string_health[99]" not in names
    assert "batery_soc" not in names
    assert all(name in names for name in list(names)[::7])


def test_the_version_is_that_of_the_project() -> None:
    text = (HOUSE / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{VERSION}"' in text
    assert versions()["skyrack"] == VERSION


LIVE = TINY.replace("duration: 60 s", "duration: 2 h")


def test_a_live_run_takes_telecommands_and_faults_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    out = tmp_path / "run"
    worn = "faults:\n  - {id: worn, fault: string_open, target: sc-1, at: 2 s, parameters: {string: 0}}\n"
    arguments = ("run", write(tmp_path, LIVE + worn), "--pace", "x20", "--out", out)
    with subprocess.Popen(
        command(*arguments), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if " of 2:00:00" in line)
        sent = skyrack("command", "sc-1", "test.ping", "--run", out, "--json", "--wait", "60")
        wrong = skyrack("command", "sc-1", "test.pong", "--run", out)
        broken = skyrack("inject", "sc-1", "string_open", "string=2", "for=90 min", "--run", out)
        refused = skyrack("inject", "sc-1", "string_open", "string=99", "--run", out)
        stays = skyrack("inject", "sc-1", "string_open", "string=3", "--run", out, "--json")
        lasting = json.loads(stays.stdout.splitlines()[-1])["injection"]
        planned = skyrack("inject", "--clear", "worn", "--run", out)
        nobody = skyrack("inject", "--clear", "worn", "--run", out)
        ended = skyrack("inject", "--clear", lasting, "--run", out)
        acting = skyrack("faults", out, "--active", "--json")
        rest = skyrack("inject", "--clear", "all", "--run", out, "--json")
        over = skyrack("faults", out, "--active")
        idle = skyrack("inject", "--clear", "all", "--run", out)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert sent.returncode == 0, sent.stderr
    assert [json.loads(line)["state"] for line in sent.stdout.splitlines()][-1] == "COMPLETED"
    assert (wrong.returncode, "did you mean test.ping" in wrong.stderr) == (2, True)
    assert broken.returncode == 0, broken.stderr
    assert "recorded, delivered with tick" in broken.stdout
    assert ": active at " in broken.stdout
    assert (refused.returncode, "parameters.string" in refused.stderr) == (2, True)
    assert process.returncode == 130
    recording = read_recording(open_run(out))
    assert [f.fault for f in recording.faults] == ["string_open"] * 3
    assert recording.faults[1].at_s is not None
    assert (planned.returncode, "sc-1 worn: cleared at 0:" in planned.stdout) == (0, True), planned.stderr
    assert 0 < recording.ticks < 7200
    assert (nobody.returncode, "no injection 'worn' is active; active: " in nobody.stderr) == (2, True)
    assert f"{lasting} (sc-1)" in nobody.stderr
    assert ended.returncode == 0, ended.stderr
    assert f"sc-1 {lasting}: cleared at 0:" in ended.stdout
    brief = [(row["target"], row["fault"], row["state"]) for row in json.loads(acting.stdout)]
    assert brief == [("sc-1", "string_open", "active")]  # the one with a window is the last that acts
    assert json.loads(rest.stdout.splitlines()[-1])["state"] == "cleared", rest.stderr
    assert "no fault acts" in over.stdout and "no fault acts" in idle.stdout
    summary = summary_of(out)
    assert [fault["id"] for fault in summary["faults"][::2]] == ["worn", lasting]
    for fault in summary["faults"][::2]:
        assert fault["cleared_s"] > fault["at_s"] > 0.0
        assert fault["refused"] == ""
    assert (summary["complete"], summary["ticks"]) == (False, recording.ticks)
    assert summary["error"] == "interrupted by SIGINT"
    assert "is gone" not in "".join(log.read_text() for log in (out / "log").iterdir())
    assert replay(out, "sc-1").same, "a run with an operator in it replays too"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_in_one_process_ends_in_order_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "run"
    long = (
        TINY.replace("duration: 60 s", "duration: 10 d")
        + '  - "within 5 s of event sc-1.booted: sc-1.boot_count == 1"\n'
    )
    arguments = ("run", write(tmp_path, long), "--in-process", "--out", out)
    with subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if " of 10d 0:00:00" in line)
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "in-process" in output and "ledger closed" in output, "the table at the end is printed"
    recording = read_recording(open_run(out))
    assert (recording.complete, 0 < recording.ticks < 864_000) == (False, True)
    summary = summary_of(out)
    assert (summary["complete"], summary["ticks"]) == (False, recording.ticks)
    assert summary["error"] == f"interrupted by {number.name}"
    assert [row["verdict"] for row in summary["expectations"]] == ["INCONCLUSIVE", "PASS"]
    assert replay(out, "sc-1").same


def test_a_run_that_is_interrupted_before_its_first_tick_has_a_summary(tmp_path: Path) -> None:
    scenario = scenario_of()
    directory = create(scenario.name, tmp_path / "run")
    root.prepare(directory, scenario, None)
    result = root.fly_in_process(scenario, directory, stopped=lambda: "SIGINT")
    summary = conclude(directory, result, mode="in-process", pace="free")
    assert (summary["ticks"], summary["error"], summary["complete"]) == (0, "interrupted by SIGINT", False)


def test_the_second_signal_is_not_patient() -> None:
    before = signal.getsignal(signal.SIGTERM)
    interruption = Interruption()
    with interruption.handled_by(within_s=60.0):
        signal.raise_signal(signal.SIGTERM)
        assert interruption.signal == "SIGTERM"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_bus_that_is_killed_ends_the_run_with_status_3_and_a_readable_trace(tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ("run", write(tmp_path, LIVE), "--pace", "x20", "--out", out)
    with subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if " of 2:00:00" in line)
        pids = json.loads((out / "run.json").read_text())["pids"]
        os.kill(pids["bus"], signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors
    assert "bus was killed by SIGKILL" in errors
    assert "Traceback" not in errors
    assert [pid for pid in pids.values() if Path(f"/proc/{pid}").exists()] == []
    recording = read_recording(open_run(out))
    assert (recording.complete, recording.ticks > 0) == (False, True)
    summary = summary_of(out)
    assert (summary["complete"], summary["ticks"]) == (False, recording.ticks)
    assert summary["wall_s"] > 0.0


def test_a_port_in_use_is_the_users_mistake(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = skyrack(
            "bus", "--scenario", write(tmp_path), "--keys", tmp_path / "keys", "--out", tmp_path / "run",
            "--bind", f"tcp://127.0.0.1:{port}", "--bind-range", "tcp://127.0.0.1:0",
            "--bind-observe", "tcp://127.0.0.1:0",
        )  # fmt: skip
    assert result.returncode == 2, result.stderr
    assert str(port) in result.stderr
    assert "Traceback" not in result.stderr
