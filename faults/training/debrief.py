"""The debrief of a run in which somebody sat: each fault beside what the operator's side made of it.

The operator knew neither faults nor truth. Seen is the first alarm of that spacecraft after the fault began;
acknowledged, acted on (the first telecommand or procedure that an operator asked for) and over (no alarm raised since
stands any more) follow from the archive's own history. Whether an alarm came of that fault or of another one nobody can
tell from the operator's side: where faults overlap on one spacecraft, their times are shared and it is said.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from faults.live.active import injected
from faults.recording.injections import Injected
from faults.run_directory import RunDirectory
from groundstation.alarms.states import AlarmState
from groundstation.archive.feed import AlarmStep, Feed

STANDS = (AlarmState.ACTIVE, AlarmState.ACKNOWLEDGED, AlarmState.SHELVED)


@dataclass(frozen=True, slots=True)
class Lesson:
    """One fault of one spacecraft. Times are mission time (s), None where it did not come to that. alarm: the first one
    that told of it; `overlaps`: other faults that acted on that spacecraft between its onset and its recovery."""

    fault: str
    spacecraft: str
    onset_s: float | None
    cleared_s: float | None
    seen_s: float | None
    alarm: str
    acknowledged_s: float | None
    acted_s: float | None
    action: str
    recovered_s: float | None
    overlaps: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def debrief(run: RunDirectory) -> list[Lesson]:
    """Every fault that acted, by its onset. Raises EnvironmentFault where the archive cannot be read."""
    faults = [one for one in injected(run) if one.at_s is not None]
    feed = Feed(run.archive)
    steps, actions = feed.alarm_steps(), _actions(feed)
    found = [_lesson(one, steps, actions) for one in _whole(faults)]
    return [_with_overlaps(lesson, found) for lesson in found]


def _whole(faults: list[Injected]) -> list[Injected]:
    """A fault that is made of several injections counts once, from the first that acted."""
    first: dict[tuple[str, str], Injected] = {}
    for one in sorted(faults, key=lambda one: one.at_s or 0.0):
        first.setdefault((one.target, one.id.rpartition(".")[0] or one.id), one)
    return list(first.values())


def _actions(feed: Feed) -> list[tuple[float, str, str]]:
    """(when, spacecraft, what) of everything that an operator asked for."""
    asked = [
        (int(str(row["requested_ns"])) / 1e9, str(row["spacecraft"]), str(row["name"]))
        for row in feed.telecommands()
        if str(row["origin"]).startswith("operator")
    ]
    asked += [
        (int(str(row["started_ns"])) / 1e9, spacecraft, f"procedure {row['name']}")
        for row in feed.procedures()
        if str(row["origin"]).startswith("operator")
        for spacecraft in _names(str(row["spacecraft"]))
    ]
    return sorted(asked)


def _names(written: str) -> list[str]:
    return [name.strip(' "') for name in written.strip("[]").split(",") if name.strip(' "')]


def _lesson(one: Injected, steps: list[AlarmStep], actions: list[tuple[float, str, str]]) -> Lesson:
    onset_s = one.at_s if one.at_s is not None else 0.0
    mine = [step for step in steps if step.spacecraft == one.target and step.raised_s >= onset_s]
    seen = min(mine, key=lambda step: step.at_s, default=None)
    acknowledged = [step.at_s for step in mine if step.happening == "acknowledged"]
    acted = next(((at_s, what) for at_s, whom, what in actions if whom == one.target and at_s >= onset_s), None)
    return Lesson(
        fault=one.fault, spacecraft=one.target, onset_s=one.at_s, cleared_s=one.cleared_s,
        seen_s=seen.at_s if seen else None, alarm=seen.subject if seen else "",
        acknowledged_s=min(acknowledged, default=None), acted_s=acted[0] if acted else None,
        action=acted[1] if acted else "", recovered_s=_recovered(mine), overlaps=(),
    )  # fmt: skip


def _recovered(steps: list[AlarmStep]) -> float | None:
    """When the last of these alarms went that did not come back; None while one stands, or where there was none."""
    states: dict[tuple[int, int], str] = {}
    since: float | None = None
    for step in sorted(steps, key=lambda step: step.at_s):
        states[step.ground_boot, step.alarm] = step.state
        stands = any(state in STANDS for state in states.values())
        since = None if stands else step.at_s if since is None else since
    return since


def _with_overlaps(lesson: Lesson, every: list[Lesson]) -> Lesson:
    end_s = lesson.recovered_s if lesson.recovered_s is not None else float("inf")
    others = tuple(
        other.fault
        for other in every
        if other is not lesson
        and other.spacecraft == lesson.spacecraft
        and (lesson.onset_s or 0.0) - 1e-9 <= (other.onset_s or 0.0) <= end_s
    )
    return Lesson(**{**asdict(lesson), "overlaps": others})
