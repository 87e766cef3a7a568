"""The executor of a run: who may run the programs of its jobs, and from where."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bus.errors import EnvironmentFault, Refused, SkyrackError, UserError
from bus.participant import Participant
from bus.scenario.model import Scenario
from faults.run_directory import RunDirectory
from faults.scenarios.own_jobs import find_program, may_execute
from node.executor.desk import Desk
from node.executor.executor import Executor, MachineHall, seat_of

ALLOWED_FROM = "SKYRACK_ALLOW_EXEC_FROM"
"""How a run's own processes are told that its user allowed programs, and in which folder they are."""


def allowed_from(environment: Mapping[str, str]) -> Path | None:
    """The folder of the scenario, where its user allowed to run programs."""
    folder = environment.get(ALLOWED_FROM, "")
    return Path(folder) if folder else None


def open_executor(
    scenario: Scenario, directory: RunDirectory | None, folder: Path | None, *, paced: bool
) -> Participant:
    """Every program is there; none is started yet. `folder`: that of the scenario, None where nobody allowed to run
    any. Raises UserError."""
    may_execute(scenario, allowed=folder is not None and directory is not None, by_option=directory is not None)
    assert folder is not None and directory is not None
    seats, places = [], []
    for spacecraft in scenario.spacecraft:
        for job in spacecraft.programs.values():
            assert job.program is not None
            who = f"{job.id} of {spacecraft.id}"
            if job.program.follows == "signals" and not paced:
                raise UserError(
                    f"{who} follows signals, so nobody knows when it has done its work",
                    hint="fly it by the clock: --pace realtime; or let it follow steps",
                )
            try:
                program = find_program(job.program.argv, folder)
                own = directory.jobs.resolve() / f"{spacecraft.id}.{job.id}"
                place = Desk(own, spacecraft.id, job, (program, *job.program.argv[1:]), folder.resolve())
            except Refused as error:
                raise UserError(f"{who} runs {error.found}", hint=f"allowed: {error.allowed}") from error
            except OSError as error:
                raise EnvironmentFault(f"cannot write {directory.jobs}: {error.strerror}") from error
            places.append(place)
            seats.append(seat_of(scenario, spacecraft.id, job, place))
    return Executor(seats, places, MachineHall(), paced=paced)


def leave_programs(directory: RunDirectory, everybody: Sequence[Participant]) -> None:
    """No program is left, and what they told of themselves is in the run's directory."""
    for one in everybody:
        if isinstance(one, Executor):
            one.close()
            with suppress(SkyrackError):  # nothing is judged by it
                directory.write(directory.programs, json.dumps(one.told(), indent=1))


def environment(folder: Path | None) -> dict[str, str]:
    """For the process that has the executor."""
    return {} if folder is None else {ALLOWED_FROM: os.fspath(folder.resolve())}
