"""Cases that begin alike share their beginning: it is flown once, and each goes its own way from where it differs.

A case flown this way gives to the bit what it gives flown whole: the same participants, states and records; only the
ticks before its first difference were flown for all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.errors import ParticipantLost, SkyrackError
from bus.lockstep.in_process import InProcess
from bus.lockstep.instructions import Finished, Record
from bus.participant import Participant
from bus.scenario.model import Fault, ProcedureEntry, Scenario, StackEntry, TimelineEntry
from bus.trace.writer import TraceWriter
from bus.wire.messages import Event as EventReport
from faults.campaign.cases import Case, content_of
from faults.run import compose as root
from faults.run.director import LEAD_TICKS

Planned = Fault | TimelineEntry | StackEntry | ProcedureEntry
_PLANNED = ("faults", "timeline", "stacks", "procedures")
"""Fields of a scenario with what is to happen, each with its time; in them cases may differ that begin alike."""


@dataclass(frozen=True, slots=True)
class Family:
    """Cases that begin alike, by the tick after which each goes its own way (-1: from the start).

    undisturbed: what they all have in common, which nothing struck that is a case's own.
    """

    undisturbed: Scenario
    forks: tuple[tuple[int, Case], ...]


def families(cases: Sequence[Case]) -> list[Family]:
    """Cases by their beginnings, in the order of their first cases."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(_beginning(case.scenario), []).append(case)
    return [_family(group) for group in groups.values()]


def _beginning(scenario: Scenario) -> str:
    return content_of(scenario, without=_PLANNED)


def _events(scenario: Scenario) -> tuple[Planned, ...]:
    return tuple(event for name in _PLANNED for event in getattr(scenario, name))


def _family(cases: Sequence[Case]) -> Family:
    first = cases[0].scenario
    events = [{event.model_dump_json(): None for event in _events(case.scenario)} for case in cases]
    common = set(events[0]).intersection(*events[1:])

    def kept(events: Iterable[Planned]) -> tuple[Any, ...]:
        return tuple(event for event in events if event.model_dump_json() in common)

    fields = {name: kept(getattr(first, name)) for name in _PLANNED}
    undisturbed = first.model_copy(update={**fields, "expectations": ()})
    forks: list[tuple[int, Case]] = []
    for case in cases:
        own = [event.at_s for event in _events(case.scenario) if event.model_dump_json() not in common]
        at_ns = min((round(at_s * 1e9) for at_s in own), default=case.scenario.duration_ns)
        fork = min(at_ns // case.scenario.tick_ns - LEAD_TICKS, case.scenario.ticks - 1)
        forks.append((max(fork, -1), case))
    return Family(undisturbed, tuple(sorted(forks, key=lambda one: (one[0], one[1].number))))


@dataclass(frozen=True, slots=True)
class Flight:
    """A flown case: its trace, the event reports that its spacecraft still hold, why the range stopped too early."""

    case: Case
    trace: Path
    held: dict[str, list[EventReport]]
    failure: SkyrackError | None


def fly_family(
    family: Family, folder: Path, done: Callable[[Flight], None], *, stopped: Callable[[], str] = str
) -> None:
    """Fly its cases; `done` is told of each as it ends, in the order of the forks, and may take its trace away.

    `folder` holds the traces. `stopped`: asked between ticks; a reason ends everything.
    """
    for tick, case in family.forks:
        if tick < 0 and not stopped():
            done(_whole(case, folder / f"{case.number:06d}.bin", stopped))
    later = [(tick, case) for tick, case in family.forks if tick >= 0]
    if later and not stopped():
        _from_common(family.undisturbed, later, folder, done, stopped)


def _whole(case: Case, path: Path, stopped: Callable[[], str]) -> Flight:
    scenario = case.scenario
    trace = TraceWriter(path, root.trace_header(scenario))
    everybody = root.build_all(scenario)
    session = InProcess(root.conductor_of(scenario, history=False), everybody, scenario.tick_ns, trace, stopped=stopped)
    return _ended(case, trace, everybody, session.run)


def _from_common(
    undisturbed: Scenario, later: Sequence[tuple[int, Case]], folder: Path, done: Callable[[Flight], None],
    stopped: Callable[[], str],
) -> None:  # fmt: skip
    trunk = TraceWriter(folder / "trunk.bin", root.trace_header(undisturbed))
    waiting: Iterator[tuple[int, Case]] = iter(later)
    following = next(waiting, None)
    over = False

    def part(record: Record) -> None:
        nonlocal following, over
        while following is not None and following[0] == record.tick:
            case = following[1]
            path = folder / f"{case.number:06d}.bin"
            trace = trunk.fork(path, root.trace_header(case.scenario))
            everybody = root.build_all(case.scenario)
            branch = session.fork(everybody, trace, stopped=stopped)
            done(_ended(case, trace, everybody, branch.go_on))
            following = next(waiting, None)
        over = following is None

    session = InProcess(
        root.conductor_of(undisturbed, history=False), root.build_all(undisturbed), undisturbed.tick_ns, trunk,
        on_tick=part, stopped=lambda: stopped() or ("every case has gone its own way" if over else ""),
    )  # fmt: skip
    try:
        session.run()
    except ParticipantLost as error:  # the undisturbed run itself fails: so do all that would have left it later
        while following is not None:
            done(Flight(following[1], folder / "none", {}, error))
            following = next(waiting, None)
    finally:
        trunk.abandon()
        (folder / "trunk.bin").unlink(missing_ok=True)


def _ended(
    case: Case, trace: TraceWriter, everybody: Sequence[Participant], fly: Callable[[], Finished]
) -> Flight:  # fmt: skip
    assert trace.path is not None
    failure = None
    try:
        fly()
    except SkyrackError as error:
        failure = error
    finally:
        trace.abandon()
    return Flight(case, trace.path, root.events_held(everybody), failure)
