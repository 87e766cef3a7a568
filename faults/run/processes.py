"""A run as processes on this machine: one bus, one process per spacecraft, one ground, under one supervisor.

Who they are and what they are given.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bus.clock import Stopwatch
from bus.errors import EnvironmentFault, SkyrackError
from bus.lockstep.instructions import Lost
from bus.scenario.model import Scenario
from bus.sockets.keys import make_keys
from bus.sockets.refusals import in_words
from faults.run import own_jobs
from faults.run.compose import Flown
from faults.run.groups import in_groups, label, per_process_here
from faults.run.interruption import Interruption
from faults.run.progress import Observer, StatusSample
from faults.run.supervisor import BUS_PATIENCE_S, LaunchOutcome, Member, Supervisor, supervise
from faults.run.warm import environment, warm_up
from faults.run_directory import RunDirectory

LATE_EVERY_S = 5.0
"""At most one line on who is late in so much time."""
_OF_SEVERAL = ("away", "back", "lost")
MAX_NAMED = 4
"""Participants named on such a line; the others are counted."""
MANY = 50
"""Participants from which on their coming takes so long that it is told by tenths."""
ONE_ABOARD = 7
"""File descriptors of one more spacecraft in a process: five of its socket and its monitor, two of its memory."""
RESTARTS = 3
"""A process that dies is started again so often; then its death is no accident, and `missing_tock` decides."""


def fly_as_processes(
    scenario: Scenario,
    directory: RunDirectory,
    *,
    pace: str,
    display: Observer,
    interruption: Interruption,
    per_process: int = 0,
    programs: Path | None = None,
) -> Flown:
    """The whole run. Whatever happens, no process is left and the trace is readable to its last full tick.
    `per_process`: spacecraft in one process; 0: one, as long as this machine carries that. `programs`: the folder of
    those that jobs run, where the user allowed that."""
    spacecraft = len(scenario.spacecraft)
    if not per_process:
        per_process = per_process_here(spacecraft)
        if per_process > 1:
            processes = -(-spacecraft // per_process)
            display.say(
                f"{spacecraft} spacecraft are more processes than this machine carries: they fly in {processes}, "
                f"{per_process} in each at most (--per-process)"
            )
    allow_descriptors(spacecraft, per_process)
    keys = directory.path / "keys"
    with _starting(directory, display) as say:
        warm_up(scenario, say)
        make_keys(keys, [each.id for each in scenario.spacecraft])
    bus, others = members(scenario, directory, pace, per_process)
    bus = replace(bus, environment={**bus.environment, **own_jobs.environment(programs)})
    facts = {"scenario": scenario.name, "digest": scenario.digest, "keys": str(keys.resolve()), "pace": pace}
    listener = Listener(display)
    with interruption.handled_by():  # whoever supervises looks for what was noted before it began
        outcome = supervise(
            lambda: Supervisor(
                directory.path,
                bus,
                others,
                facts=facts,
                on_report=listener.hear,
                restarts=RESTARTS,
                go_on_without=scenario.range.missing_tock == "continue",
                bus_patience_s=max(BUS_PATIENCE_S, scenario.range.tock_timeout_s),
                interruption=interruption,
            )
        )
    display.close()
    return flown_of(outcome)


def allow_descriptors(spacecraft: int, per_process: int = 1) -> None:
    """Before anything is started: as many file descriptors as the supervisor (three for each process: two pipes and its
    end), the bus (one for each connection) and a process (`ONE_ABOARD` for each spacecraft) will have open. The limit
    is raised as far as it may be."""
    processes = -(-spacecraft // per_process)
    needed = max(3 * (processes + 2) + 20, (spacecraft + 1) + 48, ONE_ABOARD * min(per_process, spacecraft) + 40)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise EnvironmentFault(
            f"{spacecraft} spacecraft as processes need {needed} file descriptors, {soft} are allowed (ulimit -n)",
            hint=f"ulimit -n {needed}, or fly with --in-process, which needs few",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


@contextmanager
def _starting(directory: RunDirectory, display: Observer) -> Iterator[Callable[[str], None]]:
    """From here on `skyrack command` and `skyrack inject` find the run. Gives what tells them, and whoever watches,
    what is being done before it flies."""

    def write(state: str, doing: str) -> None:
        facts = {"state": state, "doing": doing, "supervisor": os.getpid(), "pids": {}, "endpoints": {}}
        directory.write(directory.run, json.dumps(facts, indent=1, sort_keys=True))

    def say(doing: str) -> None:
        display.say(doing)
        write("starting", doing)

    write("starting", "")
    try:
        yield say
    except BaseException:
        with suppress(SkyrackError):
            write("failed", "")
        raise


def members(
    scenario: Scenario, directory: RunDirectory, pace: str, per_process: int = 1
) -> tuple[Member, list[Member]]:
    """The bus, and everybody else."""
    path = directory.path.resolve()
    common = {
        "PYTHONPATH": environment()["PYTHONPATH"],
        "SKYRACK_KEYS": str(path / "keys"),
        "SKYRACK_SCENARIO": str(path / directory.scenario.name),
    }
    bus = Member("bus", _module("faults.run.bus_process"), {**common, "SKYRACK_OUT": str(path), "SKYRACK_PACE": pace})
    aboard = {**common, "SKYRACK_NVM": str(path / "nvm")}
    nodes = [
        Member(label(ids), _module("node.process"), {**aboard, "SKYRACK_IDS": ",".join(ids)}, ids)
        for ids in in_groups([each.id for each in scenario.spacecraft], per_process)
    ]
    ground = Member(
        "ground",
        _module("groundstation.process"),
        {
            **common,
            "SKYRACK_ARCHIVE": str(path / directory.archive.name),
            "SKYRACK_DICTIONARIES": str(path / directory.dictionaries.name),
            "SKYRACK_BIND": "",
            "SKYRACK_PROCEDURES": os.pathsep.join(str(file.resolve()) for file in directory.own_procedures),
        },
    )
    return bus, [*nodes, ground]


def flown_of(outcome: LaunchOutcome) -> Flown:
    """What the supervisor says, as the composition root wants to hear it."""
    wall_s = outcome.result.get("wall_s", outcome.wall_s)
    failure: SkyrackError | None = outcome.failure
    lost = tuple(Lost(**each) for each in outcome.result.get("lost", ()))
    return Flown(
        None, float(wall_s), failure, outcome.interrupted, sum(outcome.restarts.values()), lost, tuple(outcome.refused)
    )


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


class _Late:
    """Tells who is late and who has caught up. On a machine that cannot keep the pace this changes many times a second:
    one line every few seconds then says all of it."""

    def __init__(self, display: Observer) -> None:
        self._display = display
        self._watch = Stopwatch()
        self._next_s = 0.0
        self._behind: dict[str, int] = {}
        self._untold = 0

    def heard(self, who: str, behind: int, tick: int) -> None:
        """`who` is so many ticks behind at this tick; 0: no longer."""
        if behind:
            self._behind[who] = behind
        else:
            self._behind.pop(who, None)
        if self._watch.seconds < self._next_s:
            self._untold += 1
            return
        self._next_s = self._watch.seconds + LATE_EVERY_S
        more, self._untold = self._untold, 0
        late = ", ".join(f"{name} by {ticks} ticks" for name, ticks in list(self._behind.items())[:MAX_NAMED])
        rest = f" and {len(self._behind) - MAX_NAMED} more" if len(self._behind) > MAX_NAMED else ""
        said = f"late: {late}{rest}" if late else f"{who} has caught up" if not more else "all have caught up"
        self._display.say(f"{said}, at tick {tick}" + (f" ({more} changes since the last word)" if more else ""))


class _Together:
    """What befalls several spacecraft at once, because they share a process, is one line: that of the first, with the
    number of the others. It is said as soon as anything else is heard."""

    def __init__(self, display: Observer) -> None:
        self._display = display
        self._kept: dict[str, tuple[str, str, int]] = {}

    def add(self, kind: str, who: str, words: str) -> None:
        """`who` is `words`."""
        first, first_words, more = self._kept.get(kind, (who, words, -1))
        self._kept[kind] = first, first_words, more + 1

    def say(self) -> None:
        """What was kept back."""
        for first, words, more in self._kept.values():
            self._display.say(f"{first} and {more} more are {words}" if more else f"{first} is {words}")
        self._kept.clear()


class Listener:
    """Turns the processes' reports into what is displayed."""

    def __init__(self, display: Observer) -> None:
        self._display = display
        self._lost: set[str] = set()
        self._late = _Late(display)
        self._together = _Together(display)

    def hear(self, who: str, report: dict[str, Any]) -> None:
        """One report of one process."""
        if report.get("report") not in _OF_SEVERAL:
            self._together.say()
        match report.get("report"):
            case "status":
                self._display.show(int(report["tick"]), self._samples(report["spacecraft"]))
            case "here" if report["of"] >= MANY and report["here"] % (report["of"] // 10) == 0:
                self._display.say(f"{report['here']} of {report['of']} have come")
            case "away":
                self._together.add("away", report["id"], f"gone at tick {report['tick']}: {report['reason']}")
            case "late":
                self._late.heard(report["id"], int(report["behind"]), int(report["tick"]))
            case "notice":
                self._display.say(str(report["text"]))
            case "refused":
                self._display.say(in_words(report["rows"]))
            case "log_stopped":
                self._display.say(f"log/{report['id']}.log has stopped: {report['reason']}")
            case "restarted":
                self._display.say(f"{who} was started again")
            case "back":
                self._lost.discard(report["id"])
                self._together.add("back", report["id"], f"back at tick {report['tick']} and catching up")
            case "lost":
                self._lost.add(report["id"])
                self._together.add("lost", report["id"], f"given up at tick {report['tick']}: {report['reason']}")

    def _samples(self, rows: dict[str, dict[str, Any]]) -> dict[str, StatusSample]:
        samples = {name: StatusSample.of_row(row) for name, row in rows.items()}
        return samples | {name: StatusSample(lost=True) for name in sorted(self._lost)}
