"""Runs in one process from which somebody is taken: as a process that is killed or stopped, seen from the conductor."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress

from bus.errors import EnvironmentFault, RangeFailure
from bus.lockstep import instructions as do
from bus.lockstep.conductor import Conductor
from bus.lockstep.ticks import read_tick, write_tock
from bus.scenario.model import Scenario
from bus.trace.writer import TraceWriter
from faults.run.compose import Flown, build_all, participant_plans, prepare, trace_header
from faults.run_directory import RunDirectory
from groundstation.archive.writer import Archive


def fly_without(
    scenario: Scenario,
    directory: RunDirectory,
    gone: Mapping[str, int],
    *,
    at_tick: Callable[[int], None] = lambda tick: None,
) -> Flown:
    """The run, without each of `gone` from that tick on; `bus` among them breaks off trace and run. `at_tick` is called
    with each recorded tick."""
    prepare(directory, scenario, None)
    conductor = Conductor(
        participant_plans(scenario), scenario.ticks, scenario.tick_ns, on_lost=scenario.range.missing_tock
    )
    members = {participant.id: participant for participant in build_all(scenario)}
    trace, archive = TraceWriter(directory.trace, trace_header(scenario)), Archive(directory.archive, durable=False)
    lost: list[do.Lost] = []
    queue: deque[do.Instruction] = deque()
    for id in sorted(members):
        queue.extend(conductor.joined(id))
    try:
        while True:
            if not queue:
                queue.extend(conductor.overdue(conductor.tick))
            order = queue.popleft()
            if isinstance(order, do.SendTick) and order.tick < gone.get(order.id, math.inf):
                moment, inbox, _ = read_tick(order.frames, scenario.tick_ns)
                outbox = members[order.id].step(moment, inbox)
                if order.id == "ground":
                    archive.write(outbox.records)
                queue.extend(conductor.tock(order.id, write_tock(order.id, moment, outbox)))
            elif isinstance(order, do.Record):
                trace.append(order.content)
                at_tick(order.tick)
                if order.tick >= gone.get("bus", math.inf):
                    return Flown(None, 1.0, RangeFailure("bus was killed by SIGKILL"))
            elif isinstance(order, do.Lost):
                lost.append(order)
            elif isinstance(order, do.Finished):
                trace.close(complete=order.complete, reason=order.reason, mail=order.mail)
                failure = None if order.complete else RangeFailure(order.reason)
                return Flown(order, 1.0, failure, lost=tuple(lost))
    finally:
        trace.abandon()
        with suppress(EnvironmentFault):  # its file was taken away
            archive.close()
