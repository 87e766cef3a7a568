"""Torn tails of the archive: cut anywhere, with garbage behind the cut, it opens with every tick that was whole on disk
and no part of another one, and goes on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from groundstation.archive.reader import ArchiveReader
from groundstation.archive.writer import Archive

TICKS, EACH = 60, 4


def rows(tick: int) -> list[tuple[object, ...]]:
    """What a tick writes: packets, and its own number."""
    packets: list[tuple[object, ...]] = [
        ("packets", "sat-1", 1, 3, EACH * tick + n, 21, tick, tick, "pole", 1, 0, None, bytes([tick]) * 320)
        for n in range(EACH)
    ]
    return [*packets, ("meta", "scenario", "torn"), ("meta", "tick", str(tick))]


class Flown:
    """An archive whose process is gone: its file, its log, and how long the log was after each tick."""

    def __init__(self, folder: Path) -> None:
        path = folder / "flown.sqlite"
        log = folder / "flown.sqlite-wal"
        archive = Archive(path, durable=False)
        self.lengths = []
        for tick in range(TICKS):
            archive.write(rows(tick))
            self.lengths.append(log.stat().st_size)
        self.file, self.log = path.read_bytes(), log.read_bytes()
        archive.close()

    def whole(self, cut: int) -> int:
        """Ticks that are whole within the first `cut` bytes of the log."""
        return sum(length <= cut for length in self.lengths)


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    return Flown(tmp_path_factory.mktemp("flown"))


def trial(flown: Flown, path: Path, number: int, trials: int) -> None:
    """Cut the log, in every second trial with garbage behind the cut, and open what is left."""
    cut = len(flown.log) * number // trials
    garbage = hashlib.blake2b(str(number).encode(), digest_size=64).digest() * 80 if number % 2 else b""
    log = path.with_name(path.name + "-wal")
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    path.write_bytes(flown.file)
    log.write_bytes(flown.log[:cut] + garbage)
    ticks = flown.whole(cut)
    archive = Archive(path, durable=False)
    reader = ArchiveReader(path)
    counts = reader.counts().get(("sat-1", 1, 3), 0)
    assert counts == EACH * ticks, f"cut at {cut} of {len(flown.log)}: {counts} rows, {ticks} whole ticks"
    archive.write(rows(ticks))
    archive.close()
    assert ArchiveReader(path).counts()["sat-1", 1, 3] == EACH * (ticks + 1)


def test_two_hundred_torn_tails(flown: Flown, tmp_path: Path) -> None:
    assert flown.lengths == sorted(set(flown.lengths)) and flown.lengths[-1] == len(flown.log)
    for number in range(200):
        trial(flown, tmp_path / "a.sqlite", number, 200)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand_torn_tails(flown: Flown, tmp_path: Path) -> None:
    for number in range(10_000):
        trial(flown, tmp_path / "a.sqlite", number, 10_000)
