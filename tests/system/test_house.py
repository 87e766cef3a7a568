"""The walls of the house: who may import whom, what nobody may call, one file for zmq and one for the clock,
and files that stay small. Exceptions are listed here by name, with a reason; an exception nobody needs is an error too.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bus import constants

HOUSE = Path(__file__).resolve().parents[2]
ROOMS = ("bus", "node", "groundstation", "faults")
MAX_LINES = 400
MAX_COLUMNS = 120

MAY_IMPORT = {
    "bus": {"bus"},
    "node": {"bus", "node"},
    "groundstation": {"bus", "groundstation"},
    "faults": {"bus", "node", "groundstation", "faults"},
    "skyrack.py": {"bus", "node", "groundstation", "faults"},
    "skyrack_workload.py": set(),
}
"""Rooms a room may import from."""

WALLS: dict[str, set[str]] = {
    "bus.errors": set(),
    "bus.files": set(),
    "bus.constants": {"bus.errors"},
    "bus.draws": set(),
    "bus.pus": set(),
    "bus.space_packets": {"bus.errors", "bus.pus"},
    "bus.clock": {"bus.errors"},
    "bus.dictionary": {"bus.errors"},
    "bus.wire": {"bus.errors", "bus.pus"},
    "bus.participant": {"bus.wire"},
    "bus.snapshot": {"bus.errors", "bus.wire"},
    "bus.trace": {"bus.errors", "bus.files", "bus.wire", "bus.participant"},
    "bus.lockstep": {"bus.errors", "bus.wire", "bus.participant", "bus.trace"},
    "bus.sockets": {"bus.errors", "bus.wire"},
    "bus.process": {
        "bus.errors",
        "bus.draws",
        "bus.clock",
        "bus.wire",
        "bus.participant",
        "bus.lockstep",
        "bus.sockets",
    },
    "bus.web": {"bus.errors", "bus.clock", "bus.wire", "bus.process", "bus.sockets"},
    "bus.binary": {"bus.errors", "bus.dictionary", "bus.wire"},
    "bus.telecommand_check": {
        "bus.errors",
        "bus.dictionary",
        "bus.on_board_steps",
        "bus.pus",
        "bus.text",
        "bus.wire",
    },
    "bus.condition": {"bus.errors", "bus.dictionary", "bus.text"},
    "bus.own_structures": {"bus.dictionary", "bus.pus"},
    "bus.on_board_steps": {
        "bus.condition",
        "bus.errors",
        "bus.dictionary",
        "bus.pus",
        "bus.telecommand_check",
        "bus.text",
        "bus.wire",
    },
    "bus.text": {"bus.constants", "bus.errors", "bus.wire"},
    "bus.scenario": {"bus.constants", "bus.errors", "bus.text", "bus.wire"},
    "bus.orbits": {"bus.constants", "bus.errors", "bus.scenario", "bus.text"},
    "node.plant": {"bus.draws", "bus.constants"},
    "node.designs": {"bus", "node.plant"},
    "node.hil": {"bus", "node.devices", "node.truth", "node.fsw.boot"},
    "node.foreign": {"bus", "node.devices", "node.fsw", "node.computer"},
    "node.executor": {"bus", "node.devices", "node.truth"},
    "node.devices": {"bus", "node.truth"},
    "node.fsw": {"bus", "node.devices.device", "node.devices.equipment", "node.devices.nvm"},
    "node.fdir": {"bus", "node.plant", "node.designs", "node.devices", "node.fsw"},
    "node.injection": {"bus", "node.devices", "node.fsw", "node.computer", "node.truth"},
    "groundstation.config": {"bus"},
    "groundstation.contacts": {"bus", "groundstation.config"},
    "groundstation.commanding": {"bus", "groundstation.config"},
    "groundstation.telemetry": {"bus", "groundstation.config"},
    "groundstation.archive": {"bus", "groundstation.config"},
    "groundstation.procedures": {"bus", "groundstation.config"},
    "groundstation.alarms": {"bus", "groundstation.config"},
    "groundstation.api": {"bus", "groundstation"},
    "groundstation.console": {"bus", "groundstation.api"},
    "faults.run_directory": {"bus"},
    "faults.oracle": {"bus"},
    "faults.catalogue": {"bus"},
    "faults.scenarios": {"bus", "node", "groundstation", "faults.catalogue", "faults.oracle"},
    "faults.recording": {"bus", "groundstation", "faults.oracle", "faults.catalogue", "faults.run_directory"},
    "faults.report": {"bus", "faults.oracle", "faults.recording"},
    "faults.export": {"bus", "groundstation", "faults.recording", "faults.run_directory"},
}
"""What a package, or a module at the top of a room, may import besides itself. Who is not named here may import what
its room may: `bus.process`, `faults.run`, `faults.live` and `faults.commands` stand above the others of their room."""
ABOVE = {
    "faults.run": {"faults.live", "faults.commands", "faults.campaign", "faults.plugin", "faults.fork"},
    "faults.campaign": {"faults.live", "faults.commands", "faults.plugin", "faults.fork"},
    "faults.fork": {"faults.commands", "faults.plugin", "faults.campaign", "faults.why"},
    "faults.why": {"faults.commands", "faults.plugin", "faults.campaign"},
    "faults.plugin": {"faults.live", "faults.commands", "faults.campaign", "faults.search"},
    "faults.search": {"faults.live", "faults.commands", "faults.campaign", "faults.fork", "faults.why"},
    "faults.live": {"faults.commands", "faults.campaign"},
    "faults.fleet": {"faults.live", "faults.commands", "faults.campaign", "faults.plugin", "faults.fork"},
    "node.fsw.component": {"node.fsw.services", "node.fsw.managers", "node.fsw.software"},
    "node.fsw.services": {"node.fsw.managers", "node.fsw.software"},
    "node.fsw.managers": {"node.fsw.software"},
    "groundstation.api": {"groundstation.console"},
    "groundstation.archive": {"groundstation.api"},
    "groundstation.commanding": {"groundstation.api"},
}
"""What the upper packages of the test bench, and the layers of flight software, must not import."""

LONG_FILES: dict[str, str] = {}
"""Files above MAX_LINES, each with its reason."""

CLOCK_FILE = "bus/clock.py"
ZMQ_FILE = "bus/sockets/zeromq.py"
PLANT_MAY_IMPORT = {"numpy", "numba", "llvmlite", "sgp4", "bus.constants", "bus.draws", "node.plant"}
NO_NUMBA = ("bus", "groundstation")

BANNED_MODULES = {
    "random": "draws come from bus/draws.py",
    "secrets": "keys come from CURVE (bus/sockets/keys.py)",
    "pickle": "scenarios and messages are data, never code",
    "marshal": "scenarios and messages are data, never code",
    "shelve": "it pickles",
}
ALLOWED_BANNED_MODULES: dict[tuple[str, str], str] = {}
BANNED_CALLS = {
    r"time\.(time|time_ns|monotonic|monotonic_ns|perf_counter|perf_counter_ns|process_time|sleep)": CLOCK_FILE,
    r"datetime\.(now|utcnow|today)|datetime\.datetime\.(now|utcnow|today)|date\.today": CLOCK_FILE,
    r"(loop|get_running_loop\(\)|get_event_loop\(\))\.time": CLOCK_FILE,
    r"asyncio\.wait_for": "",
    r"(asyncio|loop)\.(create_task|ensure_future)": "",
    r"yaml\.(load|load_all|full_load|unsafe_load)": "",
    r"(np|numpy)\.random(\..*)?": "",
    r"os\.fork|os\.forkpty": "",
    r"eval|exec": "",
    r"os\.system|os\.popen": "",
}
"""Regular expression of a dotted call -> the one file that may use it ("" for none)."""


def product_files() -> list[Path]:
    """Every Python file that ships."""
    doors = (HOUSE / "skyrack.py", HOUSE / "skyrack_workload.py")
    return [*doors, *(p for room in ROOMS for p in sorted((HOUSE / room).rglob("*.py")))]


def relative(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(dotted module, line) of every import, wherever it stands; `from a import b` gives a.b too, b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import on line {node.lineno}"
            yield node.module or "", node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def calls(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def within(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(name + ".") or name.startswith(module + ".") for name in allowed)


FILES = pytest.mark.parametrize("path", product_files(), ids=relative)


@FILES
def test_rooms_import_only_their_neighbours(path: Path) -> None:
    room = relative(path).split("/")[0]
    for module, line in imports(tree_of(path)):
        top = module.split(".")[0]
        if top in ROOMS:
            assert top in MAY_IMPORT[room], f"{relative(path)}:{line}: {room} must not import {module}"
        assert top != "skyrack" or room == "skyrack.py", f"{relative(path)}:{line}: nobody imports the front door"


@FILES
def test_the_plant_knows_numbers_only_and_flight_software_never_sees_truth(path: Path) -> None:
    name = relative(path)
    for module, line in imports(tree_of(path)):
        if name.startswith("node/plant/"):
            top = module.split(".")[0]
            known = top in sys.stdlib_module_names or within(module, PLANT_MAY_IMPORT)
            assert known, f"{name}:{line}: the plant must not import {module}"
        if name.startswith("node/fsw/"):
            assert not module.startswith("node.plant"), f"{name}:{line}: flight software sees readings, never truth"
            assert module.split(".")[0] != "numba", f"{name}:{line}: rules are plain scalar functions"
        if name.startswith(NO_NUMBA):
            assert module.split(".")[0] not in ("numba", "llvmlite"), (
                f"{name}:{line}: {module} costs start-up and memory"
            )


@FILES
def test_packages_import_only_what_is_below_them(path: Path) -> None:
    name = relative(path)
    module = name.removesuffix(".py").replace("/", ".")
    for package, allowed in WALLS.items():
        if within(module, {package}) and module.count(".") >= package.count("."):
            for imported, line in imports(tree_of(path)):
                if imported.split(".")[0] in ROOMS and imported not in ROOMS:
                    assert within(imported, allowed | {package}), f"{name}:{line}: {package} must not import {imported}"
    for package, banned in ABOVE.items():
        if within(module, {package}):
            for imported, line in imports(tree_of(path)):
                assert not within(imported, banned) or imported == "faults", (
                    f"{name}:{line}: {package} must not import {imported}"
                )


def test_every_package_says_what_may_live_there() -> None:
    folders = sorted({path.parent for path in product_files()} - {HOUSE})
    for folder in folders:
        words = ast.get_docstring(tree_of(folder / "__init__.py")) if (folder / "__init__.py").exists() else None
        assert words and len(words.split()) > 5, f"{relative(folder)} does not say what may live there"
    for package in [*WALLS, *ABOVE]:
        place = HOUSE / package.replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").is_file() or package == "bus.constants", f"no {package}"


@FILES
def test_prose_names_no_other_file(path: Path) -> None:
    """Names of files in prose rot. A folder's name and an import say where a thing is."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = re.search(r"\b[\w/]+\.py\b(?!_)", line)
        assert not found or "tests/oracles/" in line, f"{relative(path)}:{number}: names {found and found[0]}"


