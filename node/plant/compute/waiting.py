# ruff: noqa: PLR0917 - kernels take records by position
"""How long the requests of a service wait: first come, first served by c chips (M/M/c, M/D/c, or lognormal: M/G/c).

Steady waiting is a closed form where the service time is exponential, else a table made by discrete events. What
changes it (a load that comes or goes, chips that slow down) is
a fluid: `job_surge` follows 1 / (1 - load) as the mean wait of a queue does, `job_excess_s` is the work that came
beyond what the chips can do. Both are means, so neither the tick nor the draws of single requests move them.
"""

from __future__ import annotations

import math

from node.plant.compute.wait_table import LOADS, SERVERS, SPREADS, WAITS
from node.plant.kernel.fields import Record
from node.plant.kernel.kernel import kernel

NORMAL_90 = 1.2815515655446004  # quantiles of the normal law at 90, 99, 99.9 %
NORMAL_99 = 2.3263478740408408
NORMAL_999 = 3.090232306167813
FOLLOWS_S = 300.0
"""The rate of a log's requests is a mean over this time: an assumption, long against gaps and short against a pass."""


@kernel
def waiting_share(servers: int, load: float) -> float:
    """Share of requests that wait in M/M/c (Erlang's C formula). `load` below 1, per server."""
    blocked = 1.0
    offered = load * servers
    for k in range(1, servers + 1):
        blocked = offered * blocked / (k + offered * blocked)
    return blocked / (1.0 - load * (1.0 - blocked))


@kernel
def _look(row: int, column: int, cell: int, value: int, by_spread: float, by_servers: float, by_load: float) -> float:
    """The table between its points: linear in the square of the spread, in 1 / servers, and in the load's measure."""
    here = WAITS[row, column, cell, value] * (1.0 - by_load) + WAITS[row, column, cell + 1, value] * by_load
    more = WAITS[row, column + 1, cell, value] * (1.0 - by_load) + WAITS[row, column + 1, cell + 1, value] * by_load
    wide = WAITS[row + 1, column, cell, value] * (1.0 - by_load) + WAITS[row + 1, column, cell + 1, value] * by_load
    both = (
        WAITS[row + 1, column + 1, cell, value] * (1.0 - by_load)
        + WAITS[row + 1, column + 1, cell + 1, value] * by_load
    )
    low = here + (more - here) * by_servers
    high = wide + (both - wide) * by_servers
    return float(low + (high - low) * by_spread)


@kernel
def steady(servers: int, load: float, spread: float) -> tuple[float, float, float, float, float]:
    """In mean services: mean wait, and the latencies that 50, 10, 1 and 0.1 % of the requests exceed. `load` below 1.

    Above a load of 0.95 latencies grow as the mean wait does, as they do in heavy traffic (Kingman 1962).
    """
    servers = min(servers, SERVERS[-1])
    row = 0
    while row < len(SPREADS) - 2 and spread > SPREADS[row + 1]:
        row += 1
    square = SPREADS[row] * SPREADS[row]
    by_spread = (spread * spread - square) / (SPREADS[row + 1] * SPREADS[row + 1] - square)
    column = 0
    while column < len(SERVERS) - 2 and servers > SERVERS[column + 1]:
        column += 1
    by_servers = (servers - SERVERS[column]) * SERVERS[column + 1] / (servers * (SERVERS[column + 1] - SERVERS[column]))
    cell = 0
    while cell < len(LOADS) - 2 and load > LOADS[cell + 1]:
        cell += 1
    inside = min(load, LOADS[-1])
    by_load = (inside - LOADS[cell]) / (LOADS[cell + 1] - LOADS[cell])
    ratio = math.exp(_look(row, column, cell, 0, by_spread, by_servers, max(0.0, by_load)))
    wait = ratio * waiting_share(servers, load) / (servers * (1.0 - load))
    by_load = max(
        0.0, math.log((1.0 - LOADS[cell]) / (1.0 - inside)) / math.log((1.0 - LOADS[cell]) / (1.0 - LOADS[cell + 1]))
    )
    half = math.exp(_look(row, column, cell, 1, by_spread, by_servers, by_load))
    tenth = math.exp(_look(row, column, cell, 2, by_spread, by_servers, by_load))
    hundredth = math.exp(_look(row, column, cell, 3, by_spread, by_servers, by_load))
    thousandth = math.exp(_look(row, column, cell, 4, by_spread, by_servers, by_load))
    if load > LOADS[-1]:
        edge = ratio * waiting_share(servers, LOADS[-1]) / (servers * (1.0 - LOADS[-1]))
        more = wait - edge
        # a nearly exponential wait: what its mean grows by, its quantiles grow by ln(1 / level) times
        half += 0.6931471805599453 * more
        tenth += 2.302585092994046 * more
        hundredth += 4.605170185988091 * more
        thousandth += 6.907755278982137 * more
    return wait, half, tenth, hundredth, thousandth


