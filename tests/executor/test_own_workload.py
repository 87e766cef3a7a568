"""Programs in flight: the shipped scenario as a reader flies it, a short one in the fast suite, the same again without
its program, and who is not allowed to run anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bus.errors import ScenarioError, UserError
from bus.trace.reader import TraceReader
from faults.commands.compose import Wanted, compose_command
from faults.commands.look import check_command
from faults.commands.replay import replay
from faults.recording.programs import program_in_words
from faults.recording.summary import exit_status
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run.outside import played
from faults.run_directory import RunDirectory, create
from faults.scenarios.load import load_text
from faults.scenarios.outside import emulated
from faults.scenarios.own_jobs import program_table
from tests.kits.runs import HOUSE, fly, skyrack

SCENARIO = HOUSE / "faults" / "scenarios" / "own-workload.yaml"
TRAIN = HOUSE / "docs" / "examples" / "hil" / "train.py"
SHORT = """\
skyrack: 1
name: short
epoch: 2026-06-21T00:00:00Z
duration: 6 min
tick: 1 s
seed: 20260621
environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - id: rack-1
    design: formation
    orbit: {sso: {altitude: 650 km, ltan: "18:00", argument_of_latitude: 0 deg}}
    jobs:
      - id: mine
        exec: [python, train.py, --steps, "1000000", --protect, checksum]
        groups: [tpu_1, tpu_2]
        step_time: 2 s
        checkpoint_every: 40 s
        checkpoint_cost: 4 s
        restart_cost: 10 s
stations: [svalbard]
faults:
  - {id: hit, fault: accelerator_memory_error, target: rack-1, at: 210 s, parameters: {group: tpu_1}}
  - {id: silent, fault: accelerator_silent_error, target: rack-1, at: 290 s, parameters: {group: tpu_2}}
expectations:
  - "within 5 s of hit: rack-1.job_state[mine] == WAITING"
  - "within 10 s of silent: rack-1.job_rollbacks[mine] == 1"
  - eventually rack-1.job_work_s[mine] > 2 min
