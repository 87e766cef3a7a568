"""Waiting of inference requests against closed forms (Erlang, Pollaczek, Khinchine, Crommelin) and discrete events."""

# ruff: noqa: PLR0917  (kernels take records by position)

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numba import njit

from bus.scenario.workload import Job, ServiceLaw
from node.plant.compute.jobs import step_jobs
from node.plant.compute.waiting import steady, steady_exponential, waiting_share
from node.plant.kernel.draws import exponential, normal, prefix, unit
from tests.plant.test_jobs import CHECKS, Sensors

LOADS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)


@njit
def discrete_events(servers: int, load: float, spread: float, latencies: Any) -> float:
    """Mean wait of a queue of single requests, mean service 1 (`spread` below 0: exponential); their latencies."""
    head = prefix(17, 0xDE, servers)
    free = np.zeros(servers)
    now = 0.0
    waits = 0.0
    count = latencies.shape[0]
    warm = count // 10
    for k in range(count + warm):
        now += exponential(unit(head, k, 0)) / (load * servers)
        if spread < 0.0:
            service = exponential(unit(head, k, 1))
        else:
            service = math.exp(spread * normal(unit(head, k, 1), unit(head, k, 2)) - 0.5 * spread * spread)
        first = np.argmin(free)
        wait = max(0.0, free[first] - now)
        free[first] = now + wait + service
        if k >= warm:
            waits += wait
            latencies[k - warm] = wait + service
    return waits / count


@njit
def fly(s: Any, p: Any, f: Any, u: Any, w: Any, first: int, ticks: int, tick_s: float) -> None:
    for tick in range(first, first + ticks):
        step_jobs(s[0], p[0], f[0], u[0], w[0], tick, tick_s)


def service(
    load: float,
    chips: int = 8,
    service_s: float = 0.5,
    spread: float = 0.5,
    objective_s: float = 0.0,
    law: ServiceLaw = "lognormal",
) -> Sensors:
    bench = Sensors(
        Job(id="chat", kind="inference", chips={"tpu_1": chips}, start_s=0.0, checks=CHECKS, service_s=service_s,
            arrival_rate_hz=load * chips / service_s, service_law=law, service_spread=spread,
            objective_p99_s=objective_s)
    )  # fmt: skip
    return bench


@pytest.mark.parametrize("load", LOADS)
def test_one_server_waits_as_pollaczek_and_khinchine_say(load: float) -> None:
    for spread in (0.01, 0.3, 0.5, 0.8326, 1.2, 1.5, 2.0):
        expected = load * math.exp(spread * spread) / (2.0 * (1.0 - load))
        assert steady(1, load, spread)[0] == pytest.approx(expected, rel=0.05), spread


def erlang(servers: int, load: float) -> float:
    """Share of requests that wait in M/M/c, by the sum as Erlang wrote it."""
    terms = [(load * servers) ** k / math.factorial(k) for k in range(servers)]
    last = (load * servers) ** servers / math.factorial(servers) / (1.0 - load)
    return last / (sum(terms) + last)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("servers", [1, 2, 3, 4, 6, 8, 12, 16])
def test_an_exponential_service_waits_as_erlang_says(servers: int, load: float) -> None:
    share = erlang(servers, load)
    assert waiting_share(servers, load) == pytest.approx(share, rel=1e-12)
    assert steady_exponential(servers, load)[0] == pytest.approx(share / (servers * (1.0 - load)), rel=1e-12)


@pytest.mark.parametrize("load", LOADS)
def test_one_exponential_server_has_exponential_latencies(load: float) -> None:
    """M/M/1: a latency is exponential with the mean 1 / (1 - load)."""
    _, *levels = steady_exponential(1, load)
    for value, level in zip(levels, (0.5, 0.1, 0.01, 0.001), strict=True):
        assert value == pytest.approx(-math.log(level) / (1.0 - load), rel=1e-6)


