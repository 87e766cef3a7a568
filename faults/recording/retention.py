"""What retention has deleted from the archive, for summary and report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bus.errors import EnvironmentFault
from groundstation.archive.reader import ArchiveReader, RetiredStream

if TYPE_CHECKING:
    from faults.recording.recording import Recording

MAX_ROWS = 1000
"""Streams told of one run; the archive has all of them."""


def read_retired(archive: ArchiveReader) -> Sequence[RetiredStream] | None:
    """By spacecraft, boot and stream; None where the archive does not tell."""
    try:
        return archive.retired()
    except EnvironmentFault:
        return None


def retention_row(recording: Recording) -> dict[str, Any] | None:
    """For the summary; None where the scenario keeps everything. What nobody told is None."""
    rules, books = recording.scenario.retention, recording.books.counters
    if rules is None:
        return None
    kept, waits = books.get("retained_bytes"), books.get("retirement_waits")
    rows = recording.retired
    return {
        "age_s": rules.age_s,
        "size_bytes": rules.size_bytes,
        "kept_bytes": None if kept is None else int(kept),
        "waiting": None if waits is None else int(waits),
        "streams": None if rows is None else [stream_row(row) for row in rows[:MAX_ROWS]],
    }


def stream_row(row: RetiredStream) -> dict[str, Any]:
    """One stream, times in seconds."""
    return {
        "spacecraft": row.spacecraft,
        "boot": row.boot,
        "stream": row.stream,
        "packets": row.packets,
        "bytes": row.bytes,
        "until_s": row.until_ns / 1e9,
        "at_s": row.at_ns / 1e9,
    }
