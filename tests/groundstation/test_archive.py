"""The archive: durable, idempotent, bounded in what can go wrong; and what can be asked of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bus.errors import EnvironmentFault
from bus.wire.messages import OperatorAction, OperatorRequest
from groundstation.archive.reader import ArchiveReader, StreamAccount, unpack_values
from groundstation.archive.schema import STATEMENTS, TABLES
from groundstation.archive.writer import Archive
from tests.kits.ground_kit import DICTIONARY, SECOND_NS, GroundBench, config, event, store, telemetry, verification

ROOT = Path(__file__).resolve().parents[2]


def _dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    lines = list(connection.iterdump())
    connection.close()
    return lines


def _flight() -> GroundBench:
    """A short flight with every kind of record: gaps, a recovered packet, an event, a telecommand, a time report, a
    procedure."""
    bench = GroundBench(config())
    bench.step(("sat-1", telemetry(0)), ("sat-1", event(0)))
    bench.step(("sat-1", telemetry(3, values=(0.75, 27.0))), ("sat-1", telemetry(5)))
    bench.step(("sat-1", store((0, 3, 5, 6), (0, 5, 0, 1))))
    ping = OperatorRequest(token=1, spacecraft="sat-1", name="test.ping", arguments={})
    look = OperatorAction(token=2, verb="procedure.run", name="first-contact", spacecraft=("sat-1",))
    bench.step(("sat-1", telemetry(2)), ("operator", ping), ("operator", look))
    bench.step(("sat-1", verification(0, 0, 1)))
    bench.step(("sat-1", telemetry(0, stream=9, values=(4.0, 5.0))))
    bench.step(closing=True)
    return bench


def test_the_same_records_again_change_nothing(tmp_path: Path) -> None:
    records = _flight().records
    once, twice = tmp_path / "once.sqlite", tmp_path / "twice.sqlite"
    archive = Archive(once)
    archive.write(records)
    archive.close()
    archive = Archive(twice)
    archive.write(records[:17])
    archive.close()
    archive = Archive(twice)  # a crash, a snapshot restored, all ticks once more in small portions
    for place in range(0, len(records), 3):
        archive.write(records[place : place + 3])
    archive.write(records)
    archive.close()
    assert _dump(once) == _dump(twice)


def test_every_record_of_a_flight_has_a_table_and_every_table_a_statement(tmp_path: Path) -> None:
    border = {"operator_requests"}  # who asked, from where and when: the operator's port knows, no step does
    retention = {"retire_packets", "retire_events", "retired"}  # of flights that declare it (test_retention.py)
    assert {str(record[0]) for record in _flight().records} | border | retention == set(STATEMENTS)
    tables = {line.split()[5] for line in TABLES.splitlines() if line.startswith("CREATE TABLE")}
    assert tables == set(STATEMENTS) - {"gap_closed", "retire_packets", "retire_events"}
    archive = Archive(tmp_path / "a.sqlite")
    with pytest.raises(KeyError):
        archive.write([("no_such_table", 1)])
    archive.write([("meta", "still", "writable")])
    archive.close()


def test_questions(tmp_path: Path) -> None:
    path = tmp_path / "archive.sqlite"
    archive = Archive(path)
    archive.write(_flight().records)
    reader = ArchiveReader(path)  # while the writer is open
    assert reader.counts() == {("sat-1", 0, 1): 1, ("sat-1", 0, 3): 4, ("sat-1", 0, 5): 1, ("sat-1", 0, 9): 1}
    assert reader.gaps() == [("sat-1", 0, 3, 1, 1, 5 * SECOND_NS - SECOND_NS), ("sat-1", 0, 3, 4, 4, 3 * SECOND_NS)]
    assert reader.declared_lost() == {("sat-1", 0, 3): 2}
    assert reader.latest("sat-1")["battery_soc"] == (0.5, 5 * SECOND_NS)
    assert reader.series("sat-1", "battery_soc") == [
        (0, 0.5), (2 * SECOND_NS, 0.5), (3 * SECOND_NS, 0.75), (5 * SECOND_NS, 0.5),
    ]  # fmt: skip
    assert reader.events() == [("sat-1", 0, SECOND_NS, 3, "payload_shed", '{"battery_soc": 0.25}')]
    assert reader.events("sat-2") == []
    assert reader.dictionary("sat-1") == DICTIONARY
    assert next(row[:2] for row in reader.contacts()) == ("pole", "sat-1")
    assert reader.allocations()[0][:3] == ("pole", SECOND_NS, "sat-1")
    telecommand, of_procedure = reader.telecommands()
    assert (of_procedure["name"], of_procedure["origin"]) == ("test.ping", "procedure 1")
    assert [(row["name"], row["state"]) for row in reader.procedures()] == [("first-contact", "ABORTED")]
    assert [row[4] for row in reader.procedure_log()] == ["contact", "command test.ping"]
    assert (telecommand["name"], telecommand["state"], telecommand["transmissions"]) == (
        "test.ping",
        "INDETERMINATE",
        1,
    )
    archive.close()
    with pytest.raises(EnvironmentFault, match="no spacecraft 'sat-9'"):
        reader.latest("sat-9")


def test_accounts_are_settled_against_the_archive(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.sqlite")
    archive.write(_flight().records)
    archive.close()
    # Archived of stream 3 are 0, 2, 3 and 5. The spacecraft made ten and still holds 5 to 9: 1 and 4 are lost.
    settled = ArchiveReader(tmp_path / "a.sqlite").settle("sat-1", ((0, 3, 10, 5), (1, 3, 4, 2)))
    assert settled == [StreamAccount("sat-1", 0, 3, 10, 4, 2, 4), StreamAccount("sat-1", 1, 3, 4, 0, 2, 2)]
    # Boot 0 fully settled stands for every boot without a row of its own.
    forgotten = ArchiveReader(tmp_path / "a.sqlite").settle("sat-1", ((0, 3, 6, 6), (1, 3, 4, 2)))
    assert forgotten == [StreamAccount("sat-1", 0, 3, 6, 4, 2, 0), StreamAccount("sat-1", 1, 3, 4, 0, 2, 2)]
    for row in settled + forgotten:
        assert row.generated == row.archived + row.declared_lost + row.on_board


def test_values_keep_every_bit(tmp_path: Path) -> None:
    values = (0.1, -0.0, 5e-324, 1.7976931348623157e308)
    bench = GroundBench(config())
    bench.step(("sat-1", telemetry(0, values=values)))
    (payload,) = [record[-1] for record in bench.records if record[0] == "packets"]
    assert isinstance(payload, bytes)
    assert [value.hex() for value in unpack_values(payload)] == [value.hex() for value in values]


def test_a_tick_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.sqlite")
    with pytest.raises(sqlite3.IntegrityError):
        archive.write([("meta", "first", "good"), ("meta", "second", None)])  # NOT NULL refuses the second
    archive.close()
    assert not any("good" in line for line in _dump(tmp_path / "a.sqlite"))


def test_full_disk_names_the_next_step_and_keeps_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    archive = Archive(path)
    archive.write([("meta", "before", "kept")])
    connection = archive._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(EnvironmentFault, match="full") as caught:
        archive.write([("meta", f"key-{number}", "x" * 1000) for number in range(100)])
    assert "free some space" in caught.value.hint
    archive.close()
    assert any("kept" in line for line in _dump(path))


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault) as caught:
        Archive(tmp_path / "nowhere" / "a.sqlite")
    assert "directory exists" in caught.value.hint
    (tmp_path / "text.sqlite").write_text("this is no database, only a text that is long enough to be read as a header")
    with pytest.raises(EnvironmentFault) as caught:
        Archive(tmp_path / "text.sqlite")
    assert "no archive" in caught.value.hint
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        ArchiveReader(tmp_path / "missing.sqlite").counts()


def test_another_schema_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(EnvironmentFault, match="schema version 99"):
        Archive(tmp_path / "a.sqlite")


def test_an_archive_of_another_scenario_is_left_alone(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.sqlite")
    archive.write([("meta", "scenario", "1" * 32)])
    archive.write([("meta", "scenario", "1" * 32)])
    with pytest.raises(EnvironmentFault, match="another scenario"):
        archive.write([("meta", "scenario", "2" * 32), ("meta", "epoch_utc", "later")])
    archive.close()
    assert not any("later" in line for line in _dump(tmp_path / "a.sqlite"))


def test_closed_twice_and_written_after(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.sqlite")
    archive.close()
    archive.close()
    archive.write([])
    with pytest.raises(EnvironmentFault, match="closed"):
        archive.write([("meta", "a", "b")])


WRITER = """
import sys
from pathlib import Path
from groundstation.archive.writer import Archive
archive = Archive(Path(sys.argv[1]))
for number in range(10**9):
    rows = [("packets", "sat-1", 0, 3, 2 * number + n, 21, 0, 0, "", 1, 0, None, b"x" * 320) for n in (0, 1)]
    archive.write(rows)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    for round_ in range(3):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            told = -1
            for line in process.stdout:
                told = int(line)
                if told >= 20 + 7 * round_:
                    process.send_signal(signal.SIGKILL)
                    break
            told = max([told, *(int(line) for line in process.stdout.read().split("\n")[:-1])])
        archive = Archive(path)  # reopens, and goes on
        archive.write([("meta", "reopened", str(round_))])
        archive.close()
        count = ArchiveReader(path).counts()["sat-1", 0, 3]
        assert count >= 2 * (told + 1)
        assert count % 2 == 0


@pytest.mark.slow
def test_an_archive_that_somebody_locks_for_ten_seconds_is_waited_for(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.sqlite")
    reader = sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN IMMEDIATE")
    release = threading.Timer(10.0, reader.rollback)
    release.start()
    archive.write([("meta", "scenario", "x")])
    release.join()
    reader.close()
    archive.close()
    with sqlite3.connect(tmp_path / "a.sqlite") as check:
        assert check.execute("SELECT value FROM meta WHERE key = 'scenario'").fetchall() == [("x",)]


def test_a_reader_says_that_an_archive_is_of_another_release(tmp_path: Path) -> None:
    Archive(tmp_path / "a.sqlite").close()
    assert ArchiveReader(tmp_path / "a.sqlite").telecommands() == []
    with sqlite3.connect(tmp_path / "a.sqlite") as connection:
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(EnvironmentFault, match="schema version 1, this Skyrack reads") as caught:
        ArchiveReader(tmp_path / "a.sqlite").telecommands()
    assert caught.value.exit_status == 2
