"""The composition root: from a scenario to participants, seats and a flown run. The only place that knows all rooms.

What a run looks like on a terminal is `run_command.py`'s business, what its figures are `summary.py`'s.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bus.conductor import Conductor
from bus.errors import SkyrackError, UnknownNameError
from bus.instructions import Finished, Record
from bus.messages import Plane
from bus.participant import Outbox, Participant
from bus.roster import Bounds, ParticipantPlan
from bus.scenario import Scenario
from bus.trace import Traced, TraceHeader, TraceWriter, cpu_digest
from bus.transport import run_in_process
from faults.director import DIRECTOR_ID, Director
from faults.expectation_words import close_names
from faults.oracle import Judgement, judge, parse
from faults.recording import Recording
from faults.report import render
from faults.run_directory import RunDirectory
from faults.summary import summarise, to_json, versions
from faults.trace_reading import read_recording
from faults.vocabulary import dictionary_of, names_of
from groundstation.config import GROUND_ID

if TYPE_CHECKING:
    from bus.dictionary import Dictionary

SCENARIOS = Path(__file__).resolve().parent / "scenarios"
SPACE_SEAT = frozenset({Plane.TIME, Plane.SPACE})
RANGE_SEAT = frozenset({Plane.TIME, Plane.RANGE})


@dataclass(frozen=True, slots=True)
class Flown:
    """How a run ended.

    wall_s: from the first tick to the end. failure: why the range stopped before the end, None if it did not.
    interrupted: the signal that asked for the end, or empty. restarts: processes that died and were started again.
    """

    finished: Finished | None
    wall_s: float
    failure: SkyrackError | None = None
    interrupted: str = ""
    restarts: int = 0


def shipped_scenarios() -> dict[str, Path]:
    """The scenarios that come with Skyrack, by name."""
    return {path.stem: path for path in sorted(SCENARIOS.glob("*.yaml"))}


def find_scenario(name: str) -> Path:
    """A path as it is, or a shipped scenario by its name. Raises UnknownNameError."""
    path = Path(name)
    if path.is_file() or path.suffix in (".yaml", ".yml", ".json") or "/" in name:
        return path
    shipped = shipped_scenarios()
    if name not in shipped:
        raise UnknownNameError(
            "scenario", name, close_names(name, shipped), hint=f"shipped: {', '.join(shipped)}; or give a file"
        )
    return shipped[name]


def seats(scenario: Scenario) -> tuple[ParticipantPlan, ...]:
    """Who takes part, what each may send, and whom it hears: a spacecraft the ground, the range and its peers."""
    near: dict[str, set[str]] = {spacecraft.id: {GROUND_ID, DIRECTOR_ID} for spacecraft in scenario.spacecraft}
    for spacecraft in scenario.spacecraft:
        for peer in spacecraft.peers:
            near[spacecraft.id].add(peer)
            near[peer].add(spacecraft.id)
    return (
        *(ParticipantPlan(s.id, SPACE_SEAT, s.peers, hears=frozenset(near[s.id])) for s in scenario.spacecraft),
        ParticipantPlan(GROUND_ID, SPACE_SEAT, forwards="operator"),
        ParticipantPlan(DIRECTOR_ID, RANGE_SEAT),
    )


def dictionaries(scenario: Scenario) -> dict[str, Dictionary]:
    """The dictionaries of the designs that fly, by design."""
    return {design: dictionary_of(design) for design in sorted({s.design for s in scenario.spacecraft})}


def dictionary_versions(scenario: Scenario) -> dict[str, str]:
    """The dictionary version that each spacecraft must bring."""
    return {s.id: dictionary_of(s.design).version for s in scenario.spacecraft}


def trace_header(scenario: Scenario) -> TraceHeader:
    """What the trace says about itself."""
    traced = [
        Traced(s.id, "node", tuple(s.peers), tuple(scenario.truth_signals.get(s.id, ()))) for s in scenario.spacecraft
    ]
    return TraceHeader(
        scenario_digest=scenario.digest,
        seed=scenario.seed,
        tick_ns=scenario.tick_ns,
        ticks=scenario.ticks,
        participants=(*traced, Traced(GROUND_ID, "ground"), Traced(DIRECTOR_ID, "range")),
        versions=versions(),
        cpu=cpu_digest(),
    )


def build_node(scenario: Scenario, spacecraft: str) -> Participant:
    """One spacecraft. Loads the plant, and with it numba."""
    from node.assembly import assemble  # noqa: PLC0415
    from node.config import resolve  # noqa: PLC0415

    return assemble(resolve(scenario, spacecraft))


def build_ground(scenario: Scenario) -> Participant:
    """The ground."""
    from groundstation.config import resolve  # noqa: PLC0415
    from groundstation.ground import Ground  # noqa: PLC0415

    return Ground(resolve(scenario, dictionaries(scenario)))


def build_all(scenario: Scenario) -> list[Participant]:
    """Everybody, for a run in one process."""
    nodes = [build_node(scenario, spacecraft.id) for spacecraft in scenario.spacecraft]
    return [*nodes, build_ground(scenario), Director(scenario)]


def conductor_of(scenario: Scenario, *, history: bool = True) -> Conductor:
    """The conductor of a run; without `history` nobody who left can come back, which saves memory and time."""
    missing: Literal["stop", "continue"] = scenario.range.missing_tock
    if history:
        return Conductor(seats(scenario), scenario.ticks, scenario.tick_ns, on_lost=missing)
    return Conductor(seats(scenario), scenario.ticks, scenario.tick_ns, on_lost=missing, bounds=Bounds(history_ticks=0))


def prepare(directory: RunDirectory, scenario: Scenario, source: str | None) -> None:
    """What a run's directory holds before anything flies."""
    forms = {design: form.model_dump(mode="json") for design, form in dictionaries(scenario).items()}
    directory.write(directory.scenario, scenario.to_json())
    directory.write(directory.dictionaries, json.dumps(forms, indent=1, sort_keys=True))
    if source is not None:
        directory.write(directory.source, source)


