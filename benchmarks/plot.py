"""What a plot of one day at 1 Hz with four traces costs the API, beside a bare query of the same rows in the same run.

    python benchmarks/plot.py [--json] [--hours N]

The archive holds one spacecraft's packets of 40 values, one a second, written by the ground's own writer. `plot_ms` is
reading, dating and down-sampling four of the values to 600 stretches; `bare_ms` is SELECT ... fetchall of the same
packets, which is the least that any reader pays. `ratio` is the first over the second. Rounds alternate, the best of
each counts. Milliseconds are of the processor; `wall_ms` is by the clock.
"""

from __future__ import annotations

import argparse
import json
import math
import sqlite3
import struct
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.ingest import PARAMETERS, WORDS
from groundstation.archive.reader import ArchiveReader
from groundstation.archive.values import Question, buckets
from groundstation.archive.writer import Archive

TARGET_MS = 500.0
ROUNDS, STRETCHES, SECOND_NS = 5, 600, 10**9
TRACES = tuple(f"value_{n}" for n in (0, 7, 19, 39))
BATCH = 5_000


def written(path: Path, seconds: int) -> None:
    """The archive."""
    archive, version = Archive(path, durable=False), bytes.fromhex(WORDS.version)
    archive.write(
        [
            ("dictionaries", WORDS.version, "bench", WORDS.model_dump_json()),
            ("spacecraft", "sat-1", "bench", WORDS.version),
            ("meta", "live_within_s", "60.0"),
            *(("time_correlation", "sat-1", at * SECOND_NS, 1, 0.25, 1e-6, 2) for at in range(1, seconds, 600)),
        ]
    )
    for begin in range(0, seconds, BATCH):
        rows = []
        for at in range(begin, min(begin + BATCH, seconds)):
            values = [math.sin(at * 0.001 + n) for n in range(PARAMETERS)]
            made_ns, received_ns = at * SECOND_NS, (at + 1) * SECOND_NS
            payload = struct.pack(f"<{PARAMETERS}d", *values)
            rows.append(
                ("packets", "sat-1", 1, 3, at, 21, made_ns, received_ns, "pole", 1, 0, version, payload)
            )  # fmt: skip
        archive.write(rows)
    archive.close()


def plot(archive: ArchiveReader, seconds: int) -> int:
    """As the API asks: how many stretches it gave."""
    width_ns = math.ceil(seconds * SECOND_NS / STRETCHES)
    return len(buckets(archive, Question("sat-1", TRACES, 0, (seconds + 1) * SECOND_NS), width_ns))


def bare(path: Path) -> int:
    """The same packets and nothing more."""
    query = (
        "SELECT boot, stream, sequence, obt_ns, received_ns, payload FROM packets WHERE spacecraft = ? AND number = ?"
    )
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return len(connection.execute(query, ("sat-1", 1)).fetchall())


def measure(hours: float) -> dict[str, float | int | bool]:
    """All figures."""
    seconds = round(hours * 3600)
    best, wall, alone = math.inf, math.inf, math.inf
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ground.sqlite"
        written(path, seconds)
        archive = ArchiveReader(path)
        for _ in range(ROUNDS):
            begun, start = perf_counter(), process_time()
            given = plot(archive, seconds)
            best, wall = min(best, process_time() - start), min(wall, perf_counter() - begun)
            start = process_time()
            rows = bare(path)
            alone = min(alone, process_time() - start)
            assert rows == seconds and given >= STRETCHES * len(TRACES), "all of it was read"
    return {
        "packets": seconds,
        "traces": len(TRACES),
        "plot_ms": round(best * 1e3, 1),
        "wall_ms": round(wall * 1e3, 1),
        "bare_ms": round(alone * 1e3, 1),
        "ratio": round(best / alone, 2),
        "target_ms": TARGET_MS,
        "met": best * 1e3 <= TARGET_MS,
    }


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--hours", type=float, default=24.0)
    options = parser.parse_args()
    found = measure(options.hours)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:>20}: {value:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
