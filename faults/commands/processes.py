"""`skyrack bus`, `skyrack node`, `skyrack ground`: the single processes of a run, as a container would start them.

The bus makes the keys of the run where there are none and writes run.json; the others ask it for the scenario.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bus.clock import MachineClock
from bus.errors import INTERRUPTED, EnvironmentFault, SkyrackError
from bus.process.log import Log
from bus.scenario.model import Scenario
from bus.sockets.endpoints import advertised, check_endpoint, check_host
from bus.sockets.keys import BUNDLE, is_bundle, load_grants, load_public, make_keys
from bus.sockets.metrics import check_metrics
from faults.commands.run import PATIENCE_S, finish, has_flown
from faults.recording.summary import exit_status
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run.fetch_archive import fetch_archive
from faults.run.groups import chosen_ids
from faults.run.interruption import SIGNALS, Interruption
from faults.run.processes import Listener
from faults.run.progress import StatusSample
from faults.run.warm import warm_up
from faults.run_directory import BY_HAND, RunDirectory, create, discard
from faults.scenarios.choose import find_scenario, load_named, load_resolved
from faults.scenarios.own_jobs import may_execute
from node.designs.load import read_resolved


def bus_command(
    scenario: str,
    keys: Path,
    bind: str,
    bind_range: str,
    bind_observe: str,
    *,
    pace: str,
    out: Path | None,
    advertise: str = "",
    metrics: str = "",
    archive: Path | None = None,
    designs: tuple[Path, ...] = (),
    procedures: tuple[Path, ...] = (),
    allow_exec: bool = False,
) -> int:
    """Conduct one run; gives the exit status of what was flown. `archive`: where the ground keeps its, if this process
    may read it; it is then copied to the other results."""
    check_host("--advertise", advertise)
    check_metrics("--metrics", metrics)
    for option, endpoint in (("--bind", bind), ("--bind-range", bind_range), ("--bind-observe", bind_observe)):
        check_endpoint(option, endpoint)
    chosen = load_named(scenario, designs, procedures)
    may_execute(chosen.scenario, allowed=allow_exec)
    programs = find_scenario(scenario).parent if allow_exec else None
    for note in chosen.notes:
        _say(f"note: {note}")
    with Interruption() as interruption:
        with interruption.handled_by(within_s=PATIENCE_S):
            directory = create(chosen.scenario.name, out)
        try:
            interruption.check()
            root.prepare(directory, chosen.scenario, chosen.text, procedures)
            binds = (bind, bind_range, bind_observe)
            status, flown = _conduct(
                chosen.scenario, directory, keys, binds, pace=pace, advertise=advertise, metrics=metrics,
                programs=programs,
            )  # fmt: skip
            interruption.signal = interruption.signal or flown.interrupted
        except KeyboardInterrupt:
            status, flown = INTERRUPTED, root.Flown(None, 0.0, interrupted=interruption.signal)
        except SkyrackError:
            discard(directory)
            raise
        if status and not interruption.signal and not has_flown(directory):
            discard(directory)  # the same call must work when what was wrong is mended
            return status
        return finish(directory, interruption, lambda: _judge(directory, status, flown, pace, archive))


def _conduct(
    resolved: Scenario,
    directory: RunDirectory,
    keys: Path,
    binds: tuple[str, str, str],
    *,
    pace: str,
    advertise: str,
    metrics: str,
    programs: Path | None,
) -> tuple[int, root.Flown]:
    from faults.run.bus_process import bus_plan, conduct  # noqa: PLC0415 - zmq only where it is used

    _provide_keys(keys, resolved)
    bind, bind_range, bind_observe = binds
    plan = bus_plan(resolved, pace, bind, bind_range, bind_observe, directory=directory, programs=programs)
    plan = replace(plan, metrics=metrics)
    endpoints = {"time": bind, "range": bind_range, "observe": bind_observe}
    facts = {
        "scenario": resolved.name,
        "digest": resolved.digest,
        "keys": str(keys.resolve()),
        "bus_key": load_public(keys, "bus").decode(),
        "pace": pace,
        "endpoints": endpoints,
        "supervisor": os.getpid(),
        "started": BY_HAND,
    }
    _write_run(directory, facts, "running")

    listener = Listener(_Said())

    def note(kind: str, content: Mapping[str, Any]) -> None:
        if kind != "refused":  # which the bus's own log has
            listener.hear("bus", {"report": kind, **content})
        if "endpoints" in content:
            host = advertise if kind == "ready" else ""  # the others are somebody else's, who said how to reach it
            endpoints.update({plane: advertised(at, host) for plane, at in content["endpoints"].items()})
            _write_run(directory, facts, "running")
        if kind == "ready":
            at = endpoints["time"]
            _say(f"{resolved.name}: {len(resolved.spacecraft)} spacecraft and the ground are awaited at {at}")

    status, result = conduct(resolved, directory, keys, plan, note)
    _write_run(directory, facts, "stopped" if result.interrupted else "finished" if status == 0 else "failed")
    flown = root.Flown(None, result.wall_s, result.failure, result.interrupted, None, result.lost, result.refused)
    return status, flown


class _Said:
    """Who left, came back, is late or was given up, as lines of this process's log."""

    def __init__(self) -> None:
        self._log = Log(MachineClock(), lambda reason: None)

    def say(self, text: str) -> None:
        """One line, if there is room for it."""
        self._log.write(text)

    def show(self, tick: int, samples: Mapping[str, StatusSample]) -> None:
        """The metrics have that."""

    def close(self) -> None:
        """Nothing to do."""