@FILES
def test_zmq_and_the_clock_have_one_file_each(path: Path) -> None:
    name = relative(path)
    for module, line in imports(tree_of(path)):
        if module.split(".")[0] == "zmq":
            assert name == ZMQ_FILE, f"{name}:{line}: zmq is imported in {ZMQ_FILE} only"
        if module in ("time.time", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.sleep"):
            assert name == CLOCK_FILE, f"{name}:{line}: the clock is read in {CLOCK_FILE} only"


@FILES
def test_nothing_banned_is_imported_or_called(path: Path) -> None:
    name, tree = relative(path), tree_of(path)
    for module, line in imports(tree):
        top = module.split(".")[0]
        if top in BANNED_MODULES and (name, top) not in ALLOWED_BANNED_MODULES:
            pytest.fail(f"{name}:{line}: {top} is banned: {BANNED_MODULES[top]}")
    for call, line in calls(tree):
        for pattern, allowed_in in BANNED_CALLS.items():
            if re.fullmatch(pattern, call) and name != allowed_in:
                pytest.fail(f"{name}:{line}: {call} is banned{f' outside {allowed_in}' if allowed_in else ''}")


@FILES
def test_files_are_small_say_what_they_are_for_and_postpone_annotations(path: Path) -> None:
    name, text = relative(path), path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) <= MAX_LINES or name in LONG_FILES, f"{name} has {len(lines)} lines; split it by purpose"
    tree = tree_of(path)
    assert ast.get_docstring(tree), f"{name} does not say what it is for"
    if path.name != "__init__.py" and len(lines) > 5:
        assert ("__future__", "annotations") in {
            (node.module, alias.name) for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
        }, f"{name} lacks `from __future__ import annotations`"


