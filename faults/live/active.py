"""What acts in a run, live or not."""

from __future__ import annotations

import sys

from bus.trace.reader import TraceReader
from bus.trace.writer import is_being_written
from faults.catalogue.injection_ids import injection_ids
from faults.recording.injections import Injected, injections_of
from faults.recording.read import read_scenario
from faults.run_directory import RunDirectory


def injected(run: RunDirectory) -> list[Injected]:
    """Everything that was injected so far."""
    planned = {id: fault.fault for fault in read_scenario(run).faults for id in injection_ids(fault)}
    return injections_of(run.trace, planned)


def tell_damage(run: RunDirectory) -> int:
    """Say on standard error why the record of a run that does not fly is not whole; gives the exit status, 3 then."""
    with TraceReader(run.trace) as trace:
        damage = "" if is_being_written(run.trace) else trace.damage()
    if damage:
        sys.stderr.write(f"error: {damage}\n  next: what is told here reaches as far, and no further\n")
    return 3 if damage else 0


def active_ids(run: RunDirectory) -> list[str]:
    """Ids of the injections that act now, each once."""
    return list(dict.fromkeys(one.id for one in injected(run) if one.state == "active"))