"""


def short(folder: Path, *changes: tuple[str, str], program: str = "") -> Path:
    """The short scenario in a folder with its program: that of the documentation, or this text."""
    text = SHORT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(program or TRAIN.read_text(encoding="utf-8"), encoding="utf-8")
    path = folder / "short.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def flown(path: Path, out: Path) -> tuple[RunDirectory, dict[str, Any]]:
    """In this process, allowed."""
    scenario = load_text(path.read_text(encoding="utf-8"), file=str(path))
    directory = create(scenario.name, out)
    root.prepare(directory, scenario, "")
    outside = root.build_executor(scenario, directory, path.parent)
    result = root.fly_in_process(scenario, directory, participants=root.build_all(scenario, (), outside))
    assert result.failure is None, result.failure
    return directory, dict(conclude(directory, result, mode="in-process", pace="free"))


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("own")
    return flown(short(folder / "scenario"), folder / "run")


def test_it_is_killed_resumes_and_goes_back_and_the_report_says_so(once: tuple[RunDirectory, dict[str, Any]]) -> None:
    directory, summary = once
    assert [e["verdict"] for e in summary["expectations"]] == ["PASS"] * 3 and exit_status(summary) == 0
    (row,) = summary["programs"]
    counts = row["counts"]
    assert (row["verdict"], row["end"], row["part"]) == ("VALID", "runs", "software")
    assert (counts["starts"], counts["kills"], counts["deaths"], counts["misses"]) == (3, 1, 0, 0)
    assert (counts["strikes"], counts["found"]) == (1, 1)
    assert set(row["figures"]) == {"loss", "accuracy"} and row["figures"]["accuracy"] > 0.6
    assert counts["steps_lost"] > 0
    page = directory.report.read_text(encoding="utf-8")
    assert "<h2>Programs of your own</h2>" in page and "timing VALID" in page


def test_it_is_told_of_its_accelerators_in_files(once: tuple[RunDirectory, dict[str, Any]]) -> None:
    own = once[0].jobs / "rack-1.mine"
    groups = json.loads((own / "accelerators.json").read_text(encoding="utf-8"))["groups"]
    assert set(groups) == {"tpu_1", "tpu_2"}
    assert (groups["tpu_1"]["accelerator_xid"], groups["tpu_1"]["accelerator_ecc_uncorrected"]) == (63.0, 1.0)
    assert groups["tpu_2"]["accelerator_ecc_uncorrected"] == 0.0 and groups["tpu_2"]["accelerator_power_w"] > 100.0
    metrics = (own / "metrics.prom").read_text(encoding="utf-8").splitlines()
    assert 'DCGM_FI_DEV_XID_ERRORS{gpu="tpu_1",Hostname="rack-1"} 63' in metrics
    assert "# TYPE DCGM_FI_DEV_GPU_TEMP gauge" in metrics
    order = json.loads((own / "order.json").read_text(encoding="utf-8"))
    assert order["state"] == "running" and order["life"] == 2
    assert len(list(own.glob("checkpoint-*.npz"))) >= 1


def test_the_trace_speaks_for_the_program_when_it_is_flown_again(
    once: tuple[RunDirectory, dict[str, Any]], tmp_path: Path
) -> None:
    directory, summary = once
    assert replay(directory.path, "rack-1").same
    scenario = load_text(SHORT.replace("train.py", str(TRAIN)), file=str(tmp_path / "short.yaml"))
    again = create("again", tmp_path / "run")
    root.prepare(again, scenario, "")
    everybody = root.build_all(scenario, (), played(scenario, directory.trace))
    assert root.fly_in_process(scenario, again, participants=everybody).failure is None
    with TraceReader(again.trace) as reader:
        assert reader.trace_hash() == summary["trace_hash"]
    with pytest.raises(UserError, match="what programs did is in the trace"):
        replay(directory.path, "executor")


def test_a_fork_does_not_pass_off_the_counts_of_the_run_that_it_left(
    once: tuple[RunDirectory, dict[str, Any]], tmp_path: Path
) -> None:
    fault = "rack-1 accelerator_memory_error group=tpu_2"
    result = skyrack("fork", once[0].path, "--at", "5 min", "--fault", fault, "--out", tmp_path / "fork")
    assert result.returncode in {0, 1}, result.stderr
    (row,) = json.loads((tmp_path / "fork" / "summary.json").read_text(encoding="utf-8"))["programs"]
    assert (row["counts"], row["verdict"], row["end"], row["figures"]) == (None, None, None, None)
    page = (tmp_path / "fork" / "report.html").read_text(encoding="utf-8")
    assert "mine of rack-1: nothing was run: what it said is from the run that was forked" in page


def test_one_that_never_started_is_not_said_to_run() -> None:
    counts = {"starts": 0, "kills": 0}
    row = {"spacecraft": "rack-1", "job": "mine", "verdict": "VALID", "end": "runs", "figures": {}, "why": ""}
    assert program_in_words({**row, "counts": counts}) == "mine of rack-1: timing VALID, it never started"
    counts["starts"] = 1
    assert program_in_words({**row, "counts": counts}) == "mine of rack-1: timing VALID, runs; 1 starts"


def mistakes(folder: Path, *changes: tuple[str, str]) -> list[str]:
    path = short(folder, *changes)
    with pytest.raises(ScenarioError) as error:
        load_text(path.read_text(encoding="utf-8"), file=str(path))
    return [str(mistake) for mistake in error.value.mistakes]


def test_a_program_that_is_not_there_or_cannot_be_run_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    (said,) = mistakes(tmp_path, ("python, train.py", "python, tarin.py"))
    assert "short.yaml:14" in said and "spacecraft[0].jobs[0].exec" in said and "'tarin.py', which is not there" in said
    (said,) = mistakes(tmp_path, ("python, train.py", "no-such-command"))
    assert "'no-such-command'; allowed: a command of this machine, or a path with a slash" in said
    (said,) = mistakes(tmp_path, ("python, train.py", "./train.py"))
    assert "'./train.py', which is not executable; allowed: an executable file (chmod +x)" in said
    for word in (f"./{'a' * 300}", f"python, {'a' * 300}.py"):
        (said,) = mistakes(tmp_path, ("python, train.py", word))
        assert "short.yaml:14" in said and "a program of this machine (File name too long)" in said
    (said,) = mistakes(tmp_path, ('[python, train.py, --steps, "1000000", --protect, checksum]', "[]"))
    assert "a program and its arguments" in said
    (said,) = mistakes(tmp_path, ("        step_time: 2 s\n", "        step_time: 2 s\n        follows: signals\n"))
    assert "a step of a program that follows signals" in said
    (said,) = mistakes(tmp_path, ("        step_time: 2 s\n", "        work: 2 h\n"))
    assert "an unknown field" in said


def test_a_text_is_split_at_its_blanks_and_nothing_of_it_is_a_shells(tmp_path: Path) -> None:
    words = "exec: \"python train.py --name 'a b'; rm -rf $HOME\""
    path = short(tmp_path, ('exec: [python, train.py, --steps, "1000000", --protect, checksum]', words))
    (spacecraft,) = load_text(path.read_text(encoding="utf-8"), file=str(path)).spacecraft
    program = spacecraft.jobs[0].program
    assert program is not None and program.argv == ("python", "train.py", "--name", "a b;", "rm", "-rf", "$HOME")


def test_nothing_is_executed_that_nobody_allowed(tmp_path: Path) -> None:
    path = short(tmp_path / "a", program="open('ran', 'w').close()\n")
    result = skyrack("run", path, cwd=tmp_path)
    assert result.returncode == 2, result.stdout
    assert "error: mine of rack-1 would run a program of this machine: python train.py --steps" in result.stderr
    assert "next: --allow-exec, if you trust this scenario" in result.stderr
    with pytest.raises(UserError, match="would run a program of this machine"):
        check_command(str(path), as_json=True)
    assert check_command(str(path), as_json=True, allow_exec=True) == 0
    assert not (tmp_path / "out").exists() and not list(tmp_path.rglob("ran"))
    scenario = load_text(path.read_text(encoding="utf-8"), file=str(path))
    with pytest.raises(UserError, match=r"mine of rack-1 runs a program, .* and a campaign flies many runs"):
        emulated(scenario, "a campaign")
    with pytest.raises(UserError, match="would run a program") as error:
        root.build_all(scenario)
    assert error.value.hint == "fly the job emulated here: `part: simulated` beside its exec"  # a test has no options
    simulated = short(tmp_path / "b", ("step_time: 2 s", "step_time: 2 s\n        part: simulated"))
    text = simulated.read_text(encoding="utf-8")
    assert not load_text(text, file=str(simulated)).spacecraft[0].programs


def test_what_would_be_run_is_shown_and_obeyed_by_no_terminal(tmp_path: Path) -> None:
    path = short(tmp_path, ("[python, train.py,", r'[python, train.py, "\e[2K\rharmless\nline",'))
    (row,) = program_table(load_text(path.read_text(encoding="utf-8"), file=str(path)))
    assert row["would run"].startswith(r"python train.py '\x1b[2K\rharmless\nline' --steps")


def test_containers_have_no_programs_and_a_rehearsal_says_why_it_does_not_begin(tmp_path: Path) -> None:
    path = short(tmp_path / "a")
    with pytest.raises(UserError, match=r"mine of rack-1 runs a program, .*, which containers do not have"):
        compose_command(Wanted(str(path), tmp_path / "composed", 1, "free", (), ()))
    assert not (tmp_path / "composed").exists()
    result = skyrack("train", path, cwd=tmp_path)
    assert result.returncode == 2 and "would run a program of this machine" in result.stdout + result.stderr
    assert "--allow-exec" in skyrack("train", "--help").stdout


def test_who_follows_signals_needs_the_clock(tmp_path: Path) -> None:
    path = short(tmp_path, ("        step_time: 2 s\n", "        follows: signals\n"))
    scenario = load_text(path.read_text(encoding="utf-8"), file=str(path))
    with pytest.raises(UserError) as error:
        root.build_executor(scenario, RunDirectory(tmp_path), path.parent)
    assert error.value.hint == "fly it by the clock: --pace realtime; or let it follow steps"


NONSENSE = "import os; os.write(int(os.environ['SKYRACK_WORKLOAD_FD']), b'?\\n' * 500)"


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import sys; sys.exit(5)", "it ended with exit status 5"),
        (f"{NONSENSE}; import time; time.sleep(99)", "lines that are no words"),
        ("import time; time.sleep(99)", "it was not ready within 0.3 s"),
    ],
)
def test_a_program_that_does_not_work_leaves_a_run_that_says_why(tmp_path: Path, program: str, why: str) -> None:
    text = SHORT.split("faults:", maxsplit=1)[0] + "expectations:\n  - always rack-1.battery_soc > 20 %\n"
    path = short(tmp_path / "scenario", program=program)
    text = text.replace("duration: 6 min", "duration: 3 min 40 s").replace(
        "step_time: 2 s", f"step_time: 2 s\n        start_timeout: {'300 ms' if 'not ready' in why else '20 s'}"
    )
    path.write_text(text, encoding="utf-8")
    _, summary = flown(path, tmp_path / "run")
    (row,) = summary["programs"]
    assert row["end"] == "gone" and why in row["why"]
    assert (row["counts"]["deaths"], row["counts"]["steps"]) == (3, 0)
    assert row["verdict"] == "VALID" and exit_status(summary) == 0


@pytest.mark.slow
def test_the_shipped_scenario_in_one_process_and_in_several_is_the_same_run(tmp_path: Path) -> None:
    one = fly(tmp_path / "one", SCENARIO, "--in-process", "--allow-exec")
    several = fly(tmp_path / "several", SCENARIO, "--allow-exec")
    for summary in (one, several):
        assert {e["verdict"] for e in summary["expectations"]} == {"PASS"}
        (row,) = summary["programs"]
        assert (row["verdict"], row["counts"]["starts"], row["counts"]["found"]) == ("VALID", 4, 1)
    assert one["trace_hash"] == several["trace_hash"]
    assert replay(tmp_path / "several", "rack-1").same


@pytest.mark.slow
def test_by_the_clock_a_program_that_knows_nothing_is_stopped_and_goes_on(tmp_path: Path) -> None:
    program = "import time\nwhile True:\n    print('still here', flush=True)\n    time.sleep(0.05)\n"
    path = short(tmp_path / "scenario", ("        step_time: 2 s\n", "        follows: signals\n"), program=program)
    summary = fly(tmp_path / "run", path, "--allow-exec", "--pace", "x20")
    (row,) = summary["programs"]
    assert row["verdict"] == "BEST EFFORT" and row["counts"]["starts"] >= 2 and row["counts"]["checkpoints"] >= 2
    assert "still here" in (tmp_path / "run" / "jobs" / "rack-1.mine" / "log.txt").read_text(encoding="utf-8")
