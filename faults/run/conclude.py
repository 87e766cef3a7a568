"""From the record of a flown run to its verdicts, summary and report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from faults.oracle.judge import Judgement, judge, parse
from faults.recording.books import Loss
from faults.recording.read import read_recording
from faults.recording.recording import Recording
from faults.recording.summary import summarise, to_json
from faults.report.page import render
from faults.run.known import injections_of_run
from faults.run_directory import RunDirectory
from faults.scenarios.vocabulary import names_of
from groundstation.alarms.states import AlarmState
from node.designs.load import with_designs
from node.fsw.modes import Mode

if TYPE_CHECKING:
    from faults.run.compose import Flown


OPEN_ALARMS = (AlarmState.ACTIVE, AlarmState.ACKNOWLEDGED, AlarmState.SHELVED)
MOST_ANSWERS = 20
"""Chains that a report tells [A]: of a fleet in trouble the first; `skyrack why` tells any."""


def judge_all(recording: Recording) -> list[Judgement]:
    """Every expectation of the scenario, judged on what was recorded."""
    scenario = with_designs(recording.scenario)
    designs = {spacecraft.id: spacecraft.design for spacecraft in scenario.spacecraft}
    jobs = {spacecraft.id: spacecraft.job_ids for spacecraft in scenario.spacecraft}
    stations = [station.id for station in scenario.stations]
    names = names_of(designs, [fault.id for fault in scenario.faults], stations, jobs)
    return [judge(parse(expectation.text, names), recording) for expectation in scenario.expectations]


def conclude(directory: RunDirectory, flown: Flown, *, mode: str, pace: str) -> dict[str, object]:
    """Read what was recorded, judge it, and write summary.json and report.html. Gives the summary."""
    recording = read_recording(directory)
    recording.lost = _with_reasons(recording.lost, flown)
    judgements = judge_all(recording)
    error = flown.failure.message if flown.failure else ""
    if not error and flown.interrupted:
        error = f"interrupted by {flown.interrupted}"
    if not error and flown.finished is not None and not flown.finished.complete:
        error = flown.finished.reason
    summary = summarise(
        recording,
        judgements,
        mode=mode,
        pace=pace,
        wall_s=flown.wall_s,
        error=error,
        restarts=flown.restarts,
        refused=flown.refused,
        injections=injections_of_run(recording),
    )
    directory.write(directory.summary, to_json(summary))
    directory.write(directory.report, render(recording, summary, judgements, _answers(recording)))
    return summary


def _answers(recording: Recording) -> list[dict[str, Any]]:
    """The chains of those that ended in another mode than NOMINAL or with an alarm, from the recording alone: nothing
    is flown again here."""
    from faults.why.answer import from_recording  # noqa: PLC0415 - it stands above runs, and asks them

    with_designs(recording.scenario)
    alarmed = {row["spacecraft"] for row in recording.operations.alarms or () if row["state"] in OPEN_ALARMS}
    found = []
    for spacecraft in (one.id for one in recording.scenario.spacecraft):
        mode, up = recording.signal(spacecraft, "mode"), recording.signal(spacecraft, "host_up")
        if mode is None or up is None or not mode.size:
            continue
        if spacecraft in alarmed or up[-1] == 0.0 or mode[-1] != Mode.NOMINAL:
            found.append(from_recording(recording, spacecraft, recording.end_s).as_json())
        if len(found) >= MOST_ANSWERS:
            break
    return found


def _with_reasons(losses: Sequence[Loss], flown: Flown) -> list[Loss]:
    """Who was lost, with the reasons of whoever gave them up; these come first."""
    given_up = {lost.id: Loss(lost.id, lost.tick, lost.reason) for lost in flown.lost}
    if flown.failure is not None:
        given_up.update({loss.id: replace(loss, reason=flown.failure.message) for loss in losses if loss.id == "bus"})
    named = [given_up.get(loss.id, loss) for loss in losses]
    return sorted(named, key=lambda loss: loss.id not in given_up)