def _judge(directory: RunDirectory, status: int, flown: root.Flown, pace: str, archive: Path | None) -> int:
    if directory.trace.is_file():
        if archive is not None and (trouble := fetch_archive(archive, directory)):
            _say(f"note: {trouble}")
        summary = conclude(directory, flown, mode="processes", pace=pace)
        _say(f"trace {summary['trace_hash']}, report {directory.report}")
        status = status or exit_status(summary)
    return status


def node_command(
    ids: str, share: str, connect: str, keys: Path, *, scenario: str, nvm: Path, stay: bool = False
) -> int:
    """Fly some spacecraft in this process until the run ends."""
    from bus.process.participant import Credentials, run_participants  # noqa: PLC0415
    from node.process import builder  # noqa: PLC0415

    check_endpoint("--connect", connect)
    party = [Credentials(identity, connect, keys) for identity in chosen_ids(ids, share, keys)]
    build = builder(keys, nvm, lambda resolved: warm_up(resolved, _say))
    status = run_participants(party, build, _canonical(scenario))
    return stand_by(status) if stay else status


def ground_command(
    connect: str,
    keys: Path,
    scenario: str,
    archive: Path,
    bind: str,
    *,
    advertise: str = "",
    metrics: str = "",
    stay: bool = False,
    procedures: tuple[Path, ...] = (),
) -> int:
    """Operate until the run ends."""
    from groundstation.process import run_ground  # noqa: PLC0415

    check_endpoint("--connect", connect)
    check_host("--advertise", advertise)
    check_metrics("--metrics", metrics)
    if bind:
        check_endpoint("--bind", bind)
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(f"cannot make {archive.parent}: {error.strerror}", hint="another --archive") from error
    status = run_ground(
        connect,
        keys,
        lambda content: root.dictionaries(read_resolved(content)),
        archive,
        scenario=_canonical(scenario),
        operator_endpoint=bind,
        advertise=advertise,
        metrics=metrics,
        procedures=procedures,
    )
    return stand_by(status) if stay else status


def stand_by(status: int) -> int:
    """After a run in order, wait for a signal: the end of one container would be the end of all of them, and the bus
    has yet to judge."""
    if status == 0:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        _say("the run is over; waiting to be stopped")
        signal.sigwait(SIGNALS)
    return status


def _canonical(path: str) -> bytes | None:
    """The bytes of a resolved scenario, None where none is named."""
    return load_resolved(Path(path)).scenario.to_json() if path else None


def _provide_keys(keys: Path, scenario: Scenario) -> None:
    """Keys that are there are used; otherwise they are made. A bundle is somebody's to bring."""
    if keys.suffix == BUNDLE and not is_bundle(keys):
        raise EnvironmentFault(f"the secret {keys} is missing", hint="`skyrack compose` writes one for each container")
    if is_bundle(keys):
        return
    try:
        load_grants(keys)
    except SkyrackError:
        make_keys(keys, [spacecraft.id for spacecraft in scenario.spacecraft])
        _say(f"made the keys of this run in {keys}")


def _write_run(directory: RunDirectory, facts: dict[str, object], state: str) -> None:
    directory.write(directory.run, json.dumps({**facts, "state": state}, indent=1, sort_keys=True))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
