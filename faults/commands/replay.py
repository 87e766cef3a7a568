"""`skyrack replay`: one spacecraft again, from its recorded inbox, compared with its recorded answers bit for bit.

Bits are promised for one set of versions and one CPU feature set; where the recording's differ from this machine's,
that is said first, and a difference is then no alarm.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bus.errors import ANSWERED_NO, UnknownNameError, UserError
from bus.lockstep.ticks import answer
from bus.participant import Participant
from bus.scenario.model import Scenario
from bus.sockets.keys import BUNDLE, has_telecommand_key, is_bundle, load_public, load_telecommand_key
from bus.trace.reader import TraceReader
from bus.trace.writer import TraceHeader, cpu_digest
from bus.wire.executor import EXECUTOR_ID
from bus.wire.outside import GATEWAY_ID
from faults.oracle.lexer import close_names
from faults.recording.read import check_same, read_scenario
from faults.recording.summary import changes_since
from faults.run.compose import build_ground, build_node
from faults.run.director import DIRECTOR_ID, Director
from faults.run.warm import warm_up
from faults.run_directory import RunDirectory, keys_of, open_run, read_run
from groundstation.config import GROUND_ID
from node.designs.load import with_designs


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it. first_difference: tick of the first digest that differs, None if none does. damage: why the
    trace is not whole, empty if it is."""

    participant: str
    ticks: int
    compared: int
    first_difference: int | None
    recorded: str
    got: str
    differences: tuple[str, ...]
    damage: str

    @property
    def same(self) -> bool:
        """Whether it did the same, to the bit, as far as the trace can be read."""
        return self.first_difference is None and self.compared > 0

    @property
    def exit_status(self) -> int:
        """4 if it did something else; 3 if that cannot be said of the whole run."""
        if self.first_difference is not None:
            return ANSWERED_NO
        return 3 if self.damage or not self.compared else 0


def replay(path: Path, participant: str, keys: Path | None = None) -> Replayed:
    """Step `participant` through the whole recording. `keys`: where those of its telecommands are, if not where the run
    says or beside it. Raises UserError for a run, a participant or a key there is not."""
    directory = open_run(path)
    scenario = with_designs(read_scenario(directory))
    with TraceReader(directory.trace) as reader:
        check_same(reader.header, scenario, directory)
        damage = reader.damage()
        ids = [entry.id for entry in reader.header.participants]
        if participant not in ids:
            raise UnknownNameError("participant", participant, close_names(participant, ids), hint=", ".join(ids))
        differences = _surroundings(reader.header)
        twin = _build(scenario, participant, directory, keys)
        ticks = compared = 0
        for stepped in reader.steps(participant):
            ticks += 1
            outbox = twin.step(stepped.moment, stepped.inbox)
            if stepped.answer is None or not stepped.answer.digest:
                continue
            compared += 1
            digest = answer(participant, stepped.moment, outbox).digest
            if digest != stepped.answer.digest:
                recorded, got = stepped.answer.digest.hex(), digest.hex()
                return Replayed(participant, ticks, compared, stepped.moment.tick, recorded, got, differences, damage)
    return Replayed(participant, ticks, compared, None, "", "", differences, damage)


def replay_command(path: Path, participant: str, *, as_json: bool, keys: Path | None = None) -> int:
    """Exit status 0 if it did the same, 4 if not, 3 if the trace is not whole or has nothing to compare."""
    warm_up(with_designs(read_scenario(open_run(path))), lambda text: _say(text, as_json))
    result = replay(path, participant, keys)
    if as_json:
        content = {
            "participant": result.participant,
            "same": result.same,
            "ticks": result.ticks,
            "compared": result.compared,
            "first_difference": result.first_difference,
            "recorded": result.recorded,
            "got": result.got,
            "differences": list(result.differences),
            "damage": result.damage,
        }
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return result.exit_status
    for difference in result.differences:
        _say(f"note: {difference}", as_json)
    if result.first_difference is not None:
        _say(
            f"{participant}: differs at tick {result.first_difference} (recorded {result.recorded}, now {result.got})"
            + ("; see the notes above" if result.differences else ""),
            as_json,
        )
    elif result.compared:
        rest = " as far as the trace can be read" if result.damage else ""
        _say(f"{participant}: {result.compared:,} ticks, the same to the bit{rest}", as_json)
    else:
        _say(f"{participant}: nothing to compare, it never answered", as_json)
    if result.damage:
        sys.stderr.write(f"error: {result.damage}\n")
    return result.exit_status


def _say(text: str, as_json: bool) -> None:
    (sys.stderr if as_json else sys.stdout).write(text + "\n")


def _build(scenario: Scenario, participant: str, directory: RunDirectory, given: Path | None) -> Participant:
    if participant == DIRECTOR_ID:
        return Director(scenario)
    if participant in {GATEWAY_ID, EXECUTOR_ID}:
        what = "devices outside said" if participant == GATEWAY_ID else "programs did"
        raise UserError(f"what {what} is in the trace; they do not fly again", hint="replay a spacecraft")
    at = keys_of(directory)  # processes have keys; a run in one process has none
    places = [] if at is None else _bundles(given) if given is not None else [at, *_bundles(_secrets(directory))]
    if participant == GROUND_ID:
        keys = None if at is None else {s.id: _signing(directory, places, s.id) for s in scenario.spacecraft}
        return build_ground(scenario, keys, directory.own_procedures)
    return build_node(scenario, participant, b"" if at is None else _signing(directory, places, participant))


def _secrets(directory: RunDirectory) -> Path:
    """Where `skyrack compose` puts the secrets of containers whose run is in out/<run>."""
    return directory.path.resolve().parent.parent / "keys"


def _bundles(place: Path) -> list[Path]:
    """The place itself, and the secrets in it."""
    return [place, *sorted(place.glob(f"*{BUNDLE}"))]


def _signing(directory: RunDirectory, places: Sequence[Path], spacecraft: str) -> bytes:
    """The key of its telecommands, from the first place that has it. UserError if none has, or it is another run's."""
    place = next((one for one in places if _there(one) and has_telecommand_key(one, spacecraft)), None)
    if place is None:
        raise UserError(
            f"the key of {spacecraft}'s telecommands is not in {places[0]}, and a replay needs it",
            hint="--keys names the directory with the keys or secrets that the run was flown with",
        )
    bus = read_run(directory).get("bus_key")
    if bus is not None and load_public(place, "bus").decode() != bus:
        raise UserError(
            f"the keys in {place} are of another run: they were made anew", hint="--keys names the old ones"
        )
    return load_telecommand_key(place, spacecraft)


def _there(place: Path) -> bool:
    return place.is_dir() or is_bundle(place)


def _surroundings(header: TraceHeader) -> tuple[str, ...]:
    """How this machine differs from the one that recorded."""
    found = []
    if header.cpu and header.cpu != cpu_digest():
        found.append("recorded on a CPU with other features: equal bits are not promised")
    return (*found, *(f"{change}: equal bits are not promised" for change in changes_since(header.versions)))
