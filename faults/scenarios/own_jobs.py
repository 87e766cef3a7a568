"""Jobs whose work a program of the user's does (`exec:`): how they are written, what `check` shows of them, and who
refuses them. Nothing is executed here.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from bus.errors import Refused, UserError
from bus.scenario.model import Scenario, Spacecraft
from bus.scenario.workload import Job, Program
from bus.text.forms import Form
from bus.text.leaves import Leaf, quantity, whole
from bus.text.reader import Item
from bus.text.units import show
from faults.scenarios.job_fields import (
    RESTART_S,
    Count,
    Groups,
    Id,
    Load,
    MaybeCost,
    MaybeEvery,
    Mode,
    Restart,
    Start,
    checkpoints_of,
    checks_of,
)

ALLOW = "--allow-exec"
PYTHON = "python"
"""This word alone is the interpreter that Skyrack itself runs in, which has `skyrack_workload`."""
MAX_PROGRAMS = 16
"""Programs of a scenario: each is a process of the machine that flies it."""
MAX_WORDS, MAX_WORD = 64, 1000
_SHAPE = "a program and its arguments: a list such as [./train, --steps, 100], or a text that is split at its blanks"
_BYTES = 8.0  # a data size is read in bits


def _argv(value: object) -> tuple[str, ...]:
    try:
        words = shlex.split(value) if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
    except ValueError:
        words = []
    words = [str(word) if isinstance(word, int | float) and not isinstance(word, bool) else word for word in words]
    if not 0 < len(words) <= MAX_WORDS or not all(_is_word(word) for word in words) or not words[0]:
        raise Refused(show(value) if isinstance(value, str) else "something else", f"{_SHAPE}, {MAX_WORDS} at most")
    return tuple(words)


def _is_word(word: object) -> bool:
    return isinstance(word, str) and len(word) <= MAX_WORD and "\0" not in word


_ARGV_SCHEMA = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": ["string", "number"]}, "maxItems": MAX_WORDS}],
    "description": _SHAPE,
}
Size = quantity("data size", _BYTES * 1e3, _BYTES * 1e13, "1 kB to 10 TB")


class ProgramForm(Form):
    """A program of the user's on accelerators: how it is run, what it follows, and what it may take."""

    exec: Annotated[tuple[str, ...], Leaf(_argv, _ARGV_SCHEMA)]
    id: Id = None
    part: Literal["simulated", "software"] = "software"
    follows: Literal["steps", "signals"] = "steps"
    groups: Groups = ()
    accelerators: Count = None
    start: Start = 0.0
    load: Load = 1.0
    mode: Mode = None
    step_time: Annotated[float, quantity("time", 1e-3, 86400.0, "1 ms to 1 d at full speed")] = 1.0
    checkpoint_every: MaybeEvery = None
    checkpoint_cost: MaybeCost = None
    restart_cost: Restart = RESTART_S
    timeout: Annotated[float, quantity("time", 0.01, 10.0, "10 ms to 10 s")] = 10.0
    start_timeout: Annotated[float, quantity("time", 0.1, 20.0, "100 ms to 20 s")] = 20.0
    allowed_misses: Annotated[int, whole(0, 10**9)] = 0
    memory: Annotated[float, Size] = _BYTES * 16e9
    cpu_time: Annotated[float, quantity("time", 1.0, 30 * 86400.0, "1 s to 30 d")] = 3600.0
    file_size: Annotated[float, Size] = _BYTES * 1e9
    processes: Annotated[int, whole(1, 1000)] = 16
    log_size: Annotated[float, Size] = _BYTES * 10e6


def program_job(parts: Mapping[str, Any], name: str, chips: dict[str, int]) -> Job:
    """A job of parts that are all right. To the plant it trains: a gang with checkpoints, and no end but its own."""
    program = None
    if parts["part"] == "software":
        program = Program(
            argv=parts["exec"],
            follows=parts["follows"],
            step_s=parts["step_time"],
            timeout_s=parts["timeout"],
            start_timeout_s=parts["start_timeout"],
            allowed_misses=parts["allowed_misses"],
            memory_bytes=round(parts["memory"] / _BYTES),
            cpu_s=parts["cpu_time"],
            file_bytes=round(parts["file_size"] / _BYTES),
            processes=parts["processes"],
            log_bytes=round(parts["log_size"] / _BYTES),
        )
    return Job(
        id=name,
        kind="training",
        chips=chips,
        start_s=parts["start"],
        checks=checks_of({**parts, "detect_after": 0.0, "check_cost": 0.0}),
        checkpoint_every_s=parts["checkpoint_every"] or 0.0,
        checkpoint_s=parts["checkpoint_cost"] or 0.0,
        load=parts["load"],
        mode=parts["mode"] or "",
        program=program,
    )


