"""What passed between spacecraft: frames and bytes by their own accounts, and jobs that moved, as last telemetered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bus.errors import EnvironmentFault
from bus.text.times import span

if TYPE_CHECKING:
    from faults.recording.recording import Recording
    from groundstation.archive.reader import ArchiveReader

JOBS = {
    "jobs_out": "migrations_out", "jobs_in": "migrations_in", "jobs_stayed": "migrations_ended",
    "jobs_not_admitted": "guests_refused",
}  # fmt: skip
"""By their names in the summary: the telemetry that tells them."""
FRAMES = ("frames_sent", "frames_received", "frames_lost", "frames_refused", "bytes_sent")


def read_crosslinks(recording: Recording, archive: ArchiveReader | None) -> dict[str, dict[str, Any]]:
    """By spacecraft, of those that have peers. None: unknown, because nobody told."""
    rows = {}
    for spacecraft in recording.scenario.spacecraft:
        if spacecraft.peers:
            jobs, told_s = _jobs(archive, spacecraft.id)
            frames = _frames(recording.books.crosslinks.get(spacecraft.id))
            rows[spacecraft.id] = {**jobs, "jobs_told_s": told_s, **frames}
    return rows


def _jobs(archive: ArchiveReader | None, spacecraft: str) -> tuple[dict[str, int | None], float | None]:
    try:
        latest = archive.latest(spacecraft) if archive else {}
    except (EnvironmentFault, ValueError, KeyError):
        latest = {}
    told = {name: latest.get(parameter) for name, parameter in JOBS.items()}
    times = [value[1] / 1e9 for value in told.values() if value is not None]
    return {name: None if value is None else int(value[0]) for name, value in told.items()}, max(times, default=None)


def _frames(account: Mapping[str, float] | None) -> dict[str, int | None]:
    if not account:
        return dict.fromkeys(FRAMES)
    lost, refused = (
        sum(n for name, n in account.items() if name.startswith(f"isl.{what}.")) for what in ("lost", "refused")
    )
    figures = (account.get("isl.sent"), account.get("isl.received"), lost, refused, account.get("isl.bytes"))
    return {name: None if n is None else int(n) for name, n in zip(FRAMES, figures, strict=True)}


def in_words(spacecraft: str, row: Mapping[str, Any]) -> str:
    """One spacecraft as a sentence."""
    known = {name: "unknown" if value is None else f"{value:,}" for name, value in row.items()}
    jobs = f"jobs given {known['jobs_out']}, taken {known['jobs_in']}, kept after all {known['jobs_stayed']}"
    jobs += f", of peers not admitted {known['jobs_not_admitted']}"
    if row["jobs_told_s"] is not None:
        jobs += f" (as of {span(round(row['jobs_told_s']))})"
    frames = f"frames sent {known['frames_sent']}, received {known['frames_received']}, lost {known['frames_lost']}"
    return f"{spacecraft}: {jobs}; {frames}, refused {known['frames_refused']}; {known['bytes_sent']} B sent"
