"""Which scenario flies: a file, a shipped one, or one made from a catalogue; and what the user changes of it.

What flies is kept with the run, changes included: the text, and the scenario as resolved, which needs no other file.
`skyrack run <run>/scenario.json` repeats it anywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from bus.errors import ScenarioError, UnknownNameError, UserError, in_words
from bus.files import read_bounded
from bus.scenario.model import Scenario
from bus.text.files import decode, read_file
from bus.text.times import clock
from faults.oracle.lexer import close_names
from faults.scenarios.bundle import unpacked
from faults.scenarios.contacts import without_contact
from faults.scenarios.environment import part_of_profile
from faults.scenarios.from_catalogue import Flight, scenario_text
from faults.scenarios.load import load_text
from faults.scenarios.own_designs import Shelf, is_path
from faults.scenarios.procedures import check_resolved
from node.designs.load import read_resolved
from node.own_software import check_named

_NEVER = "or it never happens"  # how the reader ends its warning of a time after the end
RESOLVED = ".json"
MOST_BYTES = 256 * 1024 * 1024  # of a resolved scenario


@dataclass(frozen=True, slots=True)
class Chosen:
    """A scenario, the text it came from (None: resolved already), and what the user should know about it."""

    scenario: Scenario
    text: str | None
    notes: tuple[str, ...]


def choose(options: RunOptions) -> Chosen:
    """The scenario that was asked for, resolved. Raises UserError and its kin for everything wrong with it."""
    chosen = _chosen(options)
    check_named()
    return chosen


def _chosen(options: RunOptions) -> Chosen:
    notes: list[str] = []
    shelf = Shelf(options.designs, options.procedures)
    if options.tle is not None:
        if options.scenario:
            raise UserError("a scenario and --tle cannot both be flown", hint="leave one of them out")
        if not options.select:
            raise UserError("--tle needs --select", hint="for example --select 'STARCLOUD*'")
        shelf.find(options.design)
        design = str(Path(options.design).resolve()) if is_path(options.design) else options.design
        flight = Flight(design=design, stations=options.stations, epoch=options.epoch)
        text, notes = scenario_text(options.tle, options.select, flight)
        if not options.stations:
            notes.append("no stations, so nobody has a contact: --stations svalbard, for example")
        file = f"scenario made from {options.tle}"  # lines of mistakes are those of this text, not of the catalogue
    else:
        if not options.scenario:
            raise UserError("nothing to fly", hint="skyrack run first-light, or skyrack run --tle FILE --select NAME")
        path = find_scenario(options.scenario)
        if path.suffix == RESOLVED:
            return _again(_with_procedures(load_resolved(path), shelf), options)
        text, file = _read(path), str(path)
    if options.duration:
        text = _with(text, "duration", options.duration)
    if options.seed is not None:
        text = _with(text, "seed", str(options.seed))
    try:
        scenario = load_text(text, shelf, file=file)
    except ScenarioError as error:
        raise _blame(error, options) from None
    return Chosen(scenario, text, (*notes, *_in_brief(scenario), *without_contact(scenario), *_part_of_event(scenario)))


def _blame(error: ScenarioError, options: RunOptions) -> ScenarioError:
    """A mistake in what was given on the command line is that line's, not the file's."""
    given = {"duration": options.duration, "seed": "" if options.seed is None else str(options.seed)}
    moved = [
        replace(each, file=f"--{each.field}", line=0, column=0, field="") if given.get(each.field) else each
        for each in error.mistakes
    ]
    return ScenarioError(moved, hint=error.hint)


def _again(chosen: Chosen, options: RunOptions) -> Chosen:
    """A resolved scenario as it is, but for the seed. Its times are ticks already, and so is its duration."""
    if options.duration:
        raise UserError("a resolved scenario flies as long as it flew", hint="change the run's scenario.yaml instead")
    if options.seed is None:
        return chosen
    return replace(chosen, scenario=chosen.scenario.model_copy(update={"seed": options.seed}))


def _in_brief(scenario: Scenario) -> list[str]:
    """The scenario's warnings; several entries after the end are one, for who shortens a run knows what he does."""
    late = [warning for warning in scenario.warnings if warning.endswith(_NEVER)]
    if len(late) <= 1:  # one entry: its own line says where it stands
        return list(scenario.warnings)
    end = clock(scenario.duration_ns / 1e9)
    brief = f"{len(late)} entries of timeline and faults lie after the end ({end}) and never happen"
    return [
        *(warning for warning in scenario.warnings if not warning.endswith(_NEVER)),
        f"{brief}; `skyrack check` of the run's scenario.yaml lists them",
    ]


