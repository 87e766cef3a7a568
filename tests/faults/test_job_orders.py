"""What the ground can tell the payload's jobs, and what they get before a shedding: on a spacecraft that flies.

Real plant, flight software, radio and ground; what is looked at is truth, tick by tick. Jobs run from 126 s on: the
accelerators take two minutes to boot.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faults.recording.read import read_recording
from faults.recording.recording import Recording
from faults.run import compose as root
from faults.run_directory import create
from faults.scenarios.load import load_text
from faults.scenarios.vocabulary import LABELS

STATES = LABELS["job_state"]
CHECKPOINT_S = 20.0
TEXT = """\
skyrack: 1
name: jobs
epoch: 2026-08-12T00:00:00Z
duration: 10 min
tick: 1 s
seed: 7
environment: {solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - id: rack
    design: formation
    orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 75 deg}}
    jobs:
      - id: llm
        kind: training
        accelerators: 32
        checkpoint_every: 1 h
        checkpoint_cost: 20 s
        restart_cost: 5 s
      - {id: fold, kind: training, accelerators: 16, checkpoint_every: 1 h, checkpoint_cost: 20 s, restart_cost: 5 s}
stations: [svalbard]
"""
SIGNALS = [f"job_{what}[{job}]" for what in ("state", "work_s", "saved_s", "lost_s") for job in ("llm", "fold")]
NEEDED = " and ".join(f"rack.{signal} == rack.{signal}" for signal in [*SIGNALS, "payload_shed", "payload_power_w"])


@dataclass(frozen=True)
class Flown:
    """A flight as its truth tells it. Times are those of the end of a tick."""

    recording: Recording

    def states(self, job: str) -> list[tuple[str, float, float]]:
        """The states a job went through: name, begin of its first tick, end of its last."""
        values = self.signal(f"job_state[{job}]")
        ends = [*(np.flatnonzero(np.diff(values)) + 1), len(values)]
        starts = [0, *ends[:-1]]
        return [(STATES[int(values[a])], float(a), float(b)) for a, b in zip(starts, ends, strict=True)]

    def names(self, job: str) -> list[str]:
        """Only the names."""
        return [name for name, _, _ in self.states(job)]

    def signal(self, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        found = self.recording.signal("rack", name)
        assert found is not None
        return found

    def at(self, name: str, time_s: float) -> float:
        """A signal at the end of the tick that ends then."""
        return float(self.signal(name)[round(time_s) - 1])

    def completed(self, name: str) -> float:
        """When the only telecommand of this name was reported to be completed."""
        (found,) = [one.stages_s["completed"] for one in self.recording.telecommands if one.name == name]
        return found


def fly(tmp_path: Path, *commands: str, faults: tuple[str, ...] = ()) -> Flown:
    """`commands` and `faults` as they stand in a timeline and a list of faults."""
    lists = "timeline:\n" + "".join(f"  - {line}\n" for line in commands) if commands else ""
    lists += "faults:\n" + "".join(f"  - {line}\n" for line in faults) if faults else ""
    scenario = load_text(f'{TEXT}{lists}expectations:\n  - "always {NEEDED}"\n')
    directory = create(scenario.name, tmp_path / "run")
    root.prepare(directory, scenario, None)
    assert root.fly_in_process(scenario, directory).failure is None
    return Flown(read_recording(directory))


def order(at_s: int, name: str, arguments: str) -> str:
    sure = ", confirmed: true" if name == "parameter.set" else ""  # it is hazardous
    return f"{{at: {at_s} s, telecommand: {{to: rack, name: {name}{sure}, arguments: {{{arguments}}}}}}}"


def test_a_job_that_is_held_saves_its_work_stands_and_goes_on_where_it_was(tmp_path: Path) -> None:
    flown = fly(tmp_path, order(180, "payload.hold", 'job: "0"'), order(300, "payload.resume", 'job: "0"'))
    assert flown.names("llm") == ["WAITING", "RESTART", "RUNNING", "CHECKPOINT", "PAUSED", "RUNNING"]
    saving, paused, again = flown.states("llm")[3:]
    assert abs(saving[1] - flown.completed("payload.hold")) <= 3.0
    assert saving[2] - saving[1] == CHECKPOINT_S
    assert abs(again[1] - flown.completed("payload.resume")) <= 3.0
    work = flown.at("job_work_s[llm]", paused[2])
    assert 0.0 < work == flown.at("job_saved_s[llm]", paused[2]) == flown.at("job_work_s[llm]", saving[2])
    assert flown.at("job_work_s[llm]", 600) > work
    assert flown.at("job_lost_s[llm]", 600) == 0.0
    assert flown.names("fold") == ["WAITING", "RESTART", "RUNNING"], "nobody asked the other one"
    power = flown.signal("payload_power_w")
    assert power[int(paused[1]) + 20] < 0.9 * power[int(saving[1]) - 2], "its accelerators are idle meanwhile"


def test_a_hold_survives_a_reboot(tmp_path: Path) -> None:
    flown = fly(
        tmp_path,
        order(160, "payload.hold", "job: all"),
        order(300, "payload.resume", "job: all"),
        faults=("{id: boot, fault: reboot, target: rack, at: 220 s}",),
    )
    for job in ("llm", "fold"):
        (_, held, until) = flown.states(job)[-2]
        assert flown.names(job)[-2:] == ["PAUSED", "RUNNING"]
        assert held < 220.0 < until and abs(until - flown.completed("payload.resume")) <= 3.0
        assert flown.at(f"job_lost_s[{job}]", 600) == 0.0
    assert [event.name for event in flown.recording.events].count("booted") == 2


def test_a_checkpoint_on_demand_saves_and_the_job_runs_on(tmp_path: Path) -> None:
    flown = fly(tmp_path, order(180, "payload.checkpoint", 'job: "1"'))
    assert flown.names("fold") == ["WAITING", "RESTART", "RUNNING", "CHECKPOINT", "RUNNING"]
    _, began, ended = flown.states("fold")[3]
    assert abs(began - flown.completed("payload.checkpoint")) <= 3.0 and ended - began == CHECKPOINT_S
    assert flown.at("job_saved_s[fold]", ended) == 0.0
    assert flown.at("job_saved_s[fold]", ended + 1) == flown.at("job_work_s[fold]", began + 1) > 0.0
    assert flown.names("llm") == ["WAITING", "RESTART", "RUNNING"]
    assert flown.at("job_saved_s[llm]", 600) == 0.0


LOW = "{id: low, fault: sensor_stuck, target: rack, at: 240 s, parameters: {sensor: battery_soc, value: 21 %}}"


def test_before_a_shedding_all_jobs_save_their_work(tmp_path: Path) -> None:
    """The charge sensor says 21 %, between shedding of the last group (22 %) and SAFE (20 %)."""
    flown = fly(tmp_path, faults=(LOW,))
    shed_s = float(np.flatnonzero(flown.signal("payload_shed"))[0])
    assert 243.0 <= shed_s <= 246.0
    off = flown.states("llm")[-1]
    for job in ("llm", "fold"):
        assert flown.names(job) == ["WAITING", "RESTART", "RUNNING", "CHECKPOINT", "PAUSED", "WAITING"]
        saving = flown.states(job)[3]
        assert 0.0 <= saving[1] - shed_s <= 3.0 and saving[2] - saving[1] == CHECKPOINT_S
        assert flown.at(f"job_lost_s[{job}]", 600) == 0.0
        assert flown.at(f"job_saved_s[{job}]", 600) == flown.at(f"job_work_s[{job}]", 600) > 0.0
    power = flown.signal("payload_power_w")
    assert power[int(shed_s) + 10] > 10.0 * power[int(off[1]) + 20], "the payload waited, then it went off"


def test_a_shedding_waits_no_longer_than_it_was_told_to(tmp_path: Path) -> None:
    """Eight cycles are not enough for a checkpoint of 20 s: the work since the last one is lost. All eight groups are
    called for by then, one in each cycle."""
    at_once = order(31, "parameter.set", "parameter: power.shed_dwell_s, value: 1")
    flown = fly(tmp_path, order(30, "parameter.set", "parameter: payload.save_s, value: 8"), at_once, faults=(LOW,))
    shed_s = float(np.flatnonzero(flown.signal("payload_shed"))[0])
    for job in ("llm", "fold"):
        assert flown.names(job) == ["WAITING", "RESTART", "RUNNING", "CHECKPOINT", "WAITING"]
        off_s = flown.states(job)[-1][1]
        assert 8.0 <= off_s - shed_s <= 11.0
        assert flown.at(f"job_work_s[{job}]", 600) == flown.at(f"job_saved_s[{job}]", 600) == 0.0
        assert flown.at(f"job_lost_s[{job}]", 600) == flown.at(f"job_work_s[{job}]", off_s - 1) > 0.0


def test_nothing_waits_in_survival(tmp_path: Path) -> None:
    low = LOW.replace("21 %", "5 %")
    flown = fly(tmp_path, faults=(low,))
    for job in ("llm", "fold"):
        assert flown.names(job) == ["WAITING", "RESTART", "RUNNING", "WAITING"]
        assert 240.0 <= flown.states(job)[-1][1] <= 244.0
        assert flown.at(f"job_lost_s[{job}]", 600) > 0.0