@pytest.mark.parametrize(
    ("servers", "load"), [(1, 0.8), (2, 0.5), (3, 0.7), (4, 0.75), (8, 0.95), (16, 0.9), (16, 0.3)]
)
def test_an_exponential_service_is_that_of_discrete_events(servers: int, load: float) -> None:
    latencies = np.empty(4_000_000)
    wait = discrete_events(servers, load, -1.0, latencies)
    ours, half, tenth, hundredth, _ = steady_exponential(servers, load)
    assert ours == pytest.approx(wait, rel=0.05, abs=0.002)
    for value, level in ((half, 0.5), (tenth, 0.9), (hundredth, 0.99)):
        assert value == pytest.approx(float(np.quantile(latencies, level)), rel=0.05)


def test_a_lognormal_service_of_unit_variance_waits_less_than_an_exponential_one() -> None:
    """Two moments in common are not enough with several servers: 6 % at half load on four, and discrete events say so
    too (below). On one server only two moments count."""
    spread = math.sqrt(math.log(2.0))
    assert steady(4, 0.5, spread)[0] / steady_exponential(4, 0.5)[0] == pytest.approx(0.94, abs=0.01)
    assert steady(1, 0.5, spread)[0] == pytest.approx(steady_exponential(1, 0.5)[0], rel=0.005)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("servers", [1, 2, 4, 8, 16])
def test_a_constant_service_waits_as_crommelin_says(servers: int, load: float) -> None:
    """M/D/c: W = sum over n of P(Poisson(n c a) > n c) spread over the servers (Crommelin 1932)."""
    wait = 0.0
    for n in range(1, 4000):
        mean = n * servers * load
        # E[(X - n c)+] / (n c a) for X Poisson of mean n c a, by its two tails
        j = n * servers
        term = math.exp(-mean + j * math.log(mean) - math.lgamma(j + 1.0))
        tail, above, k = 0.0, term, j
        while above > 1e-18 and k < j + 4000:
            k += 1
            above *= mean / k
            tail += (k - j) * above
        wait += tail / (n * servers * load)
        if tail < 1e-12:
            break
    ours = steady(servers, load, 0.0)[0]
    assert abs(ours - wait) < max(0.05 * wait, 1e-4)


@pytest.mark.parametrize(
    ("servers", "load", "spread"),
    [(1, 0.5, 0.5), (1, 0.8, 0.5), (1, 0.9, 0.25), (3, 0.7, 1.0), (5, 0.85, 0.6), (8, 0.3, 1.5), (12, 0.95, 0.4),
     (3, 0.6, 1.1), (6, 0.92, 0.35), (4, 0.5, 0.8326), (8, 0.8, 0.8326),
     (16, 0.9, 1.0), (2, 0.6, 1.5), (16, 0.5, 0.5)],
)  # fmt: skip
def test_waits_and_percentiles_are_those_of_discrete_events(servers: int, load: float, spread: float) -> None:
    latencies = np.empty(4_000_000)
    wait = discrete_events(servers, load, spread, latencies)
    ours, half, tenth, hundredth, _ = steady(servers, load, spread)
    assert ours == pytest.approx(wait, rel=0.05, abs=0.002)
    for value, level in ((half, 0.5), (tenth, 0.9), (hundredth, 0.99)):
        assert value == pytest.approx(float(np.quantile(latencies, level)), rel=0.05)


@pytest.mark.parametrize("tick_s", [0.1, 1.0, 10.0])
@pytest.mark.parametrize(("load", "spread"), [(0.5, 0.5), (0.8, 0.5), (0.95, 0.5), (0.6, 1.5)])
def test_a_flown_service_tells_its_waits_at_any_tick(load: float, spread: float, tick_s: float) -> None:
    bench = service(load, chips=1, spread=spread)
    fly(*bench.arrays, 0, round(40_000 / tick_s), tick_s)
    assert bench.s["job_wait_s"][0] == pytest.approx(
        0.5 * load * math.exp(spread * spread) / (2.0 * (1.0 - load)), rel=0.05
    )
    _, half, _, hundredth, _ = steady(1, load, spread)
    assert bench.s["job_p50_s"][0] == pytest.approx(0.5 * half, rel=0.02)
    assert bench.s["job_p99_s"][0] == pytest.approx(0.5 * hundredth, rel=0.02)


