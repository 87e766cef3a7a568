"""Who gave a final account, and what is known of telecommands and telemetry from the accounts and the archive.

Unknown is not zero: without the account of whoever keeps a figure, and without the archive it is settled against, the
figure is None. What archive and trace hold is told in any case, as far as they reach.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bus.errors import DecodeError, SkyrackError
from bus.scenario.model import Scenario
from bus.wire.codec import decode, peek
from bus.wire.executor import EXECUTOR_ID
from bus.wire.messages import Account, Kind
from bus.wire.outside import FLIGHT_SOFTWARE, GATEWAY_ID
from faults.run_directory import BY_HAND, RunDirectory, read_run
from groundstation.archive.reader import ArchiveReader
from groundstation.config import GROUND_ID

Rows = tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """A participant without a final account: since which tick it gave no answer, and why as far as that is known."""

    id: str
    tick: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """Telemetry packets of one spacecraft; closed when generated = archived + retired + declared_lost + on_board.

    retired: archived, and deleted since as the scenario wants it. None: unknown.
    """

    generated: int | None
    archived: int | None
    declared_lost: int | None
    on_board: int | None
    retired: int | None = 0

    @property
    def unaccounted(self) -> int | None:
        """What the ledger cannot explain; 0 when it closes, None where a part of it is unknown."""
        if self.generated is None or self.archived is None or self.declared_lost is None or self.on_board is None:
            return None
        if self.retired is None:
            return None
        return self.generated - self.archived - self.retired - self.declared_lost - self.on_board


MAX_TIMING_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Archived:
    """What the archive holds, whole or not. `trouble`: why it is not what the ground wrote, empty if it is.

    packets: by spacecraft. telecommands: by state. from_timeline: telecommands of the timeline that were radiated.
    elsewhere: a ground started by hand keeps it where we cannot look; this is no trouble, and all the rest is unknown.
    """

    trouble: str = ""
    packets: Mapping[str, int] | None = None
    telecommands: Mapping[str, int] | None = None
    from_timeline: int | None = None
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """All of it. `counters` are the ground's own totals, empty without its account; `software`, by spacecraft, what was
    counted of flight software; `crosslinks`: of its optical terminals; `outside`: what the gateway to what is outside
    counted, and a spacecraft of its flight software there, empty without their accounts; `timing`: how long they took
    to answer, empty where it was not kept; `programs` and `told`: the same of the programs of jobs, what their executor
    counted and what they said."""

    counters: Mapping[str, float] = field(default_factory=dict)
    ledgers: Mapping[str, Ledger] = field(default_factory=dict)
    archived: Archived = Archived("it was not read")
    accounts: frozenset[str] = frozenset()
    software: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    crosslinks: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    outside: Mapping[str, float] = field(default_factory=dict)
    timing: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    programs: Mapping[str, float] = field(default_factory=dict)
    told: Sequence[Mapping[str, Any]] = ()


def read_books(directory: RunDirectory, scenario: Scenario, final: Sequence[bytes]) -> Books:
    """`final`: what was sent in the closing tick. Whatever is missing or damaged, it is said and not raised."""
    counters: dict[str, float] = {}
    software: dict[str, dict[str, float]] = {}
    crosslinks: dict[str, dict[str, float]] = {}
    outside: dict[str, float] = {}
    on_board = f"{FLIGHT_SOFTWARE}."
    programs: dict[str, float] = {}
    rows: dict[str, Rows] = {}
    for frame in final:
        if peek(frame).kind is not Kind.ACCOUNT:
            continue
        try:
            message = decode(frame)
        except DecodeError:
            continue  # no account: what it would have told stays unknown
        account: Account = message.body
        rows[message.source] = rows.get(message.source, ()) + account.rows
        if message.source == GROUND_ID:
            counters.update(account.counters)
        elif message.source == GATEWAY_ID:
            outside.update(account.counters)
        elif message.source == EXECUTOR_ID:
            programs.update(account.counters)
        else:
            software[message.source] = {k: n for k, n in account.counters.items() if k.startswith("software.")}
            mine = {f"{message.source}.{k}": n for k, n in account.counters.items() if k.startswith(on_board)}
            outside.update(mine)
            crosslinks[message.source] = {k: n for k, n in account.counters.items() if k.startswith("isl.")}
    try:
        archived, settled = _archive(directory, scenario, counters, rows)
    except SkyrackError as error:
        archived, settled = Archived(error.message), {}
    ledgers = {each.id: settled.get(each.id) or _partial(each.id, rows, counters) for each in scenario.spacecraft}
    return Books(
        counters, ledgers, archived, frozenset(rows), software, crosslinks, outside, _timing(directory), programs,
        _told(directory),
    )  # fmt: skip


def _timing(directory: RunDirectory) -> Mapping[str, Mapping[str, Any]]:
    kept = _beside(directory.outside)
    return {k: v for k, v in kept.items() if isinstance(v, dict)} if isinstance(kept, dict) else {}


def _told(directory: RunDirectory) -> Sequence[Mapping[str, Any]]:
    kept = _beside(directory.programs)
    return [row for row in kept if isinstance(row, dict)] if isinstance(kept, list) else []


def _beside(path: Path) -> object:
    """What lies beside the trace. Nothing is judged by it: a file that is damaged is as one that is not there."""
    try:
        with path.open("rb") as file:
            return json.loads(file.read(MAX_TIMING_BYTES))
    except (OSError, ValueError):
        return None


def _archive(
    directory: RunDirectory, scenario: Scenario, counters: Mapping[str, float], rows: Mapping[str, Rows]
) -> tuple[Archived, dict[str, Ledger]]:
    """What the archive holds, and the ledgers that can be settled: those of spacecraft that gave their account, where
    the ground gave its own and the archive holds what that says."""
    if not directory.archive.is_file():
        if GROUND_ID in rows and read_run(directory).get("started") == BY_HAND:
            return Archived(elsewhere=True), {}
        return Archived("there is none"), {}
    archive = ArchiveReader(directory.archive)
    if archive.scenario() not in {"", scenario.digest}:  # a ground that was lost at once wrote nothing yet
        return Archived("it is of another scenario"), {}
    packets: Counter[str] = Counter({each.id: 0 for each in scenario.spacecraft})
    for (spacecraft, _, _), count in archive.counts().items():
        packets[spacecraft] += count
    telecommands = archive.telecommands()
    states = Counter(str(row["state"]).lower() for row in telecommands)
    radiated = sum(row["origin"] == "timeline" and bool(row["transmissions"]) for row in telecommands)
    trouble = ""
    if GROUND_ID not in rows:
        trouble = "the ground gave no final account of it"
    for spacecraft, count in packets.items():
        meant = int(counters.get(f"{spacecraft}.archived", 0) - counters.get(f"{spacecraft}.retired", 0))
        if GROUND_ID in rows and count != meant:
            trouble = f"it holds {count:,} packets of {spacecraft}, the ground wrote {meant:,}"
    deleted: Counter[str] = Counter()
    for row in archive.retired():
        deleted[row.spacecraft] += row.packets
    for each in scenario.spacecraft:
        meant = int(counters.get(f"{each.id}.retired", 0))
        if GROUND_ID in rows and deleted[each.id] != meant:
            trouble = f"it says that {deleted[each.id]:,} packets of {each.id} were retired, the ground {meant:,}"
    settled = {}
    if not trouble:
        for each in scenario.spacecraft:
            if each.id in rows:
                streams = archive.settle(each.id, rows[each.id])
                settled[each.id] = Ledger(
                    generated=sum(stream.generated for stream in streams),
                    archived=sum(stream.archived for stream in streams),
                    declared_lost=sum(stream.declared_lost for stream in streams),
                    on_board=sum(stream.on_board for stream in streams),
                    retired=sum(stream.retired for stream in streams),
                )
    return Archived(trouble, packets, states, radiated), settled


def _partial(spacecraft: str, rows: Mapping[str, Rows], counters: Mapping[str, float]) -> Ledger:
    """A ledger that cannot be settled: what the spacecraft says of itself, and the ground of itself."""
    generated = sum(row[2] for row in rows[spacecraft]) if spacecraft in rows else None
    if GROUND_ID not in rows:
        return Ledger(generated, None, None, None, None)
    retired = int(counters.get(f"{spacecraft}.retired", 0))
    return Ledger(generated, int(counters.get(f"{spacecraft}.archived", 0)) - retired, None, None, retired)


def losses(
    scenario: Scenario, accounts: frozenset[str], answered: Mapping[str, int], ended: str, ticks: int
) -> list[Loss]:
    """Everybody without a final account. `answered`: the newest tick that each answered; `ended`: how the trace says
    that the run ended, empty if it has no end: then the bus itself was lost."""
    found = [] if ended else [Loss("bus", ticks, "the trace breaks off without an end")]
    outside = [GATEWAY_ID] if any(each.devices for each in scenario.spacecraft) else []
    outside += [EXECUTOR_ID] if any(each.programs for each in scenario.spacecraft) else []
    for id in (*(each.id for each in scenario.spacecraft), GROUND_ID, *outside):
        if id not in accounts:
            since = answered.get(id, -1) + 1
            reason = "no answer any more" if since < ticks else "the run ended before its final account"
            found.append(Loss(id, since, reason))
    return found
