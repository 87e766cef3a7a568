"""Makes node/plant/compute/wait_table.py: how long a request waits for one of c servers, by discrete events.

    python tests/oracles/queues/build_wait_table.py

Poisson arrivals, first come first served, lognormal service of mean 1 (a spread of 0: constant). Each point is a run of
1e7 to 1e8 requests; mean waits stand as a multiple of those of M/M/c, latencies as multiples of the mean service. Where
hardly anybody waits the mean comes from light traffic: the least of c residual service times (Burman and Smith 1983).
Takes half an hour.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

SPREADS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
SERVERS = (1, 2, 4, 8, 16, 32, 64, 128)
LOADS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
LEVELS = (0.5, 0.1, 0.01, 0.001)
BINS, LOWEST, WIDTH = 11_000, math.log(1e-4), 0.002
TABLE = Path(__file__).parents[3] / "node" / "plant" / "compute" / "wait_table.py"


# ruff: noqa: PLR0917 - compiled
@njit
def run(seed: int, servers: int, load: float, spread: float, count: int, bins: Any) -> tuple[float, int]:
    """Sum of all waits and how many waited; latencies are counted into bins of their logarithm."""
    np.random.seed(seed)
    free = np.zeros(servers)  # a heap: when each server is free
    now = 0.0
    waits = 0.0
    waited = 0
    gap = 1.0 / (load * servers)
    warm = count // 20
    for k in range(count + warm):
        now -= gap * math.log(1.0 - np.random.random())
        service = 1.0
        if spread > 0.0:
            service = math.exp(spread * np.random.standard_normal() - 0.5 * spread * spread)
        wait = max(0.0, free[0] - now)
        done = now + wait + service
        i = 0
        while True:
            child = 2 * i + 1
            if child >= servers:
                break
            if child + 1 < servers and free[child + 1] < free[child]:
                child += 1
            if free[child] >= done:
                break
            free[i] = free[child]
            i = child
        free[i] = done
        if k >= warm:
            waits += wait
            waited += wait > 0.0
            place = (math.log(wait + service) - LOWEST) / WIDTH
            bins[min(BINS - 1, max(0, int(place)))] += 1
    return waits, waited


def erlang_c(servers: int, load: float) -> float:
    """Share of requests that wait in M/M/c."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * servers * blocked / (k + load * servers * blocked)
    return blocked / (1.0 - load * (1.0 - blocked))


def light(servers: int, spread: float) -> float:
    """Mean wait over that of M/M/c where hardly anybody waits: c times the mean least of c residual services."""
    times = np.exp(np.linspace(math.log(1e-6), math.log(1e5), 40_001))
    if spread == 0.0:
        rest = np.maximum(0.0, 1.0 - times)
    else:
        z = (np.log(times) + 0.5 * spread * spread) / spread
        erfc = np.array([math.erfc(x / math.sqrt(2.0)) for x in np.concatenate((z, z - spread))]) * 0.5
        rest = erfc[len(times) :] - times * erfc[: len(times)]  # integral of the service's tail from t
    least = np.maximum(rest, 0.0) ** servers
    return float(servers * (times[0] + np.sum(0.5 * (least[1:] + least[:-1]) * np.diff(times))))


def point(servers: int, load: float, spread: float) -> list[float]:
    """ln of the mean wait's ratio, and ln of the latencies at the levels."""
    square = math.exp(spread * spread) - 1.0
    count = int(min(1e8, max(1e7, 3e4 * (1.0 + square) / (1.0 - load) ** 2)))
    bins = np.zeros(BINS, np.int64)
    seed = 1000 * SERVERS.index(servers) + 100 * LOADS.index(load) + SPREADS.index(spread)
    waits, waited = run(seed, servers, load, spread, count, bins)
    ratio = waits / count / (erlang_c(servers, load) / (servers * (1.0 - load)))
    if servers == 1:
        ratio = 0.5 * (1.0 + square)  # Pollaczek and Khinchine
    elif waited < 3e4:
        ratio = math.nan
    share = np.concatenate(([0.0], np.cumsum(bins) / count))
    at = [LOWEST + WIDTH * float(np.interp(1.0 - level, share, np.arange(BINS + 1))) for level in LEVELS]
    if spread == 0.0:
        at = [max(0.0, x) if x > 2 * WIDTH else 0.0 for x in at]
    return [math.log(ratio), *at]


def filled(row: list[list[float]], servers: int, spread: float) -> list[list[float]]:
    """The mean waits that too few requests told: on a line from the limit of light traffic to the first one known."""
    first = next(k for k, values in enumerate(row) if not math.isnan(values[0]))
    start = math.log(light(servers, spread))
    for values, load in zip(row[:first], LOADS, strict=False):
        values[0] = start + (row[first][0] - start) * load / LOADS[first]
    return row


def main() -> None:
    """Every point, then the file."""
    rows = []
    for spread in SPREADS:
        for servers in SERVERS:
            row = filled([point(servers, load, spread) for load in LOADS], servers, spread)
            values = [round(1e4 * x) for point in row for x in point]
            rows.append(values)
    write(rows)


def write(rows: list[list[int]]) -> None:
    """The table as Python, so that a change of it is a change of the plant's sources."""
    third = -(-len(rows[0]) // 3)
    lines = [
        '"""What discrete events say of waiting in M/G/c, lognormal service; a script of the tests\' oracles made it.',
        "",
        "A row per spread and number of servers; in it per load: ln of the mean wait over that of M/M/c, then ln of",
        "the latency, in mean services, that 50, 10, 1 and 0.1 % of the requests exceed. In units of 1e-4.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "import numpy as np",
        "",
        f"SPREADS = np.array({SPREADS})",
        f"SERVERS = np.array({SERVERS})",
        f"LOADS = np.array({LOADS})",
        "# fmt: off",
        "WAITS = 1e-4 * np.array((",
    ]
    for row in rows:
        lines += ["    " + ", ".join(map(str, row[k : k + third])) + "," for k in range(0, len(row), third)]
    lines += [
        f"), dtype=np.float64).reshape({len(SPREADS)}, {len(SERVERS)}, {len(LOADS)}, {1 + len(LEVELS)})",
        "# fmt: on",
        "",
    ]
    TABLE.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
