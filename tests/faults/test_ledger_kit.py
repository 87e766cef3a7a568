"""The closing check that every test with a run goes through: it sees a packet too few, too many, or told wrongly."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from faults.run_directory import RunDirectory
from tests.kits import ledger
from tests.kits.runs import TINY, fly_text


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ledger")
    fly_text(TINY, folder)
    return folder / "run"


@pytest.fixture
def run(flown: Path, tmp_path: Path) -> Iterator[RunDirectory]:
    shutil.copytree(flown, tmp_path / "run")
    yield RunDirectory(tmp_path / "run")


def change(run: RunDirectory, statement: str) -> None:
    with closing(sqlite3.connect(run.archive)) as connection, connection:
        assert connection.execute(statement).rowcount == 1


def test_a_run_in_order_closes(run: RunDirectory) -> None:
    summary = json.loads(run.summary.read_text(encoding="utf-8"))
    assert ledger.said_to_close(summary) == ["sc-1"]
    ledger.check(run, ["sc-1"])


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM packets WHERE stream = 3 AND sequence = 2", "books say otherwise of what is archived"),
        ("UPDATE packets SET boot = 7 WHERE stream = 3 AND sequence = 2", "which are in the archive"),
        ("UPDATE packets SET sequence = 99999 WHERE stream = 3 AND sequence = 2", "archived what was never generated"),
        ("INSERT INTO gaps SELECT 'sc-1', MAX(boot), 3, 2, 2, 0 FROM packets", "declared lost what is archived"),
        (
            "INSERT INTO gaps SELECT 'sc-1', MAX(boot), 3, 99999, 99999, 0 FROM packets",
            "declared lost what is on board",
        ),
    ],
)
def test_what_does_not_close_is_seen(statement: str, said: str, run: RunDirectory) -> None:
    change(run, statement)
    with pytest.raises(AssertionError, match=said):
        ledger.check(run, ["sc-1"])