def fly_in_process(
    scenario: Scenario,
    directory: RunDirectory,
    *,
    on_tick: Callable[[Record], None] | None = None,
    participants: list[Participant] | None = None,
    stopped: Callable[[], str] = str,
) -> Flown:
    """The whole run in this process, in lockstep. The trace stays readable whatever happens.

    stopped: asked between ticks; the name of a signal ends the run in order, as far as it has come.
    """
    from bus.clock import Stopwatch  # noqa: PLC0415
    from groundstation.archive import Archive  # noqa: PLC0415

    watch = Stopwatch()
    archive = Archive(directory.archive, durable=False)
    trace = TraceWriter(directory.trace, trace_header(scenario))
    commit: Mapping[str, Callable[[Outbox], None]] = {GROUND_ID: lambda outbox: archive.write(outbox.records)}
    try:
        finished = run_in_process(
            conductor_of(scenario, history=False),
            participants if participants is not None else build_all(scenario),
            scenario.tick_ns,
            trace,
            commit=commit,
            on_tick=on_tick,
            stopped=stopped,
        )
    except SkyrackError as error:
        return Flown(None, watch.seconds, error)
    finally:
        archive.close()
    return Flown(finished, watch.seconds, interrupted="" if finished.complete else stopped())


def judge_all(recording: Recording) -> list[Judgement]:
    """Every expectation of the scenario, judged on what was recorded."""
    scenario = recording.scenario
    designs = {spacecraft.id: spacecraft.design for spacecraft in scenario.spacecraft}
    jobs = {spacecraft.id: spacecraft.job_ids for spacecraft in scenario.spacecraft}
    stations = [station.id for station in scenario.stations]
    names = names_of(designs, [fault.id for fault in scenario.faults], stations, jobs)
    return [judge(parse(expectation.text, names), recording) for expectation in scenario.expectations]


def conclude(directory: RunDirectory, flown: Flown, *, mode: str, pace: str) -> dict[str, object]:
    """Read what was recorded, judge it, and write summary.json and report.html. Gives the summary."""
    recording = read_recording(directory)
    judgements = judge_all(recording)
    error = flown.failure.message if flown.failure else ""
    if not error and flown.interrupted:
        error = f"interrupted by {flown.interrupted}"
    if not error and flown.finished is not None and not flown.finished.complete:
        error = flown.finished.reason
    summary = summarise(
        recording, judgements, mode=mode, pace=pace, wall_s=flown.wall_s, error=error, restarts=flown.restarts
    )
    directory.write(directory.summary, to_json(summary))
    directory.write(directory.report, render(recording, summary, judgements))
    return summary