def _part_of_event(scenario: Scenario) -> list[str]:
    """Which peak flies of a solar event that outlasts the run."""
    part = part_of_profile(scenario.environment, scenario.duration_ns / 1e9)
    return [f"solar event {part}"] if part else []


def load_named(name: str, designs: tuple[Path, ...] = (), procedures: tuple[Path, ...] = ()) -> Chosen:
    """A scenario by path or name, as it is. `designs`: directories with a user's; `procedures`: files with a user's."""
    path, shelf = find_scenario(name), Shelf(designs, procedures)
    if path.suffix == RESOLVED:
        chosen = _with_procedures(load_resolved(path), shelf)
        check_named()
        return chosen
    text = _read(path)
    scenario = load_text(text, shelf, file=str(path))
    check_named()
    return Chosen(scenario, text, (*scenario.warnings, *without_contact(scenario), *_part_of_event(scenario)))


def _with_procedures(chosen: Chosen, shelf: Shelf) -> Chosen:
    """A resolved scenario, once the procedures that it begins are known."""
    check_resolved(chosen.scenario, shelf.known_procedures)
    return chosen


def load_resolved(path: Path) -> Chosen:
    """A resolved scenario, as every run's directory has one, or a campaign's bundle. Raises UserError
    where it is none of this release."""
    try:
        return Chosen(read_resolved(unpacked(read_bounded(path, MOST_BYTES), str(path))), None, ())
    except (OSError, ValueError, ScenarioError) as error:
        why = error.strerror if isinstance(error, OSError) else in_words(error)
        raise UserError(
            f"{path} is no resolved scenario of this release: {why}",
            hint="a run's directory has scenario.json, for the release that wrote it (`skyrack --version`); scenarios "
            "that people write end in .yaml",
        ) from error


def _read(path: Path) -> str:
    content = read_file(path, "scenario", hint="`skyrack list scenarios` shows the shipped ones")
    return decode(content, str(path))


def _with(text: str, key: str, value: str) -> str:
    """The scenario's text with another value of a top-level key; the line keeps its number."""
    if not re.fullmatch(r"[0-9A-Za-z .+-]{1,40}", value):
        raise UserError(f"{key} '{value}' is no value for a scenario", hint="such as 7, '90 min', '2 orbits'")
    line = re.compile(rf"^{key}[ \t]*:[^\n]*$", re.MULTILINE)
    if not line.search(text):
        return f"{text.rstrip()}\n{key}: {value}\n"
    return line.sub(f"{key}: {value}", text, count=1)


SCENARIOS = Path(__file__).resolve().parent


def shipped_scenarios() -> dict[str, Path]:
    """The scenarios that come with Skyrack, by name."""
    return {path.stem: path for path in sorted(SCENARIOS.glob("*.yaml"))}


def find_scenario(name: str) -> Path:
    """A path as it is, or a shipped scenario by its name. Raises UnknownNameError."""
    path = Path(name)
    if path.is_file() or path.suffix in (".yaml", ".yml", ".json") or "/" in name:
        return path
    shipped = shipped_scenarios()
    if name not in shipped:
        raise UnknownNameError(
            "scenario", name, close_names(name, shipped), hint=f"shipped: {', '.join(shipped)}; or give a file"
        )
    return shipped[name]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What was typed. Empty strings and None: not given."""

    scenario: str = ""
    in_process: bool = False
    pace: str = "free"
    duration: str = ""
    seed: int | None = None
    out: Path | None = None
    tle: Path | None = None
    select: tuple[str, ...] = ()
    design: str = "pathfinder"
    designs: tuple[Path, ...] = ()
    procedures: tuple[Path, ...] = ()
    stations: tuple[str, ...] = ()
    epoch: str = ""
    progress: bool = True
    as_json: bool = False
    per_process: int | None = None
    allow_exec: bool = False

    @property
    def programs(self) -> Path | None:
        """The folder from which programs of jobs may be run; None: none may."""
        return find_scenario(self.scenario).parent if self.allow_exec and self.scenario else None
