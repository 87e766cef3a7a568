"""The ground's process: built from scenario and dictionaries, its archive on disk, an operator's port beside it.

`python -m groundstation.process` takes everything from the environment: SKYRACK_CONNECT, SKYRACK_KEYS, SKYRACK_ARCHIVE
(file), SKYRACK_DICTIONARIES (JSON by design name), and optionally SKYRACK_SCENARIO (resolved JSON; without it the bus
is asked), SKYRACK_BIND (the operator's port; any free loopback port by default) and SKYRACK_PROCEDURES (files with
procedures of one's own).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bus.dictionary import Dictionary
from bus.errors import EnvironmentFault, ScenarioError, SkyrackError
from bus.participant import Outbox
from bus.process import lifeline
from bus.process.participant import Credentials, Service, Shell, another_release, run_participants
from bus.process.plan import LOOPBACK
from bus.scenario.model import Scenario
from bus.sockets.endpoints import advertised
from bus.sockets.keys import load_telecommand_key
from bus.sockets.metrics import MetricsDoor
from groundstation.archive.writer import Archive
from groundstation.commanding.operator_port import OperatorPort
from groundstation.config import GROUND_ID, resolve
from groundstation.ground import Ground
from groundstation.metrics import GroundMetrics
from groundstation.procedures.load import with_own


def load_dictionaries(path: Path) -> dict[str, Dictionary]:
    """Dictionaries by design name from a JSON file. EnvironmentFault if it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {design: Dictionary.model_validate_json(json.dumps(form)) for design, form in content.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise EnvironmentFault(
            f"{path} holds no dictionaries: {str(error).splitlines()[0]}",
            hint="a run's directory has dictionaries.json",
        ) from error


Dictionaries = Callable[[bytes], Mapping[str, Dictionary]]
"""From a resolved scenario (canonical JSON) to the dictionaries of its designs, by name."""


def serve_ground(
    scenario: bytes,
    dictionaries: Dictionaries,
    archive: Path,
    keys: Path,
    *,
    operator_endpoint: str,
    advertise: str = "",
    metrics: str = "",
    procedures: Sequence[Path] = (),
) -> Service:
    """The ground of a resolved scenario (canonical JSON), ready to take part. `advertise`: the host under which
    operators reach it, where that is not the bound one. `metrics`: HOST:PORT for Prometheus, or nothing."""
    try:
        resolved, forms = Scenario.model_validate_json(scenario), dictionaries(scenario)
    except (ValueError, ScenarioError) as error:
        raise another_release(error) from error
    signing = {one.id: load_telecommand_key(keys, one.id) for one in resolved.spacecraft}
    ground = Ground(resolve(resolved, forms, signing), with_own(procedures))
    told = GroundMetrics(ground, {one.id: forms[one.design] for one in resolved.spacecraft})
    store = Archive(archive)
    door = MetricsDoor(metrics, told.collect) if metrics else None
    operator = OperatorPort(keys, operator_endpoint)

    def close() -> None:
        if door is not None:
            door.close()
        operator.close()
        store.close()

    def commit(outbox: Outbox) -> None:
        store.write([*operator.noted(), *outbox.records])
        if door is not None:
            told.note(outbox.records)

    async def beside(shell: Shell) -> None:
        told.now_ns = lambda: (shell.tick + 1) * resolved.tick_ns
        async with asyncio.TaskGroup() as group:
            group.create_task(operator.serve(shell))
            if door is not None:
                group.create_task(door.serve())

    return Service(
        ground,
        resolved.tick_ns,
        resolved.range.snapshot_every_ticks,
        commit=commit,
        close=close,
        endpoints={"operator": advertised(operator.endpoint, advertise)},
        side_task=beside,
        outside=operator.answer,
    )


def run_ground(
    endpoint: str,
    keys: Path,
    dictionaries: Dictionaries,
    archive: Path,
    *,
    scenario: bytes | None = None,
    operator_endpoint: str = LOOPBACK,
    advertise: str = "",
    metrics: str = "",
    procedures: Sequence[Path] = (),
) -> int:
    """The whole process; gives the exit status."""

    def build(_: Sequence[str], text: bytes) -> list[Service]:
        ground = serve_ground(
            text,
            dictionaries,
            archive,
            keys,
            operator_endpoint=operator_endpoint,
            advertise=advertise,
            metrics=metrics,
            procedures=procedures,
        )
        return [ground]

    return run_participants([Credentials(GROUND_ID, endpoint, keys)], build, scenario)


def from_environment(name: str) -> str:
    """A variable that must be set. EnvironmentFault if it is not."""
    value = os.environ.get(name, "")
    if not value:
        raise EnvironmentFault(f"{name} is not set", hint="`skyrack ground --help` lists what the ground needs")
    return value


def main() -> int:
    """From the environment to the exit status."""
    lifeline.bind_to_supervisor()
    try:
        scenario = os.environ.get("SKYRACK_SCENARIO")
        endpoint, keys = from_environment("SKYRACK_CONNECT"), Path(from_environment("SKYRACK_KEYS"))
        words = Path(from_environment("SKYRACK_DICTIONARIES"))
        archive = Path(from_environment("SKYRACK_ARCHIVE"))
        text = Path(scenario).read_bytes() if scenario else None
    except OSError as error:
        lifeline.report_error(EnvironmentFault(f"cannot read the scenario: {error}", hint="see SKYRACK_SCENARIO"))
        return 2
    except SkyrackError as error:
        lifeline.report_error(error)
        return error.exit_status
    bind = os.environ.get("SKYRACK_BIND") or LOOPBACK
    own = tuple(Path(file) for file in os.environ.get("SKYRACK_PROCEDURES", "").split(os.pathsep) if file)
    return run_ground(
        endpoint, keys, lambda _: load_dictionaries(words), archive, scenario=text, operator_endpoint=bind,
        procedures=own,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