@pytest.mark.parametrize("tick_s", [0.1, 1.0, 10.0])
@pytest.mark.parametrize(("servers", "load"), [(1, 0.3), (4, 0.8), (8, 0.95)])
def test_a_flown_exponential_service_is_m_m_c_at_any_tick(servers: int, load: float, tick_s: float) -> None:
    bench = service(load, chips=servers, spread=0.0, law="exponential")
    fly(*bench.arrays, 0, round(40_000 / tick_s), tick_s)
    assert bench.s["job_wait_s"][0] == pytest.approx(0.5 * erlang(servers, load) / (servers * (1.0 - load)), rel=0.01)
    _, half, _, hundredth, _ = steady_exponential(servers, load)
    assert bench.s["job_p50_s"][0] == pytest.approx(0.5 * half, rel=0.01)
    assert bench.s["job_p99_s"][0] == pytest.approx(0.5 * hundredth, rel=0.01)


def test_a_fixed_service_is_m_d_1() -> None:
    bench = service(0.8, chips=1, spread=0.0, law="fixed")
    fly(*bench.arrays, 0, 20_000, 1.0)
    assert bench.s["job_wait_s"][0] == pytest.approx(0.5 * 0.8 / (2.0 * 0.2), rel=0.01)


def test_the_reported_case() -> None:
    """1.6 requests a second of 500 ms, spread 0.5, one server: discrete events gave a 99th percentile of 7.44 s."""
    bench = service(0.8, chips=1)
    fly(*bench.arrays, 0, 20_000, 1.0)
    assert bench.s["job_p99_s"][0] == pytest.approx(7.44, rel=0.05)


@pytest.mark.parametrize("tick_s", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("spread", [0.01, 0.5, 1.5, 3.0])
def test_no_request_is_invented_and_none_is_lost(spread: float, tick_s: float) -> None:
    bench = service(0.5, chips=8, service_s=2.0, spread=spread)
    fly(*bench.arrays, 0, round(20_000 / tick_s), tick_s)
    offered, served = float(bench.s["job_offered"][0]), float(bench.s["job_served"][0])
    assert offered == round(offered)  # whole requests came
    assert offered == pytest.approx(40_000, rel=0.02)
    assert 0.0 <= offered - served < 200.0
    bench.s["accelerator_state"][0] = 0  # no chips: what comes waits
    fly(*bench.arrays, round(20_000 / tick_s), round(100 / tick_s), tick_s)
    assert bench.s["job_served"][0] == served and bench.s["job_offered"][0] > offered + 150


def test_overload_and_recovery_are_a_fluid() -> None:
    bench = service(0.5, chips=8)
    fly(*bench.arrays, 0, 2000, 1.0)
    calm = float(bench.s["job_p99_s"][0])
    bench.s["accelerator_clock_fraction"][0] = 0.25  # half of what is asked for
    fly(*bench.arrays, 2000, 400, 1.0)
    assert bench.s["job_wait_s"][0] == pytest.approx(400.0, rel=0.05)  # 400 s at twice what is done
    bench.s["accelerator_clock_fraction"][0] = 1.0
    fly(*bench.arrays, 2400, 100, 1.0)
    assert bench.s["job_wait_s"][0] == pytest.approx(50.0, rel=0.1)
    fly(*bench.arrays, 2500, 3000, 1.0)
    assert bench.s["job_p99_s"][0] == pytest.approx(calm, rel=0.01)


def test_fewer_chips_are_fewer_servers() -> None:
    bench = service(0.4, chips=8)
    bench.s["accelerator_lost"][0] = 4.0
    fly(*bench.arrays, 0, 4000, 1.0)
    wait, _, _, hundredth, _ = steady(4, 0.8, 0.5)
    assert bench.s["job_wait_s"][0] == pytest.approx(0.5 * wait, rel=0.02)
    assert bench.s["job_p99_s"][0] == pytest.approx(0.5 * hundredth, rel=0.02)


def test_late_answers_are_those_beyond_the_objective() -> None:
    latencies = np.empty(2_000_000)
    discrete_events(8, 0.8, 0.5, latencies)
    bench = service(0.8, chips=8, objective_s=1.0)
    fly(*bench.arrays, 0, 20_000, 1.0)
    assert bench.s["job_late"][0] / bench.s["job_served"][0] == pytest.approx(float(np.mean(latencies > 2.0)), rel=0.1)
