"""`jobs:` of a scenario: grammar, cluster logs as CSV, mistakes with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import ScenarioError
from bus.scenario.model import Scenario
from faults.scenarios.load import load

HEAD = """skyrack: 1
name: work
epoch: 2026-06-21T00:00:00Z
duration: 1 h
tick: 1 s
seed: 1
environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}
stations: []
spacecraft:
  - id: rack-1
    design: formation
    orbit: {sso: {altitude: 650 km, ltan: "18:00", argument_of_latitude: 0 deg}}
    jobs:
"""
LOG = """submitted,seconds,gpus
2017-10-03 00:00:00,600,8
2017-10-03 00:01:00,1200,16
2017-10-03 00:02:30.5,60,1
2017-10-03 09:00:00,60,1
"""
ENTRY = "{trace: log.csv, kind: training, columns: {submit_time: submitted, duration: seconds, accelerators: gpus}"


def flown(folder: Path, jobs: str, log: str = LOG) -> Scenario:
    """The scenario with these jobs, in a folder with this log."""
    (folder / "log.csv").write_text(log)
    (folder / "work.yaml").write_text(HEAD + "".join(f"      {line}\n" for line in jobs.splitlines()))
    return load(folder / "work.yaml")


def refused(folder: Path, jobs: str, log: str = LOG) -> list[str]:
    """The mistakes, without the folder."""
    with pytest.raises(ScenarioError) as caught:
        flown(folder, jobs, log)
    return [str(mistake).replace(f"{folder}/", "") for mistake in caught.value.mistakes]


TRAINING = "- {kind: training, work: 5 h, checkpoint_every: 10 min, checkpoint_cost: 30 s, accelerators: 20}"


def test_jobs_get_their_accelerators_in_order(tmp_path: Path) -> None:
    service = "- {id: chat, kind: inference, arrival_rate: 12 Hz, service_time: 600 ms, groups: [tpu_8]}"
    first, second, third = flown(tmp_path, f"{TRAINING}\n{service}\n- {{kind: batch, work: 2 h}}").spacecraft[0].jobs
    assert first.id == "training-1" and first.chips == {"tpu_1": 8, "tpu_2": 8, "tpu_3": 4}
    assert (first.work_s, first.checkpoint_every_s, first.checkpoint_s, first.checks.restart_s) == (18e3, 600, 30, 60)
    assert second.chips == {"tpu_8": 8} and second.arrival_rate_hz == 12.0
    assert third.chips == {"tpu_3": 4, "tpu_4": 8, "tpu_5": 8, "tpu_6": 8, "tpu_7": 8} and third.checkpoint_every_s == 0


def test_the_law_of_a_service(tmp_path: Path) -> None:
    service = "- {kind: inference, arrival_rate: 1 Hz, service_time: 600 ms, accelerators: 8"
    laws = ("}", ", service_spread: 1.2}", ", service_law: exponential}", ", service_law: fixed}")
    jobs = flown(tmp_path, "\n".join(service + law for law in laws)).spacecraft[0].jobs
    expected = [("lognormal", 0.5), ("lognormal", 1.2), ("exponential", 0.0), ("fixed", 0.0)]
    assert [(job.service_law, job.service_spread) for job in jobs] == expected
    entry = ENTRY.replace("training", "inference") + ", service_law: exponential}"
    assert flown(tmp_path, entry).spacecraft[0].logs[0].service_law == "exponential"


def test_communication_and_checks_cost_speed(tmp_path: Path) -> None:
    job = TRAINING.replace("kind", "step_time: 2 s, communication: 200 ms, check_cost: 2 %, kind")
    assert flown(tmp_path, job).spacecraft[0].jobs[0].checks.efficiency == pytest.approx(0.9 * 0.98)


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ("- {kind: trianing}", "14:16: spacecraft[0].jobs[0].kind: found 'trianing'; allowed: training, inference"),
        ("- {work: 1 h}", "jobs[0].kind: found nothing; allowed: training, inference, batch (or `exec:` for a program"),
        ("- {kind: batch, work: 1}", "jobs[0].work: found the plain number 1; allowed: a time in s"),
        ("- {kind: batch}", "jobs[0].work: found nothing; allowed: a time in"),
        ("- {kind: batch, work: 1 h, rate: 2}", "jobs[0].rate: found an unknown field; allowed: id, kind"),
        (TRAINING.replace("20", "65"), "jobs[0].accelerators: found the plain number 65; allowed: at most 64"),
        (f"{TRAINING}\n- {{kind: batch, work: 1 h, groups: [tpu_1]}}", "found 'tpu_1'"),
        (
            "- {kind: inference, arrival_rate: 1 Hz, service_time: 1 s, service_law: exponentail}",
            "jobs[0].service_law: found 'exponentail'; allowed: ",
        ),
        (
            "- {kind: inference, arrival_rate: 1 Hz, service_time: 1 s, service_law: fixed, service_spread: 0.5}",
            "jobs[0].service_spread: found a spread of a service_law that is fixed; allowed: no spread",
        ),
        ("- {kind: batch, work: 1 h, groups: [gpu]}", "groups[0]: found 'gpu'; allowed: tpu_1"),
        ("- {kind: training, work: 1 h, checkpoint_cost: 1 s}", "checkpoint_every: found nothing; allowed: a time"),
        (TRAINING.replace("kind", "step_time: 1 s, communication: 2 s, kind"), "less than `step_time`"),
        (f"{TRAINING.replace('kind', 'id: a, kind')}\n- {{id: a, kind: batch, work: 1 h}}", "a name of its own"),
        ("{trace: log.csv, kind: training, columns: {submit_time: when}}", "exactly one of duration, end_time, tokens"),
        (ENTRY.replace("seconds", "secs") + "}", "log.csv:1:1: columns: found no column 'secs' for duration; allowed:"),
        (ENTRY.replace("log.csv", "lag.csv") + "}", "trace: found 'lag.csv': No such file or directory"),
        (ENTRY + ", tokens_rate: 10 Hz}", "found a rate without the column tokens"),
        (ENTRY + ", begin: 2019-01-01 00:00:00}", "no row that would fly"),
        (ENTRY + ", accelerators: 8}", "log.csv:3:1: accelerators: found 16; allowed: at most 8 on this spacecraft"),
    ],
)  # fmt: skip
def test_mistakes_have_their_place(tmp_path: Path, jobs: str, expected: str) -> None:
    found = refused(tmp_path, jobs)
    assert len(found) == 1 and expected in found[0], found


def test_a_log_alone_or_in_a_list(tmp_path: Path) -> None:
    alone = flown(tmp_path, ENTRY + "}").spacecraft[0].logs
    assert alone == flown(tmp_path, "- " + ENTRY + "}").spacecraft[0].logs
    (log,) = alone
    assert log.submit_s == (0.0, 60.0, 150.5) and log.work_s == (600.0, 1200.0, 60.0)
    assert log.accelerators == (8, 16, 1) and log.line == (2, 3, 4) and log.kind == (1, 1, 1)
    assert log.queue and log.file == "log.csv" and len(log.digest) == 32


def test_a_resolved_scenario_needs_no_log(tmp_path: Path) -> None:
    scenario = flown(tmp_path, ENTRY + "}")
    assert Scenario.model_validate_json(scenario.to_json()).spacecraft == scenario.spacecraft
    assert str(tmp_path).encode() not in scenario.to_json()
    assert scenario.digest != flown(tmp_path, ENTRY + "}", LOG.replace(",600", ",601")).digest


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    (warning,) = flown(tmp_path, ENTRY + ", begin: 2017-10-03 00:00:30}").warnings
    assert "2 rows that fly; left out: 1 after the end, 1 before the beginning" in warning


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2017-10-02 00:00:00,5,1", "log.csv:6:1: submit_time: found 118800 s before that of line 5; allowed:"),
        ("2017-10-03 09:30:00,-5,1", "log.csv:6:2: duration (column seconds): found '-5'; allowed: a number from 0 up"),
        ("2017-10-03 09:30:00,,1", "duration (column seconds): found nothing; allowed: a value (or skip:"),
        ("2017-10-03 25:00:00,5,1", "log.csv:6:1: submit_time (column submitted): found '2017-10-03 25:00:00'"),
        ("2017-10-03 09:30:00,5", "log.csv:6:1: row: found 2 cells; allowed: 3, as in the head"),
        ("2017-10-03 09:30:00,nan,1", "duration (column seconds): found 'nan'"),
    ],
)  # fmt: skip
def test_mistakes_in_a_log_have_its_lines(tmp_path: Path, line: str, expected: str) -> None:
    (found,) = refused(tmp_path, ENTRY + "}", LOG + line + "\n")
    assert expected in found


def test_doubtful_rows_only_with_permission(tmp_path: Path) -> None:
    log = "submitted,seconds,gpus\n9,0,1\n3,50,0\n5,40,99\n4,,1\n7,40,2\n"
    allowed = ENTRY + ", sort: true, skip: [zero, too_large, incomplete], begin: 0}"
    scenario = flown(tmp_path, allowed, log)
    assert scenario.spacecraft[0].logs[0].submit_s == (7.0,)
    assert "left out: 1 incomplete, 1 too_large, 2 zero" in scenario.warnings[0]
    assert "line 2" in refused(tmp_path, ENTRY + ", begin: 0, skip: [zero, too_large, incomplete]}", log)[0]


def test_tokens_become_chip_seconds(tmp_path: Path) -> None:
    log = "at,prompt,made\n0,1000,10\n500,2000,30\n"
    entry = (
        "{trace: log.csv, kind: inference, columns: {submit_time: at, tokens: made, prompt_tokens: prompt}, "
        "time_unit: ms, tokens_rate: 20 Hz, prompt_tokens_rate: 1 kHz, groups: [tpu_1]}"
    )
    (one,) = flown(tmp_path, entry, log).spacecraft[0].logs
    assert one.submit_s == (0.0, 0.5) and one.work_s == (1.5, 3.5) and not one.queue and one.chips == {"tpu_1": 8}


def test_kinds_of_a_log_are_mapped(tmp_path: Path) -> None:
    log = "at,end,class\n0,10,BE\n5,50,LS\n"
    entry = (
        "{trace: log.csv, columns: {submit_time: at, end_time: end, kind: class}, kinds: {BE: batch, LS: inference}}"
    )
    (one,) = flown(tmp_path, entry, log).spacecraft[0].logs
    assert one.kind == (3, 2) and one.work_s == (10.0, 45.0)
    assert "kind: found 'XX'" in refused(tmp_path, entry, log + "6,7,XX\n")[0]


def test_two_queues_are_one_too_many(tmp_path: Path) -> None:
    assert any("a second queue" in one for one in refused(tmp_path, f"- {ENTRY}}}\n- {ENTRY}}}"))


@pytest.mark.parametrize("word", ["", "None", "NA", "N/A", "null", "NaN", "-", r"\N"])
def test_words_for_nothing_in_a_log_are_incomplete_rows(tmp_path: Path, word: str) -> None:
    text = f"submitted,seconds,gpus\n0,60,8\n10,{word},8\n20,60,8\n"
    assert "left out: 1 incomplete" in flown(tmp_path, ENTRY + ", skip: [incomplete]}", text).warnings[0]
    (said,) = refused(tmp_path, ENTRY + "}", text)
    assert said.startswith("log.csv:3:2: duration (column seconds): found ") and "skip: [incomplete]" in said


@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [("0", "2026-01-01T00:00:00Z", "a plain number"), ("2026-01-01T00:00:00Z", "1767225700", "a date and time")],
)
def test_times_of_a_log_are_of_one_kind(tmp_path: Path, first: str, second: str, allowed: str) -> None:
    (said,) = refused(tmp_path, ENTRY + "}", f"submitted,seconds,gpus\n{first},60,8\n{second},60,8\n")
    assert said.startswith(f"log.csv:3:1: submit_time (column submitted): found '{second}'")
    assert f"allowed: {allowed}, as the times before it" in said


@pytest.mark.parametrize("character", ["\f", "\v", "\x85", "\u2028"])
def test_a_strange_character_in_a_log_is_no_line_end(tmp_path: Path, character: str) -> None:
    head = "submitted,seconds,gpus,who\n"
    assert len(flown(tmp_path, ENTRY + "}", f"{head}0,60,8,re{character}d\n1,60,8,x\n").spacecraft[0].logs[0].line) == 2
    (said,) = refused(tmp_path, ENTRY + "}", f"{head}0,60,8,re{character}d\n1,many,8,x\n")
    assert said.startswith("log.csv:3:2: duration")


def test_a_queue_gets_what_all_others_leave_wherever_it_stands(tmp_path: Path) -> None:
    taken = "- {kind: batch, work: 1 h, accelerators: 60}"
    log = f"- {ENTRY}, skip: [too_large]}}"
    chips = flown(tmp_path, f"{log}\n{taken}").spacecraft[0].logs[0].chips
    assert sum(chips.values()) == 4
    with pytest.raises(ScenarioError, match="a job without an accelerator"):
        flown(tmp_path, f"{log}\n{taken.replace('60', '64')}")
