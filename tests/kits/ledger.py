"""The closing check of every run: generated = archived + retired + declared lost + on board, packet by packet.

The summary settles sums. This looks at each (spacecraft, boot, stream) by sequence numbers: what the spacecraft says it
generated and still holds, what the archive holds, what the ground declared lost; nothing is in two of them, nothing is
in none, and the books of both sides agree with what is there.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from bus.errors import DecodeError
from bus.trace.reader import TraceReader
from bus.wire.codec import decode
from bus.wire.messages import Account
from faults.recording.books import Rows
from faults.run_directory import RunDirectory

Stream = tuple[str, int, int]
GROUND = "ground"
GIVEN_UP = "telemetry.given_up."
"""Packets of each stream that a spacecraft settled without the ground, because there were too many streams."""


def accounts(directory: RunDirectory) -> tuple[dict[str, Rows], dict[str, float]]:
    """What everybody said in the closing tick: rows by spacecraft, and the ground's counters; with a spacecraft's name
    before them, the spacecraft's own of what they gave up."""
    rows: dict[str, Rows] = {}
    counters: dict[str, float] = {}
    with TraceReader(directory.trace) as reader:
        for _ in reader:
            pass
        for frame in reader.end.mail if reader.end else ():
            try:
                message = decode(frame)
            except DecodeError:
                continue
            if isinstance(message.body, Account):
                rows[message.source] = rows.get(message.source, ()) + message.body.rows
                if message.source == GROUND:
                    counters |= message.body.counters
                else:
                    own = message.body.counters.items()
                    counters |= {f"{message.source}.{name}": n for name, n in own if name.startswith(GIVEN_UP)}
    return rows, counters


def said_to_close(summary: Mapping[str, Any]) -> list[str]:
    """Spacecraft of which a summary says so."""
    rows = summary["telemetry"]["spacecraft"]
    return [spacecraft for spacecraft, row in rows.items() if row["unaccounted"] == 0]


def check(directory: RunDirectory, spacecraft: Sequence[str]) -> None:
    """Raises AssertionError where the ledger of one of these does not close."""
    if not spacecraft:
        return
    rows, counters = accounts(directory)
    archived, gaps = _archive(directory)
    gone = _retired(directory)
    for each in spacecraft:
        mine = {key: numbers for key, numbers in archived.items() if key[0] == each}
        given_up = {stream: counters.get(f"{each}.{GIVEN_UP}{stream}", 0.0) for stream in range(256)}
        _one(each, rows[each], mine, gaps, gone, given_up)
        held = sum(len(numbers) for key, numbers in archived.items() if key[0] == each)
        declared = sum(len(numbers) for key, numbers in gaps.items() if key[0] == each)
        deleted = sum(packets for key, (packets, _) in gone.items() if key[0] == each)
        assert deleted == counters.get(f"{each}.retired", 0), f"{each}: ... of what was retired"
        assert held + deleted == counters[f"{each}.archived"], (
            f"{each}: the ground's books say otherwise of what is archived"
        )
        assert declared == counters[f"{each}.declared_lost"], f"{each}: ... of what it declared lost"


def _archive(directory: RunDirectory) -> tuple[dict[Stream, set[int]], dict[Stream, set[int]]]:
    archived: dict[Stream, set[int]] = defaultdict(set)
    gaps: dict[Stream, set[int]] = defaultdict(set)
    with closing(sqlite3.connect(f"file:{directory.archive}?mode=ro", uri=True)) as connection:
        for name, boot, stream, sequence in connection.execute(
            "SELECT spacecraft, boot, stream, sequence FROM packets"
        ):
            archived[name, boot, stream].add(sequence)
        for name, boot, stream, first, last in connection.execute(
            "SELECT spacecraft, boot, stream, first, last FROM gaps"
        ):
            gaps[name, boot, stream] |= set(range(first, last + 1))
    return archived, gaps


def _settled(  # noqa: PLR0917
    where: str, generated: int, first: int, given_up: float, here: list[set[int]], lost: list[set[int]]
) -> None:
    """What was settled and forgotten, boots together, but for what was retired: it is archived or declared lost, or the
    spacecraft says that it gave it up; of that the ground may have some, whose acknowledgement was lost."""
    told = sum(map(len, here)) + sum(map(len, lost))
    assert generated == first and generated - given_up <= told <= generated, (
        f"{where}: {generated} settled, {given_up:g} of them given up, {told} archived or declared lost"
    )


def _retired(directory: RunDirectory) -> dict[Stream, tuple[int, int]]:
    """How many packets were deleted of each stream, and below which number."""
    with closing(sqlite3.connect(f"file:{directory.archive}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT spacecraft, boot, stream, packets, below FROM retired").fetchall()
    return {(name, boot, stream): (packets, below) for name, boot, stream, packets, below in rows}


def _one(  # noqa: PLR0917
    spacecraft: str, rows: Rows, archived: Mapping[Stream, set[int]], gaps: Mapping[Stream, set[int]],
    gone: Mapping[Stream, tuple[int, int]], given_up: Mapping[int, float],
) -> None:  # fmt: skip
    known = {(boot, stream) for boot, stream, _, _ in rows}
    assert len(known) == len(rows), f"{spacecraft} names a stream twice in its account"
    for _, stream, generated, first in (row for row in rows if row[0] == 0):
        deleted = sum(
            packets for (name, boot, of), (packets, _) in gone.items()
            if name == spacecraft and of == stream and (boot, of) not in known
        )  # fmt: skip
        _settled(f"{spacecraft}, stream {stream}", generated - deleted, first - deleted, given_up[stream], *(
            [numbers for (name, boot, of), numbers in books.items()
             if name == spacecraft and of == stream and (boot, of) not in known]
            for books in (archived, gaps)
        ))  # fmt: skip
    rows = tuple(row for row in rows if row[0])
    forgotten = {stream for boot, stream in known if boot == 0}
    strange = {key[1:] for key in archived if key[2] not in forgotten} - known
    assert not strange, f"{spacecraft} never made {sorted(strange)}, which are in the archive"
    for boot, stream, generated, first in rows:
        where = f"{spacecraft}, boot {boot}, stream {stream}"
        here = archived.get((spacecraft, boot, stream), set())
        lost = gaps.get((spacecraft, boot, stream), set())
        assert all(0 <= number < generated for number in here), f"{where}: archived what was never generated"
        assert all(number < first for number in lost), f"{where}: declared lost what is on board"
        assert not here & lost, f"{where}: declared lost what is archived"
        dropped = set(range(first)) - here
        deleted, below = gone.get((spacecraft, boot, stream), (0, 0))
        held_too = set(range(first, below)) - here  # its acknowledgement was lost: on board, and retired
        on_board = set(range(first, generated)) - here - held_too
        assert lost <= dropped, f"{where}: declared lost what is not"
        assert below <= generated, f"{where}: retired what was never generated"
        missing = set(range(below)) - here - lost
        assert deleted == len(missing), f"{where}: {deleted} retired, {len(missing)} below {below} are not there"
        assert generated == len(here) + len(dropped) + len(held_too) + len(on_board), f"{where}: it does not close"
