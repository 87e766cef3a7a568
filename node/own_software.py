"""Flight software of a user's own: which class a design names, whether it may fly here, and where it comes from.

It is a program, and a scenario is data. A file only names it; it is loaded where whoever starts Skyrack has allowed
exactly that class (`--flight-software`, or SKYRACK_FLIGHT_SOFTWARE for processes), and flown again only where its
sources are those that were flown.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from bus.dictionary import Dictionary
from bus.errors import Refused, UserError
from bus.text.near import one_of
from node.devices.device import DeviceForm
from node.devices.equipment import Equipment
from node.fsw.protocol import Software

VARIABLE = "SKYRACK_FLIGHT_SOFTWARE"
"""For processes: what is allowed, one a line."""
OPTION = "--flight-software"
PATTERN = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
SHAPE = "package.module:Class, such as mine:Thrifty"
CALLS = {"declare": 2, "boot": 1, "step": 3, "figures": 0, "account": 1, "save": 0, "restore": 1}
"""Members of `Software` that a class must have, with how many arguments each is called."""
MAX_SOURCES, MAX_SOURCE_BYTES = 2000, 32 * 1024 * 1024
MAX_DECLARED, MAX_VALUES, MAX_ARGUMENTS, MAX_EVENT_ARGUMENTS = 10_000, 2048, 64, 16
"""Of each kind, and what a message of the bus carries."""


class Problem(NamedTuple):
    """What does not fit in a dictionary. place: of the entry, by kind, name and field; empty: of no single one."""

    found: str
    place: tuple[str | int, ...] = ()


class Found(NamedTuple):
    """A class, and the digest of its sources: 32 hex digits."""

    software: type[Software]
    source: str


_allowed: dict[str, str] = {}
"""What this process was told on its command line: the directory it lies in by the name, empty where none was said."""
_asked: set[str] = set()
"""Names that a scenario or a design had."""


def allow(written: str) -> None:
    """Take one value of the option: a class, after the directory that it lies in where that is not the scenario's.
    Raises UserError."""
    directory, _, name = written.rpartition("/")
    if re.fullmatch(PATTERN, name) is None:
        hint = "where it lies elsewhere than the scenario, its directory before it: flight/mine:Thrifty"
        raise UserError(f"{OPTION}: found {written[:80]!r}; allowed: {SHAPE}", hint=hint)
    if "/" in written and not Path(directory or "/").is_dir():
        raise UserError(f"{OPTION}: found {written[:80]!r}; allowed: a directory before {name}")
    _note(name, str(Path(directory or "/").resolve()) if "/" in written else "")


def given() -> tuple[str, ...]:
    """What this process was told on its command line."""
    return tuple(_allowed)


def allowed() -> dict[str, str]:
    """Every class that may fly here, with its directory."""
    lines = os.environ.get(VARIABLE, "").splitlines()
    inherited = {name: directory for directory, _, name in (line.strip().rpartition("/") for line in lines) if name}
    return {**inherited, **_allowed}


def check_named() -> None:
    """Whoever allows a class means it to fly. Raises UserError where nothing that was read so far names it."""
    idle = [name for name in _allowed if name not in _asked]
    if idle:
        raise UserError(
            f"{OPTION} {idle[0]}: no spacecraft of this scenario names it",
            hint=f"flight_software: {idle[0]} beside a spacecraft's design, or leave the option out",
        )


def _note(name: str, directory: str) -> None:
    """For this process, and for all that it starts."""
    _allowed[name] = directory
    os.environ[VARIABLE] = "\n".join(f"{where}/{one}" if where else one for one, where in allowed().items())


def find(name: str, beside: Path | None = None) -> Found:
    """The class `name`, if it may fly. `beside`: the directory of the file that names it. Raises Refused."""
    _asked.add(name)
    known = allowed()
    if name not in known:
        raise Refused(f"{name!r}", f"what the command line allows: {OPTION} {name}")
    if not known[name] and beside is not None:
        _note(name, str(beside.resolve()))
    return _load(name, _allowed.get(name, known[name]) or str(Path.cwd()))


@lru_cache(maxsize=64)
def _load(name: str, directory: str) -> Found:
    where, _, wanted = name.partition(":")
    if directory not in sys.path:
        sys.path.append(directory)  # at the end: nothing of ours or of Python's is taken for something else
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name is not None and (where == error.name or where.startswith(f"{error.name}.")):
            raise Refused(f"{name!r}", f"a module {where} in {directory}, or an installed one") from error
        raise _failed(name, "import", error) from error
    except (Exception, SystemExit) as error:
        raise _failed(name, "import", error) from error
    software = getattr(module, wanted, None)
    if software is None:
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        raise Refused(f"{name!r}", f"a class of {module.__file__}: {one_of(classes, wanted)}")
    if not isinstance(software, type):
        raise Refused(f"{name!r}, which is a {type(software).__name__}", "a class")
    _check_members(name, software)
    return Found(software, _digest(name, module))


def _check_members(name: str, software: type) -> None:
    """It has what the protocol asks for, and can be called as it will be."""
    missing = [member for member in CALLS if not callable(getattr(software, member, None))]
    if missing:
        raise Refused(
            f"{name!r} without {', '.join(missing)}", "a class with all members of node.fsw.protocol.Software"
        )
    for member, count in {"__init__": 3, **CALLS}.items():
        myself = member != "declare"  # which is called on the class
        try:
            inspect.signature(getattr(software, member)).bind(*[None] * (count + myself))
        except TypeError:
            found = f"{name!r} whose {member} cannot be called with {count} argument{'' if count == 1 else 's'}"
            raise Refused(found, "as node.fsw.protocol.Software has it; declare is a staticmethod") from None
        except ValueError:
            continue  # no signature to be had of something compiled


def _digest(name: str, module: ModuleType) -> str:
    """Over its module, or over all of its package."""
    top = sys.modules[module.__name__.partition(".")[0]]
    if hasattr(top, "__path__"):
        root = Path(next(iter(top.__path__)))
        files = sorted(root.rglob("*.py"))
    elif module.__file__:
        root, files = Path(module.__file__).parent, [Path(module.__file__)]
    else:
        raise Refused(f"{name!r} without a file", "flight software with sources")
    if len(files) > MAX_SOURCES or sum(file.stat().st_size for file in files) > MAX_SOURCE_BYTES:
        raise Refused(f"{name!r} in a package of {len(files)} files", f"at most {MAX_SOURCES}, and 32 MB")
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root).as_posix()}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def declared(name: str, software: type[Software], equipment: Equipment, devices: tuple[DeviceForm, ...]) -> Dictionary:
    """What the class says and understands on this equipment. Raises Refused where that is no dictionary."""
    try:
        words, again = (software.declare(equipment, devices) for _ in range(2))
        sound = isinstance(words, Dictionary) and isinstance(again, Dictionary)
    except (Exception, SystemExit) as error:
        raise _failed(name, "declare()", error) from error
    if not sound:
        raise Refused(f"{name!r} whose declare() gave a {type(words).__name__}", "a bus.dictionary.Dictionary")
    if words.version != again.version:
        raise Refused(f"{name!r} whose declare() differs from call to call", "a function of its arguments alone")
    for problem in problems(words):
        raise Refused(f"{name!r} whose dictionary has {problem.found}", "a dictionary that fits itself")
    return words.model_copy(update={"design": equipment.design})


def problems(words: Dictionary) -> list[Problem]:
    """What does not fit in a dictionary."""
    parameters = [p.name for p in words.parameters]
    structures, events = [s.name for s in words.structures], [e.name for e in words.events]
    found = [
        *_twice("parameters", parameters),
        *_twice("structures", structures),
        *_twice("structure ids", [str(s.id) for s in words.structures], "structures", structures),
        *_twice("events", events),
        *_twice("event ids", [str(e.id) for e in words.events], "events", events),
        *_twice("telecommands", [t.name for t in words.telecommands]),
        *_twice("on-board parameters", [p.name for p in words.on_board_parameters]),
    ]
    known = frozenset(parameters)
    for structure in words.structures:
        if not 0 <= structure.id <= 65535 or not 0 <= structure.service <= 255:
            wrong = f"structure {structure.name} with id {structure.id}, service {structure.service}"
            found.append(Problem(wrong, ("structures", structure.name)))
        if len(structure.parameters) > MAX_VALUES:
            wrong = f"structure {structure.name} with {len(structure.parameters)} values, more than {MAX_VALUES}"
            found.append(Problem(wrong, ("structures", structure.name)))
        found += [
            Problem(
                f"structure {structure.name} of {n!r}, no parameter", ("structures", structure.name, "parameters", at)
            )
            for at, n in enumerate(structure.parameters)
            if n not in known
        ]
    for event in words.events:
        if not 0 <= event.id <= 65535 or event.severity not in (1, 2, 3, 4):
            wrong = f"event {event.name} with id {event.id}, severity {event.severity}"
            found.append(Problem(wrong, ("events", event.name)))
        if len(event.arguments) > MAX_EVENT_ARGUMENTS:
            wrong = f"event {event.name} with more than {MAX_EVENT_ARGUMENTS} arguments"
            found.append(Problem(wrong, ("events", event.name)))
    found += [
        Problem(f"telecommand {t.name} with too many", ("telecommands", t.name))
        for t in words.telecommands
        if len(t.arguments) > MAX_ARGUMENTS
    ]
    return found


def _twice(what: str, names: Sequence[str], kind: str = "", entries: Sequence[str] = ()) -> list[Problem]:
    """`entries` of a kind that have these numbers, where it is not the entries' names."""
    if len(names) > MAX_DECLARED:
        return [Problem(f"{len(names)} {what}, more than {MAX_DECLARED}")]
    again = sorted({name for name in names if names.count(name) > 1}) if len(frozenset(names)) < len(names) else []
    if not again:
        return []
    second = [at for at, name in enumerate(names) if name == again[0]][1]
    return [Problem(f"{what} twice: {', '.join(again[:5])}", (kind, entries[second], "id") if entries else ())]


def _failed(name: str, what: str, error: BaseException) -> Refused:
    """Somebody's program has raised: where, and what."""
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}"
    else:
        own = (__file__, importlib.__file__)
        frames = [
            f for f in traceback.extract_tb(error.__traceback__) if f.filename not in own and f.filename[0] != "<"
        ]
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "no line of it"
    brief = str(error).splitlines()[0][:160] if str(error) else ""
    return Refused(f"{name!r}, whose {what} fails at {where}: {type(error).__name__}: {brief}", "one that loads")