@FILES
def test_sets_are_not_iterated(path: Path) -> None:
    """`for x in {…}` or over set(...) gives an order that differs from process to process. Sorted is fine."""
    for node in ast.walk(tree_of(path)):
        loops = [node.iter] if isinstance(node, ast.For | ast.comprehension) else []
        for iterated in loops:
            is_set = isinstance(iterated, ast.Set | ast.SetComp) or (
                isinstance(iterated, ast.Call) and ast.unparse(iterated.func) in ("set", "frozenset")
            )
            assert not is_set, f"{relative(path)}:{iterated.lineno}: iterates a set"


def test_every_exception_is_still_needed() -> None:
    for name in LONG_FILES:
        assert len((HOUSE / name).read_text(encoding="utf-8").splitlines()) > MAX_LINES, f"{name} no longer needs it"
    for name, module in ALLOWED_BANNED_MODULES:
        found = {m.split(".")[0] for m, _ in imports(tree_of(HOUSE / name))}
        assert module in found, f"{name} no longer imports {module}"


def test_facts_of_nature_stand_once() -> None:
    """A number of `bus.constants` written anywhere else would one day differ from it."""
    facts = {value for name, value in vars(constants).items() if isinstance(value, float) and name != "DAY_S"}
    found = [
        f"{path.relative_to(HOUSE)}:{node.lineno}: {node.value}"
        for path in product_files()
        if path != Path(constants.__file__)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value in facts
    ]
    assert found == []


def test_the_tree_holds_no_absolute_paths_and_no_unfinished_business() -> None:
    pattern = re.compile(r"/(work|home|root|Users)/|raise NotImplementedError|TODO|FIXME|XXX")
    found = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in product_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)


def test_the_walls_stand_at_run_time_too() -> None:
    """Importing the bus and the ground must not pull numba, nor anything of another room."""
    program = (
        "import importlib, pkgutil, sys\n"
        "import bus, groundstation\n"
        "for package in (bus, groundstation):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('numba', 'llvmlite', 'node', 'faults')]\n"
        "print(bad)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


def test_the_rules_themselves_catch_what_they_should() -> None:
    tree = ast.parse("import time\nfrom zmq import asyncio\ntime.monotonic()\nloop.create_task(x)\nnp.random.rand()\n")
    assert ("zmq.asyncio", 2) in list(imports(tree))
    caught = [call for call, _ in calls(tree) if any(re.fullmatch(pattern, call) for pattern in BANNED_CALLS)]
    assert caught == ["time.monotonic", "loop.create_task", "np.random.rand"]
