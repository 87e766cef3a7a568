"""What grows in a long live run: memory by role, file descriptors, and the time that answers take.

    python benchmarks/growth.py [--spacecraft 100] [--ticks 3600] [--pace realtime] [--per-process N] [--json]

Live as in `skyrack run --pace`: everything on, 3,600 ticks are an hour of mission time. In real time they are an hour
of ours; `--pace x10` needs six minutes, and grows with ticks as the hour does, since nothing kept depends on the clock.

The first third is left out: stores fill, the bus keeps the ticks since each spacecraft's last snapshot. The rest is cut
into `BLOCKS` parts; a line is laid through their means, and its slope is printed for an hour of 3,600 ticks with the
half width of its 95 % interval (Student's t, n - 2 degrees of freedom: parts long enough count as independent, an
assumption). `mib_per_hour` of bus, ground and all spacecraft; `descriptors_per_hour`; `answer_p99_ms_per_hour`: of the
p99 of each part. `grows`: those whose interval lies above zero. `answer_p99_ms_first`, `_last`: p99 of the first and
the last part. `busy_cores`: what others kept of this machine meanwhile; with much of it latencies say little.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOUSE))
sys.path.insert(0, str(HOUSE / "benchmarks"))

BLOCKS = 10
LEFT_OUT = 1 / 3
STUDENT_95 = {8: 2.306}
"""Two-sided 95 % of Student's t by degrees of freedom (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2)."""
HOUR_TICKS = 3600


def parts(points: list[tuple[float, float]], reduce: str = "mean") -> list[tuple[float, float]]:
    """The later points (by tick) as BLOCKS points: mean tick, and mean or p99 of the values."""
    last = max(tick for tick, _ in points)
    begin = last * LEFT_OUT
    blocks: list[list[tuple[float, float]]] = [[] for _ in range(BLOCKS)]
    for tick, value in points:
        if tick >= begin:
            blocks[min(BLOCKS - 1, int(BLOCKS * (tick - begin) / max(1.0, last - begin)))].append((tick, value))
    found = []
    for block in blocks:
        if block:
            values = sorted(value for _, value in block)
            one = sum(values) / len(values) if reduce == "mean" else values[int(0.99 * (len(values) - 1))]
            found.append((sum(tick for tick, _ in block) / len(block), one))
    return found


def slope(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Slope for an hour of ticks by least squares, and the half width of its 95 % interval; NaN for too few points."""
    n = len(points)
    if n - 2 not in STUDENT_95:
        return math.nan, math.nan
    mean_x, mean_y = (sum(column) / n for column in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    steep = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rest = sum((y - mean_y - steep * (x - mean_x)) ** 2 for x, y in points)
    half = STUDENT_95[n - 2] * math.sqrt(rest / (n - 2) / spread)
    return HOUR_TICKS * steep, HOUR_TICKS * half


def main() -> int:
    """Prints; exit status 0: what grows is for people to judge."""
    from live import flown  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="quick", help="a shipped scenario or a file")
    parser.add_argument("--spacecraft", type=int, default=100)
    parser.add_argument("--ticks", type=int, default=HOUR_TICKS)
    parser.add_argument("--pace", default="realtime", help="realtime, or a factor such as x10")
    parser.add_argument("--per-process", type=int, default=0, help="as `skyrack run` by default")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    run = flown(options.scenario, options.spacecraft, options.ticks, options.per_process, options.pace)
    rows, roles = run.watch.rows, run.watch.roles
    series = {
        f"{role}_mib_per_hour": parts([(row[1], sizes[role]) for row, sizes in zip(rows, roles, strict=True)])
        for role in ("bus", "ground", "spacecraft")
    }
    series["descriptors_per_hour"] = parts([(row[1], float(row[3])) for row in rows])
    latency = parts([(tick, 1e3 * s) for id in run.nodes for tick, s in run.answers.get(id, [])], "p99")
    series["answer_p99_ms_per_hour"] = latency
    slopes = {name: slope(points) for name, points in series.items()}
    grows = [name for name, (steep, half) in slopes.items() if steep - half > 0]
    ends = {"answer_p99_ms_first": latency[0][1], "answer_p99_ms_last": latency[-1][1]}
    others = {"looks": float(len(rows)), **ends, "busy_cores": run.busy_cores}
    if options.json:
        told = {name: [round(steep, 4), round(half, 4)] for name, (steep, half) in slopes.items()}
        rest = {name: round(value, 4) for name, value in others.items()}
        print(json.dumps({"spacecraft": options.spacecraft, "ticks": options.ticks, **told, **rest, "grows": grows}))
        return 0
    print(f"{options.spacecraft} spacecraft live, {options.ticks} ticks at {options.pace}")
    for name, (steep, half) in slopes.items():
        print(f"  {steep:10.3f} +- {half:8.3f} {name}" + ("   GROWS" if name in grows else ""))
    for name, value in others.items():
        print(f"  {value:10.3f}             {name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