def check_program(entry: Item, parts: Mapping[str, Any]) -> None:
    """The program is there and can be run; what says nothing is refused."""
    checkpoints_of(entry)
    if parts["follows"] == "signals" and entry.has("step_time"):
        entry.below("step_time").refuse("a step of a program that follows signals", "no step: it is not asked for any")
    if parts["exec"] and parts["part"] == "software":
        try:
            find_program(parts["exec"], Path(entry.sheet.file).parent)
        except Refused as error:
            entry.below("exec").refuse(error.found, error.allowed)


def find_program(argv: tuple[str, ...], folder: Path) -> str:
    """Which file would be executed: a path beside the scenario, a command, or this interpreter. Raises Refused."""
    try:
        return _find_program(argv, folder)
    except OSError as error:  # a name too long, a folder that nobody may look into
        raise Refused(show(argv[0]), f"a program of this machine ({error.strerror})") from error


def _find_program(argv: tuple[str, ...], folder: Path) -> str:
    word = argv[0]
    if word == PYTHON:
        script = argv[1] if len(argv) > 1 and argv[1].endswith(".py") else ""
        if script and not (folder / script).is_file():
            raise Refused(f"{script!r}, which is not there", f"a program in {folder}")
        return sys.executable
    if "/" not in word:
        found = shutil.which(word)
        if found is None:
            raise Refused(f"{word!r}", "a command of this machine, or a path with a slash such as ./run.sh")
        return found
    path = folder / word
    if not path.is_file():
        raise Refused(f"{word!r}, which is not there", f"a program in {folder}, or a command of this machine")
    if not os.access(path, os.X_OK):
        raise Refused(f"{word!r}, which is not executable", f"an executable file (chmod +x), or [{PYTHON}, {word}]")
    return str(path.resolve())


def has_programs(scenario: Scenario) -> bool:
    """Whether a program of the user's does the work of any job."""
    return any(spacecraft.programs for spacecraft in scenario.spacecraft)


def program_table(scenario: Scenario) -> list[dict[str, Any]]:
    """What `skyrack check` shows of them."""
    return [
        {
            "spacecraft": one.id, "job": job.id, "part": "software", "would run": _shown(job.program.argv),
            "follows": job.program.follows, "timeout s": job.program.timeout_s,
            "flies": "in lockstep or paced" if job.program.follows == "steps" else "with --pace only",
        }
        for one in scenario.spacecraft
        for job in one.programs.values()
        if job.program is not None
    ]  # fmt: skip


def _shown(argv: Sequence[str]) -> str:
    """As one would type it; what a terminal would obey rather than show is written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shlex.join(argv))


def may_execute(scenario: Scenario, *, allowed: bool, by_option: bool = True) -> None:
    """Raises UserError where programs would be run, and nobody has said that they may. by_option: there is one to
    say so with."""
    table = [] if allowed else program_table(scenario)
    if table:
        first, more = table[0], f" (and {len(table) - 1} more)" if len(table) > 1 else ""
        raise UserError(
            f"{first['job']} of {first['spacecraft']} would run a program of this machine: {first['would run']}{more}",
            hint=f"{ALLOW}, if you trust this scenario; or fly the job emulated: `part: simulated`"
            if by_option
            else "fly the job emulated here: `part: simulated` beside its exec",
        )


def without_programs(scenario: Scenario, what: str) -> Scenario:
    """The scenario, if it runs no program. Raises UserError: `what` flies many at once."""
    for row in program_table(scenario):
        raise UserError(
            f"{row['job']} of {row['spacecraft']} runs a program, {row['would run']}, and {what} flies many runs",
            hint="fly it emulated there: `part: simulated` beside its exec",
        )
    return scenario


def may_be_contained(scenario: Scenario) -> None:
    """Raises UserError where it runs programs: containers do not carry them, and nobody could allow them there."""
    for row in program_table(scenario):
        raise UserError(
            f"{row['job']} of {row['spacecraft']} runs a program, {row['would run']}, which containers do not have",
            hint=f"fly it on this machine (run {ALLOW}), or emulated: `part: simulated` beside its exec",
        )


def check_programs(item: Item, everybody: Sequence[Spacecraft]) -> None:
    """Not too many; and a job that is a process here cannot move to a peer."""
    count = sum(len(one.programs) for one in everybody)
    if count > MAX_PROGRAMS:
        item.refuse(f"{count} programs", f"at most {MAX_PROGRAMS}")
    for one in everybody:
        if one.programs and one.peers:
            item.refuse(
                f"a program and peers of {one.id}", "one of them: a process of this machine cannot move to a peer"
            )
            return
