"""Retention: what goes, when, and what never does; against a model made of sets, and with a ground that comes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bus.dictionary import Structure
from bus.wire.messages import Body, OperatorRequest, StoreReport, Telemetry, TelemetryAck
from groundstation.archive.reader import ArchiveReader, StreamAccount
from groundstation.archive.values import Question, may_be_retired
from groundstation.archive.writer import Archive
from groundstation.config import RetentionRules, SpacecraftPlan
from groundstation.ground import Ground
from tests.kits.ground_kit import (
    DICTIONARY,
    EQUATOR,
    POLE,
    SECOND_NS,
    GroundBench,
    config,
    event,
    store,
    telemetry,
)

SMALL = RetentionRules(age_s=20.0, chunk_rows=4, rows_per_tick=8, looks_per_tick=4)
TELLING = DICTIONARY.model_copy(
    update={
        "structures": (
            *DICTIONARY.structures,
            Structure(id=25, name="told", parameters=("battery_soc",) * 7, interval_s=0.0, service=3, subtype=10),
        )
    }
)


class Kept:
    """A ground with retention and its archive, tick by tick."""

    def __init__(self, path: Path, rules: RetentionRules, *, contact: bool = True) -> None:
        self.settings = replace(config(stations=(POLE if contact else EQUATOR,)), retention=rules)
        self.bench, self.path = GroundBench(self.settings), path
        self.archive = Archive(path, durable=False)
        self.acknowledged: dict[tuple[int, int], int] = {}

    def step(self, *bodies: Body, closing: bool = False) -> list[tuple[object, ...]]:
        outbox = self.bench.step(*(("sat-1", body) for body in bodies), closing=closing)
        self.archive.write(outbox.records)
        for message in outbox.messages:
            if isinstance(message.body, TelemetryAck):
                self.acknowledged[message.body.boot, message.body.stream] = message.body.below
        return outbox.records

    def numbers(self, stream: int = 3, table: str = "packets") -> list[int]:
        query = f"SELECT sequence FROM {table} WHERE stream = ? ORDER BY sequence"
        return [number for (number,) in self.rows(query, stream)]

    def rows(self, query: str, *values: object) -> list[tuple[int, ...]]:
        connection = sqlite3.connect(self.path)
        found = connection.execute(query, values).fetchall()
        connection.close()
        return found


def test_what_is_too_old_goes_and_not_before(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "a.sqlite", SMALL)
    kept.step(telemetry(0), event(0))
    for number in range(1, 60):
        kept.step(telemetry(number))
        # Received at the end of tick n, n + 1 s: at n + 21 s it is 20 s old. A piece is a 64th of the age or a tick.
        now_s, left = number + 1, kept.numbers()
        assert left[-1] == number
        assert left[0] <= max(0, now_s - 20), "nothing younger than its age goes"
        assert left[0] >= now_s - 20 - 2, "what is older goes within a piece and a tick"
        assert left == list(range(left[0], number + 1))
    assert kept.numbers(5, "events") == kept.numbers(5) == [], "the decoded row of an event goes with its packet"
    (row,) = [row for row in ArchiveReader(kept.path).retired("sat-1") if row.stream == 3]
    assert (row.boot, row.packets, row.below) == (0, 60 - len(kept.numbers()), kept.numbers()[0])
    assert row.until_ns == row.below * SECOND_NS, "the watermark: all that was received until then"
    assert kept.rows("SELECT COUNT(*) FROM telecommands") == [(0,)]


def test_without_rules_nothing_goes_and_nothing_is_counted(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "a.sqlite", RetentionRules())
    for number in range(80):
        assert not any(str(row[0]).startswith("retire") for row in kept.step(telemetry(number)))
    assert kept.numbers() == list(range(80))
    assert not kept.bench.ground._retention.state.open
    assert kept.bench.ground._retention.counters() == {}


def test_what_is_not_acknowledged_stays(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "a.sqlite", SMALL)
    kept.step(telemetry(0), telemetry(1), telemetry(3), telemetry(4))  # 2 is missing: 3 and 4 cannot be acknowledged
    for _ in range(60):
        kept.step()
    assert kept.acknowledged == {(0, 3): 2}
    assert kept.numbers() == [0, 1, 3, 4], "they came as one piece, and it waits"
    assert kept.bench.ground._retention.counters()["retirement_waits"] == 4
    kept.step(telemetry(2))
    for _ in range(3):
        kept.step()
    assert kept.numbers() == [2], "the rest is acknowledged now; 2 is young"
    silent = Kept(tmp_path / "b.sqlite", SMALL, contact=False)
    for number in range(60):
        silent.step(telemetry(number))
    assert silent.acknowledged == {}
    assert silent.numbers() == list(range(60)), "without an antenna nothing is acknowledged"


def test_a_size_is_held_and_one_tick_does_no_more_than_it_may(tmp_path: Path) -> None:
    rules = RetentionRules(size_bytes=10_000, chunk_rows=4, rows_per_tick=8, looks_per_tick=4)
    kept = Kept(tmp_path / "a.sqlite", rules)
    kept.step(*map(telemetry, range(200)))  # a lot at once: one tick's packets of a stream are one piece
    for number in range(200, 320):
        kept.step(telemetry(number))
    state = kept.bench.ground._retention.state
    assert state.kept_bytes <= 10_000 + 200
    row_bytes = len("sat-1") + len("pole") + 8 * 8 + 8 + 2 * 8  # eight numbers, the dictionary's version, two values
    assert state.kept_bytes == row_bytes * len(kept.numbers())
    assert len(kept.numbers()) * row_bytes > 9_000, "and no more goes than has to"
    backlog = Kept(tmp_path / "b.sqlite", replace(rules, size_bytes=None, age_s=300.0))
    for number in range(40):
        backlog.step(*(telemetry(8 * number + place) for place in range(8)))
    for _ in range(120):
        before = len(backlog.numbers())
        backlog.step()
        assert before - len(backlog.numbers()) <= 8 + 8


def test_reports_that_tell_a_structure_stay(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "a.sqlite", SMALL)
    plan: SpacecraftPlan = replace(kept.settings.spacecraft[0], dictionary=TELLING)
    kept.bench = GroundBench(replace(kept.settings, spacecraft=(plan,)))
    for number in range(60):
        kept.step(_telling(number) if number in (3, 4) else telemetry(number))
    assert kept.numbers()[:2] == [3, 4]
    assert kept.numbers()[2] > 20
    reader = ArchiveReader(kept.path)
    (row,) = reader.retired()
    assert row.packets == kept.numbers()[2] - 2
    assert reader.structures("sat-1")[100].parameters == ("battery_soc", "main_bus_voltage_v")


def _telling(sequence: int) -> Body:
    """Structure 100, made in flight: of two parameters, one a report."""
    place = sequence - 2
    values = (100.0, 0.0, 10.0, 1.0, 2.0, float(place), place - 1.0)
    return Telemetry(
        boot=0, stream=3, sequence=sequence, obt_ns=0, structure=25, dictionary=bytes.fromhex(TELLING.version),
        values=values,
    )  # fmt: skip


def test_the_ledger_has_what_was_retired_in_a_column_of_its_own(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "a.sqlite", SMALL)
    for number in range(50):
        kept.step(telemetry(number if number < 10 else number + 3))  # 10, 11 and 12 are lost
        if number == 12:
            kept.step(store((0, 3, 13, 16)))
    here = kept.numbers()
    gone = 50 - len(here)
    assert gone > 20
    reader = ArchiveReader(kept.path)
    # 53 were made and five more; the spacecraft still holds from 45 on; what is archived of that is not on board.
    assert reader.settle("sat-1", ((0, 3, 58, 45),)) == [StreamAccount("sat-1", 0, 3, 58, len(here), 3, 5, gone)]
    # Acknowledgements were lost: it still holds from 14 on, and what is retired of that is not on board a second time.
    assert reader.settle("sat-1", ((0, 3, 58, 14),)) == [StreamAccount("sat-1", 0, 3, 58, len(here), 3, 5, gone)]
    assert may_be_retired(reader, Question("sat-1", ("battery_soc",)))
    assert not may_be_retired(reader, Question("sat-1", ("battery_soc",), from_ns=45 * SECOND_NS))


def test_alarms_gaps_telecommands_and_procedures_stay(tmp_path: Path) -> None:
    tables = ("gaps", "telecommands", "telecommand_log", "alarms", "alarm_log", "contacts", "time_correlation")
    found = []
    for rules in (RetentionRules(), SMALL):
        kept = Kept(tmp_path / f"{rules.declared}.sqlite", rules)
        ping = OperatorRequest(token=1, spacecraft="sat-1", name="test.ping", arguments={})
        kept.archive.write(kept.bench.step(("operator", ping)).records)
        kept.step(event(0), telemetry(0), telemetry(0, stream=9, values=(4.0, 5.0)), telemetry(2))
        kept.step(store((0, 3, 2, 3)))
        for number in range(3, 80):
            kept.step(telemetry(number))
        found.append([kept.rows(f"SELECT * FROM {table}") for table in tables])
        assert (kept.numbers()[0] > 0) == rules.declared
    assert found[0] == found[1]
    assert all(found[0][place] for place in range(5)), "and there are some"


def _mail(random: Random, ticks: int) -> Iterator[list[Body]]:
    """Four streams of two boots that lose, repeat and reorder, and store reports that declare what is lost."""
    made = dict.fromkeys(((0, 3), (0, 5), (1, 3), (1, 9)), 0)
    late: list[Body] = []
    for _ in range(ticks):
        mail: list[Body] = []
        for (boot, stream), following in made.items():
            new = random.choice((0, 0, 1, 3, 9))
            for number in range(following, following + new):
                packet = telemetry(number, boot, stream)
                (late if random.random() < 0.2 else mail).append(packet)
                if random.random() < 0.1:
                    mail.append(packet)
            made[boot, stream] = following + new
            if random.random() < 0.1:
                mail.append(store((boot, stream, max(0, following - random.randrange(40)), following + new)))
        random.shuffle(late)
        while late and random.random() < 0.6:
            mail.append(late.pop())
        random.shuffle(mail)
        yield mail


@pytest.mark.parametrize("seed", range(6))
def test_whatever_comes_the_archive_is_what_a_model_says_and_a_ground_that_comes_back_changes_nothing(
    seed: int, tmp_path: Path
) -> None:
    random = Random(seed)
    rules = RetentionRules(
        age_s=random.choice((None, 15.0, 60.0)), size_bytes=random.choice((4_000, 20_000)), chunk_rows=5,
        rows_per_tick=random.choice((6, 40)), looks_per_tick=3,
    )  # fmt: skip
    kept, again = Kept(tmp_path / "a.sqlite", rules), Archive(tmp_path / "b.sqlite", durable=False)
    ever: dict[tuple[int, ...], int] = {}
    since: list[tuple[list[Body], list[tuple[object, ...]]]] = []
    snapshot = kept.bench.ground.save()
    for tick, mail in enumerate(_mail(random, 150)):
        before = dict(kept.acknowledged)
        records = kept.step(*mail)
        since.append((mail, records))
        for record in records:
            if record[0] == "packets":
                _, _, boot, stream, sequence, _, _, received_ns = record[:8]
                ever[boot, stream, sequence] = received_ns  # type: ignore[assignment,index]
        _compare(kept, ever, before)
        again.write(records)
        if random.random() < 0.1:  # it dies, comes back with its snapshot, and says all of it again
            twin = Ground(kept.settings)
            twin.restore(snapshot)
            bench = GroundBench(kept.settings, twin)
            bench.tick = tick + 1 - len(since)
            for heard, said in since:
                assert bench.step(*(("sat-1", body) for body in heard)).records == said
                again.write(said)
                _compare(Reopened(tmp_path / "b.sqlite"), ever, None)
            kept.bench = bench
            again.close()
            again = Archive(tmp_path / "b.sqlite", durable=False)
        if random.random() < 0.15:
            snapshot, since = kept.bench.ground.save(), []
    tables = ("packets", "events", "gaps", "retired")
    assert [kept.rows(f"SELECT * FROM {name}") for name in tables] == [
        Reopened(tmp_path / "b.sqlite").rows(f"SELECT * FROM {name}") for name in tables
    ]
    assert sum(packets for (packets,) in kept.rows("SELECT packets FROM retired")) > len(ever) // 3


class Reopened(Kept):
    """Only to look at."""

    def __init__(self, path: Path) -> None:
        self.path = path


def _compare(kept: Kept, ever: dict[tuple[int, ...], int], acknowledged: dict[tuple[int, int], int] | None) -> None:
    """Of each stream what was received up to the watermark is gone, all else is there, and the count is right."""
    marks = {row[:2]: row[2:] for row in kept.rows("SELECT boot, stream, until_ns, packets, below FROM retired")}
    gone = {key for key, received_ns in ever.items() if received_ns <= marks.get(key[:2], (-1,))[0]}
    assert set(kept.rows("SELECT boot, stream, sequence FROM packets")) == ever.keys() - gone
    for stream, (_, packets, below) in marks.items():
        mine = {number for *key, number in gone if tuple(key) == stream}
        assert (packets, below) == (len(mine), max(mine) + 1)
        if acknowledged is not None:
            assert below <= acknowledged.get((stream[0], stream[1]), 0), "acknowledged in an earlier tick"


def test_what_the_spacecraft_has_settled_is_forgotten_when_nothing_is_kept_of_it(tmp_path: Path) -> None:
    """A computer that boots again and again opens streams without end; a total of them stays, and the ledger closes."""
    kept, boots = Kept(tmp_path / "a.sqlite", SMALL), 200
    remembered = []
    for boot in range(1, boots + 1):
        settled = StoreReport(rows=((boot, 3, 0, 1),), settled=((boot, 3),))
        kept.step(telemetry(0, boot=boot), settled)
        remembered.append(len(kept.bench.ground._retention.state.streams))
    for _ in range(40):
        kept.step()
    retention = kept.bench.ground._retention
    counters = retention.counters()
    assert max(remembered) < 40 and set(retention.state.streams) == {("sat-1", boots, 3)}
    assert counters["retired_streams_forgotten"] == boots - 1
    assert counters["retired"] == counters["sat-1.retired"] == boots
    assert sum(row.packets for row in ArchiveReader(kept.path).retired("sat-1")) == boots
    assert retention.counters()["retirement_waits"] == 0


def test_what_the_spacecraft_settled_without_the_ground_waits_for_no_acknowledgement(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "a.sqlite", SMALL)
    kept.step(telemetry(1, boot=1))  # 0 never comes: nothing is acknowledged
    for _ in range(40):
        kept.step()
    assert kept.bench.ground._retention.counters()["retirement_waits"] == 1
    kept.step(StoreReport(rows=(), settled=((2, 3),)))
    for _ in range(3):
        kept.step()
    counters = kept.bench.ground._retention.counters()
    assert (counters["retirement_waits"], counters["retired"], counters["retired_streams"]) == (0, 1, 0)
