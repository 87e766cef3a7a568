"""From the record of a flown run to its verdicts, summary and report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from faults.oracle.judge import Judgement, judge, parse
from faults.recording.books import Loss
from faults.recording.read import read_recording
from faults.recording.recording import Recording
from faults.recording.summary import summarise, to_json
from faults.report.page import render
from faults.run_directory import RunDirectory
from faults.scenarios.vocabulary import names_of
from node.designs.load import with_designs

if TYPE_CHECKING:
    from faults.run.compose import Flown


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
    )
    directory.write(directory.summary, to_json(summary))
    directory.write(directory.report, render(recording, summary, judgements))
    return summary


def _with_reasons(losses: Sequence[Loss], flown: Flown) -> list[Loss]:
    """Who was lost, with the reasons of whoever gave them up; these come first."""
    given_up = {lost.id: Loss(lost.id, lost.tick, lost.reason) for lost in flown.lost}
    if flown.failure is not None:
        given_up.update({loss.id: replace(loss, reason=flown.failure.message) for loss in losses if loss.id == "bus"})
    named = [given_up.get(loss.id, loss) for loss in losses]
    return sorted(named, key=lambda loss: loss.id not in given_up)
