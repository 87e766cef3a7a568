"""The composition root: from a scenario to participants and a flown run. The only place that knows all rooms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bus.errors import ParticipantLost, SkyrackError
from bus.lockstep.conductor import Conductor
from bus.lockstep.in_process import run_in_process
from bus.lockstep.instructions import Finished, Lost, Record
from bus.lockstep.sessions import BOUNDS, Bounds, ParticipantPlan
from bus.participant import Outbox, Participant
from bus.scenario.model import Scenario
from bus.trace.writer import Traced, TraceHeader, TraceWriter, cpu_digest
from bus.wire.executor import EXECUTOR_ID
from bus.wire.messages import Event, Plane
from bus.wire.outside import GATEWAY_ID
from faults.recording.summary import versions
from faults.run.director import DIRECTOR_ID, Director
from faults.run_directory import RunDirectory
from faults.scenarios.own_jobs import has_programs
from faults.scenarios.vocabulary import dictionary_of
from groundstation.config import GROUND_ID

if TYPE_CHECKING:
    from bus.dictionary import Dictionary
    from node.hil.gateway import Gateway

SPACE_PLANES = frozenset({Plane.TIME, Plane.SPACE})
RANGE_PLANES = frozenset({Plane.TIME, Plane.RANGE})


@dataclass(frozen=True, slots=True)
class Flown:
    """How a run ended.

    wall_s: from the first tick to the end. failure: why the range stopped before the end, None if it did not.
    interrupted: the signal that asked for the end, or empty. restarts: processes that died and were started again.
    lost: who was given up, at which tick and why. refused: what was turned away at the borders, by kind and source.
    None: nobody is left who knows.
    """

    finished: Finished | None
    wall_s: float | None
    failure: SkyrackError | None = None
    interrupted: str = ""
    restarts: int | None = 0
    lost: tuple[Lost, ...] = ()
    refused: tuple[dict[str, Any], ...] | None = ()


def participant_plans(scenario: Scenario) -> tuple[ParticipantPlan, ...]:
    """Who takes part, what each may send, and whom it hears: a spacecraft the ground, the range and its peers."""
    near: dict[str, set[str]] = {spacecraft.id: {GROUND_ID, DIRECTOR_ID} for spacecraft in scenario.spacecraft}
    for spacecraft in scenario.spacecraft:
        if spacecraft.devices:
            near[spacecraft.id].add(GATEWAY_ID)
        if spacecraft.programs:
            near[spacecraft.id].add(EXECUTOR_ID)
        for peer in spacecraft.peers:
            near[spacecraft.id].add(peer)
            near[peer].add(spacecraft.id)
    return (
        *(ParticipantPlan(s.id, SPACE_PLANES, s.peers, sources=frozenset(near[s.id])) for s in scenario.spacecraft),
        ParticipantPlan(GROUND_ID, SPACE_PLANES, forwards="operator"),
        ParticipantPlan(DIRECTOR_ID, RANGE_PLANES),
        *((ParticipantPlan(GATEWAY_ID, RANGE_PLANES),) if has_outside(scenario) else ()),
        *((ParticipantPlan(EXECUTOR_ID, RANGE_PLANES),) if has_programs(scenario) else ()),
    )


def has_outside(scenario: Scenario) -> bool:
    """Whether a device of any spacecraft is outside."""
    return any(spacecraft.devices for spacecraft in scenario.spacecraft)


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
        participants=(
            *traced,
            Traced(GROUND_ID, "ground"),
            Traced(DIRECTOR_ID, "range"),
            *((Traced(GATEWAY_ID, "range"),) if has_outside(scenario) else ()),
            *((Traced(EXECUTOR_ID, "range"),) if has_programs(scenario) else ()),
        ),
        versions=versions(),
        cpu=cpu_digest(),
    )


def build_node(scenario: Scenario, spacecraft: str, telecommand_key: bytes = b"") -> Participant:
    """One spacecraft. Loads the plant, and with it numba. Without a key it has the one of a run in one process."""
    from node.config import resolve  # noqa: PLC0415
    from node.node import assemble  # noqa: PLC0415

    return assemble(resolve(scenario, spacecraft, telecommand_key))


def build_ground(
    scenario: Scenario, telecommand_keys: Mapping[str, bytes] | None = None, procedures: Sequence[Path] = ()
) -> Participant:
    """The ground; keys as in `build_node`. `procedures`: files with a user's own."""
    from groundstation.config import resolve  # noqa: PLC0415
    from groundstation.ground import Ground  # noqa: PLC0415
    from groundstation.procedures.load import with_own  # noqa: PLC0415

    return Ground(resolve(scenario, dictionaries(scenario), telecommand_keys), with_own(procedures))


