"""The process of one spacecraft or several: built from the scenario, their memory on disk, service on the bus.

`python -m node.process` takes everything from the environment, as a supervisor or a container gives it: SKYRACK_IDS
(with commas), SKYRACK_CONNECT (the bus's time endpoint), SKYRACK_KEYS (directory), and optionally SKYRACK_SCENARIO
(resolved JSON; without it the bus is asked) and SKYRACK_NVM (directory of the journals of non-volatile memory; without
it nothing is kept on disk).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bus.errors import EnvironmentFault, ScenarioError, SkyrackError
from bus.participant import Outbox
from bus.process import lifeline
from bus.process.participant import Build, Credentials, Service, another_release, run_participants
from bus.scenario.model import Scenario
from bus.sockets.keys import load_telecommand_key
from node.nvm_file import Journal


def serve_node(resolved: Scenario, spacecraft: str, nvm: Path | None, telecommand_key: bytes) -> Service:
    """The spacecraft `spacecraft` of a resolved scenario, ready to take part. Without a key it has the one of a run in
    one process."""
    from node.config import resolve  # noqa: PLC0415
    from node.node import assemble  # noqa: PLC0415

    node = assemble(resolve(resolved, spacecraft, telecommand_key), _tell)
    journal = Journal(nvm / f"{spacecraft}.nvm") if nvm is not None else None

    def begin(next_tick: int, restored: bool) -> None:
        """At the beginning of a run and after a snapshot the file follows the spacecraft; who comes into a run without
        a snapshot boots from its file."""
        if journal is None:
            return
        if next_tick and not restored:
            _tell(
                f"{spacecraft} boots at tick {next_tick} from its non-volatile memory, {len(journal.records)} records"
            )
            node.remember(journal.records, next_tick)
        else:
            journal.replace(node.parts.nvm.records())

    def commit(outbox: Outbox) -> None:
        if journal is not None:
            journal.commit(outbox.writes)

    return Service(
        node,
        resolved.tick_ns,
        resolved.range.snapshot_every_ticks,
        dictionary=node.dictionary.version,
        begin=begin,
        commit=commit,
        close=journal.close if journal is not None else lambda: None,
    )


def _tell(text: str) -> None:
    """To the log of this process in full, to whoever watches in one line."""
    lines = text.splitlines()
    lifeline.report("notice", {"text": ": ".join(dict.fromkeys((lines[0], lines[-1])))})
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def builder(keys: Path, nvm: Path | None, prepare: Callable[[Scenario], None] = lambda scenario: None) -> Build:
    """What builds the spacecraft of a process, from a scenario that is read once. `prepare` sees it before."""

    def build(identities: Sequence[str], content: bytes) -> list[Service]:
        from node.designs.load import read_resolved  # noqa: PLC0415

        try:
            scenario = read_resolved(content)
        except (ValueError, ScenarioError) as error:
            raise another_release(error) from error
        prepare(scenario)
        return [serve_node(scenario, each, nvm, load_telecommand_key(keys, each)) for each in identities]

    return build


def run_nodes(
    ids: Sequence[str], endpoint: str, keys: Path, scenario: bytes | None = None, nvm: Path | None = None
) -> int:
    """The whole process; gives the exit status."""
    party = [Credentials(identity, endpoint, keys) for identity in ids]
    return run_participants(party, builder(keys, nvm), scenario)


def from_environment(name: str) -> str:
    """A variable that must be set. EnvironmentFault if it is not."""
    value = os.environ.get(name, "")
    if not value:
        raise EnvironmentFault(f"{name} is not set", hint="`skyrack node --help` lists what a spacecraft needs")
    return value


def main() -> int:
    """From the environment to the exit status."""
    lifeline.bind_to_supervisor()
    try:
        scenario, nvm = os.environ.get("SKYRACK_SCENARIO"), os.environ.get("SKYRACK_NVM")
        ids, endpoint = from_environment("SKYRACK_IDS").split(","), from_environment("SKYRACK_CONNECT")
        keys = Path(from_environment("SKYRACK_KEYS"))
        text = Path(scenario).read_bytes() if scenario else None
    except OSError as error:
        lifeline.report_error(EnvironmentFault(f"cannot read the scenario: {error}", hint="see SKYRACK_SCENARIO"))
        return 2
    except SkyrackError as error:
        lifeline.report_error(error)
        return error.exit_status
    return run_nodes(ids, endpoint, keys, text, Path(nvm) if nvm else None)


if __name__ == "__main__":
    sys.exit(main())