@kernel
def _exceeds(time: float, waits: float, drains: float) -> tuple[float, float]:
    """Share of requests of M/M/c that take longer than `time` (in services), and how fast it falls there.

    A share `waits` waits for an exponential time of rate `drains` before it is served.
    """
    served = math.exp(-time)
    apart = drains - 1.0
    if abs(apart) > 1e-3:
        emptied = math.exp(-drains * time)
        later = (drains * served - emptied) / apart
        falls = drains * (served - emptied) / apart
    else:  # the limit where both rates are one
        later = served * (1.0 + time * (1.0 - 0.5 * apart * time))
        falls = served * drains * time * (1.0 - 0.5 * apart * time)
    return (1.0 - waits) * served + waits * later, (1.0 - waits) * served + waits * falls


@kernel
def _exponential_latency(level: float, waits: float, drains: float) -> float:
    """The latency that a share `level` of the requests of M/M/c exceeds, by Newton's method on its logarithm."""
    time = -math.log(level)  # service alone takes that long
    longest = math.log(2.0 / level) * (1.0 + 1.0 / drains)  # both parts beyond half the level
    for _ in range(30):
        share, falls = _exceeds(time, waits, drains)
        change = math.log(share / level) * share / falls
        time = min(longest, max(0.0, time + change))
        if abs(change) < 1e-9 * time:
            break
    return time


@kernel
def steady_exponential(servers: int, load: float) -> tuple[float, float, float, float, float]:
    """As `steady`, for an exponential service: M/M/c (Erlang 1917). `load` below 1."""
    waits = waiting_share(servers, load)
    drains = servers * (1.0 - load)
    return (
        waits / drains,
        _exponential_latency(0.5, waits, drains),
        _exponential_latency(0.1, waits, drains),
        _exponential_latency(0.01, waits, drains),
        _exponential_latency(0.001, waits, drains),
    )


@kernel
def follow_rate(s: Record, p: Record, u: Record, j: int, work_s: float, dt_s: float) -> float:
    """Chip-seconds that come in a second, in the mean: known for a law, followed for a log."""
    if u.job_trace[j] != 1:
        return float(p.job_arrivals_s[j] * p.job_request_s[j])
    s.job_inflow[j] += (work_s / dt_s - s.job_inflow[j]) * (1.0 - math.exp(-dt_s / FOLLOWS_S))
    return float(s.job_inflow[j])


@kernel
def wait_law(s: Record, p: Record, j: int, inflow: float, rate: float, servers: float, dt_s: float) -> float:
    """Mean wait, median and 99th percentile of latency at the end of this tick; returns the share of late answers.

    `rate`: chip-seconds of work done in a second by all `servers` together.
    """
    count = max(1, int(servers + 0.5))
    service_s = p.job_request_s[j] * count / rate
    exponential = p.job_request_exponential[j] == 1
    spread = p.job_request_spread[j]
    squares = 2.0 if exponential else math.exp(spread * spread)  # mean square of a service over its squared mean
    load = inflow / rate
    s.job_excess_s[j] = max(0.0, s.job_excess_s[j] + (inflow - rate) * dt_s)
    held = s.job_excess_s[j] / rate
    # d(surge)/dt = (load - 1 + 1 / surge) / K: it comes to rest at 1 / (1 - load), and grows as a fluid does above 1
    step = dt_s * count / (0.5 * squares * service_s)
    steered = max(1.0, s.job_surge[j]) + step * (min(1.0, 1.0 if held > 0.0 else load) - 1.0)
    surge = max(1.0, 0.5 * (steered + math.sqrt(steered * steered + 4.0 * step)))
    s.job_surge[j] = surge
    if exponential:
        wait, half, tenth, hundredth, thousandth = steady_exponential(count, 1.0 - 1.0 / surge)
    else:
        wait, half, tenth, hundredth, thousandth = steady(count, 1.0 - 1.0 / surge, spread)
    s.job_wait_s[j] = math.hypot(held, wait * service_s)
    s.job_p50_s[j] = math.hypot(held, half * service_s)
    s.job_p99_s[j] = math.hypot(held, hundredth * service_s)
    objective_s = p.job_objective_s[j]
    if objective_s <= 0.0:
        return 0.0
    # between the known latencies: straight on paper of the lognormal law
    x0 = math.log(s.job_p50_s[j])
    x1 = math.log(math.hypot(held, tenth * service_s))
    x2 = math.log(s.job_p99_s[j])
    x3 = math.log(math.hypot(held, thousandth * service_s))
    x = math.log(objective_s)
    if x < x1:
        z = NORMAL_90 * (x - x0) / max(1e-6, x1 - x0)
    elif x < x2:
        z = NORMAL_90 + (NORMAL_99 - NORMAL_90) * (x - x1) / max(1e-6, x2 - x1)
    else:
        z = NORMAL_99 + (NORMAL_999 - NORMAL_99) * (x - x2) / max(1e-6, x3 - x2)
    return 0.5 * math.erfc(z / math.sqrt(2.0))
