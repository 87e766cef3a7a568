"""Where a run's files lie, how its directory is made, and how a live run is found. No opinion about their content.

out/<name>-<counter>/
    scenario.json     what flew, resolved          dictionaries.json  TM/TC dictionaries by design
    scenario.yaml     as the user wrote it         trace.bin          the ordered record
    summary.json      figures and verdicts         archive.sqlite     what the ground received
    report.html       the same for people          run.json           endpoints, key paths, state of the run
    keys/, nvm/, log/ of the processes; procedures/ of the user's own and jobs/ of programs, where there are any
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.errors import EnvironmentFault, UserError
from bus.files import read_bounded, write_whole

OUT = Path("out")
LEAST_FREE_BYTES = 16 * 1024 * 1024
"""Below this a run is not begun: the trace of a short run with one spacecraft is some megabytes."""
BY_HAND = "by hand"
"""What run.json says where every process was started for itself: then the ground may keep its archive elsewhere."""
MAX_COUNTER = 100_000
MAX_RUN_BYTES = 16 * 1024 * 1024
_WRITE_HINT = "choose a directory that you can write to with --out"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Paths of one run."""

    path: Path

    @property
    def scenario(self) -> Path:
        """The resolved scenario, canonical JSON."""
        return self.path / "scenario.json"

    @property
    def source(self) -> Path:
        """The scenario as its author wrote it."""
        return self.path / "scenario.yaml"

    @property
    def dictionaries(self) -> Path:
        """TM/TC dictionaries by design."""
        return self.path / "dictionaries.json"

    @property
    def trace(self) -> Path:
        """The trace."""
        return self.path / "trace.bin"

    @property
    def archive(self) -> Path:
        """The ground's archive."""
        return self.path / "archive.sqlite"

    @property
    def summary(self) -> Path:
        """Figures and verdicts."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """The page for people."""
        return self.path / "report.html"

    @property
    def procedures(self) -> Path:
        """A user's own procedures, as they were when the run began."""
        return self.path / "procedures"

    @property
    def own_procedures(self) -> tuple[Path, ...]:
        """Their files."""
        return tuple(sorted(self.procedures.glob("*.py")))

    @property
    def run(self) -> Path:
        """Endpoints, key paths, process ids, state."""
        return self.path / "run.json"

    @property
    def outside(self) -> Path:
        """How long devices outside took to answer, in real time."""
        return self.path / "outside.json"

    @property
    def jobs(self) -> Path:
        """A directory for each job whose work a program of the user's does."""
        return self.path / "jobs"

    @property
    def programs(self) -> Path:
        """What these programs told of themselves last."""
        return self.path / "programs.json"

    def write(self, path: Path, content: str | bytes) -> None:
        """Write one of its files, whole or not at all. Raises EnvironmentFault."""
        try:
            write_whole(path, content)
        except OSError as error:
            raise EnvironmentFault(f"cannot write {path}: {error.strerror}", hint=_WRITE_HINT) from error


def create(name: str, out: Path | None) -> RunDirectory:
    """A directory of its own for a run: `out` itself where given (it must be new or empty), else out/<name>-<counter>.

    Raises EnvironmentFault where it cannot be made, is taken, or the disk is full.
    """
    slug = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-") or "run"
    try:
        path = _given(out) if out is not None else _counted(OUT, slug)
        probe = path / ".probe"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
        free = shutil.disk_usage(path).free
    except OSError as error:
        where = out or OUT
        raise EnvironmentFault(f"cannot write to {where}: {error.strerror}", hint=_WRITE_HINT) from error
    if free < LEAST_FREE_BYTES:
        raise EnvironmentFault(
            f"only {free // 1024} KiB are free in {path}", hint="free some space, or choose another disk with --out"
        )
    return RunDirectory(path)


def discard(directory: RunDirectory) -> None:
    """Remove a run that has nothing in it: it was interrupted before its first tick."""
    shutil.rmtree(directory.path, ignore_errors=True)


def _given(out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise EnvironmentFault(f"{out} is not empty", hint="a run needs a directory of its own; choose a new one")
    return out


def _counted(parent: Path, slug: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    taken = re.compile(re.escape(slug) + r"-(\d+)")
    numbers = [int(match[1]) for entry in parent.iterdir() if (match := taken.fullmatch(entry.name))]
    for number in range(max(numbers, default=0) + 1, MAX_COUNTER):
        path = parent / f"{slug}-{number:03d}"
        try:
            path.mkdir()
        except FileExistsError:
            continue  # another run was quicker
        return path
    raise EnvironmentFault(f"{parent} holds {MAX_COUNTER} runs of this name", hint="remove some of them")


def open_run(path: Path) -> RunDirectory:
    """An existing run. Raises UserError where there is none."""
    directory = RunDirectory(path)
    try:
        there = stat.S_ISREG(directory.scenario.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        there = False
    except OSError as error:
        raise EnvironmentFault(f"cannot read {directory.scenario}: {error.strerror}") from error
    if not there:
        raise UserError(f"{path} is no run's directory: it has no scenario.json", hint="runs are made in out/")
    return directory


def newest_run(path: Path | None) -> RunDirectory:
    """The given run, or the one below out/ that began last, live or not. Raises UserError where there is none."""
    if path is not None:
        return open_run(path)
    began = {found.parent: found.stat().st_mtime_ns for found in OUT.glob("*/scenario.json")} if OUT.is_dir() else {}
    if not began:
        raise UserError("no run below out/", hint="name its directory, or begin one: skyrack run first-light")
    return open_run(max(began, key=lambda folder: (began[folder], folder)))


def live_run(path: Path | None) -> tuple[RunDirectory, dict[str, Any]]:
    """A run that can be acted on: the given one, or the newest live one below out/; with the content of run.json."""
    if path is not None:
        candidates = [open_run(path)]
    else:
        found = OUT.glob("*/run.json") if OUT.is_dir() else []
        candidates = [RunDirectory(f.parent) for f in sorted(found, key=lambda f: f.stat().st_mtime_ns, reverse=True)]
    for directory in candidates:
        content = read_run(directory)
        if content and is_alive(content):
            return directory, content
    if path is not None and not (candidates[0].run.is_file() or candidates[0].summary.is_file()):
        raise UserError(
            f"the run in {path} has not begun yet, or flies in one process, where nobody can reach it",
            hint="ask again when its first tick is flown; leave out --in-process to act on a run",
        )
    where = f"{path} is not running" if path else "no run is going on below out/"
    raise UserError(where, hint="start one in another terminal: skyrack run first-light --pace x10")


def read_run(directory: RunDirectory) -> dict[str, Any]:
    """The content of run.json; empty where there is none yet."""
    try:
        content = json.loads(read_bounded(directory.run, MAX_RUN_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def keys_of(directory: RunDirectory) -> Path | None:
    """Where the keys of its processes are; None for a run in one process, which has none."""
    own = directory.path / "keys"
    named = read_run(directory).get("keys")
    if own.is_dir():
        return own
    return Path(named) if isinstance(named, str) else None


def is_alive(content: dict[str, Any]) -> bool:
    """Whether the process that conducts the run still exists."""
    pid = content.get("supervisor")
    if not isinstance(pid, int) or content.get("state") not in ("starting", "running"):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
