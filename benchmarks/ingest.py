"""How many telemetry packets of 40 parameters the ground takes in a second, from frames to rows on disk, beside a bare
`executemany` of the same rows into the same table in the same run.

    python benchmarks/ingest.py [--json] [--packets N]

Ingest is all that the ground does: decode each frame, account for it, judge its limits, make its row, commit a tick.
`ratio` is ingest over bare. A quarter of the parameters has limits, as in the shipped designs. The bare run has the
same schema, pragmas and transactions. Rounds alternate, and the best of each counts. Rates and microseconds are in
seconds of the processor, which is what the code costs and not what the machine was doing besides; `wall_packets_s` is
by the clock.
"""

from __future__ import annotations

import argparse
import json
import math
import sqlite3
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bus.dictionary import Dictionary, Parameter, Structure
from bus.participant import Moment
from bus.scenario.model import KeplerOrbit, Station
from bus.wire.codec import decode, encode
from bus.wire.messages import Message, Telemetry
from groundstation.archive.schema import STATEMENTS, TABLES
from groundstation.archive.writer import CHECKPOINT_PAGES, Archive
from groundstation.config import GroundConfig, SpacecraftPlan
from groundstation.ground import Ground

TARGET_PACKETS_S = 10_000.0
PARAMETERS, SPACECRAFT, TICK_NS, ROUNDS = 40, 8, 10**9, 3
PER_TICK = 50
"""Packets of one spacecraft in one tick: a store that is played back."""

WORDS = Dictionary(
    design="bench",
    parameters=tuple(
        Parameter(
            name=f"value_{n}", unit="V", type="float", description="a value",
            soft_high=2e6 if n % 4 == 0 else None, hard_high=3e6 if n % 4 == 0 else None,
        )
        for n in range(PARAMETERS)
    ),
    structures=(
        Structure(id=1, name="all", parameters=tuple(f"value_{n}" for n in range(PARAMETERS)), interval_s=1.0),
    ),
    events=(), telecommands=(), codes={},
)  # fmt: skip
ORBIT = KeplerOrbit(
    semi_major_axis_m=7.0e6, eccentricity=0.0, inclination_rad=1.7, raan_rad=0.0, argument_of_perigee_rad=0.0,
    mean_anomaly_rad=0.0,
)  # fmt: skip
STATION = Station(
    id="pole", latitude_rad=math.pi / 2, longitude_rad=0.0, altitude_m=0.0, mask_rad=0.1, bands=("S",), source="bench",
)  # fmt: skip
NAMES = tuple(f"sat-{n}" for n in range(SPACECRAFT))


def frames(ticks: int) -> list[list[bytes]]:
    """What comes down, tick by tick."""
    version, found = bytes.fromhex(WORDS.version), []
    for tick in range(ticks):
        mail = []
        for number in range(PER_TICK):
            sequence = tick * PER_TICK + number
            values = tuple(1e6 * math.sin(sequence * 0.001 + n) for n in range(PARAMETERS))
            for name in NAMES:
                body = Telemetry(
                    boot=1, stream=3, sequence=sequence, obt_ns=tick * TICK_NS + number, structure=1,
                    dictionary=version, values=values,
                )  # fmt: skip
                mail.append(encode(Message(tick * TICK_NS, name, sequence, "ground", body)))
        found.append(mail)
    return found


def ingest(mail: list[list[bytes]], path: Path) -> tuple[float, float, float, list[list[tuple[object, ...]]]]:
    """Seconds for decoding, for the ground's steps and for writing, and the rows of each tick."""
    ground = Ground(
        GroundConfig(
            epoch_utc="2026-08-12T00:00:00Z", tick_ns=TICK_NS, duration_ns=len(mail) * TICK_NS,
            scenario_digest="0" * 32, stations=(STATION,), timeline=(),
            spacecraft=tuple(SpacecraftPlan(name, ORBIT, WORDS, bytes(32)) for name in NAMES),
        )
    )  # fmt: skip
    archive = Archive(path, durable=False)
    decoding = stepping = writing = 0.0
    rows = []
    for tick, encoded in enumerate(mail):
        start = process_time()
        inbox = [decode(frame) for frame in encoded]
        decoded = process_time()
        outbox = ground.step(Moment(tick, tick * TICK_NS, (tick + 1) * TICK_NS), inbox)
        stepped = process_time()
        archive.write(outbox.records)
        end = process_time()
        decoding, stepping, writing = decoding + decoded - start, stepping + stepped - decoded, writing + end - stepped
        rows.append([record[1:] for record in outbox.records if record[0] == "packets"])
    archive.close()
    return decoding, stepping, writing, rows


def bare(rows: list[list[tuple[object, ...]]], path: Path) -> float:
    """Seconds for the same rows by `executemany` alone, a transaction a tick."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.executescript(TABLES)
    start = process_time()
    for tick in rows:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(STATEMENTS["packets"], tick)
        connection.execute("COMMIT")
    end = process_time()
    connection.close()
    return end - start


def measure(packets: int) -> dict[str, float | int | bool]:
    """All figures; rates in packets a second."""
    mail = frames(max(1, packets // (SPACECRAFT * PER_TICK)))
    count = sum(len(tick) for tick in mail)
    best, parts, alone, wall = math.inf, (0.0, 0.0, 0.0), math.inf, math.inf
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            begun = perf_counter()
            *spent, rows = ingest(mail, Path(folder) / "ground.sqlite")
            wall = min(wall, perf_counter() - begun)
            if sum(spent) < best:
                best, parts = sum(spent), (spent[0], spent[1], spent[2])
            assert sum(len(tick) for tick in rows) == count, "every packet has its row"
            alone = min(alone, bare(rows, Path(folder) / "bare.sqlite"))
    return {
        "packets": count,
        "parameters": PARAMETERS,
        "ingest_packets_s": round(count / best),
        "wall_packets_s": round(count / wall),
        "bare_packets_s": round(count / alone),
        "ratio": round(alone / best, 3),
        "decode_us": round(parts[0] / count * 1e6, 2),
        "step_us": round(parts[1] / count * 1e6, 2),
        "write_us": round(parts[2] / count * 1e6, 2),
        "target_packets_s": TARGET_PACKETS_S,
        "met": count / best >= TARGET_PACKETS_S,
    }


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--packets", type=int, default=40_000)
    options = parser.parse_args()
    found = measure(options.packets)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:>20}: {value:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
