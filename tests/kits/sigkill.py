"""A ground and a spacecraft of which one is a process that is killed (kill -9) again and again while it writes.

`python -m tests.kits.sigkill WHO FOLDER KILLS SEED` with WHO one of `ground`, `retention` (the ground, and
its archive keeps little), `node` (all in lockstep: a new process gets the snapshot and replays, as the conductor does)
and `file` (a spacecraft that boots from its file alone, as in a paced run). Prints what was found as JSON. A program of
its own, because it forks.

What is killed writes with the real writers: the archive (SQLite) and the journal of non-volatile memory.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from hashlib import blake2b
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from bus.participant import Moment, Outbox
from bus.wire.codec import decode, encode
from bus.wire.messages import Account, Allocation, Message, OperatorRequest, TelemetryAck
from groundstation.archive.writer import Archive
from groundstation.config import CommandRules, GroundConfig, RetentionRules, SpacecraftPlan
from groundstation.ground import Ground
from node.nvm_file import Journal, copies_of, read_journal
from tests.kits.fake_spacecraft import TICK_NS, Flight
from tests.kits.ground_kit import EQUATOR, circular

SNAPSHOT_TICKS = 5
GROUNDS = ("ground", "retention")
RETENTION = RetentionRules(age_s=12.0, size_bytes=6_000, chunk_rows=8, rows_per_tick=16)
TICKS_A_KILL = {"ground": 3, "retention": 3, "node": 3, "file": 13}
"""A spacecraft that boots from its file takes five of them for that."""
ARCHIVE, NVM = "archive.sqlite", "sat-1.nvm"
RULES = CommandRules(window=8, retransmit_s=6.0, lifetime_s=1e7, patience_s=1e7)


class Answer(NamedTuple):
    """What a process says of a tick."""

    frames: list[bytes]
    writes: list[tuple[str, bytes | None]]
    records: int
    snapshot: bytes

    @property
    def digest(self) -> bytes:
        """Of all that leaves."""
        return blake2b(repr((self.frames, self.writes, self.records)).encode(), digest_size=16).digest()


def spacecraft() -> Flight:
    flight = Flight(acknowledge=False)
    flight.plant.set("station_visible[0]", 1)
    return flight


def ground(flight: Flight, retention: RetentionRules) -> Ground:
    plan = SpacecraftPlan("sat-1", circular(35_786e3, 0.0, 0.3), flight.dictionary, flight.config.telecommand_key)
    return Ground(
        GroundConfig(
            epoch_utc="2026-03-01T00:00:00Z", tick_ns=TICK_NS, duration_ns=10**15, scenario_digest="0" * 32,
            stations=(EQUATOR.model_copy(update={"id": "north", "mask_rad": -1.5}),), spacecraft=(plan,), timeline=(),
            command=RULES, retention=retention,
        )
    )  # fmt: skip


class Part:
    """A participant with its file: one step is committed before it is answered."""

    def __init__(self, participant: Any, commit: Callable[[Outbox], None]) -> None:
        self.participant, self._commit = participant, commit

    def step(self, tick: int, inbox: Sequence[bytes], closing_tick: bool = False) -> Answer:
        moment = Moment(tick, tick * TICK_NS, (tick + 1) * TICK_NS, closing=closing_tick)
        outbox = self.participant.step(moment, [decode(frame) for frame in inbox])
        self._commit(outbox)
        snapshot = self.participant.save() if tick % SNAPSHOT_TICKS == SNAPSHOT_TICKS - 1 else b""
        return Answer([encode(m) for m in outbox.messages], list(outbox.writes), len(outbox.records), snapshot)


def ground_part(folder: Path, who: str) -> Part:
    archive = Archive(folder / ARCHIVE)
    rules = RETENTION if who == "retention" else RetentionRules()
    return Part(ground(spacecraft(), rules), lambda outbox: archive.write(outbox.records))


def node_part(folder: Path, snapshot: bytes | None, next_tick: int = 0, *, from_file: bool = False) -> Part:
    node, journal = spacecraft().node, Journal(folder / NVM)
    if from_file:
        node.remember(journal.records, next_tick)
    else:
        if snapshot is not None:
            node.restore(snapshot)
        journal.replace(node.parts.nvm.records())
    return Part(node, lambda outbox: journal.commit(outbox.writes))


class Killed:
    """The same part in a process of its own, that is killed and comes back."""

    def __init__(self, folder: Path, who: str, random: Random) -> None:
        self._folder, self._who, self._random = folder, who, random
        self._snapshot: tuple[int, bytes] | None = None
        self._since: list[tuple[int, list[bytes], bytes]] = []
        self.kills = self.replayed = self.in_time = self.torn = 0
        self._pid, self._pipe = self._start(0)

    def step(self, tick: int, inbox: list[bytes], *, kill: bool, closing_tick: bool = False) -> Answer | None:
        """The answer; None (file) where the process died before it gave one."""
        self._pipe.send((tick, inbox, closing_tick))
        answer = None
        if kill:
            for _ in range(int(self._random.random() ** 2 * 20_000)):
                pass  # anywhere in the step, the commit, or after it
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self.kills += 1
            answer = self._last_word()
            self.in_time += answer is not None
            self._pipe.close()
            self._check_file()
            if self._who != "file":
                self._come_back()
                repeated = self._ask(tick, inbox, closing_tick)
                assert answer is None or answer.digest == repeated.digest, "what it says again is something else"
                answer = repeated
            else:
                self._pid, self._pipe = self._start(tick + 1)
        else:
            answer = self._pipe.recv()
        if answer is not None:
            self._since.append((tick, inbox, answer.digest))
            if answer.snapshot:
                self._snapshot, self._since = (tick, answer.snapshot), []
        return answer

    def end(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def _last_word(self) -> Answer | None:
        try:
            found: Answer | None = self._pipe.recv() if self._pipe.poll() else None
        except (EOFError, OSError):
            return None  # killed in the middle of its answer
        return found

    def _check_file(self) -> None:
        """What lies on the disk now is whole, and of non-volatile memory one of the two copies is enough.

        Copies that differ were struck by the kill itself, between the writing of one and the other; a second failure
        may then cost the step that nobody has been told of, so one more is done only to copies that agree.
        """
        if self._who in GROUNDS:
            with closing(sqlite3.connect(self._folder / ARCHIVE)) as connection:
                assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
                _check_retired(connection)
        else:
            whole = read_journal(self._folder / NVM)
            copies = copies_of(self._folder / NVM)
            content = copies[0].read_bytes()
            if copies[1].read_bytes() == content:
                copies[self.kills % 2].write_bytes(content[: int(self._random.random() * (len(content) + 1))])
                self.torn += 1
            assert read_journal(self._folder / NVM) == whole

    def _come_back(self) -> None:
        """As the conductor does: the snapshot, then every tick since, whose answers must be the same."""
        self._pid, self._pipe = self._start(0)
        for tick, inbox, digest in self._since:
            assert self._ask(tick, inbox, False).digest == digest, f"tick {tick}: another answer than before"
            self.replayed += 1

    def _ask(self, tick: int, inbox: list[bytes], closing_tick: bool) -> Answer:
        self._pipe.send((tick, inbox, closing_tick))
        answer: Answer = self._pipe.recv()
        return answer

    def _start(self, next_tick: int) -> tuple[int, Connection]:
        ours, theirs = get_context("fork").Pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            theirs.close()
            return pid, ours
        try:
            ours.close()
            self._serve(theirs, next_tick)
        finally:
            os._exit(1)
        raise AssertionError

    def _serve(self, pipe: Connection, next_tick: int) -> None:
        snapshot = self._snapshot[1] if self._snapshot else None
        if self._who in GROUNDS:
            part = ground_part(self._folder, self._who)
            if snapshot is not None:
                part.participant.restore(snapshot)
        else:
            boots_from_file = self._who == "file" and next_tick > 0
            part = node_part(self._folder, snapshot, next_tick, from_file=boots_from_file)
        while True:
            pipe.send(part.step(*pipe.recv()))


def wish(tick: int) -> bytes:
    body = OperatorRequest(
        token=tick, spacecraft="sat-1", name="payload.power_cap", arguments={"power_w": 100.0 + tick / 8.0}
    )
    return encode(Message(tick * TICK_NS, "operator", tick, "ground", body))


def fly(who: str, folder: Path, kills: int, random: Random, like: str = "") -> dict[str, Any]:
    """A flight with so many kills of `who` (empty: of nobody, and else as it is with `like`). Gives what is left."""
    folder.mkdir(parents=True, exist_ok=True)
    killed = Killed(folder, who, random) if who else None
    here = {"ground": None if who in GROUNDS else ground_part(folder, who or like),
            "node": None if who in ("node", "file") else node_part(folder, None)}  # fmt: skip
    trace = blake2b(digest_size=16)
    mail: dict[str, list[bytes]] = {"ground": [], "node": []}
    acknowledged: dict[tuple[int, int], int] = {}
    pointing = b""
    pace = TICKS_A_KILL.get(who, 3)
    ticks = pace * kills
    final: dict[str, list[bytes]] = {}
    for tick in range(ticks + 1):
        last = tick == ticks
        if tick % 3 == 0 and not last:
            mail["ground"].append(wish(tick))
        sent: dict[str, list[bytes]] = {"ground": [], "node": []}
        for name, part in here.items():
            if part is not None:
                answer: Answer | None = part.step(tick, mail[name], last)
            else:
                assert killed is not None
                kill = tick % pace == pace - 1 and not last
                answer = killed.step(tick, mail[name], kill=kill, closing_tick=last)
            if answer is None:  # it comes back from its file, and the antenna still points at it
                sent["node"].insert(0, pointing)
                continue
            trace.update(answer.digest)
            final[name] = answer.frames
            for frame in answer.frames:
                message = decode(frame)
                if message.destination in ("ground", "sat-1"):
                    sent["ground" if message.destination == "ground" else "node"].append(frame)
                pointing = frame if isinstance(message.body, Allocation) else pointing
                if isinstance(message.body, TelemetryAck):
                    acknowledged[message.body.boot, message.body.stream] = message.body.below
        mail = sent
    if killed is not None:
        killed.end()
    rows = [row for frame in final["node"] for row in _account(frame)]
    return {
        "kills": killed.kills if killed else 0,
        "replayed": killed.replayed if killed else 0,
        "answered_before_it_died": killed.in_time if killed else 0,
        "torn": killed.torn if killed else 0,
        "trace": trace.hexdigest(),
        "archive": _dump(folder / ARCHIVE),
        "journal": blake2b(repr(sorted(read_journal(folder / NVM).items())).encode(), digest_size=16).hexdigest(),
        "boots": 1 + max(boot for boot, _, _, _ in rows),
        **_ledger(folder / ARCHIVE, rows, acknowledged),
    }


def _check_retired(connection: sqlite3.Connection) -> None:
    """At any moment what is retired is not there, and nothing else is missing but what was declared lost."""
    for boot, stream, count, end, until_ns in connection.execute(
        "SELECT boot, stream, packets, below, until_ns FROM retired"
    ).fetchall():
        key = (boot, stream)
        query = "SELECT COUNT(*) FROM {} WHERE boot=? AND stream=? AND received_ns<=?"
        for table in ("packets", "events"):
            assert connection.execute(query.format(table), (*key, until_ns)).fetchone() == (0,), f"{key} in {table}"
        rows = connection.execute("SELECT sequence FROM packets WHERE boot=? AND stream=? AND sequence<?", (*key, end))
        gaps = connection.execute("SELECT first, last FROM gaps WHERE boot=? AND stream=?", key).fetchall()
        lost = {number for low, high in gaps for number in range(low, high + 1)}
        missing = set(range(end)) - {number for (number,) in rows} - lost
        assert len(missing) == count, f"{key}: {count} retired, {len(missing)} are not there"


def _account(frame: bytes) -> Sequence[tuple[int, int, int, int]]:
    body = decode(frame).body
    return body.rows if isinstance(body, Account) else ()


def _dump(archive: Path) -> str:
    found = blake2b(digest_size=16)
    with closing(sqlite3.connect(archive)) as connection:
        for table in ("packets", "gaps", "telecommands", "telecommand_log", "events", "allocations", "retired"):
            for row in connection.execute(f"SELECT * FROM {table}"):
                found.update(repr(row).encode())
    return found.hexdigest()


def _apart(
    connection: sqlite3.Connection, rows: Sequence[tuple[int, int, int, int]]
) -> list[tuple[int, int, int, int]]:
    """Rows with what was settled and forgotten (boot 0) boot for boot again, as the ground has it."""
    own, found = {row[:2] for row in rows}, [row for row in rows if row[0]]
    told = """SELECT boot, COUNT(*) FROM packets WHERE stream = ?1 GROUP BY boot
        UNION ALL SELECT boot, SUM(last - first + 1) FROM gaps WHERE stream = ?1 GROUP BY boot
        UNION ALL SELECT boot, packets FROM retired WHERE stream = ?1"""
    for _, stream, generated, first in (row for row in rows if not row[0]):
        boots: Counter[int] = Counter()
        for boot, count in connection.execute(told, (stream,)):
            if (boot, stream) not in own:
                boots[boot] += count
        assert boots.total() == generated == first, f"stream {stream}: {generated} settled, there are {boots.total()}"
        found += [(boot, stream, count, count) for boot, count in sorted(boots.items())]
    return found


def _ledger(
    archive: Path, rows: Sequence[tuple[int, int, int, int]], acknowledged: dict[tuple[int, int], int]
) -> dict[str, int]:
    """The closing check by sequence numbers, and that nothing acknowledged is missing."""
    totals = {"generated": 0, "archived": 0, "declared_lost": 0, "on_board": 0, "retired": 0}
    with closing(sqlite3.connect(archive)) as connection:
        for boot, stream, generated, first in _apart(connection, rows):
            key = (boot, stream)
            here = {n for (n,) in connection.execute("SELECT sequence FROM packets WHERE boot=? AND stream=?", key)}
            gaps = connection.execute("SELECT first, last FROM gaps WHERE boot=? AND stream=?", key).fetchall()
            lost = {number for low, high in gaps for number in range(low, high + 1)}
            found = connection.execute("SELECT packets, below FROM retired WHERE boot=? AND stream=?", key).fetchone()
            count, end = found or (0, 0)
            gone = set(range(end)) - here - lost
            assert len(gone) == count, f"{key}: {count} retired, {len(gone)} are not there"
            assert end <= acknowledged.get(key, 0), f"{key}: retired what was not acknowledged"
            on_board = set(range(first, generated)) - here - gone
            assert max(here, default=-1) < generated, f"{key}: archived what was never generated"
            assert not lost & here and not lost & on_board, f"{key}: declared lost what is there"
            below = set(range(acknowledged.get(key, 0)))
            assert below <= here | lost | gone, f"{key}: acknowledged, and neither archived nor declared lost"
            assert set(range(generated)) == here | lost | on_board | gone, f"{key}: the ledger does not close"
            for name, numbers in zip(totals, (range(generated), here, lost, on_board, gone), strict=True):
                totals[name] += len(numbers)
    return totals


def main(who: str, folder: str, kills: str, seed: str) -> None:
    """Flies undisturbed (in lockstep, to compare with) and disturbed, and prints both."""
    found = {"killed": fly(who, Path(folder) / who, int(kills), Random(int(seed)))}
    if who != "file":
        found["undisturbed"] = fly_undisturbed(Path(folder) / "undisturbed", int(kills), who)
    print(json.dumps(found))  # noqa: T201


def fly_undisturbed(folder: Path, kills: int, like: str) -> dict[str, Any]:
    """The same number of ticks without anybody killed."""
    return fly("", folder, kills, Random(0), like)


if __name__ == "__main__":
    main(*sys.argv[1:])
