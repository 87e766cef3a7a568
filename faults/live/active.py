"""What acts in a run, live or not."""

from __future__ import annotations

from faults.catalogue.injection_ids import injection_ids
from faults.recording.injections import Injected, injections_of
from faults.recording.read import read_scenario
from faults.run_directory import RunDirectory


def injected(run: RunDirectory) -> list[Injected]:
    """Everything that was injected so far."""
    planned = {id: fault.fault for fault in read_scenario(run).faults for id in injection_ids(fault)}
    return injections_of(run.trace, planned)


def active_ids(run: RunDirectory) -> list[str]:
    """Ids of the injections that act now, each once."""
    return list(dict.fromkeys(one.id for one in injected(run) if one.state == "active"))
