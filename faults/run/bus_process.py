"""The bus process of a run: conductor, trace, the range's director, and samples for whoever watches.

`python -m faults.run.bus_process` takes everything from the environment: SKYRACK_SCENARIO (resolved JSON),
SKYRACK_KEYS, SKYRACK_OUT (the run's directory), SKYRACK_PACE, and optionally SKYRACK_BIND, SKYRACK_BIND_RANGE,
SKYRACK_BIND_OBSERVE.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.clock import Stopwatch, parse_pace
from bus.errors import EnvironmentFault, SkyrackError
from bus.lockstep.instructions import Lost
from bus.process import lifeline
from bus.process.bus import run_bus
from bus.process.plan import LOOPBACK, BusOutcome, BusPlan
from bus.scenario.model import Scenario
from bus.trace.reader import read_record
from bus.trace.writer import TraceWriter
from faults.run.compose import (
    build_executor,
    build_gateway,
    dictionary_versions,
    leave_outside,
    participant_plans,
    trace_header,
)
from faults.run.director import Director
from faults.run.notices import FailedTelecommands
from faults.run.own_jobs import allowed_from
from faults.run.progress import MAX_ROWS, StatusSampler, in_order
from faults.run_directory import RunDirectory
from node.designs.load import read_resolved

STATUS_EVERY_S = 0.2
STATUS_SHARE = 0.05
"""Of the time, at most, goes into telling how they are: a thousand spacecraft are told of less often than ten."""


@dataclass(slots=True)
class BusResult:
    """How long it flew, what ended it before its time (an error, a signal), who was given up, what was turned away."""

    wall_s: float = 0.0
    failure: SkyrackError | None = None
    interrupted: str = ""
    lost: tuple[Lost, ...] = ()
    refused: tuple[dict[str, Any], ...] = ()


class WatchedTrace:
    """Writes the trace, and now and then reports how the spacecraft are."""

    def __init__(self, scenario: Scenario, writer: TraceWriter, director: Director | None = None) -> None:
        self._scenario = scenario
        self._writer = writer
        self._sampler = StatusSampler(scenario, director)
        self._failed = FailedTelecommands()
        self._watch = Stopwatch()
        self._begun_s = -1.0
        self._next_s = 0.0

    @property
    def wall_s(self) -> float:
        """Seconds since the first tick was complete, 0 before."""
        return self._watch.seconds - self._begun_s if self._begun_s >= 0 else 0.0

    def append(self, content: bytes) -> None:
        """One complete tick."""
        self._writer.append(content)
        record = read_record(content)
        for line in self._failed(record.mail):
            lifeline.report("notice", {"text": line})
        now_s = self._watch.seconds
        if self._begun_s < 0:
            self._begun_s = now_s
        if now_s < self._next_s:
            return
        worst = in_order(self._sampler(record.answers))[:MAX_ROWS]  # a report is a line of bounded length
        rows = {name: sample.to_row() for name, sample in worst}
        lifeline.report("status", {"tick": min(record.tick + 1, self._scenario.ticks), "spacecraft": rows})
        took_s = self._watch.seconds - now_s
        self._next_s = now_s + max(STATUS_EVERY_S, took_s / STATUS_SHARE)


def bus_plan(
    scenario: Scenario, pace: str, *endpoints: str, directory: RunDirectory | None = None, programs: Path | None = None
) -> BusPlan:
    """What the bus needs to know. `endpoints`: time, range, observe; any free loopback port where left out. `programs`:
    the folder of those that jobs run, where the user allowed that."""
    paced = parse_pace(pace) is not None
    executor, gateway = build_executor(scenario, directory, programs, paced=paced), build_gateway(scenario, paced=paced)
    time, range_, observe = (*endpoints, *([LOOPBACK] * (3 - len(endpoints))))
    return BusPlan(
        participants=participant_plans(scenario),
        ticks=scenario.ticks,
        tick_ns=scenario.tick_ns,
        scenario=scenario.to_json(),
        dictionaries=dictionary_versions(scenario),
        local=(Director(scenario), *executor, *gateway),
        speed=parse_pace(pace),
        missing_tock=scenario.range.missing_tock,
        tock_timeout_s=scenario.range.tock_timeout_s,
        time_endpoint=time,
        range_endpoint=range_,
        observe_endpoint=observe,
        outside=gateway[0].figures if gateway else dict,
    )


def conduct(
    scenario: Scenario,
    directory: RunDirectory,
    keys: Path,
    plan: BusPlan,
    report: Callable[[str, Mapping[str, object]], None] = lifeline.report,
) -> tuple[int, BusResult]:
    """Fly the run in this process's loop; gives the exit status and what else is known of its end."""
    result = BusResult()
    try:
        writer = TraceWriter(directory.trace, trace_header(scenario))
    except SkyrackError as error:
        lifeline.report_error(error)
        return error.exit_status, result
    director = next((each for each in plan.local if isinstance(each, Director)), None)
    trace = WatchedTrace(scenario, writer, director)

    def finish(outcome: BusOutcome) -> Mapping[str, object]:
        done = outcome.finished
        complete = done.complete and outcome.failure is None
        reason = outcome.failure.message if outcome.failure else done.reason
        writer.close(complete=complete, reason=reason, mail=done.mail)
        leave_outside(scenario, directory, plan.local)
        result.wall_s, result.failure, result.interrupted = trace.wall_s, outcome.failure, outcome.interrupted
        result.lost, result.refused = outcome.lost, outcome.refused
        return {"trace_hash": writer.trace_hash, "wall_s": trace.wall_s}

    return run_bus(plan, keys, trace, finish, report), result


def main() -> int:
    """From the environment to the exit status."""
    lifeline.bind_to_supervisor()
    try:
        given = {name: os.environ[f"SKYRACK_{name}"] for name in ("SCENARIO", "KEYS", "OUT")}
        scenario = read_resolved(Path(given["SCENARIO"]).read_bytes())
        binds = [os.environ.get(f"SKYRACK_BIND{end}") or LOOPBACK for end in ("", "_RANGE", "_OBSERVE")]
        plan = bus_plan(
            scenario, os.environ.get("SKYRACK_PACE", "free"), *binds,
            directory=RunDirectory(Path(given["OUT"])), programs=allowed_from(os.environ),
        )  # fmt: skip
    except (KeyError, OSError, ValueError) as error:
        lifeline.report_error(EnvironmentFault(f"the bus cannot start: {error}", hint="see `skyrack bus --help`"))
        return 2
    except SkyrackError as error:
        lifeline.report_error(error)
        return error.exit_status
    return conduct(scenario, RunDirectory(Path(given["OUT"])), Path(given["KEYS"]), plan)[0]


if __name__ == "__main__":
    sys.exit(main())