def build_gateway(scenario: Scenario, *, paced: bool = False) -> list[Gateway]:
    """Who talks to the devices outside, all of which have answered; nobody where there are none. Raises UserError where
    one does not answer, or is another one."""
    if not has_outside(scenario):
        return []
    from faults.run.outside import open_gateway  # noqa: PLC0415 - sockets only where they are used

    return [open_gateway(scenario, paced=paced)]


def build_executor(
    scenario: Scenario, directory: RunDirectory | None = None, programs: Path | None = None, *, paced: bool = False
) -> list[Participant]:
    """Who runs the programs of jobs; nobody where there are none. `programs`: the folder they are in, where the user
    allowed to run them. Raises UserError where one is not there, or nobody allowed it."""
    if not has_programs(scenario):
        return []
    from faults.run.own_jobs import open_executor  # noqa: PLC0415 - processes only where they are used

    return [open_executor(scenario, directory, programs, paced=paced)]


def leave_outside(scenario: Scenario, directory: RunDirectory, everybody: Sequence[Participant]) -> None:
    """After a run: its programs are ended, and what is known of programs and devices beside the trace is kept."""
    if has_programs(scenario):
        from faults.run.own_jobs import leave_programs  # noqa: PLC0415

        leave_programs(directory, everybody)
    if has_outside(scenario):
        from faults.run.outside import keep_timing  # noqa: PLC0415

        with suppress(SkyrackError):  # nothing is judged by it
            keep_timing(directory, everybody)


def build_all(
    scenario: Scenario, procedures: Sequence[Path] = (), gateway: Sequence[Participant] | None = None
) -> list[Participant]:
    """Everybody, for a run in one process. `gateway`: who speaks for what is outside, if not that itself."""
    nodes = [build_node(scenario, spacecraft.id) for spacecraft in scenario.spacecraft]
    outside = [*build_executor(scenario), *build_gateway(scenario)] if gateway is None else gateway
    return [*nodes, build_ground(scenario, procedures=procedures), Director(scenario), *outside]


def events_held(everybody: Sequence[Participant]) -> dict[str, list[Event]]:
    """Event reports that the spacecraft among them still have on board, sent or not, by spacecraft."""
    from node.node import Node  # noqa: PLC0415

    return {each.id: each.events_held() for each in everybody if isinstance(each, Node)}


def conductor_of(scenario: Scenario, *, history: bool = True, lookahead: bool = False) -> Conductor:
    """The conductor of a run; without `history` nobody who left can come back, which saves memory and time.
    `lookahead`: for runs that nobody watches between two ticks (docs/decisions/0005)."""
    missing: Literal["stop", "continue"] = scenario.range.missing_tock
    bounds = BOUNDS if history else Bounds(history_ticks=0)
    return Conductor(
        participant_plans(scenario), scenario.ticks, scenario.tick_ns,
        lookahead=lookahead, on_lost=missing, bounds=bounds,
    )  # fmt: skip


def prepare(directory: RunDirectory, scenario: Scenario, source: str | None, procedures: Sequence[Path] = ()) -> None:
    """What a run's directory holds before anything flies."""
    for place, path in enumerate(procedures):
        directory.procedures.mkdir(exist_ok=True)
        directory.write(directory.procedures / f"{place:03d}_{path.name}", path.read_bytes())
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
    from groundstation.archive.writer import Archive  # noqa: PLC0415

    watch = Stopwatch()
    archive = Archive(directory.archive, durable=False)
    trace = TraceWriter(directory.trace, trace_header(scenario))
    commit: Mapping[str, Callable[[Outbox], None]] = {GROUND_ID: lambda outbox: archive.write(outbox.records)}
    everybody: list[Participant] = []
    try:
        everybody = participants if participants is not None else build_all(scenario, directory.own_procedures)
        finished = run_in_process(
            conductor_of(scenario, history=False, lookahead=True),
            everybody,
            scenario.tick_ns,
            trace,
            commit=commit,
            on_tick=on_tick,
            stopped=stopped,
        )
    except SkyrackError as error:
        lost = (Lost(error.participant, error.tick, error.reason),) if isinstance(error, ParticipantLost) else ()
        return Flown(None, watch.seconds, error, lost=lost)
    finally:
        leave_outside(scenario, directory, everybody)
        with suppress(SkyrackError):  # an archive that somebody took away: whoever sums up looks at what is left of it
            archive.close()
    return Flown(finished, watch.seconds, interrupted="" if finished.complete else stopped())
