"""The archive of a ground that was started by hand, into the run's directory: all results are then in one place, and
the telemetry ledger can be settled against what was really archived."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from bus.clock import Clock, MachineClock
from faults.run_directory import RunDirectory

CLOSED_WITHIN_NS = 10_000_000_000
"""The ground folds its log into the file when it has read the goodbye: seconds for a long run (an assumption)."""
LOOK_EVERY_NS = 50_000_000
_LOGGED = b"\x02\x02"  # at byte 18 of a database that needs its log (sqlite.org/fileformat2.html, 1.3.3)


def fetch_archive(source: Path, directory: RunDirectory, clock: Clock | None = None) -> str:
    """Copy it, when the ground has closed it or has had its time. Gives why that could not be, or nothing."""
    asyncio.run(_closed(source, clock or MachineClock()))
    log = source.with_name(f"{source.name}-wal")
    try:
        if log.is_file():  # it was not closed in order: what came last is in there
            shutil.copyfile(log, directory.archive.with_name(f"{directory.archive.name}-wal"))
        shutil.copyfile(source, directory.archive)
    except OSError as error:
        for part in directory.path.glob(f"{directory.archive.name}*"):
            part.unlink(missing_ok=True)
        return f"the ground's archive {source} cannot be fetched: {error.strerror}"
    return ""


async def _closed(source: Path, clock: Clock) -> None:
    until_ns = clock.now_ns() + CLOSED_WITHIN_NS
    while _is_open(source) and clock.now_ns() < until_ns:
        await clock.until(clock.now_ns() + LOOK_EVERY_NS)


def _is_open(source: Path) -> bool:
    try:
        with source.open("rb") as file:
            return file.read(20)[18:] in {_LOGGED, b""}
    except OSError:
        return False
